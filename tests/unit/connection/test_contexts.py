from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kafkactl.connection.contexts import Context, load
from kafkactl.connection.secrets import HIDDEN
from kafkactl.errors import NotFoundError, UsageError


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    file = load(tmp_path / "none.yaml")
    assert (dict(file.contexts), file.current) == ({}, None)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.yaml"
    context = Context("dev", "a:1,b:2", {"sasl.password": "s3cret", "enable.x": "true"})
    load(path).with_context(context).using("dev").save()
    file = load(path)
    assert file.get("dev") == context
    assert file.current == "dev"


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    load(path).with_context(Context("dev", "a:1")).save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.yaml"]


def test_values_written_by_hand_become_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("contexts:\n  dev:\n    bootstrap-servers: a:1\n    properties: {x: true, y: 5}\n")
    assert load(path).get("dev").properties == {"x": "true", "y": "5"}


def test_deleting_the_current_one_leaves_none_current(tmp_path: Path) -> None:
    file = load(tmp_path / "c.yaml").with_context(Context("a", "x:1")).using("a").without("a")
    assert (dict(file.contexts), file.current) == ({}, None)


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    file = load(tmp_path / "c.yaml").with_context(Context("known", "x:1"))
    for use in (file.get, file.using, file.without):
        with pytest.raises(NotFoundError, match="'other'") as raised:
            use("other")
        assert "known" in (raised.value.hint or "")


@pytest.mark.parametrize("text", ["[", "contexts: [a]", "contexts: {a: {}}", "contexts: {a: 5}", "just text"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"config\.yaml is not well formed"):
        load(path)


def test_secrets_are_hidden() -> None:
    properties = {
        "sasl.password": "a",
        "sasl.jaas.config": "b",
        "ssl.keystore.key": "c",
        "sasl.oauthbearer.client.secret": "d",
        "client.id": "shown",
    }
    shown = Context("x", "a:1", properties).without_secrets().properties
    assert {name: value for name, value in shown.items() if value != HIDDEN} == {"client.id": "shown"}
