"""JSON values that a JSON Schema describes: the text stays unchanged, and is validated when it is written."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
from jsonschema.exceptions import UnknownType
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT7

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format, shorten_reason
from kafkactl.serde.schemas import Schema


def make_format(schema: Schema) -> Format:
    """Return the format of values that a JSON Schema describes; without a known $schema it is draft 7.

    The format's to_bytes takes JSON (NaN and Infinity pass as numbers) and raises FormatError where it is no JSON, the
    schema does not allow it, or a reference that it needs is not found or wrong; the keyword `format` is not checked.
    Its to_text raises FormatError for bytes that are not UTF-8, and checks nothing else. Both leave the text unchanged.
    Raise UsageError for a text that is no JSON Schema, and for a reference that is no JSON object or boolean, or whose
    $schema is not a string; the rest of a reference is only checked by the values that need it.
    """
    try:
        parsed = _parse(schema.text)
        kind = validator_for(parsed, default=jsonschema.Draft7Validator)
        kind.check_schema(parsed)
        references = {
            name: Resource.from_contents(_parse(text), default_specification=DRAFT7)
            for name, text in schema.references.items()
        }
    except (ValueError, TypeError, RecursionError, jsonschema.SchemaError) as error:
        raise UsageError(f"invalid JSON Schema: {shorten_reason(str(getattr(error, 'message', error)))}") from error
    registry: Registry[Any] = Registry().with_resources(references.items())
    validator = kind(parsed, registry=registry)

    def to_bytes(text: str) -> bytes:
        """Return the text in UTF-8; raise FormatError where it is no JSON, or the schema does not allow it.

        NaN and Infinity pass as numbers of JSON. Raise FormatError also for a part of the schema that is not found or
        wrong, where the text needs it, for a number that is too large to be checked, and for JSON that is nested too
        deeply.
        """
        try:
            data = text.encode("utf-8")
            value = json.loads(text)
        except UnicodeEncodeError as error:
            raise FormatError(f"not JSON: character {error.start + 1} is not UTF-8") from error
        except RecursionError as error:
            raise FormatError(f"{text[:80]!r} is nested too deeply") from error
        except ValueError as error:
            raise FormatError(f"{text[:80]!r} is not JSON: {error}") from error
        try:
            validator.validate(value)
        except jsonschema.ValidationError as error:
            reason = shorten_reason(f"{error.json_path}: {error.message}")
            raise FormatError(f"{text[:80]!r} does not match the JSON Schema: {reason}") from error
        except Unresolvable as error:
            raise FormatError(f"the JSON Schema has a reference that is not found: {error}") from error
        except RecursionError as error:
            raise FormatError(f"{text[:80]!r} is nested too deeply") from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, UnknownType, ValueError, re.error) as error:
            reason = shorten_reason(str(error).partition("\n")[0])
            raise FormatError(f"{text[:80]!r} cannot be checked against the JSON Schema: {reason}") from error
        return data

    def to_text(data: bytes) -> str:
        """Return bytes as text without a check; raise FormatError for bytes that are not UTF-8."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{len(data)} bytes are not UTF-8 text") from error

    return Format("json-schema", to_text, to_bytes)


def _parse(text: str) -> Any:
    """Return the JSON of a schema, an object or a boolean; nothing but its type and its $schema is checked.

    NaN and Infinity pass as numbers of JSON. Raise ValueError for a text that is no JSON, or JSON of another type, and
    for a $schema that is no string, and RecursionError for JSON that is nested too deeply.
    """
    parsed = json.loads(text)
    if not isinstance(parsed, dict | bool):
        raise ValueError("it is neither an object nor a boolean")
    if isinstance(parsed, dict) and not isinstance(parsed.get("$schema", ""), str):
        raise ValueError("its $schema is not a string")
    return parsed
