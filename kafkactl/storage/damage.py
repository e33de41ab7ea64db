"""Damage in a segment: the fault of a batch, and the position of the next sound batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kafkactl.errors import FormatError
from kafkactl.storage.batch import HEADER_SIZE, MAGIC_POSITION, AnyBatch, read_batch_size
from kafkactl.storage.candidates import SMALLEST_BATCH, can_be_batch, has_fitting_content, is_followed
from kafkactl.storage.segment import Segment
from kafkactl.storage.source import LostBytesError

LARGEST_KNOWN_MAGIC = 2

_SEARCHED_BYTES = 32 * 1024
# The magic of a batch, recognized by the bytes around it. Behind magic 2 are a CRC and attributes, whose upper byte is
# not in use. Behind magic 0 and 1 are attributes, and before them a size, which is not zero.
_MAGIC = re.compile(rb"\x02(?=.{4}\x00[\x00-\x7f])|(?<!\x00{4}.{4})[\x00\x01](?=[\x00-\x0f])", re.DOTALL)
_NOT_ZERO = re.compile(rb"[^\x00]")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A damaged part of a segment, from `position` up to `end` (excluded), in bytes."""

    position: int
    end: int
    reason: str
    """Text for people: why the part is damaged."""
    is_skipped: bool = True
    """True where no batch was read from the part; False for a batch with a wrong CRC that was returned."""

    def __str__(self) -> str:
        """Return a text for people with position and reason: what was skipped, or which batch is kept."""
        if not self.is_skipped:
            return f"batch at position {self.position}: {self.reason}; it is kept"
        size = self.end - self.position
        return f"skipped {size} bytes from position {self.position} to {self.end}: {self.reason}"


def find_fault(batch: AnyBatch) -> str | None:
    """Return why a batch cannot be trusted, as text: an unknown magic or a wrong CRC. Return None for a sound batch.

    The records are not looked at.
    """
    if batch.magic > LARGEST_KNOWN_MAGIC:
        return f"unknown magic {batch.magic}"
    return None if batch.is_valid else "its CRC does not match"


def read_sound_batches(
    segment: Segment, position: int, on_damage: Callable[[Damage], None], keeps_bad_crc: bool = False
) -> Iterator[AnyBatch]:
    """Yield the batches with a known magic and a right CRC, from a position on, in the order of the file.

    Positions are in bytes from the start of the file, unpacked. `on_damage` is called with every damaged part before,
    between and after the batches. With `keeps_bad_crc` a batch with a wrong CRC is yielded, too, after a call with
    `is_skipped` False, where a sound batch or the end of the file follows it and it does not take in sound batches.
    Batches of forms that Kafka's clients and brokers do not write may count as damaged. Damage raises nothing. Raise
    LostBytesError (a FormatError) where the file cannot be read, and after the batches of a gzip file that is damaged
    or cut off.
    """
    end = segment.size_bytes
    while position < end:
        batch, reason = _read_batch_or_reason(segment, position)
        if batch is not None and reason is None:
            yield batch
            position += batch.size_bytes
            continue
        following = find_sound_batch(segment, position + 1)
        if batch is not None and _is_framed(segment, position) and not _takes_in_batches(segment, batch, following):
            following = position + batch.size_bytes
            if keeps_bad_crc and batch.magic <= LARGEST_KNOWN_MAGIC:
                on_damage(Damage(position=position, end=following, reason=str(reason), is_skipped=False))
                yield batch
                position = following
                continue
        on_damage(Damage(position=position, end=following, reason=str(reason)))
        position = following
    segment.require_complete()


def find_sound_batch(segment: Segment, position: int) -> int:
    """Return the first position from `position` on, in bytes, where a batch with a known magic and right CRC begins.

    Return the size of the file where no such batch is. Batches of forms that Kafka's clients and brokers do not write
    may be passed over. Raise LostBytesError (a FormatError) where the file cannot be read.
    """
    end = segment.size_bytes
    while end - position >= SMALLEST_BATCH:
        part = segment.view(position, _SEARCHED_BYTES)  # the view also has the bytes in memory after these ones
        first = _NOT_ZERO.search(part)  # whole pages of zeros are common after a crash
        if first is not None:
            for match in _MAGIC.finditer(part, max(MAGIC_POSITION, first.start())):
                candidate = position + match.start() - MAGIC_POSITION
                if _is_sound(segment, candidate):
                    return candidate
        if position + len(part) >= end:
            break
        position += len(part) - HEADER_SIZE
    return end


def _read_batch_or_reason(segment: Segment, position: int) -> tuple[AnyBatch | None, str | None]:
    """Return the batch at a position and its fault (None for a sound one), or no batch and why there is none.

    A large batch is read only where its content, or the bytes after it, show that its size is right. Raise
    LostBytesError where the file cannot be read.
    """
    try:
        if not is_followed(segment, position) and not has_fitting_content(segment, position):
            return None, "its content does not fit the size in its header"
        batch = segment.read_batch(position)
    except LostBytesError:
        raise
    except FormatError as error:
        return None, str(error).removeprefix(f"{segment.path}: ")
    if batch is None:
        return None, "the file ends inside the batch that begins there"
    return batch, find_fault(batch)


def _is_framed(segment: Segment, position: int) -> bool:
    """Return whether a sound batch follows the batch at a position, or the file ends there.

    Raise LostBytesError where the file cannot be read.
    """
    following = position + read_batch_size(segment.peek(position, HEADER_SIZE))
    return following == segment.size_bytes or _is_sound(segment, following)


def _takes_in_batches(segment: Segment, batch: AnyBatch, inner: int) -> bool:
    """Return whether the size in the header of a damaged batch takes in sound batches behind it, up to its end.

    The damaged batch has lost as many bytes then. `inner` is the first position behind its own where a sound batch
    begins. False for a message of the old formats, whose value may be bytes of batches; a value of a new batch never
    ends where the batch does. Raise LostBytesError where the file cannot be read.
    """
    end = batch.position + batch.size_bytes
    if batch.magic < LARGEST_KNOWN_MAGIC:
        return False
    while inner < end and _is_sound(segment, inner):
        inner += read_batch_size(segment.peek(inner, HEADER_SIZE))
        if inner == end:
            return True
    return False


def _is_sound(segment: Segment, position: int) -> bool:
    """Return whether a batch with a known magic and a right CRC begins at a position.

    False also for some forms that Kafka's clients and brokers do not write, such as more records than offsets. Few
    bytes are read where no batch can begin there. Raise LostBytesError where the file cannot be read.
    """
    if not can_be_batch(segment, position):
        return False
    batch, reason = _read_batch_or_reason(segment, position)
    return batch is not None and reason is None
