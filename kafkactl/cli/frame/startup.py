"""What a process does before it runs a command.

Nothing here may take long: every command pays for it.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import Any

from kafkactl import stdout


def prepare_process() -> None:
    """Take over stdout, put off what is imported for nothing, and look for cycles less often."""
    stdout.take_over_stdout()
    put_off("asyncio")  # 20 ms, for clients of confluent_kafka that are not ours
    # Nothing makes cycles by the thousand, and to look for them takes a tenth of a command with many results.
    gc.set_threshold(50_000, 20, 100)


def put_off(module: str) -> None:
    """Let `import module` cost nothing; whoever asks it for anything gets the real one.

    importlib.util.LazyLoader does not do: a second `import` of what it holds back loads it.
    """
    if module not in sys.modules:
        sys.modules[module] = _PutOff(module)


class _PutOff(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)
