"""Files of resets as Kafka's tool reads them; tests/reference compares the sentences with Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkactl.admin.groups.kafka_csv import PlanFileError, read_plan

SHORT = {
    "t,0,1\n": {("t", 0): 1},
    "t,0,1\n\n\n": {("t", 0): 1},
    "t, 0 ,+2 \r\n": {("t", 0): 2},
    '"t""x",0,"3"\n': {('t"x', 0): 3},
    "t,0,1\nt,0,2\n": {("t", 0): 2},
    "t\n": {("t", 0): 0},
    "t,,null,\n": {("t", 0): 0},
    "t,0,1, \t\n": {("t", 0): 1},
    '"t"\t,0,"1"\x01 \n': {("t", 0): 1},
    "t,3,1\rt,4,2\r": {("t", 3): 1},
    't,3\r"': {("t", 3): 0},
    '"t\rx" \r,3,1\n': {("t\rx", 0): 0},
    "\rt,3,1\n": {("", 0): 0},
}
WRONG = {
    "": "MismatchedInputException: No content to map",
    "t,0,1\n\nt,1,1\n": "MismatchedInputException: No content to map",
    "t,0,1\nt,0,x\n": 'InvalidFormatException: Cannot deserialize value of type `long` from String "x"',
    "t,0,-1\n": "Invalid negative offset",
    "a,b,c,d,e\n": 'from String "c": not a valid `int` value\n at [Source: (StringReader); line: 1, column: 5]',
    "g,t,0,1,5\n": 'Too many entries: expected at most 4 (value #4 (1 chars) "5")',
    '"t,0,1\n': "Missing closing quote for value\n at [Source: (StringReader); line: 1, column: 7]",
    '"t,0,1\r\n': "Missing closing quote for value\n at [Source: (StringReader); line: 2, column: 1]",
    "g,t,0,1, x \n": 'Too many entries: expected at most 4 (value #4 (1 chars) "x")',
    "g,t, x ,0\n": 'Cannot deserialize value of type `int` from String "x"',
    '"t"x,0,1\n': "Unexpected character ('x' (code 120))",
    '"t"",0,1\n': "Missing closing quote for value\n at [Source: (StringReader); line: 1, column: 9]",
    '"t""': "Missing closing quote for value\n at [Source: (StringReader); line: 1, column: 5]",
    '"t\rt"x,0,1\n': "or end-of-line\n at [Source: (StringReader); line: 2, column: 4]",
}


def read(folder: Path, text: str, *groups: str) -> dict[str, dict[tuple[str, int], int]]:
    file = folder / "plan.csv"
    file.write_text(text, newline="")
    return {group: dict(offsets) for group, offsets in read_plan(file, groups).offsets.items()}


@pytest.mark.parametrize("text", SHORT)
def test_lines_without_a_group_are_those_of_the_only_group(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text, "g") == {"g": SHORT[text]}


def test_lines_of_several_groups_begin_with_the_group(tmp_path: Path) -> None:
    text = "g,t,0,1\nh,t,1,2\n"
    expected = {"g": {("t", 0): 1}, "h": {("t", 1): 2}}
    assert read(tmp_path, text, "g", "h") == read(tmp_path, text) == read(tmp_path, text, "g") == expected
    assert "CsvRecordNoGroup" in read_plan(tmp_path / "plan.csv", ["g"]).trace


def test_a_line_end_alone_has_no_offsets(tmp_path: Path) -> None:
    assert read(tmp_path, "\n", "g") == {}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_line_has_the_sentence_of_kafka(text: str, tmp_path: Path) -> None:
    with pytest.raises(PlanFileError) as caught:
        read(tmp_path, text, "g")
    assert WRONG[text] in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="Unable to read file"):
        read_plan(tmp_path, ["g"])


def test_a_path_that_no_file_can_have_is_named() -> None:
    with pytest.raises(PlanFileError, match="Unable to read file"):
        read_plan(Path("a\0b"), ["g"])
