"""Values of options and arguments: text, numbers, paths and choices, and the errors for wrong values.

A value is read by the `parser` of an option, a public part of every release of typer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import typer
from typer.models import OptionInfo

from kafkactl.errors import UsageError
from kafkactl.patterns import refuse_empty

_NAMES = {str: "text", int: "a whole number", float: "a number", Path: "a path"}
_METAVARS = {str: "TEXT", int: "N", float: "N", Path: "FILE"}
"""Words for values in the help of options that have none of their own; releases of typer differ in theirs."""
_LARGEST = 2**63


def read_values_of(annotation: Any, parameter: Any) -> None:
    """Let an option or an argument read its values by this module. `parameter` is changed in place.

    `annotation` is the type of the parameter, `parameter` the typer.Option or typer.Argument. Its bounds go from typer
    into the reader and, without very large upper ones, into the help. A metavar of None becomes the choices of an Enum,
    and for an option of another type a word such as N. Flags, and parameters that have a parser, stay as they are.
    Another type than those of `read_value` is not refused here, but called later with the text; KeyError is raised for
    an option of such a type without a metavar.
    """
    kind = find_element_type(annotation)
    if parameter.parser is not None or kind is bool:
        return
    parameter.parser = partial(read_value, kind, parameter.min, parameter.max)
    parameter.parser.__name__ = getattr(kind, "__name__", "value")  # older releases print it
    if bounds := _format_bounds(parameter.min, parameter.max):
        parameter.help = f"{parameter.help or ''} {bounds}".strip()
    parameter.min = parameter.max = None
    if parameter.metavar is None and (issubclass(kind, Enum) or isinstance(parameter, OptionInfo)):
        is_choice = issubclass(kind, Enum)
        parameter.metavar = "|".join(choice.value for choice in kind) if is_choice else _METAVARS[kind]


def require_choice(text: str | None, option: str, choices: Sequence[str]) -> None:
    """Raise UsageError for the value of an option that is not one of the choices. None is accepted.

    `option` is its name for the message. Upper and lower case differ, and "" is a value.
    """
    if text is not None and text not in choices:
        raise make_invalid_error(text, option, choices)


def read_broker_ids(text: str | None, option: str) -> list[int] | None:
    """Return the ids of brokers in a text like 1,2,3, sorted and without repetitions; None for None.

    Blanks are refused, negative numbers are not. Raise UsageError, which names `option`, for an empty text and one that
    is no list of numbers below 2^31 with at most 10 digits.
    """
    if refuse_empty(text, option) is None:
        return None
    parts = (text or "").split(",")
    if not all(re.fullmatch(r"-?[0-9]{1,10}", part) for part in parts) or any(int(part) >= 1 << 31 for part in parts):
        raise UsageError(f"invalid value {text!r} for {option}: not ids of brokers", "like 1,2,3")
    return sorted({int(part) for part in parts})


def make_invalid_error(text: str, option: str, choices: Sequence[str]) -> UsageError:
    """Return (not raise) the error for the value of an option that is not one of the choices."""
    return UsageError(f"invalid value {text!r} for {option}", f"use one of {', '.join(choices)}")


def find_element_type(annotation: Any) -> Any:
    """Return the type of one value: int for list[int], int | None, Annotated[int, ...] and int itself."""
    while get_origin(annotation) is not None:
        (annotation,) = [part for part in get_args(annotation) if part is not NoneType][:1]
    return annotation


def read_value(kind: Any, low: float | None, high: float | None, value: Any) -> Any:
    """Return a value as its type `kind`, read from text; a default, which has the type already, stays as it is.

    `kind` is str, int, float, Path or an Enum. The bounds `low` and `high` are included; None is no bound. Raise
    BadParameter for text that is not of the type (an int has digits of ASCII), is outside the bounds, or is an empty
    path, and for an int that has more than 64 bits. The bounds hold for a default, too. A number may have a sign. A
    float may be inf, or nan, which no bound refuses.
    """
    try:
        return _read(kind, low, high, value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _read(kind: Any, low: float | None, high: float | None, value: Any) -> Any:
    """Return a text as its type, str, int, float, Path or an Enum, within the bounds, which are included.

    A value that has the type already stays as it is, but the bounds hold for it, too. Raise ValueError, with the
    reason, for text that is not of the type (a number with blanks, _ or other digits than 0 to 9 is not), is outside
    the bounds, or is an empty path, and for an int that has more than 64 bits. A bound of None is no bound. A float may
    be inf, or nan, which no bound refuses.
    """
    if kind is Path and value == "":
        raise ValueError("the value is empty")
    is_choice = issubclass(kind, Enum)
    read: Callable[[Any], Any] = kind
    try:
        if kind in (int, float) and isinstance(value, str) and not _has_plain_digits(value):
            raise ValueError  # Python reads the digits of every script, blanks, and 1_000
        result = read(value)
    except ValueError:
        expected = f"one of {', '.join(choice.value for choice in kind)}" if is_choice else _NAMES[kind]
        raise ValueError(f"{value!r} is not {expected}") from None
    if kind is int and not -_LARGEST <= result < _LARGEST:
        raise ValueError(f"a number of {len(str(abs(result)))} digits is too large")
    if low is not None and result < low:
        raise ValueError(f"{value} is less than {low}")
    if high is not None and result > high:
        raise ValueError(f"{value} is more than {high}")
    return result


def _has_plain_digits(text: str) -> bool:
    """Return whether a text is ASCII without blanks and underscores, which Python's numbers may have."""
    return text.isascii() and "_" not in text and not any(map(str.isspace, text))


def _format_bounds(low: float | None, high: float | None) -> str:
    """Return bounds as words for the help: [at least 1], [at most 9] or [1 to 9]; "" without any.

    An upper bound of 2^31 - 1 or more is left out.
    """
    if high is not None and high < 2**31 - 1:
        return f"[at most {high}]" if low is None else f"[{low} to {high}]"
    return f"[at least {low}]" if low is not None else ""
