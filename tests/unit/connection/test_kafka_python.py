"""librdkafka's settings for kafka-python."""

from __future__ import annotations

import inspect
import io
import json
import re
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer

from kafkactl.connection import kafka_python
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.diagnosis import _parse_addresses
from kafkactl.connection.kafka_python import translate_settings
from kafkactl.connection.kafka_python_errors import find_first_release
from kafkactl.connection.oauth import get_token
from kafkactl.connection.protocol import ApiKey, ErrorCode
from kafkactl.connection.requests import Requests
from kafkactl.connection.settings import Settings, require_addresses
from kafkactl.connection.tls import make_context, make_trust_context
from kafkactl.errors import OperationError, UnansweredError, UnreachableError, UsageError
from tests.fake_broker import FakeCluster, HttpPeer, TlsIdentity, Topic, dead_address, placed

pytestmark = pytest.mark.slow


_OF_THE_CONTROLLER = (
    "AlterClientQuotas",
    "AlterPartitionReassignments",
    "AlterUserScramCredentials",
    "ListPartitionReassignments",
)


def settings(**properties: str) -> Settings:
    given = {name.replace("_", "."): value for name, value in properties.items()}
    return Settings("a:9092,b:9093", "a test", given, timeout_s=1.5)


def test_addresses_and_times() -> None:
    config = translate_settings(settings())
    assert config["bootstrap_servers"] == ["a:9092", "b:9093"]
    assert (config["request_timeout_ms"], config["client_id"]) == (1500, "kafkactl")


def test_security() -> None:
    config = translate_settings(
        settings(
            security_protocol="sasl_ssl",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="ann",
            sasl_password="s3cret",
            ssl_endpoint_identification_algorithm="none",
            linger_ms="5",
        )
    )
    assert config["security_protocol"] == "SASL_SSL"
    assert config["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (config["sasl_plain_username"], config["sasl_plain_password"]) == ("ann", "s3cret")
    assert not config["ssl_context"].check_hostname
    assert "linger_ms" not in config


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("enable.ssl.certificate.verification", ["false", "False", "FALSE", "f", "F", "0"]),
        ("enable.sasl.oauthbearer.unsecure.jwt", ["true", "True", "TRUE", "t", "T", "1"]),
        ("ssl.endpoint.identification.algorithm", ["https", "HTTPS", " Https"]),
        ("sasl.oauthbearer.method", ["oidc", "OIDC", " Oidc"]),
    ],
)
def test_spellings_that_librdkafka_takes(name: str, spellings: list[str]) -> None:
    for spelling in spellings:
        properties = {name: spelling}
        Consumer({"group.id": "g", **properties}).close()
        if name == "enable.ssl.certificate.verification":
            assert make_trust_context(properties).verify_mode is ssl.CERT_NONE
        elif name == "ssl.endpoint.identification.algorithm":
            assert make_trust_context(properties).check_hostname
        elif name == "sasl.oauthbearer.method":
            with pytest.raises(UsageError, match=r"token.endpoint.url"):
                get_token(properties)
        else:
            assert get_token(properties).endswith(".")


def test_addresses_of_ipv6_are_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(settings: Settings, _: object) -> None:
        asked.append(settings.bootstrap_servers)
        require_addresses(settings.bootstrap_servers)
        raise UsageError("enough")

    monkeypatch.setattr(kafka_python, "Brokers", note)
    cluster = Cluster(settings())
    assert cluster._list_brokers([("::1", 9092), ("127.0.0.1", 9093), ("a", 1)]) == {}
    assert asked == ["[::1]:9092,127.0.0.1:9093,a:1"]
    cluster.close()
    assert _parse_addresses(Settings("[::1]:1,[::1],a,SSL://b:2", "a test", {})) == [
        ("::1", 1), ("::1", 9092), ("a", 9092), ("b", 2),
    ]  # fmt: skip


