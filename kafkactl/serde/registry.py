"""Values with schemas in a Schema Registry: a zero byte, the schema's id, the path of a Protobuf message, the value.

Newer serializers write a one and the schema's GUID in place of the zero and the id, both into a header.

Source of the format: Confluent's "wire format" of Schema Registry serializers.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from confluent_kafka.schema_registry import Schema as Registered
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError

from kafkactl.errors import FormatError, KafkactlError, NotFoundError, OperationError, UnreachableError, UsageError
from kafkactl.escaping import hide_in_url, hide_in_urls
from kafkactl.serde.formats import Format
from kafkactl.serde.schema_formats import make_format, make_import_error
from kafkactl.serde.schemas import (
    AVRO,
    DEFAULT_SHOW_OPTIONS,
    DEFAULT_WRITE_OPTIONS,
    JSON,
    PROTOBUF,
    Schema,
    ShowOptions,
    WriteOptions,
)

T = TypeVar("T")

_HEADER = struct.Struct(">bI")
_MAGIC, _MAGIC_OF_GUID = 0, 1
_GUID_BYTES = 16
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_LEAST = {
    "timeout": 0, "max.retries": 0, "retries.wait.ms": 0, "retries.max.wait.ms": 0, "cache.capacity": 1,
    "cache.latest.ttl.sec": 0,
}  # fmt: skip
"""Settings that are numbers, and the smallest value of each."""
_MAX_NUMBER = 2**31 - 1
_REFUSED_FOR_S = 10.0
_MOST_REFUSALS = 1000
_MAX_ID = 2**32 - 1
STRATEGIES = ("topic", "record", "topic-record")
"""Names for the subject of a schema: after the topic, the record, or both."""


class Registry:
    """Client of a Schema Registry, which requests each schema once.

    Status 404 of a registry counts as a schema that it does not have.
    """

    def __init__(self, config: Mapping[str, str], shown: ShowOptions = DEFAULT_SHOW_OPTIONS) -> None:
        """Take SchemaRegistryClient's settings: url, basic.auth.user.info, ssl.ca.location and so on.

        All values are text; `timeout` is in seconds, and `max.retries` is 1 by default. `shown` goes into the schemas.
        No request is sent yet. Raise UsageError for a wrong or unknown setting, for a number that is negative or above
        2**31 - 1, for a cache.capacity below 1, and for a file of certificates or keys that cannot be read; KeyError
        without `url`.
        """
        self._url, self._shown = hide_in_url(config["url"]), shown
        self._schemas: dict[int | str, Schema] = {}
        try:
            numbers = {name: _parse_number(name, config[name]) for name in _LEAST if name in config}
            self._client: Any = SchemaRegistryClient({"max.retries": 1, **config, **numbers})
        except (ValueError, TypeError) as error:
            reason = str(error).replace(config["url"], self._url)
            raise UsageError(f"invalid setting of the schema registry: {reason}") from None
        except OSError as error:
            raise UsageError(
                f"the certificates or keys of the schema registry cannot be read: {error.strerror or error}",
                "look at schema.registry.ssl.ca.location, ssl.certificate.location and ssl.key.location",
            ) from error
        except Exception as error:
            if not _is_of_client(error):
                raise
            raise UsageError(f"invalid setting of the schema registry: {hide_in_urls(str(error))}") from None

    def find_by_id(self, name: int | str) -> Schema:
        """Return the schema with an id (a number) or a GUID (text), with the schemas that it refers to.

        A schema that was found once is not requested again. Raise NotFoundError where the registry does not have it or
        one that it refers to, OperationError where it refuses, and UnreachableError where it refuses the login or does
        not answer as a registry does.
        """
        if name not in self._schemas:
            ask = self._client.get_schema if isinstance(name, int) else self._client.get_schema_by_guid
            self._schemas[name] = self._resolve_references(self._request(lambda: ask(name), f"schema {name}"))
        return self._schemas[name]

    def find_latest(self, subject: str) -> tuple[int, Schema]:
        """Return the id and the schema of a subject's newest version.

        After a success a later call for the subject sends no requests, because the client keeps the answers; with the
        setting `cache.latest.ttl.sec` it keeps them for so many seconds. Raise NotFoundError where the registry does
        not have the subject or a schema that it refers to, OperationError where it refuses, and UnreachableError where
        it refuses the login or does not answer as a registry does.
        """
        version = self._request(lambda: self._client.get_latest_version(subject), f"subject {subject}")
        return self._require_id(version.schema_id), self._resolve_references(version.schema)

    def register_schema(self, subject: str, schema: Schema, registers: bool = True) -> int:
        """Return the id of a schema under a subject; a new schema is registered.

        Without `registers` nothing is registered, and NotFoundError is raised for a schema that is missing. A second
        call for the same schema may send no request. Raise UsageError for a schema whose text names one of its
        references, and for a FileDescriptorSet; OperationError where the registry refuses, and NotFoundError for status
        404; UnreachableError where it refuses the login, and where it does not answer or its answer cannot be read.
        Without a readable answer the schema may be registered.
        """
        if schema.references:
            used = sorted(name for name in schema.references if name in schema.text)
            if used:
                raise UsageError(
                    f"the schema has a reference to {used[0]}: kafkactl does not register schemas with references",
                    "register both with another tool, and leave the schema's file out: the newest version is used",
                )
        if schema.descriptors is not None:
            raise UsageError("a schema registry does not take a FileDescriptorSet", "name the .proto file")
        request = Registered(schema.text, schema.language, [])
        if not registers:
            version = self._request(
                lambda: self._client.lookup_schema(subject, request), f"this schema under subject {subject}"
            )
            return self._require_id(version.schema_id)
        return self._require_id(
            self._request(lambda: self._client.register_schema(subject, request), f"subject {subject}")
        )

    def _resolve_references(self, answer: Any) -> Schema:
        """Return an answer of the registry as a schema, with the texts of all schemas that it refers to.

        `answer` is a Schema of the client library. The schemas that it refers to are requested, at any depth; of a name
        that repeats only the first one is. Raise NotFoundError where the registry does not have one, OperationError
        where it refuses, and UnreachableError where it refuses the login, does not answer as a registry does, or has a
        chain of references that is deeper than Python's stack.
        """
        references: dict[str, str] = {}
        seen: set[str] = set()

        def collect(schema: Any) -> None:
            """Add the texts of all schemas that a schema refers to, at any depth, to `references` by name.

            Of a name that repeats only the first one is requested. Raise NotFoundError, OperationError or
            UnreachableError as Registry._request does, UnreachableError for a name that is no text, and RecursionError
            for too long a chain of references.
            """
            for reference in schema.references or ():
                self._require_texts(reference.name)
                if reference.name not in seen:
                    seen.add(reference.name)  # before its own references: they may lead back to it
                    schema = self._find_version(reference.subject, reference.version)
                    collect(schema)
                    references[reference.name] = schema.schema_str

        try:
            collect(answer)
        except RecursionError as error:
            raise self._unreadable() from error
        language = answer.schema_type or AVRO
        self._require_texts(language, answer.schema_str, *references.values())
        return Schema(language, answer.schema_str, references, shown=self._shown)

    def _find_version(self, subject: str, number: int) -> Any:
        """Return one version of a subject's schema, as the client library returns it.

        Raise NotFoundError where the registry does not have it, OperationError where it refuses, and UnreachableError
        where it refuses the login or does not answer as a registry does.
        """
        return self._request(lambda: self._client.get_version(subject, number), f"subject {subject}").schema

    def _request(self, ask: Callable[[], T], subject_text: str) -> T:
        """Return what `ask` returns, a call of the client that sends a request.

        `subject_text` names the requested schema in errors. Raise NotFoundError for a registry's status 404,
        UnreachableError for 401, 403, any other 404 and no answer, and OperationError for any other error status. A
        ValueError, LookupError, TypeError, AttributeError or RecursionError of `ask` counts as an answer that no
        registry gives: raise UnreachableError. Other errors pass through.
        """
        try:
            return ask()
        except SchemaRegistryError as error:
            raise self._translate_error(error, subject_text) from error
        except OSError as error:
            raise self._unreachable(error) from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:  # no registry's answer
            raise self._unreadable() from error
        except Exception as error:
            if _is_of_client(error):
                raise self._unreachable(error) from error
            raise

    def _translate_error(self, error: SchemaRegistryError, subject_text: str) -> KafkactlError:
        """Return (not raise) our error for an answer with an error status.

        It is UnreachableError for 401 and 403, NotFoundError for 404 (UnreachableError where no registry has said it),
        and OperationError for any other.
        """
        if error.http_status_code in (401, 403):
            return UnreachableError(
                f"the schema registry at {self._url} refused the login: {error.error_message}",
                "log in: -X schema.registry.basic.auth.user.info_command='COMMAND THAT PRINTS USER:PASSWORD'",
            )
        if error.http_status_code == 404:
            if type(error.error_code) is not int or error.error_code < 0:  # no registry's answer
                return self._unreadable()
            return NotFoundError(
                f"{subject_text} not found in the schema registry at {self._url}: {error.error_message}"
            )
        return OperationError(f"the schema registry at {self._url} refused {subject_text}: {error.error_message}")

    def _require_id(self, value: Any) -> int:
        """Return a value of an answer as the id of a schema; raise UnreachableError for what is no whole number.

        A number that records have no room for (less than 0 or more than 32 bits) is none, either.
        """
        if type(value) is not int or not 0 <= value <= _MAX_ID:
            raise self._unreadable()
        return value

    def _require_texts(self, *values: Any) -> None:
        """Raise UnreachableError where one of the values of an answer is no text."""
        if not all(isinstance(value, str) for value in values):
            raise self._unreadable()

    def _unreadable(self) -> UnreachableError:
        """Return (not raise) UnreachableError for an answer that no registry gives."""
        return UnreachableError(
            f"the server at {self._url} is no schema registry: its answer cannot be read",
            "check its address: --schema-registry URL",
        )

    def _unreachable(self, error: Exception) -> UnreachableError:
        """Return (not raise) UnreachableError for a registry that does not answer, with the cause as text."""
        return UnreachableError(
            f"cannot reach the schema registry at {self._url}: {_describe_error(error)}",
            "check its address: --schema-registry URL",
        )


def _parse_number(name: str, text: str) -> float:
    """Return the text of a setting as a number from `_LEAST[name]` to 2^31 - 1.

    Raise ValueError, which names the setting, for any other text.
    """
    with contextlib.suppress(ValueError):
        if _LEAST[name] <= float(text) <= _MAX_NUMBER:
            return float(text)
    raise ValueError(f"{name} must be a number from {_LEAST[name]} to {_MAX_NUMBER}, not {text!r}")


def _describe_error(error: BaseException) -> str:
    """Return why there was no answer, as text for people.

    It is the system's text of the first error with one, among `error` and its causes, or of a number "[Errno N]" in the
    text of `error`. Without both it is "its address is not a URL" where that text has "port" or "url" in any case, else
    that text.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    text = str(error)
    if code := _ERRNO.search(text):
        return os.strerror(int(code[1]))
    return "its address is not a URL" if "port" in text.lower() or "url" in text.lower() else text


