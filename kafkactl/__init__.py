"""kafkactl: Apache Kafka operations from the command line and from Python, without a JVM.

The names of __all__ are the public interface; docs/python.md shows them. They are imported when they are first used, so
that a command does not pay for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafkactl.client import Client, ConsumedRecord, Delivery, connect
    from kafkactl.errors import KafkactlError
    from kafkactl.storage.segment import Segment

__version__ = "0.1.0"
__all__ = ["Client", "ConsumedRecord", "Delivery", "KafkactlError", "Segment", "connect"]

_HOMES = {
    "Client": "client",
    "ConsumedRecord": "client",
    "Delivery": "client",
    "KafkactlError": "errors",
    "Segment": "storage.segment",
    "connect": "client",
}


def __getattr__(name: str) -> Any:
    """Import and return the object of a name in __all__. Raise AttributeError for any other name."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
