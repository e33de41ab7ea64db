"""The root command: what there is, loaded only when called, and the one place where errors become text.

A command's flags and help live in its own module; here stand only its name, module and one line of summary, so
that `kafkactl --help` imports none of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from kafkactl import __version__, statuses, stdout
from kafkactl.cli.completion import names as completion
from kafkactl.cli.frame import before_change, startup, stopping, typer_internals
from kafkactl.cli.frame import help as help_text
from kafkactl.cli.frame.command import CONTEXT_SETTINGS, build, command, is_debugging
from kafkactl.cli.frame.options import ClusterOptions, OutputOptions
from kafkactl.cli.frame.suggestions import suggest_option
from kafkactl.errors import KafkactlError, UnansweredError, UsageError
from kafkactl.escaping import hide_in_urls
from kafkactl.output import people
from kafkactl.statuses import DONE, INTERRUPTED, USAGE


@dataclass(frozen=True)
class Entry:
    """A command on its way to being loaded."""

    module: str
    summary: str
    aliases: tuple[str, ...] = ()


COMMANDS = {
    "topics": Entry("topics", "List, create, describe, alter and delete topics."),
    "console-producer": Entry("produce", "Send records to a topic.", ("produce",)),
    "console-consumer": Entry("consume", "Print the records of a topic.", ("consume",)),
    "groups": Entry(
        "groups", "List, describe, reset, copy and delete consumer groups; show their lag.", ("consumer-groups",)
    ),
    "configs": Entry("configs", "Show, change and compare settings of topics, brokers, groups and clients."),
    "quotas": Entry("quotas", "Show and change the quotas of users, clients and ips."),
    "users": Entry("users", "Show, set and delete the SCRAM credentials of users."),
    "offsets": Entry("offsets", "Show the first, last or timed offsets of partitions.", ("get-offsets",)),
    "records": Entry("records", "Delete records from the beginning of partitions.", ("delete-records",)),
    "dump-log": Entry("files.dump_log", "Print segments, indexes and snapshots from a broker's disk."),
    "log": Entry("files.log", "Check and measure the log folders of a broker on disk."),
    "context": Entry("context", "Save named clusters, and choose the current one."),
    "local": Entry("local", "Start and stop throw-away clusters on this machine."),
}
_OWN = {"help": "Show the help of a command.", "version": "Show the version and the compiled parts."}
"""Commands that the root answers itself."""
ALIASES = {alias: name for name, entry in COMMANDS.items() for alias in entry.aliases}


class LazyGroup(help_text.Group):
    """The root. It knows its commands by COMMANDS, and imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands that have a module."""
        return list(COMMANDS)

    def known_names(self) -> list[str]:
        """Return every name that may be typed, for suggestions."""
        return [*COMMANDS, *ALIASES, *_OWN]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name or an alias, None for any other name."""
        name = ALIASES.get(cmd_name, cmd_name)
        entry = COMMANDS.get(name)
        if entry is None:
            return None
        module = importlib.import_module(f"kafkactl.cli.{entry.module}")
        loaded = build(module.app)
        loaded.name = name
        return loaded

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return what `kafkactl help COMMAND` and `kafkactl version` stand for, or the command that is called."""
        if args[0] == "version" and not ctx.resilient_parsing:
            _print_version(wanted=True)
        if args[0] == "help":
            if args[1:]:
                return super().resolve_command(ctx, [*args[1:], *(["--help"] if not ctx.resilient_parsing else [])])
            if not ctx.resilient_parsing:
                stdout.out.write_text(f"{ctx.get_help()}\n")
                raise typer.Exit
        return super().resolve_command(ctx, args)

    def summaries(self) -> Iterable[tuple[str, str]]:
        """Return each command with its aliases, and its summary."""
        named = [("|".join((*entry.aliases, name)), entry.summary) for name, entry in COMMANDS.items()]
        return [*named, *_OWN.items()]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the commands and options that begin with a text."""
        summaries = {name: entry.summary for name, entry in COMMANDS.items()} | _OWN
        names = [completion.item(name, summary) for name, summary in summaries.items() if name.startswith(incomplete)]
        # Past this group's own: names were given above, its options by the command they belong to.
        return names + TyperCommand.shell_complete(self, ctx, incomplete)


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,  # rich's own imports would triple the time of --help
    pretty_exceptions_enable=False,
    context_settings=CONTEXT_SETTINGS,
    epilog=f"Help of a command: kafkactl help COMMAND. {statuses.HELP}",
)


