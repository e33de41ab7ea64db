from __future__ import annotations

import json

from kafkactl.admin.reassignment import Move, start
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from tests.clusters import RunningCluster, eventually


def test_the_preferred_leader_is_elected(kraft_cluster: RunningCluster, name: str) -> None:
    """Another order of the replicas makes another replica the preferred one, and the leader stays."""
    cli = kraft_cluster.cli
    cli.ok("topics", "create", name, "--replica-assignment", "1:2:3,2:3:1")
    connected = Cluster(resolve(kraft_cluster.bootstrap_servers, None, None, ()))
    try:
        move = Move(name, 0, (1, 2, 3), (3, 2, 1))
        assert start(connected, [move]) == {move: None}
    finally:
        connected.close()

    def list_leaders(*flags: str) -> list[tuple[int, int, int]]:
        rows = json.loads(cli.ok("leaders", "list", name, *flags, "-o", "json"))
        return [(row["partition"], row["leader"], row["preferred"]) for row in rows]

    eventually(lambda: list_leaders("--not-preferred") == [(0, 1, 3)])
    assert list_leaders() == [(0, 1, 3), (1, 2, 2)]
    preview = cli("leaders", "elect", name, "--dry-run", check=0)
    assert "would elect the preferred leader of 1 partition" in preview.stderr
    assert f"{name}-0" in cli.ok("leaders", "elect", name, "--yes")
    eventually(lambda: list_leaders("--not-preferred") == [])
    assert "no partition needs an election" in cli("leaders", "elect", name, "--yes", check=0).stderr
    assert "no partition needs an election" in cli("leaders", "elect", name, "--type", "unclean", "--yes").stderr
    cli.ok("topics", "delete", name, "--yes")
