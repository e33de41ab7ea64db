"""The command `kafkactl dump-log`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from kafkactl.cli.frame.command import command, flags, new_app
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import FileOutputOptions, FormatOptions, TimeOptions
from kafkactl.errors import KafkactlError, UsageError, make_exclusive_error
from kafkactl.output.report import OutputFormat
from kafkactl.statuses import combine
from kafkactl.stdout import out
from kafkactl.storage.files import GZIP_SUFFIX, STANDARD_INPUT
from kafkactl.times import TimeRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafkactl.output.records.decoders import Decoder
    from kafkactl.serde.formats import Format
    from kafkactl.storage.selection import Selection

app = new_app("Print segments, indexes and snapshots from a broker's disk.")

_LARGEST_MESSAGE_BYTES = 5 * 1024 * 1024


@flags
class DecoderOptions:
    """Kafka's options for the form of keys and values; each implies --print-data-log."""

    section: ClassVar[Section] = Section.FORMATS

    key_decoder_class: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Kafka's spelling of --key-format: String, Integer, ...")
    ] = None
    value_decoder_class: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Kafka's spelling of --value-format.")
    ] = None
    offsets_decoder: Annotated[
        bool, typer.Option("--offsets-decoder", help="Decode records of __consumer_offsets.")
    ] = False
    transaction_log_decoder: Annotated[
        bool, typer.Option("--transaction-log-decoder", help="Decode records of __transaction_state.")
    ] = False
    cluster_metadata_decoder: Annotated[
        bool, typer.Option("--cluster-metadata-decoder", help="Decode records of __cluster_metadata.")
    ] = False
    share_group_state_decoder: Annotated[
        bool, typer.Option("--share-group-state-decoder", help="Decode records of __share_group_state.")
    ] = False
    remote_log_metadata_decoder: Annotated[
        bool, typer.Option("--remote-log-metadata-decoder", help="Decode records of __remote_log_metadata.")
    ] = False

    @property
    def topic(self) -> str | None:
        """Return the internal topic whose records are decoded, without __, or None without such an option.

        Of several options the first counts: consumer_offsets, transaction_state, cluster_metadata, remote_log_metadata,
        share_group_state.
        """
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
        """Return whether one of the options is given: an internal topic, or a class that is not empty."""
        return bool(self.topic or self.key_decoder_class or self.value_decoder_class)

    def make_decoder(self, key: Format, value: Format) -> Decoder:
        """Return the decoder of keys and values: that of the internal topic, or of the classes or formats.

        `key` and `value` are the formats where no class, or an empty one, is given. Raise UsageError for an unknown
        class; with an internal topic classes are ignored.
        """
        from kafkactl.output.records import decoders

        if self.topic:
            return decoders.make_topic_decoder(self.topic)
        return decoders.make_format_decoder(
            decoders.find_class_format(self.key_decoder_class) if self.key_decoder_class else key,
            decoders.find_class_format(self.value_decoder_class) if self.value_decoder_class else value,
        )


class IsolationLevel(StrEnum):
    """Records of transactions that are printed."""

    READ_UNCOMMITTED = "read_uncommitted"
    READ_COMMITTED = "read_committed"


