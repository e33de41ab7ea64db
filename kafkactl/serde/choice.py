"""Choice of the formats of keys and values, from the options of a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kafkactl.errors import UsageError
from kafkactl.serde import formats, schema_formats, schemas
from kafkactl.serde.formats import Format

BY_REGISTRY = "registry"
"""Format whose schema language the registry states."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A format's name, and the source of its schema if it needs one."""

    name: str
    schema: str | None = None
    """Path of a file, or None; see schemas.read_schema."""
    registry: Mapping[str, str] = field(default_factory=dict)
    """Settings of a Schema Registry, with `url`; empty without a registry."""
    strategy: str = "topic"
    """Naming of the schema's subject: one of registry.STRATEGIES."""
    shown: schemas.ShowOptions = schemas.DEFAULT_SHOW_OPTIONS
    writes: schemas.WriteOptions = schemas.DEFAULT_WRITE_OPTIONS


def choose_format(choice: Choice, part: str, topic: str | None) -> Format:
    """Return the format of a topic's keys or values; no request is sent to a registry yet.

    `choice` has the format's name and the source of its schema; `part` is key or value; `topic` is None where it is not
    known. A file with a schema counts before the registry's newest one. Raise UsageError for an unknown format,
    strategy or setting of a registry; for a schema that is missing, cannot be read, is invalid, or that the format
    cannot use; for a schema's id without a registry, with a file, or for a format without schemas, such as string; and
    where an extra is not installed.

    Raise OperationError where a Protobuf text needs a temporary file that cannot be made. With a registry the format's
    functions send the requests, and raise also OperationError, UnreachableError and, for a write, NotFoundError and
    UsageError, such as where the topic is not known; a file's schema is then checked at the first write, which may also
    register it. Without a registry the strategy is not checked. A format without schemas ignores the registry and the
    strategy, which may be those of the other part.
    """
    language = schemas.LANGUAGES.get(choice.name)
    if language is None and choice.name != BY_REGISTRY:
        if choice.schema is not None:
            raise UsageError(
                f"--{part}-schema is only for the formats {', '.join(schemas.LANGUAGES)}",
                f"name the schema's language: --{part}-format",
            )
        if choice.writes.schema_id is not None:
            raise UsageError(
                f"--{part}-schema-id is only for the formats {', '.join((*schemas.LANGUAGES, BY_REGISTRY))}",
                f"take the language from the registry: --{part}-format {BY_REGISTRY}",
            )
        return formats.get(choice.name, (*schemas.LANGUAGES, BY_REGISTRY))
    if choice.writes.schema_id is not None and (choice.schema is not None or not choice.registry.get("url")):
        raise UsageError(
            f"--{part}-schema-id needs a schema registry, and no --{part}-schema",
            f"use --schema-registry URL, and leave --{part}-schema out",
        )
    schema = None if choice.schema is None else _read_schema(choice.schema, language, part)
    if schema is not None:
        schema = replace(schema, shown=choice.shown)
    if not choice.registry.get("url"):
        if schema is None:
            raise UsageError(
                f"--{part}-format {choice.name} needs a schema", f"use --{part}-schema FILE, or --schema-registry URL"
            )
        return schema_formats.make_format(schema)
    try:
        from kafkactl.serde.registry import STRATEGIES, Registry, RegistryFormat
    except ImportError as error:
        raise UsageError(
            f"a schema registry needs {error.name}", "install it: pip install 'kafkactl[schemas]'"
        ) from error
    if choice.strategy not in STRATEGIES:
        raise UsageError(
            f"invalid value {choice.strategy!r} for --subject-strategy", f"use one of {', '.join(STRATEGIES)}"
        )
    registry = Registry(choice.registry, choice.shown)
    subject = (topic, part)
    return RegistryFormat(registry, subject, choice.strategy, schema, language, choice.writes).format


def _read_schema(path: str, language: str | None, part: str) -> schemas.Schema:
    """Return the schema in a file; `part`, key or value, names the option in the error.

    For Protobuf the path can be FILE:MESSAGE, and a file without the suffix .proto is a FileDescriptorSet; a .proto
    file can import the other ones in and below its folder. The text is not parsed yet. Raise UsageError where
    `language` is None, for a file that cannot be read, and for a text that is not UTF-8.
    """
    if language is None:
        raise UsageError(
            f"the language of --{part}-schema is missing", f"use --{part}-format avro, protobuf or json-schema"
        )
    return schemas.read_schema(path, language)
