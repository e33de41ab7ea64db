"""Topics that a file declares: their differences from the cluster, and the changes that remove the differences."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kafkactl.admin import reassignment
from kafkactl.admin.configs import Alteration, Operation, alter_configs
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.admin.models import MOST_PARTITIONS, MOST_REPLICAS, Outcome, make_failure, make_outcome
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
_NOT_MOVED = "no replicas were moved, because the topic did not get its new partitions"
_LEFT_OUT = "no partitions were added, because another change of the topic failed"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between the file and the cluster."""

    topic: str
    action: str
    """create, add partitions, move replicas, set, unset; or impossible."""
    what: str
    """The changed thing, such as the name of a setting. An impossible one has the reason, after check() behind it."""
    before: str | None
    """Value on the cluster; None where there is none."""
    after: str | None
    """Value in the file; None for a setting that the file does not have."""
    unchecked: str | None = None
    """Why the brokers could not check the change; None where they did, and where no check was made."""

    @property
    def is_possible(self) -> bool:
        """Return whether no reason against the change is known. A change that was not checked is possible, too."""
        return self.action != "impossible"


def read_declaration(path: Path) -> list[TopicSpec]:
    """Return the topics of a YAML or JSON file, sorted by name; raise UsageError for a file without valid topics.

    The form is {topics: {NAME: {partitions: N, replication_factor: N, configs: {NAME: VALUE}}}}. Each field may be
    missing: a missing number is None (the brokers' default for a new topic, no change for another), and missing configs
    are an empty mapping. Values of configs become texts, and lists texts with commas. Names beside `topics` are
    ignored. A number as a name becomes text; 5 and "5" are one name twice, which is a UsageError. `path` may be `-` for
    standard input. A file that cannot be read, other fields of a topic, and wrong names or values are UsageErrors. An
    empty mapping of topics is an empty list; null in place of a topic's fields, of a number or of configs is the same
    as leaving it out.
    """
    content = read_yaml(path)
    declared = content.get("topics") if isinstance(content, dict) else None
    if not isinstance(declared, dict):
        raise UsageError(f"{path}: declares no topics", f"like {EXAMPLE}")
    return [
        _parse_spec(path, str(name), {} if fields is None else fields)
        for name, fields in sorted(declared.items(), key=lambda item: str(item[0]))
    ]


def build_declaration(described: Sequence[TopicDescription]) -> dict[str, Any]:
    """Return the content of a YAML file that declares these topics, in their order.

    It is {"topics": {NAME: {"partitions": N, "replication_factor": N, "configs": {NAME: TEXT}}}}. The configs are those
    that the topic sets itself and whose values the brokers tell; they are left out where there are none, or none were
    read. The replication factor is the largest of the partitions, as after reassignments in progress, where `described`
    has these.
    """
    return {
        "topics": {
            topic.topic: {
                "partitions": len(topic.partitions),
                "replication_factor": topic.target_factor,
                **({"configs": dict(topic.configs)} if topic.configs else {}),
            }
            for topic in described
        }
    }


def compare(cluster: Cluster, declared: Sequence[TopicSpec]) -> list[Change]:
    """Return the changes that bring the cluster's topics to the declared state, in the order of `declared`.

    The changes of a topic are in the order partitions, replicas, settings by name; a topic that has its declared state
    has none. Replicas count as after the reassignments in progress. Topics that are not declared stay, and so does a
    number of None; but a setting of a declared topic that the file does not have is unset. A topic that the user may
    not see counts as a new one. For a topic that exists, fewer partitions, and more replicas than live brokers, are
    impossible changes, not errors. The numbers of a new topic are not checked, and the brokers check nothing here.

    Raise UnreachableError, OperationError for a refusal and (also NotFoundError) for a topic that cannot be described
    in full, and UsageError for a wrong client setting.
    """
    existing_names = {row.topic for row in list_topics(cluster)}
    brokers = len(cluster.read_metadata().brokers)
    descriptions = {
        description.topic: description
        for description in describe_topics(
            cluster, [spec.topic for spec in declared if spec.topic in existing_names], with_moves=True
        )
    }
    return [
        change
        for spec in declared
        for change in (
            _plan_changes(spec, descriptions[spec.topic], brokers)
            if spec.topic in descriptions
            else _plan_creation(spec)
        )
    ]


