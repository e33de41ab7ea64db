"""kafka-configs: its options, and `kafkactl configs` in its place. Reference: kafka.admin.ConfigCommand."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence

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
    explain_illegal_name,
    is_unknown_host,
    refuse_together,
    require_file,
    require_servers,
    translate_connection,
    translate_values,
)
from kafkactl.errors import KafkactlError
from kafkactl.output import people
from kafkactl.stdout import out

VERBS = ("describe", "alter")
_ILLEGAL_ARGUMENT = "java.lang.IllegalArgumentException"
_INVALID_CONFIG = "org.apache.kafka.common.errors.InvalidConfigurationException"
_KAFKA = "org.apache.kafka.common.KafkaException"
_EXECUTION = "java.util.concurrent.ExecutionException"
_UNSUPPORTED_ENDPOINT = "org.apache.kafka.common.errors.UnsupportedEndpointTypeException"
_UNKNOWN_TOPIC = "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"
_TYPES = ("topics", "clients", "users", "brokers", "ips", "client-metrics", "groups", "broker-loggers")
"""Types of entities, in the order of Kafka's message about an invalid one."""
_OF_ENTITIES = {
    "topic": "topics",
    "client": "clients",
    "user": "users",
    "broker": "brokers",
    "broker-logger": "broker-loggers",
    "ip": "ips",
    "client-metrics": "client-metrics",
    "group": "groups",
}
"""Options for an entity of a type."""
_OF_DEFAULTS = {
    "client-defaults": "clients", "user-defaults": "users", "broker-defaults": "brokers", "ip-defaults": "ips",
}  # fmt: skip
"""Options for the default entity of a type."""
_AT_BROKERS = ("users", "clients", "ips")
"""Types whose settings no controller shows."""
_WITH_DEFAULT = ("users", "clients", "brokers", "ips")
_QUOTAS = ("producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate")
_IP_QUOTAS = ("connection_creation_rate",)
_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_ONE_LINE = (_ILLEGAL_ARGUMENT, _INVALID_CONFIG, "joptsimple.")
"""Exceptions of which Kafka's tool prints the message alone."""
_SAME_CHECKS = {
    "cannot delete limits that are not set: ": "Invalid config(s): ",
    "logger not found: ": "Invalid broker logger(s): ",
}
"""Beginnings of our messages, and those of Kafka's tool; names follow."""
_OUTSIDE_BRACKETS = r"(?=[^\]]*(?:\[|$))"

OPTIONS = (
    *connection_options("server to connect to", "command config property file"),
    Option(
        name="bootstrap-controller",
        arity=Arity.REQUIRED,
        label="controller to connect to",
        target="--bootstrap-controller",
        summary="Controllers to connect to, and not brokers.",
        state=State.DIFFERENT,
        note="The id of a node that is not a controller is an error at once; Kafka's tool waits for a minute.",
    ),
    Option(name="alter", target="configs alter", summary="Change settings of an entity."),
    Option(name="describe", target="configs describe", summary="Print settings of entities."),
    Option(name="all", target="--all", summary="With --describe: print inherited values, too."),
    Option(
        name="entity-type",
        arity=Arity.REQUIRED,
        target="TYPE, or --entity-type",
        summary="Type of the entity: topics, clients, users, brokers, ips, client-metrics, groups or broker-loggers.",
    ),
    Option(name="entity-name", arity=Arity.REQUIRED, target="NAME, or --entity-name", summary="Name of the entity."),
    Option(
        name="entity-default",
        target="--entity-default",
        summary="The default entity of clients, users, brokers or ips.",
    ),
    Option(
        name="add-config",
        arity=Arity.REQUIRED,
        target="--set, or --add-config",
        summary="Settings to add: A=1,B=[x,y].",
        state=State.DIFFERENT,
        note="A password on the command line is refused, because every process of the machine can read it: use "
        "`kafkactl users set`, or --add-config-file.",
    ),
    Option(
        name="add-config-file",
        arity=Arity.REQUIRED,
        target="--add-config-file",
        summary="Properties file with the settings to add.",
    ),
    Option(
        name="delete-config",
        arity=Arity.REQUIRED,
        target="--unset, or --delete-config",
        summary="Settings to delete: A,B.",
    ),
    Option(name="topic", arity=Arity.REQUIRED, target="--topic", summary="Settings of a topic."),
    Option(name="client", arity=Arity.REQUIRED, target="--client", summary="Quotas of a client id."),
    Option(name="client-defaults", target="--client-defaults", summary="Quotas of all clients without their own."),
    Option(name="user", arity=Arity.REQUIRED, target="--user", summary="Quotas and credentials of a user."),
    Option(name="user-defaults", target="--user-defaults", summary="Quotas of all users without their own."),
    Option(name="broker", arity=Arity.REQUIRED, target="--broker", summary="Settings of a broker."),
    Option(name="broker-defaults", target="--broker-defaults", summary="Settings of all brokers without their own."),
    Option(name="broker-logger", arity=Arity.REQUIRED, target="--broker-logger", summary="Log levels of a broker."),
    Option(name="ip", arity=Arity.REQUIRED, target="--ip", summary="Quotas of an IP address."),
    Option(name="ip-defaults", target="--ip-defaults", summary="Quotas of all addresses without their own."),
    Option(name="group", arity=Arity.REQUIRED, target="--group", summary="Settings of a group."),
    Option(
        name="client-metrics", arity=Arity.REQUIRED, target="--client-metrics", summary="A subscription of metrics."
    ),
    HELP,
    VERSION,
)


