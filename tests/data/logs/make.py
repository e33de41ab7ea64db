"""Make the archives of this folder: log dirs of healthy three-node clusters, as brokers of one version leave them.

`python -m tests.data.logs.make VERSION JARS FIRST_PORT WORK` starts three nodes from Kafka's jars, writes topics,
copies the log dirs of running, killed, restarted and stopped nodes into WORK/copies, and packs them into
VERSION.tar.xz here. Kafka 3.9 runs with ZooKeeper, the others with KRaft.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

NODES = (1, 2, 3)
HERE = Path(__file__).parent
CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
# Small indexes, short segments and an eager cleaner: a few seconds leave what takes weeks elsewhere.
COMMON = """
offsets.topic.num.partitions=2
offsets.topic.replication.factor=3
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=1
log.index.size.max.bytes=4096
log.index.interval.bytes=200
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=4194304
log.segment.delete.delay.ms=1000
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
replica.lag.time.max.ms=2000
group.initial.rebalance.delay.ms=0
"""
TOPICS = {
    "plain": {},
    "rolled": {"segment.ms": "500"},
    "expired": {"segment.ms": "500", "retention.ms": "1000", "cleanup.policy": "delete"},
    "compacted": {
        "cleanup.policy": "compact", "segment.ms": "500", "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "100", "max.compaction.lag.ms": "1000",
    },
    "transactions": {"segment.ms": "1500"},
    "append-time": {"message.timestamp.type": "LogAppendTime", "segment.ms": "1000"},
    "never-written": {},
}  # fmt: skip


class Lab:
    """Three nodes of one version."""

    def __init__(self, version: str, jars: Path, first_port: int, work: Path) -> None:
        self.version, self.jars, self.port, self.work = version, jars, first_port, work
        self.has_zookeeper = version.startswith("3.9")
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.servers = ",".join(f"127.0.0.1:{first_port + node}" for node in NODES)

    def java(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        options = ["-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        with (self.work / f"{name}.out").open("ab") as output:
            return subprocess.Popen(
                ["java", *options, "-cp", f"{self.jars}/*", *arguments],
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def properties(self, node: int) -> Path:
        own, controller = self.port + node, self.port + 10
        lines = [COMMON, f"log.dirs={self.log_dir(node)}"]
        if self.has_zookeeper:
            lines += [f"broker.id={node}", f"zookeeper.connect=127.0.0.1:{self.port}"]
            lines += [f"listeners=PLAINTEXT://127.0.0.1:{own}", "zookeeper.session.timeout.ms=3000"]
        else:
            voters = ",".join(f"{voter}@127.0.0.1:{controller + voter}" for voter in NODES)
            lines += [f"node.id={node}", "process.roles=broker,controller", f"controller.quorum.voters={voters}"]
            lines += [f"listeners=PLAINTEXT://127.0.0.1:{own},CONTROLLER://127.0.0.1:{controller + node}"]
            lines += [f"advertised.listeners=PLAINTEXT://127.0.0.1:{own}", "controller.listener.names=CONTROLLER"]
            lines += [
                "metadata.log.max.snapshot.interval.ms=9000",
                "metadata.log.max.record.bytes.between.snapshots=2000",
            ]
        path = self.work / f"node-{node}.properties"
        path.write_text("\n".join(lines) + "\n")
        return path

    def log_dir(self, node: int) -> Path:
        return self.work / f"node-{node}"

    def format(self) -> None:
        if self.has_zookeeper:
            settings = f"dataDir={self.work}/zookeeper\nclientPort={self.port}\nadmin.enableServer=false\n"
            (self.work / "zookeeper.properties").write_text(settings + "clientPortAddress=127.0.0.1\n")
            main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
            self.running["zookeeper"] = self.java("zookeeper", main, str(self.work / "zookeeper.properties"))
            time.sleep(3)
            return
        for node in NODES:
            command = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self.properties(node))]
            if self.java(f"format-{node}", *command).wait(60):
                raise SystemExit(f"format of node {node} failed")

    def start(self, *nodes: int) -> None:
        for node in nodes:
            self.running[str(node)] = self.java(f"node-{node}", "kafka.Kafka", str(self.properties(node)))
        wait_until("nodes answer", lambda: len(self.admin().list_topics(timeout=5).brokers) == len(self.nodes()))

    def nodes(self) -> list[str]:
        return [name for name in self.running if name.isdigit()]

    def end(self, sent: signal.Signals, *names: str) -> None:
        for name in names:
            self.running[name].send_signal(sent)
        for name in names:
            self.running.pop(name).wait(60)
        if self.has_zookeeper:
            time.sleep(8)  # ZooKeeper forgets the broker, which can come back only then

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.servers, "log_level": 0, "socket.timeout.ms": 5000})

    def create_topics(self) -> None:
        topics = [NewTopic(name, 1, 3, config=settings) for name, settings in TOPICS.items()]
        wait_until("topics are created", lambda: self._create(topics))

    def _create(self, topics: list[NewTopic]) -> bool:
        admin = self.admin()  # its futures end with it
        for future in admin.create_topics(topics).values():
            with contextlib.suppress(KafkaException):  # of a first try that had no answer
                future.result(30)
        return set(TOPICS) <= set(admin.list_topics(timeout=5).topics)

    def copy(self, state: str, node: int) -> None:
        """Copy a node's log dir as it is; a running broker may delete a file meanwhile."""
        target = self.work / "copies" / f"{state}-{node}"
        with contextlib.suppress(shutil.Error):
            shutil.copytree(self.log_dir(node), target, ignore=shutil.ignore_patterns(".lock"))
        print(f"{self.version}: copied {target.name}", flush=True)

    def producer(self, **settings: object) -> Producer:
        return Producer({"bootstrap.servers": self.servers, "log_level": 0, "linger.ms": 0} | settings)


