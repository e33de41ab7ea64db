"""kafkactl dump-log"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.command import command, flags, new_app
from kafkactl.cli.frame.options import FileOutputOptions, FormatOptions, TimeOptions
from kafkactl.errors import KafkactlError, UsageError
from kafkactl.output.report import OutputFormat
from kafkactl.statuses import combine
from kafkactl.stdout import out
from kafkactl.storage.files import GZIP_SUFFIX, STANDARD_INPUT
from kafkactl.times import TimeRange

if TYPE_CHECKING:
    from kafkactl.output.records.decoders import Decoder
    from kafkactl.serde.formats import Format
    from kafkactl.storage.selection import Selection

app = new_app("Read segments, indexes and snapshots as a broker leaves them on disk.")

_LARGEST_MESSAGE_BYTES = 5 * 1024 * 1024


@flags
class DecoderOptions:
    """Kafka's spelling of how keys and values are shown; each asks for --print-data-log."""

    key_decoder_class: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Kafka's spelling of --key-format: String, Integer, ...")
    ] = None
    value_decoder_class: Annotated[str | None, typer.Option(metavar="CLASS", help="Values likewise.")] = None
    offsets_decoder: Annotated[
        bool, typer.Option("--offsets-decoder", help="The records are of __consumer_offsets.")
    ] = False
    transaction_log_decoder: Annotated[
        bool, typer.Option("--transaction-log-decoder", help="... of __transaction_state.")
    ] = False
    cluster_metadata_decoder: Annotated[
        bool, typer.Option("--cluster-metadata-decoder", help="... of __cluster_metadata.")
    ] = False
    share_group_state_decoder: Annotated[
        bool, typer.Option("--share-group-state-decoder", help="... of __share_group_state.")
    ] = False
    remote_log_metadata_decoder: Annotated[
        bool, typer.Option("--remote-log-metadata-decoder", help="... of __remote_log_metadata.")
    ] = False

    @property
    def topic(self) -> str | None:
        """The topic of Kafka's own that the records are of; the first, where several are named."""
        if self.offsets_decoder:
            return "consumer_offsets"
        if self.transaction_log_decoder:
            return "transaction_state"
        if self.cluster_metadata_decoder:
            return "cluster_metadata"
        if self.remote_log_metadata_decoder:
            return "remote_log_metadata"
        return "share_group_state" if self.share_group_state_decoder else None

    @property
    def is_any(self) -> bool:
        return bool(self.topic or self.key_decoder_class or self.value_decoder_class)

    def decoder(self, key: Format, value: Format) -> Decoder:
        """What shows keys and values; raises UsageError for a class that is not known."""
        from kafkactl.output.records import decoders

        if self.topic:
            return decoders.make_topic_decoder(self.topic)
        return decoders.make_format_decoder(
            decoders.find_class_format(self.key_decoder_class) if self.key_decoder_class else key,
            decoders.find_class_format(self.value_decoder_class) if self.value_decoder_class else value,
        )


class IsolationLevel(StrEnum):
    """Which records of transactions are printed."""

    READ_UNCOMMITTED = "read_uncommitted"
    READ_COMMITTED = "read_committed"


