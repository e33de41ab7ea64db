"""kafkactl.storage as a library, as docs/storage.md shows it."""

from __future__ import annotations

import os
import re
import shutil

import pytest

import kafkactl.storage
from kafkactl.storage import Segment, readers
from tests.conftest import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "storage.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_run(example: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    exec(compile(example, "docs/storage.md", "exec"), {})
    assert "customer-" in capsys.readouterr().out


def test_a_segment_gives_batches_and_records() -> None:
    with Segment(REPOSITORY / "tests" / "data" / "orders-0" / f"{0:020}.log") as segment:
        assert [record.offset for record in segment.records()] == list(range(65))
        assert len(list(segment.batches())) == 8


def test_the_compiled_reader_is_there_where_there_is_a_compiler() -> None:
    is_compiled = os.environ.get("KAFKACTL_READER") != "pure"
    assert (readers.NAME == "compiled") == is_compiled or shutil.which("cc") is None


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        kafkactl.storage.Nonsense  # noqa: B018


def test_modules_named_in_the_document_exist() -> None:
    for cell in re.findall(r"^\| (`.*?) \|", DOCUMENT, re.MULTILINE):
        for name in re.findall(r"`([\w.]+)`", cell):
            assert (REPOSITORY / "kafkactl" / "storage" / f"{name.replace('.', '/')}.py").exists(), name
