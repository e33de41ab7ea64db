"""Names, records, files and messages with control characters, shown on a terminal by every command.

ESC, OSC 52 (clipboard), OSC 0 (title), CSI, C1, carriage returns and turns of direction must be visible as text.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from confluent_kafka import Producer

from kafkactl.storage.records import Record
from tests.cluster.test_hostile_values import EVERY_CELL
from tests.clusters import RunningCluster, eventually
from tests.conftest import Cli
from tests.fake_broker import Acl, Broker, FakeCluster, Group, Member, Topic, placed
from tests.forking import Line, run_all
from tests.json_contract import formats_of, walk_commands
from tests.unit.storage.encoding import encode_batch

CODES = "\x1b]52;c;QUFB\x07\x1b]0;t\x1b\\\x1b[5;31m\x9b2J\r\u202e\u2066\x08\x7f"
HOSTILE = f"a{CODES}z"
OWN_CODES = re.compile(r"\x1b\[[\d;:]*m|\x1b\[\d*[A-K]|\x1b\[\?25[hl]")
"""Colours, and what a table that is drawn anew needs."""
FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udc9f]")
WIDTH = 80
NO_WALK = ("groups exporter", "completion", "local", "context use", "context delete", "context set")
"""Commands that serve, that take words of a list only, or that change what the others read."""

OFFLINE = ("context", "dump-log", "log")

ARGUMENTS: dict[str, Sequence[str]] = {
    "topics create": [HOSTILE],
    "topics describe": ["orders"],
    "topics alter": ["orders", "-p", "9"],
    "topics delete": [HOSTILE, "--dry-run"],
    "topics export": ["orders"],
    "topics plan": ["{folder}/topics.yaml"],
    "topics apply": ["{folder}/topics.yaml", "--dry-run"],
    "groups describe": ["--all-groups"],
    "groups explain": [HOSTILE, "--interval", "10ms"],
    "groups delete": [HOSTILE, f"no{CODES}", "--dry-run"],
    "groups reset-offsets": [HOSTILE, "--topic", "orders", "--to-earliest"],
    "groups delete-offsets": [HOSTILE, "--topic", "orders", "--dry-run"],
    "groups remove-members": [f"busy{CODES}", "--all", "--dry-run"],
    "groups clone": [HOSTILE, f"copy{CODES}"],
    "groups export": ["--all-groups"],
    "groups import": ["{folder}/groups.yaml"],
    "groups diff": ["{folder}/groups.yaml", "{folder}/none.yaml"],
    "configs describe": ["topics", "orders"],
    "configs alter": ["topics", "orders", "--set", f"retention.ms={HOSTILE}", "--dry-run"],
    "configs diff": ["topics", "orders", "other"],
    "quotas set": ["producer_byte_rate=5", "--user", HOSTILE, "--dry-run"],
    "quotas unset": ["producer_byte_rate", "--user", HOSTILE, "--dry-run"],
    "users set": [HOSTILE, "--password-file", "{folder}/password"],
    "users delete": [HOSTILE, "--dry-run"],
    "acls add": [f"topic:{HOSTILE}", "--allow", f"User:{HOSTILE}", "--operation", "Read", "--dry-run"],
    "acls remove": [f"topic:{HOSTILE}", "--dry-run"],
    "acls plan": ["{folder}/acls.yaml"],
    "acls apply": ["{folder}/acls.yaml", "--dry-run"],
    "acls check": [f"User:{HOSTILE}", "Read", f"topic:{HOSTILE}"],
    "acls who": ["Read", f"topic:{HOSTILE}", "--all"],
    "offsets": ["orders"],
    "records delete": ["orders", "--all", "--dry-run"],
    "console-producer": ["orders", "--dry-run"],
    "console-consumer": [HOSTILE],
    "dump-log": ["{folder}/{hostile}/00000000000000000000.log", "{folder}/{hostile}/none.log", "--print-data-log"],
    "log check": ["{folder}"],
    "log stats": ["{folder}"],
    "context show": [HOSTILE],
}
MORE: dict[str, list[list[str]]] = {
    "groups describe": [["--all-groups", "--members"], ["--all-groups", "--state"], [f"none{CODES}"]],
    "topics describe": [[HOSTILE], ["orders", "--size"]],
    "users list": [[HOSTILE]],
    "configs describe": [["users", HOSTILE], ["groups", HOSTILE], [HOSTILE], ["brokers", "1", "--all"]],
    "topics list": [["--match", HOSTILE], [f"no{CODES}"]],
    "dump-log": [["{folder}/{hostile}/00000000000000000000.log", "-o", "table", "--print-data-log"], [HOSTILE]],
    "log check": [["{folder}/{hostile}"], [HOSTILE]],
    "console-producer": [["orders", "--input", "json", "--dry-run"], ["orders", "--from-file", HOSTILE]],
}
FILE_HOSTILE = HOSTILE.replace("/", "")


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """A cluster in which everything that may have a strange name has one."""
    topics = [Topic("orders", [placed([1])], {"retention.ms": HOSTILE, f"key{CODES}": "1"}), Topic("other")]
    topics[0].all_partitions[0].end = 10
    member = Member(id=f"m{CODES}", client_id=HOSTILE, host=f"/{HOSTILE}", instance_id=f"i{CODES}")
    member.assignment = {"orders": [0]}
    groups = [
        Group(HOSTILE, offsets={("orders", 0): 4}),
        Group(f"busy{CODES}", state="Stable", members=[member], offsets={("orders", 0): 4}, protocol=HOSTILE),
    ]
    broker = Broker(id=1, rack=HOSTILE, log_dir=f"/{HOSTILE}")
    with FakeCluster(brokers=[broker], topics=topics, groups=groups) as cluster:
        cluster.state.quotas[frozenset({("user", HOSTILE)})] = {"producer_byte_rate": 1048576.0}
        cluster.state.acls = [Acl(resource_name=HOSTILE, principal=f"User:{HOSTILE}", host=HOSTILE)]
        cluster.state.scram[HOSTILE] = {1: 4096}
        cluster.state.configs[4, "1"] = {f"own{CODES}": HOSTILE}
        cluster.state.configs[32, HOSTILE] = {"consumer.session.timeout.ms": HOSTILE}
        yield cluster


def files(folder: Path) -> None:
    """Write files whose names and contents are hostile, too."""
    (folder / "topics.yaml").write_text(f'topics: {{orders: {{configs: {{retention.ms: "{_in_yaml(HOSTILE)}"}}}}}}')
    (folder / "groups.yaml").write_text(f'groups: {{"{_in_yaml(HOSTILE)}": {{orders: {{0: 1}}}}}}')
    rule = f'{{principal: "User:{_in_yaml(HOSTILE)}", operations: [All]}}'
    (folder / "acls.yaml").write_text(f'acls: [{{type: topic, name: "{_in_yaml(HOSTILE)}", rules: [{rule}]}}]')
    (folder / "none.yaml").write_text("groups: {}")
    (folder / "password").write_text("secret\n")
    (folder / "password").chmod(0o600)
    log = folder / FILE_HOSTILE
    log.mkdir()
    data = HOSTILE.encode()
    records = [Record(number, 1_700_000_000_000, -1, data, data, ((HOSTILE, data),)) for number in range(3)]
    sound = encode_batch(records)
    (log / f"{0:020}.log").write_bytes(sound + sound[:30] + struct.pack(">i", -1))
    (log / "leader-epoch-checkpoint").write_text(f"0\n1\n{HOSTILE}\n")


def _in_yaml(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def command_lines(folder: Path) -> list[list[str]]:
    """Return every command with hostile values, in each form that it has."""
    lines = []
    for command, built in walk_commands().items():
        if command.startswith(NO_WALK):
            continue
        variants = [ARGUMENTS.get(command, []), *MORE.get(command, [])]
        for number, given in enumerate(variants):
            named = [each.replace("{folder}", str(folder)).replace("{hostile}", FILE_HOSTILE) for each in given]
            forms = [form for form in formats_of(built) if form != "parquet"]
            if not EVERY_CELL and forms:
                forms = [forms[len(lines) % len(forms)]]
            lines.append([*command.split(), *named])
            if number == 0:
                lines += [[*command.split(), *named, "-o", form] for form in forms]
    return lines


def shown_raw(text: str) -> str | None:
    """Return what a terminal would obey, None where nothing is."""
    if "\x1b[5;31m" in text:
        return "a colour of the text itself"
    rest = OWN_CODES.sub("", text.replace("\r\n", "\n"))
    found = FORBIDDEN.search(rest)
    return None if found is None else repr(rest[max(0, found.start() - 60) : found.end() + 60])


def run(cli: Cli, address: str, lines: Sequence[Sequence[str]], text: str = "") -> list[str]:
    """Run command lines on a terminal; return what is wrong with what it shows."""
    environment = {**cli.full_environment(), "TERM": "xterm-256color"}
    asked = [Line(arguments=["-b", address, "--timeout", "2", *line], input=text) for line in lines]
    done = run_all(environment, asked, 30, columns=WIDTH)
    assert len({each.status for each in done}) > 1
    assert sum(1 for each in done if "\\x1b" in each.stdout) > len(done) / 4, "the names must be seen"
    return [
        f"{line!r:.300}: {told}"
        for line, each in zip(lines, done, strict=True)
        if (told := shown_raw(each.stdout) or (None if each.status in range(5) else f"status {each.status}"))
    ]


def test_no_name_controls_the_terminal(cluster: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    files(tmp_path)
    lines = command_lines(tmp_path)
    assert len(lines) > 75
    wrong = run(cli, cluster.address, lines, f'{{"value": 1, "{_in_yaml(HOSTILE)}": 2}}\n')
    assert not wrong, "\n".join(wrong)


def test_no_broker_error_controls_the_terminal(cluster: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    files(tmp_path)
    cluster.on("*", but=("ApiVersions", "Metadata", "FindCoordinator"), error=42, error_message=HOSTILE)
    lines = [line for line in command_lines(tmp_path) if "-o" not in line and line[0] not in OFFLINE]
    lines = [[each for each in line if each != "--dry-run"] + ["--yes"] * ("delete" in line) for line in lines]
    wrong = [told for told in run(cli, cluster.address, lines) if "status" not in told]
    assert not wrong, "\n".join(wrong)


def test_no_record_controls_the_terminal(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    producer = Producer({"bootstrap.servers": kraft.bootstrap_servers})
    for _ in range(3):
        producer.produce(name, HOSTILE, HOSTILE, headers=[(HOSTILE, HOSTILE.encode())])
        producer.produce(name, os.fsencode(FILE_HOSTILE) + b"\xff\x9b2J", b"\x9b")
    producer.flush()
    forms = ["table", "plain", "json", "jsonl", "yaml", "csv", "raw"]
    flags = [["-o", form] for form in forms]
    flags += [["--print-key", "--print-headers"], ["--format", "%k %v %h\\n"], ["--value-format", "json"]]
    flags += [["--property", "print.key=true"], ["--group", HOSTILE], ["--value-format", "hex", "-o", "table"]]
    lines = [["consume", name, "--from-beginning", "--exit", *each] for each in flags]
    environment = {**kraft.cli.full_environment(), "TERM": "xterm-256color"}
    done = run_all(environment, [Line(arguments=line) for line in lines], 60, columns=WIDTH)
    eventually(lambda: kraft.cli("groups", "delete", HOSTILE, "--yes").returncode == 0)  # other tests list all groups
    wrong = [
        f"{line}: {told}"
        for line, each in zip(lines, done, strict=True)
        if (told := shown_raw(each.stdout)) is not None
    ]
    assert not wrong, "\n".join(wrong)
    shown = done[forms.index("json")].stdout
    keys = [json.loads(line).get("key") for line in shown.splitlines() if line]
    assert keys.count(HOSTILE) == 3, "json stays json"
    assert sum("\\x1b]52" in each.stdout or "\\u001b]52" in each.stdout for each in done) >= len(forms)
