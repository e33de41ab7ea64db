"""Results about brokers and the cluster as Kafka's tools print them, line for line.

Reference: org.apache.kafka.tools.ClusterTool and BrokerApiVersionsCommand; org.apache.kafka.clients.NodeApiVersions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_text import format_boolean

if TYPE_CHECKING:
    from kafkactl.admin.brokers import BrokerApi
    from kafkactl.admin.endpoints import Endpoint

_EMPTY_HOST, _EMPTY_RACK = 100, 10
"""Widths of columns without a value."""
CLIENT_APIS: Mapping[int, tuple[str, int, int]] = {
    0: ("Produce", 3, 13),
    1: ("Fetch", 4, 18),
    2: ("ListOffsets", 1, 11),
    3: ("Metadata", 0, 13),
    8: ("OffsetCommit", 2, 10),
    9: ("OffsetFetch", 1, 10),
    10: ("FindCoordinator", 0, 6),
    11: ("JoinGroup", 0, 9),
    12: ("Heartbeat", 0, 4),
    13: ("LeaveGroup", 0, 5),
    14: ("SyncGroup", 0, 5),
    15: ("DescribeGroups", 0, 6),
    16: ("ListGroups", 0, 5),
    17: ("SaslHandshake", 0, 1),
    18: ("ApiVersions", 0, 4),
    19: ("CreateTopics", 2, 7),
    20: ("DeleteTopics", 1, 6),
    21: ("DeleteRecords", 0, 2),
    22: ("InitProducerId", 0, 6),
    23: ("OffsetForLeaderEpoch", 2, 4),
    24: ("AddPartitionsToTxn", 0, 5),
    25: ("AddOffsetsToTxn", 0, 4),
    26: ("EndTxn", 0, 5),
    27: ("WriteTxnMarkers", 1, 2),
    28: ("TxnOffsetCommit", 0, 5),
    29: ("DescribeAcls", 1, 3),
    30: ("CreateAcls", 1, 3),
    31: ("DeleteAcls", 1, 3),
    32: ("DescribeConfigs", 1, 4),
    33: ("AlterConfigs", 0, 2),
    34: ("AlterReplicaLogDirs", 1, 2),
    35: ("DescribeLogDirs", 1, 5),
    36: ("SaslAuthenticate", 0, 2),
    37: ("CreatePartitions", 0, 3),
    38: ("CreateDelegationToken", 1, 3),
    39: ("RenewDelegationToken", 1, 2),
    40: ("ExpireDelegationToken", 1, 2),
    41: ("DescribeDelegationToken", 1, 3),
    42: ("DeleteGroups", 0, 2),
    43: ("ElectLeaders", 0, 2),
    44: ("IncrementalAlterConfigs", 0, 1),
    45: ("AlterPartitionReassignments", 0, 1),
    46: ("ListPartitionReassignments", 0, 0),
    47: ("OffsetDelete", 0, 0),
    48: ("DescribeClientQuotas", 0, 1),
    49: ("AlterClientQuotas", 0, 1),
    50: ("DescribeUserScramCredentials", 0, 0),
    51: ("AlterUserScramCredentials", 0, 0),
    55: ("DescribeQuorum", 0, 2),
    57: ("UpdateFeatures", 0, 2),
    60: ("DescribeCluster", 0, 2),
    61: ("DescribeProducers", 0, 0),
    64: ("UnregisterBroker", 0, 0),
    65: ("DescribeTransactions", 0, 0),
    66: ("ListTransactions", 0, 2),
    68: ("ConsumerGroupHeartbeat", 0, 1),
    69: ("ConsumerGroupDescribe", 0, 1),
    71: ("GetTelemetrySubscriptions", 0, 0),
    72: ("PushTelemetry", 0, 0),
    74: ("ListConfigResources", 0, 1),
    75: ("DescribeTopicPartitions", 0, 0),
    76: ("ShareGroupHeartbeat", 1, 1),
    77: ("ShareGroupDescribe", 1, 1),
    78: ("ShareFetch", 1, 2),
    79: ("ShareAcknowledge", 1, 2),
    80: ("AddRaftVoter", 0, 1),
    81: ("RemoveRaftVoter", 0, 0),
    83: ("InitializeShareGroupState", 0, 0),
    84: ("ReadShareGroupState", 0, 0),
    85: ("WriteShareGroupState", 0, 1),
    86: ("DeleteShareGroupState", 0, 0),
    87: ("ReadShareGroupStateSummary", 0, 1),
    88: ("StreamsGroupHeartbeat", 0, 0),
    89: ("StreamsGroupDescribe", 0, 0),
    90: ("DescribeShareGroupOffsets", 0, 1),
    91: ("AlterShareGroupOffsets", 0, 0),
    92: ("DeleteShareGroupOffsets", 0, 0),
}
"""Requests of Kafka 4.3.1's clients by number: name, lowest and highest version. A reference test runs beside Kafka."""
_OTHER_APIS: Mapping[int, tuple[str, int | None, int | None]] = {
    4: ("LeaderAndIsr", None, None),
    5: ("StopReplica", None, None),
    6: ("UpdateMetadata", None, None),
    7: ("ControlledShutdown", None, None),
    52: ("Vote", 0, 2),
    53: ("BeginQuorumEpoch", 0, 1),
    54: ("EndQuorumEpoch", 0, 1),
    56: ("AlterPartition", 2, 3),
    58: ("Envelope", 0, 0),
    59: ("FetchSnapshot", 0, 1),
    62: ("BrokerRegistration", 0, 4),
    63: ("BrokerHeartbeat", 0, 2),
    67: ("AllocateProducerIds", 0, 0),
    70: ("ControllerRegistration", 0, 0),
    73: ("AssignReplicasToDirs", 0, 0),
    82: ("UpdateRaftVoter", 0, 0),
}
"""Requests that only nodes send to each other; None where Kafka 4.3.1 has no version of a request any more."""


