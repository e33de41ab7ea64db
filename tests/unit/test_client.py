"""The arguments of the Python interface: a wrong one is a UsageError that names it, before anything is sent."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

import kafkactl
from kafkactl.arguments import require_time_ms
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnreachableError, UsageError
from tests.fake_broker import FakeBroker
from tests.properties import examples

NO_TEXT: tuple[object, ...] = (5, 1.5, True, b"orders", ["orders"], {"orders": 1}, None, object())
NO_UNICODE = ("a\udcff", "\ud83d")
NO_INT: tuple[object, ...] = ("1", 1.0, 1.5, True, False, float("nan"), [1], b"1", object())
NO_BOOL: tuple[object, ...] = ("no", "", 0, 1, None, 1.0, [])
NO_TIME: tuple[object, ...] = ("2026-01-01", 1_700_000_000_000, 1.5, True, date(2026, 1, 1), datetime(2026, 1, 1))
BEFORE_1970 = (
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=9))),
)


class NoZone(tzinfo):
    """A zone without an offset: a time with it is naive."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None


def _without_none(values: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(value for value in values if value is not None)


NO_TOPIC = (*NO_TEXT, *NO_UNICODE, "", "a\0b", "a b", "..", "x" * 250)
NO_GROUP = (*NO_TEXT, *NO_UNICODE, "", "a\0b", "x" * 32768)
NO_TIME_AT_ALL = (*NO_TIME, *BEFORE_1970, datetime(2026, 1, 1, tzinfo=NoZone()))
NO_SETTINGS: tuple[object, ...] = (
    *("a=b", 5, True, ["a"], [("a", "b")], b"a"),
    *({"": "x"}, {5: "x"}, {"a": 5}, {"a": None}, {"a": True}, {"a": b"x"}),
    *({"a\0": "x"}, {"a": "x\0"}, {"a\udcff": "x"}, {"a": "x\udcff"}),
)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """An argument of a method, the values that it refuses, and the other arguments of a call."""

    method: str
    name: str
    wrong_values: tuple[object, ...]
    others: Mapping[str, object]

    def call(self, client: kafkactl.Client, value: object) -> object:
        return getattr(client, self.method)(**{**self.others, self.name: value})


def _arguments(method: str, others: Mapping[str, object], **wrong_values: tuple[object, ...]) -> list[Argument]:
    return [
        Argument(method=method, name=name, wrong_values=values, others=others) for name, values in wrong_values.items()
    ]


ARGUMENTS = [
    *_arguments("list_topics", {}, include_internal=NO_BOOL),
    *_arguments(
        "describe_topics", {}, names=("orders", b"orders", 5, None, {"orders": 1}, *([name] for name in NO_TOPIC))
    ),
    *_arguments(
        "create_topic",
        {"name": "orders"},
        name=NO_TOPIC,
        partitions=(*NO_INT, 0, -1, 100_001, 10**5000),
        replication_factor=(*NO_INT, 0, -1, 10_001),
        configs=NO_SETTINGS,
    ),
    *_arguments("delete_topic", {}, name=NO_TOPIC),
    *_arguments("read_lag", {}, group=NO_GROUP),
    *_arguments(
        "reset_offsets",
        {"group": "billing", "to": "earliest"},
        group=NO_GROUP,
        topics=("orders", b"orders", 5, {"orders": 1}, [5], [None], [""], ["a\udcff"]),
        to=(None, True, False, 1.5, -1, 2**63, "", "somewhere", b"latest", [], *BEFORE_1970, datetime(2026, 1, 1)),
        execute=NO_BOOL,
    ),
    *_arguments("reset_offsets", {"group": "billing"}, shift_by=(*NO_INT, None, 2**63, -(2**63))),
    *_arguments(
        "produce",
        {"topic": "orders", "records": ["x"]},
        topic=NO_TOPIC,
        records=("abc", b"abc", bytearray(b"abc"), memoryview(b"abc"), {"value": b"x"}, 5, None, True, object()),
        partition=(*NO_INT, -1, 2**31, 2**32),
    ),
    *_arguments(
        "consume",
        {"topic": "orders"},
        topic=NO_TOPIC,
        group=_without_none(NO_GROUP),
        from_beginning=NO_BOOL,
        from_time=NO_TIME_AT_ALL,
        tail=(*NO_INT, -1, 2**63),
        follow=NO_BOOL,
        max_records=(*NO_INT, 2**63),
    ),
]
MATRIX = [
    pytest.param(argument, value, id=f"{argument.method}-{argument.name}-{number}")
    for argument in ARGUMENTS
    for number, value in enumerate(argument.wrong_values)
]


@pytest.fixture(scope="module")
def broker() -> Iterator[FakeBroker]:
    with FakeBroker(topics={"orders": 3}, groups=["billing"]) as broker:
        yield broker


@pytest.fixture
def client(broker: FakeBroker) -> Iterator[kafkactl.Client]:
    with kafkactl.connect(bootstrap_servers=broker.address, timeout_s=2) as client:
        yield client


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.delete_topic("nosuch"),
        lambda client: client.read_lag("nosuch"),
        lambda client: client.reset_offsets("nosuch", to="earliest"),
        lambda client: client.reset_offsets("billing", topics=["nosuch"], to="earliest"),
        lambda client: list(client.consume("nosuch", max_records=1)),
        lambda client: client.produce("nosuch", [{"value": "x"}]),
    ],
)
def test_what_does_not_exist_is_not_found(ask: Callable[[kafkactl.Client], object]) -> None:
    with (
        FakeBroker(topics={"orders": 3}, groups=["billing"]) as broker,
        kafkactl.connect(bootstrap_servers=broker.address, timeout_s=2) as client,
        pytest.raises(NotFoundError),
    ):
        ask(client)


