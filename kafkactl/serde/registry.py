"""Values whose schemas a Schema Registry keeps: a zero byte, the schema's id, a Protobuf message's place, the value.

Newer serializers put a one and the schema's GUID in place of the zero and the id, both into a header.

Source of the format: Confluent's "wire format" of Schema Registry serializers.
"""

from __future__ import annotations

import json
import os
import re
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from confluent_kafka.schema_registry import Schema as Registered
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError

from kafkactl.errors import FormatError, KafkactlError, NotFoundError, OperationError, UnreachableError, UsageError
from kafkactl.escaping import hide_in_url
from kafkactl.serde.formats import Format
from kafkactl.serde.schema_formats import format_of
from kafkactl.serde.schemas import AVRO, JSON, PROTOBUF, USUAL, USUAL_WRITES, Schema, Shown, Writes

T = TypeVar("T")

_HEADER = struct.Struct(">bI")
_MAGIC, _MAGIC_OF_GUID = 0, 1
_GUID_BYTES = 16
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_NUMBERS = ("timeout", "max.retries", "retries.wait.ms", "retries.max.wait.ms")
STRATEGIES = ("topic", "record", "topic-record")
"""What a schema's subject is named after."""


class Registry:
    """A Schema Registry, each schema asked once."""

    def __init__(self, config: Mapping[str, str], shown: Shown = USUAL) -> None:
        """Take SchemaRegistryClient's settings: url, basic.auth.user.info, ssl.ca.location; raises UsageError."""
        self._url, self._shown = hide_in_url(config["url"]), shown
        self._known: dict[int | str, Schema] = {}
        try:
            numbers = {name: float(config[name]) for name in _NUMBERS if name in config}
            self._client: Any = SchemaRegistryClient({"max.retries": 1, **config, **numbers})
        except (ValueError, TypeError) as error:
            reason = str(error).replace(config["url"], self._url)
            raise UsageError(f"a setting of the schema registry is wrong: {reason}") from None

    def by_id(self, name: int | str) -> Schema:
        """Return the schema with an id or a GUID; raises NotFoundError, OperationError and UnreachableError."""
        if name not in self._known:
            ask = self._client.get_schema if isinstance(name, int) else self._client.get_schema_by_guid
            self._known[name] = self._with_references(self._asked(lambda: ask(name), f"schema {name}"))
        return self._known[name]

    def latest(self, subject: str) -> tuple[int, Schema]:
        """The id and schema of a subject's newest version; raises likewise."""
        found = self._asked(lambda: self._client.get_latest_version(subject), f"subject {subject}")
        return found.schema_id, self._with_references(found.schema)

    def registered(self, subject: str, schema: Schema, registers: bool = True) -> int:
        """Return the id of a schema, registered under a subject when it is not yet; raises likewise.

        Without `registers`, NotFoundError is raised for one that is not there.
        """
        if schema.references:
            used = sorted(name for name in schema.references if name in schema.text)
            if used:
                raise UsageError(
                    f"the schema refers to {used[0]}",
                    "register both, and leave the schema's file out: the newest is taken",
                )
        if schema.descriptors is not None:
            raise UsageError("a registry keeps Protobuf schemas as text", "name the .proto file")
        asked = Registered(schema.text, schema.language, [])
        if not registers:
            found = self._asked(lambda: self._client.lookup_schema(subject, asked), f"such schema under {subject}")
            return int(found.schema_id)
        number: int = self._asked(lambda: self._client.register_schema(subject, asked), f"subject {subject}")
        return number

    def _with_references(self, found: Any) -> Schema:
        references: dict[str, str] = {}

        def collect(schema: Any) -> None:
            for reference in schema.references or ():
                if reference.name not in references:
                    schema = self._version(reference.subject, reference.version)
                    collect(schema)
                    references[reference.name] = schema.schema_str

        collect(found)
        return Schema(found.schema_type or AVRO, found.schema_str, references, shown=self._shown)

    def _version(self, subject: str, number: int) -> Any:
        return self._asked(lambda: self._client.get_version(subject, number), f"subject {subject}").schema

    def _asked(self, ask: Callable[[], T], what: str) -> T:
        try:
            return ask()
        except SchemaRegistryError as error:
            raise self._told(error, what) from error
        except OSError as error:
            raise self._unreachable(error) from error
        except Exception as error:  # httpx has a tree of its own, which need not be installed
            if type(error).__module__.partition(".")[0].startswith("httpx"):
                raise self._unreachable(error) from error
            raise

    def _told(self, error: SchemaRegistryError, what: str) -> KafkactlError:
        if error.http_status_code in (401, 403):
            return UnreachableError(
                f"the schema registry at {self._url} refuses us: {error.error_message}",
                "-X schema.registry.basic.auth.user.info_command='COMMAND THAT PRINTS USER:PASSWORD' logs in",
            )
        if error.http_status_code == 404:
            return NotFoundError(f"the schema registry at {self._url} has no {what}: {error.error_message}")
        return OperationError(f"the schema registry at {self._url} refuses {what}: {error.error_message}")

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"cannot reach the schema registry at {self._url}: {_reason(error)}", "--schema-registry names it"
        )