class RegistryFormat:
    """Format of one topic's keys or values; a value is read by the schema that it names."""

    def __init__(
        self,
        registry: Registry,
        subject: tuple[str | None, str],
        strategy: str,
        schema: Schema | None,
        language: str | None,
        writes: WriteOptions = DEFAULT_WRITE_OPTIONS,
    ) -> None:
        """Take the subject: the topic, or None, and `key` or `value`; no request is sent yet.

        `strategy` is one of STRATEGIES. Values are written by the schema with the id in `writes`; without an id by
        `schema`, which is registered where `writes` allows it, and must be registered already where not; without both
        by the newest schema of the subject, where writing with a `strategy` other than topic raises UsageError. A
        `language` (AVRO, PROTOBUF or JSON) other than None must be that of a schema of the registry. Without a topic
        writing raises UsageError where the subject's name has it. Reading uses none of these. Nothing is checked here.
        """
        self._writes = writes
        self._registry, self._subject, self._strategy = registry, subject, strategy
        self._schema, self._language = schema, language
        self._readers: dict[tuple[int | str, tuple[int, ...]], Format] = {}
        self._refusals: dict[tuple[int | str, tuple[int, ...]], tuple[str, float]] = {}
        """Reason why a schema cannot be used, and the time until which it is not asked for again."""

    @property
    def format(self) -> Format:
        """Return the format.

        Its functions send requests when they need a schema; the first write may register the schema of a file. They
        raise OperationError where the registry refuses, and UnreachableError where it refuses the login or does not
        answer as a registry does. Reading raises FormatError for bytes that do not begin with a schema's id, for an id
        that the registry does not have, for a schema that is invalid, is of an unknown language or needs an extra that
        is not installed, and for a value that is not of its schema. Writing raises FormatError for a text that is not
        of the schema, NotFoundError where the registry does not have the schema, and UsageError where no schema can be
        chosen, it is invalid or of an unknown language, that of the registry is not of the chosen language, an extra is
        not installed, or the schema of a file cannot be registered. Both raise OperationError where a Protobuf schema
        needs a temporary file that cannot be made.
        """
        return Format("registry", self._read_value, self._write_value, f"__{self._subject[1]}_schema_id")

    def _read_value(self, data: bytes) -> str:
        """Return a value as text, by the schema whose id or GUID it begins with.

        Raise FormatError for bytes without an id or with a wrong path of a Protobuf message, a schema that the registry
        does not have, that is invalid, is of an unknown language or needs an extra that is not installed, and a value
        that is not of it. A schema that cannot be used is not asked for again within 10 s, unless there are over 1000
        of them. Raise OperationError where the registry refuses, and UnreachableError where it refuses the login or
        does not answer as a registry does. Raise OperationError where a Protobuf schema needs a temporary file that
        cannot be made.
        """
        name, at = _read_schema_id(data)
        self._raise_refusal(name)
        try:
            schema = self._registry.find_by_id(name)
        except NotFoundError as error:  # a fault of this record, not of the others
            raise self._keep_refusal(str(error), name) from error
        indexes: tuple[int, ...] = ()
        if schema.language == PROTOBUF:
            indexes, at = _read_indexes(data, at)
        reader = self._readers.get((name, indexes))
        if reader is None:
            self._raise_refusal(name, indexes)
            try:
                reader = self._readers[name, indexes] = _parse_schema(schema, indexes).format
            except UsageError as error:
                raise self._keep_refusal(f"schema {name}: {error}", name, indexes) from error
        return reader.to_text(data[at:])

    def _keep_refusal(self, reason: str, name: int | str, indexes: tuple[int, ...] = ()) -> FormatError:
        """Return (not raise) the error of a schema that cannot be used, and keep its reason for 10 s.

        Where 1000 reasons are kept, they are forgotten first.
        """
        if len(self._refusals) >= _MOST_REFUSALS:  # such as bytes of another format, which look like many ids
            self._refusals.clear()
        self._refusals[name, indexes] = (reason, time.monotonic() + _REFUSED_FOR_S)
        return FormatError(reason)

    def _raise_refusal(self, name: int | str, indexes: tuple[int, ...] = ()) -> None:
        """Raise FormatError for a schema that could not be used within the last 10 s."""
        reason, until = self._refusals.get((name, indexes), ("", 0.0))
        if time.monotonic() < until:
            raise FormatError(reason)

    def _write_value(self, text: str) -> bytes:
        """Return a text as a value, behind a zero byte, the id of its schema and the path in a Protobuf schema.

        Requests are sent until one call has the schema; the schema of a file may be registered. Raise FormatError for a
        text that is not of the schema, UsageError where no schema can be chosen, it is invalid or of an unknown
        language, that of the registry is not of the chosen language, an extra is not installed, or that of a file is a
        FileDescriptorSet or names one of its references, NotFoundError where the registry does not have it,
        OperationError where it refuses, and UnreachableError where it refuses the login or does not answer as a
        registry does. Raise OperationError where a Protobuf schema needs a temporary file that cannot be made.
        """
        header, format = self._writer
        return header + format.to_bytes(text)

    @cached_property
    def _writer(self) -> tuple[bytes, Format]:
        """Return the header and the format that values are written with; requests are sent until one use has succeeded.

        The header is a zero byte, the schema's id and the path in a Protobuf schema. A schema in a file may be
        registered. Values for a Protobuf schema of the registry are of its first message. Raise UsageError where no
        schema can be chosen, it is invalid, is of an unknown language or needs an extra that is not installed, that of
        the registry is not of the chosen language, or that of a file names one of its references or is a
        FileDescriptorSet, NotFoundError where the registry does not have it, OperationError where it refuses, and
        UnreachableError where it refuses the login or does not answer as a registry does. Raise OperationError where a
        Protobuf schema needs a temporary file that cannot be made.
        """
        schema = self._schema
        if self._writes.schema_id is not None:
            number = self._writes.schema_id
            found = self._registry.find_by_id(number)
            self._require_language(found, f"schema {number}")
            parsed = _parse_schema(found)
        elif schema is None:
            if self._strategy != "topic":
                raise UsageError(
                    f"--subject-strategy {self._strategy} needs a schema file, whose record names the subject",
                    f"use --{self._subject[1]}-schema FILE",
                )
            number, schema = self._registry.find_latest(self._name_subject(None))
            self._require_language(schema, f"subject {self._name_subject(None)}")
            parsed = _parse_schema(schema)
        else:
            parsed = _parse_schema(schema)  # an invalid schema is refused before it is registered
            number = self._registry.register_schema(self._name_subject(parsed), schema, self._writes.registers)
        return _HEADER.pack(_MAGIC, number) + parsed.place, parsed.format

    def _require_language(self, schema: Schema, subject_text: str) -> None:
        """Raise UsageError, with `subject_text` in its text, for a schema of another language than the chosen one.

        Where none was chosen nothing is raised.
        """
        if self._language not in (None, schema.language):
            raise UsageError(
                f"{subject_text} is {schema.language}, not {self._language}",
                f"read the language from the registry: --{self._subject[1]}-format registry",
            )

    def _name_subject(self, parsed: _ParsedSchema | None) -> str:
        """Return the name of the subject: TOPIC-key or TOPIC-value, RECORD, or TOPIC-RECORD.

        The strategies record and topic-record need the schema; with None for `parsed` the RECORD is empty text. Raise
        UsageError where the topic is needed and not known, and where the schema has no name.
        """
        topic, part = self._subject
        record = "" if parsed is None or self._strategy == "topic" else parsed.name
        if self._strategy == "record":
            return record
        if topic is None:
            raise UsageError("missing topic: the schema's subject has its name", "name the topic")
        return f"{topic}-{record}" if self._strategy == "topic-record" else f"{topic}-{part}"


