"""The commands `kafkactl features`: describe, upgrade, downgrade, disable, version-mapping, dependencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from kafkactl.cli.frame.before_change import Arguments, Change, before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ControllerOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.connection.protocol import UpgradeType
from kafkactl.errors import OperationError, UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.kafka import feature_text
from kafkactl.output.kafka.feature_text import format_level
from kafkactl.output.report import Column, listing
from kafkactl.patterns import refuse_empty
from kafkactl.stdout import out

app = new_app(
    """Show and change features, such as metadata.version.

    Examples:
      kafkactl features describe
      kafkactl features upgrade --release-version 4.3 --dry-run
    """
)

_FEATURES = [
    Column("FEATURE", lambda row: row.name),
    Column("MIN-LEVEL", lambda row: format_level(row.name, row.min_level)),
    Column("MAX-LEVEL", lambda row: format_level(row.name, row.max_level)),
    Column("FINALIZED", lambda row: format_level(row.name, row.finalized_level) if row.finalized_level else None),
    Column("EPOCH", lambda row: row.epoch),
]
_LEVELS = [
    Column("FEATURE", lambda row: row.name),
    Column("LEVEL", lambda row: row.level),
    Column("METADATA-VERSION", lambda row: row.metadata_version),
]
_DEPENDENCIES = [
    Column("FEATURE", lambda row: row["feature"]),
    Column("LEVEL", lambda row: row["level"]),
    Column("NEEDS", lambda row: row["needs"]),
]
Levels = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FEATURE=LEVEL...",
        help="Feature and new level, such as group.version=1 or metadata.version=4.3-IV0.",
        show_default=False,
    ),
]
Release = Annotated[
    str | None,
    typer.Option("--release-version", metavar="VERSION", help="Levels that this release of Kafka sets: 4.3, 4.3-IV0."),
]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Go down also where metadata is lost.")]


@app.command()
@command
def describe(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    node_id: Annotated[
        int | None, typer.Option("--node-id", metavar="ID", min=0, max=2**31 - 1, help="Node to ask. Default: any.")
    ] = None,
) -> None:
    """Show the levels that a node supports, and those that are finalized.

    Examples:
      kafkactl features describe
      kafkactl features describe --node-id 1
    """
    from kafkactl.admin import features

    rows = features.describe_features(cluster.connect(), node_id)
    if output.is_kafka:
        out.write_text(feature_text.format_features(rows))
        return
    output.show(listing(_FEATURES, rows))


@app.command()
@command
def upgrade(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    levels: Levels = None,
    release_version: Release = None,
) -> int:
    """Raise the levels of features.

    With --dry-run the controller checks the change.

    Examples:
      kafkactl features upgrade group.version=1 --dry-run
      kafkactl features upgrade --release-version 4.3 --dry-run
    """
    chosen = _choose_levels(levels, release_version, with_zero=False)
    return _change(cluster, output, confirm, chosen, "upgrade", UpgradeType.UPGRADE)


@app.command()
@command
def downgrade(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    levels: Levels = None,
    release_version: Release = None,
    unsafe: Unsafe = False,
) -> int:
    """Lower the levels of features.

    With --dry-run the controller checks the change.

    Examples:
      kafkactl features downgrade transaction.version=1 --dry-run
    """
    chosen = _choose_levels(levels, release_version, with_zero=True)
    return _change(cluster, output, confirm, chosen, "downgrade", _choose_downgrade(unsafe))


@app.command()
@command
def disable(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    feature: Annotated[list[str], typer.Argument(metavar="FEATURE...", help="Name of a feature; several may follow.")],
    unsafe: Unsafe = False,
) -> int:
    """Set the levels of features to 0.

    With --dry-run the controller checks the change.

    Examples:
      kafkactl features disable group.version --dry-run
    """
    for name in feature:
        refuse_empty(name, "FEATURE")
    return _change(cluster, output, confirm, dict.fromkeys(feature, 0), "disable", _choose_downgrade(unsafe))


def _choose_downgrade(unsafe: bool) -> UpgradeType:
    """Return the way to lower a level: UNSAFE_DOWNGRADE may lose metadata."""
    return UpgradeType.UNSAFE_DOWNGRADE if unsafe else UpgradeType.SAFE_DOWNGRADE


def _choose_levels(texts: list[str] | None, release: str | None, *, with_zero: bool) -> dict[str, int]:
    """Return the new levels by feature, of FEATURE=LEVEL texts or of a release.

    A level is a number from 0 to 32,767; of metadata.version also a name such as 4.3-IV0 or a release such as 4.3, as
    `release` is. Features that the release does not have yet are at level 0, and are left out unless `with_zero`. A
    level 0 in a text is kept. Names of features in texts are not checked. Raise UsageError for both, for none, for an
    empty text, a feature that stands twice, and a text or a release that is not known.
    """
    from kafkactl.admin import features

    for text in texts or ():
        refuse_empty(text, "FEATURE=LEVEL")
    refuse_empty(release, "--release-version")
    if texts and release is not None:
        raise make_exclusive_error("FEATURE=LEVEL", "--release-version")
    if release is not None:
        return {
            level.name: level.level for level in features.list_levels_of_release(release) if level.level or with_zero
        }
    if not texts:
        raise UsageError("missing argument FEATURE=LEVEL", "for example: group.version=1, or --release-version 4.3")
    return features.parse_levels(texts)


def _change(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    levels: Mapping[str, int],
    verb: str,
    how: UpgradeType,
) -> int:
    """Change the levels of features, show the result of each, and return the exit status.

    Levels are by feature; `verb` is upgrade, downgrade or disable. The question shows the present and new levels of the
    features that change, or of all if none does. With --dry-run nobody is asked, and the controller checks the change.
    The status is 1 after the answer no and for a failed change, 3 where all changes failed and may have been done, else
    0. With --yes nobody is asked, either.

    Raise UsageError for wrong connection settings, in a read-only context (also with --dry-run), where there is no
    terminal to ask at, and, with --dry-run, for a wrong column or order; NotFoundError for a context that does not
    exist, OperationError where the levels cannot be read or no controller serves the change, and in Kafka's style where
    the change of a feature is refused; UnreachableError (UnansweredError where the changes may have been made), OSError
    where stdin cannot be read; and OutputError or ReaderLeftError where stdout fails.
    """
    from kafkactl.admin import features

    connected = cluster.connect()
    present = {row.name: row.finalized_level for row in features.describe_features(connected)}
    names = [name for name in levels if present.get(name) != levels[name]] or list(levels)
    text = ", ".join(
        f"{name} from {format_level(name, present.get(name, 0)) if present.get(name) else 0} "
        f"to {format_level(name, levels[name]) if levels[name] else 0}"
        for name in names
    )

    def find_inverse() -> Arguments | None:
        """Return the command that restores the present levels."""
        way = "downgrade" if verb == "upgrade" else "upgrade"
        return ("features", way, *(f"{name}={present.get(name, 0)}" for name in names), "--yes")

    before_change(connected, [Change(action=f"{verb} features: {text}", inverse=find_inverse)], confirm.dry_run)
    if not confirm.dry_run and (status := confirm.ask(f"{verb} {text}", "nothing changed")) is not None:
        return status
    outcomes = features.update_features(connected, levels, how, confirm.dry_run)
    if output.is_kafka:
        out.write_text(feature_text.format_updates(outcomes, levels, verb, confirm.dry_run))
    failed = sum(not outcome.ok for outcome in outcomes)
    if failed and people.is_kafka_style():
        raise OperationError(f"{failed} out of {len(outcomes)} operation(s) failed.")
    return show_outcomes(outcomes, "feature", output)


@app.command("version-mapping")
@command
def version_mapping(
    output: MirrorOutputOptions,
    release_version: Annotated[
        str | None,
        typer.Option("--release-version", metavar="VERSION", help="Release or level: 4.3, 4.3-IV0. Default: latest."),
    ] = None,
) -> None:
    """Show the levels of features that a release of Kafka sets.

    No cluster is asked: the table is that of Kafka 4.3.1.

    Examples:
      kafkactl features version-mapping
      kafkactl features version-mapping --release-version 4.0
    """
    from kafkactl.admin import features

    refuse_empty(release_version, "--release-version")
    levels = features.list_levels_of_release(release_version)
    if output.is_kafka:
        out.write_text(feature_text.format_mapping(levels, release_version))
        return
    output.show(listing(_LEVELS, levels))


@app.command()
@command
def dependencies(
    output: MirrorOutputOptions,
    levels: Annotated[
        list[str], typer.Argument(metavar="FEATURE=LEVEL...", help="Feature and level, such as group.version=1.")
    ],
) -> None:
    """Show the metadata.version that levels of features need.

    No cluster is asked: the table is that of Kafka 4.3.1.

    Examples:
      kafkactl features dependencies eligible.leader.replicas.version=1
    """
    from kafkactl.admin import features
    from kafkactl.admin.metadata_versions import FEATURE, find_metadata_version

    for text in levels:
        refuse_empty(text, "FEATURE=LEVEL")
    needs = [
        (name, level, features.find_dependency(name, level))
        for text in levels  # each alone, because a feature may stand twice
        for name, level in features.parse_levels([text]).items()
    ]
    if output.is_kafka:
        for name, level, needed in needs:
            shown = features.FeatureLevel(
                name=name, level=level, metadata_version=find_metadata_version(level) if name == FEATURE else None
            )
            out.write_text(feature_text.format_dependency(shown, needed))
        return
    rows = [
        {"feature": name, "level": level, "needs": None if needed is None else needed.metadata_version}
        for name, level, needed in needs
    ]
    output.show(listing(_DEPENDENCIES, rows))
