"""Avro values as JSON and back: every type, types that hold themselves, and values that other programs wrote."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.avro import make_format
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import AVRO, Schema, ShowOptions

TREE = {"type": "record", "name": "shop.Tree", "fields": [
    {"name": "value", "type": ["null", "int", "long", "string", "bytes", {"type": "array", "items": "double"}]},
    {"name": "list", "type": {"type": "array", "items": "Tree"}},
    {"name": "map", "type": {"type": "map", "values": "Tree"}},
    {"name": "one", "type": ["null", "Tree"], "default": None},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
    {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 2}},
]}  # fmt: skip


def of(schema: Any, logical: bool = False) -> Format:
    return make_format(Schema(AVRO, json.dumps(schema), shown=ShowOptions(logical_types=logical)))


BYTES = st.binary(max_size=4).map(lambda data: data.decode("latin-1"))
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**31), 2**31 - 1).map(lambda number: {"int": number}),
    st.sampled_from([2**31, -(2**63), 2**63 - 1]).map(lambda number: {"long": number}),
    st.text(max_size=4).map(lambda text: {"string": text}),
    BYTES.map(lambda text: {"bytes": text}),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(lambda each: {"array": each}),
)


def trees(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {
            "value": VALUES,
            "list": st.lists(inner, max_size=2),
            "map": st.dictionaries(st.text(max_size=2), inner, max_size=2),
            "one": st.none() | inner.map(lambda each: {"shop.Tree": each}),
            "kind": st.sampled_from("AB"),
            "id": st.binary(min_size=2, max_size=2).map(lambda data: data.decode("latin-1")),
        }
    )


LEAF = {"value": None, "list": [], "map": {}, "one": None, "kind": "A", "id": "xy"}
TREES = st.recursive(st.just(LEAF), trees, max_leaves=5)


@given(TREES)
def test_values_go_round(value: Any) -> None:
    format = of(TREE)
    text = format.to_text(format.to_bytes(json.dumps(value)))
    assert json.loads(text) == value


@given(st.binary(max_size=40))
@example(b"\xff" * 40)
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    for logical in (False, True):
        with contextlib.suppress(FormatError):
            of(TREE, logical).to_text(data)


MEANINGS = [
    ({"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 2}, "\x04\u00d2", "12.34", b"\x04\x04\xd2"),
    ({"type": "string", "logicalType": "uuid"}, "no uuid", None, b"\x0eno uuid"),
    ({"type": "long", "logicalType": "timestamp-millis"}, 999999999999999, None, b"\xfe\xff\xb3\xcc\xd4\xdf\xc6\x03"),
    ({"type": "long", "logicalType": "timestamp-millis"}, 0, "1970-01-01T00:00:00+00:00", b"\0"),
    ({"type": "int", "logicalType": "date"}, 1, "1970-01-02", b"\x02"),
]


@pytest.mark.parametrize(("schema", "plain", "meant", "data"), MEANINGS)
def test_meanings_are_only_heeded_when_they_are_asked_for(
    schema: Any, plain: Any, meant: str | None, data: bytes
) -> None:
    assert of(schema).to_bytes(json.dumps(plain)) == data
    assert json.loads(of(schema).to_text(data)) == plain
    if meant is not None:
        assert json.loads(of(schema, logical=True).to_text(data)) == meant
        assert of(schema, logical=True).to_bytes(json.dumps(meant)) == data


def test_letters_are_written_as_they_are() -> None:
    assert of("string").to_text(of("string").to_bytes('"\\u00fcber 한글"')) == '"über 한글"'


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({**LEAF, "list": [LEAF, {**LEAF, "kind": "C"}]}, r'the value\.list\[1\]\.kind: "C" is not of the type enum'),
        ({**LEAF, "map": {"k": {**LEAF, "id": "abc"}}}, r"the value\.map\['k'\]\.id: .abc. is not of the type fixed"),
        ({**LEAF, "other": 1}, "the value: unknown field other"),
        ({"value": None}, "the value: field list is missing"),
        ({**LEAF, "value": {"int": 2**31}}, "the value.value.int: 2147483648 is not of the type int"),
        ({**LEAF, "value": True}, "the value.value: true is of none of the types null, int, long"),
        ([], "the value: .* is not an object"),
    ],
)
def test_errors_name_the_field(value: Any, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        of(TREE).to_bytes(json.dumps(value))


def test_numbers_that_json_does_not_have() -> None:
    for text in ('"NaN"', '"Infinity"', '"-Infinity"', "1.5"):
        assert of("double").to_text(of("double").to_bytes(text)) == text


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


@pytest.mark.parametrize(
    ("schema", "text", "why"),
    [
        ("double", "1e400", "is not of the type double"),
        ("double", "1" + "0" * 400, "is not of the type double"),
        ("double", "NaN", 'JSON does not have the value NaN: write "NaN"'),
        ("float", "1e39", "is not of the type float"),
        ("string", '"\\ud800"', "has a lone surrogate"),
        ({"type": "map", "values": "int"}, "null", "the value: null is not an object"),
        (DECIMAL, '"1.234"', "has more digits than the decimal keeps"),
        (DECIMAL, '"123.45"', "has more digits than the decimal keeps"),
        (DECIMAL, '"NaN"', "has more digits than the decimal keeps"),
        (MILLIS, '"2020-01-01T00:00:00.123456Z"', "has more digits than the timestamp-millis keeps"),
        ("int", "[" * 100_000, "is nested too deeply"),
    ],
)
def test_nothing_is_rounded_in_silence(schema: object, text: str, why: str) -> None:
    format = make_format(Schema(AVRO, json.dumps(schema), shown=ShowOptions(logical_types=True)))
    with pytest.raises(FormatError, match=re.escape(why)):
        format.to_bytes(text)


@pytest.mark.parametrize(
    ("schema", "data", "why"),
    [
        ("string", b"\x02\xff", "a text is not UTF-8"),
        ("string", b"\x08a", "they end too early"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x10", "they do not have the form of its type"),
    ],
)
def test_why_bytes_are_no_value_is_said_plainly(schema: object, data: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=f"bytes do not match the Avro schema: {why}"):
        make_format(Schema(AVRO, json.dumps(schema))).to_text(data)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    schema = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
    with pytest.raises(FormatError, match="the Avro value of 901 bytes is nested too deeply"):
        make_format(Schema(AVRO, json.dumps(schema))).to_text(b"\x02" * 900 + b"\0")


def test_a_time_that_nobody_can_write_is_shown_as_its_number() -> None:
    format = make_format(Schema(AVRO, json.dumps(MILLIS), shown=ShowOptions(logical_types=True)))
    plain = make_format(Schema(AVRO, '"long"'))
    assert format.to_text(plain.to_bytes("999999999999999999")) == "999999999999999999"
    assert format.to_text(plain.to_bytes("0")).startswith('"1970-01-01T00:00:00')


RECURSIVE = {
    "list": '{"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}',
    "array": '{"type": "record", "name": "N", "fields": [{"name": "next", "type": {"type": "array", "items": "N"}}]}',
    "map": '{"type": "record", "name": "N", "fields": [{"name": "next", "type": {"type": "map", "values": "N"}}]}',
    "two types": """{"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null",
        {"type": "record", "name": "M", "fields": [{"name": "back", "type": ["null", "N"]}]}]}]}""",
}
LEVELS = {"list": b"\x02", "array": b"\x02", "map": b"\x02\x00", "two types": b"\x02"}


@pytest.mark.parametrize("name", RECURSIVE)
@pytest.mark.parametrize("depth", [5_000, 300_000])
def test_a_value_inside_of_itself_does_not_end_the_process(name: str, depth: int) -> None:
    """In a process of its own: a segmentation fault would end the tests."""
    program = (
        "from kafkactl.errors import FormatError\n"
        "from kafkactl.serde.avro import make_format\n"
        "from kafkactl.serde.schemas import AVRO, Schema\n"
        f"read = make_format(Schema(AVRO, {RECURSIVE[name]!r})).to_text\n"
        f"try: read({LEVELS[name]!r} * {depth})\n"
        "except FormatError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"the Avro value of {depth * len(LEVELS[name])} bytes is nested too deeply\n"


def test_a_schema_with_shared_types_is_read_at_once() -> None:
    """Each type is looked at once, and not once for every way that leads to it."""
    inner: Any = "int"
    for number in range(60):
        inner = {
            "type": "record", "name": f"R{number}",
            "fields": [{"name": "a", "type": inner}, {"name": "b", "type": f"R{number - 1}" if number else "int"}],
        }  # fmt: skip
    with contextlib.suppress(UsageError):  # nested too deeply for the parser
        make_format(Schema(AVRO, json.dumps(inner)))


@pytest.mark.parametrize("depth", range(50, 600, 50))
def test_a_deep_schema_is_read_or_refused(depth: int) -> None:
    schema: Any = "int"
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    with contextlib.suppress(UsageError):
        make_format(Schema(AVRO, json.dumps(schema)))


DATE, TIMESTAMP = {"type": "int", "logicalType": "date"}, {"type": "long", "logicalType": "timestamp-millis"}
TIME_MS, TIME_US = {"type": "int", "logicalType": "time-millis"}, {"type": "long", "logicalType": "time-micros"}


@pytest.mark.parametrize(
    ("union", "value"),
    [
        ([TIME_MS, "long"], {"long": 5}),
        ([TIME_MS, "long"], {"int": "10:00:00"}),
        (["int", TIME_US], {"long": "10:00:00"}),
        (["int", TIME_US], {"int": 5}),
        ([DATE, "long"], {"long": 5}),
        ([DATE, "long"], {"int": "2020-01-01"}),
        ([DATE, TIME_US], {"long": "10:00:00"}),
        (["int", TIMESTAMP], {"long": "2020-01-01T00:00:00+00:00"}),
        (["int", TIMESTAMP], {"int": 5}),
    ],
)
def test_a_union_of_int_and_long_keeps_the_branch_of_a_logical_type(union: list[Any], value: dict[str, Any]) -> None:
    format = of(union, logical=True)
    assert json.loads(format.to_text(format.to_bytes(json.dumps(value)))) == value


@pytest.mark.parametrize("text", ['"0"', '"0.00"', '"0E+5"', '"-0E+3"'])
def test_zero_fits_however_it_is_written(text: str) -> None:
    format = make_format(Schema(AVRO, json.dumps(DECIMAL), shown=ShowOptions(logical_types=True)))
    assert format.to_text(format.to_bytes(text)) == '"0.00"'


def test_an_error_is_a_record() -> None:
    """Avro's type for the errors of a protocol; its values may be records of a topic, too."""
    fields = [{"name": "data", "type": "bytes"}, {"name": "code", "type": ["null", "int"]}]
    format = make_format(Schema(AVRO, json.dumps({"type": "error", "name": "Failure", "fields": fields})))
    text = '{"data": "\\u00ff", "code": {"int": 3}}'
    assert json.loads(format.to_text(format.to_bytes(text))) == {"data": "ÿ", "code": {"int": 3}}


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_references_with_unknown_types(order: tuple[str, ...]) -> None:
    """Such a reference is as if it were not there; it must not leave a half of its types."""
    texts = {
        "a": '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "Unknown"}]}',
        "b": '{"type": "record", "name": "B", "fields": [{"name": "y", "type": "int"}]}',
    }
    references = {name: texts[name] for name in order}
    with pytest.raises(UsageError, match="invalid Avro schema: A"):
        make_format(Schema(AVRO, '{"type": "record", "name": "M", "fields": [{"name": "a", "type": "A"}]}', references))
    main = '{"type": "record", "name": "M", "fields": [{"name": "b", "type": "B"}]}'
    chosen = make_format(Schema(AVRO, main, references))
    assert chosen.to_text(chosen.to_bytes('{"b": {"y": 1}}')) == '{"b": {"y": 1}}'


