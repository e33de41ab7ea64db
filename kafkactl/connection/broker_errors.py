"""The table of Kafka's error codes: the exception of Java's clients, our sentence, and whether a retry may help.

Reference: org.apache.kafka.common.protocol.Errors of Kafka 4.3.1. A reference test compares codes and exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import KafkaError

from kafkactl.errors import OperationError

_BROKER_AND_API = re.compile(r"^Broker \[-?\d+\] \w+: ")
"""Prefix that librdkafka puts before an error of a request to several brokers."""
_WORKER = re.compile(
    r"^[A-Z_]+ worker (?:(?:coordinator )?request failed|failed to parse response): (?:\w+ response failure: )?"
)
"""Prefix that librdkafka puts before an error of a whole answer about one group."""
_AFTER = re.compile(r" \(after \d+ms.*", re.DOTALL)
"""Times that librdkafka puts behind an error, such as " (after 1ms in state CONNECT)"."""
_PACKAGE = "org.apache.kafka.common.errors"
_PACKAGES = {"InvalidRecordException": "org.apache.kafka.common"}


class BrokerError(NamedTuple):
    """An error that a broker answers with. It is a tuple: 133 dataclasses would cost every command 3 ms."""

    code: int
    exception: str
    """Simple name of the exception class in Kafka's Java clients."""
    sentence: str
    """Description of the error in our words. It can follow a colon."""
    is_transient: bool
    """Whether the broker did nothing, and may serve the same request a moment later."""

    @property
    def exception_class(self) -> str:
        """Return the exception's full class name with its package, as Kafka's tools print it."""
        return f"{_PACKAGES.get(self.exception, _PACKAGE)}.{self.exception}"


_NO_SUCH_TOPIC = (3, 17)
"""UNKNOWN_TOPIC_OR_PARTITION, and INVALID_TOPIC_EXCEPTION for a name that no topic can have."""
_FINAL, _RETRY = False, True
"""Values of is_transient."""

