"""The commands `kafkactl client-metrics`: list, describe, alter, delete."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import complete_subscriptions
from kafkactl.cli.frame.before_change import Arguments, Change, before_change
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import choose_named, print_errors, print_unanswered, show_outcomes, show_rows
from kafkactl.cli.frame.values import require_choice
from kafkactl.errors import NotFoundError, UnansweredError, UsageError, make_exclusive_error
from kafkactl.output import people
from kafkactl.output.report import Column
from kafkactl.statuses import DONE, FAILED, combine
from kafkactl.stdout import out
from kafkactl.times import format_duration, parse_duration

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

app = new_app(
    """Show and change which metrics clients send to brokers.

    Examples:
      kafkactl client-metrics list
      kafkactl client-metrics alter apps --interval 30s --metrics '*' --dry-run
    """
)

_SUBSCRIPTIONS = [
    Column("NAME", lambda row: row.name),
    Column("INTERVAL", lambda row: None if row.interval_ms is None else format_duration(row.interval_ms)),
    Column("METRICS", lambda row: row.metrics),
    Column("MATCH", lambda row: row.match),
]
_SETTINGS = [
    Column("SUBSCRIPTION", lambda row: row.entity),
    Column("NAME", lambda row: row.name),
    Column("VALUE", lambda row: row.value),
    Column("SOURCE", lambda row: row.source),
]
_LIST_HINT = "list the subscriptions: kafkactl client-metrics list"
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Name of a subscription; several may follow. Default: all.",
        autocompletion=complete_subscriptions,
        show_default=False,
    ),
]


@app.command("list")
@command
def list_subscriptions(cluster: ClusterOptions, output: MirrorOutputOptions, names: Names = None) -> int:
    """Show the subscriptions of client metrics, with the values in force.

    METRICS has prefixes of names; * stands for all metrics. A client has to match all rules of MATCH.

    Examples:
      kafkactl client-metrics list
      kafkactl client-metrics list -o json
    """
    from kafkactl.admin import client_metrics
    from kafkactl.output.kafka import client_metrics_text

    connected = cluster.connect()
    present, errors = _choose(client_metrics.list_names(connected), names)
    if output.is_kafka:
        out.write_text(client_metrics_text.format_names(present))
        return print_errors(errors)
    described = client_metrics.describe_settings(connected, present)
    rows = [client_metrics.make_subscription(name, settings) for name, settings in described.items()]
    return show_rows(output, _SUBSCRIPTIONS, rows, errors, "no subscription")


@app.command()
@command
def describe(cluster: ClusterOptions, output: MirrorOutputOptions, names: Names = None) -> int:
    """Show every setting of subscriptions, and where its value comes from.

    Examples:
      kafkactl client-metrics describe
      kafkactl client-metrics describe apps
    """
    from kafkactl.admin import client_metrics
    from kafkactl.output.kafka import client_metrics_text

    connected = cluster.connect()
    present, errors = _choose(client_metrics.list_names(connected), names)
    described = client_metrics.describe_settings(connected, present)
    if output.is_kafka:
        missing = [name for error in errors for name in error.names]
        out.write_text("".join(map(client_metrics_text.format_missing, missing)))
        out.write_text(client_metrics_text.format_settings(described))
        return FAILED if errors and not people.is_kafka_style() else DONE
    rows = [setting for settings in described.values() for setting in settings]
    return show_rows(output, _SETTINGS, rows, errors, "no subscription")


@app.command()
@command
def alter(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Name of the subscription, which need not exist.",
            autocompletion=complete_subscriptions,
            show_default=False,
        ),
    ] = None,
    generate_name: Annotated[
        bool,
        typer.Option("--generate-name", help="Add a subscription with a random name.", rich_help_panel=Section.SUBJECT),
    ] = False,
    interval: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Time between two reports of a client: 30s, 5m.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="PREFIX,...", help="Prefixes of the names of metrics; * stands for all.")
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(
            metavar="PROPERTY=REGEX,...",
            help="Clients that send metrics: client_id, client_instance_id, client_software_name, "
            "client_software_version, client_source_address, client_source_port.",
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Go back to the default: interval.ms, metrics or match; repeatable."),
    ] = None,
) -> int:
    """Change a subscription of client metrics, or add one.

    All settings are changed, or none. With --dry-run the brokers check the change.

    Examples:
      kafkactl client-metrics alter apps --interval 30s --metrics '*' --yes
      kafkactl client-metrics alter apps --match client_id=billing-.* --yes
      kafkactl client-metrics alter apps --unset interval.ms --dry-run
    """
    from kafkactl.admin import client_metrics
    from kafkactl.admin.models import Outcome
    from kafkactl.output.kafka import client_metrics_text

    if generate_name and name is not None:
        raise make_exclusive_error("NAME", "--generate-name")
    if name is None and not generate_name:
        raise UsageError("missing argument NAME", "name the subscription, or use --generate-name")
    subscription = client_metrics.make_random_name() if name is None else name
    to_set = _parse_values(interval, metrics, match)
    to_unset = list(dict.fromkeys(unset or ()))
    for setting in to_unset:
        require_choice(setting, "--unset", client_metrics.SETTINGS)
    changes = client_metrics.make_alterations(to_set, to_unset)
    if not changes and not people.is_kafka_style():
        raise UsageError("nothing to alter", "give --interval, --metrics, --match or --unset")
    connected = cluster.connect()
    present = {} if people.is_kafka_style() else _read_own_values(connected, [subscription])[subscription]
    is_known = all(present.get(change.name) == change.value for change in changes)
    action = _describe_change(subscription, present, to_set, to_unset)
    before_change(
        connected,
        [Change(action=action, inverse=lambda: _find_inverse(subscription, present, to_set))],
        confirm.dry_run,
    )
    if is_known and not people.is_kafka_style():
        return show_outcomes(
            [Outcome(name=subscription, ok=True, result="has these values already")], "subscription", output
        )
    if not confirm.dry_run and (status := confirm.ask(action, "nothing changed")) is not None:
        return status
    try:
        client_metrics.alter_subscription(connected, subscription, changes, confirm.dry_run)
    except UnansweredError as error:
        if confirm.dry_run:
            raise
        return print_unanswered(error, "subscription", subscription)
    if output.is_kafka and not confirm.dry_run:
        out.write_text(client_metrics_text.format_alteration(subscription))
    result = f"would {action}" if confirm.dry_run else _describe_values(to_set, to_unset)
    return show_outcomes([Outcome(name=subscription, ok=True, result=result)], "subscription", output)


@app.command()
@command
def delete(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Name of a subscription; several may follow.",
            autocompletion=complete_subscriptions,
            show_default=False,
        ),
    ],
) -> int:
    """Delete subscriptions of client metrics.

    Clients stop to send the metrics of a subscription when they ask for it again.

    Examples:
      kafkactl client-metrics delete apps --dry-run
      kafkactl client-metrics delete apps --yes
    """
    from kafkactl.admin import client_metrics
    from kafkactl.output.kafka import client_metrics_text

    connected = cluster.connect()
    if people.is_kafka_style():  # Kafka's tool does not look whether the subscription exists
        existing: Collection[str] = names
    else:
        existing = client_metrics.list_names(connected)
    present, errors = _choose(existing, names)
    values = _read_own_values(connected, present)
    changes = [
        Change(
            action=f"delete subscription {name} ({_describe_values(own)})",
            inverse=lambda name=name, own=own: _find_inverse(name, own, {}),  # type: ignore[misc]
        )
        for name, own in values.items()
    ]
    before_change(connected, changes, confirm.dry_run)
    if not values:
        return print_errors(errors)
    status = confirm.ask("; ".join(change.action for change in changes), "nothing deleted")
    if status is None:
        outcomes = client_metrics.delete_subscriptions(connected, values)
        if output.is_kafka:
            done = [outcome.name for outcome in outcomes if outcome.ok]
            out.write_text("".join(map(client_metrics_text.format_deletion, done)))
        status = show_outcomes(outcomes, "subscription", output)
    return combine([status, print_errors(errors)]) if errors else status


def _choose(existing: Iterable[str], names: Iterable[str] | None) -> tuple[list[str], list[NotFoundError]]:
    """Return the named subscriptions that exist, or all for None or no names, and an error for each that does not.

    The order is that of `names` without repetitions, or of `existing`.
    """
    return choose_named({name: name for name in existing}, names, "subscription", _LIST_HINT)


def _parse_values(interval: str | None, metrics: str | None, match: str | None) -> dict[str, str]:
    """Return the values to set by the name of the setting. `interval` is a duration and becomes a number of ms as text.

    A bare number in `interval` is seconds. None is left out, and an empty `metrics` or `match` is kept. The brokers
    check the bounds of `interval`; only in Kafka's style it may have a sign. Raise UsageError for no duration.
    """
    from kafkactl.admin.client_metrics import INTERVAL, MATCH, METRICS

    values = {}
    if interval is not None:
        values[INTERVAL] = str(parse_duration(interval, "--interval", signed=people.is_kafka_style()))
    return values | {name: text for name, text in ((METRICS, metrics), (MATCH, match)) if text is not None}


def _read_own_values(connected: Cluster, names: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the values that subscriptions set themselves, by name of the subscription and of the setting.

    A subscription that does not exist, or sets nothing, has an empty dict. Without names no broker is asked. Raise
    OperationError for a refusal, UnreachableError, and UsageError for a wrong client setting.
    """
    from kafkactl.admin import client_metrics

    described = client_metrics.describe_settings(connected, names)
    return {name: client_metrics.find_own_values(settings) for name, settings in described.items()}


