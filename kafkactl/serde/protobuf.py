"""Protobuf values as Protobuf's own JSON mapping."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message, message_factory

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import Schema

_MAIN = "kafkactl_main.proto"


def format_of(schema: Schema) -> Format:
    """Raises UsageError for a schema that is none, and for a message that it has not."""
    return by_class(message_class(schema))


def by_class(kind: Any) -> Format:
    """Values of one message type."""

    def to_text(data: bytes) -> str:
        try:
            return str(json_format.MessageToJson(kind.FromString(data), preserving_proto_field_name=True, indent=None))
        except message.DecodeError as error:
            raise FormatError(f"{len(data)} bytes are no {kind.DESCRIPTOR.full_name}: {error}") from error

    def to_bytes(text: str) -> bytes:
        try:
            data: bytes = json_format.Parse(text, kind()).SerializeToString(deterministic=True)
        except (json_format.ParseError, ValueError) as error:
            raise FormatError(f"{text[:80]!r} is no {kind.DESCRIPTOR.full_name}: {error}") from error
        return data

    return Format("protobuf", to_text, to_bytes)


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
        try:
            return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.message))
        except KeyError:
            known = ", ".join(each.full_name for each in main.message_types_by_name.values())
            raise UsageError(f"the schema has no message {schema.message}", f"it has: {known}") from None
    found: Any = main
    for index in indexes or [0]:
        types = list((found.message_types_by_name if found is main else found.nested_types_by_name).values())
        if index >= len(types):
            raise UsageError(f"the schema has no message number {index}", "FILE:MESSAGE names one")
        found = types[index]
    return message_factory.GetMessageClass(found)


def indexes_of(kind: Any) -> list[int]:
    """A message type's place in its file: its number among the top ones, then among the nested ones, and so on."""
    path: list[int] = []
    found = kind.DESCRIPTOR
    while found is not None:
        outer = found.containing_type
        siblings = outer.nested_types if outer is not None else found.file.message_types_by_name.values()
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
    return files


def _compiled(schema: Schema) -> bytes:
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {**schema.references, _MAIN: schema.text}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
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
