"""Damage done to files at random: bytes changed, lost, added, swapped, and numbers replaced by the dangerous ones."""

from __future__ import annotations

import struct
from random import Random

NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 13, 14, 49, 60, 61, 2**16, 2**24]
BYTES = [0, 1, 2, 3, 4, 7, 0x10, 0x20, 0x40, 0x7F, 0x80, 0xFF]


def mutate(data: bytes, random: Random, others: list[bytes]) -> bytes:
    """The same with one to eight damages; some take bytes from other files."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        if not changed:
            return bytes(changed)
        # Headers are where damage matters most.
        position = random.randrange(min(len(changed), random.choice((32, 80, 400, len(changed)))))
        match random.randrange(9):
            case 0:
                del changed[position:]
            case 1:
                changed[position:position] = random.randbytes(random.randrange(1, 12))
            case 2:
                del changed[position : position + random.randrange(1, 40)]
            case 3:
                changed[position : position + 4] = struct.pack(">i", random.choice(NUMBERS))
            case 4:
                changed[position : position + 8] = struct.pack(">q", random.choice(NUMBERS))
            case 5:
                changed[position] ^= 1 << random.randrange(8)
            case 6:
                other = random.choice(others)
                start = random.randrange(len(other) or 1)
                changed[position : position + 60] = other[start : start + 60]
            case 7:
                changed[position:] = bytes(len(changed) - position)
            case _:
                changed[position] = random.choice(BYTES)
    return bytes(changed)
