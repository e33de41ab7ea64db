"""Records as named fields: key, value, headers, partition and timestamp, as `console-consumer -o json` writes them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from kafkactl.errors import FormatError
from kafkactl.serde.formats import JSON_DECODER, Format
from kafkactl.streams.record import Headers, Record, decode_header_name

_BASE64 = "_base64"
_HIGHEST_PARTITION = 2**31 - 1
_LATEST_TIME_MS = 2**63 - 1
_NO_TIMESTAMP = -1
_NAMES = (b'"key', b'"value', b'"headers"', b'"partition"', b'"timestamp')
"""Names that may stand only once in a line; orjson would keep the last of two members with one name."""
_ESCAPED_NAME = re.compile(rb'[{,][ \t\r\n]*"[^"\\]*\\u[^"]*"[ \t\r\n]*:')
"""What may be a name with an escaped letter, such as "k\\u0065y"."""
_SPACE = re.compile(r"[ \t\r\n]*")
LONGEST_SHOWN = 80
"""Number of characters of a name or value in errors: it can have megabytes."""

Parsed = TypeVar("Parsed")


class JsonText(str):
    """A value of JSON that is not a string, as its text, so that numbers and repeated names stay unchanged."""


@dataclass(frozen=True)
class FieldReader:
    """Reader of records from fields; key_base64 and value_base64 hold bytes that no text can hold."""

    key: Format
    value: Format
    heeds_partition: bool = True
    """Whether a record is sent to the partition that it names."""

    FIELDS = ("key", "value", "headers", "partition", "timestamp", "timestamp_ms", "key_base64", "value_base64")
    IGNORED_FIELDS = (
        "topic", "offset", "error", "file", "timestamp_type", "sequence", "producer_id", "control", "transactional",
        "aborted", "valid",
    )  # fmt: skip
    """Ignored fields: the place of a record, the error of an undelivered one, and fields of dump-log."""

    def read(self, fields: dict[str, Any]) -> Record | None:
        """Return the record with these fields, or None where `control` is there and not null, also if false.

        The fields are key or key_base64, value or value_base64, headers, partition (which counts only with
        `heeds_partition`), and timestamp or timestamp_ms (ms since 1970; -1 and null mean none; of both the first
        counts, also where it is null); a missing or null key or value is None. Partition and timestamp are integers
        from 0 on, up to 2^31 - 1 and 2^63 - 1, or texts of 1 to 19 digits. Null or empty headers count as none. The
        result has key and value as bytes or None, and headers, partition and timestamp (ms) only where the record has
        them. The other names in IGNORED_FIELDS, such as topic and offset, are ignored. Keys and values are texts, in
        their formats.

        Raise FormatError for an unknown field, for headers, a partition or a timestamp of another form, for text that
        is not of its format or not base64, and where a field and its form NAME_base64 both have a value. Formats of a
        schema registry also raise OperationError, UnreachableError and UsageError.
        """
        if unknown := sorted(fields.keys() - {*self.FIELDS, *self.IGNORED_FIELDS}):
            raise FormatError(f"unknown field {unknown[0][:LONGEST_SHOWN]!r}", f"use only {', '.join(self.FIELDS)}")
        if fields.get("control") is not None:
            return None
        record: Record = {
            "key": _read_bytes(fields, "key", self.key.to_bytes),
            "value": _read_bytes(fields, "value", self.value.to_bytes),
        }
        if (items := fields.get("headers")) is not None and (headers := _read_headers(items)):
            record["headers"] = headers
        partition = fields.get("partition")
        if partition is not None and self.heeds_partition:
            record["partition"] = _read_integer(partition, "partition", _HIGHEST_PARTITION)
        timestamp = fields.get("timestamp", fields.get("timestamp_ms"))
        if timestamp not in (None, _NO_TIMESTAMP, str(_NO_TIMESTAMP)):
            record["timestamp"] = _read_integer(timestamp, "timestamp", _LATEST_TIME_MS)
        return record


def parse_members(line: bytes) -> dict[str, Any]:
    """Return the members of a JSON object.

    A value is a string, None, or JsonText for anything else; an integer, but no key or value, can be an int or
    JsonText. Headers that are an object become a list of [name, value]; a list stays one, of lists such as [name,
    value], of dicts for objects, and of other items as they are, which are not checked here.

    Raise FormatError for a line that is no JSON object in UTF-8 or begins with a byte order mark, for nesting that is
    too deep, for a string with half of a surrogate pair, and for a key, value, headers, partition or timestamp that is
    repeated. Of another repeated name the last value may count without an error. Names of members, and strings inside a
    JsonText, are not checked for half of a surrogate pair.
    """
    import orjson

    try:
        fields = orjson.loads(line)
        if isinstance(fields, dict) and _is_simple(fields) and not _may_repeat_name(line):
            return fields
    except ValueError:
        pass  # the code below finds out whether the line is wrong, and why
    return _parse_slowly(line, lambda text: _parse_object(text, _skip(text, 0)))


def parse_headers(data: bytes) -> Any:
    """Return headers that stand alone as JSON, with the values of the member `headers` of parse_members().

    Null is None, and their form is not checked here. Raise FormatError for what is no JSON in UTF-8, also for no bytes,
    for nesting that is too deep, and for a string with half of a surrogate pair, as parse_members() does.
    """
    import orjson

    try:
        headers = orjson.loads(data)
        if _is_simple({"headers": headers}):
            return headers
    except ValueError:
        pass  # the code below finds out whether it is wrong, and why
    return _parse_slowly(data, _parse_lone_headers)


def _parse_slowly(data: bytes, parse: Callable[[str], Parsed]) -> Parsed:
    """Return what `parse` makes of the text of bytes; raise its errors about JSON as a FormatError.

    These are ValueError, RecursionError, and StopIteration with a position. Bytes that are not UTF-8 are a FormatError,
    too.
    """
    try:
        return parse(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}", "use value_base64 for other bytes") from error
    except RecursionError as error:
        raise FormatError("not JSON that can be read: it is nested too deeply") from error
    except StopIteration as error:  # the scanner of json gives the position only
        raise FormatError(f"not JSON: no value at character {int(error.value) + 1}") from error
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from error


def _may_repeat_name(line: bytes) -> bool:
    """Return whether a name of _NAMES may be there twice, also written with an escape; True may be wrong."""
    if any(line.count(name) > 1 for name in _NAMES):
        return True
    return b"\\u" in line and _ESCAPED_NAME.search(line) is not None


def _is_simple(fields: dict[str, Any]) -> bool:
    """Return whether an object has only strings, null, integers outside of key and value, and headers of lists.

    A list of headers has lists of strings and null, of any length; headers of another simple kind pass, too. Then
    orjson's values need no change.
    """
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
    """Return the position after the white space at a position, which is `at` where there is none."""
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _parse_object(text: str, at: int) -> dict[str, Any]:
    """Return the members of the object at a position, as parse_members() has them; nothing else may follow it.

    Raise FormatError where no { is at the position, for a repeated name, and for half of a surrogate pair, as
    parse_members() does; ValueError or StopIteration (with the position) for what is no JSON behind the {, and for
    something behind the object; RecursionError for deep nesting.
    """
    if text[at : at + 1] != "{":
        raise FormatError("not an object", 'like {"key": "k", "value": "v"}')
    members: dict[str, Any] = {}
    end = _scan_items(text, at, lambda name, begin, stop: _add_member(members, name, text, begin, stop))
    if _skip(text, end) != len(text):
        raise ValueError("something follows the object")
    return members


def _add_member(members: dict[str, Any], name: str, text: str, begin: int, end: int) -> None:
    """Add a member to those of the object, as parse_members() has it; its value is between the two positions.

    Raise FormatError for a repeated name and for half of a surrogate pair as _parse_headers() and _parse_value() do,
    ValueError or StopIteration for text that is not JSON, and RecursionError for deep nesting.
    """
    if name in members:
        raise FormatError(f"{name[:LONGEST_SHOWN]!r} occurs twice")
    if name == "headers" and text[begin] in "[{":
        members[name] = _parse_headers(text, begin)
    else:
        members[name] = _parse_value(text, begin, end)


def _parse_value(text: str, begin: int, end: int) -> Any:
    """Return a string, None for null, or any other value as its text (JsonText).

    Raise FormatError for a string with half of a surrogate pair.
    """
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
            f"{half} is only half of a character", "use key_base64 or value_base64 for other bytes"
        ) from error
    return value


def _scan_items(text: str, at: int, take: Callable[[str, int, int], None]) -> int:
    """Call `take` with the name, begin and end of each member of an object, or element of a list; return its end.

    `at` is the position of the bracket. Each end is the position behind the last character, and the name of an element
    is empty. Raise ValueError for a missing name, colon or comma and for a value that is wrong inside, StopIteration
    with the position where no value begins (as at `nul`), RecursionError for deep nesting, and the errors of `take`.
    """
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


def _parse_headers(text: str, at: int) -> list[Any]:
    """Return the headers at a position as pairs [name, value] or objects; an object of all headers gives pairs.

    `at` is the position of the bracket. Lists may have any length, and objects any names; of a repeated name in an
    object of one header the last value counts. Items of another kind are values as of _parse_value(), and are refused
    later. Raise FormatError for half of a surrogate pair, but not inside a nested value or in a name of an object of
    one header, ValueError or StopIteration for text that is not JSON, and RecursionError for deep nesting.
    """
    items: list[Any] = []
    if text[at] == "{":
        _scan_items(
            text, at, lambda name, begin, end: items.append([_check_name(name), _parse_value(text, begin, end)])
        )
        return items

    def take(_: str, begin: int, end: int) -> None:
        """Append the element between two positions: an object as a dict, a list, or another value as _parse_value().

        The values in a dict or a list are as of _parse_value(), too. Raise FormatError for half of a surrogate pair in
        a value, but not in a name of the object or inside a nested value.
        """
        if text[begin] == "{":
            item: dict[str, Any] = {}
            _scan_items(text, begin, lambda name, first, last: item.__setitem__(name, _parse_value(text, first, last)))
            items.append(item)
        elif text[begin] == "[":
            pair: list[Any] = []
            _scan_items(text, begin, lambda _, first, last: pair.append(_parse_value(text, first, last)))
            items.append(pair)
        else:
            items.append(_parse_value(text, begin, end))

    _scan_items(text, at, take)
    return items


def _parse_lone_headers(text: str) -> Any:
    """Return the headers that are the whole text, as _parse_headers() has them, or another value as _parse_value().

    White space around them is passed over. Raise FormatError for half of a surrogate pair as these two do, ValueError
    or StopIteration (with the position) for text that is not JSON, and RecursionError for deep nesting.
    """
    begin = _skip(text, 0)
    end = _SCAN(text, begin)[1]
    if _skip(text, end) != len(text):
        raise ValueError("something follows the headers")
    return _parse_headers(text, begin) if text[begin] in "[{" else _parse_value(text, begin, end)


def _check_name(name: str) -> str:
    """Return a header's name; raise FormatError for a lone surrogate, which no UTF-8 text has."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("the name of a header has only half of a character") from error
    return name


def _read_bytes(fields: dict[str, Any], name: str, to_bytes: Callable[[str], bytes]) -> bytes | None:
    """Return the bytes of a field, or of its form NAME_base64; None for null and for a missing field.

    `to_bytes` converts the text of the field. Raise FormatError where both have a value, for base64 that is wrong or no
    string, and the errors of `to_bytes`.
    """
    text, packed = fields.get(name), fields.get(name + _BASE64)
    if packed is None:
        return None if text is None else to_bytes(text)
    if text is not None:
        raise FormatError(f"{name} and {name}_base64 are mutually exclusive")
    if type(packed) is not str:  # JsonText is a str, too, and `true` would be base64
        raise FormatError(f"{name}_base64 is not a string")
    try:
        return base64.b64decode(packed, validate=True)
    except (ValueError, binascii.Error) as error:
        raise FormatError(f"{name}_base64 is not base64") from error


def _read_headers(items: Any) -> Headers:
    """Return headers, in their order, from a list of [name, value] and of objects with name and value, all texts.

    An object may have name_base64 and value_base64 instead. Texts become UTF-8, with the bytes that surrogateescape has
    kept. JsonText counts as text in a value, as in the value of a record, and not in a name. A name that is not UTF-8
    is bytes. A value that is None or missing is null. Another value, and the name of an object, must be text without
    other lone surrogates, which is not checked. Raise FormatError for anything else: None, an object without a name or
    with another field, values in both forms of a field, and wrong base64.
    """
    wrong = FormatError("headers are not a list of [name, value] or an object")
    if isinstance(items, str) or not isinstance(items, list):
        raise wrong
    headers: Headers = []
    for item in items:
        if isinstance(item, list) and len(item) == 2 and type(item[0]) is str:
            headers.append(
                (decode_header_name(_encode_text(item[0])), None if item[1] is None else _encode_text(item[1]))
            )
        elif isinstance(item, dict) and item.keys() <= {"name", "value", "name_base64", "value_base64"}:
            name = _read_bytes(item, "name", _encode_text)
            if name is None or isinstance(item.get("name"), JsonText):
                raise wrong
            headers.append((decode_header_name(name), _read_bytes(item, "value", _encode_text)))
        else:
            raise wrong
    return headers


def _encode_text(text: str) -> bytes:
    """Return text as UTF-8, with the bytes that surrogateescape has kept.

    Raise UnicodeEncodeError for other lone surrogates, which parse_members() refuses before.
    """
    return text.encode("utf-8", "surrogateescape")


def _read_integer(value: Any, name: str, highest: int) -> int:
    """Return an integer from 0 to `highest`, from an int or a text of 1 to 19 digits.

    Raise FormatError for anything else. `name` is the field, for the message.
    """
    if type(value) is int or (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20):
        number = int(value)
        if 0 <= number <= highest:
            return number
    shown = value[:LONGEST_SHOWN] if isinstance(value, str) else value
    raise FormatError(f"invalid value {shown!r} for {name}: not a number from 0 to {highest}")
