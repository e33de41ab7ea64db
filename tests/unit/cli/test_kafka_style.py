"""Kafka's style without a broker: the parser, the doors, and what a command line becomes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl import statuses, stdout
from kafkactl.admin.partition_rules import parse_rules
from kafkactl.cli.kafka_style import doors, groups, java_options, reassign, records, running, tools
from kafkactl.cli.kafka_style.doors import TOOLS, find_door, move_flags
from kafkactl.cli.kafka_style.java_configs import refuse_wrong_addresses
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, State, parse
from kafkactl.cli.kafka_style.tools import JavaError, WrongUsageError, load_tool, parse_include_list, parse_words
from kafkactl.errors import KafkactlError, NotFoundError, UnreachableError
from kafkactl.output import people
from kafkactl.serde import formats
from kafkactl.streams.lines import LineReader
from tests import from_kafka_tools, tool_coverage
from tests.conftest import REPOSITORY, Cli
from tests.fake_broker import FakeBroker, FakeCluster
from tests.reference import equality

OPTIONS = (
    Option(name="list", summary="."),
    Option(name="topic", summary=".", arity=Arity.REQUIRED),
    Option(name="state", summary=".", arity=Arity.OPTIONAL),
    Option(name="partitions", summary=".", arity=Arity.REQUIRED, type="Integer"),
    Option(name="members", summary=".", available_with=("state",)),
    Option(name="age", summary=".", arity=Arity.OPTIONAL, type="Long"),
)


@pytest.mark.parametrize(
    ("words", "values", "extra"),
    [
        ("--topic a --topic b", {"topic": ["a", "b"]}, []),
        ("--topic=a=b", {"topic": ["a=b"]}, []),
        ("-topic a", {"topic": ["a"]}, []),
        ("--topic --list", {"topic": ["--list"]}, []),
        ("--topic= a", {"topic": [""]}, ["a"]),
        ("-topic= --list", {"topic": [""], "list": []}, []),
        ("--state=", {"state": [""]}, []),
        ("--list=yes x", {"list": []}, ["x"]),
        ("--state --list", {"state": [], "list": []}, []),
        ("--state x", {"state": ["x"]}, []),
        ("--state=x y", {"state": ["x"]}, ["y"]),
        ("--state -", {"state": ["-"]}, []),
        ("-- --list", {}, ["--list"]),
        ("a - b", {}, ["a", "-", "b"]),
        ("--state --members", {"state": [], "members": []}, []),
        ("--age -1 x", {"age": ["-1"]}, ["x"]),
        ("--age x", {"age": []}, ["x"]),
    ],
)
def test_words_are_read_as_kafkas_tools_read_them(words: str, values: dict[str, list[str]], extra: list[str]) -> None:
    arguments = parse(OPTIONS, words.split())
    assert {name: arguments.values(name) for name in arguments.names} == values
    assert arguments.extra == extra


def test_an_empty_word_is_the_value_of_an_option_with_a_number() -> None:
    arguments = parse(OPTIONS, ["--age", ""])
    assert arguments.extra == []
    with pytest.raises(OptionError, match="Cannot parse argument '' of option age"):
        arguments.value("age")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--lis", "lis is not a recognized option"),
        ("--nosuch=1", "nosuch is not a recognized option"),
        ("-x", "x is not a recognized option"),
        ("-topics", "t is not a recognized option"),
        ("--topic", "Option topic requires an argument"),
        ("--members", "Option(s) [members] are unavailable given other options on the command line"),
    ],
)
def test_wrong_words(words: str, reason: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse(OPTIONS, words.split())
    assert str(caught.value) == reason
    assert caught.value.is_of_parsing


@pytest.mark.parametrize("value", ["x", "1.0", "1e3", "2147483648", "-2147483649", "", "0x1", "1_0", "١"])
def test_a_value_of_another_type(value: str) -> None:
    arguments = parse(OPTIONS, ["--partitions", value])
    with pytest.raises(OptionError, match="Cannot parse argument"):
        arguments.value("partitions")


@pytest.mark.parametrize("value", ["0", "+1", "-1", "007", "2147483647", "-2147483648"])
def test_a_value_of_the_type(value: str) -> None:
    assert parse(OPTIONS, ["--partitions", value]).value("partitions") == value


@given(st.lists(st.text(alphabet="-=abtopicls ", max_size=9)))
def test_any_words_are_parsed_or_refused(words: list[str]) -> None:
    """Nothing but OptionError comes out, and no word is lost."""
    try:
        arguments = parse(OPTIONS, words)
    except OptionError:
        return
    assert len(arguments.extra) + sum(len(arguments.values(name)) for name in ("topic", "state")) <= len(words)


@pytest.mark.parametrize(
    ("line", "tool", "words", "own", "context"),
    [
        ("kafka-topics --list", "kafka-topics", "--list", "", False),
        ("kafka-topics.sh --list", "kafka-topics", "--list", "", False),
        ("-b h:1 kafka-topics --list", "kafka-topics", "--list", "-b h:1", False),
        ("topics --list", "kafka-topics", "--list", "", True),
        ("topics --topic t --create", "kafka-topics", "--topic t --create", "", True),
        ("topics -list", "kafka-topics", "-list", "", True),
        ("--context c topics --list", "kafka-topics", "--list", "--context c", True),
        ("topics -b h:1 --list --context c", "kafka-topics", "--list", "-b h:1 --context c", True),
        ("topics --bootstrap-server h:1 --list", "kafka-topics", "--bootstrap-server h:1 --list", "", True),
        ("groups --describe --group g --timeout 5000", "kafka-consumer-groups",
         "--describe --group g --timeout 5000", "", True),
        ("consumer-groups --describe --offsets --all-groups", "kafka-consumer-groups",
         "--describe --offsets --all-groups", "", True),
        ("configs --alter --topic t --add-config a=b", "kafka-configs", "--alter --topic t --add-config a=b", "", True),
        ("acls --list --topic t", "kafka-acls", "--list --topic t", "", True),
        ("delete-records --offset-json-file f", "kafka-delete-records", "--offset-json-file f", "", True),
    ],
)  # fmt: skip
def test_doors(line: str, tool: str, words: str, own: str, context: bool) -> None:
    door = find_door(line.split())
    assert door is not None
    assert (door.tool, door.words, door.own_flags) == (tool, words.split(), own.split())
    assert door.may_use_context == context


@pytest.mark.parametrize(
    "line",
    [
        "", "topics", "topics list", "topics list --topic a", "groups describe g --members", "topics --help",
        "topics -b h:1 list", "console-consumer --topic t", "dump-log --files f", "--help", "-b h:1",
        "kafka-mirror-maker --list", "topics describe --describe", "produce t --property a=b",
    ],
)  # fmt: skip
def test_our_own_style(line: str) -> None:
    assert find_door(line.split()) is None


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        ("topics -b h:1 list", "topics list -b h:1"),
        ("-b h:1 topics -o json list x", "-b h:1 topics list -o json x"),
        ("groups --context c --timeout 5s describe g", "groups describe --context c --timeout 5s g"),
        ("topics -bh:1 --output=json list", "topics list -bh:1 --output=json"),
        ("topics list -b h:1", "topics list -b h:1"),
        ("console-consumer -b h:1 --from-beginning t", "console-consumer -b h:1 --from-beginning t"),
        ("topics -b h:1", "topics -b h:1"),
        ("-b h:1", "-b h:1"),
    ],
)
def test_flags_may_stand_between_noun_and_verb(line: str, moved: str) -> None:
    assert move_flags(line.split()) == moved.split()


@pytest.mark.slow
def test_flags_at_three_places(cli: Cli) -> None:
    """Before the noun, between noun and verb, and behind the verb they mean the same."""
    texts = {
        cli(*line.split()).stderr
        for line in (
            "-b 127.0.0.1:1 --timeout 1 topics list",
            "topics -b 127.0.0.1:1 --timeout 1 list",
            "topics list -b 127.0.0.1:1 --timeout 1",
        )
    }
    assert len(texts) == 1
    assert "127.0.0.1:1" in texts.pop()


def _translate(line: equality.Line, servers: str = "b:9092", controllers: str = "c:1") -> str:
    tool = load_tool(line.tool)
    words = line.words("o", servers, Path("/dir"), controllers)
    try:
        arguments = parse_words(tool, words)
        if not words or arguments.has("help", "version"):
            return "(help)"
        tool.check(arguments)
        return shlex.join(tool.translate(arguments).words)
    except KafkactlError as error:
        return f"({type(error).__name__})"


@pytest.mark.slow
def test_every_line_becomes_one_command_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of the equality test is refused, or becomes a command line that our parser takes.

    `pytest -s -k every_line` prints all of them.
    """
    from kafkactl.cli.app import app
    from kafkactl.cli.frame.command import build

    root = build(app)
    for section in equality.sections():
        for line in section.lines:
            translated = _translate(line)
            print(f"{line.tool} {line.text}  ->  {translated}")
            if translated.startswith("("):
                continue
            context = root.make_context("kafkactl", shlex.split(translated), resilient_parsing=True)
            _, command, rest = root.resolve_command(context, shlex.split(translated))
            assert command is not None, translated
            if hasattr(command, "resolve_command"):
                _, command, rest = command.resolve_command(context, rest)
            command.make_parser(context).parse_args(list(rest))


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_the_protocol_before_an_address_does_not_matter(tool: str) -> None:
    for line in (line for section in equality.sections() if section.tool == tool for line in section.lines):
        if "://" not in line.text:
            written = _translate(line, "SASL_SSL://b:9092,PLAINTEXT://d:2", "CONTROLLER://c:1")
            plain = _translate(line, "b:9092,d:2", "c:1")
            assert re.sub("time=[0-9]+", "time=now", written) == re.sub("time=[0-9]+", "time=now", plain)


