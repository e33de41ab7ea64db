from __future__ import annotations

import pytest

from kafkactl.errors import KafkactlError, UsageError
from kafkactl.output import people


def test_an_error_is_one_line_and_a_hint_another(capsys: pytest.CaptureFixture[str]) -> None:
    people.error(KafkactlError("it\nfailed", "try again"))
    assert capsys.readouterr().err == "error: it failed\nhint: try again\n"


def test_nothing_is_destroyed_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="there is no terminal to ask at") as raised:
        people.confirm("delete all", assume_yes=False)
    assert "--yes" in (raised.value.hint or "")
    assert people.confirm("delete all", assume_yes=True)
