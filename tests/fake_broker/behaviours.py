"""Behaviours: what a broker does instead of, or beside, its usual answer to a kind of request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fake_broker.errors import Item, Refusal
from tests.fake_broker.protocol import Fields, Request

Answer = Callable[[Request, Fields], Fields | bytes]
"""Gets the request and the usual answer; returns the answer's fields, or the bytes to send as they are."""
EVERY_API = "*"


@dataclass(eq=False, kw_only=True)
class Behaviour:
    """One behaviour; see FakeCluster.on. `hits` counts the requests that it acted on."""

    apis: tuple[str, ...]
    but: tuple[str, ...] = ()
    broker: int | None = None
    when: Callable[[Request], bool] | None = None
    times: int | None = None
    error: int | None = None
    error_message: str | None = None
    item: Item | None = None
    level: str | None = None
    answer: Answer | None = None
    delay_s: float = 0.0
    close: bool = False
    reset: bool = False
    freeze: bool = False
    half_answer: bool = False
    garbage: bytes | None = None
    length: int | None = None
    wrong_correlation: bool = False
    applied: bool | None = None
    hits: int = field(default=0, init=False)

    def fits(self, request: Request) -> bool:
        """Return whether the behaviour acts on a request."""
        return (
            (self.times is None or self.hits < self.times)
            and (EVERY_API in self.apis or request.api in self.apis)
            and request.api not in self.but
            and self.broker in (None, request.broker_id)
            and (self.when is None or self.when(request))
        )

    @property
    def refusal(self) -> Refusal | None:
        """The error that goes into the answer, or None."""
        if self.error is None:
            return None
        return Refusal(code=self.error, message=self.error_message, item=self.item, level=self.level)


@dataclass(frozen=True)
class Plan:
    """The behaviours that act on one request, together."""

    behaviours: tuple[Behaviour, ...]

    @property
    def delay_s(self) -> float:
        """Return the sum of all delays."""
        return sum(behaviour.delay_s for behaviour in self.behaviours)

    @property
    def refusals(self) -> list[Refusal]:
        """Return the errors that go into the answer."""
        return [behaviour.refusal for behaviour in self.behaviours if behaviour.refusal is not None]

    @property
    def answers(self) -> list[Answer]:
        """Return the functions that change the answer, in order."""
        return [behaviour.answer for behaviour in self.behaviours if behaviour.answer is not None]

    @property
    def garbage(self) -> bytes | None:
        """Return the bytes to send instead of an answer, or None."""
        return next((behaviour.garbage for behaviour in self.behaviours if behaviour.garbage is not None), None)

    @property
    def length(self) -> int | None:
        """Return the false length of the answer, or None."""
        return next((behaviour.length for behaviour in self.behaviours if behaviour.length is not None), None)

    def has(self, name: str) -> bool:
        """Return whether a behaviour has a flag."""
        return any(getattr(behaviour, name) for behaviour in self.behaviours)

    @property
    def applied(self) -> bool:
        """Whether the request does its work; a frozen broker does nothing, one that closes has done it."""
        choices = [behaviour.applied for behaviour in self.behaviours if behaviour.applied is not None]
        return choices[-1] if choices else not self.has("freeze")


class Behaviours:
    """The behaviours of a cluster, in the order in which a test added them."""

    def __init__(self) -> None:
        self._all: list[Behaviour] = []
        self._lock = threading.Lock()

    def add(self, behaviour: Behaviour) -> Behaviour:
        """Add a behaviour and return it."""
        with self._lock:
            self._all.append(behaviour)
        return behaviour

    def remove(self, behaviour: Behaviour) -> None:
        """Take a behaviour away."""
        with self._lock:
            self._all.remove(behaviour)

    def clear(self) -> None:
        """Take all behaviours away."""
        with self._lock:
            self._all.clear()

    def plan(self, request: Request) -> Plan:
        """Return what acts on a request, and count the hits."""
        with self._lock:
            acting = tuple(behaviour for behaviour in self._all if behaviour.fits(request))
            for behaviour in acting:
                behaviour.hits += 1
        return Plan(acting)
