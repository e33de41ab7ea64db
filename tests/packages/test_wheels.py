"""A wheel for each release of CPython that is promised, whose compiled parts are imported and bound."""

from __future__ import annotations

import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.packages.building import BUILD_TOOLS, VERSIONS, copy_project, find_python, install, make_environment, run

PARTS = "from kafkactl.cli.frame.compiled_parts import find_parts; print(sorted(find_parts().items()))"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project; C files that the first build makes are there for the next."""
    return copy_project(tmp_path_factory.mktemp("project"))


def test_the_classifiers_promise_what_is_tested() -> None:
    classifiers = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["classifiers"]
    prefix = "Programming Language :: Python :: 3."
    promised = {
        line.removeprefix("Programming Language :: Python :: ") for line in classifiers if line.startswith(prefix)
    }
    assert promised == set(VERSIONS)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_wheel_has_compiled_parts_that_work(version: str, project: Path, tmp_path: Path) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"CPython {version} is not installed")
    python = make_environment(python, tmp_path / "environment")
    install(python, *BUILD_TOOLS, "confluent-kafka>=2.11,<3")
    run(python, "setup.py", "--quiet", "bdist_wheel", "--dist-dir", tmp_path / "wheels", cwd=project)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    tag = f"cp{version.replace('.', '')}"
    assert f"-{tag}-{tag}-" in wheel.name
    sources = {path.relative_to(REPOSITORY).with_suffix("") for path in (REPOSITORY / "kafkactl").rglob("*.pyx")}
    with zipfile.ZipFile(wheel) as archive:
        compiled = {Path(name.partition(".")[0]) for name in archive.namelist() if name.endswith(".so")}
    assert compiled == sources, "a .pyx file does not compile"
    install(python, "--no-deps", wheel)
    parts = run(python, "-c", PARTS, cwd=tmp_path)
    assert "False" not in parts
    assert parts.count("True") == len(sources)
    shutil.rmtree(tmp_path / "environment")
