"""The requests that a broker offers: their names, and the releases of Kafka that offer the same.

No request returns a broker's release. Its answer to ApiVersions has the versions of each request, and kafka-python has
the versions that brokers of each release offer.
"""

from __future__ import annotations

from collections.abc import Mapping

Versions = tuple[int, int]
"""The lowest and the highest version of a request."""


def find_api_level(versions: Mapping[int, Versions]) -> str | None:
    """Return the releases whose requests a broker offers, as 4.3, 3.3-3.4 or 4.3+; None where there are none.

    `versions` are the lowest and highest offered version by the number of the request. A release fits where it has one
    of them, and the highest versions of all requests are equal that both have: some requests depend on the settings of
    the broker, and on ZooKeeper. Where none fits, the result is the newest release with a plus sign whose highest
    versions the broker reaches in all requests that both have; there is one, too.
    """
    from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

    fitting, older = [], []
    for release, table in sorted(BROKER_API_VERSIONS.items()):
        pairs = [(versions[key][1], highest) for key, (_, highest) in table.items() if key in versions]
        name = ".".join(map(str, release))
        if pairs and all(offered == highest for offered, highest in pairs):
            fitting.append(name)
        if pairs and all(offered >= highest for offered, highest in pairs):
            older.append(name)
    if fitting:
        return fitting[0] if len(fitting) == 1 else f"{fitting[0]}-{fitting[-1]}"
    return f"{older[-1]}+" if older else None


def list_api_names() -> dict[int, str]:
    """Return the names of the requests by their numbers, such as Metadata for 3; only those that kafka-python knows."""
    from kafka.protocol.api_key import ApiKey

    return {int(key): key.name for key in ApiKey}
