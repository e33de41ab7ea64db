"""Names for shell completion: their cache, and which names are meant."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from kafkactl.admin.entities import QUOTA_TYPES, EntityType
from kafkactl.admin.quotas import QUOTA_NAMES
from kafkactl.cli.completion import names
from kafkactl.cli.completion.names import _read_cache
from kafkactl.connection.java_settings import NOT_OF_TOOLS
from tests.conftest import Cli
from tests.fake_broker import FakeCluster
from tests.json_contract import walk_commands


@pytest.mark.parametrize(
    "content", ["", "[", "5", "null", "\udcff", '"ab"', '{"a": 1}', "[1]", pytest.param("[" * 100_000, id="deep")]
)
def test_damaged_cache_counts_as_missing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "topics.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert _read_cache(file) is None


def test_cache_has_the_names(tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    assert _read_cache(file) is None
    file.write_text('["orders", "clicks"]', encoding="utf-8")
    assert _read_cache(file) == ["orders", "clicks"]
    for moved_s in (-3600, 3600):  # also after a clock that was set back
        os.utime(file, (time.time() + moved_s,) * 2)
        assert _read_cache(file) is None


@pytest.mark.parametrize(
    "line",
    [
        "brokers describe ", "brokers drain ", "brokers unregister ", "brokers api-versions ",
        "log-dirs move orders --broker ",
        "transactions producers orders --broker ", "transactions find-hanging --broker ",
    ],
)  # fmt: skip
def test_ids_of_brokers_are_proposed(line: str, cli: Cli) -> None:
    with FakeCluster(brokers=2) as brokers:
        asked = f"kafkactl -b {brokers.address} {line}"
        proposed = cli.with_environment(_KAFKACTL_COMPLETE="complete_bash", _KAFKACTL_LINE=asked).ok()
    assert proposed.splitlines() == ["1", "2"]


def test_both_names_of_a_comparison_are_proposed(cli: Cli) -> None:
    with FakeCluster(brokers=1, topics={"orders": 1, "clicks": 1}) as brokers:
        for words, expected in (("", "topics"), ("topics ", "orders"), ("topics clicks ", "orders")):
            asked = f"kafkactl -b {brokers.address} configs diff {words}"
            proposed = cli.with_environment(_KAFKACTL_COMPLETE="complete_bash", _KAFKACTL_LINE=asked).ok()
            assert expected in proposed.splitlines()
            assert ("brokers" in proposed.splitlines()) == (not words)


def test_a_cache_that_cannot_be_written_hides_no_names(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("a file in place of the folder")
    with FakeCluster(brokers=2) as brokers:
        asked = f"kafkactl -b {brokers.address} brokers describe "
        done = cli.with_environment(
            _KAFKACTL_COMPLETE="complete_bash", _KAFKACTL_LINE=asked, HOME=str(tmp_path), XDG_CACHE_HOME=""
        )()
    assert done.stdout.splitlines() == ["1", "2"]


OPTIONS_OF_TYPES = {
    EntityType.TOPICS: ("--topic=x",),
    EntityType.BROKERS: ("--broker=1", "--broker-defaults"),
    EntityType.BROKER_LOGGERS: ("--broker-logger=1",),
    EntityType.GROUPS: ("--group=x",),
    EntityType.CLIENT_METRICS: ("--client-metrics=x",),
    EntityType.CLIENTS: ("--client=x", "--client-defaults"),
    EntityType.USERS: ("--user=x", "--user-defaults"),
    EntityType.IPS: ("--ip=::1", "--ip-defaults"),
}


@pytest.fixture(scope="module")
def alter() -> Any:
    return walk_commands()["configs alter"]


@pytest.mark.parametrize("option", ["--set", "--unset", "--append", "--subtract", "--add-config", "--delete-config"])
@pytest.mark.parametrize("type_", EntityType)
def test_names_of_settings_are_those_of_the_entitys_type(
    alter: Any, type_: EntityType, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_list_names", lambda ctx, kind, ask: [kind])
    wanted = QUOTA_NAMES[type_] if type_ in QUOTA_TYPES else [f"configs-{type_}"]
    for words in (
        (type_.value, "x"), (type_.singular, "x"), ("topics", "a", type_.value, "x"), (f"--entity-type={type_}",),
        *((flag,) for flag in OPTIONS_OF_TYPES[type_]),
    ):  # fmt: skip
        for before in (words, (*words, "--set", "a=1")):
            context = alter.make_context("alter", [*before, option], resilient_parsing=True)
            proposed = names.complete_config_names(context, "")
            assert [name.removesuffix("=") for name in proposed] == sorted(wanted), before


@pytest.mark.parametrize("command", ["quotas set", "quotas unset"])
@pytest.mark.parametrize(
    ("type_", "option"), [(type_, option) for type_ in QUOTA_TYPES for option in OPTIONS_OF_TYPES[type_]]
)
def test_names_of_quotas_are_those_of_the_entitys_type(command: str, type_: EntityType, option: str) -> None:
    name = command.split()[1]
    context = walk_commands()[command].make_context(name, [option], resilient_parsing=True)
    proposed = names.complete_quota_names(context, "")
    assert [quota.removesuffix("=") for quota in proposed] == list(QUOTA_NAMES[type_])


def test_names_are_those_of_the_controllers_that_the_line_names(cli: Cli) -> None:
    with FakeCluster(brokers=2) as brokers, FakeCluster(brokers=3, api_versions="controller") as controllers:
        at_controllers = f"--bootstrap-controller {controllers.address}"
        for line, expected in (
            ("configs describe brokers ", ["1", "2"]),
            (f"configs describe {at_controllers} brokers ", ["1", "2", "3"]),
            (f"kafka-configs {at_controllers} --entity-type brokers --entity-name ", ["1", "2", "3"]),
        ):
            proposed = cli.with_environment(
                _KAFKACTL_COMPLETE="complete_bash",
                _KAFKACTL_LINE=f"kafkactl {line}",
                KAFKACTL_BOOTSTRAP_SERVER=brokers.address,
            ).ok()
            assert proposed.splitlines() == expected


def test_settings_before_the_subcommand_count_for_the_names_too(cli: Cli) -> None:
    with FakeCluster(brokers=2) as brokers, FakeCluster(brokers=1) as others:
        proposed = cli.with_environment(
            _KAFKACTL_COMPLETE="complete_bash",
            _KAFKACTL_LINE=f"kafkactl -X bootstrap.servers={brokers.address} brokers describe -X client.id=me ",
            KAFKACTL_BOOTSTRAP_SERVER=others.address,
        ).ok()
    assert proposed.splitlines() == ["1", "2"]


def test_a_file_for_kafkas_tools_does_not_hide_the_names(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("".join(f"{name}=UTF-16\n" for name in sorted(NOT_OF_TOOLS)))
    with FakeCluster(brokers=2) as brokers:
        connection = f"--bootstrap-server {brokers.address} --command-config {file}"
        proposed = cli.with_environment(
            _KAFKACTL_COMPLETE="complete_bash",
            _KAFKACTL_LINE=f"kafkactl kafka-configs {connection} --entity-type brokers --entity-name ",
        ).ok()
    assert proposed.splitlines() == ["1", "2"]
