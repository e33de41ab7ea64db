"""Secret settings: their names, their allowed sources, and checks that no other user can read or change them.

A setting `NAME_command` is a shell command, and `NAME_file` is a file. Its first line of output or text is NAME.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from kafkactl.errors import UsageError
from kafkactl.escaping import HIDDEN, hide_in_url, hide_in_urls

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
    """Return whether a setting's value is secret: its name has a word such as password, secret, token or jaas.

    The name of a file or a command that gives a secret, and the URL of a token endpoint, are not secret. Case counts.
    """
    return any(word in name for word in _WORDS) and _find_source(name) is None and name not in _NO_SECRETS


def refuse(names: Iterable[str], flag: str, instead: str) -> None:
    """Raise UsageError for the first secret on the command line: `ps` shows it to all users, and the shell keeps it.

    `names` are settings' names; without a secret nothing happens. NAME_command and NAME_file, which give a secret,
    pass. `flag` is the option. `instead` is the hint that says where the secret may come from; {name} in it becomes the
    setting's name and {variable} the name of its environment variable.
    """
    if secret_name := next((name for name in names if is_secret(name)), None):
        variable = "KAFKACTL_CLIENT_" + secret_name.upper().replace(".", "_")
        raise UsageError(
            f"{flag} {secret_name}=...: others can read the command line, and the shell keeps it",
            instead.format(name=secret_name, variable=variable),
        )


def refuse_in_url(url: str, flag: str, instead: str) -> None:
    """Raise UsageError for a URL on the command line with a login or, in its query, a secret; otherwise do nothing.

    Everything before an @ counts as a login. A secret is a value whose name contains token, secret, password or key.
    `flag` is the option, `instead` the hint. The message hides the login and the secrets.
    """
    _refuse_hidden(url, hide_in_url(url), flag, instead)


def refuse_urls(settings: Mapping[str, str], flag: str) -> None:
    """Raise UsageError for a setting on the command line whose value is a URL with a login, or a secret in its query.

    `settings` are values by name, `flag` is the option. A value with :// counts as one URL, with all before the last @,
    except SCHEME://, as the login; in a command, NAME_command, each word counts. Other settings pass.
    """
    for name, value in settings.items():
        _refuse_hidden(value, _hide_urls(name, value), f"{flag} {name}", "put it into a file: --command-config FILE")


def _refuse_hidden(text: str, hidden: str, flag: str, instead: str) -> None:
    """Raise UsageError, with the hint `instead`, where something of a text of the command line must be hidden."""
    if hidden != text:
        raise UsageError(f"{flag} {hidden}: others can read the command line, and the shell keeps it", instead)


def _hide_urls(name: str, value: str) -> str:
    """Return the value of a setting with the logins and secrets of URLs hidden; see refuse_urls()."""
    if _find_source(name) == "command":
        return hide_in_urls(value)
    return hide_in_url(value) if "://" in value else value


def hide_secret(name: str, value: str) -> str:
    """Return the value of a setting as it may be shown: ******** for a secret.

    A value with :// counts as one URL: the login, which is all before the last @ except SCHEME://, and the secrets of
    its query become ********; in a command, NAME_command, each word counts. Other values come back unchanged.
    """
    return HIDDEN if is_secret(name) else _hide_urls(name, value)


def refuse_commands_of_others(path: Path, settings: Iterable[str]) -> None:
    """Raise UsageError for a file of another user with commands: they would run with the rights of the present user.

    `settings` are the names in the file. Files of root are allowed. Files that do not exist or cannot be looked at
    pass, and Windows is not checked.
    """
    command_name = next((name for name in settings if _find_source(name) == "command"), None)
    if command_name is None or os.name != "posix" or not os.path.exists(path):
        return
    if path.stat().st_uid not in (0, os.geteuid()):
        raise UsageError(f"{path} has {command_name}, and the file belongs to another user", f"chown $(id -u) {path}")


def refuse_changeable(path: Path, settings: Iterable[str]) -> None:
    """Raise UsageError for a file that other users can write and that has secrets, or commands or files for them.

    `settings` are the names in the file. The file's group counts as other users. A file whose rights cannot be read
    passes, and Windows is not checked.
    """
    setting_name = next((name for name in settings if is_secret(name) or _find_source(name)), None)
    if setting_name is not None and _grants_others(_OTHERS_WRITE, path):
        raise UsageError(f"{path} holds {setting_name}, and others can write it", f"chmod go-w {path}")


def refuse_changeable_contexts(path: Path) -> None:
    """Raise UsageError for a contexts file that is not a regular file, or that its group or other users can write.

    It decides where to connect and which commands run. A file that does not exist or cannot be looked at passes, and
    rights are not checked on Windows.
    """
    if os.path.exists(path) and not path.is_file():
        raise UsageError(
            f"the contexts file {path} is not a regular file", "choose another file with KAFKACTL_CONFIG=FILE"
        )
    if _grants_others(_OTHERS_WRITE, path):
        raise UsageError(
            f"others can write the contexts file {path}: it says where to connect, and which commands give passwords",
            f"chmod go-w {path}",
        )


def find_warning(path: Path, settings: Iterable[str]) -> str | None:
    """Return a warning about a file that contains secrets and that other users can read, or None.

    `settings` are the names in the file. The file's group counts as other users. The result is None also on Windows,
    and for a file whose rights cannot be read.
    """
    secret_name = next((name for name in settings if is_secret(name)), None)
    if secret_name is None or not _grants_others(_OTHERS_READ, path):
        return None
    return f"{path} holds {secret_name}, and others can read it: chmod 600 {path}"


def resolve_secrets(layers: Sequence[Mapping[str, str]], runs_commands: bool = True) -> Iterator[dict[str, str]]:
    """Yield each layer with the secrets that its commands and files give, in the order of `layers`.

    A layer has values by the settings' names, and a value has no NUL character; a secret comes under its name without
    `_command` or `_file`. A later layer wins over an earlier one: a command or a file is not used, and its secret is
    left out of its layer, where a later layer has the same setting. Within a layer the last of such names wins, and all
    are read. Commands are run, and files read, when their layer is asked for; a command has 60 s, and may read stdin. A
    relative path is from the working directory, and ~ has no meaning. Raise UsageError then where a command or a file
    does not give a secret, and for a command that would be run if `runs_commands` is false.
    """
    for number, layer in enumerate(layers, 1):
        later_names = {_strip_source(name) for later in layers[number:] for name in later}
        resolved_layer = {}
        for name, value in layer.items():
            source, base_name = _find_source(name), _strip_source(name)
            if source is None:
                resolved_layer[name] = value
            elif base_name not in later_names:
                if source == "command" and not runs_commands:
                    raise UsageError(f"{name}: the command is not run here")
                resolved_layer[base_name] = (
                    _run_command(name, value) if source == "command" else read_secret_file(name, Path(value))
                )
        yield resolved_layer


def _find_source(name: str) -> str | None:
    """Return "command" or "file" where the setting is the source of a secret, or None.

    Its name is that of a secret, or of the URL of a token endpoint, and then `_command` or `_file`; in names from the
    environment the separator is `.`. Case counts.
    """
    for source in _SOURCES:
        base = name.removesuffix(f"_{source}").removesuffix(f".{source}")
        if base != name and any(word in base for word in _WORDS):
            return source
    return None


def _strip_source(name: str) -> str:
    """Return a source's name without `_command`, `_file`, `.command` or `.file`; other names come back unchanged."""
    source = _find_source(name)
    return name if source is None else name.removesuffix(source)[:-1]


