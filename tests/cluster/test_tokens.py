"""Delegation tokens at a broker with logins."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.acl_broker import AclBroker, make_login
from tests.clusters import eventually
from tests.conftest import Cli
from tests.json_contract import require_output

HOUR_MS = 3_600_000


@pytest.fixture
def carol(acls: AclBroker, tmp_path: Path) -> Cli:
    """A super user with a login."""
    return log_in(acls, "carol", tmp_path)


def log_in(broker: AclBroker, user: str, home: Path) -> Cli:
    """Return the command line of a user with a login."""
    (home / user).mkdir()
    file = home / user / "login.properties"
    file.write_text(make_login(user))
    file.chmod(0o600)
    cli = Cli(home / user)
    cli.ok("context", "set", "secured", "-b", broker.cluster.logins, "--command-config", file)
    cli.ok("context", "use", "secured")
    return cli


def describe(cli: Cli, *words: object) -> list[dict[str, Any]]:
    """Return the tokens that a user sees."""
    found: list[dict[str, Any]] = json.loads(cli.ok("tokens", "describe", *words, "-o", "json"))
    require_output("tokens describe", json.dumps(found))
    return found


def test_a_token_from_its_creation_to_its_end(carol: Cli, tmp_path: Path, name: str) -> None:
    owner, file = f"User:{name}-owner", tmp_path / "token.hmac"
    create = ("tokens", "create", "--owner", owner, "--renewer", "User:carol", "--max-lifetime", "5h")
    assert f"would create a token of {owner} beside 0 tokens" in carol(*create, "--dry-run", check=0).stderr
    assert "there is no terminal to ask at" in carol(*create, check=2).stderr
    assert describe(carol, "--owner", owner) == []
    done = carol(*create, "--hmac-file", file, "--yes", "-o", "json", check=0)
    require_output("tokens create", done.stdout)
    (token,) = json.loads(done.stdout)
    hmac = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(base64.b64decode(hmac)) == 64
    assert hmac not in done.stdout + done.stderr
    assert (token["owner"], token["requester"], token["renewers"]) == (owner, "User:carol", ["User:carol"])
    assert token["expiry_ms"] == token["max_ms"] == token["issue_ms"] + 5 * HOUR_MS
    eventually(lambda: describe(carol, "--owner", owner) == [token])
    assert describe(carol, token["token_id"], "--show-hmac") == [{**token, "hmac": hmac}]
    assert token not in describe(carol, "--owner", "User:carol"), "brokers return what carol may renew, too"

    assert "exists already" in carol(*create, "--hmac-file", file, "--yes", check=2).stderr
    assert len(describe(carol, "--owner", owner)) == 1

    change = ("tokens", "renew", token["token_id"], "--for", "1h")
    assert f"would renew token {token['token_id']} of {owner} (expires at" in carol(*change, "--dry-run").stderr
    require_output("tokens renew", carol.ok(*change, "--yes", "-o", "json"))
    eventually(lambda: describe(carol, "--owner", owner)[0]["expiry_ms"] < token["expiry_ms"])
    renewed = carol.ok("tokens", "renew", "--hmac-file", file, "--yes")
    assert token["token_id"] in renewed
    eventually(lambda: describe(carol, "--owner", owner)[0]["expiry_ms"] == token["max_ms"])
    assert "Completed renew operation" in carol.ok(*change, "--yes", "-o", "kafka")

    require_output("tokens expire", carol.ok("tokens", "expire", token["token_id"], "--yes", "-o", "json"))
    eventually(lambda: describe(carol, "--owner", owner) == [])
    again = carol("tokens", "expire", token["token_id"], "--yes", check=1)
    assert f"token not found: {token['token_id']}" in again.stderr
    assert (
        "the delegation token does not exist" in carol("tokens", "renew", "--hmac-file", file, "--yes", check=1).stderr
    )


def test_kafkas_table_hides_the_hmac(carol: Cli, name: str) -> None:
    owner = f"User:{name}"
    carol.ok("tokens", "create", "--owner", owner, "--yes")
    eventually(lambda: len(describe(carol, "--owner", owner)) == 1)
    (token,) = describe(carol, "--owner", owner, "--show-hmac")
    shown = carol.ok("tokens", "describe", "--owner", owner, "-o", "kafka")
    assert f"{token['token_id']} ********   " in shown
    assert token["hmac"] not in shown
    assert token["hmac"] in carol.ok("tokens", "describe", "--owner", owner, "-o", "kafka", "--show-hmac")


def test_missing_rights_are_named(acls: AclBroker, carol: Cli, tmp_path: Path, name: str) -> None:
    owner, file = f"User:{name}", tmp_path / "token.hmac"
    bob = log_in(acls, "bob", tmp_path)
    refused = bob("tokens", "create", "--owner", owner, "--hmac-file", file, "--yes", check=1)
    assert "not authorized to access the delegation token" in refused.stderr
    assert "needs CreateTokens on the owner of the token" in refused.stderr
    assert not file.exists()
    carol.ok("tokens", "create", "--owner", owner, "--hmac-file", file, "--yes")
    assert describe(bob, "--owner", owner) == []
    done = bob("tokens", "expire", "--hmac-file", file, "--yes", check=1)
    assert "the principal is not the owner or renewer of the token" in done.stderr
    assert file.read_text().strip() not in done.stderr
    assert bob("tokens", "expire", "--hmac-file", file, "--dry-run").stderr.startswith(
        f"would expire the token of {file}"
    )


def test_a_connection_without_a_login(acls: AclBroker) -> None:
    done = acls.cluster.cli("tokens", "describe", check=1)
    assert "delegation tokens need a connection with a login of its own" in done.stderr
    assert "hint: log in" in done.stderr
