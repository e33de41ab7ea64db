"""Records on their way to stdout: only those that it handed over are counted and committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kafkactl.cli.frame.stopping import Stopping, StopRequestedError
from kafkactl.errors import FormatError
from kafkactl.output import people
from kafkactl.statuses import DONE, FAILED, NO_ANSWER
from kafkactl.stdout import OutputError, ReaderLeftError, out

if TYPE_CHECKING:
    from kafkactl.output.records import RecordWriter
    from kafkactl.streams.consuming import Reading
    from kafkactl.streams.filters import RecordFilter
    from kafkactl.streams.latest import Latest
    from kafkactl.streams.librdkafka.line_reading import Chunk, LineReading


@dataclass(slots=True)
class _Written:
    """A batch that was written from a position of the output on, and the records of it that were to be shown."""

    start: int
    batch: Sequence[Any]
    shown: Sequence[Any]
    end: int | None = None
    """Position behind the batch; None until the output has accepted it."""
    ends: list[int] = field(default_factory=list)
    """Positions behind the shown records, where they were written one by one."""


class Printing:
    """Prints what is read and wanted, and marks as done what stdout handed over.

    A record may leave the process in pieces, and a reader may leave before it has read what lies in the pipe: so a
    batch is remembered with its position in the output until all of it was handed over.
    """

    def __init__(
        self, writer: RecordWriter, wanted: Sequence[RecordFilter], limit: int | None, skips_errors: bool
    ) -> None:
        self._writer, self._wanted, self._skips_errors = writer, wanted, skips_errors
        self._left = limit
        self._printed = self._skipped = 0
        self._is_committed = True
        self._reading: Reading
        self._stopping: Stopping
        self._on_its_way: deque[_Written] = deque()

    def run(self, reading: Reading, latest: Latest | None) -> int:
        """Print until the selection is read, or a signal or the reader of stdout ends it; return the exit status."""
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
            return stopping.status(status) or (FAILED if self._skipped else DONE if self._is_committed else NO_ANSWER)

    def _print_all(self, latest: Latest | None) -> None:
        out.write(self._writer.head)
        for batch in self._reading.read_batches() if self._left != 0 else ():
            if latest is not None:
                latest.add(self._of_interest(batch))
                continue
            self._print(batch)
            self._mark_done(out.read_at_least)
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
        """Print a batch as far as it is wanted."""
        shown = self._of_interest(batch)
        if self._left is not None and len(shown) >= self._left:
            shown = shown[: self._left]
            if shown:
                batch = batch[: _position(batch, shown[-1]) + 1]
        if self._left is not None:
            self._left -= len(shown)
        written = _Written(out.accepted, batch, shown)
        self._on_its_way.append(written)
        try:
            text = self._writer.write_all(shown)
        except FormatError:
            text = None
        if text is None or out.is_terminal:  # what a terminal gets is escaped, and longer
            self._print_singly(written)
        else:
            out.write(text)
            written.end = out.accepted
        out.flush()

    def _print_singly(self, written: _Written) -> None:
        for message in written.shown:
            try:
                out.write(self._writer.write(message))
            except FormatError as error:
                self._refuse(message, error)
            written.ends.append(out.accepted)
        written.end = out.accepted

    def _refuse(self, message: Any, error: FormatError) -> None:
        where = f"{message.topic()}-{message.partition()} offset {message.offset()}"
        if not self._skips_errors:
            raise FormatError(f"{where}: {error}", "--skip-message-on-error goes on; another format may fit") from error
        people.error(FormatError(f"{where}: {error}"))
        self._skipped += 1

    def _finish(self, stopping: Stopping) -> None:
        """Hand over what is left, commit what was handed over, and leave the group; within the time after a signal."""
        out.while_blocked = None
        try:
            if out.error is None:
                out.flush()
        except (OutputError, ReaderLeftError):
            pass  # an error of its own would hide the one that ended the printing
        finally:
            self._mark_done(out.received)
            self._mark_part_done(out.received)
            self._is_committed = self._reading.close(stopping.left_s)
            if not self._is_committed:
                people.warning("the brokers did not answer: the last offsets may not have been committed")
            people.note(summary(self._printed - self._skipped, self._skipped))

    def _mark_read(self) -> None:
        """Mark as done what the reader of stdout has read meanwhile: no further record may come for long."""
        if self._on_its_way:
            self._mark_done(out.read_at_least)

    def _mark_done(self, position: int) -> None:
        """Mark the batches as done that end before a position of the output."""
        while self._on_its_way and (end := self._on_its_way[0].end) is not None and end <= position:
            with self._stopping.held():
                self._reading.mark_handled(self._on_its_way[0].batch)
                self._printed += len(self._on_its_way.popleft().shown)

    def _mark_part_done(self, position: int) -> None:
        """Mark the records as done that end before a position, of the batch that it lies in."""
        if not self._on_its_way:
            return
        written = self._on_its_way[0]
        handed_over = sum(1 for end in self._ends(written) if end <= position)
        self._printed += handed_over
        if handed_over < len(written.shown):
            self._reading.mark_handled(written.batch[: _position(written.batch, written.shown[handed_over])])
        else:
            self._reading.mark_handled(written.batch)

    def _ends(self, written: _Written) -> Iterator[int]:
        """Return the positions behind the records of a batch, as far as the output has accepted them."""
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
            except FormatError:  # the one that ended the printing
                return
            yield end


def print_lines(reading: LineReading, limit: int | None) -> int:
    """Print plain lines until the selection is read, or a signal or the reader of stdout ends it."""
    on_its_way: deque[tuple[int, Chunk]] = deque()
    printed = 0
    status = DONE
    with Stopping() as stopping:
        try:
            for chunk in reading.read_chunks(limit):
                on_its_way.append((out.accepted, chunk))
                out.write(chunk.text)
                out.flush()
                while on_its_way and on_its_way[0][0] + len(on_its_way[0][1].text) <= out.read_at_least:
                    with stopping.held():
                        printed += on_its_way.popleft()[1].records
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
                printed += sum(chunk.count_records_within(position - start) for start, chunk in on_its_way)
                reading.close()
                people.note(summary(printed))
        return stopping.status(status)


def summary(printed: int, skipped: int = 0) -> str:
    """Return the last line that Kafka's tool writes to stderr."""
    return f"Processed a total of {printed} messages" + (f", {skipped} skipped" if skipped else "")


def _position(batch: Sequence[Any], message: Any) -> int:
    """Return where a message is in a batch; messages are compared as objects, for their own comparison is slow."""
    return next(number for number, other in enumerate(batch) if other is message)
