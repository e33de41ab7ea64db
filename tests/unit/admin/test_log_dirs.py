from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kafkactl.admin import log_dirs
from kafkactl.admin.log_dirs import Grouping, StoredDir, StoredReplica
from kafkactl.cli.frame.following import Progress, describe_progress, format_bytes, format_time_left
from kafkactl.output.kafka import log_dirs_text
from tests.conftest import Cli
from tests.fake_broker import FakeCluster, Topic, placed
from tests.fake_broker.state import Broker


def make_replica(topic: str = "a", partition: int = 0, broker: int = 1, **fields: object) -> StoredReplica:
    values = {"log_dir": "/d", "size_bytes": 10, "lag": 0, "is_future": False, **fields}
    return StoredReplica(topic=topic, partition=partition, broker=broker, **values)  # type: ignore[arg-type]


def make_dir(broker: int, path: str, *replicas: StoredReplica, code: int | None = None) -> StoredDir:
    error = None if code is None else "broken"
    return StoredDir(
        broker=broker, log_dir=path, replicas=replicas, total_bytes=100, usable_bytes=50, error=error, code=code
    )


def test_sums_have_the_largest_lag_and_count_copies_apart() -> None:
    rows = [make_replica(lag=3), make_replica(broker=2, lag=5), make_replica(is_future=True, lag=9)]
    rows += [make_replica(topic="b", partition=1), make_replica(topic="b", partition=0)]
    by_topic = log_dirs.sum_replicas(rows, Grouping.TOPIC)
    assert [(row.topic, row.replicas, row.future_replicas, row.size_bytes, row.lag) for row in by_topic] == [
        ("a", 2, 1, 30, 5),
        ("b", 2, 0, 20, 0),
    ]
    assert [(row.topic, row.partition) for row in log_dirs.sum_replicas(rows, Grouping.PARTITION)] == [
        ("a", 0),
        ("b", 0),
        ("b", 1),
    ]
    assert [(row.broker, row.topic, row.lag) for row in log_dirs.sum_replicas(rows, Grouping.BROKER)] == [
        (1, None, 3),
        (2, None, 5),
    ]


def test_the_text_of_kafka() -> None:
    dirs = [make_dir(1, "/d", make_replica(), make_replica(topic="b", is_future=True)), make_dir(1, "/e", code=56)]
    dirs.append(make_dir(1, "/f", code=9_999))
    first, second = log_dirs_text.format_dirs([1], dirs, ["a"]).splitlines()
    assert first == "Received log directory information from brokers 1"
    (broker,) = json.loads(second)["brokers"]
    by_path = {row["logDir"]: row for row in broker["logDirs"]}
    assert by_path["/d"]["partitions"] == [{"partition": "a-0", "size": 10, "offsetLag": 0, "isFuture": False}]
    assert by_path["/d"]["error"] is None
    assert by_path["/e"]["error"] == "org.apache.kafka.common.errors.KafkaStorageException"
    assert by_path["/f"]["error"] == "org.apache.kafka.common.errors.UnknownServerException"


def test_progress_has_a_rate_and_the_time_left() -> None:
    first = Progress(left=3, total=3, moved_bytes=0, total_bytes=10_000)
    now = Progress(left=1, total=3, moved_bytes=2_500, total_bytes=10_000)
    assert describe_progress(first, now, 5) == "2 of 3 partitions moved, 2.5 kB of 10 kB, 500 B/s, 15 s left"
    assert describe_progress(first, first, 0) == "0 of 3 partitions moved, 0 B of 10 kB"
    assert [format_bytes(size) for size in (999, 1_000, 12_345_678)] == ["999 B", "1.0 kB", "12 MB"]
    assert [format_time_left(seconds) for seconds in (59, 180, 7_500)] == ["59 s", "3 min", "2 h 5 min"]


@pytest.mark.parametrize("unit", range(1, 6))
def test_a_size_that_is_rounded_up_has_the_next_unit(unit: int) -> None:
    names = ["B", "kB", "MB", "GB", "TB", "PB"]
    assert format_bytes(1000**unit - 1) == (f"1.0 {names[unit]}" if unit > 1 else "999 B")
    assert format_bytes(9.96 * 1000**unit) == f"10 {names[unit]}"
    assert format_bytes(999.4 * 1000**unit) == f"999 {names[unit]}"


