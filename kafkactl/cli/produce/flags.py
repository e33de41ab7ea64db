"""Options of console-producer: the input, defaults of records, and settings of the producer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import typer

from kafkactl.cli.frame.command import flags
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import TimeOptions
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import UsageError
from kafkactl.output import people

if TYPE_CHECKING:
    from kafkactl.connection.settings import Flag
    from kafkactl.serde.formats import Format
    from kafkactl.streams.inputs import RecordDefaults, Source
    from kafkactl.streams.lines import LineReader
    from kafkactl.streams.record import Batch
    from kafkactl.streams.stoppable import Input, Stop, StoppableInput

Piece = TypeVar("Piece", "Batch", bytes)

_LINE_READERS = ("LineMessageReader", "org.apache.kafka.tools.LineMessageReader")
_WITH_FIELDS = ("json", "csv")
_INPUTS = ("lines", *_WITH_FIELDS, "length-prefixed")
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_ACKS = ("all", "-1", "0", "1")
_PARTITIONERS = ("murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a_random", "fnv1a", "random")


@flags
class InputFlags:
    """The input, and its form."""

    section: ClassVar[Section] = Section.INPUT

    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="File to read instead of standard input.")
    ] = None
    input_: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="FORM",
            help="Form of the input: lines (default), json (one object a line with key, value, headers, partition, "
            "timestamp), csv (with headings), or length-prefixed (four bytes of length before each value).",
        ),
    ] = "lines"
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter",
            metavar="TEXT",
            help="Text that ends a record, instead of the end of the line: \\0; empty: all is one record.",
        ),
    ] = None
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "--reader-property",
            metavar="NAME=VALUE",
            help="Property of the reader; repeatable: parse.key, key.separator, parse.headers, headers.delimiter, "
            "headers.separator, headers.key.separator, null.marker, ignore.error.",
        ),
    ] = None
    reader_config: Annotated[
        Path | None,
        typer.Option("--reader-config", metavar="FILE", help="Java .properties file with properties of the reader."),
    ] = None
    line_reader: Annotated[
        str | None,
        typer.Option(
            "--line-reader", metavar="CLASS", help="Reader class of Kafka; LineMessageReader is the only one."
        ),
    ] = None
    key_separator: Annotated[
        str | None,
        typer.Option(
            "--key-separator",
            "-K",
            metavar="TEXT",
            help="Text between key and value of a line; short for parse.key and key.separator.",
        ),
    ] = None
    null_marker: Annotated[
        str | None,
        typer.Option("--null-marker", metavar="TEXT", help="Text for null in csv, without quotes. Default: nothing."),
    ] = None
    repartition: Annotated[
        bool, typer.Option("--repartition", help="Ignore the partitions in json and csv; the partitioner chooses.")
    ] = False
    repeat: Annotated[
        int, typer.Option("--repeat", metavar="N", min=0, help="Send the input N times; 0 repeats it without end.")
    ] = 1

    @property
    def has_times(self) -> bool:
        """Return whether records of this form (json or csv) may have timestamps."""
        return self.input_ in _WITH_FIELDS

    def make_source(self, key: Format, value: Format) -> tuple[Source, LineReader | None]:
        """Return the function that makes records of a stream, and the reader of its lines.

        `key` and `value` are the formats of keys and values. The function takes an Input and yields its pieces, lists
        of records; it raises FormatError for bytes that are not records, OperationError, UnreachableError or UsageError
        of a schema registry, and OSError where the input cannot be read. The reader is None unless the input is lines
        without --delimiter that are only split, without ignore.error or an empty separator. An empty --delimiter makes
        the whole input one record.

        Raise UsageError for a wrong value, an unknown property, a text that is not NAME=VALUE, a file of properties
        that cannot be read, and for options that do not fit together; UnicodeEncodeError for a --delimiter, a separator
        or a null.marker with bytes that are not UTF-8; and in Kafka's style re.error for a headers.separator that
        Python cannot compile.
        """
        from kafkactl.output.structured import check_null_marker
        from kafkactl.streams import inputs
        from kafkactl.streams.fields import FieldReader
        from kafkactl.streams.lines import LineReader
        from kafkactl.streams.properties import read_properties, unescape

        require_choice(self.input_, "--input", _INPUTS)
        if self.line_reader not in (None, *_LINE_READERS):
            raise UsageError(
                f"invalid value {self.line_reader!r} for --line-reader: kafkactl cannot run Java classes",
                f"use {_LINE_READERS[1]}, or --input json for other forms",
            )
        properties = read_properties(self.reader_config, self.property_)
        if self.key_separator is not None:
            properties.update({"parse.key": "true", "key.separator": self.key_separator})
        if self.input_ != "lines" and (properties or self.delimiter is not None):
            raise UsageError(
                f"properties of the reader and --delimiter cannot be used with --input {self.input_}",
                "leave them out, or use --input lines",
            )
        if self.null_marker is not None and self.input_ != "csv":
            raise UsageError(
                "--null-marker needs --input csv", "set the text for null in lines: --reader-property null.marker=TEXT"
            )
        if self.repartition and self.input_ not in _WITH_FIELDS:
            raise UsageError(
                "--repartition needs --input json or csv",
                f"leave it out: records of --input {self.input_} have no partitions",
            )
        if self.input_ == "length-prefixed":
            return lambda stream: inputs.read_length_prefixed(stream, value), None
        if self.input_ in _WITH_FIELDS:
            fields = FieldReader(key, value, heeds_partition=not self.repartition)
            if self.input_ == "json":
                return lambda stream: inputs.read_json_lines(stream, fields), None
            check_null_marker(self.null_marker or "")
            null = (self.null_marker or "").encode("utf-8", "surrogateescape")
            return lambda stream: inputs.read_csv_rows(stream, fields, null), None
        reader = LineReader(properties, key, value, people.is_kafka_style())
        if self.delimiter is None:
            return lambda stream: inputs.read_lines(stream, reader), reader if reader.splits_only else None
        delimiter = unescape(self.delimiter).encode()
        return lambda stream: inputs.read_delimited(stream, reader, delimiter), None

    def read(self, source: Callable[[Input], Iterator[Piece]], read: StoppableInput, stop: Stop) -> Iterator[Piece]:
        """Return an iterator over the input, --repeat times, as `source` yields it; it raises the errors of `source`.

        `read` is the input. `source` takes an input and yields its pieces, as the function of make_source does. With
        --repeat 0 only a signal (`stop`), an input without records, or an error ends it. An input that cannot be read
        again, such as a pipe, is first read into memory here, to its end or a signal, unless --repeat is 1; raise
        OSError where that fails. After a signal a file ends with the piece that was begun, an input in memory with its
        first repetition, and a later repetition with its next piece.
        """
        from kafkactl.streams.inputs import repeat
        from kafkactl.streams.stoppable import RepeatableInput

        if self.repeat == 1:
            return source(read)
        again = read if read.is_seekable else RepeatableInput(read)
        return repeat(lambda: source(again.rewind()), self.repeat, stop)


@flags
class RecordFlags:
    """Key, headers and timestamp of records that have none."""

    section: ClassVar[Section] = Section.INPUT

    key: Annotated[str | None, typer.Option("--key", "-k", metavar="KEY", help="Key for records without a key.")] = None
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="NAME=VALUE", help="Header for every record; repeatable."),
    ] = None
    timestamp: Annotated[
        str | None,
        typer.Option("--timestamp", metavar="TIME", help="Timestamp for records without one: ISO 8601, or ms."),
    ] = None

    def make_defaults(self, key_format: Format, clock: TimeOptions) -> RecordDefaults:
        """Return the defaults of records: key, headers and timestamp in ms since 1970, None or empty where not given.

        A header is NAME=VALUE; blanks around NAME are removed, and those of VALUE stay, which may be empty.
        `key_format` turns --key into bytes; `clock` has the zone for --timestamp. Raise UsageError for another header,
        also with an empty NAME, for a wrong time or zone, FormatError for a key that is not of its format,
        OperationError, UnreachableError or UsageError of a schema registry.
        """
        from kafkactl.connection.settings import parse_assignment
        from kafkactl.streams.inputs import RecordDefaults
        from kafkactl.streams.record import decode_header_name

        headers = [parse_assignment(text, "--header") for text in self.header or ()]
        return RecordDefaults(
            None if self.key is None else key_format.to_bytes(self.key),
            tuple((decode_header_name(os.fsencode(name)), os.fsencode(value)) for name, value in headers),
            None if self.timestamp is None else clock.parse(self.timestamp, "--timestamp"),
        )


@flags
class SendFlags:
    """Settings of the producer with options of their own, as in Kafka's tool. All others are set with -X."""

    section: ClassVar[Section] = Section.SENDING

    compression_codec: Annotated[
        str | None,
        typer.Option("--compression-codec", "-z", metavar="CODEC", help=f"Compression: {', '.join(_CODECS)}."),
    ] = None
    request_required_acks: Annotated[
        str | None,
        typer.Option(
            "--request-required-acks",
            "--acks",
            metavar="ACKS",
            help="Acknowledgements to wait for: all (default), 1 or 0.",
        ),
    ] = None
    partitioner: Annotated[
        str | None,
        typer.Option(
            "--partitioner",
            metavar="NAME",
            help="Partitioner. Default: murmur2_random, which places keys as Java's producer does.",
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size",
            "--max-partition-memory-bytes",
            metavar="BYTES",
            min=1,
            help="Largest size of a batch: batch.size.",
        ),
    ] = None
    linger_ms: Annotated[
        int | None,
        typer.Option(
            "--linger-ms",
            metavar="MS",
            min=0,
            help="Wait for more records of a batch: linger.ms; --timeout in Kafka's tool.",
        ),
    ] = None
    message_send_max_retries: Annotated[
        int | None,
        typer.Option(
            "--message-send-max-retries", metavar="N", min=0, help="Number of times a batch is sent again: retries."
        ),
    ] = None
    retry_backoff_ms: Annotated[
        int | None,
        typer.Option(
            "--retry-backoff-ms", metavar="MS", min=1, help="Pause before a batch is sent again: retry.backoff.ms."
        ),
    ] = None
    request_timeout_ms: Annotated[
        int | None,
        typer.Option(
            "--request-timeout-ms",
            metavar="MS",
            min=1,
            help="Longest wait for the answer to a request: request.timeout.ms.",
        ),
    ] = None
    max_memory_bytes: Annotated[
        int | None,
        typer.Option(
            "--max-memory-bytes", metavar="BYTES", min=1024, help="Memory for records that wait: buffer.memory."
        ),
    ] = None
    metadata_expiry_ms: Annotated[
        int | None,
        typer.Option(
            "--metadata-expiry-ms",
            metavar="MS",
            min=1,
            help="Age at which metadata is asked for again: metadata.max.age.ms.",
        ),
    ] = None
    socket_buffer_size: Annotated[
        int | None,
        typer.Option(
            "--socket-buffer-size", metavar="BYTES", min=1, help="Send buffer of a socket: send.buffer.bytes."
        ),
    ] = None
    max_block_ms: Annotated[
        int | None,
        typer.Option("--max-block-ms", metavar="MS", min=1, help="Longest wait for the topic, the same as --timeout."),
    ] = None

    def settings(self) -> Mapping[str, Flag]:
        """Return the client settings of these options by librdkafka's names, without those that are not given.

        Each is a Flag with its option. The values are as on the command line, but --acks -1 is all, and
        --max-memory-bytes is in KiB, rounded down, so below 1024 it is 0. --max-block-ms is not in it. Raise UsageError
        for an unknown codec, number of acks or partitioner.
        """
        from kafkactl.connection.settings import Flag

        require_choice(self.compression_codec, "--compression-codec", _CODECS)
        require_choice(self.request_required_acks, "--acks", _ACKS)
        require_choice(self.partitioner, "--partitioner", _PARTITIONERS)
        acks = "all" if self.request_required_acks == "-1" else self.request_required_acks
        memory_kb = None if self.max_memory_bytes is None else self.max_memory_bytes // 1024
        values = {
            "compression.type": ("--compression-codec", self.compression_codec),
            "acks": ("--acks", acks),
            "partitioner": ("--partitioner", self.partitioner),
            "batch.size": ("--batch-size", self.batch_size),
            "linger.ms": ("--linger-ms", self.linger_ms),
            "retries": ("--message-send-max-retries", self.message_send_max_retries),
            "retry.backoff.ms": ("--retry-backoff-ms", self.retry_backoff_ms),
            "request.timeout.ms": ("--request-timeout-ms", self.request_timeout_ms),
            "queue.buffering.max.kbytes": ("--max-memory-bytes", memory_kb),
            "topic.metadata.refresh.interval.ms": ("--metadata-expiry-ms", self.metadata_expiry_ms),
            "socket.send.buffer.bytes": ("--socket-buffer-size", self.socket_buffer_size),
        }
        return {name: Flag(option, value) for name, (option, value) in values.items() if value is not None}
