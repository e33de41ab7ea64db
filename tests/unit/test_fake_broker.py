"""The fake broker of tests/fake_broker: both clients and the command get sensible answers, and planned faults."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec
from kafka import errors
from kafka.admin import KafkaAdminClient

from tests.conftest import Cli
from tests.fake_broker import (
    Acl,
    Broker,
    ClosingPeer,
    FakeBroker,
    FakeCluster,
    GarbagePeer,
    Group,
    HttpPeer,
    Member,
    Partition,
    SilentPeer,
    TlsIdentity,
    TlsPeer,
    Token,
    Topic,
    ZooKeeperPeer,
    dead_address,
    placed,
    releases,
    summary,
)
from tests.fake_broker.answers import HANDLERS
from tests.fake_broker.protocol import Fields, Request, api_key, api_name, apis, decode_answer, encode_request

pytestmark = pytest.mark.slow


QUIET = {"log.queue": True, "log_level": 0}
SOON_S = 10.0
GROUP_ID_NOT_FOUND, NOT_CONTROLLER, CLUSTER_AUTHORIZATION_FAILED = 69, 41, 31


class RawClient:
    """Sends requests over one plain connection, to see exactly what a broker answers."""

    def __init__(self, address: str, tls: ssl.SSLContext | None = None) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), SOON_S)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, api: str, version: int, fields: Fields, correlation_id: int = 7) -> None:
        names = {"client_id": "raw", "broker_id": 0, "correlation_id": correlation_id}
        frame = encode_request(Request(api=api, key=api_key(api), version=version, fields=fields, **names))
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def read(self, count: int) -> bytes:
        """Return so many bytes, fewer if the broker closes."""
        data = b""
        while len(data) < count and (piece := self.socket.recv(count - len(data))):
            data += piece
        return data

    def read_frame(self) -> bytes:
        prefix = self.read(4)
        return self.read(struct.unpack(">i", prefix)[0]) if prefix else b""

    def ask(self, api: str, version: int, **fields: Any) -> Fields:
        """Return the fields of the answer."""
        self.send(api, version, fields)
        correlation_id, answer = decode_answer(api_key(api), version, self.read_frame())
        assert correlation_id == 7
        return answer

    def is_silent(self, seconds: float = 0.1) -> bool:
        """Return whether nothing comes within the time."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(SOON_S)
        return False


def ask(address: str, api: str, version: int, **fields: Any) -> Fields:
    """Return the fields of an answer, over a connection of its own."""
    with RawClient(address) as client:
        return client.ask(api, version, **fields)


def member() -> Member:
    return Member(id="m-1", client_id="worker", topics=["orders"], assignment={"orders": [0, 1]})


def filled(**choices: Any) -> FakeBroker:
    """Return a broker with topics and groups of every kind."""
    orders = Topic("orders", [Partition(end=10), Partition(begin=3, end=20)], {"retention.ms": "5"})
    groups = [
        Group("idle", offsets={("orders", 0): 4}),
        Group("busy", state="Stable", members=[member()], offsets={("orders", 1): 7}),
        Group("new", type="Consumer", state="Stable", members=[member()]),
    ]
    broker = FakeBroker(topics=[orders, "other"], groups=groups, **choices)
    broker.state.tokens["token-1"] = Token(hmac=b"h", owner="ann", issue_ms=1, expiry_ms=2, max_ms=3)
    return broker


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with filled() as running:
        yield running


def admin(address: str, **config: Any) -> AdminClient:
    return AdminClient({"bootstrap.servers": address, **QUIET, **config})


def code_of(future: Any) -> int:
    """Return the error code of a future of librdkafka, 0 for none."""
    try:
        future.result(timeout=SOON_S)
    except KafkaException as error:
        return int(error.args[0].code())
    return 0


# ---- the server itself