_ROWS = (
    (-1, "UnknownServerException", "the broker met an unexpected error; its log says more", _FINAL),
    (1, "OffsetOutOfRangeException", "the offset is outside the log", _FINAL),
    (2, "CorruptRecordException", "the record is corrupt, too large, or has no key in a compacted topic", _FINAL),
    (3, "UnknownTopicOrPartitionException", "the topic or partition does not exist", _FINAL),
    (4, "InvalidFetchSizeException", "the fetch size is not valid", _FINAL),
    (5, "LeaderNotAvailableException", "the partition has no leader", _FINAL),
    (6, "NotLeaderOrFollowerException", "the broker is not the leader of the partition any more", _RETRY),
    (7, "TimeoutException", "the brokers did not finish the request in time", _FINAL),
    (8, "BrokerNotAvailableException", "the broker is not available", _FINAL),
    (9, "ReplicaNotAvailableException", "the broker does not have the replica", _FINAL),
    (10, "RecordTooLargeException", "the record is too large for the topic or the broker (max.message.bytes)", _FINAL),
    (11, "ControllerMovedException", "the controller has moved to another broker", _RETRY),
    (12, "OffsetMetadataTooLarge", "the metadata of the commit is too large (offset.metadata.max.bytes)", _FINAL),
    (13, "NetworkException", "the broker closed the connection before it answered", _FINAL),
    (14, "CoordinatorLoadInProgressException", "the coordinator is still loading", _RETRY),
    (15, "CoordinatorNotAvailableException", "the coordinator is not available", _RETRY),
    (16, "NotCoordinatorException", "the coordinator has moved to another broker", _RETRY),
    (17, "InvalidTopicException", "the topic name is not valid", _FINAL),
    (18, "RecordBatchTooLargeException", "the batch is larger than a segment of the topic", _FINAL),
    (19, "NotEnoughReplicasException", "fewer replicas are in sync than min.insync.replicas asks for", _FINAL),
    (20, "NotEnoughReplicasAfterAppendException", "written, but fewer replicas are in sync than needed", _FINAL),
    (21, "InvalidRequiredAcksException", "the value of acks is not valid", _FINAL),
    (22, "IllegalGenerationException", "the generation of the group is not valid any more", _FINAL),
    (23, "InconsistentGroupProtocolException", "the member's assignors or protocol do not fit the group", _FINAL),
    (24, "InvalidGroupIdException", "the group id is not valid", _FINAL),
    (25, "UnknownMemberIdException", "the group does not have this member", _FINAL),
    (26, "InvalidSessionTimeoutException", "the session time-out is outside the broker's bounds", _FINAL),
    (27, "RebalanceInProgressException", "the group is rebalancing", _FINAL),
    (28, "InvalidCommitOffsetSizeException", "the size of the commit is not valid", _FINAL),
    (29, "TopicAuthorizationException", "not authorized to access the topic", _FINAL),
    (30, "GroupAuthorizationException", "not authorized to access the group", _FINAL),
    (31, "ClusterAuthorizationException", "not authorized to access the cluster", _FINAL),
    (32, "InvalidTimestampException", "the timestamp is outside the bounds of the topic", _FINAL),
    (33, "UnsupportedSaslMechanismException", "the broker does not support the SASL mechanism", _FINAL),
    (34, "IllegalSaslStateException", "the request does not fit the state of the SASL login", _FINAL),
    (35, "UnsupportedVersionException", "the broker does not support this version of the request", _FINAL),
    (36, "TopicExistsException", "the topic already exists", _FINAL),
    (37, "InvalidPartitionsException", "the number of partitions is not valid", _FINAL),
    (
        38,
        "InvalidReplicationFactorException",
        "the replication factor is below 1 or above the number of brokers",
        _FINAL,
    ),
    (39, "InvalidReplicaAssignmentException", "the replica assignment is not valid", _FINAL),
    (40, "InvalidConfigurationException", "the configuration is not valid", _FINAL),
    (41, "NotControllerException", "the broker is not the controller any more", _RETRY),
    (42, "InvalidRequestException", "the broker does not accept the request; its log says more", _FINAL),
    (43, "UnsupportedForMessageFormatException", "the message format of the topic does not support this", _FINAL),
    (44, "PolicyViolationException", "a policy of the cluster forbids it", _FINAL),
    (45, "OutOfOrderSequenceException", "the broker misses records that this producer sent before", _FINAL),
    (46, "DuplicateSequenceException", "the broker already has this batch", _FINAL),
    (47, "InvalidProducerEpochException", "a newer producer has taken over the transactional id", _FINAL),
    (48, "InvalidTxnStateException", "the operation does not fit the state of the transaction", _FINAL),
    (49, "InvalidPidMappingException", "the producer id does not belong to the transactional id", _FINAL),
    (50, "InvalidTxnTimeoutException", "the time-out is above the broker's transaction.max.timeout.ms", _FINAL),
    (51, "ConcurrentTransactionsException", "another operation on the transaction is not finished yet", _RETRY),
    (52, "TransactionCoordinatorFencedException", "the transaction coordinator has been replaced", _FINAL),
    (53, "TransactionalIdAuthorizationException", "not authorized to use the transactional id", _FINAL),
    (54, "SecurityDisabledException", "the cluster has no authorizer, so it has no ACLs", _FINAL),
    (55, "OperationNotAttemptedException", "not attempted, because another part of the request failed", _FINAL),
    (56, "KafkaStorageException", "the broker cannot use the disk of the partition", _FINAL),
    (57, "LogDirNotFoundException", "the broker does not have this log directory", _FINAL),
    (58, "SaslAuthenticationException", "the login failed", _FINAL),
    (59, "UnknownProducerIdException", "the broker does not know the producer id any more", _FINAL),
    (60, "ReassignmentInProgressException", "replicas of the partition are already being moved", _FINAL),
    (61, "DelegationTokenDisabledException", "delegation tokens are not enabled", _FINAL),
    (62, "DelegationTokenNotFoundException", "the delegation token does not exist", _FINAL),
    (63, "DelegationTokenOwnerMismatchException", "the principal is not the owner or renewer of the token", _FINAL),
    (64, "UnsupportedByAuthenticationException", "delegation tokens need a connection with a login of its own", _FINAL),
    (65, "DelegationTokenAuthorizationException", "not authorized to access the delegation token", _FINAL),
    (66, "DelegationTokenExpiredException", "the delegation token has expired", _FINAL),
    (67, "InvalidPrincipalTypeException", "the type of the principal is not supported", _FINAL),
    (68, "GroupNotEmptyException", "the group has members", _FINAL),
    (69, "GroupIdNotFoundException", "the group does not exist", _FINAL),
    (70, "FetchSessionIdNotFoundException", "the broker does not know the fetch session", _RETRY),
    (71, "InvalidFetchSessionEpochException", "the epoch of the fetch session is not valid", _RETRY),
    (72, "ListenerNotFoundException", "the leader has no listener of the name that this connection uses", _FINAL),
    (73, "TopicDeletionDisabledException", "the brokers do not delete topics (delete.topic.enable=false)", _FINAL),
    (74, "FencedLeaderEpochException", "the leader of the partition has changed", _RETRY),
    (75, "UnknownLeaderEpochException", "the broker does not know the leader's epoch yet", _RETRY),
    (76, "UnsupportedCompressionTypeException", "the compression type is not supported", _FINAL),
    (77, "StaleBrokerEpochException", "the broker has registered again", _FINAL),
    (78, "OffsetNotAvailableException", "the new leader does not know the high watermark yet", _RETRY),
    (79, "MemberIdRequiredException", "the member needs an id before it can join the group", _FINAL),
    (80, "PreferredLeaderNotAvailableException", "the preferred leader is not available", _FINAL),
    (81, "GroupMaxSizeReachedException", "the group has as many members as the broker allows", _FINAL),
    (82, "FencedInstanceIdException", "another member has taken over this group.instance.id", _FINAL),
    (83, "EligibleLeadersNotAvailableException", "no replica that may become the leader is available", _FINAL),
    (84, "ElectionNotNeededException", "the partition needs no election", _FINAL),
    (85, "NoReassignmentInProgressException", "no replica of the partition is being moved", _FINAL),
    (86, "GroupSubscribedToTopicException", "the group is subscribed to the topic", _FINAL),
    (87, "InvalidRecordException", "the broker refuses the record", _FINAL),
    (88, "UnstableOffsetCommitException", "a transaction has not decided about the offset yet", _RETRY),
    (89, "ThrottlingQuotaExceededException", "the quota for changes of topics is used up for the moment", _RETRY),
    (90, "ProducerFencedException", "a newer producer has taken over the transactional id", _FINAL),
    (91, "ResourceNotFoundException", "the resource does not exist", _FINAL),
    (92, "DuplicateResourceException", "the request names a resource twice", _FINAL),
    (93, "UnacceptableCredentialException", "the credential does not meet the rules of the cluster", _FINAL),
    (94, "InconsistentVoterSetException", "the node is not a voter of this quorum", _FINAL),
    (95, "InvalidUpdateVersionException", "the version of the feature is not valid", _FINAL),
    (96, "FeatureUpdateFailedException", "the controller could not update the features", _FINAL),
    (97, "PrincipalDeserializationException", "the controller could not read the forwarded principal", _FINAL),
    (98, "SnapshotNotFoundException", "the snapshot does not exist", _FINAL),
    (99, "PositionOutOfRangeException", "the position is outside the snapshot", _FINAL),
    (100, "UnknownTopicIdException", "no topic has this id", _FINAL),
    (101, "DuplicateBrokerRegistrationException", "another broker has registered with this id", _FINAL),
    (102, "BrokerIdNotRegisteredException", "no broker has registered with this id", _FINAL),
    (103, "InconsistentTopicIdException", "the topic was deleted and created again", _FINAL),
    (104, "InconsistentClusterIdException", "the node belongs to another cluster", _FINAL),
    (105, "TransactionalIdNotFoundException", "the transactional id does not exist", _FINAL),
    (106, "FetchSessionTopicIdException", "the fetch session mixes topics with and without ids", _RETRY),
    (107, "IneligibleReplicaException", "a replica may not be in the ISR", _FINAL),
    (108, "NewLeaderElectedException", "the leader of the partition has changed", _FINAL),
    (109, "OffsetMovedToTieredStorageException", "the offset has moved to tiered storage", _FINAL),
    (110, "FencedMemberEpochException", "the coordinator has fenced the member", _FINAL),
    (111, "UnreleasedInstanceIdException", "another member still uses this group.instance.id", _FINAL),
    (112, "UnsupportedAssignorException", "the group does not support the assignor", _FINAL),
    (113, "StaleMemberEpochException", "the epoch of the member is outdated", _FINAL),
    (114, "MismatchedEndpointTypeException", "the request does not fit the kind of node that it was sent to", _FINAL),
    (115, "UnsupportedEndpointTypeException", "the broker does not support this kind of endpoint", _FINAL),
    (116, "UnknownControllerIdException", "no controller has this id", _FINAL),
    (117, "UnknownSubscriptionIdException", "the telemetry subscription is outdated", _FINAL),
    (118, "TelemetryTooLargeException", "the telemetry is larger than the broker accepts", _FINAL),
    (119, "InvalidRegistrationException", "the controller does not accept the registration", _FINAL),
    (120, "TransactionAbortableException", "the transaction failed and has to be aborted", _FINAL),
    (121, "InvalidRecordStateException", "the record cannot be acknowledged in its state", _FINAL),
    (122, "ShareSessionNotFoundException", "the broker does not know the share session", _RETRY),
    (123, "InvalidShareSessionEpochException", "the epoch of the share session is not valid", _RETRY),
    (124, "FencedStateEpochException", "the epoch of the share group's state is outdated", _FINAL),
    (125, "InvalidVoterKeyException", "the voter has another directory id", _FINAL),
    (126, "DuplicateVoterException", "the node is already a voter", _FINAL),
    (127, "VoterNotFoundException", "the node is not a voter", _FINAL),
    (128, "InvalidRegularExpression", "the regular expression is not valid", _FINAL),
    (129, "RebootstrapRequiredException", "the client has to look up the brokers again", _FINAL),
    (130, "StreamsInvalidTopologyException", "the topology is not valid", _FINAL),
    (131, "StreamsInvalidTopologyEpochException", "the epoch of the topology is not valid", _FINAL),
    (132, "StreamsTopologyFencedException", "the epoch of the topology is outdated", _FINAL),
    (133, "ShareSessionLimitReachedException", "the broker has as many share sessions as it allows", _RETRY),
)

