"""Completion of Kafka's tools: their options, and names from the cluster as their values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from kafkactl.cli.completion import names
from kafkactl.cli.frame.values import read_values_of
from kafkactl.cli.kafka_style.parser import Arity, Option
from kafkactl.cli.kafka_style.tools import load_tool


def _complete_last_setting(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return proposals for a list of settings A=1,B=2: names for its last part, behind the parts before it.

    Each ends with an equals sign. `ctx` is the context of the line, whose options name the cluster and the type of
    entity. Names in the parts before are proposed again. The names for users, clients and ips need no cluster; of other
    types there are none without an answer within 2 s, or where no entity of the type exists. Nothing is raised.
    """
    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in names.complete_config_names(ctx, last)]


def _complete_last_removed_setting(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return proposals for a list of names of settings A,B: names for its last part, behind the parts before it.

    This is `_complete_last_setting` without the equals signs. All settings that can be changed are proposed, also those
    that are not set.
    """
    return [name.removesuffix("=") for name in _complete_last_setting(ctx, incomplete)]


_NAMES: dict[str, Callable[..., list[str]]] = {
    "topic": names.complete_topics,
    "include": names.complete_topics,
    "group": names.complete_groups,
    "entity-type": names.complete_entity_types,
    "entity-name": names.complete_entity_names,
    "config": names.complete_config_names,
    "add-config": _complete_last_setting,
    "delete-config": _complete_last_removed_setting,
}
"""Functions that propose the values of an option."""
_ONCE = ("bootstrap-server", "bootstrap-controller", "command-config")
"""Options whose value the functions in _NAMES read to find the cluster."""
_LENIENT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def build_command(name: str) -> Any:
    """Return a command of typer with the options of one of Kafka's tools, which only serves completion.

    `name` is without .sh. Raise KeyError for an unknown tool.
    """

    def run(**values: Any) -> None:
        """Do nothing: the command is never run."""

    parameters = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    parameters += [_make_parameter(option) for option in load_tool(name).options]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, context_settings=_LENIENT, add_help_option=False)(run)
    return typer.main.get_command(app)


def _make_parameter(option: Option) -> inspect.Parameter:
    """Return a parameter of a command function for an option.

    An option that needs a value takes a list of texts, but the options of _ONCE take one text. Any other option, also
    one whose value is optional, is a flag, so that the next word may be an option. The parameter's name is the
    option's, with _ for dashes and dots. Kafka's default is not applied.
    """
    flag = typer.Option(f"--{option.name}", help=option.summary, autocompletion=_NAMES.get(option.name))
    kind: Any = bool
    default: Any = False
    if option.arity is Arity.REQUIRED:
        kind, default = (str | None, None) if option.name in _ONCE else (list[str] | None, None)
    read_values_of(kind, flag)
    return inspect.Parameter(
        option.name.replace("-", "_").replace(".", "_"), inspect.Parameter.KEYWORD_ONLY, default=default,
        annotation=Annotated[kind, flag],
    )  # fmt: skip
