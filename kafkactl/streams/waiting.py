"""How long a producer waits for acknowledgements."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from kafkactl.errors import UnreachableError
from kafkactl.streams.stoppable import Stop

_TOLD_AFTER_S = 3.0
_PAUSE_S = 1.0
"""While records wait, it is asked more often."""
_NO_LEADER = -1
_NOT_KNOWN = {"rx": 0, "nodename": ""}
STATISTICS = {"statistics.interval.ms": 1000}
"""They say of which broker an answer ever came."""


class Waiting:
    """Ends the waiting when the time after a signal is over, or where the leaders of all that waits were never reached.

    Otherwise delivery.timeout.ms bounds it. A person hears of it after three seconds without an acknowledgement.
    """

    def __init__(self, topic: str, timeout_s: float, stop: Stop, tell: Callable[[str], None]) -> None:
        self._topic, self._timeout_s, self._stop, self._tell = topic, timeout_s, stop, tell
        self._acknowledged, self._since = 0, time.monotonic()
        self._has_told = False
        self._asked_at = 0.0
        self._statistics, self._is_statistics_new = "", False
        self._never_reached = ""

    def on_statistics(self, text: str) -> None:
        """Take librdkafka's statistics, which it gives once a second."""
        self._statistics, self._is_statistics_new = text, True

    def is_over(self, acknowledged: int, outstanding: int) -> bool:
        """Return whether to give up; `outstanding` records wait."""
        now = time.monotonic()
        is_new = now - self._asked_at > _PAUSE_S  # nothing waited meanwhile
        self._asked_at = now
        if acknowledged != self._acknowledged or not outstanding or is_new:
            self._acknowledged, self._since, self._has_told = acknowledged, now, False
        waited_s = now - self._since
        if waited_s > _TOLD_AFTER_S and not self._has_told:
            self._has_told = True
            brokers = self._leaders_never_reached()
            of_whom = f" from {brokers}, which was never reached" if brokers else ""
            records = f"{outstanding:,} record{'' if outstanding == 1 else 's'}"
            self._tell(f"waiting for the acknowledgement of {records}{of_whom}")
        if waited_s > self._timeout_s and not self._never_reached and self._is_statistics_new:
            self._never_reached = self._leaders_never_reached()
        return self._stop.is_over or bool(self._never_reached)

    @property
    def why(self) -> str:
        """Return why the waiting was given up."""
        return f"{self._never_reached} was never reached" if self._never_reached else "we were stopped"

    def require_reached(self) -> None:
        """Raise UnreachableError where the waiting ended because a leader was never reached."""
        if self._never_reached:
            raise UnreachableError(
                f"cannot send to {self._topic}: no answer from {self._never_reached}",
                "clients are sent to the addresses that brokers advertise: look at advertised.listeners",
            )

    def _leaders_never_reached(self) -> str:
        """Return the brokers that all waiting records are for, if none of them ever answered; otherwise nothing."""
        self._is_statistics_new = False
        if not self._statistics:
            return ""
        found: dict[str, Any] = json.loads(self._statistics)
        brokers = {each["nodeid"]: each for each in found["brokers"].values()}
        partitions = found["topics"].get(self._topic, {}).get("partitions", {}).values()
        waiting = [each for each in partitions if each["msgq_cnt"] + each["xmit_msgq_cnt"] > 0]
        leaders = {each["leader"] for each in waiting}
        if not leaders or _NO_LEADER in leaders or any(brokers.get(leader, _NOT_KNOWN)["rx"] for leader in leaders):
            return ""
        places = {leader: brokers.get(leader, _NOT_KNOWN)["nodename"] for leader in leaders}
        return ", ".join(f"broker {leader}{f' at {place}' * bool(place)}" for leader, place in sorted(places.items()))
