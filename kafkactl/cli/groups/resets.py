"""The command `kafkactl groups reset-offsets`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from kafkactl.cli.frame.command import command, flags
from kafkactl.cli.frame.confirm import ConfirmOptions, agree
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions, TimeOptions
from kafkactl.cli.frame.subjects import GroupsOptions
from kafkactl.cli.groups.offset_changes import (
    Execute,
    Topic,
    make_changes,
    print_failures,
    print_plan_notes,
    show_changes,
)
from kafkactl.errors import NotFoundError, UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.statuses import FAILED
from kafkactl.stdout import out
from kafkactl.times import MAX_MS, format_time, parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafkactl.admin.groups.offsets import Reset, ResetPlan
    from kafkactl.admin.groups.resets import ResetRequest
    from kafkactl.connection.cluster import Cluster


_LIST_HINT = "list the groups that you can see: kafkactl groups list"


@dataclass(frozen=True)
class OffsetFile:
    """A file of offsets with its whole text."""

    path: Path
    text: str


@flags
class PartitionsOptions:
    """The partitions whose committed offsets are reset: exactly one of the options."""

    section: ClassVar[Section] = Section.SUBJECT

    topic: Topic = None
    all_topics: Annotated[bool, typer.Option("--all-topics", help="All topics in which the group has committed.")] = (
        False
    )
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="Csv file of offsets, as --export writes it.")
    ] = None

    def require_one(self) -> None:
        """Raise UsageError unless exactly one of the options is given.

        In Kafka's style nothing is refused where a file is given.
        """
        count = (self.topic is not None) + self.all_topics + (self.from_file is not None)
        if self.from_file is not None and people.is_kafka_style():
            return
        if count != 1:
            raise UsageError(
                "--topic, --all-topics and --from-file are mutually exclusive"
                if count
                else "missing option: --topic, --all-topics or --from-file",
                "use one of --topic TOPIC, --topic TOPIC:0,1, --all-topics and --from-file FILE",
            )

    def read_source(self, reset: Reset) -> ResetRequest | OffsetFile:
        """Return the reset of the chosen partitions, or the file of offsets with its text, which replaces `reset`.

        Call require_one before: without an option all topics are chosen. The file `-` is standard input. No broker is
        asked. Raise UsageError for a file that cannot be read, and for a text in --topic that is not TOPIC or
        TOPIC:0,1.
        """
        from kafkactl.admin.groups.resets import ResetRequest
        from kafkactl.documents import read_text

        if self.from_file is not None:
            return OffsetFile(self.from_file, read_text(self.from_file))
        return ResetRequest(reset=reset, topics=None if self.all_topics else self.topic)


@flags
class ResetOptions:
    """The new offsets: exactly one of the options, or a file of offsets."""

    section: ClassVar[Section] = Section.RANGE

    to_earliest: Annotated[bool, typer.Option("--to-earliest", help="Go to the first offset of each log.")] = False
    to_latest: Annotated[bool, typer.Option("--to-latest", help="Go to the end of each log.")] = False
    to_current: Annotated[
        bool, typer.Option("--to-current", help="Stay at the committed offset, or go to the end where there is none.")
    ] = False
    to_offset: Annotated[int | None, typer.Option("--to-offset", metavar="N", help="Go to this offset.")] = None
    to_datetime: Annotated[
        str | None,
        typer.Option(
            "--to-datetime", metavar="TIME", help="Go to the first record from this time on: ISO 8601, or ms."
        ),
    ] = None
    by_duration: Annotated[
        str | None,
        typer.Option("--by-duration", metavar="PT1H", help="Go back by this duration from now: PT1H, 90s, 5m, 2h."),
    ] = None
    shift_by: Annotated[
        int | None, typer.Option("--shift-by", metavar="N", help="Go N offsets on, or back if N is negative.")
    ] = None

    def choose(self, clock: TimeOptions, has_file: bool) -> Reset:
        """Return the target of the reset and its value, GIVEN for a file of offsets (`has_file`).

        The value is an offset, a time in ms since 1970, the number to shift by, or 0. The result of GIVEN does not have
        the offsets of the file yet. `clock` has the zone for --to-datetime. Raise UsageError for no target, for several
        targets, and for a wrong time, zone or duration. The sign of an offset is not checked.
        """
        from kafkactl.admin.groups.offsets import Reset, ResetTo

        resets = [
            Reset(to, value)
            for to, value in (
                (ResetTo.EARLIEST, 0 if self.to_earliest else None),
                (ResetTo.LATEST, 0 if self.to_latest else None),
                (ResetTo.CURRENT, 0 if self.to_current else None),
                (ResetTo.OFFSET, self.to_offset),
                (ResetTo.TIME, self._parse_time(clock)),
                (ResetTo.SHIFT, self.shift_by),
                (ResetTo.GIVEN, 0 if has_file else None),
            )
            if value is not None
        ]
        if len(resets) != 1:
            hint = (
                "use one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, "
                "--shift-by and --from-file"
            )
            raise UsageError(
                "options for the new offsets are mutually exclusive"
                if resets
                else "missing option for the new offsets",
                hint,
            )
        return resets[0]

    def _parse_time(self, clock: TimeOptions) -> int | None:
        """Return the time to reset to in ms since 1970, or None where no option gives a time.

        --by-duration is that long before now, but never before 1970; a negative one is after now, up to 2^63 - 1 ms,
        and a bare number is in s. Raise UsageError for both options, for a wrong duration, and, with --to-datetime, for
        a wrong time or zone.
        """
        if self.to_datetime is not None and self.by_duration is not None:
            raise make_exclusive_error("--to-datetime", "--by-duration")
        if self.to_datetime is not None:
            return clock.parse(self.to_datetime, "--to-datetime")
        if self.by_duration is None:
            return None
        time_ms = time.time_ns() // 1_000_000 - parse_duration(self.by_duration, "--by-duration", signed=True)
        return min(max(0, time_ms), MAX_MS)


@command
def reset_offsets(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    which: GroupsOptions,
    clock: TimeOptions,
    where: PartitionsOptions,
    new_offsets: ResetOptions,
    export: Annotated[
        bool,
        typer.Option("--export", help="Print the new offsets as csv for --from-file.", rich_help_panel=Section.FORM),
    ] = False,
    execute: Execute = False,
) -> int:
    """Set the committed offsets of groups that have no members.

    The new offsets are shown first; --execute commits them.

    Examples:
      kafkactl groups reset-offsets billing --topic orders --to-earliest
      kafkactl groups reset-offsets billing --all-topics --by-duration 2h
      kafkactl groups reset-offsets billing --topic orders:0 --shift-by -5 --execute
    """
    from kafkactl.admin.groups.offsets import ResetTo
    from kafkactl.admin.groups.resets import find_reset_targets
    from kafkactl.output.kafka import group_text

    if execute and confirm.dry_run:
        raise make_exclusive_error("--execute", "--dry-run")
    selection = which.require_selection()
    if export and output.is_structured:
        raise make_exclusive_error("--export", "a format for programs: --export prints csv")
    reset = new_offsets.choose(clock, where.from_file is not None)
    where.require_one()
    source = None if people.is_kafka_style() else where.read_source(reset)  # before anybody is asked
    connected = cluster.connect()
    targets = find_reset_targets(connected, selection)
    if source is None:
        from kafkactl.cli.groups import as_kafka

        request = as_kafka.ResetLine(
            groups=tuple(which.group_flag or ()),
            topics=None if where.topic is None else tuple(where.topic),
            from_file=where.from_file,
            reset=reset,
            export=export,
            execute=execute,
        )
        return as_kafka.reset_offsets(connected, targets, request)
    for error in targets.refusals:
        people.error(error)
    # With --all-topics a group that does not exist has no topics, and is not created.
    missing_groups = targets.new if where.all_topics else ()
    for name in missing_groups:
        people.error(NotFoundError(f"group not found: {name!r}", _LIST_HINT))
    groups = [name for name in targets.changeable if name not in missing_groups]
    if missing_groups and not groups:
        return FAILED
    with_group = len(groups) + len(targets.refusals) != 1
    plans = _make_plans(connected, groups, source, with_group)
    if not missing_groups and not _may_create(targets.new, confirm.yes, execute):
        return FAILED
    print_plan_notes(plans, output.is_kafka)
    if reset.to is ResetTo.TIME and not (execute or export or output.is_kafka):
        people.note(f"time of the new offsets: {format_time(reset.value, clock.tzinfo)}")
    changes = make_changes(connected, plans, execute)
    if export or output.is_kafka:
        offsets = {name: plan.offsets for name, plan in plans.items()}
        out.write_text(
            group_text.format_export(offsets, with_group=with_group) if export else group_text.format_reset(offsets)
        )
        status = print_failures(changes)
    else:
        status = show_changes(changes, output, execute)
    return FAILED if targets.refusals or missing_groups else status


def _make_plans(
    connected: Cluster, groups: Sequence[str], source: ResetRequest | OffsetFile, with_group: bool
) -> dict[str, ResetPlan]:
    """Return the plan of each of the groups, by name; empty without groups.

    `with_group` says that each line of a file must name its group. Nothing is changed. Raise UsageError for a file that
    has another form or lacks a group, and for a wrong client setting; NotFoundError for a topic or partition that does
    not exist, with --all-topics where none of the groups has a commit (one without commits beside others has an empty
    plan), and for a shift without a committed offset to start from; OperationError where an offset, the topics, the
    groups or a coordinator cannot be read; and UnreachableError.
    """
    from kafkactl.admin.groups.offset_files import parse_csv
    from kafkactl.admin.groups.resets import plan_offsets, plan_resets

    if not groups:
        return {}
    if not isinstance(source, OffsetFile):
        return plan_resets(connected, groups, source)
    file_offsets = parse_csv(source.path, source.text, groups, with_group=with_group)
    return plan_offsets(connected, {name: file_offsets[name] for name in groups})


def _may_create(names: Sequence[str], assume_yes: bool, execute: bool) -> bool:
    """Ask before a reset creates groups, and return the answer; True for no names and with `assume_yes`.

    Without `execute` a note replaces the question, and the result is True. After the answer no there is a note, and
    after Ctrl-C, when KeyboardInterrupt goes on. Raise NotFoundError, also without `execute`, where stdin or stderr is
    not a terminal, and OSError where stdin cannot be read.
    """
    if not names or assume_yes:
        return True
    text = f"group not found: {', '.join(map(repr, names))}: a reset of its offsets creates it"
    if not people.can_ask():
        raise NotFoundError(text, f"create it with --yes, or {_LIST_HINT}")
    if not execute:
        people.note(text)
        return True
    return agree(f"{text}; continue", "nothing done", assume_yes)
