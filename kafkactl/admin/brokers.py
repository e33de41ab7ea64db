"""Brokers of a cluster: which are registered and alive, which is the controller, and what they hold and offer.

Reference: KIP-1073 (fenced brokers in DescribeCluster), KIP-595 (DescribeQuorum), KIP-827 (sizes of disks).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kafkactl import __version__
from kafkactl.admin.endpoints import Endpoint, EndpointKind, describe_cluster
from kafkactl.admin.metadata_versions import FEATURE, find_metadata_version
from kafkactl.admin.models import make_unusable_error
from kafkactl.connection.api_versions import find_api_level, list_api_names
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode, ResourceType
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError, UnsupportedRequestError

_HINT = "list the brokers: kafkactl brokers list"
_CLIENT: Mapping[str, Any] = {"client_software_name": "kafkactl", "client_software_version": __version__}
"""Fields of an ApiVersions request."""
_SHARE_OF_SILENT = 0.3
"""Part of the remaining time after which a broker without an answer counts as silent."""
_PAUSE_S = 0.2
_LONGEST_LOOK_S = 2.0
"""Time-out of one look of a wait, in s: a broker that starts must not hold up the next look."""


class BrokerState(StrEnum):
    """Whether a broker serves clients."""

    ALIVE = "alive"
    FENCED = "fenced"
    """It is registered, and the controller gets no heartbeat from it."""
    SILENT = "silent"
    """It is registered and not fenced, and does not answer."""
    ABSENT = "absent"
    """It has replicas, and no broker names it: it is not registered, or fenced where the brokers are before 4.0."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A registered broker, with what it holds."""

    id: int
    state: BrokerState
    controller: bool | None
    """Whether it is the controller; None where the right to ask is missing."""
    host: str | None
    port: int | None
    """Address that the broker advertises on the listener that was asked; None for one that is ABSENT."""
    rack: str | None
    """None where it has no rack."""
    api_level: str | None
    """Releases of Kafka whose requests it offers, such as 4.3 or 3.3-3.4; None where it does not answer."""
    metadata_version: str | None
    """metadata.version that the cluster has finalized; None with ZooKeeper, and where no broker answers."""
    leaders: int
    """Number of partitions that it leads, of the topics that the principal can see."""
    replicas: int
    """Number of replicas on it, of the topics that the principal can see."""
    size_bytes: int | None = None
    """Size of its log folders, in bytes; None where it was not asked for or is not known."""
    skew_percent: float | None = None
    """How much larger this is than the mean of all brokers, in percent; negative where it is smaller."""


@dataclass(frozen=True, kw_only=True)
class Brokers:
    """The brokers of a cluster, sorted by id."""

    brokers: list[Broker]
    controller_id: int | None
    """Id of the controller, which may be no broker; None where it is not known."""
    knows_fenced: bool
    """Whether the brokers are new enough, 4.0, to name those that are fenced."""
    errors: list[KafkactlError]
    """An error for each broker or log folder that was asked without success, and for the look-up of the controller."""


@dataclass(frozen=True, kw_only=True)
class LogDir:
    """A log folder of a broker."""

    path: str
    replicas: int
    size_bytes: int
    """Size of the replicas in it, in bytes."""
    total_bytes: int | None
    usable_bytes: int | None
    """Size and free space of its volume, in bytes; None for brokers before 3.3."""
    error: str | None
    """Why it cannot be used; None for no error."""


@dataclass(frozen=True, kw_only=True)
class BrokerDescription:
    """A broker in full."""

    broker: Broker
    listeners: str | None
    """Its advertised.listeners, or its listeners where that is not set; None where its settings cannot be read."""
    log_dirs: list[LogDir]


@dataclass(frozen=True, kw_only=True)
class BrokerApi:
    """A request that a broker offers, with its lowest and highest version."""

    broker: int
    key: int
    name: str
    """Name of the request in Kafka's protocol; its number as text for a request that kafkactl does not know."""
    min_version: int
    max_version: int


