"""Bytes of a record as fields of structured output: text where the bytes are UTF-8, base64 elsewhere.

`produce --input json` reads these fields back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from kafkactl.serde.formats import STRING, Format
from kafkactl.storage.text import name_bytes

BASE64_SUFFIX = "_base64"


def encode_field(name: str, data: bytes | None, format: Format | None = None) -> dict[str, str | None]:
    """Return bytes as a dict of one field: `name`, or NAME_base64 for bytes that are not UTF-8.

    Data of None give None. With a `format` other than string the field is always `name`, with the format's text. Raise
    FormatError for bytes that this format cannot read, OperationError where no temporary file can be made or a schema
    registry refuses, UnreachableError where it refuses the login or does not answer.
    """
    if data is None:
        return {name: None}
    if format is not None and format.name != STRING:
        return {name: format.to_text(data)}
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {name + BASE64_SUFFIX: base64.b64encode(data).decode()}


def encode_headers(headers: Iterable[tuple[str | bytes, bytes | None]]) -> list[Any]:
    """Return headers, in their order, as pairs [name, value], or as objects with name and value.

    Both are text. An object is used where one of both is not UTF-8, which is name_base64 or value_base64 in place of
    name or value. An absent value is None. Raise UnicodeEncodeError for a name with a lone surrogate that stands for no
    byte.
    """
    items: list[Any] = []
    for name, value in headers:
        fields = {**encode_field("name", name_bytes(name)), **encode_field("value", value)}
        items.append([fields["name"], fields["value"]] if fields.keys() == {"name", "value"} else fields)
    return items
