"""The formats of keys and values that a command was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kafkactl.errors import UsageError
from kafkactl.serde import formats, schema_formats, schemas
from kafkactl.serde.formats import Format

BY_REGISTRY = "registry"
"""Whatever language the registry says."""


@dataclass(frozen=True)
class Choice:
    """A format's name, and where its schema is found when it needs one."""

    name: str
    schema: str | None = None
    """A file's path; see schemas.read."""
    registry: Mapping[str, str] = field(default_factory=dict)
    """Settings of a Schema Registry, `url` among them; empty where there is none."""
    strategy: str = "topic"
    shown: schemas.Shown = schemas.USUAL
    writes: schemas.Writes = schemas.USUAL_WRITES


def chosen(choice: Choice, part: str, topic: str | None) -> Format:
    """The format of a topic's keys or values (`part`); raises UsageError."""
    language = schemas.LANGUAGES.get(choice.name)
    if language is None and choice.name != BY_REGISTRY:
        if choice.schema is not None:
            raise UsageError(
                f"--{part}-schema is for {', '.join(schemas.LANGUAGES)}", f"--{part}-format says which it is"
            )
        return formats.get(choice.name, (*schemas.LANGUAGES, BY_REGISTRY))
    if choice.writes.schema_id is not None and (choice.schema is not None or not choice.registry.get("url")):
        raise UsageError(
            f"--{part}-schema-id is of a schema that a registry has", f"--schema-registry URL, without --{part}-schema"
        )
    schema = None if choice.schema is None else _schema(choice.schema, language, part)
    if schema is not None:
        schema = replace(schema, shown=choice.shown)
    if not choice.registry.get("url"):
        if schema is None:
            raise UsageError(
                f"--{part}-format {choice.name} needs a schema", f"--{part}-schema FILE, or --schema-registry URL"
            )
        return schema_formats.format_of(schema)
    try:
        from kafkactl.serde.registry import STRATEGIES, Registry, RegistryFormat
    except ImportError as error:
        raise UsageError(f"a schema registry needs {error.name}", "pip install 'kafkactl[schemas]'") from error
    if choice.strategy not in STRATEGIES:
        raise UsageError(f"--subject-strategy {choice.strategy}: no such one", f"one of {', '.join(STRATEGIES)}")
    registry = Registry(choice.registry, choice.shown)
    subject = (topic, part)
    return RegistryFormat(registry, subject, choice.strategy, schema, language, choice.writes).format


def _schema(path: str, language: str | None, part: str) -> schemas.Schema:
    if language is None:
        raise UsageError(f"--{part}-schema in which language?", f"--{part}-format avro, protobuf or json-schema")
    return schemas.read(path, language)
