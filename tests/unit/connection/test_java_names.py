from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer

from kafkactl.connection.java_names import to_librdkafka
from kafkactl.connection.java_settings import HARMLESS, REFUSED, RENAMED, SYNONYMS
from kafkactl.errors import UsageError


@pytest.mark.parametrize(
    ("quoted", "password"),
    [(r"a\tb\n", "a\tb\n"), (r"\\\"\'", "\\\"'"), (r"\101\7\477", "A\a'7"), (r"\x\é", "xé"), ("a//b", "a//b")],
)
def test_a_quoted_value_has_the_escapes_of_java(quoted: str, password: str) -> None:
    """Java reads the value with its StreamTokenizer."""
    jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required username=a password="{quoted}";'
    assert to_librdkafka({"sasl.jaas.config": jaas})["sasl.password"] == password


def test_equal_names_pass() -> None:
    settings = {"security.protocol": "SASL_SSL", "client.id": "me", "sasl.mechanism": "PLAIN"}
    assert to_librdkafka(settings) == settings


def test_plain_and_scram_logins() -> None:
    jaas = 'org.apache.kafka.common.security.scram.ScramLoginModule required\n  username="alice" password="p\\"w; =x";'
    assert to_librdkafka({"sasl.jaas.config": jaas}) == {"sasl.username": "alice", "sasl.password": 'p"w; =x'}


@pytest.mark.parametrize("flag", ["REQUIRED", "Requisite", "sufficient"])
def test_the_flag_of_a_login_is_in_any_case(flag: str) -> None:
    jaas = f"org.apache.kafka.common.security.plain.PlainLoginModule {flag} username=a password=b;"
    assert to_librdkafka({"sasl.jaas.config": jaas}) == {"sasl.username": "a", "sasl.password": "b"}


@pytest.mark.parametrize(
    "options",
    [
        'username="u" password="p" /* password="old" */;',
        "/* c */ username=u // password=old\n password='p' // c\n;",
        'my-username="x" username=u password=p $password=y a.password=z;',
    ],
)
@pytest.mark.parametrize("begin", ["", "/* c */ ", "// c\n"])
def test_comments_and_longer_names_of_a_login_are_read_as_in_java(begin: str, options: str) -> None:
    jaas = f"{begin}org.apache.kafka.common.security.plain.PlainLoginModule {begin}required {options}"
    assert to_librdkafka({"sasl.jaas.config": jaas}) == {"sasl.username": "u", "sasl.password": "p"}


@pytest.mark.parametrize("quoted", ["a /* b */ c", "a // b", "/**/"])
def test_a_quoted_value_has_no_comments(quoted: str) -> None:
    for quote in "\"'":
        jaas = f"a.PlainLoginModule required username=a password={quote}{quoted}{quote};"
        assert to_librdkafka({"sasl.jaas.config": jaas})["sasl.password"] == quoted


def test_oauthbearer_by_client_credentials() -> None:
    jaas = (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
        " clientId='id' clientSecret='secret' scope='a b';"
    )
    assert to_librdkafka({"sasl.jaas.config": jaas}) == {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": "id",
        "sasl.oauthbearer.client.secret": "secret",
        "sasl.oauthbearer.scope": "a b",
    }


def test_a_login_at_a_token_endpoint_has_one_name() -> None:
    """Two names of librdkafka mean one setting, and requests over kafka-python read only the first."""
    java = "sasl.oauthbearer.client.credentials.client."
    settings = {f"{java}id": "a", f"{java}secret": "b", "sasl.oauthbearer.client.secret": "c"}
    assert to_librdkafka(settings) == {"sasl.oauthbearer.client.id": "a", "sasl.oauthbearer.client.secret": "c"}


def test_oauthbearer_unsecured() -> None:
    jaas = (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
        ' unsecuredLoginStringClaim_sub="admin";'
    )
    assert to_librdkafka({"sasl.jaas.config": jaas}) == {
        "enable.sasl.oauthbearer.unsecure.jwt": "true",
        "sasl.oauthbearer.config": "principal=admin",
    }


@pytest.mark.parametrize("jaas", ["nonsense", "com.example.OwnLoginModule required x=y;", ""])
def test_a_login_module_that_is_not_known(jaas: str) -> None:
    with pytest.raises(UsageError, match=r"sasl\.jaas\.config"):
        to_librdkafka({"sasl.jaas.config": jaas})


