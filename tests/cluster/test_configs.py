from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from tests.clusters import RunningCluster, eventually


def values(cluster: RunningCluster, *arguments: object) -> dict[str, dict[str, object]]:
    rows = json.loads(cluster.cli.ok("configs", "describe", *arguments, "-o", "json"))
    return {row["name"]: row for row in rows}


def test_a_topics_configs(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    done = cli("configs", "describe", "topics", name, check=0)
    assert done.stdout == ""
    assert f"topic {name} has no settings of its own" in done.stderr
    cli.ok("configs", "alter", "topics", name, "--set", "retention.ms=5000", "--set", "cleanup.policy=compact,delete")
    own = values(cluster, "topics", name)
    assert {key: row["value"] for key, row in own.items()} == {
        "retention.ms": "5000",
        "cleanup.policy": "compact,delete",
    }
    assert own["retention.ms"]["source"] == "DYNAMIC_TOPIC_CONFIG"
    everything = values(cluster, "topics", name, "--all")
    assert everything["compression.type"]["source"] == "DEFAULT_CONFIG"
    cli.ok("configs", "alter", "topics", name, "--unset", "retention.ms")
    assert set(values(cluster, "topics", name)) == {"cleanup.policy"}


def test_kafkas_spelling(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    entity = ["--bootstrap-server", cluster.bootstrap_servers, "--entity-type", "topics", "--entity-name", name]
    cli.ok("configs", "alter", *entity, "--add-config", "cleanup.policy=[compact,delete],retention.ms=1")
    assert set(values(cluster, *entity)) == {"cleanup.policy", "retention.ms"}
    assert values(cluster, "--topic", name) == values(cluster, *entity)
    cli.ok("configs", "alter", *entity, "--delete-config", "cleanup.policy,retention.ms")
    assert values(cluster, *entity) == {}


def test_brokers(cluster: RunningCluster) -> None:
    cli = cluster.cli
    static = values(cluster, "brokers", 1, "--all")
    assert static["broker.rack"]["value"] == "a"
    assert static["broker.rack"]["source"] == "STATIC_BROKER_CONFIG"
    cli.ok("configs", "alter", "brokers", 1, "--set", "log.cleaner.threads=2")
    try:
        assert values(cluster, "--broker", 1)["log.cleaner.threads"]["value"] == "2"
    finally:
        cli.ok("configs", "alter", "brokers", 1, "--unset", "log.cleaner.threads")


def test_refusals(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    assert f"topic not found: {name!r}" in cli("configs", "describe", "topics", name, check=1).stderr
    assert "broker 77 is not alive" in cli("configs", "describe", "brokers", 77, check=1).stderr
    cli.ok("topics", "create", name)
    wrong = cli("configs", "alter", "topics", name, "--set", "retention.ms=soon", "--set", "flush.ms=1", check=1)
    assert "retention.ms" in wrong.stderr
    assert values(cluster, "topics", name) == {}, "one request: all or nothing"
    assert (
        "cannot delete settings that are not set"
        in cli("configs", "alter", "topics", name, "--unset", "flush.ms", check=1).stderr
    )


def test_a_dry_run_changes_nothing(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    cluster.cli.ok("configs", "alter", "topics", name, "--set", "flush.ms=1", "--dry-run")
    assert values(cluster, "topics", name) == {}


def test_lists_grow_and_shrink(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name)
    cli.ok("configs", "alter", "topics", name, "--append", "cleanup.policy=compact")
    assert values(cluster, "topics", name)["cleanup.policy"]["value"] == "delete,compact"
    cli.ok("configs", "alter", "topics", name, "--subtract", "cleanup.policy=delete")
    assert values(cluster, "topics", name)["cleanup.policy"]["value"] == "compact"
    refused = cli("configs", "alter", "topics", name, "--append", "retention.ms=1", check=1)
    assert "retention.ms" in refused.stderr


def test_synonyms_and_documentation(cluster: RunningCluster, name: str) -> None:
    cluster.cli.ok("topics", "create", name, "-c", "segment.bytes=2000000")
    row = values(cluster, "topics", name, "--documentation")["segment.bytes"]
    assert "segment" in str(row["documentation"]).lower()
    assert row["synonyms"] == [
        {"source": "DYNAMIC_TOPIC_CONFIG", "name": "segment.bytes", "value": "2000000"},
        {"source": "DEFAULT_CONFIG", "name": "log.segment.bytes", "value": "1073741824"},
    ]


def test_differences(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("topics", "create", name, f"{name}.2", "-c", "flush.ms=7", "-c", "min.cleanable.dirty.ratio=0.7")
    assert cli("configs", "diff", "topics", name, f"{name}.2", check=0).stdout == ""
    cli.ok("configs", "alter", "topics", f"{name}.2", "--set", "flush.ms=8")
    told = cli("configs", "diff", "topics", name, f"{name}.2", "-o", "json", check=4).stdout
    assert json.loads(told) == [{"name": "flush.ms", "left": "7", "right": "8"}]
    told = cli("configs", "diff", "topics", name, "-o", "json", check=4).stdout
    from_default = {row["name"]: (row["left"], row["right"]) for row in json.loads(told)}
    assert from_default["min.cleanable.dirty.ratio"] == ("0.7", "0.5")
    assert "segment.bytes" not in from_default
    assert "missing argument NAME" in cli("configs", "diff", "topics", check=2).stderr


def test_secrets_stay_hidden(cluster: RunningCluster) -> None:
    told = cluster.cli.ok("configs", "describe", "brokers", 1, "--all", "-o", "json")
    secret = [row for row in json.loads(told) if row["sensitive"]]
    assert secret
    assert all(row["value"] is None for row in secret)
    table = cluster.cli.ok("configs", "describe", "brokers", 1, "--all", "-o", "csv")
    assert table.count("(hidden)") == len(secret)


def test_defaults_of_all_brokers_and_their_loggers(cluster: RunningCluster) -> None:
    cli = cluster.cli
    cli.ok("configs", "alter", "brokers", "--default", "--set", "log.cleaner.backoff.ms=16000")
    try:
        eventually(lambda: values(cluster, "brokers", "--default")["log.cleaner.backoff.ms"]["value"] == "16000")
        everywhere = values(cluster, "brokers", 1, "--all")["log.cleaner.backoff.ms"]
        assert everywhere["source"] == "DYNAMIC_DEFAULT_BROKER_CONFIG"
    finally:
        cli.ok("configs", "alter", "brokers", "--default", "--unset", "log.cleaner.backoff.ms")
    assert values(cluster, "broker-loggers", 1)["kafka.log.LogCleaner"]["value"] == "INFO"
    unknown = cli("configs", "alter", "broker-loggers", 1, "--set", "no.such.Logger=DEBUG", check=1)
    assert "logger not found: no.such.Logger" in unknown.stderr


def test_what_cannot_be_asked(cluster: RunningCluster, name: str, tmp_path: Path) -> None:
    file = tmp_path / "credential.properties"
    file.write_text("SCRAM-SHA-256=password=x\n")
    credential = ["--add-config-file", file]
    for arguments, reason in (
        (["describe"], "missing argument TYPE"),
        (["describe", "tables", "x"], "invalid value 'tables' for TYPE"),
        (["alter", "topics", "--set", "a=1"], "missing argument NAME"),
        (["alter", "topics", name], "nothing to alter"),
        (
            ["alter", "users", name, "--append", "producer_byte_rate=1"],
            "--append and --subtract cannot change quotas and credentials",
        ),
        (
            ["alter", "users", name, "--set", "producer_byte_rate=1", "--set", "x_rate=1"],
            f"invalid setting for user {name}: x_rate",
        ),
        (["alter", "users", name, "--set", "producer_byte_rate=1", *credential], "cannot be changed by one command"),
        (["alter", "users", name, *credential, "--dry-run"], "--dry-run cannot be used with credentials"),
        (["alter", "users", name, "--set", "SCRAM-SHA-256=password=x"], "others can read the command line"),
        (["diff", "users", name], "cannot be compared"),
    ):
        assert reason in cluster.cli("configs", *arguments, check=2).stderr


def test_settings_at_a_controller(kraft: RunningCluster, name: str) -> None:
    """What a controller shows and changes: nodes that are controllers, the default, topics, groups and metrics."""
    cli, at_controllers = kraft.cli, ("--bootstrap-controller", kraft.controllers)

    def shows(entity: tuple[object, ...], text: str) -> bool:
        return text in cli.ok("configs", "describe", *entity, *at_controllers)

    def alter(*words: object) -> str:
        return cli("configs", "alter", *words, *at_controllers, check=0).stderr

    for entity in (("brokers", 1), ("brokers", "--default")):
        assert "does not check settings of brokers" in alter(*entity, "--set", "log.cleaner.threads=2")
        eventually(partial(shows, entity, "log.cleaner.threads  2"))
        assert alter(*entity, "--unset", "log.cleaner.threads") == ""
    cli.ok("topics", "create", name)
    for entity, setting in (
        (("topics", name), "retention.ms"),
        (("groups", name), "consumer.session.timeout.ms"),
        (("client-metrics", name), "interval.ms"),
    ):
        alter(*entity, "--set", f"{setting}=50000")
        eventually(partial(shows, entity, f"{setting}  50000"))
    alter("broker-loggers", 1, "--set", "kafka.server.KafkaApis=DEBUG")
    assert shows(("broker-loggers", 1), "DEBUG")
    alter("broker-loggers", 1, "--unset", "kafka.server.KafkaApis")
    for words, reason in (
        (("brokers", 77), "node 77 is not a controller"),
        (("topics",), "does not serve Metadata: only brokers do"),
        (("users",), "does not serve DescribeClientQuotas: only brokers do"),
    ):
        assert reason in cli("configs", "describe", *words, *at_controllers, check=1).stderr
