"""The folders and files of kafkactl itself, by each platform's convention."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP = "kafkactl"


def find_config_file() -> Path:
    """Return the path of the contexts file: KAFKACTL_CONFIG, or without it config.yaml in the user's config folder.

    An empty KAFKACTL_CONFIG counts as none. The file may not exist.
    """
    variable_value = os.environ.get("KAFKACTL_CONFIG")
    return Path(variable_value) if variable_value else Path(platformdirs.user_config_dir(APP)) / "config.yaml"


def find_cache_dir() -> Path:
    """Return the folder for data that can be downloaded or read again: Kafka's jars, names for completion.

    It may not exist; nothing is created here.
    """
    return Path(platformdirs.user_cache_dir(APP)).absolute()


def find_data_dir() -> Path:
    """Return the folder for data that must outlive a command: the state and data of local clusters.

    It is KAFKACTL_DATA, or, where this is unset or empty, the platform's folder for data of the user. A relative path
    begins at the present folder; the result is absolute, because nodes run in folders of their own. It may not exist;
    nothing is created here. Raise FileNotFoundError for a relative path where the present folder was deleted.
    """
    variable_value = os.environ.get("KAFKACTL_DATA")
    return (Path(variable_value) if variable_value else Path(platformdirs.user_data_dir(APP))).absolute()
