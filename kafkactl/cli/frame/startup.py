"""Modules that libraries import at their top and we never call: loaded when something of them is used, if ever.

`importlib.util.LazyLoader` does not do here: a second `import` of what it holds back loads it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def put_off(module: str) -> None:
    """Lets `import module` cost nothing; whoever asks it for anything gets the real one."""
    if module not in sys.modules:
        sys.modules[module] = _Later(module)
