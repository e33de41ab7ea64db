from __future__ import annotations

import json

from tests.clusters import RunningCluster


def test_three_voters_at_brokers_and_at_controllers(kraft_cluster: RunningCluster) -> None:
    for server in ((), ("--bootstrap-controller", kraft_cluster.controllers)):
        status = json.loads(kraft_cluster.cli.ok("quorum", "status", *server, "-o", "json"))
        assert sorted(node["id"] for node in status["nodes"]) == [1, 2, 3]
        assert [node["role"] for node in status["nodes"]] == ["leader", "follower", "follower"]
        assert status["nodes"][0]["id"] == status["leader_id"]
        assert all(node["last_caught_up_ms"] > 0 and node["endpoints"] for node in status["nodes"])
    directory = status["nodes"][1]["directory_id"]
    refused = kraft_cluster.cli("quorum", "remove-controller", 1, "--directory-id", directory, "--yes", check=1)
    assert "the quorum is static" in refused.stderr
    assert "ms ago" in kraft_cluster.cli.ok("quorum", "replication", "--human-readable")
