"""Sending records, with every one accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.connection.cluster import Cluster, require_partition
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UsageError
from kafkactl.streams.account import LARGEST_BYTES, Account
from kafkactl.streams.record import Batch, Record, is_plain
from kafkactl.streams.stoppable import Stop
from kafkactl.streams.waiting import STATISTICS, Waiting

if TYPE_CHECKING:
    from kafkactl.streams.librdkafka.record_sending import RecordSending

_STEP_S = 0.1
_PURGE_STEPS = 10
_CONNECT_S = 1.0
"""So long the second producer waits for metadata at most: a signal is not heard meanwhile."""

TOPIC_ON_ITS_WAY = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE})

DEFAULTS: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "delivery.timeout.ms": 120_000,  # the Java client's; librdkafka's own is five minutes
    # Keys land where Java's default partitioner puts them.
    "partitioner": "murmur2_random",
    # Success is what is sent less what failed: a call into Python for every record would cost half the speed.
    "delivery.report.only.error": True,
    "message.max.bytes": LARGEST_BYTES,
    # Twice the Java client's buffer; librdkafka's own is a gigabyte.
    "queue.buffering.max.kbytes": 64 << 10,
}


class Sending:
    """An open producer for one topic. Leaving it waits for all answers; after a signal, while there is time."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        account: Account,
        tell: Callable[[str], None],
        stop: Stop,
        partition: int | None = None,
    ) -> None:
        """Raise UnreachableError and NotFoundError before anything is sent."""
        self._cluster, self._topic, self._account, self._stop = cluster, topic, account, stop
        account.largest_bytes = largest_bytes(cluster)
        self._waiting = Waiting(topic, cluster.timeout_s, stop, tell)
        self._fatal: KafkaError | None = None
        self._unusual: RecordSending | None = None
        settings = {**producer_settings(cluster), **STATISTICS, "stats_cb": self._waiting.on_statistics}
        self._where = {} if partition is None else {"partition": partition}
        self._producer: Any = cluster.make_producer(settings)
        _, self._waiting.leaders = require_topic(cluster, self._producer, topic, tell, partition)
        cluster.end_sharing()

    def send(self, batch: Batch) -> None:
        """Queue records, waiting while the queue is full; raises OperationError when the producer can send no more."""
        self._account.given += len(batch)
        if self._stop.is_over:
            self._fail_all(batch, "not sent: we were stopped")
        elif self._unusual is None and is_plain(batch):
            self._send_many(batch)
        else:
            self._send_each(batch)
        self._serve(0)
        self._waiting.require_reached()
        self._require_alive(())

    def flush(self) -> None:
        """Wait until every record is acknowledged or has failed; each one's own time-out bounds it, or a signal."""
        if self._unusual is not None:
            self._unusual.flush()
            self._waiting.require_reached()
            if (reason := self._unusual.fatal_error()) is not None:
                raise OperationError(f"cannot send to {self._topic}: {reason}")
            return
        while len(self._producer):
            try:
                self._producer.flush(_STEP_S)
            except KafkaException as error:
                self._die(error.args[0])
            self._require_alive(())
            if self._is_over():
                self.give_up()
                self._waiting.require_reached()
                return

    def _serve(self, seconds: float) -> None:
        """Hear of records that have failed; a fatal error of the client is kept for _require_alive."""
        try:
            self._producer.poll(seconds)
        except KafkaException as error:
            self._die(error.args[0])

    def _die(self, error: KafkaError) -> None:
        """Take back everything after an error that ends the client."""
        if self._fatal is None:
            self._fatal = error
            self._account.why_given_up = describe_kafka_error(error)
            self.give_up()

    def _require_alive(self, records: Iterable[Record]) -> None:
        """Fail the records that are in hand and raise OperationError where the client can send no more."""
        if self._fatal is not None:
            self._refuse(records, self._fatal)

    def _is_over(self) -> bool:
        outstanding = len(self._producer if self._unusual is None else self._unusual)
        if not self._waiting.is_over(self._account.given - outstanding, outstanding):
            return False
        self._account.why_given_up = self._waiting.why
        return True

    def __enter__(self) -> Sending:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.flush()
        except KafkactlError:
            if kind is None:  # otherwise there is an error already, and most often the same
                raise
        finally:
            if self._unusual is not None:
                self._unusual.close()

    def give_up(self) -> None:
        """Take back what is not acknowledged; all of it is told as undelivered."""
        if self._unusual is not None:
            self._unusual.purge()
        self._producer.purge()
        for _ in range(_PURGE_STEPS):
            self._serve(_STEP_S)
            if not len(self._producer):
                return

    def _send_many(self, batch: Batch) -> None:
        left = batch
        while left:
            try:
                queued = self._producer.produce_batch(
                    self._topic, left, on_delivery=self._account.on_failure, **self._where
                )
            except BufferError:
                queued = 0
            except KafkaException as error:
                self._refuse(left, error.args[0])
            if queued == len(left):
                return
            refused: Batch = []
            for number, record in enumerate(left):
                reason = record.pop("_error", None)  # type: ignore[typeddict-item]
                if reason is None:
                    continue
                if reason.code() == KafkaError._QUEUE_FULL:  # this and all that follow, so their order stays
                    refused.append(record)
                elif _is_fatal(reason):
                    self._refuse([*refused, *left[number:]], reason)
                else:
                    self._fail_one(record, reason)
            left = refused
            if self._is_over():
                self._fail_all(left, f"not sent: {self._waiting.why}")
                self._waiting.require_reached()
                return
            self._serve(_STEP_S)
            self._require_alive(left)

    def _send_one(self, batch: Batch, at: int) -> None:
        record = batch[at]
        given: dict[str, Any] = {
            **self._where,
            **{name: record[name] for name in ("partition", "timestamp") if name in record},
        }
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    record.get("value"),
                    record.get("key"),
                    headers=record.get("headers"),
                    on_delivery=self._account.on_failure,
                    **given,
                )
            except BufferError:
                if self._is_over():
                    self._account.fail_record(record, f"not sent: {self._waiting.why}")
                    return
                self._serve(_STEP_S)
                self._require_alive(batch[at:])
            except KafkaException as error:
                if _is_fatal(error.args[0]):
                    self._refuse(batch[at:], error.args[0])
                self._fail_one(record, error.args[0])
                return
            else:
                return

    def _send_each(self, batch: Batch) -> None:
        """Queue records one by one, from the first with an unusual name on through librdkafka's own functions."""
        for at, record in enumerate(batch):
            if self._stop.is_over:
                self._fail_all(batch[at:], f"not sent: {self._waiting.why}")
                return
            if (reason := why_not_sent(self._cluster, record)) is not None:
                self._account.fail_record(record, reason)
                continue
            if self._unusual is None and has_unusual_names(record):
                self._change_producers(batch[at:])
                if self._unusual is None:
                    return
            if self._unusual is None:
                self._send_one(batch, at)
            else:
                self._unusual.send(record)

    def _change_producers(self, records: Batch) -> None:
        """Let another producer send these records and all that follow, when those before have been acknowledged.

        They are failed where that cannot be; raises what keeps it from being so, but not after a signal.
        """
        from kafkactl.streams.librdkafka.record_sending import RecordSending, new_sender

        try:
            self.flush()
            if not self._stop.is_over:
                settings = {**producer_settings(self._cluster), **STATISTICS}
                sender = new_sender(
                    *(self._cluster, settings, self._topic, self._where.get("partition"), self._account),
                    *(self._is_over, self._waiting.on_statistics, _CONNECT_S),
                )
                self._unusual = RecordSending(sender, self._account, self._is_over)
                return
        except KafkactlError as error:
            self._fail_all(records, f"not sent: {error}")
            raise
        self._fail_all(records, f"not sent: {self._waiting.why}")

    def _fail_one(self, record: Record, error: KafkaError) -> None:
        if error.code() == KafkaError._UNKNOWN_PARTITION:
            reason = f"topic {self._topic} has no partition {record.get('partition')}"
        else:
            reason = self._account.reason(error.code(), describe_kafka_error(error))
        self._account.fail_record(record, reason)

    def _fail_all(self, records: Iterable[Record], reason: str) -> None:
        for record in records:
            self._account.fail_record(record, reason)

    def _refuse(self, records: Iterable[Record], error: KafkaError) -> None:
        reason = describe_kafka_error(error)
        self._fail_all(records, reason)
        raise OperationError(f"cannot send to {self._topic}: {reason}")


