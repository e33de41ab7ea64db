"""The contract of -o json: schemas from docs/json-schemas.json, the page docs/json.md from them, and checks of values.

`python -m tests.json_contract docs/json.md` writes the page anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from kafkactl.cli.frame.values import read_value
from tests.conftest import REPOSITORY
from tests.forking import Line, run_all

SCHEMAS = REPOSITORY / "docs" / "json-schemas.json"
PAGE = REPOSITORY / "docs" / "json.md"

Schema = Mapping[str, Any]
_VERY_DEEP = 20

INTRODUCTION = """\
# JSON: a contract for programs

Commands that show data have `-o json`. This page lists every field of every such result. It is generated from
[json-schemas.json](json-schemas.json), which has a JSON Schema (draft 2020-12) for every result; tests validate real
results against these schemas. After a change of the schemas run `python -m tests.json_contract docs/json.md`.

## Rules

- **Formats.** `-o json` prints one indented value. `-o jsonl` prints the items of its list, an item a line; a value
  that is no list is one line. `-o yaml` prints the same value as YAML. The three formats have the same fields.
  Results that have no known end (`console-consumer`, `dump-log`, `groups describe --watch`) are an object a line in
  both json and jsonl, and a document an object in yaml. `topics export` and `groups export` have only json and yaml.
  `KAFKACTL_OUTPUT=json` does what `-o json` does.
- **Changes.** Fields are only added. A field keeps its name, its type and its meaning. A program must ignore fields
  that it does not know; the schemas are strict, so that a new field must be described. Words that are text for people
  (errors, hints, results, evidence) can change at any time.
- **null** means unknown, absent or not asked for; the tables say which. A field is always there unless its meaning
  says "absent". Fields that `dump-log` copies from a file have -1 where the file has -1.
- **Names and units.** A name that ends in `_ms` is in milliseconds, and a time is in milliseconds since 1970-01-01
  UTC. A name that ends in `_bytes` is in bytes, `_per_s` is per second, `_in_s` is in seconds. Offsets and lags are
  numbers of records.
- **Numbers** are exact, also integers that need 64 bits. Not-a-number and infinity become null.
- **Text** is UTF-8. Bytes that are not UTF-8 become visible escapes such as `\\xff`. In keys, values and headers of
  records they are base64 under a name of their own (`value_base64`), which `produce --input json` reads back.
- **Order.** Lists are sorted by name, then by number, unless the command says another order. Keys of objects have no
  order.
- **Columns.** `--sort` orders the rows of a table, and the json of commands with only one table. `--columns A,B`
  replaces the result by a list of objects with these columns, named by their titles in lower case with `_` instead of
  `-`. The tables below are about the result without `--columns`.
- **Nothing to show.** A list without items is `[]`. Commands that only announce a change, such as `topics delete
  --dry-run`, print a note on stderr and leave stdout empty; so does a command that fails before it has a result.

`-o csv`, `-o table` and `-o plain` show the columns of a table, and `-o kafka` shows the text of Kafka's tool. They
are no part of this contract.

## Errors, warnings and notes

With `-o json` and `-o jsonl` every message on stderr is one line with one JSON object. The name of its first field
says what it is. `KAFKACTL_OUTPUT=json` does the same, also for commands without `-o`. The exit status of the command is
in [commands.md](commands.md).

