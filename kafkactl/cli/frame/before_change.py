"""The one call before every change of a cluster.

A change is any request that alters records, offsets or metadata: produce and the commits of a group included.
Every command makes this call with all its changes, before it asks and before it shows a preview.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafkactl.cli.frame import running

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

Arguments = tuple[str, ...]
"""Arguments of kafkactl, without the name of the program."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change in words, and the command that undoes it."""

    action: str
    """The change as a phrase that begins with a verb: `delete topic orders`."""
    inverse: Callable[[], Arguments | None]
    """Returns the arguments of the command that undoes the change, None where nothing can undo it.

    It is only called with --debug, because it may ask the cluster for the present values.
    """


def before_change(connected: Cluster, changes: Sequence[Change], dry_run: bool = False) -> None:
    """Refuse the changes if the context is read-only; otherwise note the cluster to be changed, and log with --debug.

    `changes` are all changes of the command; without any nothing is refused, but `running.changing` is set.
    With `dry_run` nothing is noted or logged; the log goes to stderr. Nothing is changed and nobody is asked here.
    Raise UsageError in a read-only context, also with `dry_run`: a preview shows only what can be done. With --debug
    the errors of the changes' `inverse` are raised, too.
    """
    if changes:
        connected.settings.require_writable(changes[0].action)
    if dry_run:
        return
    if is_logged():
        for change in changes:
            _log(change)
    running.changing.set(connected)  # after the log, whose errors are not those of a change


def cannot_be_undone() -> Arguments | None:
    """Return None: the inverse of a change that nothing can undo."""
    return None


def is_logged() -> bool:
    """Return whether changes are logged: True only with --debug."""
    return running.is_debugging.get()


def _log(change: Change) -> None:
    """Print a change and the command that undoes it on stderr.

    Its `inverse` is called; None of it is shown as not possible, and its errors are raised before anything is printed.
    In Kafka's style nothing is printed, but `inverse` is called.
    """
    from kafkactl.output import people

    undo = change.inverse()
    people.note(f"change: {change.action}")
    people.note(f"undo: {'not possible' if undo is None else shlex.join(('kafkactl', *undo))}")
