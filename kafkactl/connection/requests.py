"""Requests that librdkafka cannot send, each as a method with plain values."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from kafkactl.connection.broker_errors import TRANSIENT_CODES, refusal
from kafkactl.connection.kafka_python import Brokers, Node
from kafkactl.connection.protocol import CoordinatorType, ErrorCode, ResourceType, group_by_topic
from kafkactl.connection.settings import Settings
from kafkactl.errors import (
    AbsentBrokerError,
    KafkactlError,
    OperationError,
    UnansweredError,
    UnreachableError,
    UnsupportedRequestError,
    make_caused_error,
    nothing_sent,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

T = TypeVar("T")
Partition = tuple[str, int]
"""The name of a topic and the number of a partition."""
Answers = tuple[dict[int, Any], list[KafkactlError]]
"""The answer of each broker by its id, and the errors of the other brokers."""

_MS = 1000
_MARGIN_S = 0.3
_PAUSE_S = 0.1
_READ_PREFIXES = ("ApiVersions", "Describe", "List", "Metadata", "ConsumerGroupDescribe", "FindCoordinator", "Fetch")
"""First words of the names of requests that change nothing."""
_FETCH_WAIT_MS = 500
_FETCH_BYTES = 1 << 20  # brokers send a first batch that is larger in full
_METADATA_LOG = "__cluster_metadata"
_VERSIONS_OF_TIMES = {-3: 7, -4: 8, -5: 9, -6: 11}
"""The first version of ListOffsets that knows a special time. Reference: ListOffsetsRequest.json."""


class Waits(Protocol):
    """The members of a Cluster that bound how long requests take."""

    settings: Settings

    @property
    def timeout_s(self) -> float:
        """Return how long the next request may take, in s, at least 0.1: the time-out, or what is left of it."""

    def share_timeout(self) -> AbstractContextManager[float]:
        """Let all requests inside share one time-out; yield its end as a time of time.monotonic().

        Inside another one, or renew_timeout_for_change(), the outer end counts. Nothing is raised at the end of the
        time.
        """

    def renew_timeout_for_change(self) -> AbstractContextManager[None]:
        """Give the change inside a whole time-out of its own, independent of the reads before it."""

    def sending_change(self) -> AbstractContextManager[None]:
        """Send a change inside, and keep in mind that it may have been done."""

    def retry(self, ask: Callable[[], T]) -> T:
        """Call `ask` until it has no transient OperationError or the time-out is over; return its result.

        The last error is raised, and every other error at once.
        """

    def read_metadata(self) -> Any:
        """Return the brokers and all topics; raise UnreachableError, OperationError or UsageError for no answer."""

    def name_silent_brokers(self, error: UnreachableError) -> UnreachableError:
        """Return the error, or one of its class that names the silent brokers where only some brokers are silent.

        The brokers are checked over new connections, and nothing is raised.
        """


class Reassignment(NamedTuple):
    """A reassignment in progress, as ids of brokers."""

    replicas: tuple[int, ...]
    """All replicas, with those that are added and those that are removed."""
    adding: tuple[int, ...]
    removing: tuple[int, ...]


class Requests:
    """Requests of one cluster. The connections are opened when they are first needed.

    A question has the rest of the cluster's time-out; finding the silent brokers may take about 3 s more. One that any
    broker can answer is put to another broker where the first one does not answer. A change has a whole time-out of its
    own. It is sent again after a transient refusal, and not where its answer is missing. Errors of brokers and settings
    are our own: UnreachableError (UnansweredError after a request was sent), UsageError for a wrong setting,
    OperationError.
    """

    def __init__(self, cluster: Waits) -> None:
        """Take the cluster. Nothing is connected before the first request."""
        self._cluster = cluster

    @cached_property
    def _brokers(self) -> Brokers:
        """The connections of kafka-python, made with their thread at the first use; nothing is connected yet.

        Then UsageError is raised for a setting that kafka-python refuses, for certificates that cannot be read, and for
        a PKCS12 key store. The next use tries again after an error.
        """
        return Brokers(self._cluster.settings, self._cluster.read_metadata)

    def close(self) -> None:
        """Close the connections and end their thread, if there are any. A later request opens them again."""
        if "_brokers" in self.__dict__:
            self._brokers.close()
            del self._brokers

    def send(
        self,
        api: str,
        *,
        broker: int | None = None,
        to_controller: bool = False,
        group: str | None = None,
        transactions_of: str | None = None,
        **fields: Any,
    ) -> Any:
        """Return the answer to one request of Kafka's protocol, as an object of kafka-python.

        `api` is its name without "Request", `fields` are those of its schema, and min_version and max_version. Other
        fields raise ValueError. At most one of four parameters chooses the receiver: `broker` is a broker's id,
        `to_controller` means the controller, `group` the coordinator of that group, and `transactions_of` the
        coordinator of that transactional id. Without them any broker gets the request.

        With KRaft any broker forwards a request to the controller. A question is put to the controller itself only
        where the broker does not forward it. A name that begins with ApiVersions, Describe, List, Metadata,
        ConsumerGroupDescribe, FindCoordinator or Fetch is a question's. Any other is a change's: it has a whole
        time-out of its own and is not repeated where its answer is missing.

        An answer with an error code is returned as it is. Only where an answer has errors, and all codes of the answer
        and of the items in its lists are transient, is the request sent again, also a change, until the time-out. An
        item without an error prevents this, and items inside items do not count. Then OperationError is raised; but an
        answer that comes only after the time-out is returned with its errors.

        Raise UnreachableError where no answer came (UnansweredError after it was sent) and for a `broker` that is not
        alive, UnsupportedRequestError where the brokers are too old, OperationError for a missing controller or
        coordinator, UsageError for a wrong setting, and LookupError for an unknown `api`.
        """
        from kafkactl.connection.messages import find_request_class

        def make() -> Any:  # a request gets its version from the broker that it is sent to
            """Return a new request; raise LookupError for an unknown `api`, and ValueError for an unknown field."""
            return find_request_class(api)(**fields)

        def ask() -> Any:
            """Return the receiver's answer; raise OperationError where it is one after which send() sends again.

            At the deadline such an answer is returned, too. Errors of sending, and of looking for the receiver, pass
            through; but an UnansweredError of the search for a change's coordinator becomes UnreachableError.
            """
            node = broker
            with nothing_sent() if is_change else nullcontext():
                if group is not None:
                    node = self.find_coordinator(group)
                elif transactions_of is not None:
                    node = self.find_coordinator(transactions_of, CoordinatorType.TRANSACTION)
            answer = self._send_change(make, node, to_controller) if is_change else self._send_question(make, node)
            codes = set(_iterate_error_codes(answer))
            if to_controller and not is_change and ErrorCode.NOT_CONTROLLER in codes:
                answer = self._send_question(make, self._find_controller())
                codes = set(_iterate_error_codes(answer))
            if codes and codes <= TRANSIENT_CODES and time.monotonic() < deadline:
                raise refusal("", codes.pop())
            return answer

        is_change = not api.startswith(_READ_PREFIXES)
        with self._cluster.renew_timeout_for_change() if is_change else nullcontext():
            deadline = time.monotonic() + self._cluster.timeout_s
            return self._cluster.retry(ask)

    def ask_brokers(
        self, api: str, brokers: Iterable[int] | None = None, *, time_share: float = 1.0, **fields: Any
    ) -> Answers:
        """Return the answers of several brokers to one question, a dict by broker id, and a list of the others' errors.

        `api` is the name of the request without "Request", `fields` are those of its schema. `brokers` are ids; None
        means all brokers that are alive. `time_share` is the part of the remaining time that the brokers get, from 0 to
        1; a silent broker takes all of it. Answers and errors are sorted by id; without any broker both are empty. All
        are asked at the same time, and once, also after a transient refusal. Errors of single items stay in the
        answers.

        Raise the first error where no broker answers: UnreachableError, UnansweredError or OperationError; each of them
        is also raised where the brokers cannot be listed. Raise UsageError for a wrong setting, for a text that is not
        Unicode and for a number that does not fit its field, LookupError for an unknown `api`, and ValueError for a
        field that it does not have.
        """
        broker_ids = self.list_brokers() if brokers is None else sorted(brokers)
        return self.ask_each(api, dict.fromkeys(broker_ids, fields), time_share)

    def ask_each(self, api: str, questions: Mapping[int, Mapping[str, Any]], time_share: float = 1.0) -> Answers:
        """Return the answer of each broker to its own question by the broker's id, and the errors of the others.

        All brokers are asked at the same time, and once, also after a transient refusal. `api` is the name of the
        request without "Request", and `questions` has the fields of the request by the broker's id. `time_share` is the
        part of the remaining time that the brokers get, from 0 to 1. A broker that is not alive, does not answer in
        time, or refuses the whole request, has an error. Both are in the order of `questions`, and empty without any.
        Errors of single items stay in the answers.

        Raise the first error where no broker answers: UnreachableError, UnansweredError or OperationError. Raise
        UsageError for a wrong setting, for a text that is not Unicode and for a number that does not fit its field,
        OperationError where the brokers refuse to be listed, LookupError for an unknown `api`, and ValueError for a
        field that it does not have.
        """
        answers = self._ask_all(api, questions, time_share)
        errors = [answer for answer in answers.values() if isinstance(answer, KafkactlError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        return {broker: answer for broker, answer in answers.items() if not isinstance(answer, KafkactlError)}, errors

    def _ask_all(self, api: str, questions: Mapping[int, Mapping[str, Any]], time_share: float = 1.0) -> dict[int, Any]:
        """Return the answer or the error of each broker by its id, in the order of `questions`.

        All brokers are asked at the same time, and get the part `time_share` of the remaining time, from 0 to 1. A
        broker that is not alive or too old, does not answer in time or refuses the login or the whole request has an
        error, which is not raised. Where no broker answers, all have one. Raise UsageError for a wrong setting, for a
        text that is not Unicode and for a number that does not fit its field, OperationError where the brokers refuse
        to be listed, LookupError for an unknown `api`, and ValueError for a field that it does not have.
        """
        from kafkactl.connection.messages import find_request_class

        requests: dict[int, Any] = {}
        answers: dict[int, Any] = {}
        with self._cluster.share_timeout() as end:
            now = time.monotonic()
            deadline = now + max(0.0, end - now) * time_share
            for broker, fields in questions.items():
                try:
                    self._require_alive(broker, deadline)
                    requests[broker] = find_request_class(api)(**fields)
                except UnreachableError as error:
                    answers[broker] = error
            received = self._brokers.send_all(requests, deadline)
        answers |= {broker: received[broker] for broker in requests}
        for broker, answer in answers.items():
            if code := _find_refusal(api, answer):
                answers[broker] = refusal(f"broker {broker}", code)
        return {broker: answers[broker] for broker in questions}

    def list_topics(self) -> list[str]:
        """Return the names of all topics, internal ones included, in the broker's order.

        Raise UnreachableError, OperationError or UsageError, as read_metadata() does.
        """
        return [topic.name for topic in self.read_metadata(None)]

    def describe_quorum(self) -> Any:
        """Return the answer to DescribeQuorum about the log of the cluster's metadata, also one with an error code.

        A transient error code is asked again. Raise UnsupportedRequestError where the brokers do not have the request,
        as with ZooKeeper, OperationError also where a transient code lasts, UnreachableError or UsageError.
        """
        return self.send("DescribeQuorum", topics=[(_METADATA_LOG, [(0,)])])

    def read_metadata(self, names: Iterable[str] | None) -> list[Any]:
        """Return topics as kafka-python's Metadata describes them, in the broker's order; None means all topics.

        A topic that does not exist is not created: its entry has an error code and no partitions. Without any name the
        result is empty. An answer without brokers does not count: a broker that has just started knows no topics yet,
        and is asked again. Raise UnreachableError, also where only such answers come until the time-out, OperationError
        for a refusal of the whole request, or UsageError.
        """
        from kafka.protocol.metadata import MetadataRequest

        topics = None if names is None else [MetadataRequest.MetadataRequestTopic(name=name) for name in names]
        with self._cluster.share_timeout() as deadline:
            while not (answer := self.send("Metadata", topics=topics, allow_auto_topic_creation=False)).brokers:
                self._learn(deadline)  # it waits until the broker knows the others
        topic_metadata: list[Any] = answer.topics
        return topic_metadata

    def fetch(self, topic: str, partition: int, offset: int) -> bytes:
        """Return the batches of a partition, beginning with the one that contains the offset; b"" where there is none.

        The broker waits up to 0.5 s for a first record. The result has at most 1 MiB, or one larger batch; the last
        batch may be cut. Records of open and aborted transactions are in it, too. A broker that answers without
        records, because the client's quota is used up, is asked again until the time-out. Raise OperationError where
        this lasts, for another refusal, which is not tried again, for example of an offset outside the log, and for a
        partition that does not exist, has no leader or may not be read by the user; raise UnreachableError where there
        is no answer, and UsageError for a wrong setting.
        """
        from kafka.protocol.consumer import FetchRequest

        (topic_metadata,) = self.read_metadata([topic])
        leader = _find_leaders([topic_metadata], [(topic, partition)])[topic, partition]
        if isinstance(leader, OperationError):
            raise make_caused_error(f"cannot read {topic}-{partition}: {leader}", leader)
        fetch_partition = FetchRequest.FetchTopic.FetchPartition(
            partition=partition, current_leader_epoch=-1, fetch_offset=offset, partition_max_bytes=_FETCH_BYTES
        )

        def ask() -> Any:
            """Return the answer for the topic. Raise OperationError where the broker throttles the client.

            Errors of send() pass through.
            """
            answer = self.send(
                "Fetch",
                broker=leader,
                replica_id=-1,
                max_wait_ms=_FETCH_WAIT_MS,
                min_bytes=1,
                max_bytes=_FETCH_BYTES,
                topics=[
                    FetchRequest.FetchTopic(topic=topic, topic_id=topic_metadata.topic_id, partitions=[fetch_partition])
                ],
            )
            if not answer.responses:  # over a client's quota, a broker answers without any topic
                reason = f"cannot read {topic}-{partition}: the quota of this client is used up for the moment"
                raise OperationError(reason, code=ErrorCode.THROTTLING_QUOTA_EXCEEDED)
            return answer.responses[0]

        (partition_data,) = self._cluster.retry(ask).partitions
        if partition_data.error_code:
            raise refusal(f"cannot read {topic}-{partition}", partition_data.error_code)
        return bytes(partition_data.records or b"")

    def list_brokers(self) -> list[int]:
        """Return the ids of the brokers that are alive, in order.

        Raise UnreachableError, which names silent brokers where others answer, OperationError or UsageError.
        """
        with self._cluster.share_timeout() as deadline:
            self._learn(deadline)
        return sorted(self._brokers.places)

    def list_groups(self) -> tuple[list[Any], list[KafkactlError]]:
        """Return all groups of all types, as ListGroups describes them, and an error for each broker without an answer.

        The groups are in the order of the brokers' ids, then in each broker's order. A broker that refuses has an
        error, too; after a transient refusal all are asked again, until the time-out. Raise the first error where no
        broker answers, the last transient refusal, UnreachableError or OperationError where the brokers cannot be
        listed, and UsageError.
        """
        answers, errors = self._cluster.retry(self._list_groups)
        return [group for answer in answers.values() for group in answer.groups], errors

    def _list_groups(self) -> Answers:
        """Return the answers by the broker's id, and the errors of the other brokers.

        Raise the first error where no broker answers, UnreachableError or OperationError, and otherwise the first
        OperationError with a transient code, so that all are asked again. Both are also raised where the brokers cannot
        be listed, and UsageError for a wrong setting.
        """
        answers, errors = self.ask_brokers("ListGroups")
        for error in errors:
            if isinstance(error, OperationError) and error.code in TRANSIENT_CODES:
                raise error
        return answers, errors

    def list_config_resources(self, resource_type: int) -> list[str]:
        """Return the names of the resources of a type (a ResourceType) that have configs, in the broker's order.

        Raise UnsupportedRequestError where the brokers are too old: Kafka 3.7 has client metrics, and 4.1 the other
        types. Raise OperationError for another refusal, UnreachableError or UsageError.
        """
        least = 0 if resource_type == ResourceType.CLIENT_METRICS else 1  # version 0 lists client metrics alone
        answer = self.send("ListConfigResources", min_version=least, resource_types=[resource_type])
        if answer.error_code == ErrorCode.UNSUPPORTED_VERSION:
            raise UnsupportedRequestError("the brokers are too old to list resources of this type")
        if answer.error_code:
            raise refusal("cannot list the resources with configs", answer.error_code)
        return [
            resource.resource_name for resource in answer.config_resources if resource.resource_type == resource_type
        ]

    def list_offsets(
        self, partitions: Sequence[Partition], at: int
    ) -> dict[Partition, tuple[int, int] | KafkactlError]:
        """Return offset and timestamp (ms) of each partition for a time, or its error, in the given order.

        `at` is a time in ms since 1970 or a SpecialOffset. The offset is that of the first record at or after this
        time; (-1, -1) means that no record is as new. With a SpecialOffset a timestamp of -1 means that there is none.
        LATEST is the high watermark, which open transactions do not hold back. A partition that does not exist, has no
        leader, or whose leader refuses, does not answer or leaves it out, has an error; each leader is asked once, also
        after a transient refusal. Raise UnreachableError, OperationError or UsageError where the partitions' leaders
        cannot be looked up; a broker is asked also without partitions.
        """
        leaders = self.find_leaders(partitions)
        results: dict[Partition, tuple[int, int] | KafkactlError] = {
            partition: leader for partition, leader in leaders.items() if isinstance(leader, KafkactlError)
        }
        by_leader: dict[int, list[Partition]] = defaultdict(list)
        for partition, leader in leaders.items():
            if isinstance(leader, int):
                by_leader[leader].append(partition)
        fields = {
            leader: _build_list_offsets_fields(leader_partitions, at) for leader, leader_partitions in by_leader.items()
        }
        answers = self._ask_all("ListOffsets", fields)
        for leader, leader_partitions in by_leader.items():
            if isinstance(answer := answers[leader], KafkactlError):
                results.update(dict.fromkeys(leader_partitions, answer))
            else:
                results.update(_parse_list_offsets(answer))
        late = OperationError("no answer", code=ErrorCode.REQUEST_TIMED_OUT)
        return {partition: results.get(partition, late) for partition in partitions}

    def find_leaders(self, partitions: Sequence[Partition]) -> dict[Partition, int | OperationError]:
        """Return the id of each partition's leader, or an OperationError where it or the partition does not exist.

        The result is in the given order. The error has the code of the topic, such as that of a missing right,
        UNKNOWN_TOPIC_OR_PARTITION or LEADER_NOT_AVAILABLE. Raise UnreachableError, OperationError or UsageError where
        the topics cannot be looked up; a broker is asked also without partitions.
        """
        return _find_leaders(self.read_metadata(sorted({name for name, _ in partitions})), partitions)

    def list_reassignments(self) -> dict[Partition, Reassignment]:
        """Return the reassignment of each partition that has one in progress, in the broker's order.

        Raise UnsupportedRequestError where the brokers are older than Kafka 2.4, OperationError for a refusal,
        UnreachableError or UsageError.
        """
        answer = self.send(
            "ListPartitionReassignments", to_controller=True, topics=None, timeout_ms=self._get_remaining_ms()
        )
        if answer.error_code:
            raise refusal("cannot list the reassignments", answer.error_code, answer.error_message)
        return {
            (topic.name, item.partition_index): Reassignment(
                tuple(item.replicas), tuple(item.adding_replicas), tuple(item.removing_replicas)
            )
            for topic in answer.topics
            for item in topic.partitions
        }

    def delete_group_offsets(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Delete a group's committed offsets of partitions. Return the error code of each partition, 0 for none.

        The result is in the broker's order. Raise UnsupportedRequestError where the brokers are older than Kafka 2.4,
        OperationError where the whole request is refused, for example for an unknown group, UnansweredError where it
        was sent without an answer and the offsets may have been deleted, UnreachableError or UsageError.
        """
        topics = [(topic, [(number,) for number in numbers]) for topic, numbers in group_by_topic(partitions).items()]
        answer = self.send("OffsetDelete", group=group, group_id=group, topics=topics)
        if answer.error_code:
            raise refusal(f"cannot delete offsets of group {group}", answer.error_code)
        return {
            (topic.name, item.partition_index): item.error_code for topic in answer.topics for item in topic.partitions
        }

    def remove_group_members(self, group: str, members: Iterable[tuple[str | None, str | None]]) -> dict[str, int]:
        """Remove members of a group. Return the error code by the id of the member or of the instance, 0 for none.

        A member is (member id, None) or (None, instance id). An unknown member has an error code. The result is in the
        broker's order. Raise UnsupportedRequestError where the brokers are older than Kafka 2.4, OperationError where
        the whole request is refused, UnansweredError where it was sent without an answer and the members may have been
        removed, UnreachableError or UsageError.
        """
        answer = self.send(
            "LeaveGroup",
            group=group,
            group_id=group,
            members=[(member_id or "", instance, "kafkactl") for member_id, instance in members],
            min_version=3,
        )
        if answer.error_code:
            raise refusal(f"cannot remove members of group {group}", answer.error_code)
        return {member.member_id or member.group_instance_id: member.error_code for member in answer.members}

    def find_coordinator(self, name: str, type_: CoordinatorType = CoordinatorType.GROUP) -> int:
        """Return the id of the broker that coordinates a group or the transactions of an id; neither need exist.

        The brokers create __consumer_offsets or __transaction_state for this where it is missing. Raise OperationError
        for a refusal, UnreachableError or UsageError.
        """
        answer = self.send("FindCoordinator", key=name, key_type=int(type_), max_version=3)
        if answer.error_code:
            noun = "group" if type_ is CoordinatorType.GROUP else "transactional id"
            raise refusal(f"cannot find the coordinator of {noun} {name}", answer.error_code)
        return int(answer.node_id)

    def _send_question(self, make: Callable[[], Any], broker: int | None) -> Any:
        """Return the answer of a broker, or of any broker (None), also an answer with an error code.

        `make` returns a new request; it is called for each attempt. Its errors pass through. A given broker is asked
        again, until 0.3 s before the end of the time-out. Raise UnreachableError for a broker that is not alive or does
        not answer until then (UnansweredError after the request was sent), at once for a refused login, and
        OperationError or UsageError.
        """
        with self._cluster.share_timeout() as deadline:
            if broker is None:
                try:
                    return self._brokers.ask_any(make, deadline)
                except UnreachableError as error:  # brokers forward some questions to a controller, which may be frozen
                    raise self._name_silent(error) from error
            self._require_alive(broker, deadline)
            while True:
                try:
                    return self._brokers.send(broker, make(), deadline)
                except UnreachableError:  # the connection may have ended early
                    # Some servers lock a user after several failed logins, so a refused one is not tried again.
                    if self._brokers.login_failure is not None or time.monotonic() > deadline - _MARGIN_S:
                        raise
                    time.sleep(_PAUSE_S)

    def _send_change(self, make: Callable[[], Any], broker: int | None, to_controller: bool) -> Any:
        """Return the answer to a change, also one with an error code. It is sent once, over a connection that stands.

        `make` returns the request; its errors pass through. _find_receiver() chooses who gets it. Raise UnansweredError
        where no answer came, UnreachableError where it was not sent (AbsentBrokerError for a `broker` that is not
        alive), OperationError or UsageError.
        """
        with self._cluster.share_timeout() as deadline:
            with nothing_sent():
                receiver = self._find_receiver(broker, to_controller, deadline)
            request = make()
            with self._cluster.sending_change():
                return self._brokers.send(receiver, request, deadline)

    def _find_receiver(self, broker: int | None, to_controller: bool, deadline: float) -> Node:
        """Return the node that a change is sent to. `deadline` is a time of time.monotonic().

        That is `broker`; without it the controller if `to_controller` is true and no broker forwards requests to it,
        and otherwise any broker. Raise UnreachableError (AbsentBrokerError for a `broker` that is not alive),
        OperationError or UsageError.
        """
        if broker is None and to_controller:
            broker = self._find_controller()
        if broker is None:
            return self._brokers.find_answering_node(deadline)
        self._require_alive(broker, deadline)
        return broker

    def _find_controller(self) -> int | None:
        """Return the id of the controller's broker, or None where any broker forwards requests to the controller.

        Raise OperationError (NOT_CONTROLLER, a transient code) where the cluster has no controller, UnreachableError or
        UsageError.
        """
        with self._cluster.share_timeout() as deadline:
            self._learn(deadline)
        controller = self._brokers.controller
        if controller is not None and controller < 0:
            raise refusal("", ErrorCode.NOT_CONTROLLER)
        return controller

    def _learn(self, deadline: float) -> None:
        """Ask for the brokers and the controller, and keep them. `deadline` is a time of time.monotonic().

        Raise UnreachableError, which names the silent brokers where others answer, OperationError or UsageError.
        """
        try:
            self._brokers.learn(deadline)
        except UnreachableError as error:
            raise self._name_silent(error) from error

    def _name_silent(self, error: UnreachableError) -> UnreachableError:
        """Return the error, or one that names the silent brokers where others answer.

        They are looked for, over new connections, only where a broker has answered before or may have the question.
        This takes up to about 3 s, also after the time-out. Nothing is raised.
        """
        if isinstance(error, UnansweredError) or self._brokers.has_answered:
            return self._cluster.name_silent_brokers(error)
        return error

    def _require_alive(self, broker: int, deadline: float) -> None:
        """Raise AbsentBrokerError, an UnreachableError, for a broker that is not in the cluster's metadata.

        A broker of the last metadata passes at once; for any other one the metadata are read anew first. That reading
        ends at the `deadline`, a time of time.monotonic(), and may raise UnreachableError, OperationError and
        UsageError, too.
        """
        if broker not in self._brokers.places:
            self._learn(deadline)
        if broker not in self._brokers.places:
            alive = ", ".join(map(str, sorted(self._brokers.places)))
            raise AbsentBrokerError(f"broker {broker} is not alive", f"brokers that are alive: {alive}")

    def _get_remaining_ms(self) -> int:
        """Return the rest of the cluster's time-out in ms, at least 100."""
        return int(self._cluster.timeout_s * _MS)


