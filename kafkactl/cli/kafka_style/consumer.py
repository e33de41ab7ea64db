"""kafka-console-consumer: its options, and `kafkactl console-consumer` in its place.

Reference: org.apache.kafka.tools.consumer.ConsoleConsumer and ConsoleConsumerOptions.
"""

from __future__ import annotations

import codecs
import re
import time
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
from kafkactl.cli.kafka_style.java_configs import CONFIG_EXCEPTION, read_reset_duration, refuse_wrong_addresses
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
from kafkactl.connection.properties import read
from kafkactl.errors import KafkactlError, OperationError
from kafkactl.output import people
from kafkactl.output.kafka.java_order import sort_as_hash_map

_PACKAGE = "org.apache.kafka.tools.consumer."
_FORMATTERS = (
    "DefaultMessageFormatter",
    "LoggingMessageFormatter",
    "NoOpMessageFormatter",
    "OffsetsMessageFormatter",
    "TransactionLogMessageFormatter",
    "GroupMetadataMessageFormatter",
    "ShareGroupStateMessageFormatter",
)
_DESERIALIZERS = "org.apache.kafka.common.serialization."
_KINDS = (
    "String",
    "Integer",
    "Long",
    "Short",
    "Float",
    "Double",
    "Boolean",
    "ByteArray",
    "Bytes",
    "UUID",
    "ByteBuffer",
    "Void",
)
_FORMATTER_PROPERTIES = (
    "print.timestamp",
    "print.partition",
    "print.offset",
    "print.epoch",
    "print.delivery",
    "print.headers",
    "print.key",
    "print.value",
    "key.separator",
    "line.separator",
    "headers.separator",
    "null.literal",
)
_CLASS_PROPERTIES = ("key.deserializer", "value.deserializer", "headers.deserializer")
_NEW_NAMES = {
    "property": "--formatter-property",
    "consumer-property": "--command-property",
    "consumer.config": "--command-config",
}
"""Deprecated options and their new names."""
_OF_OTHER_PROTOCOL = {
    "CONSUMER": ("partition.assignment.strategy", "heartbeat.interval.ms", "session.timeout.ms"),
    "CLASSIC": ("group.remote.assignor",),
}
"""Settings that a group protocol does not take."""
_NEW_PROTOCOL = (
    "The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try it out. "
    "See https://kafka.apache.org/documentation/#consumer_rebalance_protocol\n"
)
_CLASS_NOTE = "Kafka's own classes are there; a class of your own cannot be loaded without a JVM."

