"""The root command, which loads a command when it is called, and the one place where errors become text.

This module has only name, module and summary of each command. Options and help are in the module of the command, so
that `kafkactl --help` imports no command.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from kafkactl import __version__, statuses, stdout
from kafkactl.cli.completion import names as completion
from kafkactl.cli.frame import help as help_text
from kafkactl.cli.frame import running, startup, stopping, typer_internals
from kafkactl.cli.frame.command import CONTEXT_SETTINGS, build, command
from kafkactl.cli.frame.options import ClusterOptions, OutputOptions
from kafkactl.cli.frame.suggestions import suggest_option
from kafkactl.cli.kafka_style import doors
from kafkactl.errors import KafkactlError, OperationError, UnansweredError, UnreachableError, UsageError
from kafkactl.escaping import hide_in_urls
from kafkactl.output import people
from kafkactl.statuses import DONE, INTERRUPTED, USAGE


@dataclass(frozen=True)
class Entry:
    """A command that is not imported yet."""

    module: str
    """Name of the module below kafkactl.cli."""
    heading: str
    """Heading above the command in the help."""
    summary: str
    aliases: tuple[str, ...] = ()


# Headings in the help, in its order.
_DATA = "Topics, records and groups"
_RULES = "Settings and rights"
_CLUSTER = "Brokers and replicas"
_FILES = "Files of a broker"
_TOOL = "kafkactl and this machine"
COMMANDS = {
    "topics": Entry("topics", _DATA, "List, create, describe, alter and delete topics."),
    "console-producer": Entry("produce", _DATA, "Send records to a topic.", ("produce",)),
    "console-consumer": Entry("consume", _DATA, "Print the records of a topic.", ("consume",)),
    "groups": Entry("groups", _DATA, "Show consumer groups and lag; reset, copy, delete.", ("consumer-groups",)),
    "offsets": Entry("offsets", _DATA, "Show first, last or timed offsets of partitions.", ("get-offsets",)),
    "records": Entry("records", _DATA, "Delete records from the beginning of partitions.", ("delete-records",)),
    "transactions": Entry("transactions", _DATA, "Show transactions, find hanging ones, end them."),
    "configs": Entry("configs", _RULES, "Show, change and compare settings of topics, brokers, groups and clients."),
    "quotas": Entry("quotas", _RULES, "Show and change the quotas of users, clients and ips."),
    "client-metrics": Entry("client_metrics", _RULES, "Show and change which metrics clients send to brokers."),
    "acls": Entry("acls", _RULES, "Show, change and check who may do what (ACLs)."),
    "users": Entry("users", _RULES, "Show, set and delete the SCRAM credentials of users."),
    "tokens": Entry("tokens", _RULES, "Create, show, renew and expire delegation tokens."),
    "brokers": Entry("brokers", _CLUSTER, "Show brokers: state, controller, releases, sizes; balance and drain them."),
    "cluster": Entry("cluster", _CLUSTER, "Show the id of a cluster, and the addresses of its nodes."),
    "quorum": Entry("quorum", _CLUSTER, "Show and change the quorum of the controllers (KRaft)."),
    "features": Entry("features", _CLUSTER, "Show and change features, such as metadata.version."),
    "leaders": Entry("leaders", _CLUSTER, "Show the leaders of partitions, and elect other ones."),
    "log-dirs": Entry("log_dirs", _CLUSTER, "Show log directories, and move replicas between them."),
    "reassign": Entry("reassign", _CLUSTER, "Move replicas between brokers: plan, execute, verify."),
    "throttles": Entry("throttles", _CLUSTER, "Show and remove the throttles of moves of replicas."),
    "dump-log": Entry("files.dump_log", _FILES, "Print segments, indexes and snapshots from a broker's disk."),
    "log": Entry("files.log", _FILES, "Check and measure the log folders of a broker on disk."),
    "context": Entry("context", _TOOL, "Save named clusters, and choose the current one."),
    "local": Entry("local", _TOOL, "Start and stop throw-away clusters on this machine."),
    "compat": Entry("compat", _TOOL, "Install the names of Kafka's tools, and list their options."),
}
_OWN = {"help": "Show the help of a command.", "version": "Show the version and the compiled parts."}
"""Commands that the root runs itself."""
_OWN_ARGUMENTS = {"help": " [COMMAND]...", "version": ""}
ALIASES = {alias: name for name, entry in COMMANDS.items() for alias in entry.aliases}
_OUTPUT_FLAG = "-[evy]*o"
"""Pattern of -o, alone or behind flags without a value, as in -yo."""


_PARSER_ERRORS = [
    (r"^Missing (argument|option|parameter) '(.*)'$", r"missing \1 \2"),
    (r"^Invalid value for '([^']*)'(?: / '[^']*')*: (.*)$", r"invalid value for \1: \2"),
    (r"^Option '([^']*)' requires an argument$", r"missing value of \1"),
    (r"^No such option: (.*)$", r"option not found: \1"),
    (r" \('(\(Possible options: .*\))',\)$", r" \1"),  # the oldest release prints a tuple
    (r"^Got unexpected extra arguments?(?:\(s\))? \((.*)\)$", r"unexpected argument: \1"),
]
"""Sentences of typer's parser, and ours for them. They are compiled for an error only, not at every start."""


