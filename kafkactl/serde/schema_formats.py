"""Formats of values that a schema describes: Avro, Protobuf, JSON Schema."""

from __future__ import annotations

from collections.abc import Callable

from kafkactl.errors import UsageError
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import AVRO, JSON, PROTOBUF, Schema


def make_format(schema: Schema) -> Format:
    """Return the format of a schema's values, without the header that a registry's clients write before them.

    `schema.language` is AVRO, PROTOBUF or JSON. The functions of the format raise FormatError for bytes and text that
    are not of the schema. With a JSON Schema to_text only refuses bytes that are not UTF-8, and to_bytes also raises it
    for a missing reference. Raise UsageError for an invalid schema, an unknown language and a missing or ambiguous
    message, and where an extra is not installed. Raise OperationError where a Protobuf text needs a temporary file that
    cannot be made. While it is compiled, descriptor 2 of the process goes to a file.
    """
    makers: dict[str, Callable[[Schema], Format]] = {
        AVRO: _make_avro_format,
        PROTOBUF: _make_protobuf_format,
        JSON: _make_json_format,
    }
    if schema.language not in makers:  # a registry may have plug-ins
        raise UsageError(f"unknown type of schema: {schema.language!r}", f"kafkactl reads {', '.join(makers)}")
    try:
        return makers[schema.language](schema)
    except ImportError as error:
        raise make_import_error(schema.language, error) from error


def make_import_error(language: str, error: ImportError) -> UsageError:
    """Return (not raise) the error for a schema language whose package is not installed."""
    return UsageError(f"{language} needs {error.name}", "install it: pip install 'kafkactl[schemas]'")


def _make_avro_format(schema: Schema) -> Format:
    """Return the format of Avro values.

    Raise ImportError without fastavro, and UsageError for an invalid schema, as avro.make_format finds it.
    """
    from kafkactl.serde import avro

    return avro.make_format(schema)


def _make_protobuf_format(schema: Schema) -> Format:
    """Return the format of Protobuf values.

    Raise ImportError without protobuf or (for a text) grpc_tools, UsageError for an invalid schema, and for a name of a
    message that the schema does not have or that several have. Raise OperationError where a text needs a temporary file
    that cannot be made. While a text is compiled, descriptor 2 of the process goes to a file.
    """
    from kafkactl.serde import protobuf

    return protobuf.make_format(schema)


def _make_json_format(schema: Schema) -> Format:
    """Return the format of JSON Schema values.

    Raise ImportError without jsonschema, UsageError for an invalid schema.
    """
    from kafkactl.serde import json_schema

    return json_schema.make_format(schema)
