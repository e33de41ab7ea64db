"""Command lines of tools with subcommands, as argparse4j reads them. The reference tests run them beside Kafka."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.cli.kafka_style.cluster import LEVELS
from kafkactl.cli.kafka_style.parser import Arguments
from kafkactl.cli.kafka_style.subcommands import (
    HelpRequestedError,
    SubcommandError,
    VersionRequestedError,
    format_error,
    parse_subcommand,
)


def parse(line: str, needs_server: bool = True) -> Arguments:
    return parse_subcommand("kafka-cluster", "Purpose.", LEVELS, line.split(), needs_server)


@pytest.mark.parametrize(
    ("line", "command", "values"),
    [
        ("cluster-id --bootstrap-server b:1", "cluster-id", {"bootstrap-server": ["b:1"]}),
        ("cluster-id -b b:1 -c f", "cluster-id", {"bootstrap-server": ["b:1"], "command-config": ["f"]}),
        ("cluster-id -bb:1 --", "cluster-id", {"bootstrap-server": ["b:1"]}),
        ("cluster-id -bb:1", "cluster-id", {"bootstrap-server": ["b:1"]}),
        ("cluster-id --bootstrap-s=b:1", "cluster-id", {"bootstrap-server": ["b:1"]}),
        ("unregister -i 1 --id -5 -C c:1", "unregister", {"id": ["-5"], "bootstrap-controller": ["c:1"]}),
    ],
)
def test_options(line: str, command: str, values: dict[str, list[str]]) -> None:
    arguments = parse(line)
    assert arguments.command == command
    assert {name: arguments.values(name) for name in arguments.names} == values


def test_the_address_may_be_missing_where_a_context_is_used() -> None:
    assert parse("cluster-id", needs_server=False).names == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "too few arguments"),
        ("bogus", "invalid choice: 'bogus' (choose from 'cluster-id', 'unregister', 'list-endpoints')"),
        ("--bogus", "unrecognized arguments: '--bogus'"),
        ("cluster-id", "one of the arguments --bootstrap-server/-b --bootstrap-controller/-C is required"),
        ("cluster-id -b b:1 x y", "unrecognized arguments: 'x y'"),
        ("cluster-id -b b:1 -- -x y", "unrecognized arguments: '-x y'"),
        ("cluster-id -- --", "unrecognized arguments: '--'"),
        ("-- cluster-id", "unrecognized arguments: 'cluster-id'"),
        ("--", "too few arguments"),
        ("cluster-id -b", "argument --bootstrap-server/-b: expected one argument"),
        ("unregister -b b:1", "argument --id/-i is required"),
    ],
)
def test_errors(line: str, reason: str) -> None:
    with pytest.raises(SubcommandError) as caught:
        parse(line)
    assert str(caught.value) == reason


def test_an_error_is_justified_below_the_usage() -> None:
    with pytest.raises(SubcommandError) as caught:
        parse("cluster-id")
    assert format_error("kafka-cluster", caught.value).splitlines()[-2:] == [
        "kafka-cluster:  error:  one  of   the  arguments  --bootstrap-server/-b  --",
        "bootstrap-controller/-C is required",
    ]


@pytest.mark.parametrize(
    ("message", "last"),
    [
        ("x" * 80, "x" * 80),
        (f"{'x' * 50} y-", "y-"),
        (f"{'x' * 50} y- z", "y- z"),
        (f"'{'x' * 48} y-'", "y-'"),
        (f"{'x' * 51} -5", "-5"),
    ],
)
def test_a_line_ends_where_javas_does(message: str, last: str) -> None:
    """Java keeps a hyphen with a blank, a quote or digits behind it, and has no empty line at the end."""
    _, shown = format_error("kafka-cluster", SubcommandError(message, "")).splitlines()
    assert shown == last


@given(st.lists(st.text(alphabet="-=bCcihx1 ", max_size=6), max_size=5))
def test_any_words_are_parsed_or_refused(words: list[str]) -> None:
    with suppress(SubcommandError, HelpRequestedError, VersionRequestedError):
        parse_subcommand("kafka-cluster", "Purpose.", LEVELS, ["unregister", *words], True)
