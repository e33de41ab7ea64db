"""Points in time, durations, ranges and time zones as people write and read them.

A point in time is ISO 8601, milliseconds since 1970, a duration before now (`-1h30m`, `-PT1H`), `now`, `today` or
`yesterday`. Digits alone are milliseconds. A time without a zone is UTC unless the caller passes another zone.
A local time that occurs twice, when clocks go back, is the earlier point in time. A local time that does not occur,
when clocks go forward, counts with the offset before the change: 02:30 becomes 03:30. Java does the same.
A duration is `90m`, `1h30m`, `1.5s`, `500ms` or ISO 8601 such as PT1H30M. A bare number is seconds.
All results are integers: milliseconds of 64 bits. Digits below a millisecond are dropped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from kafkactl.errors import UsageError

MAX_MS = 2**63 - 1

_UNITS_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_LENGTH = 100
_FRACTION_DIGITS = 9  # as many as Java's Duration.parse accepts
_BILLION = 1_000_000_000

_TIME_HINT = (
    "use 2026-11-25, 2026-11-25T10:00:00+09:00, -1h30m (before now), now, today, yesterday, "
    "or milliseconds since 1970 such as 1795600800000"
)
_LONGEST_PAUSE_MS = 86_400_000
_DURATION_HINT = "use 90s, 500ms, 5m, 1h30m, 2d, 1w or PT1H30M; a number without a unit is seconds"
_ISO_DURATION_HINT = "use an ISO 8601 duration such as PT1H30M or P1DT2H"
_RANGE_HINT = "write START..END, for example 2026-11-25..2026-11-26, -1h.. or ..yesterday"
_ZONE_HINT = "use utc, local, a name such as Asia/Seoul, or an offset such as +09:00"

# These stay text until they are used, because compiling them would double the time to import this module.
_DIGITS = r"[0-9]+"
_NEGATIVE_NUMBER = r"-[0-9.]+"
_HOUR = r"(?:[01][0-9]|2[0-3])"
_DATE_TIME = (
    r"(?ai)(?:[0-9]{4}-?[0-9]{2}-?[0-9]{2}|[0-9]{4}-?W[0-9]{2}(?:-?[0-9])?)"  # a day, or a week and its day
    rf"(?:[T ]{_HOUR}(?::?[0-9]{{2}}(?::?[0-9]{{2}}(?:[.,][0-9]+)?)?)?"
    rf"(?:Z|[-+]{_HOUR}(?::?[0-9]{{2}}(?::?[0-9]{{2}})?)?)?)?"
)
_OFFSET = rf"([-+])({_HOUR}):?([0-5][0-9])"

_NUMBER = rf"(?:[0-9]+(?:\.[0-9]{{1,{_FRACTION_DIGITS}}})?|\.[0-9]{{1,{_FRACTION_DIGITS}}})"
_BARE_NUMBER = rf"(?P<sign>[-+]?)(?P<s>{_NUMBER})"
_SHORT = "(?P<sign>[-+]?)" + "".join(rf"(?:(?P<{unit}>{_NUMBER}){unit})?" for unit in _UNITS_MS)
_ISO = (
    r"(?ai)(?P<sign>[-+]?)P(?:(?P<d>[-+]?[0-9]+)D)?"
    r"(?:T(?=[-+0-9])(?:(?P<h>[-+]?[0-9]+)H)?(?:(?P<m>[-+]?[0-9]+)M)?"
    rf"(?:(?P<s>[-+]?[0-9]+(?:[.,][0-9]{{1,{_FRACTION_DIGITS}}})?)S)?)?"
)
_WITH_UNITS = (_SHORT, _ISO)


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """A range of time in milliseconds since 1970. The start is included, the end is not. None is an open side."""

    start_ms: int | None
    end_ms: int | None

    def contains(self, ms: int) -> bool:
        """Return whether a point in time, in ms since 1970, lies in the range.

        The start is included, the end is not, and a side of None is open.
        """
        return (self.start_ms is None or self.start_ms <= ms) and (self.end_ms is None or ms < self.end_ms)


class _RefusalError(Exception):
    """The reason why a text is not a time or duration. It becomes a UsageError with the option and a hint."""


class _LocalZone(tzinfo):
    """The zone of this computer, with the rules of the C library: TZ or /etc/localtime."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Return the offset at a local time, None for None; `tzinfo` of the time is ignored.

        `fold` chooses (PEP 495): with 0 it is the offset before a change, with 1 the one after it, both for a time that
        occurs twice and for one in a gap.

        Raise OverflowError, ValueError or OSError for a time that the C library cannot convert.
        """
        if moment is None:
            return None
        local = moment.replace(tzinfo=None, microsecond=0)
        return local - (_EPOCH.replace(tzinfo=None) + timedelta(seconds=local.timestamp()))

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Return None: the part of the offset that is daylight saving is not known."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """Return the abbreviation of the zone at a local time, such as CET; None for None.

        Raise OverflowError, ValueError or OSError for a time that the C library cannot convert.
        """
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        """Return the local time of a point in time, whose fields are UTC whatever its `tzinfo`.

        `fold` is 1 in the second of two equal local times. Raise OverflowError, ValueError or OSError for a time that
        the C library cannot convert.
        """
        exact = moment.replace(tzinfo=UTC).astimezone()
        local = exact.replace(tzinfo=self)
        return local if local.utcoffset() == exact.utcoffset() else local.replace(fold=1)


def parse_time(text: str, flag: str, *, zone: tzinfo = UTC, now_ms: int | None = None) -> int:
    """Return a point in time as milliseconds since 1970, from 0 to 2^63 - 1.

    The text is an ISO 8601 day or week, or day and time, digits (ms since 1970), `now`, `today`, `yesterday` (midnight)
    in lower case, or a duration before now: -1h30m or -PT1H. `zone` is for times without a zone, and for `today` and
    `yesterday`. `now_ms` is the present time in ms since 1970; None takes the clock. Raise UsageError, which names
    `flag`, for any other text or more than 100 characters, for bare negative numbers, for times above 2^63 - 1, and for
    times before 1970 (negative numbers have special meanings in Kafka, which only --time knows).
    """
    try:
        return _check_time(_read_time(text, zone, _read_clock() if now_ms is None else now_ms))
    except _RefusalError as refusal:
        raise _make_invalid_value_error(text, flag, str(refusal), _TIME_HINT) from None


def parse_time_range(text: str, flag: str, *, zone: tzinfo = UTC, now_ms: int | None = None) -> TimeRange:
    """Return the range of `A..B`: from A, which is included, to B, which is not. An empty side is open.

    A side is an ISO 8601 time, an ISO 8601 day or week (its beginning, also after `..`), ms since 1970, now, today,
    yesterday, or a duration before now such as -1h. `zone` is for sides without a zone, today and yesterday. `now_ms`
    is the present time in ms since 1970; None takes the clock. Both sides may be equal. Raise UsageError, which names
    `flag`, for a text without `..`, for `..` alone, for a side that parse_time refuses, such as a time before 1970, and
    for a start after the end.
    """
    start, dots, end = text.partition("..")
    if not dots:
        raise _make_invalid_value_error(text, flag, "this is not a range of time", _RANGE_HINT)
    if not (start or end):
        raise _make_invalid_value_error(text, flag, "both sides of the range are empty", _RANGE_HINT)
    now = _read_clock() if now_ms is None else now_ms
    start_ms = parse_time(start, flag, zone=zone, now_ms=now) if start else None
    end_ms = parse_time(end, flag, zone=zone, now_ms=now) if end else None
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise _make_invalid_value_error(text, flag, "the start is after the end", _RANGE_HINT)
    return TimeRange(start_ms=start_ms, end_ms=end_ms)


def parse_duration(text: str, flag: str, *, signed: bool = False, positive: bool = False) -> int:
    """Return a duration in milliseconds, at most 2^63 - 1; a bare number is seconds.

    The text is a number, numbers with the units w, d, h, m, s and ms in this order (1h30m, 1.5s), or days and times of
    ISO 8601, in upper or lower case, such as PT1H30M or P1DT2H. A number may have up to 9 decimal places, in ISO 8601
    only that of seconds. Digits below a ms are dropped. With `signed` the text may have a sign at its beginning, in ISO
    8601 also at each number, and the result may be negative. With `positive` it must be above 0. Raise UsageError,
    which names `flag`, for any other text or more than 100 characters, for a sign (also +) without `signed`, and for a
    duration that is shorter than a millisecond but not 0, or longer than 2^63 - 1 ms.
    """
    try:
        duration_ms = _measure_duration(text, (_BARE_NUMBER, *_WITH_UNITS))
        if not signed and ("-" in text or "+" in text):
            raise _RefusalError("a sign is not allowed")
        if positive and duration_ms <= 0:
            raise _RefusalError("the duration must be longer than 0")
        return duration_ms
    except _RefusalError as refusal:
        raise _make_invalid_value_error(text, flag, str(refusal), _DURATION_HINT) from None


def parse_pause(text: str, flag: str) -> float:
    """Return the pause between two repetitions in seconds; raise UsageError unless it is from 1 ms to a day.

    The text is a duration such as 90 or 90s (both 90 seconds), 500ms, 1h30m or PT1H30M; `flag` is the option's name for
    messages.
    """
    pause_ms = parse_duration(text, flag, positive=True)
    if pause_ms > _LONGEST_PAUSE_MS:
        raise _make_invalid_value_error(text, flag, "the duration is longer than a day", _DURATION_HINT)
    return pause_ms / 1000


def parse_iso_duration(text: str, flag: str) -> int:
    """Return a duration in milliseconds, from -(2^63 - 1) to 2^63 - 1, with its signs.

    Only days and times of ISO 8601 are accepted, as in Java's Duration.parse: PT1H30M, P1DT2H, -PT0.5S. Digits below a
    ms are dropped. Raise UsageError, which names `flag`, for any other text or more than 100 characters, and for a
    duration that is shorter than a millisecond but not 0, or longer than 2^63 - 1 ms.
    """
    try:
        return _measure_duration(text, (_ISO,))
    except _RefusalError as refusal:
        raise _make_invalid_value_error(text, flag, str(refusal), _ISO_DURATION_HINT) from None


def parse_zone(text: str, flag: str = "--zone") -> tzinfo:
    """Return the time zone of `utc` or `z`, `local` (these in any case), an IANA name, or an offset: +09:00 or +0900.

    An offset has a sign, two digits of hours and two of minutes. Case counts in a name. Raise UsageError, which names
    `flag`, for any other text, also an empty one, one of more than 100 characters, and a name that the system does not
    have.
    """
    if text.lower() in ("utc", "z"):
        return UTC
    if text.lower() == "local":
        return _LocalZone()
    offset = re.fullmatch(_OFFSET, text)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        return timezone(timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1))
    zone = _find_zone(text) if 0 < len(text) <= _MAX_LENGTH else None
    if zone is None:
        raise _make_invalid_value_error(text, flag, "time zone not found" if text else "the value is empty", _ZONE_HINT)
    return zone


def format_time(ms: int, zone: tzinfo = UTC) -> str:
    """Return milliseconds since 1970 as ISO 8601 with milliseconds and offset: 2026-11-25T10:00:00.000+09:00.

    The offset 0 is written as Z. A time outside the years 1 to 9999, or that the zone cannot convert, is returned as
    its number of milliseconds.
    """
    try:
        text = _to_datetime(ms, zone).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return str(ms)
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def format_duration(ms: int) -> str:
    """Return a duration in ms as short text: 2d, 1h30m, 1m0.25s, 250ms, 0s, -1h.

    The units are d, h, m, s and ms, no weeks. parse_duration reads the text back up to 2^63 - 1 ms, a negative one only
    with `signed`.
    """
    rest = abs(ms)
    if 0 < rest < _UNITS_MS["s"]:
        text = f"{rest}ms"
    else:
        text = ""
        for unit in ("d", "h", "m"):
            count, rest = divmod(rest, _UNITS_MS[unit])
            text += f"{count}{unit}" if count else ""
        text += _format_seconds(rest) if rest or not text else ""
    return f"-{text}" if ms < 0 else text


def _format_seconds(ms: int) -> str:
    """Return milliseconds from 0 as seconds with at most three decimal places, such as 1s or 0.25s."""
    seconds, fraction_ms = divmod(ms, _UNITS_MS["s"])
    return f"{seconds}.{fraction_ms:03}".rstrip("0").rstrip(".") + "s" if fraction_ms else f"{seconds}s"


def _read_clock() -> int:
    """Return the present time in ms since 1970."""
    return time.time_ns() // 1_000_000


def _read_time(text: str, zone: tzinfo, now_ms: int) -> int:
    """Return a point in time in ms since 1970, without a check of its range: it may be negative.

    The text is digits, which are ms (also 20260101), `now`, `today`, `yesterday`, -DURATION with a unit (-90 is
    refused), or an ISO 8601 day or time; `zone` is for those without a zone. Raise _RefusalError for any other text or
    more than 100 characters, for a date that does not exist or that the zone cannot convert, and for a duration that is
    shorter than a millisecond but not 0, or longer than 2^63 - 1 ms.
    """
    _check_length(text)
    if re.fullmatch(_DIGITS, text):
        return int(text)
    if text == "now":
        return now_ms
    if text.startswith("-"):
        return now_ms - _read_time_before_now(text)
    try:
        if text in ("today", "yesterday"):
            return _find_midnight(now_ms, zone, days_back=0 if text == "today" else 1)
        if re.fullmatch(_DATE_TIME, text):
            return _read_date_time(text, zone)
    except (OverflowError, ValueError, OSError):
        raise _RefusalError("this date or time of day does not exist") from None
    raise _RefusalError("this is not a time")


def _read_time_before_now(text: str) -> int:
    """Return the milliseconds of `-1h30m` or `-PT1H`, as a number from 0 on.

    The first character must be the minus sign; it is not checked. Raise _RefusalError for any other text: a bare
    negative number, a further sign, and a duration that is not 0 but shorter than a millisecond, or more than 2^63 - 1.
    """
    if re.fullmatch(_NEGATIVE_NUMBER, text):
        raise _RefusalError("a negative number is not a time")
    duration = text[1:]
    if not duration or "-" in duration or "+" in duration:
        raise _RefusalError("this is not a time")
    return _measure_duration(duration, _WITH_UNITS, thing="time")


def _read_date_time(text: str, zone: tzinfo) -> int:
    """Return an ISO 8601 day or week, or day and time, in ms since 1970; `zone` is for a text without a zone.

    `text` must have the form of _DATE_TIME. The result is negative before 1970; digits below a ms are dropped. Raise
    ValueError, OverflowError or OSError for a date or time of day that is out of range or that the zone cannot convert.
    """
    moment = datetime.fromisoformat(text.upper())
    return _to_ms(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))


def _find_midnight(now_ms: int, zone: tzinfo, *, days_back: int) -> int:
    """Return the start of the day in the zone that is `days_back` days before now, in ms since 1970.

    Raise OverflowError, ValueError or OSError outside the years 1 to 9999.
    """
    day = _to_datetime(now_ms, zone).date() - timedelta(days=days_back)
    return _to_ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _to_ms(moment: datetime) -> int:
    """Return a time with a zone in whole ms since 1970, rounded down; negative before 1970.

    Raise OverflowError, ValueError or OSError where the local zone cannot convert it.
    """
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _to_datetime(ms: int, zone: tzinfo) -> datetime:
    """Return ms since 1970 as a datetime in the zone.

    Raise OverflowError outside the years 1 to 9999, and ValueError or OSError where the local zone has no such time.
    """
    return (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)


def _check_time(ms: int) -> int:
    """Return the ms unchanged; raise _RefusalError below 0 and above 2^63 - 1."""
    if ms < 0:
        raise _RefusalError("the time is before 1970")
    if ms > MAX_MS:
        raise _RefusalError("the time is larger than a 64-bit integer")
    return ms


def _measure_duration(text: str, forms: Sequence[str], *, thing: str = "duration") -> int:
    """Return the milliseconds of a duration, rounded towards 0, in the first form that matches. Signs count.

    `forms` are regular expressions for the whole text, with a group of the unit's name, such as `s`, for each unit and
    at most 9 decimals. `thing` is the word for messages. Raise _RefusalError for an empty text and one of more than 100
    characters, where no form matches, for a duration shorter than a millisecond but not 0, and past 2^63 - 1.
    """
    _check_length(text)
    parts = next(filter(None, (_match_parts(form, text) for form in forms)), None)
    if parts is None:
        raise _RefusalError(f"this is not a {thing}")
    sign = -1 if text.startswith("-") else 1
    billionths = sign * sum(_read_billionths(number) * _UNITS_MS[unit] for unit, number in parts.items())
    ms = abs(billionths) // _BILLION
    if billionths and not ms:
        raise _RefusalError("the duration is shorter than a millisecond")
    if ms > MAX_MS:
        raise _RefusalError("the duration is larger than a 64-bit integer of milliseconds")
    return ms if billionths > 0 else -ms


def _match_parts(form: str, text: str) -> dict[str, str] | None:
    """Return the numbers of a duration, as texts, by unit: w, d, h, m, s or ms; None if the form does not match.

    `form` is a regular expression for the whole text, with a group for each unit and the group `sign`. The sign of the
    whole and absent units are left out, so that a match without a number, such as `-`, gives an empty dict. Numbers of
    ISO 8601 keep their own signs.
    """
    match = re.fullmatch(form, text)
    if match is None:
        return None
    return {unit: number for unit, number in match.groupdict().items() if number is not None and unit != "sign"}


def _read_billionths(number: str) -> int:
    """Return a decimal number of at most 9 decimal places, which may have a sign, times 10^9, exactly."""
    whole, _, fraction = number.replace(",", ".").partition(".")
    return int(whole + fraction.ljust(_FRACTION_DIGITS, "0"))


def _find_zone(name: str) -> tzinfo | None:
    """Return the IANA zone of this name, or None where there is none; nothing is raised."""
    from zoneinfo import ZoneInfo  # the import takes 5 ms, and most commands do not need it

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # absent, not a legal name, a folder
        return None


def _check_length(text: str) -> None:
    """Raise _RefusalError for an empty text, and for one with more than 100 characters."""
    if not text:
        raise _RefusalError("the value is empty")
    if len(text) > _MAX_LENGTH:
        raise _RefusalError(f"the value has more than {_MAX_LENGTH} characters")


def _make_invalid_value_error(value: str, flag: str, reason: str, hint: str) -> UsageError:
    """Return (not raise) the error for a value of a flag; a value of more than 100 characters is shown cut."""
    text = value if len(value) <= _MAX_LENGTH else value[:_MAX_LENGTH] + "..."
    return UsageError(f"invalid value {text!r} for {flag}: {reason}", hint)
