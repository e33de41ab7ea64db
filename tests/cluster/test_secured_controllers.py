"""Controllers whose listeners want a login, TLS, or both: requests reach them; wrong settings are one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acl_broker import AclBroker
from tests.conftest import Cli

PLAIN = {"sasl.mechanism": "PLAIN", "sasl.username": "carol", "sasl.password": "carol-secret"}
SCRAM = {**PLAIN, "sasl.mechanism": "SCRAM-SHA-256", "sasl.password": "scram-secret"}
JAVA = {
    "sasl.mechanism": "PLAIN",
    "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="carol" password="carol-secret";',
}


@pytest.fixture(scope="module")
def secured(acls: AclBroker) -> Iterator[AclBroker]:
    """The broker with an authorizer, where carol has a SCRAM password, too."""
    words = ("users", "set", "carol", "--password-file", "-", "--mechanism", "SCRAM-SHA-256")
    acls.cluster.cli.ok(*words, input="scram-secret\n")
    yield acls
    acls.cluster.cli.ok("users", "delete", "carol", "--yes")


class Client:
    """A command line that asks a listener of the controllers, with client settings in a file."""

    def __init__(self, broker: AclBroker, folder: Path) -> None:
        self._broker, self._folder = broker, folder

    def __call__(self, listener: str, protocol: str, settings: dict[str, str], trusted: bool = True) -> list[object]:
        """Return the options of a connection to the listener of a protocol."""
        address = self._broker.secured_controllers.get(listener, self._broker.controller)
        trust = {"ssl.ca.location": str(self._broker.certificate)} if trusted else {}
        lines = {"security.protocol": protocol, **(trust if "SSL" in protocol else {}), **settings}
        file = self._folder / f"{len(list(self._folder.iterdir()))}.properties"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        return ["--bootstrap-controller", address, "--command-config", file, "--timeout", "5"]


@pytest.fixture
def client(secured: AclBroker, tmp_path: Path) -> Client:
    return Client(secured, tmp_path)


@pytest.fixture
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return Cli(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize(
    ("protocol", "settings"),
    [
        ("SASL_PLAINTEXT", PLAIN),
        ("SASL_PLAINTEXT", JAVA),
        ("SASL_PLAINTEXT", SCRAM),
        ("SSL", {}),
        ("SASL_SSL", PLAIN),
        ("SASL_SSL", SCRAM),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.get('sasl.mechanism')}-{'sasl.username' in value}",
)
def test_requests_reach_secured_controllers(
    client: Client, cli: Cli, secured: AclBroker, name: str, protocol: str, settings: dict[str, str]
) -> None:
    connection = client(protocol, protocol, settings)
    if protocol == "SSL":  # everybody there is ANONYMOUS, a super user
        (endpoint,) = json.loads(cli.ok("cluster", "endpoints", *connection, "-o", "json"))
        assert f"{endpoint['host']}:{endpoint['port']}" == secured.secured_controllers["SSL"]
    assert json.loads(cli.ok("quorum", "status", *connection, "-o", "json"))["leader_id"] == 1
    cli.ok("configs", "alter", "client-metrics", name, "--set", "interval.ms=5000", *connection)
    assert "5000" in cli.ok("configs", "describe", "client-metrics", name, *connection)


def test_wrong_settings_are_one_clear_error(client: Client, cli: Cli) -> None:
    """Each has the reason and what to set."""
    wrong, login = {**PLAIN, "sasl.password": "n0t-it"}, "look at sasl.username, sasl.password and sasl.mechanism"
    no_login, tls = "that listener does not accept a SASL login", "that listener speaks TLS"
    cases = (
        ("SASL_PLAINTEXT", "SASL_PLAINTEXT", wrong, True, login),
        ("SASL_SSL", "SASL_SSL", {**SCRAM, "sasl.password": "n0t-it"}, True, login),
        # The refusal, or where it was lost with the connection, the diagnosis: both name the setting.
        ("SASL_PLAINTEXT", "SASL_PLAINTEXT", {**PLAIN, "sasl.mechanism": "SCRAM-SHA-512"}, True, "sasl.mechanism"),
        ("PLAINTEXT", "SASL_PLAINTEXT", PLAIN, True, no_login),
        ("SSL", "SASL_SSL", PLAIN, True, no_login),
        ("SSL", "PLAINTEXT", {}, True, tls),
        ("SASL_SSL", "SASL_PLAINTEXT", PLAIN, True, tls),
        ("PLAINTEXT", "SSL", {}, True, "that listener does not speak TLS"),
        ("SSL", "SSL", {}, False, "the authority of the broker's certificate is unknown"),
        (
            "SASL_PLAINTEXT",
            "PLAINTEXT",
            {},
            True,
            "if the listener wants a login, set security.protocol=SASL_PLAINTEXT",
        ),
    )
    connections = [client(*case[:4]) for case in cases]
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda words: cli("quorum", "status", *words, check=3), connections))
    for (listener, protocol, _, _, reason), done in zip(cases, results, strict=True):
        assert "cannot reach the controllers at" in done.stderr, (listener, protocol)
        assert reason in done.stderr, (listener, protocol)
        assert "n0t-it" not in done.stderr


def test_a_missing_right_is_named(client: Client, cli: Cli) -> None:
    alice = {**PLAIN, "sasl.username": "alice", "sasl.password": "alice-secret"}
    done = cli("quorum", "status", *client("SASL_PLAINTEXT", "SASL_PLAINTEXT", alice), check=1)
    assert "not authorized to access the cluster" in done.stderr
    assert "the principal needs Describe on the cluster" in done.stderr
