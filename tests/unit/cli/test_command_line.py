"""The command line itself: help, loading, errors and statuses, without any cluster."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from kafkactl import __version__
from kafkactl.cli.app import ALIASES, COMMANDS, run
from kafkactl.cli.completion import shells
from kafkactl.cli.frame import compiled_parts, running
from kafkactl.cli.frame.command import build
from kafkactl.cli.frame.help import first_sentence
from kafkactl.cli.frame.results import raise_errors
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from kafkactl.errors import KafkactlError, NotFoundError, UnansweredError, UnreachableError, UsageError
from kafkactl.storage.records import Record
from tests.conftest import REPOSITORY, Cli
from tests.fake_broker import FakeBroker, FakeCluster
from tests.forking import Line, run_all
from tests.json_contract import value_type_of, walk_commands
from tests.unit.storage.encoding import encode_batch

SUBCOMMANDS = [
    (name, subcommand)
    for name, entry in COMMANDS.items()
    for subcommand in getattr(
        build(importlib.import_module(f"kafkactl.cli.{entry.module}").app), "commands", {"": None}
    )
]


@pytest.mark.parametrize(("name", "subcommand"), SUBCOMMANDS)
def test_every_command_has_help(
    name: str, subcommand: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert run([name, *([subcommand] if subcommand else []), "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: kafkactl {name}")
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_commands_own(name: str) -> None:
    module = importlib.import_module(f"kafkactl.cli.{COMMANDS[name].module}")
    assert first_sentence(module.app.info.help) == COMMANDS[name].summary


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([alias, "--help"]) == 0
    by_alias = capsys.readouterr().out
    assert run([name, "--help"]) == 0
    assert by_alias.replace(f"kafkactl {alias}", f"kafkactl {name}", 1) == capsys.readouterr().out


def test_the_root_help_names_every_command_and_alias(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for name in (*COMMANDS, *ALIASES):
        assert name in text


def test_version(cli: Cli) -> None:
    parts = "record reader, record lines, line receiver, line sender"
    assert cli.ok("--version") == f"kafkactl {__version__} ({compiled_parts.describe()})\n"
    assert cli.ok("version") == cli.ok("--version")
    pure = Cli(cli.home, {"KAFKACTL_READER": "pure", "KAFKACTL_STREAMS": "pure"})
    assert pure.ok("--version") == f"kafkactl {__version__} (in Python: {parts})\n"


def test_every_compiled_part_is_listed() -> None:
    sources = {path.stem for path in (REPOSITORY / "kafkactl").rglob("*.pyx")}
    assert {module.rpartition(".")[2] for module in compiled_parts.MODULES} == sources


def test_every_part_is_compiled_where_there_is_a_compiler(cli: Cli) -> None:
    """A .pyx file that does not compile is left out in silence by the installation: here it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KAFKACTL_")}
    code = "from kafkactl.cli.frame import compiled_parts; print(compiled_parts.describe())"
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert "in Python" not in done.stdout or shutil.which("cc") is None


@pytest.mark.slow
@pytest.mark.parametrize("missing", compiled_parts.MODULES)
def test_each_compiled_part_may_be_missing_alone(cli: Cli, tmp_path: Path, missing: str) -> None:
    """Each is optional: where a module was not built, or for another Python, its work is done in Python."""
    path = tmp_path / f"{0:020}.log"
    path.write_bytes(encode_batch([Record(number, 5, -1, b"k", b"value", ()) for number in range(3)]))
    dump = ["dump-log", "--print-data-log", str(path)]
    module = missing if "." in missing else f"kafkactl.streams.librdkafka.{missing}"
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from kafkactl.cli.app import run_line\n"
        "from kafkactl.cli.frame import compiled_parts\n"
        f"assert run_line({dump!r}) == 0\n"
        "print(sum(compiled_parts.find_parts().values()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    left = len(compiled_parts.MODULES) - (2 if missing.endswith("._records") else 1)
    assert done.stdout == f"{cli.ok(*dump)}{left}\n"


def loaded(*arguments: str, **environment: str) -> set[str]:
    """The modules that a command line imports."""
    code = (
        "import sys; from kafkactl.cli.app import run\n"
        f"try: run({list(arguments)!r})\n"
        "except SystemExit: pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PATH": "", **environment}
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"confluent_kafka", "kafka", "rich", "yaml", "tabulate", "pydantic", "cramjam", "asyncio", "importlib.metadata"}


