"""The public interface of Python: one client of a cluster, with the operations that the commands have.

docs/python.md has examples, which a test runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from kafkactl.arguments import (
    LARGEST_INT32,
    LARGEST_INT64,
    require_bool,
    require_group,
    require_int,
    require_seconds,
    require_settings,
    require_text,
    require_texts,
    require_time_ms,
    require_topic,
    show,
)
from kafkactl.errors import KafkactlError, UsageError

if TYPE_CHECKING:
    from kafkactl.admin.groups.models import GroupLag, GroupListing
    from kafkactl.admin.groups.offsets import OffsetChange
    from kafkactl.admin.models import Outcome
    from kafkactl.admin.topics.models import TopicDescription, TopicListing
    from kafkactl.connection.cluster import Cluster
    from kafkactl.streams.account import Account, UndeliveredRecord
    from kafkactl.streams.record import Headers, Record
    from kafkactl.streams.selection import Selection

_MOST_PARTITIONS, _MOST_REPLICAS = 100_000, 10_000
"""The largest numbers that librdkafka takes for a new topic."""
Header = tuple[str | bytes, bytes | None]
"""Name and value of a header; a name that is not UTF-8 is bytes."""


@dataclass(frozen=True, kw_only=True)
class ConsumedRecord:
    """A record that was read from a topic."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    """Milliseconds since 1970-01-01 UTC; None where the record has no timestamp."""
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The result of sending records: each counts once."""

    delivered: int
    """Number of records that the brokers acknowledged."""
    undelivered: tuple[UndeliveredRecord, ...] = ()
    """Records that no broker acknowledged, each with the reason."""


