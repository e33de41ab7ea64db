"""Deletion of records while new ones come: what the preview shows is what goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pytest

from kafkactl.admin import offsets
from kafkactl.admin.offsets import PartitionOffset
from kafkactl.cli import records
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import SpecialOffset
from tests.conftest import Cli
from tests.fake_broker import FakeBroker

MOMENT_MS = 1_700_000_000_000


@pytest.mark.parametrize("which", [["--all"], ["--before-time", "2100-01-01"]])
def test_a_deletion_ends_at_the_offset_of_its_preview(cli: Cli, which: list[str]) -> None:
    with FakeBroker(topics={"orders": 1}) as broker:
        partition = broker.state.partition("orders", 0)
        assert partition is not None
        partition.end = 5
        cli.ok("-b", broker.address, "records", "delete", "orders", *which, "--yes")
        (request,) = broker.requests_of("DeleteRecords")
    assert request.fields["topics"][0]["partitions"][0]["offset"] == 5


def test_a_record_that_comes_between_two_answers_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    log = [MOMENT_MS - 2, MOMENT_MS - 1]

    def find_offsets(_cluster: object, partitions: Iterable[tuple[str, int]], at: int) -> list[PartitionOffset]:
        found = len(log) if at == SpecialOffset.LATEST else next((n for n, ms in enumerate(log) if ms >= at), None)
        log.append(MOMENT_MS)
        return [PartitionOffset(*partition, found, None) for partition in partitions]

    monkeypatch.setattr(offsets, "find_offsets", find_offsets)
    cluster = cast(Cluster, None)
    assert records._find_kept_offsets(cluster, [("orders", 0)], None, MOMENT_MS) == {("orders", 0): 2}
    log[:] = [MOMENT_MS - 2]
    assert records._find_kept_offsets(cluster, [("orders", 0)], None, MOMENT_MS + 1) == {("orders", 0): 1}
