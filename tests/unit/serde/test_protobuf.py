"""Protobuf values: maps of registries, messages by name and place, zero values, and fields that nobody knows."""

from __future__ import annotations

import errno
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, struct_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from kafkactl.errors import FormatError, OperationError, UsageError
from kafkactl.serde import protobuf, schemas
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import PROTOBUF, Schema, ShowOptions

SHOP = """syntax = "proto3"; package shop;
message First { map<string, int32> counts = 1; message Inner { string name = 1; } Inner inner = 2; }
message Order { int64 id = 1; bool paid = 2; repeated string tags = 3; First first = 4; }
message Other { message Order { int32 x = 1; } Order order = 1; }"""
AS_REGISTERED = """syntax = "proto3"; package shop;
message First {
  repeated CountsEntry counts = 1;
  Inner inner = 2;
  message CountsEntry { option map_entry = true; string key = 1; int32 value = 2; }
  message Inner { string name = 1; }
}"""


def of(text: str, message: str | None = None, zero_values: bool = False) -> Format:
    return protobuf.make_format(Schema(PROTOBUF, text, message=message, shown=ShowOptions(zero_values=zero_values)))


def test_a_map_that_is_registered_as_its_entries_is_a_map() -> None:
    value = '{"counts": {"a": 1, "b": 2}, "inner": {"name": "x"}}'
    assert of(AS_REGISTERED).to_bytes(value) == of(SHOP).to_bytes(value)
    assert json.loads(of(AS_REGISTERED).to_text(of(SHOP).to_bytes(value))) == json.loads(value)


@pytest.mark.parametrize("reserved", ["536870911", "536870905, 536870911", "1000 to max"])
def test_a_reserved_number_makes_no_map_of_a_message(reserved: str) -> None:
    text = f'syntax="proto3"; message Out {{ message In {{ reserved {reserved}; int32 a = 1; }} In x = 1; }}'
    assert of(text).to_bytes('{"x": {"a": 7}}') == b"\x0a\x02\x08\x07"


@pytest.mark.parametrize("text", [SHOP, AS_REGISTERED])
def test_messages_are_counted_without_the_entries_of_maps(text: str) -> None:
    inner = protobuf.find_message_class(Schema(PROTOBUF, text), [0, 0])
    assert inner.DESCRIPTOR.full_name == "shop.First.Inner"
    assert protobuf.find_indexes(inner) == [0, 0]


def test_a_message_by_a_part_of_its_name() -> None:
    assert of(SHOP, "Inner").to_text(b"\n\x01x") == '{"name": "x"}'
    assert of(SHOP, "shop.Order").to_text(b"\x08\x05") == '{"id": "5"}'
    with pytest.raises(UsageError, match="2 messages Order"):
        of(SHOP, "Order")
    with pytest.raises(UsageError, match="no message None"):
        of(SHOP, "None")


def test_zero_values_are_shown_when_they_are_asked_for() -> None:
    assert of(SHOP, "shop.Order").to_text(b"") == "{}"
    assert json.loads(of(SHOP, "shop.Order", zero_values=True).to_text(b"")) == {"id": "0", "paid": False, "tags": []}


def test_fields_that_the_schema_does_not_know_stay_visible() -> None:
    newer = """syntax = "proto3"; package shop;
    message Order { int64 id = 1; First first = 4; int32 added = 50; string text = 51; }
    message First { Inner inner = 2; message Inner { string name = 1; fixed32 more = 9; } }"""
    data = of(newer, "shop.Order").to_bytes(
        '{"id": 1, "added": 7, "text": "ü", "first": {"inner": {"name": "n", "more": 3}}}'
    )
    assert json.loads(of(SHOP, "shop.Order").to_text(data)) == {
        "id": "1", "first": {"inner": {"name": "n", "#9": 3}}, "#50": 7, "#51": "w7w=",
    }  # fmt: skip


def test_a_required_field_that_is_missing_is_named() -> None:
    text = 'syntax = "proto2"; message R { required int32 id = 1; optional string name = 2; }'
    with pytest.raises(FormatError, match="id"):
        of(text).to_bytes('{"name": "x"}')
    assert of(text).to_bytes('{"id": 1}') == b"\x08\x01"