@pytest.mark.parametrize(
    ("tool", "status"),
    [("kafka-features", 0), ("kafka-metadata-quorum", 0), ("kafka-cluster", 1), ("kafka-transactions", 1)],
)
def test_the_status_of_a_help_is_that_of_the_tool(tool: str, status: int, cli: Cli) -> None:
    assert cli(tool, "--help", check=status).stdout.startswith("usage: ")


@pytest.mark.parametrize("tool", TOOLS)
def test_no_option_of_a_tool_with_one_dash_is_taken_for_ours(tool: str) -> None:
    """Kafka's parser takes one dash for long names; -bootstrap-server is no -b with the host ootstrap-server."""
    for option in load_tool(tool).options:
        if len(option.name) > 1:
            assert doors._measure_flag(f"-{option.name}", with_shared=False) == 0, option.name
            assert doors._measure_flag(f"-{option.name}=x", with_shared=False) == 0, option.name


@pytest.mark.parametrize("address", ["a:99999x", "a:1,b:2x", "a"])
def test_an_address_with_more_behind_its_port_is_refused(address: str, cli: Cli) -> None:
    done = cli("kafka-console-producer", "--bootstrap-server", address, "--topic", "t", check=1)
    assert "Please provide valid host:port like host1:9091,host2:9092" in done.stdout + done.stderr


def test_the_verbs_of_the_doors_are_those_of_the_tools() -> None:
    for name, flags in doors._VERB_FLAGS.items():
        if (verbs := load_tool(name).verbs) or name != "kafka-delete-records":
            assert set(flags) == set(verbs), name


@pytest.mark.parametrize("name", TOOLS)
def test_tables(name: str) -> None:
    """Every option says what it becomes, and every difference has its reason."""
    tool = load_tool(name)
    assert tool.name == name
    for option in tool.options:
        assert option.summary.endswith("."), option.name
        assert option.target, option.name
        assert option.state is State.SAME or option.note, option.name
    assert len({option.name for option in tool.options}) == len(tool.options)


def test_the_pages_of_options_are_fresh() -> None:
    pages = {"from-kafka-tools.md": from_kafka_tools.write_page(), "coverage.md": tool_coverage.write_page()}
    for name, page in pages.items():
        assert (REPOSITORY / "docs" / name).read_text() == page, name
    assert not TOOLS.keys() & tool_coverage.WITHOUT_MIRROR.keys()


ANY_REQUEST = {
    "kafka-topics": "--list",
    "kafka-consumer-groups": "--list",
    "kafka-configs": "--describe --entity-type topics",
    "kafka-console-producer": "--topic t",
    "kafka-console-consumer": "--topic t",
    "kafka-get-offsets": "--topic t",
    "kafka-delete-records": "--offset-json-file f",
    "kafka-broker-api-versions": "--command-config f",
    "kafka-cluster": "cluster-id",
    "kafka-metadata-quorum": "describe --status",
    "kafka-features": "describe",
    "kafka-transactions": "list",
    "kafka-client-metrics": "--list",
    "kafka-delegation-tokens": "--describe --command-config f",
    "kafka-acls": "--list",
    "kafka-log-dirs": "--describe",
    "kafka-reassign-partitions": "--list",
    "kafka-leader-election": "--election-type preferred --all-topic-partitions",
}
"""Words after which each tool would send a request."""


@pytest.mark.parametrize("name", TOOLS)
def test_no_server_and_no_context(name: str, cli: Cli) -> None:
    """Kafka's own error, unless a context may be used."""
    tool = load_tool(name)
    if "bootstrap-server" not in {option.name for option in tool.options}:
        return
    done = cli(name, *ANY_REQUEST[name].split())
    assert done.returncode == 1
    assert "bootstrap" in done.stderr


