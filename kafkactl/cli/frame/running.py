"""What is known about the command that runs."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

words: ContextVar[str] = ContextVar("words", default="")
"""The command, without the name of the program and without aliases: `topics create`; empty before one runs."""
is_debugging: ContextVar[bool] = ContextVar("is_debugging", default=False)
"""Whether --debug was given, before the command or behind it."""
changing: ContextVar[Cluster | None] = ContextVar("changing", default=None)
"""The cluster that the command changes, once before_change() was called; None before."""
_SHOWN_BY = {
    "brokers drain": "reassign list",
    "topics": "topics list",
    "groups reset-offsets": "groups describe GROUP",
    "groups delete-offsets": "groups describe GROUP",
    "groups clone": "groups describe GROUP",
    "groups import": "groups describe GROUP",
    "groups remove-members": "groups describe GROUP --members",
    "groups": "groups list",
    "acls": "acls list",
    "configs": "configs describe TYPE NAME",
    "quotas": "quotas list",
    "users": "users list",
    "brokers": "brokers list",
    "features": "features describe",
    "client-metrics": "client-metrics list",
    "tokens": "tokens describe",
    "quorum": "quorum status",
    "leaders": "leaders list",
    "log-dirs": "log-dirs replicas",
    "reassign": "reassign list",
    "throttles": "throttles list",
    "transactions": "transactions list",
    "records": "offsets --time earliest",
}
"""The kafkactl command that shows what a command changes, by the words of that command."""


def may_have_changed() -> bool:
    """Return whether the command has sent a change to the cluster. After that, no error may hide the result.

    Records that are sent, and commits of a consumer, do not count: these commands keep accounts of their own.
    """
    cluster = changing.get()
    return cluster is not None and cluster.has_sent_change


def make_check_hint() -> str:
    """Return the hint to check whether the running command has made its change, with the command that shows it.

    For an unknown command the hint has no command.
    """
    parts = words.get().split()
    return format_check_hint(next((_SHOWN_BY[part] for part in (words.get(), *parts) if part in _SHOWN_BY), None))


def format_check_hint(command: str | None) -> str:
    """Return the hint to check a result. `command` is without kafkactl; None gives a hint without a command."""
    return "check the result before you repeat the command" + (f": kafkactl {command}" if command else "")
