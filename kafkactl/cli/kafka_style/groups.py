"""kafka-consumer-groups: its options, and `kafkactl groups` in its place.

Reference: org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, org.apache.kafka.tools.OffsetsUtils.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from kafkactl.admin.groups.kafka_csv import PlanFileError
from kafkactl.cli.frame.results import ItemError
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
    is_unknown_host,
    print_usage,
    refuse_together,
    require_file,
    require_options,
    require_servers,
    split_as_java,
    translate_connection,
)
from kafkactl.errors import KafkactlError, NotFoundError, UnreachableError, UsageError
from kafkactl.output import people
from kafkactl.output.kafka import group_text
from kafkactl.output.kafka.java_errors import format_java_error
from kafkactl.patterns import is_topic_name
from kafkactl.stdout import out

VERBS = ("list", "describe", "delete", "reset-offsets", "delete-offsets", "validate-regex")
_SCENARIOS = (
    "to-datetime", "from-file", "shift-by", "to-offset", "to-earliest", "to-current", "to-latest", "by-duration",
)  # fmt: skip
"""Options for the new offsets, in the order of Kafka's set."""
_CHECKED_SCENARIOS = (
    "to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest", "to-current", "shift-by", "from-file",
)  # fmt: skip
"""The same in the order of Kafka's checks."""
_STATES = ("CompletingRebalance", "Reconciling", "Empty", "PreparingRebalance", "Stable", "Assigning", "Dead")
_TYPES = ("Consumer", "Classic")
_WARNING = (
    "WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require "
    "either --dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are "
    "scripting this command and want to keep the current default behavior without prompting.\n"
)
_ERRORS = "org.apache.kafka.common.errors"
_EXECUTION = "java.util.concurrent.ExecutionException"
_RUNTIME = "java.lang.RuntimeException"
_UNKNOWN_TOPIC = f"{_ERRORS}.UnknownTopicOrPartitionException"
_INVALID_TOPIC = f"{_ERRORS}.InvalidTopicException"
_SILENCE = "Timed out waiting for a node assignment. Call: "
_LONGEST_TIMEOUT_MS = 3_600_000
_INTEGER = re.compile(r"[-+]?[0-9]{1,10}")
_TIME = re.compile(
    r"([0-9]+)-([0-9]+)-([0-9]+)T([0-9]+):([0-9]+):([0-9]+)\.([0-9]+)(?:(Z)|([-+])([0-9]{2})(?::?([0-9]{2}))?)"
)
_DURATION = re.compile(
    r"(?P<sign>[-+]?)P(?:(?P<days>[-+]?[0-9]+)D)?(?P<clock>T(?:(?P<hours>[-+]?[0-9]+)H)?(?:(?P<minutes>[-+]?[0-9]+)M)?"
    r"(?:(?P<seconds>[-+]?[0-9]+)(?:[.,](?P<parts>[0-9]{0,9}))?S)?)?",
    re.IGNORECASE | re.ASCII,
)
_MOST_DIGITS = 4000
_UNITS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1000}

