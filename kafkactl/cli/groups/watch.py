"""Groups, looked at again and again."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from kafkactl.cli.groups import tables as groups_tables
from kafkactl.output.report import Column, Table
from kafkactl.output.structured import dump_json
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.groups.models import GroupLag

_BARS = "▁▂▃▄▅▆▇█"
_HISTORY = 30


def looks(look: Callable[[], list[GroupLag]], every_s: float) -> Iterator[list[GroupLag]]:
    """What `look` gives, at even times, with rates from the second on."""
    from kafkactl.admin.groups.pace import add_rates

    before: list[GroupLag] | None = None
    looked_before = 0.0
    while True:
        looked = time.monotonic()
        found = look()
        yield found if before is None else add_rates(before, found, looked - looked_before)
        before, looked_before = found, looked
        time.sleep(max(0.0, looked + every_s - time.monotonic()))


def watch(rounds: Iterator[list[GroupLag]]) -> None:
    """A table that is drawn anew on a terminal; elsewhere one line of json for each group and round."""
    if not out.is_terminal:
        for found in rounds:
            now_ms = round(time.time() * 1000)
            for lag in found:
                out.write(dump_json({"time_ms": now_ms, **groups_tables.summary(lag)}) + b"\n")
            out.flush()
        return
    from rich.console import Console
    from rich.live import Live

    from kafkactl.output.terminal import draw_table

    history: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=_HISTORY))
    with Live(console=Console(file=out.styled), auto_refresh=False, vertical_overflow="crop") as live:
        for found in rounds:
            for lag in found:
                history[lag.description.group].append(lag.total_lag)
            live.update(draw_table(Table(_columns(history), found), live.console.width), refresh=True)


def sparkline(values: Sequence[int]) -> str:
    """Bars from the least to the most of the values."""
    low, high = min(values), max(values)
    return "".join(_BARS[(value - low) * (len(_BARS) - 1) // (high - low) if high > low else 0] for value in values)


def _columns(history: dict[str, deque[int]]) -> list[Column]:
    return [
        Column("GROUP", lambda lag: out.escape_name(lag.description.group)),
        Column("STATE", lambda lag: lag.description.state),
        Column("MEMBERS", lambda lag: len(lag.description.members)),
        Column("LAG", lambda lag: lag.total_lag, lambda lag: "yellow" if lag.total_lag else "green"),
        Column("UNKNOWN", lambda lag: lag.unknown_partitions or None, lambda lag: "red"),
        Column("LATE", lambda lag: None if lag.time_lag_ms is None else groups_tables.lasting(lag.time_lag_ms / 1000)),
        Column("IN/S", lambda lag: lag.produced_per_s),
        Column("OUT/S", lambda lag: lag.consumed_per_s),
        Column("DONE-IN", lambda lag: groups_tables.lasting(lag.catches_up_in_s)),
        Column("LAG SO FAR", lambda lag: sparkline(history[lag.description.group])),
    ]
