"""Files of committed offsets: what is written is read again, and the difference of two files."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.admin.groups.offset_files import OffsetDifference, compare, make_document, parse_csv, read_document
from kafkactl.documents import read_text
from kafkactl.errors import UsageError
from kafkactl.output.kafka import group_text

OFFSETS = st.integers(0, 2**63 - 1)
GROUPS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
TOPICS = st.from_regex(r"[a-zA-Z0-9._-]{1,30}", fullmatch=True)
FILES = st.dictionaries(
    GROUPS, st.dictionaries(st.tuples(TOPICS, st.integers(0, 2**31 - 1)), OFFSETS, max_size=5), max_size=3
)


@pytest.mark.slow
@given(FILES)
def test_an_export_is_read_again(offsets: dict[str, dict[tuple[str, int], int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (
            ("o.yaml", yaml.safe_dump(make_document(offsets), allow_unicode=True, sort_keys=False)),
            ("o.json", json.dumps(make_document(offsets))),
        ):
            file = Path(folder, name)
            file.write_text(text, encoding="utf-8")
            assert read_document(file) == offsets


@pytest.mark.slow
@given(FILES.filter(lambda offsets: all(offsets.values())))
def test_a_csv_file_of_kafka_is_read_again(offsets: dict[str, dict[tuple[str, int], int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "o.csv")
        file.write_text(group_text.format_export(offsets, with_group=True), encoding="utf-8")
        assert parse_csv(file, read_text(file), list(offsets), with_group=True) == offsets
        if len(offsets) == 1:
            file.write_text(group_text.format_export(offsets, with_group=False), encoding="utf-8")
            assert parse_csv(file, read_text(file), list(offsets), with_group=False) == offsets


def test_a_group_that_a_csv_file_does_not_have(tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    file.write_text("g,t,0,5\n")
    with pytest.raises(UsageError, match="has no offsets of group h"):
        parse_csv(file, read_text(file), ["g", "h"], with_group=True)
    file.write_text("t,0,5\n")
    with pytest.raises(UsageError, match="not a plan of offsets"):
        parse_csv(file, read_text(file), ["g"], with_group=True)


@pytest.mark.slow
@given(FILES, FILES)
def test_differences(left: dict[str, dict[tuple[str, int], int]], right: dict[str, dict[tuple[str, int], int]]) -> None:
    """The differences are exactly what turns one file into the other."""
    assert compare(left, left) == []
    differences = compare(left, right)
    flat = {(group, *partition): offset for group, each in left.items() for partition, offset in each.items()}
    for row in differences:
        key = (row.group, row.topic, row.partition)
        assert flat.pop(key, None) == row.left
        assert row.moved == (None if None in (row.left, row.right) else (row.right or 0) - (row.left or 0))
        if row.right is not None:
            flat[key] = row.right
    assert flat == {(group, *partition): offset for group, each in right.items() for partition, offset in each.items()}


def test_a_partition_that_only_one_file_has() -> None:
    assert compare({"g": {("t", 1): 0}}, {"g": {}}) == [
        OffsetDifference(group="g", topic="t", partition=1, left=0, right=None, moved=None)
    ]


@pytest.mark.parametrize("text", [r'{"groups": {"\ud83d": {}}}', r'groups: {"\ud83d": {}}', r'["\ud83d"]'])
def test_half_a_character(text: str, tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="half a character"):
        read_document(file)
    file.write_text(text.replace(r"\ud83d", r"a\u0000b"))
    with pytest.raises(UsageError, match="NUL"):
        read_document(file)


@pytest.mark.slow
def test_json_that_yaml_readers_refuse(tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    file.write_text(json.dumps({"groups": {"é" * 2000: {"t": {"0": 5}}}}))
    assert read_document(file) == {"é" * 2000: {("t", 0): 5}}
    file.write_text('{"groups": {"g": {"t": {"0": 1, "0": 2}}}}')
    with pytest.raises(UsageError, match="'0' occurs twice"):
        read_document(file)
    file.write_text('{"groups": {"g": {"t": {"0": 1.0}}}}')
    with pytest.raises(UsageError, match=r"not a whole number from 0: '1\.0'"):
        read_document(file)
    file.write_text("{" * 100_000)
    with pytest.raises(UsageError, match="cannot read"):
        read_document(file)


@pytest.mark.parametrize("text", ['groups: {g: {t: {0: 1, "00": 2}}}', '{"groups": {"g": {"t": {"0": 1, "00": 2}}}}'])
def test_two_spellings_of_one_partition(text: str, tmp_path: Path) -> None:
    file = tmp_path / "o.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match="two offsets of t-0 in group g"):
        read_document(file)


def test_characters_that_end_lines_elsewhere_stay_in_names(tmp_path: Path) -> None:
    """Only CR, LF and both end a line, and within quotes none of them does."""
    file = tmp_path / "o.csv"
    for name in ("\u2028", "a\x85b", "a\x0cb", "a\nb", "a,b", '"'):
        file.write_text('"' + name.replace('"', '""') + '",t,0,1\r\nh,t,0,2\r\n', newline="")
        assert parse_csv(file, read_text(file), [name], with_group=True) == {name: {("t", 0): 1}, "h": {("t", 0): 2}}


def test_two_lines_of_one_partition(tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    file.write_text("t,0,1\nt,00,2\n")
    with pytest.raises(UsageError, match="two offsets of t-0 in group g"):
        parse_csv(file, read_text(file), ["g"], with_group=False)


@pytest.mark.parametrize(("number", "is_good"), [(2**31 - 1, True), (2**31, False), (2**63 - 1, False)])
def test_a_partition_that_no_request_can_have(number: int, is_good: bool, tmp_path: Path) -> None:
    yaml_file, csv_file = tmp_path / "o.yaml", tmp_path / "o.csv"
    yaml_file.write_text(f"groups: {{g: {{t: {{{number}: {2**63 - 1}}}}}}}")
    csv_file.write_text(f"t,{number},{2**63 - 1}\n")
    for read in (read_document, lambda file: parse_csv(file, read_text(file), ["g"], with_group=False)):
        file = yaml_file if read is read_document else csv_file
        if is_good:
            assert read(file) == {"g": {("t", number): 2**63 - 1}}
        else:
            with pytest.raises(UsageError, match="partition"):
                read(file)


@pytest.mark.parametrize("name", ["a\\u0000b", "\\u0000"])
def test_a_name_that_a_client_would_cut(name: str, tmp_path: Path) -> None:
    """librdkafka takes the NUL for the end of the name, and changes another group."""
    file = tmp_path / "o.json"
    file.write_text(f'{{"groups": {{"{name}": {{"t": {{"0": 1}}}}}}}}')
    with pytest.raises(UsageError, match="NUL"):
        read_document(file)
