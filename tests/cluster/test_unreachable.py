"""One clear line within the time-out, whatever is wrong with the address."""

from __future__ import annotations

import re
import socket
import time

import pytest

from tests.clusters import RunningCluster
from tests.conftest import Cli

COMMANDS = [
    ["topics", "list"],
    ["topics", "describe", "t"],
    ["topics", "create", "t"],
    ["topics", "delete", "t", "--yes"],
    ["groups", "list"],
    ["groups", "describe", "g"],
    ["groups", "delete", "g", "--yes"],
    ["configs", "describe", "topics", "t"],
    ["configs", "alter", "brokers", "1", "--set", "log.cleaner.threads=1"],
    ["configs", "describe", "topics", "t", "--all"],
    ["quotas", "list"],
    ["users", "list"],
    ["topics", "describe", "t", "-o", "kafka"],
    ["topics", "alter", "t", "-r", "2"],
    ["groups", "reset-offsets", "g", "--all-topics", "--to-latest"],
    ["groups", "explain", "g"],
    ["offsets", "t"],
    ["offsets", "t", "--time", "earliest-local"],
    ["records", "delete", "t", "--all", "--yes"],
    ["console-producer", "t"],
    ["console-consumer", "t"],
    ["console-consumer", "t", "--group", "g"],
]


def told(cli: Cli, *arguments: object, input: str | None = "line\n") -> tuple[str, float]:
    """The one error line of a command that must end with status 3, and how long it took."""
    started = time.monotonic()
    done = cli(*arguments, input=input, check=3)
    took_s = time.monotonic() - started
    assert done.stdout == ""
    error, hint = done.stderr.splitlines()
    assert hint.startswith("hint: ")
    return error, took_s


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nobody_listens(cli: Cli, command: list[str]) -> None:
    error, took_s = told(cli, "-b", "127.0.0.1:1", *command)
    assert error.startswith("error: cannot reach the cluster at 127.0.0.1:1: ")
    assert "Connection refused" in error
    assert took_s < 10


def test_a_name_that_does_not_resolve(cli: Cli) -> None:
    assert "Failed to resolve" in told(cli, "-b", "broker.invalid:9092", "topics", "list")[0]


def test_somebody_who_never_answers(cli: Cli) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        for command in (["topics", "list"], ["groups", "list"], ["topics", "describe", "t"], ["quotas", "list"]):
            error, took_s = told(cli, "-b", address, "--timeout", 2, *command)
            assert address in error
            assert took_s < 6


def test_a_kraft_controllers_port(kraft: RunningCluster) -> None:
    properties = kraft.log_dirs()[0].parent / "node.properties"
    match = re.search(r"CONTROLLER://(127\.0\.0\.1:\d+)", properties.read_text())
    assert match is not None
    for command in (["topics", "list"], ["groups", "list"], ["consume", "t"], ["quotas", "list"]):
        _error, took_s = told(kraft.cli, "-b", match[1], "--timeout", 3, *command)
        assert took_s < 7


def test_one_dead_broker_among_live_ones_is_no_error(kraft: RunningCluster) -> None:
    kraft.cli.ok("topics", "list", "-b", f"127.0.0.1:1,{kraft.bootstrap_servers}")


def test_a_wrong_protocol_is_told_as_what_it_is(kraft: RunningCluster) -> None:
    where = ["-b", kraft.bootstrap_servers]
    for command in (["topics", "list"], ["quotas", "list"]):
        assert "does not speak TLS" in told(kraft.cli, *where, "-X", "security.protocol=SSL", *command)[0]
    sasl = ["security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=a"]
    cli = kraft.cli.with_environment(KAFKACTL_CLIENT_SASL_PASSWORD="s3cret")
    error, _ = told(cli, *where, *[text for each in sasl for text in ("-X", each)], "topics", "list")
    assert "SASL" in error
    assert "s3cret" not in error


def test_an_unknown_setting_is_wrong_usage(kraft: RunningCluster) -> None:
    done = kraft.cli("topics", "list", "-X", "nosuch.setting=1", check=2)
    assert "unknown client setting nosuch.setting" in done.stderr


def test_who_named_the_address_is_said(cli: Cli) -> None:
    cli.ok("context", "set", "dead", "-b", "127.0.0.1:1")
    done = cli("--context", "dead", "topics", "list", check=3)
    assert "the address is from context dead" in done.stderr
    assert "from -X" in cli("topics", "list", "-X", "bootstrap.servers=127.0.0.1:1", check=3).stderr
