"""The answers of a healthy broker: a table from the kind of request to the function that answers it.

A function takes the request and the state, changes the state if the request does, and returns the fields of the answer.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fake_broker.answers import cluster, configs, groups, replicas, rights, tokens, topics, transactions
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import State

Handler = Callable[[Request, State], Fields]

HANDLERS: dict[str, Handler] = {
    **cluster.HANDLERS,
    **topics.HANDLERS,
    **configs.HANDLERS,
    **groups.HANDLERS,
    **rights.HANDLERS,
    **replicas.HANDLERS,
    **transactions.HANDLERS,
    **tokens.HANDLERS,
}
"""Every kind of request that gets an answer without a behaviour of the test, but ApiVersions."""
