"""Records as a stream: each is text of its own, printed as it comes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Protocol

from kafkactl.errors import UsageError
from kafkactl.output.line_formatter import LineFormatter
from kafkactl.output.report import OutputFormat
from kafkactl.serde.formats import Format


class RecordWriter(Protocol):
    """Turns one record after the other into bytes for stdout."""

    head: bytes
    """What comes before the first."""

    def write(self, message: Any) -> bytes:
        """One record; raises FormatError for bytes that are not of its format."""


def record_writer(
    format: OutputFormat | None, properties: Mapping[str, str], key: Format, value: Format
) -> RecordWriter:
    """The writer of a format; Kafka's own lines unless one is named. Raises UsageError."""
    if format in (None, OutputFormat.PLAIN):
        return Lines(LineFormatter(properties, key, value))
    if properties:
        raise UsageError(f"--property is for lines, and -o {format} has its own form", "leave one of them out")
    match format:
        case OutputFormat.JSON:
            return JsonLines(key, value)
        case OutputFormat.YAML:
            return YamlDocuments(key, value)
        case OutputFormat.CSV:
            return Csv(key, value)
        case _:
            return Columns(key, value)


class Lines:
    """As Kafka's console consumer."""

    head = b""

    def __init__(self, formatter: LineFormatter) -> None:
        self.write = formatter.format


class _Fielded:
    head = b""

    def __init__(self, key: Format, value: Format) -> None:
        self._key, self._value = key, value

    def fields(self, message: Any) -> dict[str, Any]:
        """A record as plain data; the time in ms since 1970, None when the record has none."""
        kind, timestamp_ms = message.timestamp()
        key, value = message.key(), message.value()
        headers = message.headers() or []
        return {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp_ms": timestamp_ms if kind else None,
            "headers": [
                [name, None if data is None else data.decode("utf-8", errors="replace")] for name, data in headers
            ],
            "key": None if key is None else self._key.to_text(key),
            "value": None if value is None else self._value.to_text(value),
        }


class JsonLines(_Fielded):
    """One JSON object a line (NDJSON)."""

    def write(self, message: Any) -> bytes:
        return json.dumps(self.fields(message), ensure_ascii=False).encode() + b"\n"


class YamlDocuments(_Fielded):
    """One YAML document each."""

    def write(self, message: Any) -> bytes:
        import yaml

        return b"---\n" + yaml.safe_dump(self.fields(message), sort_keys=False, allow_unicode=True).encode()


class Csv(_Fielded):
    """One row each; headers as JSON, an absent key or value as nothing."""

    head = b"topic,partition,offset,timestamp_ms,headers,key,value\n"

    def write(self, message: Any) -> bytes:
        fields = self.fields(message)
        fields["headers"] = json.dumps(fields["headers"]) if fields["headers"] else ""
        row = io.StringIO()
        csv.writer(row, lineterminator="\n").writerow(fields.values())
        return row.getvalue().encode()


class Columns(_Fielded):
    """Columns of fixed width, for eyes: a stream cannot be measured before it is printed."""

    _FORM = "{:<9} {:>10} {:<24} {:<20} {}\n"
    head = _FORM.format("PARTITION", "OFFSET", "TIME", "KEY", "VALUE").encode()

    def write(self, message: Any) -> bytes:
        from kafkactl.output.render import cell
        from kafkactl.output.times import iso

        fields = self.fields(message)
        time = iso(fields["timestamp_ms"]) if fields["timestamp_ms"] is not None else "-"
        key, value = cell(fields["key"]), cell(fields["value"])
        return self._FORM.format(fields["partition"], fields["offset"], time, key, value).encode()
