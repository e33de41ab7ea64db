"""Avro values as the Avro specification's own JSON: a union's branch is named, bytes are ISO-8859-1."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import Schema


def format_of(schema: Schema) -> Format:
    """Raises UsageError for a schema that is none."""
    parsed = _parsed(schema)

    def to_text(data: bytes) -> str:
        source = io.BytesIO(data)
        try:
            value = fastavro.schemaless_reader(source, parsed, None)
        except Exception as error:  # fastavro lets through whatever wrong bytes lead to
            raise FormatError(f"{len(data)} bytes are not of the Avro schema: {_reason(error)}") from error
        if left := len(data) - source.tell():
            raise FormatError(f"{left} bytes are left after the Avro value")
        out = io.StringIO()
        fastavro.json_writer(out, parsed, [value])
        return out.getvalue().strip()

    def to_bytes(text: str) -> bytes:
        out = io.BytesIO()
        try:
            fastavro.schemaless_writer(out, parsed, _value(text, parsed), strict=True)
        except Exception as error:
            raise FormatError(f"{text[:80]!r} is not of the Avro schema: {_reason(error)}") from error
        return out.getvalue()

    return Format("avro", to_text, to_bytes)


def _value(text: str, parsed: Any) -> Any:
    """By Avro's JSON, or plain JSON where its unions are not named."""
    plain = json.loads(text)
    try:
        (value,) = fastavro.json_reader(io.StringIO(json.dumps(plain)), parsed)
    except (ValueError, TypeError, LookupError, AttributeError, EOFError):  # then it is tried as it is
        return plain
    out = io.StringIO()
    fastavro.json_writer(out, parsed, [value])
    # fastavro passes over what no field takes: what somebody wrote would be lost in silence.
    if unknown := _not_in(plain, json.loads(out.getvalue())):
        raise ValueError(f"no field {unknown}")
    return value


def _not_in(given: Any, taken: Any) -> str | None:
    """The first key of the one that the other has not."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(given, dict) and isinstance(taken, dict):
        if unknown := given.keys() - taken.keys():
            return str(min(unknown))
        pairs = ((value, taken[name]) for name, value in given.items())
    elif isinstance(given, list) and isinstance(taken, list):
        pairs = zip(given, taken, strict=False)
    return next((found for one, other in pairs if (found := _not_in(one, other))), None)


def _parsed(schema: Schema) -> Any:
    try:
        named: dict[str, Any] = {}
        waiting = {name: json.loads(text) for name, text in schema.references.items()}
        # What is referred to may refer to others: each is read once all that it needs are there.
        while waiting:
            before = len(waiting)
            for name, text in list(waiting.items()):
                try:
                    fastavro.parse_schema(text, named_schemas=named)
                except fastavro.schema.UnknownType:
                    continue
                del waiting[name]
            if len(waiting) == before:
                break
        return fastavro.parse_schema(json.loads(schema.text), named_schemas=named)
    except (
        SchemaParseException,
        fastavro.schema.UnknownType,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
    ) as error:
        raise UsageError(f"no Avro schema: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