@pytest.mark.parametrize("arguments", [["--help"], ["help"], ["topics", "--help"], ["topics", "create", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(*arguments) & HEAVY == set()


def test_completion_of_names_we_know_imports_nothing_heavy() -> None:
    modules = loaded(_KAFKACTL_COMPLETE="complete_zsh", _KAFKACTL_LINE="kafkactl topics de")
    assert modules & HEAVY == set()


def test_reading_files_imports_no_client() -> None:
    assert loaded("dump-log", "none.log") & {"confluent_kafka", "rich", "yaml", "pydantic", "asyncio"} == set()


@pytest.mark.slow
def test_every_empty_value_is_refused(cli: Cli) -> None:
    """By every option and argument that is a text or a path, but those for which nothing is something."""
    allowed = {"--key", "--key-separator", "--delimiter", "--null-marker"}
    lines, visited = [], set()
    for name, command in walk_commands().items():
        arguments = [each for each in command.params if each.param_type_name == "argument" and each.required]
        words = ["1" if value_type_of(each) is int else "x" for each in arguments]
        for parameter in command.params:
            if value_type_of(parameter) not in (str, Path) or parameter.opts[0] in allowed:
                continue
            if parameter.opts[0] in visited and parameter.param_type_name == "option":
                continue  # what commands share, they share the code of
            given = [*(words[1:] if parameter in arguments else words), ""]
            if parameter.param_type_name == "option":
                given = [*words, parameter.opts[0], ""]
            lines.append(Line(arguments=[*name.split(), *given]))
            visited.add(parameter.opts[0])
    assert len(visited) > 80
    for line, done in zip(lines, run_all(cli.full_environment(), lines), strict=True):
        assert done.status == 2, (line, done)
        assert "the value is empty" in done.stderr, (line, done)
        assert "kafkactl" in done.stderr or "leave the option" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["nosuch"], "command not found: nosuch", "list the commands: kafkactl --help"),
        (["topcis", "list"], "command not found: topcis", "try: kafkactl topics"),
        (["topics", "lst"], "command not found: lst", "try: kafkactl topics list"),
        (["topics", "create", "-p", "0", "t"], "0 is less than 1", "see: kafkactl topics create --help"),
        (["topics", "create", "-p", "many", "t"], "'many' is not a whole number", "create --help"),
        (["topics", "create", "-p", "1_0", "t"], "'1_0' is not a whole number", "create --help"),
        (["topics", "create", "-p", " 1", "t"], "' 1' is not a whole number", "create --help"),
        (["topics", "create", f"--partitions=-{9**20}", "t"], "a number of 20 digits is too large", "create --help"),
        (["produce", "t", "--rate", "1_0"], "'1_0' is not a number", "produce --help"),
        (["topics", "list", "-o", "xml"], "invalid value 'xml' for --output", "one of table, plain, json, jsonl"),
        (["context", "list", "--columns", "nosuch"], "invalid value 'nosuch' for --columns", "CURRENT, CONTEXT"),
        (["context", "list", "--sort", "context:up"], "'up' is not an order", "COLUMN:desc"),
        (["-o", "kafka", "context", "list"], "invalid value 'kafka' for --output", "one of table"),
        (["topics", "list", "--nosuch"], "option not found: --nosuch", "list --help"),
        (["context", "use"], "missing argument NAME", "context use --help"),
        (["groups", "clone", "a", ""], "invalid value '' for NEW: the value is empty", ""),
        (["topics", "list", "--columns"], "missing value of --columns", "--help"),
        (["topics", "create", "t", "-p", "x"], "invalid value for --partitions: 'x' is not a whole number", "--help"),
        (["context", "show", "a", "b"], "unexpected argument: b", "--help"),
        (
            ["topics", "describe", "a", "-X", "linger"],
            "invalid value 'linger' for -X: not name=value",
            "-X client.id=me",
        ),
        (["topics", "create"], "missing argument TOPIC", "--topic"),
        (["topics", "create", "a/b"], "'a/b' for TOPIC: this is not a legal topic name", "a-z, A-Z, 0-9"),
        (["topics", "create", ".."], "'..' for TOPIC: this is not a legal topic name", "not '.' or '..'"),
        (["topics", "create", "t", "--replica-assignment", "1:x"], "not broker ids", "1:2,2:3"),
        (["topics", "create", "t", "--replica-assignment", "1:1"], "names a broker twice", ""),
        (["topics", "create", "t", "--replica-assignment", "1:2,1"], "differ in their number", ""),
        (
            ["topics", "create", "t", "-p", "1", "--replica-assignment", "1"],
            "--replica-assignment and --partitions are mutually exclusive",
            "leave one of them out",
        ),
        (["topics", "alter", "t"], "missing option: --partitions or --replication-factor", "configs alter topics NAME"),
        (["groups", "delete"], "missing argument GROUP", "--group"),
        (["groups", "delete", ""], "invalid value '' for GROUP", "leave the option"),
        (["groups", "explain"], "missing argument GROUP", "--group"),
        (["topics", "delete", "("], "invalid value '(' for TOPIC", "regular expression"),
        (["topics", "delete", "--match", ""], "invalid value '' for --match", "leave the option"),
        (["topics", "list", "*"], "nothing to repeat", "'.*'"),
        (["offsets", "t", "--time", "-7"], "a negative number is not a time", "yesterday"),
        (["offsets", "t", "--zone", "Nowhere/X", "--time", "now"], "for --zone", ""),
        (["consume", "t", "--between", "now"], "for --between", ".."),
        (["records", "delete", "t", "--before-time", "2026-13-01"], "for --before-time", "yesterday"),
        (["groups", "describe", "g", "--watch", "0s"], "for --watch", ""),
        (
            ["groups", "describe", "g", "--lag", "--state"],
            "--lag, --offsets, --members and --state are mutually exclusive",
            "one of them",
        ),
        (["groups", "describe", "g", "--all-groups"], "--all-groups", "one of them"),
        (["configs", "alter", "topics", "--set", "a=1"], "missing argument NAME", "topics NAME"),
        (["configs", "describe", "things", "x"], "invalid value 'things' for TYPE", "topics, brokers"),
        (["configs", "alter", "topics", "t"], "nothing to alter", "--set"),
        (["configs", "alter", "topics", "t", "--set", "a=1", "--unset", "a"], "setting given twice: a", ""),
        (["topics", "create", "t", "--config", "a=1", "--config", "a=2"], "setting given twice: a", ""),
        (["configs", "describe", "topics", "t", "--broker", "1"], "the entity is given in two ways", ""),
        (["produce"], "missing argument TOPIC", "--topic"),
        (["produce", "t", "--compression-codec", "rar"], "invalid value 'rar' for --compression-codec", "zstd"),
        (["produce", "t", "--acks", "2"], "invalid value '2' for --acks", "all, -1, 0, 1"),
        (
            ["produce", "t", "--property", "parse.kye=true"],
            "--property parse.kye: unknown property of the reader",
            "parse.key",
        ),
        (["produce", "t", "--key-format", "xml"], "unknown format 'xml'", "base64"),
        (["produce", "t", "--from-file", "/no/such"], "cannot read /no/such", ""),
        (["consume", "t", "--offset", "5"], "--offset needs --partition", "--from-beginning"),
        (["consume", "t", "--partition", "0", "--offset", "x"], "invalid value 'x' for --offset", "earliest"),
        (["consume", "t", "--partition", "0", "--group", "g"], "--partition and a group are mutually exclusive", ""),
        (
            ["consume", "t", "--isolation-level", "serial"],
            "invalid value 'serial' for --isolation-level",
            "read_committed",
        ),
        (["consume", "t", "-o", "csv", "--property", "print.key=true"], "--property is only for records as lines", ""),
        (["dump-log"], "missing argument FILE", "--files"),
        (["local", "up", "swarm"], "unknown local cluster 'swarm'", "kraft-cluster"),
        (["local", "up", "--engine", "podman"], "invalid value 'podman' for --engine", "native"),
        (["local", "up", "--version", "latest"], "invalid value 'latest' for --version: not a Kafka version", "4.3.1"),
        (["local", "down", "--keep-data", "--wipe"], "--keep-data and --wipe are mutually exclusive", ""),
        (["context", "set", "x"], "context x has no brokers", "--bootstrap-server"),
        (["context", "show"], "no context is selected", "context use"),
        (["--timeout", "-1", "topics", "list"], "invalid value '-1' for --timeout", "90s"),
        (["--timeout", "2h", "topics", "list"], "longer than an hour", "1h"),
        (["-b", "nonsense:port", "topics", "list"], "invalid broker address: 'nonsense:port'", "host:port"),
        (["--command-config", "/no/such", "topics", "list"], "cannot read /no/such", ".properties"),
    ],
)
def test_wrong_usage_is_one_line_a_hint_and_status_2(cli: Cli, arguments: list[str], message: str, hint: str) -> None:
    done = cli(*arguments, check=2)
    assert done.stdout == ""
    error, *hints = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert len(hints) <= 1
    assert hint in "".join(hints)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["context", "use", "nosuch"], "context not found: 'nosuch'"),
        (["--context", "nosuch", "topics", "list"], "context not found: 'nosuch'"),
        (["local", "down", "kraft"], "local cluster not found: 'kraft'"),
        (["local", "logs"], "no local cluster found"),
    ],
)
def test_what_is_not_there_has_status_1(cli: Cli, arguments: list[str], message: str) -> None:
    assert message in cli(*arguments, check=1).stderr


