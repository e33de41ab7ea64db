from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kafkactl.admin import reassignment, throttles
from kafkactl.admin.reassignment import Move, MoveState, RunningMove
from kafkactl.admin.reassignment_files import build_document, read_reassignment, read_topics
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ResourceType
from kafkactl.connection.settings import Settings
from kafkactl.errors import UsageError
from kafkactl.output.kafka import reassign_text
from tests.conftest import Cli
from tests.fake_broker import FakeCluster, Fields, Partition, Request, Topic, placed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"partitions": [5]}',
        '{"version": 2, "partitions": []}',
        '{"version": true, "partitions": []}',
        '{"version": 1.0, "partitions": []}',
        '{"partitions": [{"topic": "a", "partition": 0, "replicas": []}]}',
        '{"partitions": [{"topic": "a", "partition": 0, "replicas": [1, 1]}]}',
        '{"partitions": [{"topic": "a", "partition": 0, "replicas": ["1"]}]}',
        '{"partitions": [{"topic": "", "partition": 0, "replicas": [1]}]}',
        '{"partitions": [{"topic": "a", "partition": -1, "replicas": [1]}]}',
        '{"partitions": [{"topic": "a", "partition": 0, "replicas": [1], "log_dirs": []}]}',
        r'{"partitions": [{"topic": "a", "partition": 0, "replicas": [1], "log_dirs": ["/d\ud83d"]}]}',
        r'{"partitions": [{"topic": "a", "partition": 0, "replicas": [1], "log_dirs": ["/d\u0000"]}]}',
        '{"partitions": [{"topic": "a", "partition": 0, "replicas": [1]},'
        ' {"topic": "a", "partition": 0, "replicas": [2]}]}',
    ],
)
def test_plans_that_are_wrong(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"plan\.json"):
        read_reassignment(file)
    with pytest.raises(UsageError, match=r"plan\.json"):
        read_topics(file)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(build_document({("a", 1): (2, 3), ("a", 0): (1,)}, {("a", 1, 3): "/d"})))
    plan = read_reassignment(file)
    assert plan.replicas == {("a", 0): (1,), ("a", 1): (2, 3)}
    assert plan.log_dirs == {("a", 1, 3): "/d"}


def make_running(partition: int, replicas: tuple[int, ...], adding: tuple[int, ...]) -> RunningMove:
    return RunningMove(topic="a", partition=partition, replicas=replicas, adding=adding, removing=())


def test_throttles_count_what_is_running_already() -> None:
    plan = throttles.plan_throttles(
        [Move("a", 0, (1, 2), (2, 3)), Move("b", 0, (1,), (1,))], [make_running(1, (1, 4), (4,))], 100, {5}, 7
    )
    assert plan.topics["a"] == {throttles.LEADER_REPLICAS: "0:1,0:2,1:1", throttles.FOLLOWER_REPLICAS: "0:3,1:4"}
    assert plan.topics["b"][throttles.FOLLOWER_REPLICAS] == ""
    assert sorted(plan.brokers) == [1, 2, 3, 4, 5]
    assert plan.brokers[5] == {throttles.DIR_RATE: "7"}
    assert plan.brokers[4] == {throttles.LEADER_RATE: "100", throttles.FOLLOWER_RATE: "100"}


def test_the_partitions_of_many_topics_are_looked_at_once() -> None:
    """The work grows with the number of partitions, and not with that of topics times partitions."""
    comparisons = []

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            comparisons.append(other)
            return str.__eq__(self, other)

    moves = [Move(Name(f"t{number}"), 0, (1,), (2,)) for number in range(100)]
    assert len(throttles.plan_throttles(moves, [], 100).topics) == 100
    assert len(comparisons) < 2000


def test_the_state_of_each_partition() -> None:
    rows = reassignment.verify(
        [make_running(1, (1, 2), (2,))],
        {("a", 0): (1, 2), ("a", 1): (1,), ("a", 2): (2, 1)},
        {("a", number): (1, 2) for number in range(4)},
    )
    assert [row.state for row in rows] == [MoveState.DONE, MoveState.RUNNING, MoveState.OTHER, MoveState.MISSING]
    assert reassign_text.format_states(rows).splitlines()[1:] == [
        "Reassignment of partition a-0 is completed.",
        "Reassignment of partition a-1 is still in progress.",
        "There is no active reassignment of partition a-2, but replica set is 2,1 rather than 1,2.",
        "There is no active reassignment of partition a-3, but replica set is  rather than 1,2.",
    ]
    assert reassign_text.format_running([make_running(1, (1, 2), (2,))]).splitlines()[1:] == [
        "a-1: replicas: 1,2. adding: 2."
    ]


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    topics = [Topic("orders", [placed([1, 2]), placed([2, 1])]), Topic("other", [placed([1])])]
    with FakeCluster(brokers=3, topics=topics) as cluster:
        yield cluster


