"""Groups that no list has for a moment, because their coordinator is moving."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from confluent_kafka import ConsumerGroupState

from kafkactl.admin.groups import descriptions, offsets
from kafkactl.admin.groups.descriptions import choose_groups
from kafkactl.admin.groups.models import GroupList, GroupListing
from kafkactl.admin.groups.offsets import Target, find_targets, preview_deletion
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import Settings
from kafkactl.errors import NotFoundError, OperationError, UnreachableError
from kafkactl.patterns import NameSelection, select_names
from tests.fake_broker import FakeCluster
from tests.fake_broker.state import Group

pytestmark = pytest.mark.slow

_LOADING, _COORDINATOR_NOT_AVAILABLE, _NOT_COORDINATOR = 14, 15, 16


@pytest.fixture
def brokers() -> Iterator[FakeCluster]:
    with FakeCluster(brokers=2, topics={"orders": 1}, groups=["billing"], coordinator_id=2) as brokers:
        yield brokers


@pytest.fixture
def cluster(brokers: FakeCluster) -> Iterator[Cluster]:
    cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=3))
    yield cluster
    cluster.close()


def hide(brokers: FakeCluster, times: int) -> None:
    """Let lists of groups be empty for so many requests, as while a coordinator is loading elsewhere."""
    brokers.on("ListGroups", times=times, answer=lambda request, answer: {**answer, "groups": []})


def test_a_group_is_looked_for_at_its_coordinator(brokers: FakeCluster, cluster: Cluster) -> None:
    hide(brokers, times=4)  # two lists of two brokers
    choice = choose_groups(cluster, select_names(["billing"]))
    assert [group.group for group in choice.groups] == ["billing"]
    assert choice.errors == ()


def test_a_target_is_looked_for_at_its_coordinator(brokers: FakeCluster, cluster: Cluster) -> None:
    hide(brokers, times=4)
    (target,) = find_targets(cluster, select_names(["billing"]))
    assert target.exists
    assert target.error is None


def test_a_coordinator_that_loads_is_asked_again(brokers: FakeCluster, cluster: Cluster) -> None:
    hide(brokers, times=4)
    brokers.on("FindCoordinator", times=2, error=_COORDINATOR_NOT_AVAILABLE)
    assert [group.group for group in choose_groups(cluster, select_names(["billing"])).groups] == ["billing"]


@pytest.mark.parametrize("code", [_NOT_COORDINATOR, _LOADING])
@pytest.mark.parametrize("loads", [2, 10_000])
def test_a_new_coordinator_lists_nothing_until_it_has_loaded(
    brokers: FakeCluster, cluster: Cluster, code: int, loads: int
) -> None:
    """Its empty list has no error. Only its answer about the group itself says whether it knows its groups."""
    asked = "DescribeGroups"
    brokers.on("ListGroups", answer=lambda _, answer: {**answer, "groups": []}, when=lambda _: is_loading())
    brokers.on(asked, times=loads, error=code, item="billing")

    def is_loading() -> bool:
        return len(brokers.requests_of(asked)) <= loads

    choice = choose_groups(cluster, select_names(["billing"]))
    if loads == 2:
        assert [group.group for group in choice.groups] == ["billing"]
        assert choice.errors == ()
    else:
        (error,) = choice.errors
        assert "group 'billing' may exist" in str(error)


def test_a_silent_coordinator_leaves_the_group_in_doubt(brokers: FakeCluster, cluster: Cluster) -> None:
    hide(brokers, times=4)
    brokers.on("FindCoordinator", freeze=True)
    (error,) = choose_groups(cluster, select_names(["billing"])).errors
    assert isinstance(error, OperationError)
    assert "group 'billing' may exist" in str(error)
    hide(brokers, times=4)
    (target,) = targets = find_targets(cluster, select_names(["billing"]))
    assert target.error is not None
    (outcome,) = preview_deletion(targets)
    assert not outcome.ok
    assert "may exist" in outcome.result
    assert outcome.hint == "try again when all brokers answer"


@pytest.mark.parametrize("code", [-1, 1, 15, 16, 25, 56, 84])
def test_a_refusal_leaves_the_group_in_doubt(brokers: FakeCluster, cluster: Cluster, code: int) -> None:
    """It counted as the answer that there is no such group, and a reset would have begun a new one."""
    brokers.on("ListGroups", answer=lambda _, answer: {**answer, "groups": []})
    brokers.on("DescribeGroups", error=code, item="billing")
    (error,) = choose_groups(cluster, select_names(["billing"])).errors
    assert not isinstance(error, NotFoundError)
    assert "group 'billing' may exist" in str(error)


@pytest.mark.parametrize("code", [24, 30, 69])
def test_a_group_that_nobody_may_see_is_not_found(brokers: FakeCluster, cluster: Cluster, code: int) -> None:
    brokers.on("ListGroups", answer=lambda _, answer: {**answer, "groups": []})
    brokers.on("DescribeGroups", error=code, item="billing")
    (error,) = choose_groups(cluster, select_names(["billing"])).errors
    assert isinstance(error, NotFoundError)


def test_a_name_without_a_group_is_not_found(cluster: Cluster) -> None:
    (error,) = choose_groups(cluster, select_names(["nosuch"])).errors
    assert isinstance(error, NotFoundError)
    (target,) = find_targets(cluster, select_names(["nosuch"]))
    assert not target.exists
    assert target.error is None


@pytest.mark.parametrize("timeout_s", [1, 60])
@pytest.mark.parametrize("names", [["billing"], []])
def test_groups_of_brokers_that_answered_late(names: list[str], timeout_s: float) -> None:
    """They are shown although another broker is silent and no time is left to ask again."""

    class LateCluster:
        admin = SimpleNamespace(list_consumer_groups=lambda request_timeout: None)
        requests = SimpleNamespace(list_groups=lambda: ([], []))

        def __init__(self) -> None:
            self.timeout_s = timeout_s

        def wait(self, *_: object, **__: object) -> object:
            group = SimpleNamespace(group_id="billing", type=None, state=ConsumerGroupState.EMPTY)
            return SimpleNamespace(valid=[group] if names else [], errors=["broker 2"])

        def error(self, error: str, _: str) -> UnreachableError:
            return UnreachableError(f"no answer from {error}", is_partial=True)

        def retry(self, ask: Callable[[], GroupList]) -> GroupList:
            return ask()

        @contextmanager
        def share_timeout(self) -> Iterator[float]:
            yield time.monotonic() + timeout_s - 2  # finding the cause of a failure takes up to 2 s

    def list_names() -> tuple[list[str], tuple[str, ...]]:
        group_list = descriptions.list_groups(cast("Cluster", LateCluster()))
        return [group.group for group in group_list.groups], group_list.errors

    if timeout_s > 1:  # all brokers are asked once more
        assert list_names() == ([], ())
    elif names:
        assert list_names() == (["billing"], ("no answer from broker 2",))
    else:
        with pytest.raises(UnreachableError, match="no answer from broker 2"):
            list_names()


def test_deleted_offsets_that_an_answer_leaves_out(brokers: FakeCluster, cluster: Cluster) -> None:
    """Nobody knows whether they were deleted, so they are no success."""
    partitions = [("orders", 0), ("orders", 1)]
    brokers.on("OffsetDelete", times=1, answer=lambda _, answer: {**answer, "topics": []})
    results = offsets.delete_offsets(cluster, "billing", partitions)
    assert list(results) == partitions
    assert all("leaves it out" in str(error) for error in results.values())


@pytest.mark.parametrize("selection", [select_names([]), select_names(match=["bill.*"])])
def test_a_list_with_a_gap_selects_nothing(
    cluster: Cluster, selection: NameSelection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reset or a deletion of all groups must not pass over those of a silent broker."""
    monkeypatch.setattr(
        offsets, "list_groups", lambda _: GroupList((GroupListing("billing", "Classic", "Empty"),), ("no answer",))
    )
    with pytest.raises(OperationError, match="the list of groups is incomplete: no answer"):
        find_targets(cluster, selection)
    (target,) = find_targets(cluster, select_names(["billing"]))
    assert target.exists