BROKER_ERRORS = {row[0]: BrokerError._make(row) for row in _ROWS}
"""Errors by their codes. Code 0 means no error and has no entry."""

TRANSIENT_CODES = frozenset(code for code, error in BROKER_ERRORS.items() if error.is_transient)
"""Codes of the errors after which the same request may succeed a moment later. The broker has done nothing."""

UNREACHABLE_CODES = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._RESOLVE,
        KafkaError._SSL,
        KafkaError._AUTHENTICATION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.NETWORK_EXCEPTION,
    }
)
"""Codes that mean that no answer came. Codes below -1 are librdkafka's own."""

_AUTHORIZATION_CODES = frozenset(code for code, error in BROKER_ERRORS.items() if "Authorization" in error.exception)
"""Codes of missing rights."""

_HINTS = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "list the topics that you can see: kafkactl topics list",
    KafkaError.TOPIC_ALREADY_EXISTS: "accept an existing topic with --if-not-exists",
    KafkaError.NON_EMPTY_GROUP: "stop its consumers first; list them: kafkactl groups describe GROUP --members",
    KafkaError.GROUP_ID_NOT_FOUND: "list the groups that you can see: kafkactl groups list",
    61: "set delegation.token.secret.key in the server.properties of all brokers and controllers",
    62: "list the tokens that you can see: kafkactl tokens describe",
    64: "log in: --command-config FILE with security.protocol=SASL_SSL, a mechanism and a login that is no token",
    114: "name controllers with --bootstrap-controller, and brokers with --bootstrap-server",
    KafkaError.INVALID_REPLICATION_FACTOR: "use a replication factor of at most the number of brokers",
}


