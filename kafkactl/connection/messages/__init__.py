"""Requests that neither client library has, as schemas for kafka-python's own machinery.

The schemas of ConsumerGroupDescribe have only names, types and versions of fields: facts of Kafka's protocol (KIP-848),
in the form of Kafka's message schemas. The others are Kafka's own files; NOTICE names them.
"""

from __future__ import annotations

import sys
from typing import Any

from kafka.protocol.api_message import ApiMessage

_HERE = sys.modules[__name__]


class ConsumerGroupDescribeRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request that asks a coordinator for groups of the consumer protocol."""


class ConsumerGroupDescribeResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Groups with their epochs, and their members with the current and the target assignments."""


class UnregisterBrokerRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request that removes the registration of a broker."""


class UnregisterBrokerResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """The error of a registration that was not removed."""


class AddRaftVoterRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request that adds a voter to the quorum of the controllers."""


class AddRaftVoterResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """The error of a voter that was not added."""


class RemoveRaftVoterRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request that removes a voter from the quorum of the controllers."""


class RemoveRaftVoterResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """The error of a voter that was not removed."""


class CreateDelegationTokenRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request that creates a delegation token."""


class CreateDelegationTokenResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """A new token with its secret."""


class DescribeDelegationTokenRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request for the delegation tokens of owners, or for all."""


class DescribeDelegationTokenResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Tokens with their secrets."""


class RenewDelegationTokenRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request that lets a delegation token expire later."""


class RenewDelegationTokenResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """The new expiry of a token."""


class ExpireDelegationTokenRequest(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """Request that lets a delegation token expire."""


class ExpireDelegationTokenResponse(ApiMessage, load_json=_HERE):  # type: ignore[call-arg,misc]
    """The expiry of a token."""


def find_request_class(api: str) -> Any:
    """Return the class of a request by its name in Kafka's protocol, such as DescribeConfigs.

    Raise LookupError for a name that neither this package nor kafka-python's modules metadata, admin, consumer and
    producer have.
    """
    from kafka.protocol import admin, consumer, metadata, producer

    name = f"{api}Request"
    for module in (_HERE, metadata, admin, consumer, producer):
        if name in vars(module):
            return vars(module)[name]
    raise LookupError(f"unknown request {api}")
