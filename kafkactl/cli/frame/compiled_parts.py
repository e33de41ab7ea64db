"""Which compiled parts of kafkactl are in use on this machine."""

from __future__ import annotations

from importlib.util import find_spec

_READERS = {"record reader": "kafkactl.storage._records", "record lines": "kafkactl.dump._record_lines"}
_STREAMS = {"line receiver": "_line_receiver", "line sender": "_line_sender"}
MODULES = (*_READERS.values(), *_STREAMS.values())
"""Modules of the compiled parts."""


def find_parts() -> dict[str, bool]:
    """Return for each part, by its name, whether the compiled one is in use instead of the one in Python.

    The names are record reader, record lines, line receiver and line sender. The first two are off where the record
    reader was not compiled, and with KAFKACTL_READER=pure when it is imported. KAFKACTL_STREAMS=pure turns the others
    off.
    """
    from kafkactl.storage import readers
    from kafkactl.streams.librdkafka import load_compiled

    is_pure = readers.NAME != "compiled"
    parts = {name: not is_pure and find_spec(module) is not None for name, module in _READERS.items()}
    return parts | {name: load_compiled(module) is not None for name, module in _STREAMS.items()}


def describe() -> str:
    """Return the parts as words, such as "compiled: record reader; in Python: line sender".

    A kind without parts is left out.
    """
    parts = find_parts()
    groups = {
        "compiled": [name for name, is_compiled in parts.items() if is_compiled],
        "in Python": [name for name, is_compiled in parts.items() if not is_compiled],
    }
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in groups.items() if names)