def connect(
    *,
    bootstrap_servers: str | None = None,
    context: str | None = None,
    properties: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> Client:
    """Return a client of a cluster; it connects when it is first used.

    `bootstrap_servers` is HOST:PORT,... and `context` the name of a saved context, whose address the servers replace
    where both are given; without both, the environment and the current context choose, as in the commands. `properties`
    are client settings by Java's or librdkafka's names; they win over all others, and an address among them is refused.
    Settings in KAFKACTL_CLIENT_* and KAFKACTL_COMMAND_CONFIG count in every case. `timeout_s` bounds each question to
    the cluster and each change, above 0 and at most 3600 s; None takes KAFKACTL_TIMEOUT, or else 10 s. A call that
    needs several of them may take longer, and so may the delivery of records and the wait for them. An empty text is
    not None, and is refused. Commands that give secrets are run, at most 60 s each, and may read stdin.

    Raise UsageError for a wrong setting, address, time-out or file of contexts, and for an argument of another type;
    raise NotFoundError for a context that does not exist. A value that only the client library refuses is a UsageError
    of the first call that connects; a name that it does not know is ignored.
    """
    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.settings import resolve

    settings = resolve(
        None if bootstrap_servers is None else require_text(bootstrap_servers, "bootstrap_servers"),
        None if context is None else require_text(context, "context"),
        timeout_s=None if timeout_s is None else require_seconds(timeout_s, "timeout_s"),
        python_properties=None if properties is None else require_settings(properties, "properties"),
    )
    return Client(Cluster(settings))


class Client:
    """A client of a cluster. Use it in a `with` block, or call close().

    Every method raises errors of kafkactl.errors.KafkactlError: UnreachableError where no broker answers in time,
    OperationError where a broker refuses, NotFoundError for what does not exist, and UsageError for changes in a
    read-only context, for wrong client settings, and for wrong arguments: another type, a number outside its range, an
    empty name, and a name with NUL or that is not Unicode. Arguments are checked before anything is sent.
    """

    def __init__(self, cluster: Cluster) -> None:
        """Take a cluster, which close() closes; connect() makes one from settings."""
        self._cluster = cluster

    def __enter__(self) -> Client:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections, as close() does. An error of the block passes."""
        self.close()

    def close(self) -> None:
        """Close the connections of kafka-python; those of librdkafka close when the client is garbage-collected.

        Without connections nothing happens, so it may be called twice. A later call of the client opens them again.
        """
        self._cluster.close()

    def list_topics(self, *, include_internal: bool = False) -> list[TopicListing]:
        """Return all topics sorted by name, each with its number of partitions and replicas.

        The number of replicas is the largest of its partitions. Both numbers are 0 for a topic that the broker cannot
        describe. Kafka's own topics are left out without `include_internal`. Raise UnreachableError where no broker
        answers in time, OperationError where they refuse, and UsageError for an `include_internal` that is not a bool
        and for a wrong client setting.
        """
        from kafkactl.admin.topics.descriptions import list_topics

        return list_topics(self._cluster, require_bool(include_internal, "include_internal"))

    def describe_topics(self, names: Sequence[str]) -> list[TopicDescription]:
        """Return topics with their partitions and settings, each once, sorted by name; without names an empty list.

        Reassignments are None, and eligible leaders may be. Raise NotFoundError or OperationError where a topic, or its
        settings, cannot be read, UsageError for a name that no topic can have, for anything but a list or another
        iterable of names, such as a single text, and for a wrong client setting, and UnreachableError where no broker
        answers in time.
        """
        from kafkactl.admin.topics.descriptions import describe_topics

        topics = dict.fromkeys(require_topic(name, "names") for name in require_texts(names, "names"))
        return describe_topics(self._cluster, list(topics))

    def create_topic(
        self,
        name: str,
        *,
        partitions: int | None = None,
        replication_factor: int | None = None,
        configs: Mapping[str, str] | None = None,
    ) -> None:
        """Create a topic; None leaves a number to the brokers.

        `partitions` is 1 to 100,000 and `replication_factor` 1 to 10,000. `configs` are settings of the topic by name,
        as text. Raise OperationError where the topic exists already, where a broker refuses, and, with the code
        REQUEST_TIMED_OUT, where the answer is missing and the topic may exist. Raise UnreachableError where no answer
        came and librdkafka does not report that the request was sent, and UsageError for an illegal name or number, for
        a wrong client setting or argument and in a read-only context.
        """
        from kafkactl.admin.topics.changes import create_topics
        from kafkactl.admin.topics.models import TopicSpec

        spec = TopicSpec(
            topic=require_topic(name, "name"),
            partitions=None if partitions is None else require_int(partitions, "partitions", 1, _MOST_PARTITIONS),
            replication_factor=None
            if replication_factor is None
            else require_int(replication_factor, "replication_factor", 1, _MOST_REPLICAS),
            configs=None if configs is None else require_settings(configs, "configs"),
        )
        self._require_writable(f"create topic {name}")
        _require_success(create_topics(self._cluster, [spec], False))

    def delete_topic(self, name: str) -> None:
        """Delete a topic and all its records.

        Raise NotFoundError where it does not exist, OperationError where a broker refuses, and, with the code
        REQUEST_TIMED_OUT, where the answer is missing and the topic may be deleted. Raise UnreachableError where no
        answer came and librdkafka does not report that the request was sent, and UsageError for an illegal name, for a
        wrong client setting and in a read-only context.
        """
        from kafkactl.admin.topics.changes import delete_topics

        topic = require_topic(name, "name")
        self._require_writable(f"delete topic {topic}")
        _require_success(delete_topics(self._cluster, [topic]))

    def list_groups(self) -> list[GroupListing]:
        """Return the consumer groups sorted by name, each with its type and state.

        Groups of Kafka Connect, share and streams groups are left out. Groups of a broker that does not answer or
        refuses are missing, without an error. Raise UnreachableError where no broker answers, or where one does not and
        it is not known which; OperationError where a broker refuses and no other lists a group, or a transient refusal
        lasts; and UsageError for a wrong client setting.
        """
        from kafkactl.admin.groups.descriptions import list_groups

        return sorted(list_groups(self._cluster).groups, key=lambda group: group.group)

    def read_lag(self, group: str) -> GroupLag:
        """Return a group's committed offsets and lag, for each partition, sorted by topic and number.

        Partitions without a commit have a lag of None; they are included where the group has committed in their topic
        or a member reads it. A partition whose end, start or commit cannot be read has an error of its own, and a lag
        only where its end and commit are known.

        Raise NotFoundError for a group that does not exist or that the user may not see, but OperationError where it
        may exist, because a broker's list is missing or its coordinator does not answer or is moving; OperationError
        also for a share or streams group and for one that cannot be read, UnreachableError where no broker answers in
        time, and UsageError for a name that no group can have and for a wrong client setting.
        """
        from kafkactl.admin.groups.descriptions import read_group_lag

        return read_group_lag(self._cluster, require_group(group))

    def reset_offsets(
        self,
        group: str,
        *,
        topics: Sequence[str] | None = None,
        to: Literal["earliest", "latest", "current"] | int | datetime | None = None,
        shift_by: int | None = None,
        execute: bool = False,
    ) -> list[OffsetChange]:
        """Return the changes of a reset of committed offsets, sorted by partition; commit them with `execute`.

        `topics` are TOPIC or TOPIC:0,1; None takes all partitions in which the group has committed, and an empty list
        none. `to` is a name, an offset from 0, or a time with a zone, of which the first record from then on is taken,
        or else the end; current is the end where nothing is committed; `shift_by` moves each offset, back where it is
        negative. Given and shifted offsets outside the log become its nearest end. A commit creates a group that does
        not exist. Each change has its own result and error, None without `execute`.

        Raise UsageError unless there is exactly one of `to` and `shift_by`, for an invalid argument or client setting,
        and, after the changes are planned, for `execute` in a read-only context; NotFoundError for a topic or partition
        of `topics` that is missing, for a shift without a commit, and for `topics` of None where the group has
        committed nothing; OperationError, also without `execute`, for a group that has members, is a share or streams
        group or whose coordinator does not answer, and where the brokers refuse; UnreachableError where no broker
        answers in time, its subclass UnansweredError where the offsets may have been committed.
        """
        from kafkactl.admin.groups.resets import (
            ResetRequest,
            carry_out_plans,
            find_reset_targets,
            plan_resets,
            preview_plans,
        )
        from kafkactl.patterns import select_names

        name = require_group(group)
        request = ResetRequest(
            reset=_make_reset(to, shift_by), topics=None if topics is None else require_texts(topics, "topics")
        )
        is_execution = require_bool(execute, "execute")
        targets = find_reset_targets(self._cluster, select_names([name]))
        if targets.refusals:
            raise targets.refusals[0]
        plans = plan_resets(self._cluster, targets.changeable, request)
        if not is_execution:
            return preview_plans(plans)
        self._require_writable(f"change the committed offsets of group {name}")
        return carry_out_plans(self._cluster, plans)

    def produce(self, topic: str, records: Iterable[Record | bytes | str], *, partition: int | None = None) -> Delivery:
        """Send records, and wait until each of them is acknowledged or has failed.

        A record is a value, as text or bytes, or a dict with key, value, headers, partition and timestamp (ms since
        1970). Keys and values in a dict are bytes, text (sent as UTF-8) or None, and headers are pairs of name and
        value. None or no field leaves the field out; without a value the record deletes its key in a compacted topic.
        `partition` is for records without their own; None leaves the choice to the partitioner. A missing topic is
        created where the broker does so. A record that cannot be sent, or that a leader does not acknowledge within
        delivery.timeout.ms (120 s by default), is in the result and raises nothing. Without records nothing is sent,
        but the topic is looked up, or created.

        Raise UsageError for a single record instead of several, for a wrong record, with its number from 0, for another
        wrong argument or client setting, such as transactional.id, and in a read-only context. A list or tuple with a
        wrong record is refused before anything is sent; of another iterable, the records before the wrong one are sent
        first.

        Raise NotFoundError where the topic or `partition` does not exist (with a missing partition of its own a record
        is undelivered), UnreachableError where no broker answers, or no leader of the waiting records was ever reached
        within the time-out, and OperationError without the right to see the topic or to create a missing one, and where
        the client can send no more. Without the right to write the records are undelivered; OperationError is raised,
        too, where the user may write to no topic at all. Each of these errors has the Delivery of the records before it
        as `delivery`. An exception of `records` itself passes through, also after the records before it were sent, with
        a note of their numbers.
        """
        from kafkactl.streams.account import Account

        undelivered: list[UndeliveredRecord] = []
        account = Account(undelivered.append)
        try:
            self._send(topic, records, partition, account)
        except KafkactlError as error:
            error.delivery = Delivery(delivered=account.delivered, undelivered=tuple(undelivered))
            raise
        except Exception as error:
            error.add_note(f"kafkactl: {account.delivered} records delivered before this, {len(undelivered)} not")
            raise
        return Delivery(delivered=account.delivered, undelivered=tuple(undelivered))

    def _send(self, topic: str, records: object, partition: int | None, account: Account) -> None:
        """Check the arguments of produce() and send the records; return when each is acknowledged or has failed.

        `records` is an iterable of text, bytes and dicts, as produce() takes them. A missing topic is created where the
        broker does so. `partition` is for records without their own, None leaves the choice to the partitioner.
        `account` counts the records and gets the failed ones.

        Raise UsageError for a wrong argument, record or client setting and in a read-only context, NotFoundError for a
        missing topic or `partition`, UnreachableError where no broker answers, OperationError without the right to see
        the topic or to create a missing one and where the client can send no more, and the errors of `records` itself.
        A record with a missing partition of its own fails, and so do all records without the right to write.
        """
        from kafkactl.streams.checked_records import make_batches, require_records
        from kafkactl.streams.producing import Sending

        name = require_topic(topic)
        number = None if partition is None else require_int(partition, "partition", 0, LARGEST_INT32)
        items = require_records(records)
        self._require_writable(f"write records to topic {name}")
        if "transactional.id" in self._cluster.settings.properties:
            raise UsageError(
                "produce() sends no transactions, and the settings have transactional.id",
                "leave it out, or send with the command: kafkactl produce",
            )
        with Sending(self._cluster, name, account, _ignore, _NeverStops(), number) as sending:
            for batch in make_batches(items):
                sending.send(batch)

    def consume(
        self,
        topic: str,
        *,
        group: str | None = None,
        from_beginning: bool = False,
        from_time: datetime | None = None,
        tail: int | None = None,
        follow: bool = False,
        max_records: int | None = None,
    ) -> Iterator[ConsumedRecord]:
        """Return an iterator over the records of a topic; those of one partition are in the order of offsets.

        With `tail` the last records of all partitions come first, and these are in the order of their times. Without a
        group the reading starts at the end, at the oldest record (`from_beginning`, or auto.offset.reset=earliest), at
        the first record of a time (`from_time`), or `tail` records before the end of each partition; with a group it
        starts at the committed offsets, or where there are none at the end or, with `from_beginning` or earliest, at
        the oldest record; with auto.offset.reset=none, and no `from_beginning`, OperationError is raised there. It
        stops after `max_records` (None or a negative number is no bound), or at the ends of all partitions unless
        `follow` is set.

        A record counts as handled when the next one is asked for. Unless enable.auto.commit is false, handled records
        are committed every few seconds, and at the end, or when the iterator is closed, when the group is left, too.
        This last step waits for the brokers without a time-out, and a commit that a broker refuses then raises nothing.

        Raise UsageError at once for an argument of another type, a number of more than 64 bits, a name that no topic or
        group can have, for two starts, for a group beside a time or a tail, for a time without a zone or before 1970,
        for a negative tail, for auto.offset.reset=none with neither a group nor a time nor a tail, and for a group in a
        read-only context. All other errors come with the first record or later: NotFoundError for a topic that does not
        exist, UnreachableError where no broker answers in time and, without `follow`, where a partition has no leader
        or the group assigns none, OperationError where a broker refuses, UsageError for a wrong client setting,
        KafkactlError for headers that cannot be read.
        """
        from kafkactl.streams.selection import SelectionRequest

        selection = SelectionRequest(
            topics=[require_topic(topic)],
            group=None if group is None else require_group(group),
            from_time_ms=None if from_time is None else require_time_ms(from_time, "from_time"),
            tail=None if tail is None else require_int(tail, "tail", 0, LARGEST_INT64),
            from_beginning=require_bool(from_beginning, "from_beginning"),
            auto_offset_reset=self._cluster.settings.properties.get("auto.offset.reset"),
            until_end=not require_bool(follow, "follow"),
            follow=follow,
            names={"from_time_ms": "from_time"},
        ).make_selection()
        if max_records is not None:
            require_int(max_records, "max_records", -LARGEST_INT64, LARGEST_INT64)
        if group is not None:
            self._require_writable(f"commit offsets of group {group}")
        return self._read(selection, max_records)

    def _read(self, selection: Selection, max_records: int | None) -> Iterator[ConsumedRecord]:
        """Yield the records of a selection, at most `max_records`; None or a negative number is no bound.

        A record is handled when the next one is asked for. At the end, or when the generator is closed, handled records
        of a group are committed, unless enable.auto.commit is false, and the consumer is closed. This waits for the
        brokers without a time-out, and a refused commit raises nothing. Raise the errors of reading with the first
        record or later: NotFoundError, UnreachableError, OperationError, UsageError for a wrong client setting, and
        KafkactlError for headers that cannot be read. With `max_records` 0 no record is read, but the consumer is
        connected, and may raise these errors.
        """
        from kafkactl.streams.consuming import Reading
        from kafkactl.streams.headers import make_header_reader

        read_again = make_header_reader(self._cluster)
        reading = Reading(self._cluster, selection, _ignore)
        try:
            left = max_records
            for batch in reading.read_batches() if left != 0 else ():
                for message in batch:
                    yield _make_consumed(message, read_again)
                    reading.mark_handled([message])
                    left = None if left is None else left - 1
                    if left == 0:
                        return
        finally:
            reading.close()

    def _require_writable(self, action: str) -> None:
        """Raise UsageError if the context is read-only. `action` is the refused change, beginning with a verb."""
        self._cluster.settings.require_writable(action, "call")


class _NeverStops:
    """The state of a signal that never comes; see streams.stoppable.Stop."""

    is_requested = False
    is_over = False

    def wait_readable(self, descriptor: int) -> bool:
        """Return True at once, as for a descriptor with data; `descriptor` is not looked at."""
        return True

    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        sleep(seconds)


def _ignore(text: str) -> None:
    """Do nothing with a sentence that is for people."""


def _require_success(outcomes: Sequence[Outcome]) -> None:
    """Raise OperationError, with the outcome's hint and code, for the first change that failed; else do nothing.

    For a topic that does not exist it is NotFoundError.
    """
    from kafkactl.connection.protocol import ErrorCode
    from kafkactl.errors import NotFoundError, OperationError

    for outcome in outcomes:
        if not outcome.ok:
            kind = NotFoundError if outcome.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION else OperationError
            raise kind(f"{outcome.name}: {outcome.result}", outcome.hint, outcome.code)


def _make_reset(to: object, shift_by: object) -> Any:
    """Return the target of a reset, a `Reset`, from the two arguments of reset_offsets, of which one is None.

    `to` is earliest, latest, current, an offset from 0 or a datetime; `shift_by` is an int of 64 bits. Raise UsageError
    for none or both, for another type, an unknown name, a negative offset, a number of more than 64 bits, and for a
    time without a zone or before 1970.
    """
    from kafkactl.admin.groups.offsets import Reset, ResetTo

    if (to is None) == (shift_by is None):
        raise UsageError("missing target of the reset" if to is None else "to and shift_by are mutually exclusive")
    if shift_by is not None:
        return Reset(ResetTo.SHIFT, require_int(shift_by, "shift_by", -LARGEST_INT64, LARGEST_INT64))
    if isinstance(to, datetime):
        return Reset(ResetTo.TIME, require_time_ms(to, "to"))
    if isinstance(to, int) and not isinstance(to, bool):
        return Reset(ResetTo.OFFSET, require_int(to, "to", 0, LARGEST_INT64))
    if not isinstance(to, str) or to not in ("earliest", "latest", "current"):
        raise UsageError(f"invalid value {show(to)} for to", "use earliest, latest, current, an offset or a datetime")
    return Reset(ResetTo(to))


def _make_consumed(message: Any, read_again: Callable[[Any], Headers]) -> ConsumedRecord:
    """Return a message of confluent_kafka as a record. Raise KafkactlError where its headers cannot be read.

    `read_again` returns the headers of a message whose names are not all UTF-8; its errors pass through.
    """
    from kafkactl.streams.record import read_headers, read_headers_again

    # Set for one record only: another generator, or another thread, may be next.
    token = read_headers_again.set(read_again)
    try:
        headers = tuple(read_headers(message))
    finally:
        read_headers_again.reset(token)
    kind, timestamp_ms = message.timestamp()
    return ConsumedRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=timestamp_ms if kind else None,
        key=message.key(),
        value=message.value(),
        headers=headers,
    )
