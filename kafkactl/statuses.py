"""Exit statuses of kafkactl, and the status of a command that worked on several items.

| status | meaning |
| --- | --- |
| 0 | done; also when the reader of stdout went away |
| 1 | failed in whole or in part |
| 2 | wrong usage, or an input file that cannot be read |
| 3 | no answer in time: no cluster, no assignment, no leader, or a change that may have been done |
| 4 | a checked condition does not hold |
| 129, 130, 143 | ended by HUP, INT, TERM, also when everything was written before |
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

DONE = 0
FAILED = 1
USAGE = 2
NO_ANSWER = 3
CONDITION = 4
_SIGNALS_FROM = 128
HANGUP = _SIGNALS_FROM + 1
INTERRUPTED = _SIGNALS_FROM + 2
TERMINATED = _SIGNALS_FROM + 15

HELP = (
    "Exit status: 0 done, 1 failed in whole or part, 2 wrong usage, 3 no answer from the cluster in time, "
    "4 a checked condition does not hold, 129, 130 and 143 ended by HUP, INT and TERM."
)


def get_signal_status(number: int) -> int:
    """Return the exit status of a command that a signal ended: 128 plus the signal's number."""
    return _SIGNALS_FROM + number


def combine(statuses: Iterable[int]) -> int:
    """Return the status of a command from those of its items; 0 (DONE) for no items.

    A status that all items share is the status of the command. DONE and CONDITION together give CONDITION. Every other
    mixture gives FAILED.
    """
    distinct_statuses = set(statuses)
    if len(distinct_statuses) == 1:
        return distinct_statuses.pop()
    problems = distinct_statuses - {DONE}
    if not problems:
        return DONE
    return CONDITION if problems == {CONDITION} else FAILED


def combine_items(items: Iterable[Item], failures: Mapping[Item, Iterable[int]]) -> int:
    """Return the status of a command from the statuses of each item's failures; 0 (DONE) for no items.

    An item without failures is done, and several failures of one item count as one item. Items of `failures` that are
    not in `items` count, too. The statuses of the items are combined as `combine` says, also within one item.
    """
    return combine(combine(failures.get(item, ())) for item in {*items, *failures})
