"""Account of the records to send: each record counts once, as delivered, failed or aborted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, Message

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.streams.record import Headers, Record

LARGEST_BYTES = 1 << 20
"""Size of the largest record that Java's client sends by default; librdkafka's default is 1,000,000."""


@dataclass(frozen=True, kw_only=True)
class UndeliveredRecord:
    """A record that no broker acknowledged, and the reason; it may be in the log nevertheless."""

    key: bytes | None
    value: bytes | None
    headers: Headers | None
    """None where the record has no headers."""
    partition: int | None
    """None where no partition was chosen."""
    timestamp_ms: int | None
    """None where the record has no timestamp."""
    reason: str
    """Text for people."""


@dataclass
class Account:
    """Counts of the records to send. Each undelivered record is passed to `tell` as soon as it is known."""

    tell: Callable[[UndeliveredRecord], None]
    accepted: int = 0
    """Number of records that were taken for sending."""
    failed: int = 0
    """Number of records that were not delivered."""
    aborted: int = 0
    """Number of records that were delivered in aborted transactions; readers of committed records never see them."""
    committed_transactions: int = field(default=0, init=False)
    give_up_reason: str = "the client could send no more"
    """Reason for which unsent records fail, as text for people."""
    largest_bytes: int = LARGEST_BYTES
    """Size of the largest record that the client sends, for the text of errors."""

    @property
    def delivered(self) -> int:
        """Return the number of accepted records that have neither failed nor been aborted; waiting ones count, too."""
        return self.accepted - self.failed - self.aborted

    def explain_failure(self, code: int, otherwise: str) -> str:
        """Return why a record was not delivered, as text for people.

        `code` is the code of the record's error, of Kafka or librdkafka; `otherwise` is the text for a code without a
        text of its own. For the codes after which the record may be in the log, such as those of a lost answer, the
        text begins with "may have been delivered: ".
        """
        reason = _REASONS.get(code)
        if code in _UNANSWERED:
            return f"{MAY_BE_THERE}{otherwise}"
        return otherwise if reason is None else reason.format(why=self.give_up_reason, largest=self.largest_bytes)

    def on_failure(self, error: KafkaError | None, message: Message, record: Record | None = None) -> None:
        """Count the failed record of a delivery report, and pass it to `tell`; confluent_kafka calls this.

        The report lacks headers and timestamp: they are those of `record`, which is None for a record without both.
        Without an error nothing happens. Errors of `tell` pass through.
        """
        if error is None:
            return
        partition = message.partition()
        self.fail(
            UndeliveredRecord(
                key=message.key(),
                value=message.value(),
                headers=record.get("headers") if record else None,
                partition=None if partition is None or partition < 0 else partition,
                timestamp_ms=record.get("timestamp") if record else None,
                reason=self.explain_failure(error.code(), describe_kafka_error(error)),
            )
        )

    def fail_record(self, record: Record, reason: str) -> None:
        """Count a record that was not even queued as failed, and pass it with the reason to `tell`.

        It must be counted in `accepted` already. Errors of `tell` pass through.
        """
        self.fail(make_undelivered(record, reason))

    def refuse(self, records: Iterable[Record], reason: str) -> None:
        """Count records that were read and not sent as accepted and failed, and pass them with the reason to `tell`.

        Errors of `tell` pass through.
        """
        for record in records:
            self.accepted += 1
            self.fail_record(record, reason)

    def fail(self, record: UndeliveredRecord) -> None:
        """Count a record that was not delivered as failed, and pass it to `tell`. Errors of `tell` pass through."""
        self.failed += 1
        self.tell(record)

    def fail_cut_piece(self, data: bytes) -> None:
        """Count the bytes of a line that a signal cut as one accepted and failed record, and pass it to `tell`.

        The record has the bytes as its value, and no key. Errors of `tell` pass through.
        """
        self.accepted += 1
        self.fail(UndeliveredRecord(key=None, value=data, headers=None, partition=None, timestamp_ms=None, reason=CUT))


def make_undelivered(record: Record, reason: str) -> UndeliveredRecord:
    """Return a record as an undelivered one, with a reason for people; parts that it does not have are None."""
    return UndeliveredRecord(
        key=record.get("key"),
        value=record.get("value"),
        headers=record.get("headers"),
        partition=record.get("partition"),
        timestamp_ms=record.get("timestamp"),
        reason=reason,
    )


CUT = "not sent: we were stopped before its end was read"
MAY_BE_THERE = "may have been delivered: "
# Errors after which a record can be in the log nevertheless, because no broker denied it.
_UNANSWERED = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    }
)
# Texts about a record that failed, by the code of its error.
_REASONS = {
    KafkaError._PURGE_QUEUE: "not sent: {why}",
    KafkaError._PURGE_INFLIGHT: f"{MAY_BE_THERE}{{why}} before the broker's answer came",
    KafkaError.MSG_SIZE_TOO_LARGE: "it, or the batch that it was sent in, is too large for the client"
    " (max.request.size, {largest} bytes), the topic (max.message.bytes) or the broker (message.max.bytes)",
    KafkaError._MSG_TIMED_OUT: f"{MAY_BE_THERE}no answer came within delivery.timeout.ms",
    KafkaError.REQUEST_TIMED_OUT: f"{MAY_BE_THERE}the replicas did not acknowledge it in time",
}
