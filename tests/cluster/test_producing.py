"""What console-producer does beyond lines: forms of input, transactions, and records that are not acknowledged."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pexpect
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kafka import KafkaProducer

from tests import registry as registries
from tests.clusters import RunningCluster, eventually
from tests.conftest import Cli


def read(cluster: RunningCluster, topic: str, *arguments: object) -> list[dict[str, object]]:
    text = cluster.cli.ok("consume", topic, "--from-beginning", "--exit", "-o", "json", *arguments)
    return [json.loads(line) for line in text.splitlines()]


def _time(record: dict[str, Any]) -> int:
    return int(record["timestamp_ms"])


def test_records_as_json_go_round(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 3)
    records = [
        {"key": "k", "value": "v", "headers": [["h", "1"], ["n", None]], "partition": 2, "timestamp_ms": 1700000000000},
        {"key": "gone", "value": None, "headers": [], "partition": 1, "timestamp_ms": 1700000000001},
        {"key": None, "value": '{"a": 1}', "headers": [], "partition": 0, "timestamp_ms": 1700000000002},
    ]
    cli.ok("produce", name, "--input", "json", input="".join(json.dumps(each) + "\n" for each in records))
    found = sorted(read(kraft, name), key=_time)  # of three partitions: they come in any order
    assert [{field: each[field] for field in records[0]} for each in found] == records
    copy = f"{name}-copy"
    cli.ok("topics", "create", copy, "-p", 3)
    cli.ok("produce", copy, "--input", "json", input="".join(json.dumps(each) + "\n" for each in found))
    assert [{**each, "topic": name} for each in sorted(read(kraft, copy), key=_time)] == found


def test_forms_of_input(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name)
    cli.ok("produce", name, "--input", "csv", input="key,value\na,1\n")
    cli.ok("produce", name, "--delimiter", "\\0", "-K", "=", input="b=two\nlines\0c=3")
    file = Path(kraft.cli.home) / f"{name}.bin"
    file.write_bytes(struct.pack(">i", 3) + b"x\ny" + struct.pack(">i", -1))
    cli.ok("produce", name, "--input", "length-prefixed", "--from-file", file, "--key", "d")
    cli.ok("produce", name, "--repeat", 2, "--header", "from=test", "--timestamp", "2026-11-21", input="again\n")
    shown = cli.ok("consume", name, "--from-beginning", "-e", "--format", "%k/%K|%s/%S|%h;")
    assert shown == "a/1|1/1|;b/1|two\nlines/9|;c/1|3/1|;d/1|x\ny/3|;d/1|/-1|;" + "/-1|again/5|from=test;" * 2
    times = {each["timestamp_ms"] for each in read(kraft, name, "--value-matches", "again")}
    assert times == {1795219200000}


def test_a_topics_bytes_go_round_as_lengths_and_values(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    copy = f"{name}-copy"
    for topic in (name, copy):
        cli.ok("topics", "create", topic, "-p", 1)
    cli.ok("produce", name, "--value-format", "hex", input="000aff\n\n0d0a\n")
    source = subprocess.run(
        cli.command("consume", name, "--from-beginning", "-e", "--format", "%R%s"),
        env=cli.full_environment(), capture_output=True, check=True,
    )  # fmt: skip
    file = Path(cli.home) / f"{name}.bin"
    file.write_bytes(source.stdout)
    cli.ok("produce", copy, "--input", "length-prefixed", "--from-file", file)
    assert cli.ok("consume", copy, "--from-beginning", "-e", "--value-format", "hex") == "000aff\n\n0d0a\n"


def test_transactions_commit_or_leave_nothing(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 1, "-r", cluster.brokers)
    done = cli(
        *("produce", name, "--transactional-id", name, "--transaction-size", 2, "--timeout", 60),
        input="a\nb\nc\nd\ne\n", check=0,
    )  # fmt: skip
    assert f"5 records delivered to {name}, 3 transactions committed" in done.stderr
    committed = ["--isolation-level", "read_committed"]
    assert [each["value"] for each in read(cluster, name, *committed)] == list("abcde")
    failed = cli(
        *("produce", name, "-X", f"transactional.id={name}", "-K", ":", "--timeout", 60), input="k:good\nbad\n", check=1
    )
    assert "error: line 2: no key separator" in failed.stderr
    assert "0 records delivered" in failed.stderr
    assert "1 aborted" in failed.stderr or "1 not delivered" in failed.stderr
    assert [each["value"] for each in read(cluster, name, *committed)] == list("abcde")


def test_a_transaction_with_a_record_that_fails_is_aborted(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1, "-c", "max.message.bytes=2000")
    done = cli("produce", name, "--transactional-id", name, input=f"good\n{'x' * 5000}\n", check=1)
    assert "its transaction was aborted" in done.stderr
    assert read(kraft, name, "--isolation-level", "read_committed") == []


def test_what_was_not_acknowledged_is_kept_to_be_sent_again(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-c", "max.message.bytes=2000")
    file = Path(cli.home) / f"{name}.json"
    large = "x" * 5000
    done = cli("produce", name, "-K", ":", "--sync", "--dead-letter", file, input=f"a:1\nb:{large}\nc:3\n", check=1)
    assert f"2 records delivered to {name}, 1 not delivered" in done.stderr
    (kept,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert (kept["key"], kept["value"]) == ("b", large)
    cli.ok("configs", "alter", "topics", name, "--delete-config", "max.message.bytes")
    cli.ok("produce", name, "--input", "json", "--from-file", file)
    assert sorted(str(each["key"]) for each in read(kraft, name)) == ["a", "b", "c"]
    cli.ok("produce", name, "--dead-letter", Path(cli.home) / "none.json", input="fine\n")
    assert not (Path(cli.home) / "none.json").exists()


def test_an_interrupted_producer_sends_what_it_has_read(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name)
    process = cli.start("produce", name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("kept\n" * 3)
    process.stdin.flush()
    eventually(lambda: len(read(kraft, name)) == 3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told == f"3 records delivered to {name}\n"


def test_a_pace(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    started = time.monotonic()
    kraft.cli.ok("produce", name, "--rate", 50, input="x\n" * 60)
    assert time.monotonic() - started >= 1
    assert len(read(kraft, name)) == 60


def test_wrong_flags_are_told(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    for arguments, told in (
        (["--input", "xml"], "invalid value 'xml' for --input"),
        (["--input", "json", "-K", ":"], "properties of the reader and --delimiter cannot be used with --input json"),
        (["--line-reader", "com.example.Reader"], "kafkactl cannot run Java classes"),
        (["--rate", "0"], "invalid value '0' for --rate: not a number above 0"),
        (["--rate", "nan"], "invalid value 'nan' for --rate: not a number above 0"),
        (["--rate", "1e400"], "invalid value 'inf' for --rate: not a number above 0"),
        (["--input", "csv", "--null-marker", ","], "invalid value ',' for --null-marker: it has a comma"),
        (["-X", "max.request.size=1m"], "invalid value '1m' for max.request.size: not a number of bytes"),
        (["--sync", "-X", "max.request.size=1m"], "invalid value '1m' for max.request.size: not a number of bytes"),
        (["--transaction-size", "3"], "--transaction-size needs a transaction"),
        (["--partitioner", "mine"], "invalid value 'mine' for --partitioner"),
        (["--header", "x"], "not name=value"),
        (["--input", "json", "--null-marker", "x"], "--null-marker needs --input csv"),
        (["--repartition"], "--repartition needs --input json or csv"),
        (["--dead-letter", "-"], "invalid value '-' for --dead-letter: not a file"),
        (["--dead-letter", ""], "--dead-letter"),
        (["--dead-letter", "/nowhere/file"], "--dead-letter /nowhere/file: it cannot be created"),
    ):
        assert told in kraft.cli("produce", name, *arguments, input="x\n", check=2).stderr
    file = Path(kraft.cli.home) / f"{name}.json"
    file.write_text("x\n")
    refused = kraft.cli("produce", name, "--from-file", file, "--dead-letter", file, check=2)
    assert "for --dead-letter: it is the input file" in refused.stderr
    assert read(kraft, name) == []


def test_a_line_typed_is_seen_at_once_and_remembered(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    program, *arguments = kraft.cli.command("produce", name)
    consumer = kraft.cli.start("consume", name, "--from-beginning", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        for typed in ("first", "\x1b[A"):  # the arrow up brings back the line typed in the run before
            terminal = pexpect.spawn(program, arguments, env=kraft.cli.full_environment(), encoding="utf-8", timeout=20)
            terminal.expect_exact(">")
            terminal.sendline(typed)
            assert consumer.stdout is not None
            assert consumer.stdout.readline() == "first\n"
            terminal.expect_exact(">")  # an end that is typed while nobody reads would be lost
            terminal.sendeof()
            terminal.expect_exact("1 record delivered")
            terminal.expect(pexpect.EOF)
    finally:
        consumer.send_signal(signal.SIGTERM)
        consumer.wait(timeout=30)


def test_values_of_a_schema_registry_are_seen_by_every_command(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    file = Path(cli.home) / f"{name}.avsc"
    file.write_text(json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}))
    with registries.serving(login="me:secret") as registry:
        login = [
            "-X",
            f"schema.registry.url={registry.url}",
            "-X",
            "schema.registry.basic.auth.user.info_command=echo me:secret",
        ]
        written = ["--value-format", "avro", "--value-schema", file, "-K", ":", "--key-format", "long"]
        cli.ok("produce", name, *login, *written, input='7:{"id": 1}\n8:{"id": 2}\n')
        refused = cli("produce", name, *login, *written, input='9:{"none": 2}\n', check=1)
        assert "error: line 1: " in refused.stderr
        assert "does not match the Avro schema" in refused.stderr
        formats = ["--value-format", "registry", "--key-format", "long"]
        shown = cli.ok("consume", name, *login, *formats, "--from-beginning", "-e", "--where", ".id == 2", "-o", "json")
        (record,) = [json.loads(line) for line in shown.splitlines()]
        assert (record["key"], record["value"]) == ("8", '{"id": 2}')
        denied = cli("consume", name, "--schema-registry", registry.url, *formats, "--from-beginning", "-e", check=3)
        assert "refused the login" in denied.stderr
        registry.login = None
        (segment,) = [folder / f"{name}-0" / "00000000000000000000.log" for folder in kraft.log_dirs()]
        dumped = cli.ok("dump-log", segment, "--print-data-log", *formats, "--schema-registry", registry.url)
        assert 'key: 7 payload: {"id": 1}' in dumped
        guid = uuid.UUID(registries.guid(registry.schemas[0])).bytes
        headers = [("__value_schema_id", b"\1" + guid), ("__key_schema_id", b"none")]
        producer = Producer({"bootstrap.servers": kraft.bootstrap_servers})
        producer.produce(name, b"\x06", (9).to_bytes(8, "big"), 0, headers=headers)
        producer.flush()
        more = ["--schema-registry", registry.url, *formats]
        shown = cli.ok("consume", name, *more, "--from-beginning", "-e", "--where", ".id > 1", "-o", "json")
        assert [json.loads(line)["value"] for line in shown.splitlines()] == ['{"id": 2}', '{"id": 3}']
        dumped = cli.ok("dump-log", segment, "--print-data-log", *more)
        assert 'payload: {"id": 3}' in dumped


@pytest.mark.parametrize(
    ("flags", "lines"),
    [
        ([], ["plain", "", "a:b", "한글", "x" * 300_000, "cr\r", "\t"]),
        (["-K", ":"], [f"k{number % 13}:{number}:x" for number in range(5000)] + [":", "k:", ":v"]),
        (["-K", "::", "--partition", 2], ["a::b", "a:b::c:", "::", "a:::b"]),
        (["-K", "é"], ["aéb", "éé"]),
    ],
)
@pytest.mark.parametrize("ended", [True, False])
def test_the_compiled_sender_sends_what_the_other_does(
    kraft: RunningCluster, name: str, flags: list[object], lines: list[str], ended: bool
) -> None:
    text = "\n".join(lines) + ("\n" if ended else "")
    found = []
    for sender in ("compiled", "pure"):
        topic = f"{name}-{sender}"
        kraft.cli.ok("topics", "create", topic, "-p", 3)
        cli = kraft.cli.with_environment(KAFKACTL_STREAMS=sender)
        done = cli("produce", topic, *flags, input=text, check=0)
        assert done.stderr == f"{len(lines)} records delivered to {topic}\n"
        # Without keys a partition is chosen for a batch at a time, and by chance.
        place = "%p " if flags else ""
        found.append(
            sorted(
                kraft.cli.ok("consume", topic, "--from-beginning", "-e", "--format", f"{place}%K%k %S%s;").split(";")
            )
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("sender", ["compiled", "pure"])
def test_both_senders_tell_what_is_wrong(kraft: RunningCluster, name: str, sender: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 1, "-c", "max.message.bytes=2000")
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS=sender)
    done = cli("produce", name, "-K", ":", input="a:1\nb:2\nbad\nc:3\n", check=1)
    assert done.stderr.splitlines() == [
        f"2 records delivered to {name}",
        "error: line 3: no key separator ':' in 'bad'",
        "hint: take this line as a value without a key: --property ignore.error=true",
    ]
    done = cli("produce", name, "-K", ":", "-X", "batch.num.messages=1", input=f"d:4\ne:{'x' * 5000}\nf:6\n", check=1)
    assert f"error: not delivered to {name}: key 'e', value 'xxx" in done.stderr
    assert f"2 records delivered to {name}, 1 not delivered" in done.stderr
    assert kraft.cli.ok("consume", name, "--from-beginning", "-e").split() == ["1", "2", "4", "6"]
    assert "error: a client setting is wrong" in cli("produce", name, "-X", "acks=7777777", input="x\n", check=2).stderr
    assert "has no partition 9" in cli("produce", name, "--partition", 9, input="x\n", check=1).stderr


@pytest.mark.parametrize("path", ["compiled", "pure"])
def test_empty_separators_and_delimiters(kraft: RunningCluster, name: str, path: str) -> None:
    """As Kafka's reader: an empty separator is found at once; an empty delimiter makes the whole input one record."""
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS=path)
    cli.ok("topics", "create", name, "-p", 1)
    cli.ok("produce", name, "--property", "parse.key=true", "--property", "key.separator=", input="a:b\n")
    cli.ok("produce", name, "--delimiter", "", input="a\nb\n")
    assert [(each["key"], each["value"]) for each in read(kraft, name)] == [("", "a:b"), (None, "a\nb\n")]
    refused = cli("produce", name, "--property", "parse.kye=true", input="a", check=2)
    assert "the nearest name is parse.key" in refused.stderr


