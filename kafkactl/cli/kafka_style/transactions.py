"""kafka-transactions: its options, and `kafkactl transactions` in its place.

Reference: org.apache.kafka.tools.TransactionsCommand, and the handlers of Kafka's admin client for its messages.
"""

from __future__ import annotations

import re

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, State
from kafkactl.cli.kafka_style.subcommands import SERVERS, SETTINGS_FILE, VERSION, Level, SubcommandError, format_error
from kafkactl.cli.kafka_style.tools import (
    NO_CLIENT,
    NOTHING,
    TERSE,
    JavaError,
    Run,
    Tool,
    convert_error,
    list_options,
    require_file,
    require_servers,
    translate_values,
)
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError, UnsupportedRequestError
from kafkactl.output import people
from kafkactl.output.kafka.java_errors import INVALID_TOPIC
from kafkactl.patterns import has_name_characters, is_topic_name

_NOT_AUTHORIZED, _NOT_FOUND = 53, 105
_FILTERS = {
    1: "Duration filter can be set only when using API version 1 or higher. If client is connected to an older broker, "
    "do not specify duration filter or set duration filter to -1.",
    2: "Transactional ID pattern filter can be set only when using API version 2 or higher. If client is connected to "
    "an older broker, do not specify the pattern filter.",
}
"""Kafka's words for a filter that the brokers lack, by the version of ListTransactions that has it."""
_DETAIL = "Enable debug logging for additional detail."
_TOPIC = Option(name="topic", arity=Arity.REQUIRED, target="TOPIC", summary="Name of the topic.")
_PARTITION = Option(
    name="partition", arity=Arity.REQUIRED, type="Integer", target="--partitions", summary="Number of the partition.",
    state=State.DIFFERENT,
    note="A partition that does not exist is an error at once; Kafka's tool waits for a minute.",
)  # fmt: skip
_BROKER = Option(
    name="broker-id", arity=Arity.REQUIRED, type="Integer", target="--broker",
    summary="Ask the replicas on this broker.",
    state=State.DIFFERENT, note="A broker that is not alive is an error at once; Kafka's tool waits for a minute.",
)  # fmt: skip
_OLD = "For brokers before 3.0, in place of --start-offset."
LEVELS = (
    Level(
        options=(VERSION, SETTINGS_FILE, SERVERS[0]),
        required=("bootstrap-server",),
        letters={"version": "v"},
        labels={"command-config": "FILE", "bootstrap-server": "host:port"},
        subcommand_label="COMMAND",
        letter_first=True,
    ),
    Level(
        name="list",
        summary="List transactions.",
        options=(
            Option(
                name="duration-filter", arity=Arity.REQUIRED, type="Long", target="--older-than",
                summary="Only ids whose transaction is older, in ms; a negative number means all.",
            ),
            Option(
                name="transactional-id-pattern", arity=Arity.REQUIRED, target="--match",
                summary="Only ids that match this regular expression.",
            ),
        ),
    ),
    Level(
        name="describe",
        summary="Show the transaction of an id.",
        description="Describe the state of an active transactional-id.",
        options=(
            Option(
                name="transactional-id", arity=Arity.REQUIRED, target="TRANSACTIONAL-ID",
                summary="Transactional id of a producer.",
            ),
        ),
        required=("transactional-id",),
    ),
    Level(
        name="describe-producers",
        summary="Show the producers that a partition knows.",
        options=(_BROKER, _TOPIC, _PARTITION),
        required=("topic", "partition"),
    ),
    Level(
        name="abort",
        summary="Abort a hanging transaction.",
        options=(
            _TOPIC,
            _PARTITION,
            Option(
                name="start-offset", arity=Arity.REQUIRED, type="Long", target="--start-offset",
                summary="Offset at which the transaction begins.",
            ),
            Option(
                name="producer-id", arity=Arity.REQUIRED, type="Long", target="--producer-id", summary=_OLD,
            ),
            Option(
                name="producer-epoch", arity=Arity.REQUIRED, type="Short", target="--producer-epoch", summary=_OLD,
            ),
            Option(
                name="coordinator-epoch", arity=Arity.REQUIRED, type="Integer", target="--coordinator-epoch",
                summary=_OLD,
            ),
        ),
        required=("topic", "partition"),
    ),
    Level(
        name="find-hanging",
        summary="Find hanging transactions.",
        options=(
            _BROKER,
            Option(
                name="max-transaction-timeout", arity=Arity.REQUIRED, type="Integer", target="--older-than",
                summary="Only transactions that are older, in minutes.",
            ),
            _TOPIC,
            _PARTITION,
        ),
    ),
    Level(
        name="forceTerminateTransaction",
        summary="Abort the transaction of an id, and shut its producer out.",
        description="Force abort an ongoing transaction on transactionalId",
        options=(
            Option(
                name="transactionalId", arity=Arity.REQUIRED, target="TRANSACTIONAL-ID",
                summary="Transactional id of a producer.",
                state=State.DIFFERENT, note="An empty id is an error at once; Kafka's tool waits for a minute.",
            ),
        ),
        required=("transactionalId",),
    ),
)  # fmt: skip


