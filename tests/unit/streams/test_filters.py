"""Which records are wanted."""

from __future__ import annotations

import json

import pytest

from kafkactl.errors import UsageError
from kafkactl.serde import formats
from kafkactl.streams import filters
from tests.unit.streams.messages import Message

STRING = formats.get("string")
ORDER = (
    b'{"user": {"id": 7, "name": "Kim"}, "tags": ["a", "bc"], "total": 1.5, "paid": false, "x y": null,'
    b' "zero": 0, "word": "true", "flags": [true, {"a": false}]}'
)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (".user.id == 7", True),
        (".user.id==7", True),
        (".user.id != 7", False),
        (".user.id >= 7", True),
        (".user.id > 7", False),
        (".user.id < 8", True),
        (".user.id <= 6", False),
        ('.user.name == "Kim"', True),
        (".user.name == Kim", True),
        (".user.name =~ ^K", True),
        ('.user.name =~ "m$"', True),
        (".user.id =~ 7", False),
        ('.tags[0] == "a"', True),
        ('.tags[-1] == "bc"', True),
        (".tags[5] == 1", False),
        (".tags[5] != 1", False),
        (".total == 1.5", True),
        (".paid", False),
        (".paid == false", True),
        (".user", True),
        ('["x y"] == null', True),
        ('.["x y"]', False),
        (".", True),
        (".!=5", True),
        (".>5", False),
        (". == 5", False),
        (".==5", False),
        (".\t!= 5", True),
        ('.=~"x"', False),
        (".user.name > 3", False),
        (".missing", False),
        (".user.id.deeper", False),
        (".zero", True),
        (".user.name[0]", False),
        (".word =~ true", True),
        (".zero == false", False),
        (".zero != false", True),
        (".zero == 0.0", True),
        (".zero <= true", False),
        (".paid < 1", False),
        ('.tags == ["a", "bc"]', True),
        ('.flags == [1, {"a": 0}]', False),
        ('.flags == [true, {"a": false}]', True),
        (".user.name =~ [Kk]im", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    assert filters.make_json_filter(condition, STRING)(Message(value=ORDER)) is holds


def test_what_is_not_json_fulfils_nothing() -> None:
    wanted = filters.make_json_filter(".a != 1", STRING)
    assert [wanted(Message(value=value)) for value in (b"no", None, b"[1", b"3")] == [False] * 4


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_that_are_no_json_are_texts(word: str) -> None:
    wanted = filters.make_json_filter(f".a == {word}", STRING)
    assert wanted(Message(value=json.dumps({"a": word}).encode()))
    assert not wanted(Message(value=f'{{"a": {word}}}'.encode()))
    assert not filters.make_json_filter(".", STRING)(Message(value=word.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "foo",
        "x == 1",
        ".a ? 1",
        ".a =~ (",
        ".a ==",
        ".a >= ",
        ".a =~",
        ".5",
        "..a",
        "...",
        ". .a",
        ".=",
        ".>",
        '.["\\q"]',
        ".a[\u0663] == 1",
        ". =~ a{" + "1" * 5000 + "}",
        '.a == "x" and .b == 1',
        '.a =~ "x" or .b',
        ".a === 5",
        ".a <=> 3",
        ".a >> 3",
        ".a == 'x'",
        ".a == =x",
        ".a =! x",
    ],
)
def test_conditions_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--where"):
        filters.parse_condition(text)


def test_text_and_headers() -> None:
    assert filters.make_text_filter("^v", "value", STRING)(Message())
    assert not filters.make_text_filter("x", "key", STRING)(Message())
    assert not filters.make_text_filter("", "key", STRING)(Message(key=None))
    assert filters.make_text_filter("^258$", "key", formats.get("int"))(Message(key=b"\0\0\1\2"))
    assert not filters.make_text_filter(".", "key", formats.get("int"))(Message(key=b"\0"))
    message = Message(headers=[("type", b"order"), ("none", None)])
    texts = ("type", "type=^ord", "type=x", "other", "none", "none=.")
    assert [filters.make_header_filter(text)(message) for text in texts] == [True, True, False, False, True, False]
    for pattern in ("(", "a{99999999999999999999}"):
        with pytest.raises(UsageError, match="not a regular expression"):
            filters.make_text_filter(pattern, "key", STRING)
