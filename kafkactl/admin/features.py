"""Features of a cluster: the levels that its nodes support, and the level that is finalized.

Reference: KIP-584, KIP-1022; org.apache.kafka.server.common.Feature of Kafka 4.3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kafkactl import __version__
from kafkactl.admin.metadata_versions import FEATURE, LATEST_LEVEL, SUPPORTED_NAMES, find_level, find_metadata_version
from kafkactl.admin.models import Outcome, make_failure
from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import UpgradeType
from kafkactl.errors import NotFoundError, UsageError
from kafkactl.numerals import read_whole_number

_MS = 1000
_LARGEST_LEVEL = 2**15 - 1
_LEVELS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "kraft.version": ((1, 21),),
    "transaction.version": ((1, 24), (2, 24)),
    "group.version": ((1, 22),),
    "eligible.leader.replicas.version": ((1, 26),),
    "share.version": ((1, 28),),
    "streams.version": ((1, 29),),
}
"""Levels of the other features, each with the metadata.version from which on a release sets it."""
KNOWN_LEVELS = {name: (0, *(level for level, _ in levels)) for name, levels in _LEVELS.items()}
"""Levels that Kafka 4.3.1 knows, by feature, without metadata.version."""
_NEEDS = {("eligible.leader.replicas.version", 1): 23}
"""metadata.version that a level of a feature needs."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A feature that the node supports which was asked."""

    name: str
    min_level: int
    max_level: int
    """Lowest and highest level that the node supports."""
    finalized_level: int
    """Level that the cluster uses; 0 where none is finalized."""
    epoch: int | None
    """Epoch of all finalized levels; None where it is not known."""


@dataclass(frozen=True, kw_only=True)
class FeatureLevel:
    """A level of a feature."""

    name: str
    level: int
    metadata_version: str | None
    """Name of the level, such as 4.3-IV0, for metadata.version; None for other features."""


def describe_features(cluster: Cluster, node_id: int | None = None) -> list[Feature]:
    """Return the features that a node supports, sorted by name, with the levels that the cluster has finalized.

    A feature that is not finalized has the level 0, and an unknown epoch is None. Finalized features that the node does
    not support are left out. `node_id` is the broker or controller that is asked; None means any broker, or the active
    controller. Raise UnreachableError, also for a node that is not alive, OperationError for a refusal, and UsageError
    for a wrong client setting.
    """
    answer = cluster.requests.send(
        "ApiVersions", broker=node_id, client_software_name="kafkactl", client_software_version=__version__
    )
    if answer.error_code:
        raise refusal("cannot read the features", answer.error_code)
    finalized = {item.name: item.max_version_level for item in answer.finalized_features or ()}
    epoch = answer.finalized_features_epoch
    features = [
        Feature(
            name=item.name,
            min_level=item.min_version,
            max_level=item.max_version,
            finalized_level=finalized.get(item.name, 0),
            epoch=None if epoch is None or epoch < 0 else epoch,
        )
        for item in answer.supported_features or ()
    ]
    return sorted(features, key=lambda feature: feature.name)


def update_features(cluster: Cluster, levels: Mapping[str, int], how: UpgradeType, dry_run: bool) -> list[Outcome]:
    """Change the levels of features, and return the outcome of each, sorted by name.

    Levels are from 0 to 32,767; 0 ends the use of a feature. Controllers from 4.0 on make all
    changes or none. With `dry_run` the controller only checks. Raise UnsupportedRequestError for brokers before 3.3,
    UnansweredError where the changes may have been made, UnreachableError, OperationError where no controller can serve
    it, and UsageError for a wrong client setting and another level. A refusal in the answer is not raised: it is an
    outcome, of each feature where it is one for all. Where the answer names single features, one that it leaves out has
    failed, without a code.
    """
    answer = cluster.requests.send(
        "UpdateFeatures",
        to_controller=True,
        timeout_ms=int(cluster.settings.timeout_s * _MS),
        feature_updates=[(name, level, int(how)) for name, level in sorted(levels.items())],
        validate_only=dry_run,
        min_version=1,
    )
    results = {item.feature: item for item in getattr(answer, "results", None) or ()}
    outcomes = []
    for name, level in sorted(levels.items()):
        item = answer if answer.error_code or not results else results.get(name)
        if item is None:
            outcomes.append(Outcome(name=name, ok=False, result="the answer says nothing about it"))
        elif item.error_code:
            outcomes.append(make_failure(name, refusal("", item.error_code, item.error_message)))
        else:
            outcomes.append(
                Outcome(name=name, ok=True, result=f"would be set to {level}" if dry_run else f"set to {level}")
            )
    return outcomes


