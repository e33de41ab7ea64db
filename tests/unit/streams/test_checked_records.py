"""Records of a Python program: what is accepted, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kafkactl
from kafkactl.errors import UnreachableError, UsageError
from kafkactl.streams.checked_records import FIELDS, make_batches, make_record, require_records
from kafkactl.streams.record import Record, is_plain
from tests.mock_cluster import MockCluster
from tests.properties import examples

RIGHT: list[tuple[object, Record]] = [
    ("ü", {"key": None, "value": "ü".encode()}),
    ("", {"key": None, "value": b""}),
    (b"\xff", {"key": None, "value": b"\xff"}),
    ({}, {"key": None, "value": None}),
    ({"key": b"k"}, {"key": b"k", "value": None}),
    ({"key": "k", "value": "ü"}, {"key": b"k", "value": "ü".encode()}),
    ({"key": None, "value": None, "headers": None, "partition": None, "timestamp": None}, {"key": None, "value": None}),
    ({"value": b"v", "partition": 0}, {"key": None, "value": b"v", "partition": 0}),
    ({"value": b"v", "partition": 2**31 - 1}, {"key": None, "value": b"v", "partition": 2**31 - 1}),
    ({"value": b"v", "timestamp": 2**63 - 1}, {"key": None, "value": b"v", "timestamp": 2**63 - 1}),
    ({"value": b"v", "headers": []}, {"key": None, "value": b"v"}),
    (
        {"headers": (("h", b"1"), ["h", "ü"], ("", None), (b"b", b""), (b"\xff", b"x"), ("a\0", b""))},
        {
            "key": None,
            "value": None,
            "headers": [("h", b"1"), ("h", "ü".encode()), ("", None), ("b", b""), (b"\xff", b"x"), ("a\0", b"")],
        },
    ),
]
WRONG: list[tuple[object, str]] = [
    *((record, "a record is text, bytes or a dict") for record in (None, 5, 1.5, True, ["x"], ("k", "v"), {"x"})),
    *((record, "a record is text, bytes or a dict") for record in (bytearray(b"x"), memoryview(b"x"))),
    (MappingProxyType({"value": b"x"}), "a record is text, bytes or a dict"),
    *(
        ({"value": b"x", name: b""}, "unknown field")
        for name in ("val", "Value", "timestamp_ms", "offset", "", 5, None)
    ),
    ({"val": b"x"}, "unknown field 'val'"),
    *(({field: value}, field) for field in ("key", "value") for value in (5, 1.5, True, [b"x"], {}, bytearray(b"x"))),
    *(({field: value}, "lone surrogate") for field in ("key", "value") for value in ("a\udcff", "\ud83d")),
    ("a\udcff", "lone surrogate"),
    *(({"partition": value}, "partition") for value in (-1, 2**31, 2**32, 10**5000, "0", 1.0, True, False, b"0")),
    *(({"timestamp": value}, "timestamp") for value in (-1, 2**63, "0", 1.5, True, False, float("nan"))),
    *(({"headers": value}, "headers") for value in ({"a": "1"}, "ab", b"ab", 5, True, {("a", b"1")}, iter(()))),
    *(({"headers": [value]}, "header 0") for value in ("ab", "a", b"ab", (), ("a",), ("a", b"1", b"2"), 5, None, {})),
    *(({"headers": [("a", b"1"), (name, b"1")]}, "name of header 1") for name in (None, 5, True, "a\udcff", ["a"])),
    *(({"headers": [("a", value)]}, "value of header 0") for value in (5, True, [b"x"], "a\udcff", bytearray(b"x"))),
]


@pytest.mark.parametrize(("record", "expected"), RIGHT)
def test_right_records(record: object, expected: Record) -> None:
    assert make_record(0, record) == expected
    assert is_plain([make_record(0, record)]) == (set(expected) == {"key", "value"})


@pytest.mark.parametrize(("record", "message"), WRONG)
@pytest.mark.parametrize("number", [0, 1234])
def test_wrong_records(record: object, message: str, number: int) -> None:
    with pytest.raises(UsageError, match=f"record {number}") as caught:
        make_record(number, record)
    text = f"{caught.value} {caught.value.hint or ''}"
    text.encode()
    assert message in text
    assert len(text) < 500


def test_an_unknown_field_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        make_record(0, {"key": b"k", "val": b"v"})
    assert caught.value.hint is not None
    assert all(name in caught.value.hint for name in FIELDS)


values = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=5)),
    st.text(st.characters(), max_size=5),
    st.lists(st.tuples(st.text(st.characters(), max_size=3), st.one_of(st.none(), st.binary(max_size=3))), max_size=3),
)


@pytest.fixture(scope="module")
def client() -> Iterator[kafkactl.Client]:
    with MockCluster() as mock:
        mock.create("orders", partitions=2)
        with kafkactl.connect(bootstrap_servers=mock.bootstrap_servers, timeout_s=5) as client:
            yield client


@examples(100)
@given(st.one_of(values, st.dictionaries(st.one_of(st.sampled_from([*FIELDS, "val"]), st.text(max_size=3)), values)))
def test_every_value_is_a_record_or_wrong_usage(record: object) -> None:
    try:
        made = make_record(0, record)
    except UsageError:
        return
    assert made.keys() <= set(FIELDS)
    assert isinstance(made["key"], bytes | None)
    assert isinstance(made["value"], bytes | None)


@pytest.mark.parametrize("records", ["abc", b"abc", bytearray(b"a"), memoryview(b"a"), {"value": b"x"}, 5, None])
def test_one_record_is_not_several(records: object) -> None:
    with pytest.raises(UsageError, match="for records"):
        require_records(records)


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000, 1234])
def test_all_records_before_a_wrong_one_come_first(count: int) -> None:
    seen: list[list[Record]] = []
    with pytest.raises(UsageError, match=f"record {count}: "):
        seen.extend(make_batches([*map(str, range(count)), 5]))
    assert all(0 < len(batch) <= 500 for batch in seen)
    assert [record["value"] for batch in seen for record in batch] == [str(number).encode() for number in range(count)]


@pytest.mark.parametrize(("record", "message"), WRONG)
def test_a_list_with_a_wrong_record_sends_nothing(client: kafkactl.Client, record: object, message: str) -> None:
    with pytest.raises(UsageError, match="record 2") as caught:
        client.produce("orders", ["a", b"b", record])  # type: ignore[list-item]
    assert caught.value.delivery == kafkactl.Delivery(delivered=0)


@pytest.mark.parametrize(("record", "message"), WRONG[::9])
@pytest.mark.parametrize("count", [0, 700])
@pytest.mark.slow
def test_an_iterable_sends_the_records_before_the_wrong_one(
    client: kafkactl.Client, record: object, message: str, count: int
) -> None:
    records: list[object] = [*(["x"] * count), record, "never sent"]
    with pytest.raises(UsageError, match=f"record {count}") as caught:
        client.produce("orders", iter(records))  # type: ignore[arg-type]
    assert caught.value.delivery == kafkactl.Delivery(delivered=count)


@pytest.mark.slow
def test_what_was_sent_is_in_the_log() -> None:
    with MockCluster() as mock:
        mock.create("orders")
        with kafkactl.connect(bootstrap_servers=mock.bootstrap_servers, timeout_s=5) as client:
            with pytest.raises(UsageError) as caught:
                client.produce("orders", iter(["a", {"value": b"b", "headers": [("h", "1")]}, {"val": b"c"}, "d"]))
            assert caught.value.delivery.delivered == 2
            client.produce("orders", ["e"])
            records = list(client.consume("orders", from_beginning=True, max_records=3))
    assert [record.value for record in records] == [b"a", b"b", b"e"]
    assert records[1].headers == (("h", b"1"),)


@pytest.mark.slow
def test_an_error_of_the_iterable_passes_through(client: kafkactl.Client) -> None:
    def read() -> Iterator[str]:
        yield from ["a", "b"]
        raise ValueError("of the program")

    with pytest.raises(ValueError, match="of the program") as caught:
        client.produce("orders", read())
    assert caught.value.__notes__ == ["kafkactl: 2 records delivered before this, 0 not"]


@pytest.mark.slow
def test_other_errors_have_the_delivery_too(client: kafkactl.Client) -> None:
    unsendable = client.produce("orders", ["a", {"value": b"b", "partition": 7}])
    assert (unsendable.delivered, [record.value for record in unsendable.undelivered]) == (1, [b"b"])
    with kafkactl.connect(bootstrap_servers="127.0.0.1:1", timeout_s=0.2) as absent:
        with pytest.raises(UnreachableError) as caught:
            absent.produce("orders", ["a"])
        assert caught.value.delivery == kafkactl.Delivery(delivered=0)
        with pytest.raises(UsageError) as refused:
            absent.produce("", ["a"])
        assert refused.value.delivery == kafkactl.Delivery(delivered=0)
