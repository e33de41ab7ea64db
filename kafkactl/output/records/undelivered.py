"""Records that no broker acknowledged: as lines on stderr, or as a whole in a file that `--input json` reads."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kafkactl.errors import OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.records.fields import encode_field, encode_headers
from kafkactl.output.structured import dump_json

if TYPE_CHECKING:
    from kafkactl.streams.account import UndeliveredRecord

_SHOWN_CHARACTERS = 200
"""Largest number of characters of a key or value on stderr."""


class UndeliveredSink:
    """Sink for undelivered records: stderr, or a file that is created at the first failure and never deleted.

    Records are added to the end of a file that exists, on lines of their own. Where the file cannot take a record as a
    whole, this record and all later ones go to stderr. A context manager that closes the file.
    """

    def __init__(self, topic: str, file: Path | None) -> None:
        """Check that the file can be written; a `file` of None means stderr.

        Nothing is opened or created yet. Raise UsageError for `-`, for a directory, and for a file that cannot be
        written, created or looked at, such as one with too long a name.
        """
        self._topic, self._path = topic, file
        self._uses_file = file is not None
        self._descriptor: int | None = None
        if file is not None:
            _require_writable(file)

    def tell(self, record: UndeliveredRecord) -> None:
        """Write one record at once: a line of JSON into the file, or an error message on stderr.

        The message has only the first 200 characters of key and value, and no headers. Where the file cannot be
        written, an error says so, and the record and all later ones go to stderr. In Kafka's style all these errors are
        kept in people.failures instead of stderr. Nothing is raised where neither can be written.
        """
        if not self._uses_file or not self._append(dump_json(_make_fields(record)) + b"\n"):
            key = "no key" if record.key is None else f"key {_shorten(record.key)}"
            people.error(
                OperationError(
                    f"not delivered to {self._topic}: {key}, value {_shorten(record.value)}: {record.reason}"
                )
            )

    def __enter__(self) -> UndeliveredSink:
        """Return this object; no file is opened yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, if it was opened. An error is written to stderr (in Kafka's style kept in people.failures).

        Some file systems tell only here that they could not write; the records are not written again then.
        """
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            os.close(descriptor)
        except OSError as error:
            reason = f"cannot write to --dead-letter {self._path}: {error.strerror}"
            people.error(OperationError(reason, "undelivered records may be missing in it"))

    def _append(self, line: bytes) -> bool:
        """Append a line, which has its line end already, to the file as a whole, or nothing.

        A last line without an end gets one before it. The first call opens or creates the file; a FIFO without a reader
        cannot be opened. After a failure a part can stay in a FIFO, and in a file to which another process has appended
        meanwhile. Return False where that failed; an error is then written to stderr (in Kafka's style kept in
        people.failures), and `tell` writes this record and later ones there as well. There must be a file.
        """
        try:
            if self._descriptor is None:
                # Without O_NONBLOCK, opening a FIFO without a reader would wait forever.
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
                self._descriptor = os.open(str(self._path), flags, 0o600)  # records can be secret
                os.set_blocking(self._descriptor, True)
                line = _make_line_end(str(self._path)) + line
            _write_whole(self._descriptor, line)
        except OSError as error:
            reason = f"cannot write to --dead-letter {self._path}: {error.strerror}"
            people.error(OperationError(reason, "read the undelivered records below: they are written here instead"))
            self._uses_file = False
            return False
        return True


def _require_writable(file: Path) -> None:
    """Raise UsageError for `-`, for a directory, and for a file that cannot be written or created.

    A file that cannot be looked at is refused, too. For a missing file, also for a broken link, only the right to write
    into its folder is checked. The file is neither opened nor created.
    """
    if str(file) == "-":
        raise UsageError(
            "invalid value '-' for --dead-letter: not a file",
            "leave --dead-letter out to write undelivered records to stderr",
        )
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        if not os.access(file.parent, os.W_OK):
            raise UsageError(
                f"--dead-letter {file}: it cannot be created", f"look at the folder {file.parent}"
            ) from None
        return
    except (OSError, ValueError) as error:  # ValueError for a NUL character
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"--dead-letter {file}: {reason}", "name another file") from error
    if stat.S_ISDIR(mode):
        raise UsageError(f"--dead-letter {file}: it is a directory", "name a file")
    if not os.access(file, os.W_OK):
        raise UsageError(f"--dead-letter {file}: it cannot be written", "name another file")


def _make_line_end(name: str) -> bytes:
    """Return the line end that the last line of a regular file lacks, else nothing; also for an unreadable file."""
    file = Path(name)
    with suppress(OSError):
        if file.is_file() and file.stat().st_size:  # a FIFO would wait for its writer
            with file.open("rb") as source:
                source.seek(-1, os.SEEK_END)
                return b"" if source.read(1) == b"\n" else b"\n"
    return b""


def _write_whole(descriptor: int, line: bytes) -> None:
    """Write a line; where that fails, as on a full disk, remove the written part from the end of a regular file.

    The part stays where another process has appended to the file meanwhile. Raise OSError where the line could not be
    written, also after the removal.
    """
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    start, written_bytes = None, 0
    try:
        while written_bytes < len(line):
            count = os.write(descriptor, line[written_bytes:])
            if is_file and start is None:
                start = os.lseek(descriptor, 0, os.SEEK_CUR) - count  # the file is open for appending
            written_bytes += count
    except OSError:
        if start is not None and os.fstat(descriptor).st_size == start + written_bytes:
            os.ftruncate(descriptor, start)
        raise


def _shorten(data: bytes | None) -> str:
    """Return the first 200 characters of a key or value as a literal of Python, as repr() writes it; null for None.

    A cut one ends with `...` inside the quotes. Bytes that are not UTF-8 become escapes of four characters before they
    are counted, and repr() doubles their backslash.
    """
    if data is None:
        return "null"
    text = data.decode("utf-8", errors="backslashreplace")
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")


def _make_fields(record: UndeliveredRecord) -> dict[str, Any]:
    """Return a record as the fields that `produce --input json` reads, with the error.

    The fields are key, value, headers, partition, timestamp (in ms since 1970) and error; key_base64 and value_base64
    where these are not UTF-8. Fields of None, and headers without any, are left out.
    """
    fields = {
        **encode_field("key", record.key),
        **encode_field("value", record.value),
        "headers": encode_headers(record.headers or ()),
        "partition": record.partition,
        "timestamp": record.timestamp_ms,
        "error": record.reason,
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}
