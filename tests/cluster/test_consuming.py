"""What console-consumer does beyond printing on and on: ranges, filters, the compacted view, and groups."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.clusters import RunningCluster


def shown(cluster: RunningCluster, *arguments: object) -> list[str]:
    return cluster.cli.ok("consume", *arguments).split()


def committed(cluster: RunningCluster, group: str) -> int:
    (told,) = json.loads(cluster.cli.ok("groups", "describe", group, "-o", "json"))
    return sum(each["current_offset"] or 0 for each in told["partitions"])


def test_ranges(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 2, "-c", "retention.ms=-1")  # the times are long past
    for second in range(6):
        stamp = f"2026-01-01T00:00:0{second}"
        cli.ok("produce", name, "--partition", second % 2, "--timestamp", stamp, input=f"{second}\n")
    assert shown(cluster, name, "--from-time", "2026-01-01T00:00:02", "--to-time", "2026-01-01T00:00:04") != []
    between = shown(cluster, name, "--from-time", "2026-01-01T00:00:02", "--to-time", "2026-01-01T00:00:04")
    assert sorted(between) == ["2", "3", "4"]
    assert sorted(shown(cluster, name, "--from-time", "2026-01-01", "--to-time", "2027-01-01")) == list("012345")
    assert shown(cluster, name, "--from-time", "2027-01-01", "--exit") == []
    assert shown(cluster, name, "--tail", 1) == ["4", "5"]
    assert shown(cluster, name, "--tail", 9, "--partition", 1) == ["1", "3", "5"]
    assert shown(cluster, name, "--partition", 1, "--offset", 1, "--to-offset", 2) == ["3"]
    assert sorted(shown(cluster, name, "--from-beginning", "--to-offset", 1)) == ["0", "1"]
    assert shown(cluster, "--assign", f"{name}:1:2", "--assign", f"{name}:0:9", "--exit") == ["5"]
    assert sorted(shown(cluster, "--include", f"{name}|{name}-none", "--from-beginning", "--exit")) == list("012345")
    told = cli("consume", name, "--offset", 9, "--partition", 1, "--exit", check=0).stderr
    assert f"{name}-1 has no offset 9 yet: it is read from its end, 3" in told
    cli.ok("records", "delete", name, "--partitions", 0, "--before-offset", 2, "--yes")
    done = cli("consume", name, "--offset", 1, "--partition", 0, "--exit", check=0)
    assert done.stdout == "4\n"
    assert f"{name}-0 has no offset 1 any more: it is read from its first, 2" in done.stderr
    for begin in (
        ["--assign", f"{name}:0:0"],
        ["--assign", f"{name}:0:earliest"],
        [name, "--partition", 0, "--offset", 0],
    ):
        assert shown(cluster, *begin, "--exit") == ["4"]


@pytest.mark.parametrize("client", ["compiled", "pure"])
def test_both_receivers_read_alike(kraft: RunningCluster, name: str, client: str) -> None:
    """What is there and what is not, partitions whose ends are reached one after the other, and limits."""
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS=client)
    cli.ok("topics", "create", name, "-p", 3)
    given: list[dict[str, object]] = [
        {"key": None, "value": "plain"},
        {"key": "k", "value": None},
        {"key": "", "value": ""},
        {"key": "한", "value": "x" * 700_000},
    ]
    lines = [json.dumps({**each, "partition": number % 2}) for number, each in enumerate(given * 60)]
    cli.ok("produce", name, "--input", "json", input="\n".join(lines) + "\n")
    flags = ["--from-beginning", "--property", "print.key=true", "--property", "key.separator=|"]
    expected = sorted(["null|plain", "k|null", "|", "한|" + "x" * 700_000] * 60)
    # The greatest of them fill many a piece of text, and a topic's fetches more than one.
    done = cli("consume", name, *flags, "-e", check=0)
    assert sorted(done.stdout.splitlines()) == expected
    assert done.stderr == "Processed a total of 240 messages\n"
    assert sorted(cli.ok("consume", name, "--from-beginning", "-e").splitlines()) == sorted(
        line.split("|", 1)[1] for line in expected
    )
    assert cli.ok("consume", name, "--partition", 2, "--from-beginning", "-e") == ""
    assert cli.ok("consume", name, "--partition", 0, "--offset", 3, "-n", 2) == "\nplain\n"
    assert cli.ok("consume", name, "--from-beginning", "-n", 0) == ""
    # Nothing more comes, and no end is asked for: it stops when the time is up.
    done = cli("consume", name, *flags, "--property", "null.literal=-", "--partition", 1, "--timeout-ms", 1500, check=0)
    assert len(done.stdout.splitlines()) == 120
    assert done.stdout.splitlines()[0] == "k|-"


@pytest.mark.parametrize("client", ["compiled", "pure"])
def test_what_cannot_be_read_is_an_error(kraft: RunningCluster, name: str, client: str) -> None:
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS=client)
    cli.ok("topics", "create", name, "-p", 2)
    cli.ok("produce", name, "--partition", 0, input="a\n")
    done = cli("consume", name, "--partition", 0, "--offset", 7, "-X", "auto.offset.reset=error", check=1)
    assert f"error: cannot read {name}: " in done.stderr
    assert "error: a client setting is wrong" in cli("consume", name, "-X", "fetch.min.bytes=-1", check=2).stderr
    assert "has no partition 9" in cli("consume", name, "--partition", 9, check=1).stderr


def test_the_last_records_where_offsets_have_gaps(kraft: RunningCluster, name: str) -> None:
    """Every transaction ends in a record of its own, which nobody reads."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    lines = "".join(f"{number}\n" for number in range(40))
    cli.ok("produce", name, "--transactional-id", name, "--transaction-size", 1, "--timeout", 60, input=lines)
    assert shown(kraft, name, "--tail", 5) == ["35", "36", "37", "38", "39"]
    assert len(shown(kraft, name, "--tail", 100)) == 40


