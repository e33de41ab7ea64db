"""Protobuf values as Protobuf's own JSON mapping."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message, message_factory, unknown_fields

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import Schema, Shown

_MAIN = "kafkactl_main.proto"
_MAP_ENTRY_OPTION = re.compile(r"\boption\s+map_entry\s*=\s*true\s*;")
_MAP_ENTRY = 536_870_911
"""The highest number of a field stands for that option until protoc is done."""


def format_of(schema: Schema) -> Format:
    """Return the format of a message; raises UsageError for a schema that is none or has not the message."""
    return by_class(message_class(schema), schema.shown)


def by_class(kind: Any, shown: Shown) -> Format:
    """Return the format of one message type."""

    def to_text(data: bytes) -> str:
        try:
            value = kind.FromString(data)
            fields = json_format.MessageToDict(
                value, preserving_proto_field_name=True, always_print_fields_with_no_presence=shown.zero_values
            )
            if isinstance(fields, dict):  # well-known types are other values of JSON
                _add_unknown(value, fields)
        except (message.DecodeError, json_format.Error, ValueError, TypeError) as error:
            raise FormatError(f"{len(data)} bytes are no {kind.DESCRIPTOR.full_name}: {error}") from error
        return json.dumps(fields, ensure_ascii=False)

    def to_bytes(text: str) -> bytes:
        try:
            data: bytes = json_format.Parse(_with_largest_float(text), kind()).SerializeToString(deterministic=True)
        except (json_format.ParseError, message.EncodeError, ValueError) as error:
            raise FormatError(f"{text[:80]!r} is no {kind.DESCRIPTOR.full_name}: {error}") from error
        return data

    return Format("protobuf", to_text, to_bytes)


def _add_unknown(value: Any, fields: dict[str, Any]) -> None:
    """Add what the schema does not know, under its number, as in {"#7": 5}; bytes as base64, several in a list."""
    found: dict[str, list[Any]] = {}
    for unknown in cast("Iterable[Any]", unknown_fields.UnknownFieldSet(value)):
        data = unknown.data
        if isinstance(data, bytes):
            data = base64.b64encode(data).decode()
        found.setdefault(f"#{unknown.field_number}", []).append(data if isinstance(data, (int, str)) else "a group")
    fields.update({name: values[0] if len(values) == 1 else values for name, values in found.items()})
    for field, inner in value.ListFields():
        _require_text(field, inner)
        shown = fields.get(field.name)
        if field.message_type is None or not isinstance(shown, (dict, list)):
            continue
        if isinstance(shown, list):
            pairs = list(zip(inner, shown, strict=True))
        elif field.message_type.GetOptions().map_entry:
            pairs = [(inner[key], shown[_json_key(key)]) for key in inner]
        else:
            pairs = [(inner, shown)]
        for each, each_shown in pairs:
            if isinstance(each, message.Message) and isinstance(each_shown, dict):
                _add_unknown(each, each_shown)


def _require_text(field: Any, value: Any) -> None:
    """Raise ValueError for a string that is not UTF-8, which proto2 allows and JSON has not."""
    strings = [value] if isinstance(value, bytes) else value
    if field.type == field.TYPE_STRING and any(isinstance(each, bytes) for each in strings):
        raise ValueError(f"field {field.name} is not UTF-8")


def _json_key(key: Any) -> str:
    """Return the key of a map as it is in JSON."""
    return str(key).lower() if isinstance(key, bool) else str(key)


_STRING_OR_LARGEST = re.compile(r'("(?:[^"\\]|\\.)*")|3\.4028235e\+38')
_LARGEST_FLOAT = "3.4028234663852886e+38"


def _with_largest_float(text: str) -> str:
    """Return JSON with the largest float in full: its short form, which is shown, is refused as too large."""
    if "3.4028235e+38" not in text:
        return text
    return _STRING_OR_LARGEST.sub(lambda found: found[1] or _LARGEST_FLOAT, text)


def message_class(schema: Schema, indexes: list[int] | None = None) -> Any:
    """The class of the named message, or of the one at a path of indexes, or of the first; raises UsageError."""
    files = _files(schema)
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        try:
            pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError) as error:
            raise UsageError(f"no Protobuf schema: {error}") from error
    main = pool.FindFileByName(files[-1].name)
    if schema.message is not None:
        return message_factory.GetMessageClass(_by_name(main, schema.message))
    found: Any = main
    for index in indexes or [0]:
        types = list(main.message_types_by_name.values()) if found is main else _nested(found)
        if index >= len(types):
            raise UsageError(f"the schema has no message number {index}", "FILE:MESSAGE names one")
        found = types[index]
    return message_factory.GetMessageClass(found)


def _by_name(main: Any, name: str) -> Any:
    """Return the message of that name, in full or without what is before it; raises UsageError."""
    known: list[Any] = []
    waiting = list(main.message_types_by_name.values())
    while waiting:
        known.append(waiting.pop(0))
        waiting += _nested(known[-1])
    full = [each for each in known if each.full_name == name]
    short = full or [each for each in known if each.full_name.endswith(f".{name}")]
    names = ", ".join(each.full_name for each in short or known)
    if len(short) == 1:
        return short[0]
    if short:
        raise UsageError(f"the schema has {len(short)} messages {name}", f"name one in full: {names}")
    raise UsageError(f"the schema has no message {name}", f"it has: {names}")


def _nested(descriptor: Any) -> list[Any]:
    """Return the messages inside a message in their order; those that protoc makes of maps are nobody's."""
    return [each for each in descriptor.nested_types if not each.GetOptions().map_entry]