@dataclass(frozen=True)
class _ParsedSchema:
    """A schema with its format.

    They are kept together, because compiling a Protobuf schema takes some time.
    """

    schema: Schema
    format: Format
    message: Any = None
    """Class of the Protobuf message; None for other languages."""

    @property
    def place(self) -> bytes:
        """Return the path of the message in a Protobuf schema, as bytes; empty for other languages.

        It is the number of indexes and the indexes, as zigzag varints; [0] is written as one zero byte.
        """
        if self.message is None:
            return b""
        from kafkactl.serde import protobuf

        indexes = protobuf.find_indexes(self.message)
        return b"\0" if indexes == [0] else b"".join(_encode_varint(number) for number in (len(indexes), *indexes))

    @property
    def name(self) -> str:
        """Return the full name of the record, after which a subject is named.

        It is the name of the Protobuf message, Avro's NAMESPACE.NAME (the name alone where it has a dot), or the title
        of a JSON Schema. Raise UsageError where the schema has none, as a JSON text that is no object. The schema must
        be a valid one.
        """
        if self.message is not None:
            return str(self.message.DESCRIPTOR.full_name)
        parsed = json.loads(self.schema.text)
        is_json = self.schema.language == JSON
        name = parsed.get("title" if is_json else "name") if isinstance(parsed, dict) else None
        if not name:
            raise UsageError("the schema has no name for its subject", "use --subject-strategy topic, which needs none")
        space = None if is_json else parsed.get("namespace")
        return f"{space}.{name}" if space and "." not in name else str(name)


