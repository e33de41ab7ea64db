"""kafka-topics: its options, and `kafkactl topics` in its place. Reference: org.apache.kafka.tools.TopicCommand."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from kafkactl.cli.frame.results import ItemError
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError
from kafkactl.cli.kafka_style.tools import (
    HELP,
    NO_CLIENT,
    VERSION,
    JavaError,
    Run,
    Tool,
    WrongUsageError,
    connection_options,
    convert_error,
    decode_as_java,
    explain_illegal_name,
    parse_include_list,
    print_stack,
    refuse_together,
    require_file,
    require_options,
    require_servers,
    split_as_java,
    translate_connection,
)
from kafkactl.errors import KafkactlError, NotFoundError
from kafkactl.output import people
from kafkactl.output.kafka.admin_text import COLLISION
from kafkactl.stdout import out

VERBS = ("list", "create", "delete", "alter", "describe")
_STATE_FILTERS = (
    "under-replicated-partitions",
    "under-min-isr-partitions",
    "at-min-isr-partitions",
    "unavailable-partitions",
)
_ILLEGAL_ARGUMENT = "java.lang.IllegalArgumentException"
_INVALID_TOPIC = "org.apache.kafka.common.errors.InvalidTopicException"
_INVALID_ASSIGNMENT = "org.apache.kafka.common.errors.InvalidReplicaAssignmentException"
_INVALID_CONFIG = "org.apache.kafka.common.errors.InvalidConfigurationException"
_NO_CONFIGS_HERE = " (To alter topic configurations, the kafka-configs tool can be used.)"
_DELETE_CONFIG = (
    "delete-config option is no longer supported and deprecated since version 4.0. "
    "The config will be fully removed in future releases.\n"
)
_BOTH_NAMES = (
    "Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID\n"
)
_ALLOWED_WITH = {
    "config": ("create", "alter"),
    "partitions": ("create", "alter"),
    "replication-factor": ("create",),
    "replica-assignment": ("create", "alter"),
    "if-exists": ("alter", "delete", "describe"),
    "if-not-exists": ("create",),
    "exclude-internal": ("list", "describe"),
}
"""Verbs that an option can be used with."""
_ID_BYTES = 16
_LONGEST_ID = 24
_EQUALS_SIGN = re.compile(r"[ \t\n\v\f\r]*=[ \t\n\v\f\r]*")
"""What Java splits a setting at: an equals sign with the blanks of Java's \\s around it."""
_MOST_REPLICAS = 32767

