"""The throttles of moves of replicas: set before the moves, removed behind them, and named where they stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kafkactl.cli.frame.before_change import Change, before_change
from kafkactl.cli.frame.results import list_failures, print_errors
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnansweredError, make_caused_error
from kafkactl.output import people
from kafkactl.patterns import make_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kafkactl.admin.throttles import Throttle, ThrottlePlan
    from kafkactl.connection.cluster import Cluster

FOREIGN = "other reassignments are running"
_STAY = f"{FOREIGN}, so the throttles stay: kafkactl throttles clear removes them"


def set_throttles(connected: Cluster, settings: ThrottlePlan) -> None:
    """Set throttles; where one cannot be set, remove those that were set, and raise its error.

    All throttles of these brokers and topics are removed then, also former ones: their values do not come back. One
    whose answer is missing may have been set, and is removed, too. Throttles that cannot be removed again are printed
    as errors. Call before_change first. Raise OperationError for the first failure, or UnreachableError where it is a
    broker that does not answer, with a text that nothing was moved, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import throttles
    from kafkactl.admin.entities import EntityType

    results = throttles.set_throttles(connected, settings)
    if failures := _find_errors(results):
        names = {
            kind: [
                entity.name
                for entity, error in results.items()
                if entity.type is kind and (error is None or _may_be_set(error))
            ]
            for kind in (EntityType.BROKERS, EntityType.TOPICS)
        }
        print_errors(clear_throttles(connected, map(int, names[EntityType.BROKERS]), names[EntityType.TOPICS]))
        raise make_caused_error(f"cannot set the throttles: {failures[0]}; nothing was moved", failures[0])


def _may_be_set(error: KafkactlError) -> bool:
    """Return whether the throttle of this error may have been set: an UnansweredError, or REQUEST_TIMED_OUT."""
    return isinstance(error, UnansweredError) or (
        isinstance(error, OperationError) and error.code == ErrorCode.REQUEST_TIMED_OUT
    )


def _find_errors(results: Mapping[Any, KafkactlError | None]) -> list[KafkactlError]:
    """Return the errors of items, in their order, without the None of those that succeeded."""
    return [error for error in results.values() if error is not None]


def leave_out_dead(connected: Cluster, settings: ThrottlePlan) -> ThrottlePlan:
    """Return the settings without those of brokers that are not alive: no replica is read from them.

    A note names each of them. The topics keep their settings, and without `brokers` nothing is asked. The brokers that
    get replicas keep the rates low where one comes back. Raise UnreachableError or OperationError where the brokers
    cannot be listed, and UsageError for a wrong client setting.
    """
    if not settings.brokers:
        return settings
    alive = connected.requests.list_brokers()
    for broker in sorted(settings.brokers.keys() - set(alive)):
        people.note(f"broker {broker} is not alive: no throttle is set there")
    return replace(
        settings, brokers={broker: settings.brokers[broker] for broker in settings.brokers if broker in alive}
    )


def remove_own_throttles(connected: Cluster, settings: ThrottlePlan) -> list[KafkactlError]:
    """Remove the throttles of a plan's brokers and topics where no reassignment runs in the cluster any more.

    Return an error for each broker or topic whose throttles may stay. All of them go, also former ones. Where any
    reassignment of the cluster runs, they stay without an error, and a note on stderr, but not in Kafka's style, says
    so. Raise OperationError or UnreachableError where the reassignments cannot be listed, and UsageError for a wrong
    client setting.
    """
    from kafkactl.admin import reassignment

    if reassignment.list_running(connected):
        people.note(_STAY)
        return []
    return clear_throttles(connected, settings.brokers, settings.topics)


def clear_throttles(connected: Cluster, brokers: Iterable[int], topics: Iterable[str]) -> list[KafkactlError]:
    """Remove all throttles of brokers and topics, whoever set them, and return an error for each one where they stay.

    A topic that does not exist any more has no error. Without an answer there is an error, too, and the throttles may
    be gone. Raise UsageError for a wrong client setting.
    """
    from kafkactl.admin import throttles
    from kafkactl.admin.entities import EntityType

    results = throttles.clear_throttles(connected, brokers, topics)
    return [
        throttles.make_left_error(entity, str(error))
        for entity, error in results.items()
        if error is not None and not (entity.type is EntityType.TOPICS and isinstance(error, NotFoundError))
    ]


def remove_throttles(connected: Cluster, topics: Sequence[str]) -> list[KafkactlError]:
    """Remove the throttles of all brokers and of these topics, and return an error for each that stays.

    No topics means those of brokers alone. Throttles go also while reassignments run. A note on stderr, but not in
    Kafka's style, has the number of settings that were removed. Where there is none, nothing is changed or noted. A
    broker that is not alive, and a broker or topic that cannot be read, is an error, too; a topic that does not exist
    is none. before_change is called here. Raise UsageError in a read-only context with throttles and for a wrong client
    setting, UnreachableError or OperationError where no broker answers, or where the reassignments or brokers cannot be
    listed.
    """
    from kafkactl.admin import throttles

    rows, errors = throttles.list_throttles(connected, topics, verb="remove")
    if not rows:
        return errors
    before_change(connected, [make_removal(row) for row in rows])
    return errors + remove_listed(connected, rows)


def note_kept_throttles(connected: Cluster, topics: Sequence[str]) -> list[KafkactlError]:
    """Print a note where there are throttles that stay, because other reassignments run; return errors of asking.

    That others run is not checked: the caller knows it. `topics` are those whose throttles count, beside the rates of
    the brokers. No topics means the rates alone. In Kafka's style nothing is printed. The errors are for each broker
    that is not alive, and each broker or topic that cannot be read. Raise UnreachableError or OperationError where no
    broker answers, or where the reassignments or brokers cannot be listed, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import throttles

    rows, errors = throttles.list_throttles(connected, topics)
    if rows:
        people.note(_STAY)
    return errors


def make_removal(row: Throttle) -> Change:
    """Return the removal of a throttle as a change, which setting the value again undoes."""
    flags = ("--set", f"{row.name}={row.value}")
    inverse = make_arguments(("configs", "alter"), [row.type.value, row.entity], flags)
    return Change(action=f"remove {row.title}", inverse=lambda: inverse)


def remove_listed(connected: Cluster, rows: Sequence[Throttle]) -> list[KafkactlError]:
    """Remove throttles, note on stderr how many, also 0, and return an error for each other, in their order.

    Call before_change first. In Kafka's style there is no note. A throttle of a topic that does not exist any more has
    an error, too. A removal without an answer is an UnansweredError in the result, and not in the number. Raise
    UsageError for a wrong client setting.
    """
    from kafkactl.admin import throttles

    failures = list_failures(throttles.remove_throttles(connected, rows), "throttle")
    removed = len(rows) - len(failures)
    people.note(f"removed {removed} throttle{'' if removed == 1 else 's'}")
    return failures
