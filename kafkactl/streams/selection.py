"""What is to be read: topics and partitions, from where, and up to where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException, TopicPartition

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.connection.cluster import Cluster, list_partition_numbers, require_partition
from kafkactl.connection.protocol import SpecialOffset
from kafkactl.errors import NotFoundError, OperationError
from kafkactl.patterns import TopicSelection

Partition = tuple[str, int]

LISTED_LATEST, LISTED_EARLIEST = SpecialOffset.LATEST, SpecialOffset.EARLIEST


@dataclass(frozen=True)
class Selection:
    """What to read, and when to stop; None or False means on and on."""

    topics: Sequence[str]
    """Names; empty with `include`."""
    include: TopicSelection | None = None
    """Names and patterns of topics; with a group also of topics that are created later."""
    partitions: Sequence[int] | None = None
    """With any named, or without a group, partitions are assigned by hand: no group is made or joined."""
    assigned: Mapping[Partition, int | None] | None = None
    """Partitions named one by one, each with the offset where it starts; None starts like the others."""
    group: str | None = None
    offset: int | None = None
    """Where partitions start: an offset, or OFFSET_BEGINNING or OFFSET_END."""
    from_time_ms: int | None = None
    tail: int | None = None
    """The last so many records of each partition, and what follows."""
    from_beginning: bool = False
    to_offset: int | None = None
    """The first offset that is not read any more, in each partition."""
    before_time_ms: int | None = None
    """The first millisecond whose records are not read any more."""
    idle_timeout_ms: int | None = None
    until_end: bool = False
    """Stop at the ends that the partitions have when they are reached."""

    @property
    def joins(self) -> bool:
        """Whether a group shares the partitions out."""
        return self.group is not None and not self.partitions and self.assigned is None

    @property
    def takes_all(self) -> bool:
        """Whether whole partitions are read from where they start, without a group."""
        stops = (self.tail, self.to_offset, self.before_time_ms)
        return not self.joins and all(stop is None for stop in stops)

    @property
    def ends(self) -> bool:
        """Return whether the reading ends by itself."""
        return self.until_end or self.idle_timeout_ms is not None

    def is_over(self, idle_s: float, assigned: Collection[Partition], at_end: set[Partition]) -> bool:
        """Whether nothing came for so long, or all that is assigned is at its end, if that is where to stop."""
        if self.idle_timeout_ms is not None and idle_s * 1000 >= self.idle_timeout_ms:
            return True
        # A member of a group that has more members than partitions has nothing to read.
        return self.until_end and (bool(assigned) or self.joins) and at_end.issuperset(assigned)


@dataclass(frozen=True)
class Range:
    """Where a partition's reading starts, and the first offset that is not read any more."""

    start: int
    stop: int | None = None


def ranges(
    cluster: Cluster, consumer: Any, selection: Selection, warn: Callable[[str], None]
) -> dict[Partition, Range]:
    """Return each partition's range, moments looked up; raises NotFoundError and OperationError.

    `warn` hears of starts that the log does not have.
    """
    partitions = _partitions(cluster, consumer, selection)
    starts: dict[Partition, int] = {}
    if selection.from_time_ms is not None:
        starts = listed(cluster, consumer, partitions, selection.from_time_ms)
    stops = stops_of(cluster, consumer, selection, partitions)
    start = selection.offset
    if start is None:
        start = OFFSET_BEGINNING if selection.from_beginning else OFFSET_END
    named = {each: offset for each, offset in (selection.assigned or {}).items() if offset is not None}
    begins = {each: named.get(each, starts.get(each, start)) for each in partitions}
    refuses = cluster.settings.properties.get("auto.offset.reset") == "error"  # and so does the client
    if not refuses and (named or (selection.offset is not None and selection.offset >= 0)):
        begins.update(_mended(cluster, consumer, begins, warn))
    return {each: Range(begins[each], stops.get(each)) for each in partitions}


def _mended(
    cluster: Cluster, consumer: Any, begins: Mapping[Partition, int], warn: Callable[[str], None]
) -> dict[Partition, int]:
    """Return where to begin in partitions that do not have their offset: the client would say nothing."""
    asked = {each: offset for each, offset in begins.items() if offset >= 0}
    if not asked:
        return {}
    firsts = listed(cluster, consumer, asked, LISTED_EARLIEST)
    ends = listed(cluster, consumer, asked, LISTED_LATEST)
    found = {}
    for each, offset in asked.items():
        name = "{}-{}".format(*each)
        if offset < firsts[each]:
            found[each] = firsts[each]
            warn(f"{name} has no offset {offset} any more: it is read from its first, {firsts[each]}")
        elif offset > ends[each]:
            found[each] = ends[each]
            warn(f"{name} has no offset {offset} yet: it is read from its end, {ends[each]}")
    return found


def stops_of(
    cluster: Cluster, consumer: Any, selection: Selection, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """Return the first offset that is not read any more of each partition that has one; raises OperationError."""
    if selection.before_time_ms is not None:
        found = listed(cluster, consumer, partitions, selection.before_time_ms)
        return {each: offset for each, offset in found.items() if offset >= 0}
    return {} if selection.to_offset is None else dict.fromkeys(partitions, selection.to_offset)


def listed(cluster: Cluster, consumer: Any, partitions: Iterable[Partition], at: int) -> dict[Partition, int]:
    """The first offset at or after a time in ms, OFFSET_END where there is none; or LISTED_EARLIEST, LISTED_LATEST."""
    wanted = [TopicPartition(topic, number, at) for topic, number in partitions]
    try:
        found = consumer.offsets_for_times(wanted, timeout=cluster.timeout_s)
    except KafkaException as error:
        raise cluster.error(error, "cannot look up offsets") from error
    if failed := next((each for each in found if each.error is not None), None):
        raise OperationError(
            f"cannot look up offsets of {failed.topic}-{failed.partition}: {describe_kafka_error(failed.error)}"
        )
    return {(each.topic, each.partition): each.offset for each in found}


def _partitions(cluster: Cluster, consumer: Any, selection: Selection) -> list[Partition]:
    numbers = topics_of(cluster, consumer, selection)
    if selection.assigned is not None:
        wanted = list(selection.assigned)
    else:
        wanted = [(topic, number) for topic in numbers for number in selection.partitions or numbers[topic]]
    for topic, number in wanted:
        require_partition(topic, number, numbers[topic])
    return wanted


def topics_of(cluster: Cluster, consumer: Any, selection: Selection) -> dict[str, list[int]]:
    """The topics that are meant with the numbers of their partitions; raises NotFoundError and OperationError."""
    if selection.include is None:
        return {topic: cluster.list_partitions(topic, consumer) for topic in selection.topics}
    known = cluster.read_metadata(client=consumer).topics
    choice = selection.include.choose(known)
    if not choice.names:
        wanted = ", ".join((*choice.absent_names, *choice.unmatched_patterns))
        raise NotFoundError(f"no topic matches {wanted!r}", "kafkactl topics list shows those that one may see")
    return {name: list_partition_numbers(known[name]) for name in choice.names}
