"""Results in the words of Kafka's own tools, line for line.

Reference: org.apache.kafka.tools.GetOffsetShell and DeleteRecordsCommand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kafkactl.admin.offsets import PartitionOffset
    from kafkactl.admin.records import Deletion


def offsets(rows: Iterable[PartitionOffset]) -> str:
    """As kafka-get-offsets: partitions without an offset are left out, and t-10 comes before t-2."""
    shown = sorted((row for row in rows if row.offset is not None), key=lambda row: f"{row.topic}-{row.partition}")
    return "".join(f"{row.topic}:{row.partition}:{row.offset}\n" for row in shown)


def deletions(rows: Iterable[Deletion]) -> str:
    """As kafka-delete-records; its order is that of a hash table, ours of names."""
    lines = ["Executing records delete operation", "Records delete operation completed:"]
    for row in rows:
        result = f"error: {row.error}" if row.error else f"low_watermark: {row.low_watermark}"
        lines.append(f"partition: {row.topic}-{row.partition}\t{result}")
    return "".join(f"{line}\n" for line in lines)
