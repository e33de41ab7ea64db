"""Options that many commands share, as dataclasses. A command gets one by annotating a parameter with it."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import typer

from kafkactl.cli.completion.names import complete_contexts
from kafkactl.cli.frame import running
from kafkactl.cli.frame.command import flags
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import REPORT_FORMATS, STRUCTURED_FORMATS, OutputFormat, Report
from kafkactl.patterns import refuse_empty
from kafkactl.times import TimeRange, parse_duration, parse_time, parse_time_range, parse_zone

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster
    from kafkactl.connection.settings import Flag, Settings
    from kafkactl.serde.formats import Format

T = TypeVar("T")


@flags
class ClusterOptions:
    """Options of the connection. connection/settings.py decides which source of a setting wins."""

    section: ClassVar[Section] = Section.CONNECTION

    bootstrap_server: Annotated[
        str | None,
        typer.Option("--bootstrap-server", "-b", metavar="HOST:PORT,...", help="Brokers to connect to first."),
    ] = None
    context: Annotated[
        str | None,
        typer.Option(
            "--context",
            metavar="NAME",
            help="Context to use instead of the current one.",
            autocompletion=complete_contexts,
        ),
    ] = None
    command_config: Annotated[
        Path | None,
        typer.Option("--command-config", metavar="FILE", help="Java .properties file with client settings."),
    ] = None
    properties: Annotated[
        list[str] | None,
        typer.Option("-X", metavar="NAME=VALUE", help="Client setting by Java's or librdkafka's name; repeatable."),
    ] = None
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout", metavar="DURATION", help="Longest wait for the cluster: 5 (seconds), 500ms, 2m. Default: 10s."
        ),
    ] = None

    def with_java_flags(
        self, config: Path | None, properties: list[str] | None, max_block_ms: int | None = None
    ) -> ClusterOptions:
        """Return the options together with those that Kafka's console tools have under other names.

        `config` is a file of client settings, `properties` are NAME=VALUE and come last, `max_block_ms` is a time-out
        in ms; None adds nothing. Raise UsageError for two different files, and for two time-outs, also equal ones. The
        texts and the file are not read here.
        """
        if config is not None and self.command_config is not None and config != self.command_config:
            raise UsageError(
                f"two files of client settings: {self.command_config} and {config}", "leave one of them out"
            )
        if max_block_ms is not None and self.timeout is not None:
            raise make_exclusive_error("--max-block-ms", "--timeout")
        return replace(
            self,
            command_config=config or self.command_config,
            properties=[*(self.properties or ()), *(properties or ())],
            timeout=self.timeout if self.timeout is not None or max_block_ms is None else f"{max_block_ms}ms",
        )

    def settings(self, address_option: str = "--bootstrap-server") -> Settings:
        """Return the client settings from these options, the environment and the contexts file.

        `address_option` is what errors call the option of `bootstrap_server`. Without any address it is localhost:9092.
        In Kafka's style the settings NOT_OF_TOOLS of the --command-config file do not count. Warnings about settings
        are printed on stderr, and commands that give secrets are run. Raise UsageError for an empty option, for a wrong
        or unsafe setting, file or time-out (a duration such as 5s), for a secret that cannot be read, and NotFoundError
        for a context that does not exist.
        """
        from kafkactl.connection.java_settings import NOT_OF_TOOLS
        from kafkactl.connection.settings import resolve

        timeout_s = None if self.timeout is None else parse_duration(self.timeout, "--timeout", positive=True) / 1000
        settings = resolve(
            self.bootstrap_server,
            self.context,
            self.command_config,
            self.properties or (),
            timeout_s,
            left_out=NOT_OF_TOOLS if people.is_kafka_style() else (),
            address_option=address_option,
        )
        for warning in settings.warnings:
            _warn(warning)
        return settings

    def connect(self, flags: Mapping[str, Flag] | None = None) -> Cluster:
        """Return the cluster, without sending a request. All reads of a command together take at most one time-out.

        `flags` are client settings from other options of the command, by librdkafka's names. Warnings about settings
        are printed on stderr, and commands that give secrets are run. Raise UsageError for an empty option, for a wrong
        or unsafe setting, file or time-out, for a secret that cannot be read, and where a flag and the command line
        have different values (in Kafka's style the flag wins); NotFoundError for a context that does not exist.
        """
        from kafkactl.connection.cluster import Cluster

        settings = self.settings().with_flags(flags or {}, always_win=people.is_kafka_style())
        return Cluster(settings, _warn, shares_timeout=True)


@flags
class ControllerOptions(ClusterOptions):
    """Options of the connection of commands that can also ask the controllers."""

    bootstrap_controller: Annotated[
        str | None,
        typer.Option(
            "--bootstrap-controller", metavar="HOST:PORT,...", help="KRaft controllers to connect to, and not brokers."
        ),
    ] = None

    def settings(self, address_option: str = "--bootstrap-server") -> Settings:
        """Return the client settings from these options, the environment and the contexts file.

        `address_option` is what errors call the option of `bootstrap_server`. With --bootstrap-controller the address
        is that of controllers. Warnings are printed on stderr, and commands that give secrets are run. Raise UsageError
        for both addresses, for an empty option, for a wrong or unsafe setting, file or time-out (a duration such as 5s)
        and for a secret that cannot be read, and NotFoundError for a context that does not exist.
        """
        if self.bootstrap_controller is None:
            return super().settings(address_option)
        if self.bootstrap_server is not None:
            raise make_exclusive_error("--bootstrap-controller", "--bootstrap-server")
        refuse_empty(self.bootstrap_controller, "--bootstrap-controller")
        brokers = replace(self, bootstrap_server=self.bootstrap_controller, bootstrap_controller=None)
        return replace(brokers.settings("--bootstrap-controller"), has_controllers=True)


@functools.cache  # settings may be resolved several times, and a warning is printed once
def _warn(text: str) -> None:
    """Print a warning on stderr, each text once."""
    people.warning(text)


@flags
class TimeOptions:
    """Options for reading points in time."""

    section: ClassVar[Section] = Section.RANGE

    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="local|NAME", help="Time zone of times that name none. Default: UTC."),
    ] = None

    @property
    def tzinfo(self) -> tzinfo:
        """Return the zone of --zone, UTC without it.

        The text is utc or z, local (these in any case), an IANA name that the system has, or an offset such as +09:00.
        Raise UsageError for any other text.
        """
        return UTC if self.zone is None else parse_zone(self.zone)

    def parse(self, text: str, flag: str) -> int:
        """Return a point in time in ms since 1970; a text without a zone is in the zone of --zone, or else UTC.

        The text is ISO 8601, ms since 1970, a duration before now such as -1h30m, now, today or yesterday. Raise
        UsageError that names `flag` for a text that is not a time from 0 to 2^63 - 1, and UsageError for an unknown
        zone.
        """
        return parse_time(text, flag, zone=self.tzinfo)

    def parse_range(self, text: str, flag: str) -> TimeRange:
        """Return a range from A to before B of a text A..B; one side may be empty, and is open then.

        A side is ISO 8601, ms since 1970, a duration before now such as -1h30m, now, today or yesterday; without a zone
        it is in the zone of --zone, or else UTC. Raise UsageError that names `flag` for a text that is not a range, for
        a time before 1970 or after 2^63 - 1 ms, for two empty sides and a start after the end, and UsageError for an
        unknown zone, also where no side needs one.
        """
        return parse_time_range(text, flag, zone=self.tzinfo)


def _make_output_option(formats: Sequence[OutputFormat], default: str) -> Any:
    """Return the option -o for a command with these formats. `default` says in the help what is printed without it."""
    names = ", ".join(formats)
    return typer.Option(
        "--output",
        "-o",
        metavar="FORMAT",
        help=f"Form of the result: {names}. Default: {default}.",
        autocompletion=lambda incomplete: [name for name in formats if name.startswith(incomplete)],
    )


GROUP_ORDERS = ("lag", "time", "rate")
"""Orders of groups that are not a column. The largest value comes first."""
_USUAL = "table on a terminal, plain when piped"
_MIRROR_FORMATS = (*REPORT_FORMATS, OutputFormat.KAFKA)
_GROUP_FORMATS = (*_MIRROR_FORMATS, OutputFormat.PROMETHEUS)
_FILE_FORMATS = (*REPORT_FORMATS, OutputFormat.PARQUET)
_DOCUMENT_FORMATS = (OutputFormat.YAML, OutputFormat.JSON)
_RECORD_FORMATS = (*REPORT_FORMATS, OutputFormat.RAW)


@flags
class OutputOptions:
    """The form of the result, before the name of a command: any form."""

    section: ClassVar[Section] = Section.FORM
    formats: ClassVar[tuple[OutputFormat, ...]] = tuple(OutputFormat)

    output: Annotated[str | None, _make_output_option(tuple(OutputFormat), _USUAL)] = None

    def check(self) -> None:
        """Raise UsageError for a format that does not exist, or that is in -o and the command does not have.

        It is called before the command runs.
        """
        _ = self.format

    @property
    def is_structured(self) -> bool:
        """Return whether the format is json, jsonl, yaml or csv; then the result contains failures, too.

        Raise UsageError for a format that does not exist, and for one of -o that the command does not have.
        """
        return self.format in STRUCTURED_FORMATS

    @property
    def is_json(self) -> bool:
        """Return whether the result and the errors are json or jsonl. Raise UsageError for a wrong format."""
        return self.format in (OutputFormat.JSON, OutputFormat.JSONL)

    @property
    def is_kafka(self) -> bool:
        """Return whether the result has the text of Kafka's tool. Raise UsageError for a wrong format."""
        return self.format is OutputFormat.KAFKA

    @property
    def format(self) -> OutputFormat | None:
        """Return the format of -o or KAFKACTL_OUTPUT, None for the default.

        The variable is a default: a command without that format ignores it, and empty it is not set. Raise UsageError
        for a format that does not exist, also in the variable, and for a format of -o that the command does not have.
        """
        if self.output is not None:
            return _parse_format(self.output, self.formats, "--output")
        text = os.environ.get("KAFKACTL_OUTPUT")
        if not text:
            return None
        format = _parse_format(text, tuple(OutputFormat), "KAFKACTL_OUTPUT")
        return format if format in self.formats else None


@flags
class ReportOptions(OutputOptions):
    """The form of a result that has rows and columns."""

    formats: ClassVar[tuple[OutputFormat, ...]] = REPORT_FORMATS

    output: Annotated[str | None, _make_output_option(REPORT_FORMATS, _USUAL)] = None
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,...", help="Columns to show, in this order.")
    ] = None
    no_headers: Annotated[bool, typer.Option("--no-headers", help="Leave the headings of columns out.")] = False
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="COLUMN[:desc]", help="Column that the rows are sorted by.")
    ] = None

    @property
    def column_sort(self) -> str | None:
        """Return the value of --sort, a column that may end in :desc; None keeps the order of the rows."""
        return self.sort

    @property
    def _format_of_report(self) -> OutputFormat | None:
        """Return the format of the report, None for the default. Raise UsageError for a wrong format.

        KAFKACTL_OUTPUT with a format that no report has gives None, too.
        """
        return self.format if self.output is not None or self.format in REPORT_FORMATS else None

    def show(self, report: Report) -> None:
        """Print a report in the selected format on stdout, with the columns and the order of the options.

        Columns are named by their titles, in any case. Of several tables only those with all the columns are shown, and
        only those with the column of --sort are sorted. Raise UsageError where no table has them, unless there is no
        table, and for an unknown order or a format that no report has. After a change a wrong column or order is only a
        warning, and all columns are shown without sorting, because the user must see the result. Raise OutputError
        where stdout cannot be written, and ReaderLeftError where its reader left.
        """
        from kafkactl.output.render import show

        columns = [] if self.columns is None else [name.strip() for name in self.columns.split(",")]
        try:
            arranged = report.arrange(columns, self.column_sort)
        except UsageError as error:
            if not running.may_have_changed():
                raise
            _warn(f"{error}; all columns are shown")
            arranged = report
        show(arranged, self._format_of_report, with_headings=not self.no_headers)


