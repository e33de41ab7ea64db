"""The cache of names for shell completion."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkactl.cli.completion.names import _read_cache
from tests.conftest import Cli
from tests.fake_broker import FakeCluster


@pytest.mark.parametrize("content", ["", "[", "5", "null", "\udcff", '"ab"', '{"a": 1}', "[1]"])
def test_damaged_cache_counts_as_missing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "topics.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert _read_cache(file) is None


def test_cache_has_the_names(tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    assert _read_cache(file) is None
    file.write_text('["orders", "clicks"]', encoding="utf-8")
    assert _read_cache(file) == ["orders", "clicks"]


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


def test_a_cache_that_cannot_be_written_hides_no_names(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("a file in place of the folder")
    with FakeCluster(brokers=2) as brokers:
        asked = f"kafkactl -b {brokers.address} brokers describe "
        done = cli.with_environment(
            _KAFKACTL_COMPLETE="complete_bash", _KAFKACTL_LINE=asked, HOME=str(tmp_path), XDG_CACHE_HOME=""
        )()
    assert done.stdout.splitlines() == ["1", "2"]
