"""Preparation of the process before it runs a command.

It must be fast, because every command waits for it.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import Any

from kafkactl import stdout


def prepare_process() -> None:
    """Take over stdout, delay the import of asyncio, and make the garbage collector run less often.

    Raise OSError where a standard descriptor is closed and no file can be opened in its place.
    """
    stdout.take_over_stdout()
    put_off("asyncio")  # 20 ms, for clients of confluent_kafka that are not ours
    # There are few cycles, and the search for them takes a tenth of the time of a command with many results.
    gc.set_threshold(50_000, 20, 100)


def put_off(module: str) -> None:
    """Delay the import of a module until one of its attributes is read; do nothing for an imported module.

    The name of a missing module is not refused: reading the attribute raises ImportError. importlib.util.LazyLoader is
    no replacement: a second `import` of a delayed module loads it.
    """
    if module not in sys.modules:
        sys.modules[module] = _PutOff(module)


class _PutOff(ModuleType):
    """A module that is not imported yet."""

    def __getattr__(self, name: str) -> Any:
        """Import the module and return its attribute. Raise ImportError or AttributeError as for the module itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)
