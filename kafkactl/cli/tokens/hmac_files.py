"""The HMACs of tokens in files: a secret is never an argument, because every process can read the command line."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kafkactl.connection import secrets
from kafkactl.documents import read_stdin
from kafkactl.errors import OperationError, UsageError

FLAG = "--hmac-file"
_STDIN = Path("-")


@dataclass(frozen=True)
class HmacFile:
    """A new file that only its owner can read, open for one HMAC."""

    path: Path
    descriptor: int

    def write(self, hmac: str, token_id: str) -> None:
        """Write the HMAC of a token, and a line end. The file stays open.

        `hmac` is the text in base64. Raise OperationError, which says how the HMAC can be shown, where the file cannot
        be written; it is made empty then, and also after Ctrl-C.
        """
        data = f"{hmac}\n".encode()
        try:
            while data:
                data = data[os.write(self.descriptor, data) :]
        except BaseException as error:  # also Ctrl-C: a part of an HMAC is none
            with suppress(OSError):
                os.ftruncate(self.descriptor, 0)
            if not isinstance(error, OSError):
                raise
            raise OperationError(
                f"token {token_id} was created, but its HMAC cannot be written to {self.path}: {error.strerror}",
                f"show the HMAC: kafkactl tokens describe {token_id} --show-hmac",
            ) from error


def read_hmac(path: Path) -> bytes:
    """Return the HMAC in the first line of a file, or of standard input for `-`; the line has it in base64.

    Raise UsageError for a file that cannot be read or that other users can read or write, and for a line that is empty
    or not base64, and OSError for a standard input that cannot be read. The message does not show the line.
    """
    if path == _STDIN:
        text = secrets.decode_secret(FLAG, read_stdin(is_line=True))
    else:
        text = secrets.read_secret_file(FLAG, path)
    try:
        hmac = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError(f"{FLAG}: the first line of {path} is not an HMAC in base64") from None
    if not hmac:
        raise UsageError(f"{FLAG}: the first line is empty")
    return hmac


def require_new(path: Path | None) -> None:
    """Raise UsageError for a file that exists, and for `-`: nothing is ever replaced. None is no file.

    A folder and a symbolic link to nothing exist, too. Whether the file can be created is not checked.
    """
    if path is None:
        return
    if path == _STDIN:
        raise UsageError(f"invalid value '-' for {FLAG}: not a file", "show the HMAC with --show-hmac")
    if os.path.lexists(path):
        raise UsageError(f"{path} exists already", f"name a new file: {FLAG} FILE")


@contextmanager
def open_new(path: Path | None) -> Iterator[HmacFile | None]:
    """Create a file with the mode 0600 and yield it; yield None for None.

    The file is removed where the block ends by an error or by Ctrl-C while it is empty; after a block without an error
    it stays, also empty. `-` is a name like others. Raise UsageError for a file that exists or cannot be created, and
    the errors of the block.
    """
    if path is None:
        yield None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot create {path}: {reason}", f"name a new file: {FLAG} FILE") from error
    try:
        yield HmacFile(path, descriptor)
    except BaseException:  # also Ctrl-C
        if os.fstat(descriptor).st_size == 0:
            path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
