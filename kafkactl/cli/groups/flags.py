"""What the commands about groups share."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from kafkactl.cli.completion.names import group_names
from kafkactl.cli.frame.command import subjects
from kafkactl.errors import UsageError

Groups = Annotated[list[str] | None, typer.Argument(metavar="GROUP", autocompletion=group_names, show_default=False)]
OneGroup = Annotated[str | None, typer.Argument(metavar="GROUP", autocompletion=group_names, show_default=False)]
GroupFlag = Annotated[
    list[str] | None,
    typer.Option("--group", metavar="GROUP", help="Kafka's spelling of GROUP.", autocompletion=group_names),
]
OneGroupFlag = Annotated[
    str | None, typer.Option("--group", metavar="GROUP", help="Kafka's spelling of GROUP.", autocompletion=group_names)
]
AllGroups = Annotated[bool, typer.Option("--all-groups", help="Every group there is.")]

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_ISO_DURATION = re.compile(
    r"(?P<sign>[-+]?)P(?:(?P<d>[-+]?\d+)D)?(?:T(?:(?P<h>[-+]?\d+)H)?(?:(?P<m>[-+]?\d+)M)?(?:(?P<s>[-+]?\d+(?:\.\d+)?)S)?)?"
)


def named_or_all(group: list[str] | None, group_flag: list[str] | None, all_groups: bool) -> list[str] | None:
    """Names and patterns that are said, None for all; raises UsageError for neither and for both."""
    if all_groups and (group or group_flag):
        raise UsageError("--all-groups and a group's name", "say one of them")
    return None if all_groups else subjects(group, group_flag, "group")


def duration_s(text: str, flag: str) -> float:
    """Seconds of 90, 5m, 2h, 1d, or of Kafka's ISO 8601 durations like PT1H30M; raises UsageError."""
    match = _ISO_DURATION.fullmatch(text)
    if match is not None and any(match[unit] for unit in "dhms"):
        seconds = sum(float(match[unit] or 0) * _SECONDS[unit] for unit in "dhms")
        return -seconds if match["sign"] == "-" else seconds
    number = text.rstrip("dhms")
    unit = text[len(number) :] or "s"
    try:
        return float(number) * _SECONDS[unit]
    except (ValueError, KeyError):
        raise UsageError(f"{flag} {text}: not a duration", "like 90s, 5m, 2h, 1d or PT1H30M") from None
