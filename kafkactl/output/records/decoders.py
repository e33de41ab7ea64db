"""How keys and values are shown: by a format, by a decoder class of Kafka's, or as records of Kafka's own topics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkactl.errors import FormatError, UsageError
from kafkactl.serde import formats
from kafkactl.serde.formats import Format
from kafkactl.storage.records import Record

Parser = Callable[[Record], tuple[str | None, str | None]]
"""Returns a record's key and value as text; raises FormatError for bytes that are not of their format."""

TOPICS = ("consumer_offsets", "transaction_state", "share_group_state", "cluster_metadata", "remote_log_metadata")

# org.apache.kafka.tools.api has the first four; the others are named like Kafka's deserializers.
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
_LEADING_BYTES = {"int": 4, "long": 8}


@dataclass(frozen=True)
class Decoder:
    """A record's key and value as Kafka's tool prints them, and as json has them."""

    text: Parser
    values: Callable[[Record], tuple[Any, Any]]
    is_utf8: bool = False


def format_of_class(name: str) -> Format:
    """The format that a decoder class of Kafka's stands for, also by its short name; raises UsageError."""
    short = name
    for package in _PACKAGES:
        short = short.removeprefix(package)
    short = short.removesuffix("Decoder").removesuffix("Deserializer")
    known = {each.lower(): format for each, format in _FORMATS.items()}
    if short.lower() not in known:
        raise UsageError(f"{name}: no decoder class that is known", f"one of {', '.join(_FORMATS)}, or --key-format")
    format = formats.get(known[short.lower()])
    size = _LEADING_BYTES.get(format.name)
    # Kafka's own decoders of numbers look at the first bytes, however many there are; its deserializers do not.
    if size is None or name.endswith("Deserializer"):
        return format
    return Format(format.name, lambda data: format.to_text(data[:size]), format.to_bytes)


def by_format(key: Format, value: Format) -> Decoder:
    """Keys and values each by their format."""

    def text(record: Record) -> tuple[str | None, str | None]:
        return (
            None if record.key is None else key.to_text(key.with_id(record.key, record.headers)),
            None if record.value is None else value.to_text(value.with_id(record.value, record.headers)),
        )

    def shown(data: bytes | None, format: Format, record: Record) -> bytes | str | None:
        if data is None or format.name == formats.STRING:
            return data
        return format.to_text(format.with_id(data, record.headers))

    def values(record: Record) -> tuple[Any, Any]:
        return shown(record.key, key, record), shown(record.value, value, record)

    return Decoder(text, values, key.name == value.name == formats.STRING)


def by_topic(topic: str) -> Decoder:
    """The records of one of Kafka's own topics, which is one of TOPICS."""
    from kafkactl.output.kafka import internal_text
    from kafkactl.storage.internal.coordinator import parse_coordinator_record
    from kafkactl.storage.internal.metadata import parse_metadata_record

    if topic == "cluster_metadata":
        text: Parser = internal_text.cluster_metadata_text
    elif topic == "remote_log_metadata":
        text = internal_text.remote_log_metadata_text
    else:
        text = internal_text.coordinator_text(topic)

    def metadata(record: Record) -> tuple[Any, Any]:
        found = parse_metadata_record(topic, record.value or b"")
        return None, {"type": found.type, "version": found.version, "data": found.fields}

    def coordinator(record: Record) -> tuple[Any, Any]:
        if record.key is None:
            raise FormatError("the record has no key")
        found = parse_coordinator_record(topic, record.key, record.value)
        key = {"type": found.type, "data": found.key}
        return key, None if found.value is None else {"version": found.version, "data": found.value}

    return Decoder(text, metadata if topic.endswith("log_metadata") or topic == "cluster_metadata" else coordinator)
