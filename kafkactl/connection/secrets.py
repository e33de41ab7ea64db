"""Settings that are secret: where they may come from, and that nobody else can read them there.

A setting `NAME_command` is a shell command whose first line of output is NAME; `NAME_file` a file whose first line is.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from kafkactl.errors import UsageError
from kafkactl.escaping import HIDDEN, hide_in_url

_WORDS = (
    "password",
    "secret",
    "jaas",
    "key.pem",
    "keystore.key",
    "token",
    "auth.user.info",
    "SCRAM-SHA-",
    "passphrase",
    "oauthbearer.config",
)
_NO_SECRETS = ("sasl.oauthbearer.token.endpoint.url",)
_SOURCES = ("command", "file")
_COMMAND_TIMEOUT_S = 60
IN_CLIENT_SETTINGS = "{variable}, a --command-config file, or -X {name}_command='COMMAND THAT PRINTS IT'"
_OTHERS_READ, _OTHERS_WRITE = 0o044, 0o022


def is_secret(name: str) -> bool:
    """Whether a setting's value is nobody else's business; where it comes from may be known."""
    return any(word in name for word in _WORDS) and _source(name) is None and name not in _NO_SECRETS


def refuse(names: Iterable[str], flag: str, instead: str) -> None:
    """Raises UsageError for a secret on the command line: `ps` shows it to everybody, and the shell keeps it.

    `instead` says where it may come from; {name} and {variable} in it are those of a client's setting.
    """
    if found := next((name for name in names if is_secret(name)), None):
        variable = "KAFKACTL_CLIENT_" + found.upper().replace(".", "_")
        raise UsageError(
            f"{flag} {found}=...: others can read the command line, and the shell keeps it",
            instead.format(name=found, variable=variable),
        )


def refuse_in_url(url: str, flag: str, instead: str) -> None:
    """Raise UsageError for a URL on the command line that has a login; `instead` says where it may come from."""
    if (hidden := hide_in_url(url)) != url:
        raise UsageError(f"{flag} {hidden}: others can read the command line, and the shell keeps it", instead)


def refuse_urls(settings: Mapping[str, str], flag: str) -> None:
    """Raise UsageError for a setting on the command line that is a URL with a login."""
    for name, value in settings.items():
        if "://" in value:
            refuse_in_url(value, f"{flag} {name}", "put it into a file: --command-config FILE")


def shown(name: str, value: str) -> str:
    """Return the value of a setting as it may be shown."""
    if is_secret(name):
        return HIDDEN
    return hide_in_url(value) if "://" in value else value


def refuse_commands_of_others(path: Path, settings: Iterable[str]) -> None:
    """Raise UsageError for a file of another user with commands: they would be run with the rights of this one."""
    found = next((name for name in settings if _source(name) == "command"), None)
    if found is None or os.name != "posix" or not path.exists():
        return
    if path.stat().st_uid not in (0, os.geteuid()):
        raise UsageError(f"{path} has {found}, and the file is another user's", f"chown $(id -u) {path}")


def refuse_changeable(path: Path, settings: Iterable[str]) -> None:
    """Raise UsageError for a file with secrets, or with commands that give them, that others can write."""
    found = next((name for name in settings if is_secret(name) or _source(name)), None)
    if found is not None and _others_can(_OTHERS_WRITE, path):
        raise UsageError(f"{path} holds {found}, and others can write it", f"chmod go-w {path}")


def refuse_changeable_contexts(path: Path) -> None:
    """Raise UsageError for a contexts file that others can write: it says where to connect and which commands run."""
    if path.exists() and not path.is_file():
        raise UsageError(f"the contexts file {path} is no file", "KAFKACTL_CONFIG names another")
    if _others_can(_OTHERS_WRITE, path):
        raise UsageError(
            f"others can write the contexts file {path}: it says where to connect, and which commands give passwords",
            f"chmod go-w {path}",
        )


def warning(path: Path, settings: Iterable[str]) -> str | None:
    """What is to be said of a file with secrets in it that others can read."""
    found = next((name for name in settings if is_secret(name)), None)
    if found is None or not _others_can(_OTHERS_READ, path):
        return None
    return f"{path} holds {found}, and others can read it: chmod 600 {path}"


def fetched(layers: Sequence[Mapping[str, str]], runs_commands: bool = True) -> Iterator[dict[str, str]]:
    """Return each layer with its secrets in place, but for those that a later layer says itself.

    Raises UsageError when a command or a file does not give one, and for a command that is not to be run.
    """
    for number, layer in enumerate(layers, 1):
        said_later = {_base(name) for later in layers[number:] for name in later}
        found = {}
        for name, value in layer.items():
            source, base = _source(name), _base(name)
            if source is None:
                found[name] = value
            elif base not in said_later:
                if source == "command" and not runs_commands:
                    raise UsageError(f"{name}: the command is not run here")
                found[base] = _of_command(name, value) if source == "command" else of_file(name, Path(value))
        yield found


def _source(name: str) -> str | None:
    for source in _SOURCES:
        base = name.removesuffix(f"_{source}").removesuffix(f".{source}")
        if base != name and any(word in base for word in _WORDS):
            return source
    return None


def _base(name: str) -> str:
    source = _source(name)
    return name if source is None else name.removesuffix(source)[:-1]


@functools.cache  # some commands make two clients, and nobody wants to be asked twice
def _of_command(name: str, command: str) -> str:
    import subprocess

    try:
        done = subprocess.run(
            command, shell=True, stdout=subprocess.PIPE, stderr=sys.stderr, timeout=_COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{name}: the command does not end", f"it has {_COMMAND_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise UsageError(f"{name}: the command failed with status {done.returncode}", "run it by hand")
    return _first_line(name, done.stdout)


def of_file(name: str, path: Path) -> str:
    """A file's first line; raises UsageError for a file that others can read, or nobody."""
    for bits, verb in ((_OTHERS_READ, "read"), (_OTHERS_WRITE, "write")):
        if _others_can(bits, path):
            raise UsageError(f"{name}: others can {verb} {path}", f"chmod 600 {path}")
    try:
        told = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: cannot read {path}: {error.strerror}") from error
    return _first_line(name, told)


def _first_line(name: str, told: bytes) -> str:
    line = told.decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
    if not line:
        raise UsageError(f"{name}: it gives nothing")
    return line


def _others_can(bits: int, path: Path) -> bool:
    """Return whether the group or everybody has a right to a file; False where nobody can tell."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & bits)
    except OSError:  # whoever opens it says why
        return False
