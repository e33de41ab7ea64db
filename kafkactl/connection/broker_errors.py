"""Kafka's error codes: the exception of Kafka's own clients, our sentence, and whether the error passes.

Source: org.apache.kafka.common.protocol.Errors of Kafka 4.3.1; a reference test compares codes and exceptions.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from confluent_kafka import KafkaError

from kafkactl.errors import OperationError

_BROKER_AND_API = re.compile(r"^Broker \[-?\d+\] \w+: ")
"""What librdkafka puts before an error of a request to several brokers."""
_PACKAGE = "org.apache.kafka.common.errors"
_PACKAGES = {"InvalidRecordException": "org.apache.kafka.common"}


class BrokerError(NamedTuple):
    """An error that a broker answers with. A tuple, for 133 dataclasses would cost every command 3 ms."""

    code: int
    exception: str
    """Simple name of the exception class in Kafka's Java clients."""
    sentence: str
    """What is wrong, in our words; it follows a colon."""
    is_transient: bool
    """Whether the broker did nothing, and may do it when it is asked again a moment later."""

    @property
    def exception_class(self) -> str:
        """Return the full name of the exception, as Kafka's tools print it."""
        return f"{_PACKAGES.get(self.exception, _PACKAGE)}.{self.exception}"


_LASTS, _PASSES = False, True

