"""The changes of `configs alter`: parsing of the flags, and the requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from kafkactl.admin import configs, quotas, scram
from kafkactl.admin.configs import Alteration, Operation
from kafkactl.admin.entities import DEFAULT_NAME, QUOTA_TYPES, Entity, EntityType
from kafkactl.connection import properties, secrets
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import parse_assignment
from kafkactl.errors import KafkactlError, OperationError, UnsupportedRequestError, UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.patterns import make_arguments, require_each_once

_OUTSIDE_BRACKETS = r"(?=[^\]]*(?:\[|$))"
_NAME = re.compile(r"[a-zA-Z0-9._-]+")
_SECRETS_ELSEWHERE = (
    "use --add-config-file FILE with a file that only you can read, or set a user's password with kafkactl users set"
)


def parse_alterations(
    set_: Sequence[str] | None,
    unset: Sequence[str] | None,
    append: Sequence[str] | None,
    subtract: Sequence[str] | None,
    add_config: str | None,
    add_config_file: Path | None,
    delete_config: Sequence[str] | None,
) -> list[Alteration]:
    """Return all changes: of --set, --append, --subtract, the list or the file of --add-config, then deletions.

    `set_`, `append` and `subtract` have NAME=VALUE, `add_config` is A=1,B=[x,y], `unset` has one name a text,
    `delete_config` has names with commas, `add_config_file` is a Java .properties file. None and an empty list are not
    given. Values may be empty, but `add_config` may not. A file with secrets that others can read gets a warning.

    Raise UsageError for no change, a text that has another form, a file that cannot be read, a name that is changed
    twice or that no setting can have, a secret to set, append or subtract on the command line, and --add-config
    together with --add-config-file. In `add_config` and in the file the last of equal names counts. Empty names to
    delete are left out.
    """
    if add_config is not None and add_config_file is not None:
        raise make_exclusive_error("--add-config", "--add-config-file")
    assignment_flags = (
        (Operation.SET, "--set", set_),
        (Operation.APPEND, "--append", append),
        (Operation.SUBTRACT, "--subtract", subtract),
    )
    alterations = []
    for kind, flag, texts in assignment_flags:
        pairs = [parse_assignment(text, flag) for text in texts or ()]
        secrets.refuse((name for name, _ in pairs), flag, _SECRETS_ELSEWHERE)
        alterations += [Alteration(kind, *pair) for pair in pairs]
    added = parse_list(add_config) if add_config is not None else {}
    secrets.refuse(added, "--add-config", _SECRETS_ELSEWHERE)
    if add_config_file is not None:
        added = properties.read(add_config_file)
        if warning := secrets.find_warning(add_config_file, added):
            people.warning(warning)
    alterations += [Alteration(Operation.SET, name, value) for name, value in added.items()]
    deleted = [*(unset or ()), *(name.strip() for text in delete_config or () for name in text.split(","))]
    alterations += [Alteration(Operation.DELETE, name) for name in deleted if name]
    if not alterations:
        raise UsageError("nothing to alter", "name a setting: --set NAME=VALUE or --unset NAME")
    names = [change.name for change in alterations]
    require_each_once(names, "setting")
    if invalid_names := [name for name in names if not _NAME.fullmatch(name)]:
        raise UsageError(
            f"invalid name of a setting: {', '.join(map(repr, invalid_names))}", "use letters, digits, . _ and -"
        )
    return alterations


def parse_list(text: str) -> dict[str, str]:
    """Return the settings of Kafka's list A=1,B=[x,y] by name. Commas inside square brackets belong to the value.

    A comma or an equals sign is inside where the next bracket behind it is ]. The last of equal names counts. All
    brackets of a value, and blanks around names and values, are removed; brackets of a name stay. Commas at the end are
    left out. Raise UsageError for a part with none or several equals signs outside brackets, and for a text that is
    empty or has only commas. Names and values may be empty.
    """
    parts = re.split("," + _OUTSIDE_BRACKETS, text)
    while len(parts) > 1 and not parts[-1]:  # as in Java
        parts.pop()
    pairs = {}
    for part in parts:
        sides = re.split(r"\s*=\s*" + _OUTSIDE_BRACKETS, part)
        if len(sides) != 2:
            raise UsageError(
                f"invalid value {part!r} for --add-config: not name=value",
                "write it like retention.ms=1000,cleanup.policy=[compact,delete]",
            )
        pairs[sides[0].strip()] = re.sub(r"[\[\]]", "", sides[1]).strip()
    return pairs


def make_changes(
    cluster: Cluster, entity: Sequence[Entity], changes: Sequence[Alteration], dry_run: bool, strict: bool
) -> None:
    """Change the settings of one entity: all of them, or none; only credentials change one after the other.

    `entity` has its parts: a user and a client are two, any other entity is one. `strict` refuses to delete a setting
    that is not set; for quotas this is always refused. For loggers it has no effect. With `dry_run` the brokers only
    check.

    Raise OperationError for a refusal, an unknown logger, and a setting to delete that is not set, NotFoundError for a
    topic that does not exist and a broker that is not alive (at controllers: that is no controller),
    UnsupportedRequestError for users, clients and ips at controllers, UnreachableError (UnansweredError where the
    change may have been done), UsageError for a change that the users, clients or ips cannot have, a wrong value of
    their quotas and credentials, credentials with `dry_run`, and a wrong client setting, and UnicodeEncodeError for a
    password that is not Unicode. After the code REQUEST_TIMED_OUT the change may have been done, too.
    """
    if entity[0].type in QUOTA_TYPES:
        _refuse_at_controllers(cluster, entity)
        _change_client_settings(cluster, entity, changes, dry_run)
        return
    (single_entity,) = entity
    deletes = any(change.operation is Operation.DELETE for change in changes)
    if single_entity.type is EntityType.BROKER_LOGGERS or (strict and deletes):
        present = configs.describe_configs(cluster, entity)[single_entity]
        if single_entity.type is EntityType.BROKER_LOGGERS:
            _require_loggers({config.name for config in present}, changes)
        elif strict:
            configs.require_set(present, changes)
    error = configs.alter_configs(cluster, {single_entity: changes}, dry_run)[single_entity]
    if error is not None:
        raise error


def find_inverse(cluster: Cluster, entity: Sequence[Entity], changes: Sequence[Alteration]) -> tuple[str, ...] | None:
    """Return the arguments of the command that restores the present values, which are read from the cluster.

    They begin with "configs", "alter"; a setting that the entity does not set itself is unset. None means that a value
    cannot be read or is secret, or that it belongs to users, clients or ips. Nothing is raised for an error of the
    cluster. `entity` is as for make_changes.
    """
    if entity[0].type in QUOTA_TYPES or any(secrets.is_secret(change.name) for change in changes):
        return None
    (single,) = entity
    try:
        present = {config.name: config for config in configs.describe_configs(cluster, entity)[single]}
    except KafkactlError:
        return None
    flags = [] if single.name else ["--default"]
    for change in changes:
        config = present.get(change.name)
        if config is None or not config.is_own:
            flags += ["--unset", change.name]
        elif config.value is None:
            return None
        else:
            flags += ["--set", f"{change.name}={config.value}"]
    return make_arguments(("configs", "alter"), [single.type.value, *filter(None, [single.name])], flags)


def describe_change(change: Alteration) -> str:
    """Return a change in words: NAME=VALUE, "no NAME", "NAME with VALUE" or "NAME without VALUE".

    The value of a secret is (hidden).
    """
    value = "(hidden)" if secrets.is_secret(change.name) else change.value
    return {
        Operation.SET: f"{change.name}={value}",
        Operation.DELETE: f"no {change.name}",
        Operation.APPEND: f"{change.name} with {value}",
        Operation.SUBTRACT: f"{change.name} without {value}",
    }[change.operation]


def _refuse_at_controllers(cluster: Cluster, entity: Sequence[Entity]) -> None:
    """Raise UnsupportedRequestError where the address is that of controllers: they do not show quotas and users.

    `entity` is only for the message; its type is not looked at.
    """
    if cluster.settings.has_controllers:
        error = UnsupportedRequestError(
            f"a controller does not show the settings of {' and '.join(map(str, entity))}: only brokers do",
            "name brokers with --bootstrap-server",
        )
        error.is_of_brokers = True
        raise error


def _change_client_settings(
    cluster: Cluster, entity: Sequence[Entity], changes: Sequence[Alteration], dry_run: bool
) -> None:
    """Change quotas, or credentials if the entity is a user alone. They need different requests and cannot be mixed.

    `entity` has the parts of the entity: users, clients or ips (KeyError for other types). With `dry_run` the brokers
    only check quotas. Credentials are changed one after the other, not all or none. Raise UsageError for --append and
    --subtract, for a setting that the entity cannot have, for a mix, for a value that is wrong, for credentials with
    `dry_run` or of the default user, and for a wrong client setting; OperationError for a refusal and a quota to delete
    that is not set; UnreachableError (UnansweredError where a change may have been done); and UnicodeEncodeError for a
    password that is not Unicode.
    """
    if any(change.operation not in (Operation.SET, Operation.DELETE) for change in changes):
        raise UsageError("--append and --subtract cannot change quotas and credentials", "use --set or --unset")
    limit_names = quotas.QUOTA_NAMES[entity[0].type]
    mechanisms = [change for change in changes if change.name in scram.MECHANISMS]
    is_user = [part.type for part in entity] == [EntityType.USERS]
    invalid_names = [
        change.name for change in changes if change.name not in limit_names and not (is_user and change in mechanisms)
    ]
    if invalid_names:
        possible = [*limit_names, *(scram.MECHANISMS if is_user else ())]
        raise UsageError(
            f"invalid setting for {' and '.join(map(str, entity))}: {', '.join(invalid_names)}",
            f"use one of {', '.join(possible)}",
        )
    if mechanisms and len(mechanisms) < len(changes):
        raise UsageError(
            "quotas and credentials cannot be changed by one command", "change one, and the other with a second command"
        )
    to_set = {change.name: change.value or "" for change in changes if change.operation is Operation.SET}
    to_delete = [change.name for change in changes if change.operation is Operation.DELETE]
    if not mechanisms:
        limits = {name: quotas.parse_limit(name, text) for name, text in to_set.items()}
        quotas.require_set(cluster, entity, to_delete)
        quotas.alter_quotas(cluster, entity, limits, to_delete, dry_run)
        return
    if entity[0].name == DEFAULT_NAME:
        raise UsageError("users have no default credential", "name the user")
    if dry_run:
        raise UsageError("--dry-run cannot be used with credentials: brokers cannot check them", "leave --dry-run out")
    new = [scram.parse(name, text) for name, text in to_set.items()]
    scram.alter_credentials(cluster, entity[0].name, new, to_delete)


def _require_loggers(existing_names: set[str], changes: Sequence[Alteration]) -> None:
    """Raise OperationError, which names them, where changes are for loggers that do not exist."""
    if missing_names := [change.name for change in changes if change.name not in existing_names]:
        raise OperationError(
            f"logger not found: {', '.join(missing_names)}",
            "list the loggers: kafkactl configs describe broker-loggers ID",
        )