OPTIONS = (
    *connection_options("server to connect to", "command config property file"),
    Option(
        name="group", arity=Arity.REQUIRED, label="consumer group", target="GROUP, or --group",
        summary="Group; repeatable except with --delete-offsets.", state=State.DIFFERENT,
        note="With --delete and --delete-offsets an empty name is refused at once; Kafka's tool shows it in its table.",
    ),
    Option(
        name="topic", arity=Arity.REQUIRED, label="topic", target="--topic",
        summary="Topic whose offsets are reset or deleted, or TOPIC:0,1 for some of its partitions; repeatable.",
        state=State.DIFFERENT,
        note="A partition that is named twice counts once; Kafka's tool ends with an internal error.",
    ),
    Option(name="all-topics", target="--all-topics", summary="All topics in which the group has committed offsets."),
    Option(name="list", target="groups list", summary="Print the names of groups."),
    Option(name="describe", target="groups describe", summary="Print offsets, members or states of groups."),
    Option(name="all-groups", target="--all-groups", summary="All groups of the cluster."),
    Option(name="delete", target="groups delete", summary="Delete groups with their committed offsets."),
    Option(
        name="timeout", arity=Arity.REQUIRED, type="Long", label="timeout (ms)", default="30000", target="--timeout",
        summary="Longest wait for the brokers in ms.",
    ),
    Option(
        name="reset-offsets", target="groups reset-offsets",
        summary="Set the committed offsets of groups without members.",
    ),
    Option(name="delete-offsets", target="groups delete-offsets", summary="Delete committed offsets of topics."),
    Option(
        name="validate-regex", arity=Arity.REQUIRED, label="regex", target="groups validate-regex",
        summary="Check a regular expression of a subscription, without a broker.",
    ),
    Option(name="dry-run", target="no --execute", summary="Only show the new offsets of --reset-offsets."),
    Option(name="execute", target="--execute", summary="Commit the new offsets of --reset-offsets."),
    Option(name="export", target="--export", summary="Print the new offsets of --reset-offsets as CSV."),
    Option(
        name="to-offset", arity=Arity.REQUIRED, type="Long", label="offset", target="--to-offset",
        summary="Reset to this offset.",
    ),
    Option(
        name="from-file", arity=Arity.REQUIRED, label="path to CSV file", target="--from-file",
        summary="Reset to the offsets in a file: TOPIC,PARTITION,OFFSET, with several groups after the group.",
        state=State.DIFFERENT,
        note="A partition that does not exist is an error at once; Kafka's tool asks until the time-out. A number that "
        "is too large has the message of a text that is no number.",
    ),
    Option(
        name="to-datetime", arity=Arity.REQUIRED, label="datetime", target="--to-datetime",
        summary="Reset to the first record from this time on: 2026-01-31T12:00:00.000.",
    ),
    Option(
        name="by-duration", arity=Arity.REQUIRED, label="duration", target="--by-duration",
        summary="Reset to the first record from this long ago on: P1DT2H3M4S.",
    ),
    Option(name="to-earliest", target="--to-earliest", summary="Reset to the first offsets of the logs."),
    Option(name="to-latest", target="--to-latest", summary="Reset to the ends of the logs."),
    Option(name="to-current", target="--to-current", summary="Reset to the committed offsets."),
    Option(
        name="shift-by", arity=Arity.REQUIRED, type="Long", label="number-of-offsets", target="--shift-by",
        summary="Move the committed offsets on by this number, or back by a negative one.",
    ),
    Option(
        name="members", available_with=("describe",), target="--members",
        summary="With --describe: the members of the groups.",
    ),
    Option(
        name="offsets", available_with=("describe",), target="--offsets",
        summary="With --describe: offsets and lag of partitions, as without an option.",
    ),
    Option(
        name="state", arity=Arity.OPTIONAL, available_with=("describe", "list"), target="--state",
        summary="With --describe: states of groups. With --list: show states, or only groups in the named ones.",
    ),
    Option(
        name="verbose", available_with=("describe",), target="--verbose",
        summary="With --describe: epochs, and assignments of members.",
    ),
    Option(
        name="type", arity=Arity.OPTIONAL, available_with=("list",), target="--type",
        summary="With --list: show types, or only groups of the named ones.",
    ),
    HELP,
    VERSION,
)  # fmt: skip