def indexes_of(kind: Any) -> list[int]:
    """A message type's place in its file: its number among the top ones, then among the nested ones, and so on."""
    path: list[int] = []
    found = kind.DESCRIPTOR
    while found is not None:
        outer = found.containing_type
        siblings = _nested(outer) if outer is not None else found.file.message_types_by_name.values()
        path.insert(0, [each.full_name for each in siblings].index(found.full_name))
        found = outer
    return path


def _files(schema: Schema) -> list[Any]:
    """Its files, those that others import first."""
    data = schema.descriptors if schema.descriptors is not None else _compiled(schema)
    try:
        files = list(descriptor_pb2.FileDescriptorSet.FromString(data).file)
    except message.DecodeError as error:
        raise UsageError(
            "neither a .proto file nor a FileDescriptorSet", "protoc --descriptor_set_out makes one"
        ) from error
    if not files:
        raise UsageError("the FileDescriptorSet has no files")
    for file in files:
        for each in file.message_type:
            _mark_map_entries(each)
    return files


def _mark_map_entries(descriptor: Any) -> None:
    """Make messages maps again that a registry's schema declares as their entries; protoc refuses the option."""
    for nested in descriptor.nested_type:
        marks = [each for each in nested.reserved_range if each.start == _MAP_ENTRY]
        if marks:
            nested.reserved_range.remove(marks[0])
            nested.options.map_entry = True
        _mark_map_entries(nested)


def _compiled(schema: Schema) -> bytes:
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {**schema.references, _MAIN: schema.text}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(_MAP_ENTRY_OPTION.sub(f"reserved {_MAP_ENTRY};", text), encoding="utf-8")
        made, told = root / "descriptors", root / "told"
        # protoc writes what is wrong to the process's own stderr.
        with _stderr_into(told):
            status = protoc.main(
                ["protoc", f"-I{root}", f"-I{well_known}", f"--descriptor_set_out={made}", "--include_imports", _MAIN]
            )
        if status:
            raise UsageError(f"no Protobuf schema: {_complaint(told.read_text('utf-8', 'replace'))}")
        return made.read_bytes()


def _complaint(told: str) -> str:
    """protoc's first own line, which is FILE:LINE:COLUMN: REASON."""
    for line in told.splitlines():
        _, found, reason = line.partition(f"{_MAIN}:")
        if found:
            return f"line {reason}".strip()
    return told.strip() or "protoc gives no reason"


@contextlib.contextmanager
def _stderr_into(path: Path) -> Iterator[None]:
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
