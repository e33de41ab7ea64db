"""Checks of the arguments of the public interface of Python: a wrong type or range is wrong usage.

Every function raises UsageError, which calls the argument `name`, and no other exception of its own. The clients do not
check their arguments: librdkafka ends the process for some texts, and Python's errors do not say which argument is
wrong.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from kafkactl.errors import UsageError
from kafkactl.patterns import explain_unusable_text, refuse_empty, require_group_name, require_topic_name

LARGEST_INT32, LARGEST_INT64 = 2**31 - 1, 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_HINT = "give a time with a zone from 1970 on: datetime(2026, 1, 1, tzinfo=UTC)"


def require_text(value: object, name: str) -> str:
    """Return the value; raise UsageError for anything but text, for empty text, NUL, and text that is not Unicode.

    Blanks alone are accepted, and the text is not changed. `name` is what the message calls the argument.
    """
    if not isinstance(value, str):
        raise _make_type_error(value, name, "text")
    return refuse_empty(value, name)


def require_topic(value: object, name: str = "topic") -> str:
    """Return the name of a topic; raise UsageError for anything but text that is a legal name in Kafka.

    A name has 1 to 249 letters of ASCII, digits, `.`, `_` or `-`, and is neither `.` nor `..`.
    """
    return require_topic_name(require_text(value, name), name)


def require_group(value: object, name: str = "group") -> str:
    """Return the name of a group; raise UsageError for anything but text, and for text that no group can have.

    That is empty text, NUL, text that is not Unicode, and a name of more than 32,767 bytes in UTF-8.
    """
    return require_group_name(require_text(value, name), name)


def require_texts(values: object, name: str) -> list[str]:
    """Return the values of a list, or of another iterable, as a list in its order; without values it is empty.

    `name` is what the message calls the argument. An iterator is consumed, and its own errors pass through. Raise
    UsageError for a single text or bytes, for None, for a mapping, for anything that is not iterable, and for an item
    that is not text, is empty, or has NUL or is not Unicode.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise _make_type_error(values, name, "a list of texts", "write one text as a list, too: ['orders']")
    return [require_text(value, name) for value in values]


def require_int(value: object, name: str, lowest: int, highest: int) -> int:
    """Return the value; raise UsageError for anything but an int from `lowest` to `highest`, both included.

    True and False are refused, and so is a float. `name` is what the message calls the argument.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise _make_type_error(value, name, "a whole number")
    if not lowest <= value <= highest:
        bounds = f"at least {lowest}" if value < lowest else f"at most {highest}"
        raise UsageError(f"invalid value {show(value)} for {name}: it must be {bounds}")
    return value


def require_bool(value: object, name: str) -> bool:
    """Return the value; raise UsageError, which calls the argument `name`, for anything but True and False."""
    if not isinstance(value, bool):
        raise _make_type_error(value, name, "True or False")
    return value


def require_seconds(value: object, name: str) -> float:
    """Return the value as a float; raise UsageError for anything but an int or a float, also for True and False.

    `name` is what the message calls the argument. The range is not checked: negative numbers, infinity and NaN pass,
    and an int that no float can hold becomes an infinity of its sign.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _make_type_error(value, name, "a number of seconds")
    try:
        return float(value)
    except OverflowError:  # an int beyond 10^308
        return float("inf") if value > 0 else float("-inf")


def require_time_ms(value: object, name: str) -> int:
    """Return a datetime in ms since 1970-01-01 UTC, rounded down.

    Raise UsageError, which calls the argument `name`, for another type (also a date without a time of day), for a time
    without a zone, and for a time before 1970. Any zone is accepted; a later time has no limit.
    """
    if not isinstance(value, datetime):
        raise _make_type_error(value, name, "a datetime", _TIME_HINT)
    if value.utcoffset() is None:
        raise UsageError(f"invalid value {show(value)} for {name}: the time has no zone", _TIME_HINT)
    ms = (value - _EPOCH) // timedelta(milliseconds=1)
    if ms < 0:
        raise UsageError(f"invalid value {show(value)} for {name}: the time is before 1970", _TIME_HINT)
    return ms


def require_settings(settings: object, name: str) -> dict[str, str]:
    """Return settings by name as a new dict; an empty mapping gives an empty one, and values may be empty.

    Raise UsageError for anything but a mapping from text to text, for an empty name, and for names and values with NUL
    or that are not Unicode. Messages do not show values, which may be secret.
    """
    if not isinstance(settings, Mapping):
        raise _make_type_error(settings, name, "a dict", shows_value=False)
    for key, value in settings.items():
        require_text(key, f"a name in {name}")
        if not isinstance(value, str):
            reason = f"a value is text, not {type(value).__name__}"
            raise UsageError(f"invalid value for {key!r} in {name}: {reason}", f'write it as text: "{key}": "..."')
        for part, text in (("name", key), ("value", value)):
            if (fault := explain_unusable_text(text)) is not None:
                raise UsageError(f"invalid {part} of {key!r} in {name}: {fault}")
    return dict(settings)


def show(value: object) -> str:
    """Return reprlib's repr of a value for a message: a long one is cut, and errors of the value's own repr are hidden.

    Where Python refuses to show it, because it is or has a number of thousands of digits, the result is `of type` and
    its type's name.
    """
    try:
        return reprlib.repr(value)
    except ValueError:  # a number with thousands of digits
        return f"of type {type(value).__name__}"


def _make_type_error(
    value: object, name: str, expected: str, hint: str | None = None, *, shows_value: bool = True
) -> UsageError:
    """Return (not raise) the error for a value of another type than `expected`, such as "a dict".

    The message has the value only with `shows_value`; a `hint` of None gives no hint.
    """
    shown = f" {show(value)}" if shows_value else ""
    return UsageError(f"invalid value{shown} for {name}: it must be {expected}, not {type(value).__name__}", hint)
