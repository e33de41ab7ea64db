"""Voters that are added to a dynamic quorum of its own, and removed, in kafkactl's spelling and in Kafka's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import java_tools
from tests.clusters import eventually
from tests.conftest import Cli
from tests.dynamic_quorum import DynamicQuorum, Node, running_quorum
from tests.reference import equality

TOOL = "kafka-metadata-quorum"
CLASS = "org.apache.kafka.tools.MetadataQuorumCommand"


@pytest.fixture(scope="module")
def quorum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamicQuorum]:
    with running_quorum(tmp_path_factory.mktemp("quorum")) as quorum:
        yield quorum


@pytest.fixture
def cli(quorum: DynamicQuorum, tmp_path: Path) -> Cli:
    cli = Cli(tmp_path).with_environment(KAFKACTL_BOOTSTRAP_SERVER=quorum.broker)
    eventually(lambda: len(read_roles(cli)) == len(quorum.nodes))
    return cli


def read_roles(cli: Cli) -> dict[int, str]:
    """The role of each node."""
    done = cli("quorum", "replication", "-o", "json")
    return {node["id"]: node["role"] for node in json.loads(done.stdout)} if done.returncode == 0 else {}


def list_voters(cli: Cli) -> list[int]:
    """The voters, in order."""
    return sorted(number for number, role in read_roles(cli).items() if role != "observer")


def add(cli: Cli, node: Node, *words: object, check: int = 0) -> str:
    """Add a node in our spelling; return what stderr says."""
    return cli("quorum", "add-controller", node.id, "--endpoint", node.endpoint, "--yes", *words, check=check).stderr


def remove(cli: Cli, node: Node, *words: object, check: int = 0) -> str:
    """Remove a node in our spelling; return what stderr says."""
    directory = f"--directory-id={node.directory_id}"
    return cli("quorum", "remove-controller", node.id, directory, "--yes", *words, check=check).stderr


def test_voters_come_and_go(quorum: DynamicQuorum, cli: Cli) -> None:
    first, second, third = quorum.nodes
    assert list_voters(cli) == [1]
    assert "controller 1 is the only voter" in remove(cli, first, check=1)
    preview = add(cli, second, "--dry-run")
    assert "present voters: 1 (leader)" in preview
    assert "it is an observer, lag" in preview
    assert "then there are 2 voters, and none of them may fail" in preview
    assert list_voters(cli) == [1]
    other = cli("quorum", "add-controller", 2, "--endpoint", "OTHER://h:1", "--yes", check=2)
    assert "no voter has a listener with the name OTHER" in other.stderr
    for result in ("added to the voters", "is a voter already"):
        done = cli.ok("quorum", "add-controller", 2, "--endpoint", second.endpoint, "--yes", "-o", "json")
        assert json.loads(done)[0]["result"] == result
    at_controllers = ("--bootstrap-controller", f"{first.controller},{second.controller}")
    cli.ok("quorum", "add-controller", "--controller-config", third.properties, "--yes", *at_controllers)
    assert list_voters(cli) == [1, 2, 3]
    assert "present voters: 1 (leader), 2 (lag " in remove(cli, third, *at_controllers)
    assert "controller 3 with directory id" in remove(cli, third, check=1)
    assert list_voters(cli) == [1, 2]


def test_both_tools_say_the_same(quorum: DynamicQuorum, cli: Cli) -> None:
    """Each adds and removes the third controller, twice, at the broker and at the controllers."""
    _, second, third = quorum.nodes
    add(cli, second)
    removal = ("remove-controller", "-i", 3, "-d", third.directory_id)
    for server in (("--bootstrap-server", quorum.broker), ("--bootstrap-controller", quorum.nodes[0].controller)):
        addition = ("--command-config", third.properties, "add-controller")
        theirs, ours = (
            [
                equality.make_result("k", done.returncode, done.stdout, done.stderr, "")
                for done in (run(*server, *line) for line in (addition, addition, removal, removal))
            ]
            for run in (partial(java_tools.run, CLASS), partial(cli, TOOL))
        )
        assert [result.status for result in theirs] == [0, 1, 0, 1]
        assert ours == theirs


def test_a_majority_stays(quorum: DynamicQuorum, cli: Cli) -> None:
    """A voter is down: only it can be removed. Then the leader is removed, and another one leads."""
    first, second, third = quorum.nodes
    add(cli, second)
    add(cli, third)
    third.kill()
    eventually(lambda: "3 (down)" in remove(cli, third, "--dry-run"))
    for node, up in ((first, 2), (second, 1)):
        refused = remove(cli, node, check=1)
        assert f"without controller {node.id} the quorum would have no majority: up: {up}; down: 3" in refused
    remove(cli, third)
    assert "controller 3 is down" in add(cli, third, check=1)
    remove(cli, first)
    eventually(lambda: read_roles(cli) == {1: "observer", 2: "leader"})
