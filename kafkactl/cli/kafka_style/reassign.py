"""kafka-reassign-partitions: its options, and `kafkactl reassign` in its place.

Reference: org.apache.kafka.tools.reassign.ReassignPartitionsCommand.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, State, is_of_type
from kafkactl.cli.kafka_style.tools import (
    HELP,
    TERSE,
    VERSION,
    JavaError,
    Run,
    Tool,
    WrongUsageError,
    convert_error,
    dump_json,
    is_json_of_type,
    keep_json,
    parse_json,
    read_once,
    require_file,
    require_options,
    require_servers,
    split_as_java,
    translate_connection,
    translate_values,
    wrap_error,
)
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.output import people
from kafkactl.output.kafka.java_errors import MirroredError
from kafkactl.stdout import out

_OPERATION = "org.apache.kafka.tools.AdminOperationException"
_FAILED = "org.apache.kafka.tools.AdminCommandFailedException"
_MAPPING = "com.fasterxml.jackson.databind.JsonMappingException"
_NUMBER = "java.lang.NumberFormatException"
_TYPES = {"topic": "String", "partition": "Integer"}
_ANY = "any"
_ACTIONS = ("generate", "execute", "verify", "cancel", "list")
_PLAN, _TOPICS = "reassignment-json-file", "topics-to-move-json-file"
_REQUIRED = {
    "generate": (_TOPICS, "broker-list"),
    "execute": (_PLAN,),
    "verify": (_PLAN,),
    "cancel": (_PLAN,),
    "list": (),
}
_PERMITTED = {
    "generate": ("disable-rack-aware",),
    "execute": (
        "additional", "throttle", "replica-alter-log-dirs-throttle", "timeout", "disallow-replication-factor-change",
    ),
    "verify": ("preserve-throttles",),
    "cancel": ("preserve-throttles", "timeout"),
    "list": (),
}  # fmt: skip
_WITH_CONTROLLER = ("cancel", "list")
_MOST_MS = 1 << 31


def _make_rate(name: str, label: str, summary: str) -> Option:
    """Return the option for a rate in bytes per second; a negative one means none."""
    return Option(
        name=name,
        arity=Arity.REQUIRED,
        type="Long",
        label=label,
        default="-1",
        target=f"reassign execute --{name}",
        summary=summary,
    )


OPTIONS = (
    Option(
        name="bootstrap-server",
        arity=Arity.OPTIONAL,
        label="Server(s) to use for bootstrapping",
        target="--bootstrap-server",
        summary="Brokers to connect to first: HOST:PORT, with commas between.",
    ),
    Option(
        name="command-config",
        arity=Arity.REQUIRED,
        label="Admin client property file",
        target="--command-config",
        summary="File of client settings.",
    ),
    Option(
        name="bootstrap-controller",
        arity=Arity.OPTIONAL,
        label="bootstrap controller to connect to",
        target="--bootstrap-controller",
        summary="Controllers to connect to instead of brokers.",
        state=State.DIFFERENT,
        note="Only --list and --cancel have it, as Kafka's help says. The other actions refuse it at once; Kafka's "
        "tool fails at a request that controllers do not serve.",
    ),
    Option(
        name="generate",
        target="reassign generate",
        summary="Plan new replicas of topics.",
        state=State.DIFFERENT,
        note="The plan moves as few replicas as possible, and keeps each partition's number of replicas. Kafka's tool "
        "begins at a random broker and places all replicas anew.",
    ),
    Option(name="execute", target="reassign execute --no-wait", summary="Start the moves of a plan."),
    Option(name="verify", target="reassign verify", summary="Show how far a plan is; at the end remove throttles."),
    Option(name="cancel", target="reassign cancel", summary="Cancel the moves of a plan."),
    Option(name="list", target="reassign list", summary="Show all moves that are running."),
    Option(
        name=_PLAN,
        arity=Arity.REQUIRED,
        label="manual assignment json file path",
        target="FILE",
        summary="JSON file with the new replicas.",
        state=State.DIFFERENT,
        note="For text that is no JSON the reason is a sentence of ours; Kafka's tool prints the one of its parser. A "
        "partition that stands twice is refused by every action; Kafka's tool refuses it with --execute only.",
    ),
    Option(
        name=_TOPICS,
        arity=Arity.REQUIRED,
        label="topics to reassign json file path",
        target="TOPIC, or --topics-to-move-json-file",
        summary="JSON file with topics.",
    ),
    Option(
        name="broker-list",
        arity=Arity.REQUIRED,
        label="brokerlist",
        target="--brokers",
        summary="Ids of the brokers that get the replicas, with commas between.",
    ),
    Option(
        name="disable-rack-aware",
        target="reassign generate --disable-rack-aware",
        summary="Do not look at the racks of brokers.",
    ),
    _make_rate("throttle", "throttle", "Limit of moves between brokers, in bytes per second."),
    _make_rate(
        "replica-alter-log-dirs-throttle",
        "replicaAlterLogDirsThrottle",
        "Limit of moves between directories of a broker, in bytes per second.",
    ),
    Option(
        name="timeout",
        arity=Arity.REQUIRED,
        type="Long",
        label="timeout",
        default="10000",
        target="--dir-timeout",
        summary="How long replicas may need to reach their broker before they move between directories, in ms.",
    ),
    Option(name="additional", target="reassign execute --additional", summary="Also start while other moves run."),
    Option(
        name="preserve-throttles",
        target="--preserve-throttles",
        summary="Leave the throttles of brokers and topics as they are.",
    ),
    Option(
        name="disallow-replication-factor-change",
        target="reassign execute --disallow-replication-factor-change",
        summary="Refuse moves to another number of replicas.",
    ),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for options that are missing or do not belong together.

    Refused are a command line without exactly one action, one with both or neither of --bootstrap-server and
    --bootstrap-controller (neither is allowed where the arguments need none), an action without its options, and an
    option that does not belong to it. The address options and --command-config belong to every action.
    """
    action = _find_action(arguments)
    if action is None:
        actions = ", ".join(f"--{name}" for name in _ACTIONS)
        raise WrongUsageError(f"Command must include exactly one action: {actions}")
    if arguments.has("bootstrap-server") and arguments.has("bootstrap-controller"):
        raise WrongUsageError("Please don't specify both --bootstrap-server and --bootstrap-controller")
    if not arguments.has("bootstrap-server", "bootstrap-controller") and arguments.needs_server:
        raise WrongUsageError("Please specify either --bootstrap-server or --bootstrap-controller")
    require_options(arguments, *_REQUIRED[action])
    allowed = {
        *(action, "bootstrap-server", "bootstrap-controller", "command-config"),
        *_REQUIRED[action],
        *_PERMITTED[action],
    }
    for name in arguments.names:
        if name not in allowed:
            raise WrongUsageError(f'Option "[{name}]" can\'t be used with action "[{action}]"')


