"""The change of the number of replicas of topics: preview, start, and wait for the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.following import explain_stop
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.errors import KafkactlError
from kafkactl.output import people
from kafkactl.output.report import Column, listing
from kafkactl.statuses import combine

if TYPE_CHECKING:
    from kafkactl.admin.reassignment import Move
    from kafkactl.connection.cluster import Cluster
    from kafkactl.errors import OperationError

_LOOK_EVERY_S = 0.25

_COLUMNS = [
    Column("TOPIC", lambda row: row.topic),
    Column("PARTITION", lambda row: row.partition),
    Column("BEFORE", lambda row: row.before),
    Column("AFTER", lambda row: row.after),
]


def change_factor(
    connected: Cluster, names: Sequence[str], factor: int, output: ReportOptions, confirm: ConfirmOptions, wait: bool
) -> int:
    """Give every partition of the topics `factor` replicas, and return an exit status.

    Call before_change first. Partitions that are moving count as moved; a note has their number. Ask before replicas
    are dropped: the status is 1 after the answer no. With `wait` return after the moves have ended, without a time
    limit, else after they have begun. No throttle is set. Where nothing has to move, each topic is a success. With
    --dry-run only show the moves, or note that there are none; the status is 0. Refused moves are printed as errors,
    with status 1, or 3 where the answers about all moves are missing.

    Raise NotFoundError for a topic that does not exist, OperationError where there are fewer live brokers than replicas
    or a request is refused, UnreachableError, and UsageError where there is a question and no terminal to ask at, for a
    wrong client setting, and with --dry-run for a wrong column or order. Raise OutputError or ReaderLeftError where
    stdout fails. A KafkactlError of the wait is not raised: it is printed behind the results, which say that the moves
    go on, and the status is 1. After a signal only a note is printed, and StopRequestedError is raised.
    """
    from kafkactl.admin import reassignment

    moves = reassignment.plan_factor(connected, names, factor)
    if moving := sum(row.topic in names for row in reassignment.list_running(connected)):
        people.note(f"partitions that are moving count as moved: {moving}")
    if confirm.dry_run:
        if moves or output.is_structured:
            output.show(listing(_COLUMNS, moves))
        if not moves:
            people.note(f"nothing to change: every partition has {factor} replica{'' if factor == 1 else 's'}")
        return 0
    dropped = sum(max(0, len(move.before) - len(move.after)) for move in moves)
    if dropped:
        action = f"drop {dropped} replica{'' if dropped == 1 else 's'} of {', '.join(names)}"
        if (status := confirm.ask(action, "nothing changed")) is not None:
            return status
    started: dict[Move, OperationError | None] = {}
    if moves:
        with explain_stop("the brokers continue to move replicas; show the rest: kafkactl reassign list"):
            started = reassignment.start(connected, moves)
            if wait:
                try:
                    _follow(connected, [move for move, error in started.items() if error is None])
                except KafkactlError as failure:  # the moves go on
                    results = reassignment.summarize_moves(names, factor, started, "moving")
                    return combine([show_outcomes(results, "topic", output), print_errors([failure])])
    results = reassignment.summarize_moves(names, factor, started, "moved" if wait else "moving")
    return show_outcomes(results, "topic", output)


def _follow(connected: Cluster, moves: Sequence[Move]) -> None:
    """Wait until the moves have ended, without a time-out of the whole.

    Progress is shown on stderr. Without moves nothing is asked. Raise UnreachableError or OperationError where the
    moves cannot be read, and UsageError for a wrong client setting, without a note that the moves go on. The cluster's
    time-out is renewed after each look.
    """
    from kafkactl.admin.reassignment import find_unfinished_moves

    if not moves:
        return
    on_terminal = people.is_terminal(sys.stderr)
    if not on_terminal:
        people.note(f"moving replicas of {len(moves)} partitions")
    try:
        while left := find_unfinished_moves(connected, moves):
            if on_terminal:
                people.write(f"\r{len(moves) - len(left)} of {len(moves)} partitions moved")
            time.sleep(_LOOK_EVERY_S)
            connected.renew_timeout()
    finally:
        if on_terminal:
            people.write("\r\033[K")
