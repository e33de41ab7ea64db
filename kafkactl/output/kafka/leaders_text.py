"""Results of elections as kafka-leader-election prints them, line for line.

Reference: org.apache.kafka.tools.LeaderElectionCommand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_errors import format_java_error

if TYPE_CHECKING:
    from kafkactl.admin.leaders import Election, ElectionType


def format_elections(kind: ElectionType, elections: Sequence[Election]) -> str:
    """Return the lines about new leaders, partitions that needed no election, and errors, each with its end.

    Each error has its own line, behind the others, and is as Java shows it. The partitions of a line are in the given
    order. Without elections the text is empty.
    """
    name = kind.value.upper()
    elected = [f"{row.topic}-{row.partition}" for row in elections if row.elected]
    unchanged = [f"{row.topic}-{row.partition}" for row in elections if not row.elected and row.error is None]
    lines = []
    if elected:
        lines.append(f"Successfully completed leader election ({name}) for partitions {', '.join(elected)}")
    if unchanged:
        lines.append(f"Valid replica already elected for partitions {', '.join(unchanged)}")
    lines += [
        f"Error completing leader election ({name}) for partition: {row.topic}-{row.partition}: "
        f"{format_java_error(row.code, row.error)}"
        for row in elections
        if row.error is not None
    ]
    return "".join(f"{line}\n" for line in lines)