def list_brokers(cluster: Cluster, with_sizes: bool = False, only: int | None = None) -> Brokers:
    """Return all registered brokers by id, with their state, and an error for each one that was asked without success.

    A failed look-up of the controller is one of the errors, too; `controller_id` and each broker's `controller` are
    None then, and also, without an error, where the right to ask is missing or there is no controller. Fenced brokers
    are known from Kafka 4.0 on, and are not asked. `with_sizes` asks every broker that answers for its log folders; a
    folder that cannot be read is an error and counts as 0 bytes. Without it, and for a broker that does not answer or
    refuses, `size_bytes` is None; where all refuse their sizes there is one error. Where no broker answers for itself
    there is one error for all. A broker that is not fenced gets 30% of the remaining time to answer; then it is SILENT.
    `only` is the id of the one broker that is returned, None for all; it is ABSENT where it is not registered and has
    replicas, and the result is empty where it has none.

    Raise UnreachableError where no broker answers at all, OperationError for a refusal, UsageError for a wrong client
    setting. Skews compare a size with the mean of the returned brokers.
    """
    with cluster.share_timeout():
        metadata = _read_metadata(cluster)
        described = describe_cluster(cluster, include_fenced=True).endpoints
        knows_fenced = all(entry.fenced is not None for entry in described)
        registrations = [entry for entry in described if only in (None, entry.id)]
        alive_ids = [entry.id for entry in registrations if not entry.fenced]
        tables, errors = _ask(cluster, "ApiVersions", alive_ids, time_share=_SHARE_OF_SILENT, **_CLIENT)
        controller_id = None
        try:
            controller_id = find_controller(cluster, metadata.controller_id)
        except (UnreachableError, OperationError) as error:  # while the controllers have no leader
            errors.append(error)
        sizes: Mapping[int, int] = {}
        if with_sizes:
            sizes, size_errors = _read_sizes(cluster, list(tables))
            errors += size_errors
    finalized = _find_finalized(tables.values())
    leaders, replicas = _count_replicas(metadata.topics)
    is_absent = only is not None and not registrations and bool(replicas[only])
    if only is not None and is_absent:
        registrations = [Endpoint(id=only, host="", port=-1, rack=None, fenced=None, kind=EndpointKind.BROKER)]
    brokers = [
        Broker(
            id=entry.id,
            state=BrokerState.ABSENT if is_absent else _find_state(entry, entry.id in tables),
            controller=None if controller_id is None else entry.id == controller_id,
            host=None if is_absent else entry.host,
            port=None if is_absent else entry.port,
            rack=entry.rack,
            api_level=find_api_level(_make_table(tables[entry.id])) if entry.id in tables else None,
            metadata_version=finalized,
            leaders=leaders[entry.id],
            replicas=replicas[entry.id],
            size_bytes=sizes.get(entry.id),
        )
        for entry in registrations
    ]
    return Brokers(brokers=_add_skews(brokers), controller_id=controller_id, knows_fenced=knows_fenced, errors=errors)


def describe_broker(cluster: Cluster, broker_id: int) -> tuple[BrokerDescription, list[KafkactlError]]:
    """Return a broker with its listeners and log folders, and an error for each part that cannot be read.

    A broker that is not ALIVE is not asked for these: its listeners are None, and it has no log folders. A log folder
    that cannot be used is in the result and also has an error. Log folders that cannot be read as a whole are an empty
    list, with a `size_bytes` of None. Raise NotFoundError for a broker that is not registered and has no replicas,
    UnreachableError where no broker answers, OperationError for a refusal, UsageError for a wrong client setting.
    """
    with cluster.share_timeout():
        listing = list_brokers(cluster, only=broker_id)
        if not listing.brokers:
            raise NotFoundError(f"broker not found: {broker_id}", _HINT)
        (broker,) = listing.brokers
        if broker.state is not BrokerState.ALIVE:
            return BrokerDescription(broker=broker, listeners=None, log_dirs=[]), listing.errors
        answers, failures = _ask(cluster, "DescribeLogDirs", [broker_id], topics=None)
        log_dirs = [_make_log_dir(entry) for answer in answers.values() for entry in answer.results]
        size_bytes = sum(log_dir.size_bytes for log_dir in log_dirs) if answers else None
        failures += [
            make_unusable_error(broker_id, log_dir.path, log_dir.error)
            for log_dir in log_dirs
            if log_dir.error is not None
        ]
        try:
            listeners, refusals = _read_listeners(cluster, broker_id)
        except (UnreachableError, OperationError) as error:
            listeners, refusals = None, [error]
    described = replace(broker, size_bytes=size_bytes)
    errors = [*listing.errors, *failures, *refusals]
    return BrokerDescription(broker=described, listeners=listeners, log_dirs=log_dirs), errors