def test_a_plan_is_executed_once_and_its_throttles_go(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(build_document({("orders", 0): (1, 3), ("orders", 1): (2, 1), ("no", 0): (1,)}, {})))
    cluster = ("-b", fake.address)
    execute = (*cluster, "reassign", "execute", plan, "--throttle", 1000, "--no-wait")
    preview = cli(*execute, "--dry-run", check=1)
    assert "would move 1 partition: 1 new replica" in preview.stderr
    assert "partition not found: no-0" in preview.stderr
    assert not fake.requests_of("AlterPartitionReassignments")
    assert "orders-0   moving to 1,3" in cli(*execute, "--yes", check=1).stdout
    assert fake.state.topics["orders"].configs[throttles.FOLLOWER_REPLICAS] == "0:3"
    cli(*execute[:-3], "--no-wait", "--yes", check=1)
    assert len(fake.requests_of("AlterPartitionReassignments")) == 1
    rows = json.loads(cli.ok(*cluster, "throttles", "list", "-o", "json"))
    assert {row["forgotten"] for row in rows} == {False}
    assert cli(*cluster, "reassign", "verify", plan, check=1).stdout.count("running") == 1
    assert fake.state.topics["orders"].configs
    fake.state.finish_reassignments()
    rows = json.loads(cli.ok(*cluster, "throttles", "list", "-o", "json"))
    assert {row["forgotten"] for row in rows} == {True}
    assert "removed 8 throttles" in cli(*cluster, "reassign", "verify", plan, check=1).stderr
    assert cli.ok(*cluster, "throttles", "list", "-o", "json") == "[]\n"


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_throttle_of_a_move_that_begins_meanwhile_is_not_forgotten(fake: FakeCluster, is_silent: bool) -> None:
    """Its settings are read, and then it begins: clearing them would let it take the whole network."""
    fake.state.configs[ResourceType.BROKER, "1"] = {throttles.RATES[0]: "1000"}
    fake.state.topics["orders"].configs[throttles.FOLLOWER_REPLICAS] = "0:3"

    def begin_move(_request: Request, answer: Fields) -> Fields:
        fake.state.topics["orders"].all_partitions[0].target = [1, 3]
        return answer

    fake.on("DescribeConfigs", broker=1, answer=begin_move)
    if is_silent:
        fake.on("DescribeConfigs", broker=3, freeze=True)
    cluster = Cluster(Settings(fake.address, "a test", {}, timeout_s=2))
    rows, errors = throttles.list_throttles(cluster)
    cluster.close()
    assert [row.forgotten for row in rows] == [False, False]
    assert len(errors) == is_silent


def test_what_is_refused_leaves_no_throttle(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(build_document({("orders", 0): (1, 3)}, {})))
    execute = ("-b", fake.address, "reassign", "execute", plan, "--throttle", 1000, "--yes")
    fake.state.topics["other"].all_partitions[0].target = [3]
    refused = cli(*execute, check=1)
    assert "other reassignments are running: other-0" in refused.stderr
    assert "--additional" in refused.stderr
    fake.state.topics["other"].all_partitions[0].target = None
    fake.on("AlterPartitionReassignments", error=39, item="orders")
    failed = cli(*execute, check=1)
    assert "partition orders-0: the replica assignment is not valid" in failed.stderr
    assert fake.state.topics["orders"].configs == {}
    assert not any(fake.state.configs.values())
    wrong = cli("-b", fake.address, "reassign", "execute", check=2)
    assert "missing argument FILE" in wrong.stderr


@pytest.mark.parametrize("choices", [{"error": 7, "level": "top"}, {"error": 7, "level": "items"}])
def test_moves_that_the_controller_does_not_answer_in_time_keep_their_throttles(
    fake: FakeCluster, cli: Cli, tmp_path: Path, choices: dict[str, Any]
) -> None:
    """They may begin later, and would have no limit then."""
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(build_document({("orders", 0): (1, 3)}, {})))
    fake.on("AlterPartitionReassignments", **choices)
    failed = cli("-b", fake.address, "reassign", "execute", plan, "--throttle", 1000, "--no-wait", "--yes", check=3)
    assert "may have been done" in failed.stderr
    assert fake.state.topics["orders"].configs[throttles.FOLLOWER_REPLICAS] == "0:3"
    grown = cli("-b", fake.address, "topics", "alter", "orders", "--replication-factor", 3, "--yes", check=3)
    assert "it may have been done" in grown.stderr


