"""Conditions on groups, as monitors and CI put them: lag>10000, time>5m, state!=Stable, members<3."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkactl.admin.groups.models import GroupLag
from kafkactl.errors import UsageError
from kafkactl.numerals import write_number
from kafkactl.times import parse_duration

_FORM = re.compile(r"\s*(lag|time|state|members)\s*(>=|<=|!=|==|=|>|<)\s*(\S+)\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_MS = 1000
_HINT = "like lag>10000, time>5m, state!=Stable or members<3"


@dataclass(frozen=True)
class Condition:
    """What must not be true of a group."""

    text: str
    subject: str
    compare: Callable[[Any, Any], bool]
    bound: float | str

    def violation(self, lag: GroupLag) -> str | None:
        """What is so that must not be; what is not known is never taken as fine."""
        value = _value(self.subject, lag)
        if value is None or (self.subject == "lag" and lag.unknown_partitions and not self.compare(value, self.bound)):
            return f"{lag.description.group}: {self.subject} is not known ({self.text})"
        if self.compare(value, self.bound):
            shown = f"{write_number(value)} s" if isinstance(value, float) else value
            return f"{lag.description.group}: {self.subject} is {shown} ({self.text})"
        return None


def parse(text: str) -> Condition:
    """Return the condition of a text such as lag>10000 or time>5m; raises UsageError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"--fail-if {text}: not a condition", _HINT)
    subject, compared, bound = match.groups()
    if subject == "state":
        if compared not in ("=", "==", "!="):
            raise UsageError(f"--fail-if {text}: a state is = or !=", _HINT)
        return Condition(text, subject, _OPERATORS[compared], bound)
    if subject == "time":
        return Condition(text, subject, _OPERATORS[compared], parse_duration(bound, "--fail-if time") / _MS)
    try:
        return Condition(text, subject, _OPERATORS[compared], float(bound))
    except ValueError:
        raise UsageError(f"--fail-if {text}: {bound} is no number", _HINT) from None


def _value(subject: str, lag: GroupLag) -> float | str | None:
    if subject == "state":
        return lag.description.state
    if subject == "members":
        return len(lag.description.members)
    if subject == "time":
        return None if lag.time_lag_ms is None else lag.time_lag_ms / _MS
    return lag.total_lag
