"""Formats of values that a schema describes: Avro, Protobuf, JSON Schema."""

from __future__ import annotations

from collections.abc import Callable

from kafkactl.errors import UsageError
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import AVRO, JSON, PROTOBUF, Schema


def format_of(schema: Schema) -> Format:
    """Values by a schema, without the header that a registry's clients put before them; raises UsageError."""
    makers: dict[str, Callable[[Schema], Format]] = {AVRO: _avro, PROTOBUF: _protobuf, JSON: _json}
    try:
        return makers[schema.language](schema)
    except ImportError as error:
        raise UsageError(f"{schema.language} needs {error.name}", "pip install 'kafkactl[schemas]'") from error


def _avro(schema: Schema) -> Format:
    from kafkactl.serde import avro

    return avro.format_of(schema)


def _protobuf(schema: Schema) -> Format:
    from kafkactl.serde import protobuf

    return protobuf.format_of(schema)


def _json(schema: Schema) -> Format:
    from kafkactl.serde import json_schema

    return json_schema.format_of(schema)
