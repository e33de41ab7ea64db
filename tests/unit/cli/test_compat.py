"""Launchers with the names of Kafka's tools, the list of their options, and their completion."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kafkactl.cli.compat import launchers
from kafkactl.cli.compat.completions import COMPLETIONS
from kafkactl.cli.kafka_style.doors import TOOLS
from kafkactl.cli.kafka_style.tools import load_tool
from kafkactl.errors import KafkactlError
from tests.conftest import REPOSITORY, Cli

LOG = REPOSITORY / "tests" / "data" / "orders-0" / f"{0:020}.log"
pytestmark = pytest.mark.slow

NAMES = [*launchers.list_script_names(), *COMPLETIONS]
BASH_FILE = "kafka-tools.completion.bash"
STRANGE = ("a  b", "it's", 'say "no"', "two\nlines", "", "$HOME `id` \\", "*", "--", "-n", "é\t")
STUB = """\
#!/bin/sh
printf '%s\\0' "$@"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "bin"
    path.mkdir()
    return path


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def run(path: Path, *arguments: str, cli: Cli, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a launcher from another folder, with the kafkactl of this repository."""
    return subprocess.run(
        [path, *arguments], cwd=cwd, env={**cli.full_environment(), "PYTHONPATH": str(REPOSITORY), **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def install_with(python: Path | str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(python))
        assert all(outcome.ok for outcome in launchers.install(str(folder), dry_run=False))


def make_stub(path: Path, text: str = STUB) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


# ---- install


def test_every_tool_has_two_launchers_and_each_shell_a_completion(cli: Cli, folder: Path) -> None:
    rows = json.loads(cli.ok("compat", "install", folder, "-o", "json"))
    assert [(row["name"], row["result"]) for row in rows] == [(name, "written") for name in NAMES]
    assert sorted(os.listdir(folder)) == sorted(NAMES)
    for name in NAMES:
        expected = 0o644 if name in COMPLETIONS else 0o755
        assert stat.S_IMODE((folder / name).stat().st_mode) == expected
        assert launchers.is_own(str(folder / name))


def test_a_launcher_does_what_kafkactl_does(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli.ok("compat", "install", folder)
    expected = cli.ok("kafka-dump-log", "--files", LOG)
    for name in ("kafka-dump-log", "kafka-dump-log.sh"):
        done = run(folder / name, "--files", str(LOG), cli=cli, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
    assert run(folder / "kafka-topics.sh", "--nosuch", cli=cli, cwd=tmp_path).returncode == 1


def test_a_folder_as_standard_input(cli: Cli, folder: Path) -> None:
    """Python does not start with it, so the launcher answers."""
    cli.ok("compat", "install", folder)
    environment = {**cli.full_environment(), "PYTHONPATH": str(REPOSITORY)}
    told = []
    for words in (["kafka-console-producer", "--topic", "t"], ["kafka-topics", "--version"]):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            done = subprocess.run(
                [folder / words[0], *words[1:]], stdin=descriptor, env=environment, capture_output=True, text=True,
                check=False, timeout=60,
            )  # fmt: skip
        finally:
            os.close(descriptor)
        told.append((done.returncode, done.stderr))
    assert told == [(1, "org.apache.kafka.common.KafkaException: java.io.IOException: Is a directory\n"), (0, "")]


def test_a_log_with_a_strange_name_is_found(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli.ok("compat", "install", folder)
    log = tmp_path / "o r'd\"e\nr" / LOG.name
    log.parent.mkdir()
    shutil.copy(LOG, log)
    done = run(folder / "kafka-dump-log.sh", "--files", str(log), cli=cli, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Dumping {log}\n")


def test_files_in_the_present_folder_are_not_imported(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli.ok("compat", "install", folder)
    (tmp_path / "typer.py").write_text("raise SystemExit('wrong module')")
    assert run(folder / "kafka-dump-log", "--version", cli=cli, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("name", ["python", 'a b/it\'s "py"', "two\nlines", "$HOME`id`", "-e"])
def test_arguments_and_the_path_of_python_stay_as_they_are(
    name: str, cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_with(make_stub(tmp_path / "venv" / name), folder, monkeypatch)
    done = run(folder / "kafka-configs.sh", *STRANGE, cli=cli, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    words = done.stdout.split("\0")[:-1]
    assert words[:2] == ["-P", "-c"]
    assert words[-len(STRANGE) - 1 :] == ["kafka-configs", *STRANGE]


def test_python_gets_the_arguments_behind_the_name(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli.ok("compat", "install", folder)
    package = tmp_path / "other" / "kafkactl" / "cli"
    package.mkdir(parents=True)
    for parent in (package, package.parent):
        (parent / "__init__.py").touch()
    (package / "app.py").write_text("import sys\ndef main(): print(ascii(sys.argv[1:]))")
    path = str(tmp_path / "other")
    done = run(folder / "kafka-topics.sh", *STRANGE, cli=cli, cwd=tmp_path, PYTHONPATH=path)
    assert done.stdout == f"{['kafka-topics', *STRANGE]!a}\n", done.stderr


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_any_shell_runs_a_launcher(shell: str, cli: Cli, folder: Path, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    cli.ok("compat", "install", folder)
    command = [shell, *(["sh"] if shell == "busybox" else []), str(folder / "kafka-topics"), "--version"]
    environment = {**cli.full_environment(), "PYTHONPATH": str(REPOSITORY)}
    assert subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout == "4.3.1\n"


def test_the_status_and_a_signal_are_those_of_python(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_with(make_stub(tmp_path / "python", "#!/bin/sh\nexit 43\n"), folder, monkeypatch)
    assert run(folder / "kafka-topics", cli=cli, cwd=tmp_path).returncode == 43
    install_with(make_stub(tmp_path / "python", "#!/bin/sh\nkill -TERM $$\n"), folder, monkeypatch)
    assert run(folder / "kafka-topics", cli=cli, cwd=tmp_path).returncode == -15


# ---- an installation that has moved


@pytest.mark.parametrize("kind", ["missing", "folder", "dangling", "plain"])
def test_a_launcher_whose_python_is_gone_says_how_to_repair_it(
    kind: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my 'bin'"
    folder.mkdir()
    python = make_stub(tmp_path / "100% \\n" / "python")
    install_with(python, folder, monkeypatch)
    if kind == "plain":
        python.chmod(0o644)
    else:
        python.unlink()
    if kind == "folder":
        python.mkdir()
    if kind == "dangling":
        python.symlink_to("nowhere")
    done = run(folder / "kafka-topics.sh", "--list", cli=cli, cwd=tmp_path)
    repair = f"kafkactl compat install {shlex.quote(str(folder))}"
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == (
        f"error: kafka-topics: the Python of kafkactl is gone: {python}\n"
        f"hint: run this of the new installation: {repair}\n"
    )


def test_a_python_without_kafkactl_says_how_to_repair_it(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli.ok("compat", "install", folder)
    package = tmp_path / "other" / "kafkactl"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    done = run(folder / "kafka-topics.sh", "--list", cli=cli, cwd=tmp_path, PYTHONPATH=str(package.parent))
    assert (done.returncode, done.stdout) == (127, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: kafka-topics: kafkactl is not in the installation of {sys.executable} any more: ")
    assert hint == f"hint: run this of the new installation: kafkactl compat install {folder}"


def test_a_second_installation_takes_the_launchers_over(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_with(make_stub(tmp_path / "old"), folder, monkeypatch)
    old = snapshot(folder)
    rows = json.loads(cli.ok("compat", "install", folder, "-o", "json"))
    assert {row["result"] for row in rows} == {"replaced"}
    assert snapshot(folder).keys() == old.keys()
    assert snapshot(folder) != old
    assert run(folder / "kafka-topics", "--version", cli=cli, cwd=tmp_path).stdout == "4.3.1\n"


def test_a_python_without_a_path_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(KafkactlError, match="path of the running Python"):
        launchers.install(str(folder), dry_run=False)
    assert snapshot(folder) == {}


# ---- files of others


def make_foreign(folder: Path) -> Sequence[str]:
    """Put things that are not ours in the places of some launchers, and return their names."""
    (folder / "kafka-topics").write_text("#!/bin/sh\necho kafka\n")
    (folder / "kafka-topics.sh").mkdir()
    elsewhere = folder.parent / "elsewhere"
    elsewhere.write_text(f"#!/bin/sh\n{launchers.MARKER}\n")
    (folder / "kafka-configs").symlink_to(elsewhere)
    (folder / "kafka-configs.sh").symlink_to("nowhere")
    os.mkfifo(folder / "kafka-dump-log")
    (folder / "kafka-dump-log.sh").touch()
    (folder / "kafka-get-offsets").write_text(f"#!/bin/sh\n\n{launchers.MARKER}\n")
    (folder / "kafka-get-offsets.sh").write_text(f"#!/bin/sh\n#{launchers.MARKER}\n")
    (folder / BASH_FILE).write_bytes(b"\xff" * 10_000)
    return [
        *("kafka-topics", "kafka-topics.sh", "kafka-configs", "kafka-configs.sh", "kafka-dump-log"),
        *("kafka-dump-log.sh", "kafka-get-offsets", "kafka-get-offsets.sh", BASH_FILE),
    ]


def identities(folder: Path, names: Sequence[str]) -> list[tuple[int, int, int]]:
    return [
        (status.st_ino, status.st_mode, status.st_mtime_ns) for status in (os.lstat(folder / name) for name in names)
    ]


def test_files_of_others_stay_and_the_rest_is_written(cli: Cli, folder: Path) -> None:
    foreign = make_foreign(folder)
    before = identities(folder, foreign)
    done = cli("compat", "install", folder, check=1)
    assert done.stderr.count("error: ") == done.stderr.count("hint: ") == len(foreign)
    assert "error: file kafka-topics: kafkactl did not write the file that is there\n" in done.stderr
    assert "hint: remove that file yourself, or choose another folder\n" in done.stderr
    written = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert sorted([*written, *foreign]) == sorted(NAMES)
    assert all(launchers.is_own(str(folder / name)) for name in written)

    done = cli("compat", "remove", folder, check=0)
    assert sorted(os.listdir(folder)) == sorted(foreign)
    assert done.stderr.count("left alone, because kafkactl did not write it") == len(foreign)
    assert identities(folder, foreign) == before
    assert (folder.parent / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_stays(cli: Cli, folder: Path) -> None:
    cli.ok("compat", "install", folder)
    (folder / "kafka-topics").chmod(0o200)
    assert "error: file kafka-topics: " in cli("compat", "install", folder, check=1).stderr
    cli.ok("compat", "remove", folder)
    assert os.listdir(folder) == ["kafka-topics"]


def test_a_file_that_cannot_be_opened_is_not_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launchers.install(str(folder), dry_run=False)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(launchers.os, "open", refuse)
    assert not launchers.is_own(str(folder / "kafka-topics"))


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_comes_at_the_last_moment_stays(
    has_links: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the look at the name and before the file is put in its place."""
    without_links(monkeypatch, has_links)
    name = "kafka-topics"
    real = launchers._put

    def put(path: str, *arguments: object) -> None:
        if path.endswith(name):
            Path(path).write_text("another program")
        real(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(launchers, "_put", put)
    failed = [outcome for outcome in launchers.install(str(folder), dry_run=False) if not outcome.ok]
    assert [outcome.name for outcome in failed] == [name]
    assert (folder / name).read_text() == "another program"
    assert sorted(os.listdir(folder)) == sorted(NAMES), "no draft is left"


def without_links(monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr(launchers.os, "link", refuse)


def test_a_file_system_without_links_has_launchers_too(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_links(monkeypatch, False)
    assert {outcome.result for outcome in launchers.install(str(folder), dry_run=False)} == {"written"}
    assert {outcome.result for outcome in launchers.install(str(folder), dry_run=False)} == {"replaced"}
    assert sorted(os.listdir(folder)) == sorted(NAMES)
    assert run(folder / "kafka-topics", "--version", cli=cli, cwd=tmp_path).stdout == "4.3.1\n"


@pytest.mark.parametrize("step", ["fchmod", "replace"])
def test_an_error_of_writing_is_that_of_its_file(step: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(launchers.os, step, refuse)
    if step == "replace":  # the last step on a file system without links
        without_links(monkeypatch, False)
    outcomes = launchers.install(str(folder), dry_run=False)
    assert {(outcome.ok, outcome.result) for outcome in outcomes} == {(False, "No space left on device")}
    assert os.listdir(folder) == []


# ---- folders


def test_wrong_folders_are_wrong_usage(cli: Cli, folder: Path) -> None:
    (folder / "file").touch()
    (folder / "link").symlink_to("nowhere")
    for verb in ("install", "remove"):
        done = cli("compat", verb, folder / "no such", check=2)
        assert done.stderr == (
            f"error: {folder}/no such: no such folder\nhint: create it: mkdir -p '{folder}/no such'\n"
        )
        for name in ("file", "link"):
            assert f"error: {folder / name}: not a folder\n" in cli("compat", verb, folder / name, check=2).stderr
        assert "error: missing argument DIR\n" in cli("compat", verb, check=2).stderr


def test_a_folder_that_cannot_be_written_is_one_error(folder: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    if os.geteuid() != 0:
        folder.chmod(0o500)
        done = cli("compat", "install", folder, check=1)
        assert done.stderr.count("error: ") == 1
        folder.chmod(0o700)
    monkeypatch.setattr(launchers.os, "access", lambda *_: False)
    for dry_run in (False, True):
        with pytest.raises(KafkactlError, match="the folder cannot be written"):
            launchers.install(str(folder), dry_run)
    assert os.listdir(folder) == []
    assert launchers.remove(str(folder), dry_run=False) == ([], [])


def test_a_link_to_a_folder_and_bytes_in_its_name_are_fine(cli: Cli, folder: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/b\xffn"
    os.symlink(os.fsencode(folder), odd)
    cli.ok("compat", "install", os.fsdecode(odd))
    assert run(folder / "kafka-topics", "--version", cli=cli, cwd=tmp_path).stdout == "4.3.1\n"


def test_a_dry_run_changes_nothing(cli: Cli, folder: Path) -> None:
    assert cli.ok("compat", "install", folder, "--dry-run").count("would be written") == len(NAMES)
    assert os.listdir(folder) == []
    cli.ok("compat", "install", folder)
    before = snapshot(folder)
    assert cli.ok("compat", "install", folder, "--dry-run").count("would be replaced") == len(NAMES)
    assert cli.ok("compat", "remove", folder, "--dry-run").count("would be removed") == len(NAMES)
    assert snapshot(folder) == before


def test_remove_takes_launchers_of_other_releases_and_nothing_else(cli: Cli, folder: Path) -> None:
    cli.ok("compat", "install", folder)
    (folder / "kafka-mirror-maker.sh").write_text(f"#!/bin/sh\n{launchers.MARKER}\n")
    (folder / "notes").write_text(f"{launchers.MARKER}\n")
    (folder / "kafka-mirror-maker").write_text("Kafka's own")
    rows = json.loads(cli.ok("compat", "remove", folder, "-o", "json"))
    assert [row["name"] for row in rows] == sorted([*NAMES, "kafka-mirror-maker.sh"])
    assert sorted(os.listdir(folder)) == ["kafka-mirror-maker", "notes"]
    done = cli("compat", "remove", folder, check=0)
    assert (done.stdout, done.stderr) == ("", f"no launchers of kafkactl in {folder}\n")


def test_the_place_of_the_folder_in_path_is_told(cli: Cli, folder: Path, tmp_path: Path) -> None:
    kafka = make_stub(tmp_path / "kafka" / "kafka-topics.sh").parent
    (kafka / "kafka-configs.sh").write_text("not executable")
    usual = os.environ["PATH"]
    at = {
        usual: f"{folder} is not in PATH\n",
        f"{folder}:{kafka}:{usual}": "",
        f"{kafka}:{folder}:{usual}": f"{kafka} comes before {folder} in PATH, and has kafka-topics.sh\n",
    }
    for path, expected in at.items():
        assert cli.with_environment(PATH=path)("compat", "install", folder, check=0).stderr == expected


def test_an_empty_entry_of_path_is_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert launchers.describe_path(".", ":/nosuch") == []
    assert launchers.describe_path(".", "") == [". is not in PATH"]
    assert launchers.describe_path(str(tmp_path), f"/nosuch:{tmp_path}/") == []


def test_a_deleted_present_folder_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert launchers.describe_path(str(tmp_path), f":bin:{tmp_path}") == []
    assert launchers.describe_path(str(tmp_path), ":bin") == [f"{tmp_path} is not in PATH"]


def test_a_path_that_no_file_can_have_is_not_ours() -> None:
    assert not launchers.is_own("kafka-topics\0")


# ---- list


def test_the_list_is_that_of_the_tables(cli: Cli) -> None:
    rows = json.loads(cli.ok("compat", "list", "-o", "json"))
    expected = []
    for name in TOOLS:
        tool = load_tool(name)
        expected += [
            (name, f"--{option.name}", option.target or None, option.state, option.note or None)
            for option in tool.options
        ]
        expected += [(name, None, None, "different", sentence) for sentence in tool.differences]
    assert [tuple(row.values()) for row in rows] == expected


def test_a_difference_or_a_refusal_has_its_reason() -> None:
    for name in TOOLS:
        for option in load_tool(name).options:
            assert option.target, f"{name} --{option.name}"
            assert option.note or option.state == "same", f"{name} --{option.name}"


def test_the_list_of_one_tool(cli: Cli) -> None:
    rows = cli.ok("compat", "list", "kafka-configs.sh", "-o", "csv").splitlines()
    assert rows[0] == "tool,option,kafkactl,state,note"
    tool = load_tool("kafka-configs")
    assert len(rows) == 1 + len(tool.options) + len(tool.differences)
    assert any(row.startswith("kafka-configs,--bootstrap-controller,--bootstrap-controller,different,") for row in rows)
    done = cli("compat", "list", "kafka-mirror-maker", check=2)
    assert "invalid value 'kafka-mirror-maker' for TOOL" in done.stderr
    assert "kafka-consumer-groups" in done.stderr


# ---- completion


def complete(cli: Cli, line: str, **environment: str) -> list[str]:
    asked = cli.with_environment(_KAFKACTL_COMPLETE="complete_bash", _KAFKACTL_LINE=line, **environment)
    return asked.ok().splitlines()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kafkactl kafka-topics --re", ["--replication-factor", "--replica-assignment"]),
        ("kafkactl kafka-topics.sh --topic", ["--topic", "--topic-id", "--topics-with-overrides"]),
        ("kafkactl kafka-topics --list --li", []),
        ("kafkactl kafka-topics --config a=b --conf", ["--config"]),
        ("kafkactl -b localhost:1 kafka-topics -topic t --vers", ["--version"]),
        ("kafkactl kafka-consumer-groups --state --verb", ["--verbose"]),
        ("kafkactl kafka-consumer-groups --state Stable --verb", ["--verbose"]),
        ("kafkactl kafka-consumer-groups --nosuch x --hel", ["--help"]),
        ("kafkactl kafka-console-producer --producer.c", ["--producer.config"]),
        ("kafkactl kafka-configs --entity-type to", ["topics"]),
        (
            "kafkactl kafka-configs --entity-type clients --add-config producer_byte_rate=1,con",
            ["producer_byte_rate=1,consumer_byte_rate=", "producer_byte_rate=1,controller_mutation_rate="],
        ),
        (
            "kafkactl kafka-configs --entity-type clients --delete-config producer_byte_rate,cons",
            ["producer_byte_rate,consumer_byte_rate"],
        ),
        ("kafkactl kafka-con", ["kafka-configs", *(name for name in TOOLS if name.startswith("kafka-cons"))]),
        ("kafkactl compat list kafka-g", ["kafka-get-offsets"]),
        ("kafkactl kafka-mirror-maker --l", []),
    ],
)
def test_completion_of_a_tool(line: str, expected: Sequence[str], cli: Cli) -> None:
    assert [proposal for proposal in complete(cli, line) if proposal] == expected


def test_every_option_of_every_tool_is_proposed(cli: Cli) -> None:
    for name in TOOLS:
        assert complete(cli, f"kafkactl {name} --") == [f"--{option.name}" for option in load_tool(name).options]


def test_completion_is_no_command(cli: Cli) -> None:
    assert "kafka-topics" not in cli.ok("--help").partition("Topics, records and groups:")[2]
    assert "kafka-topics" not in complete(cli, "kafkactl ")
    assert cli("help", "kafka-topics", check=2).stdout == ""


COMPLETE = """\
source {file}
COMP_LINE={line} COMP_POINT={point}
_kafkactl_tools_completion {command} '' ''
echo "${{#COMPREPLY[@]}} ${{COMPREPLY[*]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("command", ["kafka-topics", "kafka-topics.sh", "/opt/kafka-topics/bin/kafka-topics.sh"])
def test_bash_completes_launchers(command: str, cli: Cli, folder: Path) -> None:
    cli.ok("compat", "install", folder)
    file = shlex.quote(str(folder / BASH_FILE))
    environment = {**cli.full_environment(), "PYTHONPATH": str(REPOSITORY)}
    expected = {" --topic x --re": "2 --replication-factor --replica-assignment\n", " --command-config /etc/h": "0 \n"}
    for rest, proposals in expected.items():
        line = command + rest
        script = COMPLETE.format(file=file, line=shlex.quote(line), point=len(line), command=command)
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == proposals, done.stderr
    bound = f"source {file}; complete -p {' '.join(launchers.list_script_names())}"
    done = subprocess.run(["bash", "-c", bound], capture_output=True, text=True, check=True)
    assert done.stdout.count("_kafkactl_tools_completion") == len(launchers.list_script_names())


ZSH = """\
compdef() {{ bound=("$@[2,-1]") }}
_describe() {{ print -rl -- "${{(@P)2}}" }}
_files() {{ print files }}
source {file}
words=({words})
CURRENT=${{#words}}
_kafkactl_tools_completion
print ${{#bound}}
"""
FISH = "source {file}; complete -C {line}"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
@pytest.mark.parametrize("command", ["kafka-topics", "kafka-topics.sh", "/opt/kafka-topics/bin/kafka-topics.sh"])
def test_zsh_completes_launchers(command: str, cli: Cli, folder: Path) -> None:
    cli.ok("compat", "install", folder)
    environment = {**cli.full_environment(), "PYTHONPATH": str(REPOSITORY)}
    file = shlex.quote(str(folder / "kafka-tools.completion.zsh"))
    expected = {
        f"{command} --topic x --re": ["--replication-factor", "--replica-assignment"],
        f"{command} --command-config /etc/h": ["files"],
        f"{command} --topic ''": ["files"],
    }
    for words, proposals in expected.items():
        script = ZSH.format(file=file, words=words)
        done = subprocess.run(["zsh", "-f", "-c", script], env=environment, capture_output=True, text=True, check=True)
        *lines, bound = done.stdout.splitlines()
        assert [line.partition(":")[0] for line in lines] == proposals, done.stderr
        assert int(bound) == len(launchers.list_script_names())


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
@pytest.mark.parametrize("command", ["kafka-topics", "kafka-topics.sh"])
def test_fish_completes_launchers(command: str, cli: Cli, folder: Path) -> None:
    cli.ok("compat", "install", folder)
    (folder / "0.log").touch()
    environment = {
        **cli.full_environment(), "PYTHONPATH": str(REPOSITORY), "HOME": str(folder),
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    file = shlex.quote(str(folder / "kafka-tools.completion.fish"))
    for rest, proposals in {
        "--topic x --re": ["--replication-factor", "--replica-assignment"], "--command-config 0.l": ["0.log"],
    }.items():  # fmt: skip
        script = FISH.format(file=file, line=shlex.quote(f"{command} {rest}"))
        done = subprocess.run(
            ["fish", "--no-config", "-c", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == proposals, done.stderr


def test_the_completion_sees_the_topics_and_groups_of_the_line(cli: Cli, tmp_path: Path) -> None:
    from tests.fake_broker import FakeBroker, Group

    with FakeBroker(topics={"orders": 1, "clicks": 1}, groups=[Group("billing")]) as broker:
        home = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        server = f"--bootstrap-server {broker.address}"
        assert complete(cli, f"kafkactl kafka-topics {server} --topic or", **home) == ["orders"]
        assert complete(cli, f"kafkactl kafka-topics --bootstrap-server={broker.address} --topic ", **home) == [
            "clicks", "orders",
        ]  # fmt: skip
        assert complete(cli, f"kafkactl kafka-consumer-groups {server} --describe --group ", **home) == ["billing"]
        assert complete(cli, f"kafkactl kafka-configs {server} --entity-type groups --entity-name ", **home) == [
            "billing"
        ]
        assert complete(cli, f"kafkactl -b {broker.address} kafka-console-consumer --topic cl", **home) == ["clicks"]
