"""Writers of a stream of records: each record is printed at once, as a text of its own."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.escaping import encode_text
from kafkactl.output.records import RecordWriter
from kafkactl.output.records.decoders import find_class_format
from kafkactl.output.records.fields import encode_field, encode_headers
from kafkactl.output.records.line_formatter import LineFormatter
from kafkactl.output.records.template import Template
from kafkactl.output.report import OutputFormat
from kafkactl.output.structured import (
    check_null_marker,
    dump_json,
    encode_yaml_document,
    format_csv_bytes,
    format_csv_line,
)
from kafkactl.serde import formats
from kafkactl.serde.formats import STRING, Format
from kafkactl.stdout import out
from kafkactl.streams.record import read_headers


@dataclass(frozen=True)
class Style:
    """The form of printed records.

    At most one of `format`, `template` and `formatter` is given; `properties` are for lines only.
    """

    format: OutputFormat | None = None
    template: str | None = None
    formatter: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    null: str = ""
    """Text of a null key or value in csv."""


def make_record_writer(style: Style, key: Format, value: Format) -> RecordWriter:
    """Return the writer for a style: Kafka's own lines, unless the style has another form.

    `key` and `value` are the formats of keys and values; deserializers in the properties count before them. Output
    formats without a form of their own here give columns; plain gives lines, and raw the values alone, without line
    ends. Formatters of internal topics do not use `key` and `value`. Raise UsageError for more than one form, for
    properties of a form that is no lines, for an unknown formatter, property, deserializer or encoding, for UTF-16 and
    UTF-32 without a byte order, for a value of print.* that is not true or false, for an unknown mark or a single % at
    the end of a template, and for a null marker that csv cannot have.

    Raise UnicodeEncodeError for a separator or null.literal of lines that is not Unicode, and for a template or null
    marker with a lone surrogate that stands for no byte.
    """
    from kafkactl.output.records import kafka_formatters

    formatter = None if style.formatter is None else kafka_formatters.strip_package(style.formatter)
    if sum((style.format is not None, style.template is not None, formatter is not None)) > 1:
        raise UsageError("-o, --format and --formatter are mutually exclusive", "leave all but one of them out")
    is_lines = style.template is None and style.format in (None, OutputFormat.PLAIN)
    if is_lines and formatter in (None, *kafka_formatters.LINES):
        return Lines(_make_line_formatter(style.properties, key, value))
    if style.properties:
        raise UsageError(
            "--property is only for records as lines", "leave --property out, or the option that chooses another form"
        )
    if formatter is not None:
        if formatter == kafka_formatters.NOTHING:
            return kafka_formatters.SilentWriter()
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


def _make_line_formatter(properties: Mapping[str, str], key: Format, value: Format) -> LineFormatter:
    """Return the formatter of lines.

    The properties key.deserializer, value.deserializer and headers.deserializer name classes of Kafka's; with
    `.encoding` behind the name they are encodings of text, which count before a class. Without them the formats `key`
    and `value` count, and values of headers are printed as their bytes are. Raise UsageError for an unknown class,
    property or encoding, for UTF-16 and UTF-32 without a byte order, and for a value of print.* that is not true or
    false (in any case, with blanks at both ends or not), and UnicodeEncodeError for a separator or null.literal that is
    not Unicode.
    """
    deserializers = {name: _find_text_format(text) for name, text in properties.items() if name in _DESERIALIZERS}
    for name, text in properties.items():
        if (
            deserializer := next((prefix for prefix in _DESERIALIZERS if name.startswith(f"{prefix}.")), None)
        ) is not None:
            deserializers[deserializer] = _find_encoding_format(name, text)
    own = tuple(f"{prefix}." for prefix in _DESERIALIZERS)
    others = {name: text for name, text in properties.items() if not (name in _DESERIALIZERS or name.startswith(own))}
    return LineFormatter(
        others,
        deserializers.get("key.deserializer", key),
        deserializers.get("value.deserializer", value),
        deserializers.get("headers.deserializer"),
    )


def _find_text_format(name: str) -> Format:
    """Return the format of a deserializer class; StringDeserializer has U+FFFD in place of bytes that are not UTF-8.

    The name may lack its package and its suffix. StringDecoder, String, and a name with String in another case keep all
    bytes. Raise UsageError for an unknown class.
    """
    format = find_class_format(name)
    is_text = format.name == STRING and name.endswith("StringDeserializer")
    return Format(f"{STRING} of Java", format.to_text, format.to_bytes) if is_text else format


def _find_encoding_format(name: str, encoding: str) -> Format:
    """Return the format of text in an encoding.

    UTF-8, by the names UTF-8 and UTF8 in any case, is the format string, which keeps all bytes; by another name such as
    utf_8 it is strict. `name` is the whole name of the property, for example key.deserializer.encoding. Raise
    UsageError for a `name` that does not end in .encoding, for an encoding that Python does not know, and for UTF-16
    and UTF-32 without a byte order, by any of Python's names of them.
    """
    if not name.endswith(".encoding"):
        raise UsageError(
            f"unknown setting of a deserializer: --property {name}", "leave it out: only its encoding can be set"
        )
    if _lacks_byte_order(encoding):  # Java's default is big-endian, Python's is the machine's
        raise UsageError(f"--property {name}={encoding}: the byte order is missing", "like UTF-16BE or UTF-16LE")
    return formats.get(STRING if encoding.upper() in ("UTF-8", "UTF8") else f"{STRING}:{encoding}")


def _lacks_byte_order(encoding: str) -> bool:
    """Return whether an encoding is UTF-16 or UTF-32 without a byte order; False for one that Python does not know."""
    try:
        return codecs.lookup(encoding).name in ("utf-16", "utf-32")
    except (LookupError, ValueError):
        return False


class Lines(RecordWriter):
    """Writer of lines as Kafka's console consumer prints them."""

    def __init__(self, formatter: LineFormatter) -> None:
        """Take the formatter of the lines."""
        self._formatter = formatter
        self.plain = formatter.plain

    def write(self, message: Any) -> bytes:
        """Return one line with its end; empty where no field is printed.

        Raise FormatError for a key, value or header that its format cannot read, OperationError where no temporary file
        can be made or a schema registry refuses, UnreachableError where it refuses the login or does not answer, and
        KafkactlError for headers that cannot be read.
        """
        return self._formatter.format(message)

    def write_all(self, messages: Sequence[Any]) -> bytes:
        """Return many lines, in the order of `messages`, each with its end; empty where no field is printed.

        Raise FormatError for a key, value or header that its format cannot read, OperationError where no temporary file
        can be made or a schema registry refuses, UnreachableError where it refuses the login or does not answer, and
        KafkactlError for headers that cannot be read.
        """
        return self._formatter.format_all(messages)


