"""A fake cluster of one or more brokers, each with its own port, health and table of versions."""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from tests.fake_broker.answers import HANDLERS, Handler
from tests.fake_broker.answers.api_versions import API_VERSIONS, Choice, answer_api_versions, version_table
from tests.fake_broker.behaviours import Behaviour, Behaviours, Plan
from tests.fake_broker.errors import put_error, without_refused
from tests.fake_broker.node import Node
from tests.fake_broker.protocol import Fields, Request, api_key
from tests.fake_broker.server import TlsIdentity
from tests.fake_broker.state import Broker, Group, State, Topic, groups_by_id, topics_by_name


class FakeCluster:
    """A cluster of fake brokers on 127.0.0.1, for a `with` block.

    `brokers` is their number or their descriptions. `frozen` brokers accept and read but never answer, `dead` ones have
    a closed port, `slow` ones wait that many seconds before each answer. `api_versions` is a release such as "2.1",
    "controller", or changes to the newest table by name.
    """

    def __init__(
        self,
        *,
        brokers: int | Iterable[Broker] = 3,
        topics: Iterable[Topic | str] | Mapping[str, int] = (),
        groups: Iterable[Group | str] = (),
        controller_id: int = 1,
        coordinator_id: int | None = 1,
        api_versions: Choice = None,
        tls: TlsIdentity | None = None,
        frozen: Collection[int] = (),
        dead: Collection[int] = (),
        slow: Mapping[int, float] | None = None,
    ) -> None:
        described = [Broker(id=n) for n in range(1, brokers + 1)] if isinstance(brokers, int) else list(brokers)
        self.state = State(
            brokers={broker.id: broker for broker in described},
            topics=topics_by_name(topics),
            groups=groups_by_id(groups),
            controller_id=controller_id,
            coordinator_id=coordinator_id,
        )
        self.requests: list[Request] = []
        self.failures: list[str] = []
        self._behaviours = Behaviours()
        self._changed = threading.Condition(threading.RLock())
        self.nodes = {broker.id: Node(self, broker, tls) for broker in described}
        self.use_api_versions(api_versions)
        for broker_id, node in self.nodes.items():
            node.dead = broker_id in dead
            node.slow_s = (slow or {}).get(broker_id, 0.0)
            if broker_id in frozen:
                self.freeze(broker_id)

    def __enter__(self) -> Self:
        for node in self.nodes.values():
            if not node.dead:
                node.listener.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes.values():
            node.listener.close()
        if self.failures and kind is None:
            raise AssertionError("the fake broker failed:\n" + "\n".join(self.failures))

    @property
    def address(self) -> str:
        """The addresses of all brokers, dead and frozen ones too, joined with commas."""
        return ",".join(node.listener.address for _, node in sorted(self.nodes.items()))

    def address_of(self, broker_id: int) -> str:
        """Return the address where a broker really listens."""
        return self.nodes[broker_id].listener.address

    def on(self, api: str | Iterable[str], **choices: Any) -> Behaviour:
        """Add a behaviour for a kind of request, for several, or for all ("*"), and return it.

        Where: but=(names,), broker=id, when=callable(request), times=N (the next N requests only).
        Errors: error=code, error_message=text, item=Item (one item only), level="top" or "items".
        Answers: answer=callable(request, usual answer) -> fields or bytes.
        Faults: delay_s=seconds, freeze=True, close=True (after reading), reset=True (with a TCP reset),
        half_answer=True, garbage=bytes instead of the answer, length=false prefix, wrong_correlation=True.
        Work: applied=True or False says whether the request changes the state. Without it a refused or frozen request
        changes nothing, and every other one does, also one whose answer is lost.
        All behaviours that fit a request act together.
        """
        names = (api,) if isinstance(api, str) else tuple(api)
        for name in names:
            if name != "*":
                api_key(name)  # raises KeyError for a misspelt name
        return self._behaviours.add(Behaviour(apis=names, **choices))

    def remove(self, behaviour: Behaviour) -> None:
        """Take a behaviour away."""
        self._behaviours.remove(behaviour)

    def clear(self) -> None:
        """Take all behaviours away."""
        self._behaviours.clear()

    def use_api_versions(self, choice: Choice, broker: int | None = None) -> None:
        """Offer other versions from now on, at all brokers or at one."""
        for node in self.nodes.values() if broker is None else [self.nodes[broker]]:
            node.versions = version_table(choice)

    def freeze(self, broker_id: int) -> None:
        """Stop answering, as after SIGSTOP: connections are accepted, requests are read."""
        self.nodes[broker_id].thawed.clear()

    def thaw(self, broker_id: int) -> None:
        """Answer again, first what was read meanwhile."""
        self.nodes[broker_id].thawed.set()

    def kill(self, broker_id: int) -> None:
        """End a broker's connections and close its port; metadata goes on naming it."""
        self.nodes[broker_id].dead = True
        self.nodes[broker_id].listener.shut()

    def revive(self, broker_id: int) -> None:
        """Open the port of a dead broker."""
        self.nodes[broker_id].dead = False
        self.nodes[broker_id].listener.open()

    def redirect(self, broker_id: int, address: str) -> None:
        """Send clients that look for a broker to another address."""
        host, _, port = address.rpartition(":")
        self.state.brokers[broker_id].host, self.state.brokers[broker_id].port = host, int(port)

    def requests_of(self, api: str, broker: int | None = None) -> list[Request]:
        """Return the requests of a kind so far, at all brokers or at one."""
        with self._changed:
            return [item for item in self.requests if item.api == api and broker in (None, item.broker_id)]

    def wait_for(self, api: str, count: int = 1, timeout_s: float = 10.0) -> list[Request]:
        """Return the requests of a kind once there are so many; raises AssertionError when the time is over."""
        with self._changed:
            done = self._changed.wait_for(lambda: len(self.requests_of(api)) >= count, timeout_s)
        assert done, f"{count} {api} requests did not come; there were {[item.api for item in self.requests]}"
        return self.requests_of(api)

    def record(self, request: Request) -> Plan:
        """Record a request that a broker has read, and return what is planned for it."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        return self._behaviours.plan(request)

    def answer(self, node: Node, request: Request, plan: Plan) -> Fields | bytes | None:
        """Return a broker's answer, which has changed the state unless the plan says otherwise.

        None closes the connection, as brokers do for versions that they do not offer.
        """
        if request.key == API_VERSIONS:
            return self.finished(request, plan, answer_api_versions(request, node.versions, self.state.features))
        handler = HANDLERS.get(request.api)
        if not node.serves(request):
            return None
        if handler is None:
            return self.finished(request, plan, {}) if plan.behaviours else None
        with self._changed:
            if plan.refusals or not plan.applied:
                answer = self.finished(request, plan, handler(request, copy.deepcopy(self.state)))
                self._apply_rest(handler, request, plan)
                return answer
            return self.finished(request, plan, handler(request, self.state))

    def _apply_rest(self, handler: Handler, request: Request, plan: Plan) -> None:
        """Do the work of a request less the refused items."""
        rest: Request | None = request
        for refusal in plan.refusals:
            fields = without_refused(rest, self.state, refusal) if rest else None
            rest = replace(rest, fields=fields) if rest and fields is not None else None
        if rest is not None and plan.applied:
            handler(rest, self.state)

    def finished(self, request: Request, plan: Plan, answer: Fields) -> Fields | bytes:
        """Return an answer with the errors and changes that are planned."""
        for refusal in plan.refusals:
            put_error(request, self.state, answer, refusal)
        result: Fields | bytes = answer
        for change in plan.answers:
            assert isinstance(result, dict), "only the last answer= of a plan may return bytes"
            result = change(request, result)
        return result
