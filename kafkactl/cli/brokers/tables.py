"""Columns of the tables about brokers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kafkactl.output.report import Column

if TYPE_CHECKING:
    from kafkactl.admin.brokers import Broker


@dataclass(frozen=True, kw_only=True)
class Wait:
    """The result of a wait: how many brokers are alive."""

    alive: int


def _choose_style(broker: Broker) -> str | None:
    """Return the style of a state that needs attention, or None for a broker that is alive."""
    return None if broker.state == "alive" else "red"


BROKERS = [
    Column("ID", lambda row: row.id),
    Column("STATE", lambda row: row.state, _choose_style),
    Column("CONTROLLER", lambda row: row.controller),
    Column("ENDPOINT", lambda row: f"{row.host}:{row.port}" if row.host else None),
    Column("RACK", lambda row: row.rack),
    Column("API-LEVEL", lambda row: row.api_level),
    Column("METADATA-VERSION", lambda row: row.metadata_version),
    Column("LEADERS", lambda row: row.leaders),
    Column("REPLICAS", lambda row: row.replicas),
]
"""Columns of brokers without their sizes."""
SIZES = [Column("SIZE", lambda row: row.size_bytes), Column("SKEW-PERCENT", lambda row: row.skew_percent)]
"""Columns of sizes in bytes, and how far they are from the mean."""


def _move_down(column: Column) -> Column:
    """Return a column of a broker for rows that have the broker in `broker`."""
    style = column.style
    return replace(
        column,
        value=lambda row: column.value(row.broker),
        style=None if style is None else lambda row: style(row.broker),
    )


DESCRIPTION = [*map(_move_down, [*BROKERS, SIZES[0]]), Column("LISTENERS", lambda row: row.listeners)]
"""Columns of one broker in full."""
LOG_DIRS = [
    Column("PATH", lambda row: row.path),
    Column("REPLICAS", lambda row: row.replicas),
    Column("SIZE", lambda row: row.size_bytes),
    Column("TOTAL", lambda row: row.total_bytes),
    Column("USABLE", lambda row: row.usable_bytes),
    Column("ERROR", lambda row: row.error, is_sentence=True),
]
"""Columns of log folders, with sizes in bytes."""
APIS = [
    Column("BROKER", lambda row: row.broker),
    Column("API", lambda row: row.name),
    Column("KEY", lambda row: row.key),
    Column("MIN-VERSION", lambda row: row.min_version),
    Column("MAX-VERSION", lambda row: row.max_version),
]
"""Columns of requests that brokers offer."""
LOADS = [
    Column("MEASURE", lambda row: row.measure),
    Column("BROKERS", lambda row: row.brokers),
    Column("RACK", lambda row: row.rack),
    Column("NOW", lambda row: row.value),
    Column("SKEW", lambda row: row.skew_percent),
]
"""Columns of the loads of brokers or racks, with skews in percent of an equal share."""
PLANNED_LOADS = [
    *LOADS,
    Column("PLANNED", lambda row: row.planned),
    Column("PLANNED-SKEW", lambda row: row.planned_skew_percent),
]
"""The same with the loads after a plan."""
WAITS = [Column("ALIVE", lambda row: row.alive)]
"""Columns of the result of a wait."""
