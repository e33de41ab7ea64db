"""Settings of Kafka's Java producer and consumer: the types and allowed values, checked as Java checks them.

Reference: org.apache.kafka.clients.producer.ProducerConfig and consumer.ConsumerConfig 4.3.1; org.apache.kafka.common
config.ConfigDef. A test compares the tables with these classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kafkactl.cli.kafka_style.tools import JavaError, split_addresses
from kafkactl.errors import UsageError
from kafkactl.patterns import JAVA_BLANKS
from kafkactl.times import parse_iso_duration

CONFIG_EXCEPTION = "org.apache.kafka.common.config.ConfigException"

_SECURITY = """
ssl.engine.factory.class = CLASS
sasl.kerberos.ticket.renew.window.factor = DOUBLE
sasl.kerberos.ticket.renew.jitter = DOUBLE
sasl.kerberos.min.time.before.relogin = LONG
sasl.login.refresh.window.factor = DOUBLE 0.5..1.0
sasl.login.refresh.window.jitter = DOUBLE 0.0..0.25
sasl.login.refresh.min.period.seconds = SHORT 0..900
sasl.login.refresh.buffer.seconds = SHORT 0..3600
sasl.client.callback.handler.class = CLASS
sasl.login.callback.handler.class = CLASS
sasl.login.class = CLASS
sasl.login.connect.timeout.ms = INT
sasl.login.read.timeout.ms = INT
sasl.login.retry.backoff.max.ms = LONG
sasl.login.retry.backoff.ms = LONG
sasl.oauthbearer.jwt.retriever.class = CLASS
sasl.oauthbearer.jwt.validator.class = CLASS
sasl.oauthbearer.assertion.algorithm = one of (case insensitive): ES256, RS256
sasl.oauthbearer.assertion.claim.exp.seconds = INT 0..86400
sasl.oauthbearer.assertion.claim.jti.include = BOOLEAN
sasl.oauthbearer.assertion.claim.nbf.seconds = INT 0..3600
sasl.oauthbearer.jwks.endpoint.refresh.ms = LONG
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms = LONG
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms = LONG
sasl.oauthbearer.clock.skew.seconds = INT
sasl.oauthbearer.header.urlencode = BOOLEAN
"""
_PRODUCER = f"""
client.dns.lookup = one of: use_all_dns_ips, resolve_canonical_bootstrap_servers_only
buffer.memory = LONG 0..
retries = INT 0..2147483647
acks = one of: all, -1, 0, 1
compression.type = one of: none, gzip, snappy, lz4, zstd
compression.gzip.level = INT
compression.lz4.level = INT 1..17
compression.zstd.level = INT -131072..22
batch.size = INT 0..
partitioner.adaptive.partitioning.enable = BOOLEAN
partitioner.availability.timeout.ms = LONG 0..
partitioner.ignore.keys = BOOLEAN
linger.ms = LONG 0..
delivery.timeout.ms = INT 0..
send.buffer.bytes = INT -1..
receive.buffer.bytes = INT -1..
max.request.size = INT 0..
reconnect.backoff.ms = LONG 0..
reconnect.backoff.max.ms = LONG 0..
retry.backoff.ms = LONG 0..
retry.backoff.max.ms = LONG 0..
enable.metrics.push = BOOLEAN
max.block.ms = LONG 0..
request.timeout.ms = INT 0..
metadata.max.age.ms = LONG 0..
metadata.max.idle.ms = LONG 5000..
metrics.sample.window.ms = LONG 0..
metrics.num.samples = INT 1..
metrics.recording.level = one of: INFO, DEBUG, TRACE
max.in.flight.requests.per.connection = INT 1..
key.serializer = CLASS
value.serializer = CLASS
socket.connection.setup.timeout.ms = LONG
socket.connection.setup.timeout.max.ms = LONG
connections.max.idle.ms = LONG
partitioner.class = CLASS
security.protocol = one of (case insensitive): SASL_SSL, PLAINTEXT, SSL, SASL_PLAINTEXT
{_SECURITY}
enable.idempotence = BOOLEAN
transaction.timeout.ms = INT
transactional.id = non-empty
transaction.two.phase.commit.enable = BOOLEAN
metadata.recovery.strategy = one of (case insensitive): REBOOTSTRAP, NONE
metadata.recovery.rebootstrap.trigger.ms = LONG 0..
"""
_CONSUMER = f"""
client.dns.lookup = one of: use_all_dns_ips, resolve_canonical_bootstrap_servers_only
group.instance.id = non-empty
session.timeout.ms = INT
heartbeat.interval.ms = INT
metadata.max.age.ms = LONG 0..
enable.auto.commit = BOOLEAN
auto.commit.interval.ms = INT 0..
max.partition.fetch.bytes = INT 0..
send.buffer.bytes = INT -1..
receive.buffer.bytes = INT -1..
fetch.min.bytes = INT 0..
fetch.max.bytes = INT 0..
fetch.max.wait.ms = INT 0..
reconnect.backoff.ms = LONG 0..
reconnect.backoff.max.ms = LONG 0..
retry.backoff.ms = LONG 0..
retry.backoff.max.ms = LONG 0..
enable.metrics.push = BOOLEAN
check.crcs = BOOLEAN
metrics.sample.window.ms = LONG 0..
metrics.num.samples = INT 1..
metrics.recording.level = one of: INFO, DEBUG, TRACE
key.deserializer = CLASS
value.deserializer = CLASS
request.timeout.ms = INT 0..
default.api.timeout.ms = INT 0..
socket.connection.setup.timeout.ms = LONG
socket.connection.setup.timeout.max.ms = LONG
connections.max.idle.ms = LONG
max.poll.records = INT 1..
max.poll.interval.ms = INT 1..
exclude.internal.topics = BOOLEAN
internal.throw.on.fetch.stable.offset.unsupported = BOOLEAN
isolation.level = one of: read_committed, read_uncommitted
allow.auto.create.topics = BOOLEAN
group.protocol = one of (case insensitive): CONSUMER, CLASSIC
security.protocol = one of (case insensitive): SASL_SSL, PLAINTEXT, SSL, SASL_PLAINTEXT
{_SECURITY}
metadata.recovery.strategy = one of (case insensitive): REBOOTSTRAP, NONE
metadata.recovery.rebootstrap.trigger.ms = LONG 0..
"""
_TABLES = {"producer": _PRODUCER, "consumer": _CONSUMER}
"""Settings of each client that Java checks, in its order, each with its type and range, or its allowed values."""
_CONSUMER_TEXTS = (
    "auto.offset.reset",
    "client.rack",
    "group.id",
    "group.remote.assignor",
    "partition.assignment.strategy",
)
"""Settings of consumers alone that have no rule."""
_DOUBLE = re.compile(r"[-+]?(?:NaN|Infinity|(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]+)?[fFdD]?)")
_BITS = {"SHORT": 15, "INT": 31, "LONG": 63}
_RESETS = ("latest", "earliest", "none")
_DURATION = "by_duration:"
_OWN_CLASSES = "org.apache.kafka."
_RANGES = {
    "auto.commit.interval.ms": (0, 86400000),
    "batch.size": (1, 2147483647),
    "buffer.memory": (1024, 2147483647 * 1024),
    "connections.max.idle.ms": (0, 2147483647),
    "fetch.max.bytes": (0, 2147483135),
    "fetch.max.wait.ms": (0, 300000),
    "fetch.min.bytes": (1, 100000000),
    "heartbeat.interval.ms": (1, 3600000),
    "linger.ms": (0, 900000),
    "max.block.ms": (1, 3600000),
    "max.partition.fetch.bytes": (1, 1000000000),
    "max.poll.interval.ms": (1, 86400000),
    "max.request.size": (1000, 1000000000),
    "metadata.max.age.ms": (1, 86400000),
    "receive.buffer.bytes": (0, 100000000),
    "reconnect.backoff.max.ms": (0, 3600000),
    "reconnect.backoff.ms": (0, 3600000),
    "request.timeout.ms": (1, 900000),
    "retry.backoff.max.ms": (1, 300000),
    "retry.backoff.ms": (1, 300000),
    "send.buffer.bytes": (0, 100000000),
    "session.timeout.ms": (1, 3600000),
    "socket.connection.setup.timeout.ms": (1000, 2147483647),
}
"""Smallest and largest values that librdkafka and kafkactl take, where Java takes others, too."""


def read_rules(client: str) -> dict[str, str]:
    """Return the rules of a client, `producer` or `consumer`, by setting, in Java's order.

    Settings without a rule, such as group.id, are left out. A rule is a type, which may have a range behind it, such as
    INT 0.. or DOUBLE 0.5..1.0; "one of: " or "one of (case insensitive): " with values; or non-empty.
    """
    return dict(_iterate_rules(_TABLES[client]))


def list_names_of_other(client: str) -> set[str]:
    """Return the names of settings that only the other client has: the consumer for a producer, and so on."""
    if client == "consumer":
        return read_rules("producer").keys() - read_rules("consumer").keys()
    return {*_CONSUMER_TEXTS, *(read_rules("consumer").keys() - read_rules("producer").keys())}


def _iterate_rules(table: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the rule of each line "NAME = RULE", with other blanks kept; other lines are left out."""
    for line in table.splitlines():
        name, equals, rule = line.partition(" = ")
        if equals:
            yield name, rule


