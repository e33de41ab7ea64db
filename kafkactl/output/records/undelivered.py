"""Records that were not acknowledged: a line each on stderr, or whole in a file that `--input json` reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kafkactl.errors import OperationError, UsageError
from kafkactl.output import people
from kafkactl.output.records.fields import header_items, member
from kafkactl.output.structured import dump_json

if TYPE_CHECKING:
    from kafkactl.streams.account import Undelivered

_SHOWN = 200


class Undelivereds:
    """Sink for undelivered records: stderr, or a file that is created at the first failure and never deleted.

    Where the file cannot take a record whole, that record and all that follow go to stderr.
    """

    def __init__(self, topic: str, file: Path | None) -> None:
        """Raises UsageError for a file that cannot be written, before anything is sent."""
        self._topic, self._path = topic, file
        self._descriptor: int | None = None
        if file is not None:
            _require_writable(file)

    def tell(self, one: Undelivered) -> None:
        """Keep one record at once."""
        if self._path is None or not self._append(dump_json(_fields(one)) + b"\n"):
            key = "no key" if one.key is None else f"key {_shown(one.key)}"
            people.error(
                OperationError(f"not delivered to {self._topic}: {key}, value {_shown(one.value)}: {one.reason}")
            )

    def __enter__(self) -> Undelivereds:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _append(self, line: bytes) -> bool:
        """Append a whole line to the file, or nothing; return False where that failed, and say so once."""
        try:
            if self._descriptor is None:
                # A fifo that nobody reads is an error at once, not a wait for ever.
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
                self._descriptor = os.open(str(self._path), flags, 0o600)  # records are nobody else's business
                os.set_blocking(self._descriptor, True)
            _write_whole(self._descriptor, line)
        except OSError as error:
            what = f"cannot write to --dead-letter {self._path}: {error.strerror}"
            people.error(OperationError(what, "records that are not delivered follow here instead"))
            self._path = None
            return False
        return True


def _require_writable(file: Path) -> None:
    """Raise UsageError for a file that could not be opened for writing; it is not created."""
    if str(file) == "-":
        raise UsageError("--dead-letter -: not a file", "left out, what is not delivered is told on stderr")
    if file.is_dir():
        raise UsageError(f"--dead-letter {file}: it is a directory", "name a file")
    if file.exists():
        if not os.access(file, os.W_OK):
            raise UsageError(f"--dead-letter {file}: it cannot be written", "name another file")
    elif not os.access(file.parent, os.W_OK):
        raise UsageError(f"--dead-letter {file}: it cannot be created", f"look at the folder {file.parent}")


def _write_whole(descriptor: int, line: bytes) -> None:
    """Write a line, or take back what went into a regular file before it was full; raises OSError."""
    written = 0
    try:
        while written < len(line):
            written += os.write(descriptor, line[written:])
    except OSError:
        if written and stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise


def _shown(data: bytes | None) -> str:
    if data is None:
        return "null"
    text = data.decode("utf-8", errors="backslashreplace")
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _fields(one: Undelivered) -> dict[str, Any]:
    fields = {
        **member("key", one.key),
        **member("value", one.value),
        "headers": header_items(one.headers or ()),
        "partition": one.partition,
        "timestamp": one.timestamp_ms,
        "error": one.reason,
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}
