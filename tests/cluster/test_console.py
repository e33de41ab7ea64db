from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.clusters import RunningCluster, eventually


def lag(cluster: RunningCluster, group: str) -> int:
    (told,) = json.loads(cluster.cli.ok("groups", "describe", group, "-o", "json"))
    return int(told["total_lag"])


def consumed(cluster: RunningCluster, topic: str, *arguments: object) -> list[dict[str, object]]:
    text = cluster.cli.ok("consume", topic, "--from-beginning", "--exit", "-o", "json", *arguments)
    return [json.loads(line) for line in text.splitlines()]


def test_lines_from_a_file_come_back_in_a_group(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    cli = cluster.cli
    lines = [f"key-{number % 50}:value {number}" for number in range(2000)]
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(lines) + "\n")
    cli.ok("topics", "create", name, "-p", 3, "-r", cluster.brokers)
    produced = cli("produce", name, "--from-file", file, "--key-separator", ":", check=0)
    assert produced.stderr == f"2000 records delivered to {name}\n"
    done = cli(
        *("console-consumer", "--topic", name, "--group", name, "--from-beginning", "--max-messages", 2000),
        *("--property", "print.key=true", "--property", "key.separator=:"),
        check=0,
    )
    assert sorted(done.stdout.splitlines()) == sorted(lines)
    assert done.stderr.splitlines()[-1] == "Processed a total of 2000 messages"
    assert lag(cluster, name) == 0