def test_the_hidden_flag_is_no_option(cli: Cli) -> None:
    assert "option not found: --kafka-style" in cli("--kafka-style", "topics", "list", check=2).stderr


def test_a_status_of_0_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(running.STATUS_VARIABLE, raising=False)
    assert running._finish(0) == 1
    monkeypatch.setenv(running.STATUS_VARIABLE, "kafka")
    assert running._finish(0) == 0
    assert running._finish(1) == 1


def test_errors_are_kept_for_the_tool() -> None:
    """An error of our command reaches the report of the tool, and nothing else is printed."""

    def run_command(words: list[str]) -> int:
        from kafkactl.output import people

        assert words[:1] == [running.HIDDEN_FLAG]
        assert people.is_kafka_style()
        people.note("silent")
        people.error(KafkactlError("broken"))
        return 1

    assert running.run_tool("kafka-topics", ["--bootstrap-server", "b:1", "--list"], run_command) == 1


LOGIN = """// KafkaClient { no }
KafkaServer { org.apache.kafka.common.security.plain.PlainLoginModule required username="s" password="t"; };
KafkaClient {
  /* a comment */ org.apache.kafka.common.security.scram.ScramLoginModule required
    username="ann" password="a//b  {c}\tD";
};
"""


def test_the_login_file_of_java(tmp_path: Path) -> None:
    """KAFKA_OPTS names it; the braces and slashes of a password are no syntax."""
    file = tmp_path / "jaas.conf"
    file.write_text(LOGIN)
    for equals in ("=", "=="):
        environment = {"KAFKA_OPTS": f"-Xmx1g '-Djava.security.auth.login.config{equals}{file}'"}
        java_options.read_login_file(environment)
        login = environment["KAFKACTL_CLIENT_SASL_JAAS_CONFIG"]
        assert login.endswith('ScramLoginModule required username="ann" password="a//b  {c}\tD";')
        assert "KafkaServer" not in login


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read"),
        ("KafkaServer { x required; };", "has no section KafkaClient"),
        ('KafkaClient { x required a="\0"; };', "has a NUL character"),
    ],
)
def test_a_wrong_login_file_is_a_warning(
    tmp_path: Path, text: str | None, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Java reads the file only where a login is needed, which is not known here."""
    file = tmp_path / "jaas.conf"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("KAFKA_OPTS", f"-Djava.security.auth.login.config={file}")
    java_options.read_login_file(os.environ)
    assert "KAFKACTL_CLIENT_SASL_JAAS_CONFIG" not in os.environ
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("zone", "hour"), [("Z", 12), ("+05:30", 6.5), ("+05:75", 7), ("-0530", 17), ("+05:59", 12 - 5 - 59 / 60)]
)
def test_offsets_of_times_are_those_of_java(zone: str, hour: float) -> None:
    assert groups._read_time(f"1970-01-01T12:00:00.000{zone}") == round(hour * 3_600_000)


def test_an_offset_of_a_day_is_none() -> None:
    with pytest.raises(JavaError):
        groups._read_time("1970-01-03T12:00:00.000+24:00")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P1DT2H3M4.5S", "PT93784.500S"),
        ("PT0.0009S", "PT0.000S"),
        ("-PT0.0009S", "PT0.000S"),
        ("PT1M-1.0009S", "PT58.999S"),
        ("-P1DT-1M1.0009S", "-PT86341.000S"),
        ("-PT-1M1.0009S", "PT58.999S"),
    ],
)
def test_durations_are_cut_as_java_cuts_them(text: str, duration: str) -> None:
    assert groups._translate_duration(text) == duration


def test_other_variables_of_java_have_no_effect() -> None:
    environment = {"KAFKA_OPTS": "-Dx=y", "KAFKA_HEAP_OPTS": "-Xmx1g", "KAFKA_LOG4J_OPTS": "-Dlog4j=x"}
    before = dict(environment)
    java_options.read_login_file(environment)
    assert environment == before


@pytest.mark.parametrize("read_field", [reassign._read_field, records._read_field])
def test_a_field_that_is_nested_as_deep_as_the_parser_allows(read_field: Callable[[Any, str], Any]) -> None:
    """The writer of JSON has less room than the parser."""
    value: list[Any] = []
    for _ in range(200_000):
        value = [value]
    with pytest.raises(JavaError, match=r"Expected `String` value, received \.\.\."):
        read_field({"topic": value}, "topic")
    with pytest.raises(JavaError, match=r"Expected JSON object, received \.\.\."):
        read_field(value, "topic")


def test_a_bracket_behind_a_line_end_in_quotes() -> None:
    assert tools._are_classes_closed("\\Q\n[\\E")
    assert not tools._are_classes_closed("\\Qa\\E\n[")


@pytest.mark.parametrize("text", ["[", "a{" + "1" * 5000 + "}", "(" * 5000 + ")" * 5000])
def test_a_list_of_topics_that_is_no_expression(text: str) -> None:
    with pytest.raises(JavaError, match="is an invalid regex"):
        parse_include_list(text)


@pytest.mark.parametrize(
    "line", ["-o json topics --list", "topics -o json --list", "topics --list --output json", "topics --list -ojson"]
)
def test_kafkactls_own_form_of_the_output_wins(line: str, cli: Cli) -> None:
    with FakeBroker(topics={"orders": 1}) as broker:
        words = [*line.split(), "--bootstrap-server", broker.address]
        assert [row["topic"] for row in json.loads(cli.ok(*words))] == ["orders"]


@pytest.mark.parametrize("line", ["topics --list", "groups --list", "configs --describe --topic x"])
def test_a_missing_context_is_named(line: str, cli: Cli) -> None:
    """The words of Kafka's tool would be about a topic."""
    for words in (["--context", "nosuch", *line.split()], [*line.split(), "--context", "nosuch"]):
        assert "error: context not found: 'nosuch'" in cli(*words, check=1).stderr


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("kafka-delete-records --offset-json-file FILE", '{"partitions": []}'),
        ("kafka-leader-election --election-type preferred --path-to-json-file FILE", '{"partitions": []}'),
        ("kafka-reassign-partitions --verify --reassignment-json-file FILE", '{"partitions": []}'),
        (
            "kafka-reassign-partitions --generate --broker-list 1 --topics-to-move-json-file FILE",
            '{"topics": [{"topic": "a"}]}',
        ),
    ],
)
def test_text_behind_json_is_not_read(line: str, text: str, tmp_path: Path) -> None:
    """Java's parser stops behind the document; our commands would refuse the rest, so they get a copy without it."""
    file = tmp_path / "a.json"
    name, *words = line.replace("FILE", str(file)).split()
    tool = load_tool(name)
    for rest, is_copied in ((" \n", False), (" }", True), ("\n{}", True)):
        file.write_text(text + rest)
        run = tool.translate(parse_words(tool, ["--bootstrap-server", "h:1", *words]))
        option = next(word for word in run.words if word.startswith(("--offset", "--from", "--reass", "--topics")))
        path = Path(option.partition("=")[2])
        assert (path != file) == is_copied
        assert path.read_text() == (text if is_copied else text + rest)


