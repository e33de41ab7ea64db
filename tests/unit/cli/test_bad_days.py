"""Commands on bad days: hostile names, refused parts, answers that never come, readers that leave."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.conftest import Cli
from tests.fake_broker import FakeBroker, Group

NOT_UTF8 = "\udcff"  # the byte 0xff on a command line
CLUSTER_AUTHORIZATION_FAILED, LOADING, REQUEST_TIMED_OUT = 31, 14, 7


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    groups = [Group("billing", offsets={("orders", 0): 0})]
    with FakeBroker(topics={"orders": 3, "other": 1}, groups=groups) as broker:
        yield broker


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "describe", NOT_UTF8],
        ["topics", "create", NOT_UTF8],
        ["topics", "create", "new", "--config", f"a={NOT_UTF8}"],
        ["topics", "delete", "--topic", NOT_UTF8, "--yes"],
        ["groups", "list", "--match", NOT_UTF8],
        ["groups", "describe", "--group", NOT_UTF8],
        ["groups", "delete", "billing", NOT_UTF8, "--yes"],
        ["groups", "clone", "billing", NOT_UTF8, "--execute"],
        ["groups", "reset-offsets", NOT_UTF8, "--all-topics", "--to-earliest", "--execute"],
        ["groups", "remove-members", "billing", "--instance", NOT_UTF8, "--yes"],
        ["configs", "alter", "client-metrics", NOT_UTF8, "--set", "interval.ms=5"],
        ["quotas", "set", "--user", NOT_UTF8, "producer_byte_rate=5"],
        ["users", "delete", NOT_UTF8, "--yes"],
        ["offsets", NOT_UTF8],
        ["records", "delete", NOT_UTF8, "--all", "--yes"],
        ["console-consumer", "orders", "--group", NOT_UTF8],
        ["console-producer", NOT_UTF8],
        ["topics", "list", "-X", f"client.id={NOT_UTF8}"],
        ["context", "set", NOT_UTF8, "-b", "a:1"],
    ],
)
def test_a_value_that_is_not_utf8_is_wrong_usage(arguments: list[str], cli: Cli, broker: FakeBroker) -> None:
    done = cli("-b", broker.address, *arguments, input="")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "this is not UTF-8" in done.stderr
    assert "this is a bug" not in done.stderr
    assert broker.state.topics.keys() == {"orders", "other"}


def test_a_path_may_have_any_bytes(cli: Cli) -> None:
    done = cli("dump-log", os.fsencode(cli.home / "none").decode() + NOT_UTF8)
    assert "Ignoring unknown file" in done.stderr
    assert "not UTF-8" not in done.stderr


@pytest.mark.parametrize("options", [["--columns", "NOPE"], ["--sort", "NOPE"]])
def test_a_wrong_column_does_not_hide_what_was_changed(options: list[str], cli: Cli, broker: FakeBroker) -> None:
    done = cli("-b", broker.address, "topics", "create", "new", *options, check=0)
    assert "new" in broker.state.topics
    assert done.stdout.split() == ["TOPIC", "RESULT", "new", "created"]
    assert done.stderr.startswith("warning: invalid value 'NOPE'")


def test_a_dry_run_and_a_list_refuse_a_wrong_column(cli: Cli, broker: FakeBroker) -> None:
    cli("-b", broker.address, "topics", "list", "--columns", "NOPE", check=2)
    cli("-b", broker.address, "topics", "create", "new", "--dry-run", "--columns", "NOPE", check=2)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["groups", "describe", "billing", "--fail-if", "members<3"], 4),
        (["topics", "create", "new", "orders"], 1),
        (["topics", "list"], 0),
    ],
)
def test_a_reader_that_leaves_does_not_change_the_status(
    arguments: list[str], status: int, cli: Cli, broker: FakeBroker
) -> None:
    begin, end = os.pipe()
    os.close(begin)
    done = subprocess.run(
        cli.command("-b", broker.address, *arguments),
        stdout=end,
        stderr=subprocess.PIPE,
        env=cli.full_environment(),
        check=False,
    )
    os.close(end)
    assert done.returncode == status, done.stderr


@pytest.mark.parametrize("form", ["json", "kafka", "csv"])
def test_a_user_without_rights_to_the_cluster_sees_topics(form: str, cli: Cli, broker: FakeBroker) -> None:
    broker.on("ListPartitionReassignments", error=CLUSTER_AUTHORIZATION_FAILED)
    assert "orders" in cli("-b", broker.address, "topics", "describe", "orders", "-o", form, check=0).stdout


def test_one_time_out_holds_for_all_attempts(cli: Cli, broker: FakeBroker) -> None:
    broker.on("ListGroups", error=LOADING, delay_s=1.8)
    started = time.monotonic()
    done = cli("-b", broker.address, "--timeout", "2s", "groups", "list")
    assert done.returncode in (1, 3), done.stderr
    assert time.monotonic() - started < 2 + 1 + 1, "the time-out, a second of grace, and the start"


def test_a_part_without_an_answer_does_not_hide_the_others(cli: Cli, broker: FakeBroker) -> None:
    broker.on("DeleteTopics", error=REQUEST_TIMED_OUT, item=("orders",))
    done = cli("-b", broker.address, "--timeout", "2s", "topics", "delete", "orders", "other", "--yes", "-o", "json")
    assert {row["name"]: row["ok"] for row in json.loads(done.stdout)} == {"orders": False, "other": True}
    assert done.returncode == 1
    assert "may have been done" in done.stderr
