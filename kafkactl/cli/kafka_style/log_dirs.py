"""kafka-log-dirs: its options, and `kafkactl log-dirs list` in its place.

Reference: org.apache.kafka.tools.LogDirsCommand.
"""

from __future__ import annotations

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, is_of_type
from kafkactl.cli.kafka_style.tools import (
    HELP,
    NOTHING,
    TERSE,
    VERSION,
    JavaError,
    Run,
    Tool,
    connection_options,
    convert_error,
    require_file,
    require_options,
    require_servers,
    split_as_java,
    translate_connection,
    wrap_error,
)
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.output import people
from kafkactl.output.kafka.java_order import sort_by_hash
from kafkactl.patterns import has_name_characters

_BITS = 0xFFFFFFFF
_NUMBER = "java.lang.NumberFormatException"

OPTIONS = (
    *connection_options("The server(s) to use for bootstrapping", "Admin client property file"),
    Option(name="describe", target="log-dirs list", summary="Show the log directories of brokers; it must be there."),
    Option(
        name="topic-list",
        arity=Arity.REQUIRED,
        label="Topic list",
        default="",
        target="TOPIC, or --topic",
        summary="Topics, with commas between. Default: all.",
    ),
    Option(
        name="broker-list",
        arity=Arity.REQUIRED,
        label="Broker list",
        default="",
        target="--brokers",
        summary="Ids of brokers, with commas between. Default: all.",
    ),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for a missing --bootstrap-server (unless a context may be used) or --describe."""
    require_options(arguments, "bootstrap-server", "describe")


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl log-dirs list`.

    Raise OptionError for an option given twice, and JavaError for a file of settings that cannot be read, an address
    without a port, and an id that is no Integer. An empty list, also one of commas alone, means all. Names with
    characters that no topic can have are left out; where no other name is given, the command finds no topic.
    """
    words = ["log-dirs", "list", "-o", "kafka", *translate_connection(arguments)]
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    if topics := [name for name in split_as_java(arguments.value("topic-list") or "") if name]:
        names = [name for name in topics if has_name_characters(name)]  # no other text is the name of a topic
        words += [f"--topic={','.join(names)}" if names else f"--match={NOTHING}"]
    if brokers := [text for text in split_as_java(arguments.value("broker-list") or "") if text]:
        for text in brokers:
            if not is_of_type(text, "Integer"):
                raise JavaError(f'For input string: "{text}"', _NUMBER)
        words.append(f"--brokers={','.join(text.removeprefix('+') for text in brokers)}")
    return Run(words=words, call="describeLogDirs")


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-log-dirs does, on stderr, and return its status, 1.

    Brokers that do not exist, and a TerseException, are one line; any other error has the first line of its stack
    trace, too. `call` is the name of the request, for the text of a time-out.
    """
    from kafkactl.admin.log_dirs import MissingBrokersError

    if isinstance(error, MissingBrokersError):
        missing, alive = (
            ",".join(map(str, sort_by_hash(ids, lambda broker: broker & _BITS))) for ids in (error.brokers, error.alive)
        )
        text = f"ERROR: The given brokers do not exist from --broker-list: {missing}. Current existent brokers: {alive}"
        people.write_kafka_message(f"{text}\n")
        return 1
    java = (
        wrap_error(error, call) if isinstance(error, (OperationError, UnreachableError)) else convert_error(error, call)
    )
    if java.exception == TERSE:
        people.write_kafka_message(f"{java}\n")
    else:
        people.write_kafka_message(f"{java.text}\n{java.first_line}\n\n")
    return 1


TOOL = Tool(
    name="kafka-log-dirs",
    main_class="org.apache.kafka.tools.LogDirsCommand",
    purpose="This tool helps to query log directory usage on the specified brokers.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
)