@pytest.mark.parametrize(
    "arguments", [["--debug", "topics", "plan", "/no/such"], ["topics", "plan", "/no/such", "--debug"]]
)
def test_debug_stands_before_and_after_a_command(cli: Cli, arguments: list[str]) -> None:
    done = subprocess.run(cli.command(*arguments), env=cli.full_environment(), capture_output=True, check=False)
    assert b"Traceback" in done.stderr
    assert b"--debug" not in cli("dump-log", "--help", check=0).stdout.encode()


@pytest.mark.parametrize(
    "arguments",
    [
        ["dump-log", "/no/such"],
        ["log", "check", "/no/such"],
        ["log", "stats", "/no/such"],
        ["topics", "plan", "/no/such"],
        ["topics", "apply", "/no/such", "--yes"],
        ["topics", "create", "--file", "/no/such"],
        ["groups", "diff", "/no/such", "/no/such"],
        ["groups", "import", "/no/such", "-b", "127.0.0.1:1"],
        ["groups", "reset-offsets", "g", "--from-file", "/no/such", "-b", "127.0.0.1:1"],
        ["records", "delete", "--offset-json-file", "/no/such"],
        ["produce", "t", "--from-file", "/no/such", "-b", "127.0.0.1:1"],
        ["produce", "t", "--value-format", "avro", "--value-schema", "/no/such", "-b", "127.0.0.1:1"],
        ["produce", "t", "--reader-config", "/no/such", "-b", "127.0.0.1:1"],
        ["consume", "t", "--formatter-config", "/no/such", "-b", "127.0.0.1:1"],
        ["topics", "list", "--command-config", "/no/such"],
        ["configs", "alter", "topics", "t", "--add-config-file", "/no/such", "-b", "127.0.0.1:1"],
        ["users", "set", "u", "--password-file", "/no/such", "-b", "127.0.0.1:1"],
    ],
)
def test_a_missing_input_file_has_status_2(cli: Cli, arguments: list[str]) -> None:
    told = cli("--timeout", 2, *arguments, check=2).stderr
    assert "/no/such" in told
    assert "No such file" in told or "no such f" in told