class SilenceError(JavaError):
    """A time-out that is over before brokers can answer."""


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for options that are missing or do not belong together.

    These are a missing --bootstrap-server, unless the arguments do not need it or --validate-regex is there; --describe
    and --delete without --group or --all-groups; --describe with two of --members, --offsets and --state, or with a
    value of --state; --delete with --topic; --delete-offsets without --group or without --topic; a reset with --dry-run
    and --execute, without --group or --all-groups, or with two of the options for new offsets; --group beside
    --all-groups or --list; --topic beside --list or --describe; and a command line without exactly one verb.

    Its text begins with Kafka's warning about a reset without --execute, where Kafka's tool prints that before.
    """
    if not arguments.has("validate-regex"):
        require_options(arguments, "bootstrap-server")
    if arguments.has("describe"):
        _check_description(arguments)
    if arguments.has("delete"):
        _require_scope(arguments, "delete")
        if arguments.has("topic"):
            raise WrongUsageError("The consumer does not support topic-specific offset deletion from a consumer group.")
    if arguments.has("delete-offsets") and not (arguments.has("group") and arguments.has("topic")):
        raise WrongUsageError("Option [delete-offsets] takes the following options: [topic], [group]")
    if arguments.has("reset-offsets") and arguments.has("dry-run") and arguments.has("execute"):
        raise WrongUsageError("Option [reset-offsets] only accepts one of [execute] and [dry-run]")
    try:
        _check_reset_and_verbs(arguments)
    except WrongUsageError as error:
        raise WrongUsageError(f"{_find_warning(arguments)}{error}") from None


def _check_description(arguments: Arguments) -> None:
    """Raise WrongUsageError for a --describe without groups, with two kinds of output, or with a value of --state."""
    _require_scope(arguments, "describe")
    if sum(arguments.has(name) for name in ("members", "offsets", "state")) > 1:
        raise WrongUsageError("Option [describe] takes at most one of these options: [members], [offsets], [state]")
    if arguments.has_value("state"):
        raise WrongUsageError("Option [describe] does not take a value for [state]")


def _check_reset_and_verbs(arguments: Arguments) -> None:
    """Raise WrongUsageError for what Kafka's tool checks after its warning: resets, and the number of verbs.

    It refuses a reset without --group or --all-groups, or with two of the options for new offsets; --group beside
    --all-groups or --list; --topic beside --list or --describe; and a command line without exactly one verb.
    """
    if arguments.has("reset-offsets"):
        _require_scope(arguments, "reset-offsets")
        for name in _CHECKED_SCENARIOS:
            refuse_together(arguments, name, [other for other in _SCENARIOS if other != name])
    refuse_together(arguments, "group", ("all-groups",))
    refuse_together(arguments, "group", ("list",))
    refuse_together(arguments, "topic", ("list", "describe"))
    if sum(arguments.has(verb) for verb in VERBS) != 1:
        verbs = ", ".join(f"--{verb}" for verb in ("list", "describe", *VERBS[2:]))
        raise WrongUsageError(f"Command must include exactly one action: {verbs}")


def _require_scope(arguments: Arguments, verb: str) -> None:
    """Raise WrongUsageError where neither --group nor --all-groups is there."""
    if not arguments.has("group", "all-groups"):
        raise WrongUsageError(f"Option [{verb}] takes one of these options: [all-groups], [group]")


def _find_warning(arguments: Arguments) -> str:
    """Return the warning of a reset without --execute and --dry-run, with its line end; else an empty text."""
    is_silent = not arguments.has("reset-offsets") or arguments.has("dry-run", "execute")
    return "" if is_silent else _WARNING


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl groups`; the command line must have passed `check`.

    Raise WrongUsageError, OptionError or JavaError as Kafka's tool does: for values that cannot be read, most options
    given twice, a server without a port, a file of settings that cannot be read, empty or wrong names, a missing scope
    or scenario, and (SilenceError, a JavaError) a time-out whose lowest 32 bits are 0 or a negative number. Kafka's
    warning about a reset without --execute and --dry-run is in the result's `warning`, for stderr, and at the beginning
    of a WrongUsageError; other errors lack it. For --validate-regex nothing but its value is read. The command asks for
    no confirmation.
    """
    verb = _find_verb(arguments)
    if verb == "validate-regex":
        return Run(words=["groups", verb, "--", _read_regex(arguments)])
    require_file(arguments.value("command-config"), cause=_RUNTIME)
    connection = translate_connection(arguments)
    require_servers(arguments)
    arguments.values("to-offset")  # Kafka's tool reads these values whatever it does
    arguments.value("by-duration")
    arguments.value("shift-by")
    timeout = arguments.value("timeout") or ""
    translate_verb = {
        "list": _translate_list, "describe": _translate_description, "delete": _translate_deletion,
        "reset-offsets": _translate_reset, "delete-offsets": _translate_offset_deletion,
    }[verb]  # fmt: skip
    try:
        words = translate_verb(arguments)
    except WrongUsageError as error:
        raise WrongUsageError(f"{_find_warning(arguments)}{error}") from None
    words = ["groups", verb, "-o", "kafka", *connection, f"--timeout={_convert_timeout(int(timeout))}ms", *words]
    return Run(words=words, warning=_find_warning(arguments), call=verb)