def describe_error(code: int, message: str | None = None) -> str:
    """Return what is wrong, as one sentence that can follow a colon.

    `message` is the text of the broker or of librdkafka, or None. It replaces our sentence where it says more than the
    code: for librdkafka's own codes, and for refusals that a broker explains. For missing rights our sentence stays. A
    code that the table does not have, without a message, becomes "error CODE". The additions of librdkafka, such as
    "Broker: " and " (after 3ms)", are left out; a message that has nothing else counts as none. Nothing is raised.
    """
    entry = BROKER_ERRORS.get(code)
    # For missing rights the broker's message shows its internal Java objects.
    text = _clean_text(message) if message and code not in _AUTHORIZATION_CODES else None
    if entry is None:
        return text or f"error {code}"
    return entry.sentence if not text or text == _get_default_text(code) else text


def describe_kafka_error(error: KafkaError) -> str:
    """Return what is wrong for an error of librdkafka, as one sentence that can follow a colon.

    It is our sentence for Kafka's code, or the library's text where that says more.
    """
    return describe_error(error.code(), error.str())


def refusal(failure: str, code: int, message: str | None = None) -> OperationError:
    """Return, and do not raise, an OperationError for an error code inside an answer.

    It has the code, and a hint where the code has one. `failure` says what failed, such as "cannot read orders-0". With
    an empty text the message is the reason alone. `message` is the broker's own explanation or None; it replaces our
    sentence where it says more, but not for missing rights. Without it, an unknown code becomes "error CODE".
    """
    reason = describe_error(code, message)
    return OperationError(f"{failure}: {reason}" if failure else reason, find_hint(code), code, reason)


