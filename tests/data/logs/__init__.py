"""Log dirs of real brokers, one archive a version; make.py shows how they were made."""

from __future__ import annotations

import tarfile
from pathlib import Path

HERE = Path(__file__).parent
ARCHIVES = sorted(HERE.glob("*.tar.xz"))


def extract(archive: Path, target: Path, *names: str) -> list[Path]:
    """Extract the log dirs of an archive, or only those named, and return their folders; indexes keep their holes."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar if not names or member.name.partition("/")[0] in names]
        tar.extractall(target, members, filter="data")
    return sorted(target.iterdir())
