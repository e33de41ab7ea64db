"""Scripts that were written for Kafka's tools run with the launchers of `kafkactl compat install`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clusters import RunningCluster, eventually

NOTES = r"""
kafka-topics --create --bootstrap-server {b} --replication-factor 1 --partitions 1 --topic {t}_01
kafka-topics --bootstrap-server {b} --list
kafka-topics --bootstrap-server {b} --describe --topic {t}_01
kafka-topics --bootstrap-server {b} --create --topic {t}-topic
echo hello | kafka-console-producer --bootstrap-server {b} --topic {t}_01
kafka-console-consumer --bootstrap-server {b} --topic {t}_01 --group {t}_1 --from-beginning --timeout-ms 6000
kafka-consumer-groups --bootstrap-server {b} --group {t}_1 --describe
kafka-topics --bootstrap-server {b} --create --topic {t}-multipart --partitions 3
kafka-console-producer --bootstrap-server {b} --topic {t}-multipart \
 --property key.separator=: --property parse.key=true < ./keyload.log
kafka-console-consumer --bootstrap-server {b} --group {t}_2 --topic {t}-multipart \
 --property print.key=true --property print.value=true --property print.partition=true \
 --from-beginning --max-messages 2000
kafka-consumer-groups --bootstrap-server {b} --describe --group {t}_2
kafka-configs --bootstrap-server {b} --entity-type topics --entity-name {t}-topic --all --describe
kafka-configs --bootstrap-server {b} --entity-type topics --entity-name {t}-topic \
 --alter --add-config max.message.bytes=2000000
kafka-configs --bootstrap-server {b} --entity-type topics --entity-name {t}-topic \
 --alter --delete-config max.message.bytes
kafka-dump-log --deep-iteration --files {log}/{t}-multipart-0/00000000000000000000.log --print-data-log
"""
"""The command lines of the study notes, with a few options to end what they leave to Ctrl-C."""


@pytest.fixture
def run(kraft: RunningCluster, tmp_path: Path) -> Callable[[str], str]:
    """Runs a line in a shell that finds the launchers, and returns its stdout; the status must be 0."""
    folder = tmp_path / "bin"
    folder.mkdir()
    kraft.cli.ok("compat", "install", folder)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"

    def run_line(line: str) -> str:
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env={**kraft.cli.full_environment(), "PATH": path}, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run_line


def test_the_lines_of_the_study_notes(
    kraft: RunningCluster, name: str, tmp_path: Path, run: Callable[[str], str]
) -> None:
    lines = [f"{number}:test key message sent test00000000000000 {number}\n" for number in range(1, 2001)]
    (tmp_path / "keyload.log").write_text("".join(lines))
    (log_dir,) = kraft.log_dirs()
    commands = [
        line.format(b=kraft.bootstrap_servers, t=name, log=log_dir)
        for line in NOTES.replace("\\\n", "").strip().splitlines()
    ]
    assert len(commands) == 15
    texts = [run(command) for command in commands]
    assert texts[0].endswith(f"Created topic {name}_01.\n")
    assert f"{name}_01" in texts[1].splitlines()
    assert texts[5] == "hello\n"
    assert len(texts[9].splitlines()) == 2001  # Kafka's tool prints a notice about --property on stdout, too
    assert sum(line.split()[5] == "0" for line in texts[10].splitlines() if line.startswith(f"{name}_2")) == 3
    assert "test key message" in texts[14]


def test_kafkas_own_test_of_its_images(kraft: RunningCluster, name: str, run: Callable[[str], str]) -> None:
    """The command lines of docker_sanity_test.py, as they are built there."""
    server = f"--bootstrap-server {kraft.bootstrap_servers}"
    run(f"kafka-topics.sh --create --topic {name} {server}")
    assert name in run(f"kafka-topics.sh --list {server}")
    run(
        f"echo \"key:message\" | kafka-console-producer.sh --topic {name} --property 'parse.key=true' "
        f"--property 'key.separator=:' --timeout 40000 {server} --property client.id=host"
    )
    text = run(
        f"kafka-console-consumer.sh --topic {name} --property 'print.key=true' --property 'key.separator=:' "
        f"--from-beginning --max-messages 1 --timeout-ms 40000 {server} --property auto.offset.reset=earliest"
    )
    assert text.splitlines()[-1] == "key:message"


def test_ends_as_a_pipe_ends(kraft: RunningCluster, name: str, run: Callable[[str], str]) -> None:
    """`| head` ends a launcher without an error, and only what was printed is committed."""
    server = f"--bootstrap-server {kraft.bootstrap_servers}"
    kraft.cli.ok("topics", "create", name)
    run(f"seq 1 1000 | kafka-console-producer {server} --topic {name}")
    assert run(
        f"kafka-console-consumer {server} --topic {name} --from-beginning --timeout-ms 9000 2>/dev/null | head -n 3"
    ).splitlines() == ["1", "2", "3"]
    eventually(lambda: name in kraft.cli.ok("topics", "list"))
