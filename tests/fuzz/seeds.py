"""Whole files to start from: of a real broker, of every kind of batch, and of every message."""

from __future__ import annotations

import struct
from random import Random

from google_crc32c import value as crc32c

from kafkactl.storage.schema import load_layouts
from tests.conftest import REPOSITORY
from tests.fuzz.folders import folder_seeds, log_dir_files, lookup_files
from tests.unit.storage.encoding import KINDS_OF_BATCHES
from tests.unit.storage.messages import encode_message, unsigned_varint

ORDERS = REPOSITORY / "tests" / "data" / "orders-0"
SMALL = [
    b"0\n2\n0 0\n3 17\n",
    b"0\n2\norders 0 17\nodd topic 3 4\n",
    b"version: 0\ntopic_id: kRmmZ3pSTzC0DhJb8dKx5Q\n",
    b"#\n#Sat\ncluster.id=x\nversion=1\n",
    b'{"leaderId":1,"leaderEpoch":3,"votedId":-1,"data_version":1}',
    struct.pack(">hqqqq", 0, 7, 8, 12, 8) * 3,
]


def seeds(target: str) -> list[bytes]:
    """Files for a target."""
    random = Random(1)
    if target in ("segment", "check"):
        pairs = [random.choice(KINDS_OF_BATCHES) + random.choice(KINDS_OF_BATCHES) for _ in range(20)]
        legacy = [path.read_bytes() for path in sorted((REPOSITORY / "tests" / "data" / "legacy").glob("*.log"))]
        return [*KINDS_OF_BATCHES, *pairs, *legacy, (ORDERS / f"{0:020}.log").read_bytes()]
    if target in ("folder", "lookup"):
        return folder_seeds(log_dir_files() if target == "folder" else lookup_files(), random)
    if target == "index":
        return [(ORDERS / f"{0:020}.{suffix}").read_bytes() for suffix in ("index", "timeindex")] + [bytes(96)]
    if target == "small":
        body = struct.pack(">i", 1) + struct.pack(">qhiqiqiq", 7, 0, 7, 11, 3, 0, 0, -1)
        return [*SMALL, struct.pack(">hI", 1, crc32c(body)) + body]
    return [*_messages(random)]


def _messages(random: Random) -> list[bytes]:
    found = []
    for topic in ("consumer_offsets", "transaction_state", "share_group_state", "cluster_metadata", "raft"):
        for layout in load_layouts(topic):
            for version in layout.versions:
                head = struct.pack(">h", layout.api_key or 0) + bytes(7)
                if layout.kind == "metadata":
                    front = b"\1" + unsigned_varint(layout.api_key or 0) + unsigned_varint(version)
                else:
                    front = struct.pack(">h", version)
                found.append(head + front + encode_message(layout, version, random))
    return found
