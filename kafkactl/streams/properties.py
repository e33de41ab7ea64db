"""The name=value properties of Kafka's console tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from kafkactl.connection.properties import read
from kafkactl.connection.settings import parse_assignment
from kafkactl.errors import UsageError

_OF_REGISTRIES = {
    "schema.registry.url": "--schema-registry URL",
    "key.schema": "--key-format avro --key-schema FILE",
    "value.schema": "--value-format avro --value-schema FILE",
    "key.schema.file": "--key-format avro --key-schema FILE",
    "value.schema.file": "--value-format avro --value-schema FILE",
    "key.schema.id": "--key-format registry --key-schema-id N",
    "value.schema.id": "--value-format registry --value-schema-id N",
    "auto.register": "--no-register",
    "basic.auth.credentials.source": "schema.registry.basic.auth.user.info, in a context or a file of client settings",
    "basic.auth.user.info": "schema.registry.basic.auth.user.info, in a context or a file of client settings",
}
"""What Confluent's console tools take as properties, and what it is called here."""


def said(file: Path | None, texts: Iterable[str] | None) -> dict[str, str]:
    """What a .properties file says, and above it name=value texts; raises UsageError."""
    found = read(file) if file is not None else {}
    found.update(parse_assignment(text, "--property") for text in texts or ())
    return found


def settled(properties: Mapping[str, str], defaults: Mapping[str, str], what: str) -> dict[str, str]:
    """All properties with what was said, escapes resolved; raises UsageError for one that `what` does not have."""
    unknown = sorted(set(properties) - set(defaults))
    if unknown:
        if unknown[0] in _OF_REGISTRIES:
            raise UsageError(f"--property {unknown[0]}: it is a flag here", _OF_REGISTRIES[unknown[0]])
        near = get_close_matches(unknown[0], defaults, 1)
        nearest = f"the nearest is {near[0]}; " if near else ""
        hint = f"{nearest}it has: {', '.join(defaults)}"
        raise UsageError(f"--property {unknown[0]}: the {what} has no such property", hint)
    return {**defaults, **{name: unescape(value) for name, value in properties.items()}}


def is_true(settings: Mapping[str, str], name: str) -> bool:
    """A property as a truth value; raises UsageError."""
    value = settings[name].strip().lower()
    if value not in ("true", "false"):
        raise UsageError(f"--property {name}={settings[name]}: true or false")
    return value == "true"


_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\"}


def unescape(text: str) -> str:
    """\\t, \\n, \\r, \\0, \\xHH and \\\\ as the characters they stand for: shells hand them on unread."""
    found, position = [], 0
    while (at := text.find("\\", position)) >= 0 and at + 1 < len(text):
        found.append(text[position:at])
        mark = text[at + 1]
        digits = text[at + 2 : at + 4]
        if mark == "x" and len(digits) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            found.append(chr(int(digits, 16)))
            position = at + 4
        else:
            found.append(_ESCAPES.get(mark, f"\\{mark}"))
            position = at + 2
    return "".join([*found, text[position:]])
