"""Showing what became of each item of a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kafkactl.cli.frame import rights
from kafkactl.cli.frame.options import MirrorOutputOptions, ReportOptions
from kafkactl.errors import OperationError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table
from kafkactl.statuses import FAILED

if TYPE_CHECKING:
    from kafkactl.admin.models import Outcome


def tell_errors(errors: Iterable[tuple[str, int, str | None]]) -> int:
    """Says what failed of partitions (topic, number, error); returns 1 when anything did."""
    failed = [(topic, number, error) for topic, number, error in errors if error]
    for topic, number, error in failed:
        people.error(OperationError(f"{topic}-{number}: {error}"))
    return FAILED if failed else 0


def show_outcomes(outcomes: Sequence[Outcome], noun: str, output: ReportOptions) -> int:
    """Prints what was done on stdout and each failure as an error; returns 1 when any item failed.

    With -o kafka what was done is left to the caller: most of Kafka's tools say nothing then.
    """
    done = [outcome for outcome in outcomes if outcome.ok]
    failed = [outcome for outcome in outcomes if not outcome.ok]
    columns = [Column(noun.upper(), lambda row: row.name), Column("RESULT", lambda row: row.result)]
    shown = outcomes if output.is_structured else done
    if shown and not (isinstance(output, MirrorOutputOptions) and output.is_kafka):
        output.show(Report(list(outcomes), [Table(columns, shown)]))
    for outcome in failed:
        people.error(
            OperationError(f"{noun} {outcome.name}: {outcome.result}", rights.hint(outcome.code) or outcome.hint)
        )
    return FAILED if failed else 0
