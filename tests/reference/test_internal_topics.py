"""Records of Kafka's own topics beside Kafka's tool: every message of 4.3.1 in every version, whole and damaged."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import Consumer, Producer

from kafkactl.paths import find_cache_dir
from kafkactl.storage.records import Record
from kafkactl.storage.schema import find_layouts, load_layouts
from tests.clusters import RunningCluster
from tests.reference import layouts as made
from tests.reference.dumps import same_text
from tests.unit.storage.encoding import encode_batch
from tests.unit.storage.messages import encode_message, unsigned_varint

COORDINATORS = {
    "consumer_offsets": "--offsets-decoder",
    "transaction_state": "--transaction-log-decoder",
    "share_group_state": "--share-group-state-decoder",
}
METADATA = {"cluster_metadata": "--cluster-metadata-decoder", "remote_log_metadata": "--remote-log-metadata-decoder"}
KeyAndValue = tuple[bytes | None, bytes | None]


def coordinator_records(topic: str, random: Random, each: int) -> Iterator[KeyAndValue]:
    values = {layout.api_key: layout for layout in find_layouts(topic, "value")}
    for key in find_layouts(topic, "key"):
        value = values[key.api_key]
        for version in value.versions:
            for _ in range(each):
                key_bytes = struct.pack(">h", key.api_key) + encode_message(key, 0, random)
                yield key_bytes, struct.pack(">h", version) + encode_message(value, version, random)
        yield key_bytes, None
        yield key_bytes, struct.pack(">h", value.versions.stop)
    yield struct.pack(">h", 99), b""
    yield b"\0", b""
    yield b"", b"\0\1"


def metadata_records(topic: str, random: Random, each: int) -> Iterator[KeyAndValue]:
    for layout in load_layouts(topic):
        for version in layout.versions:
            for _ in range(each):
                head = b"\1" + unsigned_varint(layout.api_key or 0) + unsigned_varint(version)
                yield None, head + encode_message(layout, version, random)
        yield None, b"\1" + unsigned_varint(layout.api_key or 0) + unsigned_varint(9) + bytes(40)
    for head in (
        b"\0",
        b"\2\1\1",
        b"\1\x7f\0",
        b"\1",
        b"",
        b"\xff\xff\xff\xff\xff",
        b"\1\xff\xff\xff\x07\0",
        b"\1\0\0",
    ):
        yield None, head
    yield None, b"\1\x07\0" + bytes(30)


def damaged(records: list[KeyAndValue], random: Random) -> Iterator[KeyAndValue]:
    """The same with bytes changed, cut off or added."""

    def damage(data: bytes | None) -> bytes | None:
        if not data:
            return data
        changed = bytearray(data)
        for _ in range(random.randrange(1, 4)):
            changed[random.randrange(len(changed))] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)])
        return bytes(changed[: random.randrange(len(changed))] if random.random() < 0.3 else changed)

    for key, value in records:
        if random.random() < 0.3:
            yield damage(key), value
        else:
            yield key, damage(value)


def segment(path: Path, records: list[KeyAndValue]) -> Path:
    path.parent.mkdir(exist_ok=True)
    numbered = [Record(offset, 1_700_000_000_000, -1, key, value, ()) for offset, (key, value) in enumerate(records)]
    path.write_bytes(b"".join(encode_batch(numbered[start : start + 50]) for start in range(0, len(numbered), 50)))
    return path


@pytest.mark.parametrize("seed", [1])
def test_every_record_type_whole_and_damaged(kraft: RunningCluster, tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    calls = []
    for topic, flag in {**COORDINATORS, **METADATA}.items():
        make = coordinator_records if topic in COORDINATORS else metadata_records
        records = list(make(topic, random, each=8))
        whole = segment(tmp_path / topic / "00000000000000000000.log", records)
        broken = segment(tmp_path / f"{topic}-damaged" / "00000000000000000000.log", list(damaged(records, random)))
        calls += [[flag, "--files", whole], [flag, "--files", broken]]
    same_text(calls, kraft.cli)


def test_a_record_without_key_ends_the_dump_of_a_coordinators_topic(kraft: RunningCluster, tmp_path: Path) -> None:
    path = segment(tmp_path / "x" / "00000000000000000000.log", [(struct.pack(">hh", 2, 0), None), (None, b"x")])
    same_text([["--offsets-decoder", "--files", path]], kraft.cli)


def test_null_values_of_metadata(kraft: RunningCluster, tmp_path: Path) -> None:
    path = segment(tmp_path / "x" / "00000000000000000000.log", [(b"k", None), (None, None)])
    options = [*([flag] for flag in METADATA.values()), ["--cluster-metadata-decoder", "--skip-record-metadata"]]
    same_text([[*each, "--files", path] for each in options], kraft.cli)


def test_the_topics_of_a_running_broker(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    """Offsets of groups of both protocols, transactions, and the metadata of KRaft."""
    cluster.cli.ok("topics", "create", name, "-p", 2)
    cluster.cli.ok("produce", name, input="a\nb\nc\n")
    where = {"bootstrap.servers": cluster.bootstrap_servers, "log_level": 0}
    protocols = ("classic", "consumer") if cluster.version.startswith("4") else ("classic",)
    for protocol in protocols:
        settings = {"group.id": f"{name}-{protocol}", "group.protocol": protocol, "auto.offset.reset": "earliest"}
        consumer = Consumer({**where, **settings, "enable.auto.commit": False})
        consumer.subscribe([name])
        assert consumer.consume(1, 30)
        consumer.commit(asynchronous=False)
        consumer.close()
    producer = Producer({**where, "transactional.id": name})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(name, "in a transaction")
    producer.commit_transaction(30)
    flags = {
        "__consumer_offsets": "--offsets-decoder",
        "__transaction_state": "--transaction-log-decoder",
        "__cluster_metadata": "--cluster-metadata-decoder",
    }
    calls = []
    for topic, flag in flags.items():
        files = [file for log_dir in cluster.log_dirs() for file in log_dir.glob(f"{topic}-*/*.log")]
        largest = max(files, key=lambda file: file.stat().st_size, default=None)
        if largest is None:
            assert topic == "__cluster_metadata"
            assert cluster.name.startswith("zookeeper")
            continue
        copy = tmp_path / topic / largest.name  # it grows while it is read
        copy.parent.mkdir()
        copy.write_bytes(largest.read_bytes())
        calls.append([flag, "--files", copy])
    same_text(calls, cluster.cli)


@pytest.mark.parametrize("name", made.SOURCES)
def test_the_layouts_are_those_of_kafkas_jars(kraft: RunningCluster, name: str) -> None:
    jars = find_cache_dir() / "kafka" / made.VERSION
    assert kraft.version == made.VERSION
    assert (made.LAYOUTS / f"{name}.txt").read_text() == made.layout_text(name, jars)
