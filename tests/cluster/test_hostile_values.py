"""Every option and argument of every command, with hostile values of its type: a clear error, in time, no traceback.

The command lines are forks of one process. What was visited is counted: an option that nobody visits fails the test.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY, Cli
from tests.fake_broker import FakeCluster
from tests.forking import Done, Line, run_all
from tests.json_contract import value_type_of, walk_commands
from tests.unit.test_json_contract import ACLS, DECLARATION, EXPORT, PLAN, build_fake_cluster

EVERY_CELL = bool(os.environ.get("KAFKACTL_TEST_EVERY_CELL"))
PARTS = 16 if EVERY_CELL else 4
SECRET = "pl4nted-s3cret"
LIMIT_S = 20
"""Commands run with --timeout 2; the rest is for a busy machine."""
INTEGERS = ("-1", "0", "2147483647", "2147483648", "99999999999", "9" * 40, "1.5", "nan", "1e3", "\u0663", "0x10", "")
NUMBERS = ("-1", "0", "nan", "inf", "-inf", "1e400", "9" * 400, "x", "")
TEXTS = (
    "", " ", "\udcff", "\x1b]52;c;QUFB\x07", "\r\n\x9b31m", "x" * 5000, "-1", "99999999999999999999", "P99999999999D",
    "0001-01-01", "9999-12-31T23:59:59Z", "{", "[" * 3000, "a=\udcff", "a,b", "a:b", "%s%n", "*", "(", "\u202e", "..",
)  # fmt: skip
PATHS = ("", "/no/such", "/", "/dev/null", "{folder}/binary", "{folder}/deep", "{folder}/not-utf8", "x" * 5000)
PYTHONS_WORDS = re.compile(
    r"unexpected|Traceback|this is a bug|invalid literal|not enough values|too many values|object has no attribute"
    r"|NoneType|codec can't|KeyError|IndexError|TypeError|ValueError|OverflowError|RecursionError|int too large"
    r"|could not convert|must be real number|has type|<class|argument of type"
)

ENDLESS = {
    **{
        ("console-producer", "--repeat", text): "so often it is sent"
        for text in ("0", "2147483647", "2147483648", "99999999999")
    },
    **{("console-consumer", "--max-messages", text): "so many are waited for" for text in INTEGERS if len(text) > 3},
}
"""Values that are not hostile, with the reason why the command goes on."""
BASES: dict[str, Sequence[str]] = {
    "topics create": ["new"],
    "topics alter": ["orders", "-p", "5"],
    "topics delete": ["orders", "--dry-run"],
    "topics plan": ["{folder}/topics.yaml"],
    "topics apply": ["{folder}/topics.yaml", "--dry-run"],
    "console-producer": ["orders", "--dry-run"],
    "console-consumer": ["orders", "-n", "0"],
    "groups explain": ["idle", "--interval", "10ms"],
    "groups delete": ["idle", "--dry-run"],
    "groups reset-offsets": ["idle", "--topic", "orders", "--to-earliest"],
    "groups delete-offsets": ["idle", "--topic", "orders", "--dry-run"],
    "groups remove-members": ["busy", "--all", "--dry-run"],
    "groups clone": ["idle", "copy"],
    "groups export": ["idle"],
    "groups import": ["{folder}/groups.yaml"],
    "groups diff": ["{folder}/groups.yaml", "{folder}/groups.yaml"],
    "groups exporter": ["--host", "203.0.113.1"],
    "configs describe": ["topics", "orders"],
    "configs alter": ["topics", "orders", "--set", "retention.ms=5", "--dry-run"],
    "configs diff": ["topics", "orders", "other"],
    "quotas set": ["producer_byte_rate=5", "--user", "ann"],
    "quotas unset": ["producer_byte_rate", "--user", "ann"],
    "users set": ["bob", "--password-file", "{folder}/password"],
    "users delete": ["ann", "--dry-run"],
    "records delete": ["orders", "--all", "--dry-run"],
    "acls add": ["topic:orders", "--allow", "User:ann", "--operation", "Read", "--dry-run"],
    "acls remove": ["topic:orders", "--dry-run"],
    "acls plan": ["{folder}/acls.yaml"],
    "acls apply": ["{folder}/acls.yaml", "--dry-run"],
    "acls check": ["User:ann", "Read", "topic:orders"],
    "acls who": ["Read", "topic:orders"],
    "brokers describe": ["1"],
    "brokers unregister": ["1", "--force", "--dry-run"],
    "quorum add-controller": ["9", "--endpoint", "CONTROLLER://host9:9093", "--dry-run"],
    "quorum remove-controller": ["2", "--directory-id", "AAAAAAAAAAAAAAAAAAAAAQ", "--dry-run"],
    "leaders elect": ["orders", "--dry-run"],
    "log-dirs move": ["orders", "--broker", "1", "--to", "/disk2", "--dry-run"],
    "reassign generate": ["orders"],
    "reassign execute": ["{folder}/plan.json", "--dry-run"],
    "reassign verify": ["{folder}/plan.json", "--preserve-throttles"],
    "reassign cancel": ["{folder}/plan.json", "--dry-run"],
    "brokers drain": ["2", "orders", "--dry-run"],
    "brokers balance": ["orders", "--by", "count"],
    "transactions describe": ["open"],
    "transactions producers": ["moved"],
    "transactions find-hanging": ["moved"],
    "transactions abort": ["moved", "--partition", "0", "--start-offset", "5", "--dry-run"],
    "transactions force-terminate": ["open", "--dry-run"],
    "features upgrade": ["metadata.version=27", "--dry-run"],
    "features downgrade": ["metadata.version=25", "--dry-run"],
    "features disable": ["metadata.version", "--dry-run"],
    "features dependencies": ["group.version=1"],
    "client-metrics alter": ["apps", "--interval", "1m", "--dry-run"],
    "client-metrics delete": ["apps", "--dry-run"],
    "tokens create": ["--dry-run"],
    "tokens describe": ["token-1"],
    "tokens renew": ["token-1", "--dry-run"],
    "tokens expire": ["token-1", "--dry-run"],
    "dump-log": ["{folder}/00000000000000000000.log"],
    "log check": ["{folder}"],
    "log stats": ["{folder}"],
    "context use": ["x"],
    "context show": ["x"],
    "context set": ["x", "-b", "127.0.0.1:1"],
    "context delete": ["x"],
    **{f"local {verb}": ["nosuch"] for verb in ("up", "down", "logs")},
    **{f"local {verb}": ["nosuch", "nosuch"] for verb in ("kill", "pause", "resume", "restart")},
}


@dataclass(frozen=True, kw_only=True)
class Visit:
    """An option (or argument) of a command with a hostile value."""

    command: str
    name: str
    value: str
    arguments: tuple[str, ...]


@pytest.fixture
def broker() -> Iterator[FakeCluster]:
    with build_fake_cluster() as cluster:
        yield cluster


def values_of(parameter: Any) -> Sequence[str]:
    """Return hostile values of a parameter's type; none for one that takes no value."""
    values: Mapping[type | None, Sequence[str]] = {None: (), int: INTEGERS, float: NUMBERS, Path: PATHS}
    return values.get(value_type_of(parameter), TEXTS)