def test_a_string_that_is_not_utf8_is_refused() -> None:
    """proto2 lets it pass, and JSON has no such text."""
    for text, data in {
        "optional string name = 1;": b"\x0a\x01\xff",
        "repeated string name = 1;": b"\x0a\x01\xff",
        "map<int32, string> name = 1;": b"\x0a\x05\x08\x01\x12\x01\xff",
        "map<string, int32> name = 1;": b"\x0a\x05\x0a\x01\xff\x10\x01",
        "map<string, R> name = 1;": b"\x0a\x05\x0a\x01\xff\x12\x00",
    }.items():
        format = of(f'syntax = "proto2"; message R {{ {text} }}')
        with pytest.raises(FormatError, match=r"field name is not UTF-8|name field: 'utf-8'"):
            format.to_text(data)
    held = of('syntax = "proto2"; message R { map<int32, bytes> name = 1; }')
    assert held.to_text(b"\x0a\x05\x08\x01\x12\x01\xff") == '{"name": {"1": "/w=="}}'


FREE = """syntax = "proto3"; import "google/protobuf/struct.proto";
message Free { google.protobuf.Struct one = 1; google.protobuf.Value value = 2; google.protobuf.ListValue list = 3;
  repeated google.protobuf.Value values = 4; map<string, google.protobuf.Value> named = 5;
  repeated google.protobuf.Struct many = 6; repeated google.protobuf.ListValue lists = 7; }"""


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects whose names may be those of the fields of google.protobuf's own messages."""
    names = st.sampled_from(["a", "fields", "values", "struct_value", "list_value", "@type"])
    return st.dictionaries(names, inner, max_size=3)


DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5).map(float), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), objects(inner)),
    max_leaves=6,
)
FREE_FORMAT = of(FREE)


@pytest.mark.slow
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "one": objects(DATA), "value": DATA, "list": st.lists(DATA, max_size=3),
            "values": st.lists(DATA, min_size=1, max_size=3),
            "named": st.dictionaries(st.text(max_size=2), DATA, min_size=1),
            "many": st.lists(objects(DATA), min_size=1), "lists": st.lists(st.lists(DATA), min_size=1),
        },
    )
)  # fmt: skip
@example({"one": {"fields": {"a": 1.0}}})
@example({"value": [1.0]})
@example({"one": {"fields": [1.0, 2.0]}, "value": {"struct_value": {"a": 1.0}}})
def test_messages_of_any_json(fields: dict[str, Any]) -> None:
    """Their names are data, and no fields of a schema."""
    assert json.loads(FREE_FORMAT.to_text(FREE_FORMAT.to_bytes(json.dumps(fields)))) == fields
    for kind, name in ((struct_pb2.Struct, "one"), (struct_pb2.Value, "value"), (struct_pb2.ListValue, "list")):
        if name in fields:
            format = protobuf.make_class_format(kind, schemas.DEFAULT_SHOW_OPTIONS)
            assert json.loads(format.to_text(format.to_bytes(json.dumps(fields[name])))) == fields[name]


def test_a_broken_file_that_is_not_imported_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "order.proto").write_text(SHOP)
    (tmp_path / "broken.proto").write_text("message {")
    (tmp_path / "binary.proto").write_bytes(b"\xff\xfe")
    schema = schemas.read_schema(f"{tmp_path / 'order.proto'}:shop.Order", PROTOBUF)
    assert protobuf.make_format(schema).to_text(b"\x08\x05") == '{"id": "5"}'


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff\xff", b"\x0a\x02\xff\xfe"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        of(SHOP).to_text(data)


def one_nan(number: float) -> float:
    """Return a number; JSON has one NaN only, and not those with other bits."""
    return math.nan if math.isnan(number) else number


SCALARS = {
    "double": st.floats().map(one_nan),
    "float": st.floats(width=32).map(one_nan), "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1), "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1), "sint32": st.integers(-(2**31), 2**31 - 1),
    "sint64": st.integers(-(2**63), 2**63 - 1), "fixed32": st.integers(0, 2**32 - 1),
    "fixed64": st.integers(0, 2**64 - 1), "sfixed32": st.integers(-(2**31), 2**31 - 1),
    "sfixed64": st.integers(-(2**63), 2**63 - 1), "bool": st.booleans(), "string": st.text(max_size=5),
    "bytes": st.binary(max_size=5), "Kind": st.sampled_from([0, 1, 7]),
}  # fmt: skip
KEYS = [name for name in SCALARS if name not in ("double", "float", "bytes", "Kind")]