def check_settings(client: str, settings: Mapping[str, str], before: str = "") -> None:
    """Raise JavaError for the first setting whose value a client of Java refuses when it is made.

    `settings` are by Java's names; the first one is that of Java's list, with auto.offset.reset behind all others.
    `client` is `producer` or `consumer`, and `before` the error's text for stdout. A class must be in Kafka's package;
    whether it exists is not checked. Names without a rule, such as lists of classes, are not checked.
    """
    for name, rule in read_rules(client).items():
        if name not in settings:
            continue
        reason = _explain_wrong_value(settings[name], rule)
        if reason is not None:
            text = f"Invalid value {_show_value(settings[name], rule, reason)} for configuration {name}: {reason}"
            raise JavaError(text, CONFIG_EXCEPTION, before=before)
    reset = settings["auto.offset.reset"].strip() if client == "consumer" and "auto.offset.reset" in settings else None
    if reset is not None and reset not in _RESETS and read_reset_duration(reset) is None:
        text = f"Invalid value {reset} for configuration auto.offset.reset: Invalid value `{reset}`"
        raise JavaError(text, CONFIG_EXCEPTION, before=before)


def _show_value(value: str, rule: str, reason: str) -> str:
    """Return a wrong value as Java's error shows it.

    `rule` and `reason` are those of _explain_wrong_value. A text has no blanks around it, and a number outside its
    range is written as Java writes it; a value that cannot be read has its blanks.
    """
    if reason.startswith("String"):
        return _trim(value)
    if not reason.startswith("Value"):
        return value
    if not rule.startswith("DOUBLE"):
        return str(_read_integer(value))
    from kafkactl.output.kafka.java_text import format_double

    return format_double(_read_double(value))


