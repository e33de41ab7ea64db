"""The life of local clusters: also when things go wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kafkactl.local.ports import is_open
from tests.clusters import RunningCluster, eventually, free_base
from tests.conftest import Cli


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cli]:
    """A command line with a home of its own, where whatever is started is ended."""
    cli = Cli(tmp_path)
    yield cli
    cli("local", "down", "--all", "--wipe")


def nodes(cli: Cli) -> list[dict[str, object]]:
    return json.loads(cli.ok("local", "status", "-o", "json"))  # type: ignore[no-any-return]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_status_of_each(cluster: RunningCluster) -> None:
    status = {str(node["node"]): node for node in nodes(cluster.cli)}
    expected = {"kraft": 1, "kraft-cluster": 3, "zookeeper": 2}[cluster.name]
    assert len(status) == expected
    assert {node["state"] for node in status.values()} == {"running"}
    assert all(is_alive(int(str(node["pid"]))) for node in status.values())
    brokers = [str(node["address"]) for node in status.values() if node["address"]]
    assert brokers == cluster.bootstrap_servers.split(",")


def test_up_makes_a_context_and_selects_it(cluster: RunningCluster) -> None:
    (context,) = json.loads(cluster.cli.ok("context", "list", "-o", "json"))
    assert context == {"current": True, "context": cluster.name, "bootstrap_servers": cluster.bootstrap_servers}


def test_up_again_is_no_error_and_up_otherwise_is(cluster: RunningCluster) -> None:
    assert "is running already" in cluster.cli("local", "up", cluster.name, check=0).stderr
    refused = cluster.cli("local", "up", cluster.name, "--port", 23000, check=1)
    assert f"{cluster.name} is running already, with port" in refused.stderr


def test_logs(cluster: RunningCluster) -> None:
    text = cluster.cli.ok("local", "logs")
    assert "kafka-1" in text
    assert "INFO" in text


def test_logs_that_are_followed_go_on(kraft: RunningCluster, name: str) -> None:
    process = kraft.cli.start("local", "logs", "-f", stdout=subprocess.PIPE)
    try:
        kraft.cli.ok("topics", "create", name)
        assert process.stdout is not None
        assert any(name in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130


def test_everything_listens_on_loopback_only(cluster: RunningCluster) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
        outside.connect(("192.0.2.1", 9))  # sends nothing; tells this host's own address
        address = outside.getsockname()[0]
    port = int(cluster.bootstrap_servers.split(",")[0].split(":")[1])
    with socket.socket() as client:
        assert client.connect_ex((address, port)) != 0


def test_data_is_kept_until_it_is_wiped(own: Cli) -> None:
    port = free_base(11692)
    own.ok("local", "up", "kraft", "--engine", "native", "--port", port)
    own.ok("topics", "create", "kept")
    own.ok("produce", "kept", input="a record\n")
    pids = [int(str(node["pid"])) for node in nodes(own)]
    own.ok("local", "down")
    eventually(lambda: not any(map(is_alive, pids)))
    assert not is_open(port)
    assert [node["state"] for node in nodes(own)] == ["stopped"]
    own.ok("local", "up")  # the same port and engine as before
    assert own.ok("consume", "kept", "--from-beginning", "--exit") == "a record\n"
    own.ok("local", "down", "kraft", "--wipe")
    assert nodes(own) == []
    assert not (own.home / "data" / "local" / "kraft").exists()
    assert json.loads(own.ok("context", "list", "-o", "json")) == []


def test_a_port_in_use_is_found_before_anything_is_started(own: Cli, kraft: RunningCluster) -> None:
    port = int(kraft.bootstrap_servers.split(":")[1])
    done = own("local", "up", "kraft", "--engine", "native", "--port", port, check=1)
    assert f"error: cannot start kraft: port {port} in use" in done.stderr
    assert "--port" in done.stderr
    assert nodes(own) == []


def starting(own: Cli, port: int) -> subprocess.Popen[str]:
    """A `local up` whose node has been started, but does not serve yet."""
    process = own.start("local", "up", "kraft", "--engine", "native", "--port", port, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert any("starting kafka-1" in line for line in process.stderr)
    eventually(lambda: any(node["pid"] for node in nodes(own)))
    return process


def test_what_a_killed_command_has_started_is_found_and_ended(own: Cli) -> None:
    process = starting(own, free_base(11792))
    process.kill()
    process.wait()
    (pid,) = [int(str(node["pid"])) for node in nodes(own)]
    assert is_alive(pid)
    own.ok("local", "down")
    eventually(lambda: not is_alive(pid))


def test_an_interrupted_start_leaves_nothing_running(own: Cli) -> None:
    process = starting(own, free_base(11892))
    (pid,) = [int(str(node["pid"])) for node in nodes(own) if node["pid"]]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    eventually(lambda: not is_alive(pid))


def test_a_node_that_cannot_start_says_why(own: Cli) -> None:
    port = free_base(11992)
    own.ok("local", "up", "kraft", "--engine", "native", "--port", port)
    own.ok("local", "down")
    meta = own.home / "data" / "local" / "kraft" / "kafka-1" / "kafka-1-data" / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=7"))
    done = own("local", "up", check=1)
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith("error: cannot format the storage of kafka-1: ")
    assert "node.id" in error or "node id" in error
    assert "--wipe" in hint


def test_a_cluster_that_runs_in_part_is_told_as_that(own: Cli) -> None:
    own.ok("local", "up", "kraft-cluster", "--engine", "native", "--port", free_base(12092))
    (pid,) = [int(str(node["pid"])) for node in nodes(own) if node["node"] == "kafka-2"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: [node["state"] for node in nodes(own)] == ["running", "stopped", "running"])
    refused = own("local", "up", "kraft-cluster", check=1)
    assert "kraft-cluster runs only in part: kafka-2 is stopped" in refused.stderr
    own.ok("local", "down")
    own.ok("local", "up", "kraft-cluster")
    assert {node["state"] for node in nodes(own)} == {"running"}


def test_the_three_node_zookeeper_cluster_too(own: Cli) -> None:
    port = free_base(12192)
    own.ok("local", "up", "zookeeper-cluster", "--engine", "native", "--port", port)
    own.ok("topics", "create", "t", "-r", 3)
    for server in range(3):  # only one of them is the controller
        own.ok("topics", "describe", "t", "-b", f"127.0.0.1:{port + server}")
    (topic,) = json.loads(own.ok("topics", "describe", "t", "-o", "json"))
    assert sorted(topic["partitions"][0]["isr"]) == [1, 2, 3]
    assert len(nodes(own)) == 6
