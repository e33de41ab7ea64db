"""Avro values as JSON, in the Avro specification's own encoding: a union's branch is named, bytes are ISO-8859-1.

fastavro reads and writes the bytes. Its own JSON rounds decimals, has no times after the year 9999, and does not end
where a type contains itself in a list, so values become JSON here. Logical types (decimal, timestamp-millis, uuid) are
shown as their underlying numbers, bytes and texts, unless `logical_types` is set. Source: the Avro specification 1.12,
"JSON Encoding" and "Logical Types".
"""

from __future__ import annotations

import copy
import datetime
import decimal
import io
import json
import math
import struct
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde.formats import Format, shorten_reason
from kafkactl.serde.schemas import Schema

_INTEGERS = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_FLOATS = ("NaN", "Infinity", "-Infinity")
_LAYOUTS = {"float": "<f", "double": "<d"}
_SHOWN_CHARACTERS = 80
_EXACT = decimal.Context(prec=decimal.MAX_PREC)
# Branches of a union for a value that fastavro returns without the branch's name; the first that the union has counts.
_BRANCHES: Mapping[type, tuple[str, ...]] = {
    bool: ("boolean",), int: ("int", "long"), float: ("double", "float"), str: ("string",), bytes: ("bytes",),
    list: ("array",), dict: ("map",), decimal.Decimal: ("bytes",), uuid.UUID: ("string",),
    datetime.datetime: ("long",), datetime.date: ("int",), datetime.time: ("int", "long"),
}  # fmt: skip


def make_format(schema: Schema) -> Format:
    """Return the format of a schema's values, between Avro's bytes and JSON on one line.

    Its to_text shows a value without logical types where one of them cannot be read, such as a time that Python lacks.
    Its to_bytes needs all fields of a record, also those with a default. Both raise FormatError for bytes and text that
    are not of the schema, or nested too deeply; but in bytes an int of more than 32 bits passes, and a negative number
    of a symbol or a branch, which counts from the end. A reference with unknown types is left out, with all its types.
    Raise UsageError for a text that is no Avro schema, also of a reference, for unknown types in the schema itself, and
    for one that is nested too deeply.
    """
    parsed, named_types = _parse_schema(schema)
    values = _Values(named_types)
    read = _choose_reader(named_types)
    read_schema = parsed
    if schema.shown.logical_types:
        read_schema = _read_decimals_as_bytes(parsed)
        plain = make_format(replace(schema, shown=replace(schema.shown, logical_types=False)))

    def to_text(data: bytes) -> str:
        """Return bytes as JSON on one line.

        Where a logical type cannot be read, such as a time that Python lacks, the whole value is shown without logical
        types. A decimal has all its digits, also more than its precision. Raise FormatError for bytes that are not of
        the schema (see make_format), for bytes behind the value, and for a value that is nested too deeply.
        """
        source = io.BytesIO(data)
        try:
            value = read(source, read_schema, None, return_named_type=True)
        except RecursionError as error:
            raise FormatError(f"the Avro value of {len(data)} bytes is nested too deeply") from error
        except Exception as error:  # wrong bytes make fastavro raise errors of any kind
            if schema.shown.logical_types:  # a time that Python cannot express is shown as its number
                return plain.to_text(data)
            raise FormatError(
                f"{len(data)} bytes do not match the Avro schema: {_explain_read_error(error)}"
            ) from error
        if left := len(data) - source.tell():
            raise FormatError(f"{left} bytes are left after the Avro value")
        try:
            return json.dumps(values.to_json(value, parsed), ensure_ascii=False)
        except RecursionError as error:
            raise FormatError(f"the Avro value of {len(data)} bytes is nested too deeply") from error

    def to_bytes(text: str) -> bytes:
        """Return JSON as bytes.

        A record must have all its fields, also those with a default. Of a name that is repeated the last value counts.
        Raise FormatError for a text that is no JSON or not of the schema, and for one that is nested too deeply.
        """
        out = io.BytesIO()
        try:
            data = values.from_json(json.loads(text, parse_constant=_refuse_constant), parsed, "the value")
            fastavro.schemaless_writer(out, parsed, data, strict=True)
        except RecursionError as error:
            raise FormatError(f"{text[:80]!r} is nested too deeply") from error
        except Exception as error:
            raise FormatError(f"{text[:80]!r} does not match the Avro schema: {_describe_error(error)}") from error
        return out.getvalue()

    return Format("avro", to_text, to_bytes)


