"""kafka-acls: its options, and `kafkactl acls list`, `add` or `remove` in its place.

Reference: org.apache.kafka.tools.AclCommand.
"""

from __future__ import annotations

from collections.abc import Iterable

from kafkactl.admin.acls.models import SUPPORTED, PatternKind, ResourceKind, Right, list_role_rights
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError
from kafkactl.cli.kafka_style.tools import (
    EXECUTION,
    HELP,
    ILLEGAL_ARGUMENT,
    VERSION,
    JavaError,
    Run,
    Tool,
    WrongUsageError,
    convert_error,
    parse_principals,
    print_usage,
    refuse_together,
    require_file,
    require_servers,
    translate_values,
)
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.output.kafka.acl_text import NO_CONSOLE
from kafkactl.stdout import out

_VERBS = ("list", "add", "remove")
_RESOURCES = {
    "topic": ResourceKind.TOPIC,
    "group": ResourceKind.GROUP,
    "transactional-id": ResourceKind.TRANSACTIONAL_ID,
    "delegation-token": ResourceKind.DELEGATION_TOKEN,
    "user-principal": ResourceKind.USER,
}
"""Options that name resources, in the order in which kafka-acls looks at them; the cluster comes behind the topics."""
_PRINCIPALS = ("allow-principal", "deny-principal")
_NO_SETTINGS = "Did not load any properties since the property file is not specified\n"
_NO_RESOURCE = (
    "You must provide at least one resource: --topic <topic> or --cluster or --group <group> or "
    "--delegation-token <Delegation Token ID>"
)


def _make_resource_option(name: str, summary: str) -> Option:
    """Return the option `name`, which names resources of a type. `name` is a key of _RESOURCES."""
    return Option(
        name=name, arity=Arity.REQUIRED, label=name, target=f"--{name}, or {_RESOURCES[name]}:NAME", summary=summary
    )