def test_a_cluster_that_is_not_there() -> None:
    dead = Settings("127.0.0.1:1", "a test", {}, timeout_s=1)
    with pytest.raises(UnreachableError, match=r"cannot reach the cluster at 127\.0\.0\.1:1"):
        Cluster(dead).requests.list_topics()


def test_members_are_where_they_were() -> None:
    """An upgrade of kafka-python that moves a member fails here first, and not on a user's machine."""
    from kafka.net.connection import KafkaConnection
    from kafka.net.manager import KafkaConnectionManager
    from kafka.net.selector import NetworkSelector

    pairs: list[tuple[type, type]] = [
        (kafka_python.Connection, KafkaConnection),
        (kafka_python.Manager, KafkaConnectionManager),
        (kafka_python.Network, NetworkSelector),
    ]
    for ours, theirs in pairs:
        for name, method in inspect.getmembers(ours, inspect.isfunction):
            if not name.startswith("_"):
                known = inspect.signature(getattr(theirs, name)).parameters
                assert set(inspect.signature(method).parameters) <= set(known), f"{theirs.__name__}.{name}"
    for name in kafka_python.Connection.__annotations__:
        assert name in inspect.getsource(KafkaConnection)
    manager = KafkaConnectionManager(NetworkSelector(), bootstrap_servers=["127.0.0.1:1"])
    for name in kafka_python.Manager.__annotations__:
        assert hasattr(manager, name)
    assert [node.port for node in manager.cluster.bootstrap_brokers()] == [1]
    assert callable(manager.cluster.update_metadata)


def test_one_room_imports_the_library() -> None:
    room = Path(kafka_python.__file__).parent
    importers = {
        path.parent if path.parent != room else path
        for path in room.parent.rglob("*.py")
        if re.search(r"^\s*(from|import) kafka\b", path.read_text(), re.M)
    }
    modules = {
        room / name for name in ("kafka_python_errors.py", "requests.py", "oauth.py", "api_versions.py", "messages")
    }
    assert importers == {Path(kafka_python.__file__), *modules}


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_a_question_finds_a_broker_that_answers(silent: int) -> None:
    with FakeCluster(brokers=3, topics={"orders": 3}, frozen=[silent]) as brokers:
        requests = Cluster(Settings(brokers.address, "a test", {}, timeout_s=4)).requests
        assert requests.list_topics() == ["orders"]
        assert requests.list_brokers() == [1, 2, 3]
        found, errors = requests.ask_brokers("ListGroups")
        assert sorted(found) == [number for number in (1, 2, 3) if number != silent]
        assert [f"from broker {silent} at" in str(error) for error in errors] == [True]
        requests.close()


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        (2, "a\udc80", "a text is not Unicode: it has a lone surrogate at position 1"),
        (2**40, "a", "a number does not fit its field: "),
    ],
)
def test_a_request_that_cannot_be_written_is_refused_at_once(kind: int, name: str, reason: str) -> None:
    with FakeCluster(brokers=1) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=60))
        question: dict[str, Any] = {"resources": [(kind, name, None)], "min_version": 1}
        change = {"resources": [(kind, name, [("retention.ms", 0, "1")])], "validate_only": False}
        for send in (
            lambda: cluster.requests.send("DescribeConfigs", **question),
            lambda: cluster.requests.send("DescribeConfigs", broker=1, **question),
            lambda: cluster.requests.ask_each("DescribeConfigs", {1: question}),
            lambda: cluster.requests.send("IncrementalAlterConfigs", to_controller=True, **change),
        ):
            with pytest.raises(UsageError, match=f"cannot send (DescribeConfigs|IncrementalAlterConfigs): {reason}"):
                send()
        assert cluster.requests.list_brokers() == [1]
        cluster.close()


def test_a_field_that_a_request_does_not_have() -> None:
    with FakeCluster(brokers=1) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=60))
        for api in ("DescribeConfigs", "CreatePartitions"):
            with pytest.raises(ValueError, match="nonsense"):
                cluster.requests.send(api, nonsense=1)
        cluster.close()


