from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kafkactl.connection.contexts import Context, ContextFile, change, load
from kafkactl.errors import NotFoundError, UsageError
from kafkactl.escaping import HIDDEN


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    file = load(tmp_path / "none.yaml")
    assert (dict(file.contexts), file.current) == ({}, None)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.yaml"
    context = Context("dev", "a:1,b:2", {"sasl.password": "s3cret", "enable.x": "true"})
    load(path).add_context(context).select_context("dev").save()
    file = load(path)
    assert file.get("dev") == context
    assert file.current == "dev"


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    load(path).add_context(Context("dev", "a:1")).save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.yaml"]


def test_values_written_by_hand_become_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("contexts:\n  dev:\n    bootstrap-servers: a:1\n    properties: {x: true, y: 5}\n")
    assert load(path).get("dev").properties == {"x": "true", "y": "5"}


def test_deleting_the_current_one_leaves_none_current(tmp_path: Path) -> None:
    file = load(tmp_path / "c.yaml").add_context(Context("a", "x:1")).select_context("a").remove_context("a")
    assert (dict(file.contexts), file.current) == ({}, None)


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    file = load(tmp_path / "c.yaml").add_context(Context("known", "x:1"))
    for use in (file.get, file.select_context, file.remove_context):
        with pytest.raises(NotFoundError, match="'other'") as raised:
            use("other")
        assert "known" in (raised.value.hint or "")


@pytest.mark.parametrize(
    "text", ["[", "contexts: [a]", "contexts: {a: {}}", "contexts: {a: 5}", "just text", "2024-13-45"]
)
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"config\.yaml is not well formed"):
        load(path)


@pytest.mark.parametrize("value", ["!!bool foo", "!!timestamp foo", "!!int x", "!!float y", "!!binary ?"])
def test_a_wrong_value_of_a_tag_is_called_that(tmp_path: Path, value: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"contexts: {{a: {{bootstrap-servers: x, properties: {{p: {value}}}}}}}")
    with pytest.raises(UsageError, match="is not well formed: ") as raised:
        load(path)
    assert "NoneType" not in str(raised.value)
    assert "a context has no" not in str(raised.value)


@pytest.mark.parametrize("value", [f"!!float {':'.join(['1'] * 400)}", f"!!int 0x{'f' * 5000}"], ids=["float", "int"])
@pytest.mark.parametrize(
    "text",
    ["current: {}", "contexts: {{a: {{bootstrap-servers: {}}}}}", "contexts: {{{}: {{bootstrap-servers: a:1}}}}"],
)
def test_a_number_beyond_python_is_a_damaged_file(tmp_path: Path, text: str, value: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("{{{}:", "{{? {}\n :").format(value))
    with pytest.raises(UsageError, match=r"config\.yaml is not well formed: "):
        load(path)


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for another process would not help."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setenv("KAFKACTL_CONFIG", str(tmp_path / "c.yaml"))
    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(UsageError, match=r"cannot lock the contexts file .*No locks available"):
        change(lambda file: file.add_context(Context("a", "x:1")))


def test_a_relative_path_in_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    monkeypatch.setenv("KAFKACTL_CONFIG", "c.yaml")
    with pytest.raises(UsageError, match="No such file or directory"):
        change(lambda file: file.add_context(Context("a", "x:1")))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("bootstrap-servers: a:1, read_only: true", "context a has an unknown entry 'read_only'"),
        ("bootstrap-servers: a:1, Properties: {}", "context a has an unknown entry 'Properties'"),
        ("bootstrap-servers: ", "bootstrap-servers has no value"),
        ("bootstrap-servers: [a:1, null]", "bootstrap-servers has no value"),
        ("bootstrap-servers: ''", "bootstrap-servers is empty"),
        ("bootstrap-servers: []", "bootstrap-servers is empty"),
        ("bootstrap-servers: [' ']", "bootstrap-servers is empty"),
        ("bootstrap-servers: a:1, properties: {sasl.password: }", "sasl.password has no value"),
        ("bootstrap-servers: a:1, properties: {x: [1, 2]}", "x has several values"),
        ("bootstrap-servers: a:1, read-only: 1", "read-only is 1, not true or false"),
    ],
)
def test_an_entry_that_would_be_misread(tmp_path: Path, entry: str, reason: str) -> None:
    """A misspelt read-only would leave the context writable, and null would be the password None."""
    path = tmp_path / "config.yaml"
    path.write_text(f"contexts: {{a: {{{entry}}}}}")
    with pytest.raises(UsageError, match=re.escape(reason)):
        load(path)


