"""Selection of records to consume: topics and partitions, start and end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.connection.cluster import Cluster, list_partition_numbers, require_partition
from kafkactl.connection.protocol import SpecialOffset
from kafkactl.errors import NotFoundError, OperationError, UsageError, make_exclusive_error
from kafkactl.patterns import TopicSelection

Partition = tuple[str, int]

LATEST_OFFSET, EARLIEST_OFFSET = SpecialOffset.LATEST, SpecialOffset.EARLIEST


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The records to read; None or False in a field means no bound and no end.

    SelectionRequest.make_selection makes one, and refuses what does not fit together.
    """

    topics: Sequence[str]
    """Names of topics; empty with `include`."""
    include: TopicSelection | None = None
    """Names and patterns of topics; with a group also of topics that are created later."""
    partitions: Sequence[int] | None = None
    """Numbers of partitions.

    With any of them, or without a group, partitions are assigned by hand: no group is created or joined.
    """
    assigned: Mapping[Partition, int | None] | None = None
    """Single partitions, each with the offset of its start; None starts like the others."""
    group: str | None = None
    offset: int | None = None
    """Start of the partitions: an offset, OFFSET_BEGINNING or OFFSET_END."""
    from_time_ms: int | None = None
    tail: int | None = None
    """Number of records to read from the end of each partition; later records follow."""
    from_beginning: bool = False
    to_offset: int | None = None
    """The first offset that is not read, in each partition."""
    before_time_ms: int | None = None
    """The first timestamp whose records are not read."""
    idle_timeout_ms: int | None = None
    """Time without a record after which the reading ends."""
    until_end: bool = False
    """Whether to stop at the ends of the partitions, as they are when they are reached."""

    @property
    def joins(self) -> bool:
        """Return whether a group distributes the partitions: there is one, and no partitions are assigned by hand."""
        return self.group is not None and not self.partitions and self.assigned is None

    @property
    def takes_all(self) -> bool:
        """Return whether all records from the start of the reading on are read.

        This means no group to join, no `tail`, no `to_offset` and no `before_time_ms`. The start may be any.
        """
        stops = (self.tail, self.to_offset, self.before_time_ms)
        return not self.joins and all(stop is None for stop in stops)

    @property
    def ends(self) -> bool:
        """Return whether the reading ends by itself: at the ends of the partitions or by the idle time-out."""
        return self.until_end or self.idle_timeout_ms is not None

    def is_over(self, idle_s: float, assigned: Collection[Partition], at_end: set[Partition]) -> bool:
        """Return whether the reading ends now.

        It ends after `idle_s` seconds without a record, by the idle time-out, or where all `assigned` partitions are in
        `at_end` and `until_end` is set. Without assigned partitions only a member of a group has reached the end.
        """
        if self.idle_timeout_ms is not None and idle_s * 1000 >= self.idle_timeout_ms:
            return True
        # A member of a group that has more members than partitions has nothing to read.
        return self.until_end and (bool(assigned) or self.joins) and at_end.issuperset(assigned)


