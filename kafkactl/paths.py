"""Where kafkactl keeps its files, after each platform's own custom."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP = "kafkactl"


def config_file() -> Path:
    """The contexts file; KAFKACTL_CONFIG names another one."""
    named = os.environ.get("KAFKACTL_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir(APP)) / "config.yaml"


def cache_dir() -> Path:
    """What can be fetched or asked again: Kafka's jars, names for completion."""
    return Path(platformdirs.user_cache_dir(APP))


def data_dir() -> Path:
    """What must outlive a command: the state and data of local clusters."""
    named = os.environ.get("KAFKACTL_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir(APP))