def test_a_request_that_does_not_exist() -> None:
    with FakeCluster(brokers=1) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        for send in (
            lambda: cluster.requests.send("Nonsense"),
            lambda: cluster.requests.send("DescribeNonsense"),
            lambda: cluster.requests.send("ListNonsense", broker=1),
            lambda: cluster.requests.ask_brokers("DescribeNonsense"),
        ):
            with pytest.raises(LookupError, match=r"unknown request .*Nonsense"):
                send()
        cluster.close()


def test_a_question_is_asked_again_elsewhere_and_a_change_is_not() -> None:
    with FakeCluster(brokers=2, topics={"orders": 3}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=3))
        lost = brokers.on("Metadata", freeze=True, times=1, when=lambda request: request.version > 0)
        assert cluster.requests.list_topics() == ["orders"]
        assert lost.hits == 1
        brokers.on("AlterClientQuotas", freeze=True)
        with pytest.raises(UnansweredError, match="no answer within 3 s"):
            cluster.requests.send("AlterClientQuotas", entries=[], validate_only=False)
        assert len(brokers.requests_of("AlterClientQuotas")) == 1
        cluster.close()


def test_a_broker_that_has_just_started_knows_no_brokers_and_topics() -> None:
    with FakeCluster(brokers=1, topics={"orders": 3}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=1))
        for ask, expected in (
            (cluster.requests.list_brokers, [1]),
            (cluster.requests.list_topics, ["orders"]),
            (lambda: cluster.requests.find_leaders([("orders", 0)]), {("orders", 0): 1}),
        ):
            started = brokers.on("Metadata", answer=lambda _, answer: {**answer, "brokers": [], "topics": []}, times=2)
            assert ask() == expected
            assert started.hits == 2
        brokers.on("Metadata", answer=lambda _, answer: {**answer, "brokers": [], "topics": []})
        for fail in (cluster.requests.list_brokers, cluster.requests.list_topics, cluster.requests.list_groups):
            with pytest.raises(UnreachableError, match="no broker is alive: the one that answers lists none"):
                fail()
        cluster.close()


def test_librdkafka_also_waits_for_a_broker_that_has_just_started() -> None:
    with FakeCluster(brokers=1, topics={"orders": 3}) as brokers:
        started = time.monotonic()
        brokers.on(
            "Metadata",
            answer=lambda _, answer: {**answer, "brokers": [], "topics": []},
            when=lambda _: time.monotonic() < started + 2.5,
        )
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        assert list(cluster.read_metadata().topics) == ["orders"]


def test_reads_share_a_time_out_and_a_change_has_its_own() -> None:
    with FakeCluster(brokers=1, topics={"orders": 3}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2), shares_timeout=True)
        brokers.on("Metadata", delay_s=0.9)  # nearly half of the time-out, and more in the second round
        cluster.requests.list_topics()
        assert cluster.timeout_s < 1.2
        with cluster.renew_timeout_for_change():
            assert cluster.timeout_s > 1.9
        brokers.on("Metadata", delay_s=1)
        with pytest.raises(UnreachableError):
            cluster.requests.list_topics()
        cluster.renew_timeout()
        assert cluster.timeout_s == 2
        cluster.close()


@pytest.mark.parametrize("brokers", [1, 3])
def test_slow_brokers_have_the_whole_time_out(brokers: int) -> None:
    with FakeCluster(brokers=brokers, topics={"orders": 3}) as cluster:
        cluster.on("Metadata", delay_s=2.2, when=lambda request: request.version > 0)
        requests = Cluster(Settings(cluster.address, "a test", {}, timeout_s=4)).requests
        assert requests.list_topics() == ["orders"]
        assert len(cluster.requests_of("Metadata")) <= 2
        requests.close()