@flags
class SelectOptions:
    """Conditions on records, and where reading starts and stops."""

    section: ClassVar[Section] = Section.FILTERS

    from_offset: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="First offset to print.", rich_help_panel=Section.RANGE)
    ] = None
    to_offset: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Stop before this offset.", rich_help_panel=Section.RANGE)
    ] = None
    from_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Print records from this time on: ISO 8601, or ms.", rich_help_panel=Section.RANGE
        ),
    ] = None
    to_time: Annotated[
        str | None, typer.Option(metavar="TIME", help="Print records before this time.", rich_help_panel=Section.RANGE)
    ] = None
    between: Annotated[
        str | None,
        typer.Option(
            metavar="A..B",
            help="Print records from time A on and before time B; either may be empty.",
            rich_help_panel=Section.RANGE,
        ),
    ] = None
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only records with this key.")] = None
    grep: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Only records whose key or value contains a match of REGEX.")
    ] = None
    producer_id: Annotated[
        int | None, typer.Option(metavar="ID", help="Only batches of the producer with this id.")
    ] = None
    only_control: Annotated[
        bool, typer.Option("--only-control", help="Only control records: ends of transactions, and those of KRaft.")
    ] = False
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Stop after N records, or N batches.", rich_help_panel=Section.RANGE),
    ] = None
    tail: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Print the last N records, or N batches.", rich_help_panel=Section.RANGE),
    ] = None
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Continue with records that are written later, until Ctrl-C.",
            rich_help_panel=Section.RANGE,
        ),
    ] = False
    isolation_level: Annotated[
        IsolationLevel, typer.Option(help="With read_committed, leave records of aborted and open transactions out.")
    ] = IsolationLevel.READ_UNCOMMITTED
    skip_damaged: Annotated[
        bool,
        typer.Option("--skip-damaged", help="Continue with the next sound batch behind damage, and report the damage."),
    ] = False
    keep_bad_crc: Annotated[
        bool, typer.Option("--keep-bad-crc", help="Print records of batches with a wrong CRC, marked as not valid.")
    ] = False

    def _time_range(self, clock: TimeOptions) -> TimeRange:
        """Return the bounds in ms since 1970; None is no bound. The start is included, the end is not.

        Raise UsageError for a wrong time, for a --between that begins after its end, for --between beside --from-time
        or --to-time, and, where a time is given, for an unknown zone. A --from-time after --to-time is not refused.
        """
        if self.between is not None:
            if self.from_time is not None or self.to_time is not None:
                raise UsageError("--between, --from-time and --to-time are mutually exclusive", "leave --between out")
            return clock.parse_range(self.between, "--between")
        return TimeRange(
            start_ms=None if self.from_time is None else clock.parse(self.from_time, "--from-time"),
            end_ms=None if self.to_time is None else clock.parse(self.to_time, "--to-time"),
        )

    def make_selection(self, key: Format, decoder: Decoder, clock: TimeOptions, as_rows: bool) -> Selection:
        """Return the selection of records for rows (`as_rows`), or for Kafka's text.

        Rows leave batches with a wrong CRC out and Kafka's text shows them; with --keep-bad-crc both show them and
        report an error. `key` turns --key into bytes, and `decoder` gives the text for --grep; an empty text counts as
        given. Raise UsageError for options that are mutually exclusive (--limit and --tail, --follow and
        read_committed, --between and another time), a wrong time or zone, and an invalid pattern, but not for a
        --from-time after --to-time, and FormatError for a --key that is not of its format. A `key` of a schema registry
        also raises OperationError, UnreachableError and UsageError.
        """
        from kafkactl.storage.selection import BadCrc, Selection, grep

        read_committed = self.isolation_level is IsolationLevel.READ_COMMITTED
        if read_committed and self.follow:
            raise UsageError(
                "--isolation-level read_committed and --follow are mutually exclusive: open transactions may still end",
                f"use kafkactl console-consumer --isolation-level {self.isolation_level}",
            )
        bad_crc = BadCrc.LEFT_OUT if as_rows else BadCrc.SHOWN
        if self.limit is not None and self.tail is not None:
            raise make_exclusive_error("--limit", "--tail")
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
        """Return whether a condition needs records, and not only batches: --key or --grep."""
        return self.key is not None or self.grep is not None


