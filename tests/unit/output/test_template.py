"""Records by a template."""

from __future__ import annotations

import pytest

from kafkactl.errors import UsageError
from kafkactl.output.records.template import Template
from kafkactl.serde import formats
from tests.unit.streams.messages import Message

STRING = formats.get("string")


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("%t-%p@%o %T %k=%s\\n", b"orders-3@42 1700000000000 k=v\n"),
        ("%K/%S %R%s", b"1/1 \0\0\0\x01v"),
        ("%%%s%%", b"%v%"),
        ("%h", b"a=1,b=NULL"),
        ("\\x41\\t%s\\0", b"A\tv\0"),
        ("", b""),
    ],
)
def test_marks(template: str, shown: bytes) -> None:
    message = Message(headers=[("a", b"1"), ("b", None)])
    assert Template(template, STRING, STRING).write_all([message]) == shown


def test_what_is_absent() -> None:
    message = Message(key=None, value=None, timestamp=(0, 0))
    assert Template("[%k %K %s %S %T %h]", STRING, STRING).write(message) == b"[ -1  -1 -1 ]"


@pytest.mark.parametrize("template", ["%q", "%", "a%"])
def test_marks_that_are_none(template: str) -> None:
    with pytest.raises(UsageError, match="unknown mark %"):
        Template(template, STRING, STRING)
