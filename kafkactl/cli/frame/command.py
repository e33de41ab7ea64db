"""Commands and groups of commands: dataclasses become options, and every app has the same setup."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, TypeVar, dataclass_transform, get_type_hints

import typer
import typer.main
from typer.models import CommandInfo

from kafkactl.cli.frame import help as help_text
from kafkactl.cli.frame import rights, running
from kafkactl.cli.frame.values import read_values_of
from kafkactl.errors import OperationError
from kafkactl.output import people
from kafkactl.patterns import refuse_empty, require_sendable

T = TypeVar("T")

_DEBUG = "debug"
_MAY_BE_EMPTY = ("--key", "--key-separator", "--delimiter", "--null-marker")
"""Options that may have an empty text. For all others an empty text is a mistake, such as an unset shell variable."""

_MAY_BE_EMPTY_FOR_KAFKA = ("regex", "name", "names")
"""Arguments that may also be empty in the place of one of Kafka's tools."""

_BYTES = ("--key", "--header")
"""Options whose values go into records and may have any bytes."""

CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def new_app(summary: str) -> typer.Typer:
    """Return an app without commands, whose help is plain text and which has no --install-completion.

    `summary` is the help: sentences, and below the line "Examples:" command lines. rich would triple the time that help
    takes.
    """
    return typer.Typer(
        cls=_Verbs,
        help=summary,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT_SETTINGS,
    )


@dataclass_transform()
def flags(group: type[T]) -> type[T]:
    """Make a class a dataclass of options and return it: each field is annotated with a typer.Option or typer.Argument.

    It is compared by identity and has no repr of its own, which makes it in a third of the time.
    """
    return dataclass(eq=False, repr=False)(group)


