"""The command `kafkactl console-producer`, also called produce."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, FormatOptions, TimeOptions
from kafkactl.cli.frame.stopping import NotedStopping
from kafkactl.cli.frame.subjects import TopicOptions
from kafkactl.cli.produce.flags import InputFlags, RecordFlags, SendFlags
from kafkactl.errors import KafkactlError, UsageError
from kafkactl.numerals import write_number
from kafkactl.output import people
from kafkactl.output.progress import Progress
from kafkactl.patterns import require_topic_name
from kafkactl.statuses import FAILED
from kafkactl.stdout import was_closed

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster
    from kafkactl.streams.account import Account
    from kafkactl.streams.inputs import Pace
    from kafkactl.streams.record import Batch

app = new_app("Send records to a topic.")

_SLOW_CHUNK_BYTES = 4 << 10
_TIMESTAMP_TYPE, _SET_BY_BROKER, _LARGEST_BYTES = "message.timestamp.type", "LogAppendTime", "max.message.bytes"


@app.command()
@command
def console_producer(
    cluster: ClusterOptions,
    topic: TopicOptions,
    clock: TimeOptions,
    formats: FormatOptions,
    input_flags: InputFlags,
    records: RecordFlags,
    send_flags: SendFlags,
    partition: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Partition for all records.", rich_help_panel=Section.SUBJECT)
    ] = None,
    sync: Annotated[
        bool,
        typer.Option(
            "--sync",
            help="Wait until each record is acknowledged before the next is sent.",
            rich_help_panel=Section.SENDING,
        ),
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="N", help="Largest number of records per second.", rich_help_panel=Section.SENDING
        ),
    ] = None,
    transactional_id: Annotated[
        str | None,
        typer.Option(
            "--transactional-id",
            metavar="ID",
            help="Send in a transaction with this id; a failure aborts it.",
            rich_help_panel=Section.SENDING,
        ),
    ] = None,
    transaction_size: Annotated[
        int | None,
        typer.Option(
            "--transaction-size",
            metavar="N",
            min=1,
            help="Commit the transaction after every N records, not only at the end.",
            rich_help_panel=Section.SENDING,
        ),
    ] = None,
    dead_letter: Annotated[
        Path | None,
        typer.Option(
            "--dead-letter",
            metavar="FILE",
            help="File for records that were not acknowledged, instead of stderr; --input json reads it.",
            rich_help_panel=Section.SENDING,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Read and check all records, and send nothing.", rich_help_panel=Section.SENDING
        ),
    ] = False,
    producer_property: Annotated[
        list[str] | None,
        typer.Option(
            "--producer-property",
            "--command-property",
            metavar="NAME=VALUE",
            help="Kafka's spelling of -X; repeatable.",
            rich_help_panel=Section.KAFKA,
        ),
    ] = None,
    producer_config: Annotated[
        Path | None,
        typer.Option(
            "--producer-config",
            "--producer.config",
            metavar="FILE",
            help="Kafka's spelling of --command-config.",
            rich_help_panel=Section.KAFKA,
        ),
    ] = None,
) -> int:
    r"""Send records to a topic, one for each line of the input.

    Every record is acknowledged by all replicas in sync, and is written once (idempotence).

    Examples:
      echo hello | kafkactl produce orders
      printf 'ann:1\nbob:2\n' | kafkactl produce orders --key-separator :
      kafkactl produce orders --input json --from-file orders.jsonl
    """
    name = require_topic_name(topic.name)
    from kafkactl.connection.settings import Flag

    flags = dict(send_flags.settings())
    if transactional_id is not None:
        flags["transactional.id"] = Flag("--transactional-id", transactional_id)
    connected = cluster.with_java_flags(producer_config, producer_property, send_flags.max_block_ms).connect(flags)
    key, value = formats.choose_formats(name, connected.settings.registry, registers=not dry_run)
    if not dry_run:
        before_change(connected, [Change(action=f"write records to topic {name}", inverse=cannot_be_undone)])
    source, plain = input_flags.make_source(key, value)
    defaults = records.make_defaults(key, clock)
    if rate is not None and not (rate > 0 and math.isfinite(rate)):
        raise UsageError(f"invalid value {write_number(rate)!r} for --rate: not a number above 0")
    transactional_id = connected.settings.properties.get("transactional.id")
    if transactional_id is not None and transactional_id[:1].isspace():
        reason = f"invalid transactional id {transactional_id!r}: librdkafka removes blanks before it"
        raise UsageError(reason, "use an id without blanks before it")
    if transaction_size is not None and transactional_id is None:
        raise UsageError(
            "--transaction-size needs a transaction", "give the id of the transaction with --transactional-id ID"
        )

    from kafkactl.cli.produce.prompt import TypedLines
    from kafkactl.output.records.undelivered import UndeliveredSink
    from kafkactl.streams.account import Account
    from kafkactl.streams.inputs import Pace, RecordDefaults, read_whole_lines
    from kafkactl.streams.librdkafka import record_sending
    from kafkactl.streams.librdkafka.line_sending import LineSending
    from kafkactl.streams.producing import Sending
    from kafkactl.streams.stoppable import CHUNK, AnyLineEndInput, StoppableInput
    from kafkactl.streams.transactions import open_transactions

    stopping = NotedStopping()
    if dry_run:
        with _open_input(input_flags.from_file) as stream, stopping:
            batches = defaults.fill(input_flags.read(source, StoppableInput(stream.fileno(), stopping), stopping))
            return stopping.status(_check_all(batches, connected, name, partition))
    with ExitStack() as stack:
        stream = stack.enter_context(_open_input(input_flags.from_file))
        if (
            dead_letter is not None
            and os.path.exists(dead_letter)
            and os.path.samestat(dead_letter.stat(), os.fstat(stream.fileno()))
        ):
            raise UsageError(
                f"invalid value {str(dead_letter)!r} for --dead-letter: it is the input file", "name another file"
            )
        account = Account(stack.enter_context(UndeliveredSink(name, dead_letter)).tell)
        is_typed = stream.isatty()
        if is_typed and input_flags.repeat != 1:
            raise UsageError("--repeat needs a file or a pipe, and the input is a terminal", "use --from-file FILE")
        is_slow = bool(is_typed or sync or rate)
        if is_slow or transactional_id is not None or defaults != RecordDefaults() or not record_sending.IS_THERE:
            plain = None
        # Slow output needs small pieces of input, so that few records are unsent when a signal comes.
        make_input = AnyLineEndInput if people.is_kafka_style() else StoppableInput
        read = make_input(stream.fileno(), stopping, _SLOW_CHUNK_BYTES if is_slow else CHUNK)
        is_stdin = input_flags.from_file is None
        prompt = stack.enter_context(TypedLines(read, stopping, is_stdin)) if is_typed else None

        def send_all() -> None:
            """Send all records of the input, and wait until each is acknowledged or has failed.

            After a signal the wait is limited. `account` counts the records and gets the failed ones. Raise FormatError
            for input that is no record, OSError where the input cannot be read, NotFoundError for a missing topic or
            partition, UsageError for a wrong client setting, UnreachableError or OperationError where nothing more can
            be sent, and with a transactional id also where a record has failed, which aborts its transaction. A schema
            registry also raises UsageError, OperationError and UnreachableError.
            """
            if plain is not None:
                lines = LineSending(connected, name, account, people.note, stopping, partition)
                with lines, Progress() as progress:
                    lines.send(input_flags.read(read_whole_lines, read, stopping), plain, progress.show)
                return
            sending = Sending(connected, name, account, people.note, stopping, partition)
            with sending:
                batches = defaults.fill(source(prompt) if prompt else input_flags.read(source, read, stopping))
                if input_flags.has_times or defaults.timestamp_ms is not None:
                    batches = _warn_of_lost_times(batches, connected, name, stopping)
                pace = None if rate is None else Pace(rate, stopping.sleep)
                if transactional_id is None:
                    _send_all(batches, sending.send, account, sending.flush if sync or is_typed else None, pace)
                else:
                    with open_transactions(sending, connected, account, transaction_size, stopping) as opened:
                        _send_all(batches, opened.send, account, None, pace)

        try:
            with stopping:
                try:
                    send_all()
                finally:
                    if cut := (prompt or read).cut:
                        account.fail_cut_piece(cut)
        except KafkactlError as error:
            if not stopping.is_requested:
                raise
            people.error(error)
        finally:
            if account.accepted:
                people.note(_make_summary(account, name))
    return stopping.status(FAILED if account.failed else 0)


def _check_all(batches: Iterator[Batch], cluster: Cluster, topic: str, partition: int | None) -> int:
    """Check all records without sending them, and return an exit status: 1 if a record was refused, else 0.

    `partition` is None where each record or the partitioner chooses. Refused records are printed on stderr. A note has
    the number of the others, also where an error of the input is raised. The topic's largest size of a batch is not
    checked with compression, or where it cannot be read. Raise the errors of the input, such as FormatError and
    OSError, UnreachableError or OperationError where the topic cannot be read, NotFoundError for a missing topic or
    `partition`, and UsageError for a wrong client setting.
    """
    from kafkactl.output.records.undelivered import UndeliveredSink
    from kafkactl.streams.account import Account
    from kafkactl.streams.dry_run import DryRun

    account = Account(UndeliveredSink(topic, None).tell)
    is_compressed = cluster.settings.properties.get("compression.type", "none") != "none"
    limit = None if is_compressed else _read_setting(cluster, topic, _LARGEST_BYTES)
    checking = DryRun(cluster, topic, account, partition, None if limit is None else int(limit))
    try:
        _send_all(batches, checking.send, account, wait=None)
    finally:
        number = account.accepted - account.failed
        people.note(f"{number} record{'' if number == 1 else 's'} could be sent to {topic}; nothing was sent")
    return FAILED if account.failed else 0


def _warn_of_lost_times(
    batches: Iterator[Batch], cluster: Cluster, topic: str, stopping: NotedStopping
) -> Iterator[Batch]:
    """Yield the batches unchanged. Warn before the first timestamp if the topic does not keep timestamps.

    The setting of the topic is read only then, once; after a signal it is not read. Where it cannot be read there is no
    warning. The errors of `batches` pass through.
    """
    is_checked = False
    for batch in batches:
        if not (is_checked or stopping.is_requested) and any("timestamp" in record for record in batch):
            is_checked = True
            if _read_setting(cluster, topic, _TIMESTAMP_TYPE) == _SET_BY_BROKER:
                people.warning(
                    f"topic {topic} has {_TIMESTAMP_TYPE}={_SET_BY_BROKER}: it does not keep the timestamps of records"
                )
        yield batch


def _read_setting(cluster: Cluster, topic: str, name: str) -> str | None:
    """Return the value of a topic's setting, also where it is a default, or None.

    It is None where the topic has no such setting and where it cannot be read, because records can be sent without it.
    """
    from kafkactl.admin.configs import describe_configs
    from kafkactl.admin.entities import Entity, EntityType

    entity = Entity(EntityType.TOPICS, topic)
    try:
        return next(
            (config.value for config in describe_configs(cluster, [entity])[entity] if config.name == name), None
        )
    except KafkactlError:
        return None


def _open_input(file: Path | None) -> BinaryIO:
    """Return a file, or standard input for None, open for reading bytes. The caller closes it.

    `-` is a file of that name. Raise UsageError where it cannot be opened, or standard input is closed, and ValueError
    for a NUL character in the name.
    """
    if file is None:
        if was_closed(0):
            raise UsageError("cannot read standard input: it is closed", "read a file with --from-file FILE")
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error


def _send_all(
    batches: Iterator[Batch],
    send: Callable[[Batch], None],
    account: Account,
    wait: Callable[[], None] | None,
    pace: Pace | None = None,
) -> None:
    """Send all batches, at a pace if there is one. With `wait` send each record by itself, and call `wait` after it.

    `pace` limits the records per second. `send` need not wait for deliveries, and neither does this without `wait`. If
    a KafkactlError of `send` or `wait` ends the sending, it is raised, and the records of the batch behind the part
    that failed are reported to `account` as not delivered; those of the part itself are left to `send`, and later
    batches are not read. Other errors pass without a report. The errors of `batches` are raised. Progress is shown on
    stderr.
    """
    with Progress() as progress:
        for batch in batches:
            size = 1 if wait is not None else len(batch) if pace is None else pace.size
            for at in range(0, len(batch), max(1, size)):
                part = batch[at : at + size]
                try:
                    if pace is not None:
                        pace.wait(len(part))
                    send(part)
                    if wait is not None:
                        wait()
                except KafkactlError as error:
                    account.refuse(batch[at + size :], f"not sent: {error}")
                    raise
            progress.show(account.accepted)


def _make_summary(account: Account, topic: str) -> str:
    """Return the last note: the numbers of delivered records, committed transactions, aborted and undelivered records.

    Numbers of 0 are left out, but not that of delivered records.
    """
    parts = [f"{account.delivered} record{'' if account.delivered == 1 else 's'} delivered to {topic}"]
    if account.committed_transactions:
        number = account.committed_transactions
        parts.append(f"{number} transaction{'' if number == 1 else 's'} committed")
    if account.aborted:
        parts.append(f"{account.aborted} aborted")
    if account.failed:
        parts.append(f"{account.failed} not delivered")
    return ", ".join(parts)
