"""Launchers: small shell scripts with the names of Kafka's tools that start kafkactl, and their completion.

A file of ours has a marker line. A file without it is never replaced or removed.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafkactl.cli.compat.completions import COMPLETIONS
from kafkactl.cli.kafka_style.doors import SCRIPT_SUFFIX, TOOLS
from kafkactl.errors import KafkactlError, MissingFileError, UsageError

if TYPE_CHECKING:
    from kafkactl.admin.models import Outcome

MARKER = "# Written by kafkactl compat install, which may replace this file; kafkactl compat remove removes it."
_PREFIX = "kafka-"
"""Beginning of the names of all our files, also of tools that another release of kafkactl mirrors."""
_HEAD_BYTES = 4096
_SCRIPT_MODE, _TEXT_MODE = 0o755, 0o644
_FOREIGN = "kafkactl did not write the file that is there"

_LAUNCHER = """\
#!/bin/sh
%(marker)s
python=%(python)s
repair=%(repair)s
if [ ! -f "$python" ] || [ ! -x "$python" ]; then
    printf 'error: %(name)s: the Python of kafkactl is gone: %%s\\n' "$python" >&2
    printf 'hint: run this of the new installation: %%s\\n' %(repair)s >&2
    exit 127
fi
if [ -d /dev/stdin ]; then  # Python does not start with a folder as its input
    %(on_folder)s
fi
exec "$python" -P -c '
import sys
try:
    from kafkactl.cli.app import main
except ImportError as error:
    sys.stderr.write(f"error: %(name)s: kafkactl is not in the installation of {sys.executable} any more: {error}\\n")
    sys.stderr.write(f"hint: run this of the new installation: {sys.argv[1]}\\n")
    sys.exit(127)
del sys.argv[1]
main()
' "$repair" %(name)s "$@"
"""


_ON_FOLDER = {
    "kafka-console-producer": (
        "printf 'org.apache.kafka.common.KafkaException: java.io.IOException: Is a directory\\n' >&2; exit 1"
    )
}
"""What a launcher does where its standard input is a folder; other tools read nothing."""
_NO_INPUT = "exec </dev/null"


@dataclass(frozen=True)
class OwnFile:
    """A file to write: its name in the folder, its content and its mode."""

    name: str
    content: bytes
    mode: int


def require_folder(folder: str) -> None:
    """Raise MissingFileError for a folder that does not exist, and UsageError for what is no folder.

    A link to a folder is one; a link that leads nowhere is not. A path that may not be looked at, or is empty, counts
    as missing.
    """
    if os.path.isdir(folder):
        return
    if os.path.lexists(folder):
        raise UsageError(f"{folder}: not a folder", "name a folder of PATH")
    raise MissingFileError(f"{folder}: no such folder", f"create it: mkdir -p {shlex.quote(folder)}")


def make_files(folder: str) -> list[OwnFile]:
    """Return the files for a folder: for each tool NAME and NAME.sh, then the completion for bash, fish and zsh.

    Nothing is written, and the folder is not looked at. They start the interpreter that runs now, and those of tools
    name the folder's absolute path in a hint. Raise KafkactlError where the path of the interpreter is not known, and
    FileNotFoundError for a relative path where the present folder was deleted.
    """
    python = sys.executable
    if not python:
        raise KafkactlError("the path of the running Python is not known", "start kafkactl by its full path")
    python = shlex.quote(os.path.abspath(python))
    repair = shlex.quote(f"kafkactl compat install {shlex.quote(os.path.abspath(folder))}")
    files = []
    names = list_script_names()
    for name in names:
        tool = name.removesuffix(SCRIPT_SUFFIX)
        values = {"marker": MARKER, "python": python, "repair": repair, "name": tool}
        values["on_folder"] = _ON_FOLDER.get(tool, _NO_INPUT)
        files.append(OwnFile(name, os.fsencode(_LAUNCHER % values), _SCRIPT_MODE))
    for name, text in COMPLETIONS.items():
        completion = text % {"marker": MARKER, "python": python, "names": " ".join(names)}
        files.append(OwnFile(name, os.fsencode(completion), _TEXT_MODE))
    return files


def list_script_names() -> list[str]:
    """Return the names of all launchers, with and without .sh, in the order of the tools."""
    return [f"{tool}{suffix}" for tool in TOOLS for suffix in ("", SCRIPT_SUFFIX)]


def is_own(path: str) -> bool:
    """Return whether a path is a file of ours: a regular file whose first or second line is the marker.

    A link is not ours, wherever it leads, and neither is a file that cannot be read. Nothing is raised.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):  # a path with NUL
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        return MARKER.encode() in os.read(descriptor, _HEAD_BYTES).split(b"\n")[:2]
    except OSError:
        return False
    finally:
        os.close(descriptor)


def install(folder: str, dry_run: bool) -> list[Outcome]:
    """Write our files into a folder, and return the outcome of each; with `dry_run` only say what would be done.

    Outcomes have the order of make_files and the names of the files, without the folder. A file of ours is replaced,
    also an equal one. A file that is not ours stays as it is, and its outcome is a failure, as is an error of the
    operating system. Raise MissingFileError or UsageError where there is no such folder, KafkactlError where nothing
    can be written in it, also with `dry_run`, or the path of the running Python is not known, and FileNotFoundError for
    a relative path where the present folder was deleted.
    """
    require_folder(folder)
    _require_writable(folder)
    return [_write(folder, file, dry_run) for file in make_files(folder)]