def all_types() -> str:
    """Return a schema with a field, an optional, a repeated one and a map of every scalar type."""
    fields = []
    for number, name in enumerate(SCALARS, 1):
        fields += [f"{name} one_{name.lower()} = {number};", f"optional {name} maybe_{name.lower()} = {number + 100};"]
        fields += [f"repeated {name} many_{name.lower()} = {number + 200};"]
        fields += [
            f"map<{key}, {name}> by_{key}_{name.lower()} = {1000 + 100 * KEYS.index(key) + number};" for key in KEYS
        ]
    fields += ["oneof choice { int32 left = 300; string right = 301; }", "All inner = 302; repeated All list = 303;"]
    fields += ["map<string, All> named = 304; google.protobuf.Timestamp at = 305;"]
    return f"""syntax = "proto3"; import "google/protobuf/timestamp.proto";
    enum Kind {{ NONE = 0; SOME = 1; }} message All {{ {" ".join(fields)} }}"""


ALL = protobuf.find_message_class(Schema(PROTOBUF, all_types()))


def messages(depth: int = 1) -> st.SearchStrategy[Any]:
    """Return messages with some of the fields of every type."""

    @st.composite
    def build(draw: st.DrawFn) -> Any:
        value = ALL()
        for name in draw(st.lists(st.sampled_from(list(SCALARS)), max_size=4)):
            low = name.lower()
            setattr(value, f"one_{low}", draw(SCALARS[name]))
            setattr(value, f"maybe_{low}", draw(SCALARS[name]))
            getattr(value, f"many_{low}").extend(draw(st.lists(SCALARS[name], max_size=3)))
            key = draw(st.sampled_from(KEYS))
            getattr(value, f"by_{key}_{low}")[draw(SCALARS[key])] = draw(SCALARS[name])
        if draw(st.booleans()):
            setattr(value, *draw(st.sampled_from([("left", 0), ("left", -1), ("right", ""), ("right", "x")])))
        value.at.seconds, value.at.nanos = draw(st.integers(-(10**9), 10**9)), draw(st.integers(0, 10**9 - 1))
        if depth:
            inner = messages(depth - 1)
            value.inner.CopyFrom(draw(inner))
            value.list.extend(draw(st.lists(inner, max_size=1)))
            value.named["ü"].CopyFrom(draw(inner))
        return value

    return build()


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """Return the bytes with one of them changed."""
    if not data:
        return st.just(data)
    return st.builds(
        lambda at, byte: data[:at] + bytes([byte]) + data[at + 1 :], st.integers(0, len(data) - 1), st.integers(0, 255)
    )


def same(data: bytes) -> bytes:
    """Return a message's bytes in one order, without what is unknown in a time: JSON has that as a text."""
    value = ALL.FromString(data)
    forget_unknown_of_times(value)
    return bytes(value.SerializeToString(deterministic=True))


def forget_unknown_of_times(value: Any) -> None:
    if value.HasField("at"):
        value.at.DiscardUnknownFields()
    for inner in (*([value.inner] if value.HasField("inner") else []), *value.list, *value.named.values()):
        forget_unknown_of_times(inner)


@pytest.mark.slow
@pytest.mark.parametrize("zero_values", [False, True])
@given(value=messages())
def test_every_message_comes_out_as_it_went_in(zero_values: bool, value: Any) -> None:
    format = protobuf.make_class_format(ALL, ShowOptions(zero_values=zero_values))
    data = value.SerializeToString(deterministic=True)
    assert format.to_bytes(format.to_text(data)) == data


@pytest.mark.slow
@given(st.one_of(st.binary(max_size=60), messages().map(lambda value: value.SerializeToString()).flatmap(damaged)))
def test_any_bytes_are_refused_or_shown_whole(data: bytes) -> None:
    format = protobuf.make_class_format(ALL, schemas.DEFAULT_SHOW_OPTIONS)
    try:
        text = format.to_text(data)
    except FormatError:
        return
    if '"#' not in text:  # fields that the schema does not know are shown, and not read
        assert "NaN" in text or same(format.to_bytes(text)) == same(data)


@pytest.mark.parametrize("name", ["../outside.proto", "/outside.proto", "a/../../outside.proto"])
def test_an_import_stays_below_the_schemas_folder(name: str) -> None:
    with pytest.raises(UsageError, match="is not below the schema's folder"):
        protobuf.make_format(Schema(PROTOBUF, SHOP, {name: SHOP}))


@pytest.mark.parametrize("references", [{"a": "", "a/b": ""}, {"a" * 300: ""}, {"a\0b": ""}, {"a": "\ud800"}])
def test_an_import_that_no_file_can_have_is_refused(references: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="cannot write the import"):
        protobuf.make_format(Schema(PROTOBUF, SHOP, references))


