"""Throttles of moves of replicas: settings of brokers and topics that a reassignment sets and has to remove.

Reference: KIP-73 (replication quotas), KIP-113 (moves between log directories), org.apache.kafka.tools.reassign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafkactl.admin.brokers import list_away
from kafkactl.admin.configs import Alteration, Operation, alter_configs
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.admin.models import Outcome, make_outcome
from kafkactl.admin.reassignment import Move, RunningMove, list_running
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ConfigSource, ErrorCode, ResourceType
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError

LEADER_RATE = "leader.replication.throttled.rate"
FOLLOWER_RATE = "follower.replication.throttled.rate"
DIR_RATE = "replica.alter.log.dirs.io.max.bytes.per.second"
LEADER_REPLICAS = "leader.replication.throttled.replicas"
FOLLOWER_REPLICAS = "follower.replication.throttled.replicas"
RATES = (LEADER_RATE, FOLLOWER_RATE)
"""Rates of moves between brokers."""
BROKER_SETTINGS = (*RATES, DIR_RATE)
"""Rates of a broker, in bytes per second."""
TOPIC_SETTINGS = (LEADER_REPLICAS, FOLLOWER_REPLICAS)
"""Replicas of a topic whose traffic counts, as PARTITION:BROKER with commas between."""
_OWN_SOURCES = (ConfigSource.DYNAMIC_TOPIC_CONFIG, ConfigSource.DYNAMIC_BROKER_CONFIG)
_SHARE_OF_BROKERS = 0.9
"""Part of the remaining time that silent brokers may take; the list of moves needs the rest."""
_LEFT_HINT = "when it can be reached, remove what is left: kafkactl throttles clear"


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """A setting of a broker or a topic that throttles moves of replicas."""

    type: EntityType
    """brokers or topics."""
    entity: str
    """Id of the broker, or name of the topic."""
    name: str
    """Name of the setting."""
    value: str
    """A rate in bytes per second for a broker; replicas as PARTITION:BROKER,... or * for a topic."""
    forgotten: bool
    """Whether no running reassignment needs it. Moves between log directories are not looked for."""

    @property
    def title(self) -> str:
        """Return the name of the setting with that of its broker or topic, for messages."""
        return f"{self.name} of {self.type.singular} {self.entity}"


@dataclass(frozen=True, kw_only=True)
class ThrottlePlan:
    """The settings that throttle moves, by broker and topic."""

    brokers: Mapping[int, Mapping[str, str]]
    """Values of settings by the broker's id."""
    topics: Mapping[str, Mapping[str, str]]
    """Values of settings by the topic's name."""


def list_throttles(
    cluster: Cluster, topics: Collection[str] | None = None, verb: str = "read", leaving: int | None = None
) -> tuple[list[Throttle], list[KafkactlError]]:
    """Return all throttles that brokers and topics set themselves, brokers first, each sorted, and errors.

    The rates of all brokers are needed while any reassignment runs, and the replicas of a topic while one of its
    partitions is moved; the others are forgotten, and so is each limit for moves between directories. `topics` are the
    topics to look at, None for all, and none where it is empty; a topic that does not exist has no throttles. Settings
    that are empty texts are left out, and so are the brokers' cluster-wide defaults. `verb` is what the errors say that
    cannot be done with the throttles. `leaving` is the id of a broker that may be not alive without an error. There is
    an error for each broker that did not answer or refused, for each one that is not alive, because only a broker
    itself tells its settings, and for each topic that cannot be read.

    Raise UnreachableError or OperationError where no broker answers, or where the reassignments, brokers or topics
    cannot be listed, and UsageError for a wrong client setting and a text that is not UTF-8.
    """
    with cluster.share_timeout():
        names = cluster.requests.list_topics() if topics is None else list(topics)
        results: list[Any] = []
        if names:  # before the brokers, because a silent one takes all the time that is left
            fields = _ask_for(ResourceType.TOPIC, names, TOPIC_SETTINGS)
            results += cluster.requests.send("DescribeConfigs", **fields).results
        of_brokers, errors = _ask_brokers(cluster, verb, leaving)
        results += of_brokers
        running = list_running(cluster)  # last: a throttle of a move that began meanwhile is not forgotten
    moving = {row.topic for row in running}
    throttles: list[Throttle] = []
    for result in results:
        is_topic = result.resource_type == ResourceType.TOPIC
        if is_topic and result.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            continue
        if result.error_code:
            kind = "topic" if is_topic else "broker"
            failure = f"cannot read the configs of {kind} {result.resource_name}"
            errors.append(refusal(failure, result.error_code, result.error_message))
        throttles += [
            Throttle(
                type=EntityType.TOPICS if is_topic else EntityType.BROKERS,
                entity=result.resource_name,
                name=config.name,
                value=config.value,
                forgotten=result.resource_name not in moving if is_topic else not running or config.name == DIR_RATE,
            )
            for config in result.configs
            if config.config_source in _OWN_SOURCES and config.value
        ]
    return sorted(throttles, key=_sort_key), errors


