"""kafka-cluster: its options, and `kafkactl cluster` and `kafkactl brokers unregister` in its place.

Reference: org.apache.kafka.tools.ClusterTool.
"""

from __future__ import annotations

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option
from kafkactl.cli.kafka_style.subcommands import SERVERS, SETTINGS_FILE, Level
from kafkactl.cli.kafka_style.tools import (
    JavaError,
    Run,
    Tool,
    list_options,
    report_terse,
    require_file,
    require_servers,
    translate_values,
    wrap_error,
)
from kafkactl.errors import KafkactlError, OperationError, UnreachableError, UnsupportedRequestError
from kafkactl.stdout import out

_DEPRECATED = (
    "Option --config has been deprecated and will be removed in a future version. Use --command-config instead.\n"
)
_CONFIG = (
    Option(name="config", arity=Arity.REQUIRED, target="--command-config", summary="The old name of --command-config."),
    SETTINGS_FILE,
)
_ID = Option(
    name="id", arity=Arity.REQUIRED, type="Integer", target="BROKER", summary="Id of the broker to unregister."
)
_FENCED = Option(
    name="include-fenced-brokers", target="--include-fenced-brokers", summary="Show brokers without heartbeats, too."
)
_LETTERS = {"bootstrap-server": "b", "bootstrap-controller": "C", "command-config": "c"}
_VERBS = {"cluster-id": ["cluster", "id"], "list-endpoints": ["cluster", "endpoints"]}
_CALLS = {"cluster-id": "listNodes", "list-endpoints": "listNodes", "unregister": "unregisterBroker"}
_OLD_BROKERS = "The target cluster does not support the broker unregistration API.\n"
LEVELS = (
    Level(),
    Level(
        name="cluster-id", summary="Show the id of the cluster.", options=_CONFIG, exclusive=SERVERS,
        needs_exclusive=True, letters=_LETTERS,
    ),
    Level(
        name="unregister", summary="Remove the registration of a broker.", options=(*_CONFIG, _ID),
        exclusive=SERVERS, needs_exclusive=True, required=("id",), letters={**_LETTERS, "id": "i"},
    ),
    Level(
        name="list-endpoints", summary="Show the addresses of brokers or controllers.", options=(*_CONFIG, _FENCED),
        exclusive=SERVERS, needs_exclusive=True, letters=_LETTERS,
    ),
)  # fmt: skip


def check(arguments: Arguments) -> None:
    """Raise JavaError for --include-fenced-brokers at controllers."""
    if arguments.has("include-fenced-brokers") and arguments.has("bootstrap-controller"):
        raise JavaError(
            "The option --include-fenced-brokers is only supported with --bootstrap-server option",
            "java.lang.IllegalArgumentException",
        )


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl cluster`, or `kafkactl brokers unregister`, which asks for no confirmation.

    Raise JavaError for a file of settings that cannot be opened, and for wrong addresses as require_servers() does;
    --command-config wins over --config. Kafka's warning about --config is in the `before` of the result or the error,
    for stdout.
    """
    file = arguments.value("command-config") if arguments.has("command-config") else arguments.value("config")
    before = _DEPRECATED if arguments.has("config") else ""
    require_file(file, before)
    require_servers(arguments, before)
    words = [*(_VERBS.get(arguments.command) or ["brokers", "unregister"]), "-o", "kafka"]
    words += translate_values(arguments, "bootstrap-server", "bootstrap-controller")
    words += [] if file is None else [f"--command-config={file}"]
    if arguments.command == "unregister":
        words += ["--force", "--yes", "--", str(int(arguments.value("id") or 0))]
    elif arguments.has("include-fenced-brokers"):
        words.append("--include-fenced-brokers")
    return Run(words=words, before=before, call=_CALLS[arguments.command])


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-cluster does, on stderr, and return its status: 1.

    A line that the parser refuses has the usage before it; other errors have the first line of the stack trace behind
    them. For `unregister` at brokers that are too old for it, the text goes to stdout, and the status is 0. `call` is
    the name of the request, for the text of a time-out. Raise OutputError or ReaderLeftError where stdout fails.
    """
    if isinstance(error, UnsupportedRequestError) and arguments.command == "unregister":
        out.write_text(_OLD_BROKERS)
        return 0
    if isinstance(error, (OperationError, UnreachableError)):
        error = wrap_error(error, call)
    return report_terse(arguments, error, call, TOOL.name)


TOOL = Tool(
    name="kafka-cluster",
    main_class="org.apache.kafka.tools.ClusterTool",
    purpose="The Kafka cluster tool.",
    options=list_options(LEVELS),
    levels=LEVELS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "A misspelt subcommand or option is refused without a proposal.",
        "A broker id below 0 is refused before anything is sent.",
    ),
)
