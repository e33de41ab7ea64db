"""kafka-client-metrics: its options, and `kafkactl client-metrics` in its place.

Reference: org.apache.kafka.tools.ClientMetricsCommand.
"""

from __future__ import annotations

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, State, is_of_type
from kafkactl.cli.kafka_style.tools import (
    HELP,
    ILLEGAL_ARGUMENT,
    VERSION,
    JavaError,
    Run,
    Tool,
    WrongUsageError,
    connection_options,
    convert_error,
    print_stack,
    print_usage,
    refuse_together,
    require_file,
    require_servers,
    translate_connection,
)
from kafkactl.errors import KafkactlError, UnreachableError
from kafkactl.stdout import out

_VERBS = ("alter", "delete", "describe", "list")
_TIMED_OUT = "null"
"""Java's text of a message that is missing, as that of a time-out is."""

OPTIONS = (
    *connection_options("server to connect to", "command config property file"),
    Option(name="alter", target="client-metrics alter", summary="Change a subscription, or add one."),
    Option(name="delete", target="client-metrics delete", summary="Delete a subscription."),
    Option(name="describe", target="client-metrics describe", summary="Print the settings of subscriptions."),
    Option(name="list", target="client-metrics list", summary="Print the names of subscriptions."),
    Option(name="name", arity=Arity.REQUIRED, label="name", target="NAME", summary="Name of the subscription."),
    Option(name="generate-name", target="--generate-name", summary="Take a random name."),
    Option(
        name="interval", arity=Arity.REQUIRED, label="push interval", target="--interval",
        summary="Time between two reports of a client, in ms; empty for the default.",
        state=State.DIFFERENT, note="A number is sent without a plus sign and leading zeros.",
    ),
    Option(
        name="match", arity=Arity.REQUIRED, label="k1=v1,k2=v2", target="--match",
        summary="Rules that choose clients by client_id, client_instance_id, client_software_name, "
        "client_software_version, client_source_address or client_source_port; empty for all clients.",
    ),
    Option(
        name="metrics", arity=Arity.REQUIRED, label="m1,m2", target="--metrics",
        summary="Prefixes of the names of metrics; empty for none.",
    ),
    HELP,
    VERSION,
)  # fmt: skip


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError or JavaError for options that are missing or do not belong together.

    WrongUsageError is for a command line without exactly one verb, and for an option that its verb does not take.
    JavaError is for a missing --bootstrap-server, unless the arguments do not need it, --alter without exactly one of
    --name and --generate-name, --delete without --name, and --alter with an --interval that is no whole number of 32
    bits; an empty interval is allowed. OptionError is for an interval given twice with --alter.
    """
    if sum(arguments.has(verb) for verb in _VERBS) != 1:
        raise WrongUsageError("Command must include exactly one action: --alter, --delete, --describe or --list.")
    if arguments.needs_server and not arguments.has("bootstrap-server"):
        raise JavaError("--bootstrap-server must be specified.", ILLEGAL_ARGUMENT)
    changes = ("generate-name", "interval", "match", "metrics")
    refuse_together(arguments, "delete", changes)
    refuse_together(arguments, "describe", changes)
    refuse_together(arguments, "list", ("name", *changes))
    if arguments.has("alter"):
        if arguments.has("name") == arguments.has("generate-name"):
            raise JavaError("One of --name or --generate-name must be specified with --alter.", ILLEGAL_ARGUMENT)
        interval = arguments.value("interval")
        if interval and not is_of_type(interval, "Integer"):
            raise JavaError("Invalid interval value. Enter an integer, or leave empty to reset.", ILLEGAL_ARGUMENT)
    if arguments.has("delete") and not arguments.has("name"):
        raise JavaError("A client metrics resource name must be specified with --delete.", ILLEGAL_ARGUMENT)


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl client-metrics`; the command line must have passed `check`.

    Raise JavaError for a file of settings that cannot be opened, a text that is no address, and several names. Raise
    OptionError for --bootstrap-server or --command-config given twice; several --metrics or --match are joined. The
    command does not ask for confirmation.
    """
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    verb = next(verb for verb in _VERBS if arguments.has(verb))
    words = ["client-metrics", verb, "-o", "kafka", *translate_connection(arguments)]
    try:
        name = arguments.value("name")
    except OptionError as error:  # Kafka's tool reads it when it is connected
        raise JavaError(str(error), error.exception) from error
    if verb in ("alter", "delete"):
        words.append("--yes")
    if verb == "alter":
        words += _translate_changes(arguments)
    if name is not None:
        words += ["--", name]
    calls = {"describe": "listConfigResources", "list": "listConfigResources", "delete": "describeConfigs"}
    return Run(words=words, call=calls.get(verb, "incrementalAlterConfigs"))


def _translate_changes(arguments: Arguments) -> list[str]:
    """Return our options for --generate-name, --interval, --metrics and --match; an empty value unsets the setting.

    The values of several --metrics or --match are joined with commas. Empty parts between commas are left out, but a
    text without any other part stays as it is. The interval is in ms; it must be a number or empty, as `check`
    requires. Raise OptionError for --interval given twice.
    """
    words = ["--generate-name"] if arguments.has("generate-name") else []
    if (interval := arguments.value("interval")) is not None:
        words.append(f"--interval={int(interval)}ms" if interval else "--unset=interval.ms")
    for option in ("metrics", "match"):
        if arguments.has(option):
            text = ",".join(part for value in arguments.values(option) for part in _split(value))
            words.append(f"--{option}={text}" if text else f"--unset={option}")
    return words


def _split(text: str) -> list[str]:
    """Return the parts of a text between its commas without empty ones; the text alone where there is no part."""
    return [part for part in text.split(",") if part] or [text]


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-client-metrics does, and return its status: 1.

    Words that cannot be parsed are answered with the list of options on stderr. Another OptionError, and an exception
    of Java's own (java.), has the message and the first line of a stack trace, also on stderr: most errors of the
    command line, and one without a code of Kafka. Any other exception, as for a refusal, a missing answer, a wrong
    address or several names, is one line on stdout: raise OutputError or ReaderLeftError where that fails. A time-out
    has the text null; `call` has no effect, and `arguments` is not used.
    """
    if isinstance(error, OptionError) and error.is_of_parsing:
        print_usage(str(error), OPTIONS)
        return 1
    java = convert_error(error, call)
    if isinstance(error, OptionError) or java.exception.startswith("java."):
        print_stack(java)
        return 1
    is_late = isinstance(error, UnreachableError) and java.exception.endswith(".TimeoutException")
    out.write_text(f"Error while executing client metrics command : {_TIMED_OUT if is_late else java}\n")
    return 1


_PURPOSE = "This tool helps to manipulate and describe client metrics configurations."
TOOL = Tool(
    name="kafka-client-metrics",
    main_class="org.apache.kafka.tools.ClientMetricsCommand",
    purpose=_PURPOSE,
    options=OPTIONS,
    verbs=_VERBS,
    check=check,
    translate=translate,
    report=report,
    differences=("Names are sorted; kafka-client-metrics prints them in the order of a hash table.",),
)