def require_readable(topics: Iterable[Any]) -> None:
    """Raise OperationError for the first topic of an answer to Metadata that a broker refused to describe.

    `topics` are kafka-python's entries. A topic that does not exist or has an illegal name is no refusal, and neither
    is one that has an error and partitions.
    """
    for topic in topics:
        if topic.error_code and topic.error_code not in _NO_SUCH_TOPIC and not topic.partitions:
            raise refusal(f"cannot read topic {topic.name}", topic.error_code)


def find_hint(code: int) -> str | None:
    """Return the hint for an error code, or None where there is no hint or no such code."""
    return _HINTS.get(code)


def _get_default_text(code: int) -> str:
    """Return librdkafka's own text for a code, cleaned; librdkafka uses it where a broker did not explain a refusal."""
    return _clean_text(KafkaError(code).str())


def _clean_text(text: str) -> str:
    """Return a text of librdkafka without what its users do not know, stripped. It may be empty.

    That is everything up to "/bootstrap: " or "/bootstrap]: ", "REQUEST worker request failed: " and what else its
    workers say, "Broker [ID] REQUEST: " or "Broker: " at the beginning, everything from a time such as " (after 3ms"
    on, and ": " at the end.
    """
    for prefix_end in ("/bootstrap: ", "/bootstrap]: "):
        text = text.split(prefix_end, 1)[-1]
    text = _BROKER_AND_API.sub("", _WORKER.sub("", text))
    return _AFTER.sub("", text).removeprefix("Broker: ").removesuffix(": ").strip()
