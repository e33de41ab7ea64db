"""Flags and the question of commands that destroy something."""

from __future__ import annotations

from typing import Annotated

import typer

from kafkactl.cli.frame.command import flags
from kafkactl.statuses import FAILED


@flags
class ConfirmOptions:
    """For what destroys: ask, do it unasked, or only show."""

    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False

    def declined(self, what: str, otherwise: str) -> int | None:
        """The status to end with where it is only to be shown, or the person says no; None to go on and do it."""
        from kafkactl.output import people

        if self.dry_run:
            people.note(f"would {what}")
            return 0
        if not people.confirm(what, self.yes):
            people.note(otherwise)
            return FAILED
        return None