@pytest.mark.parametrize("version", ["true", "1.0", "null", "2"])
def test_another_version_of_a_file_of_offsets(version: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(f'{{"version": {version}, "partitions": []}}')
    tool = load_tool("kafka-delete-records")
    with pytest.raises(JavaError, match=f"Not supported version field value {version}"):
        tool.translate(parse_words(tool, ["--bootstrap-server", "h:1", "--offset-json-file", str(file)]))


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (
            "kafka-delete-records --offset-json-file",
            '{"partitions": [{"topic": "a", "partition": 2147483648, "offset": 0}]}',
            "Expected `Integer` value, received 2147483648",
        ),
        (
            "kafka-delete-records --offset-json-file",
            '{"partitions": [{"topic": "a", "partition": 0, "offset": 9223372036854775808}]}',
            "Expected `Long` value, received 9223372036854775808",
        ),
        ("kafka-delete-records --offset-json-file", '{"partitions": 5}', "Expected JSON array, received 5"),
        (
            "kafka-reassign-partitions --verify --reassignment-json-file",
            '{"partitions": [{"topic": "a", "partition": 2147483648, "replicas": [1]}]}',
            "Expected `Integer` value, received 2147483648",
        ),
        (
            "kafka-reassign-partitions --verify --reassignment-json-file",
            '{"partitions": [{"topic": "a", "partition": 0, "replicas": 5}]}',
            "Expected `JSON array` value, received 5",
        ),
        (
            "kafka-reassign-partitions --verify --reassignment-json-file",
            '{"version": 2147483648}',
            "Expected `Integer` value, received 2147483648",
        ),
        (
            "kafka-reassign-partitions --verify --reassignment-json-file",
            '{"partitions": [{"topic": "a", "partition": 0, "replicas": [1, -2147483649]}]}',
            "Expected `Integer` value, received -2147483649",
        ),
    ],
)
def test_values_of_json_have_the_bounds_of_java(line: str, text: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    name, *words = line.split()
    tool = load_tool(name)
    with pytest.raises(JavaError, match=f"^{re.escape(reason)}$"):
        tool.translate(parse_words(tool, ["--bootstrap-server", "h:1", *words, str(file)]))


def test_a_wrong_topic_beside_all_topics(capsys: pytest.CaptureFixture[str]) -> None:
    """Kafka's tool does not read --topic then, also for the words of an error."""
    tool = load_tool("kafka-consumer-groups")
    line = "--bootstrap-server h:1 --reset-offsets --to-earliest --all-topics --group g --topic"
    missing = NotFoundError("partition not found: x-0", names=("x-0",))
    for topic in ("a:b:c", "x-0"):
        assert tool.report(parse_words(tool, [*line.split(), topic]), missing, "reset-offsets") == 0
        assert capsys.readouterr().err.endswith('Exception: The partitions "x-0" do not exist\n')


@pytest.mark.parametrize(
    "line", ["kafka-features upgrade", "kafka-metadata-quorum describe", "kafka-transactions find-hanging"]
)
def test_an_address_without_a_port_is_the_first_error(line: str) -> None:
    """Kafka's tools make their client before they look at the options of the subcommand."""
    name, *words = line.split()
    tool = load_tool(name)
    with pytest.raises(JavaError, match="Failed to create new KafkaAdminClient"):
        tool.check(parse_words(tool, ["--bootstrap-server", "h", *words]))


@pytest.mark.parametrize(
    ("features", "text", "error"),
    [
        ("group.version=1 group.version=0", "group.version=1 has no dependencies.\ngroup.version=0 has no", ""),
        ("nope=1 bad", "", "Unknown feature: nope\n"),
        ("group.version=-1", "", "No feature:group.version with feature level -1\n"),
        ("metadata.version=-1", "", "Unknown metadata.version -1\n"),
    ],
)
def test_features_whose_dependencies_are_shown(features: str, text: str, error: str, cli: Cli) -> None:
    """Kafka's tool reads one after the other, and none of its reasons is about a change."""
    words = [word for feature in features.split() for word in ("--feature", feature)]
    done = cli("kafka-features", "feature-dependencies", *words, check=1 if error else 0)
    assert done.stdout.startswith(text)
    assert done.stderr == error


def test_offsets_from_a_pipe(cli: Cli, tmp_path: Path) -> None:
    """The file is read once, and a second reading of a pipe would find nothing."""
    file = tmp_path / "pipe"
    os.mkfifo(file)
    text = '{"partitions": [{"topic": "orders", "partition": 0, "offset": 0}]}'
    with FakeBroker(topics={"orders": 1}) as broker, ThreadPoolExecutor(1) as pool:
        pool.submit(file.write_text, text)
        done = cli("kafka-delete-records", "--bootstrap-server", broker.address, "--offset-json-file", file)
    assert "Records delete operation completed" in done.stdout, done.stderr


def translate(tool: str, *words: str) -> list[str]:
    loaded = load_tool(tool)
    return list(loaded.translate(parse_words(loaded, ["--bootstrap-server", "b:1", "--topic", "t", *words])).words)


def test_settings_of_the_producer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options win over words, words over the file, and what Kafka's tool sets itself is ignored."""
    tool = "kafka-console-producer"
    assert translate(tool, "--command-property", "max.block.ms=5") == [
        tool[6:],
        "--bootstrap-server=b:1",
        "--max-block-ms=5",
        "--topic=t",
    ]
    assert "--linger-ms=900000" in translate(tool, "--timeout", "99999999999", "--command-property", "linger.ms=5")
    words = translate(tool, "--command-property", "batch.size=0", "--command-property", "value.serializer=x.Y")
    assert words[2:4] == ["-X", "batch.size=1"]
    assert "value.serializer is ignored" in capsys.readouterr().err
    translate(tool, "--command-property", "fetch.min.bytes=x")
    assert "fetch.min.bytes is ignored: it is not one of a producer" in capsys.readouterr().err
    assert "--partitioner=random" in translate(tool, "--command-property", "partitioner.ignore.keys=true")
    file = tmp_path / "producer.properties"
    file.write_text("compression.type=lz4\nkey.serializer=x.Y\nbatch.size=0\nretries=7\n")
    words = translate(tool, "--command-config", str(file), "--message-send-max-retries", "2")
    assert [word for word in words if "serializer" in word or "retries" in word] == ["--message-send-max-retries=2"]
    assert {"batch.size=1", "--compression-codec=none"} <= set(words)


@pytest.mark.parametrize(
    "line",
    [
        "kafka-console-producer --command-config --topic t",
        "kafka-console-consumer --consumer.config --topic t",
        "kafka-console-consumer --command-config --topic t",
        "kafka-leader-election --admin.config --election-type preferred --all-topic-partitions",
        "kafka-topics --command-config --list",
        "kafka-transactions --command-config list",
    ],
)
def test_an_empty_file_of_settings(line: str) -> None:
    """It is the present folder for Java, and never the same as no file."""
    name, option, *words = line.split()
    tool = load_tool(name)
    words = ["--bootstrap-server", "h:1", option, "", *words]
    arguments = parse_words(tool, words)

    def check_and_translate() -> None:
        tool.check(arguments)
        tool.translate(arguments)

    with pytest.raises(JavaError, match="Is a directory"):
        check_and_translate()


@pytest.mark.parametrize("name", ["kafka-metadata-quorum describe --status", "kafka-transactions list"])
def test_a_folder_is_no_file_of_settings(name: str, tmp_path: Path) -> None:
    tool_name, *words = name.split()
    tool = load_tool(tool_name)
    with pytest.raises(JavaError, match="Is a directory"):
        tool.check(parse_words(tool, ["--bootstrap-server", "h:1", "--command-config", str(tmp_path), *words]))


def test_two_names_of_a_batch_size() -> None:
    """Kafka's tool reads both values, and the deprecated one wins."""
    tool = "kafka-console-producer"
    assert "--batch-size=5" in translate(tool, "--batch-size", "7", "--max-partition-memory-bytes", "5")
    with pytest.raises(JavaError, match="Cannot parse argument 'x' of option batch-size"):
        translate(tool, "--batch-size", "x", "--max-partition-memory-bytes", "5")


@pytest.mark.parametrize(
    ("tool", "setting", "reason"),
    [
        ("producer", "linger.ms=x", "Not a number of type LONG"),
        ("producer", "retries=1_0", "Not a number of type INT"),
        ("producer", "retries=-1", "Value must be at least 0"),
        ("producer", "batch.size=2147483648", "Not a number of type INT"),
        ("producer", "compression.zstd.level=23", "Value must be no more than 22"),
        ("producer", "sasl.login.refresh.window.factor=2", "Value must be no more than 1.0"),
        ("producer", "acks=7", "String must be one of: all, -1, 0, 1"),
        ("producer", "batch.size= -007", "Invalid value -7 for configuration batch.size: Value must be at least 0"),
        ("producer", "sasl.login.refresh.window.factor=inf", "Not a number of type DOUBLE"),
        ("producer", "sasl.login.refresh.window.factor=1e400", "Invalid value Infinity for configuration"),
        ("producer", "enable.idempotence= x ", "Invalid value  x  for configuration enable.idempotence: Expected"),
        ("producer", "transactional.id=", "String must be non-empty"),
        ("producer", "transactional.id= ", "Invalid value  for configuration transactional.id: String must"),
        ("producer", "partitioner.class=a.B", "Class a.B could not be found."),
        ("producer", "partitioner.class= a.B ", "Class  a.B  could not be found."),
        ("producer", "delivery.timeout.ms=1", "Failed to construct kafka producer"),
        ("consumer", "enable.auto.commit=maybe", "Expected value to be either true or false"),
        ("consumer", "security.protocol=x", "String must be one of (case insensitive): SASL_SSL, PLAINTEXT, SSL"),
        ("consumer", "auto.offset.reset=EARLIEST", "Invalid value EARLIEST for configuration auto.offset.reset"),
        ("consumer", "heartbeat.interval.ms=45000", "Heartbeat must be set lower than the session timeout"),
        ("consumer", "group.id=", "The configured group.id should not be an empty string or whitespace."),
    ],
)
def test_settings_that_java_refuses(tool: str, setting: str, reason: str) -> None:
    with pytest.raises(JavaError, match=re.escape(reason)):
        translate(f"kafka-console-{tool}", "--command-property", setting)


@pytest.mark.parametrize(
    "words",
    [
        "--command-property enable.idempotence=false",
        "--request-required-acks 1",
        "--command-property acks=0",
        "--message-send-max-retries 0",
    ],
)
def test_a_transaction_needs_an_idempotent_producer(words: str) -> None:
    """Our command refuses it, too, but in other words."""
    with pytest.raises(JavaError, match="Cannot set a transactional"):
        translate("kafka-console-producer", "--command-property", "transactional.id=x", *words.split())


def test_settings_of_the_consumer(tmp_path: Path) -> None:
    tool = "kafka-console-consumer"
    assert translate(tool, "--command-property", "isolation.level=read_committed")[1:3] == [
        "-X",
        "isolation.level=read_committed",
    ]
    words = translate(tool, "--command-property", "isolation.level=x", "--isolation-level", "read_committed")
    assert "--isolation-level=read_committed" in words
    assert "-X" not in words
    words = translate(tool, "--command-property", "auto.offset.reset=by_duration:PT1H")
    assert [word.partition("=")[0] for word in words[1:4]] == ["-X", "auto.offset.reset", "--from-time"]
    file = tmp_path / "consumer.properties"
    file.write_text("auto.offset.reset=earliest \n")
    words = translate(tool, "--command-config", str(file))
    assert f"--command-config={file}" in words
    file.write_text("isolation.level=read_committed\nkey.deserializer=x.Y\nfetch.min.bytes=0\n")
    words = translate(tool, "--command-config", str(file))
    assert words[1:4] == [f"--command-config={file}", "-X", "fetch.min.bytes=1"]
    assert not any(word.startswith("--isolation-level") for word in words)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("group.remote.assignor=uniform", "group.remote.assignor cannot be set when group.protocol=CLASSIC"),
        ("group.remote.assignor= ", ""),
        ("group.protocol=consumer group.remote.assignor=uniform", ""),
        (
            "group.protocol=consumer session.timeout.ms=9000 heartbeat.interval.ms=1000",
            "heartbeat.interval.ms, session.timeout.ms cannot be set when group.protocol=CONSUMER",
        ),
    ],
)
def test_settings_of_the_other_group_protocol(settings: str, reason: str) -> None:
    words = [word for text in settings.split(" ") if text for word in ("--command-property", text)]
    with pytest.raises(JavaError, match=f"^{re.escape(reason)}$") if reason else contextlib.nullcontext():
        translate("kafka-console-consumer", *words)