@functools.cache  # some commands make two clients, and the command may ask the user for a password
def _run_command(name: str, command: str) -> str:
    """Return the first line of a shell command's stdout, without its end and without a byte order mark.

    `command` has no NUL character. Raise UsageError for a command that fails, takes more than 60 s or cannot be
    started, as one of 128 KiB. `name` is the setting, for the message. The command shares stdin with this process, so
    it may ask the user. Its stderr is sys.stderr, or descriptor 2 where that is no file, as in a notebook. A line that
    is empty or not UTF-8 is a UsageError, too. After 60 s only the shell is ended; processes that it started may go on.
    The result is kept: for one setting the same command runs once in a process, unless it fails.
    """
    import subprocess

    try:
        stderr = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        stderr = None  # inherited
    try:
        completed = subprocess.run(
            command, shell=True, stdout=subprocess.PIPE, stderr=stderr, timeout=_COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{name}: the command timed out after {_COMMAND_TIMEOUT_S} s", "run it by hand") from None
    except OSError as error:
        raise UsageError(f"{name}: the command cannot be started: {error.strerror}", "run it by hand") from None
    if completed.returncode != 0:
        raise UsageError(f"{name}: the command failed with status {completed.returncode}", "run it by hand")
    return _take_first_line(name, completed.stdout)


def read_secret_file(name: str, path: Path) -> str:
    """Return the first line of a file, without LF and all CR at its end.

    Blanks stay, and a byte order mark does not. `path` has no NUL character. `name` is the setting or option, for the
    message. Raise UsageError for a file that cannot be read, that its group or other users can read or write (not
    checked on Windows), or whose first line is empty or not UTF-8.
    """
    for bits, verb in ((_OTHERS_READ, "read"), (_OTHERS_WRITE, "write")):
        if _grants_others(bits, path):
            raise UsageError(f"{name}: others can {verb} {path}", f"chmod 600 {path}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: cannot read {path}: {error.strerror}") from error
    return _take_first_line(name, content)


def _take_first_line(name: str, content: bytes) -> str:
    """Return the first line without LF and all CR at its end; raise UsageError where it is empty or not UTF-8.

    A byte order mark is left out. `name` is the setting or option, for the message. The rest of `content` is not looked
    at.
    """
    secret = decode_secret(name, content.partition(b"\n")[0].rstrip(b"\r"))
    if not secret:
        raise UsageError(f"{name}: the first line is empty")
    return secret


def decode_secret(name: str, secret: bytes) -> str:
    """Return a secret as text, without a byte order mark. Raise UsageError where it is not UTF-8.

    `name` is its setting or option. The message does not show the secret.
    """
    try:
        return secret.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: byte {error.start} of the first line is not UTF-8") from None


def _grants_others(bits: int, path: Path) -> bool:
    """Return whether the group or all users have any of these rights (mode bits) to a file.

    It is False on Windows and where the rights cannot be read.
    """
    try:
        return os.name == "posix" and bool(path.stat().st_mode & bits)
    except OSError:  # opening the file reports the reason
        return False
