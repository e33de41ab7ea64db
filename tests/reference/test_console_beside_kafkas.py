"""kafka-console-producer and kafka-console-consumer beside ours, on the same cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests import java_tools
from tests.clusters import RunningCluster

PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"


def produce_by_java(cluster: RunningCluster, topic: str, text: str, *arguments: object) -> int:
    """In a JVM of its own: the tool sends what is left when its JVM ends."""
    where = ["--bootstrap-server", cluster.bootstrap_servers, "--topic", topic]
    return java_tools.run_alone(PRODUCER, *where, *arguments, input=text).returncode


def consume_by_java(cluster: RunningCluster, *arguments: object) -> str:
    return str(cluster.java(CONSUMER, "--bootstrap-server", cluster.bootstrap_servers, *arguments).stdout)


def read(cluster: RunningCluster, topic: str) -> list[tuple[object, ...]]:
    text = cluster.cli.ok("consume", topic, "--from-beginning", "--exit", "-o", "json")
    return [(each["key"], each["value"], each["headers"]) for each in map(json.loads, text.splitlines())]


def as_flags(flag: str, properties: list[str]) -> list[str]:
    return [text for each in properties for text in (flag, each)]


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        (["parse.key=true"], "a\tb\tc\n한\t글\nk\t\n\tv\n"),
        (
            ["parse.headers=true", "parse.key=true", "null.marker=NIL", "key.separator=|", "headers.delimiter=|"],
            "h:1,n:NIL,e:|k|v\nNIL|NIL|NIL\nh:a:b|k|x|y\n",
        ),
        (["parse.headers=true", "parse.key=true", "ignore.error=true"], "h:1\tk\tv\nplain\nbad,h:1\tk\tv\nh:1\tv\n"),
        (["null.marker="], "\nx\n"),
    ],
)
def test_lines_are_read_alike(kraft: RunningCluster, name: str, properties: list[str], text: str) -> None:
    for topic in (f"{name}-ours", f"{name}-java"):
        kraft.cli.ok("topics", "create", topic, "-p", 1)
    kraft.cli.ok("console-producer", "--topic", f"{name}-ours", *as_flags("--reader-property", properties), input=text)
    assert produce_by_java(kraft, f"{name}-java", text, *as_flags("--reader-property", properties)) == 0
    ours = read(kraft, f"{name}-ours")
    assert ours == read(kraft, f"{name}-java")
    assert len(ours) == text.count("\n")


def test_a_hundred_thousand_keys_land_where_javas_producer_puts_them(kraft: RunningCluster, name: str) -> None:
    text = "".join(f"{number * 7919:x}{'é' * (number % 3)}\t{number}\n" for number in range(100_000))
    placed = []
    for topic in (f"{name}-ours", f"{name}-java"):
        kraft.cli.ok("topics", "create", topic, "-p", 17)
        if topic.endswith("-ours"):
            kraft.cli.ok("produce", topic, "--property", "parse.key=true", input=text)
        else:
            assert produce_by_java(kraft, topic, text, "--reader-property", "parse.key=true") == 0
        shown = kraft.cli.ok("consume", topic, "--from-beginning", "--exit", "--format", "%p %k\\n")
        placed.append(sorted(shown.splitlines()))
    assert len(placed[0]) == 100_000
    assert placed[0] == placed[1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        as_flags("--formatter-property", [f"print.{each}=true" for each in ("timestamp", "partition", "offset")]),
        as_flags("--formatter-property", ["print.headers=true", "print.key=true", "headers.separator=;"]),
        as_flags("--formatter-property", ["print.key=true", "key.separator= : ", "null.literal=NIL"]),
        as_flags("--formatter-property", ["print.value=false", "print.key=true", "line.separator=|"]),
        as_flags("--formatter-property", ["print.delivery=true"]),
        as_flags("--formatter-property", ["print.value=false"]),
        ["--formatter", "org.apache.kafka.tools.consumer.NoOpMessageFormatter"],
        ["--formatter", "org.apache.kafka.tools.consumer.LoggingMessageFormatter"],
        [
            *("--value-deserializer", "org.apache.kafka.common.serialization.StringDeserializer"),
            *("--formatter-property", "print.key=true"),
            *("--formatter-property", "key.deserializer=org.apache.kafka.common.serialization.StringDeserializer"),
        ],
    ],
)
def test_records_are_printed_alike(cluster: RunningCluster, name: str, arguments: list[str]) -> None:
    cluster.cli.ok("topics", "create", name, "-p", 1)
    flags = ["parse.headers=true", "parse.key=true", "null.marker=NIL"]
    text = "h:1,n:NIL\tk\tv\nNIL\tNIL\tNIL\na:b\t\t한글\n"
    cluster.cli.ok("produce", name, *as_flags("--property", flags), input=text)
    where = ["--topic", name, "--from-beginning", "--max-messages", 3, *arguments]
    assert cluster.cli.ok("console-consumer", *where) == consume_by_java(cluster, *where)


@pytest.mark.parametrize(
    ("kind", "keys"), [("Long", ["7", "-1"]), ("Integer", ["7", "-1"]), ("Double", ["1.5", "-0.0"])]
)
def test_numbers_are_printed_alike(kraft: RunningCluster, name: str, kind: str, keys: list[str]) -> None:
    format = {"Long": "long", "Integer": "int", "Double": "double"}[kind]
    kraft.cli.ok("topics", "create", name, "-p", 1)
    kraft.cli.ok("produce", name, "--value-format", format, input="".join(f"{key}\n" for key in keys))
    deserializer = f"org.apache.kafka.common.serialization.{kind}Deserializer"
    where = ["--topic", name, "--from-beginning", "--max-messages", 2, "--value-deserializer", deserializer]
    assert kraft.cli.ok("console-consumer", *where) == consume_by_java(kraft, *where) == "".join(f"{k}\n" for k in keys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--offset", "earliest"],
        ["--offset", "1"],
        ["--offset", "2", "--isolation-level", "read_committed"],
        ["--from-beginning"],
    ],
)
def test_partitions_are_read_alike(kraft: RunningCluster, name: str, arguments: list[str]) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 2)
    kraft.cli.ok("produce", name, "--partition", 1, input="a\nb\nc\n")
    where = ["--topic", name, "--partition", 1, *arguments, "--max-messages", 1]
    assert kraft.cli.ok("console-consumer", *where) == consume_by_java(kraft, *where)


@pytest.mark.parametrize(
    ("formatter", "topic"),
    [
        ("OffsetsMessageFormatter", "__consumer_offsets"),
        ("GroupMetadataMessageFormatter", "__consumer_offsets"),
        ("TransactionLogMessageFormatter", "__transaction_state"),
    ],
)
def test_internal_topics_are_printed_alike(kraft: RunningCluster, name: str, formatter: str, topic: str) -> None:
    kraft.cli.ok("topics", "create", name, "-p", 1)
    kraft.cli.ok("produce", name, "--transactional-id", name, input="a\n")
    kraft.cli.ok("consume", name, "--group", name, "--from-beginning", "--exit")
    where = ["--topic", topic, "--from-beginning", "--formatter", f"org.apache.kafka.tools.consumer.{formatter}"]
    ours = kraft.cli.ok("console-consumer", *where, "--exit")
    theirs = consume_by_java(kraft, *where, "--timeout-ms", 5000)
    mine = sorted(text for text in ours.splitlines() if f'"{name}"' in text)
    assert mine
    assert mine == sorted(text for text in objects(theirs) if f'"{name}"' in text)


def objects(text: str) -> Iterator[str]:
    """Kafka's tool puts nothing between them."""
    at = 0
    while at < len(text):
        _, end = json.JSONDecoder().raw_decode(text, at)
        yield text[at:end]
        at = end
