"""Answers about quotas, SCRAM credentials and ACLs."""

from __future__ import annotations

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import Acl, Entity, State

_EXACT, _DEFAULT, _ANY = range(3)
_ANY_NUMBER = 1
"""ANY of resource types, operations, permissions and pattern types."""
_MATCH, _LITERAL, _PREFIXED = 2, 3, 4


def answer_describe_client_quotas(request: Request, state: State) -> Fields:
    """Answer DescribeClientQuotas for the entities that fit all components."""
    entries = [
        {
            "entity": _entity_fields(entity),
            "values": [{"key": key, "value": value} for key, value in sorted(values.items())],
        }
        for entity, values in state.quotas.items()
        if values and _entity_fits(entity, request.fields["components"], request.fields["strict"])
    ]
    return {"entries": entries}


def _entity_fits(entity: Entity, components: list[Fields], strict: bool) -> bool:
    names = dict(entity)
    for component in components:
        kind, how = component["entity_type"], component["match_type"]
        if kind not in names or (how == _EXACT and names[kind] != component["match"]):
            return False
        if how == _DEFAULT and names[kind] is not None:
            return False
    return not strict or len(names) == len(components)


def _entity_fields(entity: Entity) -> list[Fields]:
    return [{"entity_type": kind, "entity_name": name} for kind, name in sorted(entity, key=lambda pair: pair[0])]


def answer_alter_client_quotas(request: Request, state: State) -> Fields:
    """Answer AlterClientQuotas; nothing changes when only validating."""
    for entry in request.fields["entries"]:
        entity = frozenset((part["entity_type"], part["entity_name"]) for part in entry["entity"])
        values = dict(state.quotas.get(entity, {}))
        for change in entry["ops"]:
            values.pop(change["key"], None)
            if not change["remove"]:
                values[change["key"]] = change["value"]
        if not request.fields["validate_only"]:
            state.quotas[entity] = values
    return {
        "entries": [
            {"error_code": 0, "error_message": None, "entity": entry["entity"]} for entry in request.fields["entries"]
        ]
    }


def answer_describe_scram(request: Request, state: State) -> Fields:
    """Answer DescribeUserScramCredentials, for some users or for all."""
    names = [user["name"] for user in request.fields["users"] or []] or sorted(state.scram)
    repeated = {name for name in names if names.count(name) > 1}
    results = [_described_user(state, name, name in repeated) for name in dict.fromkeys(names)]
    return {"error_message": None, "results": results}


def _described_user(state: State, name: str, is_repeated: bool) -> Fields:
    if is_repeated:
        message = "Cannot describe SCRAM credentials for the same user twice in a single request: " + name
        return {
            "user": name, "error_code": codes.DUPLICATE_RESOURCE, "error_message": message, "credential_infos": [],
        }  # fmt: skip
    credentials = state.scram.get(name)
    if not credentials:
        message = "Attempt to describe a user credential that does not exist: " + name
        return {"user": name, "error_code": codes.RESOURCE_NOT_FOUND, "error_message": message, "credential_infos": []}
    infos = [{"mechanism": kind, "iterations": count} for kind, count in sorted(credentials.items())]
    return {"user": name, "error_code": 0, "error_message": None, "credential_infos": infos}


def answer_alter_scram(request: Request, state: State) -> Fields:
    """Answer AlterUserScramCredentials: deletions, then upsertions."""
    results: dict[str, Fields] = {}
    for item in request.fields["deletions"]:
        present = state.scram.get(item["name"], {}).pop(item["mechanism"], None)
        code = 0 if present is not None else codes.RESOURCE_NOT_FOUND
        message = "Attempt to delete a user credential that does not exist" if code else None
        results[item["name"]] = {"user": item["name"], "error_code": code, "error_message": message}
    for item in request.fields["upsertions"]:
        state.scram.setdefault(item["name"], {})[item["mechanism"]] = item["iterations"]
        results[item["name"]] = {"user": item["name"], "error_code": 0, "error_message": None}
    return {"results": list(results.values())}


def answer_describe_acls(request: Request, state: State) -> Fields:
    """Answer DescribeAcls with the rules that fit the filter, by resource."""
    resources: dict[tuple[int, str, int], list[Fields]] = {}
    for acl in state.acls:
        if _acl_fits(acl, request.fields):
            rule = {"principal": acl.principal, "host": acl.host}
            numbers = {"operation": acl.operation, "permission_type": acl.permission_type}
            key = (acl.resource_type, acl.resource_name, acl.pattern_type)
            resources.setdefault(key, []).append({**rule, **numbers})
    return {
        "error_message": None,
        "resources": [
            {"resource_type": kind, "resource_name": name, "pattern_type": pattern, "acls": rules}
            for (kind, name, pattern), rules in resources.items()
        ],
    }


def _acl_fits(acl: Acl, wish: Fields) -> bool:
    numbers = (
        (wish["resource_type_filter"], acl.resource_type),
        (wish["operation"], acl.operation),
        (wish["permission_type"], acl.permission_type),
    )
    texts = ((wish["principal_filter"], acl.principal), (wish["host_filter"], acl.host))
    return (
        all(wish_number in (_ANY_NUMBER, number) for wish_number, number in numbers)
        and all(text is None or text == value for text, value in texts)
        and _pattern_fits(acl, wish["resource_name_filter"], wish.get("pattern_type_filter", _LITERAL))
    )


def _pattern_fits(acl: Acl, name: str | None, pattern_type: int) -> bool:
    if pattern_type == _MATCH and name is not None:
        prefixed = acl.pattern_type == _PREFIXED and name.startswith(acl.resource_name)
        return prefixed or (acl.pattern_type == _LITERAL and acl.resource_name in (name, "*"))
    return pattern_type in (_ANY_NUMBER, _MATCH, acl.pattern_type) and name in (None, acl.resource_name)


def answer_create_acls(request: Request, state: State) -> Fields:
    """Answer CreateAcls; a rule that is there already is kept once."""
    for item in request.fields["creations"]:
        acl = Acl(
            resource_type=item["resource_type"],
            resource_name=item["resource_name"],
            pattern_type=item.get("resource_pattern_type", _LITERAL),
            principal=item["principal"],
            host=item["host"],
            operation=item["operation"],
            permission_type=item["permission_type"],
        )
        if acl not in state.acls:
            state.acls.append(acl)
    return {"results": [{"error_code": 0, "error_message": None} for _ in request.fields["creations"]]}


def answer_delete_acls(request: Request, state: State) -> Fields:
    """Answer DeleteAcls with the rules that each filter removed."""
    return {"filter_results": [_delete_fitting(state, wish) for wish in request.fields["filters"]]}


def _delete_fitting(state: State, wish: Fields) -> Fields:
    gone = [acl for acl in state.acls if _acl_fits(acl, wish)]
    state.acls = [acl for acl in state.acls if acl not in gone]
    rules = [{"error_code": 0, "error_message": None, **vars(acl)} for acl in gone]
    return {"error_code": 0, "error_message": None, "matching_acls": rules}


HANDLERS = {
    "DescribeClientQuotas": answer_describe_client_quotas,
    "AlterClientQuotas": answer_alter_client_quotas,
    "DescribeUserScramCredentials": answer_describe_scram,
    "AlterUserScramCredentials": answer_alter_scram,
    "DescribeAcls": answer_describe_acls,
    "CreateAcls": answer_create_acls,
    "DeleteAcls": answer_delete_acls,
}
