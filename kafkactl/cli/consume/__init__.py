"""The command `kafkactl console-consumer`, also called consume."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kafkactl.cli.consume.flags import FilterFlags, MemberFlags, RangeFlags, StyleFlags
from kafkactl.cli.consume.printing import Printing, print_lines
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, FormatOptions, RecordOutputOptions, TimeOptions
from kafkactl.cli.frame.subjects import TopicOptions
from kafkactl.errors import make_exclusive_error
from kafkactl.output import people
from kafkactl.stdout import out

app = new_app("Print the records of a topic.")


@app.command()
@command
def console_consumer(
    cluster: ClusterOptions,
    output: RecordOutputOptions,
    topic: TopicOptions,
    span: RangeFlags,
    clock: TimeOptions,
    which: FilterFlags,
    formats: FormatOptions,
    style: StyleFlags,
    member: MemberFlags,
    max_messages: Annotated[
        int | None,
        typer.Option(
            "--max-messages", "-n", metavar="N", min=0, help="Stop after N records.", rich_help_panel=Section.RANGE
        ),
    ] = None,
    dedupe_latest: Annotated[
        bool,
        typer.Option(
            "--dedupe-latest",
            help="Show the last record of each key, as after compaction, and stop at the end.",
            rich_help_panel=Section.FILTERS,
        ),
    ] = False,
    skip_message_on_error: Annotated[
        bool,
        typer.Option(
            "--skip-message-on-error",
            help="Continue after a record that does not have the format.",
            rich_help_panel=Section.FORMATS,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Report assigned and revoked partitions on stderr.", rich_help_panel=Section.GROUP
        ),
    ] = False,
    enable_systest_events: Annotated[
        bool,
        typer.Option(
            "--enable-systest-events",
            help="Print shutdown_complete at the end, as Kafka's tool does.",
            rich_help_panel=Section.KAFKA,
        ),
    ] = False,
    consumer_property: Annotated[
        list[str] | None,
        typer.Option(
            "--consumer-property",
            "--command-property",
            metavar="NAME=VALUE",
            help="Kafka's spelling of -X; repeatable.",
            rich_help_panel=Section.KAFKA,
        ),
    ] = None,
    consumer_config: Annotated[
        Path | None,
        typer.Option(
            "--consumer-config",
            "--consumer.config",
            metavar="FILE",
            help="Kafka's spelling of --command-config.",
            rich_help_panel=Section.KAFKA,
        ),
    ] = None,
) -> int:
    """Print the records of a topic, new ones as they come.

    Options of the range choose where to start and stop.

    Examples:
      kafkactl consume orders --from-beginning --max-messages 10
      kafkactl consume orders --tail 5 -o json
      kafkactl consume orders --group billing --from-beginning --exit
    """
    flags = {**member.settings(), **span.settings()}
    connected = cluster.with_java_flags(consumer_config, consumer_property).connect(flags)
    selection = span.make_selection(topic.topic, topic.topic_flag, connected.settings, dedupe_latest, clock)
    member.require_group(selection.group)
    if dedupe_latest and (span.follow or selection.group):
        raise make_exclusive_error("--dedupe-latest", "--follow" if span.follow else "a group")
    if selection.joins:
        before_change(
            connected, [Change(action=f"commit offsets of group {selection.group}", inverse=cannot_be_undone)]
        )
    key, value = style.choose_formats(*formats.choose_formats(registry=connected.settings.registry))
    writer = style.make_writer(output.format, key, value)
    filters = which.make_filters(key, value)

    from kafkactl.streams.consuming import Reading
    from kafkactl.streams.headers import make_header_reader
    from kafkactl.streams.latest import Latest
    from kafkactl.streams.librdkafka import line_reading
    from kafkactl.streams.record import read_headers_again
    from kafkactl.streams.schema_ids import make_id_placer

    read_headers_again.set(make_header_reader(connected))
    is_unfiltered = line_reading.IS_THERE and selection.takes_all and not (filters or dedupe_latest)
    try:
        if writer.plain is not None and is_unfiltered:
            return print_lines(
                line_reading.LineReading(connected, selection, writer.plain, people.warning), max_messages
            )
        report_rebalance = people.note if verbose else None
        reading = Reading(connected, selection, people.warning, report_rebalance, make_id_placer(key, value))
        printing = Printing(writer, filters, max_messages, skip_message_on_error)
        return printing.run(reading, Latest() if dedupe_latest else None)
    finally:
        if enable_systest_events and out.error is None:
            out.write(b"shutdown_complete\n")
            out.flush()
