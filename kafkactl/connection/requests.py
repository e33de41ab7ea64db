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
"""The answer of each broker by its id, and the errors of the others."""

_MS = 1000
_MARGIN_S = 0.3
_PAUSE_S = 0.1
_READING = ("Describe", "List", "Metadata", "ConsumerGroupDescribe", "FindCoordinator", "Fetch")
"""How the names of requests begin that change nothing."""
_FETCH_WAIT_MS = 500
_FETCH_BYTES = 1 << 20  # a larger batch comes whole all the same
_GROUP = 0  # a kind of coordinator
_VERSIONS_OF_TIMES = {-3: 7, -4: 8, -5: 9, -6: 11}
"""The version of ListOffsets that knows a special time. Reference: ListOffsetsRequest.json."""


class Waits(Protocol):
    """The members of a Cluster that bound how long requests take."""

    settings: Settings

    @property
    def timeout_s(self) -> float:
        """See Cluster."""

    def one_timeout(self) -> AbstractContextManager[float]:
        """See Cluster."""

    def change_timeout(self) -> AbstractContextManager[None]:
        """See Cluster."""

    def retry(self, ask: Callable[[], T]) -> T:
        """See Cluster."""

    def metadata(self) -> Any:
        """See Cluster."""

    def with_silent_brokers(self, error: UnreachableError) -> UnreachableError:
        """See Cluster."""


