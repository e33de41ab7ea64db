"""A record's bytes as members of structured output: text where it is exact, and base64 where no text is.

`produce --input json` reads the same bytes back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from kafkactl.serde.formats import STRING, Format
from kafkactl.storage.text import name_bytes

BASE64_SUFFIX = "_base64"


def member(name: str, data: bytes | None, format: Format | None = None) -> dict[str, str | None]:
    """Return bytes under a name; under NAME_base64 where they are to be text and are not UTF-8.

    Raises FormatError for bytes that are not of another format.
    """
    if data is None:
        return {name: None}
    if format is not None and format.name != STRING:
        return {name: format.to_text(data)}
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {name + BASE64_SUFFIX: base64.b64encode(data).decode()}


def header_items(headers: Iterable[tuple[str | bytes, bytes | None]]) -> list[Any]:
    """Return headers as pairs [name, value]; as an object with name and value where one of them is not UTF-8."""
    items: list[Any] = []
    for name, value in headers:
        fields = {**member("name", name_bytes(name)), **member("value", value)}
        items.append([fields["name"], fields["value"]] if fields.keys() == {"name", "value"} else fields)
    return items