def _find_verb(arguments: Arguments) -> str:
    """Return the verb of a command line without dashes, the first in VERBS of several; empty where it has none."""
    return next((verb for verb in VERBS if arguments.has(verb)), "")


def _read_regex(arguments: Arguments) -> str:
    """Return the value of --validate-regex, which is not checked; "" without one. Raise WrongUsageError for several."""
    try:
        return arguments.value("validate-regex") or ""
    except OptionError as error:
        raise WrongUsageError(str(error)) from None


def _convert_timeout(number: int) -> int:
    """Return a time-out in ms: a number of 64 bits cut to 32 bits, as Java's intValue() does, and at most an hour.

    Raise SilenceError for one of 0 and below, which is over at once.
    """
    timeout_ms = (number + 2**31) % 2**32 - 2**31
    if timeout_ms <= 0:
        raise SilenceError("the time-out is over", f"{_ERRORS}.TimeoutException")
    return min(timeout_ms, _LONGEST_TIMEOUT_MS)


def _translate_list(arguments: Arguments) -> list[str]:
    """Return our arguments of --list, at most two words: --type=A,B and --state=A,B.

    An option that is not given is left out. Without a value, and for an empty one or commas alone, its value is `all`.
    Raise WrongUsageError for unknown types and states (upper case does not matter), OptionError for several values of
    an option.
    """
    words = []
    for name, valid, noun in (("type", _TYPES, "types list"), ("state", _STATES, "state list")):
        if not arguments.has(name):
            continue
        text = arguments.value(name) or ""
        values = [value.strip() for value in split_as_java(text, ",")]
        if text and not {value.lower() for value in values} <= set(map(str.lower, valid)):
            raise WrongUsageError(f"Invalid {noun} '{text}'. Valid {name}s are: {', '.join(valid)}")
        words.append(f"--{name}={','.join(values) or 'all'}")
    return words


def _translate_description(arguments: Arguments) -> list[str]:
    """Return our arguments of --describe. Raise JavaError for an empty name of a group."""
    _require_named_groups(arguments, depth=1)
    flags = [name for name in ("members", "offsets", "state", "verbose") if arguments.has(name)]
    return [*_translate_scope(arguments), *(f"--{flag}" for flag in flags)]


def _translate_scope(arguments: Arguments) -> list[str]:
    """Return our arguments for the groups: --all-groups, or one --group for each value."""
    if arguments.has("all-groups"):
        return ["--all-groups"]
    return [f"--group={group}" for group in arguments.values("group")]


def _require_named_groups(arguments: Arguments, depth: int) -> None:
    """Raise JavaError for an empty name of a group; `depth` is the number of exceptions around the error's own."""
    if "" in arguments.values("group"):
        raise _wrap(JavaError("The group id is invalid.", f"{_ERRORS}.InvalidGroupIdException"), depth)


def _translate_deletion(arguments: Arguments) -> list[str]:
    """Return our arguments behind `groups delete`: the groups and --yes. They are not checked."""
    return [*_translate_scope(arguments), "--yes"]


def _translate_offset_deletion(arguments: Arguments) -> list[str]:
    """Return our arguments of --delete-offsets; the command does not ask for confirmation.

    Raise OptionError for several groups, and WrongUsageError for a --topic that is not TOPIC or TOPIC:0,1. Names and
    partitions below 0 are not refused.
    """
    group = arguments.value("group")
    topics = [_write_topic(*_read_topic(text)) for text in arguments.values("topic")]
    return [f"--group={group}", *(f"--topic={topic}" for topic in topics), "--yes"]