def _refuse(message: str, exception: str = _ILLEGAL_ARGUMENT) -> JavaError:
    """Return (not raise) the error of a command line that Kafka's tool answers with one line."""
    return JavaError(message, exception)


def _list_types(arguments: Arguments) -> list[str]:
    """Return the types of the entities: those of --entity-type, then those of other options.

    They are neither checked nor without repetitions. An option such as --topic or --user-defaults counts once; these
    have a fixed order.
    """
    return [
        *arguments.values("entity-type"),
        *(type_ for name, type_ in {**_OF_ENTITIES, **_OF_DEFAULTS}.items() if arguments.has(name)),
    ]


def _list_names(arguments: Arguments) -> list[str]:
    """Return the names of the entities; "" is a default entity.

    First come those of --entity-name in their order, with one "" before or behind them all for --entity-default,
    whichever option came first; then those of options such as --topic, then one "" for each option such as
    --user-defaults. An empty name is "" as well. Raise OptionError for an option such as --topic given twice.
    """
    names = arguments.values("entity-name")
    if arguments.has("entity-default"):
        names = ["", *names] if _default_comes_first(arguments) else [*names, ""]
    names += [arguments.value(name) or "" for name in _OF_ENTITIES if arguments.has(name)]
    return names + [""] * sum(arguments.has(name) for name in _OF_DEFAULTS)


