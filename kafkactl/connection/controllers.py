"""The controller client: requests to the controllers of a KRaft cluster, where the address is a controller's.

Controllers do not serve Metadata, so neither client library connects to them. The connections are those of
kafka-python, and the active controller is found by DescribeCluster (KIP-919).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from kafkactl.connection import diagnosis
from kafkactl.connection.kafka_python import Brokers, Node
from kafkactl.connection.requests import Requests
from kafkactl.errors import UnreachableError

_HINT = "name a controller's HOST:PORT with --bootstrap-controller, or a broker's with --bootstrap-server"


class ControllerRequests(Requests):
    """Requests of one cluster to its controllers. They go to the active controller, or to the one that they name.

    A request that finds no active controller, or one that is not active any more, is repeated until the time-out.
    """

    @cached_property
    def _brokers(self) -> Brokers:
        """The connections of kafka-python, made with their thread at the first use; nothing is connected yet.

        Then UsageError is raised for a setting that kafka-python refuses, for certificates that cannot be read, and for
        a PKCS12 key store.
        """
        return Brokers(self._cluster.settings, self._explain)

    def _explain(self) -> None:
        """Raise UnreachableError with the reason for a missing connection; do nothing where none is found.

        A login that was refused is the reason, and nothing is asked. Otherwise the addresses are connected to again,
        which takes about 1 to 2 s, with TLS up to about 4 s, and longer where several TLS servers cannot be reached.
        Nothing is raised then where one of them is a controller, or where they accept connections and stay silent,
        except, with security.protocol SSL, after a TLS handshake that succeeds.
        """
        settings = self._cluster.settings
        if (cause := diagnosis.find_cause_at_controllers(settings, self._brokers.login_failure)) is not None:
            address = settings.bootstrap_servers
            raise UnreachableError(f"cannot reach the controllers at {address}: {cause.reason}", cause.hint or _HINT)

    def _learn(self, deadline: float) -> None:
        """Ask for the controllers and the active one, and keep them. `deadline` is a time of time.monotonic().

        Raise UnreachableError, UsageError, and OperationError for a refusal.
        """
        self._brokers.learn_controllers(deadline)

    def _name_silent(self, error: UnreachableError) -> UnreachableError:
        """Return the error unchanged: controllers that do not answer are not looked for."""
        return error

    def _send_question(self, make: Callable[[], Any], broker: int | None) -> Any:
        """Return the answer of the controller `broker`, or of the active one for None, also one with an error code.

        `make` returns a new request; its errors pass through. Raise UnreachableError, OperationError (NOT_CONTROLLER
        where none is active) or UsageError.
        """
        return super()._send_question(make, self._find_controller() if broker is None else broker)

    def _find_receiver(self, broker: int | None, to_controller: bool, deadline: float) -> Node:
        """Return the controller that a change is sent to: `broker`, or the active one for None.

        `to_controller` does not count. Raise UnreachableError, OperationError (NOT_CONTROLLER where none is active) or
        UsageError.
        """
        return super()._find_receiver(self._find_controller() if broker is None else broker, False, deadline)
