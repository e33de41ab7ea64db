"""Showing what became of each item of a change."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kafkactl.cli.frame import rights
from kafkactl.cli.frame.options import MirrorOutputOptions, ReportOptions
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import KafkactlError, OperationError, UnansweredError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.statuses import DONE, FAILED, NO_ANSWER, combine

if TYPE_CHECKING:
    from kafkactl.admin.models import Outcome

_UNANSWERED = (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.LEADER_NOT_AVAILABLE)
"""After these nobody knows whether the change was done, or nobody was there to do it."""


def tell_errors(errors: Iterable[tuple[str, int, str | None]]) -> int:
    """Say what failed of partitions (topic, number, error); return 1 when anything did."""
    failed = [(topic, number, error) for topic, number, error in errors if error]
    for topic, number, error in failed:
        people.error(OperationError(f"{topic}-{number}: {error}"))
    return FAILED if failed else 0


def tell_all(errors: Iterable[KafkactlError]) -> int:
    """Say what failed of several items, beside those that did not; return 1 when anything did."""
    found = list(errors)
    for error in found:
        if isinstance(error, OperationError):
            error.hint = rights.hint(error.code) or error.hint
        people.error(error)
    return FAILED if found else 0


def show_outcomes(outcomes: Sequence[Outcome], noun: str, output: ReportOptions) -> int:
    """Print what was done on stdout and each failure as an error; return the status of all items together.

    With -o kafka what was done is left to the caller: most of Kafka's tools say nothing then.
    """
    done = [outcome for outcome in outcomes if outcome.ok]
    failed = [outcome for outcome in outcomes if not outcome.ok]
    columns = [Column(noun.upper(), lambda row: row.name), Column("RESULT", lambda row: row.result, is_sentence=True)]
    shown = outcomes if output.is_structured else done
    if shown and not (isinstance(output, MirrorOutputOptions) and output.is_kafka):
        output.show(Report(list(outcomes), [Table(columns, shown)]))
    for outcome in failed:
        what = f"{noun} {outcome.name}: {outcome.result}"
        if outcome.code in _UNANSWERED:
            people.error(UnansweredError(f"{what}; it may have been done", _look(noun, outcome.name)))
        else:
            people.error(OperationError(what, rights.hint(outcome.code) or outcome.hint))
    return combine(map(_status, outcomes))


def _look(noun: str, name: str) -> str:
    """Return the hint that names the command which shows whether a change was done."""
    shown = {"topic": f"topics describe {shlex.quote(name)}", "group": f"groups describe {shlex.quote(name)}"}
    command = {**shown, "user": "users list"}.get(noun)
    return "look before you repeat it" + (f": kafkactl {command}" if command else "")


def _status(outcome: Outcome) -> int:
    if outcome.ok:
        return DONE
    return NO_ANSWER if outcome.code in _UNANSWERED else FAILED
