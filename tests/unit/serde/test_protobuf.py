"""Protobuf values: maps of registries, messages by name and place, zero values, and fields that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde import protobuf, schemas
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import PROTOBUF, Schema, Shown

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
    return protobuf.format_of(Schema(PROTOBUF, text, message=message, shown=Shown(zero_values=zero_values)))


def test_a_map_that_is_registered_as_its_entries_is_a_map() -> None:
    value = '{"counts": {"a": 1, "b": 2}, "inner": {"name": "x"}}'
    assert of(AS_REGISTERED).to_bytes(value) == of(SHOP).to_bytes(value)
    assert json.loads(of(AS_REGISTERED).to_text(of(SHOP).to_bytes(value))) == json.loads(value)


@pytest.mark.parametrize("text", [SHOP, AS_REGISTERED])
def test_messages_are_counted_without_the_entries_of_maps(text: str) -> None:
    inner = protobuf.message_class(Schema(PROTOBUF, text), [0, 0])
    assert inner.DESCRIPTOR.full_name == "shop.First.Inner"
    assert protobuf.indexes_of(inner) == [0, 0]


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


def test_a_broken_file_that_is_not_imported_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "order.proto").write_text(SHOP)
    (tmp_path / "broken.proto").write_text("message {")
    (tmp_path / "binary.proto").write_bytes(b"\xff\xfe")
    schema = schemas.read(f"{tmp_path / 'order.proto'}:shop.Order", PROTOBUF)
    assert protobuf.format_of(schema).to_text(b"\x08\x05") == '{"id": "5"}'


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff\xff", b"\x0a\x02\xff\xfe"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        of(SHOP).to_text(data)
