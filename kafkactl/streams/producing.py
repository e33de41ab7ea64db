"""Sending of records with confluent_kafka; every record is counted as delivered or as failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.connection.cluster import Cluster, list_partition_numbers, require_partition
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UsageError
from kafkactl.patterns import write_command
from kafkactl.streams.account import LARGEST_BYTES, Account
from kafkactl.streams.record import Batch, Record, is_plain
from kafkactl.streams.stoppable import Stop
from kafkactl.streams.waiting import STATISTICS, Waiting

if TYPE_CHECKING:
    from kafkactl.streams.librdkafka.record_sending import RecordSending

_MOST_DIGITS = 18
_STEP_S = 0.1
_PURGE_STEPS = 10
_CONNECT_S = 1.0
"""Longest time that the second producer waits for metadata, because a signal is not handled in that time."""

TOPIC_IN_CREATION = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE})
"""Errors that a broker returns until a new topic is known everywhere."""

DEFAULTS: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "delivery.timeout.ms": 120_000,  # the Java client's default; librdkafka's is five minutes
    # Keys go to the partitions that Java's default partitioner chooses.
    "partitioner": "murmur2_random",
    # Delivered records are sent ones minus failed ones: a call into Python for each record would halve the speed.
    "delivery.report.only.error": True,
    "message.max.bytes": LARGEST_BYTES,
    # Twice the Java client's buffer; librdkafka's default is a gigabyte.
    "queue.buffering.max.kbytes": 64 << 10,
}


class Sending:
    """An open producer for one topic; a context manager.

    Leaving the context waits for the answers of all records; after a signal, for a limited time. Errors of `tell`, also
    of the account's, pass through all methods.
    """

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        account: Account,
        tell: Callable[[str], None],
        stop: Stop,
        partition: int | None = None,
    ) -> None:
        """Connect; raise UnreachableError, NotFoundError for a topic or partition, and UsageError for a setting.

        `tell` is called with sentences for the user, and `stop` is the state of a signal. A `partition` of None leaves
        the choice to the partitioner. A missing topic is created where the broker does so; otherwise it is a
        NotFoundError. The `largest_bytes` of the account is set. Raise OperationError without the right to see the
        topic or to create a missing one, and for another refusal; where only the right to write is missing, the records
        fail later. From here on each request to the cluster has a whole time-out of its own.
        """
        self._cluster, self._topic, self._account, self._stop = cluster, topic, account, stop
        account.largest_bytes = find_largest_bytes(cluster)
        self._waiting = Waiting(topic, cluster.timeout_s, stop, tell)
        self._fatal: KafkaError | None = None
        self._second_sender: RecordSending | None = None
        settings = {**make_producer_settings(cluster), **STATISTICS, "stats_cb": self._waiting.on_statistics}
        self._where = {} if partition is None else {"partition": partition}
        self._producer: Any = cluster.make_producer(settings)
        _, self._waiting.leaders = require_topic(cluster, self._producer, topic, tell, partition)
        cluster.end_sharing()

    def send(self, batch: Batch) -> None:
        """Queue records, waiting while the queue is full.

        A record that cannot be sent fails in the account, and nothing is raised for it. After a signal's time is over
        all records fail. Raise OperationError where the producer can send no more records or refuses a whole batch (all
        of the batch that are not queued fail), UnreachableError where no leader of the waiting records was reached, and
        UsageError where a second producer, for unusual names of headers, refuses a client setting. Where that one can
        send no more, its records fail, and flush() raises the OperationError.
        """
        self._account.accepted += len(batch)
        if self._stop.is_over:
            self._fail_all(batch, "not sent: we were stopped")
        elif self._second_sender is None and is_plain(batch):
            self._send_many(batch)
        else:
            self._send_each(batch)
        self._serve(0)
        self._waiting.require_reached()
        self._require_alive(())

    def flush(self) -> None:
        """Wait until every record is acknowledged or has failed, at most for delivery.timeout.ms.

        In a transaction transaction.timeout.ms is the bound where the user does not set delivery.timeout.ms. After a
        signal's time, and where no leader of the waiting records was ever reached, the remaining records are removed
        and fail. Without waiting records it returns at once; then only the errors of a second producer are raised.
        Raise OperationError where the producer can send no more records, and UnreachableError where no leader of the
        waiting records was reached.
        """
        if self._second_sender is not None:
            self._second_sender.flush()
            self._waiting.require_reached()
            if (reason := self._second_sender.fatal_error()) is not None:
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
        """Process delivery reports for at most so many seconds.

        It returns earlier when a report has come. After a fatal error all records in the queue fail, which takes up to
        1 s more; the error is not raised, but kept for _require_alive.
        """
        try:
            self._producer.poll(seconds)
        except KafkaException as error:
            self._die(error.args[0])

    def _die(self, error: KafkaError) -> None:
        """Keep an error that ends the client, and fail all records in the queue with it; ignore a second error.

        It waits about 1 s at most for the reports of the records. Only errors of the account's `tell` are raised here;
        _require_alive() raises the kept error.
        """
        if self._fatal is None:
            self._fatal = error
            self._account.give_up_reason = describe_kafka_error(error)
            self.give_up()

    def _require_alive(self, records: Iterable[Record]) -> None:
        """Raise OperationError where the client can send no more; otherwise do nothing.

        Before that `records` fail in the account. They are those that are not in the queue yet: the queued ones have
        failed already.
        """
        if self._fatal is not None:
            self._refuse(records, self._fatal)

    def _is_over(self) -> bool:
        """Return whether to give up waiting for the records in the queue. Then the account gets the reason.

        It is True after a signal's time, and where no leader of the waiting records was reached within the time-out; it
        stays True then. The user gets a message about a long wait. The delivery reports of a second producer are
        processed.
        """
        outstanding = len(self._producer if self._second_sender is None else self._second_sender)
        if not self._waiting.is_over(self._account.accepted - outstanding, outstanding):
            return False
        self._account.give_up_reason = self._waiting.reason
        return True

    def __enter__(self) -> Sending:
        """Return the sending itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Flush, and close a second producer.

        Raise the errors of flush(); but a KafkactlError of it is dropped where the context ends with another error,
        which goes on then.
        """
        try:
            self.flush()
        except KafkactlError:
            if kind is None:  # else an error is being raised already, most often this one
                raise
        finally:
            if self._second_sender is not None:
                self._second_sender.close()

    def give_up(self) -> None:
        """Remove the records that are not acknowledged from the queue; each of them fails in the account.

        It waits about 1 s at most for their reports. Their reason is made of the account's `give_up_reason`, which this
        does not set. The producer stays open.
        """
        if self._second_sender is not None:
            self._second_sender.purge()
        self._producer.purge()
        for _ in range(_PURGE_STEPS):
            self._serve(_STEP_S)
            if not len(self._producer):
                return

    def _send_many(self, batch: Batch) -> None:
        """Queue plain records with one call, which is repeated while the queue is full.

        Refused records fail in the account, and so do those that are not queued when the waiting is over. Raise
        OperationError where the client can send no more, or refuses the whole call; then the rest of the batch fails,
        too. Raise UnreachableError where no leader of the waiting records was reached.
        """
        left = batch
        while left:
            refused: Batch = []
            try:
                queued = self._producer.produce_batch(
                    self._topic, left, on_delivery=self._account.on_failure, **self._where
                )
            except BufferError:  # the queue took none of them
                queued, refused = 0, list(left)
            except KafkaException as error:
                self._refuse(left, error.args[0])
            if queued == len(left):
                return
            for number, record in enumerate(left):
                reason = record.pop("_error", None)  # type: ignore[typeddict-item]
                if reason is None:
                    continue
                if reason.code() == KafkaError._QUEUE_FULL:  # this record and all later ones, so that their order stays
                    refused.append(record)
                elif _is_fatal(reason):
                    self._refuse([*refused, *left[number:]], reason)
                else:
                    self._fail_one(record, reason)
            left = refused
            if self._is_over():
                self._fail_all(left, f"not sent: {self._waiting.reason}")
                self._waiting.require_reached()
                return
            self._serve(_STEP_S)
            self._require_alive(left)

    def _send_one(self, batch: Batch, at: int) -> None:
        """Queue one record of a batch, waiting while the queue is full.

        `at` is the record's index. A partition of the record replaces that of the sending. A record that is refused, or
        not queued before the waiting is over, fails in the account. Where the client has failed, all later records of
        the batch fail, too; then raise OperationError.
        """
        record = batch[at]
        options: dict[str, Any] = {
            **self._where,
            **{name: record[name] for name in ("partition", "timestamp") if name in record},
        }
        kept: Record = {name: record[name] for name in ("headers", "timestamp") if name in record}  # type: ignore[assignment]
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    record.get("value"),
                    record.get("key"),
                    headers=record.get("headers"),
                    on_delivery=lambda error, message: self._account.on_failure(error, message, kept),
                    **options,
                )
            except BufferError:
                if self._is_over():
                    self._account.fail_record(record, f"not sent: {self._waiting.reason}")
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
        """Queue records one by one. A record that cannot be sent fails in the account.

        From the first record with an unusual header name on, librdkafka's own functions send the records. After a
        signal's time is over the rest fails. Raise OperationError where the first client can send no more, and where a
        second one is needed UnreachableError where no leader of the waiting records was reached and UsageError for a
        wrong setting.
        """
        for at, record in enumerate(batch):
            if self._stop.is_over:
                self._fail_all(batch[at:], f"not sent: {self._waiting.reason}")
                return
            if (reason := explain_unsendable(self._cluster, record)) is not None:
                self._account.fail_record(record, reason)
                continue
            if self._second_sender is None and has_unusual_names(record):
                self._change_producers(batch[at:])
                if self._second_sender is None:
                    return
            if self._second_sender is None:
                self._send_one(batch, at)
            else:
                self._second_sender.send(record)

    def _change_producers(self, records: Batch) -> None:
        """Make the second producer, for these records and all later ones, after a flush; nothing is sent here.

        The compiled part must be there. It waits at most 2 s for metadata. Where no second producer can be made, the
        records fail. Then raise OperationError where the first producer can send no more, UnreachableError where no
        leader of the waiting records was reached, and UsageError for a wrong setting; but nothing where only a signal's
        time is over.
        """
        from kafkactl.streams.librdkafka.record_sending import RecordSending, make_sender

        try:
            self.flush()
            if not self._stop.is_over:
                settings = {**make_producer_settings(self._cluster), **STATISTICS}
                sender = make_sender(
                    *(self._cluster, settings, self._topic, self._where.get("partition"), self._account),
                    *(self._is_over, self._waiting.on_statistics, _CONNECT_S),
                )
                self._second_sender = RecordSending(sender, self._account, self._is_over)
                return
        except KafkactlError as error:
            self._fail_all(records, f"not sent: {error}")
            raise
        self._fail_all(records, f"not sent: {self._waiting.reason}")

    def _fail_one(self, record: Record, error: KafkaError) -> None:
        """Count one record as failed in the account, with the reason of librdkafka's error."""
        if error.code() == KafkaError._UNKNOWN_PARTITION:
            reason = f"topic {self._topic} has no partition {record.get('partition', self._where.get('partition'))}"
        else:
            reason = self._account.explain_failure(error.code(), describe_kafka_error(error))
        self._account.fail_record(record, reason)

    def _fail_all(self, records: Iterable[Record], reason: str) -> None:
        """Count records as failed in the account, with one reason for all."""
        for record in records:
            self._account.fail_record(record, reason)

    def _refuse(self, records: Iterable[Record], error: KafkaError) -> None:
        """Count records, which must be counted as accepted already, as failed, and raise OperationError, always."""
        reason = describe_kafka_error(error)
        self._fail_all(records, reason)
        raise OperationError(f"cannot send to {self._topic}: {reason}")


