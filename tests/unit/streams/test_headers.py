"""Headers with names that are not UTF-8."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from kafkactl.connection.cluster import Cluster
from kafkactl.connection.requests import Requests
from kafkactl.connection.settings import Settings
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


def test_a_broker_that_throttles_the_client_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a client's quota its answer to Fetch has no topic."""
    partition = SimpleNamespace(partition_index=0, leader_id=1)
    topic = SimpleNamespace(name="t", error_code=0, topic_id=None, partitions=[partition])
    throttled = SimpleNamespace(responses=[])
    full = SimpleNamespace(responses=[SimpleNamespace(partitions=[SimpleNamespace(error_code=0, records=b"batch")])])
    answers = [throttled, full]
    requests = Requests(Cluster(Settings("127.0.0.1:1", "test", timeout_s=0.5)))
    monkeypatch.setattr(requests, "read_metadata", lambda _names: [topic])
    monkeypatch.setattr(requests, "send", lambda *_, **__: answers.pop(0) if answers else throttled)
    assert requests.fetch("t", 0, 0) == b"batch"
    with pytest.raises(OperationError, match="cannot read t-0: the quota of this client is used up"):
        requests.fetch("t", 0, 0)
