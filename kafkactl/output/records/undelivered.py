"""Records that were not acknowledged: a line each on stderr, or whole in a file that `--input json` reads."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kafkactl.errors import OperationError, UsageError
from kafkactl.output import people

if TYPE_CHECKING:
    from kafkactl.streams.producing import Undelivered

_SHOWN = 200


class Undelivereds:
    """Where they are told. A file is appended to, and is not there afterwards when nothing had to be kept."""

    def __init__(self, topic: str, file: Path | None) -> None:
        """Raises UsageError for a file that cannot be written, before anything is sent."""
        self._topic, self._path = topic, file
        self._file: BinaryIO | None = None
        if file is not None:
            try:
                self._file = file.open("ab")
            except OSError as error:
                raise UsageError(f"--dead-letter {file}: {error.strerror}") from error

    def tell(self, one: Undelivered) -> None:
        """One of them, at once."""
        if self._file is not None:
            self._file.write(json.dumps(_fields(one)).encode() + b"\n")
            self._file.flush()
        else:
            key = "no key" if one.key is None else f"key {_shown(one.key)}"
            people.error(
                OperationError(f"not delivered to {self._topic}: {key}, value {_shown(one.value)}: {one.reason}")
            )

    def __enter__(self) -> Undelivereds:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None or self._path is None:
            return
        is_empty = self._file.tell() == 0
        self._file.close()
        if is_empty:
            self._path.unlink(missing_ok=True)


def _shown(data: bytes | None) -> str:
    if data is None:
        return "null"
    text = data.decode("utf-8", errors="backslashreplace")
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _fields(one: Undelivered) -> dict[str, Any]:
    fields = {
        **_packed("key", one.key),
        **_packed("value", one.value),
        "headers": [
            [name, None if value is None else value.decode("utf-8", "surrogateescape")]
            for name, value in one.headers or ()
        ],
        "partition": one.partition,
        "timestamp": one.timestamp_ms,
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _packed(name: str, data: bytes | None) -> dict[str, str]:
    if data is None:
        return {}
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}