class _FieldWriter(RecordWriter):
    """Base of the writers that print records as named fields."""

    def __init__(self, key: Format, value: Format) -> None:
        """Take the formats of keys and of values."""
        self._key, self._value = key, value

    def make_fields(self, message: Any) -> dict[str, Any]:
        """Return a record as a dict: the fields of make_place, then key and value.

        Key and value are text with every format, also json, or None where they are absent. Where one is a string that
        is not UTF-8, its field is key_base64 or value_base64. Raise FormatError for bytes that their format cannot
        read, OperationError where no temporary file can be made or a schema registry refuses, UnreachableError where it
        refuses the login or does not answer, and KafkactlError for headers that cannot be read.
        """
        return {
            **self.make_place(message),
            **encode_field("key", message.key(), self._key),
            **encode_field("value", message.value(), self._value),
        }

    @staticmethod
    def make_place(message: Any) -> dict[str, Any]:
        """Return topic, partition, offset, timestamp_ms and headers of a record, as a dict.

        The timestamp is in ms since 1970-01-01 UTC, or None where the record has none. Headers are pairs [name, value],
        or objects with name_base64 or value_base64 where one is not UTF-8, and an empty list without any. Headers with
        a name that is not UTF-8 are read again from the broker. Raise KafkactlError where that fails.
        """
        kind, timestamp_ms = message.timestamp()
        return {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp_ms": timestamp_ms if kind else None,
            "headers": encode_headers(read_headers(message)),
        }


class JsonLines(_FieldWriter):
    """Writer of one JSON object a line (NDJSON)."""

    def write(self, message: Any) -> bytes:
        """Return a record as a line of JSON with its end.

        Its fields are those of make_fields; key and value are strings or null with every format, also json. Raise
        FormatError for bytes that their format cannot read, OperationError where no temporary file can be made or a
        schema registry refuses, UnreachableError where it refuses the login or does not answer, and KafkactlError for
        headers that cannot be read.
        """
        return dump_json(self.make_fields(message)) + b"\n"


class YamlDocuments(_FieldWriter):
    """Writer of one YAML document for each record."""

    def write(self, message: Any) -> bytes:
        """Return a record as a YAML document, which begins with `---` and ends with a line end.

        Its fields are those of make_fields; key and value are strings or null with every format, also json. Raise
        FormatError for bytes that their format cannot read, OperationError where no temporary file can be made or a
        schema registry refuses, UnreachableError where it refuses the login or does not answer, and KafkactlError for
        headers that cannot be read.
        """
        return encode_yaml_document(self.make_fields(message)).encode()


