"""Options of console-consumer: the range, filters of records, the form of the output, and the consumer group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from kafkactl.cli.completion.names import complete_groups
from kafkactl.cli.frame.command import flags
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import TimeOptions
from kafkactl.cli.frame.subjects import require_subject
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import UsageError, make_exclusive_error
from kafkactl.numerals import read_whole_number
from kafkactl.patterns import TopicSelection, require_topic_name, select_topics
from kafkactl.times import MAX_MS, TimeRange

if TYPE_CHECKING:
    from kafkactl.connection.settings import Flag, Settings
    from kafkactl.output.records import RecordWriter
    from kafkactl.output.report import OutputFormat
    from kafkactl.serde.formats import Format
    from kafkactl.streams.filters import RecordFilter
    from kafkactl.streams.selection import Selection

_ISOLATION_LEVELS = ("read_uncommitted", "read_committed")
_PROTOCOLS = ("classic", "consumer")
_HIGHEST_OFFSET = 2**63 - 1
_HIGHEST_PARTITION = 2**31 - 1
_MOST_RECORDS = 2**31 - 1
"""Largest number of --tail, because these records are held in memory."""


@flags
class RangeFlags:
    """Topics, partitions, and the range of offsets or times that is read."""

    section: ClassVar[Section] = Section.RANGE

    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="REGEX,...",
            help="Regular expressions for whole names of topics, instead of TOPIC; a group also reads later topics.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None
    include_internal: Annotated[
        bool,
        typer.Option(
            "--include-internal",
            help="Let --include match the internal topics of Kafka, too.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = False
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start at the oldest record if the group has no offset yet.")
    ] = False
    partition: Annotated[
        list[int] | None,
        typer.Option(
            "--partition",
            metavar="N",
            min=0,
            help="Number of a partition to read, instead of all; repeatable.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--assign",
            metavar="TOPIC:N[:OFFSET]",
            help="Partition of any topic, and its first offset; repeatable.",
            rich_help_panel=Section.SUBJECT,
        ),
    ] = None
    offset: Annotated[
        str | None,
        typer.Option("--offset", metavar="N|earliest|latest", help="First offset to read of each --partition."),
    ] = None
    to_offset: Annotated[
        int | None,
        typer.Option(
            "--to-offset",
            metavar="N",
            min=0,
            max=_HIGHEST_OFFSET,
            help="Stop before this offset; without a start, read from the oldest record.",
        ),
    ] = None
    from_time: Annotated[
        str | None,
        typer.Option(
            "--from-time", metavar="TIME", help="Start at the first record from this time on: ISO 8601, or ms."
        ),
    ] = None
    to_time: Annotated[
        str | None, typer.Option("--to-time", metavar="TIME", help="Stop at the first record after this time.")
    ] = None
    between: Annotated[
        str | None,
        typer.Option(
            "--between", metavar="A..B", help="Read records from time A on and before time B; either may be empty."
        ),
    ] = None
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail", metavar="N", min=1, max=_MOST_RECORDS, help="Read the last N records of each partition."
        ),
    ] = None
    exit_: Annotated[bool, typer.Option("--exit", "-e", help="Stop at the end of every partition.")] = False
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for new records after --tail, --to-offset or --to-time.")
    ] = False
    timeout_ms: Annotated[
        int | None, typer.Option("--timeout-ms", metavar="MS", min=0, help="Stop if no record came for this long.")
    ] = None

    def settings(self) -> Mapping[str, Flag]:
        """Return {"auto.offset.reset": Flag} with the value earliest for --from-beginning; else an empty dict."""
        from kafkactl.connection.settings import Flag

        return {"auto.offset.reset": Flag("--from-beginning", "earliest")} if self.from_beginning else {}

    def make_selection(
        self, topic: str | None, topic_flag: str | None, settings: Settings, until_end: bool, clock: TimeOptions
    ) -> Selection:
        """Return the records to read. The topics need not exist: no broker is asked.

        `topic` is the argument TOPIC and `topic_flag` the value of --topic; None is not given. `settings`, those of the
        client, may have a group and auto.offset.reset. `until_end` stops at the end of every partition, also with
        --follow, which is refused beside --exit only; `clock` has the zone for times. With a tail or an end the reading
        stops at the end of every partition, too, unless --follow is given; an end without a start begins at the oldest
        record, unless auto.offset.reset is set. A group that the command line does not name is left out beside
        partitions or a range, but not beside --from-beginning alone; one that it names is refused there.

        Raise UsageError for that and other options that are mutually exclusive, for a wrong value, for --offset without
        --partition, for a start after the end, for a missing or illegal topic, and for auto.offset.reset=none without a
        group and without a range or partitions.
        """
        from kafkactl.streams.selection import SelectionRequest

        time_range = self._parse_times(clock)
        topics, include, assigned = self._choose_topics(topic, topic_flag)
        selection = SelectionRequest(
            topics=topics,
            include=include,
            partitions=self.partition or None,
            assigned=assigned,
            group=settings.properties.get("group.id"),
            is_default_group="group.id" not in settings.command_line_properties,
            auto_offset_reset=settings.properties.get("auto.offset.reset"),
            offset=None if self.offset is None else _parse_offset(self.offset, "--offset"),
            from_time_ms=time_range.start_ms,
            tail=self.tail,
            from_beginning=self.from_beginning,
            to_offset=self.to_offset,
            before_time_ms=time_range.end_ms,
            idle_timeout_ms=self.timeout_ms,
            until_end=self.exit_,
            follow=self.follow,
            names={
                "offset": "--offset",
                "from_time_ms": "--from-time" if self.between is None else "--between",
                "tail": "--tail",
                "from_beginning": "--from-beginning",
                "to_offset": "--to-offset",
                "before_time_ms": "--to-time" if self.between is None else "--between",
                "partitions": "--partition",
                "assigned": "--assign",
                "until_end": "--exit",
                "follow": "--follow",
                "group": "--group",
            },
        ).make_selection()
        return replace(selection, until_end=True) if until_end else selection

    def _parse_times(self, clock: TimeOptions) -> TimeRange:
        """Return the range of times in ms since 1970, from its start to before its end; None is no bound.

        The end is 1 ms after --to-time, so that records of this time are read, but at most 2^63 - 1, and B itself for
        --between A..B. Raise UsageError for a wrong time, for A after B, for --between beside another time, and, where
        a time is given, for an unknown zone. A --from-time after --to-time is not refused here.
        """
        if self.between is not None:
            for flag, value in (("--from-time", self.from_time), ("--to-time", self.to_time)):
                if value is not None:
                    raise make_exclusive_error(flag, "--between")
            return clock.parse_range(self.between, "--between")
        start = None if self.from_time is None else clock.parse(self.from_time, "--from-time")
        # Records with the time of --to-time itself are read.
        end = None if self.to_time is None else min(clock.parse(self.to_time, "--to-time") + 1, MAX_MS)
        return TimeRange(start_ms=start, end_ms=end)

    def _choose_topics(
        self, topic: str | None, topic_flag: str | None
    ) -> tuple[list[str], TopicSelection | None, dict[tuple[str, int], int | None] | None]:
        """Return the names of topics, the selection of --include, and the starts of the partitions of --assign.

        `topic` is the argument TOPIC and `topic_flag` the value of --topic; None counts as not given, and so does an
        empty text beside --include or --assign. The starts map (topic, number) to the first offset: None without one,
        librdkafka's constant for earliest and latest. With --assign the names are sorted, and not checked for Kafka's
        rules. With --include there are no names. Without --include the second is None, without --assign the third.
        Raise UsageError for a missing topic or an illegal one of TOPIC or --topic, for two different ones, for options
        that are mutually exclusive, for a partition that is given twice, and for a wrong value.
        """
        topic_flags = [flag for flag, value in (("--include", self.include), ("--assign", self.assign)) if value]
        if topic_flags and (topic or topic_flag or len(topic_flags) > 1):
            raise make_exclusive_error(topic_flags[0], "TOPIC" if topic or topic_flag else topic_flags[1])
        if self.include:
            return [], select_topics(include=self.include, include_internal=self.include_internal), None
        if self.assign:
            assigned: dict[tuple[str, int], int | None] = {}
            for text in self.assign:
                partition, start = _parse_assignment(text)
                if partition in assigned:
                    raise UsageError(f"--assign has {'{}:{}'.format(*partition)} twice", "leave one of them out")
                assigned[partition] = start
            return sorted({name for name, _ in assigned}), None, assigned
        return [require_topic_name(require_subject(topic, topic_flag, "topic"))], None, None


@flags
class FilterFlags:
    """Conditions on records. A record is shown if it meets all of them."""

    section: ClassVar[Section] = Section.FILTERS

    key_matches: Annotated[
        list[str] | None,
        typer.Option("--key-matches", metavar="REGEX", help="Only records whose key contains a match of REGEX."),
    ] = None
    value_matches: Annotated[
        list[str] | None,
        typer.Option(
            "--value-matches", "--grep", metavar="REGEX", help="Only records whose value contains a match of REGEX."
        ),
    ] = None
    header_matches: Annotated[
        list[str] | None,
        typer.Option(
            "--header-matches",
            "-H",
            metavar="NAME[=REGEX]",
            help="Only records that have this header, with a value that REGEX matches.",
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Only records whose json value meets it: '.user.id == 7', '.tags[0] =~ a'.",
        ),
    ] = None

    def make_filters(self, key: Format, value: Format) -> list[RecordFilter]:
        """Return a filter for each condition: a function that returns whether a message of the consumer meets it.

        `key` and `value` are the formats of keys and values. Conditions are regular expressions for keys and values,
        NAME or NAME=REGEX for headers, and such as .user.id == 7 for JSON. Filters of keys come first, then values,
        headers and JSON. A header without a value counts as an empty text. A key or value that is null, or not of its
        format, does not meet a condition. Nor does one whose schema the registry does not have, or cannot be used. A
        value that is not JSON meets no condition of JSON.

        Raise UsageError for a wrong condition. A filter raises KafkactlError for headers that cannot be read, and
        OperationError where no temporary file can be made or a registry refuses, and UnreachableError where it refuses
        the login or does not answer.
        """
        from kafkactl.streams import filters

        return [
            *(filters.make_text_filter(pattern, "key", key) for pattern in self.key_matches or ()),
            *(filters.make_text_filter(pattern, "value", value) for pattern in self.value_matches or ()),
            *(filters.make_header_filter(text) for text in self.header_matches or ()),
            *(filters.make_json_filter(text, value) for text in self.where or ()),
        ]


@flags
class StyleFlags:
    """The form in which records are printed."""

    section: ClassVar[Section] = Section.FORM

    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "--formatter-property",
            metavar="NAME=VALUE",
            help="Property of the formatter; repeatable: print.timestamp, print.partition, print.offset, print.epoch, "
            "print.headers, print.key, print.value, key.separator, line.separator, headers.separator, null.literal, "
            "key.deserializer, value.deserializer, headers.deserializer.",
        ),
    ] = None
    formatter_config: Annotated[
        Path | None,
        typer.Option(
            "--formatter-config", metavar="FILE", help="Java .properties file with properties of the formatter."
        ),
    ] = None
    formatter: Annotated[
        str | None,
        typer.Option("--formatter", metavar="CLASS", help="Formatter class of Kafka, also one for an internal topic."),
    ] = None
    template: Annotated[
        str | None,
        typer.Option("--format", metavar="TEMPLATE", help="Template as of kcat -f: '%t-%p %o %T %k=%s %h\\n'."),
    ] = None
    null_marker: Annotated[
        str | None, typer.Option("--null-marker", metavar="TEXT", help="Text for null with -o csv. Default: nothing.")
    ] = None
    key_deserializer: Annotated[
        str | None,
        typer.Option(
            "--key-deserializer",
            metavar="CLASS",
            help="Deserializer class of Kafka for keys, such as LongDeserializer.",
        ),
    ] = None
    value_deserializer: Annotated[
        str | None,
        typer.Option("--value-deserializer", metavar="CLASS", help="Deserializer class of Kafka for values."),
    ] = None

    def choose_formats(self, key: Format, value: Format) -> tuple[Format, Format]:
        """Return the formats of keys and values: those of Kafka's deserializer classes, or else the arguments.

        Raise UsageError for an unknown or empty class.
        """
        from kafkactl.output.records.decoders import find_class_format

        return (
            key if self.key_deserializer is None else find_class_format(self.key_deserializer),
            value if self.value_deserializer is None else find_class_format(self.value_deserializer),
        )

    def make_writer(self, format: OutputFormat | None, key: Format, value: Format) -> RecordWriter:
        """Return the writer of records; without a `format`, a template and a formatter it writes Kafka's lines.

        `key` and `value` are the formats of keys and values, unless the properties name deserializers. Raise UsageError
        for options that are mutually exclusive, for an unknown property, class or mark of a template, for a wrong value
        of a property, for properties of another form than lines, for a text that is not NAME=VALUE, for a file of
        properties that cannot be read, and for a null marker without csv or that csv cannot have. Raise
        UnicodeEncodeError for a separator or null.literal that is not Unicode, and for a template or null marker with a
        lone surrogate that stands for no byte.
        """
        from kafkactl.output.records.writers import Style, make_record_writer
        from kafkactl.output.report import OutputFormat
        from kafkactl.streams.properties import read_properties

        properties = read_properties(self.formatter_config, self.property_)
        if self.null_marker is not None and format is not OutputFormat.CSV:
            raise UsageError(
                "--null-marker needs -o csv", "set the text for null in lines: --property null.literal=TEXT"
            )
        null = self.null_marker or ""
        return make_record_writer(Style(format, self.template, self.formatter, properties, null), key, value)


@flags
class MemberFlags:
    """The consumer group and the consumer's place in it, and the isolation level."""

    section: ClassVar[Section] = Section.GROUP

    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            "-g",
            metavar="GROUP",
            help="Join this group, and commit the records that were printed.",
            autocompletion=complete_groups,
        ),
    ] = None
    group_instance_id: Annotated[
        str | None, typer.Option("--group-instance-id", metavar="ID", help="Name of a static member of the group.")
    ] = None
    group_protocol: Annotated[
        str | None,
        typer.Option(
            "--group-protocol",
            metavar="PROTOCOL",
            help="Protocol of the group: classic (default) or consumer (KIP-848).",
        ),
    ] = None
    assignor: Annotated[
        str | None,
        typer.Option(
            "--assignor",
            metavar="NAME",
            help="Assignor: range, roundrobin or cooperative-sticky; with consumer: uniform or range.",
        ),
    ] = None
    client_rack: Annotated[
        str | None,
        typer.Option("--client-rack", metavar="RACK", help="Rack of this consumer; replicas in it are preferred."),
    ] = None
    isolation_level: Annotated[
        str | None,
        typer.Option(
            "--isolation-level",
            metavar="LEVEL",
            help="read_uncommitted (default); read_committed leaves aborted transactions out.",
        ),
    ] = None

    def settings(self) -> Mapping[str, Flag]:
        """Return the client settings of these options by librdkafka's names, without those that are not given.

        An empty text counts as given. Each value is a Flag with its option. --assignor is group.remote.assignor with
        --group-protocol consumer, else partition.assignment.strategy. Raise UsageError for an unknown isolation level
        or protocol.
        """
        from kafkactl.connection.settings import Flag

        require_choice(self.isolation_level, "--isolation-level", _ISOLATION_LEVELS)
        require_choice(self.group_protocol, "--group-protocol", _PROTOCOLS)
        is_new = self.group_protocol == "consumer"
        values = {
            "group.id": ("--group", self.group),
            "isolation.level": ("--isolation-level", self.isolation_level),
            "group.instance.id": ("--group-instance-id", self.group_instance_id),
            "group.protocol": ("--group-protocol", self.group_protocol),
            "group.remote.assignor" if is_new else "partition.assignment.strategy": ("--assignor", self.assignor),
            "client.rack": ("--client-rack", self.client_rack),
        }
        return {name: Flag(option, value) for name, (option, value) in values.items() if value is not None}

    def require_group(self, group: str | None) -> None:
        """Raise UsageError for options of a member without a group, and for a name that librdkafka would change.

        `group` is the group of the settings, None without one; an empty one passes. The options are
        --group-instance-id, --group-protocol and --assignor; one with an empty value does not count. A name that begins
        with a blank would be changed.
        """
        if group is not None and group[:1].isspace():
            raise UsageError(
                f"invalid group name {group!r}: librdkafka removes blanks before a name",
                "use a name without blanks before it",
            )
        member_flags = {
            "--group-instance-id": self.group_instance_id,
            "--group-protocol": self.group_protocol,
            "--assignor": self.assignor,
        }
        if group is None and (flag := next((flag for flag, value in member_flags.items() if value), None)):
            raise UsageError(f"{flag} needs a group", "name the group with --group")


