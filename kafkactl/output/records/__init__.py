"""Records as text: the forms that console-consumer prints, and lines that could not be delivered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafkactl.streams.record import PlainLine


class RecordWriter(ABC):
    """Turns one record after the other into bytes for stdout."""

    head = b""
    """What comes before the first."""
    plain: PlainLine | None = None
    """Says the same where that is bytes as they are: then records need not become objects first."""

    @abstractmethod
    def write(self, message: Any) -> bytes:
        """One record; raises FormatError for bytes that are not of its format."""

    def write_all(self, messages: Sequence[Any]) -> bytes:
        """Many of them."""
        return b"".join(map(self.write, messages))