def _default_comes_first(arguments: Arguments) -> bool:
    """Return whether --entity-default stands before --entity-name, or alone; it must be there."""
    order = list(arguments.names)
    return "entity-name" not in order or order.index("entity-default") < order.index("entity-name")


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError, JavaError or OptionError for what Kafka's tool refuses before it connects.

    WrongUsageError is for a command line without exactly one of --describe and --alter, and for --describe beside
    --add-config or --delete-config; --add-config-file is ignored there. JavaError is for both or neither of the two
    servers (neither is allowed where the arguments need none), for types that are missing, unknown, repeated or do not
    belong together, for --entity options beside options such as --topic, for a broker's id that is no number of 32
    bits, for an ip that cannot be looked up as a host, for an entity that --describe or --alter cannot take, for
    --alter without a name, and for no settings or two sources of them with --alter. OptionError is for an option such
    as --topic, or --entity-name of a broker or ip, given twice.
    """
    if sum(arguments.has(verb) for verb in VERBS) != 1:
        raise WrongUsageError("Command must include exactly one action: --describe, --alter")
    refuse_together(arguments, "alter", ("describe",))
    refuse_together(arguments, "describe", ("alter", "add-config", "delete-config"))
    types = _list_types(arguments)
    _check_types(arguments, types)
    names = _list_names(arguments)
    _check_names(arguments, types, names)
    if arguments.has("describe"):
        _check_description(arguments, types, names)
    else:
        _check_alteration(arguments, types, names)


def _check_types(arguments: Arguments, types: Sequence[str]) -> None:
    """Raise JavaError for types that do not exist, are there twice, or do not belong together, and for no type.

    It is also raised where neither --bootstrap-server nor --bootstrap-controller is there and one is needed, where both
    are, and for options such as --topic beside those that begin with --entity. Only users and clients belong together.
    """
    doubles = [type_ for number, type_ in enumerate(types) if type_ in types[:number]]
    if doubles:
        raise _refuse(f"Duplicate entity type(s) specified: {','.join(doubles)}")
    if arguments.needs_server and not arguments.has("bootstrap-server", "bootstrap-controller"):
        raise _refuse("Either --bootstrap-server or --bootstrap-controller must be specified.")
    for type_ in types:
        if type_ not in _TYPES:
            raise _refuse(
                f"Invalid entity type {type_}, the entity type must be one of {', '.join(_TYPES)} "
                "with a --bootstrap-server or --bootstrap-controller argument"
            )
    if not types:
        raise _refuse("At least one entity type must be specified")
    if len(types) > 1 and set(types) != {"users", "clients"}:
        raise _refuse("Only 'users' and 'clients' entity types may be specified together")
    if arguments.has("entity-name", "entity-type", "entity-default") and arguments.has(*_OF_ENTITIES, *_OF_DEFAULTS):
        raise _refuse("--entity-{type,name,default} should not be used in conjunction with specific entity flags")
    if arguments.has("bootstrap-server") and arguments.has("bootstrap-controller"):
        raise _refuse("Only one of --bootstrap-server or --bootstrap-controller can be specified")


def _check_names(arguments: Arguments, types: Sequence[str], names: Sequence[str]) -> None:
    """Raise JavaError for a broker id that is no number of 32 bits, and for an ip that cannot be looked up.

    A broker id has at most 10 digits. An ip is an address or the name of a host. Where all `names` are empty, nothing
    is checked. Raise OptionError for --entity-name, --broker, --broker-logger or --ip given twice, where it is the name
    of a broker or an ip.
    """
    has_name = any(names)
    if has_name and ("brokers" in types or "broker-loggers" in types):
        for option in ("entity-name", "broker", "broker-logger"):
            broker = arguments.value(option)
            if broker is not None and not (
                re.fullmatch(r"[-+]?[0-9]{1,10}", broker) and -(1 << 31) <= int(broker) < 1 << 31
            ):
                raise _refuse(f"The entity name for {types[0]} must be a valid integer broker id, but it is: {broker}")
    if has_name and "ips" in types:
        for option in ("entity-name", "ip"):
            address = arguments.value(option)
            if address is not None and not _is_address(address):
                raise _refuse(
                    f"The entity name for {types[0]} must be a valid IP or resolvable host, but it is: {address}"
                )


def _is_address(text: str) -> bool:
    """Return whether a text is an IP address or the name of a host that can be resolved; the name is looked up."""
    try:
        return bool(socket.getaddrinfo(text, None))
    except (OSError, UnicodeError):
        return False


def _check_description(arguments: Arguments, types: Sequence[str], names: Sequence[str]) -> None:
    """Raise JavaError for an entity that cannot be described.

    It is --entity-default for a type without a default entity, and loggers without the name of a broker.
    """
    if arguments.has("entity-default") and not set(types) & set(_WITH_DEFAULT):
        raise _refuse(f"--entity-default must not be specified with --describe of {','.join(types)}")
    if "broker-loggers" in types and not any(names):
        raise _refuse(f"An entity name must be specified with --describe of {','.join(types)}")


def _check_alteration(arguments: Arguments, types: Sequence[str], names: Sequence[str]) -> None:
    """Raise JavaError for a missing name of an entity, for missing settings, and for both sources of new ones.

    Users, clients, brokers and ips need a name or a default entity, other types a name that is not empty. The settings
    are --add-config or --add-config-file, not both, and --delete-config; one of these options must be there, and may be
    empty.
    """
    if set(types) & set(_WITH_DEFAULT):
        if not names:
            raise _refuse(
                "An entity-name or default entity must be specified with --alter of users, clients, brokers or ips"
            )
    elif not any(names):
        raise _refuse(f"An entity name must be specified with --alter of {','.join(types)}")
    if arguments.has("add-config") and arguments.has("add-config-file"):
        raise _refuse("Only one of --add-config or --add-config-file must be specified")
    if not arguments.has("add-config", "add-config-file", "delete-config"):
        raise _refuse(
            "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter"
        )


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl configs`; the command line must have passed `check`.

    Raise JavaError for a file that cannot be opened, a server without a port, a name that no topic can have with
    --describe, fewer or more names than types with --alter, more of users, clients or ips with --describe, settings
    that Kafka's tool refuses, and entities that it cannot use at controllers. With --describe of another type only the
    first name counts, and the others get a warning on stderr. Raise OptionError for an option given twice; several
    --delete-config are joined, and types and names of --entity options may be several.
    """
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    types, names = _list_types(arguments), _list_names(arguments)
    verb = "alter" if arguments.has("alter") else "describe"
    if verb == "alter" and len(names) != len(types):
        raise _refuse("An entity name must be specified for every entity type")
    if len(names) > len(types):
        if types[0] in _AT_BROKERS:
            raise _refuse("More entity names specified than entity types")
        people.warning(f"only the first of {len(names)} entity names is described, as Kafka's tool does")
        names = names[:1]
    if verb == "describe" and types[:1] == ["topics"] and names and (problem := explain_illegal_name(names[0])):
        raise JavaError(f"Topic name is invalid: {problem}", _ILLEGAL_ARGUMENT)
    words = [
        "configs",
        verb,
        "-o",
        "kafka",
        *translate_connection(arguments),
        *translate_values(arguments, "bootstrap-controller"),
    ]
    for type_, name in zip(types, [*names, *[None] * (len(types) - len(names))], strict=True):
        words.append(f"--entity-type={type_}")
        if name is not None:
            words.append("--entity-default" if name == "" else f"--entity-name={name}")
    changes = _translate_changes(arguments, types, names) if verb == "alter" else []
    if arguments.has("bootstrap-controller"):
        _refuse_at_controllers(verb, types[0])
    if verb == "describe":
        return Run(words=[*words, *(["--all"] if arguments.has("all") else [])], call="describeConfigs")
    return Run(words=[*words, *changes], call="incrementalAlterConfigs")