def _parse_assignment(text: str) -> tuple[tuple[str, int], int | None]:
    """Return the partition, as (topic, number), and the first offset of a text TOPIC:PARTITION[:OFFSET].

    PARTITION is a number from 0 to 2^31 - 1. The offset is None without one; for earliest and latest, in any case, it
    is librdkafka's constant; a number is from 0 to 2^63 - 1. Raise UsageError for another text, also for an empty
    topic. The name of the topic is not checked otherwise.
    """
    topic, *numbers = text.split(":")
    try:
        if not topic or len(numbers) not in (1, 2):
            raise ValueError
        partition = read_whole_number(numbers[0], _HIGHEST_PARTITION)
    except ValueError:
        raise UsageError(
            f"invalid value {text[:80]!r} for --assign: not TOPIC:PARTITION[:OFFSET]",
            "write it like orders:0 or orders:2:1500",
        ) from None
    return (topic, partition), _parse_offset(numbers[1], "--assign") if len(numbers) == 2 else None


def _parse_offset(text: str, flag: str) -> int:
    """Return an offset, or librdkafka's constant for earliest and latest (in any case).

    A number has digits of ASCII only and is at most 2^63 - 1. Raise UsageError, which names `flag`, for any other text.
    """
    from confluent_kafka import OFFSET_BEGINNING, OFFSET_END

    constants = {"earliest": OFFSET_BEGINNING, "latest": OFFSET_END}
    if text.lower() in constants:
        return constants[text.lower()]
    try:
        return read_whole_number(text, _HIGHEST_OFFSET)
    except ValueError:
        raise UsageError(f"invalid value {text[:80]!r} for {flag}", "use a number, earliest or latest") from None
