"""kafkactl console-consumer (consume)"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.consume.flags import FilterFlags, MemberFlags, RangeFlags, StyleFlags
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.options import ClusterOptions, FormatOptions, RecordOutputOptions, TimeOptions
from kafkactl.cli.frame.stopping import Stopping
from kafkactl.cli.frame.subjects import TopicOptions
from kafkactl.errors import FormatError, UsageError
from kafkactl.output import people
from kafkactl.statuses import FAILED
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.output.records import RecordWriter
    from kafkactl.streams.consuming import Reading
    from kafkactl.streams.filters import Wanted
    from kafkactl.streams.latest import Latest
    from kafkactl.streams.librdkafka.line_reading import LineReading

app = new_app("Print a topic's records.")


@app.command()
@command
def console_consumer(
    cluster: ClusterOptions,
    output: RecordOutputOptions,
    topic: TopicOptions,
    span: RangeFlags,
    clock: TimeOptions,
    which: FilterFlags,
    formats: FormatOptions,
    style: StyleFlags,
    member: MemberFlags,
    max_messages: Annotated[
        int | None, typer.Option("--max-messages", "-n", metavar="N", min=0, help="Stop after so many.")
    ] = None,
    dedupe_latest: Annotated[
        bool, typer.Option("--dedupe-latest", help="Each key's last value, as compaction leaves it; stops at the end.")
    ] = False,
    skip_message_on_error: Annotated[
        bool, typer.Option("--skip-message-on-error", help="Go on after a record that is not of the format.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell on stderr of partitions assigned and revoked.")
    ] = False,
    enable_systest_events: Annotated[
        bool, typer.Option("--enable-systest-events", help="Print shutdown_complete at the end, as Kafka's tool does.")
    ] = False,
    consumer_property: Annotated[
        list[str] | None,
        typer.Option(
            "--consumer-property",
            "--command-property",
            metavar="NAME=VALUE",
            help="Kafka's spelling of -X; repeatable.",
        ),
    ] = None,
    consumer_config: Annotated[
        Path | None,
        typer.Option(
            "--consumer-config", "--consumer.config", metavar="FILE", help="Kafka's spelling of --command-config."
        ),
    ] = None,
) -> int:
    """Print a topic's records, new ones as they come unless told where to start and stop."""
    if dedupe_latest and (span.follow or member.group):
        raise UsageError("--dedupe-latest needs an end", "leave --follow and --group out")
    selection = span.selection(topic.topic, topic.topic_flag, member.group, dedupe_latest, clock)
    connected = cluster.with_java_flags(consumer_config, consumer_property).connect()
    if selection.joins:
        before_change(connected, [Change(what=f"commit offsets of group {member.group}", inverse=cannot_be_undone)])
    key, value = style.formats(*formats.chosen(registry=connected.settings.registry))
    writer = style.writer(output.format, key, value)
    settings = member.settings()

    wanted = which.wanted(key, value)

    from kafkactl.streams.consuming import Reading
    from kafkactl.streams.latest import Latest
    from kafkactl.streams.librdkafka import line_reading

    as_it_is = line_reading.IS_THERE and selection.takes_all and not (wanted or dedupe_latest)
    try:
        if writer.plain is not None and as_it_is:
            return _print_lines(line_reading.LineReading(connected, selection, settings, writer.plain), max_messages)
        reading = Reading(connected, selection, settings, people.note if verbose else None)
        printing = Printing(writer, wanted, max_messages, skip_message_on_error)
        return printing.run(reading, Latest() if dedupe_latest else None)
    finally:
        if enable_systest_events:
            out.write(b"shutdown_complete\n")
            out.flush()


def _print_lines(reading: LineReading, limit: int | None) -> int:
    """Until the selection is read or somebody stops us."""
    printed = 0

    def print_all() -> None:
        nonlocal printed
        for text, number in reading.chunks(limit):
            out.write(text)
            out.flush()
            printed += number

    try:
        return Stopping().run(print_all)
    finally:
        reading.close()
        people.note(_summary(printed))


def _summary(printed: int, skipped: int = 0) -> str:
    return f"Processed a total of {printed} messages" + (f", {skipped} skipped" if skipped else "")


class Printing:
    """Prints what is read and wanted, and lets only that be committed."""

    def __init__(self, writer: RecordWriter, wanted: Sequence[Wanted], limit: int | None, skips_errors: bool) -> None:
        self._writer, self._wanted, self._skips_errors = writer, wanted, skips_errors
        self._left = limit
        self._stopping = Stopping()
        self._printed = self._skipped = 0
        self._batch: list[Any] = []
        self._handled = 0
        """How much of the batch was printed, or was not wanted."""

    def run(self, reading: Reading, latest: Latest | None) -> int:
        """Until the selection is read or somebody stops us; then what was printed is committed."""
        status = 0
        try:
            status = self._stopping.run(lambda: self._print_all(reading, latest))
        finally:
            reading.done(self._batch[: self._handled])
            try:
                out.flush()
            finally:
                reading.close()
                people.note(_summary(self._printed, self._skipped))
        return status or (FAILED if self._skipped else 0)

    def _print_all(self, reading: Reading, latest: Latest | None) -> None:
        out.write(self._writer.head)
        for batch in reading.batches() if self._left != 0 else ():
            if latest is not None:
                latest.add(self._of_interest(batch))
                continue
            self._batch = batch
            with self._stopping.held():
                self._print(batch)
            reading.done(batch[: self._handled])
            self._handled = 0  # before the next batch takes this one's place: an interruption can come anywhere
            if self._left == 0:
                break
        if latest is not None:
            self._print(latest.records())
            if latest.without_key:
                people.note(f"{latest.without_key} records without a key are left out")

    def _of_interest(self, batch: list[Any]) -> list[Any]:
        if not self._wanted:
            return batch
        return [message for message in batch if all(wanted(message) for wanted in self._wanted)]

    def _print(self, batch: list[Any]) -> None:
        """Prints a batch as far as it is wanted; `handled` says how far that was, also when it is interrupted."""
        shown, end = self._of_interest(batch), len(batch)
        if self._left is not None and len(shown) >= self._left:
            shown = shown[: self._left]
            end = batch.index(shown[-1]) + 1
        try:
            out.write(self._writer.write_all(shown))
            self._printed += len(shown)
        except FormatError:
            self._print_singly(batch[:end], shown)
        out.flush()
        if self._left is not None:
            self._left -= len(shown)
        self._handled = end

    def _print_singly(self, batch: list[Any], shown: list[Any]) -> None:
        of_interest = set(map(id, shown))
        for message in batch:
            if id(message) in of_interest:
                try:
                    out.write(self._writer.write(message))
                    self._printed += 1
                except FormatError as error:
                    self._told(message, error)
            self._handled += 1

    def _told(self, message: Any, error: FormatError) -> None:
        where = f"{message.topic()}-{message.partition()} offset {message.offset()}"
        if not self._skips_errors:
            raise FormatError(f"{where}: {error}", "--skip-message-on-error goes on; another format may fit") from error
        people.error(FormatError(f"{where}: {error}"))
        self._skipped += 1