@pytest.mark.parametrize(
    ("names", "patterns", "told"),
    [((), (), True), (("billing",), (), False), ((), ("bill.*",), True), (("billing",), ("bill.*",), True)],
)
def test_an_incomplete_list_is_told_wherever_a_group_may_be_missing(
    cluster: Cluster, names: tuple[str, ...], patterns: tuple[str, ...], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another group may fit the pattern, also beside names that were all found."""
    listed = GroupList((GroupListing("billing", "Classic", "Empty"),), ("no answer",))
    monkeypatch.setattr(descriptions, "list_groups", lambda _: listed)
    choice = choose_groups(cluster, select_names(names, match=patterns))
    assert [group.group for group in choice.groups] == ["billing"]
    assert [str(error) for error in choice.errors] == (["cannot list all groups: no answer"] if told else [])


@pytest.mark.parametrize("name", ["", "bill\0ing"])
def test_a_group_that_no_client_can_name(cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests about it would fail, or be about another group; the others are shown."""
    listings = (GroupListing("billing", "Classic", "Empty"), GroupListing(name, "Classic", "Empty"))
    for module in (offsets, descriptions):
        monkeypatch.setattr(module, "list_groups", lambda _: GroupList(listings, ()))
    choice = choose_groups(cluster)
    assert [group.group for group in choice.groups] == ["billing"]
    assert [repr(name) in str(error) for error in choice.errors] == [True]
    targets = {target.group: target.error for target in find_targets(cluster, select_names([]))}
    assert targets["billing"] is None
    assert "no request of this client" in str(targets[name])
    (outcome,) = preview_deletion([Target(group=name, type="Classic", error=targets[name])])
    assert "no request of this client" in outcome.result


def test_groups_of_other_programs_are_in_no_list() -> None:
    groups = [Group("billing"), Group("simple", protocol_type=""), Group("workers", protocol_type="connect")]
    with FakeCluster(brokers=2, topics={"orders": 1}, groups=groups, coordinator_id=2) as brokers:
        for is_frozen in (False, True):
            if is_frozen:
                brokers.on("ListGroups", freeze=True, broker=1)
            cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=3))
            listed = descriptions.list_groups(cluster)
            assert [group.group for group in listed.groups] == ["billing", "simple"]
            assert bool(listed.errors) == is_frozen
            cluster.close()


@pytest.mark.slow
@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_group_that_two_brokers_list_is_one(is_frozen: bool) -> None:
    """While its coordinator moves; librdkafka refuses questions about a group that is there twice."""
    with FakeCluster(brokers=3, topics={"orders": 1}, groups=[Group("billing")]) as brokers:
        listed_group: list[object] = []

        def list_twice(_: object, answer: dict[str, object]) -> dict[str, object]:
            """Answer as the first broker that has the group does."""
            listed_group[:] = answer["groups"] or listed_group  # type: ignore[assignment]
            return {**answer, "groups": listed_group * 2}

        brokers.on("ListGroups", answer=list_twice)
        if is_frozen:
            brokers.on("ListGroups", freeze=True, broker=3)
        cluster = Cluster(Settings(brokers.address, "a test", {}, timeout_s=8))
        try:
            groups = choose_groups(cluster).groups
            assert [group.group for group in groups] == ["billing"]
            if not is_frozen:  # the question for the coordinator may go to the frozen broker
                (described,), errors = descriptions.describe_groups(cluster, groups)
                assert (described.group, errors) == ("billing", [])
        finally:
            cluster.close()
