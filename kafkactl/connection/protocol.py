"""Numbers of Kafka's protocol, in one table. They are the same in every client library.

A test compares them with confluent-kafka and kafka-python. The table of error codes is broker_errors.py; this module
has only the codes that operations treat in a special way.

Reference: org.apache.kafka.common.protocol.Errors, ConfigResource.Type, DescribeConfigsResponse.ConfigSource,
ListOffsetsRequest, ScramMechanism, ClientQuotaFilterComponent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import IntEnum

LARGEST_ANSWER_BYTES = 64 << 20
"""Largest accepted answer. Both clients allocate as many bytes as the first four bytes of an answer announce."""


class ApiKey(IntEnum):
    """Requests whose support shows what kind of node a server is, and those that only KRaft has."""

    METADATA = 3
    API_VERSIONS = 18
    DESCRIBE_QUORUM = 55
    UNREGISTER_BROKER = 64
    LIST_CONFIG_RESOURCES = 74
    ADD_RAFT_VOTER = 80
    REMOVE_RAFT_VOTER = 81


class EndpointType(IntEnum):
    """Kinds of nodes that DescribeCluster returns."""

    BROKERS = 1
    CONTROLLERS = 2


class ErrorCode(IntEnum):
    """Errors that an operation treats in a special way."""

    OFFSET_OUT_OF_RANGE = 1
    UNKNOWN_TOPIC_OR_PARTITION = 3
    LEADER_NOT_AVAILABLE = 5
    REQUEST_TIMED_OUT = 7
    REPLICA_NOT_AVAILABLE = 9
    INVALID_GROUP_ID = 24
    TOPIC_AUTHORIZATION_FAILED = 29
    GROUP_AUTHORIZATION_FAILED = 30
    CLUSTER_AUTHORIZATION_FAILED = 31
    UNSUPPORTED_VERSION = 35
    TOPIC_ALREADY_EXISTS = 36
    INVALID_REPLICATION_FACTOR = 38
    NOT_CONTROLLER = 41
    CONCURRENT_TRANSACTIONS = 51
    LOG_DIR_NOT_FOUND = 57
    NON_EMPTY_GROUP = 68
    GROUP_ID_NOT_FOUND = 69
    ELECTION_NOT_NEEDED = 84
    THROTTLING_QUOTA_EXCEEDED = 89
    RESOURCE_NOT_FOUND = 91
    TRANSACTIONAL_ID_NOT_FOUND = 105


class CoordinatorType(IntEnum):
    """What a coordinator coordinates: the type of the key in FindCoordinator."""

    GROUP = 0
    TRANSACTION = 1


class ResourceType(IntEnum):
    """Kinds of entities in requests about configs."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class ConfigSource(IntEnum):
    """Places that set a config."""

    UNKNOWN = 0
    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6
    DYNAMIC_CLIENT_METRICS_CONFIG = 7
    DYNAMIC_GROUP_CONFIG = 8


class SpecialOffset(IntEnum):
    """Values that ListOffsets takes instead of a timestamp."""

    LATEST = -1
    EARLIEST = -2
    MAX_TIMESTAMP = -3
    EARLIEST_LOCAL = -4
    LATEST_TIERED = -5
    EARLIEST_PENDING_UPLOAD = -6


class ScramMechanism(IntEnum):
    """Mechanisms of SCRAM credentials."""

    SCRAM_SHA_256 = 1
    SCRAM_SHA_512 = 2


class QuotaMatch(IntEnum):
    """Ways to match a part of an entity in DescribeClientQuotas."""

    EXACT = 0
    DEFAULT = 1
    ANY = 2


class LibraryCode(IntEnum):
    """Errors of librdkafka itself. Its compiled users have the same numbers."""

    PARTITION_EOF = -191
    QUEUE_FULL = -184
    FATAL = -150


class UpgradeType(IntEnum):
    """Ways to change the level of a feature."""

    UPGRADE = 1
    SAFE_DOWNGRADE = 2
    UNSAFE_DOWNGRADE = 3


class AclResourceType(IntEnum):
    """Kinds of resources in requests about ACLs; ANY is for filters."""

    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class AclPatternType(IntEnum):
    """Ways in which the name of a resource in an ACL is meant; ANY and MATCH are for filters."""

    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class AclOperationType(IntEnum):
    """Operations in ACLs; ANY is for filters."""

    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15


class AclPermissionType(IntEnum):
    """What an ACL does; ANY is for filters."""

    ANY = 1
    DENY = 2
    ALLOW = 3


def group_by_topic(partitions: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """Return the numbers of the partitions of each topic, both in the order of `partitions`, as requests have them.

    A partition that is there twice stays twice; without any the result is empty.
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    for topic, number in partitions:
        numbers[topic].append(number)
    return dict(numbers)