def test_properties_have_no_escapes() -> None:
    """Our commands replace a backslash and t, Kafka's tools do not."""
    assert r"--reader-property=key.separator=\\t" in translate(
        "kafka-console-producer", "--property", r"key.separator=\t"
    )
    words = translate("kafka-console-consumer", "--formatter-property", r"key.separator=\t")
    assert r"--formatter-property=key.separator=\\t" in words


@pytest.mark.filterwarnings("error")
def test_an_unusual_expression_has_no_warning_of_python() -> None:
    text = "headers.separator=[[a]"
    assert f"--reader-property={text}" in translate("kafka-console-producer", "--property", text)
    LineReader({"headers.separator": "[[a]"}, formats.get("string"), formats.get("string"), as_kafka=True)
    for wrong in ("[", "a{99999999999}", "(" * 3000):
        with pytest.raises(JavaError):
            translate("kafka-console-producer", "--property", f"headers.separator={wrong}")


def test_the_encoding_of_a_deserializer() -> None:
    """Kafka's formatter leaves out the beginning of the name, and the class looks for the whole rest."""
    text = "org.apache.kafka.common.serialization.StringDeserializer"
    words = ["--value-deserializer", text, "--formatter-property"]
    tool = "kafka-console-consumer"
    as_class, as_encoding = (
        f"--formatter-property=value.deserializer={text}",
        "--formatter-property=value.deserializer.encoding=latin-1",
    )
    assert as_class in translate(tool, *words, "value.deserializer.encoding=latin-1")
    for name in ("value.deserializer", "deserializer"):
        found = translate(tool, *words, f"value.deserializer.{name}.encoding=latin-1")
        assert as_encoding in found
        assert as_class not in found


