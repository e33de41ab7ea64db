"""The same question to Kafka's own tool and to ours, on the same broker or file."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer

from kafkactl.local.compose import TARGETS, load_target
from kafkactl.local.translate import Loopback, make_server_properties
from tests import java_tools
from tests.clusters import PORTS, RunningCluster, eventually
from tests.reference.dumps import same_text

TOPICS = "org.apache.kafka.tools.TopicCommand"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"


def test_topics_list(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", f"{name}.b", f"{name}-a", f"{name}_c")
    theirs = cluster.java(TOPICS, "--bootstrap-server", cluster.bootstrap_servers, "--list")
    assert cluster.cli.ok("topics", "list") == theirs.stdout


def test_topics_describe(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, "-p", 3, "-r", cluster.brokers, "-c", "retention.ms=5", "-c", "flush.ms=7")
    where = ["--bootstrap-server", cluster.bootstrap_servers]
    theirs = cluster.java(TOPICS, *where, "--describe", "--topic", name).stdout
    (ours,) = json.loads(cluster.cli.ok("topics", "describe", name, "-o", "json"))
    assert f"TopicId: {ours['topic_id']}" in theirs
    for setting, value in ours["configs"].items():
        assert f"{setting}={value}" in theirs
    rows = re.findall(r"Partition: (\d+)\s+Leader: (\d+)\s+Replicas: ([\d,]+)\s+Isr: ([\d,]+)", theirs)
    assert len(rows) == 3
    for row, one in zip(rows, ours["partitions"], strict=True):
        isr = sorted(map(int, row[3].split(",")))
        assert (one["partition"], one["leader"], one["replicas"], sorted(one["isr"])) == (
            int(row[0]),
            int(row[1]),
            list(map(int, row[2].split(","))),
            isr,
        )


def test_the_lag_of_a_group(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 3)
    lines = "".join(f"key-{n}:{n}\n" for n in range(500))
    cli.ok("produce", name, "--key-separator", ":", input=lines)
    cli.ok("consume", name, "--group", name, "--from-beginning", "--exit")
    cli.ok("produce", name, "--key-separator", ":", input=lines[: lines.index("key-200")])
    theirs = cluster.java(GROUPS, "--bootstrap-server", cluster.bootstrap_servers, "--describe", "--group", name).stdout
    rows = [line.split()[1:6] for line in theirs.splitlines() if line.startswith(name)]
    ours = [line.split()[1:6] for line in cli.ok("groups", "describe", name).splitlines()[1:]]
    assert sorted(ours) == sorted(rows)
    assert sum(int(row[4]) for row in ours) == 200
    listed = cluster.java(GROUPS, "--bootstrap-server", cluster.bootstrap_servers, "--list").stdout.split()
    assert cli.ok("groups", "list").split() == sorted(listed)


def test_keys_land_where_javas_land(kraft: RunningCluster, name: str) -> None:
    theirs, ours = f"{name}-java", f"{name}-ours"
    kraft.cli.ok("topics", "create", theirs, ours, "-p", 7)
    lines = "".join(f"{key}:{number}\n" for number, key in enumerate(["", "a", "열쇠", *map(str, range(2000))]))
    kraft.cli.ok("produce", ours, "--key-separator", ":", input=lines)
    where = ["--bootstrap-server", kraft.bootstrap_servers, "--topic", theirs]
    reader = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"]
    assert kraft.java(PRODUCER, *where, *reader, input=lines).returncode == 0

    def places(topic: str) -> dict[str, int]:
        text = kraft.cli.ok("consume", topic, "--from-beginning", "--exit", "-o", "json")
        return {record["key"]: record["partition"] for record in map(json.loads, text.splitlines())}

    assert places(ours) == places(theirs)
    assert len(places(ours)) == 2003


def test_records_are_printed_as_kafkas_consumer_prints_them(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    odd = "h1:1,h2:NIL\tk\tv\nNIL\tNIL\tno key\nNIL\tk\tNIL\nNIL\t\t\n"
    properties = ["parse.headers=true", "parse.key=true", "null.marker=NIL"]
    kraft.cli.ok("produce", name, *[text for each in properties for text in ("--property", each)], input=odd)
    printed = [f"print.{each}=true" for each in ("timestamp", "partition", "offset", "headers", "key")]
    wanted = [*printed, "key.separator=|", "null.literal=NULL"]
    flags = [text for each in wanted for text in ("--formatter-property", each)]
    where = ["--topic", name, "--from-beginning", "--timeout-ms", "5000", "--max-messages", "4"]
    theirs = kraft.java(CONSUMER, "--bootstrap-server", kraft.bootstrap_servers, *where, *flags)
    assert theirs.stdout.count("\n") == 4, theirs.stderr
    assert kraft.cli.ok("console-consumer", *where, *flags) == theirs.stdout


OPTIONS = [
    [],
    ["--print-data-log"],
    ["--deep-iteration"],
    ["--print-data-log", "--skip-record-metadata"],
    ["--max-bytes", "1000"],
    ["--verify-index-only"],
    ["--max-message-size", "300"],
    ["--value-decoder-class", "org.apache.kafka.tools.api.LongDecoder"],
    ["--key-decoder-class", "org.apache.kafka.tools.api.IntegerDecoder", "--skip-record-metadata"],
    ["--key-decoder-class", "org.apache.kafka.tools.api.StringDecoder", "--max-bytes", "500"],
    ["--index-sanity-check"],
]


@pytest.fixture(params=PORTS)
def written(
    request: pytest.FixtureRequest, clusters: Callable[[str], RunningCluster], name: str
) -> tuple[RunningCluster, Path]:
    """A partition's folder on a broker's disk, with several kinds of batches."""
    cluster = clusters(request.param)
    cli = cluster.cli
    cli.ok("topics", "create", name, "-p", 1, "-r", 1, "-c", "index.interval.bytes=300", "-c", "segment.bytes=1048576")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        for acks in ("all", "1"):
            lines = "".join(f"key-{n}:value {n} 값 by {codec} {acks}\n" for n in range(40))
            cli.ok("produce", name, "--key-separator", ":", "--compression-codec", codec, "--acks", acks, input=lines)
    cli.ok("configs", "alter", "topics", name, "--set", "message.timestamp.type=LogAppendTime")
    cli.ok("produce", name, input=b"append time\n\xff\xfe\n")
    (folder,) = [log_dir / f"{name}-0" for log_dir in cluster.log_dirs() if (log_dir / f"{name}-0").is_dir()]
    return cluster, folder


def test_dump_log(written: tuple[RunningCluster, Path]) -> None:
    cluster, folder = written
    files = [file for kind in (".log", ".index", ".timeindex") for file in folder.glob(f"*{kind}")]
    assert len(files) == 3
    same_text([[*options, "--files", file] for file in files for options in OPTIONS], cluster.cli)


def test_dump_log_of_transactions(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, "-p", 1, "-r", 1, "-c", "segment.bytes=1048576")
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": name, "log_level": 0})
    producer.init_transactions(30)
    for number in range(6):
        producer.begin_transaction()
        for _ in range(4):
            producer.produce(name, bytes(60_000), str(number))
        producer.flush()
        (producer.abort_transaction if number % 2 else producer.commit_transaction)(30)
    (folder,) = [log_dir / f"{name}-0" for log_dir in cluster.log_dirs() if (log_dir / f"{name}-0").is_dir()]
    files = [*folder.glob("*.log"), *folder.glob("*.txnindex"), *folder.glob("*.snapshot")]
    assert {file.suffix for file in files} == {".log", ".txnindex", ".snapshot"}
    assert any(file.stat().st_size for file in folder.glob("*.txnindex"))
    same_text([[*each, "--files", file] for each in OPTIONS for file in files], cluster.cli)


def test_dump_log_of_a_compacted_topic(kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    """What the log cleaner leaves: gaps, empty batches that keep a producer's sequence, tombstones with a horizon."""
    settings = ["cleanup.policy=compact", "segment.bytes=1048576", "min.cleanable.dirty.ratio=0.001", "segment.ms=1000"]
    settings += ["max.compaction.lag.ms=1", "delete.retention.ms=3600000", "file.delete.delay.ms=100"]
    kraft.cli.ok("topics", "create", name, "-p", 1, *(text for each in settings for text in ("-c", each)))
    (folder,) = [log_dir / f"{name}-0" for log_dir in kraft.log_dirs() if (log_dir / f"{name}-0").is_dir()]
    copies: list[Path] = []

    def cleaned() -> bool:
        lines = "".join(f"k{number % 10}:{'NIL' if number % 10 < 3 else number}\n" for number in range(200))
        properties = ["parse.key=true", "key.separator=:", "null.marker=NIL"]
        kraft.cli.ok("produce", name, *[text for each in properties for text in ("--property", each)], input=lines)
        copies.clear()
        with contextlib.suppress(FileNotFoundError):  # the cleaner swaps segments meanwhile
            for number, file in enumerate(sorted(folder.glob("*.log"))):
                copies.append(tmp_path / str(number) / file.name)
                copies[-1].parent.mkdir(exist_ok=True)
                copies[-1].write_bytes(file.read_bytes())
        text = kraft.cli.ok("dump-log", *copies)
        return "OptionalLong[" in text and " count: 0 " in text

    eventually(cleaned, timeout_s=90)
    same_text([[*options, "--files", copy] for options in OPTIONS for copy in copies], kraft.cli)