@dataclass(frozen=True, kw_only=True)
class SelectionRequest:
    """The records that a caller asks for, before it is checked that the parts fit together.

    Fields have the meaning of those of Selection.
    """

    topics: Sequence[str] = ()
    include: TopicSelection | None = None
    partitions: Sequence[int] | None = None
    assigned: Mapping[Partition, int | None] | None = None
    group: str | None = None
    is_default_group: bool = False
    """Whether the group comes from a context or a variable. Such a group gives way to a range or to partitions."""
    auto_offset_reset: str | None = None
    """Client setting auto.offset.reset in librdkafka's words, earliest, latest or error; None for none."""
    offset: int | None = None
    from_time_ms: int | None = None
    tail: int | None = None
    from_beginning: bool = False
    to_offset: int | None = None
    before_time_ms: int | None = None
    idle_timeout_ms: int | None = None
    until_end: bool = False
    """Whether the caller asks to stop at the ends of all partitions."""
    follow: bool = False
    """Whether the caller asks to wait for new records after a tail or an end."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By field, the name that errors use, such as --offset; a field that is absent has its own name."""

    def make_selection(self) -> Selection:
        """Return the selection. It stops at the ends of partitions with `until_end`.

        It does so also for a tail and for an end, unless `follow` is set.

        An end without a start begins at the oldest record, unless auto.offset.reset is set; earliest there sets
        `from_beginning`, and is no second start. Raise UsageError for two starts (offset, time, tail, beginning), two
        ends, a start (without one: 0) after the end, an offset without partitions, `partitions` beside `assigned`, a
        start beside an offset of `assigned`, and `until_end` with `follow`. Raise UsageError for a group beside an
        offset, a time, a tail, an end, `partitions` or `assigned`; a default group is left out instead.

        Raise UsageError for auto.offset.reset=none (error) with neither a group nor one of these, also with
        `from_beginning`. 0 counts as set. An empty group counts as none, and stays in the result. Empty `partitions`
        and `assigned` count as set for the group; empty `partitions` do not beside an offset or `assigned`. Topics and
        numbers are not checked otherwise.
        """
        starts = self._list_names("offset", "from_time_ms", "tail", "from_beginning")
        if len(starts) > 1:
            raise make_exclusive_error(*starts[:2])
        ends = self._list_names("to_offset", "before_time_ms")
        if len(ends) > 1:
            raise make_exclusive_error(*ends)
        if self.assigned is not None:
            self._check_assigned(starts)
        range_names = self._list_names("offset", "from_time_ms", "tail") + ends
        group = self._choose_group(range_names + self._list_names("partitions", "assigned"))
        if self.offset is not None and not self.partitions:
            raise UsageError(
                f"{self._name('offset')} needs {self._name('partitions')}",
                f"name the partition with {self._name('partitions')}, or start all partitions at the oldest record: "
                f"{self._name('from_beginning')}",
            )
        if self.until_end and self.follow:
            raise make_exclusive_error(self._name("until_end"), self._name("follow"))
        if self.before_time_ms is not None and (self.from_time_ms or 0) > self.before_time_ms:
            raise UsageError(f"{self._name('from_time_ms')} is after {self._name('before_time_ms')}", "exchange them")
        if self.to_offset is not None and (self.offset or 0) > self.to_offset:
            raise UsageError(f"{self._name('offset')} is after {self._name('to_offset')}", "exchange them")
        assigned_starts = (start or 0 for start in (self.assigned or {}).values())
        if self.to_offset is not None and max(assigned_starts, default=0) > self.to_offset:
            raise UsageError(
                f"an offset in {self._name('assigned')} is after {self._name('to_offset')}", "give a later end"
            )
        is_bounded = self.tail is not None or bool(ends)
        begins_at_start = bool(ends) and not starts and self.auto_offset_reset is None
        return Selection(
            topics=self.topics,
            include=self.include,
            partitions=self.partitions,
            assigned=self.assigned,
            group=group,
            offset=self.offset,
            from_time_ms=self.from_time_ms,
            tail=self.tail,
            from_beginning=self.from_beginning or self.auto_offset_reset == "earliest" or begins_at_start,
            to_offset=self.to_offset,
            before_time_ms=self.before_time_ms,
            idle_timeout_ms=self.idle_timeout_ms,
            until_end=self.until_end or (is_bounded and not self.follow),
        )

    def _check_assigned(self, starts: Sequence[str]) -> None:
        """Raise UsageError for `assigned` beside `partitions`, and for its offsets beside a start.

        `starts` are the names of the starts that are set, as errors use them; the first is named. Call it only where
        `assigned` is set. Empty `partitions` do not count.
        """
        if self.partitions:
            raise make_exclusive_error(self._name("partitions"), self._name("assigned"))
        if starts and any(offset is not None for offset in (self.assigned or {}).values()):
            raise make_exclusive_error(starts[0], f"an offset in {self._name('assigned')}")

    def _choose_group(self, chosen_names: Sequence[str]) -> str | None:
        """Return the group to join, or None. `chosen_names` are the parts that a group would choose itself.

        An empty group is returned as it is, and counts as none for the errors. A default group gives way to the parts.
        Raise UsageError for another group beside one of them, and for auto.offset.reset=none (error) with neither a
        group nor one of them.
        """
        group = None if chosen_names and self.is_default_group else self.group
        if group and chosen_names:
            raise UsageError(
                f"{chosen_names[0]} and a group are mutually exclusive: "
                "the group chooses partitions and offsets itself",
                "leave one of them out, or move the group: kafkactl groups reset-offsets GROUP",
            )
        if not group and not chosen_names and self.auto_offset_reset == "error":
            raise UsageError(
                "auto.offset.reset=none needs a group: without a group there is no committed offset to start at",
                f"name the group with {self._name('group')}, or start at the oldest record with "
                f"{self._name('from_beginning')}",
            )
        return group

    def _list_names(self, *fields: str) -> list[str]:
        """Return the names, as in errors, of those fields that are set: neither None nor False."""
        values = {name: getattr(self, name) for name in fields}
        return [self._name(name) for name, value in values.items() if value is not None and value is not False]

    def _name(self, field_name: str) -> str:
        """Return the name of a field in errors."""
        return self.names.get(field_name, field_name)


