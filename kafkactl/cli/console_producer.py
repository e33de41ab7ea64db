"""kafkactl console-producer (produce)"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from kafkactl.cli.new_app import new_app
from kafkactl.cli.options import ClusterOptions, FormatOptions, TopicOptions, command
from kafkactl.errors import EXIT_FAILED, EXIT_INTERRUPTED, OperationError, UsageError
from kafkactl.output import people

if TYPE_CHECKING:
    from kafkactl.streams.lines import LineReader, Record
    from kafkactl.streams.producing import Account

app = new_app("Send lines to a topic.")

_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_ACKS = ("all", "-1", "0", "1")


@app.command()
@command
def console_producer(
    cluster: ClusterOptions,
    topic: TopicOptions,
    formats: FormatOptions,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="Read lines from it instead of standard input.")
    ] = None,
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "--reader-property",
            metavar="NAME=VALUE",
            help="parse.key, key.separator, parse.headers, headers.delimiter, headers.separator, "
            "headers.key.separator, null.marker, ignore.error; repeatable.",
        ),
    ] = None,
    key_separator: Annotated[
        str | None,
        typer.Option(
            "--key-separator", metavar="TEXT", help="Lines are KEY TEXT VALUE: parse.key and key.separator in one."
        ),
    ] = None,
    partition: Annotated[int | None, typer.Option(metavar="N", min=0, help="Send all to this partition.")] = None,
    compression_codec: Annotated[str | None, typer.Option(metavar="CODEC", help=f"{', '.join(_CODECS)}.")] = None,
    request_required_acks: Annotated[
        str | None, typer.Option("--request-required-acks", "--acks", metavar="ACKS", help="all (default), 1 or 0.")
    ] = None,
    sync: Annotated[bool, typer.Option("--sync", help="Wait for each record before the next.")] = False,
    producer_property: Annotated[
        list[str] | None,
        typer.Option("--producer-property", metavar="NAME=VALUE", help="Kafka's spelling of -X; repeatable."),
    ] = None,
    producer_config: Annotated[
        Path | None,
        typer.Option(
            "--producer-config", "--producer.config", metavar="FILE", help="Kafka's spelling of --command-config."
        ),
    ] = None,
) -> int:
    """Send lines to a topic, each a record, acknowledged by all replicas in sync and written once (idempotence)."""
    name = topic.name
    if compression_codec is not None and compression_codec not in _CODECS:
        raise UsageError(f"{compression_codec!r} is no codec", f"one of {', '.join(_CODECS)}")
    if request_required_acks is not None and request_required_acks not in _ACKS:
        raise UsageError(f"--acks {request_required_acks}: all, 1 or 0")

    from kafkactl.connection.settings import parse_assignment
    from kafkactl.streams.lines import LineReader
    from kafkactl.streams.producing import Account, produce

    properties = dict(parse_assignment(text, "--property") for text in property_ or ())
    if key_separator is not None:
        properties.update({"parse.key": "true", "key.separator": key_separator})
    reader = LineReader(properties, formats.key, formats.value)
    config = {"compression.type": compression_codec, "acks": request_required_acks}
    connected = cluster.with_java_flags(producer_config, producer_property).connect()
    account = Account()
    interrupted = False
    with _opened(from_file) as source:
        try:
            records = _records(source, reader)
            settings = {key: value for key, value in config.items() if value is not None}
            produce(connected, name, records, settings, account, partition, sync, people.note)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            if account.given:
                _tell(account, name)
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if account.failed else 0


def _opened(file: Path | None) -> BinaryIO:
    if file is None:
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error


def _records(source: BinaryIO, reader: LineReader) -> Iterator[Record]:
    asks = source.isatty()
    number = 0
    while True:
        if asks:
            print(">", end="", file=sys.stderr, flush=True)
        line = b""
        try:
            line = source.readline()
        finally:
            if asks and not line:
                print(file=sys.stderr)  # the prompt's own line ends here
        if not line:
            return
        number += 1
        yield reader.read(line.removesuffix(b"\n").removesuffix(b"\r"), number)


def _tell(account: Account, topic: str) -> None:
    for failure in account.failures:
        people.error(OperationError(failure))
    told = [f"{account.delivered} record{'' if account.delivered == 1 else 's'} delivered to {topic}"]
    if account.failed:
        told.append(f"{account.failed} failed")
    if account.pending:
        told.append(f"{account.pending} not acknowledged")
    people.note(", ".join(told))