@app.command()
@command
def dump_log(
    output: FileOutputOptions,
    formats: FormatOptions,
    decoders: DecoderOptions,
    select: SelectOptions,
    clock: TimeOptions,
    file: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE|DIR", help="File to print, or a folder of segments; - is standard input.", show_default=False
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--files",
            metavar="FILE,...",
            help="Kafka's spelling of FILE, with commas between files.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None,
    print_data_log: Annotated[
        bool, typer.Option("--print-data-log", help="Print records with their keys and values.")
    ] = False,
    deep_iteration: Annotated[bool, typer.Option("--deep-iteration", help="Print records, not only batches.")] = False,
    skip_record_metadata: Annotated[
        bool, typer.Option("--skip-record-metadata", help="Print only keys and values of records.")
    ] = False,
    max_bytes: Annotated[
        int | None, typer.Option("--max-bytes", metavar="BYTES", min=0, help="Number of bytes to read of each log.")
    ] = None,
    max_message_size: Annotated[
        int, typer.Option(metavar="BYTES", min=0, help="Largest batch that an index may point at.")
    ] = _LARGEST_MESSAGE_BYTES,
    index_sanity_check: Annotated[
        bool,
        typer.Option("--index-sanity-check", help="Make only the check of indexes that a broker makes at its start."),
    ] = False,
    verify_index_only: Annotated[
        bool, typer.Option("--verify-index-only", help="Compare indexes with their log, without printing them.")
    ] = False,
    max_decompressed_bytes: Annotated[
        int | None,
        typer.Option(
            metavar="BYTES", min=1, help="Largest size of a batch after decompression.", show_default="256 MiB"
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Number of processes that read a segment.", show_default="one a core"),
    ] = None,
) -> int:
    """Print segments, indexes and snapshots as kafka-dump-log does.

    It reads segments, KRaft snapshots, indexes, producer snapshots, checkpoints and .gz files; no broker is needed.

    Examples:
      kafkactl dump-log 00000000000000000000.log
      kafkactl dump-log --print-data-log 00000000000000000000.log
      kafkactl dump-log orders-0 --tail 5 -o json
    """
    from kafkactl.storage import compression

    names = list(file or ()) + [Path(part.strip()) for text in files or () for part in text.split(",") if part.strip()]
    if not names:
        raise UsageError("missing argument FILE", "give it as the argument, or with --files")
    paths, statuses = expand_folders(names)
    if not paths:
        return combine(statuses)
    if select.follow and (paths[-1] == STANDARD_INPUT or paths[-1].suffix == GZIP_SUFFIX):
        raise UsageError(
            f"--follow cannot be used with {paths[-1]}", "name a segment: kafkactl dump-log --follow FILE.log"
        )
    as_rows = output.is_parquet or output.format not in (None, OutputFormat.PLAIN)
    with_data = print_data_log or decoders.is_any or select.needs_records
    deep = deep_iteration or with_data
    key, value = formats.choose_formats()
    decoder = decoders.make_decoder(key, value)
    selection = select.make_selection(key, decoder, clock, as_rows)
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

    options = DumpOptions(
        deep=deep,
        parse=decoder.text if with_data else None,
        parse_is_utf8=decoder.is_utf8,
        metadata=not skip_record_metadata,
        max_bytes=EVERYTHING_BYTES if max_bytes is None else max_bytes,
        max_message_size=max_message_size,
        sanity_only=index_sanity_check,
        verify_only=verify_index_only,
        selection=selection,
        jobs=jobs or _count_cores(),
    )
    return combine([*statuses, TextDump(options, out.binary).run(paths)])


def expand_folders(names: list[Path]) -> tuple[list[Path], list[int]]:
    """Return the files to read, with segments in place of folders, and a status for each folder that has an error.

    A folder is that of a partition, or one with such folders directly in it, also of deleted, stray and future
    replicas. The order is that of `names`, and in a folder that of topic, partition and offset. A folder of `names` has
    an error where it and the folders in it have no segments, or it cannot be listed. Segments with a suffix such as
    .deleted or .gz are left out; a folder with no others has an error, also one in a folder of `names`, and so has a
    partition's folder in it that cannot be listed. Errors are printed on stderr, and not raised. A name that is no
    folder, or does not exist, stays in the list: it is refused when it is read. In Kafka's style all names are returned
    as they are.
    """
    from kafkactl.output import people

    if not any(os.path.isdir(name) for name in names) or people.is_kafka_style():  # Kafka's tool reads no folders
        return names, []
    from kafkactl.storage.log_dir import list_partition_folders, list_segments, no_segments

    paths: list[Path] = []
    statuses: list[int] = []

    def try_listing(path: Path, list_below: Callable[[Path], list[Path]]) -> list[Path]:
        """Return what is below a path; empty after a KafkactlError, which is printed and whose status is kept."""
        try:
            return list_below(path)
        except KafkactlError as error:
            people.error(error)
            statuses.append(error.status)
            return []

    def list_readable(folder: Path) -> list[Path]:
        """Return the segments of a folder; raise NotFoundError where it has none without a suffix such as .deleted.

        A folder that was deleted meanwhile has no segments and no error. Raise UsageError where it cannot be listed.
        """
        segments = list_segments(folder)
        if not segments and os.path.isdir(folder):
            raise no_segments(folder, "without a suffix such as .deleted")
        return segments

    for name in names:
        if not os.path.isdir(name):
            paths.append(name)
            continue
        for folder in try_listing(name, list_partition_folders):
            paths += try_listing(folder, list_readable)
    return paths, statuses


def _count_cores() -> int:
    """Return the number of cores that this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
