"""The one call before every change of a cluster.

A change is any request that alters records, offsets or metadata: produce and the commits of a group included.
Every command makes this call with all that it is about to change, before it asks and before a preview.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafkactl.errors import UsageError

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

was_called: ContextVar[bool] = ContextVar("was_called", default=False)
"""Whether this command may have changed the cluster: then nothing may refuse to show the result."""
Arguments = tuple[str, ...]
"""Arguments of kafkactl, without the name of the program."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a command will change, and the command that undoes it.

    `inverse` returns arguments, and None where nothing can undo the change, as with deleted records. It is only called
    where its answer is used, for it may have to ask the cluster for the present values.
    """

    what: str
    inverse: Callable[[], Arguments | None]


def before_change(connected: Cluster, changes: Sequence[Change], dry_run: bool = False) -> None:
    """Refuse changes that this cluster is protected from, and log the others with --debug.

    A dry run is refused, too, where the change would be: a preview shows nothing that cannot be done.
    Raises UsageError.
    """
    settings = connected.settings
    if settings.read_only_context is not None and changes:
        raise UsageError(
            f"context {settings.read_only_context} is read-only, and this command changes the cluster: "
            f"{changes[0].what}",
            f"kafkactl context set {settings.read_only_context} --no-read-only allows changes",
        )
    if dry_run:
        return
    was_called.set(True)
    if is_logged():
        for change in changes:
            _log(change)


def cannot_be_undone() -> Arguments | None:
    """Return None: the inverse of a change that nothing can undo."""
    return None


def is_logged() -> bool:
    """Return whether changes are logged, which is so with --debug."""
    from kafkactl.cli.frame.command import is_debugging

    return is_debugging.get()


def _log(change: Change) -> None:
    from kafkactl.output import people

    undo = change.inverse()
    people.note(f"change: {change.what}")
    people.note(f"undo: {'not possible' if undo is None else shlex.join(('kafkactl', *undo))}")
