"""Moves of replicas on bad days: brokers that go away, signals, plans that are refused, topics that are deleted."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from kafkactl.admin.reassignment_files import build_document
from kafkactl.admin.throttles import FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS
from kafkactl.cli.frame.replica_moves import find_unmoved
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from tests.conftest import Cli
from tests.fake_broker import FakeCluster, Topic, placed
from tests.unit.cli.test_stopping import STATUSES

pytestmark = pytest.mark.slow

BROKER = 4


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    topics = [Topic("orders", [placed([1, 3]), placed([1, 3])]), Topic("other", [placed([1])])]
    with FakeCluster(brokers=3, topics=topics) as cluster:
        yield cluster


def save(
    folder: Path,
    replicas: Mapping[tuple[str, int], Sequence[int]],
    dirs: Mapping[tuple[str, int, int], str] | None = None,
    name: str = "a plan.json",
) -> Path:
    """Return a new file with a plan; its name needs quotes in a shell."""
    path = folder / name
    path.write_text(json.dumps(build_document(replicas, dirs or {})))
    return path


def fence(fake: FakeCluster, broker: int) -> None:
    fake.state.brokers[broker].fenced = True


def read_until(stream: IO[str], text: str) -> str:
    """Return the lines of a stream up to the first one with a text."""
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} did not come: {lines}")


def start(cli: Cli, *arguments: object) -> subprocess.Popen[str]:
    return cli.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run_and_finish(fake: FakeCluster, cli: Cli, *arguments: object, check: int) -> subprocess.CompletedProcess[str]:
    """Run a command whose moves end as soon as they have begun."""
    done = threading.Event()

    def finish() -> None:
        while not done.wait(0.05):
            fake.state.finish_reassignments()

    thread = threading.Thread(target=finish)
    thread.start()
    try:
        return cli(*arguments, check=check)
    finally:
        done.set()
        thread.join()


def list_commands(plan: Path) -> dict[str, tuple[object, ...]]:
    return {
        "execute": ("reassign", "execute", plan, "--throttle", "5", "--yes"),
        "drain": ("brokers", "drain", "3", "orders", "--throttle", "5", "--yes"),
    }


@pytest.mark.parametrize("command", ["cancel", "verify", "drain"])
def test_throttles_of_a_broker_that_is_not_alive_are_an_error(
    fake: FakeCluster, cli: Cli, tmp_path: Path, command: str
) -> None:
    """The broker is none that the command is about."""
    plan = save(tmp_path, {("other", 0): (1,)})
    fake.state.topics["orders"].partitions = [placed([2])]
    fake.state.configs[BROKER, "3"] = {LEADER_RATE: "5"}
    fake.state.configs[BROKER, "1"] = {LEADER_RATE: "5"}
    lines = {
        "cancel": ("reassign", "cancel", "--all", "--yes"),
        "verify": ("reassign", "verify", plan),
        "drain": ("brokers", "drain", "1", "orders", "--yes"),
    }
    if command == "cancel":
        fake.state.topics["other"].all_partitions[0].target = [2]
    fence(fake, 3)
    ended = cli(*lines[command], "-b", fake.address, check=1)
    assert "error: cannot remove the throttles of broker 3: it is not alive" in ended.stderr
    assert "removed 1 throttle\n" in ended.stderr
    assert fake.state.configs[BROKER, "1"] == {}


def test_execute_names_a_broker_that_keeps_its_throttles(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    plan = save(tmp_path, {("other", 0): (2,)})
    process = start(cli, *list_commands(plan)["execute"], "-b", fake.address)
    assert process.stderr is not None
    read_until(process.stderr, "0 of 1 partition moved")
    fence(fake, 2)
    fake.state.finish_reassignments()
    _, stderr = process.communicate(timeout=30)
    assert "cannot remove the throttles of broker 2: broker 2 is not alive" in stderr
    assert process.returncode == 1


@pytest.mark.parametrize("command", ["execute", "drain"])
def test_a_wait_says_which_broker_is_missing(fake: FakeCluster, cli: Cli, tmp_path: Path, command: str) -> None:
    plan = save(tmp_path, {("orders", 0): (1, 2), ("orders", 1): (1, 2)})
    process = start(cli, *list_commands(plan)[command], "-b", fake.address)
    assert process.stderr is not None
    read_until(process.stderr, "0 of 2 partitions moved")
    fence(fake, 2)
    cancel = f"kafkactl reassign cancel '{plan}'" if command == "execute" else "kafkactl reassign cancel --all"
    told = read_until(process.stderr, "is not alive")
    assert "broker 2 is not alive: orders-0, orders-1 wait for it" in told
    assert told.rstrip().endswith(f"or stop with Ctrl-C, and cancel the moves: {cancel}")
    fake.state.brokers[2].fenced = False
    assert "not alive" not in read_until(process.stderr, "the moves go on")
    fake.state.finish_reassignments()
    process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "status"), STATUSES)
@pytest.mark.parametrize("command", ["execute", "drain", "execute without a throttle", "alter"])
def test_every_signal_says_what_goes_on(
    fake: FakeCluster, cli: Cli, tmp_path: Path, command: str, number: int, status: int
) -> None:
    plan = save(tmp_path, {("orders", 0): (1, 2), ("orders", 1): (1, 2)})
    lines: dict[str, tuple[object, ...]] = {
        **list_commands(plan),
        "execute without a throttle": ("reassign", "execute", plan, "--yes"),
        "alter": ("topics", "alter", "orders", "-r", "3", "--yes"),
    }
    process = start(cli, *lines[command], "-b", fake.address)
    assert process.stderr is not None
    read_until(process.stderr, "moving replicas" if command == "alter" else "0 of 2 partitions moved")
    process.send_signal(signal.Signals(number))
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == status
    assert "the brokers continue to move replicas" in stderr
    assert ("the throttles stay" in stderr) == (command in ("execute", "drain"))
    following = {"drain": "kafkactl brokers drain 3 orders --throttle 5", "alter": "kafkactl reassign list"}
    assert following.get(command, f"kafkactl reassign verify '{plan}'") in stderr
    assert "may have been done" not in stderr


@pytest.mark.parametrize("option", ["--throttle", "--replica-alter-log-dirs-throttle"])
@pytest.mark.parametrize("rate", ["0", "-7"])
def test_rates_with_which_moves_never_end_are_refused(
    fake: FakeCluster, cli: Cli, tmp_path: Path, option: str, rate: str
) -> None:
    plan = save(tmp_path, {("orders", 0): (1, 2)})
    refused = cli("reassign", "execute", plan, option, rate, "--yes", "-b", fake.address, check=2)
    assert f"invalid value for {option}: {rate} is less than 1" in refused.stderr
    assert not fake.requests


def test_kafkas_style_takes_rates_as_kafkas_tool_does(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    plan = save(tmp_path, {("orders", 0): (1, 2)})
    line = ("--bootstrap-server", fake.address, "--execute", "--reassignment-json-file", plan, "--throttle", "0")
    assert "throttle limit was set to 0 B/s" in cli("kafka-reassign-partitions", *line, check=0).stdout


@pytest.mark.parametrize("mode", ["--dry-run", "--yes"])
def test_another_number_of_replicas_is_refused_before(fake: FakeCluster, cli: Cli, tmp_path: Path, mode: str) -> None:
    plan = save(tmp_path, {("orders", 0): (1,), ("other", 0): (1, 2, 3)})
    line = ("reassign", "execute", plan, "--disallow-replication-factor-change", mode, "-b", fake.address)
    refused = cli(*line, check=1)
    assert "orders-0: the number of replicas would change from 2 to 1" in refused.stderr
    assert "other-0: the number of replicas would change from 1 to 3" in refused.stderr
    assert "hint: keep the number, or leave out --disallow-replication-factor-change" in refused.stderr
    assert "would move" not in refused.stderr
    assert "nothing to move" not in refused.stderr
    assert not fake.requests_of("AlterPartitionReassignments")


def test_the_controllers_refusal_of_the_number_names_the_option(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    fake.on("AlterPartitionReassignments", error=38, item="orders")
    plan = save(tmp_path, {("orders", 0): (1, 2)})
    line = ("reassign", "execute", plan, "--disallow-replication-factor-change", "--yes", "-b", fake.address)
    assert "or leave out --disallow-replication-factor-change" in cli(*line, check=1).stderr


@pytest.mark.parametrize("mode", ["--dry-run", "--yes"])
def test_directories_are_checked_before(fake: FakeCluster, cli: Cli, tmp_path: Path, mode: str) -> None:
    plan = save(
        tmp_path,
        {("orders", 0): (1, 3), ("orders", 1): (1, 2)},
        {("orders", 0, 3): "/no", ("orders", 1, 2): "/nowhere"},
    )
    refused = cli("reassign", "execute", plan, mode, "-b", fake.address, check=1)
    assert "error: orders-0: broker 3 does not have the log directory '/no'\nhint: it has: /var/lib/" in refused.stderr
    assert "error: orders-1: broker 2 does not have the log directory '/nowhere'" in refused.stderr
    assert "would move" not in refused.stderr
    assert not fake.requests_of("AlterReplicaLogDirs")
    assert not fake.requests_of("AlterPartitionReassignments")


def test_each_silent_broker_has_its_own_reason(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    plan = save(
        tmp_path,
        {("orders", 0): (1, 3), ("orders", 1): (1, 2)},
        {("orders", 0, 3): "/three", ("orders", 1, 2): "/two", ("orders", 0, 1): "/one"},
    )
    line = ("reassign", "execute", plan, "--dry-run", "-b", fake.address, "--timeout", 2)
    fake.on("DescribeLogDirs", error=31, broker=2)
    fake.on("DescribeLogDirs", error=56, broker=3)
    refused = cli(*line, check=1).stderr
    assert re.search("orders-1: cannot read the log directories of broker 2: .*not authorized", refused, re.I)
    assert re.search("orders-0: cannot read the log directories of broker 3: .*disk", refused, re.I)
    fake.clear()
    fake.on("DescribeLogDirs", answer=lambda request, answer: {**answer, "results": []}, broker=2)
    assert re.search("directories of broker 2: .*not authorized", cli(*line, check=1).stderr), "as in Kafka before 3.2"


def test_a_refused_directory_is_said_once(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    """The broker loses the directory after the check."""
    fake.state.brokers[1].more_log_dirs = ("/second",)
    fake.on("AlterReplicaLogDirs", error=57)
    plan = save(tmp_path, {("other", 0): (1,)}, {("other", 0, 1): "/second"})
    refused = cli("reassign", "execute", plan, "--yes", "-b", fake.address, check=1)
    assert refused.stderr.count("other-0") == 1
    assert "hint: list its log directories: kafkactl log-dirs list --brokers 1" in refused.stderr


@pytest.mark.parametrize("rest", ["rest", "nothing"])
def test_the_last_drain_removes_what_earlier_ones_left(fake: FakeCluster, cli: Cli, rest: str) -> None:
    """Topic other was moved by a call that was stopped; settings of other origin stay."""
    topics = fake.state.topics
    topics["orders"].partitions = [placed([1, 3] if rest == "rest" else [1, 2])]
    topics["other"].configs |= {LEADER_REPLICAS: "0:3,0:1", FOLLOWER_REPLICAS: "0:2"}
    topics["own"] = Topic("own", [placed([1])], {LEADER_REPLICAS: "*"})
    fake.state.configs[BROKER, "2"] = {LEADER_RATE: "5"}
    drain = ("brokers", "drain", "3", "-b", fake.address)
    shown = cli(*drain, "--dry-run", check=0)
    assert topics["other"].configs
    run_and_finish(fake, cli, *drain, "--yes", check=0)
    assert topics["other"].configs == {}
    assert topics["own"].configs
    assert fake.state.configs[BROKER, "2"] == {}
    if rest == "nothing":
        assert "would remove 3 throttles that an earlier call has left" in shown.stderr
    again = cli(*drain, "--yes", check=0).stderr
    assert "broker 3 has no replica that can be moved" in again
    assert "throttle" not in again


def test_a_dead_broker_is_drained_without_an_error(fake: FakeCluster, cli: Cli) -> None:
    """It may never come back: that its settings cannot be read is only a note."""
    fence(fake, 3)
    drain = ("brokers", "drain", "3", "--throttle", "5", "--yes", "-b", fake.address)
    drained = run_and_finish(fake, cli, *drain, check=0)
    assert "broker 3 is not alive: no throttle is set there" in drained.stderr
    assert not any(fake.state.configs.values())
    assert "broker 3 is not alive: throttles that it may have are not removed" in drained.stderr


def test_verify_removes_no_throttle_while_a_broker_may_move_directories(
    fake: FakeCluster, cli: Cli, tmp_path: Path
) -> None:
    """Kafka's tool fails there, too."""
    fake.state.topics["other"].configs[LEADER_REPLICAS] = "0:1"
    plan = save(tmp_path, {("other", 0): (1,)}, {("other", 0, 1): "/var/lib/kafka"})
    fake.on("DescribeLogDirs", freeze=True, broker=1)
    arguments = ("--bootstrap-server", fake.address, "--verify", "--reassignment-json-file", plan)
    done = cli.with_environment(KAFKACTL_TIMEOUT="2s")("kafka-reassign-partitions", *arguments, check=1)
    assert "Reassignment of partition other-0 is completed." in done.stdout
    assert fake.state.topics["other"].configs == {LEADER_REPLICAS: "0:1"}
    fake.clear()
    cli("kafka-reassign-partitions", *arguments, check=0)
    assert not fake.state.topics["other"].configs