def list_apis(cluster: Cluster, broker_ids: Sequence[int] = ()) -> tuple[list[BrokerApi], list[KafkactlError]]:
    """Return the requests that brokers offer, sorted by broker and number, and an error for each that offers none.

    Without `broker_ids` all brokers are asked that are alive. A broker that is not alive, does not answer or refuses
    has an error; an id that is there twice counts once. Both lists are empty where no broker is listed, as when all are
    fenced. Raise the first error where none of the brokers answers: UnreachableError or OperationError; UsageError for
    a wrong client setting.
    """
    answers, errors = cluster.requests.ask_brokers("ApiVersions", broker_ids or None, **_CLIENT)
    names = list_api_names()
    apis = [
        BrokerApi(broker=broker, key=key, name=names.get(key, str(key)), min_version=lowest, max_version=highest)
        for broker, answer in answers.items()
        for key, (lowest, highest) in sorted(_make_table(answer).items())
    ]
    return apis, errors


def count_alive(cluster: Cluster) -> int:
    """Return how many brokers are registered, not fenced, and answer. One silent broker takes the whole time-out.

    A broker that refuses does not count. Raise UnreachableError or OperationError where none answers or they cannot be
    listed, UnreachableError also where no broker is listed until the time-out, as when all are fenced, and UsageError
    for a wrong client setting.
    """
    answers, _ = cluster.requests.ask_brokers("ApiVersions", None, **_CLIENT)
    return len(answers)


def list_fenced(cluster: Cluster) -> list[int]:
    """Return the ids of brokers that are registered and fenced, sorted; empty before Kafka 4.0.

    Raise UnreachableError where no broker answers, OperationError for a refusal, UsageError for a wrong client setting.
    """
    return sorted(entry.id for entry in describe_cluster(cluster, include_fenced=True).endpoints if entry.fenced)


def list_away(cluster: Cluster) -> list[int]:
    """Return the ids of brokers that are registered or have replicas, and are not alive, sorted.

    A broker that is not fenced and does not answer counts as alive. Replicas are those of topics that the user may see.
    Brokers that are registered and have no replica are known from Kafka 4.0 on. Raise UnreachableError where no broker
    answers, OperationError for a refusal, UsageError for a wrong client setting.
    """
    with cluster.share_timeout():
        alive = cluster.requests.list_brokers()
        registered = {entry.id for entry in describe_cluster(cluster, include_fenced=True).endpoints}
        topics = cluster.requests.read_metadata(None)
    assigned = {broker for topic in topics for partition in topic.partitions for broker in partition.replica_nodes}
    return sorted((registered | assigned) - set(alive))


def wait_for_brokers(cluster: Cluster, count: int) -> tuple[int, UnreachableError | None]:
    """Wait until at least `count` live brokers answer; return the number of the last look, and why none answered.

    The second is None where a broker answered in the last look, or no look failed. A number below `count` is no error:
    at most 0.2 s of the settings' time-out are left then. There is at least one look. Each has connections and a
    time-out of its own, at most 2 s; the error is that of the longest look without an answer. Raise OperationError for
    a refusal, UsageError for a wrong client setting.
    """
    deadline = time.monotonic() + cluster.settings.timeout_s
    failure, longest_s = None, 0.0
    while True:
        look_s = min(_LONGEST_LOOK_S, max(0.1, deadline - time.monotonic()))
        look = Cluster(replace(cluster.settings, timeout_s=look_s))
        alive = 0
        try:
            with look.share_timeout():
                alive = count_alive(look)
        except UnreachableError as error:
            if look_s >= longest_s:
                failure, longest_s = error, look_s
        finally:
            look.close()
        if alive >= count or time.monotonic() + _PAUSE_S > deadline:
            return alive, None if alive else failure
        time.sleep(_PAUSE_S)


