"""Requests that neither client has, as schemas that kafka-python's own machinery reads.

Only names, types and versions of fields: facts of Kafka's protocol (KIP-848), in the form of its message schemas.
"""

from __future__ import annotations

import sys
from typing import Any

from kafka.protocol.api_message import ApiMessage

_HERE = sys.modules[__name__]


class ConsumerGroupDescribeRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Asks a coordinator for groups of the consumer protocol."""


class ConsumerGroupDescribeResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Groups with their epochs, and members with their current and target assignments."""


def request_class(api: str) -> Any:
    """Return the class of a request by its name in Kafka's protocol, such as DescribeConfigs."""
    from kafka.protocol import admin, consumer, metadata

    name = f"{api}Request"
    return next(vars(room)[name] for room in (_HERE, metadata, admin, consumer) if name in vars(room))
