"""kafkactl console-consumer (consume)"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafkactl.cli.completion import group_names
from kafkactl.cli.new_app import new_app
from kafkactl.cli.options import ClusterOptions, FormatOptions, OutputOptions, TopicOptions, command
from kafkactl.errors import EXIT_FAILED, EXIT_INTERRUPTED, FormatError, UsageError
from kafkactl.output import people

if TYPE_CHECKING:
    from kafkactl.output.records import RecordWriter
    from kafkactl.streams.consuming import Reading

app = new_app("Print a topic's records.")

_ISOLATION_LEVELS = ("read_uncommitted", "read_committed")


@app.command()
@command
def console_consumer(
    cluster: ClusterOptions,
    output: OutputOptions,
    topic: TopicOptions,
    formats: FormatOptions,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            "-g",
            metavar="GROUP",
            help="Join this group and commit what was printed.",
            autocompletion=group_names,
        ),
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start at the oldest record where the group has no offset yet.")
    ] = False,
    partition: Annotated[
        list[int] | None, typer.Option(metavar="N", min=0, help="Only this partition; repeatable.")
    ] = None,
    offset: Annotated[
        str | None, typer.Option(metavar="N|earliest|latest", help="Where to start in the --partition.")
    ] = None,
    max_messages: Annotated[
        int | None, typer.Option("--max-messages", "-n", metavar="N", min=0, help="Stop after so many.")
    ] = None,
    timeout_ms: Annotated[
        int | None, typer.Option(metavar="MS", min=0, help="Stop when nothing came for so long.")
    ] = None,
    exit_: Annotated[bool, typer.Option("--exit", "-e", help="Stop at the end of every partition.")] = False,
    isolation_level: Annotated[
        str,
        typer.Option(metavar="LEVEL", help="read_uncommitted, or read_committed to leave aborted transactions out."),
    ] = "read_uncommitted",
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "--formatter-property",
            metavar="NAME=VALUE",
            help="print.timestamp, print.partition, print.offset, print.headers, print.key, print.value, "
            "key.separator, line.separator, headers.separator, null.literal; repeatable.",
        ),
    ] = None,
    skip_message_on_error: Annotated[
        bool, typer.Option("--skip-message-on-error", help="Go on after a record that is not of the format.")
    ] = False,
    consumer_property: Annotated[
        list[str] | None,
        typer.Option("--consumer-property", metavar="NAME=VALUE", help="Kafka's spelling of -X; repeatable."),
    ] = None,
    consumer_config: Annotated[
        Path | None,
        typer.Option(
            "--consumer-config", "--consumer.config", metavar="FILE", help="Kafka's spelling of --command-config."
        ),
    ] = None,
) -> int:
    """Print a topic's records, new ones as they come unless told where to start and stop."""
    name = topic.name
    if isolation_level not in _ISOLATION_LEVELS:
        raise UsageError(f"{isolation_level!r} is no isolation level", " or ".join(_ISOLATION_LEVELS))
    if group and partition:
        raise UsageError(
            "--partition reads without a group: the group would choose partitions itself", "leave one of them out"
        )
    if offset is not None and not partition:
        raise UsageError(
            "--offset is one partition's own", "name it with --partition; --from-beginning starts at the oldest of all"
        )

    from kafkactl.connection.settings import parse_assignment
    from kafkactl.output.records import record_writer
    from kafkactl.streams.consuming import Reading, Selection

    properties = dict(parse_assignment(text, "--property") for text in property_ or ())
    writer = record_writer(output.format, properties, formats.key, formats.value)
    selection = Selection(
        name, partition, group, _offset(offset), from_beginning, max_messages, timeout_ms, until_end=exit_
    )
    connected = cluster.with_java_flags(consumer_config, consumer_property).connect()
    reading = Reading(connected, selection, {"isolation.level": isolation_level})
    signal.signal(signal.SIGTERM, _raise_terminated)  # before, there is nothing to commit or leave
    return _print(reading, writer, skip_message_on_error)


class Terminated(Exception):
    """SIGTERM."""


def _raise_terminated(signal_number: int, frame: Any) -> None:
    raise Terminated


def _print(reading: Reading, writer: RecordWriter, skip_errors: bool) -> int:
    """Prints until the selection is read or somebody stops us; then what was printed is committed."""
    stream = sys.stdout.buffer
    printed = skipped = 0
    status = 0
    batch: list[Any] = []
    handled = 0
    try:
        stream.write(writer.head)
        for batch in reading.batches():
            for message in batch:
                try:
                    stream.write(writer.write(message))
                    printed += 1
                except FormatError as error:
                    where = f"{message.topic()}-{message.partition()} offset {message.offset()}"
                    if not skip_errors:
                        raise FormatError(
                            f"{where}: {error}", "--skip-message-on-error goes on; another format may fit"
                        ) from error
                    people.error(FormatError(f"{where}: {error}"))
                    skipped += 1
                handled += 1
            stream.flush()
            reading.done(batch)
            handled = 0  # before the next batch takes this one's place: an interruption can come anywhere
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    except Terminated:
        status = 128 + signal.SIGTERM
    finally:
        reading.done(batch[:handled])
        try:
            stream.flush()
        finally:
            reading.close()
            people.note(f"Processed a total of {printed} messages" + (f", {skipped} skipped" if skipped else ""))
    return status or (EXIT_FAILED if skipped else 0)


def _offset(text: str | None) -> int | None:
    from confluent_kafka import OFFSET_BEGINNING, OFFSET_END

    if text is None:
        return None
    named = {"earliest": OFFSET_BEGINNING, "latest": OFFSET_END}
    if text in named:
        return named[text]
    if not text.isdigit():
        raise UsageError(f"--offset {text}: not an offset", "a number, earliest or latest")
    return int(text)