def has_unusual_names(record: Record) -> bool:
    """Return whether a header's name is not UTF-8 or has a zero byte, which confluent_kafka cannot send."""
    return any(isinstance(name, bytes) or "\0" in name for name, _ in record.get("headers") or ())


def explain_unsendable(cluster: Cluster, record: Record) -> str | None:
    """Return why a record cannot be sent at all, as text, or None; its size and its partition are not checked.

    Reasons are a timestamp of 0, and a header's name that is not UTF-8 or has a zero byte, in a transaction or without
    the compiled part.
    """
    if record.get("timestamp") == 0:
        return "its timestamp is 0 (1970-01-01T00:00:00Z), which librdkafka takes for none"
    if not has_unusual_names(record):
        return None
    from kafkactl.streams.librdkafka import record_sending

    fault = "the name of a header is not UTF-8, or has a zero byte"
    if "transactional.id" in cluster.settings.properties:
        return f"{fault}: such records cannot be sent in a transaction"
    return None if record_sending.IS_THERE else f"{fault}: sending it needs the compiled part of kafkactl"


def _is_fatal(error: KafkaError) -> bool:
    """Return whether a client of librdkafka can send nothing more after this error."""
    return error.fatal() or error.code() == KafkaError._FATAL


def find_largest_bytes(cluster: Cluster) -> int:
    """Return the size in bytes of the largest record that the client sends: the setting, or 1 MiB.

    Raise UsageError for a setting (max.request.size) that is not a number of 1 to 18 digits; 0 is taken.
    """
    text = cluster.settings.properties.get("message.max.bytes", str(LARGEST_BYTES))
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise UsageError(f"invalid value {text!r} for max.request.size: not a number of bytes", "like 1048576")
    return int(text)