OPTIONS = (
    *connection_options("server to connect to", "command config property file"),
    Option(name="list", summary="Print the names of topics.", target="topics list"),
    Option(name="create", summary="Create a topic.", target="topics create"),
    Option(name="delete", summary="Delete topics.", target="topics delete"),
    Option(
        name="alter",
        summary="Add partitions to topics. Settings of a topic are changed with kafka-configs.",
        target="topics alter",
    ),
    Option(name="describe", summary="Print the partitions and settings of topics.", target="topics describe"),
    Option(
        name="topic", arity=Arity.REQUIRED, label="topic", target="TOPIC, or --topic",
        summary="Topic, or except with --create a regular expression for whole names; commas separate several.",
        note="Regular expressions are those of Python, not of Java: they agree in what names of topics need.",
    ),
    Option(
        name="topic-id", arity=Arity.REQUIRED, label="topic-id", target="--topic-id",
        summary="Id of the topic to describe.",
    ),
    Option(
        name="config", arity=Arity.REQUIRED, label="name=value", target="--config",
        summary="Setting of the new topic; repeatable. kafka-configs --all lists the names.",
    ),
    Option(
        name="delete-config", arity=Arity.REQUIRED, label="name", target="configs alter topics TOPIC --unset",
        summary="No effect since Kafka 4.0: delete a setting with kafka-configs.",
    ),
    Option(
        name="partitions", arity=Arity.REQUIRED, type="Integer", label="# of partitions", target="--partitions",
        summary="Number of partitions of the new topic, or new and higher number of an existing one.",
    ),
    Option(
        name="replication-factor", arity=Arity.REQUIRED, type="Integer", label="replication factor",
        target="--replication-factor", summary="Number of replicas of each partition of the new topic.",
    ),
    Option(
        name="replica-assignment", arity=Arity.REQUIRED, target="--replica-assignment",
        label="broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , "
        "broker_id_for_part2_replica1 : broker_id_for_part2_replica2 , ...",
        summary="Brokers of each partition's replicas.",
    ),
    Option(
        name="under-replicated-partitions", target="--under-replicated-partitions",
        summary="With --describe: only partitions that have replicas out of sync.",
    ),
    Option(
        name="unavailable-partitions", target="--unavailable-partitions",
        summary="With --describe: only partitions without a leader.",
    ),
    Option(
        name="under-min-isr-partitions", target="--under-min-isr-partitions",
        summary="With --describe: only partitions with fewer replicas in sync than min.insync.replicas.",
    ),
    Option(
        name="at-min-isr-partitions", target="--at-min-isr-partitions",
        summary="With --describe: only partitions with as many replicas in sync as min.insync.replicas.",
    ),
    Option(
        name="topics-with-overrides", target="--topics-with-overrides",
        summary="With --describe: only topics that have settings of their own.",
    ),
    Option(name="if-exists", target="--if-exists", summary="Succeed if the topic does not exist."),
    Option(name="if-not-exists", target="--if-not-exists", summary="Succeed if the topic already exists."),
    Option(name="exclude-internal", target="--exclude-internal", summary="Leave the internal topics of Kafka out."),
    Option(
        name="partition-size-limit-per-response", arity=Arity.REQUIRED, type="Integer",
        label="maximum number of partitions per response", target="no option",
        summary="Largest number of partitions in an answer of a broker.",
        note="It has no effect: kafkactl asks in another way, and the output is the same.",
    ),
    HELP,
    VERSION,
)  # fmt: skip


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError or JavaError for options that are missing or do not belong together.

    JavaError is for a missing --bootstrap-server, unless the arguments do not need it. WrongUsageError is for a command
    line without exactly one verb, for --describe --if-exists without --topic or --topic-id, for other verbs than --list
    and --describe without --topic, for --alter with --config or without --partitions, and for what
    _refuse_wrong_pairs() refuses: mainly options beside a verb that they do not belong to.

    Where there is one verb, Kafka's warning about --delete-config is written to stderr, also before an error, and then
    its remark about --topic beside --topic-id, for --describe --if-exists, to stdout: raise OutputError or
    ReaderLeftError where stdout fails.
    """
    if sum(arguments.has(verb) for verb in VERBS) != 1:
        raise WrongUsageError(
            "Command must include exactly one action: --list, --describe, --create, --alter or --delete"
        )
    if arguments.has("delete-config"):
        people.write_kafka_message(_DELETE_CONFIG)
    if arguments.needs_server and not arguments.has("bootstrap-server"):
        raise JavaError("--bootstrap-server must be specified", _ILLEGAL_ARGUMENT)
    if arguments.has("describe") and arguments.has("if-exists") and not arguments.has("topic", "topic-id"):
        raise WrongUsageError("--topic or --topic-id is required to describe a topic")
    if all(map(arguments.has, ("describe", "if-exists", "topic", "topic-id"))):
        out.write_text(_BOTH_NAMES)
    if not arguments.has("list", "describe"):
        require_options(arguments, "topic")
    if arguments.has("alter"):
        if arguments.has("config") and (arguments.has("bootstrap-server") or not arguments.needs_server):
            combination = "[[config], [bootstrap-server]]"
            raise WrongUsageError(
                f'Option combination "{combination}" can\'t be used with option "[alter]"{_NO_CONFIGS_HERE}'
            )
        require_options(arguments, "partitions")
    _refuse_wrong_pairs(arguments)


def _refuse_wrong_pairs(arguments: Arguments) -> None:
    """Raise WrongUsageError for two options that cannot be used together, in the order of Kafka's checks.

    First come the settings and numbers of topics beside a verb that they do not belong to; then --replica-assignment
    beside --partitions or --replication-factor with --create; then a filter of states and --topics-with-overrides
    beside each other or a verb other than --describe; and last --if-exists and its like beside a wrong verb. Other
    options, such as --topic-id, are not looked at, and two filters of states are not refused.
    """
    for name in ("config", "partitions", "replication-factor", "replica-assignment"):
        refuse_together(arguments, name, _list_other_verbs(name))
    if arguments.has("create"):
        refuse_together(arguments, "replica-assignment", ("partitions", "replication-factor"))
    others = [verb for verb in VERBS if verb != "describe"]
    for name in _STATE_FILTERS:
        refuse_together(arguments, name, (*others, "topics-with-overrides"))
    refuse_together(arguments, "topics-with-overrides", (*others, *_STATE_FILTERS))
    for name in ("if-exists", "if-not-exists", "exclude-internal"):
        refuse_together(arguments, name, _list_other_verbs(name))


def _list_other_verbs(option: str) -> list[str]:
    """Return the verbs that an option, one of those in _ALLOWED_WITH, cannot be used with."""
    return [verb for verb in VERBS if verb not in _ALLOWED_WITH[option]]


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl topics`, which asks nobody; the command line must have passed `check`.

    Raise OptionError for a value that cannot be read or is given twice, except of --config, and JavaError for other
    wrong values, and for a file of settings that cannot be read. Options that the verb does not use are not read, and
    some values, such as a number of partitions below 1 for --alter, are left to the command.
    """
    (verb,) = (verb for verb in VERBS if arguments.has(verb))
    words = ["topics", verb, "-o", "kafka", *translate_connection(arguments)]
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    if verb == "create":
        return Run(words=[*words, *_translate_creation(arguments)], call="createTopics")
    topic_id = _read_topic_id(arguments) if verb == "describe" else None
    topic = arguments.value("topic") if topic_id is None else None
    if verb in ("alter", "delete", "describe") and (arguments.has("if-exists") or topic == ""):
        words.append("--if-exists")  # Kafka's tool asks for no topic where the list is empty
    if arguments.has("exclude-internal"):
        words.append("--exclude-internal")
    if topic_id is not None:
        words.append(f"--topic-id={topic_id}")
    elif topic is not None:
        words += [f"--match={parse_include_list(topic)}", "--include-internal"]
    if verb == "describe":
        words += [f"--{name}" for name in (*_STATE_FILTERS, "topics-with-overrides") if arguments.has(name)]
        arguments.value("partition-size-limit-per-response")
    if verb == "alter":
        words += _translate_partitions(arguments)
    if verb == "delete":
        words.append("--yes")
    return Run(words=words, call="listTopics")