def list_threads() -> list[str]:
    """The threads of fake brokers that go on."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("accept-", "serve-"))]


def test_starts_and_stops_fast_and_leaves_nothing() -> None:
    def run() -> float:
        started = time.perf_counter()
        with FakeCluster(topics=["a"]):
            pass
        return time.perf_counter() - started

    assert min(run() for _ in range(10)) < 0.02
    assert not list_threads()


def test_closes_sockets_and_threads_of_clients_that_stay() -> None:
    with filled() as broker, FakeCluster(frozen=[1]) as frozen, SilentPeer() as silent:
        broker.on("Metadata", freeze=True)
        broker.on("ListGroups", delay_s=60)
        addresses = (broker.address, broker.address, frozen.address_of(1), silent.address)
        clients = [RawClient(address) for address in addresses]
        for client, api in zip(clients, ("Metadata", "ListGroups", "ListGroups", "ListGroups"), strict=True):
            client.send(api, 1, {"topics": None} if api == "Metadata" else {})
        broker.wait_for("Metadata")
        broker.wait_for("ListGroups")
        frozen.wait_for("ListGroups")
        started = time.perf_counter()
    assert time.perf_counter() - started < SOON_S
    for client in clients:
        client.socket.settimeout(SOON_S)
        with client.socket, contextlib.suppress(ConnectionResetError):
            assert client.socket.recv(1) == b""
    assert not list_threads()


def test_a_dead_address_refuses() -> None:
    with dead_address() as address, pytest.raises(ConnectionRefusedError):
        RawClient(address)


def test_what_is_no_request_closes_the_connection(broker: FakeBroker) -> None:
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\0\0\0\x03abc", b"\x16\x03\x01\x02\x00"):
        with RawClient(broker.address) as client:
            client.socket.sendall(data)
            with contextlib.suppress(ConnectionResetError):
                assert client.read(1) == b""


# ---- every request in every version

_TOPIC_ROW = {"name": "orders", "partitions": [{"partition_index": 0, "timestamp": -1, "max_num_offsets": 1}]}
_ACL_FILTER = {
    "resource_type_filter": 1,
    "resource_name_filter": None,
    "pattern_type_filter": 1,
    "principal_filter": None,
    "host_filter": None,
    "operation": 1,
    "permission_type": 1,
}
_OFFSET = {"partition_index": 0, "committed_offset": 2, "committed_metadata": ""}
SAMPLES: dict[str, Fields] = {
    "ApiVersions": {"client_software_name": "raw", "client_software_version": "1"},
    "Metadata": {"topics": [{"name": "orders"}, {"name": "nosuch"}]},
    "DescribeCluster": {},
    "DescribeTopicPartitions": {"topics": [{"name": "orders"}], "cursor": None},
    "CreateTopics": {
        "topics": [
            {"name": "made", "num_partitions": 2, "replication_factor": 1, "assignments": [], "configs": []},
            {
                "name": "set",
                "num_partitions": -1,
                "replication_factor": -1,
                "assignments": [{"partition_index": 0, "broker_ids": [1]}],
                "configs": [{"name": "retention.ms", "value": "9"}],
            },
        ],
        "timeout_ms": 1,
    },
    "DeleteTopics": {"topics": [{"name": "orders"}], "topic_names": ["orders"], "timeout_ms": 1},
    "CreatePartitions": {
        "topics": [{"name": "orders", "count": 4, "assignments": None}],
        "timeout_ms": 1,
        "validate_only": False,
    },
    "ListOffsets": {"topics": [_TOPIC_ROW]},
    "DeleteRecords": {
        "topics": [{"name": "orders", "partitions": [{"partition_index": 0, "offset": 2}]}],
        "timeout_ms": 1,
    },
    "DescribeConfigs": {"resources": [{"resource_type": 2, "resource_name": "orders", "configuration_keys": None}]},
    "IncrementalAlterConfigs": {
        "resources": [
            {
                "resource_type": 2,
                "resource_name": "orders",
                "configs": [{"name": "retention.ms", "config_operation": 0, "value": "7"}],
            }
        ],
        "validate_only": False,
    },
    "AlterConfigs": {
        "resources": [
            {"resource_type": 2, "resource_name": "orders", "configs": [{"name": "retention.ms", "value": "7"}]}
        ],
        "validate_only": False,
    },
    "ListConfigResources": {"resource_types": [2, 4, 16]},
    "FindCoordinator": {"key": "idle", "coordinator_keys": ["idle"]},
    "ListGroups": {},
    "DescribeGroups": {"groups": ["busy", "nosuch"]},
    "ConsumerGroupDescribe": {"group_ids": ["new", "nosuch"], "include_authorized_operations": False},
    "OffsetFetch": {"group_id": "idle", "topics": None, "groups": [{"group_id": "idle", "topics": None}]},
    "OffsetCommit": {"group_id": "idle", "member_id": "", "topics": [{"name": "orders", "partitions": [_OFFSET]}]},
    "OffsetDelete": {"group_id": "idle", "topics": [{"name": "orders", "partitions": [{"partition_index": 0}]}]},
    "DeleteGroups": {"groups_names": ["idle", "busy"]},
    "LeaveGroup": {"group_id": "busy", "member_id": "m-1", "members": [{"member_id": "m-1"}]},
    "DescribeClientQuotas": {"components": [], "strict": False},
    "AlterClientQuotas": {
        "entries": [
            {
                "entity": [{"entity_type": "user", "entity_name": "ann"}],
                "ops": [{"key": "producer_byte_rate", "value": 5.0, "remove": False}],
            }
        ],
        "validate_only": False,
    },
    "DescribeUserScramCredentials": {"users": None},
    "AlterUserScramCredentials": {
        "deletions": [],
        "upsertions": [{"name": "ann", "mechanism": 1, "iterations": 4096, "salt": b"s", "salted_password": b"p"}],
    },
    "DescribeLogDirs": {"topics": None},
    "AlterReplicaLogDirs": {"dirs": [{"path": "/disk2", "topics": [{"name": "orders", "partitions": [0]}]}]},
    "AlterPartitionReassignments": {
        "topics": [{"name": "orders", "partitions": [{"partition_index": 0, "replicas": [1]}]}]
    },
    "ListPartitionReassignments": {"topics": None},
    "InitProducerId": {"transactional_id": None, "transaction_timeout_ms": 1},
    "ListTransactions": {"state_filters": [], "producer_id_filters": []},
    "DescribeTransactions": {"transactional_ids": ["billing-1"]},
    "DescribeProducers": {"topics": [{"name": "orders", "partition_indexes": [0]}]},
    "WriteTxnMarkers": {
        "markers": [
            {
                "producer_id": 1,
                "producer_epoch": 0,
                "transaction_result": False,
                "topics": [{"name": "orders", "partition_indexes": [0]}],
                "coordinator_epoch": 0,
            }
        ]
    },
    "DescribeAcls": _ACL_FILTER,
    "CreateAcls": {
        "creations": [
            {
                "resource_type": 2,
                "resource_name": "orders",
                "resource_pattern_type": 3,
                "principal": "User:ann",
                "host": "*",
                "operation": 3,
                "permission_type": 3,
            }
        ]
    },
    "DeleteAcls": {"filters": [_ACL_FILTER]},
    "ElectLeaders": {"election_type": 0, "topic_partitions": None, "timeout_ms": 1},
    "UnregisterBroker": {"broker_id": 1},
    "UpdateFeatures": {"feature_updates": [{"feature": "metadata.version", "max_version_level": 27}]},
    "AddRaftVoter": {
        "cluster_id": None,
        "timeout_ms": 1,
        "voter_id": 9,
        "voter_directory_id": None,
        "listeners": [{"name": "CONTROLLER", "host": "localhost", "port": 9093}],
    },
    "RemoveRaftVoter": {"cluster_id": None, "voter_id": 1, "voter_directory_id": None},
    "CreateDelegationToken": {"renewers": [], "max_lifetime_ms": -1},
    "DescribeDelegationToken": {"owners": None},
    "RenewDelegationToken": {"hmac": b"h", "renew_period_ms": -1},
    "ExpireDelegationToken": {"hmac": b"h", "expiry_time_period_ms": 5},
    "DescribeQuorum": {"topics": [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}]},
}


def test_every_request_has_a_sample() -> None:
    assert SAMPLES.keys() == {*HANDLERS, "ApiVersions"}


@pytest.mark.parametrize("api", SAMPLES)
def test_every_version_is_answered(api: str) -> None:
    kind = apis()[api_key(api)]
    for version in range(kind.max_version + 1):
        with filled(api_versions={api: (0, kind.max_version)}) as broker:
            answer = ask(broker.address, api, version, **SAMPLES[api])
        assert not answer.get("error_code"), f"{api} {version}"


@pytest.mark.parametrize("release", [name for name in releases() if not name.startswith("0.8")])
def test_tables_of_releases_can_be_read(release: str) -> None:
    with filled(api_versions=release) as broker:
        for key, (_, version) in broker.nodes[1].versions.items():
            if api_name(key) in SAMPLES:
                ask(broker.address, api_name(key), version, **SAMPLES[api_name(key)])


def test_too_new_versions_are_refused_as_brokers_do() -> None:
    old = {"ApiVersions": (0, 2), "Metadata": (0, 5)}
    with filled(api_versions=old) as broker, RawClient(broker.address) as client:
        client.send("ApiVersions", 3, SAMPLES["ApiVersions"])
        _, answer = decode_answer(18, 0, client.read_frame())
        assert answer == {"error_code": 35, "api_keys": [{"api_key": 18, "min_version": 0, "max_version": 2}]}
        client.send("Metadata", 6, {"topics": None})
        assert client.read_frame() == b""


# ---- librdkafka


def test_librdkafka_reads(broker: FakeBroker) -> None:
    client = admin(broker.address)
    assert set(client.list_topics(timeout=SOON_S).topics) == {"orders", "other"}
    described = client.describe_topics(TopicCollection(["orders"]))["orders"].result(SOON_S)
    assert [partition.leader.id for partition in described.partitions] == [1, 1]
    assert client.describe_cluster().result(SOON_S).controller.id == 1
    configs = next(iter(client.describe_configs([ConfigResource("topic", "orders")]).values())).result(SOON_S)
    assert (configs["retention.ms"].value, configs["segment.bytes"].value) == ("5", "1073741824")
    offsets = client.list_offsets({TopicPartition("orders", 1): OffsetSpec.earliest()})
    assert [future.result(SOON_S).offset for future in offsets.values()] == [3]


def test_librdkafka_reads_groups(broker: FakeBroker) -> None:
    client = admin(broker.address)
    groups = client.list_consumer_groups().result(SOON_S).valid
    assert {(group.group_id, group.type.name) for group in groups} == {
        ("idle", "CLASSIC"),
        ("busy", "CLASSIC"),
        ("new", "CONSUMER"),
    }
    for future in client.describe_consumer_groups(["busy", "new"]).values():
        worker = future.result(SOON_S).members[0]
        assert worker.client_id == "worker"
        assert [place.partition for place in worker.assignment.topic_partitions] == [0, 1]
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.address, "group.id": "idle", **QUIET})
    place = TopicPartition("orders", 0)
    assert consumer.get_watermark_offsets(place, timeout=SOON_S) == (0, 10)
    assert consumer.committed([place], timeout=SOON_S)[0].offset == 4
    at_time = consumer.offsets_for_times([TopicPartition("orders", 0, 1_700_000_004_500)], timeout=SOON_S)
    assert at_time[0].offset == 5
    consumer.close()


def test_librdkafka_changes(broker: FakeBroker) -> None:
    client = admin(broker.address)
    created = client.create_topics([NewTopic("made", 3, 1), NewTopic("orders", 1, 1), NewTopic("a b", 1, 1)])
    codes = {name: code_of(future) for name, future in created.items()}
    assert codes == {"made": 0, "orders": KafkaError.TOPIC_ALREADY_EXISTS, "a b": KafkaError.TOPIC_EXCEPTION}
    assert code_of(client.create_partitions([NewPartitions("made", 5)])["made"]) == 0
    assert len(broker.state.topics["made"].all_partitions) == 5
    assert code_of(client.delete_records([TopicPartition("orders", 0, 6)])[TopicPartition("orders", 0)]) == 0
    assert broker.state.topics["orders"].all_partitions[0].begin == 6
    deleted = client.delete_topics(["made", "nosuch"])
    assert [code_of(deleted[name]) for name in ("made", "nosuch")] == [0, KafkaError.UNKNOWN_TOPIC_OR_PART]
    groups = client.delete_consumer_groups(["idle", "busy"])
    assert [code_of(groups[name]) for name in ("idle", "busy")] == [0, KafkaError.NON_EMPTY_GROUP]
    assert set(broker.state.topics) == {"orders", "other"}
    assert set(broker.state.groups) == {"busy", "new"}


# ---- kafka-python


@pytest.fixture
def requests_client(broker: FakeBroker) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=broker.address, request_timeout_ms=5000)
    yield client
    client.close()


def test_kafka_python_reads(requests_client: KafkaAdminClient) -> None:
    assert sorted(requests_client.list_topics()) == ["orders", "other"]
    assert requests_client.describe_cluster()["brokers"][0]["broker_id"] == 1
    assert {group["group_id"] for group in requests_client.list_groups()} == {"idle", "busy", "new"}
    assert requests_client.describe_groups(["busy"])["busy"]["members"][0]["member_assignment"]["assigned_partitions"]
    folder = requests_client.describe_log_dirs()[0]["log_dirs"][0]
    assert {topic["name"]: len(topic["partitions"]) for topic in folder["topics"]} == {"orders": 2, "other": 1}


def test_kafka_python_changes(broker: FakeBroker, requests_client: KafkaAdminClient) -> None:
    from kafka import TopicPartition as Place

    broker.state.brokers[2] = Broker(id=2, host="127.0.0.1", port=1)
    assert requests_client.alter_partition_reassignments({Place("other", 0): [2]})[Place("other", 0)] is None
    assert requests_client.list_partition_reassignments()[Place("other", 0)]["adding_replicas"] == [2]
    broker.state.finish_reassignments()
    assert broker.state.topics["other"].all_partitions[0].leader == 2
    outcomes = requests_client.delete_group_offsets("idle", [Place("orders", 0)])
    assert outcomes[Place("orders", 0)].errno == 0
    assert broker.state.groups["idle"].offsets == {}


def test_quotas_users_and_rights_are_kept(broker: FakeBroker) -> None:
    for api in ("AlterClientQuotas", "AlterUserScramCredentials", "CreateAcls"):
        ask(broker.address, api, apis()[api_key(api)].max_version, **SAMPLES[api])
    assert broker.state.quotas == {frozenset({("user", "ann")}): {"producer_byte_rate": 5.0}}
    assert broker.state.scram == {"ann": {1: 4096}}
    assert broker.state.acls == [Acl(resource_name="orders", principal="User:ann")]
    assert len(ask(broker.address, "DescribeClientQuotas", 0, **SAMPLES["DescribeClientQuotas"])["entries"]) == 1
    for pattern_type, name, count in ((2, "orders", 1), (3, "orders", 1), (4, "orders", 0), (3, "other", 0)):
        wish = {**_ACL_FILTER, "pattern_type_filter": pattern_type, "resource_name_filter": name}
        assert len(ask(broker.address, "DescribeAcls", 3, **wish)["resources"]) == count


# ---- errors


def test_an_error_goes_everywhere_and_nothing_is_done(broker: FakeBroker) -> None:
    behaviour = broker.on("DeleteTopics", error=NOT_CONTROLLER, error_message="no", times=1)
    answer = ask(broker.address, "DeleteTopics", 5, topic_names=["orders", "other"], timeout_ms=1)
    assert [(item["error_code"], item["error_message"]) for item in answer["responses"]] == [(41, "no"), (41, "no")]
    assert set(broker.state.topics) == {"orders", "other"}
    answer = ask(broker.address, "DeleteTopics", 5, topic_names=["orders", "other"], timeout_ms=1)
    assert [item["error_code"] for item in answer["responses"]] == [0, 0]
    assert (behaviour.hits, len(broker.requests_of("DeleteTopics")), broker.state.topics) == (1, 2, {})


@pytest.mark.parametrize("version", [5, 6])
@pytest.mark.parametrize("item", ["orders", 0])
def test_an_error_hits_one_item(broker: FakeBroker, item: str | int, version: int) -> None:
    broker.on("DeleteTopics", error=NOT_CONTROLLER, item=item)
    topics = {"topics": [{"name": "orders"}, {"name": "other"}], "topic_names": ["orders", "other"]}
    answer = ask(broker.address, "DeleteTopics", version, **topics, timeout_ms=1)
    assert [result["error_code"] for result in answer["responses"]] == [41, 0]
    assert set(broker.state.topics) == {"orders"}


def test_an_error_hits_a_topic_by_id(broker: FakeBroker) -> None:
    broker.on("DeleteTopics", error=NOT_CONTROLLER, item="orders")
    topics = [{"name": None, "topic_id": broker.state.topics[name].id} for name in ("other", "orders")]
    answer = ask(broker.address, "DeleteTopics", 6, topics=topics, timeout_ms=1)
    assert [result["error_code"] for result in answer["responses"]] == [0, 41]
    assert set(broker.state.topics) == {"orders"}


def test_an_error_hits_one_partition(broker: FakeBroker) -> None:
    broker.on("OffsetCommit", error=28, item=("orders", 1))
    rows = [{**_OFFSET, "partition_index": number} for number in (0, 1)]
    request = {"group_id": "idle", "member_id": "", "topics": [{"name": "orders", "partitions": rows}]}
    answer = ask(broker.address, "OffsetCommit", 8, **request)
    assert [row["error_code"] for row in answer["topics"][0]["partitions"]] == [0, 28]
    assert broker.state.groups["idle"].offsets == {("orders", 0): 2}


def test_an_error_hits_a_group_that_only_the_request_names(broker: FakeBroker) -> None:
    broker.on("OffsetFetch", error=30, item="idle")
    answers = [ask(broker.address, "OffsetFetch", 7, group_id=name, topics=None) for name in ("idle", "busy")]
    assert [answer["error_code"] for answer in answers] == [30, 0]


def test_an_error_hits_one_level(broker: FakeBroker) -> None:
    wish = {"topics": [{"name": "orders"}]}
    broker.on("Metadata", error=31, level="top", times=1)
    answer = ask(broker.address, "Metadata", 13, **wish)
    assert (answer["error_code"], answer["topics"][0]["error_code"]) == (31, 0)
    broker.on("Metadata", error=29, level="items", times=1)
    answer = ask(broker.address, "Metadata", 13, **wish)
    assert (answer["error_code"], answer["topics"][0]["error_code"]) == (0, 29)


def test_clients_see_errors(broker: FakeBroker, requests_client: KafkaAdminClient) -> None:
    broker.on("CreateTopics", error=44, error_message="the test says no", item="bad")
    client = admin(broker.address)
    created = client.create_topics([NewTopic("good", 1, 1), NewTopic("bad", 1, 1)])
    assert {name: code_of(future) for name, future in created.items()} == {"good": 0, "bad": 44}
    assert "bad" not in broker.state.topics
    broker.on("ListPartitionReassignments", error=CLUSTER_AUTHORIZATION_FAILED)
    with pytest.raises(errors.ClusterAuthorizationFailedError):
        requests_client.list_partition_reassignments()


def test_behaviours_choose_requests(broker: FakeBroker) -> None:
    broker.on("*", error=7, but=("ApiVersions", "ListGroups"), when=lambda request: request.version < 9)
    assert ask(broker.address, "Metadata", 8, topics=None)["topics"][0]["error_code"] == 7
    assert ask(broker.address, "Metadata", 9, topics=None)["topics"][0]["error_code"] == 0
    assert ask(broker.address, "ListGroups", 1)["error_code"] == 0
    broker.clear()
    assert ask(broker.address, "Metadata", 8, topics=None)["topics"][0]["error_code"] == 0
    with pytest.raises(KeyError):
        broker.on("DeleteTopic", error=7)


def test_an_answer_can_be_changed(broker: FakeBroker) -> None:
    def add_broker(request: Request, answer: Fields) -> Fields:
        assert request.client_id == "raw"
        answer["brokers"].append({"node_id": 9, "host": "nowhere", "port": 1, "rack": None})
        return answer

    broker.on("Metadata", answer=add_broker, times=1)
    assert [item["node_id"] for item in ask(broker.address, "Metadata", 9, topics=[])["brokers"]] == [1, 9]
    broker.on("Metadata", answer=lambda request, answer: b"bytes")
    with RawClient(broker.address) as client:
        client.send("Metadata", 9, {"topics": []})
        assert client.read(5) == b"bytes"


def test_a_request_without_a_handler_can_be_answered(broker: FakeBroker) -> None:
    with RawClient(broker.address) as client:
        client.send("SaslHandshake", 0, {})
        assert client.read_frame() == b""
    broker.on("SaslHandshake", error=14)
    assert ask(broker.address, "SaslHandshake", 0)["error_code"] == 14


def test_a_mistake_of_the_test_fails_the_test() -> None:
    broker = filled().__enter__()
    broker.on("ListGroups", answer=lambda request, answer: {"nothing": 1})
    with RawClient(broker.address) as client:
        client.send("ListGroups", 0, {})
        assert client.read_frame() == b""
    with pytest.raises(AssertionError, match="has no field nothing"):
        broker.__exit__(None, None, None)


# ---- faults


def test_a_late_answer_to_librdkafka(broker: FakeBroker) -> None:
    broker.on("DeleteTopics", delay_s=60)
    client = admin(broker.address)
    assert code_of(client.delete_topics(["orders"], request_timeout=0.5)["orders"]) == KafkaError._TIMED_OUT
    assert len(broker.requests_of("DeleteTopics")) == 1
    assert "orders" not in broker.state.topics


def test_a_late_answer_to_kafka_python(broker: FakeBroker) -> None:
    broker.on("ListPartitionReassignments", delay_s=60)
    client = KafkaAdminClient(bootstrap_servers=broker.address, request_timeout_ms=300)
    with pytest.raises(errors.KafkaError):
        client.list_partition_reassignments()
    client.close()
    broker.wait_for("ListPartitionReassignments")


@pytest.mark.parametrize("applied", [True, False])
def test_a_connection_that_closes_on_a_write(broker: FakeBroker, applied: bool) -> None:
    broker.on("DeleteTopics", close=True, applied=applied)
    client = admin(broker.address)
    assert code_of(client.delete_topics(["orders"], request_timeout=SOON_S)["orders"]) == KafkaError._TRANSPORT
    assert len(broker.requests_of("DeleteTopics")) == 1
    assert ("orders" in broker.state.topics) is not applied


def test_half_an_answer(broker: FakeBroker) -> None:
    whole = b""
    for half in (False, True):
        if half:
            broker.on("ListGroups", half_answer=True)
        with RawClient(broker.address) as client:
            client.send("ListGroups", 3, {})
            data = client.read(4 + len(whole) if half else 4)
            whole = whole or client.read(struct.unpack(">i", data)[0])
    assert len(data) == (4 + len(whole)) // 2


def test_a_reset(broker: FakeBroker) -> None:
    broker.on("ListGroups", reset=True)
    with RawClient(broker.address) as client:
        client.send("ListGroups", 3, {})
        with pytest.raises(ConnectionResetError):
            client.read(1)


def test_false_lengths_garbage_and_wrong_numbers(broker: FakeBroker) -> None:
    for length in (-5, 2_000_000_000):
        broker.clear()
        broker.on("ListGroups", length=length)
        with RawClient(broker.address) as client:
            client.send("ListGroups", 3, {})
            assert client.read(4) == struct.pack(">i", length)
    broker.clear()
    broker.on("ListGroups", garbage=b"\0\1\2", times=1)
    broker.on("DescribeGroups", wrong_correlation=True)
    with RawClient(broker.address) as client:
        client.send("ListGroups", 3, {})
        assert client.read(3) == b"\0\1\2"
        client.send("DescribeGroups", 0, {"groups": []}, correlation_id=5)
        assert struct.unpack(">i", client.read_frame()[:4]) == (1_000_005,)


def test_librdkafka_survives_faults_of_the_protocol() -> None:
    for fault in ({"length": -5}, {"length": 2_000_000_000}, {"garbage": b"\0\0\0\x08garbage!"}, {"half_answer": True}):
        with filled() as broker:
            broker.on("*", but=("ApiVersions",), **fault)
            with pytest.raises(KafkaException):
                admin(broker.address).list_topics(timeout=0.3)
            assert broker.requests_of("Metadata")


def test_a_frozen_request_keeps_its_connection_silent(broker: FakeBroker) -> None:
    broker.on("CreateTopics", freeze=True)
    with RawClient(broker.address) as client:
        client.send("CreateTopics", 4, SAMPLES["CreateTopics"])
        broker.wait_for("CreateTopics")
        assert client.is_silent()
    assert "made" not in broker.state.topics
    assert ask(broker.address, "ListGroups", 0)["groups"]


# ---- clusters


def test_brokers_have_their_duties() -> None:
    topic = Topic("t", [placed([1, 2]), placed([2, 1]), Partition(leader=None)])
    with FakeCluster(topics=[topic], groups=["g"], controller_id=3, coordinator_id=2) as cluster:
        answer = ask(cluster.address_of(1), "Metadata", 9, topics=None)
        assert ([item["node_id"] for item in answer["brokers"]], answer["controller_id"]) == ([1, 2, 3], 3)
        assert [item["error_code"] for item in answer["topics"][0]["partitions"]] == [0, 0, 5]
        rows = [{"partition_index": number, "timestamp": -1} for number in (0, 1, 7)]
        answer = ask(cluster.address_of(2), "ListOffsets", 5, topics=[{"name": "t", "partitions": rows}])
        assert [row["error_code"] for row in answer["topics"][0]["partitions"]] == [6, 0, 3]
        assert ask(cluster.address_of(1), "FindCoordinator", 0, key="g")["node_id"] == 2
        assert ask(cluster.address_of(1), "DescribeGroups", 0, groups=["g"])["groups"][0]["error_code"] == 16
        assert ask(cluster.address_of(1), "ListGroups", 0)["groups"] == []
        assert [group["group_id"] for group in ask(cluster.address_of(2), "ListGroups", 0)["groups"]] == ["g"]
        assert len(cluster.requests_of("ListGroups", broker=2)) == 1


def test_a_frozen_broker_answers_after_it_is_thawed() -> None:
    with FakeCluster(frozen=[2], topics=["t"]) as cluster, RawClient(cluster.address_of(2)) as client:
        client.send("CreateTopics", 4, SAMPLES["CreateTopics"])
        cluster.wait_for("CreateTopics")
        assert client.is_silent()
        assert "made" not in cluster.state.topics
        assert ask(cluster.address_of(1), "ListGroups", 0)["error_code"] == 0
        cluster.thaw(2)
        assert client.read_frame()
        assert "made" in cluster.state.topics


def test_librdkafka_goes_around_a_frozen_broker() -> None:
    with FakeCluster(frozen=[3], topics=["t"]) as cluster:
        client = admin(cluster.address_of(1))
        assert len(client.list_topics(timeout=SOON_S).brokers) == 3
        result = client.list_consumer_groups(request_timeout=1).result(SOON_S)
        assert [error.code() for error in result.errors] == [KafkaError._TIMED_OUT]


def test_dead_slow_and_revived_brokers() -> None:
    with FakeCluster(dead=[2], slow={3: 0.2}) as cluster:
        with pytest.raises(ConnectionRefusedError):
            RawClient(cluster.address_of(2))
        cluster.revive(2)
        assert ask(cluster.address_of(2), "ListGroups", 0)["error_code"] == 0
        with RawClient(cluster.address_of(2)) as client:
            client.ask("ListGroups", 0)
            cluster.kill(2)
            assert client.read(1) == b""
        with pytest.raises(ConnectionRefusedError):
            RawClient(cluster.address_of(2))
        started = time.monotonic()
        ask(cluster.address_of(3), "ListGroups", 0)
        assert time.monotonic() - started >= 0.2


def test_a_redirect_to_a_dead_address(broker: FakeBroker) -> None:
    with dead_address() as nowhere:
        broker.redirect(1, nowhere)
        assert str(ask(broker.address, "Metadata", 1, topics=[])["brokers"][0]["port"]) == nowhere.rpartition(":")[2]
        client = admin(broker.address)
        code = code_of(client.delete_topics(["orders"], request_timeout=0.5)["orders"])
        assert code in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT)
    assert not broker.requests_of("DeleteTopics")


def test_brokers_of_different_releases() -> None:
    with FakeCluster(brokers=2) as cluster:
        cluster.use_api_versions("2.1", broker=2)
        tables = [ask(cluster.address_of(n), "ApiVersions", 0)["api_keys"] for n in (1, 2)]
        assert [max(item["api_key"] for item in table) for table in tables] == [92, 42]
        assert cluster.nodes[2].versions[api_key("Metadata")] == (0, 7)


# ---- peers that are no brokers


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> TlsIdentity:
    return TlsIdentity.create(tmp_path_factory.mktemp("tls"))


def test_peers_talk_as_they_should(identity: TlsIdentity) -> None:
    peers = {HttpPeer(): b"HTTP/1.1 400 ", HttpPeer(200, "hello"): b"HTTP/1.1 200 ", TlsPeer(identity): b"\x15\x03"}
    for peer, start in {**peers, ZooKeeperPeer(): b"Zookeeper version", GarbagePeer(data=b"??"): b"??"}.items():
        with peer, RawClient(peer.address) as client:
            client.socket.sendall(b"srvr\0\0\0\0")
            assert client.read(len(start)) == start
            assert peer.connections == 1
    with SilentPeer() as peer, RawClient(peer.address) as client:
        client.socket.sendall(b"srvr")
        assert client.is_silent()
    with ClosingPeer(after_reading=True) as peer, RawClient(peer.address) as client:
        client.socket.sendall(b"srvr")
        assert client.read(1) == b""


def test_garbage_is_the_same_for_a_seed() -> None:
    pieces = []
    for _ in range(2):
        with GarbagePeer(seed=5) as peer, RawClient(peer.address) as client:
            client.socket.sendall(b"x")
            pieces.append(client.read(4096))
    assert pieces[0] == pieces[1]
    assert len(pieces[0]) == 4096


def test_brokers_behind_tls(identity: TlsIdentity) -> None:
    trust = ssl.create_default_context(cafile=str(identity.certificate))
    with filled(tls=identity) as broker:
        with RawClient(broker.address, trust) as client:
            assert client.ask("ListGroups", 0)["groups"]
        secured = {"security.protocol": "SSL", "ssl.ca.location": str(identity.certificate)}
        assert "orders" in admin(broker.address, **secured).list_topics(timeout=SOON_S).topics
        python = KafkaAdminClient(bootstrap_servers=broker.address, security_protocol="SSL", ssl_context=trust)
        assert "orders" in python.list_topics()
        python.close()


# ---- recordings


def test_a_recording_answers_like_the_cluster_did() -> None:
    topic = Topic("t", [placed([1]), placed([2])])
    wish = {"topics": [{"name": "t", "partitions": [{"partition_index": 1, "timestamp": -1}]}]}
    with FakeCluster(brokers=2, topics=[topic]) as real, FakeBroker.recording(real.address_of(1)) as proxy:
        topic.all_partitions[1].end = 42
        brokers = ask(proxy.address, "Metadata", 9, topics=None)["brokers"]
        second = f"{brokers[1]['host']}:{brokers[1]['port']}"
        assert second not in real.address
        assert ask(second, "ListOffsets", 5, **wish)["topics"][0]["partitions"][0]["offset"] == 42
        topic.all_partitions[1].end = 43
        ask(second, "ListOffsets", 5, **wish)
        client = admin(proxy.address)
        assert client.list_topics(timeout=SOON_S).topics["t"].partitions[1].leader == 2
        assert code_of(client.describe_cluster()) == 0
        data = json.loads(json.dumps(proxy.data))
    assert '"api": "ListOffsets"' in summary(data)
    with FakeBroker.replaying(data) as replay:
        brokers = ask(replay.address_of(1), "Metadata", 9, topics=None)["brokers"]
        second = f"{brokers[1]['host']}:{brokers[1]['port']}"
        rows = [ask(second, "ListOffsets", 5, **wish)["topics"][0]["partitions"][0] for _ in range(3)]
        assert [row["offset"] for row in rows] == [42, 43, 43]
        assert ask(second, "ListOffsets", 1, **wish)["topics"][0]["partitions"][0]["offset"] == 43
        assert admin(replay.address).list_topics(timeout=SOON_S).topics["t"].partitions[1].leader == 2
        replay.on("ListOffsets", error=6)
        assert ask(second, "ListOffsets", 5, **wish)["topics"][0]["partitions"][0]["error_code"] == 6
        with RawClient(replay.address_of(1)) as raw:
            raw.send("ListGroups", 0, {})
            assert raw.read_frame() == b""


def test_a_recording_ends_while_the_cluster_is_silent() -> None:
    with FakeBroker(frozen=[1]) as real:
        with FakeBroker.recording(real.address) as proxy, RawClient(proxy.address) as client:
            client.send("ListGroups", 0, {})
            real.wait_for("ListGroups")
            started = time.perf_counter()
        assert time.perf_counter() - started < SOON_S
    assert proxy.data["exchanges"] == []


# ---- the command


def test_the_command_reads(cli: Cli, broker: FakeBroker) -> None:
    cluster = ("-b", broker.address)
    assert cli.ok(*cluster, "topics", "list").split() == ["orders", "other"]
    assert "retention.ms" in cli.ok(*cluster, "topics", "describe", "orders")
    assert cli.ok(*cluster, "groups", "list").split() == ["busy", "idle", "new"]
    assert "worker" in cli.ok(*cluster, "groups", "describe", "new")


def test_the_command_changes(cli: Cli, broker: FakeBroker) -> None:
    cluster = ("-b", broker.address)
    cli.ok(*cluster, "topics", "create", "made", "--partitions", 3)
    assert len(broker.state.topics["made"].all_partitions) == 3
    cli.ok(*cluster, "topics", "delete", "made", "--yes")
    assert "made" not in broker.state.topics
    broker.on("DeleteTopics", error=29, item="orders")
    assert "orders" in cli(*cluster, "topics", "delete", "orders", "--yes", check=1).stderr
    assert "orders" in broker.state.topics


def test_the_command_sends_a_write_once(cli: Cli, broker: FakeBroker) -> None:
    broker.on("CreateTopics", close=True)
    cli("-b", broker.address, "--timeout", 5, "topics", "create", "made", check=3)
    assert len(broker.requests_of("CreateTopics")) == 1


def test_the_command_at_an_old_broker(cli: Cli) -> None:
    with filled(api_versions="2.1") as broker:
        assert cli.ok("-b", broker.address, "topics", "list").split() == ["orders", "other"]
        assert "too old" in cli("-b", broker.address, "users", "list", check=1).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("users list", "it does not have the request DescribeUserScramCredentials (Kafka 2.7 has it)"),
        ("configs describe client-metrics", "it does not have the request ListConfigResources (Kafka 3.7 has it)"),
        (
            "offsets orders --time earliest-pending-upload",
            "it has ListOffsets up to version 4, and version 11 is needed (Kafka 4.2 has it)",
        ),
        (
            "offsets orders --time earliest-local",
            "it has ListOffsets up to version 4, and version 8 is needed (Kafka 3.5 has it)",
        ),
        ("quotas list", "it does not have the request DescribeClientQuotas (Kafka 2.6 has it)"),
    ],
)
def test_a_broker_that_is_too_old_is_named(cli: Cli, arguments: str, reason: str) -> None:
    """Never an empty list: the error has the broker, the versions and the release of Kafka that would do."""
    with filled(api_versions="2.1") as broker:
        done = cli("-b", broker.address, *arguments.split(), check=1)
        assert (
            f"at {broker.address} is too old: {reason}" in done.stderr or f"broker is too old: {reason}" in done.stderr
        )


@pytest.mark.slow
def test_a_list_that_is_refused_is_no_empty_list(cli: Cli) -> None:
    with filled() as broker:
        broker.on("ListConfigResources", error=CLUSTER_AUTHORIZATION_FAILED)
        done = cli("-b", broker.address, "configs", "describe", "client-metrics", check=1)
        assert "cannot list the resources with configs" in done.stderr
        assert "needs DescribeConfigs on the cluster" in done.stderr
        cli.ok("-b", broker.address, "configs", "describe", "groups")


def test_the_command_at_wrong_addresses(cli: Cli, identity: TlsIdentity) -> None:
    with HttpPeer() as http, TlsPeer(identity) as tls, SilentPeer() as silent, ThreadPoolExecutor() as pool:
        addresses = [peer.address for peer in (http, tls, silent)]
        runs = pool.map(lambda address: cli("-b", address, "--timeout", 1, "topics", "list", check=3), addresses)
        assert all("error: cannot reach" in run.stderr for run in runs)


def test_the_command_over_tls(cli: Cli, identity: TlsIdentity) -> None:
    secured = ("-X", "security.protocol=SSL", "-X", f"ssl.ca.location={identity.certificate}")
    with filled(tls=identity) as broker:
        assert cli.ok("-b", broker.address, *secured, "topics", "list").split() == ["orders", "other"]