@functools.cache  # the commands of a noun share their dataclasses, and a call takes a quarter of a millisecond
def _read_annotations(group: type[Any]) -> dict[str, Any]:
    """Return the annotations of a dataclass of options by name, with their typer.Option or typer.Argument.

    Class variables are among them. Every call with the same class returns the same dict.
    """
    return get_type_hints(group, include_extras=True)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function a command: each parameter that is annotated with a dataclass becomes the options of that class.

    Options of the cluster and the output before the subcommand (`kafkactl -b HOST topics list`) are the defaults of
    those after it; -X counts in both places. The result has no options yet: calling its attribute `prepare`, without
    arguments, gives it the signature that typer reads; further calls change nothing. typer calls the result with a
    `click_context` and the values of all options by name. It calls the method `check` of each dataclass that has one,
    then the function, and returns what the function returns. It raises the errors of both, and UsageError for an empty
    text (except of --key, --key-separator, --delimiter and --null-marker, and in Kafka's style of the arguments regex,
    name and names) or one that is not Unicode (except of --key and --header). An OperationError of a missing right gets
    a hint that names the right. After KeyboardInterrupt, which goes on, a warning on stderr says that a change may have
    been done, where one was sent.
    """

    @functools.wraps(function)
    def run(click_context: typer.Context, **values: Any) -> Any:
        """Call the function with its dataclasses filled from `values`, and return its result.

        `values` are those of all options by name. --debug is noted in running.is_debugging, and the command in
        running.words. Raise UsageError for a text that is empty (except of --key, --key-separator, --delimiter and
        --null-marker, and in Kafka's style of the arguments regex, name and names) or not Unicode (except of --key and
        --header), and what the `check` of a dataclass raises. Errors of the function pass; an OperationError of a
        missing right gets the hint that names the right, and KeyboardInterrupt a warning where a change was sent.
        """
        _check_texts(click_context, values)
        hints, groups = prepare_flags()
        if _DEBUG not in hints and values.pop(_DEBUG):
            running.is_debugging.set(True)
        for name, group in groups.items():
            options = group(**{field.name: values.pop(field.name) for field in fields(group)})
            values[name] = _fill_in(options, click_context)
            if (check := getattr(values[name], "check", None)) is not None:
                check()
        if "click_context" in hints:
            values["click_context"] = click_context
        running.words.set(_find_words(click_context))
        try:
            return function(**values)
        except OperationError as error:
            error.hint = rights.make_hint(error.code) or error.hint
            raise
        except KeyboardInterrupt:
            if running.may_have_changed():
                people.warning(f"interrupted: the change may have been done; {running.make_check_hint()}")
            raise

    @functools.cache
    def prepare_flags() -> tuple[dict[str, Any], dict[str, type[Any]]]:
        """Give `run` the options of the dataclasses, at the first call only.

        Return two dicts by the names of `function`'s parameters and "return": all annotations, and those of them that
        are dataclasses. The errors of _spread() pass, and NameError for an annotation with an unknown name.
        """
        hints = get_type_hints(function, include_extras=True)
        groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
        signature = _spread(function, hints, groups)
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {name: flag.annotation for name, flag in signature.parameters.items()}
        return hints, groups

    del run.__wrapped__  # typing and inspect would use the annotations of the original function
    run.prepare = prepare_flags  # type: ignore[attr-defined]
    return run


def build(app: typer.Typer) -> Any:
    """Return the command or the group of commands of an app, as typer's class; the commands of `app` stay in it.

    An app with verbs must be one of new_app(). One with a single verb and without a callback is that verb's command.
    The verbs of a noun are built when they are called: a noun has up to twelve, and typer takes a millisecond for each.
    An app without verbs is the root; RuntimeError is raised where it has no callback either.
    """
    if app.registered_callback is not None:
        _prepare(app.registered_callback.callback)
    verbs = {verb.name or _make_name(verb.callback): verb for verb in app.registered_commands}
    if not verbs:  # the root, which finds its commands itself and has the options of completion
        return typer.main.get_command(app)
    if len(verbs) == 1 and app.registered_callback is None:
        return _build_verb(*verbs.values())
    app.registered_commands = []
    try:
        group = typer.main.get_group(app)
    finally:
        app.registered_commands = list(verbs.values())
    if isinstance(group, _Verbs):
        group.verbs = verbs
        group.commands = dict.fromkeys(verbs)  # type: ignore[assignment]  # for "did you mean"
    return group


class _Verbs(help_text.Group):
    """The verbs of a noun. Each is built when it is called."""

    verbs: Mapping[str, CommandInfo]

    def command_sections(self) -> dict[str, list[tuple[str, str]]]:
        """Return the name and the first paragraph of the help of each verb, in the order in which they were added.

        They stand below the one heading "Commands". The paragraph is one line, and "" for a verb without a docstring.
        """
        rows = [
            (name, help_text.first_sentence(verb.callback.__doc__ if verb.callback else None))
            for name, verb in self.verbs.items()
        ]
        return {help_text.COMMANDS: rows}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name, built at the first call and kept; None for an unknown name.

        `ctx` is not used. The errors of the command's `prepare` pass.
        """
        if self.commands.get(cmd_name) is None and cmd_name in self.verbs:
            self.commands[cmd_name] = _build_verb(self.verbs[cmd_name])
            self.commands[cmd_name].name = cmd_name
        return self.commands.get(cmd_name)


def _find_words(click_context: typer.Context) -> str:
    """Return the names of the command that runs and of its noun, without the program: `groups delete`.

    They are not the aliases that were typed.
    """
    names: list[str] = []
    context: Any = click_context
    while context.parent is not None:
        names.insert(0, context.command.name)
        context = context.parent
    return " ".join(names)


def _build_verb(verb: CommandInfo) -> Any:
    """Return the command of a verb, as typer's class, with the options of its function and sections in its help.

    The class of `verb` is set in place. The errors of its function's `prepare` pass.
    """
    _prepare(verb.callback)
    verb.cls = help_text.Command
    app = new_app("")
    app.registered_commands = [verb]
    return typer.main.get_command(app)


def _prepare(function: Callable[..., Any] | None) -> None:
    """Give a command function its options; do nothing for None and for a function that `command` did not make.

    The errors of prepare_flags() pass.
    """
    if (prepare := getattr(function, "prepare", None)) is not None:  # decorated by `command`
        prepare()


def _make_name(function: Callable[..., Any] | None) -> str:
    """Return the name of the command that a function implements: the function's name with - in place of _.

    Raise AssertionError for None.
    """
    assert function is not None
    return function.__name__.replace("_", "-")


