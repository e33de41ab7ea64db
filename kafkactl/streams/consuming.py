"""Reading of records with confluent_kafka; only records that were handled count as read."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from kafkactl.connection.broker_errors import UNREACHABLE_CODES, describe_kafka_error
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.streams.selection import (
    EARLIEST_OFFSET,
    LATEST_OFFSET,
    Partition,
    Range,
    Selection,
    find_ranges,
    find_stops,
    find_topics,
    look_up_offsets,
)
from kafkactl.streams.watching import MissedLooks, Watch, is_deletion

_BATCH = 10_000
_BATCH_BYTES = 8 << 20
_FIRST_BATCH = 500
WAIT_S = 0.1
_STEP_BACK_FACTOR = 4
_LOOK_FOR_TOPICS_S = 5.0
_LOOK_WAIT_S = 2.0

Tell = Callable[[str], None]

FAST_FETCH = {
    # By default librdkafka waits a second before it fetches again when its queue was full: 75 % of a long read.
    "fetch.queue.backoff.ms": 10,
    # Bounds of what librdkafka fetches ahead, for all partitions and for one, so that memory stays bounded on a stream
    # of any length. The last one is small because compressed batches grow thirty times when they are decompressed.
    "queued.max.messages.kbytes": 32 << 10,
    "queued.min.messages": 30_000,
    "max.partition.fetch.bytes": 256 << 10,
}


class Reading:
    """An open consumer of the partitions of a selection."""

    def __init__(
        self,
        cluster: Cluster,
        selection: Selection,
        warn: Tell,
        tell: Tell | None = None,
        prepare: Callable[[list[Message]], None] | None = None,
    ) -> None:
        """Connect, and join the group or assign partitions. Nothing is read yet.

        The partitions of a group, and of a reading with a `tail`, come later.

        `warn` is called with sentences about topics, partitions and brokers, such as a partition that cannot be read;
        `tell` (None: nobody) with sentences about rebalances, and about a look for new topics that failed. `prepare`
        (None: nothing) is called with each list of records before they are yielded; it may be empty, and have records
        beyond the end or before a tail, which are not yielded.

        Raise UnreachableError where no broker answers, NotFoundError for a missing topic or partition and where no
        topic matches, OperationError where a topic cannot be read or offsets cannot be looked up or librdkafka refuses
        the subscription or the assignment, UsageError for a wrong client setting, and KeyError where a topic of
        `assigned` is not among the selected ones. From here on each request to the cluster has a whole time-out of its
        own.
        """
        self._prepare = prepare
        self.while_idle: Callable[[], None] = _do_nothing
        """Function that is called several times a second while no record comes."""
        self._cluster = cluster
        self._selection = selection
        self._warn = warn
        self._tell = tell or (lambda _text: None)
        self._early: list[Message] = []
        self._is_paused = False
        self._failure: KafkactlError | None = None
        """Error of a callback of librdkafka, which cannot raise it itself; or None."""
        default_reset = cluster.settings.properties.get("auto.offset.reset", "latest")
        self._reset = "earliest" if selection.from_beginning else default_reset
        self._consumer = cluster.make_consumer(
            {**make_consumer_settings(selection), "on_commit": self._on_commit}, {"auto.offset.reset": self._reset}
        )
        self._at_end: set[Partition] = set()
        self._at_stop: set[Partition] = set()
        """Partitions that were read to their stops."""
        self._stops: dict[Partition, int] = {}
        self._starts: list[TopicPartition] = []
        self._ranges: dict[Partition, Range] = {}
        self._unassigned_since: float | None = time.monotonic() if selection.joins else None
        """Time since which the group has assigned no partitions; None after an assignment, also an empty one."""
        self._commit_error: KafkaError | None = None
        """Error of the last commit, or of one partition in it; None where it was done."""
        self._committed: dict[Partition, int] = {}
        """Offset of the last known commit of each partition."""
        self._handled: dict[Partition, int] = {}
        """Offset after the last handled record of each partition."""
        self._missed = MissedLooks()
        self._newly_lost: set[Partition] = set()
        """Partitions that were lost during the present request for messages."""
        self._yielded_ends: dict[Partition, int] = {}
        """Offset after the last record that read_batches() yielded, of each partition that was lost."""
        self._watch = Watch(cluster, self._consumer, selection, (), warn)
        if selection.joins:
            self._subscribe_to_selection()
        else:
            self._ranges = find_ranges(cluster, self._consumer, selection, warn)
            self._watch.partitions = set(self._ranges)
            if not selection.tail:  # with a tail, _last_records finds the starts
                self._assign({partition: range.start for partition, range in self._ranges.items()})
        cluster.end_sharing()

    def read_batches(self) -> Iterator[list[Message]]:
        """Yield lists of records as they come, until the selection ends; pass each list to mark_handled() later.

        A list has one record or more, in the order of the offsets within a partition. A `tail` is yielded first, as one
        list sorted by time, which may be empty; after it, lists follow as without a tail. `while_idle` is called where
        no record comes, but not before the tail is found. An error of keep_alive(), of a rebalance, of `prepare` or of
        `while_idle` is raised here. Records before an error message of librdkafka are yielded first; those that came
        together with another error are not, and those of the tail never.

        Raise UnreachableError where nothing has ever come and no broker answers within the time-out; with `until_end`
        also where nothing comes for the time-out; with any end, also by the idle time-out, where a partition that is
        not known to be at its end has no leader then, and where the group assigns no partitions in time. Raise
        NotFoundError for a deleted topic that was named, and OperationError or UnreachableError for an error that
        librdkafka reports, also that deletion where it is reported first, and where a subscription, an assignment or a
        lookup of offsets fails.
        """
        if self._selection.tail:
            yield from self._last_records(self._selection.tail)
        size = _FIRST_BATCH
        last_record_at = time.monotonic()
        while True:
            self._follow_topics()
            self._apply_changes()
            batch = self._next_batch(size)
            if not batch:
                self.while_idle()
            if batch:
                yield batch
                self._watch.note_progress()
                last_record_at = time.monotonic()
                size = min(_BATCH, 1 + len(batch) * _BATCH_BYTES // (1 + sum(map(len, batch))))
            elif self._unassigned_since is not None:
                last_record_at = time.monotonic()  # time without partitions is no time without records
                self._watch.postpone()
                waited_s = last_record_at - self._unassigned_since
                self._watch.require_brokers(waited_s)
                self._require_assignment(waited_s)
            elif self._is_over(last_record_at):
                self._watch.require_leaders(self._at_end)
                return

    def keep_alive(self) -> None:
        """Answer the group once while the output is blocked; call this several times a second.

        It does not wait, except for the brokers where the group assigns partitions: for each request up to the
        time-out. No further records of the assigned partitions are taken until read_batches goes on, and rebalances are
        answered. A record of a new partition may still come, and is kept for read_batches. Where no group distributes
        the partitions, and after an error, nothing happens. Only errors of `tell` are raised here; read_batches raises
        the others.
        """
        if not self._selection.joins or self._failure is not None:
            return
        try:
            self._consumer.pause(self._consumer.assignment())
            self._is_paused = True
            if (message := self._consumer.poll(0)) is not None:  # an event, or a record of a new partition
                self._early.append(message)
        except KafkaException as error:
            self._failure = self._cluster.error(error, f"cannot read as group {self._selection.group}")

    def _apply_changes(self, adds: bool = True) -> list[Partition]:
        """Add new partitions, from their beginning, to those that are read, and drop partitions of deleted topics.

        Return the partitions of deleted topics, sorted. With `adds` False no partition is added. A group drops its
        partitions itself. Raise NotFoundError for a deleted topic that was named, UnreachableError as Watch.look()
        does, and OperationError or UnreachableError where the ends of new partitions cannot be looked up, or librdkafka
        refuses the change.
        """
        new, deleted = self._watch.look(adds)
        for partitions in (self._at_end, self._at_stop):
            partitions.difference_update(new, deleted)  # the topic may have been made again
        if new:
            stops = find_stops(self._cluster, self._consumer, self._selection, new)
            self._ranges.update({partition: Range(OFFSET_BEGINNING, stops.get(partition)) for partition in new})
            self._stops.update(stops)
            self._change_assignment(
                self._consumer.incremental_assign, [TopicPartition(*partition, OFFSET_BEGINNING) for partition in new]
            )
        if deleted and not self._selection.joins:
            assigned = {(entry.topic, entry.partition) for entry in self._consumer.assignment()}
            self._change_assignment(
                self._consumer.incremental_unassign,
                [TopicPartition(*partition) for partition in deleted if partition in assigned],
            )
        return deleted

    def _change_assignment(
        self, change: Callable[[list[TopicPartition]], None], partitions: list[TopicPartition]
    ) -> None:
        """Call librdkafka's function that adds, removes or replaces partitions.

        Raise OperationError (UnreachableError for a lost connection) where it refuses them.
        """
        try:
            change(partitions)
        except KafkaException as error:
            names = ", ".join(f"{entry.topic}-{entry.partition}" for entry in partitions)
            raise self._cluster.error(error, f"cannot change the partitions that are read ({names})") from error

    def _require_assignment(self, waited_s: float) -> None:
        """Raise UnreachableError where the reading has an end, and the group assigned no partitions in time.

        `waited_s` is the time without an assignment, in s; the bound is the cluster's time-out.
        """
        if self._selection.ends and waited_s > self._cluster.timeout_s:
            raise UnreachableError(
                f"group {self._selection.group} assigned no partitions within {self._cluster.timeout_s:g} s",
                "list its members: kafkactl groups describe GROUP --members; wait longer with --timeout",
            )

    def mark_handled(self, messages: Sequence[Message]) -> None:
        """Note records as handled, so that the next commit of the group includes them. Nothing is sent here.

        The records of a partition must be in order. Each call replaces the stored offsets of its partitions, also by
        smaller ones where earlier records are marked again. Where no group distributes the partitions this does
        nothing. A partition that the group took away meanwhile is left out without an error. Raise OperationError
        (UnreachableError for a lost connection) where librdkafka refuses all of them for another reason.
        """
        if self._selection.joins and messages:
            ends = self._find_ends(messages)
            self._handled.update(ends)
            self._store([TopicPartition(topic, number, offset) for (topic, number), offset in ends.items()])

    def close(self, timeout_s: float | None = None) -> KafkactlError | None:
        """Commit the handled records, leave the group and close the consumer; call this once.

        Where no group distributes the partitions, or the user sets enable.auto.commit to false, nothing is committed.
        Return None, or the error of this last commit, which is not raised: UnreachableError where the brokers did not
        answer, OperationError where they refused it. Where this takes longer than `timeout_s`, because a broker may be
        frozen, it goes on in a daemon thread, and UnreachableError is returned, also without a group. None waits
        without a bound.
        """
        import threading

        self._commit_error = None
        closing = threading.Thread(target=self._consumer.close, daemon=True)
        closing.start()
        closing.join(timeout_s)
        error = self._commit_error
        if closing.is_alive():
            return UnreachableError("the brokers did not answer: the last offsets may not have been committed")
        if error is None:
            return None
        if error.code() in UNREACHABLE_CODES:
            return UnreachableError(f"{describe_kafka_error(error)}: the last offsets may not have been committed")
        return OperationError(f"the last offsets were not committed: {describe_kafka_error(error)}", code=error.code())

    def _subscribe_to_selection(self) -> None:
        """Join the group for the topics of the selection.

        Raise NotFoundError where no topic matches or a topic is missing, OperationError for an error of a broker and
        where librdkafka refuses the subscription, UnreachableError where no broker answers, and UsageError for a wrong
        client setting.
        """
        self._subscribe(list(find_topics(self._cluster, self._consumer, self._selection)))

    def _subscribe(self, topics: list[str]) -> None:
        """Join the group for these topics, instead of earlier ones. Nothing is waited for.

        Patterns were matched before, because librdkafka's are not Python's. Raise OperationError where librdkafka
        refuses; errors of the callbacks are kept for _next_batch().
        """
        self._topics = topics
        self._looked_at = time.monotonic()
        try:
            self._consumer.subscribe(
                topics,
                on_assign=self._on_assign,
                on_revoke=lambda _consumer, partitions: self._on_loss("revoked", partitions),
                on_lost=lambda _consumer, partitions: self._on_loss("lost", partitions),
            )
        except KafkaException as error:
            raise self._cluster.error(error, f"cannot join group {self._selection.group}") from error

    def _follow_topics(self) -> None:
        """Subscribe again where topics of the selection were created or deleted; at most every 5 s.

        The answer of the brokers is waited for, at most 2 s. Where no group distributes the partitions, or with fixed
        names, nothing happens. Where no topic is left the old subscription stays. A topic that two looks in a row miss
        counts as deleted, and is reported to `warn` once: a broker that has just started may not know all topics. A
        failed request is reported to `tell`, and is tried again later. Raise OperationError where librdkafka refuses
        the new subscription.
        """
        include = self._selection.include
        if include is None or not self._selection.joins or time.monotonic() - self._looked_at < _LOOK_FOR_TOPICS_S:
            return
        self._looked_at = time.monotonic()
        try:
            names = list(include.choose(self._consumer.list_topics(timeout=_LOOK_WAIT_S).topics).names)
        except KafkaException as error:  # the next attempt may get an answer
            reason = describe_kafka_error(error.args[0])
            self._tell(f"cannot look for new topics: {reason}; kafkactl tries it again later")
        else:
            deleted = self._missed.find_deleted(set(self._topics), set(names))
            for name in sorted(deleted):
                self._watch.note_deleted(name)
            names += sorted(set(self._topics) - set(names) - deleted)
            self._watch.note_present(set(names) - deleted)
            if names and set(names) != set(self._topics):
                self._subscribe(names)

    def _assign(self, starts: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets, instead of earlier ones, and forget which ones are at their ends.

        Each partition must have a range (KeyError otherwise). Stops come from the ranges. Raise OperationError where
        librdkafka refuses.
        """
        self._at_end.clear()
        self._at_stop.clear()
        self._stops = {partition: stop for partition in starts if (stop := self._ranges[partition].stop) is not None}
        partitions = [TopicPartition(*partition, start) for partition, start in starts.items()]
        self._change_assignment(self._consumer.assign, partitions)

    def _on_loss(self, change: str, partitions: Sequence[TopicPartition]) -> None:
        """Note partitions that the group took away, and the ends of their yielded records; librdkafka calls this.

        Their records that were fetched early are dropped, and the loss is reported to the user. Where none is left the
        time without an assignment begins. `change` is "revoked" or "lost", for this report.
        """
        lost_partitions = {(entry.topic, entry.partition) for entry in partitions}
        self._watch.partitions -= lost_partitions
        self._newly_lost |= lost_partitions
        self._at_end -= lost_partitions  # when they come back, there may be new records
        self._at_stop -= lost_partitions
        self._starts = [start for start in self._starts if (start.topic, start.partition) not in lost_partitions]
        early: dict[Any, Any] = {
            (message.topic(), message.partition()): message.offset() for message in reversed(self._early)
        }
        for position in self._consumer.position(list(partitions)):
            partition = position.topic, position.partition
            self._note_yielded_end(partition, early.get(partition, position.offset))
            self._note_yielded_end(partition, self._handled.get(partition, 0))
        self._early = [
            message for message in self._early if (message.topic(), message.partition()) not in lost_partitions
        ]
        if all((entry.topic, entry.partition) in lost_partitions for entry in self._consumer.assignment()):
            self._unassigned_since = time.monotonic()
        self._report_change(change, partitions)

    def _report_change(self, change: str, partitions: Sequence[TopicPartition]) -> None:
        """Report a rebalance to the user, in a sentence such as "assigned: t-0, t-1" or "revoked: no partitions".

        `change` is one word, such as "assigned".
        """
        names = ", ".join(sorted(f"{entry.topic}-{entry.partition}" for entry in partitions)) or "no partitions"
        self._tell(f"{change}: {names}")

    def _store(self, offsets: list[TopicPartition]) -> None:
        """Add offsets to the next commit; nothing is sent here.

        A partition that was taken away meanwhile is left out: its new owner commits it. Raise OperationError
        (UnreachableError for a lost connection) where librdkafka stores none of them for another reason.
        """
        try:
            self._consumer.store_offsets(offsets=offsets)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                raise self._cluster.error(error, f"cannot commit as group {self._selection.group}") from error

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Find the starts of partitions without a commit, which become their first commits, as with the Java client.

        Without these commits a partition that was empty, or not reached before the command was stopped, would have no
        commit. The next consumer of the group would begin at its end and never show the records between. librdkafka
        calls this, and it waits for the brokers, in each request up to the time-out. The assignment is reported to the
        user; an error is kept, and _next_batch() raises it. A partition whose commit cannot be read or whose start
        cannot be looked up is left out, and with auto.offset.reset=none (error), but without `from_beginning`, every
        one without a commit.
        """
        self._unassigned_since = None
        self._watch.partitions |= {(entry.topic, entry.partition) for entry in partitions}
        self._report_change("assigned", partitions)
        reset = self._reset
        timeout_s = self._cluster.timeout_s
        end = EARLIEST_OFFSET if reset == "earliest" else LATEST_OFFSET

        def ask() -> tuple[list[TopicPartition], list[TopicPartition]]:
            """Return the committed offsets, and the offsets that were looked up for partitions without a commit.

            A partition whose commit cannot be read has its error, and is not looked up. With auto.offset.reset=none
            (error), and without `from_beginning`, none are looked up. Raise UnreachableError or OperationError.
            """
            try:
                committed = consumer.committed(partitions, timeout=timeout_s)
                unread = [
                    TopicPartition(entry.topic, entry.partition, end)
                    for entry in committed
                    if entry.offset < 0 and entry.error is None  # an error is no absence of a commit
                ]
                if reset == "error":  # the client itself refuses a partition without a commit
                    unread = []
                return committed, consumer.offsets_for_times(unread, timeout=timeout_s) if unread else []
            except KafkaException as error:
                raise self._cluster.error(error, f"cannot join group {self._selection.group}") from error

        try:
            committed, looked_up = self._cluster.retry(ask)
        except KafkactlError as error:  # librdkafka, which calls this, would lose the error
            self._failure = error
        else:
            starts = [start for start in looked_up if start.error is None and start.offset >= 0]
            self._starts += starts + self._pass_over([*committed, *starts])

    def _pass_over(self, starts: list[TopicPartition]) -> list[TopicPartition]:
        """Note where partitions begin; return what to commit for partitions that were lost and assigned again.

        `starts` below 0 are left out. Records that were shown and not yet committed come again and are passed over.
        This is not done where another member has read on, or where somebody has reset the group's offsets meanwhile.
        """
        commits = []
        for start in starts:
            partition = start.topic, start.partition
            if start.offset < 0:
                continue
            committed_offset = self._committed.get(partition, start.offset)
            if not committed_offset <= start.offset <= self._yielded_ends.get(partition, -1):
                self._yielded_ends.pop(partition, None)
            elif self._handled.get(partition, -1) > start.offset:
                commits.append(TopicPartition(*partition, self._handled[partition]))
            self._committed[partition] = start.offset
        return commits

    def _on_commit(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """Note the committed offsets, and an error, which only close() reports: an earlier commit is done again.

        Partitions without a new offset are also among `partitions`. An error may be that of one partition. That nothing
        was left to commit is no error.
        """
        errors = [entry.error for entry in partitions if entry.error is not None and entry.offset >= 0]
        self._commit_error = error or next(iter(errors), None)
        if error is not None and error.code() == KafkaError._NO_OFFSET:
            self._commit_error = None  # nothing was left to commit
        if error is None:
            committed = [entry for entry in partitions if entry.error is None and entry.offset >= 0]
            self._committed.update({(entry.topic, entry.partition): entry.offset for entry in committed})

    def _note_yielded_end(self, partition: Partition, end: int) -> None:
        """Note that the records of a lost partition were yielded up to an offset, which is excluded.

        A smaller offset than before is ignored.
        """
        self._yielded_ends[partition] = max(end, self._yielded_ends.get(partition, 0))

    def _is_new(self, message: Message) -> bool:
        """Return whether a record was not yielded before its partition was lost.

        It is always true for a partition that was lost during the present request for messages. After the first new
        record of a partition all later ones are new.
        """
        partition: Any = (message.topic(), message.partition())
        if partition in self._newly_lost:
            return True
        if message.offset() < self._yielded_ends.get(partition, 0):  # type: ignore[operator]
            return False
        self._yielded_ends.pop(partition, None)
        return True

    @staticmethod
    def _find_ends(messages: Iterable[Message]) -> dict[Partition, int]:
        """Return the offset after the last message of each partition, by (topic, number).

        The messages of a partition must be in order.
        """
        last: dict[Any, Any] = {(message.topic(), message.partition()): message.offset() for message in messages}
        return {partition: offset + 1 for partition, offset in last.items()}

    def _next_batch(self, size: int) -> list[Message]:
        """Return the records that have come: wait for one record only, so that a single one is not delayed.

        The wait for it is 0.1 s at most; callbacks of a rebalance can take longer. The list is empty where nothing
        came, and where only events came, or records that are passed over, or at or behind a stop. `prepare` gets the
        records before those at a stop are left out, and an empty list where only others came; it is not called where
        nothing came. `size` is the largest number of records beside the first one and early ones.

        Raise UnreachableError or OperationError for an error message: the records that came before it are returned
        first, and the next call raises it. Raise these also for other errors of librdkafka, and raise the kept error of
        a callback and errors of `prepare`; the records that came with all of these are lost.
        """
        if self._failure is not None:
            raise self._failure
        early, self._early = self._early, []
        self._newly_lost.clear()
        try:
            if self._is_paused:
                self._consumer.resume(self._consumer.assignment())
                self._is_paused = False
            first = early.pop(0) if early else self._consumer.poll(WAIT_S)
            others = [] if first is None else early + self._consumer.consume(size, 0)
        except KafkaException as error:
            raise self._cluster.error(error, f"cannot read as group {self._selection.group}") from error
        if self._failure is not None:
            raise self._failure
        if self._starts:
            self._store(self._starts)
            self._starts = []
        if first is None:
            return []
        messages: list[Message] = []
        for message in (first, *others):
            try:
                if self._is_record(message):
                    messages.append(message)
            except KafkactlError as error:
                if not messages:
                    raise
                self._failure = error  # the next call raises it: the records before it come first
                break
        if self._yielded_ends:
            messages = list(filter(self._is_new, messages))
            for partition, offset in self._find_ends(messages).items():
                if partition in self._newly_lost:  # one call returned the records and, after them, the loss
                    self._note_yielded_end(partition, offset)
        if self._prepare is not None:
            self._prepare(messages)
        may_stop = self._stops or self._selection.before_time_ms is not None
        return self._cut_at_stops(messages) if may_stop else messages

    def _is_record(self, message: Message) -> bool:
        """Return whether a message is a record, and not an event or an error that is passed over.

        Note the end of a partition, or that it goes on, and warn the user where max.poll.interval.ms was exceeded.
        Passed over are also the deletion of a topic that `include` chose, and a missing right to a group that is not
        joined. Raise UnreachableError or OperationError for any other error message.
        """
        error = message.error()
        if error is None and not self._at_end:  # the set is checked for every record only near the end
            return True
        partition: Any = (message.topic(), message.partition())
        if error is None:
            self._at_end.discard(partition)
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_end.add(partition)
            if (message.offset() or 0) >= self._stops.get(partition, math.inf):
                self._at_stop.add(partition)
            self._watch.note_progress()
            return False
        selection = self._selection
        if error.code() == KafkaError._MAX_POLL_EXCEEDED:
            self._warn(
                f"group {selection.group} took the partitions away: nothing was read for max.poll.interval.ms;"
                " records may be shown again"
            )
            return False
        if is_deletion(error.code()) and partition[0] and selection.include is not None:
            return False  # the next look drops the topic
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED and not selection.joins:
            return False  # the group's name is never used: no right to it is needed
        subject = partition[0] or (f"as group {selection.group}" if selection.joins else ", ".join(selection.topics))
        raise self._cluster.error(KafkaException(error), f"cannot read {subject}")

    def _cut_at_stops(self, messages: list[Message]) -> list[Message]:
        """Return the messages before the stops of their partitions, and note the partitions that are at their stop.

        In a partition without a stop the first message at or after `before_time_ms` becomes the stop. A partition that
        still has none keeps all messages.
        """
        before_time_ms = self._selection.before_time_ms
        remaining = []
        for message in messages:
            partition: Any = (message.topic(), message.partition())
            stop = self._stops.get(partition)
            if stop is None and before_time_ms is not None and message.timestamp()[1] >= before_time_ms:
                stop = self._stops[partition] = message.offset() or 0  # it came after the lookup of the stops
                self._ranges[partition] = Range(self._ranges[partition].start, stop)
            if stop is None or message.offset() < stop:  # type: ignore[operator]
                remaining.append(message)
            if stop is not None and message.offset() >= stop - 1:  # type: ignore[operator]
                self._at_end.add(partition)
                self._at_stop.add(partition)
        return remaining

    def _is_over(self, last_record_at: float) -> bool:
        """Return whether the reading has come to its end. `last_record_at` is a time of time.monotonic().

        It ends by the idle time-out, with `until_end` where each assigned partition is at its end or has reached its
        stop, and where all assigned partitions have reached their stops. Where no partition is assigned it also ends
        with stops, and for a member of a group with `until_end`.
        """
        assigned = {(partition.topic, partition.partition) for partition in self._consumer.assignment()}
        if self._selection.is_over(time.monotonic() - last_record_at, assigned, self._at_end):
            return True
        # A reading with a stop in each partition is over when all stops are reached, also when it follows the topics.
        return bool(self._stops) and assigned <= self._at_stop

    def _last_records(self, number: int) -> Iterator[list[Message]]:
        """Yield the last `number` records of each partition, sorted by time, as one list, which may be empty.

        Where a partition has a stop, they are the last ones before it. Partitions with an explicit start are not read
        before it, unless too few records come. Offsets may have gaps after compaction and at the ends of transactions.
        Where too few records come, the search begins farther back, as often as necessary. Afterwards the partitions are
        read on from the ends that were found first. Found records of a topic that is deleted meanwhile stay in the
        list. Raise UnreachableError, OperationError, also where librdkafka refuses the assignment, or NotFoundError for
        a deleted topic that was named. Errors of `prepare` pass through.
        """
        ends = look_up_offsets(self._cluster, self._consumer, self._ranges, LATEST_OFFSET)
        firsts = look_up_offsets(self._cluster, self._consumer, self._ranges, EARLIEST_OFFSET)
        explicit_starts = {
            partition: at for partition, at in (self._selection.assigned or {}).items() if at is not None
        }
        starts = {
            partition: explicit_starts.get(partition, max(firsts[partition], ends[partition] - number))
            for partition in self._ranges
        }
        last_messages: dict[Partition, deque[Message]] = {}
        while starts:
            self._assign(starts)
            last_messages.update({partition: deque(maxlen=number) for partition in starts})
            unfinished = {partition for partition in starts if starts[partition] < ends[partition]}
            while unfinished:
                for deleted_partition in self._apply_changes(adds=False):
                    ends.pop(deleted_partition, None)
                    starts.pop(deleted_partition, None)
                    unfinished.discard(deleted_partition)
                for message in self._next_batch(_FIRST_BATCH):
                    self._watch.note_progress()
                    partition: Any = (message.topic(), message.partition())
                    if partition not in ends:
                        continue
                    if message.offset() < ends[partition]:  # type: ignore[operator]
                        last_messages[partition].append(message)
                    if message.offset() >= ends[partition] - 1:  # type: ignore[operator]
                        unfinished.discard(partition)
                unfinished -= self._at_end
            starts = {
                entry: max(firsts[entry], ends[entry] - _STEP_BACK_FACTOR * (ends[entry] - start))
                for entry, start in starts.items()
                if len(last_messages[entry]) < number and start > firsts[entry]
            }
        self._assign(ends)
        yield sorted(
            (message for messages in last_messages.values() for message in messages),
            key=lambda message: message.timestamp()[1],
        )


def _do_nothing() -> None:
    """Do nothing."""


def make_consumer_settings(selection: Selection) -> dict[str, Any]:
    """Return the settings of a consumer for a selection, under librdkafka's names.

    The cluster lets the user's own settings override them. Without a group the setting group.id has the name
    kafkactl-console-consumer. Commits are on only where a group distributes the partitions, and only for offsets that
    the reader stores.
    """
    return {
        **FAST_FETCH,
        # librdkafka needs a name even where no group is joined; nothing is ever committed under this name.
        "group.id": selection.group or "kafkactl-console-consumer",
        "enable.auto.commit": selection.joins,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest" if selection.from_beginning else "latest",
        "enable.partition.eof": selection.until_end or selection.tail is not None,
    }