def list_levels_of_release(release: str | None = None) -> list[FeatureLevel]:
    """Return the levels that a release of Kafka sets for all features, metadata.version first.

    A feature that the release does not set has the level 0. `release` is a release such as 4.3, or a level of
    metadata.version such as 4.3-IV0; None means the latest, 4.3-IV0. Raise UsageError for an unknown one, an empty
    text, and releases before 3.3.
    """
    level = LATEST_LEVEL if release is None else parse_metadata_version(release)
    first = FeatureLevel(name=FEATURE, level=level, metadata_version=find_metadata_version(level))
    return [
        first,
        *(
            FeatureLevel(
                name=name,
                level=max((number for number, since in levels if since <= level), default=0),
                metadata_version=None,
            )
            for name, levels in _LEVELS.items()
        ),
    ]


def find_dependency(name: str, level: int) -> FeatureLevel | None:
    """Return the level of metadata.version that a level of a feature needs, or None.

    None means that it needs none, as metadata.version itself. Raise NotFoundError for a feature and a level that Kafka
    4.3.1 does not know. For metadata.version these are also 0 and the levels before 3.3-IV3.
    """
    if name == FEATURE and find_metadata_version(level) is not None:
        return None
    if name not in KNOWN_LEVELS and name != FEATURE:
        raise NotFoundError(f"feature not found: {name}", f"use one of {', '.join((FEATURE, *KNOWN_LEVELS))}")
    if level not in KNOWN_LEVELS.get(name, ()):
        raise NotFoundError(f"feature {name} has no level {level} in Kafka 4.3.1")
    needed = _NEEDS.get((name, level))
    if needed is None:
        return None
    return FeatureLevel(name=FEATURE, level=needed, metadata_version=find_metadata_version(needed))


def parse_metadata_version(text: str) -> int:
    """Return the level of metadata.version of a release or a name; raise UsageError for an unknown one.

    A name is such as 4.3-IV0, and a release such as 4.3 or 4.3.1, whose last level counts. The number of a level, such
    as 30, is unknown here, and so are names before 3.3-IV3, and releases before 3.3 and after 4.3, but not the name
    4.4-IV0.
    """
    level = find_level(text)
    if level is None:
        raise UsageError(f"unknown metadata.version: {text!r}", f"use a release or one of {', '.join(SUPPORTED_NAMES)}")
    return level


def parse_levels(texts: Iterable[str]) -> dict[str, int]:
    """Return levels by the names of features, from texts FEATURE=LEVEL, in their order.

    A level is a number from 0 to 32,767. For metadata.version it may also be a name such as 4.3-IV0 or a release such
    as 4.3. Blanks around name and level do not count; names are not checked. Raise UsageError for a text of another
    form, another level, and a feature that stands twice.
    """
    levels: dict[str, int] = {}
    for text in texts:
        name, equals, level_text = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise UsageError(f"invalid value {text!r}: not FEATURE=LEVEL", "for example: group.version=1")
        if name in levels:
            raise UsageError(f"feature {name} stands twice", "leave one of them out")
        if name == FEATURE and re.fullmatch(r"[0-9]+", level_text) is None:
            levels[name] = parse_metadata_version(level_text)
            continue
        try:
            levels[name] = read_whole_number(level_text, _LARGEST_LEVEL)
        except ValueError:
            raise UsageError(
                f"invalid level of {name}: {level_text!r}", f"use a whole number from 0 to {_LARGEST_LEVEL}"
            ) from None
    return levels