EVENTS = {
    "a": '{"type": "record", "name": "A", "namespace": "n", "fields": [{"name": "x", "type": "string"}]}',
    "b": '{"type": "record", "name": "n.B", "fields": [{"name": "a", "type": ["null", "n.A"]}, {"name": "k", "type": '
    '{"type": "enum", "name": "n.K", "symbols": ["ONE", "TWO"]}}]}',
}
"""Two schemas that others refer to; the second refers to the first."""


@pytest.mark.parametrize(
    ("main", "values"),
    [
        ('["n.A", "n.B"]', ['{"n.A": {"x": "v"}}', '{"n.B": {"a": {"n.A": {"x": "v"}}, "k": "TWO"}}']),
        ('["null", "n.B", "n.A", "n.K"]', ["null", '{"n.K": "ONE"}', '{"n.B": {"a": null, "k": "ONE"}}']),
        ('"n.B"', ['{"a": {"n.A": {"x": "v"}}, "k": "TWO"}']),
        ('{"type": "array", "items": "n.B"}', ["[]", '[{"a": null, "k": "ONE"}, {"a": null, "k": "TWO"}]']),
        ('{"type": "map", "values": ["n.A", "n.B"]}', ['{"k": {"n.A": {"x": "v"}}}']),
        (
            '{"type": "record", "name": "M", "fields": [{"name": "b", "type": "n.B"}, {"name": "a", "type": "n.A"}]}',
            ['{"b": {"a": null, "k": "ONE"}, "a": {"x": "v"}}'],
        ),
    ],
)
@pytest.mark.parametrize("logical", [False, True])
def test_a_schema_of_any_kind_may_name_types_of_its_references(main: str, values: list[str], logical: bool) -> None:
    """Such as the union of the events that one topic has."""
    chosen = make_format(Schema(AVRO, main, EVENTS, shown=ShowOptions(logical_types=logical)))
    for value in values:
        assert json.loads(chosen.to_text(chosen.to_bytes(value))) == json.loads(value)


