"""A Docker engine with the pinned images, and targets started as a user starts them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from testcontainers.compose import DockerCompose

from kafkactl.local.compose import Target, find_compose_file, load_target, make_variables
from tests import images
from tests.clusters import free_base
from tests.conftest import Cli

PORT = 23092


@pytest.fixture(scope="session")
def engine() -> None:
    """The images are there; where Docker is not, every test here fails and says so."""
    images.ensure()


Start = Callable[..., AbstractContextManager[Target]]


@pytest.fixture
def start(engine: None, tmp_path: Path) -> Start:
    """Starts a target's compose file with free ports, its data gone at the end.

    The project is named as no other: it meets no cluster of the user's, and nothing that an interrupted run left.
    """

    @contextmanager
    def started(name: str, log_dir: Path | None = None) -> Iterator[Target]:
        project = f"kafkactl-test-{uuid.uuid4().hex[:10]}"
        values = {
            **make_variables(port=free_base(PORT), secrets=tmp_path / "secrets", log_dir=log_dir),
            "COMPOSE_PROJECT_NAME": project,
        }
        file = find_compose_file(name)
        filled_in = tmp_path / f"{name}.env"
        filled_in.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        with DockerCompose(str(file.parent), compose_file_name=file.name, env_file=str(filled_in), wait=True):
            yield replace(load_target(name, values), project=project)

    return started


def cli_of(target: Target, home: Path) -> Cli:
    """A user with this target as the current context."""
    home.mkdir()
    cli = Cli(home)
    file = home / "client.properties"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in target.client.items()))
    cli.ok("context", "set", target.name, "-b", target.bootstrap_servers, "--command-config", file)
    cli.ok("context", "use", target.name)
    return cli
