"""The public interface of Python: the examples of docs/python.md on a broker, and what they do not show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import kafkactl
from kafkactl.errors import NotFoundError, OperationError, UnreachableError, UsageError
from tests.clusters import RunningCluster
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "python.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def client(kraft: RunningCluster) -> Iterator[kafkactl.Client]:
    with kafkactl.connect(bootstrap_servers=kraft.bootstrap_servers) as client:
        yield client


def test_every_example_runs(
    kraft: RunningCluster, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    printed = []
    for example in EXAMPLES:
        code = example.replace("localhost:9092", kraft.bootstrap_servers)
        code = code.replace('"orders"', f'"{name}"')
        code = code.replace('"billing"', f'"{name}-billing"').replace('"payments"', f'"{name}-payments"')
        exec(compile(code, "docs/python.md", "exec"), {})
        printed.append(capsys.readouterr().out)
    writing, reading, refusing, resetting, failing, segment = printed
    assert writing == "3 delivered, 0 not delivered\n"
    assert len(reading.splitlines()) == 3 + 2 + 3
    assert refusing == "record 1: unknown field 'val' - 1 delivered before it\n"
    assert resetting.startswith("0 [")
    assert "no-such-topic" in failing
    assert segment == "65\n"


def test_records_come_back_as_they_were_sent(client: kafkactl.Client, name: str) -> None:
    client.create_topic(name, partitions=1)
    sent = {"key": b"k", "value": None, "headers": [("h", b"1")], "timestamp": 1_700_000_000_000}
    assert client.produce(name, [sent, "text", b"\xff"]).delivered == 3
    records = list(client.consume(name, from_beginning=True))
    assert [(record.key, record.value) for record in records] == [(b"k", None), (None, b"text"), (None, b"\xff")]
    assert (records[0].headers, records[0].timestamp_ms) == ((("h", b"1"),), 1_700_000_000_000)
    assert [record.offset for record in client.consume(name, tail=2)] == [1, 2]
    assert [record.offset for record in client.consume(name, from_beginning=True, max_records=1)] == [0]
    late = client.consume(name, from_time=datetime(2024, 1, 1, tzinfo=UTC))
    assert [record.offset for record in late] == [1, 2]


@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_the_last_0_records_are_none(reset: str, kraft: RunningCluster, name: str) -> None:
    settings = {"auto.offset.reset": reset}
    with kafkactl.connect(bootstrap_servers=kraft.bootstrap_servers, properties=settings) as client:
        client.create_topic(name, partitions=1)
        assert client.produce(name, ["a", "b"]).delivered == 2
        assert list(client.consume(name, tail=0)) == []


def test_a_record_is_committed_when_the_next_one_is_asked_for(client: kafkactl.Client, name: str) -> None:
    client.create_topic(name, partitions=1)
    client.produce(name, map(str, range(10)))
    records = client.consume(name, group=name, from_beginning=True)
    assert [next(records).value for _ in range(4)] == [b"0", b"1", b"2", b"3"]
    records.close()  # type: ignore[attr-defined]
    assert [row.current_offset for row in client.read_lag(name).partitions] == [3]
    assert [record.value for record in client.consume(name, group=name, max_records=2)] == [b"3", b"4"]
    assert client.read_lag(name).total_lag == 5
    assert name in {group.group for group in client.list_groups()}


def test_a_partition_that_was_not_reached_begins_at_its_start(client: kafkactl.Client, name: str) -> None:
    """The first commit of such a partition says where the next consumer of the group goes on."""
    client.create_topic(name, partitions=4)
    for partition in range(4):
        client.produce(name, ["x"] * 5, partition=partition)
    records = client.consume(name, group=name, from_beginning=True)
    next(records)
    records.close()  # type: ignore[attr-defined]
    rest = client.consume(name, group=name)
    assert len(list(rest)) == 20, "neither lost nor passed over"


def test_resets(client: kafkactl.Client, name: str) -> None:
    client.create_topic(name, partitions=1)
    client.produce(name, map(str, range(10)))
    list(client.consume(name, group=name, from_beginning=True))
    targets = {"earliest": 0, "latest": 10, 4: 4, datetime(2024, 1, 1, tzinfo=UTC): 0}
    for target, offset in targets.items():
        (change,) = client.reset_offsets(name, to=target, execute=True)  # type: ignore[arg-type]
        assert (change.new_offset, change.ok, change.error) == (offset, True, None)
    (change,) = client.reset_offsets(name, shift_by=3)
    assert (change.old_offset, change.new_offset, change.ok) == (0, 3, None)


@pytest.mark.parametrize(
    "arguments", [{}, {"to": "earliest", "shift_by": 1}, {"to": "somewhere"}, {"to": datetime(2026, 1, 1)}]
)
def test_a_reset_has_one_target(client: kafkactl.Client, name: str, arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        client.reset_offsets(name, topics=[], **arguments)  # type: ignore[arg-type]


def test_errors_are_ours(client: kafkactl.Client, name: str) -> None:
    with pytest.raises(NotFoundError):
        client.describe_topics([name])
    with pytest.raises(NotFoundError):
        client.read_lag(name)
    with pytest.raises(OperationError, match="does not exist"):
        client.delete_topic(name)
    client.create_topic(name)
    with pytest.raises(OperationError, match="already exists"):
        client.create_topic(name)
    with pytest.raises(UsageError):
        client.produce(name, [3])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="mutually exclusive"):
        list(client.consume(name, group="g", tail=1))
    assert name in {topic.topic for topic in client.list_topics()}
    client.delete_topic(name)
    with pytest.raises(NotFoundError):
        client.delete_topic(name)


def test_records_before_a_wrong_one(client: kafkactl.Client, name: str) -> None:
    """A list is refused as a whole; of an iterable, the records before the wrong one are in the topic."""
    client.create_topic(name, partitions=1)
    wrong: list[object] = ["a", {"value": b"b", "headers": [("h", "1")]}, {"value": b"c", "headers": {"h": "1"}}, "d"]
    for records, count in ((wrong, 0), (iter(wrong), 2)):
        with pytest.raises(UsageError, match="headers of record 2") as caught:
            client.produce(name, records)  # type: ignore[arg-type]
        assert caught.value.delivery == kafkactl.Delivery(delivered=count)
    assert [record.value for record in client.consume(name, from_beginning=True)] == [b"a", b"b"]


def test_what_was_read_can_be_sent_again(client: kafkactl.Client, name: str) -> None:
    """Also a name of a header that is not UTF-8 or has a zero byte."""
    client.create_topic(name, partitions=1)
    headers = (("h", None), (b"\xff", b"1"), ("a\0b", b""))
    client.produce(name, [{"value": b"x", "headers": headers}])  # type: ignore[typeddict-item]
    (first,) = client.consume(name, from_beginning=True)
    client.produce(name, [{"key": first.key, "value": first.value, "headers": first.headers}])  # type: ignore[typeddict-item]
    assert [record.headers for record in client.consume(name, from_beginning=True)] == [headers, headers]


def test_a_read_only_context_refuses_changes(kraft: RunningCluster, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kraft.cli.ok("context", "set", "careful", "-b", kraft.bootstrap_servers, "--read-only")
    try:
        monkeypatch.setenv("KAFKACTL_CONFIG", str(kraft.cli.home / "config.yaml"))
        with kafkactl.connect(context="careful") as client:
            client.list_topics()
            changes = [
                lambda: client.create_topic(name),
                lambda: client.delete_topic(name),
                lambda: client.produce(name, ["x"]),
                lambda: list(client.consume(name, group=name)),
            ]
            for change in changes:
                with pytest.raises(UsageError, match="read-only"):
                    change()
    finally:
        kraft.cli.ok("context", "delete", "careful")


def test_a_cluster_that_is_not_there() -> None:
    with kafkactl.connect(bootstrap_servers="127.0.0.1:1", timeout_s=1) as client, pytest.raises(UnreachableError):
        client.list_topics()


def test_the_public_names() -> None:
    for name in kafkactl.__all__:
        assert getattr(kafkactl, name) is not None
        assert f"{name}(" in PAGE or name in ("Client", "ConsumedRecord", "Delivery", "KafkactlError")
    with pytest.raises(AttributeError, match="Nonsense"):
        kafkactl.Nonsense  # noqa: B018
