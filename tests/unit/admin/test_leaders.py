from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kafkactl.admin import leaders
from kafkactl.admin.leaders import ElectionType
from kafkactl.errors import UsageError
from kafkactl.output.kafka import leaders_text
from tests.conftest import Cli
from tests.fake_broker import FakeBroker, Partition, Topic


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"partitions": {}}',
        '{"partitions": [5]}',
        '{"partitions": [{"topic": "a"}]}',
        '{"partitions": [{"topic": "", "partition": 0}]}',
        '{"partitions": [{"topic": "a\\u0000", "partition": 0}]}',
        '{"partitions": [{"topic": "a", "partition": -1}]}',
        '{"partitions": [{"topic": "a", "partition": true}]}',
        '{"partitions": [{"topic": "a", "partition": 0}, {"topic": "a", "partition": 0}]}',
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str) -> None:
    file = tmp_path / "partitions.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"partitions\.json"):
        leaders.read_election_file(file)


def make_election(partition: int, *, elected: bool = False, code: int | None = None) -> leaders.Election:
    error = None if code is None else "No such topic as a"
    return leaders.Election(topic="a", partition=partition, elected=elected, error=error, code=code)


def test_the_lines_of_kafka() -> None:
    elections = [
        make_election(0, elected=True),
        make_election(1),
        make_election(2, code=3),
        make_election(3, elected=True),
    ]
    assert leaders_text.format_elections(ElectionType.UNCLEAN, elections).splitlines() == [
        "Successfully completed leader election (UNCLEAN) for partitions a-0, a-3",
        "Valid replica already elected for partitions a-1",
        "Error completing leader election (UNCLEAN) for partition: a-2: "
        "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: No such topic as a",
    ]
    assert leaders_text.format_elections(ElectionType.PREFERRED, []) == ""


@pytest.mark.slow
def test_an_unclean_election_says_what_is_lost(cli: Cli) -> None:
    topic = Topic("orders", [Partition(leader=None, replicas=[1, 7], isr=[7]), Partition()])
    with FakeBroker(topics=[topic]) as broker:
        cluster = ("-b", broker.address, "leaders")
        assert cli.ok(*cluster, "list", "--without-leader").split()[-7:-4] == ["orders", "0", "-"]
        elect = (*cluster, "elect", "orders", "--type", "unclean")
        assert "records that only broker 7 has are lost" in cli(*elect, "--dry-run", check=0).stderr
        assert "there is no terminal to ask at" in cli(*elect, check=2).stderr
        assert not broker.requests_of("ElectLeaders")
        broker.on("ElectLeaders", error=83, item="orders")
        failed = cli(*elect, "--yes", check=1)
        assert "partition orders-0: " in failed.stderr
        (request,) = broker.requests_of("ElectLeaders")
        assert request.fields["election_type"] == 1


def test_partitions_that_do_not_exist_hide_no_others(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "partitions.json"
    file.write_text('{"partitions": [{"topic": "nosuch", "partition": 0}, {"topic": "orders", "partition": 0}]}')
    with FakeBroker(topics=[Topic("orders", [Partition(leader=1, replicas=[7, 1], isr=[1, 7])])]) as broker:
        done = cli("-b", broker.address, "leaders", "elect", "--from-file", file, "--dry-run", check=1)
        assert "error: partition not found: nosuch-0" in done.stderr
        assert "orders" in done.stdout
        assert "mutually exclusive" in cli("-b", broker.address, "leaders", "elect", "--all", "orders", check=2).stderr


def test_a_preview_shows_only_what_can_be_done(cli: Cli) -> None:
    """A preferred replica that is not in sync is an error at once."""
    moved = [Partition(leader=1, replicas=[7, 1], isr=[1]), Partition(leader=1, replicas=[7, 1], isr=[1, 7])]
    with FakeBroker(topics=[Topic("moved", moved)]) as broker:
        cluster = ("-b", broker.address, "leaders", "elect", "moved")
        done = cli(*cluster, "--dry-run", check=1)
        assert "would elect the preferred leader of 1 partition" in done.stderr
        assert "error: moved-0: the preferred replica 7 is not in sync" in done.stderr
        only_first = cli(*cluster, "--partitions", 0, "--yes", "-o", "json", check=1)
        assert json.loads(only_first.stdout) == []
        assert not broker.requests_of("ElectLeaders")
        assert cli(*cluster, "--partitions", 1, "--dry-run", "-o", "kafka", check=0).stdout == ""


def test_what_is_lost_where_no_replica_is_in_sync(cli: Cli) -> None:
    with FakeBroker(topics=[Topic("orders", [Partition(leader=None, replicas=[1, 7], isr=[])])]) as broker:
        done = cli("-b", broker.address, "leaders", "elect", "--all", "--type", "unclean", "--dry-run", check=0)
        assert "elect a leader that is out of sync for 1 partition: records that it lacks are lost" in done.stderr


def test_partitions_from_a_pipe(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "pipe"
    os.mkfifo(file)
    text = '{"partitions": [{"topic": "orders", "partition": 0}]}'
    with FakeBroker(topics=[Topic("orders", [Partition()])]) as broker, ThreadPoolExecutor(1) as pool:
        pool.submit(file.write_text, text)
        words = ("--election-type", "preferred", "--bootstrap-server", broker.address, "--path-to-json-file", file)
        assert "already elected for partitions orders-0" in cli.ok("kafka-leader-election", *words)