class Requests:
    """Requests of one cluster, over connections that are made when they are first needed.

    No question outlasts what the cluster's time-out has left, and a change has a whole time-out of its own. A question
    goes to another broker where one does not answer; a change is sent once.
    Every method raises our own errors only: UnreachableError, UsageError for a wrong setting, OperationError.
    """

    def __init__(self, cluster: Waits) -> None:
        self._cluster = cluster

    @cached_property
    def _brokers(self) -> Brokers:
        return Brokers(self._cluster.settings, self._cluster.metadata)

    def close(self) -> None:
        """Close the connections; a later request opens them again."""
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

        `api` is its name without "Request", `fields` are those of its schema. It goes to the broker of that id, to the
        controller (with KRaft any broker passes it on; a question is put to the controller itself only where a broker
        does not pass it on), to the coordinator of a group, or to any broker. A request that
        no broker could take at that moment is sent again, until the time-out; then the answer is returned with the
        errors that it has.
        """
        from kafkactl.connection.messages import request_class

        def make() -> Any:  # the version of a request is that of the broker it went to
            return request_class(api)(**fields)

        def ask() -> Any:
            node = broker if group is None else self._coordinator(group)
            answer = self._change(make, node, to_controller) if is_change else self._question(make, node)
            codes = set(_error_codes(answer))
            if to_controller and not is_change and ErrorCode.NOT_CONTROLLER in codes:
                answer = self._question(make, self._controller())
                codes = set(_error_codes(answer))
            if codes and codes <= TRANSIENT_CODES and time.monotonic() < deadline:
                raise refusal("", codes.pop())
            return answer

        is_change = not api.startswith(_READING)
        with self._cluster.change_timeout() if is_change else nullcontext():
            deadline = time.monotonic() + self._cluster.timeout_s
            return self._cluster.retry(ask)

    def ask_brokers(self, api: str, brokers: Iterable[int] | None = None, **fields: Any) -> Answers:
        """Return the answers of several brokers to one question, of all that are alive with None; see ask_each."""
        asked = self.list_brokers() if brokers is None else sorted(brokers)
        return self.ask_each(api, dict.fromkeys(asked, fields))

    def ask_each(self, api: str, questions: Mapping[int, Mapping[str, Any]]) -> Answers:
        """Return the answer of each broker, by its id, to a question with fields of its own; all are asked at once.

        Brokers that do not answer in time, or refuse as a whole, have an error each. Raises the first where no broker
        answers.
        """
        answers = self._ask_all(api, questions)
        errors = [answer for answer in answers.values() if isinstance(answer, KafkactlError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        return {broker: answer for broker, answer in answers.items() if not isinstance(answer, KafkactlError)}, errors

    def _ask_all(self, api: str, questions: Mapping[int, Mapping[str, Any]]) -> dict[int, Any]:
        """Return the answer or the error of each broker; all are asked at once."""
        from kafkactl.connection.messages import request_class

        requests: dict[int, Any] = {}
        answers: dict[int, Any] = {}
        with self._cluster.one_timeout() as deadline:
            for broker, fields in questions.items():
                try:
                    self._require_alive(broker, deadline)
                    requests[broker] = request_class(api)(**fields)
                except UnreachableError as error:
                    answers[broker] = error
            sent = self._brokers.send_all(requests, deadline)
        answers |= {broker: sent[broker] for broker in requests}
        for broker, answer in answers.items():
            if code := getattr(answer, "error_code", 0):
                answers[broker] = refusal(f"broker {broker}", code)
        return {broker: answers[broker] for broker in questions}

    def list_topics(self) -> list[str]:
        """Return the names of all topics."""
        return [topic.name for topic in self.read_metadata(None)]

    def read_metadata(self, names: Iterable[str] | None) -> list[Any]:
        """Return topics as Metadata describes them, all with None. A topic that does not exist is not created."""
        from kafka.protocol.metadata import MetadataRequest

        topics = None if names is None else [MetadataRequest.MetadataRequestTopic(name=name) for name in names]
        found: list[Any] = self.send("Metadata", topics=topics, allow_auto_topic_creation=False).topics
        return found

    def fetch(self, topic: str, partition: int, offset: int) -> bytes:
        """Return the batches of a partition from the one that has an offset on; nothing where there is none."""
        from kafka.protocol.consumer import FetchRequest

        (described,) = self.read_metadata([topic])
        leader = next(each.leader_id for each in described.partitions if each.partition_index == partition)
        wanted = FetchRequest.FetchTopic.FetchPartition(
            partition=partition, current_leader_epoch=-1, fetch_offset=offset, partition_max_bytes=_FETCH_BYTES
        )
        answer = self.send(
            "Fetch",
            broker=leader,
            replica_id=-1,
            max_wait_ms=_FETCH_WAIT_MS,
            min_bytes=1,
            max_bytes=_FETCH_BYTES,
            topics=[FetchRequest.FetchTopic(topic=topic, topic_id=described.topic_id, partitions=[wanted])],
        )
        (found,) = answer.responses[0].partitions
        if found.error_code:
            raise refusal(f"cannot read {topic}-{partition}", found.error_code)
        return bytes(found.records or b"")

    def list_brokers(self) -> list[int]:
        """Return the ids of the brokers that are alive, in order."""
        with self._cluster.one_timeout() as deadline:
            self._learn(deadline)
        return sorted(self._brokers.places)

    def list_groups(self) -> tuple[list[Any], list[KafkactlError]]:
        """Return all groups of all types, as ListGroups describes them, and an error for each broker without answer."""
        answers, errors = self._cluster.retry(self._list_groups)
        return [group for answer in answers.values() for group in answer.groups], errors

    def _list_groups(self) -> Answers:
        answers, errors = self.ask_brokers("ListGroups")
        for error in errors:
            if isinstance(error, OperationError) and error.code in TRANSIENT_CODES:
                raise error
        return answers, errors

    def list_config_resources(self, resource_type: int) -> list[str]:
        """Return the names of a type that have settings; none where brokers cannot or will not list them."""
        try:
            answer = self.send("ListConfigResources", resource_types=[resource_type])
        except UnsupportedRequestError:
            return []
        if answer.error_code in (ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ErrorCode.UNSUPPORTED_VERSION):
            return []
        if answer.error_code:
            raise refusal("cannot list what has settings", answer.error_code)
        return [found.resource_name for found in answer.config_resources if found.resource_type == resource_type]

    def list_offsets(
        self, partitions: Sequence[Partition], at: int
    ) -> dict[Partition, tuple[int, int] | KafkactlError]:
        """Return offset and timestamp (-1 is none) of each partition at a time in ms or a special one, or an error."""
        leaders = self._leaders(partitions)
        found: dict[Partition, tuple[int, int] | KafkactlError] = {
            partition: leader for partition, leader in leaders.items() if isinstance(leader, KafkactlError)
        }
        by_leader: dict[int, list[Partition]] = defaultdict(list)
        for partition, leader in leaders.items():
            if isinstance(leader, int):
                by_leader[leader].append(partition)
        fields = {leader: _list_offsets_fields(led, at) for leader, led in by_leader.items()}
        answers = self._ask_all("ListOffsets", fields)
        for leader, led in by_leader.items():
            if isinstance(answer := answers[leader], KafkactlError):
                found.update(dict.fromkeys(led, answer))
            else:
                found.update(_offsets_of(answer))
        return {partition: found[partition] for partition in partitions}

    def _leaders(self, partitions: Sequence[Partition]) -> dict[Partition, int | KafkactlError]:
        numbers = {
            (topic.name, each.partition_index): each
            for topic in self.read_metadata(sorted({name for name, _ in partitions}))
            for each in topic.partitions
        }
        leaders: dict[Partition, int | KafkactlError] = {}
        for partition in partitions:
            if partition not in numbers:
                leaders[partition] = refusal("", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
            elif (leader := numbers[partition].leader_id) < 0:
                leaders[partition] = refusal("", ErrorCode.LEADER_NOT_AVAILABLE)
            else:
                leaders[partition] = leader
        return leaders

    def list_reassignments(self) -> dict[Partition, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the replicas that are being added to and removed from each partition that is moving."""
        answer = self.send("ListPartitionReassignments", to_controller=True, topics=None, timeout_ms=self._left_ms())
        if answer.error_code:
            raise refusal("cannot list the moves of replicas", answer.error_code, answer.error_message)
        return {
            (topic.name, each.partition_index): (tuple(each.adding_replicas), tuple(each.removing_replicas))
            for topic in answer.topics
            for each in topic.partitions
        }

    def alter_reassignments(self, replicas: Mapping[Partition, Sequence[int]]) -> dict[Partition, int]:
        """Start moving partitions to the given replicas; return the error code of each partition, 0 for none."""
        answer = self.send(
            "AlterPartitionReassignments",
            to_controller=True,
            timeout_ms=self._left_ms(),
            topics=[
                (topic, [(number, list(replicas[topic, number])) for number in numbers])
                for topic, numbers in _by_topic(replicas)
            ],
        )
        if answer.error_code:
            raise refusal("cannot move replicas", answer.error_code, answer.error_message)
        return {
            (topic.name, each.partition_index): each.error_code
            for topic in answer.responses
            for each in topic.partitions
        }

    def delete_group_offsets(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Delete what a group has committed in partitions; return the error code of each, 0 for none."""
        topics = [(topic, [(number,) for number in numbers]) for topic, numbers in _by_topic(partitions)]
        answer = self.send("OffsetDelete", group=group, group_id=group, topics=topics)
        if answer.error_code:
            raise refusal(f"cannot delete offsets of group {group}", answer.error_code)
        return {
            (topic.name, each.partition_index): each.error_code for topic in answer.topics for each in topic.partitions
        }

    def remove_group_members(self, group: str, members: Iterable[tuple[str | None, str | None]]) -> dict[str, int]:
        """Remove members, (member id, None) or (None, instance id); return the error code by that id, 0 for none."""
        answer = self.send(
            "LeaveGroup",
            group=group,
            group_id=group,
            members=[(member or "", instance, "kafkactl") for member, instance in members],
            min_version=3,
        )
        if answer.error_code:
            raise refusal(f"cannot remove members of group {group}", answer.error_code)
        return {each.member_id or each.group_instance_id: each.error_code for each in answer.members}

    def _coordinator(self, group: str) -> int:
        """Return the id of the broker that coordinates a group."""
        answer = self.send("FindCoordinator", key=group, key_type=_GROUP, max_version=3)
        if answer.error_code:
            raise refusal(f"cannot find the coordinator of group {group}", answer.error_code)
        return int(answer.node_id)

    def _question(self, make: Callable[[], Any], broker: int | None) -> Any:
        """Return the answer of one broker, or of any."""
        with self._cluster.one_timeout() as deadline:
            if broker is None:
                try:
                    return self._brokers.ask_any(make, deadline)
                except UnansweredError as error:  # brokers pass some questions on to a controller that is frozen
                    if time.monotonic() < deadline - _MARGIN_S:
                        raise
                    raise self._cluster.with_silent_brokers(error) from error
            self._require_alive(broker, deadline)
            while True:
                try:
                    return self._brokers.send(broker, make(), deadline)
                except UnreachableError:  # a connection that ends early
                    if time.monotonic() > deadline - _MARGIN_S:
                        raise
                    time.sleep(_PAUSE_S)

    def _change(self, make: Callable[[], Any], broker: int | None, to_controller: bool) -> Any:
        """Return the answer to a change, which is sent once, over a connection that stands."""
        with self._cluster.one_timeout() as deadline:
            if broker is None and to_controller:
                broker = self._controller()
            if broker is None:
                return self._brokers.send(self._brokers.any(deadline), make(), deadline)
            self._require_alive(broker, deadline)
            return self._brokers.send(broker, make(), deadline)

    def _controller(self) -> int | None:
        """Return the id of the broker that controls the cluster, None where any broker passes requests on to it."""
        with self._cluster.one_timeout() as deadline:
            self._learn(deadline)
        controller = self._brokers.controller
        if controller is not None and controller < 0:
            raise refusal("", ErrorCode.NOT_CONTROLLER)
        return controller

    def _learn(self, deadline: float) -> None:
        """Ask who the brokers are; raise UnreachableError, with the silent ones where others answer."""
        try:
            self._brokers.learn(deadline)
        except UnansweredError as error:
            raise self._cluster.with_silent_brokers(error) from error

    def _require_alive(self, broker: int, deadline: float) -> None:
        """Raise UnreachableError for a broker that the cluster does not name."""
        if broker not in self._brokers.places:
            self._learn(deadline)
        if broker not in self._brokers.places:
            alive = ", ".join(map(str, sorted(self._brokers.places)))
            raise UnreachableError(f"broker {broker} is not alive", f"brokers that are alive: {alive}")

    def _left_ms(self) -> int:
        return int(self._cluster.timeout_s * _MS)


def _error_codes(answer: Any) -> Iterator[int]:
    """Return the error codes of an answer and of its items, 0 for an item without an error."""
    if code := getattr(answer, "error_code", 0):
        yield code
    for name in answer.fields:
        items = getattr(answer, name)
        if isinstance(items, list):
            yield from (item.error_code for item in items if hasattr(item, "error_code"))


def _by_topic(partitions: Iterable[Partition]) -> Iterator[tuple[str, list[int]]]:
    grouped: dict[str, list[int]] = defaultdict(list)
    for topic, number in partitions:
        grouped[topic].append(number)
    yield from grouped.items()


def _list_offsets_fields(partitions: Iterable[Partition], at: int) -> dict[str, Any]:
    """Return the fields of a ListOffsets request for a time in ms or a special one."""
    return {
        "replica_id": -1,
        "isolation_level": 0,
        "topics": [(topic, [(number, -1, at) for number in numbers]) for topic, numbers in _by_topic(partitions)],
        "min_version": _VERSIONS_OF_TIMES.get(at, 1),
    }


def _offsets_of(answer: Any) -> dict[Partition, tuple[int, int] | KafkactlError]:
    """Return offset and timestamp of each partition of a ListOffsets answer, or its error."""
    return {
        (topic.name, each.partition_index): refusal("", each.error_code)
        if each.error_code
        else (each.offset, each.timestamp)
        for topic in answer.topics
        for each in topic.partitions
    }