@pytest.mark.parametrize(
    ("host", "reason"), [("127.0.0.1", "Connection refused"), ("a" * 64, "the name cannot be looked up")]
)
def test_the_error_of_a_broker_says_why_it_cannot_be_reached(host: str, reason: str) -> None:
    """The pause that kafka-python makes after a failure is no reason."""
    with FakeCluster(brokers=1) as cluster:
        cluster.on(
            "Metadata",
            answer=lambda _, answer: {
                **answer,
                "brokers": [*answer["brokers"], {**answer["brokers"][0], "node_id": 2, "host": host, "port": 1}],
            },
        )
        requests = Cluster(Settings(cluster.address, "a test", {}, timeout_s=1)).requests
        for ask in (
            lambda: requests.send("DescribeLogDirs", broker=2, topics=None),
            lambda: requests.ask_brokers("DescribeLogDirs", [2], topics=None),
            lambda: requests.send("AlterReplicaLogDirs", broker=2, dirs=[]),
        ):
            with pytest.raises(UnreachableError, match=f"cannot reach broker 2 at {host}:1: {reason}"):
                ask()
        requests.close()


def test_a_broker_that_was_away_for_long_is_asked_again_at_once() -> None:
    with FakeCluster(brokers=2) as cluster, dead_address() as nobody:
        requests = Cluster(Settings(cluster.address_of(1), "a test", {}, timeout_s=1)).requests
        address = cluster.address_of(2)
        cluster.redirect(2, nobody)
        for _ in range(5):
            _, (error,) = requests.ask_brokers("DescribeLogDirs", [1, 2], topics=None)
            assert "Connection refused" in str(error)
        cluster.redirect(2, address)
        requests.list_brokers()
        answers, errors = requests.ask_brokers("DescribeLogDirs", [1, 2], topics=None)
        assert (list(answers), errors) == ([1, 2], [])
        requests.close()


def test_a_frozen_leader_costs_the_others_nothing() -> None:
    partitions = [placed([number]) for number in (1, 2, 3)]
    with FakeCluster(brokers=3, topics=[Topic("orders", partitions)]) as cluster:
        cluster.on("ListOffsets", freeze=True, broker=1)
        cluster.on("ListOffsets", delay_s=0.3)
        found = Cluster(Settings(cluster.address, "a test", {}, timeout_s=2)).requests.list_offsets(
            [("orders", 0), ("orders", 1), ("orders", 2)], -4
        )
        assert isinstance(found["orders", 0], UnreachableError)
        assert [found["orders", 1], found["orders", 2]] == [(0, -1), (0, -1)]


def test_a_partition_that_its_leader_leaves_out() -> None:
    with FakeCluster(brokers=1, topics={"orders": 2}) as cluster:
        cluster.on("ListOffsets", answer=lambda _, answer: {**answer, "topics": []})
        requests = Cluster(Settings(cluster.address, "a test", {}, timeout_s=2)).requests
        error = requests.list_offsets([("orders", 0)], -4)["orders", 0]
        requests.close()
        assert isinstance(error, OperationError)
        assert error.code == ErrorCode.REQUEST_TIMED_OUT


@pytest.mark.parametrize("controller", [1, 2, 3])
def test_only_the_controller_of_a_zookeeper_cluster_takes_its_requests(controller: int) -> None:
    with FakeCluster(brokers=3, topics={"orders": 3}, controller_id=controller, api_versions="3.6") as brokers:
        for other in {1, 2, 3} - {controller}:
            brokers.on(_OF_THE_CONTROLLER, broker=other, error=ErrorCode.NOT_CONTROLLER)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=3))
        assert cluster.requests.list_reassignments() == {}
        changes = {
            "AlterPartitionReassignments": {"topics": [], "timeout_ms": 1000},
            "AlterClientQuotas": {"entries": [], "validate_only": False},
            "AlterUserScramCredentials": {"deletions": [], "upsertions": []},
        }
        for api, fields in changes.items():
            assert not getattr(cluster.requests.send(api, to_controller=True, **fields), "error_code", 0)
            assert [request.broker_id for request in brokers.requests_of(api)] == [controller]
        cluster.close()


def test_a_question_follows_a_controller_that_moves() -> None:
    with FakeCluster(brokers=2, topics={"orders": 3}, controller_id=1, api_versions="3.6") as brokers:
        moving = brokers.on("ListPartitionReassignments", error=ErrorCode.NOT_CONTROLLER, times=3)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=5))
        assert cluster.requests.list_reassignments() == {}
        assert moving.hits == 3
        cluster.close()


