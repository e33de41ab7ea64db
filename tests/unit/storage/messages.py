"""Messages of a layout with random fields, as bytes: written by the text of KIP-482, apart from the reader."""

from __future__ import annotations

import struct
from random import Random

from kafkactl.storage.schema import Field, Layout

NUMBERS = {"int8": "b", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q"}
TEXTS = ["", "a", "orders", "값", 'quote " and \\', "tab\t, bell\x07", "x" * 200]
DOUBLES = [0.0, 1.0, 1024.0, 1048576.0, 1e7, 12345678.9, 0.001, 0.00012, 1e-10, -2.5, 1e300, float("inf"), float("nan")]


def unsigned_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def encode_message(layout: Layout, version: int, random: Random) -> bytes:
    """The message, without what stands before it."""
    return _struct(layout.fields, version, version in layout.flexible, random)


def _struct(fields: tuple[Field, ...], version: int, flexible: bool, random: Random) -> bytes:
    present = [field for field in fields if version in field.versions]
    out = b"".join(_field(field, version, flexible, random) for field in present if field.tag is None or not flexible)
    if not flexible:
        return out
    tagged = [field for field in present if field.tag is not None and random.random() < 0.7]
    entries = [(field.tag or 0, _field(field, version, flexible, random)) for field in tagged]
    if random.random() < 0.1:
        entries.append((99, b"unknown"))
    tags = b"".join(
        unsigned_varint(tag) + unsigned_varint(len(data)) + data for tag, data in sorted(entries, key=lambda e: e[0])
    )
    return out + unsigned_varint(len(entries)) + tags


def _field(field: Field, version: int, flexible: bool, random: Random) -> bytes:
    null = version in field.nullable and random.random() < 0.3
    if not field.many:
        return _value(field, version, flexible, random, null)
    count = -1 if null else random.randrange(3)
    head = unsigned_varint(count + 1) if flexible else struct.pack(">i", count)
    return head + b"".join(_value(field, version, flexible, random, False) for _ in range(max(0, count)))


def _value(field: Field, version: int, flexible: bool, random: Random, null: bool) -> bytes:
    if field.type in NUMBERS:
        layout = NUMBERS[field.type]
        small = random.random() < 0.7
        return struct.pack(f">{layout}", random.randrange(100)) if small else random.randbytes(struct.calcsize(layout))
    if field.type == "bool":
        return random.choice([b"\0", b"\1"])
    if field.type == "float64":
        return struct.pack(">d", random.choice(DOUBLES))
    if field.type == "uuid":
        return random.choice([bytes(16), random.randbytes(16)])
    if field.type in ("string", "bytes"):
        if field.type == "string":
            data = random.choice(TEXTS).encode()
        else:
            data = _protocol(random) if random.random() < 0.3 else random.randbytes(7)
        size = -1 if null else len(data)
        layout = ">h" if field.type == "string" else ">i"
        return (unsigned_varint(size + 1) if flexible else struct.pack(layout, size)) + (b"" if null else data)
    if version in field.nullable and not field.many:
        mark = (b"\0" if null else b"\1") if field.tag is not None else (b"\xff" if null else b"\1")
        return mark + (b"" if null else _struct(field.fields, version, flexible, random))
    return _struct(field.fields, version, flexible, random)


def _protocol(random: Random) -> bytes:
    """What a classic member's subscription or assignment may hold."""
    from kafkactl.storage.schema import load_layouts

    layout, version = random.choice(load_layouts("consumer_protocol")), random.randrange(4)
    return struct.pack(">h", version) + encode_message(layout, version, random)
