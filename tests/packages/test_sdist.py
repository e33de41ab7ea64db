"""A source distribution, installed where there is no compiler."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.packages.building import BUILD_TOOLS, copy_project, install, make_environment, run

SEGMENT = REPOSITORY / "tests" / "data" / "orders-0" / "00000000000000000000.log"
CORE = [
    f"tests/unit/{name}"
    for name in (
        "admin",
        "connection",
        "dump",
        "storage",
        "streams",
        "test_patterns.py",
        "test_times.py",
        "test_stdout.py",
    )
]
"""Unit tests of what the core dependencies serve; the tests of serde and of parquet need extras."""
COMPILED = "tests/unit/storage/test_library.py::test_the_compiled_reader_is_there_where_there_is_a_compiler"
"""This machine has a compiler, and the environment was made without it."""
NO_COMPILER = {"CC": "/bin/false", "CXX": "/bin/false"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with nothing but kafkactl from its source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    builder = make_environment(Path(sys.executable), folder / "builder")
    install(builder, *BUILD_TOOLS)
    project = copy_project(folder / "project")
    run(builder, "setup.py", "--quiet", "sdist", "--dist-dir", folder / "dist", cwd=project)
    (archive,) = (folder / "dist").glob("*.tar.gz")
    python = make_environment(Path(sys.executable), folder / "environment")
    run(python, "-m", "pip", "install", "--quiet", archive, environment=NO_COMPILER)
    return python


def test_it_works_without_compiled_parts(python: Path, tmp_path: Path) -> None:
    version = run(python, "-m", "kafkactl", "--version", cwd=tmp_path)
    assert "compiled" not in version
    assert "in Python: record reader, record lines, line receiver, line sender" in version
    expected = run(sys.executable, "-m", "kafkactl", "dump-log", "--print-data-log", SEGMENT, cwd=tmp_path)
    assert run(python, "-m", "kafkactl", "dump-log", "--print-data-log", SEGMENT, cwd=tmp_path) == expected


def test_the_unit_tests_of_the_core_run_without_extras(python: Path, tmp_path: Path) -> None:
    install(python, "pytest>=8,<9.2", "pytest-xdist>=3.6,<4", "hypothesis>=6.100,<7")
    installed = run(python, "-m", "pip", "list", "--format", "freeze")
    assert "pyarrow" not in installed
    assert "fastavro" not in installed
    project = copy_project(tmp_path / "project")
    run(python, "-m", "pytest", "-q", *CORE, "--deselect", COMPILED, cwd=project)