def remove(folder: str, dry_run: bool) -> tuple[list[Outcome], list[str]]:
    """Remove our files from a folder. Return the outcome of each, and the names of ours that other files have.

    Both lists are sorted by name. Those files stay. With `dry_run` nothing is removed. Launchers of another release of
    kafkactl are removed, too. A file that the system does not remove is a failed outcome. Raise MissingFileError or
    UsageError where there is no such folder, KafkactlError where our files are in it and it cannot be written, also
    with `dry_run`, and OSError where the folder cannot be read.
    """
    require_folder(folder)
    names = sorted(name for name in os.listdir(folder) if name.startswith(_PREFIX))
    own = [name for name in names if is_own(os.path.join(folder, name))]
    foreign = [name for name in names if name in {*list_script_names(), *COMPLETIONS} and name not in own]
    if own:
        _require_writable(folder)
    return [_remove_file(folder, name, dry_run) for name in own], foreign


def _require_writable(folder: str) -> None:
    """Raise KafkactlError for a folder in which no file can be written or removed."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise KafkactlError(
            f"{folder}: the folder cannot be written", "choose a folder of your own, such as ~/.local/bin"
        )


def _write(folder: str, file: OwnFile, dry_run: bool) -> Outcome:
    """Write one file, and return the outcome; with `dry_run` write nothing, and say what would be done.

    Our own file is replaced, also where its content is the same. A file that is not ours, and an error of writing, such
    as a missing folder, are failures; `dry_run` sees only the first. Nothing is raised.
    """
    from kafkactl.admin.models import Outcome

    path = os.path.join(folder, file.name)
    is_replaced = os.path.lexists(path)
    if is_replaced and not is_own(path):
        return _refuse(file.name)
    result = "replaced" if is_replaced else "written"
    if dry_run:
        return Outcome(name=file.name, ok=True, result=f"would be {result}")
    try:
        _put(path, file, is_replaced)
    except FileExistsError:  # it came after the look
        return _refuse(file.name)
    except OSError as error:
        return Outcome(name=file.name, ok=False, result=error.strerror or str(error))
    return Outcome(name=file.name, ok=True, result=result)


def _refuse(name: str) -> Outcome:
    """Return the failed outcome for a file that is not ours."""
    from kafkactl.admin.models import Outcome

    return Outcome(name=name, ok=False, result=_FOREIGN, hint="remove that file yourself, or choose another folder")


def _put(path: str, file: OwnFile, may_replace: bool) -> None:
    """Put a file in its place in one step: it is there whole, or as before.

    A file system without links can have it empty for a moment. The file gets its mode, whatever the umask. Without
    `may_replace` raise FileExistsError for a path that exists. Raise OSError where it cannot be written.
    """
    descriptor, draft = tempfile.mkstemp(prefix=".kafkactl-", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content)
            os.fchmod(stream.fileno(), file.mode)
        if may_replace:
            os.replace(draft, path)
        else:
            _rename_new(draft, path, file.mode)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


def _rename_new(draft: str, path: str, mode: int) -> None:
    """Give a draft its name, and raise FileExistsError where there is a file of this name.

    Where the file cannot be linked an empty file with `mode` takes the name first, which fails where there is one, and
    the draft replaces it. Elsewhere the draft keeps its old name, too. Raise OSError for any other failure; the name is
    free then.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        try:
            os.replace(draft, path)
        except OSError:
            os.unlink(path)
            raise


def _remove_file(folder: str, name: str, dry_run: bool) -> Outcome:
    """Remove a file, and return the outcome; with `dry_run` do nothing and say what would be done.

    A dry run does not look whether the file is there and can be removed. It is not checked here that the file is ours.
    An error of the operating system is a failure. Nothing is raised.
    """
    from kafkactl.admin.models import Outcome

    if dry_run:
        return Outcome(name=name, ok=True, result="would be removed")
    try:
        os.unlink(os.path.join(folder, name))
    except OSError as error:
        return Outcome(name=name, ok=False, result=error.strerror or str(error))
    return Outcome(name=name, ok=True, result="removed")


def describe_path(folder: str, search_path: str) -> list[str]:
    """Return sentences about a folder's place in PATH: that it is not there, or which of our names come before it.

    There is one sentence for each earlier folder that has such commands, whoever wrote them. Links are followed before
    folders are compared. `search_path` is the value of PATH; an empty part is the current folder, but an empty text has
    no folders. Without anything to say the list is empty.
    """
    folders = [_follow_links(entry or ".") for entry in search_path.split(os.pathsep)] if search_path else []
    own = _follow_links(folder)
    if own not in folders:
        return [f"{folder} is not in PATH"]
    return [
        f"{earlier} comes before {folder} in PATH, and has {', '.join(names)}"
        for earlier in dict.fromkeys(folders[: folders.index(own)])
        if (names := list(_find_commands(earlier)))
    ]


def _follow_links(path: str) -> str:
    """Return the absolute path without links.

    It is the path itself where that is relative and the present folder was deleted.
    """
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        return path


def _find_commands(folder: str) -> Iterator[str]:
    """Yield the names of our launchers that a folder has as commands: files that may be executed, whoever wrote them.

    Names with and without .sh are yielded, in the order of list_script_names(). A folder that is missing has none.
    """
    for name in list_script_names():
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            yield name
