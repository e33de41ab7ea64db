"""Headers whose names are not UTF-8: librdkafka's client cannot say them, so their record is fetched once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError
from kafkactl.storage.batch import parse_batch
from kafkactl.storage.text import name_bytes
from kafkactl.streams.record import Headers


def reader_of(cluster: Cluster) -> Callable[[Any], Headers]:
    """Return what reads the headers of a message again; it raises OperationError where the record is gone."""

    def read(message: Any) -> Headers:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        data = cluster.requests.fetch(topic, partition, offset)
        position = 0
        while batch := parse_batch(memoryview(data), position):
            for record in batch.records() if batch.last_offset >= offset else ():
                if record.offset == offset:
                    return [(name_bytes(name), value) for name, value in record.headers]
            position += batch.size_bytes
        raise OperationError(f"cannot read the headers of {topic}-{partition} offset {offset}: the record is gone")

    return read