OPTIONS = (
    Option(
        name="bootstrap-server", arity=Arity.REQUIRED, label="server to connect to", target="--bootstrap-server",
        summary="Brokers to connect to first: HOST:PORT, with commas between.",
    ),
    Option(
        name="bootstrap-controller", arity=Arity.REQUIRED, label="controller to connect to",
        target="--bootstrap-controller", summary="Controllers to connect to, and not brokers.",
    ),
    Option(
        name="command-config", arity=Arity.OPTIONAL, label="command-config", target="--command-config",
        summary="File of client settings.",
    ),
    _make_resource_option("topic", "Topic; * stands for all."),
    Option(name="cluster", target="--cluster, or cluster", summary="The cluster."),
    _make_resource_option("group", "Group; * stands for all."),
    _make_resource_option("transactional-id", "Transactional id; * stands for all."),
    Option(
        name="idempotent", target="--idempotent",
        summary="With --producer also IdempotentWrite on the cluster.",
    ),
    _make_resource_option("delegation-token", "Delegation token; * stands for all."),
    Option(
        name="resource-pattern-type", arity=Arity.REQUIRED, type="ANY|MATCH|LITERAL|PREFIXED", default="LITERAL",
        target="--pattern-type", summary="How names are meant: literal, prefixed, any or match.",
    ),
    Option(name="add", target="acls add", summary="Add rules."),
    Option(name="remove", target="acls remove", summary="Remove rules."),
    Option(name="list", target="acls list", summary="Show rules."),
    Option(
        name="operation", arity=Arity.REQUIRED, default="All", target="--operation",
        summary="Operation that is allowed or denied.",
    ),
    Option(
        name="allow-principal", arity=Arity.REQUIRED, label="allow-principal", target="--allow-principal",
        summary="Who is allowed: TYPE:NAME.",
    ),
    Option(
        name="deny-principal", arity=Arity.REQUIRED, label="deny-principal", target="--deny-principal",
        summary="Who is denied: TYPE:NAME.",
    ),
    Option(
        name="principal", arity=Arity.OPTIONAL, label="principal", target="--principal",
        summary="Only rules of this principal, with --list.",
    ),
    Option(
        name="allow-host", arity=Arity.REQUIRED, label="allow-host", target="--allow-host",
        summary="Address from which the allowed may come.",
    ),
    Option(
        name="deny-host", arity=Arity.REQUIRED, label="deny-host", target="--deny-host",
        summary="Address from which the denied may not come.",
    ),
    Option(name="producer", target="--producer", summary="Operations of a producer on topics."),
    Option(name="consumer", target="--consumer", summary="Operations of a consumer on topics and groups."),
    Option(name="force", target="--yes", summary="Ask nothing."),
    _make_resource_option("user-principal", "User whose tokens others create or describe."),
    HELP,
    VERSION,
)  # fmt: skip


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for options that are missing or do not belong together.

    Refused are both or neither of the two servers (neither is allowed where the arguments need none), a command line
    without exactly one verb, roles, principals and hosts of rules beside --list, --principal without --list,
    --operation, --deny-principal or --deny-host beside a role, --producer without --topic, --idempotent without
    --producer, --consumer that lacks --topic or --group, and --consumer without --producer beside --cluster or
    --transactional-id. Values are not checked, nor that a change has a resource or a principal: `translate` does it.
    """
    has = arguments.has
    if has("bootstrap-server") and has("bootstrap-controller"):
        raise WrongUsageError("Only one of --bootstrap-server or --bootstrap-controller must be specified")
    if arguments.needs_server and not has("bootstrap-server", "bootstrap-controller"):
        raise WrongUsageError("One of --bootstrap-server or --bootstrap-controller must be specified")
    if sum(has(verb) for verb in _VERBS) != 1:
        raise WrongUsageError("Command must include exactly one action: --list, --add, --remove. ")
    refuse_together(
        arguments, "list", ("producer", "consumer", "allow-host", "allow-principal", "deny-host", "deny-principal")
    )
    for role in ("producer", "consumer"):
        refuse_together(arguments, role, ("operation", "deny-principal", "deny-host"))
    if has("principal") and not has("list"):
        raise WrongUsageError("The --principal option is only available if --list is set")
    if has("producer") and not has("topic"):
        raise WrongUsageError("With --producer you must specify a --topic")
    if has("idempotent") and not has("producer"):
        raise WrongUsageError("The --idempotent option is only available if --producer is set")
    lacks_subject = not has("topic") or not has("group")
    if has("consumer") and (lacks_subject or (not has("producer") and has("cluster", "transactional-id"))):
        raise WrongUsageError(
            "With --consumer you must specify a --topic and a --group and no --cluster or --transactional-id option "
            "should be specified."
        )


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl acls list`, `add` or `remove`; the command line must have passed `check`.

    Raise OptionError for a value that cannot be read or is given twice, where only one may be (resources, principals,
    hosts and operations may be several). Raise JavaError for a file of settings that cannot be opened, for a text that
    is no address or no principal, and for the operation Any. Raise WrongUsageError for --add with a pattern type other
    than literal and prefixed or without a principal, for a change without a resource, and for another operation that a
    resource does not have. A removal without --force asks for confirmation. Kafka's remark about --command-config
    without a value is in the result's `before`, for stdout; an error lacks it.
    """
    verb = next(verb for verb in _VERBS if arguments.has(verb))
    connection = _translate_connection(arguments)
    before = _NO_SETTINGS if arguments.has("command-config") and not arguments.has_value("command-config") else ""
    pattern = _parse_pattern(arguments)
    if verb == "add" and pattern not in (PatternKind.LITERAL, PatternKind.PREFIXED):
        raise WrongUsageError(f"A '--resource-pattern-type' value of '{pattern.name}' is not valid when adding acls.")
    words = ["acls", verb, "-o", "kafka", *connection, f"--pattern-type={pattern}"]
    if verb == "list":
        words += _translate_resources(arguments, pattern)
        words += [f"--principal={name}" for name in parse_principals(arguments, "principal")]
        return Run(words=words, call="describeAcls", before=before)
    grants = _translate_grants(arguments)
    resources = _translate_resources(arguments, pattern)
    words += [*resources, *grants]
    _check_operations(arguments, resources)
    if verb == "add" and not _has_clients(arguments):
        raise WrongUsageError("You must specify one of: --allow-principal, --deny-principal when trying to add ACLs.")
    if arguments.has("force") or verb == "add":
        words.append("--yes")
    return Run(words=words, call="describeAcls" if verb == "add" else "deleteAcls", before=before)


def _translate_connection(arguments: Arguments) -> list[str]:
    """Return our options for the addresses and the file of settings.

    Raise OptionError for an option given twice, and JavaError for a file that does not exist, is a folder or cannot be
    read, and for an address that is not HOST:PORT. A --command-config without a value gives no option.
    """
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    return translate_values(arguments, "bootstrap-server", "bootstrap-controller", "command-config")


def _parse_pattern(arguments: Arguments) -> PatternKind:
    """Return the pattern type, given in any case, literal without the option; raise OptionError for a wrong one.

    Any, match, literal and prefixed are right here, for every action. Several types are wrong.
    """
    text = arguments.value("resource-pattern-type") or ""
    if text.lower() not in ("any", "match", "literal", "prefixed"):
        raise OptionError(
            f"Cannot parse argument '{text}' of option resource-pattern-type", "OptionArgumentConversionException"
        )
    return PatternKind(text.lower())


