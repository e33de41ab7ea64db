"""Requests that a broker could not serve at that moment are sent again within the time-out, through either library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Cli
from tests.fake_broker import FakeBroker, Group

NOT_COORDINATOR, NOT_CONTROLLER, NOT_LEADER, THROTTLED, LOADING = 16, 41, 6, 89, 14
REQUEST_TIMED_OUT = 7

REQUESTS = {
    "ListPartitionReassignments": (["topics", "describe", "orders", "-o", "kafka"], NOT_CONTROLLER),
    "CreateTopics": (["topics", "create", "new"], NOT_CONTROLLER),
    "DeleteTopics": (["topics", "delete", "orders", "--yes"], NOT_CONTROLLER),
    "CreatePartitions": (["topics", "alter", "orders", "-p", "7"], THROTTLED),
    "DeleteGroups": (["groups", "delete", "billing", "--yes"], NOT_COORDINATOR),
    "DescribeGroups": (["groups", "describe", "live", "--members"], LOADING),
    "ListGroups": (["groups", "list"], LOADING),
    "ListOffsets": (["offsets", "orders"], NOT_LEADER),
    "DeleteRecords": (["records", "delete", "orders", "--all", "--yes"], NOT_LEADER),
    "OffsetCommit": (
        ["groups", "reset-offsets", "billing", "--topic", "orders", "--to-earliest", "--execute"],
        NOT_COORDINATOR,
    ),
    "AlterClientQuotas": (["quotas", "set", "--user", "ann", "producer_byte_rate=5"], NOT_CONTROLLER),
    "AlterUserScramCredentials": (["users", "set", "ann", "--password-file", "-"], NOT_CONTROLLER),
    "OffsetDelete": (["groups", "delete-offsets", "billing", "--topic", "orders", "--yes"], NOT_COORDINATOR),
    "IncrementalAlterConfigs": (["configs", "alter", "topics", "orders", "--set", "flush.ms=5"], NOT_CONTROLLER),
}


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    groups = [Group("billing", offsets={("orders", 0): 0}), Group("live", state="Stable")]
    with FakeBroker(topics={"orders": 3}, groups=groups) as broker:
        yield broker


@pytest.mark.parametrize("api", REQUESTS)
def test_a_transient_error_passes(api: str, cli: Cli, broker: FakeBroker) -> None:
    arguments, code = REQUESTS[api]
    behaviour = broker.on(api, error=code, times=2)
    done = cli("-b", broker.address, "--timeout", "8s", *arguments, input="secret\n", check=0)
    assert "error" not in done.stderr
    assert behaviour.hits == 2
    assert len(broker.requests_of(api)) >= 3


@pytest.mark.parametrize("api", REQUESTS)
def test_an_error_that_lasts_ends_with_the_time_out(api: str, cli: Cli, broker: FakeBroker) -> None:
    arguments, code = REQUESTS[api]
    broker.on(api, error=code)
    done = cli("-b", broker.address, "--timeout", "300ms", *arguments, input="secret\n")
    assert done.returncode in (1, 3), done.stderr
    assert "this is a bug" not in done.stderr
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "api",
    [
        name
        for name in REQUESTS
        if name not in ("DescribeGroups", "ListGroups", "ListOffsets", "ListPartitionReassignments")
    ],
)
def test_a_change_whose_outcome_is_unknown_is_sent_once(api: str, cli: Cli, broker: FakeBroker) -> None:
    arguments, _ = REQUESTS[api]
    broker.on(api, error=REQUEST_TIMED_OUT)
    done = cli("-b", broker.address, "--timeout", "2s", *arguments, input="secret\n")
    assert done.returncode != 0
    assert len(broker.requests_of(api)) == 1
