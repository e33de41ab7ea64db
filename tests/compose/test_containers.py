"""kafkactl in a container of its own, segments seen from this host, and faults of nodes that are containers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from kafkactl.local.compose import Target
from tests.clusters import eventually, free_base
from tests.compose.conftest import PORT, Start, cli_of
from tests.conftest import REPOSITORY, Cli


@pytest.fixture(scope="session")
def image(engine: None) -> str:
    done = subprocess.run(["make", "image"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return "kafkactl"


def in_container(
    image: str, target: Target, *arguments: object, input: str = "", flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    network = ["--network", f"{target.project}_default"]
    where = ["-b", ",".join(f"{broker.name}:19092" for broker in target.brokers)]
    return subprocess.run(
        ["docker", "run", "--rm", "--interactive", *network, *flags, image, *where, *map(str, arguments)],
        input=input,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_from_a_container_and_segments_from_this_host(image: str, start: Start, tmp_path: Path) -> None:
    log_dir = tmp_path / "logs"
    folder = log_dir / "kafka-1-data"
    folder.mkdir(parents=True)
    folder.chmod(0o777)  # `kafkactl local up --log-dir` does this; the broker is another user
    with start("kraft", log_dir) as target:
        assert in_container(image, target, "topics", "create", "orders").returncode == 0
        sent = in_container(image, target, "produce", "orders", input="a\nb\nc\n")
        assert sent.stderr == "3 records delivered to orders\n"
        read = in_container(image, target, "consume", "orders", "--from-beginning", "-e")
        assert read.stdout == "a\nb\nc\n"
        refused = in_container(image, target, "topics", "describe", "none")
        assert (refused.returncode, refused.stderr.splitlines()[0]) == (1, "error: topic not found: 'none'")
        segment = folder / "orders-0" / "00000000000000000000.log"
        assert "payload: b" in Cli(tmp_path).ok("dump-log", segment, "--print-data-log")
    who = ["docker", "run", "--rm", "--entrypoint", "id", image, "-un"]
    assert subprocess.run(who, capture_output=True, text=True, check=True).stdout == "kafkactl\n"


def test_a_login_from_a_container(image: str, start: Start, tmp_path: Path) -> None:
    """As admin with the settings of the compose file, but for the place of the certificate."""
    with start("secured") as target:
        client = tmp_path / "client.properties"
        settings = {**target.client, "ssl.ca.location": "/work/ca.crt"}
        client.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        mounts = ("-v", f"{client}:/work/client.properties:ro", "-v", f"{tmp_path}/secrets/ca.crt:/work/ca.crt:ro")
        flags = ("--command-config", "client.properties")
        assert in_container(image, target, "topics", "create", "orders", *flags, flags=mounts).returncode == 0
        assert in_container(image, target, "topics", "list", *flags, flags=mounts).stdout == "orders\n"
        unknown = in_container(image, target, "topics", "list", "-X", "security.protocol=SSL", flags=mounts)
        assert unknown.returncode == 3
        assert cli_of(target, tmp_path / "host").ok("topics", "list") == "orders\n"


def test_faults_of_containers(engine: None, tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.ok("local", "up", "kraft-cluster", "--engine", "docker", "--port", free_base(PORT), "--log-dir", tmp_path / "l")

    def states() -> dict[str, str]:
        return {each["node"]: each["state"] for each in json.loads(cli.ok("local", "status", "-o", "json"))}

    def in_sync() -> set[int]:
        # The killed node may be the active controller: until another one is elected and the brokers have found it,
        # nobody can tell which replicas move. The rest is told, with status 1 and the silent broker's name.
        told = cli("topics", "describe", "orders", "-o", "json")
        assert told.returncode == 0 or (told.returncode == 1 and "moves of replicas are missing" in told.stderr), told
        (topic,) = json.loads(told.stdout)
        return {broker for partition in topic["partitions"] for broker in partition["isr"]}

    try:
        cli.ok("topics", "create", "orders", "-p", 3, "-r", 3, "--timeout", 60)
        cli.ok("local", "kill", 2)
        assert states() == {"kafka-1": "running", "kafka-2": "exited", "kafka-3": "running"}
        eventually(lambda: in_sync() == {1, 3}, 60)
        cli.ok("produce", "orders", input="in spite of it\n")
        assert "does not run" in cli("local", "kill", 2, check=1).stderr
        cli.ok("local", "restart", 2)
        eventually(lambda: in_sync() == {1, 2, 3}, 60)
        cli.ok("local", "pause", "kafka-3")
        assert states()["kafka-3"] == "paused"
        cli.ok("local", "resume", "kafka-3")
        cli.ok("local", "pause", "kafka-1")
        cli.ok("local", "restart", "kafka-1")
        assert set(states().values()) == {"running"}
        assert "Kafka Server started" in cli.ok("local", "logs")
        shown = json.loads(cli.ok("local", "status", "-o", "json"))
        assert [Path(each["log_dir"], "meta.properties").exists() for each in shown] == [True] * 3
    finally:
        cli.ok("local", "down", "--wipe")
    assert list((tmp_path / "l").iterdir()) == []
