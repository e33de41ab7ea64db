"""Records as named fields: key, value, headers, partition and timestamp, as `console-consumer -o json` writes them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkactl.errors import FormatError
from kafkactl.serde.formats import JSON_DECODER, Format
from kafkactl.streams.record import Headers, Record, header_name

_BASE64 = "_base64"
_HIGHEST_PARTITION = 2**31 - 1
_LATEST_TIME_MS = 2**63 - 1
_NO_TIMESTAMP = -1
_NAMES = (b'"key', b'"value', b'"headers"', b'"partition"', b'"timestamp')
"""A line that has one of these twice is looked at closely: orjson keeps the last of two members with one name."""
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonText(str):
    """A value of JSON that is not a string, as it was written: numbers and repeated names stay what they are."""


@dataclass(frozen=True)
class FieldReader:
    """Makes records of fields; key_base64 and value_base64 are bytes that no text can hold."""

    key: Format
    value: Format
    heeds_partition: bool = True
    """Whether a record goes to the partition that it names."""

    FIELDS = ("key", "value", "headers", "partition", "timestamp", "timestamp_ms", "key_base64", "value_base64")
    PASSED_OVER = (
        "topic", "offset", "error", "file", "timestamp_type", "sequence", "producer_id", "control", "transactional",
        "aborted", "valid",
    )  # fmt: skip
    """Where a record was, why a dead letter is one, and what dump-log says as well."""

    def read(self, fields: dict[str, Any]) -> Record | None:
        """Return a record, None for a control record of a log; raises FormatError for what is no record."""
        if unknown := sorted(fields.keys() - {*self.FIELDS, *self.PASSED_OVER}):
            raise FormatError(f"no field {unknown[0]!r} is known", f"a record has: {', '.join(self.FIELDS)}")
        if fields.get("control") is not None:
            return None
        record: Record = {
            "key": _bytes_of(fields, "key", self.key.to_bytes),
            "value": _bytes_of(fields, "value", self.value.to_bytes),
        }
        if headers := fields.get("headers"):
            record["headers"] = _headers(headers)
        partition = fields.get("partition")
        if partition is not None and self.heeds_partition:
            record["partition"] = _whole(partition, "partition", _HIGHEST_PARTITION)
        timestamp = fields.get("timestamp", fields.get("timestamp_ms"))
        if timestamp not in (None, _NO_TIMESTAMP, str(_NO_TIMESTAMP)):
            record["timestamp"] = _whole(timestamp, "timestamp", _LATEST_TIME_MS)
        return record


def members(line: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; values that are not strings are JsonText. Raises FormatError."""
    import orjson

    try:
        fields = orjson.loads(line)
        if isinstance(fields, dict) and _is_simple(fields) and not any(line.count(name) > 1 for name in _NAMES):
            return fields
    except ValueError:
        pass  # what is wrong with it, and whether anything is, is said below
    try:
        text = line.decode("utf-8")
        found = _members(text, _skip(text, 0))
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}", "value_base64 takes any bytes") from error
    except RecursionError as error:
        raise FormatError("not JSON that can be read: it is nested too deeply") from error
    except StopIteration as error:  # the scanner of json says no more than where
        raise FormatError(f"not JSON: no value at character {int(error.value) + 1}") from error
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from error
    return found


def _is_simple(fields: dict[str, Any]) -> bool:
    """Return whether nothing but strings, null and the numbers of a record are in an object."""
    for name, value in fields.items():
        if value is None or type(value) is str or (type(value) is int and name not in ("key", "value")):
            continue
        if name != "headers" or type(value) is not list:
            return False
        for pair in value:
            if type(pair) is not list or not all(part is None or type(part) is str for part in pair):
                return False
    return True


_SCAN: Any = JSON_DECODER.scan_once  # type: ignore[attr-defined]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _members(text: str, at: int) -> dict[str, Any]:
    if text[at : at + 1] != "{":
        raise FormatError("not an object", 'like {"key": "k", "value": "v"}')
    found: dict[str, Any] = {}
    end = _each(text, at, lambda name, begin, stop: _keep(found, name, text, begin, stop))
    if _skip(text, end) != len(text):
        raise ValueError("something follows the object")
    return found