def test_a_question_without_time_left_names_the_silent_broker() -> None:
    with FakeCluster(brokers=3, topics={"orders": 3}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
        with cluster.share_timeout() as deadline:
            assert cluster.requests.list_topics() == ["orders"]
            assert cluster.requests.list_brokers() == [1, 2, 3]
            brokers.freeze(2)
            time.sleep(deadline - time.monotonic())
            with pytest.raises(UnreachableError, match="from broker 2 at"):
                cluster.requests.list_reassignments()
        cluster.close()


def test_a_client_without_time_for_its_first_connection_names_the_silent_broker() -> None:
    """The other client took the time: a frozen broker is the cause, although this client never had an answer."""
    with FakeCluster(brokers=3, topics={"orders": 3}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=1))
        with cluster.share_timeout() as deadline:
            cluster.read_metadata()
            brokers.freeze(2)
            time.sleep(max(0.0, deadline - time.monotonic()))
            with pytest.raises(UnreachableError, match="from broker 2 at"):
                cluster.requests.list_reassignments()
        cluster.close()


def test_a_broker_that_has_left_the_metadata_is_named_by_its_address() -> None:
    """The controller takes a broker that is frozen for long for dead, and its clients still have the address."""
    with FakeCluster(brokers=3, topics={"orders": 3}) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
        brokers.freeze(2)
        gone = brokers.address_of(2)
        brokers.on(
            "Metadata",
            answer=lambda request, answer: {
                **answer, "brokers": [broker for broker in answer["brokers"] if broker["node_id"] != 2]
            },
        )  # fmt: skip
        assert cluster.requests.list_brokers() == [1, 3]
        assert cluster.find_silent_brokers() == ([gone], 3)
        cluster.close()


CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUC7sImepbogY668d8/iIFpLuf6W8wCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI2MjAyNTUzWhgPMjEyNjExMDIyMDI1NTNa
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbl8k+v1/
U5v7Bdl24cxXmsnucHMbRwwlvSJ9lxdBGtGbGIkU5EadnJuJHWXyVSKRAsXOrW7g
NrZTpIDGfmzlk6NTMFEwHQYDVR0OBBYEFNWYLWJH//Y/IRY+UEm2SWGrR/BqMB8G
A1UdIwQYMBaAFNWYLWJH//Y/IRY+UEm2SWGrR/BqMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIhANQdr5S+Ho8qcJmZs2SIGonBqZwYAstLRvKbA1IQ
jOSoAiAYdC/Tzl0k7IbbWzyIfCVQsjLTOouDAx+zuKLHO4vq2g==
-----END CERTIFICATE-----
"""
"""A certificate of nobody, valid for 100 years."""


def test_certificates_with_comments_in_any_script() -> None:
    """librdkafka takes them; Python's module ssl takes only ASCII."""
    context = make_trust_context({"ssl.ca.pem": "# Autorit\u00e9\n" + CERTIFICATE})
    assert context.cert_store_stats()["x509"] == 1


def test_certificates_are_checked_as_librdkafka_checks_them() -> None:
    """Python 3.13 is stricter by default."""
    assert not make_trust_context({}).verify_flags & ssl.VERIFY_X509_STRICT


def test_a_location_of_authorities_is_a_file_a_folder_or_the_systems(tmp_path: Path) -> None:
    """librdkafka takes all three, so requests over kafka-python must not refuse them."""
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    for location in (tmp_path / "ca.pem", tmp_path, "probe"):
        Consumer({"group.id": "g", "security.protocol": "ssl", "ssl.ca.location": str(location)}).close()
        context = make_trust_context({"ssl.ca.location": str(location)})
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert (context.cert_store_stats()["x509"] == 1) == (location == tmp_path / "ca.pem")
    with pytest.raises(OSError, match="No such file"):
        make_trust_context({"ssl.ca.location": str(tmp_path / "no.pem")})