def test_a_dry_run_checks_everything_and_sends_nothing(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 2)
    lines = '{"value": "a"}\n{"value": "b", "partition": 7}\n' + json.dumps({"value": "x" * 1_100_000}) + "\n"
    done = cli("produce", name, "--dry-run", "--input", "json", input=lines, check=1)
    assert f"topic {name} has no partition 7" in done.stderr
    assert "more than max.request.size" in done.stderr
    assert f"1 record could be sent to {name}; nothing was sent" in done.stderr
    bad = cli("produce", name, "--dry-run", "--value-format", "long", input="1\n2\nx\n", check=1)
    assert "error: line 3: 'x' is not of the format long" in bad.stderr
    assert "2 records could be sent" in bad.stderr
    (tmp_path / "v.avsc").write_text('"long"')
    with registries.serving() as registry:
        schema = ["--schema-registry", registry.url, "--value-format", "avro", "--value-schema", tmp_path / "v.avsc"]
        cli.ok("produce", name, "--dry-run", *schema, input="1\n")
        assert registry.subjects == {}
    assert "topic not found" in cli("produce", f"{name}-none", "--dry-run", input="x\n", check=1).stderr
    assert read(kraft, name) == []
    assert f"{name}-none" not in cli.ok("topics", "list").split()


REWRITER = [sys.executable, "-m", "json.tool", "--json-lines", "--compact", "--no-ensure-ascii"]
"""Another program that reads and writes JSON, as `jq -c .` does."""
ODD = [
    (b"plain", b"text", []), (None, None, []), (b"", b"", [("", b"")]),
    (b"\xff\xfe", bytes(range(256)), [("h", b"\x80")]),
    ("한글".encode(), "\U0001f600\0\r\n\t\"".encode(), [("é", None), ("é", "ü".encode())]),
    (b"null", b"NULL", [("n", b"null")]), (b"k,\"", b'{"a": 1.10, "a": 2}', []), (b"\xed\xa0\x80", b"\xef\xbb\xbf", []),
]  # fmt: skip


