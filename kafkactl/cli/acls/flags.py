"""Options of the commands `kafkactl acls`: resources, principals, operations and hosts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import typer

from kafkactl.admin.acls.models import (
    CLUSTER_NAME,
    AclFilter,
    PatternKind,
    Permission,
    Resource,
    ResourceKind,
    Right,
    build_filters,
    list_role_rights,
    parse_principal,
    parse_resource,
    parse_right,
)
from kafkactl.cli.frame.command import flags
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import UsageError, make_exclusive_error
from kafkactl.patterns import refuse_empty

_SPECIFIC = (PatternKind.LITERAL, PatternKind.PREFIXED)
_FILTERS = (*_SPECIFIC, PatternKind.ANY, PatternKind.MATCH)
_NO_RESOURCE = (
    "name one: topic:orders, group:billing, transactional-id:pay, delegation-token:ID, user:User:ann, cluster"
)
_NO_PRINCIPAL = "use --allow User:ann or --deny User:ann"
_KAFKA = Section.KAFKA


@flags
class AclResourceOptions:
    """The resources whose rules are shown or changed."""

    section: ClassVar[Section] = Section.SUBJECT

    resource: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RESOURCE",
            help="Resource as TYPE:NAME, such as topic:orders, group:billing or user:User:ann, or cluster.",
            show_default=False,
        ),
    ] = None
    pattern_type: Annotated[
        str | None,
        typer.Option(
            "--pattern-type",
            "--resource-pattern-type",
            metavar="TYPE",
            help="How names are meant: literal or prefixed; to list and remove also any and match.",
        ),
    ] = None
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="TOPIC", help="Kafka's spelling of topic:TOPIC.", rich_help_panel=_KAFKA),
    ] = None
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="Kafka's spelling of group:GROUP.", rich_help_panel=_KAFKA),
    ] = None
    cluster_flag: Annotated[
        bool, typer.Option("--cluster", help="Kafka's spelling of cluster.", rich_help_panel=_KAFKA)
    ] = False
    transactional_id: Annotated[
        list[str] | None,
        typer.Option(
            "--transactional-id", metavar="ID", help="Kafka's spelling of transactional-id:ID.", rich_help_panel=_KAFKA
        ),
    ] = None
    delegation_token: Annotated[
        list[str] | None,
        typer.Option(
            "--delegation-token", metavar="ID", help="Kafka's spelling of delegation-token:ID.", rich_help_panel=_KAFKA
        ),
    ] = None
    user_principal: Annotated[
        list[str] | None,
        typer.Option("--user-principal", metavar="USER", help="Kafka's spelling of user:USER.", rich_help_panel=_KAFKA),
    ] = None

    def parse_pattern(self, default: PatternKind, is_new: bool = False) -> PatternKind:
        """Return the pattern type, given in any case, or `default` without one. Raise UsageError for an unknown one.

        Literal, prefixed, any and match are known; with `is_new`, for new rules, only the first two. An empty text is
        refused; `default` is not checked.
        """
        if self.pattern_type is None:
            return default
        text = self.pattern_type.lower()
        require_choice(text, "--pattern-type", _SPECIFIC if is_new else _FILTERS)
        return PatternKind(text)

    def list_resources(self) -> list[tuple[ResourceKind, str | None]]:
        """Return the type and the name of each resource, each once: first the arguments, then those of options.

        The options have a fixed order: topics, cluster, groups, transactional ids, tokens, users. The name is None for
        all of a type, which only an argument such as `topic` can mean. Without any the list is empty. Raise UsageError
        for a wrong resource, and for a name that is empty, has a NUL character or is not UTF-8.
        """
        found = [parse_resource(text) for text in self.resource or ()]
        for option, kind, names in (
            ("--topic", ResourceKind.TOPIC, self.topic),
            ("--cluster", ResourceKind.CLUSTER, [CLUSTER_NAME] if self.cluster_flag else None),
            ("--group", ResourceKind.GROUP, self.group),
            ("--transactional-id", ResourceKind.TRANSACTIONAL_ID, self.transactional_id),
            ("--delegation-token", ResourceKind.DELEGATION_TOKEN, self.delegation_token),
            ("--user-principal", ResourceKind.USER, self.user_principal),
        ):
            found += [(kind, refuse_empty(name, option)) for name in names or ()]
        return list(dict.fromkeys(found))

    def list_filters(self, default: PatternKind) -> list[AclFilter]:
        """Return a filter for each resource, each once, and one for all where none is given.

        `default` is the pattern type of names without --pattern-type; the filter of the cluster is always literal. A
        type without a name gives a filter with the name None, for all names of the type. Without a resource all pattern
        types are chosen, unless --pattern-type is literal or prefixed. Raise UsageError for a wrong pattern type, and
        as list_resources does.
        """
        pattern = self.parse_pattern(default)
        resources = self.list_resources()
        if not resources:
            chosen = pattern if pattern in _SPECIFIC and self.pattern_type is not None else PatternKind.ANY
            return [AclFilter(pattern=chosen)]
        return [
            AclFilter(type=kind, name=name, pattern=_make_pattern(kind, pattern))
            for kind, name in resources
        ]  # fmt: skip

    def require_resources(self, is_new: bool, needs_cluster: bool = False) -> list[Resource]:
        """Return the resources of a change, each once, at least one.

        `needs_cluster` adds the cluster at the end, unless it is there; no other resource is needed then. The pattern
        type is literal without --pattern-type, and always for the cluster. With `is_new` only literal and prefixed are
        allowed. Raise UsageError where there is no resource, for a type without a name, for a wrong pattern type, and
        as list_resources does.
        """
        pattern = self.parse_pattern(PatternKind.LITERAL, is_new)
        resources = []
        for kind, name in self.list_resources():
            if name is None:
                raise UsageError(f"missing name of the {kind}", f"for example: {kind}:orders, or {kind}:* for all")
            resources.append(Resource(type=kind, name=name, pattern=_make_pattern(kind, pattern)))
        if needs_cluster:
            cluster = Resource(type=ResourceKind.CLUSTER, name=CLUSTER_NAME, pattern=PatternKind.LITERAL)
            resources = list(dict.fromkeys([*resources, cluster]))
        if not resources:
            raise UsageError("missing argument RESOURCE", _NO_RESOURCE)
        return resources


def _make_pattern(kind: ResourceKind, pattern: PatternKind) -> PatternKind:
    """Return the pattern type for a resource: that of the cluster is always literal."""
    return PatternKind.LITERAL if kind is ResourceKind.CLUSTER else pattern


@flags
class GrantOptions:
    """What rules say: who may or may not do what, and from where."""

    section: ClassVar[Section] = Section.RULES

    allow_principal: Annotated[
        list[str] | None,
        typer.Option("--allow-principal", "--allow", metavar="TYPE:NAME", help="Who is allowed; User:* is everybody."),
    ] = None
    deny_principal: Annotated[
        list[str] | None,
        typer.Option(
            "--deny-principal", "--deny", metavar="TYPE:NAME", help="Who is denied; a denial wins over all permissions."
        ),
    ] = None
    operation: Annotated[
        list[str] | None,
        typer.Option("--operation", metavar="NAME", help="Operation: Read, Write, Describe, ..., All; repeatable."),
    ] = None
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="IP", help="Address from which the allowed may come. Default: all."),
    ] = None
    deny_host: Annotated[
        list[str] | None,
        typer.Option("--deny-host", metavar="IP", help="Address from which the denied may not come. Default: all."),
    ] = None
    producer: Annotated[
        bool, typer.Option("--producer", help="Operations of a producer on topics and transactional ids.")
    ] = False
    consumer: Annotated[bool, typer.Option("--consumer", help="Operations of a consumer on topics and groups.")] = False
    idempotent: Annotated[
        bool, typer.Option("--idempotent", help="With --producer also IdempotentWrite on the cluster.")
    ] = False

    def list_clients(self) -> list[tuple[Permission, str, str | None]]:
        """Return the permission, the principal and the host of each client; a host of None is not given.

        Each principal is combined with each host of its permission. A host is not checked, and may be empty; equal
        principals stay. Those that are allowed come first; without principals the list is empty. Raise UsageError for a
        principal that is not TYPE:NAME, and for a host without a principal.
        """
        clients: list[tuple[Permission, str, str | None]] = []
        for permission, principals, hosts in (
            (Permission.ALLOW, self.allow_principal, self.allow_host),
            (Permission.DENY, self.deny_principal, self.deny_host),
        ):
            if hosts and not principals:
                raise UsageError(f"--{permission}-host needs --{permission}-principal", _NO_PRINCIPAL)
            chosen_hosts: list[str | None] = [*(hosts or ())] or [None]
            clients += [
                (permission, parse_principal(principal, f"--{permission}-principal"), host)
                for principal in principals or ()
                for host in chosen_hosts
            ]
        return clients

    def require_clients(self) -> list[tuple[Permission, str, str | None]]:
        """Return the clients as list_clients does; raise UsageError also where there is none."""
        if not (clients := self.list_clients()):
            raise UsageError("missing option: --allow-principal or --deny-principal", _NO_PRINCIPAL)
        return clients

    def list_rights(self, kind: ResourceKind) -> list[Right]:
        """Return the operations on a resource of a type; empty where neither an operation nor a role is given.

        A role, --producer or --consumer, has those that it needs, each once. Operations of --operation keep their
        order, equal ones stay, and they are not checked against the type.

        Raise UsageError for an unknown operation, for --idempotent without --producer, for a role together with
        --operation or --deny-principal, and for a type of resource that the chosen role needs no right on; that is the
        cluster, too, without --idempotent.
        """
        if self.idempotent and not self.producer:
            raise UsageError("--idempotent needs --producer", "add --producer")
        role = "--producer" if self.producer else "--consumer"
        if not (self.producer or self.consumer):
            return [parse_right(name, "--operation") for name in self.operation or ()]
        for option, is_given in (("--operation", self.operation), ("--deny-principal", self.deny_principal)):
            if is_given:
                raise make_exclusive_error(role, option)
        rights = list_role_rights(kind, self.producer, self.consumer)
        if not rights or (kind is ResourceKind.CLUSTER and not self.idempotent):
            raise UsageError(f"{role} needs no right on a {kind}", f"leave the {kind} out, or use --operation")
        return rights

    def build_filters(
        self, resources: Sequence[Resource], clients: Sequence[tuple[Permission, str, str | None]]
    ) -> list[AclFilter]:
        """Return the filters of these options for resources; raise UsageError as list_rights does.

        `clients` are those of list_clients or require_clients; without any all clients are chosen, and without
        --operation and a role every operation. Raise UsageError also for an operation that a resource does not have.
        """
        return [
            chosen
            for resource in resources
            for chosen in build_filters(resource, clients, self.list_rights(resource.type))
        ]  # fmt: skip
