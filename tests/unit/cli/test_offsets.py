"""The command offsets: both ends of each log, and the records per second."""

from __future__ import annotations

import json

from tests.conftest import Cli
from tests.fake_broker import FakeBroker


def test_an_error_of_the_first_reading_is_told(cli: Cli) -> None:
    """Without it the rate is empty, and nobody knew why."""
    with FakeBroker(topics={"orders": 2}) as broker:
        broker.on("ListOffsets", item=("orders", 1), error=29, times=2)
        done = cli("-b", broker.address, "offsets", "orders", "--rate", "1ms", "-o", "json", check=1)
    rows = json.loads(done.stdout)
    assert [row["per_second"] is None for row in rows] == [False, True]
    assert [row["end"] for row in rows] == [0, 0]
    assert "orders-1" in done.stderr


def test_a_cluster_without_topics(cli: Cli) -> None:
    with FakeBroker() as broker:
        for flags in ((), ("--count",), ("--rate", "1ms")):
            assert cli.ok("-b", broker.address, "offsets", *flags, "-o", "json").strip() == "[]"
            assert "IndexError" not in cli("-b", broker.address, "offsets", *flags, check=0).stderr
