"""kafka-get-offsets: its options, and `kafkactl offsets` in its place.

Reference: org.apache.kafka.tools.GetOffsetShell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kafkactl.cli.frame.results import SkippedPartitionsError
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, State, is_of_type
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    connection_options,
    convert_error,
    parse_include_list,
    require_file,
    require_form_of_addresses,
    require_options,
    require_servers,
    split_as_java,
    translate_connection,
)
from kafkactl.errors import KafkactlError, NotFoundError
from kafkactl.output import people

_TERSE = "org.apache.kafka.tools.TerseException"
_NO_MATCH = "Could not match any topic-partitions with the specified filters"
_TIMES = {
    "latest": -1, "earliest": -2, "max-timestamp": -3, "earliest-local": -4, "latest-tiered": -5,
    "earliest-pending-upload": -6,
}  # fmt: skip
_LOWEST_TIME = min(_TIMES.values())
_TIME_CHOICES = " / ".join(f"{number} or {name}" for name, number in _TIMES.items())
_RULE = re.compile(r"[^:,]*(?::(?:[0-9]*|[0-9]*-[0-9]*)?)?")

OPTIONS = (
    *connection_options("HOST1:PORT1,...,HOST3:PORT3", "config file"),
    Option(
        name="topic-partitions",
        arity=Arity.REQUIRED,
        label="topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3",
        target="--topic-partitions",
        summary="Rules for topics and partitions, with commas between; the end of a range is not included.",
    ),
    Option(
        name="topic",
        arity=Arity.REQUIRED,
        label="topic",
        target="TOPIC, or --topic",
        summary="Topics: names or regular expressions, with commas between.",
    ),
    Option(
        name="partitions",
        arity=Arity.REQUIRED,
        label="partition ids",
        target="--partitions",
        summary="Numbers of partitions, with commas between. Default: all.",
    ),
    Option(
        name="time",
        arity=Arity.REQUIRED,
        label=f"<timestamp> / {_TIME_CHOICES}",
        default="latest",
        target="--time",
        summary="Time in ms since 1970, or a special offset.",
        state=State.DIFFERENT,
        note="A number below -6 is refused; Kafka's tool sends it, prints an error of the broker for each partition, "
        "and ends with 0.",
    ),
    Option(
        name="exclude-internal-topics",
        target="--exclude-internal-topics",
        summary="Leave the internal topics of Kafka out.",
    ),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError or JavaError for options that are missing or do not belong together.

    WrongUsageError is for an address that require_form_of_addresses() refuses, and for a missing --bootstrap-server,
    unless the arguments do not need it. JavaError is for a port above 65535, and for --topic-partitions beside --topic
    or --partitions; OptionError is for --bootstrap-server given twice.
    """
    require_options(arguments, "bootstrap-server")
    if (servers := arguments.value("bootstrap-server")) is not None:
        require_form_of_addresses(servers)
        require_servers(arguments)
    if arguments.has("topic-partitions") and arguments.has("topic", "partitions"):
        raise JavaError("--topic-partitions cannot be used with --topic or --partitions", _TERSE)


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl offsets`.

    The command line must have passed `check`. Internal topics are included, unless --exclude-internal-topics is there.
    Negative numbers of --partitions are left out; JavaError where no other is there, also for commas alone. A time is
    `latest` by default. An empty --partitions or --topic-partitions counts as none, but an empty --topic matches no
    topic. Raise OptionError for an option with a value that is given twice, and JavaError for a value that Kafka's tool
    refuses, a file of settings that cannot be read, and a time below -6.
    """
    words = ["offsets", "-o", "kafka", *translate_connection(arguments), "--include-internal"]
    time = "latest" if (given := arguments.value("time")) is None else given
    if time not in _TIMES and not (re.fullmatch(r"[-+]?[0-9]{1,19}", time) and int(time) < 1 << 63):
        reason = f"Malformed time argument {time}. Please use {_TIME_CHOICES}, or a specified long format timestamp"
        raise JavaError(reason, _TERSE)
    if time not in _TIMES and int(time) < _LOWEST_TIME:
        raise JavaError(f"--time {time} is not supported by kafkactl: see {_TIME_CHOICES}", _TERSE)
    words.append(f"--time={time if time in _TIMES else int(time)}")
    require_file(arguments.value("command-config"))
    if arguments.has("exclude-internal-topics"):
        words.append("--exclude-internal-topics")
    if text := arguments.value("topic-partitions"):
        if not (rules := split_as_java(text)):
            raise JavaError(_NO_MATCH, _TERSE)
        words.append(f"--topic-partitions={_read_rules(rules)}")
    if (topic := arguments.value("topic")) is not None:
        words.append(f"--match={parse_include_list(topic)}")
    if partitions := arguments.value("partitions"):
        numbers = split_as_java(partitions)
        if not all(is_of_type(number, "Integer") for number in numbers):
            reason = f"--partitions expects a comma separated list of numeric partition ids, but received: {partitions}"
            raise JavaError(reason, _TERSE)
        present = [str(int(number)) for number in numbers if int(number) >= 0]
        if not present:
            raise JavaError(_NO_MATCH, _TERSE)
        words.append(f"--partitions={','.join(present)}")
    return Run(words=words, call="listTopics")


def _read_rules(parts: Sequence[str]) -> str:
    """Return rules for partitions as our command takes them: one text, with commas between.

    A rule is TOPIC, TOPIC:NUMBER, TOPIC:FROM-TO, TOPIC:FROM- or TOPIC:-TO; each part may be empty. A topic becomes what
    parse_include_list() returns, so blanks around it go, but an empty one stays empty, and numbers stay as they are.
    Raise JavaError for a rule of another form, a topic that parse_include_list() refuses, and a number above 2^31 - 1.
    """
    rules = []
    for rule in parts:
        if not _RULE.fullmatch(rule):
            message = f"Invalid rule specification: {rule}"
            raise JavaError(f"{_TERSE}: {message}", "java.lang.RuntimeException")
        topic, colon, numbers = rule.partition(":")
        rules.append(f"{parse_include_list(topic) if topic else ''}{colon}{numbers}")
        if large := [number for number in numbers.split("-") if number and not is_of_type(number, "Integer")]:
            raise JavaError(f'For input string: "{large[0]}"', "java.lang.NumberFormatException")
    return ",".join(rules)


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-get-offsets does, on stderr, and return its status: 1, or 0 for those of partitions.

    Every NotFoundError is the sentence that nothing matches. Errors that are no TerseException have the first line of
    their stack trace, too, but not those of words that cannot be parsed. `call` is the name of the request, for the
    text of a time-out.
    """
    if isinstance(error, SkippedPartitionsError):
        for (topic, number), failure in error.errors.items():
            reason = convert_error(failure, call).first_line
            place = f"topic-partition {topic}-{number}"
            people.write_kafka_message(f"Skip getting offsets for {place} due to error: {reason}\n")
        return 0
    java = convert_error(error, call)
    if isinstance(error, NotFoundError):
        java = JavaError(_NO_MATCH, _TERSE)
    is_terse = java.exception == _TERSE or (isinstance(error, OptionError) and error.is_of_parsing)
    people.write_kafka_message(f"Error occurred: {java}\n" + ("" if is_terse else f"{java.first_line}\n\n"))
    return 1


TOOL = Tool(
    name="kafka-get-offsets",
    main_class="org.apache.kafka.tools.GetOffsetShell",
    purpose="An interactive shell for getting topic-partition offsets.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
)
