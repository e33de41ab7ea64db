"""Requests that librdkafka cannot send, each as a method with plain values."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kafkactl.connection.broker_errors import TRANSIENT_CODES, refusal
from kafkactl.connection.kafka_python import Brokers
from kafkactl.connection.protocol import ErrorCode
from kafkactl.connection.settings import Settings
from kafkactl.errors import KafkactlError, OperationError, UnansweredError, UnreachableError, UnsupportedRequestError

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
_READ_PREFIXES = ("Describe", "List", "Metadata", "ConsumerGroupDescribe", "FindCoordinator", "Fetch")
"""First words of the names of requests that change nothing."""
_FETCH_WAIT_MS = 500
_FETCH_BYTES = 1 << 20  # brokers send a first batch that is larger in full
_GROUP = 0  # key type of FindCoordinator
_VERSIONS_OF_TIMES = {-3: 7, -4: 8, -5: 9, -6: 11}
"""The first version of ListOffsets that knows a special time. Reference: ListOffsetsRequest.json."""


class Waits(Protocol):
    """The members of a Cluster that bound how long requests take."""

    settings: Settings

    @property
    def timeout_s(self) -> float:
        """Return how long a request may take, in s; see Cluster."""

    def share_timeout(self) -> AbstractContextManager[float]:
        """Let all requests inside share one time-out; see Cluster."""

    def renew_timeout_for_change(self) -> AbstractContextManager[None]:
        """Give the change inside a whole time-out of its own; see Cluster."""

    def retry(self, ask: Callable[[], T]) -> T:
        """Call `ask` until the time-out or until it has no transient error; see Cluster."""

    def read_metadata(self) -> Any:
        """Return the brokers, or raise why there is no connection; see Cluster."""

    def name_silent_brokers(self, error: UnreachableError) -> UnreachableError:
        """Return the error, with the silent brokers where others answer; see Cluster."""


class Requests:
    """Requests of one cluster. The connections are opened when they are first needed.

    A question takes at most the rest of the cluster's time-out, and is put to another broker where the first one does
    not answer. A change has a whole time-out of its own and is sent once. Every method raises our own errors only:
    UnreachableError (UnansweredError after a request was sent), UsageError for a wrong setting, OperationError.
    """

    def __init__(self, cluster: Waits) -> None:
        self._cluster = cluster

    @cached_property
    def _brokers(self) -> Brokers:
        return Brokers(self._cluster.settings, self._cluster.read_metadata)

    def close(self) -> None:
        """Close the connections. A later request opens them again."""
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
        **fields: Any,
    ) -> Any:
        """Return the answer to one request of Kafka's protocol.

        `api` is its name without "Request", `fields` are those of its schema. At most one of three parameters chooses
        the receiver: `broker` is a broker's id, `to_controller` means the controller, and `group` the coordinator of
        that group. Without them any broker gets the request.

        With KRaft any broker forwards a request to the controller. A question is put to the controller itself only
        where the broker does not forward it.

        A request that no broker can serve at the moment is sent again until the time-out. Then OperationError is
        raised, or the answer is returned with the errors that it has. Raise also UnreachableError and UnansweredError.
        """
        from kafkactl.connection.messages import find_request_class

        def make() -> Any:  # a request gets its version from the broker that it is sent to
            return find_request_class(api)(**fields)

        def ask() -> Any:
            node = broker if group is None else self._find_coordinator(group)
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

    def ask_brokers(self, api: str, brokers: Iterable[int] | None = None, **fields: Any) -> Answers:
        """Return the answers of several brokers to one question, and the errors; see ask_each.

        `api` and `fields` are as in send(). `brokers` are ids; None means all brokers that are alive.
        """
        broker_ids = self.list_brokers() if brokers is None else sorted(brokers)
        return self.ask_each(api, dict.fromkeys(broker_ids, fields))

    def ask_each(self, api: str, questions: Mapping[int, Mapping[str, Any]]) -> Answers:
        """Return the answer of each broker to its own question, and the errors.

        All brokers are asked at the same time. `api` is as in send(), and `questions` has the fields of the request by
        the broker's id. A broker that does not answer in time, or refuses the whole request, has an error. Raise the
        first error where no broker answers.
        """
        answers = self._ask_all(api, questions)
        errors = [answer for answer in answers.values() if isinstance(answer, KafkactlError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        return {broker: answer for broker, answer in answers.items() if not isinstance(answer, KafkactlError)}, errors

    def _ask_all(self, api: str, questions: Mapping[int, Mapping[str, Any]]) -> dict[int, Any]:
        """Return the answer or the error of each broker. All brokers are asked at the same time."""
        from kafkactl.connection.messages import find_request_class

        requests: dict[int, Any] = {}
        answers: dict[int, Any] = {}
        with self._cluster.share_timeout() as deadline:
            for broker, fields in questions.items():
                try:
                    self._require_alive(broker, deadline)
                    requests[broker] = find_request_class(api)(**fields)
                except UnreachableError as error:
                    answers[broker] = error
            received = self._brokers.send_all(requests, deadline)
        answers |= {broker: received[broker] for broker in requests}
        for broker, answer in answers.items():
            if code := getattr(answer, "error_code", 0):
                answers[broker] = refusal(f"broker {broker}", code)
        return {broker: answers[broker] for broker in questions}

    def list_topics(self) -> list[str]:
        """Return the names of all topics, internal ones included, in the broker's order; raise the errors of send()."""
        return [topic.name for topic in self.read_metadata(None)]

    def read_metadata(self, names: Iterable[str] | None) -> list[Any]:
        """Return topics as Metadata describes them; None means all topics.

        A topic that does not exist is not created.
        """
        from kafka.protocol.metadata import MetadataRequest

        topics = None if names is None else [MetadataRequest.MetadataRequestTopic(name=name) for name in names]
        topic_metadata: list[Any] = self.send("Metadata", topics=topics, allow_auto_topic_creation=False).topics
        return topic_metadata

    def fetch(self, topic: str, partition: int, offset: int) -> bytes:
        """Return the batches of a partition, beginning with the one that contains the offset; b"" where there is none.

        Raise OperationError for a refusal.
        """
        from kafka.protocol.consumer import FetchRequest

        (topic_metadata,) = self.read_metadata([topic])
        leader = next(item.leader_id for item in topic_metadata.partitions if item.partition_index == partition)
        fetch_partition = FetchRequest.FetchTopic.FetchPartition(
            partition=partition, current_leader_epoch=-1, fetch_offset=offset, partition_max_bytes=_FETCH_BYTES
        )
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
        (partition_data,) = answer.responses[0].partitions
        if partition_data.error_code:
            raise refusal(f"cannot read {topic}-{partition}", partition_data.error_code)
        return bytes(partition_data.records or b"")

    def list_brokers(self) -> list[int]:
        """Return the ids of the brokers that are alive, in order."""
        with self._cluster.share_timeout() as deadline:
            self._learn(deadline)
        return sorted(self._brokers.places)

    def list_groups(self) -> tuple[list[Any], list[KafkactlError]]:
        """Return all groups of all types, as ListGroups describes them, and an error for each broker without answer."""
        answers, errors = self._cluster.retry(self._list_groups)
        return [group for answer in answers.values() for group in answer.groups], errors

    def _list_groups(self) -> Answers:
        """Return the answers and errors of all brokers.

        Raise the first transient error, so that all are asked again.
        """
        answers, errors = self.ask_brokers("ListGroups")
        for error in errors:
            if isinstance(error, OperationError) and error.code in TRANSIENT_CODES:
                raise error
        return answers, errors

    def list_config_resources(self, resource_type: int) -> list[str]:
        """Return the names of the resources of a type (a ResourceType) that have settings.

        The result is empty where the brokers are too old for the request or refuse it for missing rights.
        """
        try:
            answer = self.send("ListConfigResources", resource_types=[resource_type])
        except UnsupportedRequestError:
            return []
        if answer.error_code in (ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ErrorCode.UNSUPPORTED_VERSION):
            return []
        if answer.error_code:
            raise refusal("cannot list what has settings", answer.error_code)
        return [
            resource.resource_name for resource in answer.config_resources if resource.resource_type == resource_type
        ]

    def list_offsets(
        self, partitions: Sequence[Partition], at: int
    ) -> dict[Partition, tuple[int, int] | KafkactlError]:
        """Return offset and timestamp of each partition for a time, or an error for a partition that has none.

        `at` is a time in ms or a SpecialOffset. A timestamp of -1 means that there is none.
        """
        leaders = self._find_leaders(partitions)
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
        return {partition: results[partition] for partition in partitions}

    def _find_leaders(self, partitions: Sequence[Partition]) -> dict[Partition, int | KafkactlError]:
        """Return the id of each partition's leader, or an error where the partition or its leader does not exist."""
        metadata = {
            (topic.name, item.partition_index): item
            for topic in self.read_metadata(sorted({name for name, _ in partitions}))
            for item in topic.partitions
        }
        leaders: dict[Partition, int | KafkactlError] = {}
        for partition in partitions:
            if partition not in metadata:
                leaders[partition] = refusal("", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
            elif (leader := metadata[partition].leader_id) < 0:
                leaders[partition] = refusal("", ErrorCode.LEADER_NOT_AVAILABLE)
            else:
                leaders[partition] = leader
        return leaders

    def list_reassignments(self) -> dict[Partition, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the replicas that are being added and removed, for each partition with a reassignment in progress."""
        answer = self.send(
            "ListPartitionReassignments", to_controller=True, topics=None, timeout_ms=self._get_remaining_ms()
        )
        if answer.error_code:
            raise refusal("cannot list the moves of replicas", answer.error_code, answer.error_message)
        return {
            (topic.name, item.partition_index): (tuple(item.adding_replicas), tuple(item.removing_replicas))
            for topic in answer.topics
            for item in topic.partitions
        }

    def alter_reassignments(self, replicas: Mapping[Partition, Sequence[int]]) -> dict[Partition, int]:
        """Start to move partitions to these replicas. Return the error code of each partition, 0 for none."""
        answer = self.send(
            "AlterPartitionReassignments",
            to_controller=True,
            timeout_ms=self._get_remaining_ms(),
            topics=[
                (topic, [(number, list(replicas[topic, number])) for number in numbers])
                for topic, numbers in _group_by_topic(replicas)
            ],
        )
        if answer.error_code:
            raise refusal("cannot move replicas", answer.error_code, answer.error_message)
        return {
            (topic.name, item.partition_index): item.error_code
            for topic in answer.responses
            for item in topic.partitions
        }

    def delete_group_offsets(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Delete a group's committed offsets of partitions. Return the error code of each partition, 0 for none."""
        topics = [(topic, [(number,) for number in numbers]) for topic, numbers in _group_by_topic(partitions)]
        answer = self.send("OffsetDelete", group=group, group_id=group, topics=topics)
        if answer.error_code:
            raise refusal(f"cannot delete offsets of group {group}", answer.error_code)
        return {
            (topic.name, item.partition_index): item.error_code for topic in answer.topics for item in topic.partitions
        }

    def remove_group_members(self, group: str, members: Iterable[tuple[str | None, str | None]]) -> dict[str, int]:
        """Remove members of a group. Return the error code by the id of the member or of the instance, 0 for none.

        A member is (member id, None) or (None, instance id).
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

    def _find_coordinator(self, group: str) -> int:
        """Return the id of the broker that coordinates a group."""
        answer = self.send("FindCoordinator", key=group, key_type=_GROUP, max_version=3)
        if answer.error_code:
            raise refusal(f"cannot find the coordinator of group {group}", answer.error_code)
        return int(answer.node_id)

    def _send_question(self, make: Callable[[], Any], broker: int | None) -> Any:
        """Return the answer of a broker, or of any broker (None)."""
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
                    if time.monotonic() > deadline - _MARGIN_S:
                        raise
                    time.sleep(_PAUSE_S)

    def _send_change(self, make: Callable[[], Any], broker: int | None, to_controller: bool) -> Any:
        """Return the answer to a change. It is sent once, over a connection that stands."""
        with self._cluster.share_timeout() as deadline:
            if broker is None and to_controller:
                broker = self._find_controller()
            if broker is None:
                return self._brokers.send(self._brokers.find_answering_node(deadline), make(), deadline)
            self._require_alive(broker, deadline)
            return self._brokers.send(broker, make(), deadline)

    def _find_controller(self) -> int | None:
        """Return the id of the controller's broker, or None where any broker forwards requests to the controller."""
        with self._cluster.share_timeout() as deadline:
            self._learn(deadline)
        controller = self._brokers.controller
        if controller is not None and controller < 0:
            raise refusal("", ErrorCode.NOT_CONTROLLER)
        return controller

    def _learn(self, deadline: float) -> None:
        """Ask for the brokers. Raise UnreachableError; it names the silent brokers where others answer."""
        try:
            self._brokers.learn(deadline)
        except UnreachableError as error:
            raise self._name_silent(error) from error

    def _name_silent(self, error: UnreachableError) -> UnreachableError:
        """Return the error with the silent brokers, where a broker has answered before or may have the question."""
        if isinstance(error, UnansweredError) or self._brokers.has_answered:
            return self._cluster.name_silent_brokers(error)
        return error

    def _require_alive(self, broker: int, deadline: float) -> None:
        """Raise UnreachableError for a broker that is not in the cluster's metadata."""
        if broker not in self._brokers.places:
            self._learn(deadline)
        if broker not in self._brokers.places:
            alive = ", ".join(map(str, sorted(self._brokers.places)))
            raise UnreachableError(f"broker {broker} is not alive", f"brokers that are alive: {alive}")

    def _get_remaining_ms(self) -> int:
        """Return the rest of the time-out in ms."""
        return int(self._cluster.timeout_s * _MS)


def _iterate_error_codes(answer: Any) -> Iterator[int]:
    """Yield the error code of an answer where it is not 0, and the codes of all its items, 0 included."""
    if code := getattr(answer, "error_code", 0):
        yield code
    for name in answer.fields:
        items = getattr(answer, name)
        if isinstance(items, list):
            yield from (item.error_code for item in items if hasattr(item, "error_code"))


def _group_by_topic(partitions: Iterable[Partition]) -> Iterator[tuple[str, list[int]]]:
    """Yield each topic with the numbers of its partitions."""
    grouped: dict[str, list[int]] = defaultdict(list)
    for topic, number in partitions:
        grouped[topic].append(number)
    yield from grouped.items()


def _build_list_offsets_fields(partitions: Iterable[Partition], at: int) -> dict[str, Any]:
    """Return the fields of a ListOffsets request for a time in ms or a SpecialOffset."""
    return {
        "replica_id": -1,
        "isolation_level": 0,
        "topics": [(topic, [(number, -1, at) for number in numbers]) for topic, numbers in _group_by_topic(partitions)],
        "min_version": _VERSIONS_OF_TIMES.get(at, 1),
    }


def _parse_list_offsets(answer: Any) -> dict[Partition, tuple[int, int] | KafkactlError]:
    """Return offset and timestamp of each partition of a ListOffsets answer, or its error."""
    return {
        (topic.name, item.partition_index): refusal("", item.error_code)
        if item.error_code
        else (item.offset, item.timestamp)
        for topic in answer.topics
        for item in topic.partitions
    }
