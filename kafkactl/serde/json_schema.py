"""JSON values that a JSON Schema describes: the text stays unchanged, and is validated when it is written."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT7

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import Schema


def make_format(schema: Schema) -> Format:
    """Return the format of values that a JSON Schema describes.

    Values are checked when they are written, and not when they are read. The functions of the format raise FormatError.
    Raise UsageError for a text that is no JSON Schema.
    """
    try:
        parsed = json.loads(schema.text)
        kind = validator_for(parsed, default=jsonschema.Draft7Validator)
        kind.check_schema(parsed)
        references = {
            name: Resource.from_contents(json.loads(text), default_specification=DRAFT7)
            for name, text in schema.references.items()
        }
    except (ValueError, TypeError, RecursionError, jsonschema.SchemaError) as error:
        raise UsageError(f"invalid JSON Schema: {getattr(error, 'message', error)}") from error
    registry: Registry[Any] = Registry().with_resources(references.items())
    validator = kind(parsed, registry=registry)

    def validate(text: str) -> str:
        """Return the text unchanged; raise FormatError where it is no JSON or the schema does not allow it."""
        try:
            validator.validate(json.loads(text))
        except jsonschema.ValidationError as error:
            raise FormatError(
                f"{text[:80]!r} does not match the JSON Schema: {error.json_path}: {error.message}"
            ) from error
        except Unresolvable as error:
            raise FormatError(f"the JSON Schema has a reference that is not found: {error}") from error
        except RecursionError as error:
            raise FormatError(f"{text[:80]!r} is nested too deeply") from error
        except ValueError as error:
            raise FormatError(f"{text[:80]!r} is not JSON: {error}") from error
        return text

    def to_text(data: bytes) -> str:
        """Return bytes as text without a check; raise FormatError for bytes that are not UTF-8."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{len(data)} bytes are not UTF-8 text") from error

    return Format("json-schema", to_text, lambda text: validate(text).encode("utf-8"))