def unregister_broker(cluster: Cluster, broker_id: int) -> None:
    """Remove the registration of a broker. A broker that runs registers again at its next start.

    Nothing is checked here: the controller takes the request for a running broker, too. Raise OperationError for a
    refusal, also where no broker has registered with this id, UnsupportedRequestError with ZooKeeper, UnansweredError
    where it may have been done, UnreachableError, and UsageError for a wrong client setting.
    """
    answer = cluster.requests.send("UnregisterBroker", to_controller=True, broker_id=broker_id)
    if answer.error_code:
        raise refusal(f"cannot unregister broker {broker_id}", answer.error_code, answer.error_message)


def find_controller(cluster: Cluster, metadata_id: int) -> int | None:
    """Return the id of the controller: the leader of the quorum, or the one of the metadata with ZooKeeper.

    `metadata_id` is the controller of the metadata, which KRaft chooses at random. None where the right to ask is
    missing, and where the answer names no controller. A quorum without a leader may also not answer, or refuse. Raise
    UnreachableError where no answer comes, OperationError for another refusal, UsageError for a wrong client setting.
    """
    try:
        answer = cluster.requests.describe_quorum()
    except UnsupportedRequestError:
        return metadata_id if metadata_id >= 0 else None
    partitions = [partition for topic in answer.topics for partition in topic.partitions]
    codes = [answer.error_code, *(partition.error_code for partition in partitions)]
    if ErrorCode.CLUSTER_AUTHORIZATION_FAILED in codes:
        return None
    if ErrorCode.UNSUPPORTED_VERSION in codes or ErrorCode.UNKNOWN_TOPIC_OR_PARTITION in codes:
        return metadata_id if metadata_id >= 0 else None
    if any(codes):
        raise refusal("cannot ask for the controller", next(code for code in codes if code))
    leader = int(partitions[0].leader_id) if partitions else -1
    return leader if leader >= 0 else None


def _ask(cluster: Cluster, api: str, broker_ids: Sequence[int], **fields: Any) -> tuple[dict[int, Any], list[Any]]:
    """Return the answers of brokers by id, and the errors of the others; only the first error where all fail.

    `fields` are those of the request, and `time_share`, the part of the remaining time that the brokers get, from 0 to
    1. Without ids both are empty. Raise UsageError for a wrong client setting, LookupError for an unknown `api`, and
    ValueError for a field that it does not have; other errors are only returned.
    """
    if not broker_ids:
        return {}, []
    try:
        return cluster.requests.ask_brokers(api, broker_ids, **fields)
    except (UnreachableError, OperationError) as error:
        return {}, [error]


def _read_metadata(cluster: Cluster) -> Any:
    """Return the answer to Metadata about all topics.

    Raise UnreachableError, OperationError for a refusal of the whole request, UsageError for a wrong client setting.
    """
    return cluster.requests.send("Metadata", topics=None, allow_auto_topic_creation=False, min_version=1)


def _find_state(entry: Endpoint, has_answered: bool) -> BrokerState:
    """Return the state of a registered broker; `has_answered` is whether it has answered a request."""
    if entry.fenced:
        return BrokerState.FENCED
    return BrokerState.ALIVE if has_answered else BrokerState.SILENT


def _make_table(answer: Any) -> dict[int, tuple[int, int]]:
    """Return the offered versions of an answer to ApiVersions by the number of the request."""
    return {item.api_key: (item.min_version, item.max_version) for item in answer.api_keys}


def _find_finalized(answers: Iterable[Any]) -> str | None:
    """Return the metadata.version, such as 4.3-IV0, of the answer to ApiVersions with the highest epoch.

    Of equal epochs the first answer counts. None without an answer with an epoch, and where that answer has none. A
    level that kafkactl does not know is its number as text.
    """
    with_epochs = [answer for answer in answers if answer.finalized_features_epoch is not None]
    newest = max(with_epochs, key=lambda answer: answer.finalized_features_epoch, default=None)
    features = (newest.finalized_features or ()) if newest is not None else ()
    level = next((feature.max_version_level for feature in features if feature.name == FEATURE), None)
    return None if level is None else find_metadata_version(level) or str(level)


