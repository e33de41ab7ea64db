"""What kafka-consumer-groups cannot tell, on real groups."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pexpect
import pytest
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.clusters import RunningCluster, eventually, free_base, running, wait_for_coordinators
from tests.conftest import Cli


@pytest.fixture
def topic(cluster: RunningCluster, name: str) -> str:
    """Three partitions with ten records each, of which a group of the topic's name has read four."""
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 3, "-r", cluster.brokers)
    for partition in range(3):
        cli.ok("produce", name, "--partition", partition, input="x\n" * 10)
    cli.ok("groups", "reset-offsets", name, "--topic", name, "--to-offset", 4, "--execute", "--yes")
    return name


def lag(cluster: RunningCluster, group: str, *flags: object) -> dict[str, object]:
    (told,) = json.loads(cluster.cli("groups", "describe", group, "--lag", *flags, "-o", "json").stdout)
    return told  # type: ignore[no-any-return]


def test_how_late_in_time(cluster: RunningCluster, topic: str) -> None:
    assert lag(cluster, topic)["total_lag"] == 18
    eventually(lambda: 1000 <= lag(cluster, topic)["time_lag_ms"] < 120_000)  # type: ignore[operator]
    cluster.cli.ok("groups", "reset-offsets", topic, "--topic", topic, "--to-latest", "--execute", "--yes")
    assert lag(cluster, topic)["time_lag_ms"] == 0
    assert lag(cluster, topic, "--no-time")["time_lag_ms"] is None


def test_the_pace(cluster: RunningCluster, topic: str) -> None:
    told = lag(cluster, topic, "--interval", "500ms")
    assert (told["produced_per_s"], told["consumed_per_s"], told["catches_up_in_s"]) == (0.0, 0.0, None)
    assert "never catches up at this pace" in cluster.cli.ok(
        "groups", "describe", topic, "--lag", "--interval", "300ms"
    )


