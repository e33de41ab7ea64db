"""Topics as a file declares them: what differs on the cluster, and making it so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kafkactl.admin import reassignment
from kafkactl.admin.configs import Alteration, Operation, alter_configs
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.admin.models import MOST_PARTITIONS, MOST_REPLICAS, Outcome
from kafkactl.admin.topics import changes as topic_changes
from kafkactl.admin.topics.descriptions import describe_topics, list_topics
from kafkactl.admin.topics.models import TopicDescription, TopicSpec
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode
from kafkactl.documents import read_yaml
from kafkactl.errors import OperationError, UsageError
from kafkactl.patterns import is_topic_name

EXAMPLE = "topics: {orders: {partitions: 6, replication_factor: 3, configs: {retention.ms: 3600000}}}"
_FIELDS = {"partitions", "replication_factor", "configs"}
_HIGHEST = {"partitions": MOST_PARTITIONS, "replication_factor": MOST_REPLICAS}
_CREATE, _ADD, _MOVE, _SET, _UNSET, _IMPOSSIBLE = (
    "create", "add partitions", "move replicas", "set", "unset", "impossible",
)  # fmt: skip
_NO_RIGHT = (ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
_LEFT_OUT = "no partitions were added, because another change of the topic failed"


@dataclass(frozen=True)
class Change:
    """One difference between the file and the cluster."""

    topic: str
    action: str
    """create, add partitions, move replicas, set, unset; or impossible."""
    what: str
    before: str | None
    after: str | None
    unchecked: str | None = None
    """Why the brokers were not asked whether they would make the change; None where they were."""

    @property
    def is_possible(self) -> bool:
        """Return whether nothing is known that keeps the change from being made."""
        return self.action != "impossible"


def read_declaration(path: Path) -> list[TopicSpec]:
    """Return a YAML file's topics, sorted by name; raises UsageError for what declares no topics."""
    content = read_yaml(path)
    declared = content.get("topics") if isinstance(content, dict) else None
    if not isinstance(declared, dict):
        raise UsageError(f"{path}: declares no topics", f"like {EXAMPLE}")
    return [
        _spec(path, str(name), {} if fields is None else fields)
        for name, fields in sorted(declared.items(), key=lambda item: str(item[0]))
    ]


def declaration(described: Sequence[TopicDescription]) -> dict[str, Any]:
    """What read_declaration would read."""
    return {
        "topics": {
            topic.topic: {
                "partitions": len(topic.partitions),
                "replication_factor": topic.replication_factor,
                **({"configs": dict(topic.configs)} if topic.configs else {}),
            }
            for topic in described
        }
    }


def compare(cluster: Cluster, declared: Sequence[TopicSpec]) -> list[Change]:
    """Return the changes that make the cluster's topics what is declared; other topics are left alone."""
    there = {row.topic for row in list_topics(cluster)}
    brokers = len(cluster.metadata().brokers)
    present = {
        one.topic: one for one in describe_topics(cluster, [spec.topic for spec in declared if spec.topic in there])
    }
    return [
        change
        for spec in declared
        for change in (_changes(spec, present[spec.topic], brokers) if spec.topic in present else _creation(spec))
    ]


def check(cluster: Cluster, declared: Sequence[TopicSpec], changes: Sequence[Change]) -> list[Change]:
    """Return the changes as the brokers judge them, which make none of them: what they refuse is impossible."""
    specs = {spec.topic: spec for spec in declared}
    refusals: dict[tuple[str, str], Outcome] = {}

    def keep(outcomes: Iterable[Outcome], *actions: str) -> None:
        for each in outcomes:
            if not each.ok:
                asked = [change for change in changes if change.topic == each.name and change.action in actions]
                named = [change for change in asked if change.what in each.result]  # of several settings, the wrong one
                refusals.update({(each.name, change.what): each for change in named or asked})

    new = [specs[each.topic] for each in changes if each.action == _CREATE]
    keep(topic_changes.create_topics(cluster, new, validate_only=True) if new else [], _CREATE)
    totals = {each.topic: int(each.after or 0) for each in changes if each.action == _ADD}
    keep(topic_changes.add_partitions(cluster, totals, validate_only=True) if totals else [], _ADD)
    keep(_alter(cluster, changes, dry_run=True), _SET, _UNSET)
    return [_judged(change, refusals.get((change.topic, change.what))) for change in changes]


def _judged(change: Change, refused: Outcome | None) -> Change:
    if refused is None:
        return change
    if refused.code in _NO_RIGHT:
        return replace(change, unchecked=f"no right to {change.action} {change.what} of topic {change.topic}")
    return replace(change, action=_IMPOSSIBLE, what=f"{change.what}: {refused.result}")


def apply(cluster: Cluster, declared: Sequence[TopicSpec], changes: Sequence[Change]) -> list[Outcome]:
    """Make the changes and return the outcome of each; what nothing can take back, new partitions, comes last.

    A topic with a change that failed gets no partitions. Raises OperationError, with nothing done, when a change is
    impossible.
    """
    impossible = [change for change in changes if not change.is_possible]
    if impossible:
        told = "; ".join(f"{change.topic}: {change.what}" for change in impossible)
        raise OperationError(f"nothing done, for this cannot be: {told}")
    specs = {spec.topic: spec for spec in declared}
    new = [specs[change.topic] for change in changes if change.action == _CREATE]
    totals = {change.topic: int(change.after or 0) for change in changes if change.action == _ADD}
    factors = {change.topic: int(change.after or 0) for change in changes if change.action == _MOVE}
    results = _alter(cluster, changes)
    results += topic_changes.create_topics(cluster, new) if new else []
    results += _move_all(cluster, {name: factor for name, factor in factors.items() if name not in totals}, {})
    failed = {each.name for each in results if not each.ok}
    results += [Outcome(name, False, _LEFT_OUT) for name in totals if name in failed]
    totals = {name: total for name, total in totals.items() if name not in failed}
    added = topic_changes.add_partitions(cluster, totals) if totals else []
    done = {each.name: totals[each.name] for each in added if each.ok}
    return results + added + _move_all(cluster, {name: factors[name] for name in done if name in factors}, done)