def _read_topic(text: str) -> tuple[str, list[int] | None]:
    """Return the topic and the partitions of a --topic, TOPIC or TOPIC:0,1; the partitions are None for all.

    Numbers of 32 bits may be negative, and commas alone are an empty list. The name is not checked. Raise
    WrongUsageError for another form.
    """
    if ":" not in text:
        return text, None
    parts = split_as_java(text, ":")
    if len(parts) != 2:
        raise WrongUsageError(f"Invalid topic arg '{text}', expected topic name and partitions")
    numbers = split_as_java(parts[1], ",")
    for number in numbers:
        if not _INTEGER.fullmatch(number) or not -(2**31) <= int(number) < 2**31:
            raise WrongUsageError(f"Invalid partition '{number}' specified in topic arg '{text}''")
    return parts[0], [int(number) for number in numbers]


def _write_topic(name: str, numbers: Sequence[int] | None) -> str:
    """Return a topic, or some partitions of it, as our --topic has them: TOPIC or TOPIC:0,1."""
    return name if numbers is None else f"{name}:{','.join(map(str, numbers))}"


def _translate_reset(arguments: Arguments) -> list[str]:
    """Return our arguments of --reset-offsets.

    --all-topics wins over --topic, and --from-file over --all-topics; --topic stays beside --from-file alone. Raise
    WrongUsageError where --topic, --all-topics and --from-file are missing, for a missing scenario and a wrong form of
    --topic, OptionError for a wrong number and for several values of --shift-by or --by-duration (of other scenarios
    the first value counts), and JavaError for an empty group and for a topic, partition, time or duration that Kafka's
    tool refuses.
    """
    _require_named_groups(arguments, depth=2)
    words = [*_translate_scope(arguments), "--yes"]
    if arguments.has("topic") and not arguments.has("all-topics"):
        words += _translate_topics(arguments)
    elif arguments.has("all-topics"):
        words += [] if arguments.has("from-file") else ["--all-topics"]
    elif not arguments.has("from-file"):
        raise WrongUsageError("One of the reset scopes should be defined: --all-topics, --topic.")
    words += [f"--{name}" for name in ("export", "execute") if arguments.has(name)]
    return [*words, _translate_scenario(arguments)]


def _translate_topics(arguments: Arguments) -> list[str]:
    """Return our arguments for the values of --topic of a reset, those with partitions first.

    A value is TOPIC or TOPIC:0,1. --all-topics is not translated here. Raise WrongUsageError for a wrong form, and
    JavaError for a name that no topic can have and a negative partition.
    """
    topics = [_read_topic(text) for text in arguments.values("topic")]
    plain = [name for name, numbers in topics if numbers is None]
    numbered = [(name, numbers) for name, numbers in topics if numbers is not None]
    _require_legal_names(plain, depth=0)
    _require_legal_names((name for name, _ in numbered), depth=2)
    if below := [f"{name}-{number}" for name, numbers in numbered for number in numbers if number < 0]:
        raise _make_partition_error(below)
    return [
        f"--topic={_write_topic(name, numbers)}" for name, numbers in [*numbered, *((name, None) for name in plain)]
    ]


def _require_legal_names(names: Iterable[str], depth: int) -> None:
    """Raise JavaError for a name that no topic can have; `depth` is the number of exceptions around the error's own."""
    for name in names:
        if not name:
            problem = "The given topic name '' cannot be represented in a request."
        elif not is_topic_name(name):
            problem = "The request attempted to perform an operation on an invalid topic."
        else:
            continue
        raise _wrap(JavaError(problem, _INVALID_TOPIC), depth)


def _make_partition_error(names: Iterable[str]) -> JavaError:
    """Return (not raise) the error for partitions that do not exist, by their names TOPIC-NUMBER."""
    return JavaError(f'The partitions "{",".join(names)}" do not exist', _UNKNOWN_TOPIC)


