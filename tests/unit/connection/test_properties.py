from __future__ import annotations

from pathlib import Path

import pytest

from kafkactl.connection import properties
from kafkactl.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1\nb = 2\nc:3\nd 4\n", {"a": "1", "b": "2", "c": "3", "d": "4"}),
        ("# comment\n! other\n\n  a=1", {"a": "1"}),
        ("a=one \\\n    two\nb=2", {"a": "one two", "b": "2"}),
        ("a=x\\\\\nb=2", {"a": "x\\", "b": "2"}),
        (r"a\=b\:c\ d=e", {"a=b:c d": "e"}),
        (r"tab=a\tb" + "\n" + r"unicode=\u00e9\uc790", {"tab": "a\tb", "unicode": "é자"}),
        (r"emoji=\ud83d\ude00" + "\n" + r"mark=\ufeffx", {"emoji": "\U0001f600", "mark": "\ufeffx"}),
        ("empty=\nbare\n", {"empty": "", "bare": ""}),
        ("a=1\na=2", {"a": "2"}),
        ("a = trailing blanks stay  \r\n", {"a": "trailing blanks stay  "}),
        ("url=http://host:80/x=y#z", {"url": "http://host:80/x=y#z"}),
        ("a=#no comment", {"a": "#no comment"}),
        ("last=line \\", {"last": "line "}),
        ("\u00a0a=1\nb\u00a0=2\nc\vd 3", {"\u00a0a": "1", "b\u00a0": "2", "c\vd": "3"}),
    ],
)
def test_parses_as_java_does(text: str, expected: dict[str, str]) -> None:
    assert properties.parse(text) == expected


def test_a_malformed_escape_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text(r"password=\u12")
    with pytest.raises(UsageError, match=r"client\.properties: malformed"):
        properties.read(file)
    for text in (r"a=x\ud83dx", r"\ude00=1", r"a=\ude00\ud83d"):
        file.write_text(text)
        with pytest.raises(UsageError, match=r"client\.properties: half a character"):
            properties.read(file)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none: No such file"):
        properties.read(tmp_path / "none")


def test_blanks_around_values_of_client_settings(tmp_path: Path) -> None:
    """Java removes them from its own settings."""
    file = tmp_path / "client.properties"
    file.write_text("group.id=g \t\nssl.key.password=p \nsasl.password=q \nclient.id=c\\u00a0\n")
    expected = {"group.id": "g", "ssl.key.password": "p", "sasl.password": "q ", "client.id": "c\u00a0"}
    assert properties.read_client_settings(file) == expected
