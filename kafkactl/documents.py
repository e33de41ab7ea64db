"""Files that people write by hand: text, JSON and YAML. They are read completely, and each fault has its own error.

YAML is read by YAML 1.2's core schema, and not by PyYAML's default: `no` and `010` stay texts, a name that is repeated
in a mapping is refused, and only true, false, null and decimal integers are not texts.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.stdout import was_closed

STDIN = Path("-")
"""Path that means standard input."""


def read_text(path: Path) -> str:
    """Return a file's text, or that of standard input for the path `-`.

    Raise UsageError for a file that cannot be read or does not exist, for bytes that are not UTF-8, and for a standard
    input that was closed when the command began.
    """
    if path == STDIN and was_closed(0):
        raise UsageError("cannot read standard input: it is closed", "name a file")
    try:
        data = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # bytes that are not UTF-8, or a path that no file can have
        reason = f"byte {error.start} is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise UsageError(f"cannot read {path}: {reason}") from None


def read_json(path: Path) -> Any:
    """Return the value of a JSON file, or of standard input for the path `-`.

    Of a name that is repeated in an object the last value counts. Raise UsageError for a file that cannot be read, is
    not UTF-8 or not JSON, or is nested too deeply.
    """
    try:
        return json.loads(read_text(path))
    except RecursionError:
        raise UsageError(f"cannot read {path}: it is nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"cannot read {path}: not JSON: {error}") from None


def read_yaml(path: Path) -> Any:
    """Return the value of a YAML file: mappings, lists, texts, integers, true, false and None; None for an empty file.

    The path `-` means standard input. Raise UsageError for a file that cannot be read, is not UTF-8 or not YAML, or is
    nested too deeply, and for a mapping with a repeated name or a name that is neither a text nor an integer.
    """
    import yaml

    text = read_text(path)
    try:
        return yaml.load(text, Loader=_make_loader())  # the loader is a safe one
    except RecursionError:
        raise UsageError(f"cannot read {path}: it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise UsageError(f"cannot read {path}: {where}{error.problem or 'not YAML'}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"cannot read {path}: not YAML: {' '.join(str(error).split())}") from None
    except ValueError:
        raise UsageError(f"cannot read {path}: not YAML: a value does not have the type of its tag") from None


_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")


def _make_loader() -> Any:
    """Return a new class of PyYAML's safe loader with the schema of this module."""
    import yaml

    class Loader(yaml.SafeLoader):
        """The core schema without floats: 1.10 is a text."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own name

        def construct_scalar(self, node: Any) -> Any:
            r"""Return the text of a scalar. JSON writes a character as two halves, \ud83d\ude00, that PyYAML leaves so.

            Raise ConstructorError for half a character.
            """
            text = super().construct_scalar(node)
            if _SURROGATE.search(text) is None:
                return text
            try:
                return text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise yaml.constructor.ConstructorError(
                    None, None, f"half a character: {text!r}", node.start_mark
                ) from None

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            """Return a mapping with its values; PyYAML calls this, with `deep` where nested values are needed at once.

            Raise ConstructorError for a name that occurs twice, and for one that is neither a text nor an integer.
            """
            keys = set()
            for name, _ in node.value:
                key = self.construct_object(name, deep=True)
                if not isinstance(key, (str, int)) or isinstance(key, bool):
                    raise yaml.constructor.ConstructorError(None, None, "a name is not a text", name.start_mark)
                if key in keys:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} occurs twice", name.start_mark)
                keys.add(key)
            return super().construct_mapping(node, deep=deep)

    for tag, pattern, first in (
        ("null", re.compile(r"~|null|"), ["~", "n", ""]),
        ("bool", re.compile(r"true|false"), ["t", "f"]),
        ("int", _INTEGER, list("-+0123456789")),
    ):
        whole = re.compile(f"(?:{pattern.pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, first)
    return Loader