@pytest.mark.parametrize(
    ("schema", "data", "shown"),
    [
        (DECIMAL, b"\x06" + (1234567).to_bytes(3, "big"), "12345.67"),
        (DECIMAL, b"\x00", "0.00"),
        ({**DECIMAL, "type": "fixed", "name": "F", "size": 4}, b"\x80\0\0\0", "-21474836.48"),
        (["null", DECIMAL], b"\x02\x06" + (1234567).to_bytes(3, "big"), {"bytes": "12345.67"}),
        (
            {"type": "record", "name": "R", "fields": [
                {"name": "a", "type": ["null", {**DECIMAL, "type": "fixed", "name": "F", "size": 3}]},
                {"name": "b", "type": "F"},
            ]},
            b"\x02" + (1234567).to_bytes(3, "big") * 2,
            {"a": {"F": "12345.67"}, "b": "12345.67"},
        ),
    ],
)  # fmt: skip
def test_a_decimal_of_more_digits_than_its_precision_is_not_rounded(schema: Any, data: bytes, shown: Any) -> None:
    assert json.loads(of(schema, logical=True).to_text(data)) == shown


@pytest.mark.parametrize(
    "schema",
    [
        [["null"], "float"],
        {"type": "array", "items": ["null", ["int"]]},
        {"type": "record", "name": "R", "fields": [{"name": "f", "type": [["R"], "null"]}]},
    ],
)
def test_a_union_in_a_union_is_refused(schema: object) -> None:
    with pytest.raises(UsageError, match="a union is directly in a union"):
        make_format(Schema(AVRO, json.dumps(schema)))
    reference = {"type": "record", "name": "Outer", "fields": [{"name": "f", "type": schema}]}
    with pytest.raises(UsageError, match="a union is directly in a union"):
        make_format(Schema(AVRO, '"string"', {"r": json.dumps(reference)}))


@pytest.mark.parametrize(
    "numbers", [{"precision": None}, {"precision": 4, "scale": None}, {"precision": 4, "scale": ""}]
)
@pytest.mark.parametrize("kind", [{"type": "bytes"}, {"type": "fixed", "name": "F", "size": 2}])
def test_a_decimal_without_a_usable_precision_is_bytes(kind: dict[str, Any], numbers: dict[str, Any]) -> None:
    schema = kind | {"logicalType": "decimal"} | numbers
    format = make_format(Schema(AVRO, json.dumps(schema), shown=ShowOptions(logical_types=True)))
    data = b"\x01\x02" if kind["type"] == "fixed" else b"\x04\x01\x02"
    assert json.loads(format.to_text(data)) == "\x01\x02"
    with pytest.raises(FormatError):
        format.to_bytes('"1.2"')


@pytest.mark.parametrize("logical_types", [False, True])
def test_a_schema_that_is_nested_too_deeply_is_refused(logical_types: bool) -> None:
    text = '{"type": "array", "items": ' * 700 + '"int"' + "}" * 700
    with pytest.raises(UsageError, match="invalid Avro schema"):
        make_format(Schema(AVRO, text, shown=ShowOptions(logical_types=logical_types)))
