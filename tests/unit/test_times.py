"""Times and durations on the command line: examples as tables, and properties for every text and number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.errors import UsageError
from kafkactl.times import (
    MAX_MS,
    TimeRange,
    format_duration,
    format_time,
    parse_duration,
    parse_iso_duration,
    parse_time,
    parse_time_range,
    parse_zone,
)
from tests.properties import examples

NOW = 1_795_600_800_123  # 2026-11-25T10:00:00.123Z
DAY, HOUR, MINUTE = 86_400_000, 3_600_000, 60_000
TODAY = NOW - NOW % DAY
YEAR_9999_END = 253_402_300_799_999
BERLIN = parse_zone("Europe/Berlin")

property_test = examples(100)
any_ms = st.integers(-(2**63), MAX_MS)
dated_ms = st.integers(0, YEAR_9999_END - DAY)
durations = st.integers(0, MAX_MS)
zones = st.sampled_from(["utc", "Europe/Berlin", "Asia/Seoul", "Africa/Monrovia", "America/New_York", "-03:30"])
hostile_texts = st.one_of(
    st.text(st.characters(), max_size=20),
    st.text("0123456789-+.:,TtZzWwPpdhmsnow /", max_size=30),
    st.text("0123456789", min_size=15, max_size=120),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}(:[0-9]{2}){0,2}([+-][0-9]{2}:?[0-9]{2})?)?", fullmatch=True
    ),
    st.from_regex(r"[-+]?(P[-+]?[0-9]{1,25}D)?(T[-+]?[0-9]{1,25}[HMS])?", fullmatch=True),
    st.from_regex(r"-?([0-9]{1,25}(w|d|h|ms|m|s)){1,3}", fullmatch=True),
)


def catch_refusal(reader: Callable[[], object]) -> object:
    """Return the result of a reader, or its UsageError. Any other exception fails the test."""
    try:
        return reader()
    except UsageError as failure:
        return failure


@pytest.fixture
def berlin_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[tzinfo]:
    """Return the local zone of a computer with Berlin's rules. They need no time zone files."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield parse_zone("local")
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("2026", 2026),
        ("20261125", 20_261_125),
        ("0001795600800123", NOW),
        (str(MAX_MS), MAX_MS),
        ("2026-11-25T10:00:00.123Z", NOW),
        ("2026-11-25T10:00:00.1239999Z", NOW),
        ("2026-11-25T10:00:00,123Z", NOW),
        ("2026-11-25t10:00:00.123z", NOW),
        ("2026-11-25 10:00:00.123", NOW),
        ("2026-11-25T19:00:00.123+09:00", NOW),
        ("2026-11-25T19:00:00.123+0900", NOW),
        ("2026-11-25T19:00:00.123+09", NOW),
        ("2026-11-25T05:30:00.123-04:30", NOW),
        ("20261125T100000.123Z", NOW),
        ("2026-11-25T10:00", NOW - 123),
        ("2026-11-25T10", NOW - 123),
        ("2026-11-25", TODAY),
        ("2026-W48-3", TODAY),
        ("1970-01-01", 0),
        ("9999-12-31T23:59:59.999Z", YEAR_9999_END),
        ("now", NOW),
        ("today", TODAY),
        ("yesterday", TODAY - DAY),
        ("-1h", NOW - HOUR),
        ("-1h30m", NOW - HOUR - 30 * MINUTE),
        ("-PT1H", NOW - HOUR),
        ("-P1DT2H", NOW - DAY - 2 * HOUR),
        ("-0s", NOW),
    ],
)
def test_points_in_time(text: str, expected: int) -> None:
    assert parse_time(text, "--time", now_ms=NOW) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("-1", "negative number"),
        ("-5", "negative number"),
        ("-1795600800000", "negative number"),
        ("-1.5", "negative number"),
        ("1.5", "not a time"),
        ("+5", "not a time"),
        ("1h", "not a time"),
        ("+1h", "not a time"),
        ("-", "not a time"),
        ("--1h", "not a time"),
        ("-PT-1H", "not a time"),
        ("-soon", "not a time"),
        ("soon", "not a time"),
        ("Now", "not a time"),
        ("earliest", "not a time"),
        ("2026-11", "not a time"),
        ("2026-11-25X10:00", "not a time"),
        ("2026-11-25T10:00:00Z ", "not a time"),
        ("2026-11-25T24:00:00", "not a time"),
        ("٢٠٢٦-11-25", "not a time"),
        ("٢٠٢٦", "not a time"),
        ("2026-02-29", "does not exist"),
        ("2026-13-01", "does not exist"),
        ("0000-01-01", "does not exist"),
        ("2026-W54-1", "does not exist"),
        ("2026-11-25T10:60", "does not exist"),
        ("2026-11-25T10:00:60", "does not exist"),
        ("1969-12-31T23:59:59.999Z", "before 1970"),
        ("0001-01-01", "before 1970"),
        ("1970-01-01T00:00+00:01", "before 1970"),
        ("-3000w", "before 1970"),
        (f"-P{'9' * 11}D", "before 1970"),
        (f"-P{'9' * 30}D", "larger than a 64-bit"),
        (str(MAX_MS + 1), "larger than a 64-bit"),
        ("9" * 100, "larger than a 64-bit"),
        ("9" * 5000, "more than 100 characters"),
        ("nan", "not a time"),
        ("1e3", "not a time"),
    ],
)
def test_other_points_in_time_are_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=rf"^invalid value .* for --time: .*{reason}") as failure:
        parse_time(text, "--time", now_ms=NOW)
    assert "2026-11-25" in (failure.value.hint or "")
    assert len(str(failure.value)) < 250


