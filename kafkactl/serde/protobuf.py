"""Protobuf values as JSON, in Protobuf's own JSON mapping."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message, message_factory, unknown_fields

from kafkactl.errors import FormatError, OperationError, UsageError
from kafkactl.serde.formats import Format, refuse_constant, shorten_reason
from kafkactl.serde.schemas import Schema, ShowOptions

_MAIN = "kafkactl_main.proto"
_FREE_JSON = ("google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue")
"""Messages whose form in JSON is the data that they hold, without the names of their fields."""
_MAP_ENTRY_OPTION = re.compile(r"\boption\s+map_entry\s*=\s*true\s*;")
_MAP_ENTRY = (536_870_905, 536_870_911)
"""The highest numbers of fields, from and to, which stand for the option map_entry until protoc has finished."""
_IMPORT_FAILED = "was not found or had errors."
_WARNING = re.compile(r"WARNING: |[IW]\d{4} |.*: warning: ")
"""Beginning of a line of protoc, or of the library that writes its log, that is no error."""
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""Errors that do not come from the name or the text of a file."""


def make_format(schema: Schema) -> Format:
    """Return the format of a schema's message: the one that the schema names, or the first.

    The functions of the format raise FormatError for bytes and text that are not of the message. Raise UsageError for
    an invalid schema, also an unreadable FileDescriptorSet, for a message that it does not have, and for a name that
    several messages have. For a schema that is text raise ImportError without grpc_tools, and OperationError where no
    temporary file can be made; while it is compiled, descriptor 2 of the process goes to a file.
    """
    return make_class_format(find_message_class(schema), schema.shown)


def make_class_format(kind: Any, shown: ShowOptions) -> Format:
    """Return the format of a message class, between Protobuf's bytes and JSON on one line.

    `shown` says whether fields with zero values are shown. Fields have the names of the schema, not those in camel
    case, which a text to be written can also have. Fields that the class does not have are shown as #NUMBER; in a text
    to be written they are refused, as every unknown field is. The functions of the format raise FormatError for bytes
    and text that are not of the message; but to_text takes bytes without a required field.
    """

    def to_text(data: bytes) -> str:
        """Return bytes as JSON on one line, with fields that the schema does not have as #NUMBER.

        Such fields are left out of a Struct, Value or ListValue, of messages whose JSON is no object, such as a
        Timestamp, of a message packed in an Any, and of the message of an extension. Raise FormatError for bytes that
        are not of the message, for strings that are not UTF-8 (in the message of an extension they become b'...'), for
        values without a form in JSON, such as an Any of an unknown type, and for values that are nested too deeply.
        """
        try:
            value = kind.FromString(data)
            fields = json_format.MessageToDict(
                value, preserving_proto_field_name=True, always_print_fields_with_no_presence=shown.zero_values
            )
            if isinstance(fields, dict):  # well-known types are other values of JSON
                _add_unknown(value, fields)
        except RecursionError as error:  # the depth of an Any in an Any is not limited, as that of a message is
            raise FormatError(f"the Protobuf value of {len(data)} bytes is nested too deeply") from error
        except (message.DecodeError, json_format.Error, ValueError, TypeError) as error:
            raise FormatError(f"{len(data)} bytes are not a message {kind.DESCRIPTOR.full_name}: {error}") from error
        return json.dumps(fields, ensure_ascii=False)

    def to_bytes(text: str) -> bytes:
        """Return JSON as bytes; raise FormatError for text that is no JSON or not of the message.

        Unknown fields are refused, also those that to_text shows as #NUMBER. An empty list, or an empty string of
        JSON, counts as an empty message.
        """
        try:
            value = _parse(text, kind)
            data: bytes = value.SerializeToString(deterministic=True)
        except (json_format.ParseError, message.EncodeError, ValueError) as error:
            reason = shorten_reason(str(error))
            raise FormatError(f"{text[:80]!r} is not a message {kind.DESCRIPTOR.full_name}: {reason}") from error
        return data

    return Format("protobuf", to_text, to_bytes)


