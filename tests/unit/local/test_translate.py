from __future__ import annotations

import re
from itertools import count
from pathlib import Path

import pytest

from kafkactl.connection import properties
from kafkactl.local.compose import TARGETS, Service, load_target
from kafkactl.local.translate import (
    Loopback,
    format_properties,
    list_jvm_options,
    make_server_properties,
    make_zookeeper_properties,
)

DATA = {"/var/lib/kafka/data": Path("/here/data"), "/var/lib/zookeeper/data": Path("/here/zk")}


def service(**environment: str) -> Service:
    return Service("kafka-1", "image", environment, (), {}, ())


def test_names_as_the_image_maps_them() -> None:
    properties = make_server_properties(
        service(
            KAFKA_NODE_ID="1",
            KAFKA_A__B="underscore",
            KAFKA_A___B="dash",
            KAFKA_HEAP_OPTS="-Xmx1g",
            KAFKA_OPTS="-Dx=y",
            CLUSTER_ID="not a setting",
        ),
        Loopback({}),
        {},
    )
    assert properties == {"node.id": "1", "a_b": "underscore", "a-b": "dash"}


def test_a_single_kraft_node() -> None:
    target = load_target("kraft", {})
    loopback = Loopback.assign(target, count(20001))
    assert make_server_properties(target.services[0], loopback, DATA) == {
        "advertised.listeners": "INTERNAL://127.0.0.1:20001,EXTERNAL://127.0.0.1:9092",
        "broker.rack": "a",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": "1@127.0.0.1:20002",
        "group.initial.rebalance.delay.ms": "0",
        "inter.broker.listener.name": "INTERNAL",
        "listener.security.protocol.map": "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "listeners": "INTERNAL://127.0.0.1:20001,EXTERNAL://127.0.0.1:9092,CONTROLLER://127.0.0.1:20002",
        "log.dirs": "/here/data",
        "node.id": "1",
        "offsets.topic.replication.factor": "1",
        "process.roles": "broker,controller",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.replication.factor": "1",
    }


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_of_the_compose_network_is_left_and_no_port_is_taken_twice(name: str) -> None:
    target = load_target(name, {})
    loopback = Loopback.assign(target, count(20001))
    for one in target.nodes:
        translate = make_zookeeper_properties if one.is_zookeeper else make_server_properties
        for value in translate(one, loopback, DATA).values():
            assert not re.search(r"(?:kafka|controller)-\d:", value)
            assert "zookeeper-" not in value
            assert "0.0.0.0" not in value
    assert len(set(loopback.ports.values())) == len(loopback.ports)


def test_a_zookeeper_ensemble() -> None:
    target = load_target("zookeeper-cluster", {})
    loopback = Loopback.assign(target, count(20001))
    second = target.services[1]
    properties = make_zookeeper_properties(second, loopback, DATA)
    assert properties["clientPort"] == str(loopback.ports["zookeeper-2", 2181])
    assert properties["clientPortAddress"] == "127.0.0.1"
    assert properties["dataDir"] == "/here/zk"
    assert properties["server.2"] == "127.0.0.1:{}:{}".format(
        loopback.ports["zookeeper-2", 2888], loopback.ports["zookeeper-2", 3888]
    )
    assert {"initLimit", "syncLimit", "tickTime", "server.1", "server.3"} <= set(properties)


def test_names_that_begin_alike_are_told_apart() -> None:
    loopback = Loopback({("kafka-1", 9093): 1, ("kafka-10", 9093): 2})
    assert loopback.rewrite(service(), "kafka-10:9093,kafka-1:9093,my-kafka-1:9093,kafka-1:90931") == (
        "127.0.0.1:2,127.0.0.1:1,my-kafka-1:9093,kafka-1:90931"
    )


def test_a_path_is_replaced_whole_only() -> None:
    one = service(KAFKA_LOG_DIRS="/var/lib/kafka/data,/var/lib/kafka/data2,/var/lib/kafka/data/x")
    assert make_server_properties(one, Loopback({}), DATA)["log.dirs"] == "/here/data,/var/lib/kafka/data2,/here/data/x"


@pytest.mark.parametrize("keys", [("/a", "/a/b", "/k"), ("/k", "/a/b", "/a")])
def test_a_folder_of_this_host_is_not_replaced_again(keys: tuple[str, ...]) -> None:
    """It may lie below another container path, and one container path below another."""
    folders = {"/a": Path("/k/1"), "/a/b": Path("/a/2"), "/k": Path(r"/a\3")}
    one = service(KAFKA_LOG_DIRS="/a/x,/a/b/x,/k/x,/a/bc")
    told = make_server_properties(one, Loopback({}), {key: folders[key] for key in keys})
    assert told["log.dirs"] == r"/k/1/x,/a/2/x,/a\3/x,/k/1/bc"


def test_properties_survive_backslashes() -> None:
    assert format_properties({"log.dirs": r"C:\kafka"}) == "log.dirs=C:\\\\kafka\n"


def test_properties_have_only_characters_that_java_reads(tmp_path: Path) -> None:
    """Java reads such a file as Latin-1, and \\uXXXX as a unit of UTF-16."""
    settings = {"log.dirs": "/home/jürgen/데이터/\U0001f600"}
    text = format_properties(settings)
    assert text.isascii()
    assert text.count("\\u") == 6
    file = tmp_path / "a.properties"
    file.write_text(text)
    assert properties.read(file) == settings


def test_options_for_java() -> None:
    one = service(KAFKA_HEAP_OPTS="-Xms1m -Xmx2m", KAFKA_OPTS="-Dx=y", KAFKA_NODE_ID="1")
    assert list_jvm_options(one) == ["-Xms1m", "-Xmx2m", "-Dx=y"]
