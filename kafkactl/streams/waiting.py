"""How long a producer waits for acknowledgements."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from kafkactl.errors import UnreachableError
from kafkactl.streams.stoppable import Stop

_TOLD_AFTER_S = 3.0
_PAUSE_S = 1.0
"""While records wait, it is asked more often."""
_NO_LEADER = -1
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
        self._statistics: dict[str, Any] = {}
        self._is_statistics_new = False
        self._places: dict[int, str] = {}
        """Host and port of each broker that the cluster has named."""
        self._reached: set[int] = set()
        self.leaders: Mapping[int, str] = {}
        """Host and port of the brokers that led the topic's partitions at the beginning."""
        self._never_reached = ""

    def on_statistics(self, text: str) -> None:
        """Take librdkafka's statistics, which it gives once a second."""
        self._statistics, self._is_statistics_new = json.loads(text), True
        for each in self._statistics["brokers"].values():
            if each["nodeid"] >= 0:
                self._places[each["nodeid"]] = each["nodename"]
                if each["rx"]:
                    self._reached.add(each["nodeid"])

    def is_over(self, acknowledged: int, outstanding: int) -> bool:
        """Return whether to give up; `outstanding` records wait."""
        now = time.monotonic()
        is_new = now - self._asked_at > _PAUSE_S  # nothing waited meanwhile
        self._asked_at = now
        # librdkafka counts statistics that wait to be heard among the records: fewer acknowledged means nothing.
        if acknowledged > self._acknowledged or not outstanding or is_new:
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
        partitions = self._statistics.get("topics", {}).get(self._topic, {}).get("partitions", {}).values()
        leaders = {each["leader"] for each in partitions if each["msgq_cnt"] + each["xmit_msgq_cnt"] > 0}
        if _NO_LEADER in leaders and not self._reached:
            # Where no broker that the first one named is reached, librdkafka forgets them and begins anew.
            leaders = set(self.leaders)
        if not leaders or _NO_LEADER in leaders or leaders & self._reached:
            return ""
        places = {**self.leaders, **self._places}
        named = ((leader, places.get(leader, "")) for leader in sorted(leaders))
        return ", ".join(f"broker {leader}{f' at {place}' * bool(place)}" for leader, place in named)
