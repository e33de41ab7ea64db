"""Headers with names that are not UTF-8."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError
from kafkactl.streams import headers
from tests.unit.streams.messages import Message


def test_only_names_that_are_not_utf8_are_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others stay text: the header with a schema's id is found by its text."""
    record = SimpleNamespace(offset=0, headers=[("id", b"1"), ("\udcff", None)])
    batch = SimpleNamespace(last_offset=0, size_bytes=1, records=lambda: [record])
    monkeypatch.setattr(headers, "parse_batch", lambda _data, position: None if position else batch)
    cluster = SimpleNamespace(requests=SimpleNamespace(fetch=lambda *_: b""))
    read = headers.make_header_reader(cast("Cluster", cluster))
    assert read(Message(offset=0)) == [("id", b"1"), (b"\xff", None)]
    with pytest.raises(OperationError, match="the record is gone"):
        read(Message(offset=42))