def _add_unknown(value: Any, fields: dict[str, Any]) -> None:
    """Add fields that the schema does not have to `fields`, in place, by number, as in {"#7": 5}.

    `value` is a Protobuf message, and `fields` the same message as JSON, with the schema's names of fields; messages
    inside are treated, too, but not those of extensions, those packed in an Any, and those whose JSON is no object.
    Bytes become base64, groups the text `a group`, and several values a list. A Struct, Value or ListValue stays as it
    is: its JSON has the names of its data. Raise ValueError for a string, of a known field, that is not UTF-8.
    """
    if value.DESCRIPTOR.full_name in _FREE_JSON:
        return
    values_by_name: dict[str, list[Any]] = {}
    for unknown in cast("Iterable[Any]", unknown_fields.UnknownFieldSet(value)):
        data = unknown.data
        if isinstance(data, bytes):
            data = base64.b64encode(data).decode()
        values_by_name.setdefault(f"#{unknown.field_number}", []).append(
            data if isinstance(data, (int, str)) else "a group"
        )
    fields.update({name: values[0] if len(values) == 1 else values for name, values in values_by_name.items()})
    for field, inner in value.ListFields():
        _require_text(field, inner)
        json_value = fields.get(field.name)
        # An extension can have the name of a field, but not its name in JSON.
        if field.is_extension or field.message_type is None or not isinstance(json_value, (dict, list)):
            continue
        if isinstance(inner, message.Message):
            pairs = [(inner, json_value)]
        elif isinstance(json_value, list):
            pairs = list(zip(inner, json_value, strict=True))
        else:  # a map
            pairs = [(inner[key], json_value[_make_json_key(key)]) for key in inner]
        for item, item_fields in pairs:
            if isinstance(item, message.Message) and isinstance(item_fields, dict):
                _add_unknown(item, item_fields)


def _require_text(field: Any, value: Any) -> None:
    """Raise ValueError for a string, also in a list or as a value of a map, that is not UTF-8.

    proto2 allows it, and JSON does not. Fields of other types and keys of maps are not looked at; protobuf itself may
    raise a ValueError for a key.
    """
    texts = [value] if isinstance(value, bytes) else value
    kind = field
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        kind, texts = field.message_type.fields_by_name["value"], value.values()
    if kind.type == field.TYPE_STRING and any(isinstance(text, bytes) for text in texts):
        raise ValueError(f"field {field.name} is not UTF-8")


def _make_json_key(key: Any) -> str:
    """Return the key of a map as it is in JSON: true or false for a bool, else its str()."""
    return str(key).lower() if isinstance(key, bool) else str(key)


_STRING_OR_LARGEST = re.compile(r'("(?:[^"\\]+|\\.)*+")|(?<![0-9.])3\.4028235e\+38(?![0-9])')
_LARGEST_FLOAT = "3.4028234663852886e+38"


def _parse(text: str, kind: Any) -> Any:
    """Return JSON as a message of a class. Raise json_format.ParseError or ValueError for JSON that is none.

    NaN and infinity are no JSON, also as a number such as 1e400. The largest float is only written in full where the
    text is no message without that: a double keeps its value.
    """
    try:
        value = json_format.Parse(text, kind())
        # The parser lets them pass in a Struct, Value or ListValue.
        json.loads(text, parse_float=_require_finite, parse_constant=refuse_constant)
        return value
    except json_format.ParseError:
        expanded = _expand_largest_float(text)
        if expanded == text:
            raise
        return _parse(expanded, kind)


def _require_finite(number: str) -> None:
    """Raise ValueError for the text of a number that is too large for a double."""
    if math.isinf(float(number)):
        raise ValueError(f"{number[:80]} is too large for a double")


def _expand_largest_float(text: str) -> str:
    """Return JSON with the largest float, 3.4028235e+38, in full, as the parser refuses its short form.

    The short form is the one that to_text writes. Texts in quotes stay.
    """
    if "3.4028235e+38" not in text:
        return text
    return _STRING_OR_LARGEST.sub(lambda match: match[1] or _LARGEST_FLOAT, text)