def make_producer_settings(cluster: Cluster) -> dict[str, Any]:
    """Return the default settings of a producer, under librdkafka's names; the cluster lets the user's override them.

    The user's settings are not in the result. Idempotence is off where the user sets `acks`, but not to all or -1, or
    `retries` to 0, and does not set enable.idempotence. With a transactional id delivery.timeout.ms is left out.
    """
    properties = cluster.settings.properties
    settings = {**DEFAULTS, **_choose_idempotence(properties)}
    if "transactional.id" in properties:
        del settings["delivery.timeout.ms"]  # the transaction's time-out bounds it then
    return settings


def require_topic(
    cluster: Cluster, producer: Any, topic: str, tell: Callable[[str], None], partition: int | None
) -> tuple[set[int], dict[int, str]]:
    """Return the topic's partition numbers, and `host:port` of the brokers that lead them, by broker id.

    A missing topic is created where the broker does so on a request of `producer`; its leaders are not known then.
    `tell` is called with a sentence about that; its errors pass through. `partition` must exist, unless it is None;
    then an error of a topic in the metadata is not looked at, and the numbers may be empty.

    Raise NotFoundError for a topic that does not exist and was not created, and for a missing partition. Raise
    OperationError without the right to see the topic or to create a missing one, for an error of the topic where
    `partition` is given, and where the broker refuses the metadata; UnreachableError where no broker answers, and
    UsageError for a wrong client setting. The right to write is not checked.
    """
    metadata = cluster.read_metadata(client=producer)
    leaders = {}
    if topic in metadata.topics:
        found = metadata.topics[topic]
        numbers = set(found.partitions if partition is None else list_partition_numbers(found))
        brokers = {entry.leader for entry in found.partitions.values()} & metadata.brokers.keys()
        leaders = {broker: f"{metadata.brokers[broker].host}:{metadata.brokers[broker].port}" for broker in brokers}
    else:
        numbers = _create_by_broker(cluster, producer, topic, tell)
    if partition is not None:
        require_partition(topic, partition, numbers)
    return numbers, leaders