def check(cluster: Cluster, declared: Sequence[TopicSpec], changes: Sequence[Change]) -> list[Change]:
    """Let the brokers check the changes without making them, and return the changes in their order.

    `declared` must be as from read_declaration(), and have the topic of each creation. A refused change is returned as
    impossible, with the reason behind its `what`. A refusal that names a setting is only for that one; any other is for
    all changes of the topic in its request. An impossible change comes back as it is. A creation or an addition of
    partitions without an answer becomes impossible, too. A change that the user has no right to is `unchecked`. Moves
    of replicas are not checked. Raise UnreachableError where a request cannot be sent, also where no broker answers
    about the settings, OperationError where a whole request is refused, and UsageError for a wrong client setting.
    """
    specs = {spec.topic: spec for spec in declared}
    refusals: dict[Change, Outcome] = {}

    def keep_refusals(outcomes: Iterable[Outcome], *actions: str) -> None:
        """Keep each failed outcome as the refusal of its topic's changes with one of these actions.

        Where the outcome's text names some of these changes (by `what`), it is kept for those only.
        """
        for outcome in outcomes:
            if not outcome.ok:
                sent_changes = [
                    change for change in changes if change.topic == outcome.name and change.action in actions
                ]
                # A refusal names the wrong one of several settings.
                named_changes = [change for change in sent_changes if _is_named(change.what, outcome.result)]
                refusals.update(dict.fromkeys(named_changes or sent_changes, outcome))

    new = [specs[change.topic] for change in changes if change.action == _CREATE]
    keep_refusals(topic_changes.create_topics(cluster, new, validate_only=True) if new else [], _CREATE)
    totals = {change.topic: int(change.after or 0) for change in changes if change.action == _ADD}
    keep_refusals(topic_changes.add_partitions(cluster, totals, validate_only=True) if totals else [], _ADD)
    keep_refusals(_alter(cluster, changes, dry_run=True), _SET, _UNSET)
    return [_judge(change, refusals.get(change)) for change in changes]


