"""Settings of Kafka's Java clients -> the same settings of librdkafka, names and values.

Sources: org.apache.kafka.clients.CommonClientConfigs, SslConfigs, SaslConfigs, ProducerConfig, ConsumerConfig;
librdkafka's CONFIGURATION.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kafkactl.connection.java_settings import HARMLESS, REFUSED, RENAMED, SYNONYMS, TRANSLATED
from kafkactl.errors import UsageError

_OF_ITS_OWN = ("topic.metadata.", "topic.blacklist")
_ASSIGNORS = {
    "org.apache.kafka.clients.consumer.RangeAssignor": "range",
    "org.apache.kafka.clients.consumer.RoundRobinAssignor": "roundrobin",
    "org.apache.kafka.clients.consumer.CooperativeStickyAssignor": "cooperative-sticky",
}

# Not compiled here: that would cost every command what few need.
_JAAS = r"^\s*(?P<module>[\w.$]+)\s+(?:required|requisite|sufficient|optional)\b(?P<options>.*?);?\s*$"
_JAAS_OPTION = r"""([\w.]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s;]+))"""


def to_librdkafka(settings: Mapping[str, str], flag: str | None = None) -> dict[str, str]:
    """Return the settings under librdkafka's names, each under one name only.

    `flag` is the option that they were given with; None for a file, a context and the environment, where settings
    that do nothing here are passed over. Raises UsageError for what has no equal here.
    """
    translated: dict[str, str] = {}
    for said, value in settings.items():
        # librdkafka takes its settings of topics with this before them, too.
        name = said if said.startswith(_OF_ITS_OWN) else said.removeprefix("topic.")
        if name in HARMLESS:
            if flag is not None:
                raise UsageError(f"{flag} {name}={value}: this setting does nothing here", HARMLESS[name])
        elif name in REFUSED:
            why, harmless = REFUSED[name]
            if value not in harmless:
                raise UsageError(f"the setting {name}={value} cannot be kept", why)
        elif name in TRANSLATED:
            translated.update(_translated(name, value))
        elif name == "auto.offset.reset":
            translated[name] = _reset(value)
        elif name == "partition.assignment.strategy":
            translated[name] = ",".join(_ASSIGNORS.get(part.strip(), part.strip()) for part in value.split(","))
        elif name == "acks":
            translated[name] = "all" if value == "-1" else value
        else:
            translated[RENAMED.get(name, SYNONYMS.get(name, name))] = value
    translated.update(_trust_store(settings))
    translated.update(_key_store(settings))
    return translated


def _translated(name: str, value: str) -> dict[str, str]:
    """Return a setting whose value is another one in librdkafka; stores are looked at all together."""
    if name == "sasl.jaas.config":
        return _login(value)
    if name == "buffer.memory":
        return {"queue.buffering.max.kbytes": str(max(1, int(_number(name, value)) // 1024))}
    if name == "ssl.endpoint.identification.algorithm":
        return {name: value.lower() or "none"}
    if name == "sasl.kerberos.kinit.cmd" and " " in value.strip():  # librdkafka's is a whole command, Java's a path
        return {name: value}
    return {}


def _reset(value: str) -> str:
    """Return where a partition without a commit begins: earliest, latest, or error."""
    known = {
        "earliest": "earliest", "smallest": "earliest", "beginning": "earliest",
        "latest": "latest", "largest": "latest", "end": "latest", "none": "error", "error": "error",
    }  # fmt: skip
    if value.lower() in known:
        return known[value.lower()]
    hint = "--from-time -1h reads from a time on" if value.startswith("by_duration") else "earliest, latest or none"
    raise UsageError(f"auto.offset.reset={value}: not known here", hint)


def _number(name: str, value: str) -> str:
    if not value.isdigit():
        raise UsageError(f"{name}={value}: not a number")
    return value


def _trust_store(settings: Mapping[str, str]) -> dict[str, str]:
    location = settings.get("ssl.truststore.location")
    if location is None:
        return {}
    if _store_type(settings, "truststore", location) != "PEM":
        raise UsageError(
            f"trust store {location} is not PEM, and librdkafka reads CA certificates as PEM only",
            "keytool -exportcert -rfc -keystore STORE -alias NAME -file ca.pem, then ssl.truststore.type=PEM",
        )
    return {"ssl.ca.location": location}


def _key_store(settings: Mapping[str, str]) -> dict[str, str]:
    location = settings.get("ssl.keystore.location")
    if location is None:
        return {}
    kind = _store_type(settings, "keystore", location)
    if kind == "PEM":
        return {"ssl.certificate.location": location, "ssl.key.location": location}
    if kind == "PKCS12":
        password = settings.get("ssl.keystore.password")
        return {"ssl.keystore.location": location} | ({"ssl.keystore.password": password} if password else {})
    raise UsageError(
        f"key store {location} is {kind}, and librdkafka reads PEM and PKCS12",
        "keytool -importkeystore -srckeystore STORE -destkeystore store.p12 -deststoretype PKCS12,"
        " then ssl.keystore.type=PKCS12",
    )


def _store_type(settings: Mapping[str, str], store: str, location: str) -> str:
    stated = settings.get(f"ssl.{store}.type")
    if stated:
        return stated.upper()
    ending = location.rsplit(".", 1)[-1].lower()
    return {"pem": "PEM", "crt": "PEM", "p12": "PKCS12", "pfx": "PKCS12"}.get(ending, "JKS")


def _login(jaas: str) -> dict[str, str]:
    """What a sasl.jaas.config says: the login module's options as librdkafka's own settings."""
    match = re.match(_JAAS, jaas, re.DOTALL)
    if match is None:
        raise UsageError(
            "sasl.jaas.config is not `MODULE required name=value ...;`",
            'org.apache.kafka.common.security.plain.PlainLoginModule required username="..." password="...";',
        )
    options = {}
    for name, double, single, bare in re.findall(_JAAS_OPTION, match["options"]):
        options[name] = re.sub(r"\\(.)", r"\1", double or single) if double or single else bare
    module = match["module"].rsplit(".", 1)[-1]
    if module in ("PlainLoginModule", "ScramLoginModule"):
        names = {"username": "sasl.username", "password": "sasl.password"}
    elif module == "OAuthBearerLoginModule":
        if "unsecuredLoginStringClaim_sub" in options:
            claim = f"principal={options['unsecuredLoginStringClaim_sub']}"
            return {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": claim}
        names = {
            "clientId": "sasl.oauthbearer.client.id",
            "clientSecret": "sasl.oauthbearer.client.secret",
            "scope": "sasl.oauthbearer.scope",
        }
        return {"sasl.oauthbearer.method": "oidc"} | _named(options, names)
    elif module == "Krb5LoginModule":
        names = {
            "principal": "sasl.kerberos.principal",
            "keyTab": "sasl.kerberos.keytab",
            "serviceName": "sasl.kerberos.service.name",
        }
    else:
        raise UsageError(
            f"sasl.jaas.config names {match['module']}, which librdkafka has no equal of",
            "Plain, Scram, OAuthBearer and Krb5 login modules are known",
        )
    return _named(options, names)


def _named(options: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {setting: options[option] for option, setting in names.items() if option in options}
