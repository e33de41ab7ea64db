"""kafka-dump-log: its options, and `kafkactl dump-log` in its place.

Reference: org.apache.kafka.tools.DumpLogSegments.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, State
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    convert_error,
    require_options,
    split_as_java,
)
from kafkactl.errors import KafkactlError, MissingFileError
from kafkactl.output import people
from kafkactl.stdout import out

_RUNTIME = "java.lang.RuntimeException"
_DECODERS = ("String", "Default", "Integer", "Long")
_PACKAGE = "org.apache.kafka.tools.api."
_TOPIC_DECODERS = (
    "offsets-decoder",
    "transaction-log-decoder",
    "cluster-metadata-decoder",
    "remote-log-metadata-decoder",
    "share-group-state-decoder",
)
_OFFSET = re.compile(r"[0-9]{1,20}")
_DEFAULT_DECODER = "org.apache.kafka.tools.api.StringDecoder"
_DECODER_NOTE = "Kafka's four decoders are there; a class of your own cannot be loaded without a JVM."

OPTIONS = (
    Option(
        name="files",
        arity=Arity.REQUIRED,
        label="file1, file2, ...",
        target="FILE, or --files",
        summary="Files to print, with commas and without blanks between.",
    ),
    Option(name="print-data-log", target="--print-data-log", summary="Print records with their keys and values."),
    Option(name="deep-iteration", target="--deep-iteration", summary="Print records, not only batches."),
    Option(name="skip-record-metadata", target="--skip-record-metadata", summary="Print only keys and values."),
    Option(
        name="verify-index-only",
        target="--verify-index-only",
        summary="Compare indexes with their log, without printing them.",
    ),
    Option(
        name="index-sanity-check",
        target="--index-sanity-check",
        summary="Make only the check of indexes that a broker makes at its start.",
    ),
    Option(
        name="max-bytes",
        arity=Arity.REQUIRED,
        type="Integer",
        label="size",
        default=str(2**31 - 1),
        target="--max-bytes",
        summary="Number of bytes to read of each log.",
    ),
    Option(
        name="max-message-size",
        arity=Arity.REQUIRED,
        type="Integer",
        label="size",
        default="5242880",
        target="--max-message-size",
        summary="Largest batch that an index may point at.",
    ),
    Option(
        name="key-decoder-class",
        arity=Arity.OPTIONAL,
        default=_DEFAULT_DECODER,
        target="--key-decoder-class",
        summary="Decoder of keys.",
        state=State.DIFFERENT,
        note=_DECODER_NOTE,
    ),
    Option(
        name="value-decoder-class",
        arity=Arity.OPTIONAL,
        default=_DEFAULT_DECODER,
        target="--value-decoder-class",
        summary="Decoder of values.",
        state=State.DIFFERENT,
        note=_DECODER_NOTE,
    ),
    Option(name="offsets-decoder", target="--offsets-decoder", summary="Records of __consumer_offsets."),
    Option(
        name="transaction-log-decoder", target="--transaction-log-decoder", summary="Records of __transaction_state."
    ),
    Option(
        name="cluster-metadata-decoder", target="--cluster-metadata-decoder", summary="Records of __cluster_metadata."
    ),
    Option(
        name="remote-log-metadata-decoder",
        target="--remote-log-metadata-decoder",
        summary="Records of __remote_log_metadata.",
    ),
    Option(
        name="share-group-state-decoder",
        target="--share-group-state-decoder",
        summary="Records of __share_group_state.",
    ),
    HELP,
    VERSION,
)


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError without --files."""
    require_options(arguments, "files")


def translate(arguments: Arguments) -> Run:
    """Return the command `kafkactl dump-log`; the command line must have passed `check`, which requires --files.

    Commas alone in --files are one empty name, which our command refuses. Beside an option such as --offsets-decoder
    the decoder classes are not looked at; of several such options one counts. The files are not looked at, except for
    the text of an error. Raise OptionError for --files or a decoder given twice, and JavaError for another value that
    Kafka's tool refuses, also for --max-bytes given twice.
    """
    words = ["dump-log"]
    names = split_as_java(arguments.value("files") or "") or [""]
    flags = ("print-data-log", "deep-iteration", "skip-record-metadata", "verify-index-only", "index-sanity-check")
    words += [f"--{name}" for name in flags if arguments.has(name)]
    decoder = next((name for name in _TOPIC_DECODERS if arguments.has(name)), None)
    first = f"Dumping {names[0]}\n"
    if decoder is not None:
        words.append(f"--{decoder}")
    else:
        for name in ("value-decoder-class", "key-decoder-class"):
            if arguments.has(name):
                words.append(f"--{name}={_require_decoder(arguments.value(name) or _DEFAULT_DECODER, first)}")
    if (size := _read_message_size(arguments, names[0])) is not None:
        words.append(f"--max-message-size={size}")
    if arguments.has("max-bytes"):
        words.append(f"--max-bytes={_read_max_bytes(arguments, names[0])}")
    return Run(words=[*words, "--", *names], call="read")


