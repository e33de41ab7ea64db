"""The answer to ApiVersions, and the tables of Kafka's releases, of controllers, and of a test's own.

The tables of releases are kafka-python's BROKER_API_VERSIONS, which its authors copied from the ApiVersions answers of
real brokers; the 4.3 table was compared with a 4.3.1 broker and is equal.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request, api_key, apis

API_VERSIONS = 18
Versions = tuple[int, int]
"""The lowest and the highest version of a kind of request."""
Table = dict[int, Versions]
"""Versions by the number of the kind of request."""
Choice = str | Mapping[str, Versions | None] | None
"""A release ("2.1", "3.6"), "controller", or changes to the newest table by name; None takes a kind away."""

NEWEST = "4.3"


def releases() -> list[str]:
    """Return the releases that have a table, oldest first: "0.10.0" to "4.3"."""
    return [".".join(map(str, release)) for release in sorted(BROKER_API_VERSIONS)]


def version_table(choice: Choice = None) -> Table:
    """Return a table, never above the versions that the protocol classes know."""
    if choice is None or isinstance(choice, str):
        return _capped(_named_table(choice or NEWEST))
    table = _capped(_named_table(NEWEST))
    for name, versions in choice.items():
        table.pop(api_key(name), None)
        if versions is not None:
            table[api_key(name)] = versions
    return table


def _named_table(name: str) -> Table:
    if name == "controller":
        return _controller_table()
    return dict(BROKER_API_VERSIONS[tuple(int(part) for part in name.split("."))])


def _controller_table() -> Table:
    """Return the kinds whose schema names the listener "controller": clients that want Metadata are lost there."""
    newest = _named_table(NEWEST)
    at_controllers = {key for key, api in apis().items() if "controller" in api.request.json.get("listeners", ())}
    return {key: versions for key, versions in newest.items() if key in at_controllers}


def _capped(table: Table) -> Table:
    known = {key: api.max_version for key, api in apis().items()}
    return {key: (low, min(high, known.get(key, high))) for key, (low, high) in table.items()}


def answer_api_versions(request: Request, table: Table, features: Mapping[str, int]) -> Fields:
    """Answer ApiVersions; a version that is too new gets code 35 and the range of ApiVersions alone, as in Kafka."""
    low, high = table.get(API_VERSIONS, (0, -1))
    known = low <= request.version <= high
    offered = table if known else {API_VERSIONS: (low, high)}
    return {
        "error_code": 0 if known else codes.UNSUPPORTED_VERSION,
        "api_keys": [
            {"api_key": key, "min_version": low, "max_version": high} for key, (low, high) in sorted(offered.items())
        ],
        "supported_features": [
            {"name": name, "min_version": 1, "max_version": level} for name, level in features.items()
        ],
        "finalized_features_epoch": 1,
        "finalized_features": [
            {"name": name, "min_version_level": level, "max_version_level": level} for name, level in features.items()
        ],
    }