@pytest.mark.parametrize(("argument", "value"), MATRIX)
def test_a_wrong_argument_is_wrong_usage(
    argument: Argument, value: object, client: kafkactl.Client, broker: FakeBroker
) -> None:
    """Also consume refuses it at once, although its records come later."""
    with pytest.raises(UsageError) as caught:
        argument.call(client, value)
    message = f"{caught.value} {caught.value.hint or ''}"
    message.encode()
    assert argument.name in message or "target of the reset" in message
    assert len(message) < 1000
    assert broker.requests == []


def test_the_matrix_has_every_argument_of_every_method() -> None:
    methods = {
        name: set(inspect.signature(method).parameters) - {"self"}
        for name, method in inspect.getmembers(kafkactl.Client, inspect.isfunction)
        if not name.startswith("_")
    }
    expected = {(method, name) for method, names in methods.items() for name in names}
    assert {(argument.method, argument.name) for argument in ARGUMENTS} == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("bootstrap_servers", value) for value in (*_without_none(NO_TEXT), *NO_UNICODE, "", "a\0b:1", "a:0")),
        *(("context", value) for value in (*_without_none(NO_TEXT), *NO_UNICODE, "")),
        *(("properties", value) for value in NO_SETTINGS),
        *(("properties", {name: "a:1"}) for name in ("bootstrap.servers", "metadata.broker.list")),
        *(("timeout_s", value) for value in ("1", True, False, [1], 0, -1, float("nan"), 3601, float("inf"), 10**400)),
    ],
)
def test_wrong_arguments_of_connect(name: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        kafkactl.connect(**{name: value})  # type: ignore[arg-type]
    f"{caught.value} {caught.value.hint}".encode()


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_time_out_that_is_too_short_says_what_is_allowed(value: float) -> None:
    with pytest.raises(UsageError, match="not above 0") as caught:
        kafkactl.connect(timeout_s=value)
    assert caught.value.hint == "give a time above 0 and at most 1h"


def test_secrets_are_not_in_errors() -> None:
    for value in ("hid\0den", "hid\udcffden", b"hidden", ["hidden"]):
        with pytest.raises(UsageError, match=r"sasl\.password") as caught:
            kafkactl.connect(properties={"sasl.password": value})  # type: ignore[dict-item]
        assert "hid" not in f"{caught.value} {caught.value.hint}"
    with pytest.raises(UsageError, match="properties") as caught:
        kafkactl.connect(properties="sasl.password=hidden")  # type: ignore[arg-type]
    assert "hidden" not in str(caught.value)


def test_a_time_before_1970() -> None:
    with kafkactl.connect(bootstrap_servers="127.0.0.1:1", timeout_s=1) as client:
        calls: list[Callable[[datetime], Any]] = [
            lambda moment: client.consume("orders", from_time=moment),
            lambda moment: client.reset_offsets("billing", to=moment),
        ]
        for call in calls:
            for moment in BEFORE_1970:
                with pytest.raises(UsageError, match="the time is before 1970"):
                    call(moment)


@examples(100)
@given(st.integers(0, 253_402_300_799_999))
def test_times_are_exact(ms: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    assert require_time_ms(moment, "from_time") == ms
    assert require_time_ms(moment + timedelta(microseconds=999), "from_time") == ms


@pytest.mark.slow
def test_right_arguments_reach_the_cluster() -> None:
    """The limits themselves are allowed."""
    day = datetime(1970, 1, 1, tzinfo=UTC)
    with kafkactl.connect(bootstrap_servers="127.0.0.1:1", timeout_s=0.2, properties={"client.id": ""}) as client:
        calls: list[Callable[[], object]] = [
            lambda: client.list_topics(include_internal=True),
            lambda: client.describe_topics(("orders",)),
            lambda: client.create_topic("orders", partitions=1, replication_factor=1, configs={"a": ""}),
            lambda: client.create_topic("orders", partitions=100_000, replication_factor=10_000, configs={}),
            lambda: client.read_lag("über\n"),
            lambda: client.reset_offsets("g", to=0),
            lambda: client.reset_offsets("g", to=day, topics=("orders:0",)),
            lambda: client.reset_offsets("g", shift_by=-(2**63 - 1), execute=True),
            lambda: client.produce("orders", ["x"], partition=0),
            lambda: client.produce("orders", {"x"}, partition=2**31 - 1),
            lambda: next(client.consume("orders", from_time=day)),
            lambda: next(client.consume("orders", tail=0, max_records=-1)),
        ]
        for call in calls:
            with pytest.raises(UnreachableError):
                call()


def test_a_read_only_context_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("contexts: {careful: {bootstrap-servers: '127.0.0.1:1', read-only: true}}")
    path.chmod(0o600)
    monkeypatch.setenv("KAFKACTL_CONFIG", str(path))
    with kafkactl.connect(context="careful", timeout_s=1) as client:
        calls: list[Callable[[], object]] = [
            lambda: client.create_topic("orders"),
            lambda: client.delete_topic("orders"),
            lambda: client.produce("orders", ["x"]),
            lambda: client.consume("orders", group="g"),
        ]
        for call in calls:
            with pytest.raises(UsageError, match="read-only"):
                call()
    assert KafkactlError("x").delivery is None


def test_a_client_with_a_transactional_id_sends_nothing() -> None:
    """Each record would be undelivered, because no transaction begins."""
    client = kafkactl.connect(bootstrap_servers="127.0.0.1:1", properties={"transactional.id": "x"})
    with pytest.raises(UsageError, match="sends no transactions"):
        client.produce("orders", ["x"])


class _Refusing:
    """A consumer whose assignment or subscription librdkafka refuses, as after a fatal error."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def __getattr__(self, name: str) -> Any:
        if name in ("assign", "subscribe"):

            def refuse(*_arguments: object, **_callbacks: object) -> None:
                raise KafkaException(KafkaError(KafkaError._FATAL, "fenced"))

            return refuse
        return getattr(self._consumer, name)


@pytest.mark.parametrize("group", [None, "billing"])
def test_what_librdkafka_refuses_is_an_error_of_ours(group: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Cluster.make_consumer
    monkeypatch.setattr(Cluster, "make_consumer", lambda *arguments: _Refusing(make(*arguments)))
    with (
        FakeBroker(topics={"orders": 1}) as broker,
        kafkactl.connect(bootstrap_servers=broker.address) as client,
        pytest.raises(OperationError, match="fenced"),
    ):
        list(client.consume("orders", group=group, from_beginning=True, max_records=1))


class _StrangeMessage:
    """A message that has a header whose name is not UTF-8: confluent_kafka cannot read it."""

    def __init__(self, topic: str, offset: int) -> None:
        self.topic, self.offset = lambda: topic, lambda: offset
        self.partition, self.timestamp, self.key, self.value = lambda: 0, lambda: (0, 0), lambda: None, lambda: b""

    def headers(self) -> None:
        raise SystemError

    def set_headers(self, headers: object) -> None:
        """Take the headers that were read again."""


class _StrangeReading:
    """A reading of two records with such headers."""

    def __init__(self, cluster: Cluster, *_arguments: object) -> None:
        self._place = cluster.settings.bootstrap_servers

    def read_batches(self) -> Iterator[list[_StrangeMessage]]:
        yield [_StrangeMessage(self._place, 0), _StrangeMessage(self._place, 1)]

    def mark_handled(self, messages: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def test_each_reading_asks_its_own_cluster_for_headers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beside another reading, after its end, and where another thread goes on."""
    monkeypatch.setattr("kafkactl.streams.consuming.Reading", _StrangeReading)
    monkeypatch.setattr(
        "kafkactl.streams.headers.make_header_reader",
        lambda cluster: lambda _message: [(b"\xff", cluster.settings.bootstrap_servers.encode())],
    )
    clients = [kafkactl.connect(bootstrap_servers=f"host{number}:9092") for number in range(3)]
    first, second, third = (client.consume("orders") for client in clients)
    records = [next(first), next(second), next(first)]
    first.close()  # type: ignore[attr-defined]
    records += [next(second), next(third)]
    with ThreadPoolExecutor(1) as threads:
        records.append(threads.submit(next, third).result())
    assert [record.headers for record in records] == [((b"\xff", record.topic.encode()),) for record in records]
