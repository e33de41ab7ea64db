"""Translation of the settings of Kafka's Java clients into librdkafka's: names and values.

Reference: org.apache.kafka.clients.CommonClientConfigs, SslConfigs, SaslConfigs, ProducerConfig, ConsumerConfig;
librdkafka's CONFIGURATION.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kafkactl.connection.java_settings import HARMLESS, REFUSED, RENAMED, SYNONYMS, TRANSLATED
from kafkactl.errors import UsageError

_WHOLE_NAMES = ("topic.metadata.", "topic.blacklist")
"""Beginnings of names whose "topic." is a part of the name."""
_ASSIGNORS = {
    "org.apache.kafka.clients.consumer.RangeAssignor": "range",
    "org.apache.kafka.clients.consumer.RoundRobinAssignor": "roundrobin",
    "org.apache.kafka.clients.consumer.CooperativeStickyAssignor": "cooperative-sticky",
}

_MOST_DIGITS = 18

# The patterns are not compiled at import, because few commands need them.
_JAAS = r"^\s*(?P<module>[\w.$]+)\s+(?i:required|requisite|sufficient|optional)\b(?P<options>.*?);?\s*$"
_JAAS_OPTION = r"""([\w.$-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s;]+))"""
_JAAS_COMMENT = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![^\s;"'])(?:/\*.*?\*/|//[^\r\n]*)"""
"""A quoted value, which stays, or a comment behind a blank, a ; or a quoted value."""
_JAAS_ESCAPE = r"(?s)\\([0-3][0-7]{0,2}|[4-7][0-7]?|.)"
_JAAS_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def to_librdkafka(settings: Mapping[str, str], flag: str | None = None) -> dict[str, str]:
    """Return the settings under librdkafka's names, each under one name only.

    A prefix `topic.` is left out, except from topic.metadata.* and topic.blacklist. Of two names of one setting the
    later one counts, but Java's trust and key stores win over librdkafka's names. `flag` is the option that the
    settings come from, or None for other sources. A setting without effect in kafkactl is refused with a flag, and left
    out without one. One that is not supported is refused, and left out where its value changes nothing. Raise
    UsageError for a refused setting, and for a value that cannot be translated, such as the path of a JKS store. Other
    values are not checked. A name that is in no table stays as it is.
    """
    translated: dict[str, str] = {}
    for original_name, value in settings.items():
        # librdkafka accepts its topic settings also with the prefix "topic.".
        name = original_name if original_name.startswith(_WHOLE_NAMES) else original_name.removeprefix("topic.")
        if name in HARMLESS:
            if flag is not None:
                raise UsageError(f"{flag} {name}={value}: this setting has no effect in kafkactl", HARMLESS[name])
        elif name in REFUSED:
            why, harmless = REFUSED[name]
            if value not in harmless:
                raise UsageError(f"the setting {name}={value} is not supported", why)
        elif name in TRANSLATED:
            translated.update(_translate_value(name, value))
        elif name == "auto.offset.reset":
            translated[name] = _translate_offset_reset(value)
        elif name == "partition.assignment.strategy":
            translated[name] = ",".join(_ASSIGNORS.get(part.strip(), part.strip()) for part in value.split(","))
        elif name == "acks":
            translated[name] = "all" if value == "-1" else value
        else:
            translated[RENAMED.get(name, SYNONYMS.get(name, name))] = value
    translated.update(_translate_trust_store(settings))
    translated.update(_translate_key_store(settings))
    return translated


