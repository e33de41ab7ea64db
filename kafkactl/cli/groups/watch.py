"""The output of `kafkactl groups describe --watch`."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from kafkactl.cli.groups import tables as groups_tables
from kafkactl.output.report import Column, Table
from kafkactl.output.structured import dump_json
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.groups.models import GroupLag

_BARS = "▁▂▃▄▅▆▇█"
_HISTORY = 30


def repeat_look(look: Callable[[], list[GroupLag]], every_s: float) -> Iterator[list[GroupLag]]:
    """Yield the result of `look` every `every_s` seconds, without end. From the second result on it has rates.

    The first look is at once. A look that takes longer delays the next one, which then follows at once. The errors of
    `look` are raised, and end the iterator. The pause is in next(), before a look; the time that the caller needs
    counts.
    """
    from kafkactl.admin.groups.pace import add_rates

    before: list[GroupLag] | None = None
    previous_start = 0.0
    while True:
        start = time.monotonic()
        lags = look()
        yield lags if before is None else add_rates(before, lags, start - previous_start)
        before, previous_start = lags, start
        time.sleep(max(0.0, start + every_s - time.monotonic()))


def watch(rounds: Iterator[list[GroupLag]]) -> None:
    """Draw a table again in each round on a terminal; elsewhere print one line of json for each group and round.

    A terminal that cannot move its cursor, as TERM says, gets each table below the last one. A line has time_ms, the
    time of the round, and what summarize() returns of the group, in which an unknown lag counts as 0. It returns at the
    end of `rounds`, and raises their errors. Raise OutputError where stdout cannot be written, and ReaderLeftError
    where its reader left.
    """
    if not out.is_terminal:
        for lags in rounds:
            now_ms = round(time.time() * 1000)
            for lag in lags:
                out.write(dump_json({"time_ms": now_ms, **groups_tables.summarize(lag)}) + b"\n")
            out.flush()
        return
    from rich.live import Live

    from kafkactl.output.terminal import draw_table, make_console

    history: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=_HISTORY))
    console = make_console(out.styled)
    moves_cursor = console.is_terminal and not console.is_dumb_terminal  # elsewhere Live shows only the last table
    live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
    with live if moves_cursor else nullcontext():
        for lags in rounds:
            for lag in lags:
                history[lag.description.group].append(lag.total_lag)
            table = draw_table(Table(_make_columns(history), lags), console.width)
            if moves_cursor:
                live.update(table, refresh=True)
            else:
                console.print(table, soft_wrap=True)


def make_sparkline(values: Sequence[int]) -> str:
    """Return a text with one bar for each value. The least value has the lowest bar, equal values all have it.

    Raise ValueError for no values.
    """
    low, high = min(values), max(values)
    return "".join(_BARS[(value - low) * (len(_BARS) - 1) // (high - low) if high > low else 0] for value in values)


def _make_columns(history: dict[str, deque[int]]) -> list[Column]:
    """Return the columns of the table.

    `history` has the last total lags by the group's name, the oldest first. It must have every group that is shown.
    """
    return [
        Column("GROUP", lambda lag: out.escape_name(lag.description.group)),
        Column("STATE", lambda lag: lag.description.state),
        Column("MEMBERS", lambda lag: len(lag.description.members)),
        Column("LAG", lambda lag: lag.total_lag, lambda lag: "yellow" if lag.total_lag else "green"),
        Column("UNKNOWN", lambda lag: lag.unknown_partitions or None, lambda lag: "red"),
        Column(
            "LATE",
            lambda lag: None if lag.time_lag_ms is None else groups_tables.format_duration(lag.time_lag_ms / 1000),
        ),
        Column("IN/S", lambda lag: lag.produced_per_s),
        Column("OUT/S", lambda lag: lag.consumed_per_s),
        Column("DONE-IN", lambda lag: groups_tables.format_duration(lag.catches_up_in_s)),
        Column("LAG SO FAR", lambda lag: make_sparkline(history[lag.description.group])),
    ]
