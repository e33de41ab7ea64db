"""A full queue of the producer: no record is lost, and their order stays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kafkactl.streams.account import Account
from kafkactl.streams.producing import Sending
from kafkactl.streams.record import Batch


class FullTwice:
    """A producer whose queue is full at the first two calls, which raise BufferError as its documentation says."""

    def __init__(self) -> None:
        self.calls = 0
        self.queued: Batch = []

    def produce_batch(self, _topic: str, batch: Batch, **_options: Any) -> int:
        self.calls += 1
        if self.calls <= 2:
            raise BufferError("Local: Queue full")
        self.queued += batch
        return len(batch)

    def poll(self, _seconds: float) -> None:
        pass

    def __len__(self) -> int:
        return 0


def test_a_batch_that_the_queue_takes_later_is_sent_as_a_whole() -> None:
    undelivered: list[Any] = []
    sending: Any = Sending.__new__(Sending)
    sending._producer, sending._second_sender, sending._fatal = FullTwice(), None, None
    sending._topic, sending._where, sending._account = "orders", {}, Account(undelivered.append)
    sending._stop = SimpleNamespace(is_over=False)
    sending._waiting = SimpleNamespace(is_over=lambda *_: False, require_reached=lambda: None)
    batch: Batch = [{"key": None, "value": str(number).encode()} for number in range(3)]
    sending.send(list(batch))
    assert sending._producer.queued == batch
    assert not undelivered