@pytest.mark.parametrize("text", ["today", "yesterday"])
@pytest.mark.parametrize("now_ms", [-(10**20), 10**20, YEAR_9999_END + 1])
def test_a_wrong_clock_is_refused(text: str, now_ms: int) -> None:
    with pytest.raises(UsageError):
        parse_time(text, "--time", now_ms=now_ms)


def test_now_is_the_clock() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= parse_time("now", "--time") <= time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01", "2026-06-30T22:00:00.000Z"),
        ("2026-11-25T10:00", "2026-11-25T09:00:00.000Z"),
        ("2026-11-25T10:00Z", "2026-11-25T10:00:00.000Z"),
        ("today", "2026-11-24T23:00:00.000Z"),
        ("yesterday", "2026-11-23T23:00:00.000Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00.000Z"),  # occurs twice: the earlier
        ("2026-03-29T02:30", "2026-03-29T01:30:00.000Z"),  # does not occur: 03:30 of summer
    ],
)
def test_a_zone_applies_to_times_without_a_zone(text: str, expected: str, berlin_clock: tzinfo) -> None:
    for zone in (BERLIN, berlin_clock):
        assert format_time(parse_time(text, "--time", zone=zone, now_ms=NOW)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("90", 90_000),
        ("1.5", 1500),
        (".5", 500),
        ("500ms", 500),
        ("90s", 90_000),
        ("90m", 90 * MINUTE),
        ("1h30m", HOUR + 30 * MINUTE),
        ("1.5h", HOUR + 30 * MINUTE),
        ("2d", 2 * DAY),
        ("1w", 7 * DAY),
        ("1w2d3h4m5s6ms", 9 * DAY + 3 * HOUR + 4 * MINUTE + 5006),
        ("1m500ms", MINUTE + 500),
        ("0.0015s", 1),
        ("PT1H30M", HOUR + 30 * MINUTE),
        ("P1DT2H", DAY + 2 * HOUR),
        ("P2D", 2 * DAY),
        ("pt1.5s", 1500),
        ("PT1,5S", 1500),
        ("0.1", 100),  # not 99.99 of binary fractions
        ("PT0.29S", 290),
        (f"{MAX_MS}ms", MAX_MS),
    ],
)
def test_durations(text: str, expected: int) -> None:
    assert parse_duration(text, "--timeout") == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" ", "not a duration"),
        ("-1h", "sign is not allowed"),
        ("+90", "sign is not allowed"),
        ("PT-1H", "sign is not allowed"),
        ("nan", "not a duration"),
        ("inf", "not a duration"),
        ("1e3", "not a duration"),
        ("5M", "not a duration"),
        ("5 m", "not a duration"),
        ("5x", "not a duration"),
        ("s", "not a duration"),
        (".", "not a duration"),
        ("1h30", "not a duration"),
        ("30m1h", "not a duration"),
        ("1h1h", "not a duration"),
        ("P", "not a duration"),
        ("PT", "not a duration"),
        ("P1DT", "not a duration"),
        ("P1M", "not a duration"),
        ("P1Y", "not a duration"),
        ("PT1ſ", "not a duration"),  # a letter that equals S without case
        ("٣s", "not a duration"),
        ("0.1ms", "shorter than a millisecond"),
        ("0.000000001", "shorter than a millisecond"),
        (f"{MAX_MS + 1}ms", "larger than a 64-bit"),
        ("P99999999999999D", "larger than a 64-bit"),
        ("9" * 101, "more than 100 characters"),
        ("9" * 100_000, "more than 100 characters"),
    ],
)
def test_other_durations_are_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=rf"^invalid value .* for --timeout: .*{reason}") as failure:
        parse_duration(text, "--timeout")
    assert "1h30m" in (failure.value.hint or "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-90", -90_000), ("+1h", HOUR), ("-1h30m", -HOUR - 30 * MINUTE), ("-PT1H", -HOUR), ("PT-1H", -HOUR)],
)
def test_signed_durations(text: str, expected: int) -> None:
    assert parse_duration(text, "--by-duration", signed=True) == expected