@pytest.mark.parametrize(
    "line",
    [
        "groups reset-offsets g --topic orders:x --to-earliest",
        "groups clone g h --topic orders:x",
        "groups delete-offsets g --topic orders:x --yes",
    ],
)
def test_wrong_partitions_are_told_before_anybody_is_asked(cli: Cli, line: str) -> None:
    assert "not partition numbers" in cli("-b", "127.0.0.1:1", "--timeout", 2, *line.split(), check=2).stderr


def test_help_is_shown_where_a_command_is_missing(cli: Cli) -> None:
    assert cli("topics", check=2).stderr.startswith("Usage: kafkactl topics")


def test_a_bug_is_told_as_one_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("kafkactl.connection.contexts.load", broken)
    assert run(["context", "list"]) == 1
    assert "error: unexpected error: RuntimeError: oops\nhint: this is a bug" in capsys.readouterr().err
    with pytest.raises(RuntimeError):
        run(["--debug", "context", "list"])


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), UnansweredError("no answer"), UsageError("x")]
)
def test_debug_shows_the_place_of_every_error(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def the_place() -> None:
        cluster = Cluster(Settings("localhost:9092", "a test", {}))
        cluster.has_sent_change = True
        running.changing.set(cluster)
        raise failure

    monkeypatch.setattr("kafkactl.connection.contexts.load", the_place)
    assert run(["--debug", "context", "list"]) != 0
    told = capsys.readouterr().err
    assert ", in the_place\n" in told
    assert "error: " in told


def test_a_reader_that_leaves_is_no_error(cli: Cli) -> None:
    command = " ".join(cli.command("--help"))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true"],
        capture_output=True,
        check=False,
        env=cli.full_environment(),
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("shell", shells.FILES)
def test_the_completion_files_are_what_the_code_writes(shell: str) -> None:
    assert (REPOSITORY / "completions" / shells.FILES[shell]).read_text() == shells.make_script(shell)


def test_the_life_of_a_context(cli: Cli) -> None:
    file = cli.home / "client.properties"
    file.write_text("sasl.password=s3cret\n")
    assert "s3cret" not in cli("context", "set", "dev", "-b", "a:1", "-X", "sasl.password=s3cret", check=2).stderr
    cli.ok("context", "set", "dev", "-b", "a:1", "--command-config", file, "-X", "client.id=me")
    cli.ok("context", "set", "prod", "-b", "b:1,c:2")
    cli.ok("context", "use", "dev")
    assert json.loads(cli.ok("context", "list", "-o", "json")) == [
        {"current": True, "context": "dev", "bootstrap_servers": "a:1"},
        {"current": False, "context": "prod", "bootstrap_servers": "b:1,c:2"},
    ]
    cli.ok("context", "set", "dev", "-X", "client.id=")
    shown = cli.ok("context", "show", "-o", "yaml")
    assert "s3cret" not in shown
    assert "client.id" not in shown
    assert "a:1" in shown
    cli.ok("context", "delete", "dev")
    assert cli("context", "show", check=2).stderr.startswith("error: no context is selected")


def test_a_context_takes_a_java_file_over(cli: Cli) -> None:
    file = cli.home / "client.properties"
    file.write_text("bootstrap.servers=x:1\nsecurity.protocol=SSL\nssl.truststore.location=/ca.jks\n")
    assert "keytool" in cli("context", "set", "jks", "--command-config", file, check=2).stderr
    file.write_text("bootstrap.servers=x:1\nsecurity.protocol=SSL\n")
    cli.ok("context", "set", "ssl", "--command-config", file)
    assert "security.protocol" in cli.ok("context", "show", "ssl")


def test_parameters_are_all_of_the_light_kind() -> None:
    def parameters(command: object) -> list[object]:
        own = list(getattr(command, "params", ()))
        verbs = [command.get_command(None, name) for name in getattr(command, "commands", ())]  # type: ignore[attr-defined]
        return own + [parameter for verb in verbs for parameter in parameters(verb)]

    for entry in COMMANDS.values():
        app: typer.Typer = importlib.import_module(f"kafkactl.cli.{entry.module}").app
        for parameter in parameters(build(app)):
            assert getattr(parameter, "is_flag", False) or value_type_of(parameter) is not None, parameter


@pytest.mark.parametrize(
    ("api", "arguments"),
    [
        ("AlterClientQuotas", ["quotas", "set", "--user", "ann", "producer_byte_rate=5"]),
        ("IncrementalAlterConfigs", ["configs", "alter", "topics", "orders", "--set", "retention.ms=5"]),
    ],
)
def test_a_change_that_brokers_do_not_finish_in_time_may_have_been_done(
    cli: Cli, api: str, arguments: list[str]
) -> None:
    with FakeCluster(brokers=1, topics={"orders": 1}) as brokers:
        brokers.on(api, error=7)
        done = cli("-b", brokers.address, *arguments, check=3)
        assert "may have been done" in done.stderr
        assert f"check the result before you repeat the command: kafkactl {arguments[0]} " in done.stderr
        previewed = cli("-b", brokers.address, *arguments, "--dry-run", check=1)
        assert "may have been done" not in previewed.stderr


@pytest.mark.parametrize(
    ("arguments", "is_json"),
    [
        (["topics", "delete", "-yo", "json"], True),
        (["topics", "delete", "-yojson"], True),
        (["topics", "delete", "-o", "json", "-yo", "table"], False),
        (["topics", "delete", "-y"], False),
    ],
)
def test_the_format_of_errors_behind_another_flag(cli: Cli, arguments: list[str], is_json: bool) -> None:
    (line, *_) = cli(*arguments, check=2).stderr.splitlines()
    assert line.startswith('{"error":' if is_json else "error: ")


@pytest.mark.parametrize("spelling", [["-o", "json"], ["--output=jsonl"], ["-ojson"]])
def test_with_json_an_error_is_one_object(cli: Cli, spelling: list[str]) -> None:
    for arguments in (["topics", "create", *spelling], ["context", "show", *spelling, "nosuch"]):
        done = cli(*arguments)
        (line,) = done.stderr.splitlines()
        error = json.loads(line)
        assert (error["status"], done.stdout) == (done.returncode, "")
        assert error["error"]
        assert error["hint"]


def test_the_variable_of_the_format_is_a_default(cli: Cli) -> None:
    """It takes every format that -o takes; a command that does not have it does what it does without the variable."""
    cli.ok("context", "set", "one", "--bootstrap-server", "a:1")
    plain = cli.ok("context", "list")
    assert cli.with_environment(KAFKACTL_OUTPUT="kafka").ok("context", "list") == plain
    assert json.loads(cli.with_environment(KAFKACTL_OUTPUT="jsonl").ok("context", "list"))["context"] == "one"
    assert "KAFKACTL_OUTPUT" in cli.with_environment(KAFKACTL_OUTPUT="xml")("context", "list", check=2).stderr


def test_rows_and_columns_are_chosen(cli: Cli) -> None:
    for name in ("b", "a"):
        cli.ok("context", "set", name, "--bootstrap-server", f"{name}:1")
    chosen = ["context", "list", "--columns", "bootstrap-servers,context"]
    assert cli.ok(*chosen) == "BOOTSTRAP-SERVERS  CONTEXT\na:1                a\nb:1                b\n"
    assert cli.ok(*chosen, "--no-headers", "--sort", "context:desc") == "b:1  b\na:1  a\n"
    assert cli.ok(*chosen, "--no-headers", "-o", "csv") == "a:1,a\nb:1,b\n"
    assert cli.ok(*chosen, "-o", "jsonl").splitlines()[0] == '{"bootstrap_servers":"a:1","context":"a"}'


def test_a_full_disk_is_told_beside_another_error(cli: Cli) -> None:
    """What stdout lost must not be hidden by an item that failed."""
    with FakeBroker(topics={"orders": 2}) as broker, open("/dev/full", "wb") as full:
        line = ("-b", broker.address, "topics", "describe", "orders", "nosuch")
        process = cli.start(*line, stdout=full.fileno(), stderr=subprocess.PIPE)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "nosuch" in told
    assert "No space left on device" in told


@pytest.mark.slow
def test_a_traceback_that_cannot_be_written_changes_no_exit_status(cli: Cli) -> None:
    with open("/dev/full", "wb") as full:
        line = ("--debug", "topics", "list", "-b", "localhost:1", "--timeout", "1")
        process = cli.start(*line, stdout=subprocess.PIPE, stderr=full.fileno())
        process.communicate(timeout=30)
    assert process.returncode == 3


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        ([NotFoundError("a"), UnreachableError("b")], "a"),
        ([UnreachableError("a"), NotFoundError("b"), UnreachableError("c")], "b"),
        ([UnreachableError("a"), UnreachableError("b")], "b"),
        ([UsageError("a"), UnreachableError("b")], "b"),
        ([NotFoundError("a")], "a"),
    ],
)
def test_the_raised_one_of_several_errors_has_the_status_of_all(
    errors: list[KafkactlError], raised: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KafkactlError, match=f"^{raised}$"):
        raise_errors(errors)
    assert capsys.readouterr().err.count("error: ") == len(errors) - 1


@pytest.mark.parametrize(
    ("failure", "is_told"),
    [
        (UnansweredError("no answer"), "the change may have been done: no answer"),
        (UnreachableError("no broker"), "no broker; changes before it may have been done"),
        (NotFoundError("gone"), "gone"),
    ],
)
@pytest.mark.parametrize("is_sent", [True, False])
def test_an_error_behind_a_change_tells_that_it_may_have_been_done(
    failure: KafkactlError,
    is_told: str,
    is_sent: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        cluster = Cluster(Settings("localhost:9092", "a test", {}))
        running.changing.set(cluster)
        with suppress(UnreachableError), cluster.sending_change():
            if not is_sent:
                raise UnreachableError("no connection")
        raise failure

    monkeypatch.setattr("kafkactl.connection.contexts.load", fail)
    assert run(["context", "list"]) == failure.status
    told = capsys.readouterr().err
    assert told.startswith(f"error: {is_told if is_sent else failure}\n")
    assert ("check the result" in told) == (is_sent and isinstance(failure, UnreachableError))
