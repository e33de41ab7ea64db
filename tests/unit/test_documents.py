"""Reading of files that people write by hand."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from kafkactl.admin.groups.offset_files import parse_csv
from kafkactl.documents import STDIN, read_json, read_text, read_yaml
from kafkactl.errors import UsageError
from tests.clusters import eventually


@pytest.mark.parametrize(
    "text", ["a: !!binary aGVsbG8=", "a: !!set {b}", "a: !!timestamp 2001-01-01", "a: &x [*x]", "&x [*x]"]
)
def test_a_value_that_json_does_not_have_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match="contains itself, or has a tag"):
        read_yaml(file)


@pytest.mark.parametrize("text", ["a: !!int {}", "a: [1, !!int -{}]", "? !!int {}\n: 1"])
def test_an_integer_that_no_message_can_show_is_refused(tmp_path: Path, text: str) -> None:
    """Python reads it, and cannot write it as decimal text."""
    file = tmp_path / "plan.yaml"
    file.write_text(text.format("0x" + 5000 * "f"))
    with pytest.raises(UsageError, match="cannot read"):
        read_yaml(file)


def test_the_mark_that_editors_on_windows_write_is_no_content(tmp_path: Path) -> None:
    file = tmp_path / "plan"
    for content, read, value in (
        ("a: 1\n", read_yaml, {"a": 1}),
        ('{"a": 1}', read_yaml, {"a": 1}),
        ('{"a": 1}', read_json, {"a": 1}),
        ("t,0,5\n", lambda path: parse_csv(path, read_text(path), ["g"], with_group=False), {"g": {("t", 0): 5}}),
        ("a\ufeff", read_text, "a\ufeff"),
    ):
        file.write_text(content, encoding="utf-8-sig")
        assert read(file) == value


@pytest.mark.parametrize("text", ['{5: a, "5": b}', '{x: [{"5": a, 5: b}]}', '{"5": 1, "5": 2}'])
def test_a_number_and_its_text_are_one_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match="occurs twice"):
        read_yaml(file)


def test_a_repeated_name_is_found_at_once_among_many(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("{" + "".join(f'"t{number}": 1, ' for number in range(60_000)) + '"t59999": 2}')
    begin = time.monotonic()
    with pytest.raises(UsageError, match="'t59999' occurs twice"):
        read_yaml(file)
    assert time.monotonic() - begin < 5


def test_an_alias_is_a_value(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("a: &x [1, no]\nb: *x\n")
    assert read_yaml(file) == {"a": [1, "no"], "b": [1, "no"]}


def test_aliases_are_looked_at_once(tmp_path: Path) -> None:
    """Ten lists of ten aliases each stand for ten thousand million texts."""
    file = tmp_path / "bomb.yaml"
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11))]
    file.write_text("\n".join(lines))
    assert len(read_yaml(file)["a10"]) == 10


@pytest.mark.parametrize(
    "text",
    [
        "!!timestamp foo",
        "!!bool maybe",
        "!!int ''",
        "!!float ''",
        "!!map [1]",
        "!!omap [1]",
        f"!!float {':'.join('1' * 250)}",
    ],
)
def test_a_value_that_does_not_fit_its_tag(tmp_path: Path, text: str) -> None:
    """PyYAML's readers of tags raise what their code happens to raise."""
    file = tmp_path / "plan.yaml"
    for content in (text, f"a: {text}", f"[{text}]", f"{text}: 1"):
        file.write_text(content)
        with pytest.raises(UsageError, match="cannot read "):
            read_yaml(file)


def count_unread(pipe: int) -> int:
    """The number of bytes that nobody has read from a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("from kafkactl.documents import read_yaml; print(read_yaml(path))", "{'a': 1, 'b': 2}"),
        ("from kafkactl.cli.users import _read_password; print(_read_password('ann', path))", "a: 1b: 2"),
        ("from kafkactl.cli.tokens.hmac_files import read_hmac; print(read_hmac(path))", "b'i'"),
        ("from kafkactl.storage.source import read_file; print(bytes(read_file(path)))", "b'a: 1\\nb: 2\\n'"),
    ],
)
def test_the_rest_of_a_non_blocking_input_is_waited_for(code: str, text: str) -> None:
    """Another program that shares the pipe or terminal may have made it non-blocking."""
    pieces = {"read_hmac": (b"aQ", b"==\n"), "_read_password": (b"a: 1", b"b: 2\n")}
    first, last = next((pair for name, pair in pieces.items() if name in code), (b"a: 1\n", b"b: 2\n"))
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.write(write_end, first)
    run = f"from pathlib import Path; path = Path('-'); print('ready', flush=True); {code}"
    with subprocess.Popen([sys.executable, "-c", run], stdin=read_end, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        eventually(lambda: count_unread(read_end) == 0)  # else the reader might find both pieces
        os.write(write_end, last)
        os.close(write_end)
        os.close(read_end)
        assert process.stdout.read() == f"{text}\n"


def test_an_input_in_memory_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\n")))
    assert read_text(STDIN) == "a: 1\n"


def test_what_is_behind_a_line_stays_for_the_next_question() -> None:
    run = "from kafkactl.output.people import read_answer; print([read_answer() for _ in range(3)])"
    done = subprocess.run(
        [sys.executable, "-c", run], input="y\r\nno\nlast", capture_output=True, text=True, check=True
    )
    assert done.stdout == "['y', 'no', 'last']\n"


@pytest.mark.parametrize("text", ["+5", "-0", "+0", "007", "-01", "--5", "0x1F", "1_000", "0o7", "1e3"])
def test_a_text_that_would_change_as_an_integer_stays(tmp_path: Path, text: str) -> None:
    """A group may have the name +4930, and a topic the name 007."""
    path = tmp_path / "names.yaml"
    path.write_text(f"name: {text}\n")
    assert read_yaml(path) == {"name": text}


@pytest.mark.parametrize("number", [0, 7, -7, 10**18, -(10**18)])
def test_integers_are_integers(tmp_path: Path, number: int) -> None:
    path = tmp_path / "numbers.yaml"
    path.write_text(f"value: {number}\n")
    assert read_yaml(path) == {"value": number}
