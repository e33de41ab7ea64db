"""Results about features as kafka-features prints them, line for line.

Reference: org.apache.kafka.tools.FeatureCommand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kafkactl.admin.metadata_versions import FEATURE, NAMES, SUPPORTED_NAMES

if TYPE_CHECKING:
    from kafkactl.admin.features import Feature, FeatureLevel
    from kafkactl.admin.models import Outcome


def format_features(features: Sequence[Feature]) -> str:
    """Return the lines of kafka-features describe, each with its end. An unknown epoch is a hyphen.

    Levels of metadata.version are shown by their names, or as UNKNOWN and the number where Kafka 4.3.1 does not support
    them, as those before 3.3-IV3.
    """
    return "".join(
        f"Feature: {feature.name:<42}SupportedMinVersion: {_name_level(feature.name, feature.min_level):<17}"
        f"SupportedMaxVersion: {_name_level(feature.name, feature.max_level):<17}"
        f"FinalizedVersionLevel: {_name_level(feature.name, feature.finalized_level):<17}"
        f"Epoch: {'-' if feature.epoch is None else feature.epoch}\n"
        for feature in features
    )


def _name_level(name: str, level: int) -> str:
    """Return a level as text, as Kafka's tool does; the level of any feature but metadata.version is its number."""
    text = format_level(name, level)
    return text if name != FEATURE or text in SUPPORTED_NAMES else f"UNKNOWN {level}"


def format_level(name: str, level: int) -> str:
    """Return a level as text: that of metadata.version by its name, such as 4.3-IV0, or UNKNOWN [LEVEL] without one.

    Names of old levels, which Kafka's tool does not show, are here, too: 3.0-IV1 is level 1. The level of any other
    feature is its number.
    """
    if name != FEATURE:
        return str(level)
    return NAMES[level - 1] if 1 <= level <= len(NAMES) else f"UNKNOWN [{level}]"


def format_updates(outcomes: Sequence[Outcome], levels: Mapping[str, int], verb: str, dry_run: bool) -> str:
    """Return the lines of kafka-features upgrade, downgrade or disable about all features, each with its end.

    `verb` is the name of the subcommand, `levels` are the new levels by name, one for each outcome, or KeyError is
    raised. The lines about disable have no level. The line of a failure ends with its error, `result`. `dry_run` says
    that a change can be made, and not that it was made.
    """
    lines = []
    for outcome in outcomes:
        level = levels[outcome.name]
        goal = "" if verb == "disable" else f" to {level}"
        if outcome.ok:
            lines.append(f"{outcome.name} {'can be' if dry_run else 'was'} {verb}d{goal}.\n")
        else:
            lines.append(f"{'Can not' if dry_run else 'Could not'} {verb} {outcome.name}{goal}. {outcome.result}\n")
    return "".join(lines)


def format_mapping(levels: Sequence[FeatureLevel], release: str | None) -> str:
    """Return the lines of kafka-features version-mapping, each with its end.

    `levels` has the level of metadata.version first, and must not be empty. `release` is the release as it was given,
    which names this level; None and an empty text show the level's own name.
    """
    lines = [f"{level.name}={level.level}" for level in levels]
    lines[0] += f" ({release or levels[0].metadata_version})"
    return "".join(f"{line}\n" for line in lines)


def format_dependency(feature: FeatureLevel, needed: FeatureLevel | None) -> str:
    """Return the lines of kafka-features feature-dependencies about a level, each with its end; None is no need."""
    if needed is None:
        return f"{_format_with_name(feature)} has no dependencies.\n"
    return f"{_format_with_name(feature)} requires:\n    {_format_with_name(needed)}\n"


def _format_with_name(level: FeatureLevel) -> str:
    """Return FEATURE=LEVEL, with the name of the level behind it for metadata.version."""
    text = f"{level.name}={level.level}"
    return text if level.metadata_version is None else f"{text} ({level.metadata_version})"