def _count_replicas(topics: Iterable[Any]) -> tuple[Counter[int], Counter[int]]:
    """Return the number of partitions that each broker leads, and of its replicas, by the broker's id.

    Partitions without a leader count for the id -1. A broker without any counts 0.
    """
    leaders, replicas = Counter[int](), Counter[int]()
    for topic in topics:
        for partition in topic.partitions:
            leaders[partition.leader_id] += 1
            replicas.update(partition.replica_nodes)
    return leaders, replicas


def _read_sizes(cluster: Cluster, broker_ids: Sequence[int]) -> tuple[dict[int, int], list[KafkactlError]]:
    """Return the size of the log folders of each broker in bytes, and an error for each broker or folder that failed.

    Copies that are still made count in, too; a folder that failed counts as 0. A broker that failed is missing. Where
    all brokers fail there is only one error. Without ids both are empty. Raise UsageError for a wrong client setting.
    """
    answers, errors = _ask(cluster, "DescribeLogDirs", broker_ids, topics=None)
    for broker, answer in answers.items():
        errors += [
            refusal(f"cannot read the sizes in {item.log_dir} of broker {broker}", item.error_code)
            for item in answer.results
            if item.error_code
        ]
    sizes = {
        broker: sum(_make_log_dir(item).size_bytes for item in answer.results) for broker, answer in answers.items()
    }
    return sizes, errors


def _make_log_dir(item: Any) -> LogDir:
    """Return a log folder of an answer to DescribeLogDirs. Copies that are still made count in, too.

    A folder that cannot be used has its error as text, and no replicas. Total and free bytes are None where the broker
    does not tell them. Nothing is raised.
    """
    partitions = [partition for topic in item.topics for partition in topic.partitions]
    total, usable = getattr(item, "total_bytes", None), getattr(item, "usable_bytes", None)
    return LogDir(
        path=item.log_dir,
        replicas=len(partitions),
        size_bytes=sum(partition.partition_size for partition in partitions),
        total_bytes=None if total is None or total < 0 else total,
        usable_bytes=None if usable is None or usable < 0 else usable,
        error=str(refusal("", item.error_code)) if item.error_code else None,
    )


def _add_skews(brokers: Sequence[Broker]) -> list[Broker]:
    """Return the brokers, in their order, with the skew of their sizes in percent, rounded to 0.1.

    It is None where a size is not known, or nothing is stored at all. The mean is that of these brokers; unknown sizes
    do not count for it.
    """
    sizes = [broker.size_bytes for broker in brokers if broker.size_bytes is not None]
    mean = sum(sizes) / len(sizes) if sizes else 0
    return [
        broker
        if broker.size_bytes is None or not mean
        else replace(broker, skew_percent=round((broker.size_bytes / mean - 1) * 100, 1) + 0.0)  # no -0.0
        for broker in brokers
    ]


def _read_listeners(cluster: Cluster, broker_id: int) -> tuple[str | None, list[KafkactlError]]:
    """Return the advertised listeners of a broker as its settings have them, or None, and the errors, at most one.

    Where advertised.listeners is not set, listeners counts; None without an error where neither has a value. A refusal
    for the broker's settings is the error in the list. Raise UnreachableError, OperationError or UsageError where the
    broker cannot be asked.
    """
    names = ["advertised.listeners", "listeners"]
    answer = cluster.requests.send(
        "DescribeConfigs",
        broker=broker_id,
        resources=[(ResourceType.BROKER, str(broker_id), names)],
        include_synonyms=False,
        include_documentation=False,
    )
    text = f"cannot read the settings of broker {broker_id}"
    result = next(iter(answer.results), None)
    if result is None:
        return None, [OperationError(f"{text}: the answer does not have them")]
    if result.error_code:
        return None, [refusal(text, result.error_code, result.error_message)]
    values = {config.name: config.value for config in result.configs}
    return next((values[name] for name in names if values.get(name)), None), []
