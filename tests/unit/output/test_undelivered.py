"""Records that were not acknowledged."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from kafkactl.errors import UsageError
from kafkactl.output.records.undelivered import Undelivereds
from kafkactl.serde import formats
from kafkactl.streams.inputs import FieldReader, json_lines
from kafkactl.streams.producing import Undelivered

ONE = Undelivered(b"k", b"v", [("h", b"1"), ("n", None), ("b", b"\xff")], 2, 5, "timed out")


def test_a_line_each_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Undelivereds("orders", None) as told:
        told.tell(ONE)
        told.tell(Undelivered(None, None, None, None, None, "why"))
        told.tell(Undelivered(b"\xff", b"x" * 500, None, None, None, "why"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: not delivered to orders: key 'k', value 'v': timed out"
    assert lines[1] == "error: not delivered to orders: no key, value null: why"
    assert len(lines[2]) < 300


def test_a_file_that_can_be_sent_again(tmp_path: Path) -> None:
    file = tmp_path / "letters.json"
    for one in (ONE, Undelivered(b"\xff", None, None, None, None, "why")):  # a second run adds to what is there
        with Undelivereds("orders", file) as told:
            told.tell(one)
    reader = FieldReader(formats.get("string"), formats.get("string"))
    found = [record for batch in json_lines(io.BytesIO(file.read_bytes()), reader) for record in batch]
    assert found == [
        {
            "key": b"k",
            "value": b"v",
            "headers": [("h", b"1"), ("n", None), ("b", b"\xff")],
            "partition": 2,
            "timestamp": 5,
        },
        {"key": b"\xff", "value": None},
    ]
    assert "reason" not in json.loads(file.read_text().splitlines()[0])


def test_nothing_to_keep_leaves_no_file(tmp_path: Path) -> None:
    with Undelivereds("orders", tmp_path / "none.json"):
        pass
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="--dead-letter"):
        Undelivereds("orders", tmp_path / "no" / "folder.json")
