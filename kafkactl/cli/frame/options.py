"""Flags that many commands share, as dataclasses: a command asks for one by annotating a parameter with it."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kafkactl.cli.completion.names import context_names
from kafkactl.errors import UsageError
from kafkactl.output.report import OutputFormat, RecordFormat, Report
from kafkactl.times import TimeRange, parse_duration, parse_time, parse_time_range, parse_zone

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.settings import Settings
    from kafkactl.serde.formats import Format

T = TypeVar("T")


@dataclass(frozen=True)
class ClusterOptions:
    """How the cluster is reached; the order among them is in connection/settings.py."""

    bootstrap_server: Annotated[
        str | None,
        typer.Option("--bootstrap-server", "-b", metavar="HOST:PORT,...", help="Brokers to connect to first."),
    ] = None
    context: Annotated[
        str | None,
        typer.Option(
            "--context", metavar="NAME", help="Named cluster instead of the current one.", autocompletion=context_names
        ),
    ] = None
    command_config: Annotated[
        Path | None,
        typer.Option("--command-config", metavar="FILE", help="Client settings as a Java .properties file."),
    ] = None
    properties: Annotated[
        list[str] | None,
        typer.Option("-X", metavar="NAME=VALUE", help="Client setting, Java's or librdkafka's; repeatable."),
    ] = None
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout", metavar="DURATION", help="Longest wait for the cluster, such as 5 (seconds), 500ms, 2m (10s)."
        ),
    ] = None

    def with_java_flags(
        self, config: Path | None, properties: list[str] | None, max_block_ms: int | None = None
    ) -> ClusterOptions:
        """These, and what Kafka's console tools take by flags of their own."""
        if config is not None and self.command_config is not None and config != self.command_config:
            raise UsageError("two files of client settings", "name one of them")
        return replace(
            self,
            command_config=config or self.command_config,
            properties=[*(self.properties or ()), *(properties or ())],
            timeout=self.timeout if self.timeout is not None or max_block_ms is None else f"{max_block_ms}ms",
        )

    def settings(self) -> Settings:
        """The settings these flags, the environment and the context file come to."""
        from kafkactl.connection.settings import resolve

        timeout_s = None if self.timeout is None else parse_duration(self.timeout, "--timeout", positive=True) / 1000
        found = resolve(self.bootstrap_server, self.context, self.command_config, self.properties or (), timeout_s)
        for warning in found.warnings:
            _warn(warning)
        return found

    def connect(self) -> Cluster:
        from kafkactl.connection.cluster import Cluster

        return Cluster(self.settings())


@functools.cache  # once, however often settings are asked for
def _warn(text: str) -> None:
    from kafkactl.output import people

    people.warning(text)


@dataclass(frozen=True)
class TimeOptions:
    """How points in time on the command line are read."""

    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="local|NAME", help="Time zone of times without a zone (default UTC)."),
    ] = None

    @property
    def tzinfo(self) -> tzinfo:
        """Return the zone; raises UsageError for a name that is not known."""
        return UTC if self.zone is None else parse_zone(self.zone)

    def parse(self, text: str, flag: str) -> int:
        """Return a point in time in milliseconds since 1970; raises UsageError."""
        return parse_time(text, flag, zone=self.tzinfo)

    def parse_range(self, text: str, flag: str) -> TimeRange:
        """Return a range A..B; raises UsageError."""
        return parse_time_range(text, flag, zone=self.tzinfo)


@dataclass(frozen=True)
class OutputOptions:
    """How the result is shown."""

    output: Annotated[
        OutputFormat | None, typer.Option("--output", "-o", help="Default: table on a terminal, plain when piped.")
    ] = None

    def show(self, report: Report) -> None:
        from kafkactl.output.render import show

        show(report, self.format)

    @property
    def is_structured(self) -> bool:
        """Whether a program reads it: then failures belong into the result, too."""
        return self.format in (OutputFormat.JSON, OutputFormat.YAML, OutputFormat.CSV)

    @property
    def format(self) -> OutputFormat | None:
        """The format asked for by flag or KAFKACTL_OUTPUT; None leaves it to where stdout goes, or to the command."""
        stated = os.environ.get("KAFKACTL_OUTPUT")
        if self.output is not None:
            return next((each for each in OutputFormat if each == self.output), None)
        if not stated:
            return None
        try:
            return OutputFormat(stated)
        except ValueError:
            raise UsageError(f"KAFKACTL_OUTPUT={stated}: no such format", f"one of {', '.join(OutputFormat)}") from None


