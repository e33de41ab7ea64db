"""Sending records, with every one accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from kafkactl.connection.cluster import Cluster, plain_reason
from kafkactl.errors import NotFoundError, OperationError
from kafkactl.streams.lines import Record

SHOWN_FAILURES = 10
_STEP_S = 0.1

TOPIC_ON_ITS_WAY = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE})

DEFAULTS: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "delivery.timeout.ms": 120_000,  # the Java client's; librdkafka's own is five minutes
    # Keys land where Java's default partitioner puts them.
    "partitioner": "murmur2_random",
    # Success is what is sent less what failed: a call into Python for every record would cost half the speed.
    "delivery.report.only.error": True,
}


@dataclass
class Account:
    """What became of the records given."""

    given: int = 0
    failed: int = 0
    pending: int = 0
    """Given, but not acknowledged when the producer was stopped."""
    failures: list[str] = field(default_factory=list)
    """The first few reasons, with keys."""

    @property
    def delivered(self) -> int:
        return self.given - self.failed - self.pending

    def on_failure(self, error: KafkaError | None, message: Message) -> None:
        """The delivery callback."""
        if error is None:
            return
        self.failed += 1
        if len(self.failures) < SHOWN_FAILURES:
            key: Any = message.key()
            shown = "without key" if key is None else f"with key {key.decode(errors='replace')!r}"
            self.failures.append(f"a record {shown} was not delivered: {plain_reason(error)}")


def produce(
    cluster: Cluster,
    topic: str,
    records: Iterable[Record],
    config: Mapping[str, Any],
    account: Account,
    partition: int | None = None,
    sync: bool = False,
    tell: Callable[[str], None] | None = None,
) -> None:
    """Sends all records and waits for their acknowledgement, keeping `account` true also when interrupted.

    Raises UnreachableError and NotFoundError before anything is sent, and what `records` raises after sending
    what came before; OperationError when the producer itself fails.
    """
    chosen = {**DEFAULTS, **_without_idempotence({**config, **cluster.settings.properties}), **config}
    producer = cluster.producer(chosen)
    _require_topic(cluster, producer, topic, tell or (lambda _text: None))
    where = {} if partition is None else {"partition": partition}
    try:
        for record in records:
            _send(producer, topic, record, where, account)
            account.given += 1
            if sync:
                producer.flush()
    finally:
        try:
            while producer.flush(_STEP_S):  # each record's own time-out bounds it
                pass
        finally:
            account.pending = len(producer)


def _send(producer: Any, topic: str, record: Record, where: Mapping[str, int], account: Account) -> None:
    while True:
        try:
            producer.produce(
                topic, record.value, record.key, headers=record.headers, on_delivery=account.on_failure, **where
            )
            producer.poll(0)
            return
        except BufferError:
            producer.poll(_STEP_S)
        except KafkaException as error:
            if error.args[0].code() == KafkaError._UNKNOWN_PARTITION:
                raise NotFoundError(f"topic {topic} has no partition {where.get('partition')}") from error
            raise OperationError(f"cannot send to {topic}: {plain_reason(error.args[0])}") from error


def _require_topic(cluster: Cluster, producer: Any, topic: str, tell: Callable[[str], None]) -> None:
    if topic in cluster.metadata(client=producer).topics:
        return
    tell(f"topic {topic} does not exist; asking the broker to make it, with its defaults")

    def ask() -> None:
        error = cluster.metadata(topic, producer).topics[topic].error
        if error is not None:
            raise OperationError(plain_reason(error), code=error.code())

    try:
        cluster.settled(ask, TOPIC_ON_ITS_WAY)
    except OperationError as error:
        raise NotFoundError(
            f"there is no topic {topic!r}, and the broker did not make it: {error}", f"kafkactl topics create {topic}"
        ) from error


def _without_idempotence(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As the Java client: fewer acknowledgements than all switch idempotence off, unless it is asked for."""
    acks = str(settings.get("acks", settings.get("request.required.acks", "all")))
    if acks not in ("all", "-1") and "enable.idempotence" not in settings:
        return {"enable.idempotence": False}
    return {}
