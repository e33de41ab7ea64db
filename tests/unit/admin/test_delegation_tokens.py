"""Delegation tokens at a fake broker, and where their secrets are shown."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from kafkactl.admin import tokens
from kafkactl.cli.kafka_style.delegation_tokens import OPTIONS
from kafkactl.cli.kafka_style.parser import parse
from kafkactl.cli.kafka_style.tools import JavaError, decode_as_java
from kafkactl.cli.tokens import hmac_files
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from kafkactl.errors import OperationError, UnsupportedRequestError, UsageError
from kafkactl.output.kafka import token_text
from tests.conftest import Cli
from tests.fake_broker import FakeBroker
from tests.fake_broker.answers.tokens import DAY_MS, NOW_MS

AUTHORIZATION, MISMATCH = 65, 63


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with FakeBroker() as broker:
        yield broker


@pytest.fixture
def connected(broker: FakeBroker) -> Iterator[Cluster]:
    cluster = Cluster(resolve(broker.address, None, None, (), 5))
    yield cluster
    cluster.close()


def test_a_token_from_its_creation_to_its_end(connected: Cluster, broker: FakeBroker) -> None:
    token = tokens.create_token(connected, "User:bob", ["User:eve:x"], 2 * DAY_MS)
    assert (token.owner, token.requester, token.renewers) == ("User:bob", "User:ann", ("User:eve:x",))
    assert (token.issue_ms, token.expiry_ms, token.max_ms) == (NOW_MS, NOW_MS + DAY_MS, NOW_MS + 2 * DAY_MS)
    assert tokens.describe_tokens(connected) == tokens.describe_tokens(connected, ["User:bob"]) == [token]
    assert tokens.describe_tokens(connected, ["User:ann"]) == []
    hmac = base64.b64decode(token.hmac or "")
    assert tokens.renew_token(connected, hmac, 1000) == NOW_MS + 1000
    assert tokens.renew_token(connected, hmac) == NOW_MS + DAY_MS
    assert tokens.expire_token(connected, hmac, 0) == NOW_MS
    assert tokens.expire_token(connected, hmac) == NOW_MS
    assert tokens.describe_tokens(connected) == []
    with pytest.raises(OperationError, match="cannot expire the token: the delegation token does not exist"):
        tokens.expire_token(connected, hmac)
    own = tokens.create_token(connected, None, [])
    assert (own.owner, own.max_ms) == ("User:ann", NOW_MS + 7 * DAY_MS)
    assert token.hmac is not None
    assert token.hmac not in repr(token)
    assert len(broker.requests_of("CreateDelegationToken")) == 2


def test_brokers_that_are_too_old_for_an_owner() -> None:
    with FakeBroker(api_versions={"CreateDelegationToken": (0, 2), "DescribeDelegationToken": (0, 2)}) as old:
        cluster = Cluster(resolve(old.address, None, None, (), 5))
        with pytest.raises(UnsupportedRequestError, match="version 3 is needed"):
            tokens.create_token(cluster, "User:bob", [])
        assert tokens.create_token(cluster, None, []).requester is None
        assert [token.requester for token in tokens.describe_tokens(cluster)] == [None]
        assert "ann        :               []" in token_text.format_descriptions(tokens.describe_tokens(cluster))
        cluster.close()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", b""),
        ("YQ==", b"a"),
        ("YQ", b"a"),
        ("YWJj", b"abc"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("a", "at least have 2 bytes"),
        ("YWJjZ", "Last unit does not have enough valid bits"),
        ("YWJj=", "wrong 4-byte ending unit"),
        ("YQ=j", "wrong 4-byte ending unit"),
        ("=QJj", "wrong 4-byte ending unit"),
        ("YQ==YQ", "incorrect ending byte at 4"),
        ("YWI=YQ", "incorrect ending byte at 4"),
        ("a_bc", "Illegal base64 character 5f"),
        ("\xe9abc", "Illegal base64 character -17"),
        ("\u20acabc", "Illegal base64 character 3f"),
    ],
)
def test_javas_base64(text: str, result: bytes | str) -> None:
    if isinstance(result, bytes):
        assert decode_as_java(text) == result
        return
    with pytest.raises(JavaError, match=result):
        decode_as_java(text)


def test_numbers_that_are_optional() -> None:
    """A negative number is a value, and a word that is no number is none."""
    words = ["--max-life-time-period", "-1", "--renew-time-period", "x", "--expiry-time-period", "--hmac", "--owner"]
    arguments = parse(OPTIONS, words[:-1])
    assert arguments.value("max-life-time-period") == "-1"
    assert arguments.value("renew-time-period") is None
    assert arguments.extra == ["x"]
    assert arguments.has("expiry-time-period")
    assert not arguments.has_value("hmac")


def test_files_of_hmacs(tmp_path: Path) -> None:
    file = tmp_path / "hmac"
    with hmac_files.open_new(file) as opened:
        assert opened is not None
        opened.write("YQ==", "token-1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert hmac_files.read_hmac(file) == b"a"
    for refused in (file, Path("-")):
        with pytest.raises(UsageError):
            hmac_files.require_new(refused)
    with pytest.raises(UsageError, match="cannot create"), hmac_files.open_new(file):
        pass
    failed = tmp_path / "failed"
    with pytest.raises(OperationError), hmac_files.open_new(failed):
        raise OperationError("refused")
    assert not failed.exists()
    with hmac_files.open_new(None) as nothing:
        assert nothing is None
    for text in ("", "\n", "s3cret!\n", "YQ\n"):
        file.write_text(text)
        with pytest.raises(UsageError) as raised:
            hmac_files.read_hmac(file)
        assert "s3cret" not in str(raised.value)
    file.write_text("YQ==\n")
    file.chmod(0o644)
    with pytest.raises(UsageError, match="others can read"):
        hmac_files.read_hmac(file)


def test_a_full_disk_does_not_lose_the_token() -> None:
    with Path("/dev/full").open("w") as full:
        file = hmac_files.HmacFile(Path("/dev/full"), full.fileno())
        with pytest.raises(OperationError, match="token t was created, but its HMAC cannot be written") as raised:
            file.write("YQ==", "t")
    assert raised.value.hint == "show the HMAC: kafkactl tokens describe t --show-hmac"


@pytest.mark.slow
def test_the_secret_is_shown_on_request_only(cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    cluster = ("-b", broker.address)
    silent = cli(*cluster, "--debug", "tokens", "create", "--yes", "-o", "json", check=0)
    hmac = base64.b64encode(broker.state.tokens["token-1"].hmac).decode()
    assert "show the HMAC: kafkactl tokens describe token-1 --show-hmac" in silent.stderr
    assert "undo: not possible" in silent.stderr
    file = tmp_path / "token.hmac"
    file.touch(0o600)
    file.write_text(f"{hmac}\n")
    lines = (
        ("tokens", "describe"),
        ("tokens", "describe", "-o", "kafka"),
        ("tokens", "describe", "token-1", "-o", "yaml"),
        ("--debug", "tokens", "renew", "--hmac-file", file, "--yes"),
        ("--debug", "tokens", "renew", "--hmac-file", file, "--yes", "-o", "kafka"),
        ("tokens", "expire", "token-1", "--dry-run"),
    )
    for done in (silent, *(cli(*cluster, *words, check=0) for words in lines)):
        assert hmac not in done.stdout + done.stderr
    for form in ("json", "csv", "table", "kafka"):
        assert hmac in cli.ok(*cluster, "tokens", "describe", "--show-hmac", "-o", form)
    style = ("kafka-delegation-tokens", "--bootstrap-server", broker.address, "--command-config", "/dev/null")
    done = cli(*style, "--renew", "--hmac", hmac, "--renew-time-period", -1, check=0)
    assert "hmac :******** , renew-time-period :-1" in done.stdout
    assert "warning: other users can read the HMAC" in done.stderr
    assert hmac not in done.stdout + done.stderr
    assert hmac in cli.ok(*style, "--describe")
    assert cli.ok(*cluster, "tokens", "renew", "--hmac-file", "-", "--yes", input=f"{hmac}\n").split()[2] == "token-1"


@pytest.mark.slow
def test_a_result_for_each_token(cli: Cli, broker: FakeBroker) -> None:
    cluster = ("-b", broker.address)
    for _ in range(2):
        cli.ok(*cluster, "tokens", "create", "--yes")
    known = {token.hmac: name for name, token in broker.state.tokens.items()}
    broker.on("RenewDelegationToken", error=MISMATCH, when=lambda request: known[request.fields["hmac"]] == "token-1")
    done = cli(*cluster, "tokens", "renew", "token-1", "token-2", "nosuch", "--yes", "-o", "json", check=1)
    rows = json.loads(done.stdout)
    assert [(row["name"], row["ok"], row["code"]) for row in rows] == [
        ("token-1", False, MISMATCH),
        ("token-2", True, None),
    ]
    assert "token not found: nosuch" in done.stderr
    question = cli(*cluster, "tokens", "expire", "token-1", "token-2", check=2).stderr
    assert "expire token token-1 of User:ann (expires at 2023-11-15T22:13:20.000Z); token token-2" in question


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("renew", "missing argument TOKEN-ID"),
        ("renew t --hmac-file f", "mutually exclusive"),
        ("renew --hmac-file /nosuch", "cannot read /nosuch"),
        ("renew t --for 0", "longer than 0"),
        ("expire t --after=-1", "a sign is not allowed"),
        ("create --owner ann", "not TYPE:NAME"),
        ("create --renewer ann", "not TYPE:NAME"),
        ("create --hmac-file /dev/null --yes", "exists already"),
        ("create --hmac-file /nosuch/f --max-lifetime x", "invalid value 'x' for --max-lifetime"),
    ],
)
def test_wrong_words(cli: Cli, words: str, reason: str) -> None:
    assert reason in cli("-b", "127.0.0.1:1", "tokens", *words.split(), check=2).stderr


@pytest.mark.slow
def test_no_file_is_left_where_no_token_was_made(cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    broker.on("CreateDelegationToken", error=AUTHORIZATION)
    file = tmp_path / "token.hmac"
    done = cli("-b", broker.address, "tokens", "create", "--hmac-file", file, "--yes", check=1)
    assert "needs CreateTokens on the owner of the token" in done.stderr
    assert not file.exists()


@pytest.mark.slow
def test_a_lost_answer_names_the_command_that_shows_the_result(cli: Cli, broker: FakeBroker, tmp_path: Path) -> None:
    broker.on(("CreateDelegationToken", "RenewDelegationToken"), freeze=True, applied=True)
    file, cluster = tmp_path / "token.hmac", ("-b", broker.address, "--timeout", "1", "tokens")
    created = cli(*cluster, "create", "--hmac-file", file, "--yes", "-o", "jsonl", check=3)
    assert created.stdout == ""
    assert "token new: no answer within 1 s; it may have been done" in created.stderr
    assert not file.exists()
    renewed = cli(*cluster, "renew", "token-1", "--yes", check=3)
    for done in (created, renewed):
        assert "check the result before you repeat the command: kafkactl tokens describe" in done.stderr


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_no_part_of_an_hmac_stays(failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def write_half(descriptor: int, data: bytes) -> int:
        if len(data) < 9:
            raise failure
        return write(descriptor, data[:4])

    path = tmp_path / "hmac"
    monkeypatch.setattr(os, "write", write_half)
    with pytest.raises((OperationError, KeyboardInterrupt)), hmac_files.open_new(path) as opened:
        cast(hmac_files.HmacFile, opened).write("YWFhYWFh", "token-1")
    assert not path.exists()
