"""The commands `kafkactl throttles`: list, clear."""

from __future__ import annotations

from typing import Annotated

import typer

from kafkactl.cli.frame import move_throttles
from kafkactl.cli.frame.before_change import before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, ReportOptions
from kafkactl.cli.frame.results import print_errors, show_outcomes
from kafkactl.output import people
from kafkactl.output.report import Column, listing
from kafkactl.statuses import combine

app = new_app(
    """Show and remove the throttles of moves of replicas.

    Examples:
      kafkactl throttles list
      kafkactl throttles clear --dry-run
    """
)

_COLUMNS = [
    Column("TYPE", lambda row: row.type),
    Column("NAME", lambda row: row.entity),
    Column("SETTING", lambda row: row.name),
    Column("VALUE", lambda row: row.value),
    Column("FORGOTTEN", lambda row: row.forgotten, lambda row: "yellow" if row.forgotten else None),
]


@app.command("list")
@command
def list_throttles(cluster: ClusterOptions, output: ReportOptions) -> int:
    """Show the settings of brokers and topics that slow moves of replicas down.

    A forgotten throttle is one that no running reassignment needs. It slows down followers that catch up. A broker that
    is not alive cannot be asked: it is an error, and the status is 1.

    Examples:
      kafkactl throttles list
      kafkactl throttles list -o json
    """
    from kafkactl.admin import throttles

    rows, errors = throttles.list_throttles(cluster.connect())
    output.show(listing(_COLUMNS, rows))
    if not rows and not errors:
        people.note("no throttle is set")
    return print_errors(errors)


@app.command()
@command
def clear(
    cluster: ClusterOptions,
    output: ReportOptions,
    confirm: ConfirmOptions,
    all_: Annotated[
        bool, typer.Option("--all", help="Also remove throttles that a running reassignment needs.")
    ] = False,
) -> int:
    """Remove forgotten throttles of brokers and topics.

    The command shows the throttles and asks. Without any it does nothing. The throttles of a broker that is not alive
    cannot be removed: it is an error, and the status is 1.

    Examples:
      kafkactl throttles clear --dry-run
      kafkactl throttles clear --yes
    """
    from kafkactl.admin import throttles

    connected = cluster.connect()
    present, errors = throttles.list_throttles(connected, verb="remove")
    rows = [row for row in present if all_ or row.forgotten]
    if used := len(present) - len(rows):
        is_one = used == 1
        text = f"{used} throttle{' is' if is_one else 's are'} in use by a running reassignment"
        people.note(f"{text}; --all removes {'it' if is_one else 'them'}, too")
    before_change(connected, [move_throttles.make_removal(row) for row in rows], confirm.dry_run)
    if (confirm.dry_run or not confirm.yes) and (rows or output.is_structured):
        output.show(listing(_COLUMNS, rows))
    if not rows:
        if not present and not errors:
            people.note("no throttle to remove")
        if not confirm.dry_run and confirm.yes and output.is_structured:
            return combine([show_outcomes([], "throttle", output), print_errors(errors)])
        return print_errors(errors)
    status = confirm.ask(f"remove {len(rows)} throttle{'' if len(rows) == 1 else 's'}", "nothing removed")
    if status is None:
        status = show_outcomes(throttles.remove_throttles(connected, rows), "throttle", output)
    return combine([status, print_errors(errors)]) if errors else status
