"""Log dirs of real brokers, one archive a version; make.py shows how they were made."""

from __future__ import annotations

import tarfile
from pathlib import Path

HERE = Path(__file__).parent
ARCHIVES = sorted(HERE.glob("*.tar.xz"))


def extract(archive: Path, target: Path) -> list[Path]:
    """Extract the log dirs of an archive, with the holes of their indexes; return their folders."""
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return sorted(target.iterdir())