def all_of(cluster: RunningCluster, topic: str) -> list[tuple[object, ...]]:
    """Return the records of a topic as the client has them, sorted by place."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": "x", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(2)])
    found, ended = [], 0
    while ended < 2:
        message = consumer.poll(30)
        assert message is not None
        if message.error():
            ended += 1
        else:
            place = (message.partition(), message.offset(), message.timestamp()[1])
            found.append((*place, message.key(), message.value(), message.headers()))
    consumer.close()
    return sorted(found, key=lambda one: one[:2])


@pytest.mark.parametrize("form", ["json", "csv", "json written anew", "dump-log -o json", "dump-log -o csv"])
def test_any_bytes_go_from_topic_to_topic(kraft: RunningCluster, name: str, form: str) -> None:
    """The same keys, values, headers, timestamps and partitions."""
    cli, other = kraft.cli, f"{name}-other"
    for topic in (name, other):
        cli.ok("topics", "create", topic, "-p", 2, "-c", "retention.ms=-1")  # the times are long past
    producer = Producer({"bootstrap.servers": kraft.bootstrap_servers})
    for number, (key, value, headers) in enumerate(ODD * 3):
        producer.produce(name, value, key, number % 2, headers=headers, timestamp=1_600_000_000_000 + number)
    producer.flush()
    if form.startswith("dump-log"):
        kind = form.split()[-1]
        logs = [folder / f"{name}-{number}" for folder in kraft.log_dirs() for number in range(2)]
        for number, log in enumerate(logs):  # rows of a log do not say their partition
            rows = output(cli, "dump-log", log, "--print-data-log", "-o", kind)
            file = Path(cli.home) / f"{name}-{number}.txt"
            file.write_bytes(rows)
            cli.ok("produce", other, "--input", kind, "--partition", number, "--from-file", file)
    else:
        text = output(cli, "consume", name, "--from-beginning", "--exit", "-o", form.split()[0])
        if "anew" in form:
            text = subprocess.run(REWRITER, input=text, capture_output=True, check=True).stdout
        file = Path(cli.home) / f"{name}.txt"
        file.write_bytes(text)
        cli.ok("produce", other, "--input", form.split()[0], "--from-file", file)
    assert all_of(kraft, other) == all_of(kraft, name)


def output(cli: Cli, *arguments: object) -> bytes:
    return subprocess.run(cli.command(*arguments), env=cli.full_environment(), capture_output=True, check=True).stdout


def test_a_topic_that_sets_timestamps_itself_is_named(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name, "-c", "message.timestamp.type=LogAppendTime")
    told = kraft.cli(
        "produce", name, "--input", "json", input='{"value": "v", "timestamp_ms": 5}\n' * 3, check=0
    ).stderr
    assert told.count("message.timestamp.type=LogAppendTime") == 1
    told = kraft.cli("produce", name, "--input", "json", input='{"value": "v"}\n', check=0).stderr
    assert "LogAppendTime" not in told


def test_a_header_whose_name_is_no_text(kraft: RunningCluster, name: str) -> None:
    """It is shown in every form, and sent where the compiled part is there: with every other record in its place."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    producer = KafkaProducer(bootstrap_servers=kraft.bootstrap_servers)
    producer.send(name, b"odd", headers=[(NotUtf8("x"), b"v")]).get(30)
    producer.close()
    for arguments, shown in (
        (["-o", "json"], b'"headers":[{"name_base64":"//4=","value":"v"}]'),
        (["-o", "csv"], b'""name_base64"":""//4=""'),
        (["-o", "yaml"], b"name_base64: //4="),
        (["--property", "print.headers=true"], b"\xff\xfe:v"),
        (["--format", "%h"], b"\xff\xfe=v"),
        (["-H", "other", "-o", "json"], b""),
    ):
        for path in ("compiled", "pure"):
            found = output(
                cli.with_environment(KAFKACTL_STREAMS=path), "consume", name, "--from-beginning", "-e", *arguments
            )
            assert shown in found
    odd = '{"value": "odd", "headers": [["h", "1"], {"name_base64": "//4="}, {"name_base64": "/w==", "value": ""}]}\n'
    good = '{"value": "good"}\n'
    cli.ok("produce", name, "--input", "json", input=(good + odd) * 20)
    read = ["consume", name, "--from-beginning", "-e"]
    records = [json.loads(line) for line in cli.ok(*read, "-o", "json").splitlines()][1:]
    assert [each["value"] for each in records] == ["good", "odd"] * 20
    pairs = [["h", "1"], {"name_base64": "//4=", "value": None}, {"name_base64": "/w==", "value": ""}]
    assert [each["headers"] for each in records] == [[], pairs] * 20
    for path, more, why in (
        ("pure", [], "needs the compiled part"),
        ("pure", ["--dry-run"], "needs the compiled part"),
        ("compiled", ["--transactional-id", name], "cannot be sent in a transaction"),
        ("compiled", ["--transactional-id", name, "--dry-run"], "cannot be sent in a transaction"),
        ("compiled", ["-X", "max.request.size=1001", "--key", "k" * 1001], "too large"),
    ):
        done = cli.with_environment(KAFKACTL_STREAMS=path)(
            "produce", name, "-H", "\udcff=", *more, input="x\n", check=1
        )
        assert why in done.stderr
        assert done.stderr.count("not delivered to") == 1
    for bad in ('{"headers": {"\\ud800": "x"}}', '{"value": "\\ud800"}'):
        done = cli("produce", name, "--input", "json", input=good * 100 + bad + "\n", check=1)
        assert f"100 records delivered to {name}" in done.stderr
        assert "error: line 101: " in done.stderr


