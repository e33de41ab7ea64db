"""Schemas: their language, their text and the schemas that they import."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kafkactl.errors import UsageError

AVRO, PROTOBUF, JSON = "AVRO", "PROTOBUF", "JSON"
"""As registries spell them."""

LANGUAGES = {"avro": AVRO, "protobuf": PROTOBUF, "json-schema": JSON}
"""Formats that need a schema, and the language of theirs."""


@dataclass(frozen=True)
class Shown:
    """How values are shown that have more than one form."""

    logical_types: bool = False
    """Of Avro: decimals, times and UUIDs as such, and not as the numbers, bytes and texts that they are made of."""
    zero_values: bool = False
    """Of Protobuf: fields that have the value that is not sent: 0, false, nothing."""


USUAL = Shown()


@dataclass(frozen=True)
class Writes:
    """By which schema values are written."""

    schema_id: int | None = None
    """The schema with this id, which the registry has."""
    registers: bool = True
    """Whether a schema of a file may be registered."""


USUAL_WRITES = Writes()


@dataclass(frozen=True)
class Schema:
    """One schema; `references` are texts of the schemas it imports, by the names it imports them by."""

    language: str
    text: str
    references: Mapping[str, str] = field(default_factory=dict)
    message: str | None = None
    """Of Protobuf: the message's full name; None is the first of the file."""
    descriptors: bytes | None = None
    """Of Protobuf: a FileDescriptorSet in place of text."""
    shown: Shown = USUAL


def read(path: str, language: str) -> Schema:
    """A schema's file; of Protobuf also FILE:MESSAGE, and FileDescriptorSets. Raises UsageError."""
    name, message = path, None
    if language == PROTOBUF and ":" in path and not Path(path).exists():
        name, _, message = path.rpartition(":")
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read schema {name}: {error.strerror}") from error
    if language == PROTOBUF and not name.endswith(".proto"):
        return Schema(language, "", message=message, descriptors=data)
    try:
        return Schema(language, data.decode("utf-8"), _imports(Path(name)) if language == PROTOBUF else {}, message)
    except UnicodeDecodeError as error:
        raise UsageError(f"schema {name} is not UTF-8 text") from error


def _imports(path: Path) -> dict[str, str]:
    """Return the other .proto files beside it, which it may import; those that cannot be read are left out."""
    root = path.parent
    found = {}
    for each in root.rglob("*.proto"):
        if each != path:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[str(each.relative_to(root))] = each.read_text("utf-8")
    return found
