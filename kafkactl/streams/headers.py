"""Headers whose names are not UTF-8: librdkafka's client cannot say them, so their record is fetched once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError
from kafkactl.storage.batch import parse_batch
from kafkactl.storage.text import name_bytes
from kafkactl.streams.record import Headers

Place = tuple[str, int, int]
"""Topic, partition and offset."""


def reader_of(cluster: Cluster) -> Callable[[Any], Headers]:
    """Return what reads the headers of a message again; it raises OperationError where the record is gone.

    The batch that was fetched last is kept, because its other records are often alike.
    """
    fetched: dict[Place, Headers] = {}

    def read(message: Any) -> Headers:
        place = message.topic(), message.partition(), message.offset()
        if place not in fetched:
            fetched.clear()
            fetched.update(_fetch(cluster, place))
        if place not in fetched:
            raise OperationError("cannot read the headers of {}-{} offset {}: the record is gone".format(*place))
        return fetched[place]

    return read


def _fetch(cluster: Cluster, place: Place) -> Iterator[tuple[Place, Headers]]:
    """Return the headers of the records that are in one batch with the record at a place."""
    topic, partition, offset = place
    data = memoryview(cluster.requests.fetch(topic, partition, offset))
    position = 0
    while (batch := parse_batch(data, position)) is not None and batch.last_offset < offset:
        position += batch.size_bytes
    for record in batch.records() if batch is not None else ():
        headers: Headers = [(name_bytes(name), value) for name, value in record.headers]
        yield (topic, partition, record.offset), headers