def _parse_format(text: str, formats: Sequence[OutputFormat], name: str) -> OutputFormat:
    """Return the format of a text. Raise UsageError for a text that is not in `formats`, also in upper case.

    `name` is the option or variable, for the message.
    """
    require_choice(text, name, formats)
    return OutputFormat(text)


@flags
class FileOutputOptions(ReportOptions):
    """The form of a result that can also be a Parquet file."""

    formats: ClassVar[tuple[OutputFormat, ...]] = _FILE_FORMATS

    output: Annotated[str | None, _make_output_option(_FILE_FORMATS, "the text of kafka-dump-log")] = None

    @property
    def is_parquet(self) -> bool:
        """Return whether the result is a Parquet file. Raise UsageError for a wrong format."""
        return self.format is OutputFormat.PARQUET


@flags
class MirrorOutputOptions(ReportOptions):
    """The form of a result that one of Kafka's tools prints, too."""

    formats: ClassVar[tuple[OutputFormat, ...]] = _MIRROR_FORMATS

    output: Annotated[
        str | None, _make_output_option(_MIRROR_FORMATS, f"{_USUAL}; kafka is the text of Kafka's tool")
    ] = None


@flags
class GroupOutputOptions(MirrorOutputOptions):
    """The form of groups and their lag."""

    formats: ClassVar[tuple[OutputFormat, ...]] = _GROUP_FORMATS

    output: Annotated[
        str | None, _make_output_option(_GROUP_FORMATS, f"{_USUAL}; kafka is the text of Kafka's tool")
    ] = None
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="BY", help="Order: lag, time or rate with the largest first, or COLUMN[:desc]."),
    ] = None

    @property
    def group_order(self) -> str | None:
        """Return the order of groups in --sort: lag, time or rate.

        None where --sort names a column or is not given.
        """
        return self.sort if self.sort in GROUP_ORDERS else None

    @property
    def column_sort(self) -> str | None:
        """Return the value of --sort, a column that may end in :desc.

        None where it names an order of groups or is not given.
        """
        return None if self.group_order else self.sort

    @property
    def is_prometheus(self) -> bool:
        """Return whether the result is metrics for Prometheus. Raise UsageError for a wrong format."""
        return self.format is OutputFormat.PROMETHEUS


