"""Results about subscriptions of client metrics as kafka-client-metrics prints them, line for line.

Reference: org.apache.kafka.tools.ClientMetricsCommand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kafkactl.admin.configs import Config


def format_names(names: Iterable[str]) -> str:
    """Return the names, each with a line end; one empty line without any."""
    return "\n".join(names) + "\n"


def format_settings(described: Mapping[str, Sequence[Config]]) -> str:
    """Return the settings of subscriptions by name: a heading and a line NAME=VALUE for each, with line ends.

    A setting without a value shows null. Subscriptions and settings keep their order; one without settings has only its
    heading. Without subscriptions the text is empty.
    """
    lines = []
    for name, settings in described.items():
        lines.append(f"Client metrics configs for {name} are:\n")
        lines += [f"  {row.name}={'null' if row.value is None else row.value}\n" for row in settings]
    return "".join(lines)


def format_missing(name: str) -> str:
    """Return the line about a subscription that does not exist, its end included."""
    return f"The client metric resource {name} doesn't exist and doesn't have dynamic config.\n"


def format_alteration(name: str) -> str:
    """Return the line about a changed subscription, its end included."""
    return f"Altered client metrics config for {name}.\n"


def format_deletion(name: str) -> str:
    """Return the line about a deleted subscription, its end included."""
    return f"Deleted client metrics config for {name}.\n"
