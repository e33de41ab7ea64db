"""Properties NAME=VALUE of Kafka's console tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from kafkactl.connection.properties import read
from kafkactl.connection.settings import parse_assignment
from kafkactl.errors import UsageError

_REGISTRY_OPTIONS = {
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
"""Options of this program for properties of Confluent's console tools."""


def read_properties(file: Path | None, texts: Iterable[str] | None) -> dict[str, str]:
    """Return the properties of a .properties file, overridden by those of NAME=VALUE texts; None means none of them.

    Names are not checked. The escapes of the file are replaced, those of the texts are not. Blanks around the name of a
    text are removed, those of its value stay. Raise UsageError for a file that cannot be read, is not UTF-8 or has a
    malformed escape, and for a text without an equals sign or a name. The last of equal names counts.
    """
    properties = read(file) if file is not None else {}
    properties.update(parse_assignment(text, "--property") for text in texts or ())
    return properties


def fill_defaults(properties: Mapping[str, str], defaults: Mapping[str, str], owner: str) -> dict[str, str]:
    """Return all properties of `defaults`, with the given values, whose escapes are replaced.

    `owner` names the reader or formatter in the error. Raise UsageError for a property that is not in `defaults`.
    Values are not checked.
    """
    unknown = sorted(set(properties) - set(defaults))
    if unknown:
        if unknown[0] in _REGISTRY_OPTIONS:
            raise UsageError(
                f"--property {unknown[0]}: kafkactl has an option for it", f"use {_REGISTRY_OPTIONS[unknown[0]]}"
            )
        near = get_close_matches(unknown[0], defaults, 1)
        nearest = f"the nearest name is {near[0]}; " if near else ""
        hint = f"{nearest}use one of {', '.join(defaults)}"
        raise UsageError(f"--property {unknown[0]}: unknown property of the {owner}", hint)
    return {**defaults, **{name: unescape(value) for name, value in properties.items()}}


def is_true(settings: Mapping[str, str], name: str) -> bool:
    """Return the property with a name as a boolean; case and blanks around it do not count.

    Raise UsageError for a value other than true and false, and KeyError for a missing name.
    """
    value = settings[name].strip().lower()
    if value not in ("true", "false"):
        raise UsageError(f"invalid value {settings[name]!r} for --property {name}: not true or false")
    return value == "true"


_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\"}


def unescape(text: str) -> str:
    r"""Return text with \t, \n, \r, \0, \xHH and \\ replaced by their characters, because shells do not replace them.

    \xHH is the character U+00HH, and no byte. An unknown or incomplete escape stays unchanged.
    """
    parts, position = [], 0
    while (at := text.find("\\", position)) >= 0 and at + 1 < len(text):
        parts.append(text[position:at])
        mark = text[at + 1]
        digits = text[at + 2 : at + 4]
        if mark == "x" and len(digits) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            parts.append(chr(int(digits, 16)))
            position = at + 4
        else:
            parts.append(_ESCAPES.get(mark, f"\\{mark}"))
            position = at + 2
    return "".join([*parts, text[position:]])