def _parse_schema(schema: Schema, indexes: Sequence[int] = ()) -> _ParsedSchema:
    """Return a schema with its format.

    `indexes` are the path of a Protobuf message: its number, from 0 on, among the top messages, then among those inside
    of it, and so on; empty means the first one. A message that the schema names counts first. Raise UsageError for an
    invalid schema, an unknown language, and a missing or ambiguous message, and where an extra is not installed. Raise
    OperationError where a Protobuf schema needs a temporary file that cannot be made. While it is compiled, descriptor
    2 of the process goes to a file.
    """
    if schema.language != PROTOBUF:
        return _ParsedSchema(schema, make_format(schema))
    try:
        from kafkactl.serde import protobuf

        message = protobuf.find_message_class(schema, list(indexes) or None)
    except ImportError as error:
        raise make_import_error(schema.language, error) from error
    return _ParsedSchema(schema, protobuf.make_class_format(message, schema.shown), message)


def _read_schema_id(data: bytes) -> tuple[int | str, int]:
    """Return the id (a number) or the GUID (text with dashes) before a value, and the position of what follows it.

    A zero byte and 4 bytes are an id, a one and 16 bytes a GUID. Raise FormatError for other bytes.
    """
    if len(data) >= _HEADER.size and data[0] == _MAGIC:
        _, number = _HEADER.unpack_from(data)
        return number, _HEADER.size
    end = 1 + _GUID_BYTES
    if len(data) >= end and data[0] == _MAGIC_OF_GUID:
        return str(uuid.UUID(bytes=data[1:end])), end
    raise FormatError(
        f"{len(data)} bytes do not begin with the id of a schema in a registry",
        "read values without ids by a schema file: --value-format avro --value-schema FILE",
    )