def _spec(path: Path, name: str, fields: Any) -> TopicSpec:
    where = f"{path}: topic {name}"
    if not is_topic_name(name):
        raise UsageError(f"{where}: cannot be a topic's name", "1 to 249 of the characters a-z A-Z 0-9 . _ and -")
    if not isinstance(fields, dict) or not fields.keys() <= _FIELDS:
        raise UsageError(f"{where}: has other fields than {', '.join(sorted(_FIELDS))}", f"like {EXAMPLE}")
    numbers = {field: fields.get(field) for field in _HIGHEST}
    for field, number in numbers.items():
        if number is not None and (type(number) is not int or not 1 <= number <= _HIGHEST[field]):
            raise UsageError(f"{where}: {field} {number!r} is no number from 1 to {_HIGHEST[field]}")
    settings = {} if fields.get("configs") is None else fields["configs"]
    if not isinstance(settings, dict):
        raise UsageError(f"{where}: configs are names with values", f"like {EXAMPLE}")
    texts = {str(key): _setting(where, str(key), value) for key, value in settings.items()}
    return TopicSpec(name, numbers["partitions"], numbers["replication_factor"], None, texts)


def _setting(where: str, name: str, value: Any) -> str:
    """Return a setting as text without blanks around it; a list has its values between commas."""
    if value is None:
        raise UsageError(f"{where}: {name} has no value", "leave the line out to take the default")
    if isinstance(value, list) and all(isinstance(each, (str, int)) for each in value):
        return ",".join(_setting(where, name, each) for each in value)
    if isinstance(value, (dict, list)):
        raise UsageError(f"{where}: the value of {name} is not a text: {value!r}", f"like {EXAMPLE}")
    return str(value).lower() if isinstance(value, bool) else _without_blanks(str(value))


def _without_blanks(text: str) -> str:
    """Return a setting as brokers read it: without blanks around it, and around the parts of a list."""
    return ",".join(part.strip() for part in text.split(","))


def _creation(spec: TopicSpec) -> list[Change]:
    parts = [f"{spec.partitions or 'default'} partitions", f"replication {spec.replication_factor or 'default'}"]
    parts += [f"{name}={value}" for name, value in sorted((spec.configs or {}).items())]
    return [Change(spec.topic, _CREATE, "topic", None, ", ".join(parts))]


def _changes(spec: TopicSpec, present: TopicDescription, brokers: int) -> list[Change]:
    found = []
    partitions, replicas = len(present.partitions), present.replication_factor
    if spec.partitions is not None and spec.partitions != partitions:
        fewer = spec.partitions < partitions
        found.append(
            Change(
                spec.topic,
                _IMPOSSIBLE if fewer else _ADD,
                "partitions cannot be taken away" if fewer else "partitions",
                str(partitions),
                str(spec.partitions),
            )
        )
    if spec.replication_factor is not None and spec.replication_factor != replicas:
        enough = spec.replication_factor <= brokers
        found.append(
            Change(
                spec.topic,
                _MOVE if enough else _IMPOSSIBLE,
                "replication" if enough else f"there are {brokers} brokers for replicas",
                str(replicas),
                str(spec.replication_factor),
            )
        )
    wanted: Mapping[str, str] = spec.configs or {}
    for name in sorted({*wanted, *present.configs}):
        before, after = present.configs.get(name), wanted.get(name)
        if before is None or after is None or _without_blanks(before) != after:
            found.append(Change(spec.topic, _UNSET if after is None else _SET, name, before, after))
    return found


def _move(cluster: Cluster, names: Sequence[str], factor: int, added: Mapping[str, int]) -> list[Outcome]:
    """Started only: how long replicas take to move depends on what they hold."""
    try:
        moves = reassignment.plan_factor(cluster, names, factor, added)
        started = reassignment.start(cluster, moves)
    except OperationError as error:
        return [Outcome(name, False, str(error), error.hint) for name in names]
    return reassignment.outcomes(names, factor, started, "moving")


def _move_all(cluster: Cluster, factors: Mapping[str, int], added: Mapping[str, int]) -> list[Outcome]:
    results = []
    for factor in sorted(set(factors.values())):
        results += _move(cluster, [name for name in factors if factors[name] == factor], factor, added)
    return results


def _alter(cluster: Cluster, changes: Sequence[Change], dry_run: bool = False) -> list[Outcome]:
    by_topic: dict[Entity, list[Alteration]] = defaultdict(list)
    for change in changes:
        if change.action in (_SET, _UNSET):
            operation = Operation.SET if change.action == _SET else Operation.DELETE
            by_topic[Entity(EntityType.TOPICS, change.topic)].append(Alteration(operation, change.what, change.after))
    if not by_topic:
        return []
    results = []
    for topic, error in alter_configs(cluster, by_topic, dry_run).items():
        to_set = sum(change.operation is Operation.SET for change in by_topic[topic])
        done = f"{to_set} set, {len(by_topic[topic]) - to_set} unset"
        hint, code = (None, None) if error is None else (error.hint, error.code)
        results.append(Outcome(topic.name, error is None, str(error or done), hint, code))
    return results
