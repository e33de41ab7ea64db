"""Contexts: named clusters in the user's YAML file. One of them can be the current context."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from kafkactl.connection import secrets
from kafkactl.errors import MissingContextError, UsageError
from kafkactl.paths import find_config_file
from kafkactl.patterns import write_command

_ANOTHER = "choose another file with KAFKACTL_CONFIG=FILE"
_ENTRIES = frozenset({"bootstrap-servers", "read-only", "properties"})
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LOCK_WAIT_S, _LOCK_PAUSE_S = 10.0, 0.02


@dataclass(frozen=True)
class Context:
    """A cluster, and how to connect and log in to it."""

    name: str
    bootstrap_servers: str
    properties: Mapping[str, str] = field(default_factory=dict)
    """Client settings under librdkafka's or Java's names."""
    read_only: bool = False
    """Whether commands that change the cluster are refused."""

    def hide_secrets(self) -> Context:
        """Return a copy for output: secret values and logins in URLs of the settings are hidden.

        The settings are sorted by name; the address stays as it is.
        """
        visible_properties = {name: secrets.hide_secret(name, value) for name, value in sorted(self.properties.items())}
        return Context(self.name, self.bootstrap_servers, visible_properties, self.read_only)


@dataclass(frozen=True)
class ContextFile:
    """The content of the contexts file: all contexts, and the name of the current one."""

    path: Path
    contexts: Mapping[str, Context]
    current: str | None
    """Name of the current context; None where no context is current."""

    def get(self, name: str) -> Context:
        """Return the context of a name; raise MissingContextError for an unknown one, with the known names as hint."""
        try:
            return self.contexts[name]
        except KeyError:
            existing_names = ", ".join(sorted(self.contexts)) or "none"
            raise MissingContextError(
                f"context not found: {name!r} in {self.path}",
                f"existing contexts: {existing_names}; "
                f"create it: {write_command('kafkactl context set', name, '--bootstrap-server', 'HOST:PORT')}",
            ) from None

    def add_context(self, context: Context) -> ContextFile:
        """Return a copy with a context added. It replaces a context of the same name. No file is written."""
        return ContextFile(self.path, {**self.contexts, context.name: context}, self.current)

    def remove_context(self, name: str) -> ContextFile:
        """Return a copy without a context. If it was the current one, no context is current. No file is written.

        Raise NotFoundError for an unknown name.
        """
        self.get(name)
        remaining_contexts = {key: context for key, context in self.contexts.items() if key != name}
        return ContextFile(self.path, remaining_contexts, None if self.current == name else self.current)

    def select_context(self, name: str) -> ContextFile:
        """Return a copy whose current context is `name`; raise NotFoundError for an unknown name.

        No file is written.
        """
        self.get(name)
        return ContextFile(self.path, self.contexts, name)

    def save(self) -> None:
        """Write the file, completely or not at all. Only its owner can read it, because it may hold passwords.

        Missing folders are created, and a symbolic link stays one. No lock is taken here: see change(). Raise OSError
        where the file cannot be written, and UsageError for a loop of links and for a relative path in a folder that is
        gone. From Python 3.13 on a loop is no error: the file replaces one of its links.
        """
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
        target = _resolve_target(self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".contexts-", dir=target.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                yaml.safe_dump(document, file, sort_keys=True)
            os.replace(draft, target)
        except BaseException:  # a full disk or a signal leaves no draft behind
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise


def change(make: Callable[[ContextFile], ContextFile]) -> ContextFile:
    """Write the contexts that `make` returns for the present ones, and return them.

    A lock keeps other kafkactl processes from changing the file meanwhile, but not on Windows. Its file `.NAME.lock`
    and its folder are created, and stay. Without a file of contexts `make` gets none. Raise UsageError for a file that
    cannot be read, is not a regular file, is not well formed or can be written by other users, where the lock cannot be
    created in the file's folder, and where another process holds it for more than 10 s; raise OSError where the writing
    fails after that, for example on a full disk. Errors of `make` pass through, and no contexts are written then.
    """
    path = find_config_file()
    with _hold_lock(_resolve_target(path)):
        new_file = make(load(path))
        new_file.save()
    return new_file


def _resolve_target(path: Path) -> Path:
    """Return the absolute path of the file behind a path, so that a symbolic link stays one. It need not exist.

    Raise UsageError for a loop of links, which Python 3.13 and newer do not find here, and for a relative path in a
    folder that is gone.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        number = (error.errno or errno.ELOOP) if isinstance(error, OSError) else errno.ELOOP
        reason = "its symbolic links form a loop" if number == errno.ELOOP else os.strerror(number)
        raise UsageError(f"cannot read the contexts file {path}: {reason}", _ANOTHER) from error