def _translate_scenario(arguments: Arguments) -> str:
    """Return our argument for the new offsets, one word.

    Where several are given, which `check` refuses, the first counts of --to-earliest, --to-latest, --to-current,
    --to-offset, --shift-by, --to-datetime, --by-duration and --from-file. A time is in ms since 1970 in the result. Of
    several values of --to-offset, --to-datetime and --from-file the first counts. Raise WrongUsageError without a
    scenario, JavaError for a wrong time or duration and for a time before 1970, and OptionError for a wrong number, or
    several of --shift-by or --by-duration.
    """
    for name in ("to-earliest", "to-latest", "to-current"):
        if arguments.has(name):
            return f"--{name}"
    if arguments.has("to-offset"):
        return f"--to-offset={int(arguments.values('to-offset')[0])}"
    if arguments.has("shift-by"):
        return f"--shift-by={int(arguments.value('shift-by') or '')}"
    if arguments.has("to-datetime"):
        return f"--to-datetime={_require_after_1970(_read_time(arguments.values('to-datetime')[0]))}"
    if arguments.has("by-duration"):
        return f"--by-duration={_translate_duration(arguments.value('by-duration') or '')}"
    if arguments.has("from-file"):
        return f"--from-file={arguments.values('from-file')[0]}"
    scenarios = ", ".join(f"[{name}]" for name in _SCENARIOS)
    raise WrongUsageError(f"Option '[reset-offsets]' requires one of the following scenarios: [{scenarios}]")


def _read_time(text: str) -> int:
    """Return a time in ms since 1970, read as Java's SimpleDateFormat does: 2026-01-31T12:00:00.000.

    The ms must be there, and .5 is 5 ms. Z or an offset may follow; without both it is UTC. Minutes of an offset count
    only behind a colon. Text behind Z or an offset is ignored. The result may be negative. Raise JavaError for another
    text.
    """
    _, _, clock = text.partition("T")
    if not clock:
        reason = "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format"
        raise JavaError(reason, "java.text.ParseException", cause=_RUNTIME)
    text = text if any(mark in clock.partition("T")[0] for mark in "+-Z") else f"{text}Z"
    match = _TIME.match(text)
    try:
        if match is None:
            raise ValueError
        return _make_time(match)
    except (ValueError, OverflowError):
        raise JavaError(f'Unparseable date: "{text}"', "java.text.ParseException", cause=_RUNTIME) from None


def _make_time(match: re.Match[str]) -> int:
    """Return the time in ms since 1970 of a match of _TIME; it may be negative.

    The minutes of an offset count only behind a colon, and only up to 59, as in Java. Raise ValueError or OverflowError
    for a date or a part of the clock that does not exist, and for a year that Python does not have.
    """
    year, month, day, hour, minute, second, ms = map(int, match.groups()[:7])
    if ms >= 1000:
        raise ValueError
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    offset = timedelta()
    if match[9]:
        if int(match[10]) > 23:
            raise ValueError
        minutes = int(match[11]) if match[11] and match[0][-3] == ":" else 0
        offset = timedelta(hours=int(match[10]), minutes=minutes if minutes <= 59 else 0)
        offset *= 1 if match[9] == "+" else -1
    return (moment - offset - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) + ms


