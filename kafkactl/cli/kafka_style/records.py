"""kafka-delete-records: its options, and `kafkactl records delete` in its place.

Reference: org.apache.kafka.tools.DeleteRecordsCommand.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from kafkactl.cli.frame.results import PartitionError
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    connection_options,
    convert_error,
    dump_json,
    is_json_of_type,
    keep_json,
    parse_json,
    print_stack,
    read_once,
    require_file,
    require_options,
    require_servers,
    translate_connection,
)
from kafkactl.errors import KafkactlError

_OPERATION = "org.apache.kafka.tools.AdminOperationException"
_FAILED = "org.apache.kafka.tools.AdminCommandFailedException"
_MAPPING = "com.fasterxml.jackson.databind.JsonMappingException"
_TYPES = {"topic": "String", "partition": "Integer", "offset": "Long"}

OPTIONS = (
    *connection_options("server(s) to use for bootstrapping", "command config property file path"),
    Option(
        name="offset-json-file",
        arity=Arity.REQUIRED,
        label="Offset json file path",
        target="--offset-json-file",
        summary="JSON file with the first offset that stays in each partition; -1 deletes all records.",
    ),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for a missing --bootstrap-server, then for a missing --offset-json-file.

    --bootstrap-server may be missing where a context may be used.
    """
    require_options(arguments, "bootstrap-server", "offset-json-file")


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl records delete`, which asks nobody; the JSON file is read here.

    Raise OptionError for an option given twice, and JavaError for a file of settings that cannot be read, a server
    without a port, and a JSON file that Kafka's tool refuses. Raise KafkactlError where a copy of the JSON file cannot
    be written.
    """
    path = arguments.value("offset-json-file") or ""
    connection = translate_connection(arguments)
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    path = _check_file(path)
    return Run(
        words=["records", "delete", "-o", "kafka", *connection, f"--offset-json-file={path}", "--yes"],
        call="listTopics",
    )


def _check_file(path: str) -> str:
    """Return the path of a JSON file with the same content; raise JavaError for a file that Kafka's tool refuses.

    It is `path` itself, or a copy, for this process only, of one that can be read only once, such as a pipe, and of one
    with something behind the JSON, which Kafka's tool ignores. Refused is a file that cannot be read, is no JSON object
    with a list `partitions`, has a version other than 1, an entry without a field or with one of another type, or a
    partition twice. Raise KafkactlError where the copy cannot be written.
    """
    try:
        content, is_regular = read_once(path)
    except OSError:
        raise JavaError(f"Unable to read file {path}", "java.io.IOException") from None
    try:
        document, alone = parse_json(content)
    except (ValueError, RecursionError):
        raise JavaError("The input string is not a valid JSON", _OPERATION) from None
    _check_document(document)
    return keep_json(path, content, alone, is_regular)


def _check_document(document: Any) -> None:
    """Raise JavaError for the content of a JSON file, as the parser returns it, that Kafka's tool refuses.

    It refuses a content that is no object or has no list `partitions`, a version other than 1, an entry of `partitions`
    that is no object, lacks topic, partition or offset, or has one of another type, and a partition that stands twice.
    """
    if isinstance(document, list):
        raise JavaError(f"Expected JSON object, received {dump_json(document)}", _MAPPING)
    version = document.get("version", 1) if isinstance(document, dict) else 1
    if type(version) is not int or version != 1:
        raise JavaError(f"Not supported version field value {dump_json(version)}", _OPERATION)
    if not isinstance(document, dict) or "partitions" not in document:
        raise JavaError("Missing partitions field", _OPERATION)
    if not isinstance(document["partitions"], list):
        raise JavaError(f"Expected JSON array, received {dump_json(document['partitions'])}", _MAPPING)
    seen = []
    for entry in document["partitions"]:
        topic, partition, _ = (_read_field(entry, name) for name in _TYPES)
        seen.append(f"{topic}-{partition}")
    doubles = sorted(name for name, count in Counter(seen).items() if count > 1)
    if doubles:
        raise JavaError(f"Offset json file contains duplicate topic partitions: {','.join(doubles)}", _FAILED)


def _read_field(entry: Any, name: str) -> Any:
    """Return a field of an entry of JSON: topic, partition or offset. Raise JavaError where it is wrong.

    That is an entry that is no object, a field that is missing, or one of another type; a partition has 32 bits, and an
    offset 64.
    """
    if not isinstance(entry, dict):
        raise JavaError(f"Expected JSON object, received {dump_json(entry)}", _MAPPING)
    if name not in entry:
        raise JavaError(f"No such field exists: `{name}`", _MAPPING)
    value = entry[name]
    if not is_json_of_type(value, _TYPES[name]):
        raise JavaError(f"Expected `{_TYPES[name]}` value, received {dump_json(value)}", _MAPPING)
    return value


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-delete-records does, on stderr with the first line of its trace, and return 1.

    Return 0 and print nothing for errors of partitions, which are in the table on stdout. `call` is the name of the
    request, for the text of a time-out.
    """
    if isinstance(error, PartitionError):  # the table on stdout has them
        return 0
    print_stack(convert_error(error, call))
    return 1


TOOL = Tool(
    name="kafka-delete-records",
    main_class="org.apache.kafka.tools.DeleteRecordsCommand",
    purpose="This tool helps to delete records of the given partitions down to the specified offset.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "An offset below -1 and an empty topic are errors before anything is deleted; Kafka's tool shows the error of "
        "the broker.",
        "A topic that does not exist is an error at once; Kafka's tool asks for a minute and shows a time-out.",
        "Partitions are printed in the order of their names; Kafka's tool has the order of a hash table.",
    ),
)
