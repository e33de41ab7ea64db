"""Conditions on groups for monitoring and CI: lag>10000, time>5m, state!=Stable, members<3."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkactl.admin.groups.models import STATES, UNKNOWN_STATE, CommitState, GroupLag, PartitionLag
from kafkactl.errors import UsageError
from kafkactl.numerals import read_decimal_number, write_number
from kafkactl.times import parse_duration

_FORM = re.compile(r"\s*(lag|time|state|members)\s*(>=|<=|!=|==|=|>|<)\s*([^\s<>=!]+)\s*")
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
    """A condition that must not hold for a group."""

    text: str
    subject: str
    compare: Callable[[Any, Any], bool]
    bound: float | str
    """Number of records or members, time in s, or name of a state."""

    def find_violation(self, lag: GroupLag) -> str | None:
        """Return the violated condition as text, or None. An unknown value counts as a violation.

        The condition is violated where it holds: lag>10 is violated by a lag of 11. A lag or time with unknown
        partitions is unknown, unless the known ones violate it already; so is the time of a group without partitions,
        while its lag is 0. The state Unknown is a name like others, and not an unknown value. The text is "GROUP:
        SUBJECT is VALUE (CONDITION)", where a time is like "12.5 s", or "GROUP: SUBJECT is not known (CONDITION)".
        """
        value = _get_value(self.subject, lag)
        if value is None or (_has_unknown_partitions(self.subject, lag) and not self.compare(value, self.bound)):
            return f"{lag.description.group}: {self.subject} is not known ({self.text})"
        if self.compare(value, self.bound):
            value_text = f"{write_number(value)} s" if isinstance(value, float) else value
            return f"{lag.description.group}: {self.subject} is {value_text} ({self.text})"
        return None


def parse(text: str) -> Condition:
    """Return the condition of a text SUBJECT OPERATOR BOUND, such as lag>10000 or time>5m; blanks may stand between.

    The operators are >, <, >=, <=, =, == and !=. The subjects are lag (records) and members, with a finite number such
    as 10, 1.5, 1e6 or -5, time, with a duration (a bare number is seconds), and state, with only =, == and !=. Subjects
    are in lower case; names of states are those of Kafka, in any case. `text` is kept as it is, with blanks. Raise
    UsageError for any other text, also an empty one, and a second operator.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"invalid value {text!r} for --fail-if: not a condition", _HINT)
    subject, operator_text, bound = match.groups()
    if subject == "state":
        if operator_text not in ("=", "==", "!="):
            raise UsageError(f"invalid value {text!r} for --fail-if: a state takes only = and !=", _HINT)
        names = {name.lower(): name for name in (*STATES, UNKNOWN_STATE)}
        if bound.lower() not in names:
            hint = f"use one of {', '.join(names.values())}"
            raise UsageError(f"invalid value {text!r} for --fail-if: there is no state {bound!r}", hint)
        return Condition(text, subject, _OPERATORS[operator_text], names[bound.lower()])
    if subject == "time":
        return Condition(text, subject, _OPERATORS[operator_text], parse_duration(bound, "--fail-if time") / _MS)
    try:
        return Condition(text, subject, _OPERATORS[operator_text], read_decimal_number(bound))
    except ValueError:
        raise UsageError(f"invalid value {text!r} for --fail-if: {bound!r} is not a number", _HINT) from None


def _has_unknown_partitions(subject: str, lag: GroupLag) -> bool:
    """Return whether the lag, or the time, of one of the group's partitions is not known; False for other subjects.

    A partition without records, and without a commit, has nothing to read: it does not count.
    """
    if subject not in ("time", "lag"):
        return False
    return any(
        (row.time_lag_ms if subject == "time" else row.lag) is None and not _has_nothing_to_read(row)
        for row in lag.partitions
    )


def _has_nothing_to_read(row: PartitionLag) -> bool:
    """Return whether a partition has no records, and the group no commit in it."""
    return row.commit is CommitState.NO_COMMIT and row.log_start_offset == row.log_end_offset


def _get_value(subject: str, lag: GroupLag) -> float | str | None:
    """Return the group's value of the subject (times in s), or None where it is not known.

    The subject is lag, time, members or state. The lag is the sum of the known ones, 0 where none is known. The time is
    the largest known one, and 0 where there are partitions and none has anything to read; only it can be None.
    """
    if subject == "state":
        return lag.description.state
    if subject == "members":
        return len(lag.description.members)
    if subject == "time":
        if lag.time_lag_ms is None and lag.partitions and all(map(_has_nothing_to_read, lag.partitions)):
            return 0.0
        return None if lag.time_lag_ms is None else lag.time_lag_ms / _MS
    return lag.total_lag