@flags
class DocumentOptions(OutputOptions):
    """The form of a result that another command reads."""

    formats: ClassVar[tuple[OutputFormat, ...]] = _DOCUMENT_FORMATS

    output: Annotated[str | None, _make_output_option(_DOCUMENT_FORMATS, "yaml")] = None

    def show(self, document: Any) -> None:
        """Print a document, nested dicts and lists, on stdout as yaml or json; yaml is the default.

        Raise UsageError for a wrong format, OutputError where stdout cannot be written, and ReaderLeftError where its
        reader left.
        """
        from kafkactl.output.render import show

        show(Report(document, ()), self.format or OutputFormat.YAML)


@flags
class RecordOutputOptions(OutputOptions):
    """The form of records."""

    formats: ClassVar[tuple[OutputFormat, ...]] = _RECORD_FORMATS

    output: Annotated[
        str | None, _make_output_option(_RECORD_FORMATS, "the lines of kafka-console-consumer; raw prints values alone")
    ] = None


@flags
class FormatOptions:
    """The formats of keys and values."""

    section: ClassVar[Section] = Section.FORMATS

    key_format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT", help="Format of keys: string, int, long, json, hex, base64, avro, protobuf, registry, ..."
        ),
    ] = "string"
    value_format: Annotated[
        str, typer.Option(metavar="FORMAT", help="Format of values, with the names of --key-format.")
    ] = "string"
    key_schema: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Schema file of keys: Avro, JSON Schema or Protobuf (FILE:MESSAGE)."),
    ] = None
    value_schema: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Schema file of values: Avro, JSON Schema or Protobuf (FILE:MESSAGE)."),
    ] = None
    key_schema_id: Annotated[
        int | None,
        typer.Option(
            "--key-schema-id", metavar="N", min=1, help="Schema id in the registry for keys that are written."
        ),
    ] = None
    value_schema_id: Annotated[
        int | None,
        typer.Option(
            "--value-schema-id", metavar="N", min=1, help="Schema id in the registry for values that are written."
        ),
    ] = None
    no_register: Annotated[
        bool, typer.Option("--no-register", help="Fail if the schema of a file is not in the registry yet.")
    ] = False
    logical_types: Annotated[
        bool,
        typer.Option(
            "--logical-types", help="Show Avro's decimals, times and UUIDs as text, not as bytes and numbers."
        ),
    ] = False
    zero_values: Annotated[
        bool, typer.Option("--zero-values", help="Show Protobuf fields that hold 0, false or nothing, too.")
    ] = False
    schema_registry: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address of the schema registry. Default: KAFKACTL_SCHEMA_REGISTRY, or -X schema.registry.url=URL.",
        ),
    ] = None
    subject_strategy: Annotated[
        str,
        typer.Option(metavar="NAME", help="Name of a schema in the registry: after the topic, record or topic-record."),
    ] = "topic"

    def choose_formats(
        self, topic: str | None = None, registry: Mapping[str, str] | None = None, registers: bool = True
    ) -> tuple[Format, Format]:
        """Return the formats of keys and of values; no request is sent to a registry yet.

        `topic` is used in the names of schemas, None where it is not known. `registry` has the settings of the registry
        from the cluster's settings, without `schema.registry.`; its `url` gives way to --schema-registry, and comes
        before KAFKACTL_SCHEMA_REGISTRY. Without `registers` a part with the schema of a file does not use the registry
        at all.

        Raise UsageError for an unknown format, for a format with schemas and a registry also strategy or setting, for a
        schema that is missing, cannot be read or does not fit the format, for a schema id without a registry, beside a
        file or with a format without schemas, for a login or a secret in --schema-registry, and where an extra is not
        installed. Raise OperationError where a Protobuf text needs a temporary file that cannot be made.
        """
        from kafkactl.serde.choice import Choice, choose_format
        from kafkactl.serde.schemas import ShowOptions, WriteOptions

        if self.schema_registry:
            from kafkactl.connection.secrets import refuse_in_url

            instead = "KAFKACTL_SCHEMA_REGISTRY, or schema.registry.url in a file: --command-config FILE"
            refuse_in_url(self.schema_registry, "--schema-registry", instead)
        url = self.schema_registry or (registry or {}).get("url") or os.environ.get("KAFKACTL_SCHEMA_REGISTRY")
        settings = {**(registry or {}), **({"url": url} if url else {})}
        for_key, for_value = (
            {} if schema is not None and not registers else settings for schema in (self.key_schema, self.value_schema)
        )
        key_writes, value_writes = (
            WriteOptions(schema_id, not self.no_register) for schema_id in (self.key_schema_id, self.value_schema_id)
        )
        choice = functools.partial(
            Choice, strategy=self.subject_strategy, shown=ShowOptions(self.logical_types, self.zero_values)
        )
        key = choice(name=self.key_format, schema=self.key_schema, registry=for_key, writes=key_writes)
        value = choice(name=self.value_format, schema=self.value_schema, registry=for_value, writes=value_writes)
        return choose_format(key, "key", topic), choose_format(value, "value", topic)
