"""Records as a Python program passes them: checked, and made into records that can be sent.

Every fault of a record is found here, before the record is queued. A fault that the client finds later would be
raised in the middle of the sending, as an exception that does not say which record is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kafkactl.arguments import LARGEST_INT32, LARGEST_INT64, require_int, show
from kafkactl.errors import UsageError
from kafkactl.streams.record import Batch, Headers, Record, decode_header_name

FIELDS = ("key", "value", "headers", "partition", "timestamp")
_LARGEST_BATCH = 500
_FIELDS_HINT = "use key, value, headers, partition and timestamp (milliseconds since 1970)"
_HEADERS_HINT = 'write headers as pairs: [("name", b"value")]'
_UNICODE_HINT = "pass the data as bytes"


def require_records(records: object) -> Iterable[object]:
    """Return the argument itself; raise UsageError for a single record, and for anything that is not an iterable.

    Text, bytes and mappings are single records. A list or a tuple, which may be empty, is checked completely, so that
    nothing is sent where one of its records is wrong: UsageError then, too. The records of another iterable are checked
    when they are read.
    """
    if isinstance(records, str | bytes | bytearray | memoryview | Mapping):
        raise UsageError(
            f"invalid value {show(records)} for records: this is one record, and records are a list or another "
            "iterable of them",
            "write one record as a list, too: [record]",
        )
    if not isinstance(records, Iterable):
        raise UsageError(
            f"invalid value {show(records)} for records: it must be a list or another iterable of records, "
            f"not {type(records).__name__}"
        )
    if isinstance(records, list | tuple):
        for number, record in enumerate(records):
            make_record(number, record)
    return records


def make_batches(records: Iterable[object]) -> Iterator[Batch]:
    """Yield the records in their order, in lists of at most 500; no records yield no list.

    A list is yielded when it is full or the iterable ends, however long the iterable waits. Raise UsageError for the
    first wrong record. This error, and an exception of the iterable itself, comes after all records before it were
    yielded; but before a KeyboardInterrupt or SystemExit a list that is not full is dropped.
    """
    batch: Batch = []
    try:
        for number, record in enumerate(records):
            batch.append(make_record(number, record))
            if len(batch) == _LARGEST_BATCH:
                yield batch
                batch = []
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def make_record(number: int, record: object) -> Record:
    """Return a value, as text or bytes, or a dict of FIELDS as a record with key and value; an absent one is None.

    Text is encoded as UTF-8. A field of None is absent, and so are empty headers. The result has headers, partition and
    timestamp only where the record has them. Headers are a list or tuple of pairs of name and value, the partition is
    an int from 0 to 2^31 - 1, and the timestamp is in ms, from 0 to 2^63 - 1. `number` is the position of the record,
    from 0, for messages. Raise UsageError for another type of record, an unknown field, a field of another type or
    outside its range, and text with a lone surrogate.
    """
    if isinstance(record, bytes):
        return {"key": None, "value": record}
    if isinstance(record, str):
        return {"key": None, "value": _make_bytes(record, f"record {number}")}
    if not isinstance(record, dict):
        kind = type(record).__name__
        raise UsageError(f"record {number}: a record is text, bytes or a dict, not {kind}")
    for name in record:
        if name not in FIELDS:
            raise UsageError(f"record {number}: unknown field {show(name)}", _FIELDS_HINT)
    result: Record = {
        "key": _make_bytes(record.get("key"), f"key of record {number}"),
        "value": _make_bytes(record.get("value"), f"value of record {number}"),
    }
    if len(record) > len(result) or "key" not in record or "value" not in record:
        _add_options(number, record, result)
    return result


def _add_options(number: int, record: dict[str, Any], result: Record) -> None:
    """Add the headers, the partition and the timestamp of `record` to `result`. Raise UsageError for a wrong one.

    What is None or missing, and an empty list of headers, is not added. `number` is the record's, for messages.
    """
    if (headers := record.get("headers")) is not None and (pairs := _make_headers(number, headers)):
        result["headers"] = pairs
    if (partition := record.get("partition")) is not None:
        result["partition"] = require_int(partition, f"partition of record {number}", 0, LARGEST_INT32)
    if (timestamp_ms := record.get("timestamp")) is not None:
        result["timestamp"] = require_int(timestamp_ms, f"timestamp of record {number}", 0, LARGEST_INT64)


def _make_headers(number: int, headers: object) -> Headers:
    """Return headers as a list of pairs. Raise UsageError unless they are a list or tuple of pairs of name and value.

    A name is text or bytes; a value is bytes, text or None. In the result a name is text, or bytes where it is not
    UTF-8, and a value is bytes or None. Text with a lone surrogate is a UsageError, too. The message has the place of a
    wrong pair, from 0 on.
    """
    if not isinstance(headers, list | tuple):
        kind = type(headers).__name__
        raise UsageError(f"headers of record {number}: they must be a list of pairs, not {kind}", _HEADERS_HINT)
    return [_make_header(f"header {place} of record {number}", header) for place, header in enumerate(headers)]


def _make_header(name: str, header: object) -> tuple[str | bytes, bytes | None]:
    """Return a header as it can be sent: its name as text, or as bytes that are not UTF-8, and its value or None.

    Raise UsageError, which calls the header `name`, unless `header` is a list or tuple of a name (text or bytes) and a
    value (text, bytes or None), and for text with a lone surrogate.
    """
    if not isinstance(header, list | tuple) or len(header) != 2:
        raise UsageError(f"{name}: it must be a pair of name and value", _HEADERS_HINT)
    key, value = header
    data = _make_bytes(key, f"name of {name}")
    if data is None:
        raise UsageError(f"name of {name}: it must be text, not None", _HEADERS_HINT)
    return decode_header_name(data), _make_bytes(value, f"value of {name}")


def _make_bytes(value: object, name: str) -> bytes | None:
    """Return bytes and None unchanged, and text as UTF-8.

    Raise UsageError, which calls the value `name` and does not show it, for another type and for text with a lone
    surrogate.
    """
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise UsageError(f"{name}: it must be bytes, text or None, not {type(value).__name__}")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        reason = f"the text is not Unicode: it has a lone surrogate at position {error.start}"
        raise UsageError(f"{name}: {reason}", _UNICODE_HINT) from None
