"""The examples of every --help, run as they stand there on a broker of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import options
from tests.acl_broker import AclBroker, make_login
from tests.alone import alone
from tests.clusters import free_base
from tests.conftest import REPOSITORY, Cli
from tests.json_contract import walk_commands

ORDER = (
    "local up", "local status", "topics create", "console-producer", "console-consumer", "topics list",
    "topics describe", "topics plan", "topics apply", "topics export", "topics alter", "groups list", "groups export",
    "groups import", "groups diff", "groups describe", "groups explain", "groups reset-offsets", "groups clone",
    "groups exporter", "groups validate-regex", "groups remove-members", "groups delete-offsets", "groups delete",
    "configs describe", "configs alter", "configs diff", "quotas set", "quotas list", "quotas unset", "users set",
    "users list", "users delete", "brokers list", "brokers describe", "brokers api-versions", "brokers wait",
    "brokers balance", "brokers drain", "brokers unregister", "cluster id", "cluster endpoints",
    "quorum status", "quorum replication", "quorum add-controller", "quorum remove-controller",
    "leaders list", "leaders elect", "log-dirs list", "log-dirs replicas", "log-dirs move",
    "reassign generate", "reassign execute", "reassign verify", "reassign list", "reassign cancel",
    "throttles list", "throttles clear",
    "transactions list", "transactions describe", "transactions producers", "transactions find-hanging",
    "transactions abort", "transactions force-terminate",
    "features describe", "features upgrade", "features downgrade", "features disable", "features version-mapping",
    "features dependencies", "client-metrics alter", "client-metrics list", "client-metrics describe",
    "client-metrics delete", "offsets",
    "records delete", "topics delete", "dump-log", "log check", "log stats",
    "local pause", "local resume", "local kill", "local restart", "local logs", "local down",
    "compat install", "compat list", "compat remove",
)  # fmt: skip
"""What a command needs is made by one before it; contexts stand apart."""
ELSEWHERE = ("context", "acls", "tokens")
"""Nouns whose examples have tests of their own, on other brokers."""
ORDER_OF_TOKENS = ("create", "describe", "renew", "expire")
ORDER_OF_ACLS = ("add", "list", "check", "who", "export", "plan", "apply", "remove")
CONDITIONS = (
    "acls check",
    "acls plan",
    "groups describe",
    "groups explain",
    "groups diff",
    "configs diff",
    "topics plan",
    "log check",
    "reassign verify",
)
"""Commands whose status 4 is an answer."""
ENDLESS = ("exporter", "--follow")
TOPICS = """\
topics:
  declared:
    partitions: 2