@dataclass(frozen=True)
class Range:
    """Start of the reading in a partition, and the first offset that is not read; a `stop` of None means no end."""

    start: int
    stop: int | None = None


def find_ranges(
    cluster: Cluster, consumer: Any, selection: Selection, warn: Callable[[str], None]
) -> dict[Partition, Range]:
    """Return the range of each partition, in the order of the selection, with times looked up as offsets.

    A start may also be OFFSET_BEGINNING or OFFSET_END. The latter is also that of a time after the last record. With a
    `tail` above 0, which the caller applies, the starts have no meaning. `consumer` is the client that asks. `warn` is
    called with a sentence about each given offset before the first one or after the end of the log; the nearest of
    these two replaces it, unless auto.offset.reset is none.

    Raise NotFoundError for a missing topic or partition and where no topic matches, OperationError where a topic cannot
    be read or offsets cannot be looked up, UnreachableError where no broker answers, and UsageError for a wrong client
    setting. Raise KeyError where a topic of `assigned` is not selected.
    """
    partitions = _list_partitions(cluster, consumer, selection)
    starts: dict[Partition, int] = {}
    if selection.from_time_ms is not None:
        starts = look_up_offsets(cluster, consumer, partitions, selection.from_time_ms)
    stops = find_stops(cluster, consumer, selection, partitions)
    start = selection.offset
    if start is None:
        start = OFFSET_BEGINNING if selection.from_beginning and selection.tail != 0 else OFFSET_END
    explicit_starts = {entry: offset for entry, offset in (selection.assigned or {}).items() if offset is not None}
    begins = {entry: explicit_starts.get(entry, starts.get(entry, start)) for entry in partitions}
    refuses = (
        cluster.settings.properties.get("auto.offset.reset") == "error"
    )  # the client refuses a missing offset then
    if not refuses and (explicit_starts or (selection.offset is not None and selection.offset >= 0)):
        begins.update(_correct_starts(cluster, consumer, begins, warn))
    return {entry: Range(begins[entry], stops.get(entry)) for entry in partitions}


def _correct_starts(
    cluster: Cluster, consumer: Any, begins: Mapping[Partition, int], warn: Callable[[str], None]
) -> dict[Partition, int]:
    """Return the first offset or the end, by partition, of those whose start is before the one or after the other.

    The client would be silent about that. `warn` gets a sentence about each. Other partitions, and those that begin at
    a special offset, are missing in the result. The end is that of the log, also behind open transactions. Without an
    offset of 0 or more no request is sent. Raise OperationError where offsets cannot be looked up, UnreachableError
    where no broker answers, and UsageError for a wrong client setting.
    """
    offsets = {partition: offset for partition, offset in begins.items() if offset >= 0}
    if not offsets:
        return {}
    firsts = look_up_offsets(cluster, consumer, offsets, EARLIEST_OFFSET)
    ends = look_up_offsets(cluster, consumer, offsets, LATEST_OFFSET)
    ends |= _find_last_ends(cluster, [partition for partition, offset in offsets.items() if offset > ends[partition]])
    corrected = {}
    for partition, offset in offsets.items():
        name = "{}-{}".format(*partition)
        if offset < firsts[partition]:
            corrected[partition] = firsts[partition]
            warn(f"{name} has no offset {offset} any more: it is read from its first, {firsts[partition]}")
        elif offset > ends[partition]:
            corrected[partition] = ends[partition]
            warn(f"{name} has no offset {offset} yet: it is read from its end, {ends[partition]}")
    return corrected