def _ask_brokers(cluster: Cluster, verb: str, leaving: int | None) -> tuple[list[Any], list[KafkactlError]]:
    """Return what brokers answer about their rates, and an error for each that is not alive or does not answer.

    The answers are results of DescribeConfigs by broker, which can have an error code. The errors are sorted by id and
    not raised. `verb` is what they say that cannot be done. The broker `leaving` may be not alive. Raise
    UnreachableError or OperationError where no broker answers or where the brokers cannot be listed, and UsageError for
    a wrong client setting.
    """
    away = list_away(cluster)
    brokers = cluster.requests.list_brokers()
    answers, errors = cluster.requests.ask_each(
        "DescribeConfigs",
        {broker: _ask_for(ResourceType.BROKER, [str(broker)], BROKER_SETTINGS) for broker in brokers},
        time_share=_SHARE_OF_BROKERS,
    )
    silent = [broker for broker in brokers if broker not in answers]
    reasons = {broker: "it is not alive" for broker in away if broker not in (*brokers, leaving)}
    reasons |= {broker: str(error) for broker, error in zip(silent, errors, strict=True)}
    return [result for answer in answers.values() for result in answer.results], [
        make_left_error(Entity(EntityType.BROKERS, str(broker)), reasons[broker], verb) for broker in sorted(reasons)
    ]


def make_left_error(entity: Entity, reason: str, verb: str = "remove") -> KafkactlError:
    """Return (not raise) the error of a broker or topic whose throttles cannot be removed.

    It is an OperationError without a code. `verb` can say another thing that cannot be done, such as read.
    """
    return OperationError(f"cannot {verb} the throttles of {entity.type.singular} {entity.name}: {reason}", _LEFT_HINT)


def plan_throttles(
    moves: Iterable[Move],
    running: Iterable[RunningMove],
    rate: int | None,
    dir_brokers: Collection[int] = (),
    dir_rate: int | None = None,
) -> ThrottlePlan:
    """Return the settings for moves, together with those that are running already.

    `rate` is the limit between brokers, `dir_rate` the one between directories of the brokers `dir_brokers`, in bytes
    per second. Without `rate` no topic has settings, without `dir_rate` `dir_brokers` do not count, and without both
    the plan is empty. The `rate` holds for all these moves, also for running ones. The present replicas of a partition
    count as its leaders, for each can become it. A new move of a partition takes the place of its running one. Values
    are texts, replicas as PARTITION:BROKER,... sorted as text, and "" where a topic has none. Each broker of a move
    gets both rates.
    """
    brokers: dict[int, dict[str, str]] = {}
    topics: dict[str, dict[str, str]] = {}
    if rate is not None:
        sources: dict[tuple[str, int], tuple[set[int], set[int]]] = {
            (row.topic, row.partition): (set(row.replicas) - set(row.adding), set(row.adding)) for row in running
        }
        for move in moves:
            before, _ = sources.get((move.topic, move.partition), (set(move.before), set()))
            sources[move.topic, move.partition] = before, set(move.after) - before
        by_topic: dict[str, list[tuple[int, tuple[set[int], set[int]]]]] = defaultdict(list)
        for (topic, number), sides in sources.items():
            by_topic[topic].append((number, sides))
        for topic, partitions in sorted(by_topic.items()):
            topics[topic] = {
                setting: ",".join(
                    sorted(f"{number}:{broker}" for number, sides in partitions for broker in sides[side])
                )
                for side, setting in enumerate(TOPIC_SETTINGS)
            }
        for broker in sorted({broker for sides in sources.values() for side in sides for broker in side}):
            brokers[broker] = {LEADER_RATE: str(rate), FOLLOWER_RATE: str(rate)}
    if dir_rate is not None:
        for broker in sorted(dir_brokers):
            brokers.setdefault(broker, {})[DIR_RATE] = str(dir_rate)
    return ThrottlePlan(brokers=brokers, topics=topics)


