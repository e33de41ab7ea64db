"""kafka-configs beside ours with -o kafka, line for line, on the same cluster."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.clusters import RunningCluster, eventually

CONFIGS = "kafka.admin.ConfigCommand"


def theirs(cluster: RunningCluster, *arguments: object) -> subprocess.CompletedProcess[str]:
    return cluster.java(CONFIGS, "--bootstrap-server", cluster.bootstrap_servers, *arguments)


def same(cluster: RunningCluster, *arguments: object) -> str:
    """Both describe the same, at a moment when nothing changes; what they say."""
    said = {}

    def equal() -> bool:
        said.update(theirs=theirs(cluster, "--describe", *arguments).stdout)
        said.update(ours=cluster.cli("configs", "describe", *arguments, "-o", "kafka").stdout)
        return said["ours"] == said["theirs"]

    try:
        eventually(equal, timeout_s=10)
    except AssertionError:
        assert said["ours"] == said["theirs"]
    return said["theirs"]


def altered(cluster: RunningCluster, *arguments: object) -> str:
    """Both make the same change, one after the other, and say the same of it."""
    said = theirs(cluster, "--alter", *arguments)
    assert said.returncode == 0, said.stderr
    assert cluster.cli.ok("configs", "alter", *arguments, "-o", "kafka") == said.stdout
    return said.stdout


def credential(folder: Path, text: str) -> list[object]:
    """Flags that set it: from a file, because ours takes none from the command line."""
    file = folder / text
    file.write_text(text + "\n")
    return ["--add-config-file", file]


def test_topics(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    cluster.cli.ok("topics", "create", name)
    entity = ["--entity-type", "topics", "--entity-name", name]
    assert altered(cluster, *entity, "--add-config", "cleanup.policy=[compact,delete],retention.ms = 7") == (
        f"Completed updating config for topic {name}.\n"
    )
    file = tmp_path / "topic.properties"
    file.write_text("flush.ms: 9\nsegment.ms 100000\n")
    altered(cluster, "--topic", name, "--add-config-file", file)
    assert "cleanup.policy=compact,delete sensitive=false" in same(cluster, *entity)
    assert "DEFAULT_CONFIG:log.segment.bytes" in same(cluster, *entity, "--all")
    altered(cluster, *entity, "--delete-config", "flush.ms,retention.ms")
    assert "flush" not in same(cluster, "--topic", name)
    assert "doesn't exist and doesn't have dynamic config" in same(cluster, "--topic", f"{name}-not")


def test_brokers_and_their_loggers(cluster: RunningCluster) -> None:
    one = ["--entity-type", "brokers", "--entity-name", 1]
    default = ["--entity-type", "brokers", "--entity-default"]
    try:
        altered(cluster, *one, "--add-config", "log.cleaner.threads=2")
        assert altered(cluster, *default, "--add-config", "log.cleaner.backoff.ms=20000") == (
            "Completed updating default config for brokers in the cluster.\n"
        )
        assert "log.cleaner.threads=2" in same(cluster, "--broker", 1)
        assert "DYNAMIC_DEFAULT_BROKER_CONFIG:log.cleaner.backoff.ms=20000" in same(cluster, "--broker-defaults")
        assert "STATIC_BROKER_CONFIG:broker.rack=a" in same(cluster, *one, "--all")
        assert "Default configs for brokers" in same(cluster, "--entity-type", "brokers")
        assert "The broker '77' doesn't exist" in same(cluster, "--broker", 77)
    finally:
        altered(cluster, *one, "--delete-config", "log.cleaner.threads")
        altered(cluster, *default, "--delete-config", "log.cleaner.backoff.ms")
    altered(cluster, "--broker-logger", 1, "--add-config", "kafka.log.LogCleaner=DEBUG")
    assert "  kafka.log.LogCleaner=DEBUG sensitive=false synonyms={}" in same(cluster, "--broker-logger", 1)
    altered(cluster, "--broker-logger", 1, "--delete-config", "kafka.log.LogCleaner")


def test_users_clients_and_ips(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    rates = "producer_byte_rate=1e7,consumer_byte_rate=12345678,request_percentage=150.25,controller_mutation_rate=3"
    altered(cluster, "--user", name, "--add-config", rates)
    altered(cluster, "--user", name, "--client", "app", "--add-config", "producer_byte_rate=1024")
    altered(cluster, "--entity-type", "users", "--entity-default", "--entity-type", "clients", "--entity-name", name,
            "--add-config", "consumer_byte_rate=123456789")  # fmt: skip
    altered(cluster, "--client-defaults", "--add-config", "request_percentage=200")
    altered(cluster, "--user", name, *credential(tmp_path, "SCRAM-SHA-256=iterations=8192,password=a=b,c"))
    altered(cluster, "--user", name, *credential(tmp_path, "SCRAM-SHA-512=password=x"))
    altered(cluster, "--entity-type", "ips", "--entity-name", "10.1.2.3", "--add-config", "connection_creation_rate=10")
    try:
        assert "SCRAM-SHA-256=iterations=8192" in same(cluster, "--user", name)
        assert "request_percentage=150.25" in same(cluster, "--entity-type", "users")
        assert f"the default user-principal, client-id '{name}'" in same(
            cluster, "--entity-type", "users", "--entity-type", "clients"
        )
        assert "client-id 'app'" in same(cluster, "--user", name, "--client", "app")
        assert "the default client-id are request" in same(cluster, "--entity-type", "clients")
        assert "ip '10.1.2.3'" in same(cluster, "--entity-type", "ips")
        altered(cluster, "--user", name, "--add-config", "producer_byte_rate=1,request_percentage=0.0005")
        assert "request_percentage=5.0E-4" in same(cluster, "--user", name)
    finally:
        cluster.cli.ok("configs", "alter", "--client-defaults", "--unset", "request_percentage")
        cluster.cli.ok("users", "delete", name, "--yes")
    assert "SCRAM" not in same(cluster, "--user", name)


def test_many_quotas_come_in_the_order_of_javas_hash_table(kraft: RunningCluster, name: str) -> None:
    for number in range(20):
        kraft.cli.ok("quotas", "set", "--client", f"{name}.{number}", f"producer_byte_rate={number + 1}")
    assert same(kraft, "--entity-type", "clients").count(name) == 20


def test_groups_and_client_metrics(kraft: RunningCluster, name: str) -> None:
    altered(kraft, "--group", name, "--add-config", "consumer.session.timeout.ms=50000")
    altered(kraft, "--client-metrics", name, "--add-config", "interval.ms=60000,match=[client_id=a.*]")
    assert "consumer.session.timeout.ms=50000" in same(kraft, "--group", name)
    assert "DYNAMIC_GROUP_CONFIG" in same(kraft, "--group", name, "--all")
    assert "interval.ms=60000" in same(kraft, "--client-metrics", name)
    assert f"Dynamic configs for client-metric {name} are:" in same(kraft, "--entity-type", "client-metrics")
    assert "doesn't exist" in same(kraft, "--client-metrics", f"{name}-not")
    assert "doesn't exist" in same(kraft, "--group", f"{name}-not")
    blocks = [
        sorted(re.split(r"(?m)^(?=Dynamic)", text))
        for text in (
            theirs(kraft, "--describe", "--entity-type", "groups").stdout,
            kraft.cli.ok("configs", "describe", "groups", "-o", "kafka"),
        )
    ]
    assert blocks[0] == blocks[1], "their order is that of a hash set of Scala, ours of names"


def test_what_the_broker_refuses_is_told_in_its_words(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    cluster.cli.ok("topics", "create", name)
    for flags in (
        ["--topic", name, "--add-config", "retention.ms=soon"],
        ["--topic", name, "--add-config", "no.such.setting=1"],
        ["--broker", 1, "--add-config", "log.cleaner.threads=no"],
        ["--broker-defaults", "--add-config", "broker.id=7"],
        ["--broker-logger", 1, "--add-config", "no.such.Logger=INFO"],
        ["--broker-logger", 1, "--add-config", "kafka.log.LogCleaner=LOUD"],
        ["--user", name, *credential(tmp_path, "SCRAM-SHA-256=iterations=99999,password=x")],
        ["--user", name, *credential(tmp_path, "SCRAM-SHA-256=iterations=1,password=x")],
        ["--user", name, "--add-config", "retention.ms=1"],
        ["--client", name, *credential(tmp_path, "SCRAM-SHA-256=password=x")],
        ["--ip", "10.0.0.1", "--add-config", "producer_byte_rate=1"],
        ["--ip", "not an address", "--add-config", "connection_creation_rate=1"],
    ):
        refused, ours = theirs(cluster, "--alter", *flags), cluster.cli("configs", "alter", *flags, "-o", "kafka")
        assert refused.returncode, flags
        assert ours.returncode, flags
        assert ours.stdout == refused.stdout == ""
        for reason in re.findall(r"^Caused by: \S+Exception: (.+)", refused.stderr, re.MULTILINE):
            assert reason in ours.stderr, flags