def _print_version(wanted: bool) -> None:
    """Print the version and the state of each compiled part, and end."""
    if wanted:
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
) -> None:
    """Operate Apache Kafka: topics, records, groups and lag, settings, and the files of a broker.

    Examples:
      kafkactl topics list -b localhost:9092
      kafkactl groups describe billing --lag
      kafkactl dump-log 00000000000000000000.log
    """
    click_context.obj = {ClusterOptions: cluster, OutputOptions: output}
    is_debugging.set(debug)
    before_change.was_called.set(False)


def main() -> NoReturn:
    """The `kafkactl` command: runs what sys.argv says and exits with its status.

    Clients are closed and output is flushed by then; taking the interpreter apart as well would cost every command
    10 to 20 ms.
    """
    startup.prepare_process()
    status = run(sys.argv[1:])
    os._exit(status)


def run(arguments: list[str]) -> int:
    """Runs one command line; prints any error as people read it and returns the exit status."""
    typer_internals.avoid_pydantic()
    people.as_json.set(_wants_json(arguments))
    try:
        root_command = build(app)
        if "_KAFKACTL_COMPLETE" in os.environ or any(argument.endswith("-completion") for argument in arguments):
            from kafkactl.cli.completion import shells

            shells.install()  # after typer's own, which build has put there
        status = root_command.main(arguments, prog_name="kafkactl", standalone_mode=False)
        return _flushed(status if isinstance(status, int) else DONE, arguments)
    except help_text.MissingCommandError as failure:
        people.note(str(failure))
        return USAGE
    except KafkactlError as failure:
        return _told(failure, arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return DONE  # the reader has seen enough
    except SystemExit as exit_:
        if isinstance(exit_.__context__, BrokenPipeError):  # typer makes that of it, with status 1
            return DONE
        return _flushed(exit_.code if isinstance(exit_.code, int) else DONE, arguments)
    except Exception as failure:
        if (usage := _as_usage(failure)) is not None:
            return _told(usage, arguments)
        if isinstance(failure, stopping.StopRequestedError):  # outside the work that it stops
            return failure.status
        if isinstance(failure, OSError):
            return _told(KafkactlError(_os_error(failure)), arguments)
        if "--debug" in arguments:
            raise
        what = f"{type(failure).__name__}: {failure}"
        return _told(KafkactlError(f"unexpected: {what}", "this is a bug in kafkactl; --debug shows where"), arguments)


def _wants_json(arguments: list[str]) -> bool:
    """Return whether -o or KAFKACTL_OUTPUT asks for json; errors of the command line itself need to know it, too."""
    found = os.environ.get("KAFKACTL_OUTPUT", "")
    for before, argument in pairwise(("", *arguments)):
        if before in ("-o", "--output"):
            found = argument
        elif argument.startswith("--output="):
            found = argument.partition("=")[2]
        elif argument.startswith("-o") and argument != "-o":
            found = argument[2:]
    return found in ("json", "jsonl")


def _flushed(status: int, arguments: list[str]) -> int:
    """Return the status after everything was written. An error of writing is told, and is the status of a success."""
    try:
        stdout.out.flush()
    except KafkactlError as failure:
        return status or _told(failure, arguments)
    except BrokenPipeError:
        pass  # the reader has seen enough
    return status


def _told(failure: KafkactlError, arguments: list[str]) -> int:
    if isinstance(failure, UnansweredError) and before_change.was_called.get():
        failure = UnansweredError(f"the change may have been done: {failure.reason}", "look before you repeat it")
    with suppress(KafkactlError, BrokenPipeError):  # what was printed before the error comes before it
        stdout.out.flush()
    if "--debug" in arguments:
        import traceback

        sys.stderr.write(hide_in_urls("".join(traceback.format_exception(failure))))
    people.error(failure)
    return failure.status


def _as_usage(failure: Exception) -> KafkactlError | None:
    """The command line parser's own complaints, in our form; None for anything else."""
    if isinstance(failure, typer.Abort):
        return KafkactlError("stopped", None)
    format_message = getattr(failure, "format_message", None)
    if format_message is None:
        return None
    context = getattr(failure, "ctx", None)
    path = context.command_path if context is not None else "kafkactl"
    hint = suggest_option(getattr(failure, "option_name", ""))
    return UsageError(format_message().rstrip("."), hint or f"see: {path} --help")


def _os_error(failure: OSError) -> str:
    reason = failure.strerror or str(failure)
    return f"{failure.filename}: {reason}" if failure.filename else reason