class Csv(_FieldWriter):
    """Writer of one row of csv for each record.

    Headers are JSON. Keys and values of the format string are written byte for byte, others as the text of their
    format, and null ones as the marker `null`.
    """

    head = b"topic,partition,offset,timestamp_ms,headers,key,value\n"

    def __init__(self, key: Format, value: Format, null: str) -> None:
        """Take the formats of keys and values, and the text of a null key or value.

        The marker is not checked: see check_null_marker.
        """
        super().__init__(key, value)
        self._null = null.encode("utf-8", "surrogateescape")

    def write(self, message: Any) -> bytes:
        """Return the row of a record with its line end; cells without a timestamp or headers are empty.

        The cells are topic, partition, offset, timestamp (in ms since 1970), headers, key and value. Raise FormatError
        for bytes that their format cannot read, OperationError where no temporary file can be made or a schema registry
        refuses, UnreachableError where it refuses the login or does not answer, and KafkactlError for headers that
        cannot be read.
        """
        place = self.make_place(message)
        place["headers"] = dump_json(place["headers"]).decode() if place["headers"] else None
        cells = [format_csv_line(place.values()).encode()[:-1]]
        for data, format in ((message.key(), self._key), (message.value(), self._value)):
            cells.append(format_csv_bytes(None if data is None else format.to_output(data), self._null))
        return b",".join(cells) + b"\n"


class Columns(_FieldWriter):
    """Writer of columns of fixed width, for people: a stream cannot be measured before it is printed.

    On a terminal that is narrower than the columns each record is a block of lines `NAME: value`. On any other terminal
    a record that is wider than the terminal becomes a block.
    """

    _KEY_WIDTH = 20
    _FORM = "{:<9} {:>10} {:<24} {} {}\n"
    _TITLES = ("PARTITION", "OFFSET", "TIME", "KEY", "VALUE")
    _NARROWEST = 80

    def __init__(self, key: Format, value: Format) -> None:
        """Take the formats of keys and values; the width of the terminal is read here, from COLUMNS first.

        `head` becomes the line of titles, with its line end; it is empty on a terminal narrower than 80 columns.
        """
        super().__init__(key, value)
        self._width = get_terminal_size().columns if out.is_terminal else None
        is_narrow = self._width is not None and self._width < self._NARROWEST
        partition, offset, time, key_title, value_title = self._TITLES
        head = self._FORM.format(partition, offset, time, key_title.ljust(self._KEY_WIDTH), value_title)
        self.head = b"" if is_narrow else head.encode()

    def write(self, message: Any) -> bytes:
        """Return the line or the block of a record; a block has an empty line at its end.

        The line has its end. Times are in UTC. A time, key or value that is absent is a hyphen, and a key or value that
        is not UTF-8 is in base64. Control characters of keys and values are escaped on a terminal, line ends too;
        elsewhere they stay. Topic and headers are not shown. Raise FormatError for bytes that their format cannot read,
        OperationError where no temporary file can be made or a schema registry refuses, UnreachableError where it
        refuses the login or does not answer, and KafkactlError for headers that cannot be read.
        """
        from kafkactl.output.report import format_cell
        from kafkactl.times import format_time

        fields = self.make_fields(message)
        time = format_time(fields["timestamp_ms"]) if fields["timestamp_ms"] is not None else "-"
        key, value = (
            out.escape_name(format_cell(fields.get(name, fields.get(f"{name}_base64")))) for name in ("key", "value")
        )
        cells = (fields["partition"], fields["offset"], time, key, value)
        line = self._FORM.format(*cells[:3], _pad(key, self._KEY_WIDTH), value)
        if self._width is not None and (not self.head or _count_columns(line) > self._width):
            lines = (f"{title}: {text}\n" for title, text in zip(self._TITLES, cells, strict=True))
            return encode_text("".join(lines) + "\n")
        return encode_text(line)


def _pad(text: str, width: int) -> str:
    """Return text with blanks at its end up to `width` columns of the terminal; longer text is returned unchanged."""
    return text + " " * (width - _count_columns(text))


def _count_columns(text: str) -> int:
    """Return how many columns a line takes on a terminal, without its line end.

    Korean characters and emoji take two. In text of ASCII alone each character counts, also a control character; in
    other text control characters count nothing.
    """
    text = text.rstrip("\n")
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth, wcwidth

    columns: int = wcswidth(text)
    return columns if columns >= 0 else sum(max(0, wcwidth(character)) for character in text)
