"""One fake broker, and the two modes of recordings under its name."""

from __future__ import annotations

from typing import Any

from tests.fake_broker.cluster import FakeCluster
from tests.fake_broker.recording import Recorded, Recording, Replay


class FakeBroker(FakeCluster):
    """A fake cluster of one broker with id 1; it takes what FakeCluster takes."""

    def __init__(self, **choices: Any) -> None:
        super().__init__(**{"brokers": 1, **choices})

    @staticmethod
    def recording(real_address: str) -> Recording:
        """Return a proxy before a real cluster that records its answers."""
        return Recording(real_address)

    @staticmethod
    def replaying(data: Recorded) -> Replay:
        """Return a fake cluster that answers from a recording."""
        return Replay(data)
