"""Log directories as kafka-log-dirs prints them: two sentences, and one line of JSON.

Reference: org.apache.kafka.tools.LogDirsCommand.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kafkactl.connection.broker_errors import BROKER_ERRORS
from kafkactl.output.kafka.java_order import sort_as_hash_map, sort_by_hash, sort_partitions

if TYPE_CHECKING:
    from kafkactl.admin.log_dirs import StoredDir, StoredReplica

BEGIN = "Querying brokers for log directories information\n"
_PRIME = 31
_BITS = 0xFFFFFFFF
_UNKNOWN_ERROR = BROKER_ERRORS[-1]


def format_dirs(brokers: Sequence[int], dirs: Iterable[StoredDir], topics: Collection[str] | None) -> str:
    """Return the sentence about the brokers that answered, and the JSON of their directories, as two lines.

    `brokers` must have the brokers of all `dirs`, or KeyError is raised; one without directories has an empty list.
    `topics` are the topics whose replicas are shown, None for all, and empty for none; a directory without any of them
    is shown, too. Brokers, directories and replicas have the order of Java's hash tables. Each line has its end.
    """
    by_broker: dict[int, dict[str, StoredDir]] = {broker: {} for broker in brokers}
    for row in dirs:
        by_broker[row.broker][row.log_dir] = row
    order = sort_by_hash(list(by_broker), lambda broker: broker)
    rows = [
        {
            "broker": broker,
            "logDirs": [
                _make_dir(by_broker[broker][path], topics) for path in sort_as_hash_map(list(by_broker[broker]))
            ],
        }
        for broker in order
    ]
    document = json.dumps(_order({"version": 1, "brokers": rows}), separators=(",", ":"), ensure_ascii=False)
    return f"Received log directory information from brokers {','.join(map(str, order))}\n{document}\n"


def _make_dir(row: StoredDir, topics: Collection[str] | None) -> dict[str, Any]:
    """Return a directory as Kafka's JSON has it, with the replicas of these topics, None for all.

    Its error is the class of Java's exception, UnknownServerException for an unknown code; null stands for a `code` of
    None.
    """
    replicas: dict[tuple[str, int], StoredReplica] = {(item.topic, item.partition): item for item in row.replicas}
    keys = sort_partitions(replicas)
    keys = sort_partitions(key for key in keys if topics is None or key[0] in topics)
    return _order(
        {
            "logDir": row.log_dir,
            "error": None if row.code is None else BROKER_ERRORS.get(row.code, _UNKNOWN_ERROR).exception_class,
            "partitions": [_make_replica(replicas[key]) for key in keys],
        }
    )


def _make_replica(row: StoredReplica) -> dict[str, Any]:
    """Return a replica as Kafka's JSON has it, with its size in bytes."""
    name = f"{row.topic}-{row.partition}"
    return _order({"partition": name, "size": row.size_bytes, "offsetLag": row.lag, "isFuture": row.is_future})


def _order(fields: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its names in the order of a HashMap."""
    return {name: fields[name] for name in sort_as_hash_map(list(fields))}