OPTIONS = (
    *connection_options("server to connect to", "config file"),
    Option(name="topic", arity=Arity.REQUIRED, label="topic", target="TOPIC, or --topic", summary="Topic to read."),
    Option(
        name="include",
        arity=Arity.REQUIRED,
        label="Java regex (String)",
        target="--include",
        summary="Regular expression for whole names of topics, in place of --topic.",
        state=State.DIFFERENT,
        note="Regular expressions are those of Python, not of Java: they agree in what names of topics need.",
    ),
    Option(
        name="partition",
        arity=Arity.REQUIRED,
        type="Integer",
        label="partition",
        target="--partition",
        summary="Partition to read.",
        state=State.DIFFERENT,
        note="A partition that does not exist is an error at once; Kafka's tool waits for --timeout-ms.",
    ),
    Option(
        name="offset",
        arity=Arity.REQUIRED,
        label="consume offset",
        default="latest",
        target="--offset",
        summary="First offset to read of the --partition: a number, earliest or latest.",
    ),
    Option(name="from-beginning", target="--from-beginning", summary="Start at the oldest record without a commit."),
    Option(
        name="max-messages",
        arity=Arity.REQUIRED,
        type="Integer",
        label="num_messages",
        target="--max-messages",
        summary="Stop after so many records; -1 never stops.",
    ),
    Option(
        name="timeout-ms",
        arity=Arity.REQUIRED,
        type="Long",
        label="timeout_ms",
        target="--timeout-ms",
        summary="Stop if no record came for so many ms; a negative number never stops.",
    ),
    Option(
        name="group", arity=Arity.REQUIRED, label="consumer group id", target="--group", summary="Group to read in."
    ),
    Option(
        name="isolation-level",
        arity=Arity.REQUIRED,
        default="read_uncommitted",
        target="--isolation-level",
        summary="read_uncommitted, or read_committed without aborted transactions.",
    ),
    Option(
        name="skip-message-on-error",
        target="--skip-message-on-error",
        summary="Continue after a record that does not have its format.",
    ),
    Option(
        name="formatter",
        arity=Arity.REQUIRED,
        label="class",
        default=f"{_PACKAGE}DefaultMessageFormatter",
        target="--formatter",
        summary="Class that prints the records.",
        state=State.DIFFERENT,
        note=_CLASS_NOTE,
    ),
    Option(
        name="formatter-property",
        arity=Arity.REQUIRED,
        label="prop",
        target="--formatter-property",
        summary=f"Property of the formatter, NAME=VALUE: {', '.join((*_FORMATTER_PROPERTIES, *_CLASS_PROPERTIES))}.",
    ),
    make_deprecated_option("property", "prop", "--formatter-property", "--formatter-property"),
    Option(
        name="formatter-config",
        arity=Arity.REQUIRED,
        label="config file",
        target="--formatter-config",
        summary="Properties file for the formatter.",
    ),
    Option(
        name="key-deserializer",
        arity=Arity.REQUIRED,
        label="deserializer for keys",
        target="--key-deserializer",
        summary="Deserializer class of keys.",
        state=State.DIFFERENT,
        note=_CLASS_NOTE,
    ),
    Option(
        name="value-deserializer",
        arity=Arity.REQUIRED,
        label="deserializer for values",
        target="--value-deserializer",
        summary="Deserializer class of values.",
        state=State.DIFFERENT,
        note=_CLASS_NOTE,
    ),
    *make_settings_options("consumer"),
    Option(
        name="enable-systest-events", target="--enable-systest-events", summary="Print shutdown_complete at the end."
    ),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError or OptionError for options that are missing or do not belong together.

    WrongUsageError is for both or neither of --topic and --include, for --partition without --topic or with both
    --from-beginning and --offset, for --offset without --partition, for a missing --bootstrap-server, unless the
    arguments do not need it, and for an option under its old and its new name. OptionError is for --partition that is
    no number or given twice.
    """
    if arguments.has("topic") == arguments.has("include"):
        raise WrongUsageError("Exactly one of the following arguments is required: [topic], [include]")
    if arguments.has("partition"):
        arguments.value("partition")
        if not arguments.has("topic"):
            raise WrongUsageError("The topic is required when partition is specified.")
        if arguments.has("from-beginning") and arguments.has("offset"):
            raise WrongUsageError("Options from-beginning and offset cannot be specified together.")
    elif arguments.has("offset"):
        raise WrongUsageError("The partition is required when offset is specified.")
    require_options(arguments, "bootstrap-server")
    refuse_both_names(
        arguments,
        (
            ("consumer-property", "command-property"),
            ("property", "formatter-property"),
            ("consumer.config", "command-config"),
        ),
    )


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl console-consumer`; the command line must have passed `check`.

    Raise WrongUsageError, OptionError or JavaError for what Kafka's tool refuses, and UsageError for a file of
    settings, or of properties of the formatter, that is there and cannot be read as one. Raise OperationError where
    auto.offset.reset is none, and there is neither a group nor --partition. Kafka's warnings about deprecated options
    are in the result's `before` (stdout), or in that of a JavaError, except the one about --from-beginning; other
    errors lack them. Kafka's notice about the group protocol is in the result's `warning`. Settings, properties and
    classes that are ignored may get a warning on stderr here; before some errors Kafka's notice, and a summary of 0
    records, go there, too.
    """
    printed = "".join(
        f"Option --{name} is deprecated and will be removed in a future version. Use {new} instead.\n"
        for name, new in _NEW_NAMES.items()
        if arguments.has(name)
    )
    settings = read_settings(arguments, "consumer", printed)
    group = _require_one_group(arguments, settings)
    _check_start(arguments, settings.all)
    formatter = _translate_formatter(arguments)
    is_new = settings.all.get("group.protocol", "").strip().lower() == "consumer"
    notice = "" if arguments.has("partition") or is_new else _NEW_PROTOCOL
    words = ["console-consumer", *_translate_settings(arguments, settings, group, printed)]
    reset = settings.all.get("auto.offset.reset", "").strip()
    if reset == "none" and group is None and not arguments.has("partition"):
        people.write_kafka_message(f"{notice}{_make_summary(0)}")
        raise OperationError("Undefined offset with no reset policy for partitions")
    try:
        words += _translate_subject(arguments, group)
    except OptionError as error:
        people.write_kafka_message(notice)
        raise JavaError(str(error), error.exception, before=printed) from None
    words += [*_translate_numbers(arguments, notice, printed), *formatter]
    words += [f"--{name}" for name in ("skip-message-on-error", "enable-systest-events") if arguments.has(name)]
    return Run(words=words, before=printed, warning=notice, call="consume")


def _translate_settings(arguments: Arguments, settings: ClientSettings, group: str | None, printed: str) -> list[str]:
    """Return our options for the consumer's settings, also for the isolation level, the start and internal topics.

    `group` is the consumer's group, None without one. It and the address are checked here, but get no option. A start
    by a duration becomes --from-time without a group, and latest with --partition. Raise JavaError, with `printed` as
    its text for stdout, for values that Java refuses, a group that is empty or blank, and an address without a port;
    OptionError for an option given twice. Settings of the command line that are ignored get a warning on stderr.
    """
    chosen = {} if group is None else {"group.id": group}
    if arguments.has("isolation-level"):
        chosen["isolation.level"] = arguments.value("isolation-level") or ""
    duration_ms = read_reset_duration(settings.all.get("auto.offset.reset", ""))
    starts_by_time = duration_ms is not None and (group is None or arguments.has("partition"))
    if starts_by_time:
        chosen["auto.offset.reset"] = "latest"
    words = translate_settings("consumer", settings, chosen, printed)
    _check_together(settings.all, printed)
    if group is not None and not group.strip():
        reason = "The configured group.id should not be an empty string or whitespace."
        raise JavaError(reason, "org.apache.kafka.common.errors.InvalidGroupIdException", before=printed)
    refuse_wrong_addresses(arguments.value("bootstrap-server") or ("" if arguments.needs_server else "h:1"), printed)
    if starts_by_time:
        words += ["-X", "auto.offset.reset=latest"]
    if starts_by_time and duration_ms is not None and not arguments.has("partition"):
        words.append(f"--from-time={max(0, time.time_ns() // 1_000_000 - duration_ms)}")
    if "isolation.level" in chosen:
        words.append(f"--isolation-level={chosen['isolation.level']}")
    if settings.all.get("exclude.internal.topics", "").strip().lower() == "false" and arguments.has("include"):
        words.append("--include-internal")
    return words


def _check_together(settings: Mapping[str, str], printed: str) -> None:
    """Raise JavaError for settings that do not fit together; `printed` is its text for stdout.

    Each group protocol does not take some settings of the other one, unless they are blank. In the classic protocol
    heartbeat.interval.ms (default 3000) must be below session.timeout.ms (default 45000). The numbers must have been
    checked before.
    """
    protocol = "CONSUMER" if settings.get("group.protocol", "").strip().lower() == "consumer" else "CLASSIC"
    if wrong := [name for name in _OF_OTHER_PROTOCOL[protocol] if settings.get(name, "").strip()]:
        reason = f"{', '.join(wrong)} cannot be set when group.protocol={protocol}"
        raise JavaError(reason, CONFIG_EXCEPTION, before=printed)
    if protocol == "CONSUMER":
        return
    if int(settings.get("heartbeat.interval.ms", "3000")) >= int(settings.get("session.timeout.ms", "45000")):
        reason = "Heartbeat must be set lower than the session timeout"
        raise JavaError(reason, "java.lang.IllegalArgumentException", before=printed)


def _require_one_group(arguments: Arguments, settings: ClientSettings) -> str | None:
    """Return the group of --group or of the setting group.id, or None without both; it may be empty.

    Raise WrongUsageError for two different groups, also in the words and the file of settings, and for one with
    --partition; OptionError for --group given twice.
    """
    places = (arguments.value("group"), settings.given.get("group.id"), settings.in_file.get("group.id"))
    groups = list(dict.fromkeys(group for group in places if group is not None))
    if len(groups) > 1:
        shown = ", ".join(f"'{group}'" for group in sort_as_hash_map(groups))
        raise WrongUsageError(
            "The group ids provided in different places (directly using '--group', via '--consumer-property', or via "
            f"'--consumer.config') do not match. Detected group ids: {shown}"
        )
    if groups and arguments.has("partition"):
        raise WrongUsageError("Options group and partition cannot be specified together.")
    return groups[0] if groups else None


def _check_start(arguments: Arguments, settings: dict[str, str]) -> None:
    """Raise JavaError for two different starts, and WrongUsageError for a text that is no offset.

    Starts differ where --from-beginning meets auto.offset.reset other than earliest: this error has no class and no
    text for stdout. An offset is earliest or latest, in any case, or a number from 0 to 2^63-1, with or without a plus
    sign. Raise OptionError for --offset given twice.
    """
    reset = settings.get("auto.offset.reset")
    if arguments.has("from-beginning") and reset not in (None, "earliest"):
        raise JavaError(
            f"Can't simultaneously specify --from-beginning and 'auto.offset.reset={reset}', please remove one option",
            "",
        )
    offset = arguments.value("offset") or ""
    is_number = re.fullmatch(r"\+?0*[0-9]{1,19}", offset) is not None and int(offset[-19:]) < 2**63
    if offset.lower() not in ("earliest", "latest") and not is_number:
        raise WrongUsageError(
            f"The provided offset value '{offset}' is incorrect. Valid values are 'earliest', 'latest', or a "
            "non-negative long."
        )


def _translate_subject(arguments: Arguments, group: str | None) -> list[str]:
    """Return our options for the server, topics, partition, start and group, each one word.

    With --partition and no start it is the end: --offset=latest. Raise OptionError for an option given twice, and for a
    partition that is no number of 32 bits.
    """
    words = translate_values(arguments, "bootstrap-server", "topic", "include", "partition")
    if arguments.has("offset"):
        words.append(f"--offset={(arguments.value('offset') or '').lower().removeprefix('+')}")
    elif arguments.has("partition") and not arguments.has("from-beginning"):
        words.append("--offset=latest")
    if arguments.has("from-beginning"):
        words.append("--from-beginning")
    return words if group is None else [*words, f"--group={group}"]


def _translate_numbers(arguments: Arguments, notice: str, printed: str) -> list[str]:
    """Return our options for the number of records and the time-out, in ms; without them the list is empty.

    A time-out below 0 and a number of -1 are left out; another negative number becomes 0. A time-out has 64 bits, a
    number of records 32: a larger one counts as no number. Raise OptionError for a time-out that is no number or given
    twice. Raise JavaError for such a number of records, which Kafka's tool reads later: `notice` and the summary of 0
    records are written to stderr before, and `printed` is its text for stdout.
    """
    words = []
    timeout_ms = arguments.value("timeout-ms")
    if timeout_ms is not None and int(timeout_ms) >= 0:
        words.append(f"--timeout-ms={int(timeout_ms)}")
    try:
        most = arguments.value("max-messages")
    except OptionError as error:
        people.write_kafka_message(f"{notice}{_make_summary(0)}")
        raise JavaError(str(error), error.exception, before=printed) from None
    if most is not None and int(most) != -1:
        words.append(f"--max-messages={max(0, int(most))}")
    return words


def _translate_formatter(arguments: Arguments) -> list[str]:
    """Return our options for the form of the records.

    Of a property that is given twice, --formatter-property and --property win over --key-deserializer and
    --value-deserializer, and these over the file. Unknown properties, and deserializers that are not Kafka's or have an
    unknown encoding, are left out with a warning on stderr; unknown properties of deserializers get none. A print.*
    becomes true or false, and in the other values a backslash is doubled, for it is no escape. Raise WrongUsageError
    for an unknown formatter and a --formatter-config that cannot be opened, UsageError for such a file that is no file
    of properties, and OptionError for another option than --formatter-property and --property given twice.
    """
    formatter = arguments.value("formatter") or ""
    if formatter.removeprefix(_PACKAGE) not in _FORMATTERS or not formatter.startswith(_PACKAGE):
        raise WrongUsageError(formatter)
    words = [f"--formatter={formatter}"] if arguments.has("formatter") else []
    config = arguments.value("formatter-config")
    try:
        require_file(config)
    except JavaError as error:
        raise WrongUsageError(str(error)) from None
    pairs = read(Path(config)) if config is not None else {}
    for part in ("key", "value"):
        if chosen := arguments.value(f"{part}-deserializer"):
            pairs[f"{part}.deserializer"] = chosen
    pairs |= split_pairs([*arguments.values("formatter-property"), *arguments.values("property")])
    if "header.deserializer" in pairs:
        pairs["headers.deserializer"] = pairs.pop("header.deserializer")
    classes = {name: pairs.pop(name) for name in _CLASS_PROPERTIES if name in pairs}
    of_classes = {name: pairs.pop(name) for name in list(pairs) if ".deserializer." in name}
    known = keep_known(pairs, _FORMATTER_PROPERTIES, "formatter")
    for name, value in known.items():
        # A backslash is no escape for Kafka's tool, but one for our command.
        fitting = is_true(value) if name.startswith("print.") else value.replace("\\", "\\\\")
        words.append(f"--formatter-property={name}={fitting}")
    for name, value in _keep_classes(classes).items():
        words += _translate_class(name, value, of_classes)
    return words


def _translate_class(name: str, value: str, settings: Mapping[str, str]) -> list[str]:
    """Return our option for a deserializer of Kafka, or for the encoding of a StringDeserializer in its place.

    UTF-8, the default, gives the deserializer itself. An encoding of another deserializer is ignored. For an unknown
    encoding the list is empty, and a warning goes to stderr. `name` is its property, such as key.deserializer, and
    `settings` are properties of such classes, such as key.deserializer.key.deserializer.encoding.
    """
    part = "key" if name == "key.deserializer" else "value"
    names = (f"{name}.{part}.deserializer.encoding", f"{name}.deserializer.encoding")
    encoding = next((settings[each] for each in names if each in settings), None)
    if encoding is None or value != f"{_DESERIALIZERS}StringDeserializer":
        return [f"--formatter-property={name}={value}"]
    try:
        "".encode(encoding)  # codecs such as hex are no encodings of text
        is_usual = codecs.lookup(encoding).name == "utf-8"
    except (LookupError, ValueError):
        people.warning(f"{name} {value} cannot be made: unknown encoding {encoding}")
        return []
    return [f"--formatter-property={name}={value}" if is_usual else f"--formatter-property={name}.encoding={encoding}"]


def _make_summary(records: int) -> str:
    """Return the last line of Kafka's tool, about the number of records, with its line end."""
    return f"Processed a total of {records} messages\n"


def _keep_classes(classes: dict[str, str]) -> dict[str, str]:
    """Return the deserializers that are Kafka's, by their properties, and warn on stderr about each other one.

    Kafka's tool logs that it cannot load such a class, and goes on.
    """
    for name, value in classes.items():
        if not _is_known_class(value):
            people.warning(f"{name} {value} cannot be loaded: the records are printed as text")
    return {name: value for name, value in classes.items() if _is_known_class(value)}


def _is_known_class(name: str) -> bool:
    """Return whether a full class name is that of one of Kafka's deserializers in _KINDS."""
    kind = name.removeprefix(_DESERIALIZERS).removesuffix("Deserializer")
    return name.startswith(_DESERIALIZERS) and name.endswith("Deserializer") and kind in _KINDS


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-console-consumer does, on stderr, and return its status: 1 or 0.

    `call` is the name of the request; it does not show. Words that cannot be parsed come with the list of options. Any
    other OptionError, and a file of settings that cannot be opened, are printed as the JVM prints an exception that
    nothing catches. A JavaError without a class is its message alone. Other errors are logged as errors of the running
    consumer. The status is 0 only for an error of the class OperationError itself, a refusal of the brokers: Kafka's
    tool ends as after its last record.
    """
    java = convert_error(error, call)
    if isinstance(error, OptionError) and error.is_of_parsing:
        print_usage(str(error), OPTIONS)
    elif isinstance(error, JavaError) and not java.exception:
        people.write_kafka_message(f"{error}\n")
    elif isinstance(error, OptionError) or java.exception.startswith(("java.nio", "java.io")):
        people.write_kafka_message(f'Exception in thread "main" {java.first_line}\n')
    else:
        log_error(f"Unknown error when running consumer: {error}")
        return int(type(error) is not OperationError)
    return 1


TOOL = Tool(
    name="kafka-console-consumer",
    main_class="org.apache.kafka.tools.consumer.ConsoleConsumer",
    purpose="This tool helps to read data from Kafka topics and outputs it to standard output.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "A topic that does not exist or has an illegal name, and a partition without a leader, is an error; Kafka's "
        "tool waits for --timeout-ms and ends with 0.",
        "Settings without effect in kafkactl, such as max.poll.records, are ignored with a warning.",
        "auto.offset.reset=by_duration works without a group; with a group it is refused, because librdkafka does not "
        "have it.",
        "A null key or value is printed as null.literal; Kafka's tool gives the bytes of null.literal to the "
        "deserializer.",
        "FloatDeserializer and DoubleDeserializer print the shortest number, as Java does from version 19 on; older "
        "ones print more digits of some numbers.",
        "ByteArrayDeserializer prints hexadecimal digits; Kafka's tool prints the address of a Java object.",
        "print.epoch prints the epoch of the leader; Kafka's tool always prints NOT_PRESENT.",
        "Records of an internal topic, as JSON of a formatter, end with a line end; Kafka's tool writes none.",
    ),
)