def _is_named(name: str, text: str) -> bool:
    """Return whether a text has the whole name of a setting: local.retention.ms does not name retention.ms."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", text) is not None


def _judge(change: Change, refusal_outcome: Outcome | None) -> Change:
    """Return the change, marked as impossible or unchecked where the brokers refused it.

    `refusal_outcome` is None where they did not: then the change comes back as it is. For missing rights the reason
    is in `unchecked`; for another refusal the action is impossible, and the reason is added to `what`.
    """
    if refusal_outcome is None:
        return change
    if refusal_outcome.code in _NO_RIGHT:
        texts = {_CREATE: "create", _ADD: "add partitions of"}
        action = texts.get(change.action, f"{change.action} {change.what} of")
        return replace(change, unchecked=f"no right to {action} topic {change.topic}")
    return replace(change, action=_IMPOSSIBLE, what=f"{change.what}: {refusal_outcome.result}")


def apply(cluster: Cluster, declared: Sequence[TopicSpec], changes: Sequence[Change]) -> list[Outcome]:
    """Make the changes and return the outcome of each topic and kind of change, failed ones included.

    `declared` must be as from read_declaration(), and have the topic of each creation. New partitions come after all
    other changes, because they cannot be removed again; only moves of topics that get some begin later. The outcomes
    are in this order: settings, creations, moves, topics that get no partitions because another change failed, new
    partitions, the moves of topics that got them, and failed ones for the moves of topics that did not. A topic that
    gets no partitions because another of its changes failed is not moved either; its one outcome stands for both. A
    creation or addition without an answer has the code REQUEST_TIMED_OUT and may have been done. Moves of replicas are
    started and not awaited.

    An `unchecked` change is made like others. Raise OperationError, with nothing changed, where a change is impossible.
    Raise UnreachableError where a request cannot be sent or a question has no answer (UnansweredError where settings or
    moves may have been changed), OperationError where the request for settings is refused as a whole, and UsageError
    for a wrong client setting: changes before it may have been done.
    """
    impossible = [change for change in changes if not change.is_possible]
    if impossible:
        reasons = "; ".join(f"{change.topic}: {change.what}" for change in impossible)
        raise OperationError(f"no topic was changed, because changes are impossible: {reasons}")
    specs = {spec.topic: spec for spec in declared}
    new = [specs[change.topic] for change in changes if change.action == _CREATE]
    totals = {change.topic: int(change.after or 0) for change in changes if change.action == _ADD}
    factors = {change.topic: int(change.after or 0) for change in changes if change.action == _MOVE}
    results = _alter(cluster, changes)
    results += topic_changes.create_topics(cluster, new) if new else []
    results += _move_all(cluster, {name: factor for name, factor in factors.items() if name not in totals}, {})
    failed = {outcome.name for outcome in results if not outcome.ok}
    results += [Outcome(name=name, ok=False, result=_LEFT_OUT) for name in totals if name in failed]
    totals = {name: total for name, total in totals.items() if name not in failed}
    added = topic_changes.add_partitions(cluster, totals) if totals else []
    grown_topics = {outcome.name: totals[outcome.name] for outcome in added if outcome.ok}
    moved = _move_all(cluster, {name: factors[name] for name in grown_topics if name in factors}, grown_topics)
    not_moved = [
        Outcome(name=name, ok=False, result=_NOT_MOVED)
        for name in factors
        if name in totals and name not in grown_topics
    ]
    return results + added + moved + not_moved


def _parse_spec(path: Path, name: str, fields: Any) -> TopicSpec:
    """Return the topic of a file's entry; raise UsageError for a wrong name, field or value.

    `path` is for the messages. `fields` is the entry's content, which must be a dict: partitions (1 to 100,000),
    replication_factor (1 to 10,000) and configs; missing or null numbers are None, and missing or null configs an empty
    dict. Values of configs become texts, as by _parse_setting(); their names are not checked.
    """
    where = f"{path}: topic {name}"
    if not is_topic_name(name):
        raise UsageError(f"{where}: invalid topic name", "use 1 to 249 of the characters a-z A-Z 0-9 . _ and -")
    if not isinstance(fields, dict) or not fields.keys() <= _FIELDS:
        raise UsageError(f"{where}: invalid fields: only {', '.join(sorted(_FIELDS))} are allowed", f"like {EXAMPLE}")
    numbers = {field: fields.get(field) for field in _HIGHEST}
    for field, number in numbers.items():
        if number is not None and (type(number) is not int or not 1 <= number <= _HIGHEST[field]):
            raise UsageError(f"{where}: invalid value {number!r} for {field}: not a number from 1 to {_HIGHEST[field]}")
    settings = {} if fields.get("configs") is None else fields["configs"]
    if not isinstance(settings, dict):
        raise UsageError(f"{where}: configs is not a mapping of names to values", f"like {EXAMPLE}")
    texts = {str(key): _parse_setting(where, str(key), value) for key, value in settings.items()}
    return TopicSpec(
        topic=name,
        partitions=numbers["partitions"],
        replication_factor=numbers["replication_factor"],
        replica_assignment=None,
        configs=texts,
    )


def _parse_setting(where: str, name: str, value: Any) -> str:
    """Return a setting's value as text without blanks around it and around its commas.

    `value` is what read_yaml returns, and `name` the setting's. The items of a list are joined with commas; an empty
    list is "". Booleans become true or false. `where` begins the messages. Raise UsageError for null, a mapping, and a
    list of other things than texts, integers and booleans.
    """
    if value is None:
        raise UsageError(f"{where}: {name} has no value", "leave the line out to use the default")
    if isinstance(value, list) and all(isinstance(item, (str, int)) for item in value):
        return ",".join(_parse_setting(where, name, item) for item in value)
    if isinstance(value, (dict, list)):
        raise UsageError(f"{where}: the value of {name} is not a text: {value!r}", f"like {EXAMPLE}")
    return str(value).lower() if isinstance(value, bool) else _strip_blanks(str(value))


def _strip_blanks(text: str) -> str:
    """Return a setting as brokers read it: without blanks around the value and around the items of a list."""
    return ",".join(part.strip() for part in text.split(","))


def _plan_creation(spec: TopicSpec) -> list[Change]:
    """Return the change that creates a topic, as a list with one item.

    Its `what` is "topic", and `before` None. Its `after` is a text such as "6 partitions, replication default,
    retention.ms=1000", with the settings sorted.
    """
    parts = [f"{spec.partitions or 'default'} partitions", f"replication {spec.replication_factor or 'default'}"]
    parts += [f"{name}={value}" for name, value in sorted((spec.configs or {}).items())]
    return [Change(topic=spec.topic, action=_CREATE, what="topic", before=None, after=", ".join(parts))]


def _plan_changes(spec: TopicSpec, present: TopicDescription, brokers: int) -> list[Change]:
    """Return the changes of a topic that exists; empty where there are none. `brokers` is the number of brokers.

    They are in the order partitions, replicas, settings by name. A number that the file does not have stays. Where
    partitions have different numbers of replicas, one that differs is enough for a change, whose `before` is the range,
    such as 2-3. Replicas count as after the reassignments in progress. Fewer partitions, and more replicas than
    brokers, are impossible changes. A setting that the file does not have is unset, unless the brokers do not tell its
    value; blanks around the cluster's values and items do not count, and `spec` must have none, as in
    read_declaration(). An impossible change has the reason as its `what`.
    """
    changes = []
    partitions = len(present.partitions)
    factors = {partition.target_count for partition in present.partitions}
    if spec.partitions is not None and spec.partitions != partitions:
        is_fewer = spec.partitions < partitions
        changes.append(
            Change(
                topic=spec.topic,
                action=_IMPOSSIBLE if is_fewer else _ADD,
                what="partitions cannot be removed" if is_fewer else "partitions",
                before=str(partitions),
                after=str(spec.partitions),
            )
        )
    if spec.replication_factor is not None and factors != {spec.replication_factor}:
        is_enough = spec.replication_factor <= brokers
        least, most = min(factors, default=0), max(factors, default=0)
        changes.append(
            Change(
                topic=spec.topic,
                action=_MOVE if is_enough else _IMPOSSIBLE,
                what="replication" if is_enough else f"the cluster has {brokers} brokers for replicas",
                before=str(most) if least == most else f"{least}-{most}",
                after=str(spec.replication_factor),
            )
        )
    declared_configs: Mapping[str, str] = spec.configs or {}
    for name in sorted({*declared_configs, *present.configs}):
        before, after = present.configs.get(name), declared_configs.get(name)
        if before is None or after is None or _strip_blanks(before) != after:
            changes.append(
                Change(
                    topic=spec.topic, action=_UNSET if after is None else _SET, what=name, before=before, after=after
                )
            )
    return changes


def _move(cluster: Cluster, names: Sequence[str], factor: int, added: Mapping[str, int]) -> list[Outcome]:
    """Start the moves of replicas and return the outcome of each topic.

    `added` has the total number of partitions of topics that have just got new ones. The end of the moves is not
    awaited: their duration depends on the size of the replicas. A topic that has this factor already is a success with
    "0 partitions moving". An OperationError, also of planning, becomes the failed outcome of all topics, with its code.
    Names must be UTF-8, and have no NUL character. Raise UnreachableError (UnansweredError where moves may have been
    started), UsageError for a wrong client setting, and ValueError for an empty name.
    """
    try:
        moves = reassignment.plan_factor(cluster, names, factor, added)
        started = reassignment.start(cluster, moves)
    except OperationError as error:
        return [make_failure(name, error) for name in names]
    return reassignment.summarize_moves(names, factor, started, "moving")


def _move_all(cluster: Cluster, factors: Mapping[str, int], added: Mapping[str, int]) -> list[Outcome]:
    """Start the moves of all topics, from the lowest factor to the highest, and return the outcome of each topic.

    The outcomes are sorted by factor, then as in `factors`; without factors nothing is asked. An OperationError is the
    failed outcome of all topics of one factor, and the next factor is tried. `factors` has the replication factor by
    topic, `added` the new total number of partitions of some. The end of the moves is not awaited. Names must be UTF-8,
    and have no NUL character. Raise UnreachableError (UnansweredError where moves may have been started), UsageError
    for a wrong client setting, and ValueError for an empty name: moves to lower factors may have been started then.
    """
    results = []
    for factor in sorted(set(factors.values())):
        results += _move(cluster, [name for name in factors if factors[name] == factor], factor, added)
    return results


def _alter(cluster: Cluster, changes: Sequence[Change], dry_run: bool = False) -> list[Outcome]:
    """Set and unset the settings of the topics and return the outcome of each; empty where no setting changes.

    Other changes are ignored. The order is that of the answer. The text of a success is like "2 set, 1 unset". With
    `dry_run` the brokers only check, and the text is the same. A refusal of a topic is a failed outcome; a topic that
    the answer does not name has the code REQUEST_TIMED_OUT. Raise UnreachableError (UnansweredError where settings may
    have been changed), OperationError where the whole request is refused, and UsageError for a wrong client setting.
    """
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
        summary = f"{to_set} set, {len(by_topic[topic]) - to_set} unset"
        results.append(make_outcome(topic.name, summary, error))
    return results