@pytest.mark.parametrize("encoding", ["bogus", "hex", "rot13", ""])
def test_a_deserializer_with_an_unknown_encoding(encoding: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Codecs of Python that do not make text of bytes are no encodings."""
    words = ["--value-deserializer", "org.apache.kafka.common.serialization.StringDeserializer", "--formatter-property"]
    found = translate("kafka-console-consumer", *words, f"value.deserializer.deserializer.encoding={encoding}")
    assert not any("deserializer" in word for word in found)
    assert f"unknown encoding {encoding}\n" in capsys.readouterr().err


def test_addresses_in_the_error_of_brokers_that_do_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    tool = load_tool("kafka-broker-api-versions")
    arguments = parse_words(tool, ["--bootstrap-server", "PLAINTEXT://a:1, b:2" + ",c:3" * 98])
    assert tool.report(arguments, UnreachableError("no answer"), "") == 1
    text = capsys.readouterr().err
    assert "[a:1 (id: -1 rack: null isFenced: false), b:2 (id: -2 rack" in text
    assert "c:3 (id: -100 rack" in text


@pytest.mark.parametrize(
    ("rules", "ours"),
    [
        (r"\Qa.b\E:1", r"a\.b:1"),
        ("'a b':1-, c", "ab:1-,c"),
        ("(?<n>a)", "(?P<n>a)"),
        (":5", ":5"),
        ("a:,''", "a:,(?!)"),
    ],
)
def test_a_topic_of_a_rule_is_read_as_the_one_of_topic(rules: str, ours: str) -> None:
    tool = load_tool("kafka-get-offsets")
    arguments = parse_words(tool, ["--bootstrap-server", "h:1", "--topic-partitions", rules])
    assert tool.translate(arguments).words[-1] == f"--topic-partitions={ours}"
    parse_rules(ours)


@pytest.mark.slow
@pytest.mark.parametrize("servers", ["", " ", ",", "h", "h:99999", " ,h:1"])
@pytest.mark.parametrize("tool", sorted(set(TOOLS) - {"kafka-dump-log"}))
def test_wrong_addresses_are_refused_before_a_client_is_made(tool: str, servers: str, cli: Cli, tmp_path: Path) -> None:
    """The sentence is one of Java's, not one of ours."""
    (tmp_path / "f").write_text('{"partitions": []}' if tool == "kafka-delete-records" else "")
    words = [str(tmp_path / word) if word == "f" else word for word in ANY_REQUEST[tool].split()]
    words.insert(1 if tool == "kafka-cluster" else 0, f"--bootstrap-server={servers}")
    done = cli(tool, *words, check=1)
    output = done.stdout + done.stderr
    assert re.search(
        "Failed to (create new KafkaAdminClient|construct kafka producer)|bootstrap.servers"
        "|Error while validating the bootstrap address|Please provide valid host:port",
        output,
    ), output
    assert "invalid " not in output.replace("Caused by: invalid broker address", "")


@pytest.mark.parametrize("rules", ["t:0 ", "t:0 ,a", "a,t: 0", "t :0 "])
def test_blanks_belong_to_the_topic_of_a_rule_only(rules: str) -> None:
    with pytest.raises(JavaError, match="Invalid rule specification: "):
        _translate_words("kafka-get-offsets", "--topic-partitions", rules)


def test_the_offset_of_a_log_with_a_wrong_number_of_bytes(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / f"{42:020}.log"
    log.touch()
    done = cli("kafka-dump-log", "--files", log, "--max-bytes", "-5", check=1)
    assert done.stdout == f"Dumping {log}\nLog starting offset: 42\n"


def test_variables_with_values_that_mean_nothing(cli: Cli) -> None:
    wrong = cli.with_environment(KAFKACTL_COMPAT_CONTEXT="true", KAFKACTL_COMPAT_STATUS="bogus")
    assert wrong("kafka-topics", "--version").stderr == (
        "warning: KAFKACTL_COMPAT_CONTEXT=true is ignored: it is not 1 or 0\n"
        "warning: KAFKACTL_COMPAT_STATUS=bogus is ignored: it is not kafka\n"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kafka-log-dirs --describe --broker-list", 'For input string: "'),
        ("kafka-reassign-partitions --generate --topics-to-move-json-file /dev/null --broker-list", "For input string"),
        ("kafka-get-offsets --topic-partitions t:", 'For input string: "'),
        ("kafka-consumer-groups --group g --topic t --reset-offsets --by-duration P", "Text cannot be parsed"),
    ],
)
def test_numbers_that_python_does_not_read(cli: Cli, line: str, words: str) -> None:
    """Python refuses numbers of more than 4,300 digits with an error of its own."""
    tool, *flags, last = line.split()
    number = "9" * 5000
    value = {"t:": ["t:" + number], "P": [f"P{number}D"]}.get(last, [last, number])
    done = cli(tool, "--bootstrap-server", "127.0.0.1:1", *flags, *value, check=1)
    assert words in done.stdout + done.stderr


def test_a_copy_that_cannot_be_written_is_one_error(cli: Cli) -> None:
    limited = "ulimit -f 0; printf '{\"partitions\": []}' | " + shlex.join(
        cli.command("kafka-delete-records", "--bootstrap-server", "127.0.0.1:1", "--offset-json-file", "/dev/stdin")
    )
    done = subprocess.run(
        ["bash", "-c", limited], env=cli.full_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "cannot write a temporary copy" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_groups_that_cannot_be_listed_are_no_silent_failure(cli: Cli) -> None:
    with FakeCluster(brokers=1, topics={"orders": 1}, groups=["billing"]) as brokers:
        brokers.on("ListGroups", error=31)
        done = cli("kafka-consumer-groups", "--bootstrap-server", brokers.address, "--delete", "--all-groups", check=1)
    assert "Error: Executing consumer group command failed due to " in done.stdout
    assert "not authorized to access the cluster" in done.stdout


@pytest.mark.parametrize("text", ["", ",", ",,"])
def test_a_list_without_states_or_types_is_all(text: str) -> None:
    tool = load_tool("kafka-consumer-groups")
    line = ["--bootstrap-server", "h:1", "--list", "--state", text, "--type", text]
    assert tool.translate(parse_words(tool, line)).words[-2:] == ["--type=all", "--state=all"]


def test_numbers_at_the_bounds_of_java(cli: Cli) -> None:
    tool = load_tool("kafka-features")
    for level, reason in (("-32768", "negative version level"), ("32768", "as a short"), ("-32769", "as a short")):
        line = ["--bootstrap-server", "h:1", "upgrade", "--feature", f"a={level}"]
        with pytest.raises(JavaError, match=reason):
            tool.check(parse_words(tool, line))
    for name, exception in ((f"{2**63 - 1:020}", "NoSuchFileException"), (f"{2**63:020}", "NumberFormatException")):
        assert exception in cli("kafka-dump-log", "--files", f"{name}.log", check=1).stderr


@pytest.mark.parametrize("port", ["65536", "1000080", "100000", "9" * 5000])
def test_a_port_above_65535_is_refused_whatever_its_length(port: str) -> None:
    with pytest.raises(JavaError, match=r"Invalid port in bootstrap\.servers: h:"):
        refuse_wrong_addresses(f"h:{port}")
    refuse_wrong_addresses("h:65535, h:0000009092")


def test_a_signal_keeps_its_status_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    def run_command(_words: list[str]) -> int:
        people.error(UnreachableError("no broker answers"))
        return statuses.TERMINATED

    words = ["--bootstrap-server", "127.0.0.1:1", "--topic", "t"]
    assert running.run_tool("kafka-console-producer", words, run_command) == statuses.TERMINATED
    assert "ERROR no broker answers" in capfd.readouterr().err


@pytest.mark.parametrize(
    "tool",
    ["kafka-log-dirs", "kafka-reassign-partitions", "kafka-metadata-quorum", "kafka-cluster", "kafka-features",
     "kafka-delegation-tokens"],
)  # fmt: skip
def test_an_unknown_host_is_no_error_of_a_request(tool: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Kafka's tools cannot make a client then, and nothing has sent a request that could fail."""
    loaded = load_tool(tool)
    arguments = Arguments({option.name: option for option in loaded.options}, ())
    assert loaded.report(arguments, UnreachableError("Failed to resolve 'nosuch:9092'"), "listTopics") == 1
    stdout.out.flush()
    printed = "".join(capfd.readouterr())
    assert "Failed to create new KafkaAdminClient" in printed
    assert "ExecutionException" not in printed


@pytest.mark.parametrize(
    ("rules", "translated"),
    [("a:0,", "--topic-partitions=a:0"), ("a:0,,", "--topic-partitions=a:0"), (",a:0", "--topic-partitions=,a:0")],
)
def test_empty_rules_at_the_end_select_nothing(rules: str, translated: str) -> None:
    assert _translate_words("kafka-get-offsets", "--topic-partitions", rules)[-1] == translated


def test_commas_alone_select_no_partition() -> None:
    with pytest.raises(JavaError, match="Could not match any topic-partitions"):
        _translate_words("kafka-get-offsets", "--topic-partitions", ",")


def test_blanks_are_an_empty_address() -> None:
    tool = load_tool("kafka-get-offsets")
    with pytest.raises(WrongUsageError, match="Error while validating the bootstrap address"):
        tool.check(parse_words(tool, ["--bootstrap-server", " "]))


def test_a_time_with_a_sign_is_a_number() -> None:
    for text in ("-0", "+0"):
        assert "--time=0" in _translate_words("kafka-get-offsets", "--time", text)


def test_numbers_of_partitions_have_32_bits() -> None:
    words = ("kafka-get-offsets", "--topic", "t", "--partitions")
    assert _translate_words(*words, "2147483647,+1,-0,-5")[-1] == "--partitions=2147483647,1,0"
    with pytest.raises(JavaError, match="numeric partition ids, but received: 2147483648"):
        _translate_words(*words, "2147483648")


def test_topics_of_a_file_are_no_patterns(tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    file.write_text('{"version": 1, "topics": [{"topic": "order.*"}, {"topic": "a,b"}]}')
    words = ("--generate", "--topics-to-move-json-file", str(file), "--broker-list", "1")
    assert f"--topics-to-move-json-file={file}" in _translate_words("kafka-reassign-partitions", *words)


@pytest.mark.parametrize("setting", ["a", "a= ", "a = =", "=", "a==", "=a=b", "a=b=c"])
def test_a_setting_of_a_topic_that_java_does_not_split(setting: str) -> None:
    with pytest.raises(JavaError, match="Invalid topic config"):
        _translate_words("kafka-topics", "--create", "--topic", "t", "--config", setting)


@pytest.mark.parametrize("setting", ["=x", " =x"])
def test_a_setting_of_a_topic_without_a_name(setting: str) -> None:
    with pytest.raises(JavaError, match=r"Unknown topic config name: $"):
        _translate_words("kafka-topics", "--create", "--topic", "t", "--config", setting)


def test_blanks_around_settings_of_a_topic() -> None:
    words = _translate_words("kafka-topics", "--create", "--topic", "t", "--config", " a = b c =", "--config", "d=e ")
    assert words[-4:] == ["--config=a=b c", "--config=d=e", "--", "t"]


@pytest.mark.parametrize(
    "line",
    [
        "--partitions 0",
        "--replication-factor 0",
        "--replica-assignment -1:2",
        "--replica-assignment :",
        "--if-not-exists",
    ],
)
def test_the_warning_about_colliding_names_comes_before_the_error(line: str) -> None:
    name = "a_b!" if line == "--if-not-exists" else "a_b"
    with pytest.raises(JavaError) as raised:
        _translate_words("kafka-topics", "--create", "--topic", name, *line.split())
    assert raised.value.before.startswith("WARNING: Due to limitations in metric names")


@pytest.mark.parametrize("line", ["--list --partitions 3", "--list --topic t --topic u", "--list", "--alter"])
def test_the_warning_about_a_setting_to_delete_comes_before_the_error(
    line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    servers = [] if line == "--list" else ["--bootstrap-server", "b:1"]
    words = [*servers, *line.split(), "--delete-config", "x"]
    assert running.run_tool("kafka-topics", words, lambda _words: 0) == 1
    assert capfd.readouterr().err.startswith("delete-config option is no longer supported")


def test_the_remark_about_two_names_comes_before_the_error(capfd: pytest.CaptureFixture[str]) -> None:
    line = "--bootstrap-server b:1 --describe --if-exists --topic t --topic-id bad"
    assert running.run_tool("kafka-topics", line.split(), lambda _words: 0) == 1
    remark, error = capfd.readouterr().out.splitlines()
    assert remark.startswith("Only topic id will be used")
    assert error.startswith("Error while executing topic command : Input string `bad`")


@pytest.mark.slow
def test_the_warning_about_colliding_names_is_printed_once(cli: Cli) -> None:
    line = ("kafka-topics", "--create", "--topic", "a_b", "--partitions", "1", "--bootstrap-server")
    silent = cli("--timeout", "1", *line, "127.0.0.1:1", check=1).stdout
    with FakeBroker(topics={"orders": 1}) as broker:
        created = cli(*line, broker.address, check=0).stdout
        refused = cli(*line, broker.address, check=1).stdout
    for text in (silent, created, refused):
        assert [line.startswith("WARNING: Due to ") for line in text.splitlines()] == [True, False]


def test_a_wrong_number_of_partitions_comes_before_a_wrong_setting() -> None:
    for line, reason in (("--partitions x", "'x' of option partitions"), ("--replica-assignment x", 'string: "x"')):
        with pytest.raises(KafkactlError, match=reason):
            _translate_words("kafka-topics", "--create", "--topic", "a_b", *line.split(), "--config", "a")


@pytest.mark.parametrize("text", ["AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAQ==", "AAAAAAAAAAAAAAAAAAAAAR"])
def test_every_spelling_of_a_topic_id_is_one_id(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    line = ["--describe", "--topic-id", text, "--topic", "t", "--topic", "u"]
    assert "--topic-id=AAAAAAAAAAAAAAAAAAAAAQ" in _translate_words("kafka-topics", *line)
    tool = load_tool("kafka-topics")
    assert tool.report(parse_words(tool, line, False), NotFoundError("topic not found"), "listTopics") == 1
    stdout.out.flush()
    assert "TopicId 'AAAAAAAAAAAAAAAAAAAAAQ' does not exist as expected" in capfd.readouterr().out


def test_an_empty_topic_beside_an_id_is_not_looked_at() -> None:
    line = ["kafka-topics", "--describe", "--topic-id", "AAAAAAAAAAAAAAAAAAAAAQ", "--topic="]
    assert "--if-exists" not in _translate_words(*line, "")
    assert "--if-exists" in _translate_words("kafka-topics", "--describe", "--topic=", "")


@pytest.mark.parametrize("command", ["describe-producers", "find-hanging"])
def test_the_request_that_has_no_answer_is_that_to_the_broker(command: str) -> None:
    tool = load_tool("kafka-transactions")
    line = ["--bootstrap-server", "b:1", command, "--topic", "t", "--partition", "0"]
    assert tool.translate(parse_words(tool, line)).call == "describeProducers(api=METADATA)"
    line += ["--broker-id", "1"]
    assert tool.translate(parse_words(tool, line)).call == "describeProducers(api=DESCRIBE_PRODUCERS)"


def test_a_topic_of_hanging_transactions_is_no_pattern() -> None:
    words = _translate_words("kafka-transactions", "find-hanging", "--topic", "order.*", "--partition", "0")
    assert not [word for word in words if "order" in word]
    assert "--topic=orders" in _translate_words("kafka-transactions", "find-hanging", "--topic", "orders")


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("kafka-leader-election", "--election-type preferred --path-to-json-file"),
        ("kafka-delete-records", "--offset-json-file"),
        ("kafka-reassign-partitions", "--verify --reassignment-json-file"),
    ],
)
def test_a_file_with_the_name_of_standard_input(
    tool: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our commands take `-` for standard input; Kafka's tools read the file of this name."""
    monkeypatch.chdir(tmp_path)
    text = '{"partitions": [{"topic": "orders", "partition": 0, "offset": 0, "replicas": [1]}]}'
    Path("-").write_text(text)
    option = next(word for word in _translate_words(tool, *words.split(), "-") if "-file=" in word)
    path = option.partition("=")[2]
    assert path != "-"
    assert Path(path).read_text() == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "kafka-configs --alter --entity-type topics --entity-name a --entity-name b --add-config c=d",
            "An entity name must be specified for every entity type",
        ),
        (
            "kafka-configs --describe --entity-type users --entity-name a --entity-name b",
            "More entity names specified than entity types",
        ),
        (
            "kafka-configs --alter --entity-type clients --entity-name a --add-config b=1,c=2,b=3",
            "Unexpected config names: Set(b, c)",
        ),
        (
            "kafka-configs --alter --entity-type clients --entity-name a --add-config =1",
            "Unexpected config names: Set()",
        ),
        (
            "kafka-configs --alter --entity-type ips --entity-name ::1 --add-config b=1,c=2 --delete-config d,c",
            "Unexpected config names: b,c,d",
        ),
        ("kafka-acls --add --topic a --allow-principal=", "principalName but got "),
        ("kafka-acls --remove --topic a --deny-principal User:b --operation any", "operation must not be ANY"),
    ],
)
def test_words_that_java_refuses_have_its_text(line: str, reason: str) -> None:
    """The texts are those of Kafka 4.3.1."""
    tool, *words = line.split()
    with pytest.raises(JavaError) as caught:
        _translate_words(tool, *words)
    assert str(caught.value).endswith(reason)


def test_only_the_first_name_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    line = "--describe --entity-type topics --entity-name a --entity-name b"
    words = _translate_words("kafka-configs", *line.split())
    assert [word for word in words if word.startswith("--entity")] == ["--entity-type=topics", "--entity-name=a"]
    assert "only the first of 2 entity names" in capsys.readouterr().err


def _translate_words(tool: str, *words: str) -> list[str]:
    loaded = load_tool(tool)
    return list(loaded.translate(parse_words(loaded, ["--bootstrap-server", "b:1", *words])).words)
