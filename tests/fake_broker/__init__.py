"""A fake Kafka for tests: brokers that answer admin requests and misbehave as planned, and peers that are no Kafka.

    with FakeBroker(topics={"orders": 3}) as broker:
        broker.on("DeleteTopics", error=41, times=1)
        ...  # any client at broker.address
        assert len(broker.requests_of("DeleteTopics")) == 2
        assert "orders" not in broker.state.topics

The way through the package: server (sockets, threads, TLS) < protocol (frames and fields) < state < answers (what a
healthy broker answers) < errors < behaviours < node < cluster < recording < broker; peers stand beside them.
"""

from tests.fake_broker.answers.api_versions import releases, version_table
from tests.fake_broker.behaviours import Behaviour
from tests.fake_broker.broker import FakeBroker
from tests.fake_broker.cluster import FakeCluster
from tests.fake_broker.peers import ClosingPeer, GarbagePeer, HttpPeer, SilentPeer, TlsPeer, ZooKeeperPeer
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.recording import Recording, Replay, summary
from tests.fake_broker.server import TlsIdentity, dead_address
from tests.fake_broker.state import (
    Acl,
    Broker,
    Group,
    Member,
    Partition,
    Producer,
    State,
    Token,
    Topic,
    Transaction,
    placed,
)

__all__ = [
    "Acl",
    "Behaviour",
    "Broker",
    "ClosingPeer",
    "FakeBroker",
    "FakeCluster",
    "Fields",
    "GarbagePeer",
    "Group",
    "HttpPeer",
    "Member",
    "Partition",
    "Producer",
    "Recording",
    "Replay",
    "Request",
    "SilentPeer",
    "State",
    "TlsIdentity",
    "TlsPeer",
    "Token",
    "Topic",
    "Transaction",
    "ZooKeeperPeer",
    "dead_address",
    "placed",
    "releases",
    "summary",
    "version_table",
]
