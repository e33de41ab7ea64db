"""Transactions of producers: lists, descriptions, the producers of a partition, hanging transactions and their end.

A transaction hangs where a partition holds it open and its coordinator does not know of it any more: readers of
committed records wait at its first record for ever. Reference: KIP-664, KIP-890, KIP-994 and KIP-1152 (filters), and
org.apache.kafka.tools.TransactionsCommand.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafkactl.admin.models import Partition
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import CoordinatorType, ErrorCode, group_by_topic
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnansweredError, UnreachableError, UsageError
from kafkactl.patterns import write_command

STATES = (
    "Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "PrepareEpochFence", "Dead",
)  # fmt: skip
"""States of a transactional id, in Kafka's spelling."""
OPEN_STATES = ("Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence")
"""Those in which its transaction is not over."""
_NONE = -1
_BATCH = 500
"""Partitions in one question to a broker."""
_DURATION_VERSION, _PATTERN_VERSION = 1, 2
"""Versions of ListTransactions that have the two filters."""
_TERMINATION_TIMEOUT_MS = 30_000
"""Time-out of the transactional id after a forced end, as Kafka's client sets it."""


@dataclass(frozen=True, kw_only=True)
class TransactionListing:
    """A transactional id, as its coordinator lists it."""

    transactional_id: str
    coordinator: int
    """Id of the broker that coordinates its transactions."""
    producer_id: int
    state: str
    """One of STATES."""


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """A transactional id with its present transaction."""

    transactional_id: str
    coordinator: int
    producer_id: int
    producer_epoch: int
    state: str
    """One of STATES."""
    timeout_ms: int
    """Time after which the coordinator aborts a transaction of this producer."""
    start_ms: int | None
    """Start of the present transaction in ms since 1970, or of the last one; None before the first one, or later."""
    partitions: tuple[Partition, ...]
    """Partitions in the present transaction whose marker is not written yet, in the broker's order."""

    @property
    def is_open(self) -> bool:
        """Return whether its transaction is not over."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, kw_only=True)
class ProducerState:
    """What a partition knows of an idempotent producer."""

    topic: str
    partition: int
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int | None
    """Epoch of the coordinator that wrote the last marker; None before the first one."""
    last_sequence: int
    last_timestamp_ms: int
    """Timestamp of its last record, in ms since 1970."""
    start_offset: int | None
    """Offset of the first record of its open transaction; None where none is open."""


def list_transactions(
    cluster: Cluster,
    *,
    states: Sequence[str] = (),
    producer_ids: Collection[int] = (),
    longer_than_ms: int | None = None,
    pattern: str | None = None,
) -> tuple[list[TransactionListing], list[KafkactlError]]:
    """Return the transactional ids of all coordinators that pass every filter, and an error for each other broker.

    These errors are of brokers that did not answer or refused. The ids are sorted by coordinator and then in its order;
    brokers leave out ids that the user may not describe. `states` are names of STATES, and Dead and another name match
    nothing; `longer_than_ms` is the age that the last transaction of an id must exceed, in ms, open or not, and an id
    without one passes; `pattern` is a regular expression of RE2/J for whole ids. Raise UnsupportedRequestError where
    the brokers lack the request or a filter, OperationError where they refuse, also a pattern that they cannot read,
    UnreachableError where none answers, and UsageError for a wrong client setting.
    """
    lowest = 0
    fields: dict[str, Any] = {"state_filters": list(states), "producer_id_filters": sorted(producer_ids)}
    if longer_than_ms is not None:
        fields["duration_filter"], lowest = longer_than_ms, _DURATION_VERSION
    if pattern is not None:
        fields["transactional_id_pattern"], lowest = pattern, _PATTERN_VERSION
    answers, errors = cluster.requests.ask_brokers("ListTransactions", **fields, min_version=lowest)
    rows = [
        TransactionListing(
            transactional_id=item.transactional_id,
            coordinator=broker,
            producer_id=item.producer_id,
            state=item.transaction_state,
        )
        for broker, answer in sorted(answers.items())
        for item in answer.transaction_states
    ]
    return rows, errors


def describe_transactions(cluster: Cluster, transactional_ids: Iterable[str]) -> dict[str, Transaction | KafkactlError]:
    """Return the transaction of each id, or its error, in the order of `transactional_ids`.

    An id that does not exist has a NotFoundError. The ids are asked one after the other and share one time-out: after a
    silent coordinator there may be no time for the others. Without ids nothing is asked; an id that is there twice is
    asked twice and returned once. Raise the first UnreachableError where every id has one, and
    UsageError for a wrong client setting.
    """
    results: dict[str, Transaction | KafkactlError] = {}
    with cluster.share_timeout():
        for transactional_id in transactional_ids:
            try:
                results[transactional_id] = _describe(cluster, transactional_id)
            except UsageError:
                raise
            except KafkactlError as error:
                results[transactional_id] = error
    if results and all(isinstance(result, UnreachableError) for result in results.values()):
        raise next(error for error in results.values() if isinstance(error, UnreachableError))
    return results


def _describe(cluster: Cluster, transactional_id: str) -> Transaction:
    """Return the transaction of an id.

    Raise NotFoundError for an unknown id, OperationError for another refusal, UnreachableError, UnsupportedRequestError
    or UsageError.
    """
    coordinator = cluster.requests.find_coordinator(transactional_id, CoordinatorType.TRANSACTION)
    answer = cluster.requests.send("DescribeTransactions", broker=coordinator, transactional_ids=[transactional_id])
    (item,) = answer.transaction_states
    if item.error_code == ErrorCode.TRANSACTIONAL_ID_NOT_FOUND:
        raise NotFoundError(
            f"transactional id not found: {transactional_id!r}",
            "list the transactional ids: kafkactl transactions list",
            item.error_code,
        )
    if item.error_code:
        raise refusal(f"cannot describe transactional id {transactional_id}", item.error_code)
    return Transaction(
        transactional_id=transactional_id,
        coordinator=coordinator,
        producer_id=item.producer_id,
        producer_epoch=item.producer_epoch,
        state=item.transaction_state,
        timeout_ms=item.transaction_timeout_ms,
        start_ms=None if item.transaction_start_time_ms < 0 else item.transaction_start_time_ms,
        partitions=tuple((topic.topic, number) for topic in item.topics for number in topic.partitions),
    )


def list_producers(
    cluster: Cluster, partitions: Sequence[Partition], broker: int | None = None
) -> dict[Partition, list[ProducerState] | KafkactlError]:
    """Return the producers that each partition knows, or its error, in the given order.

    The leader of each partition is asked, or the replica on `broker`. Producers are sorted by id; idle ones, without an
    open transaction, are among them. The messages of refusals do not name the partition. A partition that is there
    twice is returned once. Raise OperationError, UnreachableError or UnsupportedRequestError where the leaders cannot
    be looked up or no broker answers, also not in a later request for more than 500 partitions of a broker; and
    UsageError for a wrong client setting.
    """
    results: dict[Partition, list[ProducerState] | KafkactlError] = {}
    by_broker: dict[int, list[Partition]] = defaultdict(list)
    with cluster.share_timeout():
        leaders: Mapping[Partition, int | KafkactlError] = (
            cluster.requests.find_leaders(partitions) if broker is None else dict.fromkeys(partitions, broker)
        )
        for partition, leader in leaders.items():
            if isinstance(leader, KafkactlError):
                results[partition] = leader
            else:
                by_broker[leader].append(partition)
        while by_broker:
            batches = {leader: waiting[:_BATCH] for leader, waiting in by_broker.items()}
            by_broker = {leader: waiting[_BATCH:] for leader, waiting in by_broker.items() if waiting[_BATCH:]}
            results |= _ask_for_producers(cluster, batches)
    return {partition: results[partition] for partition in partitions}


def _ask_for_producers(
    cluster: Cluster, batches: Mapping[int, Sequence[Partition]]
) -> dict[Partition, list[ProducerState] | KafkactlError]:
    """Return the producers of each partition, or its error; `batches` are partitions by the broker that is asked.

    The result is in no certain order, and producers are sorted by id. A partition that an answer leaves out has an
    error with the code REQUEST_TIMED_OUT. Raise OperationError, UnreachableError or UnsupportedRequestError where no
    broker answers, and UsageError.
    """
    questions = {broker: {"topics": list(group_by_topic(partitions).items())} for broker, partitions in batches.items()}
    answers, errors = cluster.requests.ask_each("DescribeProducers", questions)
    without_answer = [broker for broker in batches if broker not in answers]
    results: dict[Partition, list[ProducerState] | KafkactlError] = {}
    for broker, error in zip(without_answer, errors, strict=True):
        results |= dict.fromkeys(batches[broker], error)
    for broker in answers:
        results |= dict.fromkeys(batches[broker], OperationError("no answer", code=ErrorCode.REQUEST_TIMED_OUT))
    for answer in answers.values():
        for topic in answer.topics:
            for item in topic.partitions:
                place = topic.name, item.partition_index
                results[place] = (
                    refusal("", item.error_code, item.error_message)
                    if item.error_code
                    else sorted(
                        (_make_producer(place, producer) for producer in item.active_producers),
                        key=lambda row: row.producer_id,
                    )
                )
    return results


def _make_producer(place: Partition, item: Any) -> ProducerState:
    """Return a producer of a partition from an answer to DescribeProducers."""
    return ProducerState(
        topic=place[0],
        partition=place[1],
        producer_id=item.producer_id,
        producer_epoch=item.producer_epoch,
        coordinator_epoch=None if item.coordinator_epoch == _NONE else item.coordinator_epoch,
        last_sequence=item.last_sequence,
        last_timestamp_ms=item.last_timestamp,
        start_offset=None if item.current_txn_start_offset == _NONE else item.current_txn_start_offset,
    )


def find_hanging(
    cluster: Cluster, partitions: Sequence[Partition], now_ms: int, older_than_ms: int | None, broker: int | None = None
) -> tuple[list[ProducerState], list[KafkactlError]]:
    """Return the producers whose open transaction hangs, and an error for each partition that could not be searched.

    A transaction is a candidate where its last record is more than `older_than_ms` ms older than `now_ms`, in ms since
    1970; with None all are. It hangs where no coordinator knows the producer, or the coordinator does not count the
    partition in; a transactional id that the principal may not describe looks the same, and so does a transaction that
    ends during the search. The result is in the order of `partitions`. The leaders are asked, or the replicas on
    `broker`.

    Raise the first error where no broker tells its producers, and where a coordinator does not say what it knows,
    because nothing could be told apart then: UnreachableError, OperationError or UnsupportedRequestError; and
    UsageError for a wrong client setting.
    """
    with cluster.share_timeout():
        found = list_producers(cluster, partitions, broker)
        errors = [
            _name_partition(partition, answer)
            for partition, answer in found.items()
            if isinstance(answer, KafkactlError)
        ]
        candidates = [
            producer
            for producers in found.values()
            if not isinstance(producers, KafkactlError)
            for producer in producers
            if producer.start_offset is not None
            and (older_than_ms is None or now_ms - producer.last_timestamp_ms > older_than_ms)
        ]
        if not candidates:
            return [], errors
        known, silent = list_transactions(cluster, producer_ids={row.producer_id for row in candidates})
        if silent:
            raise silent[0]
        names = {row.producer_id: row.transactional_id for row in known}
        coordinated = _find_coordinated(cluster, sorted(set(names.values())))
    return [
        row
        for row in candidates
        if (row.topic, row.partition) not in coordinated.get(names.get(row.producer_id, ""), ())
    ], errors


def _name_partition(partition: Partition, error: KafkactlError) -> KafkactlError:
    """Return a copy of an error, with its class, hint and code, whose message begins with the partition."""
    named = copy.copy(error)
    named.args = ("{}-{}: {}".format(*partition, error),)
    return named


def _find_coordinated(cluster: Cluster, transactional_ids: Sequence[str]) -> dict[str, Collection[Partition]]:
    """Return the partitions that the present transaction of each id counts in; ids that are gone are left out.

    An id without a transaction now has no partitions. Raise the first other error: UnreachableError, OperationError,
    UnsupportedRequestError or UsageError.
    """
    coordinated: dict[str, Collection[Partition]] = {}
    for transactional_id, described in describe_transactions(cluster, transactional_ids).items():
        if isinstance(described, Transaction):
            coordinated[transactional_id] = set(described.partitions)
        elif not isinstance(described, NotFoundError):
            raise described
    return coordinated


def find_open(cluster: Cluster, partition: Partition, start_offset: int) -> ProducerState:
    """Return the producer whose open transaction begins at an offset of a partition.

    Raise NotFoundError where no transaction begins there, OperationError for a refusal, also for a partition that does
    not exist or has no leader, UnreachableError, UnsupportedRequestError, and UsageError for a wrong client setting.
    """
    producers = list_producers(cluster, [partition])[partition]
    if isinstance(producers, KafkactlError):
        raise _name_partition(partition, producers)
    for producer in producers:
        if producer.start_offset == start_offset:
            return producer
    open_offsets = ", ".join(str(row.start_offset) for row in producers if row.start_offset is not None)
    raise NotFoundError(
        "no open transaction begins at offset {} of {}-{}".format(start_offset, *partition),
        f"open transactions begin at offset {open_offsets}" if open_offsets else "no transaction is open there",
    )


def abort(
    cluster: Cluster, partition: Partition, *, producer_id: int, producer_epoch: int, coordinator_epoch: int | None
) -> None:
    """Write the marker that aborts a producer's transaction in one partition, past its coordinator.

    The leader writes it also where no transaction is open. `coordinator_epoch` is that of the producer's last marker;
    None and negative numbers become 0, which every coordinator has reached. A refusal is not tried again, even a
    transient one. Raise OperationError for a refusal (with the code REQUEST_TIMED_OUT the marker may have been
    written), and for a partition that does not exist or has no leader, UnansweredError where it may have been written,
    UnreachableError, and UsageError for a wrong client setting and a text that is not UTF-8.
    """
    topic, number = partition
    leader = cluster.requests.find_leaders([partition])[partition]
    if isinstance(leader, KafkactlError):
        raise _name_partition(partition, leader)
    marker = (producer_id, producer_epoch, False, [(topic, [number])], max(0, coordinator_epoch or 0))
    answer = cluster.requests.send("WriteTxnMarkers", broker=leader, markers=[marker], max_version=1)
    codes = [item.error_code for each in answer.markers for place in each.topics for item in place.partitions]
    if any(codes):
        raise refusal(f"cannot abort the transaction in {topic}-{number}", next(code for code in codes if code))


def force_terminate(cluster: Cluster, transactional_id: str) -> None:
    """End the present transaction of an id by taking the id over: the coordinator aborts it and fences its producer.

    Without a present transaction only the producer is fenced; an id that does not exist is made. The id gets a
    transaction time-out of 30 s. The request is sent again while an earlier end is still under way. Raise
    UnansweredError where that lasts until the time-out and where it may have been done, OperationError for a refusal,
    UnreachableError, and UsageError for a wrong client setting and a text that is not UTF-8.
    """
    try:
        answer = cluster.requests.send(
            "InitProducerId",
            transactions_of=transactional_id,
            transactional_id=transactional_id,
            transaction_timeout_ms=_TERMINATION_TIMEOUT_MS,
        )
    except OperationError as error:
        if error.code != ErrorCode.CONCURRENT_TRANSACTIONS:
            raise
        raise UnansweredError(
            f"the transaction of {transactional_id} has not ended yet: its coordinator is ending it",
            f"see whether it has ended: {write_command('kafkactl transactions describe', transactional_id)}",
        ) from error
    if answer.error_code:
        raise refusal(f"cannot terminate the transaction of {transactional_id}", answer.error_code)
