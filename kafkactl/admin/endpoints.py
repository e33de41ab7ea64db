"""The id of a cluster, and the addresses of its brokers or of its controllers.

Reference: KIP-700 (DescribeCluster), KIP-919 (controllers), KIP-1073 (fenced brokers).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import EndpointType
from kafkactl.errors import UnsupportedRequestError

_FIRST_WITH_CONTROLLERS, _FIRST_WITH_FENCED = 1, 2
"""Versions of DescribeCluster, of Kafka 3.7 and 4.0."""


class EndpointKind(StrEnum):
    """The kind of node that an address belongs to."""

    BROKER = "broker"
    CONTROLLER = "controller"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A node with the address that it advertises on the listener that was asked."""

    id: int
    host: str
    port: int
    rack: str | None
    """None where it has no rack, and for a controller."""
    fenced: bool | None
    """Whether the controller gets no heartbeats from it; None for a controller, and for brokers before 4.0."""
    kind: EndpointKind


@dataclass(frozen=True, kw_only=True)
class ClusterDescription:
    """A cluster as its nodes describe it."""

    cluster_id: str | None
    """None for brokers before 0.10.1."""
    controller_id: int
    """The active controller if a controller was asked, or with ZooKeeper; else any broker. -1 for none."""
    endpoints: list[Endpoint]
    """Brokers, or controllers where the address is that of controllers; sorted by id."""


def describe_cluster(cluster: Cluster, include_fenced: bool = False) -> ClusterDescription:
    """Return the id of a cluster and its brokers, or its controllers where the address is that of controllers.

    Brokers or controllers are sorted by id. `include_fenced` adds fenced brokers, which brokers before 4.0 do not name;
    it does not count for controllers. With KRaft, brokers name any broker as the controller. Raise UnreachableError
    where no node answers, OperationError for a refusal (UnsupportedRequestError for controllers before 3.7), UsageError
    for a wrong client setting.
    """
    if cluster.settings.has_controllers:
        return _ask(cluster, EndpointType.CONTROLLERS, _FIRST_WITH_CONTROLLERS)
    try:
        return _ask(cluster, EndpointType.BROKERS, _FIRST_WITH_FENCED, include_fenced_brokers=include_fenced)
    except UnsupportedRequestError:
        return _read_metadata(cluster)


def _ask(cluster: Cluster, kind: EndpointType, min_version: int, **fields: Any) -> ClusterDescription:
    """Return the description of a cluster by DescribeCluster of at least a version.

    Raise UnsupportedRequestError where the nodes are too old, UnreachableError, OperationError or UsageError. Brokers
    or controllers are sorted by id. `fields` are further fields of the request, such as include_fenced_brokers.
    """
    answer = cluster.requests.send(
        "DescribeCluster",
        include_cluster_authorized_operations=False,
        endpoint_type=kind,
        min_version=min_version,
        **fields,
    )
    if answer.error_code:
        raise refusal("cannot describe the cluster", answer.error_code, answer.error_message)
    is_broker = kind is EndpointType.BROKERS
    endpoints = [
        Endpoint(
            id=node.broker_id,
            host=node.host,
            port=node.port,
            rack=node.rack,
            fenced=bool(node.is_fenced) if is_broker else None,
            kind=EndpointKind.BROKER if is_broker else EndpointKind.CONTROLLER,
        )
        for node in answer.brokers
    ]
    return ClusterDescription(
        cluster_id=answer.cluster_id,
        controller_id=answer.controller_id,
        endpoints=sorted(endpoints, key=lambda endpoint: endpoint.id),
    )


def _read_metadata(cluster: Cluster) -> ClusterDescription:
    """Return the description of a cluster whose brokers are too old for DescribeCluster with fenced brokers.

    The brokers are sorted by id. Whether a broker is fenced is not known: `fenced` is None. Raise UnreachableError,
    OperationError for a refusal, UsageError for a wrong client setting.
    """
    answer = cluster.requests.send("Metadata", topics=[], allow_auto_topic_creation=False, min_version=1)
    endpoints = [
        Endpoint(id=node.node_id, host=node.host, port=node.port, rack=node.rack, fenced=None, kind=EndpointKind.BROKER)
        for node in answer.brokers
    ]
    return ClusterDescription(
        cluster_id=getattr(answer, "cluster_id", None),
        controller_id=answer.controller_id,
        endpoints=sorted(endpoints, key=lambda endpoint: endpoint.id),
    )