def _find_action(arguments: Arguments) -> str | None:
    """Return the action of a command line, None for none and for several."""
    actions = [name for name in _ACTIONS if arguments.has(name)]
    return actions[0] if len(actions) == 1 else None


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl reassign`, which asks nobody and does not wait; JSON files are read here.

    The command line must have passed `check`. A rate below 0 is left out, and --timeout, in ms, is kept between 1 and
    2^31; without it, it is 10,000. Raise OptionError for a value that cannot be read or is given twice, and JavaError
    for a file of settings that cannot be read, a server without a port, --bootstrap-controller with an action that
    controllers do not serve, and a JSON file or a list of brokers that Kafka's tool refuses. Raise KafkactlError where
    a copy of a JSON file cannot be written.
    """
    action = _find_action(arguments) or ""
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    words = ["reassign", action, "-o", "kafka", *translate_connection(arguments)]
    if arguments.has("bootstrap-controller"):
        if action not in _WITH_CONTROLLER:
            reason = "The --bootstrap-controller option is not supported with this action."
            raise JavaError(reason, "java.lang.UnsupportedOperationException")
        words += translate_values(arguments, "bootstrap-controller")
    if action == "generate":
        words += _translate_generate(arguments)
    elif action != "list":
        words.append(f"--{_PLAN}={_check_plan(arguments.value(_PLAN) or '', is_executed=action == 'execute')}")
    if action == "execute":
        for name in ("throttle", "replica-alter-log-dirs-throttle"):
            if (rate := int(arguments.value(name) or -1)) >= 0:
                words.append(f"--{name}={rate}")
        words.append("--no-wait")
    if action in ("execute", "cancel"):
        words += ["--yes", f"--dir-timeout={max(1, min(_MOST_MS, int(arguments.value('timeout') or 0)))}ms"]
    names = ("additional", "preserve-throttles", "disallow-replication-factor-change")
    words += [f"--{name}" for name in names if arguments.has(name)]
    return Run(words=words, call="listPartitionReassignments")


def _translate_generate(arguments: Arguments) -> list[str]:
    """Return our options for a plan, with the path of the file of topics or of a copy, as _check_plan returns it.

    Raise JavaError for a file of topics that cannot be read, and for a content of it or a list of brokers that Kafka's
    tool refuses, such as a topic or a broker that stands twice; OptionError for an option given twice, and
    KafkactlError where the copy cannot be written. Our command refuses a file without topics, and the empty value that
    commas alone for the brokers become.
    """
    path = arguments.value(_TOPICS) or ""
    content, is_regular = _read(path)
    brokers = split_as_java(arguments.value("broker-list") or "")
    for text in brokers:
        if not is_of_type(text, "Integer"):
            raise JavaError(f'For input string: "{text}"', _NUMBER)
    _refuse_doubles([str(int(text)) for text in brokers], "Broker list contains duplicate entries: [{}]")
    try:
        document, alone = parse_json(content)
    except (ValueError, RecursionError):
        raise JavaError("The input string is not a valid JSON", _OPERATION) from None
    rows = _read_list(document, "topics")
    topics = [_read_field(row, "topic") for row in rows]
    _refuse_doubles(topics, "List of topics to reassign contains duplicate entries: [{}]")
    file = keep_json(path, content, alone, is_regular)  # names on the command line could be patterns
    words = [f"--{_TOPICS}={file}", f"--brokers={','.join(str(int(text)) for text in brokers)}"]
    return [*words, *(["--disable-rack-aware"] if arguments.has("disable-rack-aware") else [])]


def _check_plan(path: str, is_executed: bool) -> str:
    """Return the path of a JSON file with the same content: `path`, or a copy.

    The copy is for a file that can be read only once, and for one with something behind the JSON, which Kafka's tool
    ignores. It is a nameless file, /dev/fd/NUMBER: only this process can open it, and it goes away with the process.

    Raise JavaError for a file that Kafka's tool refuses: it cannot be read, is no JSON object, has a version other than
    1 (it may be missing) or `partitions` that are no list, or has a partition that is no object, without topic,
    partition or replicas, with a field of another type, or with other numbers of replicas and log dirs. With
    `is_executed` it must have partitions, each once, with at least one replica and none twice. Raise KafkactlError
    where the copy cannot be written.
    """
    content, is_regular = _read(path)
    try:
        document, alone = parse_json(content)
    except (ValueError, RecursionError):
        raise JavaError("The input string is not a valid JSON", _OPERATION) from None
    rows = _read_list(document, "partitions")
    names, repeated, replicas = [], [], []
    for row in rows:
        name = "{}-{}".format(*(_read_field(row, field) for field in _TYPES))
        brokers = _read_items(row, "replicas", "Integer")
        dirs = _read_items(row, "log_dirs", "String") if "log_dirs" in row else [_ANY] * len(brokers)
        if len(dirs) != len(brokers):
            raise JavaError(
                f"Size of replicas list [{', '.join(map(str, brokers))}] is different from size of log dirs list "
                f"[{', '.join(dirs)}] for partition {name}",
                _FAILED,
            )
        names.append(name)
        replicas.append(brokers)
        if doubles := [str(broker) for broker, count in Counter(brokers).items() if count > 1]:
            repeated.append(f"{name} contains multiple entries for {','.join(doubles)}")
    if is_executed:
        if not names:
            raise JavaError("Partition reassignment list cannot be empty", _FAILED)
        if not all(replicas):
            raise JavaError("Partition replica list cannot be empty", _FAILED)
        _refuse_doubles(names, "Partition reassignment contains duplicate topic partitions: {}", ",")
        if repeated:
            reason = f"Partition replica lists may not contain duplicate entries: {'. '.join(repeated)}"
            raise JavaError(reason, _FAILED)
    return keep_json(path, content, alone, is_regular)


def _read(path: str) -> tuple[bytes, bool]:
    """Return the content of a file, and whether it can be read again. Raise JavaError where it cannot be read."""
    try:
        return read_once(path)
    except OSError:
        raise JavaError(f"Unable to read file {path}", "java.io.IOException") from None


def _read_list(document: Any, name: str) -> list[Any]:
    """Return a list of a JSON document of version 1, empty where it is missing. Raise JavaError for other content.

    A missing version is 1. The items of the list are not checked.
    """
    if not isinstance(document, dict):
        raise JavaError(f"Expected JSON object, received {_dump(document)}", _MAPPING)
    version = _require_type(document.get("version", 1), "Integer")
    if version != 1:
        raise JavaError(f"Not supported version field value {version}", _OPERATION)
    rows = document.get(name, [])
    if not isinstance(rows, list):
        raise JavaError(f"Expected JSON array, received {_dump(rows)}", _MAPPING)
    return rows


def _read_field(row: Any, name: str) -> Any:
    """Return the topic or the partition of a row of JSON. Raise JavaError where it is missing or of another type.

    Raise it also for a row that is no object. `name` is topic or partition, which has 32 bits.
    """
    if not isinstance(row, dict):
        raise JavaError(f"Expected JSON object, received {_dump(row)}", _MAPPING)
    if name not in row:
        raise JavaError(f"No such field exists: `{name}`", _MAPPING)
    return _require_type(row[name], _TYPES[name])


def _read_items(row: dict[str, Any], name: str, kind: str) -> list[Any]:
    """Return a list of a row of JSON.

    `name` is its field, and `kind` Java's type of each item, as in is_json_of_type. Raise JavaError where the list is
    missing or no list, or an item is of another type.
    """
    if name not in row:
        raise JavaError(f"No such field exists: `{name}`", _MAPPING)
    if not isinstance(row[name], list):
        raise JavaError(f"Expected `JSON array` value, received {_dump(row[name])}", _MAPPING)
    return [_require_type(item, kind) for item in row[name]]


def _require_type(value: Any, kind: str) -> Any:
    """Return a value of JSON; raise JavaError for one that is not of Java's type `kind`, as in is_json_of_type."""
    if not is_json_of_type(value, kind):
        raise JavaError(f"Expected `{kind}` value, received {_dump(value)}", _MAPPING)
    return value


def _refuse_doubles(names: list[str], reason: str, separator: str = ", ") -> None:
    """Raise JavaError for names that stand twice; {} in `reason` stands for them."""
    if doubles := [name for name, count in Counter(names).items() if count > 1]:
        raise JavaError(reason.format(separator.join(doubles)), _FAILED)


def _dump(value: Any) -> str:
    """Return a value as JSON without blanks between its parts; "..." for one that is nested too deeply."""
    return dump_json(value, separators=(",", ":"), ensure_ascii=False)


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-reassign-partitions does, on stdout, and return its status, 1.

    A TerseException is one line; any other error has the first line of its stack trace, too. Words that cannot be
    parsed are an uncaught exception, one line on stderr. `call` is the name of the request, for the text of a time-out;
    `arguments` is not used. Raise OutputError or ReaderLeftError where stdout fails.
    """
    is_of_request = isinstance(error, (OperationError, UnreachableError)) and not isinstance(error, MirroredError)
    java = wrap_error(error, call) if is_of_request else convert_error(error, call)
    if isinstance(error, OptionError) and error.is_of_parsing:
        people.write_kafka_message(f'Exception in thread "main" {java.first_line}\n')
    elif java.exception == TERSE:
        out.write_text(f"{java}\n")
    else:
        out.write_text(f"Error: {java.text}\n{java.first_line}\n\n")
    return 1


TOOL = Tool(
    name="kafka-reassign-partitions",
    main_class="org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    purpose="This tool helps to move topic partitions between replicas.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
    differences=("Throttles of brokers that are not alive stay; Kafka's tool waits for these brokers and fails.",),
)
