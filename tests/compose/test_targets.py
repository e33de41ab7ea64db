"""Every target of compose/ on Docker: the main job from this host, and the same brokers as the native engine's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kafkactl.local.compose import TARGETS, Target
from tests.clusters import running
from tests.compose.conftest import PORT, Start, cli_of
from tests.conftest import Cli

LINES = "".join(f"k{number % 7}:line {number}\n" for number in range(1000))
# Where a node is on its host or in its container, and when it was made.
PLACES = re.compile(
    r"(?:.*\.)?(?:listeners|advertised\.listeners|controller\.quorum\.voters|log\.dirs?|zookeeper\.connect"
    r"|ssl\.(?:keystore|truststore)\.location|host\.name|port)"
)


def main_job(cli: Cli, target: Target) -> None:
    """What a newcomer does first; with replicas on all brokers where there are several."""
    size = len(target.brokers)
    cli.ok("topics", "create", "orders", "-p", 3, "-r", size, "--timeout", 60)
    cli.ok("produce", "orders", "-K", ":", input=LINES)
    shown = cli.ok("consume", "orders", "--from-beginning", "-n", 400, "--group", "billing", "--timeout", 60)
    assert len(shown.splitlines()) == 400
    (group,) = json.loads(cli.ok("groups", "describe", "billing", "-o", "json"))
    assert sum(each["lag"] for each in group["partitions"]) == 600
    (topic,) = json.loads(cli.ok("topics", "describe", "orders", "-o", "json"))
    assert all(len(partition["isr"]) == size for partition in topic["partitions"])


@pytest.mark.parametrize("name", TARGETS)
def test_the_main_job_and_the_same_settings_as_the_native_engines(name: str, start: Start, tmp_path: Path) -> None:
    with start(name) as target:
        on_docker = cli_of(target, tmp_path / "docker")
        main_job(on_docker, target)
        with running(name, tmp_path / "native", PORT + 100) as native:
            assert effective(on_docker) == effective(native.cli)


def effective(cli: Cli) -> dict[tuple[str, str], tuple[str, str]]:
    """Each broker's settings, all that are in force, and where each is from."""
    told = json.loads(cli.ok("configs", "describe", "--entity-type", "brokers", "--all", "-o", "json", "--timeout", 60))
    return {
        (each["entity"], each["name"]): (each["value"], each["source"])
        for each in told
        if not PLACES.fullmatch(each["name"])
    }
