"""What is remembered of a local cluster between commands: one folder each, below the user's data folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from kafkactl.errors import EngineError
from kafkactl.local.compose import TARGETS
from kafkactl.paths import data_dir


@dataclass(frozen=True)
class Instance:
    """A local cluster that was brought up and not wiped since."""

    target: str
    engine: str
    version: str
    port: int
    """Host port of the first broker; the others follow it."""
    log_dir: str = ""
    """The folder that brokers' log dirs are in, if not where their engine keeps them."""

    @property
    def folder(self) -> Path:
        return folder_of(self.target)

    def save(self) -> None:
        """Writes the record whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # keys of brokers are in it, and belong to the user that brokers run as in an image
        draft = self.folder / "instance.json.new"
        draft.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        draft.replace(self.folder / "instance.json")

    def wipe(self) -> None:
        """Removes the record and, with the native engine, the data."""
        shutil.rmtree(self.folder, ignore_errors=False)


def folder_of(target: str) -> Path:
    return data_dir() / "local" / target


def find(target: str) -> Instance | None:
    """The remembered instance of a target; raises EngineError for a record that cannot be read."""
    file = folder_of(target) / "instance.json"
    try:
        return Instance(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise EngineError(f"{file} is damaged: {error}", f"end its processes and remove {file.parent}") from error


def remembered() -> list[Instance]:
    """Every remembered instance, by name."""
    return [instance for target in sorted(TARGETS) if (instance := find(target)) is not None]
