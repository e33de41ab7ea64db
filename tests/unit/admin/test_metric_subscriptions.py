"""Subscriptions of client metrics at a fake broker."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from kafkactl.admin import client_metrics
from kafkactl.admin.client_metrics import Subscription
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from kafkactl.errors import OperationError, UsageError
from tests.conftest import Cli
from tests.fake_broker import FakeBroker

CLIENT_METRICS, INVALID_CONFIG, AUTHORIZATION = 16, 40, 31


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with FakeBroker() as broker:
        broker.state.configs[CLIENT_METRICS, "apps"] = {"interval.ms": "1000", "match": "client_id=a,client_id=b"}
        broker.state.configs[CLIENT_METRICS, "all"] = {"metrics": "*"}
        yield broker


@pytest.fixture
def connected(broker: FakeBroker) -> Iterator[Cluster]:
    cluster = Cluster(resolve(broker.address, None, None, (), 5))
    yield cluster
    cluster.close()


def test_values_in_force(connected: Cluster) -> None:
    described = client_metrics.describe_settings(connected, client_metrics.list_names(connected))
    assert [client_metrics.make_subscription(name, settings) for name, settings in described.items()] == [
        Subscription(name="all", interval_ms=300_000, metrics=("*",), match=()),
        Subscription(name="apps", interval_ms=1000, metrics=(), match=("client_id=a", "client_id=b")),
    ]
    assert client_metrics.find_own_values(described["all"]) == {"metrics": "*"}
    assert client_metrics.describe_settings(connected, []) == {}
    assert client_metrics.make_subscription("x", []) == Subscription(name="x", interval_ms=None, metrics=(), match=())


def test_changes(connected: Cluster, broker: FakeBroker) -> None:
    changes = client_metrics.make_alterations({"interval.ms": "5000"}, ["match"])
    client_metrics.alter_subscription(connected, "apps", changes, dry_run=True)
    assert broker.state.configs[CLIENT_METRICS, "apps"]["interval.ms"] == "1000"
    client_metrics.alter_subscription(connected, "apps", changes)
    assert broker.state.configs[CLIENT_METRICS, "apps"] == {"interval.ms": "5000"}
    with pytest.raises(UsageError, match="given twice: match"):
        client_metrics.make_alterations({"match": "client_id=a"}, ["match"])
    broker.on("IncrementalAlterConfigs", error=INVALID_CONFIG, error_message="the interval is too short")
    with pytest.raises(OperationError, match="the interval is too short"):
        client_metrics.alter_subscription(connected, "apps", changes)


def test_one_of_several_deletions_fails(connected: Cluster, broker: FakeBroker) -> None:
    broker.on("IncrementalAlterConfigs", error=AUTHORIZATION, item="apps")
    outcomes = client_metrics.delete_subscriptions(connected, {"apps": ["interval.ms", "match"], "all": ["metrics"]})
    assert [(row.name, row.ok, row.code) for row in outcomes] == [("apps", False, AUTHORIZATION), ("all", True, None)]
    assert client_metrics.list_names(connected) == ["apps"]


def test_random_names() -> None:
    names = {client_metrics.make_random_name() for _ in range(200)}
    assert len(names) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", name) for name in names)


@pytest.mark.slow
def test_a_change_shows_the_present_values_and_is_not_made_twice(cli: Cli, broker: FakeBroker) -> None:
    alter = ("-b", broker.address, "client-metrics", "alter", "apps", "--interval", "5s")
    shown = "change subscription apps: interval.ms from 1000 to 5000; unchanged: match=client_id=a,client_id=b"
    assert f"would {shown}" in cli.ok(*alter, "--dry-run")
    assert f"{shown}: not done: there is no terminal to ask at" in cli(*alter, check=2).stderr
    assert broker.state.configs[CLIENT_METRICS, "apps"]["interval.ms"] == "1000"
    assert "interval.ms=5000" in cli.ok(*alter, "--yes")
    assert "has these values already" in cli.ok(*alter, "--yes")
    assert (
        len([each for each in broker.requests_of("IncrementalAlterConfigs") if not each.fields["validate_only"]]) == 1
    )
    undo = cli("--debug", *alter[:-1], "7s", "--unset", "match", "--yes", check=0).stderr
    assert "undo: kafkactl client-metrics alter --interval=5000ms --match=client_id=a,client_id=b --yes -- apps" in undo
    added = cli("--debug", *alter[:4], "new", "--metrics", "*", "--yes", check=0)
    assert "undo: kafkactl client-metrics delete --yes -- new" in added.stderr
    assert "add subscription new with metrics=*" in added.stderr


def test_a_setting_that_is_unset_twice_is_shown_once(cli: Cli, broker: FakeBroker) -> None:
    alter = ("-b", broker.address, "client-metrics", "alter", "apps", "--unset", "match", "--unset", "match")
    assert cli.ok(*alter, "--dry-run").count("to the default") == 1
    assert cli.ok(*alter, "--yes").count("no match") == 1


@pytest.mark.parametrize("present", [{"match": ""}, {"metrics": "", "interval.ms": "1000"}, {}])
@pytest.mark.parametrize("name", ["apps", "-x"])
def test_what_undoes_a_change_is_a_valid_command(
    cli: Cli, broker: FakeBroker, name: str, present: dict[str, str]
) -> None:
    broker.state.configs[CLIENT_METRICS, name] = dict(present)
    debug = ("--debug", "-b", broker.address, "client-metrics")
    told = cli(*debug, "alter", "--interval", "7s", "--match", "client_id=z", "--yes", "--", name, check=0).stderr
    (undo,) = [line for line in told.splitlines() if line.startswith("undo: ")]
    cli.ok("-b", broker.address, *shlex.split(undo)[2:])
    left = {key: value for key, value in broker.state.configs.get((CLIENT_METRICS, name), {}).items() if value}
    assert left == {key: value for key, value in present.items() if value}


@pytest.mark.slow
def test_a_deletion_names_what_is_missing(cli: Cli, broker: FakeBroker) -> None:
    delete = ("-b", broker.address, "client-metrics", "delete")
    preview = cli(*delete, "all", "apps", "--dry-run", check=0).stderr
    assert "would delete subscription all (metrics=*); delete subscription apps (interval.ms=1000, match=" in preview
    done = cli(*delete, "all", "nosuch", "--yes", check=1)
    assert "all" in done.stdout
    assert "error: subscription not found: nosuch" in done.stderr
    assert "kafkactl client-metrics list" in done.stderr
    assert "not found: all" in cli(*delete, "all", "--yes", check=1).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "missing argument NAME"),
        ("apps", "nothing to alter"),
        ("apps --generate-name --metrics a", "mutually exclusive"),
        ("apps --interval soon", "invalid value 'soon' for --interval"),
        ("apps --unset interval", "invalid value 'interval' for --unset"),
        ("apps --unset metrics --metrics a", "setting given twice: metrics"),
        ("apps --metrics=", "invalid value '' for --metrics"),
    ],
)
def test_wrong_words(cli: Cli, words: str, reason: str) -> None:
    assert reason in cli("-b", "127.0.0.1:1", "client-metrics", "alter", *words.split(), check=2).stderr


@pytest.mark.slow
def test_a_lost_answer_names_the_command_that_shows_the_result(cli: Cli, broker: FakeBroker) -> None:
    broker.on("IncrementalAlterConfigs", freeze=True, applied=True)
    cluster = ("-b", broker.address, "--timeout", "1", "client-metrics")
    for words in (("alter", "apps", "--interval", "5s"), ("delete", "apps")):
        done = cli(*cluster, *words, "--yes", check=3)
        assert "subscription apps: no answer within 1 s; it may have been done" in done.stderr
        assert "kafkactl client-metrics list" in done.stderr