@pytest.mark.parametrize(
    "text",
    [
        "0123",
        "12:30",
        "1.10",
        "1_000",
        "on",
        "No",
        "True",
        "0x1F",
        "1e3",
        ".inf",
        "2026-11-27",
        "+5",
        "-0",
        "=",
        "5",
        "a b",
    ],
)
def test_an_unquoted_value_stays_as_it_is_written(tmp_path: Path, text: str) -> None:
    """YAML 1.1 has other ideas of them: a password 0123 became 83."""
    path = tmp_path / "config.yaml"
    path.write_text(f"""
        contexts: {{{text}: {{bootstrap-servers: [{text}, b], properties: {{sasl.password: {text}, {text}: x}}}}}}
        current: {text}
    """)
    (context,) = load(path).contexts.values()
    assert context == Context(text, f"{text},b", {"sasl.password": text, text: "x"})
    assert load(path).current == text
    load(path).save()
    assert load(path).contexts == {text: context}


@pytest.mark.parametrize(
    ("word", "read_only"),
    [("true", True), ("Yes", True), ("ON", True), ("false", False), ("no", False), ("off", False)],
)
def test_words_for_read_only(tmp_path: Path, word: str, read_only: bool) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"contexts: {{a: {{bootstrap-servers: a:1, read-only: {word}}}}}")
    assert load(path).get("a").read_only is read_only


@pytest.mark.parametrize("value", ["!!binary aGk=", "!!timestamp 2026-11-27", "!!set {a}"])
def test_a_value_with_a_tag_that_is_no_text(tmp_path: Path, value: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"contexts: {{a: {{bootstrap-servers: a:1, properties: {{x: {value}}}}}}}")
    with pytest.raises(UsageError, match="x is not a text"):
        load(path)


def test_a_list_of_addresses(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("contexts: {a: {bootstrap-servers: [b:1, c:2]}}")
    assert load(path).get("a").bootstrap_servers == "b:1,c:2"


def test_secrets_are_hidden() -> None:
    properties = {
        "sasl.password": "a",
        "sasl.jaas.config": "b",
        "ssl.keystore.key": "c",
        "sasl.oauthbearer.client.secret": "d",
        "client.id": "shown",
    }
    shown = Context("x", "a:1", properties).hide_secrets().properties
    assert {name: value for name, value in shown.items() if value != HIDDEN} == {"client.id": "shown"}


def test_passwords_in_urls_are_hidden() -> None:
    properties = {"schema.registry.url": "https://ann:s3cret@registry:8081", "client.id": "a:b@c"}
    shown = Context("x", "a:1", properties).hide_secrets().properties
    assert shown == {"schema.registry.url": f"https://{HIDDEN}@registry:8081", "client.id": "a:b@c"}


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "config.yaml"
    load(path).add_context(Context("dev", "a:1")).save()
    path.chmod(mode)
    with pytest.raises(UsageError, match="others can write the contexts file") as raised:
        load(path)
    assert raised.value.hint == f"chmod go-w {path}"


def test_a_link_stays_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dotfiles").mkdir()
    link, file = tmp_path / "config.yaml", tmp_path / "dotfiles" / "kafkactl.yaml"
    link.symlink_to(file)
    monkeypatch.setenv("KAFKACTL_CONFIG", str(link))
    for name in ("one", "two"):
        change(lambda known, name=name: known.add_context(Context(name, "a:1")))  # type: ignore[misc]
    assert link.is_symlink()
    assert not file.is_symlink()
    assert set(load(link).contexts) == {"one", "two"}


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    code = (
        "import sys; from kafkactl.connection.contexts import Context, change;"
        "change(lambda file: file.add_context(Context(sys.argv[1], 'a:1')))"
    )
    environment = {**os.environ, "KAFKACTL_CONFIG": str(tmp_path / "config.yaml")}
    running = [subprocess.Popen([sys.executable, "-c", code, f"c{number}"], env=environment) for number in range(12)]
    assert [process.wait() for process in running] == [0] * 12
    assert len(load(tmp_path / "config.yaml").contexts) == 12


def test_a_change_that_fails_leaves_the_file_and_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKACTL_CONFIG", str(tmp_path / "config.yaml"))
    change(lambda file: file.add_context(Context("dev", "a:1")))
    with pytest.raises(NotFoundError):
        change(lambda file: file.remove_context("other"))
    change(lambda file: file.select_context("dev"))
    assert load(tmp_path / "config.yaml").current == "dev"


def test_a_file_that_cannot_be_written_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    ContextFile(file, {}, None).save()
    before = file.read_bytes()
    monkeypatch.setattr(os, "replace", _refuse)
    with pytest.raises(OSError, match="No space left"):
        ContextFile(file, {"a": Context("a", "b:1")}, "a").save()
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.yaml"]
    assert file.read_bytes() == before


def _refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_path_that_no_file_can_have_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the contexts file"):
        load(tmp_path / ("x" * 300))
