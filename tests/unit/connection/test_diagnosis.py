"""What a client said, told as what is wrong; the rest is tested on a secured cluster."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from kafkactl.connection import diagnosis, tls
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.diagnosis import Cause, ListBrokers, find_cause, find_silent
from kafkactl.connection.settings import Settings
from kafkactl.errors import UnreachableError, UsageError
from tests.fake_broker import FakeCluster

NOBODY = Settings("127.0.0.1:1", "a test", {"security.protocol": "SSL"})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
            "that listener does not speak TLS",
        ),
        ("error:0A00010B:SSL routines::wrong version number", "that listener does not speak TLS"),
        (
            "Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN,OAUTHBEARER",
            "the broker does not support that SASL mechanism",
        ),
        ("tlsv13 alert certificate required", "the broker wants a client's certificate that it trusts"),
        ("SASL authentication error: Invalid username", "SASL authentication error: Invalid username"),
    ],
)
def test_by_words(said: str, reason: str) -> None:
    found = find_cause(NOBODY, said)
    assert found is not None
    assert found.reason == reason


def test_the_mechanisms_in_a_message_are_found_in_any_case() -> None:
    message = "Unsupported SASL mechanism: Broker's Supported Mechanisms: PLAIN,OAUTHBEARER"
    for said in (message, message.lower(), message.upper()):
        found = find_cause(NOBODY, said)
        assert found is not None
        assert found.hint.upper() == "SET SASL.MECHANISM TO ONE OF PLAIN, OAUTHBEARER"


def test_what_is_refused_is_no_riddle() -> None:
    assert find_cause(NOBODY, "Connect to ipv4#127.0.0.1:1 failed: Connection refused") is None
    assert find_cause(NOBODY, None) is None


@pytest.mark.slow
def test_silent_brokers_are_named() -> None:
    with FakeCluster(brokers=3, frozen=[2]) as brokers:
        addresses = [tuple(each.split(":")) for each in brokers.address.split(",")]
        named = {f"broker {number}": (host, int(port)) for number, (host, port) in enumerate(addresses, 1)}
        settings = Settings(brokers.address_of(1), "a test", {})
        place = "broker 2 at {}:{}".format(*named["broker 2"])
        assert find_silent(settings, lambda _answering: named) == ([place], 3)
        found = find_cause(settings, None, lambda _answering: named)
        assert found is not None
        assert (found.reason, found.is_partial) == (f"from {place}", True)


@pytest.mark.slow
def test_a_listener_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        plain = Settings(f"127.0.0.1:{server.getsockname()[1]}", "a test", {})
        assert find_cause(plain, None) is None


def test_a_tls_listener_is_named_where_there_are_several_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def alert() -> None:
            with suppress(OSError):  # the test ends and closes the server
                while True:
                    with server.accept()[0] as connection:
                        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x50")

        Thread(target=alert, daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        only_one = find_cause(Settings(address, "a test", {}), None)
        of_several = find_cause(Settings(f"127.0.0.1:1,{address}", "a test", {}), None)
    assert only_one is not None
    assert only_one.reason == "that listener speaks TLS"
    assert of_several is not None
    assert of_several.reason == f"{address} speaks TLS"


def test_a_listener_that_hangs_up_on_tls_speaks_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with suppress(OSError):  # the end of the test closes the server
                while True:
                    server.accept()[0].close()

        hanging_up = Thread(target=hang_up, daemon=True)
        hanging_up.start()
        secure = Settings(f"127.0.0.1:{server.getsockname()[1]}", "a test", {"security.protocol": "SASL_SSL"})
        found = find_cause(secure, "Disconnected: SSL connection closed by peer")
    assert found is not None
    assert found.reason == "that listener does not speak TLS"


@pytest.mark.slow
def test_a_key_store_that_only_librdkafka_reads_hides_no_cause() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        given = {"security.protocol": "SSL", "ssl.keystore.location": "store.p12"}
        assert find_cause(Settings(address, "a test", given), None) is None


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [[1], [1, 2]])
def test_the_cause_of_many_missing_answers_is_looked_for_once(
    frozen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[str | None] = []

    def search(settings: Settings, reason: str | None, *rest: ListBrokers) -> Cause | None:
        searches.append(reason)
        return find_cause(settings, reason, *rest)

    monkeypatch.setattr(diagnosis, "find_cause", search)
    groups = [f"group-{number}" for number in range(50)]
    with FakeCluster(brokers=2, topics={"orders": 1}, groups=groups) as brokers:
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=2))
        cluster.read_metadata()
        for broker_id in frozen:
            brokers.freeze(broker_id)
        with suppress(UnreachableError):
            answers = cluster.ask_each(
                groups, lambda names: cluster.admin.describe_consumer_groups(names, request_timeout=cluster.timeout_s)
            )
            assert list(answers) == groups
        cluster.close()
    assert searches, "an answer was missing"
    assert len(searches) == len(set(searches)), "one search for each reason of a client"


def make_certificate(folder: Path) -> Path:
    """Return a file with a key and its certificate, which a server, a client and an authority can have."""
    file = folder / "own.pem"
    line = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out own.pem -subj /CN=x -days 2"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*line.split(), *names], cwd=folder, check=True, capture_output=True)
    file.write_text((folder / "key").read_text() + file.read_text())
    return file


@contextmanager
def serving_mutual_tls(certificate: Path) -> Iterator[str]:
    """A listener that wants the certificate from its clients, and then answers nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    connections: list[socket.socket] = []

    def serve(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.settimeout(5)
                with suppress(OSError):
                    connections.append(context.wrap_socket(connection, server_side=True))

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=serve, args=(server,), daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
    for connection in connections:
        connection.close()


@pytest.mark.slow
def test_a_certificate_that_the_broker_trusts_is_not_blamed(tmp_path: Path) -> None:
    """The cause of another failure is looked for with the client's certificate, where it can be read."""
    certificate = make_certificate(tmp_path)
    given = {"security.protocol": "SSL", "ssl.ca.location": str(certificate)}
    own = {"ssl.certificate.location": str(certificate), "ssl.key.location": str(tmp_path / "key")}
    with serving_mutual_tls(certificate) as address:
        reasons = [
            None if cause is None else cause.reason
            for cause in (
                find_cause(Settings(address, "a test", {**given, **more}, timeout_s=2), None)
                for more in ({}, own, {"ssl.keystore.location": "store.p12"})
            )
        ]
    wanted = "the broker wants a client's certificate that it trusts"
    assert reasons == [wanted, "TLS works, but no request is answered", None]


def test_an_encrypted_key_without_a_password_asks_nobody(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    line = "openssl rsa -aes256 -in key -out encrypted -passout pass:secret"
    subprocess.run(line.split(), cwd=tmp_path, check=True, capture_output=True)
    given = {"ssl.certificate.location": str(certificate), "ssl.key.location": str(tmp_path / "encrypted")}
    with pytest.raises(UsageError, match="a client setting is wrong"):
        tls.make_context(given)
    tls.make_context({**given, "ssl.key.password": "secret"})
