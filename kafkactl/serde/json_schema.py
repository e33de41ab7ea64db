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
    """Return the format of values that a JSON Schema describes; without $schema it is draft 7.

    The format's to_bytes takes JSON (NaN and Infinity pass as numbers) and raises FormatError where it is no JSON, the
    schema does not allow it, or a reference that it needs is not found. Its to_text raises FormatError for bytes that
    are not UTF-8, and checks nothing else. Both leave the text unchanged. Raise UsageError for a text that is no JSON
    Schema, and for a reference that is no JSON. Whether a reference is a JSON Schema is not checked: an error of
    another class may come from the first value that needs a wrong one.
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

    def to_bytes(text: str) -> bytes:
        """Return the text in UTF-8; raise FormatError where it is no JSON, or the schema does not allow it.

        NaN and Infinity pass as numbers of JSON. Raise FormatError also for a reference of the schema that is not
        found, where the text needs it, and for JSON that is nested too deeply.
        """
        try:
            data = text.encode("utf-8")
            validator.validate(json.loads(text))
        except jsonschema.ValidationError as error:
            raise FormatError(
                f"{text[:80]!r} does not match the JSON Schema: {error.json_path}: {error.message}"
            ) from error
        except Unresolvable as error:
            raise FormatError(f"the JSON Schema has a reference that is not found: {error}") from error
        except UnicodeEncodeError as error:
            raise FormatError(f"not JSON: character {error.start + 1} is not UTF-8") from error
        except RecursionError as error:
            raise FormatError(f"{text[:80]!r} is nested too deeply") from error
        except ValueError as error:
            raise FormatError(f"{text[:80]!r} is not JSON: {error}") from error
        return data

    def to_text(data: bytes) -> str:
        """Return bytes as text without a check; raise FormatError for bytes that are not UTF-8."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{len(data)} bytes are not UTF-8 text") from error

    return Format("json-schema", to_text, to_bytes)
