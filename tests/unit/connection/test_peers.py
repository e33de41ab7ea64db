"""What listens at an address, told apart without a client library."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from kafkactl.connection.peers import Address, Peer, look_at
from tests.fake_broker import ClosingPeer, FakeBroker, GarbagePeer, HttpPeer, SilentPeer, ZooKeeperPeer

PEERS: list[tuple[Callable[[], AbstractContextManager[object]], Peer]] = [
    (FakeBroker, Peer.BROKER),
    (lambda: FakeBroker(api_versions="2.1"), Peer.BROKER),
    (lambda: FakeBroker(api_versions="controller"), Peer.CONTROLLER),
    (HttpPeer, Peer.HTTP),
    (lambda: HttpPeer(200, "<html>hello</html>"), Peer.HTTP),
    (ZooKeeperPeer, Peer.ZOOKEEPER),
    (GarbagePeer, Peer.STRANGER),
    (lambda: GarbagePeer(data=struct.pack(">i", 99_000_000) + bytes(4096)), Peer.STRANGER),
    (lambda: GarbagePeer(data=struct.pack(">i", -5) + bytes(4096)), Peer.STRANGER),
    (lambda: GarbagePeer(data=b"\x15\x03\x03\x00\x02\x02\x50"), Peer.TLS),
    (lambda: GarbagePeer(data=b"\x00"), Peer.STRANGER),
    (SilentPeer, Peer.SILENT),
    (ClosingPeer, Peer.CLOSING),
    (lambda: ClosingPeer(after_reading=True), Peer.CLOSING),
    (lambda: ClosingPeer(after_reading=True, reset=True), Peer.CLOSING),
]


def address_of(peer: object) -> Address:
    host, _, port = peer.address.rpartition(":")  # type: ignore[attr-defined]
    return host, int(port)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "kind"), PEERS)
def test_every_kind_of_server(make: Callable[[], AbstractContextManager[object]], kind: Peer) -> None:
    with make() as server:
        assert look_at([address_of(server)]) == {address_of(server): kind}


def test_nobody_listens() -> None:
    assert look_at([("127.0.0.1", 1), ("no.such.host.invalid", 1)]) == {
        ("127.0.0.1", 1): Peer.NOBODY,
        ("no.such.host.invalid", 1): Peer.NOBODY,
    }
    assert look_at([]) == {}


@pytest.mark.slow
def test_many_silent_addresses_take_no_longer_than_one() -> None:
    with SilentPeer() as silent:
        host, port = address_of(silent)
        started = time.monotonic()
        found = look_at([(f"127.0.0.{number}", port) for number in range(1, 60)])
        assert len(found) == 16
        assert time.monotonic() - started < 5
        assert found[host, port] is Peer.SILENT
