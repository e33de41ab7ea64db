"""kafka-console-producer: its options, and `kafkactl console-producer` in its place.

Reference: org.apache.kafka.tools.ConsoleProducer and LineMessageReader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kafkactl.cli.kafka_style.clients import (
    ClientSettings,
    is_true,
    keep_known,
    log_error,
    make_deprecated_option,
    make_settings_options,
    read_settings,
    refuse_both_names,
    split_pairs,
    translate_settings,
)
from kafkactl.cli.kafka_style.java_configs import CONFIG_EXCEPTION, fit_value
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, State
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    connection_options,
    convert_error,
    print_usage,
    require_file,
    require_form_of_addresses,
    require_options,
    translate_values,
)
from kafkactl.connection.properties import read
from kafkactl.errors import FormatError, KafkactlError, UnreachableError, UsageError
from kafkactl.output import people
from kafkactl.patterns import compile_quietly, require_topic_name

_LINE_READER = "org.apache.kafka.tools.LineMessageReader"
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_READER_PROPERTIES = (
    "parse.key",
    "parse.headers",
    "ignore.error",
    "key.separator",
    "headers.delimiter",
    "headers.separator",
    "headers.key.separator",
    "null.marker",
)
_NEW_NAMES = {
    "property": ("--reader-property", "a future version"),
    "producer-property": ("--command-property", "a future version"),
    "producer.config": ("--command-config", "a future version"),
    "max-partition-memory-bytes": ("--batch-size", "Apache Kafka 5.0"),
}
"""Deprecated options: the new name, and the release without the old one."""
_BOOLEANS = ("parse.key", "parse.headers", "ignore.error")
_SEPARATORS = ("headers.delimiter", "headers.separator", "headers.key.separator")
_KAFKA_EXCEPTION = "org.apache.kafka.common.KafkaException"
_NOT_MADE = "Failed to construct kafka producer\nCaused by: "
_MOST_IN_FLIGHT = 5
_AS_SETTINGS = {
    "batch-size": "batch.size",
    "message-send-max-retries": "retries",
    "retry-backoff-ms": "retry.backoff.ms",
    "timeout": "linger.ms",
    "request-required-acks": "acks",
    "request-timeout-ms": "request.timeout.ms",
    "metadata-expiry-ms": "metadata.max.age.ms",
    "max-memory-bytes": "buffer.memory",
    "socket-buffer-size": "send.buffer.bytes",
    "max-block-ms": "max.block.ms",
}
"""Options that are settings of the producer."""
_OUR_OPTIONS = {name: f"--{name}" for name in _AS_SETTINGS} | {
    "timeout": "--linger-ms",
    "request-required-acks": "--acks",
}


def _number(name: str, summary: str, default: str, label: str = "", type: str = "Integer") -> Option:
    """Return the option of Kafka's tool with a number that is a setting of the producer.

    `name` has no dashes. `default` is the value of the option where it is absent. `type` is Integer or Long, and
    `label` Kafka's name of the value, "" for none.
    """
    target = _OUR_OPTIONS.get(name, f"--{name}")
    return Option(
        name=name, arity=Arity.REQUIRED, type=type, label=label, default=default, target=target, summary=summary
    )


OPTIONS = (
    *connection_options("server to connect to", "config file"),
    Option(name="topic", arity=Arity.REQUIRED, label="topic", target="TOPIC, or --topic", summary="Topic to write to."),
    Option(name="sync", target="--sync", summary="Wait until each record is acknowledged before the next is sent."),
    Option(
        name="compression-codec",
        arity=Arity.OPTIONAL,
        label="compression-codec",
        target="--compression-codec",
        summary="Compression: none, gzip, snappy, lz4 or zstd; without a value gzip.",
        state=State.DIFFERENT,
        note="librdkafka leaves a batch uncompressed where compression does not make it smaller.",
    ),
    _number("batch-size", "Largest size of a batch, in bytes.", "16384", "size"),
    _number("message-send-max-retries", "Number of times a batch is sent again.", "3"),
    _number("retry-backoff-ms", "Pause before a batch is sent again, in ms.", "100", type="Long"),
    Option(
        name="timeout",
        arity=Arity.REQUIRED,
        type="Long",
        label="timeout_ms",
        default="1000",
        target="--linger-ms",
        summary="Wait for more records of a batch, in ms.",
    ),
    Option(
        name="request-required-acks",
        arity=Arity.REQUIRED,
        label="request required acks",
        default="-1",
        target="--acks",
        summary="Acknowledgements to wait for: all or -1, 1, or 0.",
    ),
    _number("request-timeout-ms", "Longest wait for the answer to a request, in ms.", "1500", "request timeout ms"),
    _number(
        "metadata-expiry-ms",
        "Age in ms at which metadata is asked for again.",
        "300000",
        "metadata expiration interval",
        "Long",
    ),
    _number("max-block-ms", "Longest wait for the topic, in ms.", "60000", "max block on send", "Long"),
    _number("max-memory-bytes", "Memory for records that wait, in bytes.", "33554432", "total memory in bytes", "Long"),
    Option(
        name="max-partition-memory-bytes",
        arity=Arity.REQUIRED,
        type="Integer",
        label="memory in bytes per partition",
        default="16384",
        target="--batch-size",
        summary="Deprecated: --batch-size.",
    ),
    _number("socket-buffer-size", "Send buffer of a socket, in bytes.", "102400", "size"),
    Option(
        name="line-reader",
        arity=Arity.REQUIRED,
        label="reader_class",
        default=_LINE_READER,
        target="--line-reader",
        summary="Class that reads the lines.",
        state=State.DIFFERENT,
        note="LineMessageReader is the only one: a class of your own cannot be loaded without a JVM.",
    ),
    Option(
        name="reader-property",
        arity=Arity.REQUIRED,
        label="prop",
        target="--reader-property",
        summary=f"Property of the reader, NAME=VALUE: {', '.join(_READER_PROPERTIES)}.",
    ),
    make_deprecated_option("property", "prop", "--reader-property", "--reader-property"),
    Option(
        name="reader-config",
        arity=Arity.REQUIRED,
        label="config file",
        target="--reader-config",
        summary="Properties file for the reader.",
    ),
    *make_settings_options("producer"),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for options that are missing or do not belong together.

    These are a missing --topic, a missing --bootstrap-server, unless the arguments do not need it, an address that
    require_form_of_addresses() refuses, and an old and a new name together: of the file of settings, of a setting, or
    of a property of the reader. Raise OptionError for --bootstrap-server given twice.
    """
    require_options(arguments, "topic")
    refuse_both_names(
        arguments,
        (
            ("command-config", "producer.config"),
            ("command-property", "producer-property"),
            ("reader-property", "property"),
        ),
    )
    servers = arguments.value("bootstrap-server")
    if servers is not None or arguments.needs_server:
        require_form_of_addresses(servers or "")


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl console-producer`.

    The command line must have passed `check`. Raise JavaError for what Kafka's tool refuses, also for values that
    cannot be read, and UsageError for a file that is no file of settings or properties. Kafka's warnings about
    deprecated options are in the `before` of the result or the JavaError, for stdout. Properties of the reader, and
    settings of the command line, that are ignored get a warning on stderr here; settings of a file get none.
    """
    printed = _list_deprecations(arguments)
    try:
        words = ["console-producer", *_translate_options(arguments, printed)]
    except OptionError as error:
        raise JavaError(str(error), error.exception, before=printed) from None
    return Run(words=words, before=printed, call="produce")


def _list_deprecations(arguments: Arguments) -> str:
    """Return Kafka's warnings about deprecated options, each with its line end; they go to stdout."""
    return "".join(
        f"Warning: --{name} is deprecated and will be removed in {release}. Use {new} instead.\n"
        for name, (new, release) in _NEW_NAMES.items()
        if arguments.has(name)
    )


def _translate_options(arguments: Arguments, printed: str) -> list[str]:
    """Return our options; ignored properties, and ignored settings of the command line, get a warning on stderr.

    A reader property `topic` wins over --topic. Raise OptionError for a value that cannot be read or is given twice,
    UsageError for a file that is no file of settings or properties, and JavaError, with `printed` as its text for
    stdout, for another class of --line-reader, a file that cannot be opened, and a property or a setting that Java
    refuses.
    """
    reader = arguments.value("line-reader")
    if reader != _LINE_READER:
        raise JavaError(str(reader), "java.lang.ClassNotFoundException", before=printed)
    words = translate_values(arguments, "bootstrap-server")
    properties = _read_properties(arguments, printed)
    words += [f"--reader-property={name}={value}" for name, value in properties.items() if name != "topic"]
    words += _translate_settings(arguments, printed)
    if arguments.has("sync"):
        words.append("--sync")
    return [*words, f"--topic={properties.get('topic', arguments.value('topic'))}"]


def _read_properties(arguments: Arguments, printed: str) -> dict[str, str]:
    """Return the properties of the reader as our command takes them: a backslash is doubled, for it is no escape.

    Properties on the command line win over the file. Unknown ones are left out with a warning on stderr. `topic` may be
    one of the result: Kafka's reader sends to this topic; its backslashes stay. A flag becomes true or false; any text
    but true, in any case, is false. Raise JavaError, with `printed` as its text for stdout, for a file of properties
    that cannot be opened, and for what _check_separators() refuses: equal separators of headers, a null marker that
    equals a separator, and a headers.separator that is no regular expression of Python; OptionError for a file given
    twice, UsageError for one that is no file of properties.
    """
    file = arguments.value("reader-config")
    require_file(file, printed)
    words = split_pairs([*arguments.values("reader-property"), *arguments.values("property")])
    known = keep_known({**(read(Path(file)) if file else {}), **words}, (*_READER_PROPERTIES, "topic"), "reader")
    pairs = {name: is_true(value) if name in _BOOLEANS else value for name, value in known.items()}
    _check_separators(pairs, printed)
    return {name: value if name == "topic" else value.replace("\\", "\\\\") for name, value in pairs.items()}


def _check_separators(pairs: Mapping[str, str], printed: str) -> None:
    """Raise JavaError for equal separators of headers, and for a null marker that equals one of them or key.separator.

    Also for a headers.separator that is no regular expression of Python, even if Java takes it; the others are plain
    texts. A separator that is not in `pairs` has its default. A key.separator may equal a separator of headers.
    `printed` is the error's text for stdout.
    """
    from kafkactl.streams.lines import find_equal_separators

    try:
        compile_quietly(pairs.get("headers.separator", ","))
    except re.error as error:
        raise JavaError(str(error), "java.util.regex.PatternSyntaxException", before=printed) from None
    if (equal := find_equal_separators(pairs)) is not None:
        raise JavaError(f"{equal[0]} and {equal[1]} may not be equal", _KAFKA_EXCEPTION, before=printed)


def _translate_settings(arguments: Arguments, printed: str) -> list[str]:
    """Return our options for the settings of the producer, also for those with an option of Kafka's tool.

    Raise OptionError for a value that is no number of its type or given twice, and UsageError for a file that is no
    file of settings. Raise JavaError, with `printed` as its text for stdout, for a file that cannot be opened, and for
    values that Java refuses. Settings of the command line that are ignored get a warning on stderr; those of a file do
    not.
    """
    settings = read_settings(arguments, "producer", printed)
    chosen = _read_chosen(arguments)
    codec = arguments.value("compression-codec") or "gzip" if arguments.has("compression-codec") else "none"
    words = translate_settings("producer", settings, {**chosen, "compression.type": codec}, printed)
    _check_together(settings, chosen, printed)
    for name, setting in _AS_SETTINGS.items():
        fitting = fit_value(setting, chosen.get(setting, ""))
        if setting in chosen and (setting, fitting) != ("send.buffer.bytes", "0"):  # 0 is the system's own size
            words.append(f"{_OUR_OPTIONS[name]}={fitting}")
    if arguments.has("compression-codec") or "compression.type" in settings.in_file:
        words.append(f"--compression-codec={codec}")
    if settings.all.get("partitioner.ignore.keys", "").strip().lower() == "true":
        words.append("--partitioner=random")
    retries = {**settings.all, **chosen}.get("retries", "1")
    if int(retries) == 0 and "enable.idempotence" not in settings.all:  # Java turns it off then
        words += ["-X", "enable.idempotence=false"]
    return words


def _read_chosen(arguments: Arguments) -> dict[str, str]:
    """Return the settings that are given as options, as text by Java's names.

    Defaults are not in the result. --max-partition-memory-bytes is batch.size, and wins over a --batch-size beside it.
    Raise OptionError for a value that is no number of its type or is given twice; acks is any text.
    """
    chosen = {}
    for name, setting in (*_AS_SETTINGS.items(), ("max-partition-memory-bytes", "batch.size")):
        value = arguments.value(name)
        if value is not None and arguments.has(name):
            chosen[setting] = value if setting == "acks" else str(int(value))
    return chosen


def _check_together(settings: ClientSettings, chosen: Mapping[str, str], printed: str) -> None:
    """Raise JavaError for settings that do not fit together: waits that are longer than the time for a delivery.

    The waits are linger.ms and request.timeout.ms together, by default 1000 and 1500; they are compared only where
    delivery.timeout.ms is set. JavaError is also for what an idempotent producer does not allow: more than 5 requests
    in flight, unless enable.idempotence is false, and, only where it is set to true, retries of 0 and other acks than
    all. A transactional.id is refused beside enable.idempotence=false, retries of 0 and other acks than all. The
    numbers must have been checked before. `chosen` are the settings that are given as options, and `printed` is the
    error's text for stdout.
    """
    values = {"linger.ms": "1000", "request.timeout.ms": "1500", "acks": "-1", "retries": "3", **settings.all, **chosen}
    reason = None
    is_lossy = int(values["retries"]) == 0 or values["acks"].strip() not in ("-1", "all")
    is_idempotent = values.get("enable.idempotence", "true").strip().lower() == "true"
    if is_idempotent:
        most = int(values.get("max.in.flight.requests.per.connection", "5"))
        if "enable.idempotence" in values and int(values["retries"]) == 0:
            reason = "Must set retries to non-zero when using the idempotent producer."
        elif "enable.idempotence" in values and values["acks"].strip() not in ("-1", "all"):
            reason = (
                "Must set acks to all in order to use the idempotent producer. "
                "Otherwise we cannot guarantee idempotence."
            )
        elif most > _MOST_IN_FLIGHT:
            reason = (
                "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. "
                f"Current value is {most}."
            )
    if reason is None and "transactional.id" in values and (is_lossy or not is_idempotent):
        reason = "Cannot set a transactional.id without also enabling idempotence."
    if reason is not None:
        raise JavaError(reason, CONFIG_EXCEPTION, before=printed)
    waits_ms = int(values["linger.ms"]) + int(values["request.timeout.ms"])
    if "delivery.timeout.ms" in settings.all and int(values["delivery.timeout.ms"]) < waits_ms:
        cause = "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms"
        raise JavaError(f"{_NOT_MADE}{CONFIG_EXCEPTION}: {cause}", _KAFKA_EXCEPTION, before=printed)


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-console-producer does, and return its status.

    All goes to stderr. The status is 1 for an error of the command line, of the set-up or a wrong line. Words that
    cannot be parsed come with the list of options. Every other error, as for records that were not delivered, is
    logged, and the status is 0; also that of an illegal --topic. After an UnreachableError the hosts of
    --bootstrap-server are looked up: where none has an address, the status is 1. `call` has no effect.
    """
    java = convert_error(error, call)
    if isinstance(error, OptionError) and error.is_of_parsing:
        print_usage(str(error), OPTIONS)
        return 1
    if java.exception.startswith("joptsimple."):
        people.write_kafka_message(f"{java}\n")
        return 1
    if isinstance(error, FormatError):
        java = JavaError(str(error), _KAFKA_EXCEPTION)
    if isinstance(error, UnreachableError) and not _is_any_resolvable(arguments):
        java = error = JavaError(f"{_NOT_MADE}{error}", _KAFKA_EXCEPTION)
    if isinstance(error, UsageError) and _has_legal_topic(arguments):
        java = error = JavaError(f"{_NOT_MADE}{error}", _KAFKA_EXCEPTION)
    if isinstance(error, (JavaError, FormatError)):
        people.write_kafka_message(f"{java.first_line}\n")
        return 1
    log_error(str(error))
    return 0


def _has_legal_topic(arguments: Arguments) -> bool:
    """Return whether --topic is a legal name; Kafka's tool learns only from the broker that it is none.

    A topic of --reader-property does not count. False without --topic, and where it is given twice.
    """
    try:
        return bool(require_topic_name(arguments.value("topic") or ""))
    except KafkactlError:
        return False


def _is_any_resolvable(arguments: Arguments) -> bool:
    """Return whether one of the hosts of --bootstrap-server has an address; True without the option.

    The names are looked up, without a time-out. A server without a host or without a port gives True, too.
    """
    import socket

    for server in (arguments.value("bootstrap-server") or "").split(","):
        host = server.strip().rpartition("://")[2].rpartition(":")[0].strip("[]")
        try:
            if not host or socket.getaddrinfo(host, None):
                return True
        except (OSError, UnicodeError):
            continue
    return False


TOOL = Tool(
    name="kafka-console-producer",
    main_class="org.apache.kafka.tools.ConsoleProducer",
    purpose="This tool helps to read data from standard input and publish it to Kafka.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "A record that was not delivered ends the tool with 1, and the record goes to stderr; Kafka's tool logs an "
        "error and ends with 0.",
        "Compression, serializers and addresses among the settings are ignored with a warning, as Kafka's tool ignores "
        "them silently; so are settings without effect in kafkactl, such as metadata.max.idle.ms.",
        "partitioner.class is refused, because kafkactl cannot run a Java class; partitioner.ignore.keys becomes "
        "--partitioner random.",
        "A folder as standard input is Kafka's error with a launcher; `kafkactl kafka-console-producer < FOLDER` ends "
        "with Python's own message, because Python refuses to start then.",
        "A transactional.id sends the records in a transaction; Kafka's tool fails at the first record.",
        "headers.separator is a regular expression of Python, not of Java: they agree in what separators need.",
    ),
)