def _find_last_ends(cluster: Cluster, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """Return the end of each partition's log, also behind the beginning of open transactions; empty for none.

    Raise OperationError where an end cannot be looked up, UnreachableError where no broker answers, and UsageError for
    a wrong client setting.
    """
    if not partitions:
        return {}
    futures = cluster.admin.list_offsets(
        {TopicPartition(*partition): OffsetSpec.latest() for partition in partitions},  # type: ignore[no-untyped-call]
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        request_timeout=cluster.timeout_s,
    )
    return {
        (partition.topic, partition.partition): cluster.wait(future, "cannot look up offsets").offset
        for partition, future in futures.items()
    }


def find_stops(
    cluster: Cluster, consumer: Any, selection: Selection, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """Return the first offset that is not read, of each partition that has one; empty without a bound.

    A partition without a record at or after `before_time_ms` has none. With `to_offset` alone no request is sent; it is
    not compared with the log. With `before_time_ms` the offsets are looked up: raise OperationError where that fails,
    also for a missing partition and for no partitions, and UnreachableError where no broker answers.
    """
    if selection.before_time_ms is not None:
        ends = look_up_offsets(cluster, consumer, partitions, selection.before_time_ms)
        return {partition: offset for partition, offset in ends.items() if offset >= 0}
    return {} if selection.to_offset is None else dict.fromkeys(partitions, selection.to_offset)


def look_up_offsets(cluster: Cluster, consumer: Any, partitions: Iterable[Partition], at: int) -> dict[Partition, int]:
    """Return an offset of each partition: the first one at or after a time, OFFSET_END where there is none.

    `consumer` is the client that asks. `at` is a time in ms since 1970; it can also be EARLIEST_OFFSET or
    LATEST_OFFSET, for the first offset or the end. With isolation.level=read_committed, which is librdkafka's default,
    the end is before the open transactions. Raise OperationError where a lookup fails, also for a missing partition,
    and for no partitions, and UnreachableError where no broker answers.
    """
    requests = [TopicPartition(topic, number, at) for topic, number in partitions]
    try:
        answers = consumer.offsets_for_times(requests, timeout=cluster.timeout_s)
    except KafkaException as error:
        raise cluster.error(error, "cannot look up offsets") from error
    if failed := next((answer for answer in answers if answer.error is not None), None):
        raise OperationError(
            f"cannot look up offsets of {failed.topic}-{failed.partition}: {describe_kafka_error(failed.error)}"
        )
    return {(answer.topic, answer.partition): answer.offset for answer in answers}


def _list_partitions(cluster: Cluster, consumer: Any, selection: Selection) -> list[Partition]:
    """Return the partitions to read, in the order of the selection; with `include` the topics are sorted.

    `partitions` are taken from each topic, in their order; None or none mean all. The topics of `assigned` must be
    among the selected ones (KeyError otherwise). Raise NotFoundError for a missing topic or partition; but with
    `include` an absent topic, or a pattern without a match, is left out where another one matches. Raise OperationError
    or UnreachableError where topics cannot be read, and UsageError for a wrong client setting.
    """
    numbers = find_topics(cluster, consumer, selection)
    if selection.assigned is not None:
        partitions = list(selection.assigned)
    else:
        partitions = [(topic, number) for topic in numbers for number in selection.partitions or numbers[topic]]
    for topic, number in partitions:
        require_partition(topic, number, numbers[topic])
    return partitions


def find_topics(cluster: Cluster, consumer: Any, selection: Selection) -> dict[str, list[int]]:
    """Return the partition numbers, sorted, of the selected topics, by name.

    The topics are in the order of `topics`, if the selection names them; with `include` they are sorted, and an absent
    name, or a pattern without a match, is left out where another one matches. Raise NotFoundError where no topic
    matches or a topic is missing, OperationError for an error of a broker, UnreachableError where no broker answers,
    and UsageError for a wrong client setting.
    """
    if selection.include is None:
        return {topic: cluster.list_partitions(topic, consumer) for topic in selection.topics}
    topics = cluster.read_metadata(client=consumer).topics
    choice = selection.include.choose(topics)
    if not choice.names:
        arguments = ", ".join((*choice.absent_names, *choice.unmatched_patterns))
        raise NotFoundError(f"no topic matches {arguments!r}", "list the topics that you can see: kafkactl topics list")
    return {name: list_partition_numbers(topics[name]) for name in choice.names}
