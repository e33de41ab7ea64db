"""Records as text: the forms that console-consumer prints, and records that could not be delivered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafkactl.streams.record import PlainLine


class RecordWriter(ABC):
    """Writer that turns records, one after the other, into bytes for stdout."""

    head = b""
    """Bytes before the first record."""
    plain: PlainLine | None = None
    """Separators with which records can be written as they are, without an object for each record; None elsewhere."""

    @abstractmethod
    def write(self, message: Any) -> bytes:
        """Return the bytes of one record, a message of confluent_kafka; nothing is written here.

        A schema is requested from its registry, and headers with a name that is not UTF-8 are read again from the
        broker. Raise FormatError for a key, value or header that its format cannot read, OperationError where no
        temporary file can be made or a schema registry refuses, UnreachableError where it refuses the login or does not
        answer, and KafkactlError for headers that cannot be read.
        """

    def write_all(self, messages: Sequence[Any]) -> bytes:
        """Return the bytes of many records, in their order; where one raises an error, nothing is returned.

        Raise FormatError for a key, value or header that its format cannot read, OperationError where no temporary file
        can be made or a schema registry refuses, UnreachableError where it refuses the login or does not answer, and
        KafkactlError for headers that cannot be read.
        """
        return b"".join(map(self.write, messages))