def _translate_value(name: str, value: str) -> dict[str, str]:
    """Return the translation of a setting whose value differs in librdkafka; `name` is one of TRANSLATED.

    An ssl.endpoint.identification.algorithm gets small letters, and an empty one becomes none. buffer.memory, in bytes,
    becomes queue.buffering.max.kbytes in KiB, rounded down, and at least 1. The result is empty for stores, which are
    translated elsewhere all at once, and for a Java path to kinit, which is a value without a space. Raise UsageError
    for a malformed sasl.jaas.config or buffer.memory, and for a login module that has no translation.
    """
    if name == "sasl.jaas.config":
        return _translate_login(value)
    if name == "buffer.memory":
        return {"queue.buffering.max.kbytes": str(max(1, int(_require_number(name, value)) // 1024))}
    if name == "ssl.endpoint.identification.algorithm":
        return {name: value.lower() or "none"}
    if name == "sasl.kerberos.kinit.cmd" and " " in value.strip():  # librdkafka's is a whole command, Java's a path
        return {name: value}
    return {}


def _translate_offset_reset(value: str) -> str:
    """Return librdkafka's value of auto.offset.reset: earliest, latest or error (for none).

    librdkafka's other names, such as smallest, end and error, are translated, too. Case does not count. Raise
    UsageError for an unknown value, also for by_duration:..., for an empty one, and for blanks around a value.
    """
    resets = {
        "earliest": "earliest", "smallest": "earliest", "beginning": "earliest",
        "latest": "latest", "largest": "latest", "end": "latest", "none": "error", "error": "error",
    }  # fmt: skip
    if value.lower() in resets:
        return resets[value.lower()]
    hint = "use --from-time -1h" if value.startswith("by_duration") else "use earliest, latest or none"
    raise UsageError(f"invalid value {value!r} for auto.offset.reset", hint)


def _require_number(name: str, value: str) -> str:
    """Return the value; raise UsageError unless it consists of 1 to 18 digits."""
    if not (value.isascii() and value.isdigit()) or len(value) > _MOST_DIGITS:
        raise UsageError(f"invalid value {value!r} for {name}: not a whole number of at most {_MOST_DIGITS} digits")
    return value


def _translate_trust_store(settings: Mapping[str, str]) -> dict[str, str]:
    """Return librdkafka's ssl.ca.location for a trust store, empty without one; raise UsageError unless it is PEM.

    The type is ssl.truststore.type, or follows from the file's ending, and is JKS for an unknown ending; the file is
    not read. An empty path without a type counts as a JKS store, too.
    """
    location = settings.get("ssl.truststore.location")
    if location is None:
        return {}
    if _find_store_type(settings, "truststore", location) != "PEM":
        raise UsageError(
            f"trust store {location} is not PEM, and librdkafka reads CA certificates as PEM only",
            "convert it: keytool -exportcert -rfc -keystore STORE -alias NAME -file ca.pem;"
            " then set ssl.truststore.type=PEM",
        )
    return {"ssl.ca.location": location}


def _translate_key_store(settings: Mapping[str, str]) -> dict[str, str]:
    """Return librdkafka's settings for a key store, empty without one.

    A PEM file gives the certificate and the key, a PKCS12 file its path and, if set, its password. The type is
    ssl.keystore.type, or else that of the file's ending, or else JKS; the file is not read. Raise UsageError unless it
    is PEM or PKCS12, also for an empty path without a type. ssl.key.password is not translated here.
    """
    location = settings.get("ssl.keystore.location")
    if location is None:
        return {}
    kind = _find_store_type(settings, "keystore", location)
    if kind == "PEM":
        return {"ssl.certificate.location": location, "ssl.key.location": location}
    if kind == "PKCS12":
        password = settings.get("ssl.keystore.password")
        return {"ssl.keystore.location": location} | ({"ssl.keystore.password": password} if password else {})
    raise UsageError(
        f"key store {location} is {kind}, and librdkafka reads PEM and PKCS12",
        "convert it: keytool -importkeystore -srckeystore STORE -destkeystore store.p12 -deststoretype PKCS12;"
        " then set ssl.keystore.type=PKCS12",
    )


def _find_store_type(settings: Mapping[str, str], store: str, location: str) -> str:
    """Return the type of a store in capitals: the stated type, or the one of the file's ending, or JKS.

    `store` is truststore or keystore, `location` the path of its file, which is not read. The endings pem and crt mean
    PEM, p12 and pfx PKCS12, in any case of letters. An empty stated type counts as none, and any other one is taken as
    it is.
    """
    store_type = settings.get(f"ssl.{store}.type")
    if store_type:
        return store_type.upper()
    ending = location.rsplit(".", 1)[-1].lower()
    return {"pem": "PEM", "crt": "PEM", "p12": "PKCS12", "pfx": "PKCS12"}.get(ending, "JKS")


def _translate_login(jaas: str) -> dict[str, str]:
    """Return librdkafka's settings for a sasl.jaas.config, which is `MODULE required name=value ...;`.

    Instead of required there may be requisite, sufficient or optional, in any case, and the last ; may be missing.
    Comments (/*...*/ and //...) between the words are left out. Values may be quoted, with the escapes of Java's
    StreamTokenizer, and end at a blank or ; otherwise. A quoted name of an option is not read. Of the module
    only the last part of the class name counts: PlainLoginModule, ScramLoginModule, OAuthBearerLoginModule or
    Krb5LoginModule. OAuthBearer also sets the method oidc; with unsecuredLoginStringClaim_sub it gives an unsecured
    token of this principal instead, and nothing else. sasl.mechanism is not set. Options that librdkafka has no name
    for, and text that is not name=value, are left out. No option is required. With several modules the first one
    counts, with the options of all. Raise UsageError for a text of another form, and for another module.
    """
    text = re.sub(_JAAS_COMMENT, lambda match: match[1] or " ", jaas, flags=re.DOTALL)
    match = re.match(_JAAS, text, re.DOTALL)
    if match is None:
        raise UsageError(
            "sasl.jaas.config is not `MODULE required name=value ...;`",
            'org.apache.kafka.common.security.plain.PlainLoginModule required username="..." password="...";',
        )
    options = {}
    for name, double, single, bare in re.findall(_JAAS_OPTION, match["options"]):
        options[name] = re.sub(_JAAS_ESCAPE, _read_escape, double or single) if double or single else bare
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
        return {"sasl.oauthbearer.method": "oidc"} | _rename_options(options, names)
    elif module == "Krb5LoginModule":
        names = {
            "principal": "sasl.kerberos.principal",
            "keyTab": "sasl.kerberos.keytab",
            "serviceName": "sasl.kerberos.service.name",
        }
    else:
        raise UsageError(
            f"sasl.jaas.config: the login module {match['module']} is not supported",
            "use a Plain, Scram, OAuthBearer or Krb5 login module",
        )
    return _rename_options(options, names)


def _read_escape(match: re.Match[str]) -> str:
    r"""Return the character of an escape in a quoted value, as Java's StreamTokenizer reads it, such as a tab for \\t.

    `match` is one of _JAAS_ESCAPE: its group 1 is what stands behind the backslash. Octal digits are the number of a
    character. Any other character stands for itself.
    """
    text = match[1]
    return chr(int(text, 8)) if text[0] in "01234567" else _JAAS_ESCAPED.get(text, text)


def _rename_options(options: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a login module under librdkafka's names. Options without a new name are left out.

    `names` has librdkafka's name by the name of the option.
    """
    return {setting: options[option] for option, setting in names.items() if option in options}