def parameters() -> Iterator[tuple[str, Any]]:
    for command, built in walk_commands().items():
        for parameter in built.params:
            if parameter.name != "help":
                yield command, parameter


@cache
def visits() -> tuple[Visit, ...]:
    """Return all visits: all values of what a command alone has, and a quarter of what commands share.

    In CI these are an eighth, and one.
    """
    found: list[Visit] = []
    known: set[tuple[str, str]] = set()
    for number, (command, parameter) in enumerate(parameters()):
        values = values_of(parameter)
        name = parameter.opts[0]
        shared = (name, str(value_type_of(parameter)))
        is_option = parameter.param_type_name == "option"
        is_known = is_option and shared in known
        if values and EVERY_CELL:  # make test-long-hostile-first and -second
            values = values[number % 4 :: 4] if is_known else values
        elif values:
            first = number % min(8, len(values))
            values = [values[number % len(values)]] if is_known else values[first::8]
        known.add(shared)
        base = list(BASES.get(command, ()))
        for value in values:
            if (command, name, value) not in ENDLESS:
                given = [*base, name, value] if is_option else [value, *base[1:]]
                found.append(Visit(command=command, name=name, value=value, arguments=(*command.split(), *given)))
    return tuple(found)


def test_every_option_is_visited() -> None:
    visited = {(visit.command, visit.name) for visit in visits()}
    with_values = {(command, each.opts[0]) for command, each in parameters() if values_of(each)}
    assert visited == with_values
    assert len(visited) > 450


@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"{'first' if part < PARTS / 2 else 'second'}-{part}")
def test_no_value_reaches_a_traceback(part: int, broker: FakeCluster, cli: Cli, tmp_path: Path) -> None:
    files(tmp_path)
    chosen = visits()[part::PARTS]
    common = ["-b", broker.address, "--timeout", "2"]
    named = [[each.replace("{folder}", str(tmp_path)) for each in visit.arguments] for visit in chosen]
    lines = [Line(arguments=[*common, *arguments], input="x\n") for arguments in named]
    environment = with_secrets(cli, tmp_path)
    wrong = [
        f"{visit.arguments!r:.300}: {told}"
        for visit, done in zip(chosen, run_all(environment, lines, LIMIT_S), strict=True)
        if (told := fault(done)) is not None
    ]
    assert not wrong, "\n".join(wrong)


