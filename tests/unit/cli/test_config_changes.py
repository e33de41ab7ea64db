"""Changes of settings, from text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kafkactl.admin.configs import Alteration, Operation
from kafkactl.cli.configs import _COLUMNS, _show_settings
from kafkactl.cli.configs.changes import describe_change, parse_alterations, parse_list
from kafkactl.cli.frame.options import ReportOptions
from kafkactl.errors import UsageError


def changes(**flags: Any) -> list[tuple[str, str, str | None]]:
    names = ("set_", "unset", "append", "subtract", "add_config", "add_config_file", "delete_config")
    found = parse_alterations(**{name: flags.get(name) for name in names})
    return [(change.operation.name, change.name, change.value) for change in found]


def test_kafkas_list() -> None:
    assert parse_list("a=1,b=[x,y],c = 2 ,d=") == {"a": "1", "b": "x,y", "c": "2", "d": ""}
    assert parse_list("SCRAM-SHA-256=[iterations=8192,password=a=b]") == {
        "SCRAM-SHA-256": "iterations=8192,password=a=b"
    }
    assert parse_list("a=1,b=[x,y],,") == {"a": "1", "b": "x,y"}
    for wrong in ("a", "a=1,b", "a=b=c", "", ",", "a=1,,b=2", ",a=1", "a=1, "):
        with pytest.raises(UsageError, match="not name=value"):
            parse_list(wrong)


def test_all_flags_together(tmp_path: Path) -> None:
    file = tmp_path / "f.properties"
    file.write_text("flush.ms = 9\n# no\nsegment.ms: 5\n")
    assert changes(set_=["a=1,2"], append=["b=x"], subtract=["c=y"], unset=["d"], delete_config=["e, f"]) == [
        ("SET", "a", "1,2"),
        ("APPEND", "b", "x"),
        ("SUBTRACT", "c", "y"),
        ("DELETE", "d", None),
        ("DELETE", "e", None),
        ("DELETE", "f", None),
    ]
    assert changes(add_config_file=file) == [("SET", "flush.ms", "9"), ("SET", "segment.ms", "5")]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({}, "nothing to alter"),
        ({"set_": ["a=1"], "unset": ["a"]}, "setting given twice: a"),
        ({"set_": ["a b=1"]}, "invalid name of a setting: 'a b'"),
        (
            {"add_config": "a=1", "add_config_file": Path("x")},
            "--add-config and --add-config-file are mutually exclusive",
        ),
        ({"add_config_file": Path("no-such-file")}, "cannot read no-such-file"),
        ({"set_": ["listener.name.a.ssl.keystore.password=x"]}, "--set listener.name.a.ssl.keystore.password=...: oth"),
        ({"add_config": "a=1,SCRAM-SHA-512=[password=x]"}, "--add-config SCRAM-SHA-512=...: others can read"),
    ],
)
def test_what_cannot_be_meant(flags: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        changes(**flags)


def test_secrets_come_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "f.properties"
    file.touch(mode=0o600)
    file.write_text("SCRAM-SHA-512=password=x\n")
    assert changes(add_config_file=file) == [("SET", "SCRAM-SHA-512", "password=x")]
    assert capsys.readouterr().err == ""
    file.chmod(0o644)
    changes(add_config_file=file)
    assert capsys.readouterr().err == f"warning: {file} holds SCRAM-SHA-512, and others can read it: chmod 600 {file}\n"


def test_secrets_are_not_told() -> None:
    assert describe_change(Alteration(Operation.SET, "SCRAM-SHA-256", "password=x")) == "SCRAM-SHA-256=(hidden)"
    assert describe_change(Alteration(Operation.SET, "listener.name.a.ssl.keystore.password", "x")).endswith(
        "=(hidden)"
    )
    assert describe_change(Alteration(Operation.SET, "retention.ms", "1")) == "retention.ms=1"
    assert describe_change(Alteration(Operation.DELETE, "retention.ms")) == "no retention.ms"


@pytest.mark.parametrize("has_all", [False, True])
def test_all_is_no_advice_behind_all(has_all: bool, capsys: pytest.CaptureFixture[str]) -> None:
    _show_settings({}, ReportOptions(), _COLUMNS, is_list=True, has_all=has_all)
    noted = capsys.readouterr().err
    assert "they have no settings" in noted
    assert ("show inherited values with --all" in noted) is not has_all