def _spread(
    function: Callable[..., Any], hints: Mapping[str, Any], groups: Mapping[str, type[Any]]
) -> inspect.Signature:
    """Return the signature of the command: the options of each dataclass are parameters of their own.

    `hints` are the annotations of the function's parameters by name, `groups` those of them that are dataclasses. All
    parameters are for keywords: click_context, then those of the function itself, then the fields of the dataclasses,
    and a hidden --debug where the function has none. The readers and sections of the options are set in place. A field
    without a default becomes a required option, also with a default_factory. Each annotation must be an Annotated with
    a typer.Option or typer.Argument. Raise AttributeError for another annotation, KeyError for a parameter without one
    and for an option without a metavar whose type has no reader, and ValueError for two parameters of the same name.
    """
    parameters = [inspect.Parameter("click_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in groups and name != "click_context":
            _complete_parameter(hints[name], None)
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))
    for group in groups.values():
        annotations = _read_annotations(group)  # type: ignore[arg-type]  # a class is hashable
        section = getattr(group, "section", None)
        for field in fields(group):
            annotation = annotations[field.name]
            _complete_parameter(annotation, section)
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            parameters.append(
                inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            )
    if _DEBUG not in hints:  # the root shows the option; it may also stand after a command
        hidden = Annotated[bool, typer.Option("--debug", hidden=True)]
        parameters.append(inspect.Parameter(_DEBUG, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=hidden))
    return inspect.Signature(parameters)


def _complete_parameter(annotation: Any, section: str | None) -> None:
    """Give an option the reader of its values, and the section of its dataclass unless it has a section of its own.

    `annotation` is the Annotated of the parameter; its typer.Option or typer.Argument is changed in place. A section of
    None leaves the option without one. Flags get no reader, and an option that has one keeps it. Raise AttributeError
    for another annotation than Annotated, and KeyError for an option without a metavar whose type has no reader.
    """
    for parameter in annotation.__metadata__:
        read_values_of(annotation.__origin__, parameter)
        if parameter.rich_help_panel is None:
            parameter.rich_help_panel = section


def _check_texts(click_context: typer.Context, values: Mapping[str, Any]) -> None:
    """Raise UsageError for text that is empty or not Unicode. Paths are not checked: they may have any bytes.

    `values` has the value, or the list of values, of each parameter by name; `click_context` has the parameters. --key,
    --key-separator, --delimiter and --null-marker may be empty, and --key and --header may have any bytes. In Kafka's
    style the arguments regex, name and names may be empty, too.
    """
    for parameter in click_context.command.params:
        name = parameter.opts[0]
        value = values.get(parameter.name or "")
        for text in value if isinstance(value, (list, tuple)) else (value,):
            if not isinstance(text, str):
                continue
            shown = name if name.startswith("-") else parameter.metavar or name.upper()
            for_kafka = people.is_kafka_style() and name in _MAY_BE_EMPTY_FOR_KAFKA
            if not text and name not in _MAY_BE_EMPTY and not for_kafka:
                refuse_empty(text, shown)
            if name not in _BYTES and not text.isascii():
                require_sendable(text, shown)


def _fill_in(options: T, click_context: typer.Context) -> T:
    """Return options in which each None is replaced by the value from before the subcommand, and lists have both.

    The values from before come first in a list. The result is a copy, also where nothing changes; options of a class
    that does not stand before the subcommand are returned unchanged. `click_context` is that of the subcommand.
    """
    root_options: dict[type[Any], Any] = click_context.find_root().obj or {}
    outer = next((outer for kind, outer in root_options.items() if isinstance(options, kind)), None)
    if outer is None:
        return options
    filled: dict[str, Any] = {}
    for field in fields(outer):
        before, own = getattr(outer, field.name), getattr(options, field.name)
        if own is None:
            filled[field.name] = before
        elif isinstance(own, list):  # -X: the last of two settings with the same name wins
            filled[field.name] = [*(before or ()), *own]
    return replace(options, **filled)  # type: ignore[type-var]