@pytest.mark.parametrize("text", ["0", "0ms", "PT0S", "-1s"])
def test_a_positive_duration_is_longer_than_0(text: str) -> None:
    with pytest.raises(UsageError, match="longer than 0"):
        parse_duration(text, "--interval", positive=True, signed=True)
    assert parse_duration("1ms", "--interval", positive=True) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PT1H", HOUR), ("-PT1H", -HOUR), ("-PT-1H", HOUR), ("+P1DT-1H", DAY - HOUR), ("PT-0.5S", -500)],
)
def test_iso_durations_are_those_of_java(text: str, expected: int) -> None:
    assert parse_iso_duration(text, "--by-duration") == expected


@pytest.mark.parametrize("text", ["", "1h", "90", "P1W", "PT", "1970-01-01"])
def test_other_iso_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^invalid value .* for --by-duration: ") as failure:
        parse_iso_duration(text, "--by-duration")
    assert "PT1H30M" in (failure.value.hint or "")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-25..2026-11-26", TODAY, TODAY + DAY),
        ("yesterday..today", TODAY - DAY, TODAY),
        ("-1h..", NOW - HOUR, None),
        ("..now", None, NOW),
        ("-1.5h..-30m", NOW - 90 * MINUTE, NOW - 30 * MINUTE),
        ("5..5", 5, 5),
    ],
)
def test_ranges(text: str, start: int | None, end: int | None) -> None:
    assert parse_time_range(text, "--during", now_ms=NOW) == TimeRange(start_ms=start, end_ms=end)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a range"),
        ("2026-11-25", "not a range"),
        ("..", "both sides"),
        ("today..yesterday", "start is after the end"),
        ("6..5", "start is after the end"),
        ("1...5", "not a time"),
        ("1..2..3", "not a time"),
        ("-1..", "negative number"),
        ("soon..now", "not a time"),
    ],
)
def test_other_ranges_are_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=rf"^invalid value .* for --during: .*{reason}") as failure:
        parse_time_range(text, "--during", now_ms=NOW)
    assert failure.value.hint


def test_a_range_excludes_its_end() -> None:
    assert [ms for ms in range(8) if TimeRange(start_ms=2, end_ms=5).contains(ms)] == [2, 3, 4]
    assert TimeRange(start_ms=None, end_ms=5).contains(-1)
    assert TimeRange(start_ms=2, end_ms=None).contains(MAX_MS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("utc", "2026-11-25T10:00:00.123Z"),
        ("UTC", "2026-11-25T10:00:00.123Z"),
        ("local", "2026-11-25T11:00:00.123+01:00"),
        ("Asia/Seoul", "2026-11-25T19:00:00.123+09:00"),
        ("+0530", "2026-11-25T15:30:00.123+05:30"),
        ("-03:30", "2026-11-25T06:30:00.123-03:30"),
    ],
)
def test_zones(name: str, expected: str, berlin_clock: tzinfo) -> None:
    assert format_time(NOW, parse_zone(name)) == expected


@pytest.mark.parametrize(
    "name", ["", "Mars", "America", "../etc", "/etc/passwd", "a\0b", "\udcff", "+25:00", "x" * 101, "zone.tab", "."]
)
def test_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"^invalid value .* for --zone: ") as failure:
        parse_zone(name)
    assert "Asia/Seoul" in (failure.value.hint or "")


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (NOW, "2026-11-25T10:00:00.123Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (YEAR_9999_END, "9999-12-31T23:59:59.999Z"),
        (YEAR_9999_END + 1, "253402300800000"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        (-62_135_596_800_001, "-62135596800001"),
        (MAX_MS, str(MAX_MS)),
        (-(2**63), str(-(2**63))),
    ],
)
def test_times_as_text(ms: int, expected: str) -> None:
    assert format_time(ms) == expected


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, "0s"),
        (1, "1ms"),
        (250, "250ms"),
        (1000, "1s"),
        (1500, "1.5s"),
        (10_000, "10s"),
        (MINUTE, "1m"),
        (MINUTE + 250, "1m0.25s"),
        (90 * MINUTE, "1h30m"),
        (HOUR + 1, "1h0.001s"),
        (8 * DAY, "8d"),
        (-HOUR, "-1h"),
        (MAX_MS, "106751991167d7h12m55.807s"),
    ],
)
def test_durations_as_text(ms: int, expected: str) -> None:
    assert format_duration(ms) == expected


