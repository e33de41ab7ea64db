"""Avro values as the Avro specification's own JSON: a union's branch is named, bytes are ISO-8859-1.

fastavro reads and writes the bytes. Its own JSON rounds decimals, knows no times after the year 9999, and does not end
where a type holds itself in a list; so values become JSON here. Types with a meaning (decimal, timestamp-millis, uuid)
are the numbers, bytes and texts that they are made of, unless they are asked for.
Source: the Avro specification 1.12, "JSON Encoding" and "Logical Types".
"""

from __future__ import annotations

import datetime
import decimal
import io
import json
import math
import struct
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format
from kafkactl.serde.schemas import Schema

_INTEGERS = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_FLOATS = ("NaN", "Infinity", "-Infinity")
_LAYOUTS = {"float": "<f", "double": "<d"}
_SHOWN = 80
# A union's branch for a value that the reader gives without the branch's name, the first that is there.
_BRANCHES: Mapping[type, tuple[str, ...]] = {
    bool: ("boolean",), int: ("int", "long"), float: ("double", "float"), str: ("string",), bytes: ("bytes",),
    list: ("array",), dict: ("map",), decimal.Decimal: ("bytes",), uuid.UUID: ("string",),
    datetime.datetime: ("long",), datetime.date: ("int",), datetime.time: ("int", "long"),
}  # fmt: skip


def format_of(schema: Schema) -> Format:
    """Return the format of a schema's values; raises UsageError for a schema that is none."""
    parsed, named = _parsed(schema)
    values = _Values(named)
    if schema.shown.logical_types:
        plain = format_of(replace(schema, shown=replace(schema.shown, logical_types=False)))

    def to_text(data: bytes) -> str:
        source = io.BytesIO(data)
        try:
            value = fastavro.schemaless_reader(source, parsed, None, return_named_type=True)
        except Exception as error:  # fastavro lets through whatever wrong bytes lead to
            if schema.shown.logical_types:  # a time that Python has not: shown as the number that it is
                return plain.to_text(data)
            raise FormatError(f"{len(data)} bytes are not of the Avro schema: {_why_not_read(error)}") from error
        if left := len(data) - source.tell():
            raise FormatError(f"{left} bytes are left after the Avro value")
        return json.dumps(values.to_json(value, parsed), ensure_ascii=False)

    def to_bytes(text: str) -> bytes:
        out = io.BytesIO()
        try:
            data = values.from_json(json.loads(text, parse_constant=_refuse_constant), parsed, "the value")
            fastavro.schemaless_writer(out, parsed, data, strict=True)
        except RecursionError as error:
            raise FormatError(f"{text[:80]!r} is nested too deeply") from error
        except Exception as error:
            raise FormatError(f"{text[:80]!r} is not of the Avro schema: {_reason(error)}") from error
        return out.getvalue()

    return Format("avro", to_text, to_bytes)


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is no value of JSON: write "{name}"')