def _create_by_broker(cluster: Cluster, producer: Any, topic: str, tell: Callable[[str], None]) -> set[int]:
    """Return the partition numbers of a topic that the broker creates on request.

    The request is repeated while the topic is in creation, until the time-out is over. `tell` gets one sentence about
    the creation, but none where the right is missing. Raise NotFoundError where the broker does not create it in
    that time or refuses the request, OperationError without the right to see or to create the topic, UnreachableError
    where no broker answers, and UsageError for a wrong client setting.
    """
    is_reported = False

    def ask() -> set[int]:
        """Return the partition numbers; raise OperationError, with Kafka's code, where the topic has an error.

        The first call that is not denied for missing rights tells the user of the creation. Raise OperationError also
        where the broker refuses the metadata, UnreachableError where no broker answers, and UsageError for a wrong
        client setting.
        """
        nonlocal is_reported
        metadata = cluster.read_metadata(topic, producer).topics[topic]
        code = None if metadata.error is None else metadata.error.code()
        if not is_reported and code != KafkaError.TOPIC_AUTHORIZATION_FAILED:  # without rights it may exist
            tell(f"topic {topic} does not exist: asking the broker to create it with its default settings")
            is_reported = True
        if metadata.error is not None:
            raise OperationError(describe_kafka_error(metadata.error), code=code)
        return set(metadata.partitions)

    try:
        return cluster.retry(ask, TOPIC_IN_CREATION)
    except OperationError as error:
        if error.code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise OperationError(f"cannot send to {topic}: {error}", code=error.code) from error
        raise NotFoundError(
            f"topic not found: {topic!r}, and the broker did not create it: {error}",
            f"create it: {write_command('kafkactl topics create', topic)}",
        ) from error


def _choose_idempotence(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setting that switches idempotence off for fewer acknowledgements than all or no retries, as Java does.

    `settings` are the user's. The result is empty where the user sets enable.idempotence to any value, or where `acks`
    is absent, all (in any case, as librdkafka takes it) or -1, and `retries` is absent or not 0.
    """
    acks = str(settings.get("acks", "all")).lower()
    allows = acks in ("all", "-1") and settings.get("retries") != "0"
    if not allows and "enable.idempotence" not in settings:
        return {"enable.idempotence": False}
    return {}