def _iterate_error_codes(answer: Any) -> Iterator[int]:
    """Yield the error code of an answer where it is not 0, and the codes of the items in its lists, 0 included.

    Items inside items are not looked at. Nothing is yielded for an answer without items and without an error.
    """
    if code := getattr(answer, "error_code", 0):
        yield code
    for name in answer.fields:
        items = getattr(answer, name)
        if isinstance(items, list):
            yield from (item.error_code for item in items if hasattr(item, "error_code"))


def _build_list_offsets_fields(partitions: Iterable[Partition], at: int) -> dict[str, Any]:
    """Return the fields of a ListOffsets request for a time in ms since 1970 or a SpecialOffset.

    min_version is the first version of the request that knows the special offset, and at least 1.
    """
    return {
        "replica_id": -1,
        "isolation_level": 0,
        "topics": [
            (topic, [(number, -1, at) for number in numbers]) for topic, numbers in group_by_topic(partitions).items()
        ],
        "min_version": _VERSIONS_OF_TIMES.get(at, 1),
    }


def _parse_list_offsets(answer: Any) -> dict[Partition, tuple[int, int] | KafkactlError]:
    """Return (offset, timestamp in ms) of each partition of a ListOffsets answer, or its OperationError.

    Both are -1 where no record is as new as the time. The timestamp alone is -1 where a special offset has none. The
    message of an error is the reason alone. Nothing is raised.
    """
    return {
        (topic.name, item.partition_index): refusal("", item.error_code)
        if item.error_code
        else (item.offset, item.timestamp)
        for topic in answer.topics
        for item in topic.partitions
    }