def test_a_time_that_is_rounded_up_has_the_next_unit() -> None:
    assert [format_time_left(seconds) for seconds in (59.6, 3_580, 3_599.9)] == ["1 min", "1 h 0 min", "1 h 0 min"]


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    topic = Topic("orders", [placed([1, 2]), placed([2, 1]), placed([2])])
    for partition in topic.all_partitions:
        partition.size_bytes = 700
    brokers = [Broker(id=1, more_log_dirs=("/disk2",)), Broker(id=2)]
    with FakeCluster(brokers=brokers, topics=[topic]) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_move_is_shown_first_and_done_once(fake: FakeCluster, cli: Cli) -> None:
    move = ("-b", fake.address, "log-dirs", "move", "orders", "--broker", 1, "--to", "/disk2")
    assert "would move 2 replicas (1.4 kB) on broker 1 to /disk2" in cli(*move, "--dry-run", check=0).stderr
    preview = cli(*move, "--partitions", "0,1,2", "--dry-run", check=1)
    assert "would move 2 replicas (1.4 kB) on broker 1 to /disk2" in preview.stderr
    assert "broker 1 has no replica of orders-2" in preview.stderr
    assert preview.stdout.count("/var/lib/kafka") == 2
    assert not fake.requests_of("AlterReplicaLogDirs")
    begun = cli(*move, "--partitions", "0,1", "--yes", "--no-wait", check=0)
    assert begun.stdout.count("moving to /disk2") == 2
    assert len(fake.requests_of("AlterReplicaLogDirs")) == 1
    shown = cli.ok("-b", fake.address, "log-dirs", "replicas", "orders", "--brokers", 1, "-o", "json")
    assert [row["is_future"] for row in json.loads(shown)] == [False, True, False, True]
    again = cli(*move, "--partitions", "0,1", "--yes", "--no-wait", check=0)
    assert "nothing to move" in again.stderr
    fake.state.finish_dir_moves()
    waited = cli(*move, "--partitions", "0,1", "--yes", check=0)
    assert waited.stdout.count("already in /disk2") == 2
    assert len(fake.requests_of("AlterReplicaLogDirs")) == 1
    done = json.loads(cli.ok("-b", fake.address, "log-dirs", "list", "--brokers", 1, "-o", "json"))
    assert [(row["log_dir"], row["replicas"], row["size_bytes"]) for row in done] == [
        ("/disk2", 2, 1400),
        ("/var/lib/kafka", 0, 0),
    ]


@pytest.mark.slow
def test_what_cannot_be_moved(fake: FakeCluster, cli: Cli) -> None:
    move = ("-b", fake.address, "log-dirs", "move", "orders", "--yes", "--no-wait")
    wrong = cli(*move, "--broker", 1, "--to", "/nosuch", check=1)
    assert "broker 1 does not have the log directory '/nosuch'" in wrong.stderr
    assert "it has: /disk2, /var/lib/kafka" in wrong.stderr
    assert "not alive: 7 (alive: 1, 2)" in cli(*move, "--broker", 7, "--to", "/disk2", check=1).stderr
    assert "not ids of brokers" in cli("-b", fake.address, "log-dirs", "list", "--brokers", "x", check=2).stderr
    fake.on("AlterReplicaLogDirs", error=56, item="orders")
    failed = cli(*move, "--partitions", 0, "--broker", 1, "--to", "/disk2", check=1)
    assert "partition orders-0: cannot move orders-0 on broker 1" in failed.stderr


@pytest.mark.slow
def test_a_silent_broker_hides_no_other(cli: Cli) -> None:
    with FakeCluster(brokers=2, topics=[Topic("orders", [placed([1, 2])])], frozen=[2]) as fake:
        done = cli("-b", fake.address, "--timeout", "2", "log-dirs", "list", check=None)
        assert "/var/lib/kafka" in done.stdout
        assert done.returncode == 1
