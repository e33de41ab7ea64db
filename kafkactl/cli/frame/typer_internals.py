"""Private parts of typer that make kafkactl faster or its completion better. Each of them is optional.

A release of typer that has moved a part loses what the part is for, and nothing else; a test runs the commands on
releases that have none of these names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple


class Proposal(NamedTuple):
    """A proposal of completion: the value, and the words that zsh and fish show beside it."""

    value: str
    help: str | None = None
    type: str = "plain"


def avoid_pydantic() -> None:
    """Let typer read flags, and values of parameters with a parser, without pydantic, in the whole process.

    A parameter that is no flag and has no parser is still read by pydantic. Where typer has moved the parts for this,
    nothing changes.

    typer 0.29 builds a pydantic adapter for every parameter of a command, and to import pydantic takes as long as to
    import typer.
    """
    with suppress(ImportError, AttributeError, TypeError):
        parameter_class = import_module("typer.core")._TyperParameter
        build = import_module("typer._coercion").build_runtime_param
        reader_class = _make_reader_class(import_module("typer._coercion").RuntimeParam)

        def get_runtime_param(parameter: Any) -> Any:
            """Return the object that reads the values of a parameter, made at the first call.

            A parameter that is no flag and has no parser gets typer's own object.
            """
            if parameter._runtime_param is None:
                descriptor = parameter.type_descriptor
                is_light = descriptor.parameter_info.parser is not None or descriptor.annotation is bool
                arguments = (descriptor.parameter_info, descriptor.annotation)
                parameter._runtime_param = reader_class(*arguments) if is_light else build(descriptor)
            return parameter._runtime_param

        if hasattr(parameter_class, "get_runtime_param"):
            parameter_class.get_runtime_param = get_runtime_param


def _make_reader_class(base: Any) -> Any:
    """Return a class that reads values by the parser of their parameter, or else as a flag: True for any text but "".

    `base` is typer's RuntimeParam. Of a list or tuple each item is read, and the result is a list. A BadParameter of
    the parser is raised with the parameter; other errors of the parser pass unchanged.
    """

    class ParserParam(base):  # type: ignore[misc]
        def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
            """Return a value, or a list of values one by one, as the parser reads it. Without a parser it is a flag.

            Raise BadParameter, with the parameter, for a value that the parser refuses.
            """
            from typer import BadParameter

            parse = self.parameter_info.parser or bool  # a flag that is given is true
            try:
                return [parse(item) for item in value] if isinstance(value, (list, tuple)) else parse(value)
            except BadParameter as error:
                raise BadParameter(error.message, ctx=ctx, param=param) from None

    return ParserParam


def replace_completion(
    scripts: Mapping[str, str], answers: Mapping[str, type], install_zsh: Callable[..., Any]
) -> None:
    """Replace the scripts of shells, the classes that answer them, and the function that installs zsh's script.

    `scripts` and `answers` are by the name of the shell; other shells stay as they are. The classes have the methods
    get_completion_args, format_completion and source_vars of click's ShellComplete. `install_zsh` gets prog_name,
    complete_var and shell by name, and returns the path of the script. Where typer has moved these parts, some or none
    are replaced, without an error.
    """
    if (parts := _completion_parts()) is None:
        return
    typer_scripts, click_answers = parts
    with suppress(AttributeError):
        typer_scripts._completion_scripts.update(scripts)
        typer_scripts.install_zsh = install_zsh
        for shell, methods in answers.items():
            members = {"name": shell, "source_template": ""}
            answer = type(methods.__name__, (methods, click_answers.ShellComplete), members)
            click_answers.add_completion_class(answer, shell)


def make_completion_item(value: str, help: str | None) -> Any:
    """Return a proposal of completion; a `help` of None shows nothing beside it.

    It is a CompletionItem, as typer expects, or a Proposal where typer has moved that class. Both have `value` and
    `help`.
    """
    if (parts := _completion_parts()) is not None:
        return parts[1].CompletionItem(value, help=help)
    return Proposal(value, help)


def _completion_parts() -> tuple[Any, Any] | None:
    """Return typer's module of scripts and the module of the classes that answer, None where they have moved."""
    with suppress(ImportError):
        scripts = import_module("typer._completion_shared")
        try:
            answers = import_module("typer._click.shell_completion")
        except ImportError:  # until 0.25 typer used click itself
            answers = import_module("click.shell_completion")
        return scripts, answers
    return None
