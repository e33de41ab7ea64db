"""Decoders of keys and values: by a format, by a decoder class of Kafka's, or as records of Kafka's internal topics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkactl.errors import FormatError, UsageError
from kafkactl.output.kafka.java_text import format_double
from kafkactl.serde import formats
from kafkactl.serde.formats import Format
from kafkactl.storage.records import Record

Parser = Callable[[Record], tuple[str | None, str | None]]
"""Function that returns a record's key and value as text, and raises FormatError for bytes not of their format."""

TOPICS = ("consumer_offsets", "transaction_state", "share_group_state", "cluster_metadata", "remote_log_metadata")

# The first four are classes of org.apache.kafka.tools.api; the others have the names of Kafka's deserializers.
_FORMATS = {
    "String": "string",
    "Default": "hex",
    "Integer": "int",
    "Long": "long",
    "Short": "short",
    "Float": "float",
    "Double": "double",
    "Boolean": "boolean",
    "UUID": "uuid",
    "ByteArray": "hex",
    "Bytes": "bytes",
}
_PACKAGES = ("org.apache.kafka.tools.api.", "kafka.serializer.", "org.apache.kafka.common.serialization.")
_OBJECTS = ("ByteBuffer", "Void")
_LEADING_BYTES = {"int": 4, "long": 8}


@dataclass(frozen=True)
class Decoder:
    """Decoder of a record's key and value: `text` as Kafka's tool prints them, `values` as JSON has them.

    Both return a pair, with None for an absent key or value, and raise FormatError for bytes that are not of their
    format.
    """

    text: Parser
    values: Callable[[Record], tuple[Any, Any]]
    is_utf8: bool = False
    """Whether both are text in UTF-8, which needs no decoding."""


def find_class_format(name: str) -> Format:
    """Return the format that a decoder class of Kafka's stands for, such as Integer or ByteArrayDeserializer.

    The class can be named with or without Kafka's package and its suffix, Decoder or Deserializer; only its own name,
    and not the suffix, may be in any case. ByteBuffer and Void need the suffix Deserializer and their own case, and
    their formats write nothing: to_bytes raises FormatError. Void cannot read either: to_text raises FormatError for
    all bytes. Float and Double give numbers as Java prints them. Integer and Long ignore bytes behind the number,
    unless the suffix is Deserializer. Raise UsageError for an unknown class.
    """
    short = name
    for package in _PACKAGES:
        short = short.removeprefix(package)
    short = short.removesuffix("Decoder").removesuffix("Deserializer")
    if short in _OBJECTS and name.endswith("Deserializer"):
        return _BYTE_BUFFER if short == "ByteBuffer" else _VOID
    formats_by_name = {class_name.lower(): format for class_name, format in _FORMATS.items()}
    if short.lower() not in formats_by_name:
        raise UsageError(f"unknown decoder class {name!r}", f"use one of {', '.join(_FORMATS)}, or --key-format")
    format = formats.get(formats_by_name[short.lower()])
    if format.name in ("float", "double"):
        return Format(format.name, lambda data: format_double(float(format.to_text(data))), format.to_bytes)
    size = _LEADING_BYTES.get(format.name)
    # Kafka's own decoders of numbers read the first bytes and ignore later ones; its deserializers refuse later ones.
    if size is None or name.endswith("Deserializer"):
        return format
    return Format(format.name, lambda data: format.to_text(data[:size]), format.to_bytes)


def _refuse_bytes(data: bytes) -> str:
    """Raise FormatError: only null is void."""
    raise FormatError(f"{len(data)} bytes are not void")


def _refuse_text(text: str) -> bytes:
    """Raise FormatError: text cannot become bytes of this class."""
    raise FormatError(f"{text[:80]!r} cannot be written by this class")


_BYTE_BUFFER = Format(
    "byte buffer", lambda data: f"java.nio.HeapByteBuffer[pos=0 lim={len(data)} cap={len(data)}]", _refuse_text
)
_VOID = Format("void", _refuse_bytes, _refuse_text)