def _choose_reader(named_types: Mapping[str, Any]) -> Callable[..., Any]:
    """Return fastavro's function that reads a value: the one in Python for a schema with a type inside itself.

    `named_types` are the schema's records, enums and fixed types by full name, as fastavro has parsed them. The
    returned function takes a stream of bytes, the parsed schema, and None; it raises errors of many kinds for wrong
    bytes. fastavro's compiled reader does not count the depth of a value: a record of 5 KB, nested 5,000 times, ends
    the process. The reader in Python raises RecursionError for it.
    """
    if not _has_circle(named_types):
        return fastavro.schemaless_reader
    from fastavro import _read_py

    return _read_py.schemaless_reader


def _has_circle(named_types: Mapping[str, Any]) -> bool:
    """Return whether one of the types, by full name and as fastavro has parsed them, is inside of itself."""
    inner_names = {
        name: _list_inner_names([field["type"] for field in definition.get("fields", ())])
        for name, definition in named_types.items()
    }
    # Types without open ones inside are finished; a circle never finishes.
    while finished := [name for name, inner in inner_names.items() if not inner & inner_names.keys()]:
        for name in finished:
            del inner_names[name]
    return bool(inner_names)


def _list_inner_names(schemas: list[Any]) -> set[str]:
    """Return the names of the types in parsed schemas, without those inside of named types. The list is emptied.

    Names of primitive types, array and map are among them.
    """
    names = set()
    while schemas:
        schema = schemas.pop()
        if isinstance(schema, list):
            schemas.extend(schema)
        elif isinstance(schema, str):
            names.add(schema)
        elif "name" in schema:
            names.add(schema["name"])
        else:
            schemas.extend(schema[part] for part in ("items", "values", "type") if part in schema)
    return names


def _refuse_constant(name: str) -> None:
    """Raise ValueError for NaN, Infinity or -Infinity without quotes, which json.loads passes as `name`."""
    raise ValueError(f'JSON does not have the value {name}: write "{name}"')


def _explain_read_error(error: Exception) -> str:
    """Return why bytes could not be read, as text such as "they end too early".

    EOFError and UnicodeDecodeError have their own texts, and all other errors share one.
    """
    if isinstance(error, EOFError):
        return "they end too early"
    return "a text is not UTF-8" if isinstance(error, UnicodeDecodeError) else "they do not have the form of its type"


