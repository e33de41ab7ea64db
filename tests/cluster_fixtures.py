"""Fixtures of the layers that need real clusters."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.acl_broker import AclBroker, running_acl_broker
from tests.clusters import OPEN, PORTS, RunningCluster, running

LONG_GROUPS = (
    "console-kraft", "cluster-kraft", "cluster-test_hostile_values", "cluster-test_examples",
    "reference-kraft", "cluster-kraft-cluster", "cluster-test_no_loss", "cluster-test_wrong_ports-0",
    "cluster-test_wrong_ports-1", "cluster-test_consuming_on_bad_days", "cluster-test_groups_beyond",
    "cluster-test_local", "cluster-test_mock_cluster", "cluster-test_draining",
)  # fmt: skip
"""Groups of tests that take more than 40 s, the longest first. They begin first, or the last one would run alone."""

IN_TWO_PARTS = ("test_wrong_ports",)
"""Files whose tests share nothing, and take long."""


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests are shared out to workers (pytest -n), those of one cluster go to one, in their order.

    Those of tests/reference are shares of their own, with clusters of their own, and the console tools have one more:
    Kafka's tools wait more than they work.
    """
    groups: dict[pytest.Item, str] = {}
    for number, item in enumerate(items):
        if isinstance(item, pytest.Function):
            part = "console" if "kafka-console-" in item.name else item.path.parent.name
            share = item.path.stem + (f"-{number % 2}" if item.path.stem in IN_TWO_PARTS else "")
            groups[item] = f"{part}-{_cluster_of(item) or share}"
            item.add_marker(pytest.mark.xdist_group(groups[item]))
    ranks = {group: rank for rank, group in enumerate(LONG_GROUPS)}
    items.sort(key=lambda item: ranks.get(groups.get(item, ""), len(ranks)))


def _cluster_of(item: pytest.Function) -> str | None:
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    fixtures = (name.replace("_", "-") for name in item.fixturenames)
    return next((each for each in (*parameters, *fixtures) if isinstance(each, str) and each in (*PORTS, "acls")), None)


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], RunningCluster]]:
    """Gives a cluster by name, started when first asked for and kept to the end of the run."""
    started: dict[str, RunningCluster] = {}
    with ExitStack() as stack:

        def get(name: str) -> RunningCluster:
            if name not in started:
                started[name] = stack.enter_context(running(name, tmp_path_factory.mktemp(name)))
            return started[name]

        yield get


@pytest.fixture(params=OPEN)
def cluster(request: pytest.FixtureRequest, clusters: Callable[[str], RunningCluster]) -> RunningCluster:
    """Each of the clusters that let everybody in, in turn."""
    return clusters(request.param)


@pytest.fixture
def kraft(clusters: Callable[[str], RunningCluster]) -> RunningCluster:
    return clusters("kraft")


@pytest.fixture
def kraft_cluster(clusters: Callable[[str], RunningCluster]) -> RunningCluster:
    return clusters("kraft-cluster")


@pytest.fixture(scope="session")
def acls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclBroker]:
    """A broker with an authorizer, which denies what no rule allows."""
    with running_acl_broker(tmp_path_factory.mktemp("acls")) as broker:
        yield broker


@pytest.fixture
def name() -> str:
    """A topic's or group's name that no other test has."""
    return f"t-{uuid.uuid4().hex[:10]}"