def find_message_class(schema: Schema, indexes: list[int] | None = None) -> Any:
    """Return the class of a schema's message: the named one, else the one at a path of indexes, else the first.

    `schema.message` is the name, in full or only its last parts, as In or Out.In for pkg.Out.In. In a FileDescriptorSet
    the last file counts. `indexes` are the number, from 0 on, of a message among the top ones, then among the nested
    ones, and so on; None or an empty list means the first message. Raise UsageError for an invalid schema, also an
    unreadable FileDescriptorSet, for a message that it does not have, and for a name that several have. For a schema
    that is text raise ImportError without grpc_tools, and OperationError where no temporary file can be made; while it
    is compiled, descriptor 2 of the process goes to a file.
    """
    files = _read_files(schema)
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        try:
            pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError, message.EncodeError) as error:
            raise UsageError(f"invalid Protobuf schema: {error}") from error
    main = pool.FindFileByName(files[-1].name)
    if schema.message is not None:
        return message_factory.GetMessageClass(_find_by_name(main, schema.message))
    descriptor: Any = main
    for index in indexes or [0]:
        types = list(main.message_types_by_name.values()) if descriptor is main else _list_nested(descriptor)
        if not 0 <= index < len(types):
            raise UsageError(f"the schema has no message number {index}", "name a message: FILE:MESSAGE")
        descriptor = types[index]
    return message_factory.GetMessageClass(descriptor)


def _find_by_name(main: Any, name: str) -> Any:
    """Return the descriptor of the message, also a nested one, with a name, in full or only its last parts.

    In and Out.In both find pkg.Out.In. `main` is the descriptor of the file whose messages are searched, without those
    of imported files. A full name counts first. Raise UsageError where no message has the name, or several do.
    """
    messages: list[Any] = []
    waiting = list(main.message_types_by_name.values())
    while waiting:
        messages.append(waiting.pop(0))
        waiting += _list_nested(messages[-1])
    full = [entry for entry in messages if entry.full_name == name]
    short = full or [entry for entry in messages if entry.full_name.endswith(f".{name}")]
    names = ", ".join(entry.full_name for entry in short or messages)
    if len(short) == 1:
        return short[0]
    if short:
        raise UsageError(f"the schema has {len(short)} messages {name}", f"use a full name: {names}")
    raise UsageError(f"the schema has no message {name}", f"use one of these messages: {names}")


def _list_nested(descriptor: Any) -> list[Any]:
    """Return the messages inside a message in their order, without those that protoc creates for maps."""
    return [nested for nested in descriptor.nested_types if not nested.GetOptions().map_entry]


def find_indexes(kind: Any) -> list[int]:
    """Return the path of a message class in its file.

    It has the number among the top messages, from 0 on, then the number among the messages inside that one, and so on.
    Messages that protoc creates for maps do not count.
    """
    path: list[int] = []
    descriptor = kind.DESCRIPTOR
    while descriptor is not None:
        outer = descriptor.containing_type
        siblings = _list_nested(outer) if outer is not None else descriptor.file.message_types_by_name.values()
        path.insert(0, [sibling.full_name for sibling in siblings].index(descriptor.full_name))
        descriptor = outer
    return path


def _read_files(schema: Schema) -> list[Any]:
    """Return the descriptors of a schema's files, in the order of the FileDescriptorSet.

    protoc writes imported files first. The set is `schema.descriptors`, or, where that is None, is compiled from the
    text. Messages that a registry's schema declares as entries of maps are such entries again. Raise UsageError for a
    text that protoc refuses, for a name or text that `_write_file` refuses, and for a FileDescriptorSet that cannot be
    decoded or has no files; missing imports in it are no error here. For a schema that is text raise ImportError
    without grpc_tools, and OperationError where no temporary file can be made; while it is compiled, descriptor 2 of
    the process goes to a file.
    """
    data = schema.descriptors if schema.descriptors is not None else _compile(schema)
    try:
        files = list(descriptor_pb2.FileDescriptorSet.FromString(data).file)
    except message.DecodeError as error:
        raise UsageError(
            "the schema is neither a .proto file nor a FileDescriptorSet", "make one: protoc --descriptor_set_out FILE"
        ) from error
    if not files:
        raise UsageError("the FileDescriptorSet has no files")
    for file in files:
        for descriptor in file.message_type:
            _mark_map_entries(descriptor)
    return files


def _mark_map_entries(descriptor: Any) -> None:
    """Set the option map_entry in the marked messages inside a DescriptorProto, at all depths, in place.

    protoc refuses this option of a registry's schema, so reserved field numbers mark these messages; they are removed
    here. The message itself is not changed.
    """
    for nested in descriptor.nested_type:
        marks = [entry for entry in nested.reserved_range if (entry.start, entry.end - 1) == _MAP_ENTRY]
        if marks:
            nested.reserved_range.remove(marks[0])
            nested.options.map_entry = True
        _mark_map_entries(nested)