def test_dump_log_of_magic_0_and_1(kraft: RunningCluster, tmp_path: Path) -> None:
    source = Path(__file__).with_name("LegacySegments.java")
    written = java_tools.run_alone(str(source), tmp_path)
    assert written.returncode == 0, written.stderr
    files = sorted(tmp_path.glob("*/*.log"))
    assert len(files) == 12
    same_text([[*each, "--files", file] for each in OPTIONS for file in files], kraft.cli)


def test_dump_log_of_krafts_own_files(kraft: RunningCluster, tmp_path: Path) -> None:
    """The boot snapshot of a running node, and the first snapshot of a quorum that may change (KIP-853)."""
    properties = tmp_path / "node.properties"
    properties.write_text(
        f"process.roles=broker,controller\nnode.id=1\nlog.dirs={tmp_path}/data\n"
        "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\ncontroller.listener.names=CONTROLLER\n"
        "controller.quorum.bootstrap.servers=127.0.0.1:9093\n"
    )
    cluster_id = "kRmmZ3pSTzC0DhJb8dKx5Q"
    formatted = java_tools.run_alone(
        "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id, "-c", properties
    )
    assert formatted.returncode == 0, formatted.stdout
    (log_dir,) = kraft.log_dirs()
    snapshots = [log_dir / "bootstrap.checkpoint", *tmp_path.glob("data/__cluster_metadata-0/*.checkpoint")]
    assert len(snapshots) == 2
    options = [*OPTIONS, ["--cluster-metadata-decoder"]]
    same_text([[*each, "--files", file] for each in options for file in snapshots], kraft.cli)
    assert "KRaftVoters" in kraft.cli.ok("dump-log", "--deep-iteration", snapshots[1])
    (metadata,) = log_dir.glob("__cluster_metadata-0/*.log")
    copy = tmp_path / metadata.name
    copy.write_bytes(metadata.read_bytes())  # it grows while it is read
    same_text([[*each, "--files", copy] for each in options], kraft.cli)
    assert "LeaderChange: " in kraft.cli.ok("dump-log", "--deep-iteration", copy)


