"""Names of files before errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kafkactl.errors import FormatError
from kafkactl.storage import compression, schema, source  # noqa: F401 (their errors are found by their class)
from kafkactl.storage.checkpoint import read_properties
from kafkactl.storage.files import add_file_name
from kafkactl.storage.internal import coordinator


def list_subclasses(parent: type[FormatError]) -> Iterator[type[FormatError]]:
    yield parent
    for child in parent.__subclasses__():
        yield from list_subclasses(child)


@pytest.mark.parametrize("error_class", list(list_subclasses(FormatError)))
def test_every_error_of_a_format_can_get_the_name_of_its_file(error_class: type[FormatError]) -> None:
    """Each keeps its class and what it has; one whose constructor takes a number was a TypeError."""
    error = coordinator.UnknownRecordTypeError(7) if error_class is coordinator.UnknownRecordTypeError else None
    error = error or error_class("reason")
    text = str(error)
    named = add_file_name(error, Path("a.log"), "do something")
    assert (type(named), str(named), named.hint) == (error_class, f"a.log: {text}", "do something")
    assert {**vars(named), "hint": None, "names_file": False} == {**vars(error), "names_file": False}
    again = add_file_name(named, Path("b.log"), "other")
    assert (str(again), again.hint, str(error)) == (str(named), "do something", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version=1\n  # by hand\n!old=2\n\t! by hand\n \nnode.id = 3\r\n", {"version": "1", "node.id": "3"}),
        ("#a\u2028b\u0085c\nversion=1\rcluster.id=a\x0cb\u2028c", {"version": "1", "cluster.id": "a\x0cb\u2028c"}),
    ],
)
def test_lines_of_properties_are_those_of_java(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    path = tmp_path / "meta.properties"
    path.write_bytes(text.encode())
    assert read_properties(path) == expected