def has_unusual_names(record: Record) -> bool:
    """Return whether a header has a name that confluent_kafka cannot take: it is not UTF-8, or has a zero byte."""
    return any(isinstance(name, bytes) or "\0" in name for name, _ in record.get("headers") or ())


def why_not_sent(cluster: Cluster, record: Record) -> str | None:
    """Return why a record cannot be sent at all, None where it can."""
    if record.get("timestamp") == 0:
        return "its timestamp is 0 (1970-01-01T00:00:00Z), which librdkafka takes for none"
    if not has_unusual_names(record):
        return None
    from kafkactl.streams.librdkafka import record_sending

    what = "the name of a header is not UTF-8, or has a zero byte"
    if "transactional.id" in cluster.settings.properties:
        return f"{what}: such records cannot be sent in a transaction"
    return None if record_sending.IS_THERE else f"{what}: to send it needs the compiled part of kafkactl"


def _is_fatal(error: KafkaError) -> bool:
    return error.fatal() or error.code() == KafkaError._FATAL


def largest_bytes(cluster: Cluster) -> int:
    """Return the size of the largest record that the client sends; raises UsageError for a setting that is none."""
    text = cluster.settings.properties.get("message.max.bytes", str(LARGEST_BYTES))
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"max.request.size={text}: not a number of bytes", "like 1048576")
    return int(text)


