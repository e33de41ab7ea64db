"""kafka-broker-api-versions: its options, and `kafkactl brokers api-versions` in its place.

Reference: org.apache.kafka.tools.BrokerApiVersionsCommand.
"""

from __future__ import annotations

from kafkactl.cli.kafka_style.java_configs import CONFIG_EXCEPTION, refuse_wrong_addresses
from kafkactl.cli.kafka_style.parser import Arguments
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    connection_options,
    convert_error,
    is_unknown_host,
    require_file,
    require_options,
    translate_connection,
)
from kafkactl.errors import KafkactlError, UnreachableError
from kafkactl.output import people


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for a missing --bootstrap-server, unless a context may be used."""
    require_options(arguments, "bootstrap-server")


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl brokers api-versions`.

    Raise OptionError for an option given twice, and JavaError for an empty address, for one without a port up to 65535,
    and for a file of settings that does not exist, is a folder or cannot be read.
    """
    require_file(arguments.value("command-config"))
    servers = arguments.value("bootstrap-server")
    if servers is not None:
        refuse_wrong_addresses(servers)
    return Run(words=["brokers", "api-versions", "-o", "kafka", *translate_connection(arguments)])


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-broker-api-versions does, on stderr, and return its status: 1.

    It is the message and the first line of the stack trace, also for words that cannot be parsed; the list of options
    is not printed. `call` does not count: Kafka's tool has a client of its own for its requests.
    """
    java = convert_error(error, call)
    if is_unknown_host(error):
        java = JavaError("No resolvable bootstrap urls given in bootstrap.servers", CONFIG_EXCEPTION)
    elif isinstance(error, UnreachableError):
        servers = arguments.value("bootstrap-server") or ""
        nodes = ", ".join(
            f"{server.strip().rpartition('://')[2]} (id: -{number} rack: null isFenced: false)"
            for number, server in enumerate(servers.split(","), 1)
        )
        java = JavaError(f"Request METADATA failed on brokers [{nodes}]", "java.lang.RuntimeException")
    people.write_kafka_message(f"{java}\n{java.first_line}\n\n")
    return 1


TOOL = Tool(
    name="kafka-broker-api-versions",
    main_class="org.apache.kafka.tools.BrokerApiVersionsCommand",
    purpose="This tool helps to retrieve broker version information.",
    options=(*connection_options("server(s) to use for bootstrapping", "command config property file"), HELP, VERSION),
    check=check,
    translate=translate,
    report=report,
    differences=("A broker that does not answer is left out, and its error is printed on stderr.",),
)