def _reason(error: BaseException) -> str:
    """Return why there was no answer, without Python's numbers and names, and without the URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    text = str(error)
    if code := _ERRNO.search(text):
        return os.strerror(int(code[1]))
    return "its address is no URL" if "port" in text.lower() or "url" in text.lower() else text


class RegistryFormat:
    """Values of one topic's keys or values; a value is read by the schema that it names."""

    def __init__(
        self,
        registry: Registry,
        subject: tuple[str | None, str],
        strategy: str,
        schema: Schema | None,
        language: str | None,
        writes: Writes = USUAL_WRITES,
    ) -> None:
        """`subject` is the topic, and key or value; without `schema` values are written by the subject's newest."""
        self._writes = writes
        self._registry, self._subject, self._strategy = registry, subject, strategy
        self._schema, self._language = schema, language
        self._readers: dict[tuple[int | str, tuple[int, ...]], Format] = {}

    @property
    def format(self) -> Format:
        return Format("registry", self._to_text, self._to_bytes, f"__{self._subject[1]}_schema_id")

    def _to_text(self, data: bytes) -> str:
        name, at = _name_of_schema(data)
        try:
            known = self._registry.by_id(name)
        except NotFoundError as error:  # a fault of this record, and not of the others
            raise FormatError(str(error)) from error
        indexes: tuple[int, ...] = ()
        if known.language == PROTOBUF:
            indexes, at = _indexes(data, at)
        reader = self._readers.get((name, indexes))
        if reader is None:
            try:
                reader = self._readers[name, indexes] = _understood(known, indexes).format
            except UsageError as error:
                raise FormatError(f"schema {name}: {error}") from error
        return reader.to_text(data[at:])

    def _to_bytes(self, text: str) -> bytes:
        header, format = self._writer
        return header + format.to_bytes(text)

    @cached_property
    def _writer(self) -> tuple[bytes, Format]:
        schema = self._schema
        if self._writes.schema_id is not None:
            number = self._writes.schema_id
            known = _understood(self._registry.by_id(number))
        elif schema is None:
            if self._strategy != "topic":
                raise UsageError(f"--subject-strategy {self._strategy} needs the schema whose record it is named after")
            number, schema = self._registry.latest(self._named(None))
            if self._language not in (None, schema.language):
                raise UsageError(
                    f"subject {self._named(None)} is {schema.language}, not {self._language}",
                    "--value-format registry takes either",
                )
            known = _understood(schema)
        else:
            known = _understood(schema)  # a wrong schema is told before it is registered
            number = self._registry.registered(self._named(known), schema, self._writes.registers)
        return _HEADER.pack(_MAGIC, number) + known.place, known.format

    def _named(self, known: _Understood | None) -> str:
        """The subject; all but those named after topics need the schema."""
        topic, part = self._subject
        record = "" if known is None or self._strategy == "topic" else known.name
        if self._strategy == "record":
            return record
        if topic is None:
            raise UsageError("which topic's schema?", "name the topic")
        return f"{topic}-{record}" if self._strategy == "topic-record" else f"{topic}-{part}"


@dataclass(frozen=True)
class _Understood:
    """What a schema comes to, found out at once: to compile Protobuf takes a while."""

    schema: Schema
    format: Format
    message: Any = None
    """Of Protobuf: the class of the message."""

    @property
    def place(self) -> bytes:
        """Where the message stands in a Protobuf schema: its indexes as zigzag varints, [0] as one zero byte."""
        if self.message is None:
            return b""
        from kafkactl.serde import protobuf

        indexes = protobuf.indexes_of(self.message)
        return b"\0" if indexes == [0] else b"".join(_varint(number) for number in (len(indexes), *indexes))

    @property
    def name(self) -> str:
        """The record's full name; raises UsageError where it has none."""
        if self.message is not None:
            return str(self.message.DESCRIPTOR.full_name)
        parsed = json.loads(self.schema.text)
        is_json = self.schema.language == JSON
        name = parsed.get("title" if is_json else "name") if isinstance(parsed, dict) else None
        if not name:
            raise UsageError("the schema has no name for its subject", "--subject-strategy topic needs none")
        space = None if is_json else parsed.get("namespace")
        return f"{space}.{name}" if space and "." not in name else str(name)


def _understood(schema: Schema, indexes: Sequence[int] = ()) -> _Understood:
    if schema.language != PROTOBUF:
        return _Understood(schema, format_of(schema))
    from kafkactl.serde import protobuf

    message = protobuf.message_class(schema, list(indexes) or None)
    return _Understood(schema, protobuf.by_class(message, schema.shown), message)


def _name_of_schema(data: bytes) -> tuple[int | str, int]:
    """Return the id or the GUID before a value, and where it ends; raises FormatError."""
    if len(data) >= _HEADER.size and data[0] == _MAGIC:
        _, number = _HEADER.unpack_from(data)
        return number, _HEADER.size
    end = 1 + _GUID_BYTES
    if len(data) >= end and data[0] == _MAGIC_OF_GUID:
        return str(uuid.UUID(bytes=data[1:end])), end
    raise FormatError(
        f"{len(data)} bytes do not begin as a schema registry's clients write them",
        "without a registry, --value-format avro --value-schema FILE reads plain values",
    )


def _varint(number: int) -> bytes:
    left, out = number << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def _indexes(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """The message's indexes, and where the value begins; raises FormatError."""

    def number() -> int:
        nonlocal at
        found = shift = 0
        while True:
            if at >= len(data) or shift > 35:
                raise FormatError("the place of the Protobuf message is cut off")
            byte = data[at]
            at += 1
            found |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (found >> 1) ^ -(found & 1)

    count = number()
    if not 0 <= count <= len(data):
        raise FormatError("the place of the Protobuf message is none")
    return tuple(number() for _ in range(count)) or (0,), at