def _why_not_read(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "they end too early"
    return "a text is not UTF-8" if isinstance(error, UnicodeDecodeError) else "they are no such value"


class _Values:
    """Translates values of a schema to JSON and back; `named` are its records, enums and fixed by full name."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named

    def to_json(self, value: Any, schema: Any) -> Any:
        """Return a value as fastavro reads it as data of JSON."""
        schema = self._whole(schema)
        if isinstance(schema, list):
            if value is None:
                return None
            name, value = value if isinstance(value, tuple) else (self._branch_of(value, schema), value)
            branch = next(each for each in schema if self._name(each) == name)
            return {name: self.to_json(value, branch)}
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "record":
            return {field["name"]: self.to_json(value[field["name"]], field["type"]) for field in schema["fields"]}
        if kind == "array":
            return [self.to_json(each, schema["items"]) for each in value]
        if kind == "map":
            return {name: self.to_json(each, schema["values"]) for name, each in value.items()}
        if isinstance(value, bytes):
            return value.decode("latin-1")
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        return str(value) if isinstance(value, (decimal.Decimal, uuid.UUID)) else value

    def from_json(self, data: Any, schema: Any, path: str) -> Any:
        """Return data of JSON as fastavro writes it; raises ValueError that names the field at `path`."""
        schema = self._whole(schema)
        if isinstance(schema, list):
            return self._from_union(data, schema, path)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "record":
            return self._from_record(_require(data, dict, path), schema, path)
        if kind == "array":
            items = enumerate(_require(data, list, path))
            return [self.from_json(each, schema["items"], f"{path}[{number}]") for number, each in items]
        if kind == "map":
            items = _require(data, dict, path).items()
            return {name: self.from_json(each, schema["values"], f"{path}[{name!r}]") for name, each in items}
        logical = str(schema.get("logicalType")) if isinstance(schema, dict) else ""
        if logical in _FROM_TEXT and isinstance(data, str):
            try:
                value = _FROM_TEXT[logical](data)
            except (ValueError, ArithmeticError) as error:
                raise ValueError(f"{path}: {_shown(data)} is no {logical}") from error
            if not _fits(value, logical, schema):
                raise ValueError(f"{path}: {_shown(data)} has more digits than the {logical} keeps")
            return value
        return _simple(data, kind, schema, path)

    def _from_record(self, data: dict[str, Any], schema: Any, path: str) -> dict[str, Any]:
        fields = {field["name"]: field for field in schema["fields"]}
        if unknown := data.keys() - fields.keys():
            raise ValueError(f"{path}: no field {min(unknown)}")
        if missing := [name for name, field in fields.items() if name not in data and "default" not in field]:
            raise ValueError(f"{path}: field {missing[0]} is missing")
        return {name: self.from_json(each, fields[name]["type"], f"{path}.{name}") for name, each in data.items()}

    def _from_union(self, data: Any, schema: list[Any], path: str) -> Any:
        """Return the branch that is named, as in Avro's JSON; otherwise the first that takes the data as they are."""
        names = [self._name(branch) for branch in schema]
        if data is None and "null" in names:
            return None
        if isinstance(data, dict) and len(data) == 1 and next(iter(data)) in names:
            ((name, inner),) = data.items()
            return name, self.from_json(inner, schema[names.index(name)], f"{path}.{name}")
        told = []
        for name, branch in zip(names, schema, strict=True):
            if name != "null":
                try:
                    return name, self.from_json(data, branch, path)
                except ValueError as error:
                    told.append(error)
        raise told[0] if len(told) == 1 else ValueError(f"{path}: {_shown(data)} is none of {', '.join(names)}")

    def _branch_of(self, value: Any, schema: list[Any]) -> str:
        names = [self._name(branch) for branch in schema]
        wanted: tuple[str, ...] = next((_BRANCHES[kind] for kind in type(value).__mro__ if kind in _BRANCHES), ())
        if type(value) is int and not _INTEGERS["int"][0] <= value <= _INTEGERS["int"][1]:
            wanted = ("long",)
        return next((name for name in (*wanted, *names) if name in names and name != "null"), "null")

    def _whole(self, schema: Any) -> Any:
        """Return a schema with the name of a type resolved."""
        if isinstance(schema, dict) and isinstance(schema.get("type"), (dict, list)):
            schema = schema["type"]
        return self._named.get(schema, schema) if isinstance(schema, str) else schema

    def _name(self, branch: Any) -> str:
        """Return the name of a union's branch: of the type, or the full name of a record, an enum, a fixed."""
        branch = self._whole(branch)
        if isinstance(branch, str):
            return branch
        return str(branch["name"] if branch["type"] in ("record", "enum", "fixed", "error") else branch["type"])


def _require(data: Any, kind: type, path: str) -> Any:
    if not isinstance(data, kind):
        raise ValueError(f"{path}: {_shown(data)} is no {'object' if kind is dict else 'list'}")
    return data


def _simple(data: Any, kind: str, schema: Any, path: str) -> Any:
    """Return a number, a text, bytes or an enum's symbol; raises ValueError."""
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        is_right = type(data) is int and low <= data <= high
    elif kind in ("float", "double"):
        if data in _FLOATS:
            return float(data)
        is_right = type(data) in (int, float) and _is_float(data, kind)
    elif kind in ("bytes", "fixed"):
        if isinstance(data, str) and all(ord(character) < 256 for character in data):
            packed = data.encode("latin-1")
            if kind == "bytes" or len(packed) == schema["size"]:
                return packed
        is_right = False
    elif kind == "enum":
        is_right = data in schema["symbols"]
    elif kind == "null":
        is_right = data is None
    else:
        is_right = isinstance(data, {"string": str, "boolean": bool}.get(kind, object))
    if isinstance(data, str) and not _is_whole(data):
        raise ValueError(f"{path}: {_shown(data)} has half of a character, and no text has it")
    if not is_right:
        raise ValueError(f"{path}: {_shown(data)} is no {kind}")
    return data


def _is_float(number: float, kind: str) -> bool:
    """Return whether a number has a float or a double that is near it."""
    try:
        return math.isfinite(struct.unpack(_LAYOUTS[kind], struct.pack(_LAYOUTS[kind], number))[0])
    except (OverflowError, struct.error):
        return False


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _fits(value: Any, logical: str, schema: Any) -> bool:
    """Return whether nothing of a decimal or a time is lost when it is written."""
    if isinstance(value, decimal.Decimal):
        _, digits, exponent = value.as_tuple()
        scale, precision = schema.get("scale", 0), schema.get("precision", len(digits))
        return isinstance(exponent, int) and -exponent <= scale and len(digits) + max(0, exponent + scale) <= precision
    return not logical.endswith("-millis") or value.microsecond % 1000 == 0


def _shown(data: Any) -> str:
    return json.dumps(data)[:_SHOWN]


_FROM_TEXT: Mapping[str, Any] = {
    "decimal": decimal.Decimal, "uuid": uuid.UUID, "date": datetime.date.fromisoformat,
    "time-millis": datetime.time.fromisoformat, "time-micros": datetime.time.fromisoformat,
    **dict.fromkeys(
        ("timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros"),
        datetime.datetime.fromisoformat,
    ),
}  # fmt: skip


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(each) for each in schema]
    if isinstance(schema, dict):
        return {name: _without_logical_types(each) for name, each in schema.items() if name != "logicalType"}
    return schema


def _parsed(schema: Schema) -> tuple[Any, Mapping[str, Any]]:
    try:
        named: dict[str, Any] = {}
        texts = {name: json.loads(text) for name, text in schema.references.items()}
        main = json.loads(schema.text)
        if not schema.shown.logical_types:
            texts, main = (
                {name: _without_logical_types(each) for name, each in texts.items()},
                _without_logical_types(main),
            )
        # What is referred to may refer to others: each is read once all that it needs are there.
        while texts:
            before = len(texts)
            for name, text in list(texts.items()):
                try:
                    fastavro.parse_schema(text, named_schemas=named)
                except fastavro.schema.UnknownType:
                    continue
                del texts[name]
            if len(texts) == before:
                break
        return fastavro.parse_schema(main, named_schemas=named), named
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