class FileFormat(StrEnum):
    """What -o takes where rows may also become a file's."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    PLAIN = "plain"
    PARQUET = "parquet"


@dataclass(frozen=True)
class FileOutputOptions(OutputOptions):
    """How the result is shown, or written."""

    output: Annotated[
        FileFormat | None,
        typer.Option(
            "--output", "-o", help="Default: Kafka's own text. parquet: kafkactl[parquet], and not to a terminal."
        ),
    ] = None  # type: ignore[assignment]

    @property
    def is_parquet(self) -> bool:
        return self.output == FileFormat.PARQUET


class MirrorFormat(StrEnum):
    """What -o takes where a tool of Kafka's has words for the same."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    PLAIN = "plain"
    KAFKA = "kafka"


@dataclass(frozen=True)
class MirrorOutputOptions(OutputOptions):
    """How the result is shown, also line for line as Kafka's own tool prints it."""

    output: Annotated[
        MirrorFormat | None,
        typer.Option("--output", "-o", help="Default: table on a terminal, plain when piped. kafka: Kafka's own text."),
    ] = None  # type: ignore[assignment]

    @property
    def is_kafka(self) -> bool:
        return self.output == MirrorFormat.KAFKA


class GroupFormat(StrEnum):
    """What -o takes for groups: their lag as metrics, too."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    PLAIN = "plain"
    KAFKA = "kafka"
    PROMETHEUS = "prometheus"


@dataclass(frozen=True)
class GroupOutputOptions(MirrorOutputOptions):
    """How groups are shown."""

    output: Annotated[
        GroupFormat | None,
        typer.Option(
            "--output",
            "-o",
            help="Default: table on a terminal, plain when piped. kafka: Kafka's own text. prometheus: metrics.",
        ),
    ] = None  # type: ignore[assignment]

    @property
    def is_prometheus(self) -> bool:
        return self.output == GroupFormat.PROMETHEUS


@dataclass(frozen=True)
class RecordOutputOptions(OutputOptions):
    """How records are shown."""

    output: Annotated[
        RecordFormat | None,
        typer.Option("--output", "-o", help="Default: Kafka's own lines. json: an object a line. raw: values alone."),
    ] = None  # type: ignore[assignment]

    @property
    def record_format(self) -> RecordFormat | None:
        """As `format`, with what only records can be."""
        if self.output is not None:
            return RecordFormat(self.output)
        return None if self.format is None else RecordFormat(self.format)


@dataclass(frozen=True)
class FormatOptions:
    """What keys and values are, as text."""

    key_format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT", help="Keys as text: string, int, long, json, hex, ..., avro, protobuf, registry."
        ),
    ] = "string"
    value_format: Annotated[str, typer.Option(metavar="FORMAT", help="Values likewise.")] = "string"
    key_schema: Annotated[
        str | None, typer.Option(metavar="FILE", help="Of avro, json-schema, protobuf (there also FILE:MESSAGE).")
    ] = None
    value_schema: Annotated[str | None, typer.Option(metavar="FILE", help="Likewise, of values.")] = None
    schema_registry: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where schemas are kept; also KAFKACTL_SCHEMA_REGISTRY, or schema.registry.url by -X."
        ),
    ] = None
    subject_strategy: Annotated[
        str, typer.Option(metavar="NAME", help="What subjects are named after: topic, record or topic-record.")
    ] = "topic"

    def chosen(self, topic: str | None = None, registry: Mapping[str, str] | None = None) -> tuple[Format, Format]:
        """The formats of keys and values; `registry` is what the cluster's settings say of one. Raises UsageError."""
        from kafkactl.serde.chosen import Choice, chosen

        url = self.schema_registry or (registry or {}).get("url") or os.environ.get("KAFKACTL_SCHEMA_REGISTRY")
        settings = {**(registry or {}), **({"url": url} if url else {})}
        key = Choice(self.key_format, self.key_schema, settings, self.subject_strategy)
        value = Choice(self.value_format, self.value_schema, settings, self.subject_strategy)
        return chosen(key, "key", topic), chosen(value, "value", topic)