def _describe_values(values: Mapping[str, str], unset: Collection[str] = ()) -> str:
    """Return settings as text: `interval.ms=1000, no match`."""
    return ", ".join([*(f"{name}={value}" for name, value in values.items()), *(f"no {name}" for name in unset)])


def _describe_change(name: str, present: Mapping[str, str], to_set: Mapping[str, str], unset: Collection[str]) -> str:
    """Return a change of a subscription with the present values, as a phrase that begins with a verb.

    `present` has the values that the subscription sets itself; without any it is a new one.
    """
    if not present:
        return f"add subscription {name} with {_describe_values(to_set, unset)}"
    parts = [f"{setting} from {present.get(setting, 'the default')} to {value}" for setting, value in to_set.items()]
    parts += [f"{setting} from {present.get(setting, 'the default')} to the default" for setting in unset]
    kept = {setting: value for setting, value in present.items() if setting not in {*to_set, *unset}}
    return f"change subscription {name}: {', '.join(parts)}" + (
        f"; unchanged: {_describe_values(kept)}" if kept else ""
    )


def _find_inverse(name: str, present: Mapping[str, str], changed: Collection[str]) -> Arguments:
    """Return the arguments of the command that restores the `present` values of a subscription, which it sets itself.

    `changed` are the settings that the change sets or unsets: one without a present value is unset, as is one with an
    empty value. The other present values are set again, too. Without present values it is the command that deletes the
    subscription.
    """
    from kafkactl.admin.client_metrics import INTERVAL

    if not present:
        return ("client-metrics", "delete", "--yes", "--", name)
    values = {setting: value for setting, value in present.items() if value}  # an empty one is as good as none
    flags = [
        f"--interval={value}ms" if setting == INTERVAL else f"--{setting}={value}" for setting, value in values.items()
    ]
    flags += [f"--unset={setting}" for setting in dict.fromkeys([*present, *changed]) if setting not in values]
    return ("client-metrics", "alter", *flags, "--yes", "--", name)