def test_verify_says_that_throttles_stay(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    fake.state.topics["other"].configs[LEADER_REPLICAS] = "0:1"
    fake.state.topics["orders"].all_partitions[0].target = [1, 2]
    plan = save(tmp_path, {("other", 0): (1,)})
    verify = ("reassign", "verify", plan, "-b", fake.address)
    note = "other reassignments are running, so the throttles stay: kafkactl throttles clear removes them"
    assert note in cli(*verify, check=0).stderr
    assert note not in cli(*verify, "--preserve-throttles", check=0).stderr
    fake.state.finish_reassignments()
    assert note not in cli(*verify, check=0).stderr


@pytest.mark.parametrize("command", ["execute", "drain"])
def test_a_topic_that_is_deleted_has_one_line(fake: FakeCluster, cli: Cli, tmp_path: Path, command: str) -> None:
    plan = save(tmp_path, {("orders", 0): (1, 2), ("orders", 1): (1, 2)})
    step = ("--step", "1") if command == "drain" else ()
    process = start(cli, *list_commands(plan)[command], *step, "-b", fake.address)
    assert process.stderr is not None
    read_until(process.stderr, "partition")
    del fake.state.topics["orders"]
    _, stderr = process.communicate(timeout=30)
    assert [line for line in stderr.splitlines() if "error" in line or "hint" in line] == [
        "error: topic orders: it was deleted during the moves"
    ]
    assert process.returncode == 1


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_the_command_that_goes_on_can_be_typed(fake: FakeCluster, cli: Cli, tmp_path: Path, source: str) -> None:
    plan = save(tmp_path, {("orders", 0): (1, 2)})
    file, text = (plan, None) if source == "file" else ("-", plan.read_text())
    line = ("reassign", "execute", file, "--throttle", "5", "--no-wait", "--yes", "-b", fake.address)
    told = cli(*line, input=text, check=0).stderr
    verify, clear = f"kafkactl reassign verify '{plan}'", "kafkactl reassign list, and then remove throttles"
    assert (verify in told, clear in told) == (source == "file", source == "stdin")
    assert "FILE" not in told


def test_a_dead_broker_with_replicas_is_described_and_drained_before_it_is_unregistered(
    fake: FakeCluster, cli: Cli
) -> None:
    fence(fake, 3)
    cluster = ("-b", fake.address)
    shown = cli("brokers", "unregister", "3", "--dry-run", *cluster, check=0).stderr
    assert "would unregister broker 3: it is fenced and has 2 replicas" in shown
    assert "warning: its replicas would stay assigned to broker 3" in shown
    assert "kafkactl brokers drain 3" in shown
    assert "warning" not in cli("brokers", "unregister", "2", "--force", "--dry-run", *cluster, check=0).stderr
    cli.ok("brokers", "unregister", "3", "--yes", *cluster)
    described = json.loads(cli.ok("brokers", "describe", "3", "-o", "json", *cluster))["broker"]
    assert (described["state"], described["replicas"]) == ("absent", 2)
    assert " :-1" not in cli.ok("brokers", "describe", "3", *cluster)
    again = cli("brokers", "unregister", "3", "--yes", *cluster, check=1).stderr
    assert "broker 3 is not registered" in again
    assert "no replica that can be moved" in cli("brokers", "drain", "3", "other", "--yes", *cluster, check=0).stderr
    run_and_finish(fake, cli, "brokers", "drain", "3", "--yes", *cluster, check=0)
    for verb in ("describe", "drain", "unregister"):
        assert "broker not found: 3" in cli("brokers", verb, "3", *cluster, check=1).stderr


def test_another_number_of_replicas_counts_moves_that_run(fake: FakeCluster, cli: Cli) -> None:
    """One replica leaves partition 0 already; a plan over all its replicas would take the one that arrives."""
    fake.state.topics["orders"].partitions = [placed([1, 2]), placed([1])]
    fake.state.topics["orders"].all_partitions[0].target = [3]
    line = ("topics", "alter", "orders", "-r", "1", "-b", fake.address)
    shown = cli(*line, "--dry-run", check=0).stderr
    assert "partitions that are moving count as moved: 1" in shown
    assert "nothing to change" in shown
    cli.ok(*line, "--yes")
    assert fake.state.topics["orders"].all_partitions[0].target == [3]


def test_refused_moves_are_printed_also_where_the_wait_fails(fake: FakeCluster, cli: Cli) -> None:
    """The brokers go on with the others, and the error of the wait comes behind the results."""
    fake.state.topics["orders"].partitions = [placed([1, 2]), placed([1])]
    line = ("topics", "alter", "orders", "-r", "3", "-b", fake.address, "--timeout", "1")
    fake.on("AlterPartitionReassignments", error=39, item=("orders", 1), level="items")
    fake.on(
        "ListPartitionReassignments", freeze=True, when=lambda _: bool(fake.requests_of("AlterPartitionReassignments"))
    )
    told = cli(*line, check=1).stderr
    assert "orders" in told
    assert "no answer" in told


def test_one_broker_is_no_plural(cli: Cli) -> None:
    topics = [Topic("orders", [placed([1, 2]), placed([2, 1])]), Topic("one", [placed([1]), placed([2])])]
    with FakeCluster(brokers=2, topics=topics) as brokers:
        stays = cli("brokers", "drain", "2", "orders", "--yes", "-b", brokers.address, check=1).stderr
        assert "it has 2 replicas, and there is 1 other broker\n" in stays
        planned = cli("reassign", "generate", "orders", "--brokers", "1", "-b", brokers.address, check=1).stderr
        assert "has 2 replicas, and there is 1 broker\n" in planned


def test_a_plan_counts_moves_that_run_as_moved(fake: FakeCluster, cli: Cli) -> None:
    fake.state.topics["orders"].all_partitions[0].target = [1, 2]
    planned = cli("reassign", "generate", "orders", "--brokers", "1,2", "-o", "json", "-b", fake.address, check=0)
    assert [row["partition"] for row in json.loads(planned.stdout)["partitions"]] == [1]
    assert "partitions that are moving count as moved: 1" in planned.stderr


@pytest.mark.parametrize(
    ("line", "denial"),
    [
        (["brokers", "drain", "2", "nosuch", "--yes"], "no replica that can be moved"),
        (["leaders", "elect", "nosuch", "--yes"], "no partition needs"),
        (["reassign", "generate", "nosuch"], "partitions to change"),
        (["brokers", "balance", "nosuch", "--by", "count"], "nothing to move"),
        (["log-dirs", "move", "nosuch", "--broker", "1", "--to", "/var/lib/kafka", "--yes"], "nothing to move"),
        (["topics", "alter", "nosuch", "-r", "1", "--dry-run"], "nothing to change"),
    ],
)
def test_beside_an_error_nothing_is_called_done(fake: FakeCluster, cli: Cli, line: list[str], denial: str) -> None:
    failed = cli(*line, "-b", fake.address, check=1)
    assert "not found: 'nosuch'" in failed.stderr
    assert denial not in failed.stderr


@pytest.mark.parametrize("topic", ["nosuch", "orders"])
def test_a_refused_plan_is_only_an_error(fake: FakeCluster, cli: Cli, tmp_path: Path, topic: str) -> None:
    plan = save(tmp_path, {(topic, 7): (1,)})
    for line in (["execute", plan, "--yes"], ["execute", plan, "--dry-run"], ["cancel", plan, "--yes"]):
        failed = cli("reassign", *line, "-b", fake.address, check=1)
        assert f"partition not found: {topic}-7" in failed.stderr
        assert "nothing to" not in failed.stderr


def test_a_cancellation_names_what_does_not_exist(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    fake.state.topics["other"].all_partitions[0].target = [2]
    plan = save(tmp_path, {("other", 0): (2,), ("other", 9): (2,), ("orders", 0): (1, 3)})
    cancelled = cli("reassign", "cancel", plan, "--yes", "-b", fake.address, check=1)
    assert "cancelled" in cancelled.stdout
    assert cancelled.stderr.count("not found: ") == 1
    assert "partition not found: other-9" in cancelled.stderr


def test_a_silent_broker_does_not_end_the_wait_for_its_directories(fake: FakeCluster) -> None:
    """It may still move them; without the replica it would be a failed move, and the throttles would be removed."""
    cluster = Cluster(Settings(fake.address, "a test", {}, timeout_s=1))
    try:
        fake.on("DescribeLogDirs", broker=1, freeze=True)
        texts = find_unmoved(cluster, {("orders", 0, 1): "/disk2"})
    finally:
        cluster.close()
    assert texts[("orders", 0, 1)].startswith("moving to /disk2")
    assert "broker 1 does not answer" in texts[("orders", 0, 1)]


def test_a_replica_may_be_in_a_directory_that_cannot_be_used(fake: FakeCluster) -> None:
    fake.state.brokers[1].more_log_dirs = ("/disk2",)
    fake.state.topics["orders"].partitions[0].log_dirs[1] = "/disk2"
    cluster = Cluster(Settings(fake.address, "a test", {}, timeout_s=1))

    def fail(_: object, usual: dict[str, Any]) -> dict[str, Any]:
        lost = {"error_code": 56, "topics": []}
        return {**usual, "results": [row | lost if row["log_dir"] == "/disk2" else row for row in usual["results"]]}

    try:
        fake.on("DescribeLogDirs", broker=1, answer=fail)
        texts = find_unmoved(cluster, {("orders", 0, 1): "/disk2", ("orders", 0, 3): "/disk2"})
    finally:
        cluster.close()
    assert texts["orders", 0, 1].endswith("or it is in /disk2, which the broker cannot use")
    assert "cannot use" not in texts["orders", 0, 3]


def test_a_move_between_directories_that_was_cancelled_is_no_success(fake: FakeCluster, cli: Cli) -> None:
    fake.state.brokers[1].more_log_dirs = ("/disk2",)
    fake.on("AlterReplicaLogDirs", applied=False)  # taken, and given up at once
    line = ("log-dirs", "move", "orders", "--partitions", "0", "--broker", "1", "--to", "/disk2", "--yes")
    done = cli(*line, "-b", fake.address, check=1)
    assert "not moved" in done.stderr


def test_the_check_after_a_move_between_directories_shows_directories(fake: FakeCluster, cli: Cli) -> None:
    fake.state.brokers[1].more_log_dirs = ("/disk2",)
    fake.on("AlterReplicaLogDirs", close=True)
    line = ("log-dirs", "move", "orders", "--partitions", "0", "--broker", "1", "--to", "/disk2", "--yes", "--no-wait")
    done = cli(*line, "-b", fake.address, check=3)
    assert "may have been done" in done.stderr
    assert "kafkactl log-dirs describe" in done.stderr


@pytest.mark.parametrize("wait", [True, False])
def test_a_move_between_directories_without_an_answer_may_run(
    fake: FakeCluster, cli: Cli, tmp_path: Path, wait: bool
) -> None:
    """The wait looks where it is; without the wait it keeps its throttles."""
    fake.state.brokers[1].more_log_dirs = ("/second",)
    fake.on("AlterReplicaLogDirs", close=True, applied=not wait)
    plan = save(tmp_path, {("other", 0): (1,)}, {("other", 0, 1): "/second"})
    line = ("reassign", "execute", plan, "--yes", "--replica-alter-log-dirs-throttle", "1000", "-b", fake.address)
    done = cli(*line, *([] if wait else ["--no-wait"]), check=1 if wait else 3)
    assert ("and not in /second" if wait else "may have been done") in done.stderr
    assert bool(fake.state.configs.get((BROKER, "1"))) is not wait


def test_a_cancellation_is_shown_also_where_throttles_cannot_be_read(fake: FakeCluster, cli: Cli) -> None:
    fake.state.topics["orders"].all_partitions[0].target = [2, 3]
    fake.on("DescribeConfigs", error=-1, level="items")
    done = cli("reassign", "cancel", "--all", "--yes", "-b", fake.address)
    assert done.returncode == 1
    assert "cancelled" in done.stdout


def test_moves_that_have_begun_are_shown_also_where_the_wait_fails(fake: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    plan = save(tmp_path, {("orders", 0): [2, 3], ("orders", 1): [2, 3]})
    fake.on("AlterPartitionReassignments", error=39, item=("orders", 1), level="items")
    begun = fake.requests_of
    fake.on("ListPartitionReassignments", freeze=True, when=lambda _: bool(begun("AlterPartitionReassignments")))
    told = cli("reassign", "execute", plan, "--yes", "--timeout", "1", "-b", fake.address, check=1)
    assert "orders-0   moving to 2,3" in told.stdout
    assert "partition orders-1: " in told.stderr
    assert "no answer" in told.stderr


def test_a_refused_move_of_a_partition_that_moves_elsewhere_is_not_waited_for(
    fake: FakeCluster, cli: Cli, tmp_path: Path
) -> None:
    """The running reassignment never ends here."""
    fake.state.topics["other"].all_partitions[0].target = [2]
    fake.on("AlterPartitionReassignments", error=39, item=("other", 0), level="items")
    plan = save(tmp_path, {("other", 0): (3,)})
    ended = cli("reassign", "execute", plan, "--additional", "--yes", "-o", "json", "-b", fake.address, check=1)
    assert [row["name"] for row in json.loads(ended.stdout)] == ["other-0"]


@pytest.mark.parametrize("broker", [1, 2, 3])
def test_a_throttle_whose_answer_is_lost_does_not_stay(
    broker: int, fake: FakeCluster, cli: Cli, tmp_path: Path
) -> None:
    plan = save(tmp_path, {("orders", 0): [2, 3]})
    fake.on(
        "IncrementalAlterConfigs",
        freeze=True,
        applied=True,
        times=1,
        when=lambda request: any(
            each["resource_type"] == BROKER and each["resource_name"] == str(broker)
            for each in request.fields["resources"]
        ),
    )
    cluster = ("-b", fake.address, "--timeout", 2)
    done = cli(*cluster, "reassign", "execute", plan, "--throttle", 1000, "--yes")
    assert done.returncode == 3
    assert "nothing was moved" in done.stderr
    assert not fake.requests_of("AlterPartitionReassignments")
    names = {name for values in fake.state.configs.values() for name in values}
    assert not {name for name in names if "throttled" in name}


@pytest.mark.parametrize("waits", [True, False])
def test_moves_that_the_answer_leaves_out_keep_their_throttles(
    fake: FakeCluster, cli: Cli, tmp_path: Path, waits: bool
) -> None:
    """They may have begun: their end is waited for, and nothing runs without its limit."""
    fake.on("AlterPartitionReassignments", answer=lambda _, usual: {**usual, "responses": []})
    line = ("-b", fake.address, "reassign", "execute", save(tmp_path, {("orders", 0): [2, 3]}), "--yes", "--throttle")
    if waits:
        done = run_and_finish(fake, cli, *line, 1_000_000, check=0)
        assert "orders-0" in done.stdout
        assert "moved to 2,3" in done.stdout
        assert not fake.state.configs.get((BROKER, "1"))
    else:
        done = cli(*line, 1_000_000, "--no-wait", check=3)
        assert "no answer" in done.stderr
        assert "reassign verify" in done.stderr
        assert fake.state.configs[BROKER, "1"]["leader.replication.throttled.rate"] == "1000000"


def test_another_order_of_the_replicas_of_a_running_move_is_another_move(
    fake: FakeCluster, cli: Cli, tmp_path: Path
) -> None:
    """The first replica is the preferred leader."""
    line = ("-b", fake.address, "reassign", "execute", "--yes")
    cli(*line, "--no-wait", save(tmp_path, {("orders", 0): [2, 3]}, name="first.json"), check=0)
    second = save(tmp_path, {("orders", 0): [3, 2]}, name="second.json")
    assert "--additional" in cli(*line, second, check=1).stderr
    done = run_and_finish(fake, cli, *line, second, "--additional", check=0)
    assert "moved to 3,2" in done.stdout
    assert fake.state.topics["orders"].partitions[0].replicas == [3, 2]


def test_kafkas_style_keeps_throttles_of_moves_that_it_could_not_cancel(
    fake: FakeCluster, cli: Cli, tmp_path: Path
) -> None:
    """A broker that does not answer goes on with its moves between directories, which would have no limit."""
    fake.state.configs[BROKER, "1"] = {"replica.alter.log.dirs.io.max.bytes.per.second": "1000"}
    fake.on("DescribeLogDirs", broker=1, freeze=True)
    plan = save(tmp_path, {("orders", 0): (1, 3)}, {("orders", 0, 1): "/var/lib/kafka", ("orders", 0, 3): "/x"})
    config = tmp_path / "c.properties"
    config.write_text("default.api.timeout.ms=2000\n")
    line = (
        "--bootstrap-server",
        fake.address,
        "--command-config",
        config,
        "--cancel",
        "--reassignment-json-file",
        plan,
    )
    done = cli("kafka-reassign-partitions", *line, check=1)
    assert "Timed" in done.stdout + done.stderr
    assert fake.state.configs[BROKER, "1"] == {"replica.alter.log.dirs.io.max.bytes.per.second": "1000"}