def _translate_creation(arguments: Arguments) -> list[str]:
    """Return our arguments for a new topic: options, and its name behind `--`.

    Raise OptionError for a value that cannot be read or is given twice, except of --config, and JavaError for a
    setting, number, assignment or name that Kafka's tool refuses. Where Kafka's tool prints its warning about . and _
    in the name before, this is the error's text for stdout.
    """
    name = arguments.value("topic") or ""
    partitions = arguments.value("partitions")
    factor = arguments.value("replication-factor")
    before = _warn_of_name(name)
    assignment = _read_assignment(arguments, before)
    words = _translate_settings(arguments.values("config"))
    if factor is not None and not 1 <= int(factor) <= _MOST_REPLICAS:
        reason = "The replication factor must be between 1 and 32767 inclusive"
        raise JavaError(reason, _ILLEGAL_ARGUMENT, before=before)
    if partitions is not None and int(partitions) < 1:
        raise JavaError("The partitions must be greater than 0", _ILLEGAL_ARGUMENT, before=before)
    _require_legal_name(name, before)
    for option, value in (("replication-factor", factor), ("partitions", partitions)):
        if value is not None:
            words.append(f"--{option}={int(value)}")
    if assignment:
        words.append(f"--replica-assignment={assignment}")
    if arguments.has("if-not-exists"):
        words.append("--if-not-exists")
    return [*words, "--", name]