Three kinds of text on stderr are no JSON: the help of a command without arguments, the traceback of `--debug`, and
progress and questions on a terminal.
"""


@dataclass(frozen=True, kw_only=True)
class Output:
    """A form of a command's result. `lines` are values of their own; without them stdout is a single value."""

    name: str
    command: str
    when: str | None
    lines: bool
    schema: Schema


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field at its path, such as partitions[].leader; its schema has no reference at its top."""

    path: str
    schema: Schema


@cache
def load_contract() -> dict[str, Any]:
    """Return the content of docs/json-schemas.json."""
    contract: dict[str, Any] = json.loads(SCHEMAS.read_text(encoding="utf-8"))
    return contract


def load_outputs() -> dict[str, Output]:
    """Return the forms of results by name, in the order of the file."""
    return {
        name: Output(
            name=name, command=entry["command"], when=entry.get("when"), lines=entry["lines"], schema=entry["schema"]
        )
        for name, entry in load_contract()["outputs"].items()
    }


def load_messages() -> dict[str, Schema]:
    """Return the schemas of the lines on stderr by the name of their first field."""
    return {name: entry["schema"] for name, entry in load_contract()["messages"].items()}


# ---- commands


def walk_commands() -> dict[str, Any]:
    """Return every command of the program by its path, such as "topics list"."""
    from kafkactl.cli.app import app
    from kafkactl.cli.frame.command import build

    return dict(_walk(build(app), ()))


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        yield " ".join(path), command
        return
    for name in command.list_commands(None):
        yield from _walk(command.get_command(None, name), (*path, name))


def value_type_of(parameter: Any) -> type | None:
    """Return the type of one value of an option or argument; None for a flag, and for a parser of its own.

    typer 0.29 has the parser in another place than earlier releases.
    """
    descriptor = getattr(parameter, "type_descriptor", None)
    parser = getattr(parameter.type, "func", None) if descriptor is None else descriptor.parameter_info.parser
    return parser.args[0] if isinstance(parser, partial) and parser.func is read_value else None


def formats_of(command: Any) -> list[str]:
    """Return the values of -o that a command completes; empty for a command without -o."""
    options = [option for option in command.params if option.name == "output"]
    items = options[0].shell_complete(None, "") if options else []
    return [str(getattr(item, "value", item)) for item in items]


def asks_cluster(command: Any) -> bool:
    """Return whether a command connects to a cluster: then it has --bootstrap-server."""
    return any(option.name == "bootstrap_server" for option in command.params)


# ---- many command lines


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command line whose result has the form of an output. `expected` is its exit status."""

    output: str
    arguments: Sequence[object]
    expected: int = 0
    input: str = ""
    has_values: bool = True


def case(output: str, *arguments: object, expected: int = 0, input: str = "", has_values: bool = True) -> Case:
    """Return the case of a command line; `has_values` is False where the result may be an empty list."""
    return Case(output=output, arguments=arguments, expected=expected, input=input, has_values=has_values)


def run_cases(environment: Mapping[str, str], cases: Sequence[Case], format: str) -> list[list[Any]]:
    """Run command lines after each other with a format, and return the values of each.

    Raises AssertionError where a value or a line on stderr breaks the contract, and for another exit status. Command
    lines are forks of one process that has imported the program, which saves most of their time.
    """
    lines = [Line(arguments=[*item.arguments, "-o", format], input=item.input) for item in cases]
    return [
        _valid_values(item, format, done.status, done.stdout, done.stderr)
        for item, done in zip(cases, run_all(environment, lines), strict=True)
    ]


def _valid_values(item: Case, format: str, status: int, stdout: str, stderr: str) -> list[Any]:
    line = " ".join(map(str, item.arguments))
    assert "Traceback" not in stderr, f"{line}: {stderr}"
    assert status == item.expected, f"{line}: status {status}\n{stdout}\n{stderr}"
    values = read_values(item.output, stdout, format)
    try:
        for value in values:
            require_valid(load_outputs()[item.output].schema, value)
        if format != "yaml":
            require_messages(stderr)
    except AssertionError as error:
        raise AssertionError(f"{line}: {error}") from None
    if item.has_values:
        assert values, f"{line}: there are no values"
        assert values[0], f"{line}: the list is empty"
    return values


# ---- values


def _is_integer(_checker: Any, value: Any) -> bool:
    """Return whether a value is written as an integer: JSON Schema takes 1.0 for one, too."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def check_schema(schema: Schema) -> None:
    """Raise SchemaError for what is no valid JSON Schema."""
    _Validator.check_schema(_complete(schema))


def require_valid(schema: Schema, value: Any) -> None:
    """Raise AssertionError that lists every place where a value breaks its schema."""
    errors = sorted(_Validator(_complete(schema)).iter_errors(value), key=lambda error: list(map(str, error.path)))
    problems = [f"{'/'.join(map(str, error.absolute_path)) or 'value'}: {error.message}" for error in errors]
    assert not problems, "\n".join(problems)


def _complete(schema: Schema) -> dict[str, Any]:
    """Return a schema with the shared parts that it refers to."""
    return {"$schema": load_contract()["$schema"], "$defs": load_contract()["$defs"], **schema}


def read_values(name: str, text: str, format: str = "json") -> list[Any]:
    """Return the values of an output's stdout: its lines or documents, else its only value."""
    is_stream = load_outputs()[name].lines
    if format == "yaml":
        values = list(yaml.safe_load_all(text)) if is_stream else [yaml.safe_load(text)]
        return [json.loads(json.dumps(value)) for value in values]  # numbers that are keys become text, as in json
    if format == "json" and not is_stream:
        return [json.loads(text)]
    lines = [json.loads(line) for line in text.splitlines()]
    if is_stream or load_outputs()[name].schema["type"] != "array":
        return lines
    return [lines]


def require_output(name: str, text: str) -> list[Any]:
    """Return the values of an output's stdout with -o json; raises AssertionError where a value breaks the contract."""
    values = read_values(name, text)
    for value in values:
        require_valid(load_outputs()[name].schema, value)
    return values