@contextlib.contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock beside a file inside the context, which gets None. Do nothing on Windows.

    The file `.NAME.lock` and its folder are created, and stay. The lock is released at the end of the context, also
    after an error, which goes on. Links in `path` are not followed. Raise UsageError where the file cannot be created
    or locked, at once for a file system without locks, and after 10 s where a process, also this one, holds the lock.
    """
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
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise UsageError(f"another process holds {lock}", "end that process, and try again") from None
                time.sleep(_LOCK_PAUSE_S)
            except OSError as error:  # a file system without locks
                raise UsageError(f"cannot lock the contexts file {path}: {error.strerror}", _ANOTHER) from error
        yield
    finally:
        os.close(descriptor)


def load(path: Path | None = None) -> ContextFile:
    """Return the contexts file at `path` (None: the user's own). Without a file the result has no contexts.

    Raise UsageError for a file that cannot be read, is not a regular file, is not well formed, or can be written by
    other users. Names of settings are not checked, and neither is whether the current context exists. A context is not
    well formed with another entry than bootstrap-servers, read-only and properties, without bootstrap-servers, with
    null, a mapping, empty text or an empty list as the address, with null, a list or a mapping as a setting's value, or
    with a read-only that is not true, yes, on, false, no or off. An empty value passes. An address may be a list. Of a
    repeated name the last one counts. Other entries at the top of the file are ignored.
    """
    path = path or find_config_file()
    secrets.refuse_changeable_contexts(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ContextFile(path, {}, None)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"cannot read the contexts file {path}: {reason}", _ANOTHER) from error
    import yaml

    malformed = f"the contexts file {path} is not well formed"
    try:
        document = yaml.load(text, Loader=_make_loader()) or {}  # the loader is a safe one
    except yaml.YAMLError as error:
        raise UsageError(f"{malformed}: {str(error).splitlines()[0]}", "correct it, or remove it") from error
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{malformed}: a tag, such as !!bool, has a wrong value", "correct it, or remove it"
        ) from error
    try:
        contexts = {
            str(name): _make_context(str(name), entry) for name, entry in (document.get("contexts") or {}).items()
        }
        current = document.get("current")
        current = None if current is None else str(current)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0] if not isinstance(error, KeyError) else f"a context has no {error}"
        raise UsageError(f"{malformed}: {reason}", "correct it, or remove it") from error
    return ContextFile(path, contexts, current)


def _make_context(name: str, entry: Mapping[str, Any]) -> Context:
    """Return the context of this name from its mapping in the file.

    The address may be a list, which is joined by commas. Raise ValueError for an entry that no context has, such as a
    misspelt read-only, for an address that is null, a mapping or empty, and for null, a list or a mapping as a
    setting's value (empty text passes); TypeError for a value of read-only that _parse_read_only() refuses, KeyError
    without bootstrap-servers, and AttributeError for something that is no mapping.
    """
    unknown = sorted(set(map(str, entry.keys())) - _ENTRIES)
    if unknown:
        raise ValueError(f"context {name} has an unknown entry {unknown[0]!r}: use {', '.join(sorted(_ENTRIES))}")
    servers = entry["bootstrap-servers"]
    if isinstance(servers, list):
        servers = ",".join(_format_value("bootstrap-servers", server) for server in servers)
    servers = _format_value("bootstrap-servers", servers)
    if not servers.strip():
        raise ValueError("bootstrap-servers is empty")
    return Context(
        name,
        servers,
        {str(key): _format_value(key, value) for key, value in (entry.get("properties") or {}).items()},
        _parse_read_only(entry.get("read-only", False)),
    )


def _make_loader() -> Any:
    """Return a subclass of PyYAML's safe loader for which a single value without a tag is null or a text.

    Numbers and words such as `on` stay as they are written: 0123 may be a password. << is only a merge key: as a value
    it needs quotes, or yaml.YAMLError is raised at loading.
    """
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Of YAML's types without a tag only null and the merge key << are left."""

        yaml_implicit_resolvers: ClassVar = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("null", "merge")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader


def _parse_read_only(value: object) -> bool:
    """Return the value of read-only: True for true, yes or on, False for false, no or off, in any case.

    Raise TypeError for any other value, such as y or 1.
    """
    try:
        return _WORDS[str(value).lower()]
    except KeyError:
        raise TypeError(f"read-only is {value}, not true or false") from None


def _format_value(name: object, value: object) -> str:
    """Return a setting's value, as the loader has read it, as text; booleans, which need a tag, are lower case.

    Raise ValueError for all but texts, numbers and booleans: for null, a list, a mapping and bytes. The message has the
    setting's name, and no value.
    """
    if value is None:
        raise ValueError(f"{name} has no value")
    if isinstance(value, (list, dict)):
        raise ValueError(f"{name} has several values")
    if not isinstance(value, (str, int, float)):
        raise ValueError(f"{name} is not a text")
    return str(value).lower() if isinstance(value, bool) else str(value)
