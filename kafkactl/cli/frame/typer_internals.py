"""Values of flags as what they stand for, without pydantic.

typer 0.29 builds a pydantic adapter for every parameter of the command being run, and importing pydantic takes as
long as importing typer itself. Our parameters are of a handful of plain types: those are translated here, and a
parameter of any other type is left to typer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer
from typer import core
from typer._coercion import RuntimeParam, build_runtime_param


def install() -> None:
    """From now on every parameter of a plain type is translated here."""
    setattr(core._TyperParameter, "get_runtime_param", _runtime_param)  # noqa: B010


def _runtime_param(parameter: Any) -> RuntimeParam:
    if parameter._runtime_param is None:
        descriptor = parameter.type_descriptor
        if _element(descriptor.annotation) in _NAMES:
            parameter._runtime_param = PlainParameter(descriptor.parameter_info, descriptor.annotation)
        else:
            parameter._runtime_param = build_runtime_param(descriptor)
    runtime_param: RuntimeParam = parameter._runtime_param
    return runtime_param


@dataclass(frozen=True)
class PlainParameter(RuntimeParam):
    """Translates text, numbers, paths and choices, alone or in lists."""

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            annotation: Any = self.annotation
            if get_origin(annotation) is list:
                (element,) = get_args(annotation)
                return [self._read(item, element) for item in value]
            return self._read(value, annotation)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from None

    def _read(self, value: Any, annotation: Any) -> Any:
        kind = _element(annotation)
        if kind is Path and value == "":
            raise ValueError("the value is empty")
        read = annotation if kind is Enum else _READERS[kind]
        try:
            if kind is int and isinstance(value, str) and not value.isascii():
                raise ValueError  # Python reads the digits of every script
            result = read(value)
        except ValueError:
            choices = f"; one of {', '.join(annotation)}" if kind is Enum else ""
            raise ValueError(f"{value!r} is not {_NAMES[kind]}{choices}") from None
        if kind is int and not -(2**63) <= result < 2**63:
            raise ValueError(f"a number of {len(value)} digits is too large")
        low, high = self.parameter_info.min, self.parameter_info.max
        if low is not None and result < low:
            raise ValueError(f"{value} is less than {low}")
        if high is not None and result > high:
            raise ValueError(f"{value} is more than {high}")
        return result


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value.strip().lower() in ("1", "true", "yes", "on"):
        return True
    if value.strip().lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError


def _element(annotation: Any) -> Any:
    """The plain type that an annotation holds; Enum for any choice."""
    if get_origin(annotation) is list:
        (annotation,) = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Enum
    return annotation


_READERS: dict[Any, Callable[[Any], Any]] = {str: str, int: int, float: float, Path: Path, bool: _boolean}
_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    bool: "true or false",
    Enum: "a choice",
}
