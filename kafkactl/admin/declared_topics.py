"""Topics as a file declares them: what differs on the cluster, and making it so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafkactl.admin import reassignment
from kafkactl.admin.configs import Alteration, Operation, alter_configs
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.admin.models import Outcome
from kafkactl.admin.topics import changes as topic_changes
from kafkactl.admin.topics.descriptions import describe_topics, list_topics
from kafkactl.admin.topics.models import TopicDescription, TopicSpec
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import NotFoundError, OperationError, UsageError
from kafkactl.patterns import is_topic_name

EXAMPLE = "topics: {orders: {partitions: 6, replication_factor: 3, configs: {retention.ms: 3600000}}}"
_FIELDS = {"partitions", "replication_factor", "configs"}


@dataclass(frozen=True)
class Change:
    """One difference between the file and the cluster."""

    topic: str
    action: str
    """create, add partitions, move replicas, set, unset; or impossible."""
    what: str
    before: str | None
    after: str | None

    @property
    def is_possible(self) -> bool:
        return self.action != "impossible"


def read_declaration(path: Path) -> list[TopicSpec]:
    """A yaml file's topics by name; raises NotFoundError, and UsageError for what declares no topics."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    declared = content.get("topics") if isinstance(content, dict) else None
    if not isinstance(declared, dict):
        raise UsageError(f"{path}: declares no topics", f"like {EXAMPLE}")
    return [
        _spec(path, str(name), fields or {}) for name, fields in sorted(declared.items(), key=lambda item: str(item[0]))
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


def plan(cluster: Cluster, declared: Sequence[TopicSpec]) -> list[Change]:
    """The changes that make the cluster's topics what is declared; topics that are not declared are left alone."""
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


def apply(cluster: Cluster, declared: Sequence[TopicSpec], changes: Sequence[Change]) -> list[Outcome]:
    """Makes the changes; every one's own outcome. Raises OperationError, with nothing done, when one is impossible."""
    impossible = [change for change in changes if not change.is_possible]
    if impossible:
        told = "; ".join(f"{change.topic}: {change.what}" for change in impossible)
        raise OperationError(f"nothing done, for this cannot be: {told}")
    specs = {spec.topic: spec for spec in declared}
    new = [specs[change.topic] for change in changes if change.action == "create"]
    results = topic_changes.create_topics(cluster, new) if new else []
    totals = {change.topic: int(change.after or 0) for change in changes if change.action == "add partitions"}
    if totals:
        results += topic_changes.add_partitions(cluster, totals)
    added = {one.name: totals[one.name] for one in results if one.ok and one.name in totals}
    factors = {change.topic: int(change.after or 0) for change in changes if change.action == "move replicas"}
    for factor in sorted(set(factors.values())):
        results += _move(cluster, [name for name in factors if factors[name] == factor], factor, added)
    return results + _alter(cluster, [change for change in changes if change.action in ("set", "unset")])


def _spec(path: Path, name: str, fields: Any) -> TopicSpec:
    where = f"{path}: topic {name}"
    if not is_topic_name(name):
        raise UsageError(f"{where}: cannot be a topic's name", "1 to 249 of the characters a-z A-Z 0-9 . _ and -")
    if not isinstance(fields, dict) or not fields.keys() <= _FIELDS:
        raise UsageError(f"{where}: has other fields than {', '.join(sorted(_FIELDS))}", f"like {EXAMPLE}")
    numbers = {field: fields.get(field) for field in ("partitions", "replication_factor")}
    for field, number in numbers.items():
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise UsageError(f"{where}: {field} {number!r} is no number above 0")
    settings = fields.get("configs") or {}
    if not isinstance(settings, dict) or any(isinstance(value, (dict, list)) for value in settings.values()):
        raise UsageError(f"{where}: configs are names with values", f"like {EXAMPLE}")
    texts = {str(key): _text(value) for key, value in settings.items()}
    return TopicSpec(name, numbers["partitions"], numbers["replication_factor"], None, texts)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _creation(spec: TopicSpec) -> list[Change]:
    parts = [f"{spec.partitions or 'default'} partitions", f"replication {spec.replication_factor or 'default'}"]
    parts += [f"{name}={value}" for name, value in sorted((spec.configs or {}).items())]
    return [Change(spec.topic, "create", "topic", None, ", ".join(parts))]


def _changes(spec: TopicSpec, present: TopicDescription, brokers: int) -> list[Change]:
    found = []
    partitions, replicas = len(present.partitions), present.replication_factor
    if spec.partitions is not None and spec.partitions != partitions:
        fewer = spec.partitions < partitions
        found.append(
            Change(
                spec.topic,
                "impossible" if fewer else "add partitions",
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
                "move replicas" if enough else "impossible",
                "replication" if enough else f"there are {brokers} brokers for replicas",
                str(replicas),
                str(spec.replication_factor),
            )
        )
    wanted: Mapping[str, str] = spec.configs or {}
    for name in sorted({*wanted, *present.configs}):
        before, after = present.configs.get(name), wanted.get(name)
        if before != after:
            found.append(Change(spec.topic, "unset" if after is None else "set", name, before, after))
    return found


def _move(cluster: Cluster, names: Sequence[str], factor: int, added: Mapping[str, int]) -> list[Outcome]:
    """Started only: how long replicas take to move depends on what they hold."""
    try:
        moves = reassignment.plan_factor(cluster, names, factor, added)
        started = reassignment.start(cluster, moves)
    except OperationError as error:
        return [Outcome(name, False, str(error), error.hint) for name in names]
    return reassignment.outcomes(names, factor, started, "moving")


def _alter(cluster: Cluster, changes: Sequence[Change]) -> list[Outcome]:
    by_topic: dict[Entity, list[Alteration]] = defaultdict(list)
    for change in changes:
        operation = Operation.SET if change.action == "set" else Operation.DELETE
        by_topic[Entity(EntityType.TOPICS, change.topic)].append(Alteration(operation, change.what, change.after))
    if not by_topic:
        return []
    refused = alter_configs(cluster, by_topic)
    results = []
    for topic, error in refused.items():
        to_set = sum(change.operation is Operation.SET for change in by_topic[topic])
        done = f"{to_set} set, {len(by_topic[topic]) - to_set} unset"
        results.append(Outcome(topic.name, error is None, str(error or done), error.hint if error else None))
    return results