@property_test
@given(hostile_texts)
def test_any_text_is_accepted_or_refused_with_a_usage_error(text: str) -> None:
    readers = (
        lambda: parse_time(text, "--time"),
        lambda: parse_time(text, "--time", zone=BERLIN),
        lambda: parse_time(text, "--time", zone=parse_zone("local")),
        lambda: parse_time(f"-{text}", "--time", now_ms=NOW),
        lambda: parse_duration(text, "--timeout"),
        lambda: parse_duration(text, "--timeout", signed=True),
        lambda: parse_iso_duration(text, "--timeout"),
        lambda: parse_zone(text),
        lambda: parse_time_range(text, "--during"),
        lambda: parse_time_range(f"{text}..now", "--during"),
    )
    for reader in readers:
        result = catch_refusal(reader)
        if isinstance(result, UsageError):
            assert str(result).startswith("invalid value ")
            assert str(result).isprintable()
            assert result.hint
        elif isinstance(result, int):
            assert -MAX_MS <= result <= MAX_MS


@property_test
@given(durations)
def test_a_duration_is_read_back(ms: int) -> None:
    text = format_duration(ms)
    assert parse_duration(text, "--timeout") == ms
    assert parse_duration(format_duration(-ms), "--shift", signed=True) == -ms


@property_test
@given(dated_ms, zones)
def test_a_time_is_read_back(ms: int, zone: str) -> None:
    assert parse_time(format_time(ms, parse_zone(zone)), "--time", zone=BERLIN) == ms


@property_test
@given(durations)
def test_milliseconds_are_read_as_they_are(ms: int) -> None:
    assert parse_time(str(ms), "--time", zone=BERLIN) == ms


@property_test
@given(any_ms, zones)
def test_every_number_has_a_text(ms: int, zone: str) -> None:
    assert format_time(ms, parse_zone(zone))
    assert format_duration(ms)


@property_test
@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)))
def test_utc_is_that_of_python(moment: datetime) -> None:
    exact = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    text = exact.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert format_time(parse_time(text, "--time")) == text
    assert parse_time(moment.isoformat(), "--time") == (exact - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


@property_test
@given(st.integers(0, NOW))
def test_a_relative_time_is_so_long_before_now(ago_ms: int) -> None:
    assert parse_time(f"-{format_duration(ago_ms)}", "--time", now_ms=NOW) == NOW - ago_ms


@pytest.mark.slow
@property_test
@given(dated_ms.filter(lambda ms: ms > 2 * DAY), zones)
def test_today_begins_within_a_day(now_ms: int, zone: str) -> None:
    place = parse_zone(zone)
    today = parse_time("today", "--time", zone=place, now_ms=now_ms)
    assert 0 <= now_ms - today < DAY + 2 * HOUR
    assert DAY - 2 * HOUR <= today - parse_time("yesterday", "--time", zone=place, now_ms=now_ms) <= DAY + 2 * HOUR
    assert format_time(today, place)[:10] == format_time(now_ms, place)[:10]


@property_test
@given(dated_ms, dated_ms, st.booleans())
def test_a_range_has_the_times_of_its_sides(first: int, second: int, as_number: bool) -> None:
    start, end = sorted((first, second))
    left = str(start) if as_number else format_time(start)
    both = parse_time_range(f"{left}..{end}", "--during")
    assert both == TimeRange(start_ms=start, end_ms=end)
    assert both.contains(start) is (start < end)
    assert not both.contains(end)


@property_test
@given(st.integers(0, 2**32 * 1000 // 2 - DAY))
def test_the_local_zone_is_that_of_the_c_library(ms: int) -> None:
    local = parse_zone("local")
    moment = datetime.fromtimestamp(ms // 1000, UTC).astimezone(local)
    assert moment.timetuple()[:6] == time.localtime(ms // 1000)[:6]
    assert parse_time(format_time(ms, local), "--time") == ms
