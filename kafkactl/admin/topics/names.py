"""Names of topics: which Kafka takes, which are its own, and which are meant by a pattern.

Reference: org.apache.kafka.common.internals.Topic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from kafkactl.errors import NotFoundError, UsageError

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
MAX_NAME_LENGTH = 249
_NAME = re.compile(r"[a-zA-Z0-9._-]+")


def matching(existing: Callable[[], Sequence[str]], names: Sequence[str], must_exist: bool = True) -> list[str]:
    """The topics meant by names and patterns (a pattern is what cannot be a name).

    Raises NotFoundError for a pattern that none matches, and leaves names that may be missing to the brokers; unless
    they need not exist: then only those that do are left.
    """
    if must_exist and all(map(is_valid_name, names)):
        return list(names)
    there = existing()
    found: dict[str, None] = {}
    for name in names:
        if is_valid_name(name):
            hits = [name] if must_exist or name in there else []
        else:
            pattern = name_pattern(name)
            hits = [topic for topic in there if pattern.fullmatch(topic)]
            if must_exist and not hits:
                raise NotFoundError(f"no topic matches {name!r}", "kafkactl topics list shows those that one may see")
        found.update(dict.fromkeys(hits))
    return list(found)


def name_pattern(text: str) -> re.Pattern[str]:
    """A regular expression for topics' whole names; raises UsageError."""
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"{text!r} is neither a topic's name nor a pattern: {error}") from error


def is_valid_name(name: str) -> bool:
    """Whether Kafka takes it as a topic's name (org.apache.kafka.common.internals.Topic)."""
    return name not in (".", "..") and len(name) <= MAX_NAME_LENGTH and _NAME.fullmatch(name) is not None


def require_valid_name(name: str) -> None:
    """Raises UsageError for what Kafka takes as no topic's name."""
    if not is_valid_name(name):
        hint = f"1 to {MAX_NAME_LENGTH} of the characters a-z A-Z 0-9 . _ and -, and not . or .."
        raise UsageError(f"{name!r} cannot be a topic's name", hint)


def collisions(name: str, existing: Sequence[str]) -> list[str]:
    """Topics whose metrics names would be the same: Kafka's metrics turn `.` into `_`."""
    return [other for other in existing if other != name and other.replace(".", "_") == name.replace(".", "_")]
