"""Schemas: their language, their text and the schemas that they import."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kafkactl.errors import UsageError

AVRO, PROTOBUF, JSON = "AVRO", "PROTOBUF", "JSON"
"""The languages, spelled as in Schema Registries."""

LANGUAGES = {"avro": AVRO, "protobuf": PROTOBUF, "json-schema": JSON}
"""Formats that need a schema, and the language of their schemas."""


@dataclass(frozen=True)
class ShowOptions:
    """Form of shown values that have more than one form."""

    logical_types: bool = False
    """Whether Avro's decimals, times and UUIDs are shown as these, and not as their underlying types."""
    zero_values: bool = False
    """Whether Protobuf fields with values that are not sent (0, false, empty) are shown."""


DEFAULT_SHOW_OPTIONS = ShowOptions()


@dataclass(frozen=True)
class WriteOptions:
    """Choice of the schema that values are written with."""

    schema_id: int | None = None
    """Id of a schema in the registry; None chooses by the subject or the file."""
    registers: bool = True
    """Whether a schema in a file may be registered."""


DEFAULT_WRITE_OPTIONS = WriteOptions()


@dataclass(frozen=True)
class Schema:
    """One schema; `references` are the texts of the schemas that it imports, by their names in the imports."""

    language: str
    """AVRO, PROTOBUF or JSON."""
    text: str
    references: Mapping[str, str] = field(default_factory=dict)
    message: str | None = None
    """Full name of the Protobuf message; None means the first of the file."""
    descriptors: bytes | None = None
    """A Protobuf FileDescriptorSet in place of the text, or None."""
    shown: ShowOptions = DEFAULT_SHOW_OPTIONS


def read_schema(path: str, language: str) -> Schema:
    """Return the schema in a file; for Protobuf, with the other .proto files in and below its folder.

    `language` is AVRO, PROTOBUF or JSON. For Protobuf, `path` can also be FILE:MESSAGE, where no file has this whole
    name. A file of Protobuf without the suffix .proto is a FileDescriptorSet, whose bytes are in `descriptors`: its
    text is empty, and no other files are read. Nothing is parsed yet. Raise UsageError where the file at `path` cannot
    be read or, as a text, is not UTF-8; other .proto files of this kind are left out.
    """
    name, message = path, None
    try:
        if language == PROTOBUF and ":" in path and not Path(path).exists():
            name, _, message = path.rpartition(":")
        data = Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read schema {name}: {error.strerror}") from error
    except ValueError as error:  # a NUL character
        raise UsageError(f"cannot read schema {name!r}: {error}") from error
    if language == PROTOBUF and not name.endswith(".proto"):
        return Schema(language, "", message=message, descriptors=data)
    try:
        return Schema(
            language, data.decode("utf-8"), _read_imports(Path(name)) if language == PROTOBUF else {}, message
        )
    except UnicodeDecodeError as error:
        raise UsageError(f"schema {name} is not UTF-8 text") from error


def _read_imports(path: Path) -> dict[str, str]:
    """Return the texts of the other .proto files in and below a file's folder, by path relative to the folder.

    The schema may import them. Folders and files that cannot be read or are gone meanwhile, and files that are not
    UTF-8, are left out. Linked folders are not entered.
    """
    root = path.parent
    texts = {}
    for folder, _, names in os.walk(root):
        for file in (Path(folder, name) for name in names if name.endswith(".proto")):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if file != path and file.is_file():  # a pipe would wait for its writer
                    texts[str(file.relative_to(root))] = file.read_text("utf-8")
    return texts
