"""Rows whose names differ, in the forms that have columns."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from kafkactl.dump.printers import make_printer
from kafkactl.dump.rows import BytesAs, dump_rows
from kafkactl.output.report import OutputFormat
from kafkactl.stdout import out
from kafkactl.storage.selection import Selection


@pytest.mark.parametrize("format", [None, OutputFormat.PLAIN, OutputFormat.CSV])
def test_properties_with_different_names(
    tmp_path: Path, format: OutputFormat | None, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A cell is under its own name, and a missing one has no value."""
    paths = []
    for number, text in enumerate(("node.id=1\nversion=1\n", "version=0\nbroker.id=2\n", "")):
        paths.append(tmp_path / str(number) / "meta.properties")
        paths[-1].parent.mkdir()
        paths[-1].write_text(text)
    print_rows = make_printer(format, paths)
    assert dump_rows(paths, False, lambda _: (None, None), BytesAs.BYTES, Selection(), print_rows) == 0
    out.flush()
    text = capfdbinary.readouterr().out.decode()
    if format is OutputFormat.CSV:
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [list(row.values())[1:] for row in rows] == [["1", "1", ""], ["", "0", "2"], ["", "", ""]]
        assert list(rows[0]) == ["file", "node.id", "version", "broker.id"]
    else:
        lines = [line.split() for line in text.splitlines()]
        assert lines[0] == ["FILE", "NODE.ID", "VERSION", "BROKER.ID"]
        assert [line[1:] for line in lines[1:]] == [["1", "1", "-"], ["-", "0", "2"], ["-", "-", "-"]]
