"""Docstrings can be read aloud: none has a paragraph that is too long."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.conftest import REPOSITORY

LONGEST_PARAGRAPH = 9
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def iterate_paragraphs() -> Iterator[tuple[str, str]]:
    """Yield each file and each paragraph of its docstrings that has no indented lines, as a list has."""
    for path in sorted((REPOSITORY / "kafkactl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            docstring = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
            for paragraph in (docstring or "").split("\n\n"):
                if "\n  " not in paragraph:
                    yield str(path.relative_to(REPOSITORY)), paragraph


@pytest.mark.slow
def test_paragraphs_are_short() -> None:
    too_long = [
        f"{file}: {paragraph[:60]}"
        for file, paragraph in iterate_paragraphs()
        if len(paragraph.splitlines()) > LONGEST_PARAGRAPH
    ]
    assert too_long == []