@flags
class SelectOptions:
    """Which records are wanted."""

    from_offset: Annotated[int | None, typer.Option(metavar="N", min=0, help="From this offset on.")] = None
    to_offset: Annotated[int | None, typer.Option(metavar="N", min=0, help="Up to, without, this offset.")] = None
    from_time: Annotated[str | None, typer.Option(metavar="TIME", help="From this time on: ISO 8601, or ms.")] = None
    to_time: Annotated[str | None, typer.Option(metavar="TIME", help="Before this time.")] = None
    between: Annotated[
        str | None, typer.Option(metavar="A..B", help="From time A on and before time B; either side may be empty.")
    ] = None
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Records with this key.")] = None
    grep: Annotated[str | None, typer.Option(metavar="REGEX", help="Records whose key or value has this.")] = None
    producer_id: Annotated[int | None, typer.Option(metavar="ID", help="What this producer wrote.")] = None
    only_control: Annotated[bool, typer.Option("--only-control", help="Ends of transactions, and KRaft's own.")] = False
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help="Stop after so many records, or batches.")] = (
        None
    )
    tail: Annotated[int | None, typer.Option(metavar="N", min=0, help="Only so many of the last.")] = None
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is written later, until Ctrl-C.")] = False
    isolation_level: Annotated[
        IsolationLevel,
        typer.Option(help="With read_committed, no records of transactions that were aborted or are open."),
    ] = IsolationLevel.READ_UNCOMMITTED
    skip_damaged: Annotated[
        bool,
        typer.Option("--skip-damaged", help="Go on with the next sound batch behind damage, and report the damage."),
    ] = False
    keep_bad_crc: Annotated[
        bool, typer.Option("--keep-bad-crc", help="Print records of batches with a wrong CRC, marked as not valid.")
    ] = False

    def _time_range(self, clock: TimeOptions) -> TimeRange:
        """Return the bounds in milliseconds; raises UsageError."""
        if self.between is not None:
            if self.from_time is not None or self.to_time is not None:
                raise UsageError("--between, --from-time and --to-time are mutually exclusive", "leave --between out")
            return clock.parse_range(self.between, "--between")
        return TimeRange(
            start_ms=None if self.from_time is None else clock.parse(self.from_time, "--from-time"),
            end_ms=None if self.to_time is None else clock.parse(self.to_time, "--to-time"),
        )

    def selection(self, key: Format, decoder: Decoder, clock: TimeOptions, as_rows: bool) -> Selection:
        """Return what the readers of segments take, for rows or for Kafka's text; raises UsageError."""
        from kafkactl.storage.selection import BadCrc, Selection, grep

        read_committed = self.isolation_level is IsolationLevel.READ_COMMITTED
        if read_committed and self.follow:
            raise UsageError(
                "--isolation-level read_committed and --follow are mutually exclusive: open transactions may still end",
                f"use kafkactl console-consumer --isolation-level {self.isolation_level}",
            )
        bad_crc = BadCrc.LEFT_OUT if as_rows else BadCrc.SHOWN
        if self.limit is not None and self.tail is not None:
            raise UsageError("--limit counts from the first, --tail from the last", "leave one of them out")
        time_range = self._time_range(clock)
        return Selection(
            from_offset=self.from_offset,
            to_offset=self.to_offset,
            from_time_ms=time_range.start_ms,
            to_time_ms=time_range.end_ms,
            producer_id=self.producer_id,
            only_control=self.only_control,
            key=None if self.key is None else key.to_bytes(self.key),
            matches=None if self.grep is None else grep(self.grep, decoder.text),
            limit=self.limit,
            tail=self.tail,
            follow=self.follow,
            skip_damaged=self.skip_damaged,
            bad_crc=BadCrc.KEPT if self.keep_bad_crc else bad_crc,
            read_committed=read_committed,
            with_ends=as_rows,
        )

    @property
    def needs_records(self) -> bool:
        """Whether batches alone cannot tell."""
        return self.key is not None or self.grep is not None


