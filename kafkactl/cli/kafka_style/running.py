"""Running one of Kafka's tools: its command line is checked and translated, and our command does the work.

The statuses, streams and words are those of Kafka's tool. Where Kafka's tool ends with 0 after an error, the status is
1, or 0 if KAFKACTL_COMPAT_STATUS is kafka.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from kafkactl import stdout
from kafkactl.cli.kafka_style.java_options import read_login_file
from kafkactl.cli.kafka_style.parser import Arguments
from kafkactl.cli.kafka_style.subcommands import HelpRequestedError, VersionRequestedError
from kafkactl.cli.kafka_style.tools import (
    KAFKA_COMMIT,
    KAFKA_VERSION,
    JavaError,
    WrongUsageError,
    load_tool,
    parse_words,
    print_usage,
)
from kafkactl.errors import KafkactlError, MissingContextError
from kafkactl.output import people
from kafkactl.statuses import DONE, FAILED

STATUS_VARIABLE = "KAFKACTL_COMPAT_STATUS"
CONTEXT_VARIABLE = "KAFKACTL_COMPAT_CONTEXT"
HIDDEN_FLAG = "--kafka-style"
"""Flag of the root command that a translated command line has. It is not in the help."""

_SIGNALS = 128
"""Statuses above it are those of signals, in both styles."""


def run_tool(
    name: str,
    words: Sequence[str],
    run_command: Callable[[list[str]], int],
    own_flags: Sequence[str] = (),
    may_use_context: bool = False,
) -> int:
    """Run a command line of one of Kafka's tools, and return its exit status.

    `name` is that of the tool, without .sh; `words` are its arguments. `run_command` runs a command line of kafkactl
    and returns its status; its errors come to people.failures, and the first is printed in Kafka's words. A
    MissingContextError and an OutputError keep our words and status. The list of options, also for --help, goes to
    stderr and ends with 1; the help of a tool with subcommands goes to stdout, and ends with the tool's `help_status`.
    The version goes to stdout and ends with 0. Where people.failures is empty, a status of 0 or above 128 is returned
    as it is, and any other becomes the tool's `failure_status`; else only a status above 128 counts, that of a signal.
    After an error a status 0 of Kafka's tool becomes 1, unless KAFKACTL_COMPAT_STATUS is kafka. `own_flags` are options
    of kafkactl for the translated command. --bootstrap-server may be missing with `may_use_context`, `own_flags`, or
    KAFKACTL_COMPAT_CONTEXT=1. The login of KAFKA_OPTS goes into os.environ.

    Raise KeyError for an unknown tool, OutputError and ReaderLeftError where stdout fails, and the errors of
    `run_command`.
    """
    tool = load_tool(name)
    _check_variables()
    arguments = Arguments({option.name: option for option in tool.options}, words)  # where they cannot be parsed
    try:
        arguments = parse_words(
            tool, words, not (may_use_context or own_flags or os.environ.get(CONTEXT_VARIABLE) == "1")
        )
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
    except HelpRequestedError as request:
        stdout.out.write_text(str(request))
        stdout.out.flush()
        return tool.help_status
    except VersionRequestedError:
        stdout.out.write_text(f"{KAFKA_VERSION} (Commit:{KAFKA_COMMIT})\n")
        stdout.out.flush()
        return DONE
    except WrongUsageError as error:
        print_usage(str(error), tool.options)
        return FAILED
    except KafkactlError as error:
        if isinstance(error, JavaError) and error.before:
            stdout.out.write_text(error.before)
            stdout.out.flush()
        return _finish(tool.report(arguments, error, ""))
    if run.warning:
        people.write_kafka_message(run.warning)
    if run.before:
        stdout.out.write_text(run.before)
    failures: list[KafkactlError] = []
    token = people.failures.set(failures)
    try:
        status = run_command([*own_flags, HIDDEN_FLAG, *_leave_form_to(own_flags, run.words)])
    finally:
        people.failures.reset(token)
    if failures:
        if isinstance(failures[0], (MissingContextError, stdout.OutputError)):  # Kafka's tools have no words for them
            people.error(failures[0])
            return failures[0].status
        reported = _finish(tool.report(arguments, failures[0], run.call))
        return status if status > _SIGNALS else reported
    if status == DONE or status > _SIGNALS:
        return status
    return _finish(tool.failure_status)


def _leave_form_to(own_flags: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the words of a command without `-o kafka`, where kafkactl's own flags choose the form of the output.

    Without -o or --output in `own_flags` all words are returned.
    """
    if not any(flag.startswith(("-o", "--output")) for flag in own_flags):
        return list(words)
    at = next((number for number in range(len(words) - 1) if list(words[number : number + 2]) == ["-o", "kafka"]), None)
    return list(words) if at is None else [*words[:at], *words[at + 2 :]]


def _check_variables() -> None:
    """Warn on stderr about wrong values of our two variables; an empty value is none.

    KAFKACTL_COMPAT_CONTEXT may be 1 or 0, and KAFKACTL_COMPAT_STATUS kafka. Nothing is raised.
    """
    for variable, allowed in ((CONTEXT_VARIABLE, ("1", "0")), (STATUS_VARIABLE, ("kafka",))):
        value = os.environ.get(variable, "")
        if value and value not in allowed:
            people.warning(f"{variable}={value} is ignored: it is not {' or '.join(allowed)}")


def _finish(kafka_status: int) -> int:
    """Return the exit status after an error, from the one of Kafka's tool; 0 becomes 1.

    With KAFKACTL_COMPAT_STATUS=kafka it stays 0. The output is flushed: raise OutputError or ReaderLeftError.
    """
    stdout.out.flush()
    if kafka_status == DONE and os.environ.get(STATUS_VARIABLE) != "kafka":
        return FAILED
    return kafka_status