def make_format_decoder(key: Format, value: Format) -> Decoder:
    """Return the decoder of keys and values of these formats.

    Where a record has the schema's id in a header, the id is put before the data. In the decoder's `text`, bytes of the
    format string that are not UTF-8 become U+FFFD. In its `values`, keys and values of the format string stay bytes,
    and all others are text. An absent key or value is None in both. The decoder raises FormatError for bytes that their
    format cannot read, also where the schema registry does not have their schema; OperationError and UnreachableError
    where the registry refuses or does not answer, and OperationError where no temporary file can be made.
    """

    def text(record: Record) -> tuple[str | None, str | None]:
        """Return key and value as text in their formats, None for an absent one.

        Raise FormatError for bytes that their format cannot read, OperationError or UnreachableError where a schema
        registry refuses or does not answer, and OperationError where no temporary file can be made.
        """
        return (
            None if record.key is None else key.to_text(key.add_schema_id(record.key, record.headers)),
            None if record.value is None else value.to_text(value.add_schema_id(record.value, record.headers)),
        )

    def decode_part(data: bytes | None, format: Format, record: Record) -> bytes | str | None:
        """Return a key or value as text, or as bytes for the format string; None for None.

        Raise FormatError for bytes that the format cannot read, OperationError or UnreachableError where a schema
        registry refuses or does not answer, and OperationError where no temporary file can be made.
        """
        if data is None or format.name == formats.STRING:
            return data
        return format.to_text(format.add_schema_id(data, record.headers))

    def values(record: Record) -> tuple[Any, Any]:
        """Return key and value as text, or as bytes for the format string; None for an absent one.

        Raise FormatError for bytes that their format cannot read, OperationError or UnreachableError where a schema
        registry refuses or does not answer, and OperationError where no temporary file can be made.
        """
        return decode_part(record.key, key, record), decode_part(record.value, value, record)

    return Decoder(text, values, key.name == value.name == formats.STRING)


def make_topic_decoder(topic: str) -> Decoder:
    """Return the decoder of one of Kafka's internal topics; `topic` is one of TOPICS.

    The decoder's `text` has the errors of Kafka's tool in place of records that it cannot decode, but raises
    FormatError for a record of a coordinator's topic (the first three of TOPICS) without a key. `values` raises
    FormatError for each record that cannot be decoded, also for a missing key, or a missing value in the last two
    topics. It returns a dict of the key's type and data, and one of the value's version and data, or None for a
    tombstone; for the other two topics None and a dict of type, version and data. Bytes in the data stay bytes, except
    those of a consumer's protocol in a group, which become dicts.
    """
    from kafkactl.output.kafka import internal_text
    from kafkactl.storage.internal.coordinator import parse_coordinator_record
    from kafkactl.storage.internal.metadata import parse_metadata_record

    if topic == "cluster_metadata":
        text: Parser = internal_text.format_cluster_metadata
    elif topic == "remote_log_metadata":
        text = internal_text.format_remote_log_metadata
    else:
        text = internal_text.make_coordinator_parser(topic)

    def metadata(record: Record) -> tuple[Any, Any]:
        """Return None and a dict of the value's type, version and data.

        Raise FormatError for a value that cannot be decoded, also for an absent one.
        """
        parsed = parse_metadata_record(topic, record.value or b"")
        return None, {"type": parsed.type, "version": parsed.version, "data": parsed.fields}

    def coordinator(record: Record) -> tuple[Any, Any]:
        """Return a dict of the key's type and data, and one of the value's version and data.

        The value is None for a tombstone. Raise FormatError for a record without a key, and for one that cannot be
        decoded.
        """
        if record.key is None:
            raise FormatError("the record has no key")
        parsed = parse_coordinator_record(topic, record.key, record.value)
        key = {"type": parsed.type, "data": parsed.key}
        return key, None if parsed.value is None else {"version": parsed.version, "data": parsed.value}

    return Decoder(text, metadata if topic.endswith("log_metadata") or topic == "cluster_metadata" else coordinator)
