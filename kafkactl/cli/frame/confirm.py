"""Options and the question of commands that destroy something."""

from __future__ import annotations

from typing import Annotated, ClassVar

import typer

from kafkactl.cli.frame.command import flags
from kafkactl.cli.frame.help import Section
from kafkactl.statuses import FAILED


@flags
class ConfirmOptions:
    """Options that decide whether a command asks, acts at once, or only shows what it would do."""

    section: ClassVar[Section] = Section.CONFIRMATION

    yes: Annotated[bool, typer.Option("--yes", "-y", help="Act without asking.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False

    def ask(self, action: str, otherwise: str) -> int | None:
        """Ask whether to act. Return an exit status if the command must not act, and None if it may.

        The status is 0 with --dry-run, which prints the action as a note and counts before --yes. It is 1 after any
        answer but y or yes, in any case of letters and also between blanks, and at the end of stdin. `action` is a
        phrase that begins with a verb; `otherwise` is the note after the answer no and after Ctrl-C, when
        KeyboardInterrupt goes on. --yes agrees without a question. Raise UsageError where there is a question and stdin
        or stderr is no terminal, and OSError where stdin cannot be read.
        """
        from kafkactl.output import people

        if self.dry_run:
            people.note(f"would {action}")
            return 0
        return None if agree(action, otherwise, self.yes) else FAILED


def agree(action: str, otherwise: str, assume_yes: bool) -> bool:
    """Return whether the user agrees to an action; `assume_yes` agrees without a question.

    `otherwise` is the note after the answer no and after Ctrl-C, when KeyboardInterrupt goes on. Raise UsageError where
    there is a question and stdin or stderr is no terminal, and OSError where stdin cannot be read.
    """
    from kafkactl.output import people

    try:
        agreed = people.confirm(action, assume_yes)
    except KeyboardInterrupt:
        people.note(otherwise)
        raise
    if not agreed:
        people.note(otherwise)
    return agreed