def wait_until(what: str, holds: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(KafkaException):
            if holds():
                return
        time.sleep(0.3)
    raise SystemExit(f"{what}: timed out")


def write_rounds(lab: Lab, rounds: int) -> None:
    """Write some batches to every topic, with pauses in which segments get old enough to be rolled."""
    writers = {codec: lab.producer(**{"compression.type": codec}) for codec in ("none", "lz4", "zstd")}
    plain = lab.producer(**{"enable.idempotence": True, "linger.ms": 50})
    for number in range(rounds):
        now_ms = int(time.time() * 1000)
        for count in range(12):
            # The largest timestamp is in the middle of a batch: old brokers write its own offset into the time index.
            plain.produce("plain", f"{number}-{count}", b"k", timestamp=now_ms + (50 if count == 4 else count))
            plain.produce("compacted", f"{number}-{count}" * 3, f"k{count % 5}" if number % 3 else f"once {number}")
            for codec, writer in writers.items():
                writer.produce("rolled", f"{codec}-{number}-{count}", timestamp=now_ms - count)
                writer.produce("append-time", f"{number}-{count}" * 4, codec)
                writer.produce("expired", b"x")
                writer.flush() if count % 4 == 3 else None
        plain.produce("compacted", None, "k2")
        plain.flush()
        time.sleep(0.7)


def write_transactions(lab: Lab, name: str) -> Producer:
    """Commit and abort some transactions, with offsets of a group, and return the producer of one that stays open."""
    producer = lab.producer(**{"transactional.id": name, "transaction.timeout.ms": 600000})
    producer.init_transactions(60)
    consumer = Consumer({"bootstrap.servers": lab.servers, "group.id": f"group {name}", "log_level": 0})
    for number in range(7):
        producer.begin_transaction()
        for count in range(4):
            producer.produce("transactions", f"{name} {number} {count}" * 4, str(count))
        producer.flush()
        offsets = [TopicPartition("plain", 0, number + 1)]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 60)
        if number == 6:
            break
        (producer.abort_transaction if number % 2 else producer.commit_transaction)(60)
        time.sleep(0.3)
    consumer.close()
    return producer


def read_in_group(lab: Lab) -> None:
    """Join a group and commit, so that the topic of offsets has both kinds of records."""
    settings = {"bootstrap.servers": lab.servers, "group.id": "readers", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings | {"log_level": 0})
    consumer.subscribe(["plain", "rolled"])
    messages: list[Message] = []
    deadline = time.monotonic() + 40
    while len(messages) < 20 and time.monotonic() < deadline:
        messages += consumer.consume(10, 1)
        if messages:
            consumer.commit(asynchronous=False)
    consumer.close()


def run(lab: Lab) -> None:
    lab.format()
    lab.start(*NODES)
    lab.create_topics()
    time.sleep(2)
    lab.copy("fresh", 1)
    write_rounds(lab, 3)
    read_in_group(lab)
    opened = [write_transactions(lab, "first")]
    lab.copy("running", 1)
    lab.end(signal.SIGKILL, "2")
    lab.copy("killed", 2)
    write_rounds(lab, 4)  # what node 2 fetches later in sets of many batches
    opened.append(write_transactions(lab, "second"))
    lab.start(2)
    write_rounds(lab, 3)
    time.sleep(5)
    lab.copy("caught-up", 2)
    lab.copy("running-later", 3)
    lab.end(signal.SIGKILL, *lab.nodes())
    lab.copy("killed", 3)
    lab.start(*NODES)
    write_rounds(lab, 2)
    time.sleep(3)
    lab.copy("restarted", 3)
    lab.copy("restarted", 1)
    lab.end(signal.SIGTERM, *lab.nodes())
    lab.copy("stopped", 1)
    lab.copy("stopped", 2)
    del opened


def pack(lab: Lab, states: list[str]) -> None:
    """Pack copies; the zeros of indexes stay holes."""
    names = sorted(path.name for path in (lab.work / "copies").iterdir() if not states or path.name in states)
    archive = HERE / f"{lab.version}.tar.xz"
    command = ["tar", "--sparse", "--sort=name", "--owner=0", "--group=0", "-C", str(lab.work / "copies"), "-cf", "-"]
    with archive.open("wb") as file, subprocess.Popen([*command, *names], stdout=subprocess.PIPE) as tar:
        subprocess.run(["xz", "-9e"], stdin=tar.stdout, stdout=file, check=True)
    print(f"{archive.name}: {archive.stat().st_size} bytes, {', '.join(names)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("jars", type=Path)
    parser.add_argument("first_port", type=int)
    parser.add_argument("work", type=Path)
    parser.add_argument("--states", nargs="*", default=[], help="Copies to pack, like killed-2; all without it.")
    parser.add_argument("--only-pack", action="store_true", help="Pack the copies that an earlier run made.")
    options = parser.parse_args()
    lab = Lab(options.version, options.jars.resolve(), options.first_port, options.work.resolve())
    if not options.only_pack:
        (lab.work / "copies").mkdir(parents=True)
        try:
            run(lab)
        finally:
            for process in lab.running.values():
                os.killpg(process.pid, signal.SIGKILL)
    pack(lab, options.states)


if __name__ == "__main__":
    main()