@pytest.mark.parametrize("name", ["ssl.ca.location", "ssl.keystore.location", "ssl.key.location"])
def test_an_empty_location_counts_as_none(tmp_path: Path, name: str) -> None:
    """librdkafka takes it, and an empty variable gives one."""
    identity = TlsIdentity.create(tmp_path)
    pem = identity.certificate.read_text() + identity.key.read_text()
    (tmp_path / "client.pem").write_text(pem)
    properties = {"ssl.certificate.location": str(tmp_path / "client.pem"), "ssl.ca.pem": CERTIFICATE, name: ""}
    Consumer({"group.id": "g", "security.protocol": "ssl", **properties}).close()
    assert make_context(properties).cert_store_stats()["x509"] == 1


def test_a_refused_login_at_a_broker_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers lock a user after several failed logins."""
    attempts: list[int] = []

    def refuse_login(node: int, *_: object) -> None:
        attempts.append(node)
        raise UnreachableError("cannot reach broker 7: SASL authentication error")

    requests = Requests(Cluster(Settings("127.0.0.1:1", "test", timeout_s=1)))
    brokers = SimpleNamespace(places={7: ("b", 1)}, send=refuse_login, login_failure="SASL authentication error")
    monkeypatch.setattr(requests, "_brokers", brokers)
    with pytest.raises(UnreachableError, match="SASL"):
        requests.send("DescribeGroups", broker=7, groups=[])
    assert attempts == [7]


def test_a_token_address_that_is_no_url() -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        get_token({"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": "http://[/x"})


@pytest.mark.parametrize("place", ["me:s3cret@host/token", "me:s3cret@host:80/token", "s3cret@[::1/token"])
def test_a_token_address_with_a_login(place: str) -> None:
    """As a part of the port the password stood in the error."""
    with pytest.raises(UsageError, match="has a login") as raised:
        get_token({"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": f"https://{place}"})
    assert "s3cret" not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize(
    ("authorities", "error"),
    [("location", None), ("pem", None), ("none", UnreachableError), ("missing", UsageError), ("ssl", UnreachableError)],
)
def test_authorities_of_a_token_endpoint(authorities: str, error: type[Exception] | None, tmp_path: Path) -> None:
    """The client library's own connections take them from https.ca.*, and so does kafkactl."""
    identity = TlsIdentity.create(tmp_path)
    settings = {
        "location": {"https.ca.location": str(identity.certificate)},
        "pem": {"https.ca.pem": identity.certificate.read_text()},
        "none": {},
        "missing": {"https.ca.location": str(tmp_path / "no.pem")},
        "ssl": {"ssl.ca.location": str(identity.certificate)},
    }[authorities]
    with HttpPeer(200, json.dumps({"access_token": "t"}), identity) as peer:
        url = f"https://localhost:{peer.address.rpartition(':')[2]}/token"
        settings |= {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": url}
        if error is None:
            assert get_token(settings) == "t"
        else:
            with pytest.raises(error):
                get_token(settings)


def test_a_token_endpoint_cannot_send_the_secret_to_another_server() -> None:
    """It may lead to another path of its own."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(302)
            self.send_header("Location", targets[0])
            self.end_headers()

        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"access_token": "t"}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as first, HTTPServer(("127.0.0.1", 0), Handler) as second:
        for server in (first, second):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{first.server_port}/token"
        settings = {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": url}
        targets = ["/other"]
        assert get_token(settings) == "t"
        for target in (f"http://127.0.0.1:{second.server_port}/token", f"https://127.0.0.1:{first.server_port}/token"):
            targets[0] = target
            with pytest.raises(UnreachableError, match="it leads to another server"):
                get_token(settings)
        assert len(seen) == 1
        for server in (first, second):
            server.shutdown()


def test_a_silent_token_endpoint_has_the_time_out_of_the_command() -> None:
    """It is asked in the thread of kafka-python's connections; its error keeps its class there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/token"
        properties = {
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.token.endpoint.url": url,
        }
        known = Settings("127.0.0.1:1", "a test", properties, timeout_s=0.2)
        provider = kafka_python.translate_settings(known)["sasl_oauth_token_provider"]
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="cannot get a token") as raised:
            provider.token()
        assert time.monotonic() - started < 5
    brokers = kafka_python.Brokers(known, lambda: None)
    try:
        assert brokers._make_error(1, raised.value) is raised.value
    finally:
        brokers.close()