_ROWS = (
    (-1, "UnknownServerException", "the broker met an unexpected error; its log says more", _LASTS),
    (1, "OffsetOutOfRangeException", "the offset is outside the log", _LASTS),
    (2, "CorruptRecordException", "the record is corrupt, too large, or has no key in a compacted topic", _LASTS),
    (3, "UnknownTopicOrPartitionException", "the topic or partition does not exist", _LASTS),
    (4, "InvalidFetchSizeException", "the fetch size is not valid", _LASTS),
    (5, "LeaderNotAvailableException", "the partition has no leader", _LASTS),
    (6, "NotLeaderOrFollowerException", "the broker is not the leader of the partition any more", _PASSES),
    (7, "TimeoutException", "the brokers did not finish the request in time", _LASTS),
    (8, "BrokerNotAvailableException", "the broker is not available", _LASTS),
    (9, "ReplicaNotAvailableException", "the broker does not have the replica", _LASTS),
    (10, "RecordTooLargeException", "the record is too large for the topic or the broker (max.message.bytes)", _LASTS),
    (11, "ControllerMovedException", "the controller has moved to another broker", _PASSES),
    (12, "OffsetMetadataTooLarge", "the metadata of the commit is too large (offset.metadata.max.bytes)", _LASTS),
    (13, "NetworkException", "the broker closed the connection before it answered", _LASTS),
    (14, "CoordinatorLoadInProgressException", "the coordinator is still loading", _PASSES),
    (15, "CoordinatorNotAvailableException", "the coordinator is not available", _PASSES),
    (16, "NotCoordinatorException", "the coordinator has moved to another broker", _PASSES),
    (17, "InvalidTopicException", "the topic name is not valid", _LASTS),
    (18, "RecordBatchTooLargeException", "the batch is larger than a segment of the topic", _LASTS),
    (19, "NotEnoughReplicasException", "fewer replicas are in sync than min.insync.replicas asks for", _LASTS),
    (20, "NotEnoughReplicasAfterAppendException", "written, but fewer replicas are in sync than needed", _LASTS),
    (21, "InvalidRequiredAcksException", "the value of acks is not valid", _LASTS),
    (22, "IllegalGenerationException", "the generation of the group is not valid any more", _LASTS),
    (23, "InconsistentGroupProtocolException", "the member's assignors or protocol do not fit the group", _LASTS),
    (24, "InvalidGroupIdException", "the group id is not valid", _LASTS),
    (25, "UnknownMemberIdException", "the group does not have this member", _LASTS),
    (26, "InvalidSessionTimeoutException", "the session time-out is outside the broker's bounds", _LASTS),
    (27, "RebalanceInProgressException", "the group is rebalancing", _LASTS),
    (28, "InvalidCommitOffsetSizeException", "the size of the commit is not valid", _LASTS),
    (29, "TopicAuthorizationException", "not authorized to access the topic", _LASTS),
    (30, "GroupAuthorizationException", "not authorized to access the group", _LASTS),
    (31, "ClusterAuthorizationException", "not authorized to access the cluster", _LASTS),
    (32, "InvalidTimestampException", "the timestamp is outside the bounds of the topic", _LASTS),
    (33, "UnsupportedSaslMechanismException", "the broker does not support the SASL mechanism", _LASTS),
    (34, "IllegalSaslStateException", "the request does not fit the state of the SASL login", _LASTS),
    (35, "UnsupportedVersionException", "the broker does not support this version of the request", _LASTS),
    (36, "TopicExistsException", "the topic already exists", _LASTS),
    (37, "InvalidPartitionsException", "the number of partitions is not valid", _LASTS),
    (
        38,
        "InvalidReplicationFactorException",
        "the replication factor is below 1 or above the number of brokers",
        _LASTS,
    ),
    (39, "InvalidReplicaAssignmentException", "the replica assignment is not valid", _LASTS),
    (40, "InvalidConfigurationException", "the configuration is not valid", _LASTS),
    (41, "NotControllerException", "the broker is not the controller any more", _PASSES),
    (42, "InvalidRequestException", "the broker does not accept the request; its log says more", _LASTS),
    (43, "UnsupportedForMessageFormatException", "the message format of the topic does not support this", _LASTS),
    (44, "PolicyViolationException", "a policy of the cluster forbids it", _LASTS),
    (45, "OutOfOrderSequenceException", "the broker misses records that this producer sent before", _LASTS),
    (46, "DuplicateSequenceException", "the broker already has this batch", _LASTS),
    (47, "InvalidProducerEpochException", "a newer producer has taken over the transactional id", _LASTS),
    (48, "InvalidTxnStateException", "the operation does not fit the state of the transaction", _LASTS),
    (49, "InvalidPidMappingException", "the producer id does not belong to the transactional id", _LASTS),
    (50, "InvalidTxnTimeoutException", "the time-out is above the broker's transaction.max.timeout.ms", _LASTS),
    (51, "ConcurrentTransactionsException", "another operation on the transaction is not finished yet", _PASSES),
    (52, "TransactionCoordinatorFencedException", "the transaction coordinator has been replaced", _LASTS),
    (53, "TransactionalIdAuthorizationException", "not authorized to use the transactional id", _LASTS),
    (54, "SecurityDisabledException", "the cluster has no authorizer, so it has no ACLs", _LASTS),
    (55, "OperationNotAttemptedException", "not attempted, because another part of the request failed", _LASTS),
    (56, "KafkaStorageException", "the broker cannot use the disk of the partition", _LASTS),
    (57, "LogDirNotFoundException", "the broker does not have this log directory", _LASTS),
    (58, "SaslAuthenticationException", "the login failed", _LASTS),
    (59, "UnknownProducerIdException", "the broker does not know the producer id any more", _LASTS),
    (60, "ReassignmentInProgressException", "replicas of the partition are already being moved", _LASTS),
    (61, "DelegationTokenDisabledException", "delegation tokens are not enabled", _LASTS),
    (62, "DelegationTokenNotFoundException", "the delegation token does not exist", _LASTS),
    (63, "DelegationTokenOwnerMismatchException", "the principal is not the owner or renewer of the token", _LASTS),
    (64, "UnsupportedByAuthenticationException", "delegation tokens need a connection with a login of its own", _LASTS),
    (65, "DelegationTokenAuthorizationException", "not authorized to access the delegation token", _LASTS),
    (66, "DelegationTokenExpiredException", "the delegation token has expired", _LASTS),
    (67, "InvalidPrincipalTypeException", "the type of the principal is not supported", _LASTS),
    (68, "GroupNotEmptyException", "the group has members", _LASTS),
    (69, "GroupIdNotFoundException", "the group does not exist", _LASTS),
    (70, "FetchSessionIdNotFoundException", "the broker does not know the fetch session", _PASSES),
    (71, "InvalidFetchSessionEpochException", "the epoch of the fetch session is not valid", _PASSES),
    (72, "ListenerNotFoundException", "the leader has no listener of the name that this connection uses", _LASTS),
    (73, "TopicDeletionDisabledException", "the brokers do not delete topics (delete.topic.enable=false)", _LASTS),
    (74, "FencedLeaderEpochException", "the leader of the partition has changed", _PASSES),
    (75, "UnknownLeaderEpochException", "the broker does not know the leader's epoch yet", _PASSES),
    (76, "UnsupportedCompressionTypeException", "the compression type is not supported", _LASTS),
    (77, "StaleBrokerEpochException", "the broker has registered again", _LASTS),
    (78, "OffsetNotAvailableException", "the new leader does not know the high watermark yet", _PASSES),
    (79, "MemberIdRequiredException", "the member needs an id before it can join the group", _LASTS),
    (80, "PreferredLeaderNotAvailableException", "the preferred leader is not available", _LASTS),
    (81, "GroupMaxSizeReachedException", "the group has as many members as the broker allows", _LASTS),
    (82, "FencedInstanceIdException", "another member has taken over this group.instance.id", _LASTS),
    (83, "EligibleLeadersNotAvailableException", "no replica that may become the leader is available", _LASTS),
    (84, "ElectionNotNeededException", "the partition needs no election", _LASTS),
    (85, "NoReassignmentInProgressException", "no replica of the partition is being moved", _LASTS),
    (86, "GroupSubscribedToTopicException", "the group is subscribed to the topic", _LASTS),
    (87, "InvalidRecordException", "the broker refuses the record", _LASTS),
    (88, "UnstableOffsetCommitException", "a transaction has not decided about the offset yet", _PASSES),
    (89, "ThrottlingQuotaExceededException", "the quota for changes of topics is used up for the moment", _PASSES),
    (90, "ProducerFencedException", "a newer producer has taken over the transactional id", _LASTS),
    (91, "ResourceNotFoundException", "the resource does not exist", _LASTS),
    (92, "DuplicateResourceException", "the request names a resource twice", _LASTS),
    (93, "UnacceptableCredentialException", "the credential does not meet the rules of the cluster", _LASTS),
    (94, "InconsistentVoterSetException", "the node is not a voter of this quorum", _LASTS),
    (95, "InvalidUpdateVersionException", "the version of the feature is not valid", _LASTS),
    (96, "FeatureUpdateFailedException", "the controller could not update the features", _LASTS),
    (97, "PrincipalDeserializationException", "the controller could not read the forwarded principal", _LASTS),
    (98, "SnapshotNotFoundException", "the snapshot does not exist", _LASTS),
    (99, "PositionOutOfRangeException", "the position is outside the snapshot", _LASTS),
    (100, "UnknownTopicIdException", "no topic has this id", _LASTS),
    (101, "DuplicateBrokerRegistrationException", "another broker has registered with this id", _LASTS),
    (102, "BrokerIdNotRegisteredException", "no broker has registered with this id", _LASTS),
    (103, "InconsistentTopicIdException", "the topic was deleted and created again", _LASTS),
    (104, "InconsistentClusterIdException", "the node belongs to another cluster", _LASTS),
    (105, "TransactionalIdNotFoundException", "the transactional id does not exist", _LASTS),
    (106, "FetchSessionTopicIdException", "the fetch session mixes topics with and without ids", _PASSES),
    (107, "IneligibleReplicaException", "a replica may not be in the ISR", _LASTS),
    (108, "NewLeaderElectedException", "the leader of the partition has changed", _LASTS),
    (109, "OffsetMovedToTieredStorageException", "the offset has moved to tiered storage", _LASTS),
    (110, "FencedMemberEpochException", "the coordinator has fenced the member", _LASTS),
    (111, "UnreleasedInstanceIdException", "another member still uses this group.instance.id", _LASTS),
    (112, "UnsupportedAssignorException", "the group does not support the assignor", _LASTS),
    (113, "StaleMemberEpochException", "the epoch of the member is outdated", _LASTS),
    (114, "MismatchedEndpointTypeException", "the request does not fit the kind of node that it was sent to", _LASTS),
    (115, "UnsupportedEndpointTypeException", "the broker does not support this kind of endpoint", _LASTS),
    (116, "UnknownControllerIdException", "no controller has this id", _LASTS),
    (117, "UnknownSubscriptionIdException", "the telemetry subscription is outdated", _LASTS),
    (118, "TelemetryTooLargeException", "the telemetry is larger than the broker accepts", _LASTS),
    (119, "InvalidRegistrationException", "the controller does not accept the registration", _LASTS),
    (120, "TransactionAbortableException", "the transaction failed and has to be aborted", _LASTS),
    (121, "InvalidRecordStateException", "the record cannot be acknowledged in its state", _LASTS),
    (122, "ShareSessionNotFoundException", "the broker does not know the share session", _PASSES),
    (123, "InvalidShareSessionEpochException", "the epoch of the share session is not valid", _PASSES),
    (124, "FencedStateEpochException", "the epoch of the share group's state is outdated", _LASTS),
    (125, "InvalidVoterKeyException", "the voter has another directory id", _LASTS),
    (126, "DuplicateVoterException", "the node is already a voter", _LASTS),
    (127, "VoterNotFoundException", "the node is not a voter", _LASTS),
    (128, "InvalidRegularExpression", "the regular expression is not valid", _LASTS),
    (129, "RebootstrapRequiredException", "the client has to look up the brokers again", _LASTS),
    (130, "StreamsInvalidTopologyException", "the topology is not valid", _LASTS),
    (131, "StreamsInvalidTopologyEpochException", "the epoch of the topology is not valid", _LASTS),
    (132, "StreamsTopologyFencedException", "the epoch of the topology is outdated", _LASTS),
    (133, "ShareSessionLimitReachedException", "the broker has as many share sessions as it allows", _PASSES),
)