def format_cluster_id(cluster_id: str | None) -> str:
    """Return the line of kafka-cluster cluster-id, its end included; None is an id that the brokers do not have."""
    if cluster_id is None:
        return "No cluster ID found. The Kafka version is probably too old.\n"
    return f"Cluster ID: {cluster_id}\n"


def format_unregistration(broker_id: int) -> str:
    """Return the line of kafka-cluster unregister about a broker, its end included."""
    return f"Broker {broker_id} is no longer registered.\n"


def format_endpoints(nodes: Sequence[Endpoint], are_controllers: bool) -> str:
    """Return the table of kafka-cluster list-endpoints, each line with its end; without nodes only its heading.

    Nodes keep their order. `are_controllers` leaves the column of states out. A missing or empty rack is null, and an
    unknown state is unfenced.
    """
    host_width = max((len(node.host) for node in nodes), default=_EMPTY_HOST)
    rack_width = max((len(node.rack) for node in nodes if node.rack is not None), default=_EMPTY_RACK)
    rows = [("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE")]
    for node in nodes:
        state = "fenced" if node.fenced else "unfenced"
        rows.append((str(node.id), node.host, str(node.port), node.rack or "null", state, str(node.kind)))
    lines = []
    for number, host, port, rack, state, kind in rows:
        middle = "" if are_controllers else f"{state:<10} "
        lines.append(f"{number:<10} {host:<{host_width}} {port:<10} {rack:<{rack_width}} {middle}{kind:<15}\n")
    return "".join(lines)


def format_api_versions(nodes: Sequence[Endpoint], apis: Sequence[BrokerApi]) -> str:
    """Return the text of kafka-broker-api-versions about brokers that answer; the others are left out.

    Brokers have the order of `nodes`, and requests that of their numbers. Requests that Kafka's client knows and a
    broker lacks are UNSUPPORTED. A missing or empty rack is null, and an unknown state is isFenced: false. Each line
    has its end; the text is empty where no broker answers.
    """
    by_broker: dict[int, dict[int, BrokerApi]] = defaultdict(dict)
    for api in apis:
        by_broker[api.broker][api.key] = api
    texts = []
    for node in nodes:
        if offered := by_broker.get(node.id):
            lines = ",\n\t".join(_format_api(key, offered) for key in sorted(offered.keys() | CLIENT_APIS.keys()))
            place = f"{node.host}:{node.port} (id: {node.id} rack: {node.rack or 'null'}"
            texts.append(f"{place} isFenced: {format_boolean(bool(node.fenced))}) -> (\n\t{lines}\n)\n")
    return "".join(texts)


def _format_api(key: int, offered: Mapping[int, BrokerApi]) -> str:
    """Return the part of the text about one request, NAME(NUMBER): VERSIONS [usable: VERSION], without a line end.

    `key` is its number, and `offered` are the requests of one broker by number. VERSIONS is one number, or LOW to HIGH,
    and VERSION the highest one that the client knows, too. A request that only Kafka's client knows is UNSUPPORTED.
    Where the versions do not overlap, the text says that the node is too old or too new; it is too new for a request
    that Kafka has no more. A request that is not known here has the name UNKNOWN, and no brackets. Raise KeyError where
    the broker does not offer it and the client does not know it.
    """
    api = offered.get(key)
    if api is None:
        return f"{CLIENT_APIS[key][0]}({key}): UNSUPPORTED"
    low, high = api.min_version, api.max_version
    versions = str(low) if low == high else f"{low} to {high}"
    name, client_low, client_high = CLIENT_APIS.get(key, _OTHER_APIS.get(key, ("UNKNOWN", None, None)))
    if client_low is None or client_high is None:
        usable = "" if name == "UNKNOWN" else " [unusable: node too new]"
    elif high < client_low:
        usable = " [unusable: node too old]"
    elif low > client_high:
        usable = " [unusable: node too new]"
    else:
        usable = f" [usable: {min(high, client_high)}]"
    return f"{name}({key}): {versions}{usable}"