@pytest.mark.parametrize("name", TARGETS)
def test_settings_become_properties_as_in_the_image(name: str, kraft: RunningCluster, tmp_path: Path) -> None:
    """apache/kafka's own class reads each broker's environment; cp-kafka's template maps names by the same rules."""
    assert kraft.version == "4.3.1"  # its jars are here
    for broker in load_target(name, {}).brokers:
        assert make_server_properties(broker, SameAddresses({}), {}) == wrapped(
            broker.environment, tmp_path / broker.name
        )


class SameAddresses(Loopback):
    """Leaves addresses alone: the comparison is of names and values."""

    def rewrite(self, _service: object, value: str) -> str:
        return value


def wrapped(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What kafka.docker.KafkaDockerWrapper writes before it formats storage, which may fail for all we care."""
    default, mounted, final = (folder / part for part in ("default", "mounted", "final"))
    for part in (default, mounted, final):
        part.mkdir(parents=True)
    for file in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (default / file).touch()
    (final / "server.properties").touch()
    folders = ["--default-configs-dir", default, "--mounted-configs-dir", mounted, "--final-configs-dir", final]
    given = {**environment, "KAFKA_LOG_DIRS": str(folder / "data")}
    java_tools.run_alone("kafka.docker.KafkaDockerWrapper", "setup", *folders, environment=given)
    lines = (final / "server.properties").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return {**found, "log.dirs": environment["KAFKA_LOG_DIRS"]}