"""


@dataclass(frozen=True)
class Shell:
    """A shell in a folder with the files that examples name, whose kafkactl works on a cluster of its own."""

    cli: Cli
    folder: Path
    port: int

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a command line; one that would not end is interrupted."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if any(word in line for word in ENDLESS):
            line = f"timeout --signal=INT 3 {line}"
        return subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line}"],
            cwd=self.folder, env={**self.cli.full_environment(), "PATH": path}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def fault(self, path: str, line: str) -> str | None:
        """Run an example; return what is wrong with its result, None if it succeeds and says something."""
        done = self.run(self.adapted(path, line))
        expected = {0, 4} if path in CONDITIONS else {0}
        if any(word in line for word in ENDLESS):
            expected = {124, 130}
        if "transactions abort" in line:  # no transaction hangs here; test_transactions.py makes one
            expected = {1}
        reason = ""
        if path == "quorum add-controller":  # the quorum here is static; test_dynamic_quorum.py changes one
            expected, reason = {1}, "the quorum is static"
        is_silent = not (done.stdout or done.stderr or ">" in line)
        is_odd = "Traceback" in done.stderr or "bug in kafkactl" in done.stderr or reason not in done.stderr
        if done.returncode in expected and not is_silent and not is_odd:
            return None
        return f"{line}: status {done.returncode}\n{done.stdout}\n{done.stderr}"

    def adapted(self, path: str, line: str) -> str:
        """Return an example with free ports, and a folder of the test for launchers; nothing else may differ."""
        line = line.replace("localhost:9092", f"localhost:{self.port}").replace("--port 9400", "--port 0")
        line = line.replace("~/bin", "bin")
        if "/disk2/kafka" in line:
            dirs = json.loads(self.cli.ok("log-dirs", "list", "--brokers", 1, "-o", "json"))
            line = line.replace("/disk2/kafka", dirs[0]["log_dir"])
        line = line.replace("--port 19092", f"--port {self.port} --engine native")
        return f"{line} --port 0" if path == "groups exporter" and "--port" not in line else line


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(REPOSITORY / "tests" / "data" / "orders-0", folder / "orders-0")
    shutil.copy(folder / "orders-0" / "00000000000000000000.log", folder)
    for name in ("bin", "metadata"):
        (folder / name).mkdir()
    texts = {
        "topics.yaml": TOPICS,
        "orders.jsonl": '{"key": "ann", "value": "1"}\n',
        "password.txt": "a long password\n",
        "client.properties": "bootstrap.servers=localhost:9092\nclient.id=examples\n",
        "controller.properties": "process.roles=controller\nnode.id=4\nlog.dirs=metadata\n"
        "controller.listener.names=CONTROLLER\nlisteners=CONTROLLER://host4:9093\n",
        "metadata/meta.properties": "version=1\nnode.id=4\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    shell = Shell(Cli(tmp_path_factory.mktemp("home")), folder, free_base(11692))
    try:
        yield shell
    finally:
        shell.cli("local", "down", "--all", "--wipe")


def after(shell: Shell, path: str) -> None:
    """Prepare what examples of later commands name and none of them makes."""
    lines = {
        "topics create": "kafkactl topics create test-1 views-2",
        "console-producer": "seq 1 100 | kafkactl produce orders --partition 0",
        "console-consumer": "kafkactl consume orders --group old-billing --from-beginning --max-messages 10",
        "reassign generate": """echo '{"partitions": [{"topic": "orders", "partition": 0, "replicas": [2]}]}' """
        "> plan.json; cat plan.json",
        "throttles clear": "for id in billing-1 billing-2; do seq 3 | kafkactl produce orders --transactional-id $id; "
        "done",
        "groups export": "cp billing.yaml before.yaml; cp groups.yaml after.yaml; echo copied",
    }
    if path in lines:
        assert shell.run(lines[path]).returncode == 0, path


def test_every_example_on_a_broker(shell: Shell) -> None:
    examples = options.walk_examples()
    with alone():
        cluster = next(line for line in examples["local up"] if "kraft-cluster" in line)
        assert shell.fault("local up", cluster) is None
    assert set(ORDER) == {path for path in walk_commands() if not path.startswith(ELSEWHERE)}
    faults = []
    for path in ORDER:
        faults += [shell.fault(path, line) for line in examples[path] if path != "local up"]
        after(shell, path)
    faults = [fault for fault in faults if fault]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("line", [line for line in options.walk_examples()["local up"] if "kraft-cluster" not in line])
def test_examples_of_a_single_node(line: str, tmp_path: Path) -> None:
    port = free_base(11792)
    alone_in = Shell(Cli(tmp_path), tmp_path, port)
    try:
        with alone():
            assert alone_in.fault("local up", f"{line} --engine native --port {port}") is None
    finally:
        alone_in.cli("local", "down", "--all", "--wipe")


def test_examples_of_acls(acls: AclBroker, tmp_path: Path) -> None:
    """They need a broker with an authorizer."""
    shell = Shell(acls.cluster.cli, tmp_path, 9092)
    examples = options.walk_examples()
    assert {f"acls {verb}" for verb in ORDER_OF_ACLS} == {path for path in walk_commands() if path.startswith("acls")}
    for path in (f"acls {verb}" for verb in ORDER_OF_ACLS):
        for line in examples[path]:
            assert shell.fault(path, line) is None, line
    acls.cluster.cli.ok("acls", "remove", "topic:orders", "--yes")


def test_examples_of_tokens(acls: AclBroker, tmp_path: Path) -> None:
    """They need a login."""
    (tmp_path / "login.properties").write_text(make_login("carol"))
    (tmp_path / "login.properties").chmod(0o600)
    cli = Cli(tmp_path)
    cli.ok("context", "set", "secured", "-b", acls.cluster.logins, "--command-config", tmp_path / "login.properties")
    cli.ok("context", "use", "secured")
    shell = Shell(cli, tmp_path, 9092)
    examples = options.walk_examples()
    assert {f"tokens {verb}" for verb in ORDER_OF_TOKENS} == {
        path for path in walk_commands() if path.startswith("tokens")
    }
    for path in (f"tokens {verb}" for verb in ORDER_OF_TOKENS):
        for line in examples[path]:
            assert shell.fault(path, line) is None, line


def test_examples_of_contexts(shell: Shell, tmp_path: Path) -> None:
    apart = Shell(Cli(tmp_path), shell.folder, 9092)
    examples = options.walk_examples()
    for path in ("context set", "context use", "context list", "context show", "context delete"):
        for line in examples[path]:
            assert apart.fault(path, line) is None, line


def test_examples_of_groups_are_those_of_their_commands() -> None:
    """Those of a group of commands repeat what its commands show, or are run here by their own form."""
    commands = walk_commands()
    for path, lines in options.walk_examples().items():
        for line in lines:
            words = line.replace("| kafkactl", "|kafkactl").split("kafkactl ")[-1].split()
            assert any(
                words[: command.count(" ") + 1] == command.split() or words[0] in ("produce", "consume")
                for command in commands
            ), f"{path}: {line}"