def _read_message_size(arguments: Arguments, first: str) -> int | None:
    """Return --max-message-size in bytes, 0 for a number below, or None without it.

    Kafka's tool reads the value for offset indexes only: for a `first` file of another kind a wrong value has no effect
    and is None here. Raise JavaError for a wrong value, or several, before an offset index.
    """
    try:
        value = arguments.value("max-message-size") if arguments.has("max-message-size") else None
    except OptionError as error:
        if first.endswith(".index"):
            raise JavaError(str(error), error.exception, before=f"Dumping {first}\n") from None
        return None
    return None if value is None else max(0, int(value))


def _require_decoder(name: str, printed: str) -> str:
    """Return `name`, where it is the full name of one of Kafka's decoders.

    Raise JavaError for any other class; `printed` is its text for stdout.
    """
    if name in {f"{_PACKAGE}{kind}Decoder" for kind in _DECODERS}:
        return name
    raise JavaError("Failed to load decoder class", _RUNTIME, before=printed)


def _read_max_bytes(arguments: Arguments, first: str) -> int:
    """Return --max-bytes; 2^31 - 1 without it.

    Raise JavaError for a text that is no Integer, a number below 0, and several values. `first` is the first file,
    which is named in the error's text for stdout.
    """
    printed = f"Dumping {first}\n"
    try:
        value = int(arguments.value("max-bytes") or 0)
    except OptionError as error:
        raise JavaError(str(error), error.exception, before=printed) from None
    if value < 0:
        size_bytes = os.path.getsize(first) if os.path.exists(first) else 0
        records = f"FileRecords(size={size_bytes}, file={first}, start=0, end={2**31 - 1})"
        reason = f"Invalid size: {value} in read from {records}"
        printed += f"Log starting offset: {_read_offset(_get_stem(first)) or 0}\n"
        raise JavaError(reason, "java.lang.IllegalArgumentException", before=printed)
    return value


def _get_stem(name: str) -> str:
    """Return the name of a file up to the first dot, without its folders."""
    return Path(name).name.partition(".")[0]


def _read_offset(stem: str) -> int | None:
    """Return the number that a text of 1 to 20 digits is, or None for any other text."""
    return int(stem) if _OFFSET.fullmatch(stem) else None


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error on stderr as the first line of an exception that nothing catches, and return its status: 1.

    A missing file whose name up to the first dot is no number below 2^63, in at most 20 digits, is a
    NumberFormatException, another one a NoSuchFileException. For such a missing .log file Kafka's first line about it
    goes to stdout: raise OutputError or ReaderLeftError where that fails. `call` is empty for an error of the command
    line, which is printed as the exception of convert_error(); with a text any other error, except a JavaError and a
    missing file, becomes a RuntimeException in our words.
    """
    java = convert_error(error, call)
    if isinstance(error, MissingFileError):
        name = str(error).removesuffix(": no such file")
        stem = _get_stem(name)
        if (offset := _read_offset(stem)) is not None and offset < 1 << 63:
            if name.endswith(".log"):
                out.write_text(f"Log starting offset: {offset}\n")
                out.flush()
            java = JavaError(name, "java.nio.file.NoSuchFileException")
        else:
            java = JavaError(f'For input string: "{stem}"', "java.lang.NumberFormatException")
    elif call and not isinstance(error, JavaError):  # our words say where a file is damaged
        java = JavaError(str(error), _RUNTIME)
    people.write_kafka_message(f'Exception in thread "main" {java.first_line}\n')
    return 1


TOOL = Tool(
    name="kafka-dump-log",
    main_class="org.apache.kafka.tools.DumpLogSegments",
    purpose="This tool helps to parse a log file and dump its contents to the console, "
    "useful for debugging a seemingly corrupt log segment.",
    options=OPTIONS,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "An error in the data of a file has our words, which name the place; Kafka's tool shows an exception.",
    ),
)
