"""Every way to say where the cluster is and how to talk to it, on a real one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.clusters import RunningCluster
from tests.conftest import Cli


@pytest.fixture
def stranger(cluster: RunningCluster, tmp_path: Path) -> Cli:
    """A command line that knows of no cluster."""
    return Cli(tmp_path)


def with_variables(cli: Cli, **environment: str) -> Cli:
    return replace(cli, environment=environment)


def test_flags_before_and_after_the_command(cluster: RunningCluster, stranger: Cli, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    where = ["-b", cluster.bootstrap_servers]
    assert name in stranger.ok(*where, "topics", "list")
    assert name in stranger.ok("topics", "list", *where)
    assert name in stranger.ok("-b", "127.0.0.1:1", "topics", "list", *where)
    assert name in stranger.ok(*where, "-o", "json", "topics", "list")
    assert stranger.ok(*where, "-o", "json", "topics", "list").startswith("[")


def test_the_environment(cluster: RunningCluster, stranger: Cli, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    told = with_variables(stranger, KAFKACTL_BOOTSTRAP_SERVER=cluster.bootstrap_servers, KAFKACTL_OUTPUT="csv")
    assert told.ok("topics", "list", name).splitlines()[0].startswith("topic,")
    wrong = with_variables(
        stranger, KAFKACTL_BOOTSTRAP_SERVER=cluster.bootstrap_servers, KAFKACTL_CLIENT_SECURITY_PROTOCOL="ssl"
    )
    assert "does not speak TLS" in wrong("topics", "list", check=3).stderr


def test_a_java_properties_file(cluster: RunningCluster, stranger: Cli, name: str) -> None:
    file = stranger.home / "client.properties"
    file.write_text(
        f"# as Java's tools take it\nbootstrap.servers={cluster.bootstrap_servers}\nsecurity.protocol=PLAINTEXT\n"
        "client.id=from-\\\n    the-file\nkey.serializer=org.apache.kafka.common.serialization.StringSerializer\n"
    )
    stranger.ok("topics", "create", name, "--command-config", file)
    stranger.ok("produce", name, "--producer.config", file, input="x\n")
    assert stranger.ok("consume", name, "--consumer.config", file, "--from-beginning", "--exit") == "x\n"
    assert name in with_variables(stranger, KAFKACTL_COMMAND_CONFIG=str(file)).ok("topics", "list")


def test_contexts(cluster: RunningCluster, stranger: Cli, name: str) -> None:
    cluster.cli.ok("topics", "create", name)
    stranger.ok("context", "set", "here", "-b", cluster.bootstrap_servers, "-X", "client.id=me")
    assert name in stranger.ok("topics", "list", "--context", "here")
    assert name in with_variables(stranger, KAFKACTL_CONTEXT="here").ok("topics", "list")
    stranger.ok("context", "use", "here")
    assert name in stranger.ok("topics", "list")
    stranger.ok("context", "set", "here", "-X", "security.protocol=ssl")
    assert "does not speak TLS" in stranger("topics", "list", check=3).stderr
    assert name in stranger.ok("topics", "list", "-b", cluster.bootstrap_servers), "a flag leaves the context out"