class LazyGroup(help_text.Group):
    """The root command. It finds the other commands in COMMANDS, and imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands that have a module, in the order of the help.

        Aliases, help and version are not in it. `ctx` is not used.
        """
        return list(COMMANDS)

    def known_names(self) -> list[str]:
        """Return the names of commands, aliases, help and version. No command is built or imported."""
        return [*COMMANDS, *ALIASES, *_OWN]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return the command of a name or an alias; None for any other name, also for help and version.

        Each call makes a new object, whose name is that of the command and not the alias. During completion, which
        `ctx` tells, a name of Kafka's tool, with or without .sh, gives a command with the options of the tool; `ctx`
        may be None.
        """
        name = ALIASES.get(cmd_name, cmd_name)
        entry = COMMANDS.get(name)
        if entry is None:
            tool = cmd_name.removesuffix(doors.SCRIPT_SUFFIX)
            return _build_tool(tool) if tool in doors.TOOLS and ctx is not None and ctx.resilient_parsing else None
        module = importlib.import_module(f"kafkactl.cli.{entry.module}")
        loaded = build(module.app)
        loaded.name = name
        return loaded

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return name, command and remaining arguments of the command that is called. Run `help` and `version` here.

        `args` is not empty and begins with the name, which is returned as it was typed. `kafkactl help COMMAND` becomes
        `kafkactl COMMAND --help`. `help` alone, `version`, `help --version`, and the help of these two write to stdout
        and raise typer.Exit. Raise UsageError for an unknown name and for arguments of `version`, click's UsageError
        for another option behind `help`, and OutputError or ReaderLeftError where stdout fails. During completion
        nothing is written, and `help` alone, `version` and an unknown name give None for name and command.
        """
        if not ctx.resilient_parsing and (own_name := _find_own_help(args)) is not None:
            stdout.out.write_text(f"Usage: kafkactl {own_name}{_OWN_ARGUMENTS[own_name]}\n\n  {_OWN[own_name]}\n")
            raise typer.Exit
        if args[0] == "version" and not ctx.resilient_parsing:
            if args[1:]:
                raise UsageError(f"unexpected argument: {args[1]}", "kafkactl version takes no arguments")
            _print_version(is_requested=True)
        if args[0] == "help":
            if args[1:]:
                return super().resolve_command(ctx, [*args[1:], *(["--help"] if not ctx.resilient_parsing else [])])
            if not ctx.resilient_parsing:
                stdout.out.write_text(f"{ctx.get_help()}\n")
                raise typer.Exit
        return super().resolve_command(ctx, args)

    def command_sections(self) -> dict[str, list[tuple[str, str]]]:
        """Return the names and the summary of each command by heading, in the order of the help.

        The names are one text: aliases first, with | between them, such as produce|console-producer. `help` and
        `version` are the last ones.
        """
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in COMMANDS.items():
            sections.setdefault(entry.heading, []).append(("|".join((*entry.aliases, name)), entry.summary))
        sections[_TOOL] += _OWN.items()
        return sections

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the commands that begin with the incomplete word as proposals; for a word such as -, the options.

        A word that begins with a letter or digit, or is empty, gives no options, and an option that the line has is
        left out, unless it is repeatable. Aliases are not proposed, help and version are, and Kafka's tools from the
        letter k on. The commands have the order of the help. A proposal is a CompletionItem of click, with the summary
        as its help.
        """
        summaries = {name: entry.summary for name, entry in COMMANDS.items()} | _OWN
        if incomplete:
            summaries |= dict.fromkeys(doors.TOOLS, "Kafka's tool, with its options.")
        names = [
            completion.make_item(name, summary) for name, summary in summaries.items() if name.startswith(incomplete)
        ]
        # TyperGroup's own method would return the names once more.
        return names + TyperCommand.shell_complete(self, ctx, incomplete)


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,  # rich's own imports would triple the time of --help
    pretty_exceptions_enable=False,
    context_settings=CONTEXT_SETTINGS,
    epilog=f"Help of a command: kafkactl help COMMAND. {statuses.HELP}",
)


def _build_tool(name: str) -> Any:
    """Return the command with the options of one of Kafka's tools that serves completion.

    `name` is without .sh. Raise KeyError for an unknown tool.
    """
    from kafkactl.cli.kafka_style import completion as tool_completion

    return tool_completion.build_command(name)


def _find_own_help(args: Sequence[str]) -> str | None:
    """Return `help` or `version` where its help is asked for; None for any other arguments.

    That is `NAME --help`, `NAME -h` and `help NAME`, where NAME is help or version; later arguments do not count.
    `args` is not empty.
    """
    if args[0] in _OWN and args[1:2] in (["--help"], ["-h"]):
        return args[0]
    return args[1] if args[0] == "help" and args[1:2] and args[1] in _OWN else None


def _print_version(is_requested: bool) -> None:
    """Write the version and the state of each compiled part to stdout as one line, and raise typer.Exit.

    False does nothing. Raise OutputError or ReaderLeftError where stdout fails.
    """
    if is_requested:
        from kafkactl.cli.frame import compiled_parts

        stdout.out.write_text(f"kafkactl {__version__} ({compiled_parts.describe()})\n")
        raise typer.Exit


@app.callback()
@command
def root(
    click_context: typer.Context,
    cluster: ClusterOptions,
    output: OutputOptions,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback with an error, and each change with its inverse.")
    ] = False,
    kafka_style: Annotated[bool, typer.Option("--kafka-style", hidden=True)] = False,
) -> None:
    """Operate Apache Kafka: topics, records, groups and lag, settings, and the files of a broker.

    Examples:
      kafkactl topics list -b localhost:9092
      kafkactl groups describe billing --lag
      kafkactl dump-log 00000000000000000000.log
    """
    if kafka_style and not people.is_kafka_style():
        raise UsageError("option not found: --kafka-style", "call Kafka's tool by its name: kafkactl kafka-topics")
    click_context.obj = {ClusterOptions: cluster, OutputOptions: output}
    running.is_debugging.set(debug)
    running.changing.set(None)


def main() -> NoReturn:
    """Run the command line in sys.argv, and end the process with its status. It never returns.

    It raises what run_line raises, and OSError where a closed standard descriptor cannot be replaced. os._exit leaves
    out the end of the interpreter, which takes 10 to 20 ms. Output that run() has not flushed, as after Ctrl-C, is
    lost.
    """
    startup.prepare_process()
    status = run_line(sys.argv[1:])
    os._exit(status)


def run_line(arguments: list[str]) -> int:
    """Run one command line in our style or in that of Kafka's tools, and return the exit status.

    `arguments` are those after the program's name. See `run` for the statuses of our style, and for the exception that
    it raises with --debug. For the style of Kafka's tools see `run_tool`; there a copy of an input file or of a secret
    that cannot be written is an error like others: it is printed, and counts in the status. Ctrl-C and an unexpected
    exception of the tool's own code, before its command runs, pass.
    """
    if (door := doors.find_door(arguments)) is None:
        return run(doors.move_flags(arguments))
    from kafkactl.cli.kafka_style import running

    try:
        return running.run_tool(door.tool, door.words, run, door.own_flags, door.may_use_context)
    except KafkactlError as failure:  # stdout cannot be written
        return _print_error(failure, arguments)
    except BrokenPipeError:
        return DONE  # the reader has seen enough


def run(arguments: list[str]) -> int:
    """Run one command line, print its error on stderr if there is one, and return the exit status.

    `arguments` are those after the program's name. In Kafka's style the error is kept in people.failures instead.
    Messages become JSON where they, or KAFKACTL_OUTPUT, ask for it. The status is 0 (done), 1 (failed), 2 (wrong usage;
    also a missing command, whose help goes to stderr), 3 (no answer), 4 (a condition does not hold), or 128 plus the
    number of a signal: Ctrl-C gives 130. `local logs` can also give the status of docker. A reader of stdout that left
    is no error. An OSError is printed and gives 1, also with --debug. Another unexpected exception is printed as a bug
    and gives 1; with --debug it is raised.
    """
    typer_internals.avoid_pydantic()
    people.as_json.set(_wants_json(arguments))
    try:
        root_command = build(app)
        if "_KAFKACTL_COMPLETE" in os.environ or any(argument.endswith("-completion") for argument in arguments):
            from kafkactl.cli.completion import shells

            shells.install()  # after build, which installs typer's own
        status = root_command.main(arguments, prog_name="kafkactl", standalone_mode=False)
        return _flush(status if isinstance(status, int) else DONE, arguments)
    except help_text.MissingCommandError as failure:
        people.note(str(failure))
        return USAGE
    except KafkactlError as failure:
        return _print_error(failure, arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return DONE  # the reader has seen enough
    except SystemExit as exit_:
        if isinstance(exit_.__context__, BrokenPipeError):  # typer turns it into an exit with status 1
            return DONE
        return _flush(exit_.code if isinstance(exit_.code, int) else DONE, arguments)
    except Exception as failure:
        if (usage := _convert_error(failure)) is not None:
            return _print_error(usage, arguments)
        if isinstance(failure, stopping.StopRequestedError):  # the signal came before or after the work
            return failure.status
        if isinstance(failure, OSError):
            return _print_error(KafkactlError(_describe_os_error(failure)), arguments, failure)
        if "--debug" in arguments:
            raise
        reason = f"unexpected error: {type(failure).__name__}: {failure}"
        hint = "this is a bug in kafkactl: show its place with --debug"
        return _print_error(KafkactlError(reason, hint), arguments)


def _wants_json(arguments: list[str]) -> bool:
    """Return whether -o, or else KAFKACTL_OUTPUT, is json or jsonl. Errors of the command line are then json, too.

    The forms are -o FORMAT, -oFORMAT, --output FORMAT and --output=FORMAT, and -o behind the flags e, v and y, such as
    -yo FORMAT; the last one counts, also behind --. Case counts. `arguments` are those after the program's name.
    Nothing is raised.
    """
    format = os.environ.get("KAFKACTL_OUTPUT", "")
    for before, argument in pairwise(("", *arguments)):
        if before == "--output" or re.fullmatch(_OUTPUT_FLAG, before):
            format = argument
        elif argument.startswith("--output="):
            format = argument.partition("=")[2]
        elif (flag := re.match(_OUTPUT_FLAG, argument)) and flag[0] != argument:
            format = argument.removeprefix(flag[0])
    return format in ("json", "jsonl")


def _flush(status: int, arguments: list[str]) -> int:
    """Write the rest of the output, and return the exit status of the command.

    `status` is the status without an error of writing. Such an error is printed (in Kafka's style kept in
    people.failures); it gives the status only where `status` is 0. A reader of stdout that left is no error.
    `arguments` are only searched for --debug.
    """
    try:
        stdout.out.flush()
    except KafkactlError as failure:
        failed = _print_error(failure, arguments)
        return status or failed
    except BrokenPipeError:
        pass  # the reader has seen enough
    return status


def _print_error(failure: KafkactlError, arguments: list[str], origin: Exception | None = None) -> int:
    """Print an error on stderr, with --debug also its traceback, and return its exit status.

    The output is flushed before, and an error of that is ignored. In Kafka's style the error, but not the traceback, is
    only kept in people.failures. `arguments` are only searched for --debug. An UnansweredError of a command that may
    have changed the cluster gets the words "may have been done", a hint that says how to check it, and the status 3; so
    does, but not in Kafka's style, an OperationError with the code REQUEST_TIMED_OUT. Any other UnreachableError gets
    that hint and the status 3, and tells that changes before it may have been done, where one was sent, but not in
    Kafka's style. `origin` is the exception that was raised, whose traceback is printed; None where it is `failure`
    itself.
    """
    origin = origin or failure
    if running.may_have_changed() and (isinstance(failure, UnansweredError) or _is_late_refusal(failure)):
        reason = failure.reason if isinstance(failure, UnansweredError) else str(failure)
        failure = UnansweredError(f"the change may have been done: {reason}", running.make_check_hint())
    elif running.may_have_changed() and isinstance(failure, UnreachableError) and not people.is_kafka_style():
        failure = UnreachableError(f"{failure}; changes before it may have been done", running.make_check_hint())
    with suppress(KafkactlError, BrokenPipeError):  # the output comes before the error
        stdout.out.flush()
    if "--debug" in arguments:
        import traceback

        people.write(hide_in_urls("".join(traceback.format_exception(origin))))
    people.error(failure)
    return failure.status


def _is_late_refusal(failure: KafkactlError) -> bool:
    """Return whether an error is an OperationError with the code REQUEST_TIMED_OUT: brokers were too slow.

    False in Kafka's style, which needs the code.
    """
    from kafkactl.connection.protocol import ErrorCode

    is_late = isinstance(failure, OperationError) and failure.code == ErrorCode.REQUEST_TIMED_OUT
    return is_late and not people.is_kafka_style()


def _convert_error(failure: Exception) -> KafkactlError | None:
    """Return an error of the command line parser as a UsageError, in kafkactl's words and with a hint.

    An abort (typer.Abort) becomes a KafkactlError "stopped". None means any other error.
    """
    if isinstance(failure, typer.Abort):
        return KafkactlError("stopped", None)
    format_message = getattr(failure, "format_message", None)
    if format_message is None:
        return None
    context = getattr(failure, "ctx", None)
    path = context.command_path if context is not None else "kafkactl"
    parameters = context.command.params if context is not None else ()
    known_options = {option for parameter in parameters for option in parameter.opts}
    hint = suggest_option(getattr(failure, "option_name", ""), known_options)
    text = _simplify(format_message().rstrip("."))
    if hint is not None:  # the names that only look alike would lead elsewhere
        text = text.partition(" (Possible options: ")[0]
    return UsageError(text, hint or f"see: {path} --help")


def _simplify(text: str) -> str:
    """Return an error of the command line parser in kafkactl's own words, and any other text unchanged.

    `text` has no full stop at its end.
    """
    for pattern, replacement in _PARSER_ERRORS:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def _describe_os_error(failure: OSError) -> str:
    """Return the reason of an error of the operating system as text, after `FILE: ` where it has a file."""
    reason = failure.strerror or str(failure)
    return f"{failure.filename}: {reason}" if failure.filename else reason
