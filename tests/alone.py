"""One at a time among the processes of a run, and of runs beside it."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone() -> Iterator[None]:
    """Where two would take the same: a free port, or jars that are not there yet."""
    with Path(tempfile.gettempdir(), "kafkactl-tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
