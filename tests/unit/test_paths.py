"""Folders of kafkactl's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkactl.paths import find_cache_dir, find_data_dir


@pytest.mark.parametrize("folder", ["data", "./data", "../data", "/data"])
def test_folders_are_absolute(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node of a local cluster runs in a folder of its own, where a relative path leads elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAFKACTL_DATA", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", folder)
    assert find_data_dir() == (tmp_path / folder).absolute()
    assert find_cache_dir().is_absolute()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKACTL_DATA", "")
    assert find_data_dir().name == "kafkactl"
