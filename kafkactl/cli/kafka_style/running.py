"""Running one of Kafka's tools: its command line is checked and translated, and our command does the work.

The statuses, streams and words are those of Kafka's tool. Where Kafka's tool ends with 0 after an error, the status is
1, or 0 if KAFKACTL_COMPAT_STATUS is kafka.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Sequence

from kafkactl import stdout
from kafkactl.cli.kafka_style.java_options import read_login_file
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError
from kafkactl.cli.kafka_style.tools import KAFKA_VERSION, Tool, WrongUsageError, load_tool, parse_words
from kafkactl.errors import KafkactlError
from kafkactl.output import people
from kafkactl.statuses import DONE, FAILED

STATUS_VARIABLE = "KAFKACTL_COMPAT_STATUS"
CONTEXT_VARIABLE = "KAFKACTL_COMPAT_CONTEXT"
HIDDEN_FLAG = "--kafka-style"
"""Flag of the root command that a translated command line has. It is not in the help."""

_SIGNALS = 128
"""Statuses above it are those of signals, in both styles."""
_HEAD_WIDTH, _TEXT_WIDTH = 41, 38


def run_tool(
    name: str,
    words: Sequence[str],
    run_command: Callable[[list[str]], int],
    own_flags: Sequence[str] = (),
    may_use_context: bool = False,
) -> int:
    """Run a command line of one of Kafka's tools, and return its exit status.

    `name` is that of the tool, without .sh; `words` are its arguments. `run_command` runs a command line of kafkactl
    and returns its status; its errors come to people.failures, and the first is printed in Kafka's words. After an
    error a status 0 of Kafka's tool becomes 1, unless KAFKACTL_COMPAT_STATUS is kafka. `own_flags` are options of
    kafkactl for the translated command. --bootstrap-server may be missing with `may_use_context`, `own_flags`, or
    KAFKACTL_COMPAT_CONTEXT=1. The login of KAFKA_OPTS goes into os.environ. Raise KeyError for an unknown tool,
    OutputError and ReaderLeftError where stdout fails, and the errors of `run_command`.
    """
    tool = load_tool(name)
    try:
        arguments = parse_words(tool, words)
        arguments.needs_server = not (may_use_context or own_flags or os.environ.get(CONTEXT_VARIABLE) == "1")
        if not words:
            raise WrongUsageError(tool.purpose_without_words or tool.purpose)
        if arguments.has("help"):
            raise WrongUsageError(tool.purpose)
        if arguments.has("version"):
            stdout.out.write_text(f"{KAFKA_VERSION}\n")
            stdout.out.flush()
            return DONE
        tool.check(arguments)
        run = tool.translate(arguments)
        read_login_file(os.environ)
    except WrongUsageError as error:
        people.write_kafka_message(f"{error}\n{format_options(tool.options)}")
        return FAILED
    except KafkactlError as error:
        return _finish(tool.report(arguments_of(tool, words), error, ""))
    if run.warning:
        people.write_kafka_message(run.warning)
    if run.before:
        stdout.out.write_text(run.before)
    failures: list[KafkactlError] = []
    token = people.failures.set(failures)
    try:
        status = run_command([*own_flags, HIDDEN_FLAG, *run.words])
    finally:
        people.failures.reset(token)
    if failures:
        return _finish(tool.report(arguments, failures[0], run.call))
    if status == DONE or status > _SIGNALS:
        return status
    return _finish(tool.failure_status)


def arguments_of(tool: Tool, words: Sequence[str]) -> Arguments:
    """Return the command line of a tool for the report of an error.

    Where it cannot be parsed, the result has no options, only the words as they were given. Nothing is raised.
    """
    try:
        return parse_words(tool, words)
    except OptionError:
        return Arguments({option.name: option for option in tool.options}, words)


def _finish(kafka_status: int) -> int:
    """Return the exit status after an error, from the one of Kafka's tool; 0 becomes 1.

    With KAFKACTL_COMPAT_STATUS=kafka it stays 0. The output is flushed: raise OutputError or ReaderLeftError.
    """
    stdout.out.flush()
    if kafka_status == DONE and os.environ.get(STATUS_VARIABLE) != "kafka":
        return FAILED
    return kafka_status


def format_options(options: Sequence[Option]) -> str:
    """Return the list of a tool's options in two columns, sorted by name, with our descriptions.

    It begins with a heading, and each line has its end.
    """
    lines = [f"{'Option':<{_HEAD_WIDTH}}Description", f"{'------':<{_HEAD_WIDTH}}-----------"]
    for option in sorted(options, key=lambda option: option.name):
        value = f"{option.type}: {option.label}" if option.label else option.type
        head = f"--{option.name}"
        if option.arity is not Arity.NONE:
            head += f" <{value}>" if option.arity is Arity.REQUIRED else f" [{value}]"
        text = option.summary + (f" (default: {option.default})" if option.default else "")
        heads = textwrap.wrap(head, _HEAD_WIDTH - 2, subsequent_indent="  ")
        texts = textwrap.wrap(text, _TEXT_WIDTH, subsequent_indent="  ")
        for number in range(max(len(heads), len(texts))):
            left = heads[number] if number < len(heads) else ""
            right = texts[number] if number < len(texts) else ""
            lines.append(f"{left:<{_HEAD_WIDTH}}{right}".rstrip())
    return "".join(f"{line}\n" for line in lines)