def _encode_varint(number: int) -> bytes:
    """Return a number that is not negative as a zigzag varint, as bytes."""
    left, out = number << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def _read_indexes(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """Return the path of the Protobuf message, and the position of the value behind it.

    `at` is the position of the path in bytes. An empty path, which means the first message, is returned as (0,). The
    indexes are not checked, and may be negative. Raise FormatError for a path that is cut off or invalid.
    """

    def number() -> int:
        """Return the next zigzag varint, and move the position behind it.

        Raise FormatError where it is cut off or longer than six bytes.
        """
        nonlocal at
        raw = shift = 0
        while True:
            if at >= len(data) or shift > 35:
                raise FormatError("the index of the Protobuf message is cut off")
            byte = data[at]
            at += 1
            raw |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (raw >> 1) ^ -(raw & 1)

    count = number()
    if not 0 <= count <= len(data):
        raise FormatError("the index of the Protobuf message is invalid")
    return tuple(number() for _ in range(count)) or (0,), at


def _is_of_client(error: Exception) -> bool:
    """Return whether an error is one of the client's own exceptions or of the libraries that it uses.

    They have no common class, and need not be installed: httpx's for a connection or a proxy's address, authlib's and
    the client's for a token.
    """
    return type(error).__module__.startswith(("httpx", "httpcore", "authlib", "confluent_kafka"))
