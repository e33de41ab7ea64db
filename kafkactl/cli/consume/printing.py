"""Printing of records. Only records that stdout has handed over are counted and committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kafkactl.cli.frame.stopping import Stopping, StopRequestedError
from kafkactl.errors import FormatError, KafkactlError
from kafkactl.output import people
from kafkactl.statuses import DONE, FAILED
from kafkactl.stdout import OutputError, ReaderLeftError, out

if TYPE_CHECKING:
    from kafkactl.output.records import RecordWriter
    from kafkactl.streams.consuming import Reading
    from kafkactl.streams.filters import RecordFilter
    from kafkactl.streams.latest import Latest
    from kafkactl.streams.librdkafka.line_reading import Chunk, LineReading

_SKIP_HINT = "choose another format, or continue after this record with --skip-message-on-error"


@dataclass(slots=True)
class _Written:
    """A batch in the output: its first position, its records, and those of them that are shown."""

    start: int
    batch: Sequence[Any]
    shown: Sequence[Any]
    end: int | None = None
    """Position behind the batch; None until the output has accepted it."""
    ends: list[int] = field(default_factory=list)
    """Positions behind the shown records, if they were written one by one."""
    skipped: list[int] = field(default_factory=list)
    """Indexes of the shown records that were skipped for their format."""


class Printing:
    """The output of the records that pass the filters. It marks records as done after stdout has handed them over.

    A record may leave the process in pieces, and a reader may leave before it has read all bytes in the pipe. So each
    batch is kept with its position in the output until all of it is handed over.
    """

    def __init__(
        self, writer: RecordWriter, filters: Sequence[RecordFilter], limit: int | None, skips_errors: bool
    ) -> None:
        """Take the writer, the filters, the largest number of records, and whether records with errors are skipped.

        A `limit` of None is no limit.
        """
        self._writer, self._filters, self._skips_errors = writer, filters, skips_errors
        self._left = limit
        self._printed = self._skipped = 0
        self._commit_error: KafkactlError | None = None
        self._reading: Reading
        self._stopping: Stopping
        self._pending: deque[_Written] = deque()

    def run(self, reading: Reading, latest: Latest | None) -> int:
        """Print until the selection is read, or a signal or the reader of stdout ends it; return the exit status.

        `latest` keeps only the last record of each key, or is None. The group is left and the consumer closed in any
        case, and stderr gets the number of records; call this once. The status is 128 plus the number of a signal that
        came, else 1 if records were skipped (not in Kafka's style) or the brokers refused the last offsets, 3 if
        offsets may not have been committed, or 0, also when the reader left.

        Raise FormatError for a record that does not have its format, without --skip-message-on-error; OutputError where
        stdout cannot be written, except at the end of the work, where `out` keeps it; the errors of
        Reading.read_batches() (UnreachableError, NotFoundError, OperationError); OperationError or UnreachableError
        where librdkafka does not take an offset; ValueError outside the main thread, where nothing is read or closed;
        and other errors of the writer and the filters, as for headers that cannot be read (KafkactlError), and of a
        schema registry (OperationError, UnreachableError).
        """
        self._reading = reading
        out.while_blocked = reading.keep_alive
        reading.while_idle = self._mark_read
        status = DONE
        with Stopping() as stopping:
            self._stopping = stopping
            try:
                self._print_all(latest)
            except StopRequestedError as stop:
                status = stop.status
            except ReaderLeftError:
                status = DONE
            finally:
                stopping.finish()
                self._finish(stopping)
            failed = FAILED if self._skipped else DONE if self._commit_error is None else self._commit_error.status
            return stopping.status(status) or failed

    def _print_all(self, latest: Latest | None) -> None:
        """Print the batches that are read, up to the limit, and mark as done what the reader of stdout has read.

        The head of the writer comes first, also without a record. With a limit of 0 nothing is read. With `latest` the
        records are printed at the end of the reading and none is marked as done here, and a note has the number of
        those without a key, if there are any. Raise FormatError for a record that does not have its format, without
        --skip-message-on-error, other errors of the writer and the filters, those of Latest.add(), OutputError, the
        errors of Reading.read_batches() (UnreachableError, NotFoundError, OperationError), OperationError or
        UnreachableError where librdkafka does not take an offset, StopRequestedError at a signal, and ReaderLeftError.
        """
        out.write(self._writer.head)
        for batch in self._reading.read_batches() if self._left != 0 else ():
            if latest is not None:
                latest.add(self._filter(batch))
                continue
            self._print(batch)
            self._mark_done(out.read_at_least)
            if self._left == 0:
                break
        if latest is not None:
            self._print(latest.records())
            if latest.without_key:
                people.note(f"{latest.without_key} records without a key are left out")

    def _filter(self, batch: list[Any]) -> list[Any]:
        """Return the records of a batch that pass all filters, in order. The errors of the filters pass."""
        if not self._filters:
            return batch
        return [message for message in batch if all(accepts(message) for accepts in self._filters)]

    def _print(self, batch: list[Any]) -> None:
        """Print the records of a batch that pass the filters, up to the limit, and flush the output.

        The batch is kept as pending, at the limit only up to its last shown record. The limit goes down by the records
        that pass the filters, also those that are then skipped for their format. Raise FormatError for a record that
        does not have its format, without --skip-message-on-error, other errors of the writer and the filters,
        StopRequestedError at a signal, OutputError, and ReaderLeftError.
        """
        shown = self._filter(batch)
        if self._left is not None and len(shown) >= self._left:
            shown = shown[: self._left]
            if shown:
                batch = batch[: _find_index(batch, shown[-1]) + 1]
        if self._left is not None:
            self._left -= len(shown)
        written = _Written(out.accepted, batch, shown)
        self._pending.append(written)
        try:
            text = self._writer.write_all(shown)
        except FormatError:
            text = None
        if text is None or out.is_terminal:  # text for a terminal is escaped, and longer
            self._print_singly(written)
        else:
            out.write(text)
            written.end = out.accepted
        out.flush()

    def _print_singly(self, written: _Written) -> None:
        """Print the shown records of a batch one by one, and keep the position in the output after each.

        Raise FormatError for a record that does not have its format, without --skip-message-on-error, other errors of
        the writer, StopRequestedError at a signal, OutputError, and ReaderLeftError.
        """
        for message in written.shown:
            try:
                out.write(self._writer.write(message))
            except FormatError as error:
                if self._skip(message, error):
                    written.skipped.append(len(written.ends))
            written.ends.append(out.accepted)
        written.end = out.accepted

    def _skip(self, message: Any, error: FormatError) -> bool:
        """Skip a record that does not have its format, or raise FormatError with its place and offset.

        Return whether it counts as skipped.

        With --skip-message-on-error the error goes to stderr and the record counts as skipped; in Kafka's style it is a
        line of a log there, and the record counts as printed, so that the exit status does not change. Without the
        option the error is raised; in Kafka's style the record counts as printed, too.
        """
        where = f"{message.topic()}-{message.partition()} offset {message.offset()}"
        if people.is_kafka_style() and self._skips_errors:
            people.write_kafka_message(f"ERROR Error processing message, skipping this message: {where}: {error}\n")
            return False
        if not self._skips_errors:
            self._printed += people.is_kafka_style()
            raise FormatError(f"{where}: {error}", _SKIP_HINT) from error
        people.error(FormatError(f"{where}: {error}"))
        self._skipped += 1
        return True

    def _finish(self, stopping: Stopping) -> None:
        """Write the rest of the output, commit the records that were handed over, and leave the group.

        Leaving takes at most 8 s, after a signal the time that is left; the output is waited for, after a signal for at
        most 5 s. Errors of the output are dropped. A warning on stderr says where the last offsets were refused or may
        not have been committed, and run() takes the status from it. The number of records goes to stderr. Raise
        OperationError (UnreachableError for a lost connection) where librdkafka does not take an offset; errors of the
        writer pass.
        """
        out.while_blocked = None
        try:
            if out.error is None:
                out.flush()
        except (OutputError, ReaderLeftError):
            pass  # this error would hide the error that ended the printing
        finally:
            try:
                self._mark_done(out.received)
                self._mark_part_done(out.received)
            finally:  # also where an offset was refused: the group must learn that the member leaves
                self._commit_error = self._reading.close(stopping.left_s)
                if self._commit_error is not None:
                    people.warning(str(self._commit_error))
                _print_summary(self._printed, self._skipped)

    def _mark_read(self) -> None:
        """Mark the records as done that the reader of stdout has read; called while no record comes.

        Raise StopRequestedError for a signal that came meanwhile, and OperationError (UnreachableError for a lost
        connection) where librdkafka does not take an offset.
        """
        if self._pending:
            self._mark_done(out.read_at_least)

    def _mark_done(self, position: int) -> None:
        """Mark the batches as done that end before or at a position of the output, in bytes from its start.

        Raise StopRequestedError for a signal that came meanwhile, except at the end of the work, and OperationError
        (UnreachableError for a lost connection) where librdkafka does not take an offset. The marked records that are
        shown are counted as printed, but not those skipped for their format.
        """
        while self._pending and (end := self._pending[0].end) is not None and end <= position:
            with self._stopping.hold_signals():
                self._reading.mark_handled(self._pending[0].batch)
                written = self._pending.popleft()
                self._printed += len(written.shown) - len(written.skipped)

    def _mark_part_done(self, position: int) -> None:
        """Mark the records of the first pending batch as done that end before or at a position of the output.

        The position is in bytes from the start of the output. The marked records that are shown are counted as printed,
        but not those skipped for their format. Records that the filters left out are marked, too, up to the first shown
        one that is not done. The batch stays pending: call this once, after _mark_done(). Without a pending batch
        nothing happens. Raise OperationError (UnreachableError for a lost connection) where librdkafka does not take an
        offset; errors of the writer pass, but not FormatError.
        """
        if not self._pending:
            return
        written = self._pending[0]
        handed_over = sum(1 for end in self._ends(written) if end <= position)
        self._printed += handed_over - sum(1 for index in written.skipped if index < handed_over)
        if handed_over < len(written.shown):
            self._reading.mark_handled(written.batch[: _find_index(written.batch, written.shown[handed_over])])
        else:
            self._reading.mark_handled(written.batch)

    def _ends(self, written: _Written) -> Iterator[int]:
        """Yield the positions of the output, in bytes from its start, behind the records that it has accepted.

        These are the shown records of the batch, in their order. A record that was skipped repeats the position before
        it. Records that are not accepted yet are missing at the end, and so is one whose FormatError ended the
        printing. Other errors of the writer pass.
        """
        if written.ends or out.is_terminal:
            yield from written.ends
            if len(written.ends) < len(written.shown) and out.accepted > (written.ends or [written.start])[-1]:
                yield out.accepted  # the signal came between the writing and the counting
            return
        end = written.start
        if out.accepted == written.start:
            return
        for message in written.shown:
            try:
                end += len(self._writer.write(message))
            except FormatError:  # this record ended the printing
                return
            yield end


def print_lines(reading: LineReading, limit: int | None) -> int:
    """Print plain lines until the selection is read, or a signal or the reader of stdout ends it.

    Return the exit status: 0 also when the reader left, after a signal 128 plus its number. `limit` is the largest
    number of records, None for no limit. In any case the reading is closed, and stderr gets the number of records.
    Raise OutputError where stdout cannot be written, the errors of LineReading.read_chunks() (UnreachableError,
    NotFoundError, OperationError, MemoryError), and ValueError outside the main thread, where nothing is read or
    closed.
    """
    pending: deque[tuple[int, Chunk]] = deque()
    printed = 0
    status = DONE
    with Stopping() as stopping:
        try:
            for chunk in reading.read_chunks(limit):
                pending.append((out.accepted, chunk))
                out.write(chunk.text)
                out.flush()
                while pending and pending[0][0] + len(pending[0][1].text) <= out.read_at_least:
                    with stopping.hold_signals():
                        printed += pending.popleft()[1].records
        except StopRequestedError as stop:
            status = stop.status
        except ReaderLeftError:
            status = DONE
        finally:
            stopping.finish()
            try:
                if out.error is None:
                    out.flush()
            except (OutputError, ReaderLeftError):
                pass
            finally:
                position = out.received
                printed += sum(chunk.count_records_within(position - start) for start, chunk in pending)
                reading.close()
                _print_summary(printed)
        return stopping.status(status)


def _print_summary(printed: int, skipped: int = 0) -> None:
    """Write the numbers of printed and skipped records to stderr; in Kafka's style they are one sum."""
    if people.is_kafka_style():
        people.write_kafka_message(f"{make_summary(printed + skipped)}\n")
    else:
        people.note(make_summary(printed, skipped))


def make_summary(printed: int, skipped: int = 0) -> str:
    """Return "Processed a total of N messages", as Kafka's tool, without a line end.

    Skipped records are added as ", N skipped", unless there are 0.
    """
    return f"Processed a total of {printed} messages" + (f", {skipped} skipped" if skipped else "")


def _find_index(batch: Sequence[Any], message: Any) -> int:
    """Return the index of a message in a batch. Messages are compared by identity, because == of messages is slow.

    Raise StopIteration for a message that is not in the batch.
    """
    return next(number for number, other in enumerate(batch) if other is message)
