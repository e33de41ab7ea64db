"""Features at a fake cluster, and the tables of Kafka 4.3.1."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kafkactl.admin import features
from kafkactl.admin.metadata_versions import find_level
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import UpgradeType
from kafkactl.connection.settings import resolve
from kafkactl.errors import NotFoundError, UsageError
from tests.fake_broker import FakeCluster


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with FakeCluster(brokers=2) as cluster:
        cluster.state.features["group.version"] = 1
        yield cluster


@pytest.fixture
def connected(fake: FakeCluster) -> Iterator[Cluster]:
    cluster = Cluster(resolve(fake.address, None, None, (), 5))
    yield cluster
    cluster.close()


def test_levels_are_described_and_changed(connected: Cluster, fake: FakeCluster) -> None:
    described = features.describe_features(connected, 2)
    assert [(row.name, row.finalized_level, row.epoch) for row in described] == [
        ("group.version", 1, 1),
        ("metadata.version", 27, 1),
    ]
    levels = {"group.version": 0, "metadata.version": 25}
    outcomes = features.update_features(connected, levels, UpgradeType.SAFE_DOWNGRADE, dry_run=True)
    assert [(row.name, row.result) for row in outcomes] == [
        ("group.version", "would be set to 0"),
        ("metadata.version", "would be set to 25"),
    ]
    assert fake.state.features["group.version"] == 1
    features.update_features(connected, levels, UpgradeType.SAFE_DOWNGRADE, dry_run=False)
    assert fake.state.features == levels
    updates = fake.requests_of("UpdateFeatures")[-1].fields["feature_updates"]
    assert {update["upgrade_type"] for update in updates} == {2}


def test_one_refusal_is_that_of_every_feature(connected: Cluster, fake: FakeCluster) -> None:
    levels = {"group.version": 0, "nosuch": 1}
    outcomes = features.update_features(connected, levels, UpgradeType.UPGRADE, dry_run=False)
    assert [(row.name, row.ok, row.result) for row in outcomes] == [
        ("group.version", False, "Feature nosuch not found."),
        ("nosuch", False, "Feature nosuch not found."),
    ]
    assert fake.state.features["group.version"] == 1


@pytest.mark.parametrize(
    ("text", "level"),
    [("3.3", 7), ("3.9-IV0", 21), ("4.0", 25), ("4.3.1", 30), ("4.4-IV0", 31), ("4.4", None), ("3.2", None)],
)
def test_levels_of_metadata_version_by_name(text: str, level: int | None) -> None:
    assert find_level(text) == level


def test_texts_of_levels() -> None:
    assert features.parse_levels(["group.version=1", "metadata.version=4.0"]) == {
        "group.version": 1,
        "metadata.version": 25,
    }
    for texts in (["x"], ["=1"], ["x=y"], ["x=-1"], ["x=32768"], ["x=1", "x=2"], ["metadata.version=9.9"]):
        with pytest.raises(UsageError):
            features.parse_levels(texts)


def test_dependencies() -> None:
    needed = features.find_dependency("eligible.leader.replicas.version", 1)
    assert needed is not None
    assert (needed.level, needed.metadata_version) == (23, "4.0-IV1")
    assert features.find_dependency("metadata.version", 30) is None
    for name, level in (("nosuch", 1), ("group.version", 9), ("metadata.version", 99)):
        with pytest.raises(NotFoundError):
            features.find_dependency(name, level)
