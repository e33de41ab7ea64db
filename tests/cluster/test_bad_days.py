"""Commands on bad days: hostile names, refused parts, answers that never come, readers that leave."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.conftest import Cli
from tests.fake_broker import FakeBroker, FakeCluster, Group

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
    assert "no such file" in done.stderr
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


@pytest.mark.parametrize("fault", [{"close": True}, {"freeze": True}, {"reset": True}, {"half_answer": True}])
def test_a_lost_answer_is_asked_for_again(fault: dict[str, bool], cli: Cli, broker: FakeBroker) -> None:
    broker.on("ListOffsets", times=1, **fault)
    done = cli("-b", broker.address, "--timeout", "1500ms", "offsets", "orders", "-o", "csv")
    rows = [line.split(",")[2] for line in done.stdout.splitlines()[1:]]
    assert set(rows) <= {"0", ""}, "an offset that was not answered is not known"
    assert done.returncode == (3 if not rows else 1 if "" in rows else 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["offsets", "orders"],
        ["offsets", "orders", "--count"],
        ["groups", "describe", "billing"],
        ["groups", "describe", "billing", "--lag"],
        ["groups", "reset-offsets", "billing", "--to-latest", "--topic", "orders", "--execute"],
        ["groups", "reset-offsets", "billing", "--to-datetime", "-1h", "--topic", "orders", "--execute"],
        ["records", "delete", "orders", "--before-time", "-1h", "--yes"],
    ],
)
def test_an_offset_without_an_answer_is_no_offset(arguments: list[str], cli: Cli, broker: FakeBroker) -> None:
    broker.on("ListOffsets", close=True)
    done = cli("-b", broker.address, "--timeout", "800ms", *arguments)
    assert done.returncode in (1, 3), done.stdout
    assert "-1001" not in done.stdout + done.stderr
    assert "this is a bug" not in done.stderr
    assert not broker.requests_of("DeleteRecords")
    assert not broker.requests_of("OffsetCommit")


def test_what_was_there_before_is_not_offered_for_deletion(cli: Cli, broker: FakeBroker) -> None:
    done = cli("-b", broker.address, "--debug", "topics", "create", "new", "orders")
    assert "undo: kafkactl topics delete new --yes" in done.stderr
    assert "topics delete orders" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["groups", "clone", "billing", "", "--execute"],
        ["groups", "clone", "billing", ""],
        ["users", "delete", "", "--yes"],
        ["groups", "reset-offsets", "billing", "--topic", "", "--to-earliest"],
        ["groups", "delete-offsets", "billing", "--topic", "", "--yes"],
    ],
)
def test_an_empty_name_is_wrong_usage(arguments: list[str], cli: Cli, broker: FakeBroker) -> None:
    done = cli("-b", broker.address, *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "the value is empty" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        (["records", "delete", "orders", "--all", "--dry-run"], "kafka"),
        (["groups", "describe", "billing", "--members"], "prometheus"),
        (["groups", "describe", "billing", "--state"], "prometheus"),
    ],
)
def test_a_result_without_the_form_is_wrong_usage(
    arguments: list[str], form: str, cli: Cli, broker: FakeBroker
) -> None:
    done = cli("-b", broker.address, *arguments, "-o", form, check=2)
    assert f"invalid value '{form}' for -o: this result does not have this form" in done.stderr
    cli.with_environment(KAFKACTL_OUTPUT=form).ok("-b", broker.address, *arguments)


def test_columns_follow_the_flags_and_not_the_data(cli: Cli, broker: FakeBroker) -> None:
    shown = cli.ok("-b", broker.address, "offsets", "orders", "--time", "now", "-o", "csv")
    assert shown.splitlines()[0] == "topic,partition,offset,time"


def test_without_headings_only_rows_are_left(cli: Cli, broker: FakeBroker) -> None:
    flags = ("--columns", "PARTITION", "--no-headers")
    shown = cli.ok("-b", broker.address, "topics", "describe", "orders", "other", *flags)
    assert shown == "0\n1\n2\n0\n"


def test_a_question_without_an_answer_is_asked_again_in_half_the_time(cli: Cli) -> None:
    with FakeCluster(brokers=2, topics={"orders": 3}) as broker:
        broker.on("DescribeTopicPartitions", freeze=True, times=1)
        shown = cli.ok("-b", broker.address, "--timeout", "3s", "topics", "describe", "orders", "-o", "json")
        assert "orders" in shown


CHANGES = [
    ("CreateTopics", ["topics", "create", "new"]),
    ("CreatePartitions", ["topics", "alter", "orders", "-p", 9]),
    ("DeleteTopics", ["topics", "delete", "orders", "--yes"]),
    ("IncrementalAlterConfigs", ["configs", "alter", "topics", "orders", "--set", "retention.ms=5"]),
    ("DeleteGroups", ["groups", "delete", "billing", "--yes"]),
    ("OffsetCommit", ["groups", "reset-offsets", "billing", "--topic", "orders", "--to-latest", "--execute"]),
    ("OffsetDelete", ["groups", "delete-offsets", "billing", "--topic", "orders", "--yes"]),
    ("AlterUserScramCredentials", ["users", "set", "ann", "--password-file", "-"]),
    ("AlterClientQuotas", ["quotas", "set", "producer_byte_rate=5", "--user", "ann"]),
    ("DeleteRecords", ["records", "delete", "orders", "--all", "--yes"]),
]


@pytest.mark.parametrize("fault", [{"freeze": True}, {"close": True}])
@pytest.mark.parametrize(("api", "arguments"), CHANGES)
def test_a_change_without_an_answer_may_have_been_done(
    api: str, arguments: list[object], fault: dict[str, bool], cli: Cli, broker: FakeBroker
) -> None:
    """It is not sent again, and nobody is told that the cluster cannot be reached and no more."""
    broker.on(api, applied=True, **fault)
    started = time.monotonic()
    done = cli("-b", broker.address, "--timeout", "2s", *arguments, input="secret\n")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "may have been done" in done.stderr
    assert "check the result before you repeat the command" in done.stderr
    assert time.monotonic() - started < 2 + 1 + 1.5, "the time-out, a second of grace, and the start"
    assert len(broker.requests_of(api)) == 1