class NotUtf8(str):
    """A name whose bytes are not UTF-8."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@pytest.mark.parametrize("path", ["compiled", "pure"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full"])
def test_closed_and_full_outputs_change_nothing(kraft: RunningCluster, name: str, path: str, closed: str) -> None:
    """All records are delivered, and the status says so."""
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS=path)
    cli.ok("topics", "create", name, "-p", 1)
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *cli.command("produce", name)]
    done = subprocess.run(command, input=b"a\nb\n", env=cli.full_environment(), check=False, timeout=60)
    assert done.returncode == 0
    assert [each["value"] for each in read(kraft, name)] == ["a", "b"]


def test_a_closed_standard_input_is_an_error(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    for arguments in (["produce", name], ["groups", "import", "-"], ["topics", "plan", "-"]):
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *cli.command(*arguments)]
        done = subprocess.run(command, env=cli.full_environment(), capture_output=True, check=False, timeout=60)
        assert done.returncode == 2
        assert b"error: cannot read standard input: it is closed" in done.stderr


def test_records_keep_their_order_around_unusual_ones(kraft: RunningCluster, name: str) -> None:
    """Records with headers that confluent_kafka cannot take go another way, and all after them with them."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1)
    feeder = cli.start("produce", name, "--input", "json", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert feeder.stdin is not None
    odd = {"headers": [{"name_base64": "/w==", "value": "x"}]}
    for number in range(60):  # in pieces, each of which is a batch of its own
        feeder.stdin.write(json.dumps({"value": str(number), **(odd if number in (20, 40) else {})}) + "\n")
        feeder.stdin.flush()
        time.sleep(0.003)
    _, told = feeder.communicate(timeout=60)
    assert f"60 records delivered to {name}" in told
    assert [each["value"] for each in read(kraft, name)] == list(map(str, range(60)))


def test_what_librdkafka_cannot_send_is_said(kraft: RunningCluster, name: str) -> None:
    """A timestamp of 0, which it takes for none; and a dry run finds all that the real run would refuse."""
    cli = kraft.cli
    cli.ok("topics", "create", name, "-p", 1, "-c", "max.message.bytes=2000")
    big = json.dumps({"value": "x" * 1000, "headers": [["h", "y" * 950]]})
    lines = '{"value": "a", "timestamp": 0}\n' + big + "\n" + '{"value": "z", "headers": [["a\\u0000b", "c"]]}\n'
    for flags in (["--dry-run"], []):
        done = cli("produce", name, "--input", "json", *flags, input=lines, check=1)
        assert "its timestamp is 0" in done.stderr
        assert done.stderr.count("error: not delivered to") == 2
    (file,) = [folder / f"{name}-0" / "00000000000000000000.log" for folder in kraft.log_dirs()]
    (row,) = [json.loads(line) for line in cli.ok("dump-log", file, "--print-data-log", "-o", "json").splitlines()]
    assert row["headers"] == [["a\0b", "c"]]


@pytest.mark.parametrize("streams", ["compiled", "pure"])
def test_an_undelivered_record_keeps_its_headers_and_its_timestamp(
    streams: str, kraft: RunningCluster, name: str, tmp_path: Path
) -> None:
    """The report about it lacks both, and its file is sent again."""
    cli = kraft.cli.with_environment(KAFKACTL_STREAMS="" if streams == "compiled" else "pure")
    cli.ok("topics", "create", name, "-p", 2, "-c", "max.message.bytes=2000")
    large = "x" * 5000
    lines: list[dict[str, Any]] = [
        {"key": "a", "value": large, "headers": [["h", "x"], ["h", None]], "timestamp": 1_700_000_000_000},
        {"key": "b", "value": large, "headers": [["h", "y"]], "partition": 1},
        {"key": "c", "value": large, "timestamp": 1_700_000_000_001},
        {"key": "d", "value": large},
        {"key": "fine", "value": "5", "headers": [["h", "z"]]},
    ]
    file = tmp_path / "letters.json"
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    cli("produce", name, "--sync", "--dead-letter", file, "--input", "json", input=text, check=1)
    told = sorted((json.loads(line) for line in file.read_text().splitlines()), key=lambda row: str(row["key"]))
    assert [row["key"] for row in told] == ["a", "b", "c", "d"]
    for sent, row in zip(lines, told, strict=False):
        assert {part: row.get(part) for part in ("value", "headers", "timestamp")} == {
            part: sent.get(part) for part in ("value", "headers", "timestamp")
        }
    assert told[1]["partition"] == 1
    cli.ok("configs", "alter", "topics", name, "--unset", "max.message.bytes")
    cli.ok("produce", name, "--input", "json", "--from-file", file)
    assert sorted(str(each["key"]) for each in read(kraft, name)) == ["a", "b", "c", "d", "fine"]