def test_stores_in_pem() -> None:
    settings = {
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "/ca.pem",
        "ssl.keystore.location": "/me.pem",
        "ssl.keystore.type": "PEM",
        "ssl.key.password": "x",
    }
    assert to_librdkafka(settings) == {
        "ssl.ca.location": "/ca.pem",
        "ssl.certificate.location": "/me.pem",
        "ssl.key.location": "/me.pem",
        "ssl.key.password": "x",
    }


def test_certificates_in_the_file_itself() -> None:
    settings = {
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "CA",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "CHAIN",
        "ssl.keystore.key": "KEY",
    }
    assert to_librdkafka(settings) == {"ssl.ca.pem": "CA", "ssl.certificate.pem": "CHAIN", "ssl.key.pem": "KEY"}


def test_a_pkcs12_key_store() -> None:
    settings = {"ssl.keystore.location": "/me.p12", "ssl.keystore.password": "x"}
    assert to_librdkafka(settings) == settings


@pytest.mark.parametrize("store", ["truststore", "keystore"])
def test_a_jks_store_says_how_to_convert_it(store: str) -> None:
    with pytest.raises(UsageError, match=r"client\.jks") as raised:
        to_librdkafka({f"ssl.{store}.location": "/client.jks"})
    assert "keytool" in (raised.value.hint or "")


def test_values_that_differ() -> None:
    settings = {
        "buffer.memory": "33554432",
        "partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        "ssl.endpoint.identification.algorithm": "",
        "acks": "-1",
        "fetch.max.wait.ms": "100",
    }
    assert to_librdkafka(settings) == {
        "queue.buffering.max.kbytes": "32768",
        "partition.assignment.strategy": "cooperative-sticky",
        "ssl.endpoint.identification.algorithm": "none",
        "acks": "all",
        "fetch.wait.max.ms": "100",
    }


def test_what_does_nothing_here_is_passed_over_in_a_file_and_refused_on_the_command_line() -> None:
    assert to_librdkafka(dict.fromkeys(HARMLESS, "x")) == {}
    for name in HARMLESS:
        with pytest.raises(UsageError, match="has no effect in kafkactl"):
            to_librdkafka({name: "x"}, "-X")


def test_what_cannot_be_kept_is_refused_everywhere() -> None:
    for name, (_, harmless) in REFUSED.items():
        for value in harmless:
            assert to_librdkafka({name: value}) == to_librdkafka({name: value}, "-X") == {}
        for flag in (None, "-X"):
            with pytest.raises(UsageError, match="is not supported"):
                to_librdkafka({name: "something"}, flag)


@pytest.mark.parametrize("value", ["x", "\u00b2", 5000 * "1"], ids=["letter", "superscript", "long"])
def test_numbers_that_are_none(value: str) -> None:
    with pytest.raises(UsageError, match=r"for buffer\.memory: not a whole number"):
        to_librdkafka({"buffer.memory": value})


def test_of_two_names_for_one_setting_one_is_left() -> None:
    for second, first in SYNONYMS.items():
        assert to_librdkafka({second: "1"}) == {first: "1"}
    assert to_librdkafka({"topic.auto.offset.reset": "smallest"}) == {"auto.offset.reset": "earliest"}
    kept = {"topic.metadata.refresh.interval.ms": "5"}
    assert to_librdkafka(kept) == kept


@pytest.mark.parametrize(
    ("value", "known"), [("earliest", "earliest"), ("smallest", "earliest"), ("none", "error"), ("end", "latest")]
)
def test_where_a_partition_begins(value: str, known: str) -> None:
    assert to_librdkafka({"auto.offset.reset": value}) == {"auto.offset.reset": known}


@pytest.mark.parametrize("value", ["by_duration:PT1H", "", "sometimes"])
def test_where_no_partition_can_begin(value: str) -> None:
    with pytest.raises(UsageError, match=r"auto\.offset\.reset"):
        to_librdkafka({"auto.offset.reset": value})


def test_every_renamed_setting_is_one_librdkafka_knows() -> None:
    values = {"ssl.ca.pem": None, "ssl.key.pem": None, "ssl.certificate.pem": None}
    for java_name, name in RENAMED.items():
        if name in values:  # wants a real certificate; that the name is known shows in the tests of secured clusters
            continue
        client = Consumer if java_name.startswith("fetch") else Producer
        client({name: 100_000, "group.id": "x"} if client is Consumer else {name: 100_000})


@pytest.mark.parametrize("name", ["default.topic.config", "logger"])
def test_a_name_of_an_object_in_python_is_refused(name: str) -> None:
    """confluent-kafka calls methods of the value, which a text does not have."""
    for flag in (None, "-X"):
        with pytest.raises(UsageError, match=f"the setting {name}=x is not supported"):
            to_librdkafka({name: "x"}, flag)