def test_a_move_is_cancelled(fake: FakeCluster, cli: Cli) -> None:
    fake.state.topics["orders"].partitions = [Partition(leader=1, replicas=[1], isr=[1], target=[2])]
    cancel = ("-b", fake.address, "reassign", "cancel", "--all")
    assert "cancel the reassignment of 1 partition" in cli(*cancel, "--dry-run", check=0).stderr
    assert "cancelled" in cli.ok(*cancel, "--yes")
    assert "nothing to cancel" in cli(*cancel, "--yes", check=0).stderr


def test_a_plan_empties_a_broker(fake: FakeCluster, cli: Cli) -> None:
    generate = ("-b", fake.address, "reassign", "generate", "orders", "other", "--brokers", "2,3")
    plan = json.loads(cli.ok(*generate, "-o", "json"))
    assert [(row["topic"], row["partition"]) for row in plan["partitions"]] == [
        ("orders", 0),
        ("orders", 1),
        ("other", 0),
    ]
    assert all(set(row["replicas"]) <= {2, 3} for row in plan["partitions"])
    assert "not alive: 9" in cli(*generate[:-1], "9", check=1).stderr


@pytest.mark.parametrize("line", [["reassign", "generate", "moved", "--by"], ["brokers", "balance", "moved", "--by"]])
@pytest.mark.parametrize("failure", ["refusal", "offline folder", "silence"])
def test_no_plan_by_bytes_without_sizes(cli: Cli, line: list[str], failure: str) -> None:
    """A size that is not known counts as 0, so that a plan would move what is large."""
    topic = Topic("moved", [placed([1]), placed([1]), placed([1])])
    with FakeCluster(brokers=2, topics=[topic]) as brokers:
        if failure == "refusal":
            brokers.on("DescribeLogDirs", broker=1, error=31)
        elif failure == "silence":
            brokers.on("DescribeLogDirs", broker=1, freeze=True)
        else:
            brokers.on("DescribeLogDirs", broker=1, answer=_make_folders_unusable)
        refused = cli("-b", brokers.address, "--timeout", 2, *line, "bytes", "-o", "json")
        assert (refused.returncode, refused.stdout) == (3 if failure == "silence" else 1, "")
        assert "cannot plan by bytes, because sizes are missing: " in refused.stderr
        counted = cli("-b", brokers.address, "--timeout", 2, *line, "count", "-o", "json")
        # A plan by count needs no sizes: `reassign generate` only warns; the loads of `brokers balance` have them.
        assert counted.returncode == (1 if line[0] == "brokers" else 0)
        assert len(json.loads(counted.stdout)["partitions"]) == 1
        assert {"refusal": "not authorized", "offline folder": "log folder", "silence": "no answer"}[
            failure
        ] in counted.stderr


def _make_folders_unusable(request: Any, usual: dict[str, Any]) -> dict[str, Any]:
    """Return an answer to DescribeLogDirs in which no folder can be used."""
    return {**usual, "results": [{**row, "error_code": 56, "topics": []} for row in usual["results"]]}


def test_the_loads_without_a_broker_that_is_not_alive(cli: Cli) -> None:
    """They are those of the others: without a plan a warning says so, and a plan leaves the partitions as they are."""
    topic = Topic("moved", [placed([3, 1]), placed([3, 1]), placed([1, 2]), placed([2, 1])])
    with FakeCluster(brokers=2, topics=[topic]) as brokers:
        shown = cli("-b", brokers.address, "brokers", "balance", check=0)
        assert "warning: broker 3 is not alive: its 2 replicas are not in the loads" in shown.stderr
        planned = cli("-b", brokers.address, "brokers", "balance", "--by", "leaders", "-o", "json", check=1)
        assert json.loads(planned.stdout)["partitions"] == []
        assert "broker 3 is not alive: the partitions with a replica there stay as they are (2)" in planned.stderr


@pytest.mark.parametrize(
    ("flags", "first"),
    [
        (["--sort", "now:desc"], "MEASURE"),
        (["--columns", "topic,partition,after"], "TOPIC"),
        (["--sort", "topic"], "MEASURE"),
    ],
)
def test_flags_of_columns_act_on_the_tables_that_have_them(cli: Cli, flags: list[str], first: str) -> None:
    topic = Topic("moved", [placed([1]), placed([1]), placed([1])])
    with FakeCluster(brokers=2, topics=[topic]) as brokers:
        balance = ("-b", brokers.address, "brokers", "balance", "--by", "count")
        assert first in cli.ok(*balance, *flags).splitlines()[1]
        refused = cli(*balance, "--columns", "topic,measure", check=2).stderr
        assert "no table has all of them" in refused
        csv = cli.ok(*balance, "-o", "csv").splitlines()
        assert len({line.count(",") for line in csv}) == 1