class _Values:
    """Converter of a schema's values to JSON and back.

    `named_types` are the schema's records, enums and fixed types by full name.
    """

    def __init__(self, named_types: Mapping[str, Any]) -> None:
        """Take the schema's records, enums and fixed types by full name."""
        self._named_types = named_types

    def to_json(self, value: Any, schema: Any) -> Any:
        """Return a value, as fastavro reads it, as data of JSON.

        `schema` is the value's schema as fastavro has parsed it: the name of a type, a dict, or a list for a union. A
        union's value is an object with the branch's name, or None for null. For a branch without a name of its own,
        such as int or long, `_find_branch` guesses it by the value. Bytes are ISO-8859-1 text, NaN and infinity texts,
        times ISO 8601, decimals and UUIDs texts. A decimal is bytes before. Raise RecursionError for a value that is
        nested too deeply. The value must be of the schema, which is not checked.
        """
        schema = self._resolve(schema)
        if isinstance(schema, list):
            if value is None:
                return None
            name, value = value if isinstance(value, tuple) else (self._find_branch(value, schema), value)
            branch = next(entry for entry in schema if self._find_name(entry) == name)
            return {name: self.to_json(value, branch)}
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in ("record", "error"):
            return {field["name"]: self.to_json(value[field["name"]], field["type"]) for field in schema["fields"]}
        if kind == "array":
            return [self.to_json(item, schema["items"]) for item in value]
        if kind == "map":
            return {name: self.to_json(item, schema["values"]) for name, item in value.items()}
        if isinstance(value, bytes) and _is_decimal(schema):
            number = decimal.Decimal(int.from_bytes(value, "big", signed=True))
            return str(_EXACT.scaleb(number, -schema.get("scale", 0)))
        if isinstance(value, bytes):
            return value.decode("latin-1")
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        return str(value) if isinstance(value, (decimal.Decimal, uuid.UUID)) else value

    def from_json(self, data: Any, schema: Any, path: str) -> Any:
        """Return data of JSON as fastavro writes it; a union's value becomes a pair of the branch's name and the value.

        `schema` is as fastavro has parsed it: the name of a type, a dict, or a list for a union. Where it has logical
        types, texts become decimals, times and UUIDs, and a time as the number of its underlying type stays; a decimal
        must be a text. A union's null is None. A text of timestamp-millis or timestamp-micros without a zone is local
        time of this computer. The zone of a time of day or of a local-timestamp does not count. A record's field with a
        default may be missing; fastavro refuses this later. `path` names the value in errors.

        Raise ValueError for data that are not of the schema, RecursionError for data that are nested too deeply, and
        TypeError for a decimal whose scale or precision is no number.
        """
        schema = self._resolve(schema)
        if isinstance(schema, list):
            return self._convert_union(data, schema, path)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in ("record", "error"):
            return self._convert_record(_require(data, dict, path), schema, path)
        if kind == "array":
            items = enumerate(_require(data, list, path))
            return [self.from_json(item, schema["items"], f"{path}[{number}]") for number, item in items]
        if kind == "map":
            items = _require(data, dict, path).items()
            return {name: self.from_json(item, schema["values"], f"{path}[{name!r}]") for name, item in items}
        logical = str(schema.get("logicalType")) if isinstance(schema, dict) else ""
        if logical in _FROM_TEXT and isinstance(data, str):
            try:
                value = _FROM_TEXT[logical](data)
            except (ValueError, ArithmeticError) as error:
                raise ValueError(f"{path}: {_shorten(data)} is not of the type {logical}") from error
            if not _fits(value, logical, schema):
                raise ValueError(f"{path}: {_shorten(data)} has more digits than the {logical} keeps")
            return value
        return _convert_primitive(data, kind, schema, path)

    def _convert_record(self, data: dict[str, Any], schema: Any, path: str) -> dict[str, Any]:
        """Return the fields that `data` has, by name, as fastavro writes them.

        `schema` is the record's parsed schema, a dict with `fields`; `path` names the record in errors. Fields with a
        default may be missing here, but the writer refuses them later. Raise ValueError for an unknown and for a
        missing field, and for a value that is not of its type, RecursionError for data that are nested too deeply, and
        TypeError for a decimal whose scale or precision is no number.
        """
        fields = {field["name"]: field for field in schema["fields"]}
        if unknown := data.keys() - fields.keys():
            raise ValueError(f"{path}: unknown field {min(unknown)}")
        if missing := [name for name, field in fields.items() if name not in data and "default" not in field]:
            raise ValueError(f"{path}: field {missing[0]} is missing")
        return {name: self.from_json(item, fields[name]["type"], f"{path}.{name}") for name, item in data.items()}

    def _convert_union(self, data: Any, schema: list[Any], path: str) -> Any:
        """Return the name of a union's branch and the value for fastavro; None for None where the union has null.

        `schema` is the list of the parsed branches, and `path` names the value in errors. Data that are an object with
        the name of a branch as its only key are of this branch, as in Avro's JSON, so `{"null": null}` gives the pair
        null and None. Otherwise the first branch that accepts the data counts, in the schema's order. Raise ValueError
        where none does, or where the named one does not accept the value; RecursionError for data that are nested too
        deeply; and TypeError for a decimal whose scale or precision is no number.
        """
        names = [self._find_name(branch) for branch in schema]
        if data is None and "null" in names:
            return None
        if isinstance(data, dict) and len(data) == 1 and next(iter(data)) in names:
            ((name, inner),) = data.items()
            return name, self.from_json(inner, schema[names.index(name)], f"{path}.{name}")
        errors = []
        for name, branch in zip(names, schema, strict=True):
            if name != "null":
                try:
                    return name, self.from_json(data, branch, path)
                except ValueError as error:
                    errors.append(error)
        raise (
            errors[0]
            if len(errors) == 1
            else ValueError(f"{path}: {_shorten(data)} is of none of the types {', '.join(names)}")
        )

    def _find_branch(self, value: Any, schema: list[Any]) -> str:
        """Return the name of the branch that a value, as fastavro reads it, belongs to.

        `value` is not None, which would count as the first branch that is not null. `schema` is the list of the union's
        parsed branches. The result is the branch for the value's type, with `long` for an integer that `int` cannot
        hold; else the first one that is not null; null where there is no other. Of int and long, a time of day is of
        one with such a logical type, and a number of one without any, where the union has it. Where this leaves both,
        or the union has float and double, the value does not tell which of both the bytes had: int or double counts.
        """
        names = [self._find_name(branch) for branch in schema]
        candidates: tuple[str, ...] = next((_BRANCHES[kind] for kind in type(value).__mro__ if kind in _BRANCHES), ())
        if type(value) is int and not _INTEGERS["int"][0] <= value <= _INTEGERS["int"][1]:
            candidates = ("long",)
        kinds = dict(zip(names, map(self._find_logical_type, schema), strict=True))
        fits = ("time-millis", "time-micros") if isinstance(value, datetime.time) else ("",)
        sure = [name for name in candidates if kinds.get(name) in fits]
        return next((name for name in (*sure, *candidates, *names) if name in names and name != "null"), "null")

    def _find_logical_type(self, branch: Any) -> str:
        """Return the logical type of a union's branch, such as date; empty for none, and for one that is not known."""
        branch = self._resolve(branch)
        name = str(branch.get("logicalType")) if isinstance(branch, dict) else ""
        return name if name in _FROM_TEXT else ""

    def _resolve(self, schema: Any) -> Any:
        """Return a parsed schema; the full name of a record, enum or fixed type becomes the schema of that type.

        Names of primitive types stay, and so do dicts and lists. But a dict whose `type` is itself a dict or a list,
        and not a name, becomes that inner schema.
        """
        if isinstance(schema, dict) and isinstance(schema.get("type"), (dict, list)):
            schema = schema["type"]
        return self._named_types.get(schema, schema) if isinstance(schema, str) else schema

    def _find_name(self, branch: Any) -> str:
        """Return the name of a union's branch: the type, or the full name of a record, enum, fixed or error type."""
        branch = self._resolve(branch)
        if isinstance(branch, str):
            return branch
        return str(branch["name"] if branch["type"] in ("record", "enum", "fixed", "error") else branch["type"])