def _translate_duration(text: str) -> str:
    """Return a duration of ISO 8601, such as P1DT2H3M4.5S, for our --by-duration, in seconds: PT93784.500S.

    Less than a ms of the whole is cut off. A duration may be negative: then the result begins with a minus sign. Raise
    JavaError for another text, for one of 2^63 s or more, also in a single part, and for one that leads from now to a
    time before 1970.
    """
    match = _DURATION.fullmatch(text)
    if match is None or (match["clock"] or "").upper() == "T" or not any(match[unit] for unit in _UNITS):
        raise JavaError("Text cannot be parsed to a Duration", "java.time.format.DateTimeParseException")
    for unit, size in _UNITS.items():
        if match[unit] and (len(match[unit]) > _MOST_DIGITS or abs(int(match[unit])) * size // 1000 >= 2**63):
            reason = f"Text cannot be parsed to a Duration: {unit}"
            raise JavaError(reason, "java.time.format.DateTimeParseException")
    parts_ns = int((match["parts"] or "").ljust(9, "0"))
    exact_ns = sum(int(match[unit] or 0) * size for unit, size in _UNITS.items()) * 1_000_000
    exact_ns += -parts_ns if (match["seconds"] or "").startswith("-") else parts_ns
    duration_ms = abs(exact_ns) // 1_000_000  # only of the whole, as its parts may have different signs
    if duration_ms // 1000 >= 2**63:
        raise JavaError("Text cannot be parsed to a Duration: overflow", "java.time.format.DateTimeParseException")
    duration_ms *= -1 if (exact_ns < 0) != (match["sign"] == "-") else 1
    _require_after_1970(time.time_ns() // 1_000_000 - duration_ms)
    return f"{'-' if duration_ms < 0 else ''}PT{abs(duration_ms) // 1000}.{abs(duration_ms) % 1000:03}S"


def _require_after_1970(time_ms: int) -> int:
    """Return a time in ms since 1970. Raise JavaError for one before: brokers take it for a special offset."""
    if time_ms < 0:
        error = JavaError("The version of API is not supported.", f"{_ERRORS}.UnsupportedVersionException")
        raise _wrap(error, depth=2)
    return time_ms


def _wrap(error: JavaError, depth: int) -> JavaError:
    """Return (not raise) an error with `depth` exceptions around it.

    0 is none, 1 an ExecutionException, 2 a RuntimeException around an ExecutionException. Above 0 the result is a new
    error without the `before` and `cause` of the given one.
    """
    if depth == 0:
        return error
    if depth == 1:
        return JavaError(str(error), error.exception, cause=_EXECUTION)
    return JavaError(f"{error.exception}: {error}", _EXECUTION, cause=_RUNTIME)


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-consumer-groups does, and return its status.

    It is 1, with the text on stderr, for words that cannot be parsed, and for a wrong use in a file or a shift, which
    has the list of options, too. It is 0 for any other error, which goes to stdout, with the first line of its stack
    trace on stderr. It is 0 for a deletion, too: its table goes to stdout where no broker answered (not with
    --all-groups, nor where no host has an address); after a refusal of single groups nothing is printed, because the
    table is there already. The `trace` of a PlanFileError goes to stderr before. Of `call` counts only whether it is
    empty, as for an error of the command line: then the warning about a reset goes to stderr before, except for words
    that cannot be parsed. Raise OutputError or ReaderLeftError where stdout fails.
    """
    if isinstance(error, OptionError) and error.is_of_parsing:
        people.write_kafka_message(f'Exception in thread "main" {error.exception}: {error}\n')
        return 1
    if not call:
        people.write_kafka_message(_find_warning(arguments))
    if isinstance(error, PlanFileError):
        people.write_kafka_message(error.trace)
    verb = _find_verb(arguments)
    if is_unknown_host(error):
        error = convert_error(error, call)
    if verb in ("delete", "delete-offsets") and (text := _format_table(arguments, error, verb)) is not None:
        out.write_text(text)
        return 0
    if usage := _find_usage(error):
        print_usage(usage, OPTIONS)
        return 1
    java = _convert(arguments, error, verb)
    out.write_text(f"\nError: Executing consumer group command failed due to {java.text}\n")
    people.write_kafka_message(f"{java.first_line}\n")
    return 0


def _find_usage(error: KafkactlError) -> str:
    """Return the sentence of an error that Kafka's tool answers with the list of its options; empty for another."""
    if isinstance(error, PlanFileError) and error.exception == "java.lang.IllegalArgumentException":
        return str(error)
    if isinstance(error, NotFoundError) and error.names and "nothing to shift" in str(error):
        return f"Cannot shift offset for partition {error.names[0]} since there is no current committed offset"
    return ""


def _format_table(arguments: Arguments, error: KafkactlError, verb: str) -> str | None:
    """Return the table of a deletion whose brokers do not answer, "" where it is printed; None for any other error.

    `verb` is delete or delete-offsets. The table is for UnreachableError and SilenceError, but with --all-groups the
    result is None. "" is for the error of a single group with delete, which is in the table on stdout already. With
    delete-offsets the values of --topic must be right: raise WrongUsageError.
    """
    if not isinstance(error, UnreachableError | SilenceError):
        return "" if isinstance(error, ItemError) and verb == "delete" else None
    if arguments.has("all-groups"):
        return None
    if verb == "delete":
        silence = format_java_error(7, f"{_SILENCE}deleteConsumerGroups(api=FIND_COORDINATOR)")
        return group_text.format_deletions(dict.fromkeys(arguments.values("group"), silence))
    results: dict[tuple[str, int], str | None] = {}
    for text in arguments.values("topic"):
        name, numbers = _read_topic(text)
        request = "listNodes" if numbers is None else "offsetDelete(api=FIND_COORDINATOR)"
        silence = format_java_error(7, f"{_SILENCE}{request}")
        results.update(((name, number), silence) for number in ([-1] if numbers is None else numbers))
    problem = "Encountered some unknown error: REQUEST_TIMED_OUT"
    return group_text.format_offset_deletions(arguments.value("group") or "", results, problem)


def _convert(arguments: Arguments, error: KafkactlError, verb: str) -> JavaError:
    """Return (not raise) an error of our command as the Java exception of Kafka's tool.

    `verb` is the verb without dashes. A JavaError is returned as it is, unless it is a SilenceError. A refusal that
    does not name what is missing has one exception around it for describe, and two for other verbs; a UsageError and a
    PlanFileError have none. An UnreachableError must not be one for an unknown host: here each becomes the error of
    brokers that do not answer. Raise WrongUsageError for a wrong value of --topic where topics or partitions are
    missing, but not with --all-topics.
    """
    if isinstance(error, PlanFileError):
        return JavaError(str(error), error.exception)
    if isinstance(error, UnreachableError | SilenceError):
        return _convert_silence(arguments, verb)
    if isinstance(error, NotFoundError) and error.names:
        return _convert_missing(arguments, error.names, verb)
    java = convert_error(error, verb)
    if isinstance(error, JavaError | UsageError):
        return java
    return _wrap(java, depth=1 if verb == "describe" else 2)


def _convert_silence(arguments: Arguments, verb: str) -> JavaError:
    """Return (not raise) the error of brokers that do not answer; `verb` is the verb without dashes.

    For list and --all-groups it says that no brokers were found, for all else that the request timed out. Nothing else
    of `arguments` is used.
    """
    if verb == "list" or arguments.has("all-groups"):
        error = JavaError("Failed to find brokers to send ListGroups", "org.apache.kafka.common.KafkaException")
        return _wrap(error, depth=2)
    reason = f"{_SILENCE}describeConsumerGroups(api=FIND_COORDINATOR)"
    return _wrap(JavaError(reason, f"{_ERRORS}.TimeoutException"), depth=1 if verb == "describe" else 2)


def _convert_missing(arguments: Arguments, names: Sequence[str], verb: str) -> JavaError:
    """Return (not raise) the error of missing groups, topics or partitions.

    `names`, at least one, are those of the error: groups with the verb describe, else topics, or partitions as
    TOPIC-NUMBER. Of groups only the first is in the message. The exception depends on whether --topic names such a
    topic, with or without numbers; without one, and with --all-topics, the message has all `names` as partitions. Raise
    WrongUsageError for a wrong value of --topic, but not with --all-topics.
    """
    if verb == "describe":
        return _wrap(JavaError(f"Group {names[0]} not found.", f"{_ERRORS}.GroupIdNotFoundException"), depth=1)
    texts = [] if arguments.has("all-topics") else arguments.values("topic")
    topics = [_read_topic(text) for text in texts]
    unknown = JavaError("This server does not host this topic-partition.", _UNKNOWN_TOPIC)
    if any(name in names and numbers is None for name, numbers in topics):
        return unknown
    if any(name in names for name, _ in topics):
        return _wrap(unknown, depth=2)
    return _make_partition_error(names)


TOOL = Tool(
    name="kafka-consumer-groups",
    main_class="org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    purpose="This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or "
    "reset consumer group offsets.",
    options=OPTIONS,
    verbs=VERBS,
    check=check,
    translate=translate,
    report=report,
    failure_status=0,
    differences=(
        "A --topic with a colon and no partition is refused by --reset-offsets; Kafka's tool resets nothing.",
        "A group that does not exist has the words of Kafka's tool at brokers of Kafka 4 also at older brokers.",
        "An empty name of a group is refused at brokers of all releases; those with ZooKeeper accept one.",
        "A time-out above an hour is an hour.",
    ),
)