@pytest.mark.parametrize(
    ("references", "reason"),
    [
        ({"b.proto": 'syntax="proto3"; message B { int33 x = 1; }'}, r'b.proto:1:30: "int33" is not defined.'),
        ({"b.proto": "message B {}; nothing"}, 'b.proto:1:15: Expected top-level statement (e.g. "message").'),
        ({"b.proto": 'syntax="proto3"; import "c.proto";'}, "c.proto: File not found."),
        ({}, "b.proto: File not found."),
    ],
)
def test_the_fault_of_an_import_is_named(references: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError) as raised:
        protobuf.make_format(Schema(PROTOBUF, 'syntax="proto3"; import "b.proto"; message A { B b = 1; }', references))
    place = 'line 1:18: Import "b.proto" was not found or had errors.'
    assert str(raised.value) == f"invalid Protobuf schema: {place} {reason}"


@pytest.mark.parametrize(
    "name", ["messages/a.proto", "messages", "descriptors/a.proto", "descriptors", "schemas/a.proto"]
)
def test_an_import_may_have_the_name_of_any_file_of_the_compiler(name: str) -> None:
    text = f'syntax="proto3"; import "{name}"; message A {{ B b = 1; }}'
    schema = Schema(PROTOBUF, text, {name: 'syntax="proto3"; message B { int32 n = 1; }'})
    assert protobuf.make_format(schema).to_bytes('{"b": {"n": 1}}') == b"\x0a\x02\x08\x01"


def test_a_warning_does_not_hide_an_error() -> None:
    """protoc warns of a reserved name before it comes to the type."""
    with pytest.raises(UsageError, match=r'^invalid Protobuf schema: line 1:\d+: "int33" is not defined\.$'):
        of('syntax="proto2"; message A { reserved "a-b"; optional int33 n = 1; }')


def test_the_largest_float_in_a_long_text_needs_little_memory() -> None:
    text = f'{{"f": 3.4028235e+38, "s": "{"x" * 100_000}"}}'
    tracemalloc.start()
    try:
        assert protobuf._expand_largest_float(text) == text.replace("3.4028235", "3.4028234663852886")
        assert tracemalloc.get_traced_memory()[1] < 20 * len(text)
    finally:
        tracemalloc.stop()