def _warn_of_name(name: str) -> str:
    """Return Kafka's warning about . and _ in the name of a new topic, with its line end; "" for another name."""
    return f"{COLLISION}\n" if "." in name or "_" in name else ""


def _translate_settings(settings: Sequence[str]) -> list[str]:
    """Return our options for the settings of a new topic, without blanks around names and values, in their order.

    Raise JavaError for one that Java does not split into a name and a value, and then for an empty name. Equals signs
    at the end of a value are left out, as by Java.
    """
    pairs = [split_as_java(_EQUALS_SIGN.sub("=", setting), "=") for setting in settings]
    if any(len(pair) != 2 for pair in pairs):
        raise JavaError(
            'requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".',
            _ILLEGAL_ARGUMENT,
        )
    names = [name.strip() for name, _ in pairs]
    if "" in names:
        raise JavaError("Unknown topic config name: ", _INVALID_CONFIG)
    return [f"--config={name}={value.strip()}" for name, (_, value) in zip(names, pairs, strict=True)]


def _translate_partitions(arguments: Arguments) -> list[str]:
    """Return our arguments for more partitions; --partitions must be there.

    Raise OptionError for a value that cannot be read or is given twice, and JavaError for a wrong assignment. An
    assignment that is empty, or only commas, counts as none. A number of 0 or below is not refused.
    """
    partitions = arguments.value("partitions")
    assert partitions is not None
    words = [f"--partitions={int(partitions)}"]
    if assignment := _read_assignment(arguments):
        words.append(f"--replica-assignment={assignment}")
    return words


def _require_legal_name(name: str, before: str) -> None:
    """Raise JavaError, with the sentence of Kafka's tool, for a name that no topic can have.

    `before` is the error's text for stdout.
    """
    if name == "":
        raise JavaError("The given topic name '' cannot be represented in a request.", _INVALID_TOPIC, before=before)
    if (problem := explain_illegal_name(name)) is not None:
        raise JavaError(f"Topic name is invalid: {problem}", _INVALID_TOPIC, before=before)


def _read_assignment(arguments: Arguments, before: str = "") -> str:
    """Return --replica-assignment, ID:ID,ID:ID, without blanks and plus signs; "" without it, and for commas alone.

    Raise JavaError for a text that is no number, a negative id, a broker twice in a partition, partitions with
    different numbers of replicas, and partitions without a replica (:), and OptionError for several values. Where a
    broker would refuse the assignment, not Kafka's tool, `before` is the error's text for stdout.
    """
    text = arguments.value("replica-assignment") or ""
    if not text:
        return ""
    partitions = []
    for number, part in enumerate(split_as_java(text)):
        ids = [_read_java_integer(broker.strip()) for broker in split_as_java(part, ":")]
        doubles = sorted({broker for broker in ids if ids.count(broker) > 1})
        if doubles:
            raise JavaError(
                f"Partition replica lists may not contain duplicate entries: {','.join(map(str, doubles))}",
                "kafka.common.AdminCommandFailedException",
            )
        partitions.append(ids)
        if len(ids) != len(partitions[0]):
            raise JavaError(
                f"Partition {number} has different replication factor: [{', '.join(map(str, ids))}]",
                "kafka.admin.AdminOperationException",
            )
    for ids in partitions:
        if ids and min(ids) < 0:
            reason = f"The manual partition assignment includes broker {min(ids)}, but no such broker is registered."
            raise JavaError(reason, _INVALID_ASSIGNMENT, before=before)
    if partitions and not partitions[0]:
        reason = "The manual partition assignment includes an empty replica list."
        raise JavaError(reason, _INVALID_ASSIGNMENT, before=before)
    return ",".join(":".join(map(str, ids)) for ids in partitions)