def _keep(found: dict[str, Any], name: str, text: str, begin: int, end: int) -> None:
    if name in found:
        raise FormatError(f"{name!r} is there twice")
    if name == "headers" and text[begin] in "[{":
        found[name] = _header_items(text, begin)
    else:
        found[name] = _value(text, begin, end)


def _value(text: str, begin: int, end: int) -> Any:
    """Return a string, None, or any other value as it was written."""
    raw = text[begin:end]
    if raw == "null":
        return None
    if raw[0] != '"':
        return JsonText(raw)
    value = _SCAN(text, begin)[0]
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        half = f"\\u{ord(value[error.start]):04x}"
        raise FormatError(
            f"{half} is half of a character, and no text has it", "key_base64 and value_base64 take any bytes"
        ) from error
    return value


def _each(text: str, at: int, take: Callable[[str, int, int], None]) -> int:
    """Hand the name, begin and end of each member of an object, or element of a list, to `take`; return the end."""
    is_object, close = text[at] == "{", "}" if text[at] == "{" else "]"
    at = _skip(text, at + 1)
    if text[at : at + 1] == close:
        return at + 1
    while True:
        name = ""
        if is_object:
            if text[at : at + 1] != '"':
                raise ValueError(f"a name in quotes is missing at character {at + 1}")
            name, at = _SCAN(text, at)
            at = _skip(text, at)
            if text[at : at + 1] != ":":
                raise ValueError(f"a colon is missing at character {at + 1}")
            at = _skip(text, at + 1)
        end = _SCAN(text, at)[1]
        take(name, at, end)
        at = _skip(text, end)
        if text[at : at + 1] == close:
            return at + 1
        if text[at : at + 1] != ",":
            raise ValueError(f"a comma is missing at character {at + 1}")
        at = _skip(text, at + 1)


def _header_items(text: str, at: int) -> list[Any]:
    """Return headers as pairs, or as objects of name and value; an object of all gives pairs."""
    items: list[Any] = []
    if text[at] == "{":
        _each(text, at, lambda name, begin, end: items.append([_name(name), _value(text, begin, end)]))
        return items

    def take(_: str, begin: int, end: int) -> None:
        if text[begin] == "{":
            item: dict[str, Any] = {}
            _each(text, begin, lambda name, first, last: item.__setitem__(name, _value(text, first, last)))
            items.append(item)
        elif text[begin] == "[":
            pair: list[Any] = []
            _each(text, begin, lambda _, first, last: pair.append(_value(text, first, last)))
            items.append(pair)
        else:
            items.append(_value(text, begin, end))

    _each(text, at, take)
    return items


def _name(name: str) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("the name of a header has half of a character, and no text has it") from error
    return name


def _bytes_of(fields: dict[str, Any], name: str, to_bytes: Callable[[str], bytes]) -> bytes | None:
    """Return what stands under a name, or under NAME_base64; None for null, and for what is missing."""
    given, packed = fields.get(name), fields.get(name + _BASE64)
    if packed is None:
        return None if given is None else to_bytes(given)
    if given is not None:
        raise FormatError(f"{name} and {name}_base64 are both there")
    try:
        return base64.b64decode(packed, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise FormatError(f"{name}_base64 is not base64") from error


def _headers(given: Any) -> Headers:
    wrong = FormatError("headers are no list of [name, value], nor an object")
    if isinstance(given, str) or not isinstance(given, list):
        raise wrong
    headers: Headers = []
    for item in given:
        if isinstance(item, list) and len(item) == 2 and type(item[0]) is str:
            headers.append((header_name(_text_bytes(item[0])), None if item[1] is None else _text_bytes(item[1])))
        elif isinstance(item, dict) and item.keys() <= {"name", "value", "name_base64", "value_base64"}:
            name = _bytes_of(item, "name", _text_bytes)
            if name is None:
                raise wrong
            headers.append((header_name(name), _bytes_of(item, "value", _text_bytes)))
        else:
            raise wrong
    return headers


def _text_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _whole(value: Any, name: str, highest: int) -> int:
    if type(value) is int or (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20):
        number = int(value)
        if 0 <= number <= highest:
            return number
    raise FormatError(f"{name} {value} is no number from 0 to {highest}")
