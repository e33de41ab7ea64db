"""Headers with names that are not UTF-8: confluent_kafka cannot read them, so their record is fetched again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError
from kafkactl.storage.batch import parse_batch
from kafkactl.storage.text import name_bytes
from kafkactl.streams.record import Headers, decode_header_name

Place = tuple[str, int, int]
"""Topic, partition and offset."""


def make_header_reader(cluster: Cluster) -> Callable[[Any], Headers]:
    """Return a function that reads the headers of a message from the broker again.

    It takes a message and returns pairs of name and value; a name that is not UTF-8 is bytes. It raises OperationError
    where the record does not exist any more, there is no leader or the broker refuses, UnreachableError where there is
    no answer, UsageError for a wrong client setting, and FormatError for a damaged batch. The last fetched batch is
    kept, because the other records of a batch often have similar headers.
    """
    fetched: dict[Place, Headers] = {}

    def fetch_headers(message: Any) -> Headers:
        """Return the headers of a message, from the batch that was fetched last or from the broker.

        Raise OperationError where the record does not exist any more, and the errors of _fetch().
        """
        place = message.topic(), message.partition(), message.offset()
        if place not in fetched:
            fetched.clear()
            fetched.update(_fetch(cluster, place))
        if place not in fetched:
            raise OperationError("cannot read the headers of {}-{} offset {}: the record is gone".format(*place))
        return fetched[place]

    return fetch_headers


def _fetch(cluster: Cluster, place: Place) -> Iterator[tuple[Place, Headers]]:
    """Yield the place and headers of each record in the batch that has the record at `place`.

    Where compaction has removed that batch, it is the next one. Nothing is yielded where the log has no batch at or
    after the offset. Raise OperationError where the offset is outside the log, as after retention, where there is no
    leader, and for another refusal, UnreachableError where there is no answer, UsageError for a wrong client setting,
    and FormatError for a damaged batch.
    """
    topic, partition, offset = place
    data = memoryview(cluster.requests.fetch(topic, partition, offset))
    position = 0
    while (batch := parse_batch(data, position)) is not None and batch.last_offset < offset:
        position += batch.size_bytes
    for record in batch.records() if batch is not None else ():
        headers: Headers = [(decode_header_name(name_bytes(name)), value) for name, value in record.headers]
        yield (topic, partition, record.offset), headers
