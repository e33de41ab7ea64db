"""Records of local clusters between commands: one folder for each cluster, in the user's data folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from kafkactl.errors import EngineError
from kafkactl.local.compose import TARGETS
from kafkactl.paths import find_data_dir

_HIGHEST_PORT = 65_533
"""Highest port of a first broker: the next two brokers have the next ports."""


@dataclass(frozen=True)
class Instance:
    """A local cluster that was started and not wiped since."""

    target: str
    engine: str
    """Name of the engine that runs it."""
    version: str
    port: int
    """Host port of the first broker. The next brokers have the next ports."""
    log_dir: str = ""
    """Folder of the brokers' log dirs; empty where the engine chooses it."""

    @property
    def folder(self) -> Path:
        """Return the folder of the record, of secrets and, with the native engine, of the nodes. It may not exist."""
        return get_folder(self.target)

    def save(self) -> None:
        """Write the record, instance.json, completely or not at all, in place of an earlier one; create its folder.

        Only the owner can enter the folder. Raise OSError where it cannot be written; an earlier record stays then.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # The folder has keys of brokers. The keys belong to the user that runs the brokers in an image.
        self.folder.chmod(0o700)
        draft = self.folder / "instance.json.new"
        draft.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        draft.replace(self.folder / "instance.json")

    def wipe(self) -> None:
        """Remove the folder of the record, where the native engine also has its data.

        Log dirs in `log_dir`, and volumes of Docker, are not removed. Raise OSError where a file cannot be removed, and
        where the folder does not exist.
        """
        shutil.rmtree(self.folder, ignore_errors=False)


def get_folder(target: str) -> Path:
    """Return the folder of a target's record, in the user's data folder or KAFKACTL_DATA. It may not exist."""
    return find_data_dir() / "local" / target


def find(target: str) -> Instance | None:
    """Return the record of a target, or None where there is none.

    The cluster of a record may run or not. Raise EngineError for a damaged record (no JSON, other fields, a value of
    another type, a port out of range, or another target), and OSError for one that cannot be read. Whether the engine
    and the version exist is not checked.
    """
    file = get_folder(target) / "instance.json"
    try:
        instance = Instance(**json.loads(file.read_text(encoding="utf-8")))
        _check(instance, target)
        return instance
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError) as error:
        raise EngineError(f"{file} is damaged: {error}", f"end its processes and remove {file.parent}") from error


def _check(instance: Instance, target: str) -> None:
    """Raise ValueError for a record of another target, a value of another type, and a port that is out of range."""
    for name, value in asdict(instance).items():
        if type(value) is not (int if name == "port" else str):
            raise ValueError(f"invalid value {value!r} for {name}")
    if instance.target != target:
        raise ValueError(f"it is the record of {instance.target!r}")
    if not 1 <= instance.port <= _HIGHEST_PORT:
        raise ValueError(f"invalid value {instance.port} for port")


def list_instances() -> list[Instance]:
    """Return the records of the known targets, sorted by name.

    Raise EngineError for a damaged record, and OSError for an unreadable one.
    """
    return [instance for target in sorted(TARGETS) if (instance := find(target)) is not None]
