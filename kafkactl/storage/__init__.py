"""Reader of the files that a broker leaves on disk, without writing and without a network.

docs/storage.md shows how to use it from Python.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafkactl.storage.batch import Batch as Batch
    from kafkactl.storage.index import OffsetIndex as OffsetIndex
    from kafkactl.storage.index import TimeIndex as TimeIndex
    from kafkactl.storage.records import Record as Record
    from kafkactl.storage.segment import Segment as Segment
    from kafkactl.storage.selecting import select as select
    from kafkactl.storage.selection import Selection as Selection

# Modules are loaded at their first use, because `kafkactl --version` needs only the name of the reader.
_HOMES = {
    "Batch": "batch",
    "OffsetIndex": "index",
    "Record": "records",
    "Segment": "segment",
    "Selection": "selection",
    "TimeIndex": "index",
    "select": "selecting",
}


def __getattr__(name: str) -> Any:
    """Return the class or function of the public interface with this name, and load its module.

    The names are Batch, OffsetIndex, Record, Segment, Selection, TimeIndex and select. Raise AttributeError for others.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