def test_conditions_for_monitors(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    cli.ok("groups", "describe", topic, "--fail-if", "lag>18")
    done = cli("groups", "describe", topic, "--fail-if", "lag>17", "--fail-if", "state!=Stable", check=4)
    assert done.stderr.count("error: ") == 2
    assert f"{topic}: lag is 18 (lag>17)" in done.stderr
    cli("groups", "describe", topic, "--fail-if", "time<1h", check=4)
    assert "not a condition" in cli("groups", "describe", topic, "--fail-if", "lag", check=2).stderr
    for shown in ("--members", "--state"):
        cli("groups", "describe", topic, shown, "--fail-if", "state=Empty", check=4)
        cli.ok("groups", "describe", topic, shown, "--fail-if", "members>0")


def test_conditions_hold_for_groups_that_are_not_shown(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    cli.ok("groups", "clone", topic, f"{topic}.z", "--execute")
    done = cli("groups", "describe", topic, f"{topic}.z", "--top", 1, "--fail-if", "lag>17", check=4)
    assert done.stderr.count("lag is 18") == 2


@pytest.mark.parametrize(
    ("shown", "option"),
    [
        ("--members", ("--watch", "1s")),
        ("--members", ("--fail-if", "lag>3")),
        ("--state", ("--fail-if", "time>3s")),
        ("--state", ("--interval", "1s")),
        ("--state", ("--top", 1)),
        ("--members", ("--read-committed",)),
        ("--members", ("--no-time",)),
        ("--watch=1s", ("--fail-if", "lag>3")),
        ("--watch=1s", ("--interval", "1s")),
    ],
)
def test_an_option_without_effect_is_refused(shown: str, option: tuple[object, ...], kraft: RunningCluster) -> None:
    told = kraft.cli("groups", "describe", "any", shown, *option, check=2).stderr
    assert "mutually exclusive" in told


def test_order_and_top(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    cli.ok("groups", "reset-offsets", f"{topic}.b", "--topic", topic, "--to-earliest", "--execute", "--yes")
    told = json.loads(
        cli.ok("groups", "describe", "--match", f"{re.escape(topic)}.*", "--sort", "lag", "--top", 1, "-o", "json")
    )
    assert [one["description"]["group"] for one in told] == [f"{topic}.b"]
    assert "invalid value 'size' for --sort" in cli("groups", "describe", topic, "--sort", "size", check=2).stderr


def test_watching_in_a_pipe_gives_json_lines(cluster: RunningCluster, topic: str) -> None:
    process = cluster.cli.start("groups", "describe", topic, "--watch", "200ms", stdout=subprocess.PIPE)
    assert process.stdout is not None
    rows = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert [row["total_lag"] for row in rows] == [18, 18, 18]
    assert rows[0]["consumed_per_s"] is None
    assert rows[2]["consumed_per_s"] == 0.0


def test_watching_shows_the_fastest_group(kraft: RunningCluster, name: str) -> None:
    """Rates are known from the second look on, and only then do they choose."""
    cli = kraft.cli
    for each in ("a", "z"):
        cli.ok("topics", "create", f"{name}.{each}", "-p", 1)
        reset = ("groups", "reset-offsets", f"{name}.{each}", "--topic", f"{name}.{each}", "--to-earliest")
        cli.ok(*reset, "--execute", "--yes")
    watch = ("groups", "describe", "--match", f"{name}.*", "--watch", "300ms", "--sort", "rate", "--top", 1)
    process = cli.start(*watch, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["group"] == f"{name}.a"

        def is_found() -> bool:
            cli.ok("produce", f"{name}.z", input="x\n" * 50)
            return json.loads(process.stdout.readline())["group"] == f"{name}.z"  # type: ignore[union-attr]

        eventually(is_found)
    finally:
        process.kill()
        process.wait()


def test_metrics(cluster: RunningCluster, topic: str) -> None:
    text = cluster.cli.ok("groups", "describe", topic, "-o", "prometheus")
    assert f'kafka_consumergroup_lag{{consumergroup="{topic}",partition="1",topic="{topic}"}} 6.0' in text
    assert f'kafka_consumergroup_lag_sum{{consumergroup="{topic}"}} 18.0' in text
    assert "kafka_consumergroup_lag_seconds{" in text


def test_an_exporter_outlives_its_brokers(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    port = free_base(12392)
    exporter = cli.start(
        "-b", f"127.0.0.1:{port}", "groups", "exporter", "--port", 0, "--timeout", 3, stderr=subprocess.PIPE
    )  # fmt: skip
    try:
        assert exporter.stderr is not None
        address = re.search(r"http://\S+/metrics", exporter.stderr.readline())
        assert address is not None
        assert "127.0.0.1" in address[0], "on loopback unless told otherwise"

        def scraped() -> str:
            with urllib.request.urlopen(address[0], timeout=60) as answer:
                return str(answer.read().decode())

        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                scraped()
            cli.ok("local", "up", "kraft", "--engine", "native", "--port", port)
            wait_for_coordinators(cli)
            cli.ok("topics", "create", "t", "--if-not-exists", "-p", 1)
            cli.ok("groups", "reset-offsets", "g", "--topic", "t", "--to-earliest", "--execute", "--yes")
            text = scraped()
            assert "kafkactl_up 1.0" in text
            assert 'kafka_consumergroup_lag{consumergroup="g",partition="0",topic="t"} 0.0' in text
            cli.ok("local", "down", "kraft")
    finally:
        exporter.send_signal(signal.SIGINT)
        exporter.wait(timeout=30)
        cli("local", "down", "--all", "--wipe")


def test_copies_exports_and_imports(cluster: RunningCluster, topic: str, tmp_path: Path) -> None:
    cli = cluster.cli
    shown = cli("groups", "clone", topic, f"{topic}.copy", check=0)
    assert "nothing done yet" in shown.stderr
    assert f"{topic}.copy" not in cli.ok("groups", "list").split()
    cli.ok("groups", "clone", topic, f"{topic}.copy", "--execute")
    shown = json.loads(cli.ok("groups", "clone", topic, f"{topic}.part", "--topic", f"{topic}:0,2", "-o", "json"))
    assert [row["partition"] for row in shown] == [0, 2]
    assert "topic not found" in cli("groups", "clone", topic, "new", "--topic", f"{topic}.none", check=1).stderr
    cli.ok("topics", "create", f"{topic}.unread")
    told = cli("groups", "clone", topic, "new", "--topic", f"{topic}.unread", "--execute", check=1)
    assert f"group {topic} has committed no offsets in {topic}.unread" in told.stderr
    before, after = tmp_path / "before.yaml", tmp_path / "after.yaml"
    before.write_text(cli.ok("groups", "export", f"{topic}.copy"))
    assert yaml.safe_load(before.read_text()) == {"groups": {f"{topic}.copy": {topic: {0: 4, 1: 4, 2: 4}}}}
    cli.ok("groups", "reset-offsets", f"{topic}.copy", "--topic", f"{topic}:1", "--shift-by", 3, "--execute", "--yes")
    after.write_text(cli.ok("groups", "export", f"{topic}.copy"))
    told = json.loads(cli("groups", "diff", before, after, "-o", "json", check=4).stdout)
    assert [(row["partition"], row["left"], row["right"], row["moved"]) for row in told] == [(1, 4, 7, 3)]
    cli.ok("groups", "diff", before, before)
    cli.ok("groups", "import", before, "--execute")
    assert cli.ok("groups", "export", f"{topic}.copy") == before.read_text()


def test_a_misspelt_group_beside_a_right_one(cluster: RunningCluster, topic: str) -> None:
    done = cluster.cli("groups", "reset-offsets", topic, f"{topic}.typo", "--all-topics", "--to-latest", "-o", "json")
    assert (done.returncode, {row["group"] for row in json.loads(done.stdout)}) == (1, {topic})
    assert "group not found" in done.stderr


def test_what_cannot_be_reset(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    for flags, status, reason in (
        (["--topic", topic], 2, "missing option for the new offsets"),
        (["--to-earliest"], 2, "missing option: --topic, --all-topics or --from-file"),
        (["--topic", topic, "--to-earliest", "--to-latest"], 2, "options for the new offsets are mutually exclusive"),
        (["--topic", f"{topic}:9", "--to-earliest"], 1, "has no partition 9"),
        (["--topic", f"{topic}:x", "--to-earliest"], 2, "not partition numbers"),
        (["--topic", f"{topic}:1_0", "--to-earliest"], 2, "not partition numbers"),
        (["--topic", "no-such-topic", "--to-earliest"], 1, "topic not found"),
        (["--topic", topic, "--to-earliest", "--execute", "--dry-run"], 2, "mutually exclusive"),
        (["--from-file", "no-such-file"], 2, "cannot read no-such-file"),
    ):
        assert reason in cli("groups", "reset-offsets", topic, *flags, check=status).stderr, flags
    missing = cli("groups", "reset-offsets", f"{topic}.new", "--topic", topic, "--shift-by", 1, "--yes", check=1)
    assert "committed nothing to shift" in missing.stderr
    far = cli("groups", "reset-offsets", topic, "--topic", f"{topic}:0", "--to-offset", 999, check=0)
    assert "has no offset 999: 10 is used" in far.stderr


def test_a_group_at_work_is_not_reset(cluster: RunningCluster, topic: str) -> None:
    cli = cluster.cli
    member = cli.start("consume", topic, "--group", topic, "-X", "group.instance.id=one", stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: topic in cli.ok("groups", "list", "--state", "Stable").split())
        refused = cli("groups", "reset-offsets", topic, "--topic", topic, "--to-earliest", "--execute", check=1)
        assert f"group {topic} is Stable" in refused.stderr
        busy = cli("groups", "delete-offsets", topic, "--topic", topic, "--yes", check=1)
        assert "subscribed" in busy.stderr
        eventually(lambda: all(row["instance_id"] == "one" for row in lag(cluster, topic)["partitions"]))  # type: ignore[attr-defined]
        assert "missing option: --member, --instance or --all" in cli("groups", "remove-members", topic, check=2).stderr
        put_out = cli.ok("groups", "remove-members", topic, "--instance", "one", "--yes")
        assert "put out" in put_out
    finally:
        member.kill()
        member.wait()


def test_a_killed_consumer_is_told_apart(kraft: RunningCluster, name: str) -> None:
    """Its group has a member that reads nothing until its session ends: stuck, and then nobody reads."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    arguments = ("--group", name, "--from-beginning", "-X", "session.timeout.ms=15000")
    member = cli.start("consume", name, *arguments, stdout=subprocess.DEVNULL)
    eventually(lambda: name in cli.ok("groups", "list", "--state", "Stable").split())
    cli.ok("produce", name, input="x\n")
    eventually(lambda: lag(kraft, name)["partitions"][0]["current_offset"] == 1)  # type: ignore[index]
    member.kill()
    member.wait()
    looking = cli.start("groups", "explain", name, "--interval", "2s", "-o", "json", stdout=subprocess.PIPE)
    while looking.poll() is None:
        cli.ok("produce", name, input="x\n")
    assert looking.stdout is not None
    assert f"{name}-0 is stuck" in looking.stdout.read()
    assert looking.returncode == 4
    eventually(lambda: cli("groups", "explain", name, "--interval", "100ms").stdout.count("nobody reads") == 1, 60)


def test_more_members_than_partitions(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("produce", name, input="x\n")
    members = [
        cli.start("consume", name, "--group", name, "--from-beginning", stdout=subprocess.DEVNULL) for _ in range(2)
    ]
    try:

        def crowded() -> bool:
            done = cli("groups", "explain", name, "--interval", "200ms", "-o", "json")
            return "more members than partitions" in done.stdout

        eventually(crowded, 60)
    finally:
        for member in members:
            member.kill()
            member.wait()


def test_open_transactions(kraft: RunningCluster, name: str) -> None:
    """Lag to the last stable offset, and commits that a transaction made."""
    kraft.cli.ok("topics", "create", name, "-p", 1)
    producer = Producer({"bootstrap.servers": kraft.bootstrap_servers, "transactional.id": name})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(name, "a")
    producer.flush()
    consumer = Consumer({"bootstrap.servers": kraft.bootstrap_servers, "group.id": name})
    consumer.assign([TopicPartition(name, 0)])
    consumer.poll(0)
    producer.send_offsets_to_transaction([TopicPartition(name, 0, 0)], consumer.consumer_group_metadata())
    producer.commit_transaction()
    producer.begin_transaction()
    producer.produce(name, "b")
    producer.flush()
    open_, stable = lag(kraft, name), lag(kraft, name, "--read-committed")
    assert (open_["total_lag"], stable["total_lag"]) == (3, 2), "a record and a marker are stable, a record is not"
    reader = f"{name}.reader"
    kraft.cli.ok("groups", "reset-offsets", reader, "--topic", name, "--to-offset", 3, "--execute", "--yes")
    (row,) = lag(kraft, reader, "--read-committed")["partitions"]  # type: ignore[misc,index]
    assert (row["commit"], row["lag"], row["time_lag_ms"]) == ("ok", 0, 0), "it has read what is not committed yet"
    kraft.cli.ok("groups", "reset-offsets", reader, "--topic", name, "--to-offset", 2, "--execute", "--yes")
    for setting in ("isolation.level=read_committed", "auto.offset.reset=latest"):
        time_lag = lag(kraft, reader, "-X", setting)["time_lag_ms"]
        assert isinstance(time_lag, int)
        assert time_lag > 0, f"{setting} is about other consumers"
    producer.abort_transaction()
    consumer.close()


def test_a_record_without_a_timestamp(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 1)
    producer = Producer({"bootstrap.servers": kraft.bootstrap_servers})
    producer.produce(name, "a", timestamp=-1)
    producer.flush()
    kraft.cli.ok("groups", "reset-offsets", name, "--topic", name, "--to-earliest", "--execute", "--yes")
    told = lag(kraft, name)
    assert (told["total_lag"], told["time_lag_ms"]) == (1, None)


def test_a_broker_that_is_down(tmp_path: Path) -> None:
    """What it leads is not known, told so, and never a lag of zero."""
    with running("kraft-cluster", tmp_path, 12492) as cluster:
        cli = cluster.cli
        cli.ok("topics", "create", "t", "--replica-assignment", "1,2,3")
        for partition in range(3):
            cli.ok("produce", "t", "--partition", partition, input="x\n" * 5)
        cli.ok("groups", "reset-offsets", "g", "--topic", "t", "--to-offset", 2, "--execute", "--yes")
        coordinator = json.loads(cli.ok("groups", "describe", "g", "--state", "-o", "json"))[0]["coordinator"]["id"]
        victim = next(node for node in (1, 2, 3) if node != coordinator)
        nodes = json.loads(cli.ok("local", "status", "-o", "json"))
        pid = next(node["pid"] for node in nodes if node["node"] == f"kafka-{victim}")
        os.kill(pid, signal.SIGKILL)

        def told() -> bool:
            done = cli("groups", "describe", "g", "--lag", "--timeout", 5, "-o", "json")
            if not done.stdout:
                return False
            (one,) = json.loads(done.stdout)
            lags = {row["partition"]: row["lag"] for row in one["partitions"]}
            expected = {number: None if number == victim - 1 else 3 for number in range(3)}
            return lags == expected and one["unknown_partitions"] == 1 and done.returncode == 1

        eventually(told, 90)


def test_watching_at_a_terminal_draws_a_table(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("groups", "reset-offsets", name, "--topic", name, "--to-earliest", "--execute", "--yes")
    command, *arguments = cli.command("groups", "describe", name, "--watch", "300ms")
    environment = {**cli.full_environment(), "TERM": "xterm", "COLUMNS": "200"}
    terminal = pexpect.spawn(
        command,
        arguments,
        env=environment,
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 200),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # CI runs in the background and ignores it
    )
    terminal.expect("LAG SO FAR")
    cli.ok("produce", name, input="x\n" * 5)
    terminal.expect("▁+█")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)


def test_types_of_groups(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("groups", "reset-offsets", name, "--topic", name, "--to-earliest", "--execute", "--yes", "--timeout", 60)
    assert name in cli.ok("groups", "list", "--type", "classic").split()
    assert name not in cli.ok("groups", "list", "--type", "consumer").split()
    for other in ("share", "streams"):
        assert name not in cli.ok("groups", "list", "--type", other).split()
    assert "invalid value 'squares' for --type" in cli("groups", "list", "--type", "squares", check=2).stderr
