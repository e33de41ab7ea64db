"""Contexts: named clusters in one YAML file of the user's, one of them current."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafkactl.connection import secrets
from kafkactl.errors import NotFoundError, UsageError
from kafkactl.paths import config_file

_ANOTHER = "KAFKACTL_CONFIG names another"
_LOCK_WAIT_S, _LOCK_PAUSE_S = 10.0, 0.02


@dataclass(frozen=True)
class Context:
    """A cluster and how to log in to it."""

    name: str
    bootstrap_servers: str
    properties: Mapping[str, str] = field(default_factory=dict)
    """Client settings under librdkafka's or Java's names."""
    read_only: bool = False
    """Whether commands that change the cluster are refused."""

    def without_secrets(self) -> Context:
        shown = {name: secrets.shown(name, value) for name, value in sorted(self.properties.items())}
        return Context(self.name, self.bootstrap_servers, shown, self.read_only)


@dataclass(frozen=True)
class ContextFile:
    """All contexts and the name of the current one."""

    path: Path
    contexts: Mapping[str, Context]
    current: str | None

    def get(self, name: str) -> Context:
        """The context of that name; raises NotFoundError naming those there are."""
        try:
            return self.contexts[name]
        except KeyError:
            known = ", ".join(sorted(self.contexts)) or "none yet"
            raise NotFoundError(
                f"there is no context {name!r} in {self.path}",
                f"known: {known}; kafkactl context set {name} --bootstrap-server HOST:PORT makes it",
            ) from None

    def with_context(self, context: Context) -> ContextFile:
        return ContextFile(self.path, {**self.contexts, context.name: context}, self.current)

    def without(self, name: str) -> ContextFile:
        """The file less one context, which must exist; a current one leaves none current."""
        self.get(name)
        others = {key: context for key, context in self.contexts.items() if key != name}
        return ContextFile(self.path, others, None if self.current == name else self.current)

    def using(self, name: str) -> ContextFile:
        self.get(name)
        return ContextFile(self.path, self.contexts, name)

    def save(self) -> None:
        """Writes the file whole or not at all, readable by its owner only: it may hold passwords."""
        import tempfile

        import yaml

        document: dict[str, Any] = {"contexts": {}}
        if self.current is not None:
            document["current"] = self.current
        for name, context in sorted(self.contexts.items()):
            entry: dict[str, Any] = {"bootstrap-servers": context.bootstrap_servers}
            if context.read_only:
                entry["read-only"] = True
            if context.properties:
                entry["properties"] = dict(context.properties)
            document["contexts"][name] = entry
        target = _target(self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".contexts-", dir=target.parent)  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yaml.safe_dump(document, file, sort_keys=True)
        os.replace(draft, target)


def change(make: Callable[[ContextFile], ContextFile]) -> ContextFile:
    """Write what `make` returns for the contexts there are, while no other process changes them; return it.

    Raises UsageError, also where another process does not end its own change.
    """
    path = config_file()
    with _locked(_target(path)):
        changed = make(load(path))
        changed.save()
    return changed


def _target(path: Path) -> Path:
    """Return the file that a path leads to, for a link stays a link; raises UsageError for one that leads nowhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise UsageError(f"cannot read the contexts file {path}: its links lead in a circle", _ANOTHER) from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock beside a file."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"cannot write the contexts file {path}: {error.strerror}", _ANOTHER) from error
    try:
        deadline = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise UsageError(f"another process holds {lock}", "end it, and do this again") from None
                time.sleep(_LOCK_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


def load(path: Path | None = None) -> ContextFile:
    """The contexts file, empty when there is none; raises UsageError when it is not what it should be."""
    path = path or config_file()
    secrets.refuse_changeable_contexts(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ContextFile(path, {}, None)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"cannot read the contexts file {path}: {reason}", _ANOTHER) from error
    import yaml

    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
        contexts = {
            str(name): Context(
                str(name),
                str(entry["bootstrap-servers"]),
                {str(key): _text(value) for key, value in (entry.get("properties") or {}).items()},
                _flag(entry.get("read-only", False)),
            )
            for name, entry in (document.get("contexts") or {}).items()
        }
        current = document.get("current")
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0] if not isinstance(error, KeyError) else f"a context has no {error}"
        raise UsageError(
            f"the contexts file {path} is not well formed: {reason}", "correct it, or remove it"
        ) from error
    return ContextFile(path, contexts, str(current) if current is not None else None)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"read-only is {value!r}, not true or false")
    return value


def _text(value: object) -> str:
    """YAML reads `true` and `5` as what they are; Kafka's settings are text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