def test_kafkas_properties(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    where = ["--bootstrap-server", cluster.bootstrap_servers, "--topic", name]
    cli.ok("topics", "create", name, "-p", 1)
    flags = ["parse.key=true", "parse.headers=true", "key.separator=|", "headers.delimiter=|", "null.marker=NIL"]
    properties = [text for flag in flags for text in ("--property", flag)]
    cli.ok("console-producer", *where, *properties, input="h:1,n:NIL|k|v\nNIL|NIL|NIL\n")
    wanted = ["print.partition", "print.offset", "print.headers", "print.key"]
    shown = cli.ok(
        "console-consumer", *where, "--from-beginning", "--timeout-ms", 3000,
        *[text for one in wanted for text in ("--property", f"{one}=true")],
    )  # fmt: skip
    assert shown.splitlines() == [
        "Partition:0\tOffset:0\th:1,n:null\tk\tv",
        "Partition:0\tOffset:1\tNO_HEADERS\tnull\tnull",
    ]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_codecs_and_acks(kraft: RunningCluster, name: str, codec: str) -> None:
    kraft.cli.ok("topics", "create", name)
    text = "the same line over and over\n" * 100
    for acks in ("all", "1"):
        kraft.cli.ok("produce", name, "--compression-codec", codec, "--acks", acks, input=text)
    assert len(consumed(kraft, name)) == 200
    (segment,) = [folder / f"{name}-0" / "00000000000000000000.log" for folder in kraft.log_dirs()]
    assert f"compresscodec: {codec} " in kraft.cli.ok("dump-log", segment)


def test_typed_keys_and_values(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    formats = ["--key-format", "long", "--value-format", "hex"]
    kraft.cli.ok("produce", name, "--key-separator", "=", *formats, input="-7=00ff\n")
    (record,) = consumed(kraft, name, *formats)
    assert (record["key"], record["value"]) == ("-7", "00ff")
    done = kraft.cli("consume", name, "--from-beginning", "--exit", "--value-format", "long", check=1)
    assert f"{name}-0 offset 0: 2 bytes are not of the format long, which has 8" in done.stderr
    skipped = kraft.cli(
        "consume", name, "--from-beginning", "--exit", "--value-format", "long", "--skip-message-on-error"
    )
    assert skipped.returncode == 1
    assert "Processed a total of 0 messages, 1 skipped" in skipped.stderr
    kraft.cli.ok("produce", name, "--value-format", "long", input="7\n")
    arguments = ("consume", name, "--from-beginning", "--exit", "--value-format", "long", "--skip-message-on-error")
    assert "Processed a total of 1 messages, 1 skipped" in kraft.cli(*arguments, check=1).stderr
    with open("/dev/full", "w") as full:
        lost = kraft.cli.start(*arguments, stdout=full, stderr=subprocess.PIPE)
        assert "Processed a total of 0 messages, 1 skipped" in lost.communicate(timeout=60)[1]


def test_the_last_time_that_there_is(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    kraft.cli.ok("produce", name, input="x\n")
    last = str(2**63 - 1)
    assert kraft.cli.ok("consume", name, "--to-time", last) == "x\n"
    assert kraft.cli.ok("consume", name, "--from-time", last, "--exit") == ""
    assert kraft.cli.ok("consume", name, "--between", f"0..{last}") == "x\n"


def test_partitions_and_offsets(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 2)
    cli.ok("produce", name, "--partition", 1, input="".join(f"{n}\n" for n in range(10)))
    assert [record["partition"] for record in consumed(cluster, name)] == [1] * 10
    assert cli.ok("consume", name, "--partition", 1, "--offset", 7, "--exit").split() == ["7", "8", "9"]
    assert cli.ok("consume", name, "--partition", 0, "--offset", "earliest", "--exit") == ""
    assert cli.ok("consume", name, "--partition", 1, "--offset", "earliest", "-n", 2).split() == ["0", "1"]
    assert "has no partition 5" in cli("consume", name, "--partition", 5, check=1).stderr
    assert "has no partition 7" in cli("produce", name, "--partition", 7, input="x\n", check=1).stderr


def test_a_bad_line_stops_and_tells_what_was_sent(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    done = cluster.cli("produce", name, "--key-separator", ":", input="a:1\nb:2\nbroken\nc:3\n", check=1)
    assert "2 records delivered" in done.stderr
    assert "error: line 3: no key separator ':'" in done.stderr
    assert len(consumed(cluster, name)) == 2


def test_a_record_too_large_is_told_and_the_rest_is_sent(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, "-c", "max.message.bytes=2000")
    done = cluster.cli("produce", name, "--sync", input=f"small\n{'x' * 5000}\nsmall too\n", check=1)
    assert "2 records delivered to" in done.stderr
    assert "1 not delivered" in done.stderr
    assert "too large" in done.stderr
    assert [record["value"] for record in consumed(cluster, name)] == ["small", "small too"]


def test_a_topic_is_made_by_the_broker_as_with_kafkas_tool(cluster: RunningCluster, name: str) -> None:
    done = cluster.cli("produce", name, input="first\n", check=0)
    assert f"topic {name} does not exist" in done.stderr
    assert [record["value"] for record in consumed(cluster, name)] == ["first"]


def test_consuming_never_makes_a_topic(cluster: RunningCluster, name: str) -> None:
    assert f"error: topic not found: '{name}'" in cluster.cli("consume", name, "--from-beginning", check=1).stderr
    assert name not in cluster.cli.ok("topics", "list")


def test_without_a_group_none_is_left_behind(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    before = cluster.cli.ok("groups", "list")
    consumed(cluster, name)
    assert cluster.cli.ok("groups", "list") == before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_consumer_commits_what_it_printed(
    cluster: RunningCluster, name: str, number: signal.Signals, status: int
) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 2)
    cli.ok("produce", name, input="".join(f"{n}\n" for n in range(500)))
    process = cli.start(
        "consume", name, "--group", name, "--from-beginning", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    printed = [process.stdout.readline() for _ in range(500)]
    process.send_signal(number)
    rest, told = process.communicate(timeout=30)
    assert process.returncode == status, told
    assert "Processed a total of 500 messages" in told
    assert len(printed) + len(rest.splitlines()) == 500
    assert lag(cluster, name) == 0


def test_max_messages_commits_no_more_than_it_printed(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    cluster.cli.ok("produce", name, input="".join(f"{n}\n" for n in range(100)))
    first = cluster.cli.ok("consume", name, "--group", name, "--from-beginning", "-n", 30).split()
    assert lag(cluster, name) == 70
    second = cluster.cli.ok("consume", name, "--group", name, "--exit").split()
    assert first + second == [str(n) for n in range(100)]


def test_a_partition_nothing_came_from_is_committed_too(cluster: RunningCluster, name: str) -> None:
    """Else the group's next consumer would begin at its end, past what has come in between."""
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 3)
    cli.ok("produce", name, "--partition", 0, input="a\n" * 50)
    cli.ok("produce", name, "--partition", 1, input="b\n" * 50)
    printed = cli.ok("consume", name, "--group", name, "--from-beginning", "-n", 10).split()
    assert lag(cluster, name) == 90
    cli.ok("produce", name, "--partition", 2, input="c\n")
    printed += cli.ok("consume", name, "--group", name, "--exit").split()
    assert sorted(printed) == ["a"] * 50 + ["b"] * 50 + ["c"]


def test_a_closed_pipe_is_quiet(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    kraft.cli.ok("produce", name, input="".join(f"{n}\n" for n in range(50_000)))
    command = " ".join(kraft.cli.command("consume", name, "--from-beginning"))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 3"],
        capture_output=True, text=True, env=kraft.cli.full_environment(), check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["0", "1", "2"]
    assert done.returncode == 0
    assert "error" not in done.stderr


def test_new_records_are_printed_as_they_come(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    process = cli.start(
        "consume", name, "--group", name, "--from-beginning", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        eventually(lambda: name in cli.ok("groups", "list", "--state", "stable").splitlines())
        cli.ok("produce", name, input="now\n")
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_formats_of_records(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    kraft.cli.ok("produce", name, "--key-separator", ":", input='k:a "quoted", 한국어\n')
    read = ["consume", name, "--from-beginning", "--exit", "-o"]
    (record,) = consumed(kraft, name)
    assert record["value"] == 'a "quoted", 한국어'
    assert isinstance(record["timestamp_ms"], int)
    heading, row = kraft.cli.ok(*read, "csv").splitlines()
    assert heading == "topic,partition,offset,timestamp_ms,headers,key,value"
    assert row.endswith('k,"a ""quoted"", 한국어"')
    assert 'value: a "quoted", 한국어' in kraft.cli.ok(*read, "yaml")
    assert kraft.cli.ok(*read, "table").splitlines()[0].split() == ["PARTITION", "OFFSET", "TIME", "KEY", "VALUE"]


def test_a_person_who_types_is_prompted(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    program, *arguments = kraft.cli.command("produce", name)
    terminal = pexpect.spawn(program, arguments, env=kraft.cli.full_environment(), encoding="utf-8", timeout=20)
    for line in ("one", "two"):
        terminal.expect_exact(">")
        terminal.sendline(line)
    terminal.expect_exact(">")
    terminal.sendeof()
    terminal.expect_exact(f"\r\n2 records delivered to {name}")
    terminal.expect(pexpect.EOF)
    assert [record["value"] for record in consumed(kraft, name)] == ["one", "two"]