def _compile(schema: Schema) -> bytes:
    """Return the FileDescriptorSet that protoc makes of a schema's text and its references, as bytes.

    The option map_entry of a text becomes reserved numbers, because protoc refuses it; `_mark_map_entries` sets it
    again. The files lie in a temporary folder, and descriptor 2 goes to a file meanwhile. Raise UsageError where protoc
    refuses the schema, and for a name or text that `_write_file` refuses, ImportError without grpc_tools, and
    OperationError where no temporary file can be made.
    """
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    try:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "schemas")  # a folder of its own: an import can have any name, also messages/a.proto
            for name, text in {**schema.references, _MAIN: schema.text}.items():
                _write_file(root, name, _MAP_ENTRY_OPTION.sub("reserved {} to {};".format(*_MAP_ENTRY), text))
            descriptors, messages = Path(folder, "descriptors"), Path(folder, "messages")
            # protoc writes its errors to the stderr of this process.
            with _redirect_stderr(messages):
                status = protoc.main(
                    [
                        "protoc",
                        f"-I{root}",
                        f"-I{well_known}",
                        f"--descriptor_set_out={descriptors}",
                        "--include_imports",
                        _MAIN,
                    ]
                )
            if status:
                reasons = messages.read_text("utf-8", "replace").replace(f"{root}/", "")
                raise UsageError(f"invalid Protobuf schema: {_find_first_error(reasons)}")
            return descriptors.read_bytes()
    except OSError as error:
        raise OperationError(
            f"cannot read a Protobuf schema without a temporary file: {error.strerror or error}",
            "TMPDIR names the folder for temporary files",
        ) from error


def _write_file(root: Path, name: str, text: str) -> None:
    """Write a .proto file below a folder; `name` is its path there, which may come from a registry.

    Missing folders are created, and an existing file is overwritten. Raise UsageError for a path that is not below the
    folder, and for a name or text that no file can have, such as the path of a folder; OSError where the disk is full
    or cannot be written.
    """
    path = Path(os.path.normpath(root / name))
    if path == root or not path.is_relative_to(root):
        raise UsageError(f"invalid Protobuf schema: the import {name!r} is not below the schema's folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise
        raise UsageError(f"invalid Protobuf schema: cannot write the import {name[:80]!r}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"invalid Protobuf schema: cannot write the import {name[:80]!r}: {error}") from error


def _find_first_error(messages: str) -> str:
    """Return the first of protoc's messages about the main file that is no warning, as `line LINE:COLUMN: REASON`.

    A message without a place gives `line` and the reason. Where it is about an import with errors, the first error of
    the import follows it. Without one about the main file, return all messages, without blanks at both ends; without
    any, a sentence about that.
    """
    imported: list[str] = []
    for line in messages.splitlines():
        if _WARNING.match(line):
            continue
        _, separator, reason = line.partition(f"{_MAIN}:")
        if separator:
            causes = imported[:1] if reason.endswith(_IMPORT_FAILED) else []
            return " ".join([f"line {reason.strip()}", *causes])
        imported.append(line)
    return messages.strip() or "protoc gives no reason"


@contextlib.contextmanager
def _redirect_stderr(path: Path) -> Iterator[None]:
    """Write everything that goes to descriptor 2 into a new file, inside the context.

    This concerns the whole process; sys.stderr is flushed first. An existing file is overwritten. The descriptor is
    restored at the end, also after an error; one that was closed is closed again. Raise OSError where the file cannot
    be opened, or the descriptor cannot be copied.
    """
    if sys.stderr is not None:  # as in a process that was started without it
        sys.stderr.flush()
    file_descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        original_descriptor = None if file_descriptor == 2 else _duplicate_stderr()
        os.dup2(file_descriptor, 2)
        try:
            yield
        finally:
            if original_descriptor is None:
                os.close(2)
            else:
                os.dup2(original_descriptor, 2)
                os.close(original_descriptor)
    finally:
        if file_descriptor != 2:
            os.close(file_descriptor)


def _duplicate_stderr() -> int | None:
    """Return a copy of descriptor 2, which the caller closes; None where it is closed.

    Raise OSError where it cannot be copied, as where the process has too many open files.
    """
    try:
        return os.dup(2)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return None
