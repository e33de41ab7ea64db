"""What became of the records that were to be sent, each counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, Message

from kafkactl.connection.broker_errors import describe_kafka_error
from kafkactl.streams.record import Headers, Record, headers_of

LARGEST_BYTES = 1 << 20
"""Size of the largest record that Java's client sends; librdkafka's own is 1,000,000."""


@dataclass(frozen=True)
class Undelivered:
    """A record that was not acknowledged, and why; it may be in the log all the same."""

    key: bytes | None
    value: bytes | None
    headers: Headers | None
    partition: int | None
    timestamp_ms: int | None
    reason: str


@dataclass
class Account:
    """What became of the records given; each undelivered one is told as soon as it is known."""

    tell: Callable[[Undelivered], None]
    given: int = 0
    failed: int = 0
    aborted: int = 0
    """Delivered, but in a transaction that was aborted: readers of committed records never see them."""
    committed_transactions: int = field(default=0, init=False)
    why_given_up: str = "the client could send no more"
    largest_bytes: int = LARGEST_BYTES

    @property
    def delivered(self) -> int:
        """Return how many records were delivered, for readers of committed records too."""
        return self.given - self.failed - self.aborted

    def reason(self, code: int, otherwise: str) -> str:
        """Return why a record was not delivered, by the code of its error."""
        known = _REASONS.get(code)
        if code in _UNANSWERED:
            return f"{MAY_BE_THERE}{otherwise}"
        return otherwise if known is None else known.format(why=self.why_given_up, largest=self.largest_bytes)

    def on_failure(self, error: KafkaError | None, message: Message) -> None:
        """Take the report of a record: confluent_kafka calls this for those that failed."""
        if error is None:
            return
        kind, timestamp_ms = message.timestamp()
        partition = message.partition()
        self.fail(
            Undelivered(
                message.key(),
                message.value(),
                headers_of(message),
                None if partition is None or partition < 0 else partition,
                timestamp_ms if kind else None,
                self.reason(error.code(), describe_kafka_error(error)),
            )
        )

    def fail_record(self, record: Record, reason: str) -> None:
        """Count a record that was not even queued, and tell it."""
        self.fail(undelivered(record, reason))

    def refuse(self, records: Iterable[Record], reason: str) -> None:
        """Count records that were read and are not even tried, and tell them."""
        for record in records:
            self.given += 1
            self.fail_record(record, reason)

    def fail(self, one: Undelivered) -> None:
        """Count a record that was not delivered, and tell it."""
        self.failed += 1
        self.tell(one)

    def fail_cut(self, data: bytes) -> None:
        """Count what was read of a line that a signal cut, and tell it."""
        self.given += 1
        self.fail(Undelivered(None, data, None, None, None, CUT))


def undelivered(record: Record, reason: str) -> Undelivered:
    """Return a record as one that was not delivered."""
    return Undelivered(
        record.get("key"), record.get("value"), record.get("headers"), record.get("partition"),
        record.get("timestamp"), reason,
    )  # fmt: skip


CUT = "not sent: we were stopped before its end was read"
MAY_BE_THERE = "may have been delivered: "
# Errors with which a record can be in the log all the same: no broker said that it is not.
_UNANSWERED = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    }
)
# What became of a record, as far as its error alone tells.
_REASONS = {
    KafkaError._PURGE_QUEUE: "not sent: {why}",
    KafkaError._PURGE_INFLIGHT: f"{MAY_BE_THERE}{{why}} before the broker's answer came",
    KafkaError.MSG_SIZE_TOO_LARGE: "it, or the batch that it was sent in, is too large for the client"
    " (max.request.size, {largest} bytes), the topic (max.message.bytes) or the broker (message.max.bytes)",
    KafkaError._MSG_TIMED_OUT: f"{MAY_BE_THERE}no answer came within delivery.timeout.ms",
    KafkaError.REQUEST_TIMED_OUT: f"{MAY_BE_THERE}the replicas did not acknowledge it in time",
}
