"""kafka-leader-election: its options, and `kafkactl leaders elect` in its place.

Reference: org.apache.kafka.tools.LeaderElectionCommand.
"""

from __future__ import annotations

from collections import Counter

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    WrongUsageError,
    connection_options,
    convert_error,
    keep_json,
    parse_json,
    print_stack,
    read_once,
    require_file,
    require_servers,
    translate_values,
)
from kafkactl.errors import KafkactlError, UnreachableError
from kafkactl.stdout import out

_FAILED = "org.apache.kafka.tools.AdminCommandFailedException"
_OPERATION = "org.apache.kafka.tools.AdminOperationException"
_TYPES = ("PREFERRED", "UNCLEAN")
_SUBJECTS = ("topic", "all-topic-partitions", "path-to-json-file")
_TIMEOUT = "Timeout waiting for election results"

OPTIONS = (
    *connection_options("host:port", "Config file"),
    Option(
        name="admin.config",
        arity=Arity.REQUIRED,
        label="config file",
        target="--command-config",
        summary="Deprecated: --command-config.",
    ),
    Option(
        name="election-type",
        arity=Arity.REQUIRED,
        type="[PREFERRED,UNCLEAN]",
        label="election type",
        target="--type",
        summary="Type of the election: preferred or unclean.",
    ),
    Option(
        name="path-to-json-file",
        arity=Arity.REQUIRED,
        label="Path to JSON file",
        target="--from-file",
        summary="JSON file with the partitions.",
    ),
    Option(name="topic", arity=Arity.REQUIRED, label="topic name", target="TOPIC", summary="Topic of one partition."),
    Option(
        name="partition",
        arity=Arity.REQUIRED,
        type="Integer",
        label="partition id",
        target="--partitions",
        summary="Number of the partition; only with --topic.",
    ),
    Option(name="all-topic-partitions", target="--all", summary="All partitions that need an election."),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError or JavaError for options that are missing or do not belong together.

    WrongUsageError is for --admin.config beside --command-config. JavaError is for a missing --election-type, a missing
    --bootstrap-server, unless the arguments do not need it, a command line without exactly one of --topic,
    --all-topic-partitions and --path-to-json-file, and --topic or --partition without the other.
    """
    if arguments.has("admin.config") and arguments.has("command-config"):
        raise WrongUsageError('Option "[admin.config]" can\'t be used with option "[command-config]"')
    missing = [
        name
        for name in ("bootstrap-server", "election-type")
        if not arguments.has(name) and (name != "bootstrap-server" or arguments.needs_server)
    ]
    if missing:
        raise JavaError(f"Missing required option(s): {', '.join(missing)}", _FAILED)
    if sum(arguments.has(name) for name in _SUBJECTS) != 1:
        raise JavaError(f"One and only one of the following options is required: {', '.join(_SUBJECTS)}", _FAILED)
    if arguments.has("partition") and not arguments.has("topic"):
        raise JavaError("Option partition is only allowed if topic is used", _FAILED)
    if arguments.has("topic") and not arguments.has("partition"):
        raise JavaError("Missing required option(s): partition", _FAILED)


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl leaders elect`, which asks nobody; the JSON file is read here, too.

    The command line must have passed `check`. Kafka's warning about --admin.config is in the `before` of the result,
    and of the error about its file, for stdout. Raise OptionError for a value that cannot be read or is given twice,
    and JavaError for a file of settings that cannot be read, a server without a port, and a JSON file that Kafka's tool
    refuses. Raise KafkactlError where a copy of the JSON file cannot be written.
    """
    type_ = arguments.value("election-type") or ""
    if type_.upper() not in _TYPES:
        raise OptionError(
            f"Cannot parse argument '{type_}' of option election-type", "OptionArgumentConversionException"
        )
    words = ["leaders", "elect", "-o", "kafka", "--yes", f"--type={type_.lower()}"]
    words += translate_values(arguments, "bootstrap-server")
    before = ""
    if arguments.has("admin.config"):
        before = (
            "Option --admin.config has been deprecated and will be removed in a future version. "
            "Use --command-config instead.\n"
        )
    config = arguments.value("admin.config" if arguments.has("admin.config") else "command-config")
    if (path := arguments.value("path-to-json-file")) is not None:
        words.append(f"--from-file={_check_file(path)}")
    elif (topic := arguments.value("topic")) is not None:
        words += [f"--topic={topic}", f"--partitions={int(arguments.value('partition') or 0)}"]
    else:
        words.append("--all")
    if config is not None:
        require_file(config, before)
        words.append(f"--command-config={config}")
    require_servers(arguments)
    return Run(words=words, call="electLeaders", before=before)


def _check_file(path: str) -> str:
    """Return the path of a JSON file with the same content; raise JavaError for a file that Kafka's tool refuses.

    It is `path` itself, or a copy, /dev/fd/NUMBER for this process only, of one that can be read only once, and of one
    with something behind the JSON, which Kafka's tool ignores. Refused is a file that cannot be read, is no JSON, has
    no list `partitions`, or has a partition twice, where a missing field equals another missing one. Entries that are
    no objects, and the fields of the others, are not checked. Raise KafkactlError where the copy cannot be written.
    """
    try:
        content, is_regular = read_once(path)
    except OSError:
        raise JavaError(f"java.io.IOException: Unable to read file {path}", "java.lang.RuntimeException") from None
    try:
        document, alone = parse_json(content)
    except (ValueError, RecursionError):
        raise JavaError("Replica election data is empty", _OPERATION) from None
    if not isinstance(document, dict) or not isinstance(document.get("partitions"), list):
        raise JavaError('Replica election data is missing "partitions" field', _OPERATION)
    rows = [row for row in document["partitions"] if isinstance(row, dict)]
    counts = Counter(f"{row.get('topic')}-{row.get('partition')}" for row in rows)
    if doubles := sorted(name for name, count in counts.items() if count > 1):
        raise JavaError(f"Replica election data contains duplicate partitions: [{', '.join(doubles)}]", _OPERATION)
    return keep_json(path, content, alone, is_regular)


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-leader-election does, on stderr with the first line of its trace, and return 1.

    A time-out is a line on stdout, too, always the same one: `call` has no effect. `arguments` is not used. Raise
    OutputError or ReaderLeftError where stdout fails.
    """
    java = convert_error(error, call)
    if isinstance(error, UnreachableError) and java.exception.endswith(".TimeoutException"):
        out.write_text(f"{_TIMEOUT}\n")
        java = JavaError(_TIMEOUT, _FAILED)
    elif "could not be elected" in str(error):
        java = JavaError(str(error), _FAILED)
    print_stack(java)
    return 1


TOOL = Tool(
    name="kafka-leader-election",
    main_class="org.apache.kafka.tools.LeaderElectionCommand",
    purpose="This tool attempts to elect a new leader for a set of topic partitions. "
    "The type of elections supported are preferred replicas and unclean replicas.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
)
