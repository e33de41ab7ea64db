"""Names of the levels of the feature metadata.version: level 30 is 4.3-IV0.

Reference: org.apache.kafka.server.common.MetadataVersion of Kafka 4.3.1.
"""

from __future__ import annotations

import re

FEATURE = "metadata.version"
"""Name of the feature that decides which records the controllers write."""
NAMES = (
    "3.0-IV1", "3.1-IV0", "3.2-IV0", "3.3-IV0", "3.3-IV1", "3.3-IV2", "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1",
    "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2", "3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0",
    "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0",
    "4.4-IV0",
)  # fmt: skip
"""Names of the levels, from level 1 on."""
LATEST_LEVEL = 30
"""Latest level that Kafka 4.3.1 uses in production."""
SUPPORTED_NAMES = NAMES[6:]
"""Names of the levels that Kafka 4.3.1 supports: from 3.3-IV3 on."""


def find_metadata_version(level: int) -> str | None:
    """Return the name of a level, such as 4.3-IV0; None for a level that Kafka 4.3.1 does not support."""
    return NAMES[level - 1] if 1 <= level <= len(NAMES) and NAMES[level - 1] in SUPPORTED_NAMES else None


def find_level(text: str) -> int | None:
    """Return the level of a name such as 4.3-IV0, or the last level of a release such as 4.3 or 4.3.1.

    Of a release only the first two numbers count: 4.3.99 is 4.3. None for any other text, such as "30", for a release
    that Kafka 4.3.1 does not know, and for levels that it does not support. The name 4.4-IV0 has level 31, but the
    release 4.4 has none.
    """
    if text in SUPPORTED_NAMES:
        return NAMES.index(text) + 1
    release = re.fullmatch(r"([0-9]+\.[0-9]+)(\.[0-9]+)*", text)
    levels = [
        level
        for level, name in enumerate(NAMES[:LATEST_LEVEL], 1)
        if name in SUPPORTED_NAMES and release is not None and name.partition("-")[0] == release[1]
    ]
    return levels[-1] if levels else None