BROKER_ERRORS = {row[0]: BrokerError._make(row) for row in _ROWS}
"""Every error by its code; 0 is no error and has no entry."""

TRANSIENT_CODES = frozenset(code for code, error in BROKER_ERRORS.items() if error.is_transient)
"""Errors after which the same request may succeed a moment later. The broker has done nothing."""

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
"""Errors that mean that there was no answer. Codes below -1 are librdkafka's own."""

_RIGHTS = frozenset(code for code, error in BROKER_ERRORS.items() if "Authorization" in error.exception)

_HINTS = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "kafkactl topics list shows those that one may see",
    KafkaError.TOPIC_ALREADY_EXISTS: "--if-not-exists makes that no error",
    KafkaError.NON_EMPTY_GROUP: "stop its consumers first; kafkactl groups describe GROUP --members shows them",
    KafkaError.GROUP_ID_NOT_FOUND: "kafkactl groups list shows those that one may see",
    KafkaError.INVALID_REPLICATION_FACTOR: "a partition has at most as many replicas as the cluster has brokers",
}


def describe_error(code: int, message: str | None = None) -> str:
    """Return what is wrong, in one sentence that can follow a colon.

    `message` is the text of the broker or of librdkafka. It is used where it says more than the code: for codes of
    librdkafka itself, and for refusals that a broker explains.
    """
    known = BROKER_ERRORS.get(code)
    # Of a lack of rights brokers show their own objects.
    text = _plain(message) if message and code not in _RIGHTS else None
    if known is None:
        return text or f"error {code}"
    return known.sentence if text is None or text == _default_text(code) else text


def describe_kafka_error(error: KafkaError) -> str:
    """Return the same for an error of librdkafka."""
    return describe_error(error.code(), error.str())


def refusal(what: str, code: int, message: str | None = None) -> OperationError:
    """Return the error for a code inside an answer; `what` says what failed, and may be empty."""
    reason = describe_error(code, message)
    return OperationError(f"{what}: {reason}" if what else reason, hint_for(code), code)


def hint_for(code: int) -> str | None:
    """Return what a person can do about a refusal, or None."""
    return _HINTS.get(code)


def _default_text(code: int) -> str:
    """Return what librdkafka says where a broker did not explain a refusal."""
    return _plain(KafkaError(code).str())


def _plain(text: str) -> str:
    """Return a text of librdkafka without the names of its threads and states."""
    for prefix_end in ("/bootstrap: ", "/bootstrap]: "):
        text = text.split(prefix_end, 1)[-1]
    text = _BROKER_AND_API.sub("", text)
    return text.split(" (after ", 1)[0].removeprefix("Broker: ").removesuffix(": ").strip()
