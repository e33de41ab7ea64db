"""The id of a broker that does not exist: one line names it, and the status is 1 in every command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Cli
from tests.fake_broker import FakeCluster, Topic, placed

LINES = [
    "brokers describe 99",
    "brokers api-versions 99",
    "brokers unregister 99 --yes",
    "brokers drain 99 orders --yes",
    "log-dirs list --brokers 99",
    "log-dirs replicas --brokers 99",
    "log-dirs move orders --broker 99 --to /disk2 --yes",
    "reassign generate orders --brokers 99",
    "features describe --node-id 99",
    "transactions producers orders --broker 99",
    "transactions find-hanging --broker 99",
    "transactions find-hanging orders --broker 99",
    "configs describe brokers 99",
    "configs alter brokers 99 --set log.cleaner.threads=2",
    "configs alter broker-loggers 99 --set root=INFO",
    "configs diff brokers 99",
]


@pytest.fixture(scope="module")
def brokers() -> Iterator[FakeCluster]:
    with FakeCluster(brokers=2, topics={"orders": 2}) as brokers:
        yield brokers


@pytest.mark.parametrize("line", LINES)
def test_it_is_named_and_the_status_is_1(line: str, brokers: FakeCluster, cli: Cli) -> None:
    done = cli("-b", brokers.address, *line.split(), check=1)
    errors = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert "99" in errors[0]
    assert done.stdout == ""


@pytest.mark.parametrize("line", ["log-dirs list", "log-dirs replicas", "brokers api-versions", "brokers balance"])
def test_what_is_left_out_for_a_broker_that_is_not_alive_is_said(line: str, cli: Cli) -> None:
    topic = Topic("orders", [placed([1, 2])])
    with FakeCluster(brokers=2, topics=[topic]) as brokers:
        brokers.state.brokers[2].fenced = True
        told = cli("-b", brokers.address, *line.split(), check=0).stderr
        assert "warning: broker 2 is not alive" in told
