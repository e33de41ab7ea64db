"""Records as a stream: each is text of its own, printed as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.escaping import encode_text
from kafkactl.output.records import RecordWriter
from kafkactl.output.records.decoders import format_of_class
from kafkactl.output.records.fields import header_items, member
from kafkactl.output.records.line_formatter import LineFormatter
from kafkactl.output.records.template import Template
from kafkactl.output.report import OutputFormat
from kafkactl.output.structured import check_null_marker, csv_bytes, csv_line, dump_json, yaml_document
from kafkactl.serde import formats
from kafkactl.serde.formats import STRING, Format
from kafkactl.stdout import out
from kafkactl.streams.record import headers_of


@dataclass(frozen=True)
class Style:
    """How records are to look; at most one of format, template and formatter, and properties for lines only."""

    format: OutputFormat | None = None
    template: str | None = None
    formatter: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    null: str = ""
    """What stands in csv for a key or a value that is null."""


def record_writer(style: Style, key: Format, value: Format) -> RecordWriter:
    """The writer of a style; Kafka's own lines unless another is named. Raises UsageError."""
    from kafkactl.output.records import kafka_formatters

    formatter = None if style.formatter is None else kafka_formatters.short_name(style.formatter)
    if sum((style.format is not None, style.template is not None, formatter is not None)) > 1:
        raise UsageError("-o, --format and --formatter each say how a record looks", "name one of them")
    is_lines = style.template is None and style.format in (None, OutputFormat.PLAIN)
    if is_lines and formatter in (None, *kafka_formatters.LINES):
        return Lines(_line_formatter(style.properties, key, value))
    if style.properties:
        raise UsageError("--property is for lines, and this form says all itself", "leave one of them out")
    if formatter is not None:
        if formatter == kafka_formatters.NOTHING:
            return kafka_formatters.Nothing()
        return kafka_formatters.InternalRecords(formatter)
    if style.template is not None:
        return Template(style.template, key, value)
    match style.format:
        case OutputFormat.JSON | OutputFormat.JSONL:
            return JsonLines(key, value)
        case OutputFormat.YAML:
            return YamlDocuments(key, value)
        case OutputFormat.CSV:
            check_null_marker(style.null)
            return Csv(key, value, style.null)
        case OutputFormat.RAW:
            return Template("%s", key, value)
        case _:
            return Columns(key, value)


_DESERIALIZERS = ("key.deserializer", "value.deserializer", "headers.deserializer")


def _line_formatter(properties: Mapping[str, str], key: Format, value: Format) -> LineFormatter:
    """Deserializers are named by classes of Kafka's there, as properties or, with less to type, as formats."""
    named = {name: format_of_class(text) for name, text in properties.items() if name in _DESERIALIZERS}
    for name, text in properties.items():
        if (deserializer := next((each for each in _DESERIALIZERS if name.startswith(f"{each}.")), None)) is not None:
            named[deserializer] = _encoded(name, text)
    others = {name: text for name, text in properties.items() if not name.startswith(_DESERIALIZERS)}
    return LineFormatter(
        others,
        named.get("key.deserializer", key),
        named.get("value.deserializer", value),
        named.get("headers.deserializer"),
    )


def _encoded(name: str, encoding: str) -> Format:
    """Return text in the encoding that configures a deserializer; raises UsageError for anything else."""
    if not name.endswith(".encoding"):
        raise UsageError(f"--property {name}: a deserializer has no such setting here", "only its encoding is known")
    if encoding.upper() == "UTF-16":  # Java reads big-endian where nothing says otherwise, Python what the machine has
        raise UsageError(f"--property {name}={encoding}: in which order of bytes?", "UTF-16BE or UTF-16LE")
    return formats.get(STRING if encoding.upper() in ("UTF-8", "UTF8") else f"{STRING}:{encoding}")


class Lines(RecordWriter):
    """As Kafka's console consumer."""

    def __init__(self, formatter: LineFormatter) -> None:
        self._formatter = formatter
        self.plain = formatter.plain

    def write(self, message: Any) -> bytes:
        return self._formatter.format(message)

    def write_all(self, messages: Sequence[Any]) -> bytes:
        return self._formatter.format_all(messages)


