from __future__ import annotations

import pytest

from kafkactl.cli.topics.describe import _note_empty_result, _PartitionFilter


def test_note_of_an_empty_selection(capsys: pytest.CaptureFixture[str]) -> None:
    """An absent topic with --if-exists, or an internal one with --exclude-internal, says nothing of other topics."""
    no_filter = _PartitionFilter(False, False, False, False)
    _note_empty_result([], no_filter, is_everything=False)
    assert capsys.readouterr().err == "there is no topic to show\n"
    _note_empty_result([], no_filter)
    assert capsys.readouterr().err == "there are no topics\n"
