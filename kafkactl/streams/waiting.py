"""Bound of the time that a producer waits for acknowledgements."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from kafkactl.errors import UnreachableError
from kafkactl.streams.stoppable import Stop

_REPORT_AFTER_S = 3.0
"""Time without an acknowledgement after which the user gets a message."""
_PAUSE_S = 1.0
"""Longest time between two calls of is_over() while records wait; a longer one means that nothing waited."""
_NO_LEADER = -1
STATISTICS = {"statistics.interval.ms": 1000}
"""Settings for librdkafka's statistics, which show the brokers that have ever answered."""


class Waiting:
    """Decision when to give up waiting.

    The wait ends when the time after a signal is over, and where the leaders of all waiting records were never reached.
    Otherwise delivery.timeout.ms bounds it. The user gets a message after three seconds without an acknowledgement.
    """

    def __init__(self, topic: str, timeout_s: float, stop: Stop, tell: Callable[[str], None]) -> None:
        """Take the topic, the time-out in s, the state of a signal, and a function that gets sentences for the user.

        The caller sets `leaders`, which are empty at first, and passes librdkafka's statistics to on_statistics().
        """
        self._topic, self._timeout_s, self._stop, self._tell = topic, timeout_s, stop, tell
        self._acknowledged, self._since = 0, time.monotonic()
        self._has_reported = False
        self._checked_at = 0.0
        self._statistics: dict[str, Any] = {}
        self._is_statistics_new = False
        self._places: dict[int, str] = {}
        """`host:port` of each broker that the cluster has named, by broker id."""
        self._reached: set[int] = set()
        self.leaders: Mapping[int, str] = {}
        """`host:port` of the brokers that led the topic's partitions at the beginning, by broker id."""
        self._never_reached = ""

    def on_statistics(self, text: str) -> None:
        """Take librdkafka's statistics, a text of JSON that it gives once a second.

        A broker that has ever answered counts as reached from then on. Raise ValueError, KeyError, TypeError or
        AttributeError for a text of another form.
        """
        self._statistics, self._is_statistics_new = json.loads(text), True
        for broker in self._statistics["brokers"].values():
            if broker["nodeid"] >= 0:
                self._places[broker["nodeid"]] = broker["nodename"]
                if broker["rx"]:
                    self._reached.add(broker["nodeid"])

    def is_over(self, acknowledged: int, outstanding: int) -> bool:
        """Return whether to give up waiting.

        Call it several times a second: a pause of more than 1 s restarts the time, and so does an `outstanding` of 0.
        `acknowledged` is the number of acknowledged records so far, `outstanding` the number of waiting ones. True
        means that the time after a signal is over, or that no leader of the waiting records was ever reached within the
        time-out; it stays True then. After 3 s without an acknowledgement the user is told, once until the next one.
        """
        now = time.monotonic()
        is_new = now - self._checked_at > _PAUSE_S  # nothing has waited in the meantime
        self._checked_at = now
        # librdkafka counts unread statistics as waiting records, so a smaller number of acknowledged ones is no sign.
        if acknowledged > self._acknowledged or not outstanding or is_new:
            self._acknowledged, self._since, self._has_reported = acknowledged, now, False
        waited_s = now - self._since
        if waited_s > _REPORT_AFTER_S and not self._has_reported:
            self._has_reported = True
            brokers = self._name_unreached_leaders()
            origin = f" from {brokers}, which was never reached" if brokers else ""
            records = f"{outstanding:,} record{'' if outstanding == 1 else 's'}"
            self._tell(f"waiting for the acknowledgement of {records}{origin}")
        if waited_s > self._timeout_s and not self._never_reached and self._is_statistics_new:
            self._never_reached = self._name_unreached_leaders()
        return self._stop.is_over or bool(self._never_reached)

    @property
    def reason(self) -> str:
        """Return why the waiting was given up, as text: a leader that was never reached, or else that we were stopped.

        It has no meaning before is_over() has returned True or the stop is over.
        """
        return f"{self._never_reached} was never reached" if self._never_reached else "we were stopped"

    def require_reached(self) -> None:
        """Raise UnreachableError where the waiting ended because a leader was never reached; otherwise do nothing."""
        if self._never_reached:
            raise UnreachableError(
                f"cannot send to {self._topic}: no answer from {self._never_reached}",
                "check advertised.listeners: clients connect to the addresses that brokers advertise",
            )

    def _name_unreached_leaders(self) -> str:
        """Return the leaders of all waiting records as text, if none of them ever answered; else an empty text.

        The text is like "broker 1 at host:9092, broker 2". Before the first statistics it is empty, and also where a
        waiting record has no leader; but where no broker was ever reached, the leaders at the beginning are returned
        instead. The statistics count as used afterwards.
        """
        self._is_statistics_new = False
        partitions = self._statistics.get("topics", {}).get(self._topic, {}).get("partitions", {}).values()
        leaders = {entry["leader"] for entry in partitions if entry["msgq_cnt"] + entry["xmit_msgq_cnt"] > 0}
        if _NO_LEADER in leaders and not self._reached:
            # Where librdkafka reaches none of the brokers that the first one named, it drops them and starts over.
            leaders = set(self.leaders)
        if not leaders or _NO_LEADER in leaders or leaders & self._reached:
            return ""
        places = {**self.leaders, **self._places}
        addresses = ((leader, places.get(leader, "")) for leader in sorted(leaders))
        return ", ".join(f"broker {leader}{f' at {place}' * bool(place)}" for leader, place in addresses)