def producer_settings(cluster: Cluster) -> dict[str, Any]:
    """Return what a producer is made with below the user's own settings."""
    said = cluster.settings.properties
    settings = {**DEFAULTS, **_without_idempotence(said)}
    if "transactional.id" in said:
        del settings["delivery.timeout.ms"]  # it is the transaction's then, and may not be longer
    return settings


def require_topic(
    cluster: Cluster, producer: Any, topic: str, tell: Callable[[str], None], partition: int | None
) -> tuple[set[int], dict[int, str]]:
    """Return the topic's partitions, and host and port of those brokers that lead them.

    Raises NotFoundError for a topic that is not there, or not made by the broker, and for a partition.
    """
    metadata = cluster.read_metadata(client=producer)
    leaders = {}
    if topic in metadata.topics:
        numbers = set(metadata.topics[topic].partitions)
        brokers = {each.leader for each in metadata.topics[topic].partitions.values()} & metadata.brokers.keys()
        leaders = {broker: f"{metadata.brokers[broker].host}:{metadata.brokers[broker].port}" for broker in brokers}
    else:
        numbers = _made_by_broker(cluster, producer, topic, tell)
    if partition is not None:
        require_partition(topic, partition, numbers)
    return numbers, leaders


def _made_by_broker(cluster: Cluster, producer: Any, topic: str, tell: Callable[[str], None]) -> set[int]:
    told = False

    def ask() -> set[int]:
        nonlocal told
        found = cluster.read_metadata(topic, producer).topics[topic]
        code = None if found.error is None else found.error.code()
        if not told and code != KafkaError.TOPIC_AUTHORIZATION_FAILED:  # such a topic may well be there
            tell(f"topic {topic} does not exist; asking the broker to make it, with its defaults")
            told = True
        if found.error is not None:
            raise OperationError(describe_kafka_error(found.error), code=code)
        return set(found.partitions)

    try:
        return cluster.retry(ask, TOPIC_ON_ITS_WAY)
    except OperationError as error:
        if error.code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise OperationError(f"cannot send to {topic}: {error}", code=error.code) from error
        raise NotFoundError(
            f"there is no topic {topic!r}, and the broker did not make it: {error}", f"kafkactl topics create {topic}"
        ) from error


def _without_idempotence(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As the Java client: fewer acknowledgements than all switch idempotence off, unless it is asked for."""
    acks = str(settings.get("acks", "all"))
    if acks not in ("all", "-1") and "enable.idempotence" not in settings:
        return {"enable.idempotence": False}
    return {}
