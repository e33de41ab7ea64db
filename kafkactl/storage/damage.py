"""Damage in a segment: what is wrong with a batch, and where the next sound batch begins behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kafkactl.errors import FormatError
from kafkactl.storage.batch import HEADER_SIZE, MAGIC_POSITION, AnyBatch, size_of_batch
from kafkactl.storage.candidates import SMALLEST_BATCH, can_be_batch, content_fits, is_followed
from kafkactl.storage.segment import Segment
from kafkactl.storage.source import LostBytesError

LARGEST_KNOWN_MAGIC = 2

_SEARCHED_BYTES = 32 * 1024
# The magic of a batch, told by what is around it: magic 2 has a CRC and attributes behind it, of which the upper byte
# is not in use; magic 0 and 1 have attributes behind and a size before them, which is not zero.
_MAGIC = re.compile(rb"\x02(?=.{4}\x00[\x00-\x7f])|(?<!\x00{4}.{4})[\x00\x01](?=[\x00-\x0f])", re.DOTALL)
_NOT_ZERO = re.compile(rb"[^\x00]")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A part of a segment that is damaged; positions in bytes."""

    position: int
    end: int
    reason: str
    is_skipped: bool = True
    """Whether nothing was read from it; else it is a batch that was kept."""

    def __str__(self) -> str:
        if not self.is_skipped:
            return f"batch at position {self.position}: {self.reason}; it is kept"
        size = self.end - self.position
        return f"skipped {size} bytes from position {self.position} to {self.end}: {self.reason}"


def fault_of(batch: AnyBatch) -> str | None:
    """Return why a batch cannot be trusted, or None."""
    if batch.magic > LARGEST_KNOWN_MAGIC:
        return f"unknown magic {batch.magic}"
    return None if batch.is_valid else "its CRC does not match"


def sound_batches(
    segment: Segment, position: int, on_damage: Callable[[Damage], None], keeps_bad_crc: bool = False
) -> Iterator[AnyBatch]:
    """Yield the batches whose CRC is right, from a position on; what lies between them is given to `on_damage`.

    With `keeps_bad_crc` batches with another CRC are yielded, too, where a sound batch or the end follows them.
    Raises FormatError where the file cannot be read.
    """
    end = segment.size_bytes
    while position < end:
        batch, reason = _batch_or_reason(segment, position)
        if batch is not None and reason is None:
            yield batch
            position += batch.size_bytes
            continue
        if batch is None or not _is_framed(segment, position):
            following = find_sound_batch(segment, position + 1)
        else:
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
    """Return the first position from this one on where a batch with a right CRC begins; the file's end without one."""
    end = segment.size_bytes
    while end - position >= SMALLEST_BATCH:
        part = segment.view(position, _SEARCHED_BYTES)  # what is in memory behind them comes with them
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


def _batch_or_reason(segment: Segment, position: int) -> tuple[AnyBatch | None, str | None]:
    """Return the batch at a position and what is wrong with it; without a batch, why there is none.

    A large batch is read only where its content or what follows it shows that its size is right.
    """
    try:
        if not is_followed(segment, position) and not content_fits(segment, position):
            return None, "its content does not fit the size in its header"
        batch = segment.batch_at(position)
    except LostBytesError:
        raise
    except FormatError as error:
        return None, str(error).removeprefix(f"{segment.path}: ")
    if batch is None:
        return None, "the file ends inside the batch that begins there"
    return batch, fault_of(batch)


def _is_framed(segment: Segment, position: int) -> bool:
    """Return whether a sound batch follows the batch at a position, or the file ends there."""
    following = position + size_of_batch(segment.peek(position, HEADER_SIZE))
    return following == segment.size_bytes or _is_sound(segment, following)


def _is_sound(segment: Segment, position: int) -> bool:
    """Return whether a batch with a right CRC begins at a position. Reads no more than needed to say no."""
    if not can_be_batch(segment, position):
        return False
    batch, reason = _batch_or_reason(segment, position)
    return batch is not None and reason is None