def fault(done: Done) -> str | None:
    """Return what is wrong with the end of a command, None where nothing is."""
    if done.seconds > LIMIT_S:
        return f"{done.seconds:.0f} s"
    if done.status not in range(5):
        return f"status {done.status}: {done.stderr[-300:]}"
    if (word := PYTHONS_WORDS.search(done.stderr)) is not None:
        return f"says {word[0]!r}: {done.stderr[-300:]}"
    if done.status in (1, 2, 3) and not any(sign in done.stderr for sign in ("error: ", '"error":', "Usage:")):
        return f"status {done.status} without an error: {done.stderr[-300:]}"
    if SECRET in done.stdout + done.stderr:
        return f"shows the secret: {done.stdout[-200:]} {done.stderr[-300:]}"
    if len(done.stderr) > 20_000:
        return f"{len(done.stderr)} characters of messages"
    return None


def with_secrets(cli: Cli, folder: Path) -> dict[str, str]:
    """Return an environment in which a secret is at every place where one may be."""
    url = f"http://ann:{SECRET}@127.0.0.1:1"
    properties = {
        "sasl.password": SECRET,
        "schema.registry.url": url,
        "sasl.jaas.config": f'x required password="{SECRET}";',
    }
    context = {"bootstrap-servers": "127.0.0.1:1", "properties": properties}
    (folder / "password").write_text(f"{SECRET}\n")
    environment = {
        **cli.full_environment(),
        "KAFKACTL_CLIENT_SASL_PASSWORD": SECRET,
        "KAFKACTL_CLIENT_SSL_KEY_PASSWORD_COMMAND": f"echo {SECRET}",
        "KAFKACTL_SCHEMA_REGISTRY": url,
    }
    config = Path(environment["KAFKACTL_CONFIG"])
    config.parent.mkdir(parents=True, exist_ok=True)
    config.touch(mode=0o600)
    config.write_text(json.dumps({"contexts": dict.fromkeys(("x", "y"), context), "current": "y"}))
    return environment


@pytest.mark.parametrize(
    "arguments",
    [
        ["context", "show", "y"],
        ["context", "show", "y", "-o", "json"],
        ["topics", "list", "--debug"],
        ["users", "list", "--debug"],
        ["consume", "orders", "--value-format", "registry", "--debug"],
        ["produce", "orders", "--value-format", "registry", "--value-schema-id", "1", "--debug"],
        ["topics", "list", "-X", "sasl.username=ann", "-X", "security.protocol=SASL_PLAINTEXT"],
        ["topics", "list", "-X", "debug=all", "-X", "sasl.username=ann"],
        ["produce", "orders", "--schema-registry", "http://ann:{secret}@127.0.0.1:1"],
        ["topics", "list", "-X", "schema.registry.url=http://ann:{secret}@127.0.0.1:1"],
        ["topics", "list", "-b", "PLAINTEXT://ann:{secret}@127.0.0.1:1"],
        ["topics", "list", "-X", "sasl.password={secret}"],
        ["context", "set", "z", "-b", "a:1", "-X", "sasl.jaas.config={secret}"],
    ],
)
def test_no_secret_is_shown(arguments: list[str], cli: Cli, tmp_path: Path) -> None:
    line = Line(arguments=["--timeout", "1", *(each.replace("{secret}", SECRET) for each in arguments)], input="x\n")
    (done,) = run_all(with_secrets(cli, tmp_path), [line], LIMIT_S)
    assert SECRET not in done.stdout + done.stderr
    assert done.stdout + done.stderr


def files(folder: Path) -> None:
    """Make the files that the command lines name."""
    (folder / "topics.yaml").write_text(DECLARATION)
    (folder / "groups.yaml").write_text(EXPORT)
    (folder / "acls.yaml").write_text(ACLS)
    (folder / "plan.json").write_text(PLAN)
    (folder / "password").write_text("secret\n")
    (folder / "password").chmod(0o600)
    (folder / "binary").write_bytes(bytes(range(256)) * 40)
    (folder / "deep").write_text("[" * 100_000)
    (folder / "not-utf8").write_bytes(b"a=\xff\n")
    log = REPOSITORY / "tests" / "data" / "orders-0" / "00000000000000000000.log"
    (folder / log.name).write_bytes(log.read_bytes())
