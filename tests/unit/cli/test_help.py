"""Help for people: what it says first, in which order, and that each line is a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kafkactl.cli import app
from kafkactl.cli.frame.command import build
from kafkactl.cli.frame.help import Group, Section, first_sentence, split_help
from kafkactl.cli.frame.suggestions import suggest_command
from tests import options
from tests.conftest import REPOSITORY, Cli
from tests.json_contract import walk_commands

HELPS = options.walk_helps()
COMMANDS = walk_commands()
FIRST_SCREEN = 24
RIDDLES = re.compile(
    r"\b(likewise|of those|is told|what is|whose is|such values|the same as above|so many|so far|so long)\b", re.I
)


def headings(lines: list[str]) -> list[str]:
    return [line[:-1] for line in lines if re.fullmatch(r"\S.*:", line) and not line.startswith("Usage:")]


@pytest.mark.parametrize("path", HELPS)
def test_the_first_screen_shows_purpose_usage_examples_and_the_first_section(path: str) -> None:
    lines = HELPS[path]
    assert lines[0].startswith(f"Usage: kafkactl {path}".rstrip())
    first = lines[:FIRST_SCREEN]
    prose, examples = split_help(options.command_at(path).help)
    assert first_sentence(prose).split()[0] in " ".join(first)
    assert 1 <= len(examples) <= 3
    assert all(f"  {example}" in first for example in examples), "an example is below the first screen"
    sections = headings(lines)
    assert sections[0] == "Examples"
    assert f"{sections[1]}:" in first
    if len(sections) > 2:
        assert lines.index(f"{sections[2]}:") <= FIRST_SCREEN + 1, "a part of the first section is below the screen"
    else:
        assert len(lines) <= FIRST_SCREEN


@pytest.mark.parametrize("path", HELPS)
@pytest.mark.parametrize("columns", [60, 80])
def test_no_line_is_wider_than_the_terminal(path: str, columns: int) -> None:
    examples = split_help(options.command_at(path).help)[1]
    for line in options.show_help(path, columns):
        assert len(line) <= 80
        assert len(line) <= columns or line.strip() in examples or " " not in line.strip() or "--" in line, line


@pytest.mark.parametrize("path", COMMANDS)
def test_sections_stand_in_one_order_with_the_connection_last(path: str) -> None:
    sections = headings(HELPS[path])[1:]
    order = [section.value for section in Section]
    assert sections == sorted(sections, key=order.index)
    if "--bootstrap-server" in "".join(HELPS[path]) and path != "context set":
        assert sections[-1] == Section.CONNECTION


@pytest.mark.parametrize("path", COMMANDS)
def test_every_line_of_help_is_a_sentence_of_its_own(path: str) -> None:
    command = COMMANDS[path]
    summary = first_sentence(command.help)
    assert summary.endswith(".")
    assert len(summary) <= 80
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        text = (parameter.help or "").partition(" [")[0]
        assert text[:1].isupper() or text.startswith(("read_uncommitted", "print.")), f"{parameter.opts}: {text!r}"
        assert text.endswith((".", "...")), f"{parameter.opts}: {text!r}"
        assert not RIDDLES.search(text), f"{parameter.opts}: {text!r}"


def test_no_bound_of_a_number_is_missing_in_the_help() -> None:
    assert "[at most 16384]" in " ".join(" ".join(HELPS["users set"]).split())
    assert not any("[None" in line for lines in HELPS.values() for line in lines)


def test_every_flag_is_in_the_docs() -> None:
    page = (REPOSITORY / "docs" / "options.md").read_text()
    assert page == options.write_page(), "python -m tests.options docs/options.md writes it again"


@pytest.mark.parametrize("path", HELPS)
def test_summaries_of_commands_are_never_cut(path: str) -> None:
    command = options.command_at(path)
    if isinstance(command, Group):
        text = " ".join(" ".join(HELPS[path]).split())
        assert all(summary in text for rows in command.command_sections().values() for _, summary in rows)


@pytest.mark.parametrize("path", ["", "topics", "groups reset-offsets"])
def test_the_help_command_prints_the_help(path: str, cli: Cli) -> None:
    assert cli.ok("help", *path.split()) == cli.ok(*path.split(), "--help")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (["lag"], "kafkactl groups describe --lag"),
        (["broker"], "kafkactl configs describe brokers"),
        (["controller"], "kafkactl brokers list"),
        (["kafka-mirror-maker"], "--help"),
        (["kafka-consumer-groups.bat"], "kafkactl consumer-groups"),
        (["topcs"], "kafkactl topics"),
        (["topics", "ls"], "kafkactl topics list"),
        (["topics", "rm"], "kafkactl topics delete"),
        (["groups", "show"], "kafkactl groups describe"),
        (["groups", "lag"], "kafkactl groups describe --lag"),
        (["configs", "set"], "--help"),
        (["help", "lag"], "kafkactl groups describe --lag"),
        (["topics", "list", "--zookeeper", "z:2181"], "--bootstrap-server HOST:9092"),
        (["produce", "t", "--broker-list", "b:9092"], "--bootstrap-server HOST:9092"),
        (["dump-log", "f", "--broker-list", "b:9092"], "leave --broker-list out: this command asks no brokers"),
        (["context", "list", "--zookeeper", "z:2181"], "leave --zookeeper out: this command asks no brokers"),
    ],
)
def test_near_misses_lead_to_the_likely_command(typed: list[str], hint: str, cli: Cli) -> None:
    done = cli(*typed, check=2)
    assert done.stdout == ""
    assert hint in done.stderr.splitlines()[-1]
    assert "Possible options" not in done.stderr


def test_every_suggestion_is_a_command_that_exists() -> None:
    from kafkactl.cli.app import ALIASES
    from kafkactl.cli.frame import suggestions

    alone = {*ALIASES, *(path for path in COMMANDS if " " not in path)}
    for hint in suggestions._COMMANDS.values():
        for command in re.findall(r"kafkactl ([a-z-]+(?: [a-z-]+)?)", hint):
            assert command in COMMANDS or command.split()[0] in alone or hint.startswith("kafka-"), hint
    verbs = {path.rpartition(" ")[2] for path in COMMANDS}
    assert {verb.partition(" ")[0] for choices in suggestions._VERBS.values() for verb in choices} <= verbs


def test_a_command_is_built_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built = []
    monkeypatch.setenv("KAFKACTL_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setattr(app, "build", lambda typer_app: (built.append(typer_app), build(typer_app))[1])
    assert app.run(["context", "list"]) == 0
    assert len(built) == 2, "the root and the group of the command"


def test_nothing_near_is_no_suggestion() -> None:
    assert suggest_command("zzz", "kafkactl", ["topics"]) is None


def test_the_page_of_options_is_linked() -> None:
    assert "docs/options.md" in (REPOSITORY / "README.md").read_text()


def test_help_of_the_commands_of_the_root_itself(cli: Cli) -> None:
    for name in ("help", "version"):
        texts = {cli.ok(*arguments) for arguments in (("help", name), (name, "--help"), (name, "-h"))}
        assert len(texts) == 1
        assert texts.pop().startswith(f"Usage: kafkactl {name}")
    assert "unexpected argument: x" in cli("version", "x", check=2).stderr