@pytest.mark.parametrize(
    "answer",
    ["{}", '{"access_token": null}', '{"access_token": ""}', "[]", '"text"', "[" * 200_000],
    ids=["object", "null", "empty", "list", "text", "deep"],
)
def test_an_answer_without_a_token(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Null would be the token None, which the broker refuses later."""
    monkeypatch.setattr("urllib.request.OpenerDirector.open", lambda *_, **__: io.BytesIO(answer.encode()))
    url = "http://127.0.0.1/token"
    with pytest.raises(UnreachableError, match="the answer has no access_token"):
        get_token({"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": url})


@pytest.mark.parametrize(
    ("request_key", "version", "release"),
    [
        (ApiKey.LIST_CONFIG_RESOURCES, 0, (3, 7)),
        (ApiKey.LIST_CONFIG_RESOURCES, 1, (4, 1)),
        (ApiKey.ADD_RAFT_VOTER, 0, (3, 9)),
        (ApiKey.ADD_RAFT_VOTER, 1, (4, 2)),
        (ApiKey.REMOVE_RAFT_VOTER, 0, (3, 9)),
        (ApiKey.DESCRIBE_QUORUM, 1, (3, 3)),
        (ApiKey.DESCRIBE_QUORUM, 2, (3, 9)),
        (ApiKey.UNREGISTER_BROKER, 0, (2, 8)),
        (66, 0, (3, 0)),  # ListTransactions
        (ApiKey.ADD_RAFT_VOTER, 99, None),
    ],
)
def test_the_first_release_with_a_request(request_key: int, version: int, release: tuple[int, int] | None) -> None:
    """Brokers with ZooKeeper do not have those of KRaft, so their tables do not tell when these came."""
    assert find_first_release(request_key, version) == release


def _cut(request: Any, _answer: object) -> bytes:
    """Return the frame of an answer whose body is cut."""
    return struct.pack(">ii", 6, request.correlation_id) + b"\1\2"


def _without_versions(request: Any, _answer: object) -> bytes:
    """Return the frame of an ApiVersions answer with a null list, behind an error."""
    return struct.pack(">iihi", 10, request.correlation_id, ErrorCode.UNSUPPORTED_VERSION, -1)


@pytest.mark.parametrize(
    "fault", [{"garbage": b"\xff" * 40}, {"wrong_correlation": True}, {"answer": _cut}], ids=["size", "number", "cut"]
)
def test_a_change_whose_answer_cannot_be_read_may_have_been_done(fault: dict[str, Any]) -> None:
    with FakeCluster(brokers=1, topics={"t": 1}, groups=["g"]) as brokers:
        brokers.on("OffsetDelete", **fault)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
        try:
            with pytest.raises(UnansweredError, match="an answer cannot be read"):
                cluster.requests.delete_group_offsets("g", [("t", 0)])
        finally:
            cluster.close()
        assert len([request for request in brokers.requests if request.api == "OffsetDelete"]) == 1


def test_a_broker_whose_list_of_versions_is_null() -> None:
    with FakeCluster(brokers=1) as brokers:
        brokers.on("ApiVersions", answer=_without_versions)
        connections = kafka_python.Brokers(Settings(brokers.address, "a test", {}, timeout_s=1), lambda: None)
        try:
            with pytest.raises(UnreachableError):
                connections.learn(time.monotonic() + 1)
            assert isinstance(
                connections.send_all({"bootstrap-0": None}, time.monotonic() + 0.5)["bootstrap-0"], UnreachableError
            )
        finally:
            connections.close()