def _read_java_integer(text: str) -> int:
    """Return a number of 32 bits. Raise JavaError, that of Java's Integer.parseInt, for any other text.

    Java accepts more than 11 characters (leading zeros) and digits that are not ASCII; here they are refused, too.
    """
    if re.fullmatch(r"[-+]?[0-9]+", text) and len(text) <= len("-2147483648") and -(2**31) <= int(text) < 2**31:
        return int(text)
    raise JavaError(f'For input string: "{text}"', "java.lang.NumberFormatException")


def _read_topic_id(arguments: Arguments) -> str | None:
    """Return --topic-id in 22 characters, as Kafka prints it; None without it and for the id of zeros.

    Raise JavaError for a text that is not 16 bytes in URL-safe base64, with or without padding, and OptionError for
    several values.
    """
    text = arguments.value("topic-id")
    if text is None:
        return None
    if len(text) > _LONGEST_ID:
        raise JavaError(
            f"Input string with prefix `{text[:_LONGEST_ID]}` is too long to be decoded as a base64 UUID",
            _ILLEGAL_ARGUMENT,
        )
    decoded = decode_as_java(text, "-_")
    if len(decoded) != _ID_BYTES:
        raise JavaError(
            f"Input string `{text}` decoded as {len(decoded)} bytes, which is not equal to the expected 16 bytes of a "
            "base64-encoded UUID",
            _ILLEGAL_ARGUMENT,
        )
    return base64.urlsafe_b64encode(decoded).decode().rstrip("=") if any(decoded) else None


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-topics does, and return its status: 1.

    Words that cannot be parsed, a missing or wrong --bootstrap-server and a missing or unreadable file (not a folder)
    go to stderr with the first line of the stack trace, any other error to stdout. Without --create, every
    NotFoundError is the sentence that the topic id, if --describe uses one, or else the topic does not exist. With
    --create Kafka's warning about . and _ in the name comes before, unless the error is an ItemError, or `call` is "":
    it is printed already then. `call` is the name of the request, for the text of a time-out. Raise OutputError or
    ReaderLeftError where stdout fails.
    """
    java = convert_error(error, call)
    is_early = isinstance(error, OptionError) and error.is_of_parsing
    no_client = str(java) == NO_CLIENT or java.exception.endswith(".ConfigException")
    if is_early or no_client or "bootstrap-server must" in str(error) or java.exception.startswith("java.nio"):
        print_stack(java)
        return 1
    if isinstance(error, NotFoundError) and not arguments.has("create"):
        name, kind = _read_topic_id(arguments) if arguments.has("describe") else None, "TopicId"
        if name is None:
            name, kind = arguments.value("topic"), "Topic"
        java = JavaError(f"{kind} '{name}' does not exist as expected", _ILLEGAL_ARGUMENT)
    is_unsaid = call and arguments.has("create") and not isinstance(error, ItemError)  # a result has the warning
    warning = _warn_of_name(arguments.value("topic") or "") if is_unsaid else ""
    out.write_text(f"{warning}Error while executing topic command : {java}\n")
    return 1


TOOL = Tool(
    name="kafka-topics",
    main_class="org.apache.kafka.tools.TopicCommand",
    purpose_without_words="Create, delete, describe, or change a topic.",
    purpose="This tool helps to create, delete, describe, or change a topic.",
    options=OPTIONS,
    verbs=VERBS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "A number of partitions below 1 is refused before the brokers are asked.",
        "Regular expressions are Python's: of Java's own syntax \\Q...\\E and (?<name>...) are read, && and "
        "\\p{...} are not.",
        "The brokers check the settings of --config: a topic that exists already is reported before a wrong setting, "
        "which Kafka's tool checks itself.",
        "With ZooKeeper too, a --replica-assignment to a broker that is not registered is refused at once; there "
        "Kafka's tool makes the topic, and waits for its leaders until the time-out.",
    ),
)