def test_a_schema_is_read_without_a_stream_for_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none where descriptor 2 was closed at its start; here the descriptor itself is open."""
    monkeypatch.setattr(sys, "stderr", None)
    assert of('syntax="proto3"; message A { int32 n = 1; }').to_bytes('{"n": 5}') == b"\x08\x05"


def test_a_schema_is_read_where_descriptor_2_is_closed() -> None:
    """In a process of its own, because the tests need theirs."""
    program = (
        "import os\n"
        "os.close(2)\n"
        "from kafkactl.serde.protobuf import make_format\n"
        "from kafkactl.serde.schemas import PROTOBUF, Schema\n"
        """text = 'syntax="proto3"; message A { int32 n = 1; }'\n"""
        "for _ in range(2): print(make_format(Schema(PROTOBUF, text)).to_text(b'\\x08\\x05'))\n"
        "try: os.fstat(2)\n"
        "except OSError: print('closed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == '{"n": 5}\n{"n": 5}\nclosed\n'


@pytest.mark.parametrize("index", [-5, 3])
def test_a_path_of_a_message_that_the_schema_does_not_have_is_refused(index: int) -> None:
    with pytest.raises(UsageError, match=f"the schema has no message number {index}"):
        protobuf.find_message_class(Schema(PROTOBUF, SHOP), [index])


def test_a_schema_without_room_for_temporary_files_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message of dump-log's or the consumer's decoder, and no error of Python."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OperationError, match="temporary file: No such file") as caught:
        protobuf._compile(Schema(PROTOBUF, 'syntax = "proto3"; message A { int32 n = 1; }'))
    assert "TMPDIR" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, OperationError), (errno.EIO, OperationError), (errno.ENAMETOOLONG, UsageError)]
)
def test_a_full_disk_is_no_fault_of_the_schema(
    code: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(error, match=os.strerror(code)):
        protobuf._compile(Schema(PROTOBUF, 'syntax = "proto3"; message A { int32 n = 1; }'))


@pytest.mark.parametrize("number", ["3.4028235e+38", "-3.4028235e+38", "13.4028235e+38", "3.4028235e+380", "0.5"])
def test_a_double_is_never_taken_for_the_largest_float(number: str) -> None:
    chosen = of('syntax="proto3"; message M { double d = 1; string s = 2; }')
    if number.endswith("380"):
        with pytest.raises(FormatError):
            chosen.to_bytes(f'{{"d": {number}}}')
        return
    data = chosen.to_bytes(f'{{"d": {number}}}')
    assert data == b"\x09" + struct.pack("<d", float(number))
    assert chosen.to_bytes(chosen.to_text(data)) == data


@pytest.mark.parametrize("number", ["3.4028235e+38", "-3.4028235e+38"])
def test_the_largest_float_is_read_as_it_is_written(number: str) -> None:
    chosen = of('syntax="proto3"; message M { float f = 1; double d = 2; string s = 3; }')
    data = chosen.to_bytes(f'{{"f": {number}, "d": 13.4028235e+38, "s": "3.4028235e+38"}}')
    assert data[:5] == b"\x0d" + struct.pack("<f", 3.4028234663852886e38 * (-1 if number[0] == "-" else 1))
    assert struct.unpack("<d", data[6:14]) == (13.4028235e38,)
    assert data.endswith(b"3.4028235e+38")
    assert chosen.to_bytes(chosen.to_text(data)) == data


def test_an_extension_with_the_name_of_a_field_is_not_taken_for_it() -> None:
    text = """syntax = "proto2"; message In { optional int32 a = 1; }
    message Out { repeated In x = 1; extensions 100 to 200; }
    message Scope { extend Out { repeated In x = 100; } }"""
    field, extension = b"\x0a\x02\x08\x01", b"\xa2\x06\x04\x08\x05\x38\x09"  # the extension has a field #7
    for number in (1, 2):
        shown = json.loads(of(text, "Out").to_text(field * number + extension))
        assert shown == {"x": [{"a": 1}] * number, "[Scope.x]": [{"a": 5}]}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
@pytest.mark.parametrize("form", ['{"v": %s}', '{"s": {"a": [1, %s]}}', '{"l": [%s]}'])
def test_a_number_that_json_does_not_have_is_refused_in_free_json(form: str, number: str) -> None:
    text = """syntax = "proto3"; import "google/protobuf/struct.proto"; message Free {
    google.protobuf.Value v = 1; google.protobuf.Struct s = 2; google.protobuf.ListValue l = 3; }"""
    with pytest.raises(FormatError, match="is not a message Free"):
        of(text).to_bytes(form % number)
    assert of(text).to_bytes(form % 1.5)


@pytest.mark.parametrize("depth", [10, 1000])
def test_an_any_in_an_any_is_shown_or_refused(depth: int) -> None:
    format = of('syntax="proto3"; import "google/protobuf/any.proto"; message A { google.protobuf.Any x = 1; }')
    packed = any_pb2.Any()
    for _ in range(depth):
        packed = any_pb2.Any(type_url="x/google.protobuf.Any", value=packed.SerializeToString())
    data = format.to_bytes("{}") + b"\x0a" + _varint(packed.ByteSize()) + packed.SerializeToString()
    if depth == 10:
        assert format.to_text(data).count("@type") == depth
    else:
        with pytest.raises(FormatError, match=f"the Protobuf value of {len(data)} bytes is nested too deeply"):
            format.to_text(data)


def _varint(number: int) -> bytes:
    """Return a number as an unsigned varint."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def test_a_set_of_descriptors_without_a_required_field_is_an_invalid_schema() -> None:
    files = descriptor_pb2.FileDescriptorSet()
    files.file.add(name="a.proto").message_type.add(name="A").options.uninterpreted_option.add().name.add()
    with pytest.raises(UsageError, match=r"invalid Protobuf schema: .*name_part"):
        protobuf.make_format(Schema(PROTOBUF, "", descriptors=files.SerializePartialToString()))


@pytest.mark.parametrize("value", ["NaN", "1e400"])
def test_no_number_of_json_passes_beside_the_largest_float(value: str) -> None:
    chosen = of(
        'syntax="proto3"; import "google/protobuf/struct.proto"; message M { float f=1; google.protobuf.Value v=2; }'
    )
    with pytest.raises(FormatError):
        chosen.to_bytes(f'{{"f": 3.4028235e+38, "v": {value}}}')


@pytest.mark.parametrize("name", ["", ".", "a/.."])
def test_an_import_without_a_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not below the schema's folder"):
        protobuf._write_file(tmp_path / "schemas", name, "text")
    assert not list(tmp_path.iterdir())


def test_a_message_of_protoc_without_a_place_has_no_second_blank() -> None:
    assert protobuf._find_first_error("kafkactl_main.proto: File not found.\n") == "line File not found."