@app.command()
@command
def dump_log(
    output: FileOutputOptions,
    formats: FormatOptions,
    decoders: DecoderOptions,
    select: SelectOptions,
    clock: TimeOptions,
    file: Annotated[list[Path] | None, typer.Argument(metavar="FILE|DIR", show_default=False)] = None,
    files: Annotated[
        list[str] | None, typer.Option("--files", metavar="FILE,...", help="Kafka's spelling of FILE...")
    ] = None,
    print_data_log: Annotated[
        bool, typer.Option("--print-data-log", help="Records with their keys and values.")
    ] = False,
    deep_iteration: Annotated[bool, typer.Option("--deep-iteration", help="Records, not only batches.")] = False,
    skip_record_metadata: Annotated[
        bool, typer.Option("--skip-record-metadata", help="Only keys and values of records.")
    ] = False,
    max_bytes: Annotated[
        int | None, typer.Option("--max-bytes", metavar="BYTES", min=0, help="Read so much of each log.")
    ] = None,
    max_message_size: Annotated[
        int, typer.Option(metavar="BYTES", min=0, help="The largest batch an index may point at.")
    ] = _LARGEST_MESSAGE_BYTES,
    index_sanity_check: Annotated[
        bool, typer.Option("--index-sanity-check", help="Only the check of indexes that a broker makes at start.")
    ] = False,
    verify_index_only: Annotated[
        bool, typer.Option("--verify-index-only", help="Compare indexes to their log without printing them.")
    ] = False,
    max_decompressed_bytes: Annotated[
        int | None, typer.Option(metavar="BYTES", min=1, help="What a batch may grow to.", show_default="256 MiB")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes that read a segment.", show_default="one a core")
    ] = None,
) -> int:
    """Print what brokers leave on disk as kafka-dump-log does, or as rows, or only what is looked for.

    Segments, KRaft snapshots, the three kinds of indexes, producer snapshots and the small files beside them; of a
    folder, the segments in it and below. The file - is a segment on standard input, and files named .gz are unpacked.
    """
    from kafkactl.storage import compression

    names = list(file or ()) + [Path(part.strip()) for text in files or () for part in text.split(",") if part.strip()]
    if not names:
        raise UsageError("missing argument FILE", "give it as the argument, or with --files")
    paths, statuses = _expanded(names)
    if not paths:
        return combine(statuses)
    if select.follow and (paths[-1] == STANDARD_INPUT or paths[-1].suffix == GZIP_SUFFIX):
        raise UsageError(
            f"--follow cannot read on in {paths[-1]}", "name a segment: kafkactl dump-log --follow FILE.log"
        )
    as_rows = output.is_parquet or output.format not in (None, OutputFormat.PLAIN)
    with_data = print_data_log or decoders.is_any or select.needs_records
    deep = deep_iteration or with_data
    key, value = formats.chosen()
    decoder = decoders.decoder(key, value)
    selection = select.selection(key, decoder, clock, as_rows)
    if max_decompressed_bytes is not None:
        compression.MAX_DECOMPRESSED_BYTES = max_decompressed_bytes
    if as_rows:
        from kafkactl.dump import rows as dump_rows
        from kafkactl.dump.printers import make_printer
        from kafkactl.output.parquet import print_parquet

        bytes_as = dump_rows.BytesAs.TEXT
        if output.format in (OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.YAML):
            bytes_as = dump_rows.BytesAs.BASE64
        elif output.format is OutputFormat.CSV:
            bytes_as = dump_rows.BytesAs.BYTES
        print_rows = print_parquet if output.is_parquet else make_printer(output.format, paths)
        status = dump_rows.dump_rows(paths, deep, decoder.values, bytes_as, selection, print_rows)
        return combine([*statuses, status])

    from kafkactl.dump.files import TextDump
    from kafkactl.dump.pieces import EVERYTHING_BYTES, DumpOptions

    wanted = DumpOptions(
        deep=deep,
        parse=decoder.text if with_data else None,
        parse_is_utf8=decoder.is_utf8,
        metadata=not skip_record_metadata,
        max_bytes=EVERYTHING_BYTES if max_bytes is None else max_bytes,
        max_message_size=max_message_size,
        sanity_only=index_sanity_check,
        verify_only=verify_index_only,
        selection=selection,
        jobs=jobs or _cores(),
    )
    return combine([*statuses, TextDump(wanted, out.binary).run(paths)])


def _expanded(names: list[Path]) -> tuple[list[Path], list[int]]:
    """Return the files to read, segments in place of folders, and a status for each folder without any."""
    from kafkactl.output import people
    from kafkactl.storage.log_dir import list_all_segments

    paths: list[Path] = []
    statuses: list[int] = []
    for name in names:
        try:
            paths += list_all_segments(name) if name.is_dir() else [name]
        except KafkactlError as error:
            people.error(error)
            statuses.append(error.status)
    return paths, statuses


def _cores() -> int:
    """Those this process may run on; where the system does not tell, those there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