def require_messages(text: str) -> list[dict[str, Any]]:
    """Return the lines of stderr, each of which must be a valid error, warning or note."""
    messages = load_messages()
    values = [json.loads(line) for line in text.splitlines()]
    for value in values:
        require_valid(messages[next(iter(value))], value)
    return values


# ---- fields


def resolve(schema: Schema) -> Schema:
    """Return a schema without a reference at its top; what stands beside the reference wins."""
    while "$ref" in schema:
        target: Any = load_contract()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def walk_fields(schema: Schema, path: str = "", depth: int = 0) -> Iterator[Field]:
    """Return all fields of a schema in their order; a list at the top has no path of its own."""
    assert depth < _VERY_DEEP, f"{path}: a schema that holds itself"
    schema = resolve(schema)
    for name, part in schema.get("properties", {}).items():
        yield from _field_and_below(part, f"{path}.{name}" if path else name, depth)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from _field_and_below(others, f"{path}.*" if path else "*", depth)
    if isinstance(schema.get("items"), dict):
        yield from walk_fields(schema["items"], f"{path}[]" if path else "", depth + 1)
    for number, part in enumerate(schema.get("prefixItems", ())):
        yield from _field_and_below(part, f"{path}[{number}]", depth)
    for part in schema.get("anyOf", ()):
        yield from walk_fields(part, path, depth + 1)


def _field_and_below(schema: Schema, path: str, depth: int) -> Iterator[Field]:
    yield Field(path=path, schema=resolve(schema))
    yield from walk_fields(schema, path, depth + 1)


def types_of(schema: Schema) -> list[str]:
    """Return the JSON types that a schema allows; empty for any type."""
    schema = resolve(schema)
    if "anyOf" in schema:
        return [name for part in schema["anyOf"] for name in types_of(part)]
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


# ---- the page


def write_page() -> str:
    """Return the text of docs/json.md."""
    parts = [INTRODUCTION]
    for name, entry in load_contract()["messages"].items():
        parts.append(_section(f"### {name}", entry["when"], entry["schema"]))
    by_command: dict[str, list[Output]] = {}
    for output in load_outputs().values():
        by_command.setdefault(output.command, []).append(output)
    for command, outputs in by_command.items():
        if len(outputs) == 1:
            parts.append(_output_section(f"## {command}", outputs[0]))
            continue
        parts.append(f"## {command}\n")
        for output in outputs:
            title = f"{command}, usual form" if output.name == command else output.name
            parts.append(_output_section(f"### {title}", output))
    return "\n".join(parts)


def _output_section(heading: str, output: Output) -> str:
    return _section(heading, output.when, output.schema, output.lines)


def _section(heading: str, when: str | None, schema: Schema, lines: bool = False) -> str:
    is_list = schema["type"] == "array"
    shape = "An object a line." if lines else "A list of objects." if is_list else "An object."
    text = [heading, "", *([when] if when else []), f"{shape} {schema.get('description', '')}".rstrip(), ""]
    for example in schema["examples"]:
        text += ["```json", json.dumps(example, ensure_ascii=False), "```", ""]
    alternatives = schema["items"].get("anyOf") if is_list else None
    for part in alternatives or [schema]:
        if alternatives:
            text += [resolve(part)["description"], ""]
        text += [*_table(part), ""]
    return "\n".join(text)


def _table(schema: Schema) -> Iterator[str]:
    yield "| FIELD | TYPE | MEANING |"
    yield "| --- | --- | --- |"
    for field in walk_fields(schema):
        meaning = field.schema["description"].replace("|", "\\|")
        yield f"| `{field.path}` | {_type_text(field.schema)} | {meaning} |"


def _type_text(schema: Schema) -> str:
    names = [_type_name(name, schema) for name in types_of(schema)] or ["any"]
    if "enum" in schema:
        names[0] += f" ({', '.join(f'`{value}`' for value in schema['enum'])})"
    return " or ".join(names)


def _type_name(name: str, schema: Schema) -> str:
    if name != "array":
        return name
    items = schema.get("items")
    inner = types_of(items) if isinstance(items, dict) else []
    if not inner:
        return "pair"
    if isinstance(items, dict) and "anyOf" in items:
        return "list of pairs or objects"
    is_pair = isinstance(items, dict) and "prefixItems" in resolve(items)
    return "list of pairs" if is_pair else f"list of {inner[0]}s"


def main() -> None:
    """Write the page to the file that the command line names."""
    (target,) = sys.argv[1:]
    Path(target).write_text(write_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