def _require(data: Any, kind: type, path: str) -> Any:
    """Return the data unchanged; raise ValueError, which names `path`, where they are not of the type dict or list."""
    if not isinstance(data, kind):
        raise ValueError(f"{path}: {_shorten(data)} is not {'an object' if kind is dict else 'a list'}")
    return data


def _convert_primitive(data: Any, kind: str, schema: Any, path: str) -> Any:
    """Return data of JSON as a value of a type that is no record, array, map or union.

    `kind` is the type's name, `schema` the parsed type, which gives the `size` of fixed and the `symbols` of enum, and
    `path` names the value in errors. Bytes and fixed are made from ISO-8859-1 texts; for float and double the texts
    NaN, Infinity and -Infinity become floats; all other data stay. A bool is no number, and 1.0 no int. A type that is
    not known here takes all data. Raise ValueError for data of another type, numbers out of range, a fixed of another
    size, an unknown symbol, and lone surrogates.
    """
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
    if isinstance(data, str) and not _is_unicode(data):
        raise ValueError(f"{path}: {_shorten(data)} has a lone surrogate, which UTF-8 does not have")
    if not is_right:
        raise ValueError(f"{path}: {_shorten(data)} is not of the type {kind}")
    return data


def _is_float(number: float, kind: str) -> bool:
    """Return whether a number fits into a float or a double, by its size.

    `kind` is float or double. The number may be rounded: 0.1 fits into a float, and 1e-60 becomes 0. Infinity and NaN
    do not fit.
    """
    try:
        return math.isfinite(struct.unpack(_LAYOUTS[kind], struct.pack(_LAYOUTS[kind], number))[0])
    except (OverflowError, struct.error):
        return False


