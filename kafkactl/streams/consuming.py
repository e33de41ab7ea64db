"""Reading records, with only what was handled counted as read."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import KafkactlError, UnreachableError
from kafkactl.streams.selection import (
    LISTED_EARLIEST,
    LISTED_LATEST,
    Partition,
    Range,
    Selection,
    listed,
    ranges,
    stops_of,
    topics_of,
)
from kafkactl.streams.watching import Watch, is_deletion

_BATCH = 10_000
_BATCH_BYTES = 8 << 20
_FIRST_BATCH = 500
WAIT_S = 0.1
_FARTHER = 4
_LOOK_FOR_TOPICS_S = 5.0
_LOOK_WAIT_S = 2.0

Tell = Callable[[str], None]

FAST_FETCH = {
    # librdkafka waits a second before it fetches again when its queue was full: three quarters of a long read.
    "fetch.queue.backoff.ms": 10,
    # What it fetches ahead, of all partitions and of one: memory stays bounded on a stream of any length. The last is
    # small because compressed batches grow thirty times when they are opened.
    "queued.max.messages.kbytes": 32 << 10,
    "queued.min.messages": 30_000,
    "max.partition.fetch.bytes": 256 << 10,
}


class Reading:
    """An open consumer; see batches()."""

    def __init__(
        self,
        cluster: Cluster,
        selection: Selection,
        warn: Tell,
        tell: Tell | None = None,
        prepare: Callable[[list[Message]], None] | None = None,
    ) -> None:
        """Connect and join or assign; raise UnreachableError and NotFoundError.

        `warn` hears of topics and partitions that cannot be read, `tell` of rebalances; `prepare` gets all records
        before anybody else does.
        """
        self._prepare = prepare
        self.while_idle: Callable[[], None] = _nothing
        """Called while no record comes, several times a second."""
        self._cluster = cluster
        self._selection = selection
        self._warn = warn
        self._tell = tell or (lambda _text: None)
        self._early: list[Message] = []
        self._is_paused = False
        self._failure: KafkactlError | None = None
        """What went wrong where it could not be raised."""
        self._consumer = cluster.make_consumer({**consumer_settings(selection), "on_commit": self._on_commit})
        self._at_end: set[Partition] = set()
        self._stops: dict[Partition, int] = {}
        self._starts: list[TopicPartition] = []
        self._ranges: dict[Partition, Range] = {}
        self._unassigned_since: float | None = time.monotonic() if selection.joins else None
        """Since when the group has not said which partitions are ours; None while it has, be it none."""
        self._committed: dict[Partition, int] = {}
        """The offset of each partition's last commit that is known."""
        self._done: dict[Partition, int] = {}
        """The offset behind the last record that was handled."""
        self._just_lost: set[Partition] = set()
        """Those that were lost while messages were asked for."""
        self._handed_on: dict[Partition, int] = {}
        """Of partitions that were lost: the offset behind the last record that batches() gave."""
        self._watch = Watch(cluster, self._consumer, selection, (), warn)
        if selection.joins:
            self._subscribe()
        else:
            self._ranges = ranges(cluster, self._consumer, selection, warn)
            self._watch.partitions = set(self._ranges)
            if not selection.tail:  # which looks for its own starts
                self._assign({partition: range.start for partition, range in self._ranges.items()})
        cluster.end_sharing()

    def batches(self) -> Iterator[list[Message]]:
        """Records as they come, some at a time; whoever handles them says so by done()."""
        if self._selection.tail:
            yield from self._last_records(self._selection.tail)
        size = _FIRST_BATCH
        last_record_at = time.monotonic()
        while True:
            self._follow_topics()
            self._heed_changes()
            batch = self._next_batch(size)
            if not batch:
                self.while_idle()
            if batch:
                yield batch
                self._watch.progressed()
                last_record_at = time.monotonic()
                size = min(_BATCH, 1 + len(batch) * _BATCH_BYTES // (1 + sum(map(len, batch))))
            elif self._unassigned_since is not None:
                last_record_at = time.monotonic()  # to wait for partitions is not to wait for records
                self._watch.postpone()
                waited_s = last_record_at - self._unassigned_since
                self._watch.require_brokers(waited_s)
                self._require_assignment(waited_s)
            elif self._is_over(last_record_at):
                self._watch.require_leaders(self._at_end)
                return

    def keep_alive(self) -> None:
        """Keep the place in the group while the output is blocked: ask for nothing more, and answer rebalances."""
        if not self._selection.joins or self._failure is not None:
            return
        try:
            self._consumer.pause(self._consumer.assignment())
            self._is_paused = True
            if (message := self._consumer.poll(0)) is not None:  # an event, or of a partition that is just assigned
                self._early.append(message)
        except KafkaException as error:
            self._failure = self._cluster.error(error, f"cannot read as group {self._selection.group}")

    def _heed_changes(self, adds: bool = True) -> list[Partition]:
        """Read new partitions, too, and those of deleted topics no more; return these."""
        new, gone = self._watch.look(adds)
        if new:
            stops = stops_of(self._cluster, self._consumer, self._selection, new)
            self._ranges.update({partition: Range(OFFSET_BEGINNING, stops.get(partition)) for partition in new})
            self._stops.update(stops)
            self._consumer.incremental_assign([TopicPartition(*partition, OFFSET_BEGINNING) for partition in new])
        if gone and not self._selection.joins:
            assigned = {(each.topic, each.partition) for each in self._consumer.assignment()}
            self._consumer.incremental_unassign([TopicPartition(*each) for each in gone if each in assigned])
        return gone

    def _require_assignment(self, waited_s: float) -> None:
        """Raise UnreachableError where the reading is to end, and the group has given no partitions in time."""
        if self._selection.ends and waited_s > self._cluster.timeout_s:
            raise UnreachableError(
                f"group {self._selection.group} assigned no partitions within {self._cluster.timeout_s:g} s",
                "look at its members: kafkactl groups describe GROUP --members; --timeout waits longer",
            )

    def done(self, messages: Sequence[Message]) -> None:
        """Counts these as handled, once or again: the group's next commit goes past them."""
        if self._selection.joins and messages:
            done = self._offsets(messages)
            self._done.update(done)
            self._store([TopicPartition(topic, number, offset) for (topic, number), offset in done.items()])

    def close(self, timeout_s: float | None = None) -> bool:
        """Commit what is done and leave the group; return whether this ended in time, for a broker may be frozen."""
        import threading

        closing = threading.Thread(target=self._consumer.close, daemon=True)
        closing.start()
        closing.join(timeout_s)
        return not closing.is_alive()

    def _subscribe(self) -> None:
        self._subscribe_to(list(topics_of(self._cluster, self._consumer, self._selection)))

    def _subscribe_to(self, topics: list[str]) -> None:
        """Join the group for these topics; names are matched here, for librdkafka's patterns are not Python's."""
        self._topics = topics
        self._looked_at = time.monotonic()
        self._consumer.subscribe(
            topics,
            on_assign=self._on_assign,
            on_revoke=lambda _consumer, partitions: self._on_loss("revoked", partitions),
            on_lost=lambda _consumer, partitions: self._on_loss("lost", partitions),
        )

    def _follow_topics(self) -> None:
        """Subscribe again where topics were created or deleted that the selection includes; at most every 5 s."""
        include = self._selection.include
        if include is None or not self._selection.joins or time.monotonic() - self._looked_at < _LOOK_FOR_TOPICS_S:
            return
        self._looked_at = time.monotonic()
        try:
            names = list(include.choose(self._consumer.list_topics(timeout=_LOOK_WAIT_S).topics).names)
        except KafkaException:  # the next look may have an answer
            self._tell("the brokers do not answer: new topics are looked for later")
        else:
            for name in sorted(set(self._topics) - set(names)):
                self._watch.note_deleted(name)
            if names and names != self._topics:
                self._subscribe_to(names)

    def _assign(self, starts: Mapping[Partition, int]) -> None:
        self._at_end.clear()
        self._stops = {each: stop for each in starts if (stop := self._ranges[each].stop) is not None}
        self._consumer.assign([TopicPartition(*partition, start) for partition, start in starts.items()])

    def _on_loss(self, what: str, partitions: Sequence[TopicPartition]) -> None:
        lost = {(each.topic, each.partition) for each in partitions}
        self._watch.partitions -= lost
        self._just_lost |= lost
        self._starts = [each for each in self._starts if (each.topic, each.partition) not in lost]
        early: dict[Any, Any] = {(each.topic(), each.partition()): each.offset() for each in reversed(self._early)}
        for each in self._consumer.position(list(partitions)):
            partition = each.topic, each.partition
            self._hand_on(partition, early.get(partition, each.offset))
            self._hand_on(partition, self._done.get(partition, 0))
        self._early = [each for each in self._early if (each.topic(), each.partition()) not in lost]
        if all((each.topic, each.partition) in lost for each in self._consumer.assignment()):
            self._unassigned_since = time.monotonic()
        self._told(what, partitions)

    def _told(self, what: str, partitions: Sequence[TopicPartition]) -> None:
        named = ", ".join(sorted(f"{each.topic}-{each.partition}" for each in partitions)) or "no partitions"
        self._tell(f"{what}: {named}")

    def _store(self, offsets: list[TopicPartition]) -> None:
        """Puts offsets into the next commit; a partition taken from us meanwhile is its new owner's to commit."""
        try:
            self._consumer.store_offsets(offsets=offsets)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                raise

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Finds where partitions without a commit start: that becomes their first commit, as with the Java client.

        Without it a partition that was empty, or not reached before we stopped, would have no commit, and the
        group's next consumer would begin at its end and never show what has come in between.
        """
        self._unassigned_since = None
        self._watch.partitions |= {(each.topic, each.partition) for each in partitions}
        self._told("assigned", partitions)
        reset = self._cluster.settings.properties.get("auto.offset.reset", "latest")
        timeout_s = self._cluster.timeout_s
        end = LISTED_EARLIEST if reset == "earliest" else LISTED_LATEST

        def ask() -> tuple[list[TopicPartition], list[TopicPartition]]:
            try:
                committed = consumer.committed(partitions, timeout=timeout_s)
                unread = [TopicPartition(each.topic, each.partition, end) for each in committed if each.offset < 0]
                if reset == "error":  # the client itself refuses a partition without a commit
                    unread = []
                return committed, consumer.offsets_for_times(unread, timeout=timeout_s) if unread else []
            except KafkaException as error:
                raise self._cluster.error(error, f"cannot join group {self._selection.group}") from error

        try:
            committed, found = self._cluster.retry(ask)
        except KafkactlError as error:  # the client that calls this would lose it
            self._failure = error
        else:
            starts = [start for start in found if start.error is None and start.offset >= 0]
            self._starts += starts + self._pass_over([*committed, *starts])

    def _pass_over(self, starts: list[TopicPartition]) -> list[TopicPartition]:
        """Remember where partitions begin; return what to commit of those that were lost and have come back.

        Their records that were shown, and not yet committed, come again and are passed over; not so where another
        member has read on, or somebody has set the group back meanwhile.
        """
        done = []
        for start in starts:
            partition = start.topic, start.partition
            if start.offset < 0:
                continue
            known = self._committed.get(partition, start.offset)
            if not known <= start.offset <= self._handed_on.get(partition, -1):
                self._handed_on.pop(partition, None)
            elif self._done.get(partition, -1) > start.offset:
                done.append(TopicPartition(*partition, self._done[partition]))
            self._committed[partition] = start.offset
        return done

    def _on_commit(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """Note what was committed; partitions without a new offset are among these, too."""
        if error is None:
            known = [each for each in partitions if each.error is None and each.offset >= 0]
            self._committed.update({(each.topic, each.partition): each.offset for each in known})

    def _hand_on(self, partition: Partition, end: int) -> None:
        """Note that a partition which was lost had been given up to an offset."""
        self._handed_on[partition] = max(end, self._handed_on.get(partition, 0))

    def _is_new(self, message: Message) -> bool:
        partition: Any = (message.topic(), message.partition())
        if partition in self._just_lost:
            return True
        if message.offset() < self._handed_on.get(partition, 0):  # type: ignore[operator]
            return False
        self._handed_on.pop(partition, None)
        return True

    @staticmethod
    def _offsets(messages: Iterable[Message]) -> dict[Partition, int]:
        """Return the offset behind the last message of each partition."""
        last: dict[Any, Any] = {(each.topic(), each.partition()): each.offset() for each in messages}
        return {partition: offset + 1 for partition, offset in last.items()}

    def _next_batch(self, size: int) -> list[Message]:
        """Waits for one record only, then takes what has come with it: a lone record is not held back."""
        early, self._early = self._early, []
        self._just_lost.clear()
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
        messages = [message for message in (first, *others) if self._is_record(message)]
        if self._handed_on:
            messages = list(filter(self._is_new, messages))
            for partition, offset in self._offsets(messages).items():
                if partition in self._just_lost:  # they came before the loss, and in one call with it
                    self._hand_on(partition, offset)
        if self._prepare is not None:
            self._prepare(messages)
        return self._within(messages) if self._stops else messages

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None and not self._at_end:  # a set is asked for every record only near the end
            return True
        partition: Any = (message.topic(), message.partition())
        if error is None:
            self._at_end.discard(partition)
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_end.add(partition)
            self._watch.progressed()
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
            return False  # the group is invented and never joined: no right to it is needed
        what = partition[0] or (f"as group {selection.group}" if selection.joins else ", ".join(selection.topics))
        raise self._cluster.error(KafkaException(error), f"cannot read {what}")

    def _within(self, messages: list[Message]) -> list[Message]:
        """Those before their partition's stop."""
        kept = []
        for message in messages:
            partition: Any = (message.topic(), message.partition())
            stop = self._stops.get(partition)
            if stop is None or message.offset() < stop:  # type: ignore[operator]
                kept.append(message)
            if stop is not None and message.offset() >= stop - 1:  # type: ignore[operator]
                self._at_end.add(partition)
        return kept

    def _is_over(self, last_record_at: float) -> bool:
        assigned = {(partition.topic, partition.partition) for partition in self._consumer.assignment()}
        if self._selection.is_over(time.monotonic() - last_record_at, assigned, self._at_end):
            return True
        # Followed or not, what has a stop in each partition is over at all of them.
        return bool(self._stops) and assigned <= self._at_end & self._stops.keys()

    def _last_records(self, number: int) -> Iterator[list[Message]]:
        """The last so many of each partition.

        Offsets may have gaps, of compaction and of transactions' ends: where too few records come, it begins farther
        back, as often as it has to.
        """
        ends = listed(self._cluster, self._consumer, self._ranges, LISTED_LATEST)
        firsts = listed(self._cluster, self._consumer, self._ranges, LISTED_EARLIEST)
        named = {each: at for each, at in (self._selection.assigned or {}).items() if at is not None}
        starts = {each: named.get(each, max(firsts[each], ends[each] - number)) for each in self._ranges}
        found: dict[Partition, deque[Message]] = {}
        while starts:
            self._assign(starts)
            found.update({each: deque(maxlen=number) for each in starts})
            unfinished = {each for each in starts if starts[each] < ends[each]}
            while unfinished:
                for gone in self._heed_changes(adds=False):
                    ends.pop(gone, None)
                    starts.pop(gone, None)
                    unfinished.discard(gone)
                for message in self._next_batch(_FIRST_BATCH):
                    self._watch.progressed()
                    partition: Any = (message.topic(), message.partition())
                    if partition not in ends:
                        continue
                    if message.offset() < ends[partition]:  # type: ignore[operator]
                        found[partition].append(message)
                    if message.offset() >= ends[partition] - 1:  # type: ignore[operator]
                        unfinished.discard(partition)
                unfinished -= self._at_end
            starts = {
                each: max(firsts[each], ends[each] - _FARTHER * (ends[each] - start))
                for each, start in starts.items()
                if len(found[each]) < number and start > firsts[each]
            }
        self._assign(ends)
        yield sorted((message for each in found.values() for message in each), key=lambda one: one.timestamp()[1])


def _nothing() -> None:
    pass


def consumer_settings(selection: Selection) -> dict[str, Any]:
    """What a consumer is made with, below the user's own settings."""
    return {
        **FAST_FETCH,
        # librdkafka wants a name even where no group is joined; nothing is ever committed under this one.
        "group.id": selection.group or "kafkactl-console-consumer",
        "enable.auto.commit": selection.joins,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest" if selection.from_beginning else "latest",
        "enable.partition.eof": selection.until_end or selection.tail is not None,
    }