def _refuse_at_controllers(verb: str, type_: str) -> None:
    """Raise JavaError for a type of entities that Kafka's tool cannot describe, or alter, at controllers.

    The command must be one for controllers: that is not checked here. Only brokers and their loggers can be described,
    and all types but users, clients and ips altered. Kafka's client refuses the others itself, before it connects.
    """
    if verb == "describe" and type_ == "groups":
        raise JavaError("Failed to find brokers to send ListGroups", _KAFKA, _EXECUTION)
    if type_ in _AT_BROKERS or (verb == "describe" and type_ not in ("brokers", "broker-loggers")):
        reason = "This Admin API is not yet supported when communicating directly with the controller quorum."
        raise JavaError(reason, _UNSUPPORTED_ENDPOINT, _EXECUTION)


def _translate_changes(arguments: Arguments, types: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return our arguments for the changes: settings to add as they were given, a file, and names to delete.

    Commas at the end of the settings are removed. The names of several --delete-config are joined, without blanks
    around them; where all are empty, there is no argument.

    Raise JavaError for settings that Kafka's tool refuses, also an empty text, and a file that cannot be opened, whose
    content is not read here, and OptionError for --add-config or --add-config-file given twice.
    """
    words, added = [], []
    if (text := arguments.value("add-config")) is not None:
        text = text.rstrip(",") or text  # as Java splits
        added = _read_settings(text)
        words.append(f"--add-config={text}")
    require_file(arguments.value("add-config-file"))
    words += translate_values(arguments, "add-config-file")
    deleted = [name.strip() for text in arguments.values("delete-config") for name in text.split(",")]
    if any(deleted):
        words.append(f"--delete-config={','.join(deleted)}")
    _check_client_settings(types, names, [name for name, _ in added], deleted)
    for name, value in added:
        if name in (*_QUOTAS, *_IP_QUOTAS) and set(types) & {"users", "clients", "ips"} and not _is_number(value):
            raise _refuse(f"Cannot parse quota configuration value for {name}: {value}")
    return words


def _read_settings(text: str) -> list[tuple[str, str]]:
    """Return names and values of --add-config, A=1,B=[x,y], without blanks around them and without brackets.

    A name or a value may be empty. Raise JavaError for another form, also an empty text and a comma at the end, and for
    a character in a name that no setting can have.
    """
    pairs = [re.split(r"\s*=\s*" + _OUTSIDE_BRACKETS, part) for part in re.split("," + _OUTSIDE_BRACKETS, text)]
    if any(len(pair) != 2 for pair in pairs):
        raise _refuse(
            'requirement failed: Invalid entity config: all configs to be added must be in the format "key=val" or  '
            '"key=[val1,val2]" to group values which contain commas.'
        )
    for name, _ in pairs:
        if not re.fullmatch(r"[a-zA-Z0-9._-]*", name.strip()):
            raise _refuse(f"Invalid character found for config key: {name.strip()}")
    return [(name.strip(), re.sub(r"[\[\]]", "", value).strip()) for name, value in pairs]


def _check_client_settings(
    types: Sequence[str], names: Sequence[str], added: Sequence[str], deleted: Sequence[str]
) -> None:
    """Raise JavaError for settings that users, clients and ips cannot have; do nothing for other types.

    `types` has at least one. SCRAM credentials are for users alone: they are refused for a default entity (a "" in
    `names`), and together with quotas. `added` and `deleted` are names of settings; an empty one of `deleted` is passed
    over.
    """
    added, deleted = list(dict.fromkeys(added)), [name for name in deleted if name]
    if types[0] == "ips" and (
        unknown := [name for name in dict.fromkeys([*added, *deleted]) if name not in _IP_QUOTAS]
    ):
        raise _refuse(
            "Only connection quota configs can be added for 'ips' using --bootstrap-server. "
            f"Unexpected config names: {','.join(unknown)}"
        )
    if not set(types) <= {"users", "clients"}:
        return
    is_user = list(types) == ["users"]
    possible = (*_QUOTAS, *(_MECHANISMS if is_user else ()))
    kind, whose = ("quota and SCRAM credential", "users") if is_user else ("quota", "clients")
    for verb, given, form in (("added", added, "Set({})"), ("deleted", deleted, "ArrayBuffer({})")):
        if unknown := [name for name in given if name not in possible]:
            shown = form.format(", ".join(unknown))
            raise _refuse(
                f"Only {kind} configs can be {verb} for '{whose}' using --bootstrap-server. "
                f"Unexpected config names: {shown}"
            )
    scram = [name for name in (*added, *deleted) if name in _MECHANISMS]
    if scram and "" in names:
        raise _refuse(
            "The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials "
            "using --bootstrap-server."
        )
    if scram and len(scram) < len(added) + len(deleted):
        raise _refuse(
            "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server."
        )


def _is_number(text: str) -> bool:
    """Return whether Java's Double.valueOf reads a text; False also for NaN, Infinity and hexadecimal numbers."""
    return re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?[dDfF]?", text.strip()) is not None


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-configs does, on stderr, and return its status: 1.

    Most errors of the command line, and of limits or loggers that do not exist, are one line. Any other comes with the
    command line, also with passwords in it, and the first line of its trace; so does a missing file, a wrong address,
    and what is refused at controllers. Where --describe does not find a topic, its heading goes to stdout before; raise
    OutputError or ReaderLeftError where that fails. Where the command line names no entity there is no heading. `call`
    is the name of the request, for the text of a time-out.
    """
    java = _find_own_check(error)
    if java is None and (isinstance(error, (JavaError, OptionError)) or is_unknown_host(error)):
        java = convert_error(error, call)
    if java is not None and java.exception.startswith(_ONE_LINE):
        people.write_kafka_message(f"{java}\n")
        return 1
    java = java or _convert_answer(arguments, error, call)
    people.write_kafka_message(
        f"Error while executing config command with args '{' '.join(arguments.words)}'\n{java.first_line}\n"
    )
    return 1


def _find_own_check(error: KafkactlError) -> JavaError | None:
    """Return (not raise) the error of a check that both tools make after they have asked the cluster, in Kafka's words.

    The result is None for any other error.
    """
    for ours, theirs in _SAME_CHECKS.items():
        if str(error).startswith(ours):
            return _refuse(theirs + str(error).removeprefix(ours).replace(", ", ","), _INVALID_CONFIG)
    return None


def _convert_answer(arguments: Arguments, error: KafkactlError, call: str) -> JavaError:
    """Return (not raise) an error as the exception of convert_error inside an ExecutionException.

    For an unknown topic the message names the first entity with --alter, and is empty otherwise; with --describe the
    heading is printed on stdout: raise OutputError or ReaderLeftError. Where the command line names no entity, the
    message stays as it is, and nothing is printed.
    """
    java = convert_error(error, call)
    if java.exception == _UNKNOWN_TOPIC and (names := _list_names(arguments)):
        name = names[0]
        java = JavaError(f"The topic '{name}' does not exist." if arguments.has("alter") else "", _UNKNOWN_TOPIC)
        if arguments.has("describe"):
            out.write_text(f"{'All' if arguments.has('all') else 'Dynamic'} configs for topic {name} are:\n")
            out.flush()
    return JavaError(str(java), java.exception, _EXECUTION)


TOOL = Tool(
    name="kafka-configs",
    main_class="kafka.admin.ConfigCommand",
    purpose="This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip, "
    "client-metrics or group",
    options=OPTIONS,
    verbs=VERBS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "A change without any setting (--delete-config '', an empty file) is an error; Kafka's tool says that it has "
        "completed.",
        "The id of a broker with a sign is an error; for Kafka's tool that broker does not exist.",
        "Quotas are decimal numbers; Kafka's tool also takes Java's 200f, 0x1p3 and NaN.",
    ),
)