def test_following_the_tail(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 1)
    kraft.cli.ok("produce", name, input="a\nb\nc\n")
    process = kraft.cli.start("consume", name, "--tail", 2, "--follow", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["b\n", "c\n"]
        kraft.cli.ok("produce", name, input="d\n")
        assert process.stdout.readline() == "d\n"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


@pytest.mark.parametrize("stop", [("--to-offset", 5), ("--to-time", "2099-01-01")])
@pytest.mark.parametrize("tail", [1, 9])
def test_following_the_tail_up_to_a_stop(tail: int, stop: tuple[object, ...], kraft: RunningCluster, name: str) -> None:
    """The end of the log is not the stop: it is waited for."""
    kraft.cli.ok("topics", "create", name, "-p", 1)
    kraft.cli.ok("produce", name, input="a\nb\nc\n")
    process = kraft.cli.start("consume", name, "--tail", tail, "--follow", *stop, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        for line in ["a\n", "b\n", "c\n"][-tail:]:
            assert process.stdout.readline() == line
        time.sleep(1.5)  # the client has told the end of the partition by then
        assert process.poll() is None
        kraft.cli.ok("produce", name, input="d\ne\nf\n")
        assert [process.stdout.readline() for _ in range(2)] == ["d\n", "e\n"]
        if stop[0] == "--to-offset":
            assert process.wait(timeout=30) == 0
            assert process.stdout.read() == ""
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_filters(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    lines = "".join(f'k{n}\t{{"id": {n}, "user": {{"name": "u{n % 3}"}}}}\n' for n in range(30))
    cli.ok("produce", name, "--property", "parse.key=true", input=lines)
    cli.ok("produce", name, "--header", "type=other", "--key", "last", input="not json\n")
    read = [name, "--from-beginning", "--exit", "--format", "%k\\n"]
    assert shown(kraft, *read, "--where", ".id >= 28") == ["k28", "k29"]
    assert shown(kraft, *read, "--where", ".user.name == u1", "--key-matches", "^k1") == [
        "k1",
        "k10",
        "k13",
        "k16",
        "k19",
    ]
    assert shown(kraft, *read, "--header-matches", "type=^oth") == ["last"]
    assert shown(kraft, *read, "--value-matches", "not", "-n", 1) == ["last"]
    group = [*read[:2], "--group", name, "--format", "%k\\n", "--where", ".id > 9", "-n", 2]
    assert shown(kraft, *group) == ["k10", "k11"]
    assert committed(kraft, name) == 12  # what was passed over on the way is read, too
    assert shown(kraft, *group) == ["k12", "k13"]


def test_the_compacted_view(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 3)
    lines = "".join(f"k{n % 5}\t{n}\n" for n in range(100)) + "k4\tNIL\n"
    cli.ok("produce", name, "--property", "parse.key=true", "--property", "null.marker=NIL", input=lines)
    cli.ok("produce", name, input="no key\n")
    done = cli("consume", name, "--from-beginning", "--dedupe-latest", "--format", "%k=%s\\n", check=0)
    assert sorted(done.stdout.split()) == ["k0=95", "k1=96", "k2=97", "k3=98"]
    assert "1 records without a key are left out" in done.stderr


def test_raw_and_templates(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 1)
    kraft.cli.ok("produce", name, input="a\nb\n")
    assert kraft.cli.ok("consume", name, "--from-beginning", "-e", "-o", "raw") == "ab"
    told = kraft.cli("consume", name, "-o", "json", "--format", "%s", check=2).stderr
    assert "-o, --format and --formatter are mutually exclusive" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--offset", "3"], "--offset needs --partition"),
        (["--tail", "1", "--from-beginning"], "--tail and --from-beginning are mutually exclusive"),
        (["--group", "g", "--tail", "1"], "--tail and a group are mutually exclusive"),
        (["--group", "g", "--partition", "0"], "--partition and a group are mutually exclusive"),
        (["--to-offset", "1", "--to-time", "2026-01-01"], "--to-offset and --to-time are mutually exclusive"),
        (["--group-protocol", "consumer"], "--group-protocol needs a group"),
        (["--group", "g", "--group-protocol", "new"], "invalid value 'new' for --group-protocol"),
        (["--isolation-level", "all"], "invalid value 'all' for --isolation-level"),
        (["--formatter", "com.example.Mine"], "unknown class 'com.example.Mine' for --formatter"),
        (["--dedupe-latest", "--follow"], "--dedupe-latest and --follow are mutually exclusive"),
        (["--include", "a"], "--include and TOPIC are mutually exclusive"),
        (["--assign", "t:0"], "--assign and TOPIC are mutually exclusive"),
        (["--from-time", "soon"], "invalid value 'soon' for --from-time"),
        (["--value-deserializer", "com.example.Mine"], "unknown decoder class 'com.example.Mine'"),
    ],
)
def test_wrong_flags_are_told(kraft: RunningCluster, arguments: list[str], told: str) -> None:
    done = kraft.cli("consume", "any", *arguments, check=2)
    assert told in done.stderr
    assert done.stdout == ""


def test_nothing_matches(kraft: RunningCluster, name: str) -> None:
    assert "no topic matches" in kraft.cli("consume", "--include", f"{name}.*", "--exit", check=1).stderr
    assert "has no partition 7" in kraft.cli("consume", "--assign", "__consumer_offsets:700", check=1).stderr.replace(
        "700", "7"
    )


@pytest.mark.parametrize(
    "flags",
    [["--group-protocol", "classic"], ["--assignor", "cooperative-sticky"], ["--group-protocol", "consumer"]],
    ids=["classic", "cooperative", "consumer"],
)
def test_rebalances_are_told(kraft: RunningCluster, name: str, flags: list[str]) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 4)
    member = ["consume", name, "--group", name, "-v", *flags]

    def told(process: subprocess.Popen[str], begin: str) -> str:
        """The first line of that kind: a member may first be given nothing, until others have let go."""
        assert process.stderr is not None
        return next(line for line in process.stderr if line.startswith(begin))

    first = cli.start(*member, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert told(first, f"assigned: {name}-") == f"assigned: {', '.join(f'{name}-{n}' for n in range(4))}\n"
    second = cli.start(*member, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        given_up = told(first, f"revoked: {name}-").count(name)
        assert given_up == (4 if "classic" in flags else 2)  # eagerly all, or only what the other gets
        assert told(second, f"assigned: {name}-").count(name) == 2
    finally:
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (143, 143)


def test_a_static_member_keeps_its_partitions(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 2)
    cli.ok("produce", name, input="a\nb\n")
    for _ in range(2):
        cli.ok("consume", name, "--group", name, "--group-instance-id", "one", "--from-beginning", "--exit")
        (told,) = json.loads(cli.ok("groups", "describe", name, "--members", "-o", "json"))
        assert [member["instance_id"] for member in told["members"]] == ["one"]


def test_a_killed_consumer_rereads_but_never_skips(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 3)
    lines = [str(number) for number in range(30_000)]
    cli.ok("produce", name, input="".join(f"{line}\n" for line in lines))
    seen: set[str] = set()
    fast = ["-X", "auto.commit.interval.ms=20", "-X", "session.timeout.ms=6000"]
    for kills in range(4):
        process = cli.start(
            "consume", name, "--group", name, "--from-beginning", "-e", *fast,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        if kills < 3:
            seen.update(process.stdout.readline().strip() for _ in range(1500))
            process.send_signal(signal.SIGKILL)
        # What a killed one has written before is read as well; a last line may be cut.
        rest = process.stdout.read()
        seen.update(rest.rpartition("\n")[0].split("\n"))
        process.wait(timeout=60)
    assert set(lines) <= seen


def test_systest_events(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    shown_all = kraft.cli.ok("consume", name, "--enable-systest-events", "--timeout-ms", 100)
    assert shown_all == "shutdown_complete\n"


def test_a_timeout_ends_it(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    started = time.monotonic()
    kraft.cli.ok("consume", name, "--timeout-ms", 300)
    assert time.monotonic() - started >= 0.3


def test_a_rack_reads_from_its_own_replica(kraft_cluster: RunningCluster, name: str) -> None:
    """librdkafka's debug lines tell which broker it fetches from; the leader is one for all racks."""
    kraft_cluster.cli.ok("topics", "create", name, "--replica-assignment", "1:2:3")
    kraft_cluster.cli.ok("produce", name, input="a\n" * 100)
    for broker, rack in enumerate("abc", 1):
        flags = ["--from-beginning", "-e", "--client-rack", rack, "-X", "debug=fetch"]
        done = kraft_cluster.cli("consume", name, *flags, check=0)
        assert done.stdout == "a\n" * 100
        fetches = re.findall(rf"/([0-9]+): Fetch topic {name} \[0\] at offset 100 ", done.stderr)
        assert set(fetches) == {str(broker)}


def test_the_idle_time_counts_from_the_first_assignment(kraft: RunningCluster, name: str) -> None:
    """A group needs seconds to give partitions: that is no time without records."""
    kraft.cli.ok("produce", name, input="a\nb\n")
    done = kraft.cli.ok("consume", name, "--group", name, "--from-beginning", "--timeout-ms", 1500)
    assert done == "a\nb\n"


def test_a_member_without_partitions_ends(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 1)
    holder = kraft.cli.start("consume", name, "--group", name, "-v", stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        assert holder.stderr is not None
        while "assigned" not in holder.stderr.readline():
            pass
        for _ in range(2):  # whoever of the two has the partition, both come to an end
            assert kraft.cli("consume", name, "--group", name, "--exit").returncode == 0
    finally:
        holder.terminate()
        holder.communicate()


def test_a_group_and_a_beginning_may_be_client_settings(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    """As with Kafka's tool; what is said twice has to agree."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("produce", name, input="a\nb\nc\n")
    earliest = ["--consumer-property", "auto.offset.reset=earliest"]
    assert cli.ok("consume", name, *earliest, "-e").split() == ["a", "b", "c"], "without a group"
    file = tmp_path / "consumer.properties"
    file.write_text(f"group.id={name}\nauto.offset.reset=earliest\nkey.deserializer=com.example.Any\n")
    assert cli.ok("consume", name, "--consumer-config", file, "-n", 1).split() == ["a"]
    assert cli.ok("consume", name, "--consumer-property", f"group.id={name}", "-e").split() == ["b", "c"]
    refused = cli("consume", name, "--consumer-config", file, "--group", "other", check=2)
    assert f"--group says group.id=other, and the command line also has group.id={name}" in refused.stderr
    refused = cli("consume", name, "--from-beginning", "-X", "auto.offset.reset=latest", check=2)
    assert "--from-beginning says auto.offset.reset=earliest" in refused.stderr
    refused = cli("consume", name, "-X", "auto.offset.reset=none", check=2)
    assert "without a group there is no committed offset" in refused.stderr
    refused = cli("consume", name, "-X", "value.deserializer.encoding=UTF-16", check=2)
    assert "is not supported" in refused.stderr
    refused = cli("consume", name, "-X", "group.idd=x", check=2)
    assert "unknown client setting group.idd" in refused.stderr
    assert "the nearest name is group.id" in refused.stderr
    file.write_text("group.idd=x\nmy.own.setting=1\n")
    told = cli("consume", name, "--consumer-config", file, "--from-beginning", "-e", check=0).stderr
    assert told.count("unknown client settings are ignored") == 1
    assert "group.idd, my.own.setting" in told


@pytest.mark.parametrize("setting", ["auto.offset.reset=earliest", "auto.offset.reset=smallest"])
def test_partitions_that_were_not_reached_are_committed_at_their_beginning(
    kraft: RunningCluster, name: str, setting: str
) -> None:
    """By whatever setting the group begins there: the next run shows all that this one did not."""
    kraft.cli.ok("topics", "create", name, "-p", 6)
    kraft.cli.ok("produce", name, "-K", ":", input="".join(f"{number}:{number}\n" for number in range(600)))
    shown = []
    for limit in (["-n", 1], ["-e"]):
        shown += kraft.cli.ok("consume", name, "-g", name, "--consumer-property", setting, *limit).split()
    assert sorted(map(int, shown)) == list(range(600))


def test_a_group_that_may_not_begin_anywhere(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 1)
    kraft.cli.ok("produce", name, input="a\n")
    refused = kraft.cli("consume", name, "-g", name, "-X", "auto.offset.reset=none", "-e", check=1)
    assert f"cannot read {name}" in refused.stderr


@pytest.mark.parametrize("reader", ["compiled", "pure"])
def test_an_offset_behind_an_open_transaction_is_there(reader: str, kraft: RunningCluster, name: str) -> None:
    """Reading begins at it, and not where the transaction began, once that has ended."""
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS="" if reader == "compiled" else "pure")
    cli.ok("topics", "create", name, "-p", 1)
    producer = Producer({"bootstrap.servers": kraft.bootstrap_servers, "transactional.id": name})
    producer.init_transactions()
    producer.begin_transaction()
    for number in range(10):
        producer.produce(name, str(number))
    producer.flush()
    arguments = ("consume", name, "--partition", 0, "--offset", 7, "--max-messages", 3)
    reading = cli.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(2)  # it has looked up the offsets by then
    producer.commit_transaction()
    shown, told = reading.communicate(timeout=60)
    assert shown.split() == ["7", "8", "9"]
    assert "has no offset" not in told
    assert "has no offset 99 yet: it is read from its end, 11" in cli(
        "consume", name, "--partition", 0, "--offset", 99, "--exit", check=0
    ).stderr  # fmt: skip
