"""kafka-console-producer: its options, and `kafkactl console-producer` in its place.

Reference: org.apache.kafka.tools.ConsoleProducer and LineMessageReader.
"""

from __future__ import annotations

import re

from kafkactl.cli.kafka_style.clients import (
    CONFIG_EXCEPTION,
    keep_known,
    log_error,
    make_deprecated_option,
    make_settings_options,
    refuse_both_names,
    split_pairs,
    translate_settings,
)
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, State
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    WrongUsageError,
    connection_options,
    convert_error,
    print_usage,
    require_file,
    require_options,
    translate_values,
)
from kafkactl.errors import FormatError, KafkactlError
from kafkactl.output import people

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
_AS_SETTINGS = {
    "batch-size": "batch.size",
    "message-send-max-retries": "retries",
    "retry-backoff-ms": "retry.backoff.ms",
    "timeout": "linger.ms",
    "request-timeout-ms": "request.timeout.ms",
    "metadata-expiry-ms": "metadata.max.age.ms",
    "max-memory-bytes": "buffer.memory",
    "socket-buffer-size": "send.buffer.bytes",
}
"""Options that are settings of the producer, and may not be negative."""
_OUR_OPTIONS = {name: f"--{name}" for name in _AS_SETTINGS} | {"timeout": "--linger-ms"}
_SMALLEST = {"retry-backoff-ms": 1, "request-timeout-ms": 1, "batch-size": 1, "max-memory-bytes": 1024,
             "metadata-expiry-ms": 1, "socket-buffer-size": 1}  # fmt: skip
"""Smallest values that librdkafka takes; Java takes 0 for the same."""


def _number(name: str, summary: str, default: str, label: str = "", type: str = "Integer") -> Option:
    """Return a Tool's option with a number, Integer or Long (`type`), that is a setting of the producer."""
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

    These are a missing --topic, a missing --bootstrap-server, unless the arguments do not need it, and an option under
    its old and its new name.
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
    if arguments.needs_server and not arguments.has("bootstrap-server"):
        raise WrongUsageError("Error while validating the bootstrap address\n")


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl console-producer`.

    Raise JavaError for what Kafka's tool refuses, also for values that cannot be read. Kafka's warnings about
    deprecated options are in the `before` of the result or the error, for stdout. Settings and properties that are
    ignored get a warning on stderr here.
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
    """Return our options; settings and properties that are ignored get a warning on stderr.

    Raise OptionError for a value that cannot be read or is given twice, and JavaError, with `printed` as its text for
    stdout, for another class of --line-reader, a missing file, and a value that Java refuses.
    """
    reader = arguments.value("line-reader")
    if reader != _LINE_READER:
        raise JavaError(str(reader), "java.lang.ClassNotFoundException", before=printed)
    words = translate_values(arguments, "bootstrap-server", "reader-config")
    config = arguments.value("command-config") or arguments.value("producer.config")
    for path in (config, arguments.value("reader-config")):
        require_file(path, printed)
    if config is not None:
        words.append(f"--command-config={config}")
    words += translate_settings([*arguments.values("command-property"), *arguments.values("producer-property")])
    properties = split_pairs([*arguments.values("reader-property"), *arguments.values("property")])
    words += [f"--reader-property={n}={v}" for n, v in keep_known(properties, _READER_PROPERTIES, "reader").items()]
    words += _translate_numbers(arguments, printed)
    words += _translate_choices(arguments, printed)
    if arguments.has("sync"):
        words.append("--sync")
    return [*words, f"--topic={arguments.value('topic')}"]


def _translate_numbers(arguments: Arguments, printed: str) -> list[str]:
    """Return our options for the numbers that are given, raised to the smallest ones that librdkafka takes.

    Raise OptionError for a value that is no number of its type or given twice, and JavaError for one below 0, except
    for --max-block-ms.
    """
    words = []
    for name, setting in _AS_SETTINGS.items():
        source = name
        if name == "batch-size" and arguments.has("max-partition-memory-bytes"):
            source = "max-partition-memory-bytes"
        value = arguments.value(source)
        if value is None or not arguments.has(source):
            continue
        if int(value) < 0:
            reason = f"Invalid value {value} for configuration {setting}: Value must be at least 0"
            raise JavaError(reason, CONFIG_EXCEPTION, before=printed)
        words.append(f"{_OUR_OPTIONS[name]}={max(int(value), _SMALLEST.get(name, 0))}")
    block_ms = arguments.value("max-block-ms")
    if arguments.has("max-block-ms") and block_ms is not None:
        words.append(f"--max-block-ms={max(1, int(block_ms))}")
    return words


def _translate_choices(arguments: Arguments, printed: str) -> list[str]:
    """Return our options for the codec and the acknowledgements, if they are given.

    Raise OptionError for an option given twice, and JavaError for an unknown codec or number of acknowledgements, also
    for one in --command-property.
    """
    words = []
    codec = arguments.value("compression-codec")
    if arguments.has("compression-codec"):
        if codec not in (None, "", *_CODECS):
            reason = f"Invalid value {codec} for configuration compression.type: String must be one of: "
            raise JavaError(reason + ", ".join(_CODECS), CONFIG_EXCEPTION, before=printed)
        words.append(f"--compression-codec={codec or 'gzip'}")
    acks = split_pairs(arguments.values("command-property")).get("acks", arguments.value("request-required-acks"))
    if acks not in ("all", "-1", "0", "1"):
        reason = f"Invalid value {acks} for configuration acks: String must be one of: all, -1, 0, 1"
        raise JavaError(reason, CONFIG_EXCEPTION, before=printed)
    if arguments.has("request-required-acks"):
        words.append(f"--acks={acks}")
    return words


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-console-producer does, and return its status.

    All goes to stderr. The status is 1 for an error of the command line or a wrong line. Words that cannot be parsed
    come with the list of options. Every other error, as for records that were not delivered, is logged, and the status
    is 0; also a UsageError of our command.
    """
    java = convert_error(error, call)
    if isinstance(error, OptionError) and error.is_of_parsing:
        print_usage(str(error), OPTIONS)
        return 1
    if java.exception.startswith("joptsimple."):
        people.write_kafka_message(f"{java}\n")
        return 1
    if isinstance(error, FormatError):
        number = re.search(r"line (\d+)", str(error))
        place = f" on line number {number[1]}" if number else ""
        java = JavaError(f"{error}{place if place not in str(error) else ''}", "org.apache.kafka.common.KafkaException")
    if isinstance(error, (JavaError, FormatError)):
        people.write_kafka_message(f"{java.first_line}\n")
        return 1
    log_error(str(error))
    return 0


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
        "A wrong line is described in our words.",
    ),
)