def _translate_grants(arguments: Arguments) -> list[str]:
    """Return our options for principals, hosts, operations and roles.

    A principal that is given has at least one host; * is the default. Hosts without a principal of the same permission
    are left out. Operations are there only with a principal and without a role; All is the default. They are not
    checked here. Roles are there also without a principal. Raise JavaError for a principal without a colon.
    """
    words = []
    for permission in ("allow", "deny"):
        principals = parse_principals(arguments, f"{permission}-principal")
        hosts = [text.strip() for text in arguments.values(f"{permission}-host")] or ["*"]
        words += [f"--{permission}-principal={name}" for name in principals]
        words += [f"--{permission}-host={host}" for host in hosts if principals]
    if not arguments.has("producer", "consumer"):
        # without a principal kafka-acls removes all rules of a resource, whatever the operation is
        names = arguments.values("operation") if _has_clients(arguments) else []
        return [*words, *(f"--operation={name.strip()}" for name in names)]
    return [*words, *(f"--{role}" for role in ("producer", "consumer", "idempotent") if arguments.has(role))]


def _has_clients(arguments: Arguments) -> bool:
    """Return whether --allow-principal or --deny-principal is given; --principal does not count."""
    return arguments.has(*_PRINCIPALS)


def _translate_resources(arguments: Arguments, pattern: PatternKind) -> list[str]:
    """Return our options for the resources; with --producer or --consumer only those that these need.

    --cluster counts only with the pattern type literal, and with a role it gives no option. Blanks around names are
    removed, except for transactional ids. Raise WrongUsageError where rules are changed and no resource that counts is
    given, needed or not; with --list the result may be empty.
    """
    roles = (arguments.has("producer"), arguments.has("consumer"))
    words = []
    has_any = False
    for option, kind in _RESOURCES.items():
        for name in arguments.values(option) if arguments.has(option) else ():
            has_any = True
            if not any(roles) or list_role_rights(kind, *roles):
                words.append(f"--{option}={name if kind is ResourceKind.TRANSACTIONAL_ID else name.strip()}")
    if pattern is PatternKind.LITERAL and arguments.has("cluster"):
        has_any = True
        if not any(roles):
            words.append("--cluster")
    if not has_any and not arguments.has("list"):
        raise WrongUsageError(_NO_RESOURCE)
    return words


def _check_operations(arguments: Arguments, resources: Iterable[str]) -> None:
    """Raise WrongUsageError for an operation that one of the resources, which are our options, does not have.

    An unknown operation is refused, too; All is allowed for each. Raise JavaError for the operation Any. With
    --producer or --consumer, and without a principal, nothing is checked.
    """
    if arguments.has("producer", "consumer") or not _has_clients(arguments):
        return
    if any(name.strip().lower() == "any" for name in arguments.values("operation")):
        raise JavaError("operation must not be ANY", ILLEGAL_ARGUMENT)
    kinds = {**_RESOURCES, "cluster": ResourceKind.CLUSTER}
    for word in resources:
        kind = kinds[word.removeprefix("--").partition("=")[0]]
        for name in arguments.values("operation"):
            if _find_right(name.strip()) not in (Right.ALL, *SUPPORTED[kind]):
                possible = ", ".join(right.name for right in (*SUPPORTED[kind], Right.ALL))
                raise WrongUsageError(f"ResourceType {kind.name} only supports operations [{possible}]")


def _find_right(name: str) -> Right | None:
    """Return the operation of a name in any case, or None for an unknown one."""
    return next((right for right in Right if right is not Right.UNKNOWN and right.lower() == name.lower()), None)


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-acls does, and return its status: 1.

    Words that cannot be parsed are answered with the list of options on stderr; any other error, also another
    OptionError, is on stdout, with the first line of its stack trace. `call` is the name of the request, for the text
    of a time-out; `arguments` is not used. Raise OutputError or ReaderLeftError where stdout fails.
    """
    if isinstance(error, OptionError) and error.is_of_parsing:
        print_usage(str(error), OPTIONS)
        return 1
    java = convert_error(error, call)
    if str(error) == NO_CONSOLE:
        java = JavaError(NO_CONSOLE, "java.lang.NullPointerException")
    is_answer = isinstance(error, (OperationError, UnreachableError)) and not isinstance(error, JavaError)
    if is_answer and java.exception.startswith("org.apache.kafka.common.errors."):
        java = JavaError(str(java), java.exception, EXECUTION)
    out.write_text(f"Error while executing ACL command: {java.text}\n{java.first_line}\n\n")
    return 1


TOOL = Tool(
    name="kafka-acls",
    main_class="org.apache.kafka.tools.AclCommand",
    purpose="This tool helps to manage acls on kafka.",
    options=OPTIONS,
    verbs=_VERBS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "Resources and rules are sorted; kafka-acls prints them in the order of Java's hash tables.",
        "For a missing right the text is the usual one of the exception; the broker's own shows objects of Java.",
        "A principal with an empty type or name is refused; kafka-acls sends it.",
    ),
)