def _find_leaders(topics: Iterable[Any], partitions: Iterable[Partition]) -> dict[Partition, int | OperationError]:
    """Return the leader's id of each partition, or its error, in the given order; `topics` are those of the metadata.

    Without the partition the error is that of its topic, or else UNKNOWN_TOPIC_OR_PARTITION; without a leader it is
    always LEADER_NOT_AVAILABLE.
    """
    codes: dict[str, int] = {}
    ids: dict[Partition, int] = {}
    for topic in topics:
        codes[topic.name] = topic.error_code
        ids.update(((topic.name, item.partition_index), item.leader_id) for item in topic.partitions)
    leaders: dict[Partition, int | OperationError] = {}
    for partition in partitions:
        if partition not in ids:
            leaders[partition] = refusal("", codes.get(partition[0], 0) or ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        else:
            leaders[partition] = ids[partition] if ids[partition] >= 0 else refusal("", ErrorCode.LEADER_NOT_AVAILABLE)
    return leaders


def _find_refusal(api: str, answer: Any) -> int:
    """Return the error code with which a broker refuses a whole request, 0 without one; `answer` may be an error.

    An answer of DescribeLogDirs without a log directory counts as CLUSTER_AUTHORIZATION_FAILED: each broker has one,
    and before Kafka 3.2 a missing right has no code.
    """
    code = int(getattr(answer, "error_code", 0))
    if api == "DescribeLogDirs" and not code and getattr(answer, "results", None) == []:
        return ErrorCode.CLUSTER_AUTHORIZATION_FAILED
    return code