def _is_unicode(text: str) -> bool:
    """Return whether a text can be encoded as UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _fits(value: Any, logical: str, schema: Any) -> bool:
    """Return whether a value can be written without loss as its `logical` type, by the parsed type (`schema`).

    `value` is a Decimal, UUID, date, time or datetime. Decimals are checked for scale and precision as they are
    written, so 1.50 does not fit a scale of 1; infinity and NaN do not fit; types in -millis are checked for
    microseconds; all others fit. Raise TypeError for a decimal whose scale or precision is no number.
    """
    if isinstance(value, decimal.Decimal):
        _, digits, exponent = value.as_tuple()
        scale, precision = schema.get("scale", 0), schema.get("precision", len(digits))
        if not isinstance(exponent, int) or -exponent > scale:
            return False
        return not value or len(digits) + max(0, exponent + scale) <= precision
    return not logical.endswith("-millis") or value.microsecond % 1000 == 0


def _shorten(data: Any) -> str:
    """Return data as JSON for errors, cut after 80 characters without a mark."""
    return json.dumps(data)[:_SHOWN_CHARACTERS]


_FROM_TEXT: Mapping[str, Any] = {
    "decimal": decimal.Decimal, "uuid": uuid.UUID, "date": datetime.date.fromisoformat,
    "time-millis": datetime.time.fromisoformat, "time-micros": datetime.time.fromisoformat,
    **dict.fromkeys(
        ("timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros"),
        datetime.datetime.fromisoformat,
    ),
}  # fmt: skip


def _remove_logical_types(schema: Any) -> Any:
    """Return a copy of a schema, which is data of JSON, without the entries logicalType, at all depths.

    Raise RecursionError for a schema that is nested too deeply.
    """
    if isinstance(schema, list):
        return [_remove_logical_types(entry) for entry in schema]
    if isinstance(schema, dict):
        return {name: _remove_logical_types(entry) for name, entry in schema.items() if name != "logicalType"}
    return schema


def _read_decimals_as_bytes(parsed: Any) -> Any:
    """Return a copy of a parsed schema, for reading, without the entries logicalType of decimals.

    fastavro rounds a decimal to its precision, without an error, where a writer has not kept to it. Raise UsageError
    for a schema that is nested too deeply.
    """
    try:
        changed = copy.deepcopy(parsed)
    except RecursionError as error:
        raise UsageError("invalid Avro schema: it is nested too deeply") from error
    seen: set[int] = set()  # fastavro's list of named types leads back to them
    waiting = [changed]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, (dict, list)) or id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict) and _is_decimal(part):
            del part["logicalType"]
        waiting.extend(part.values() if isinstance(part, dict) else part)
    return changed


def _is_decimal(schema: Any) -> bool:
    """Return whether a parsed schema is that of a decimal, in bytes or fixed, with a precision that Python can have.

    A precision or a scale that is no whole number, such as null, gives False.
    """
    return (
        isinstance(schema, dict)
        and schema.get("logicalType") == "decimal"
        and schema.get("type") in ("bytes", "fixed")
        and isinstance(schema.get("precision"), int)
        and 0 < schema["precision"] <= decimal.MAX_PREC
        and isinstance(schema.get("scale", 0), int)
    )


def _write_out(part: Any, named_types: Mapping[str, Any], known: set[str]) -> Any:
    """Return a part of a parsed schema in which each named type is written out where it comes first.

    `named_types` are all types by full name; `known` has the names that were written out, and is changed. `part` is
    not changed. fastavro's own entries, whose names begin with `__`, are left out.
    """
    if isinstance(part, str):
        if part not in named_types or part in known:
            return part
        return _write_out(named_types[part], named_types, known)
    if isinstance(part, list):
        return [_write_out(branch, named_types, known) for branch in part]
    written = {key: value for key, value in part.items() if not key.startswith("__")}
    if "name" in written and "type" in written and written["type"] in ("record", "error", "enum", "fixed"):
        known.add(written["name"])
    for key in ("items", "values"):
        if key in written:
            written[key] = _write_out(written[key], named_types, known)
    if "fields" in written:
        written["fields"] = [
            {**field, "type": _write_out(field["type"], named_types, known)} for field in written["fields"]
        ]
    elif not isinstance(written.get("type"), str):
        written["type"] = _write_out(written["type"], named_types, known)
    return written


def _parse_schema(schema: Schema) -> tuple[Any, Mapping[str, Any]]:
    """Return a parsed schema, and its named types and those of its references by full name.

    Logical types are removed unless `shown.logical_types` is set. Raise UsageError for a text, also of a reference,
    that is no Avro schema or is nested too deeply, and for unknown types in the schema. A reference with unknown types
    is left out. Not all faults are found: a union with a type twice passes.
    """
    try:
        named_types: dict[str, Any] = {}
        texts = {name: json.loads(text) for name, text in schema.references.items()}
        main = json.loads(schema.text)
        if not schema.shown.logical_types:
            texts, main = (
                {name: _remove_logical_types(entry) for name, entry in texts.items()},
                _remove_logical_types(main),
            )
        # A referenced schema may refer to others, so each one is parsed when all schemas that it needs were parsed.
        while texts:
            before = len(texts)
            for name, text in list(texts.items()):
                with_this = dict(named_types)  # an attempt that fails leaves incomplete types
                try:
                    fastavro.parse_schema(text, named_schemas=with_this)
                except fastavro.schema.UnknownType:
                    continue
                named_types = with_this
                del texts[name]
            if len(texts) == before:
                break
        parsed = fastavro.parse_schema(main, named_schemas=named_types)
        for name, definition in named_types.items():
            _require_whole(name, definition)
        _refuse_inner_unions([parsed, *named_types.values()])
        if not (isinstance(parsed, dict) and "__named_schemas" in parsed):  # fastavro keeps them in a record only
            parsed = fastavro.parse_schema(_write_out(parsed, named_types, set()))
        return parsed, named_types
    except (
        SchemaParseException,
        fastavro.schema.UnknownType,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        RecursionError,
    ) as error:
        raise UsageError(f"invalid Avro schema: {_describe_error(error)}") from error


def _require_whole(name: str, definition: Mapping[str, Any]) -> None:
    """Raise SchemaParseException for a named type that fastavro takes and that loses values or fails later.

    That is a record with a field twice, an enum without a list of symbols, and a fixed whose size is missing, negative
    or no whole number.
    """
    kind = definition.get("type")
    if kind in ("record", "error"):
        counts = Counter(field["name"] for field in definition.get("fields", ()))
        if doubles := sorted(name for name, count in counts.items() if count > 1):
            raise SchemaParseException(f"record {name} has the field {doubles[0]} twice")
    elif kind == "enum" and not isinstance(definition.get("symbols"), list):
        raise SchemaParseException(f"the symbols of enum {name} are no list")
    elif kind == "fixed" and (type(definition.get("size")) is not int or definition["size"] < 0):
        raise SchemaParseException(f"the size of fixed {name} is no number")


def _refuse_inner_unions(schemas: list[Any]) -> None:
    """Raise SchemaParseException for a union directly in a union, at any depth of parsed schemas; the list is emptied.

    fastavro takes it, but JSON has no name for its branch.
    """
    while schemas:
        schema = schemas.pop()
        if isinstance(schema, list):
            if any(isinstance(branch, list) for branch in schema):
                raise SchemaParseException("a union is directly in a union")
            schemas.extend(schema)
        elif isinstance(schema, dict):
            schemas.extend(schema[part] for part in ("items", "values", "type") if part in schema)
            schemas.extend(
                field["type"] for field in schema.get("fields") or () if schema["type"] in ("record", "error")
            )


def _describe_error(error: Exception) -> str:
    """Return an error's text as shorten_reason does; its type where it has no text."""
    return shorten_reason(str(error)) or type(error).__name__
