"""Find where a file holds nothing but zeros: padding of an index, or what a machine that stopped left of a log."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_READ_BYTES = 64 * 1024


def has_data(path: Path, position: int) -> bool:
    """Return whether a file has another byte than zero from a position on; holes of sparse files are passed over."""
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        while position < size:
            if hasattr(os, "SEEK_DATA"):
                position = os.lseek(file.fileno(), position, os.SEEK_DATA)  # an error where only holes follow
            file.seek(position)
            data = file.read(_READ_BYTES)
            if data.strip(b"\0"):
                return True
            position += len(data) or size
    return False