def set_throttles(cluster: Cluster, plan: ThrottlePlan) -> dict[Entity, KafkactlError | None]:
    """Set the settings of a plan, topics first; return the error of each topic and broker, None for a success.

    A setting replaces its former value. Nothing is raised for an item: a broker that is not alive (NotFoundError) or
    does not answer has an error. After an UnansweredError, or an error with the code REQUEST_TIMED_OUT, the settings
    may have been set. Without settings nothing is sent. Raise UsageError for a wrong client setting and a topic that is
    not UTF-8.
    """
    changes = {
        Entity(kind, str(name)): [Alteration(Operation.SET, setting, value) for setting, value in values.items()]
        for kind, entities in ((EntityType.TOPICS, plan.topics), (EntityType.BROKERS, plan.brokers))
        for name, values in entities.items()
    }
    return _alter(cluster, changes)


def clear_throttles(
    cluster: Cluster, brokers: Iterable[int], topics: Iterable[str]
) -> dict[Entity, KafkactlError | None]:
    """Remove the throttles of brokers and topics; return the error of each, None for a success, also without throttles.

    All rates of the brokers and both settings of the topics go, whoever set them. In the result the brokers come first,
    and each kind is sorted. Nothing is raised for an item. A topic that does not exist, and a broker that is not alive,
    have an error. After an UnansweredError, or an error with the code REQUEST_TIMED_OUT, the throttles may be gone.
    Raise UsageError for a wrong client setting and a text that is not UTF-8.
    """
    changes = {
        Entity(kind, str(name)): [Alteration(Operation.DELETE, setting) for setting in settings]
        for kind, names, settings in (
            (EntityType.BROKERS, sorted(set(brokers)), BROKER_SETTINGS),
            (EntityType.TOPICS, sorted(set(topics)), TOPIC_SETTINGS),
        )
        for name in names
    }
    return _alter(cluster, changes)


def remove_throttles(cluster: Cluster, throttles: Sequence[Throttle]) -> list[Outcome]:
    """Remove these throttles and no others, and return the outcome of each, in their order.

    Each is there once. The setting goes whatever its value is now. One whose answer is missing has the code
    REQUEST_TIMED_OUT, and may have been removed; one whose request was not sent has no code. Nothing is raised for an
    item, and without any nothing is sent. Raise UsageError for a wrong client setting and a text that is not UTF-8.
    """
    changes: dict[Entity, list[Alteration]] = defaultdict(list)
    for row in throttles:
        changes[Entity(row.type, row.entity)].append(Alteration(Operation.DELETE, row.name))
    results = _alter(cluster, changes)
    outcomes = []
    for row in throttles:
        error = results[Entity(row.type, row.entity)]
        outcomes.append(make_outcome(row.title, "removed", error))
    return outcomes


def _alter(cluster: Cluster, changes: Mapping[Entity, Sequence[Alteration]]) -> dict[Entity, KafkactlError | None]:
    """Change settings, those of topics in one request and those of each broker in its own; return the error of each.

    It is None for a success. The topics come first; the result is in the order of `changes`. A request without an
    answer, or one that is refused as a whole, is an error of all its entities. An entity that the answer leaves out has
    an OperationError with the code REQUEST_TIMED_OUT. A broker that is not alive has a NotFoundError. Raise UsageError
    for a wrong client setting and a text that is not UTF-8.
    """
    results: dict[Entity, KafkactlError | None] = {}
    topics = {entity: items for entity, items in changes.items() if entity.type is EntityType.TOPICS}
    for part in (topics, *({entity: changes[entity]} for entity in changes if entity not in topics)):
        if not part:
            continue
        try:
            results.update(alter_configs(cluster, part))
        except (UnreachableError, OperationError, NotFoundError) as error:
            results.update(dict.fromkeys(part, error))
    return {entity: results[entity] for entity in changes}


def _ask_for(kind: ResourceType, names: Sequence[str], settings: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a DescribeConfigs request for some settings of brokers or topics."""
    return {
        "resources": [(kind, name, list(settings)) for name in names],
        "include_synonyms": False,
        "include_documentation": False,
        "min_version": 1,
    }


def _sort_key(row: Throttle) -> tuple[bool, int, str, str]:
    """Return the key that sorts brokers by id before topics by name."""
    is_topic = row.type is EntityType.TOPICS
    return is_topic, 0 if is_topic else int(row.entity), row.entity, row.name
