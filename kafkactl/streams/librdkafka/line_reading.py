"""Reading of records as plain lines at librdkafka's own speed, with the compiled _line_receiver.pyx."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError, UsageError
from kafkactl.streams.consuming import WAIT_S, make_consumer_settings
from kafkactl.streams.librdkafka import load_compiled
from kafkactl.streams.record import PlainLine
from kafkactl.streams.selection import Selection, find_ranges
from kafkactl.streams.watching import Watch, is_deletion

_line_receiver = load_compiled("_line_receiver")
IS_THERE = _line_receiver is not None
"""Whether the compiled part was built."""

# So much text stays in the processor's cache until it is written.
_CHUNK_BYTES = 1 << 20
_NO_LIMIT = -1


class Chunk(NamedTuple):
    """Lines of several records. It is a tuple, because there may be a thousand in a second."""

    text: bytes
    records: int
    """Number of records in the text."""
    ends: bytes
    """End of each record in the text, as uint32 in the machine's byte order."""

    def count_records_within(self, size_bytes: int) -> int:
        """Return how many records end within the first `size_bytes` bytes of the text; all of them beyond its end."""
        if size_bytes >= len(self.text):
            return self.records
        with memoryview(self.ends).cast("I") as ends:
            return bisect_right(ends, size_bytes) if size_bytes > 0 else 0


class LineReading:
    """An open consumer of whole partitions, without a group."""

    def __init__(self, cluster: Cluster, selection: Selection, line: PlainLine, warn: Callable[[str], None]) -> None:
        """Connect and assign partitions; raise UnreachableError, NotFoundError, and UsageError for a wrong setting.

        The compiled part must be there (IS_THERE). `selection` must be one of takes_all: a group, a tail and a stop are
        ignored. The call waits for the metadata of each topic, at most twice the time-out; a missing answer is no error
        then. `line` has the separators of the lines. `warn` is called with sentences for the user. From here on each
        request to the cluster has a whole time-out of its own. Raise OperationError where topics cannot be read or
        offsets cannot be looked up, and KeyError where a topic of the selection's `assigned` is not selected.
        """
        self._cluster, self._selection = cluster, selection
        settings = make_consumer_settings(selection)
        self._metadata_client = cluster.make_consumer(
            settings
        )  # for metadata, because the receiver is no client of confluent_kafka
        ranges = find_ranges(cluster, self._metadata_client, selection, warn)
        self._starts = {partition: range.start for partition, range in ranges.items()}
        self._watch = Watch(cluster, self._metadata_client, selection, self._starts, warn)
        try:
            self._receiver = _line_receiver.LineReceiver(
                cluster.make_text_config(settings), line.separator, line.end, line.null
            )
        except ValueError as error:
            raise UsageError(f"a client setting is wrong: {error}") from error
        self._receiver.assign(
            [(*partition, start) for partition, start in self._starts.items()], round(cluster.timeout_s * 1000)
        )
        cluster.end_sharing()

    def read_chunks(self, limit: int | None) -> Iterator[Chunk]:
        """Yield lines as they come, until the selection ends or `limit` records were read.

        A chunk has one record or more. A `limit` of None reads without a limit, 0 reads nothing; it may not be below 0.
        Raise UnreachableError where nothing has ever come and no broker answers within the time-out; for a reading to
        the ends of the partitions where nothing comes for the time-out; and at the end of any reading, also by the idle
        time-out, unless `limit` ends it, where a partition that is not known to be at its end has no leader.

        Raise NotFoundError for a deleted topic that was named, OperationError or UnreachableError for an error that
        librdkafka reports, also that deletion where it is reported first, and MemoryError for a record that does not
        fit into memory.
        """
        left = _NO_LIMIT if limit is None else limit
        last_record_at = time.monotonic()
        while left:
            self._apply_changes()
            at_end_count = len(self._receiver.at_end)
            try:
                text, number, ends = self._receiver.receive(round(WAIT_S * 1000), _CHUNK_BYTES, left)
            except LookupError as error:
                topic, code, reason = error.args
                if topic and is_deletion(code) and self._selection.include is not None:
                    continue  # the next look removes the topic
                failure = f"cannot read {topic or ', '.join(self._selection.topics)}"
                raise self._cluster.error(KafkaException(KafkaError(code, reason)), failure) from error
            if number or len(self._receiver.at_end) > at_end_count:
                self._watch.note_progress()
            if number:
                yield Chunk(text, number, ends)
                self._watch.note_progress()  # the time that the output took is no silence of the brokers
                left -= number if limit is not None else 0
                last_record_at = time.monotonic()
            elif self._selection.is_over(time.monotonic() - last_record_at, self._starts, self._receiver.at_end):
                self._watch.require_leaders(self._receiver.at_end)
                return

    def _apply_changes(self) -> None:
        """Read new partitions, too, from their beginning, and stop reading partitions of deleted topics.

        Raise NotFoundError for a deleted topic that was named, UnreachableError where nothing can come any more, and
        OperationError where librdkafka refuses the change.
        """
        new, gone = self._watch.look()
        if new:
            self._starts.update(dict.fromkeys(new, OFFSET_BEGINNING))
            self._call(self._receiver.add, [(*partition, OFFSET_BEGINNING) for partition in new])
        if gone:
            for partition in gone:
                self._starts.pop(partition, None)
            self._call(self._receiver.drop, gone)

    @staticmethod
    def _call(change: Callable[[list[Any]], None], partitions: list[Any]) -> None:
        """Call a method of the receiver; raise OperationError where librdkafka refuses the change."""
        try:
            change(partitions)
        except ValueError as error:
            raise OperationError(f"cannot change the partitions that are read: {error}") from error

    def close(self) -> None:
        """Close both consumers; call this once. Nothing is committed."""
        self._receiver.close()
        self._metadata_client.close()