def check(arguments: Arguments) -> None:
    """Raise JavaError for a wrong address, as require_servers does, and for options that are missing.

    JavaError is also for a --command-config that cannot be read, or is a folder, as an empty one is.

    abort needs --start-offset, or else --producer-id, --producer-epoch and --coordinator-epoch. find-hanging needs
    --topic or --broker-id, and its --partition needs --topic. The --transactional-id of describe must not be empty.
    """
    try:
        require_file(arguments.value("command-config"))
    except JavaError as error:
        raise JavaError(f"Failed to load admin client properties: {error}. {_DETAIL}", TERSE) from None
    require_servers(arguments)
    if arguments.command == "describe" and arguments.value("transactional-id") == "":  # no id of ours is empty
        raise JavaError(f"{_describe_failure(arguments, '')}: {_describe_refusal('', 0)}. {_DETAIL}", TERSE)
    if arguments.command == "abort":
        if not arguments.has("start-offset", "producer-id"):
            raise JavaError(
                "The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) "
                "or with --producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)",
                TERSE,
            )
        for name in ("producer-epoch", "coordinator-epoch"):
            if not arguments.has("start-offset", name):
                raise JavaError(f"Missing required argument --{name}", TERSE)
    if arguments.command == "find-hanging":
        if not arguments.has("topic", "broker-id"):
            raise JavaError(
                "The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search",
                TERSE,
            )
        if arguments.has("partition") and not arguments.has("topic"):
            raise JavaError("The --partition argument requires --topic to be provided", TERSE)


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl transactions`; the command line must have passed `check`.

    --duration-filter is in ms, and one below 0 is left out, as is an empty pattern. --max-transaction-timeout is in
    minutes, 15 by default, and passed on also where it is below 0. For find-hanging a topic with characters that no
    name can have becomes a pattern that no topic matches. Nobody is asked.
    """
    connection = [*translate_values(arguments, "bootstrap-server", "command-config"), "-o", "kafka"]
    if arguments.command == "list":
        words = ["transactions", "list", *connection]
        duration_ms = int(arguments.value("duration-filter") or -1)
        words += [f"--older-than={duration_ms}ms"] if duration_ms >= 0 else []
        pattern = arguments.value("transactional-id-pattern")
        words += [f"--match={pattern}"] if pattern else []
        return Run(words=words, call="listTransactions(api=METADATA)")
    if arguments.command == "describe":
        return Run(
            words=["transactions", "describe", *connection, "--", arguments.value("transactional-id") or ""],
            call="describeTransactions(api=FIND_COORDINATOR)",
        )
    api = "DESCRIBE_PRODUCERS" if arguments.has("broker-id") else "METADATA"
    if arguments.command == "describe-producers":
        return Run(
            words=["transactions", "producers", *connection, *_translate_place(arguments)],
            call=f"describeProducers(api={api})",
        )
    if arguments.command == "abort":
        return _translate_abort(arguments, connection)
    if arguments.command == "find-hanging":
        minutes = int(arguments.value("max-transaction-timeout") or 15)
        words = ["transactions", "find-hanging", *connection, *_translate_place(arguments)]
        if (topic := arguments.value("topic")) and not has_name_characters(topic):  # our --topic takes it for a pattern
            words = [f"--match={NOTHING}" if word == f"--topic={topic}" else word for word in words]
        call = "listTopics"
        if arguments.has("topic"):
            call = f"describeProducers(api={api})" if arguments.has("partition") else "listNodes"
        return Run(words=[*words, f"--older-than={minutes}m"], call=call)
    return Run(
        words=["transactions", "force-terminate", *connection, "--yes", "--", arguments.value("transactionalId") or ""],
        call="fenceProducer(api=FIND_COORDINATOR)",
    )


def _translate_place(arguments: Arguments) -> list[str]:
    """Return our --topic, --partitions and --broker, as --NAME=VALUE, for what Kafka's tool is given.

    Its options are --topic, --partition and --broker-id; one that is not given is left out. Raise OptionError for a
    value that is no number, and for an option given twice, where parse_words() has not refused it.
    """
    words = translate_values(arguments, "topic")
    for name, ours in (("partition", "--partitions"), ("broker-id", "--broker")):
        value = arguments.value(name) if arguments.has(name) else None
        words += [] if value is None else [f"{ours}={int(value)}"]
    return words


def _translate_abort(arguments: Arguments, connection: list[str]) -> Run:
    """Return the command `kafkactl transactions abort`, which asks nobody.

    With a start offset the producer's id and the epochs do not count; --partition does. `connection` are our options. A
    missing number becomes 0, so call check() first.
    """
    words = ["transactions", "abort", *connection, "--yes", *translate_values(arguments, "topic")]
    names = ["partition"]
    names += (
        ["start-offset"] if arguments.has("start-offset") else ["producer-id", "producer-epoch", "coordinator-epoch"]
    )
    words += [f"--{name}={int(arguments.value(name) or 0)}" for name in names]
    call = "describeProducers" if arguments.has("start-offset") else "abortTransaction"
    return Run(words=words, call=f"{call}(api=METADATA)")


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error on stderr as kafka-transactions does, and return its status: 1.

    A SubcommandError comes with its usage; any other error, also of `check`, is one sentence. `call` is the name of the
    request, for the text of a time-out, and with find-hanging for what failed.
    """
    if isinstance(error, SubcommandError):
        people.write_kafka_message(format_error(TOOL.program, error))
        return 1
    java = convert_error(error, call)
    if java.exception == TERSE:
        text = str(java)
    elif isinstance(error, JavaError) or str(java) == NO_CLIENT:
        text = f'Exception in thread "main" {java.first_line}'
    elif arguments.command == "abort" and isinstance(error, NotFoundError):
        offset = int(arguments.value("start-offset") or 0)
        text = f"Could not find any open transactions starting at offset {offset} on partition {_name_place(arguments)}"
    else:
        text = f"{_describe_failure(arguments, call)}: {_find_reason(arguments, error, str(java))}. {_DETAIL}"
    people.write_kafka_message(f"{text}\n")
    return 1


def _name_place(arguments: Arguments) -> str:
    """Return the partition of the command line as Java shows it."""
    return f"{arguments.value('topic')}-{int(arguments.value('partition') or 0)}"


def _describe_failure(arguments: Arguments, call: str) -> str:
    """Return what failed in Kafka's words, without the reason and a full stop.

    `call` is the name of the request; it counts only for find-hanging.
    """
    command = arguments.command
    if command == "list":
        return "Failed to list transactions"
    if command == "describe":
        return f"Failed to describe transaction state of transactional-id `{arguments.value('transactional-id')}`"
    if command == "describe-producers":
        broker = f"broker {int(arguments.value('broker-id') or 0)}" if arguments.has("broker-id") else "leader"
        return f"Failed to describe producers for partition {_name_place(arguments)} on {broker}"
    if command == "abort":
        place = _name_place(arguments)
        if arguments.has("start-offset"):
            return f"Failed to validate producer state for partition {place}"
        numbers = {name: int(arguments.value(name) or 0) for name in ("producer-id", "producer-epoch")}
        epoch = max(0, int(arguments.value("coordinator-epoch") or 0))
        return (
            f"Failed to abort transaction AbortTransactionSpec(topicPartition={place}, "
            f"producerId={numbers['producer-id']}, producerEpoch={numbers['producer-epoch']}, coordinatorEpoch={epoch})"
        )
    if command == "find-hanging":
        if call == "listTopics":
            return "Failed to list topics"
        if call == "listNodes":
            return "Failed to describe 1 topics"
        broker = f"[{int(arguments.value('broker-id') or 0)}]" if arguments.has("broker-id") else ".empty"
        return f"Failed to describe producers for 1 partitions on broker Optional{broker}"
    return f"Failed to force terminate transactionalId `{arguments.value('transactionalId')}`"


def _find_reason(arguments: Arguments, error: KafkactlError, text: str) -> str:
    """Return the reason of a failure in the words of Kafka's client.

    `text` is the message of the error as a Java exception; it is the result where the client has no other words. A full
    stop at the end of the client's sentence stays. For `list`, a broker that the error does not name is broker 1.
    """
    code = error.code if isinstance(error, OperationError) else None
    if isinstance(error, UnreachableError):
        return text
    if arguments.command == "list" and isinstance(error, UnsupportedRequestError):
        return _FILTERS.get(error.needed_versions[0], text)
    if arguments.command == "list" and code is not None:
        broker = re.match(r"broker ([0-9]+):", str(error))
        number = broker[1] if broker else "1"
        return f"ListTransactions request sent to broker {number} failed with an unexpected exception"
    if arguments.command == "describe" and code is not None:
        return _describe_refusal(arguments.value("transactional-id") or "", code)
    if isinstance(error, NotFoundError):
        topic = arguments.value("topic")
        is_possible = topic is None or is_topic_name(topic)
        return "This server does not host this topic-partition." if is_possible else INVALID_TOPIC
    return text


def _describe_refusal(transactional_id: str, code: int) -> str:
    """Return the words of Kafka's client for a transactional id that a broker does not describe; 0 is no known code."""
    reasons = {_NOT_AUTHORIZED: "due to authorization failure", _NOT_FOUND: "because the ID could not be found"}
    reason = reasons.get(code, "due to unexpected error")
    return f"DescribeTransactions request for transactionalId `{transactional_id}` failed {reason}"


TOOL = Tool(
    name="kafka-transactions",
    program="kafka-transactions.sh",
    main_class="org.apache.kafka.tools.TransactionsCommand",
    purpose="This tool is used to analyze the transactional state of producers in the cluster. It can be used to "
    "detect and recover from hanging transactions.",
    options=list_options(LEVELS),
    levels=LEVELS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "A misspelt subcommand or option is refused without a proposal.",
        "Lists stay in the order of the coordinators' ids; Java's order of several brokers is that of a hash table.",
    ),
)