class _Fielded(RecordWriter):
    def __init__(self, key: Format, value: Format) -> None:
        self._key, self._value = key, value

    def fields(self, message: Any) -> dict[str, Any]:
        """A record as plain data; the time in ms since 1970, None when the record has none."""
        return {
            **self.place(message),
            **member("key", message.key(), self._key),
            **member("value", message.value(), self._value),
        }

    @staticmethod
    def place(message: Any) -> dict[str, Any]:
        """Return where and when a record is, and its headers."""
        kind, timestamp_ms = message.timestamp()
        return {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp_ms": timestamp_ms if kind else None,
            "headers": header_items(headers_of(message)),
        }


class JsonLines(_Fielded):
    """One JSON object a line (NDJSON)."""

    def write(self, message: Any) -> bytes:
        return dump_json(self.fields(message)) + b"\n"


class YamlDocuments(_Fielded):
    """One YAML document each."""

    def write(self, message: Any) -> bytes:
        return yaml_document(self.fields(message)).encode()


class Csv(_Fielded):
    """One row each; headers as JSON, keys and values byte for byte, and the marker for those that are null."""

    head = b"topic,partition,offset,timestamp_ms,headers,key,value\n"

    def __init__(self, key: Format, value: Format, null: str) -> None:
        super().__init__(key, value)
        self._null = null.encode("utf-8", "surrogateescape")

    def write(self, message: Any) -> bytes:
        """Return the row of a record; raises FormatError for bytes that are not of the format."""
        place = self.place(message)
        place["headers"] = dump_json(place["headers"]).decode() if place["headers"] else None
        cells = [csv_line(place.values()).encode()[:-1]]
        for data, format in ((message.key(), self._key), (message.value(), self._value)):
            cells.append(csv_bytes(None if data is None else format.to_output(data), self._null))
        return b",".join(cells) + b"\n"


class Columns(_Fielded):
    """Columns of fixed width, for eyes: a stream cannot be measured before it is printed.

    On a terminal that is narrower than the columns each record is a block of lines `NAME: value`, and on any other a
    record that is wider than the terminal is.
    """

    _KEY_WIDTH = 20
    _FORM = "{:<9} {:>10} {:<24} {} {}\n"
    _TITLES = ("PARTITION", "OFFSET", "TIME", "KEY", "VALUE")
    _NARROWEST = 80

    def __init__(self, key: Format, value: Format) -> None:
        super().__init__(key, value)
        self._width = get_terminal_size().columns if out.is_terminal else None
        is_narrow = self._width is not None and self._width < self._NARROWEST
        partition, offset, time, key_title, value_title = self._TITLES
        head = self._FORM.format(partition, offset, time, key_title.ljust(self._KEY_WIDTH), value_title)
        self.head = b"" if is_narrow else head.encode()

    def write(self, message: Any) -> bytes:
        """Return the line or the block of a record; raises FormatError for bytes that are not of the format."""
        from kafkactl.output.report import cell
        from kafkactl.times import format_time

        fields = self.fields(message)
        time = format_time(fields["timestamp_ms"]) if fields["timestamp_ms"] is not None else "-"
        key, value = (
            out.escape_name(cell(fields.get(name, fields.get(f"{name}_base64")))) for name in ("key", "value")
        )
        cells = (fields["partition"], fields["offset"], time, key, value)
        line = self._FORM.format(*cells[:3], _padded(key, self._KEY_WIDTH), value)
        if self._width is not None and (not self.head or _columns(line) > self._width):
            lines = (f"{title}: {text}\n" for title, text in zip(self._TITLES, cells, strict=True))
            return encode_text("".join(lines) + "\n")
        return encode_text(line)


def _padded(text: str, width: int) -> str:
    """Return text that takes at least so many columns."""
    return text + " " * (width - _columns(text))


def _columns(text: str) -> int:
    """Return how many columns a line takes on a terminal; Korean and emoji take two a character."""
    if text.isascii():
        return len(text.rstrip("\n"))
    from wcwidth import wcswidth

    return max(0, wcswidth(text.rstrip("\n")))