def _read_double(value: str) -> float:
    """Return the number of a text as Java's Double.parseDouble reads it; raise ValueError for another text.

    Blanks around it do not count. Numbers in hexadecimal digits, which Java takes, are refused.
    """
    if not _DOUBLE.fullmatch(_trim(value)):
        raise ValueError(value)
    return float(_trim(value).rstrip("fFdD"))


def _read_integer(value: str) -> int:
    """Return the whole number of a text as Java reads it; raise ValueError for another text.

    Blanks around it do not count.
    """
    if "_" in value or _trim(value) != value.strip():  # Python allows _ between digits, and other blanks around them
        raise ValueError(value)
    return int(value)


def _trim(value: str) -> str:
    """Return a text without the blanks around it that Java trims."""
    return value.strip(JAVA_BLANKS)


def _explain_wrong_value(value: str, rule: str) -> str | None:
    """Return what Java says of a value that its rule does not allow, or None for an allowed one.

    `rule` is one that read_rules returns. Blanks around the value do not count. Of classes only those of Kafka are
    allowed, by their package; whether they exist is not checked. A DOUBLE in hexadecimal digits is not allowed, either.
    """
    if rule == "non-empty":
        return None if _trim(value) else "String must be non-empty"
    if rule.startswith("one of"):
        allowed = rule.partition(": ")[2].split(", ")
        any_case = "insensitive" in rule
        is_allowed = _trim(value) in allowed or (any_case and _trim(value).upper() in allowed)
        return None if is_allowed else f"String must be {rule}"
    kind, _, span = rule.partition(" ")
    if kind == "BOOLEAN":
        is_boolean = _trim(value).lower() in ("true", "false")
        return None if is_boolean else "Expected value to be either true or false"
    if kind == "CLASS":
        return None if _trim(value).startswith(_OWN_CLASSES) else f"Class {value} could not be found."
    try:
        number = _read_double(value) if kind == "DOUBLE" else _read_integer(value)
    except ValueError:
        return f"Not a number of type {kind}"
    if kind in _BITS and not -(1 << _BITS[kind]) <= number < 1 << _BITS[kind]:
        return f"Not a number of type {kind}"
    low, _, high = span.partition("..")
    if low and number < float(low):
        return f"Value must be at least {low}"
    return f"Value must be no more than {high}" if high and number > float(high) else None


def read_reset_duration(value: str) -> int | None:
    """Return the duration of an auto.offset.reset such as by_duration:PT1H, in ms; blanks around it do not count.

    None means any other value, also a duration that is negative, or that parse_iso_duration() refuses: one that cannot
    be read, is shorter than a ms but not 0, or has more than 2^63 - 1 ms.
    """
    value = value.strip()
    if not value.startswith(_DURATION):
        return None
    try:
        duration_ms = parse_iso_duration(value.removeprefix(_DURATION), "auto.offset.reset")
    except UsageError:
        return None
    return duration_ms if duration_ms >= 0 else None


def fit_value(name: str, value: str) -> str:
    """Return a value that Java takes as one that librdkafka takes.

    Where the range of librdkafka is known (_RANGES), a whole number becomes the nearest one in it, and any other text
    stays as it is. A value of another setting only loses the blanks around it.
    """
    if name not in _RANGES:
        return value.strip()
    low, high = _RANGES[name]
    try:
        return str(min(max(int(value), low), high))
    except ValueError:
        return value


def refuse_wrong_addresses(servers: str, before: str = "") -> None:
    """Raise JavaError, with `before` as its text for stdout, for no or an empty address, and for one without a port.

    A port is from 0 to 65535, behind the last colon; the host may be empty. Of several wrong addresses an empty one
    counts, or else the first.
    """
    addresses = split_addresses(servers, before)
    if not addresses:
        reason = "Configuration 'bootstrap.servers' must not be empty. Valid values include: any non-empty value"
        raise JavaError(reason, CONFIG_EXCEPTION, before=before)
    for address in addresses:
        port = re.search(r":([0-9]+)$", address)
        if port is None or len(port[1].lstrip("0")) > 5 or int(port[1][-5:]) > 65535:
            noun = "url" if port is None else "port"
            raise JavaError(f"Invalid {noun} in bootstrap.servers: {address}", CONFIG_EXCEPTION, before=before)
