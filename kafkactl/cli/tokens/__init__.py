"""The commands `kafkactl tokens`: create, describe, renew, expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.help import Section
from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import print_errors, print_unanswered, show_rows
from kafkactl.errors import UnansweredError
from kafkactl.output import people
from kafkactl.output.report import Column, listing
from kafkactl.statuses import DONE
from kafkactl.stdout import out
from kafkactl.times import format_duration, format_time, parse_duration

if TYPE_CHECKING:
    from kafkactl.admin.tokens import Token

app = new_app(
    """Create, show, renew and expire delegation tokens.

    Brokers serve them only on connections with a login (SASL).

    Examples:
      kafkactl tokens describe
      kafkactl tokens create --renewer User:cron --hmac-file token.hmac --dry-run
    """
)

_TOKENS = [
    Column("TOKEN-ID", lambda row: row.token_id),
    Column("OWNER", lambda row: row.owner),
    Column("REQUESTER", lambda row: row.requester),
    Column("RENEWERS", lambda row: row.renewers),
    Column("ISSUED", lambda row: format_time(row.issue_ms)),
    Column("EXPIRES", lambda row: format_time(row.expiry_ms)),
    Column("LAST-EXPIRY", lambda row: format_time(row.max_ms)),
]
_WITH_HMAC = [*_TOKENS, Column("HMAC", lambda row: row.hmac)]
TokenIds = Annotated[
    list[str] | None, typer.Argument(metavar="TOKEN-ID", help="Id of a token; several may follow.", show_default=False)
]
ShowHmac = Annotated[bool, typer.Option("--show-hmac", help="Show the HMAC, which is the password of the token.")]
HmacSource = Annotated[
    Path | None,
    typer.Option(
        "--hmac-file",
        metavar="FILE",
        help="File with the HMAC of a token, in place of its id; - is standard input.",
        rich_help_panel=Section.SUBJECT,
    ),
]


@app.command()
@command
def create(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="PRINCIPAL", help="Owner, such as User:ann. Default: yourself.")
    ] = None,
    renewer: Annotated[
        list[str] | None,
        typer.Option("--renewer", metavar="PRINCIPAL", help="Principal that may renew the token, too; repeatable."),
    ] = None,
    max_lifetime: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Longest life, renewals included. Default: the brokers' setting."),
    ] = None,
    hmac_file: Annotated[
        Path | None, typer.Option("--hmac-file", metavar="FILE", help="New file for the HMAC, which only you can read.")
    ] = None,
    show_hmac: ShowHmac = False,
) -> int:
    """Create a delegation token.

    A Java client logs in with SCRAM: the user is the token's id, the password is its HMAC, and the login has the option
    tokenauth=true. The HMAC is shown only with --show-hmac.

    Examples:
      kafkactl tokens create --renewer User:cron --hmac-file token.hmac --yes
      kafkactl tokens create --max-lifetime 1d --dry-run
    """
    from kafkactl.admin import tokens
    from kafkactl.cli.tokens.hmac_files import open_new, require_new
    from kafkactl.output.kafka import token_text

    _require_principals("--owner", [owner] if owner is not None else [])
    _require_principals("--renewer", renewer or [])
    require_new(hmac_file)
    lifetime_ms = _parse_period(max_lifetime, "--max-lifetime", tokens.BROKERS_DEFAULT_MS)
    connected = cluster.connect()
    action = f"create a token of {owner or 'your own'}"
    before_change(connected, [Change(action=action, inverse=cannot_be_undone)], confirm.dry_run)
    if not people.is_kafka_style():
        owners = [owner] if owner is not None else []
        count = len(_select(tokens.describe_tokens(connected, owners), owners))
        known = f"{count} token{'' if count == 1 else 's'}{f' of {owner}' if owner else ''}"
        if (status := confirm.ask(f"{action} beside {known} that you can see", "nothing created")) is not None:
            return status
    if output.is_kafka:
        out.write_text(token_text.format_creation_call(renewer or [], lifetime_ms))
    try:
        with open_new(hmac_file) as file:
            token = tokens.create_token(connected, owner, renewer or [], lifetime_ms)
            if file is not None:
                file.write(token.hmac or "", token.token_id)
    except UnansweredError as error:
        return print_unanswered(error, "token", "new")
    if hmac_file is None and not show_hmac:
        people.note(f"show the HMAC: kafkactl tokens describe {token.token_id} --show-hmac")
    (shown,) = _hide([token], show_hmac)
    if output.is_kafka:
        out.write_text(token_text.format_creation(shown))
    else:
        output.show(listing(_WITH_HMAC if show_hmac else _TOKENS, [shown]))
    return DONE


@app.command()
@command
def describe(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    token_ids: TokenIds = None,
    owner: Annotated[
        list[str] | None,
        typer.Option("--owner", metavar="PRINCIPAL", help="Only tokens of this owner: User:ann; repeatable."),
    ] = None,
    show_hmac: ShowHmac = False,
) -> int:
    """Show the delegation tokens that you may see.

    Those are your own, those that you created or may renew, and those on which you have the right Describe. The right
    DescribeTokens on a user shows the tokens of this user.

    Examples:
      kafkactl tokens describe
      kafkactl tokens describe --owner User:ann -o json
    """
    from kafkactl.admin import tokens
    from kafkactl.cli.tokens.changes import choose_tokens
    from kafkactl.output.kafka import token_text

    _require_principals("--owner", owner or [])
    connected = cluster.connect()
    if output.is_kafka:
        out.write_text(token_text.format_description_call(owner or []))
    visible = _select(tokens.describe_tokens(connected, owner or ()), owner or ())
    present, errors = choose_tokens(visible, token_ids)
    shown = _hide(present, show_hmac)
    if output.is_kafka:
        out.write_text(token_text.format_descriptions(shown))
        return print_errors(errors)
    rows = sorted(shown, key=lambda row: (row.owner, row.issue_ms, row.token_id))
    return show_rows(output, _WITH_HMAC if show_hmac else _TOKENS, rows, errors, "no token")


@app.command()
@command
def renew(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    token_ids: TokenIds = None,
    hmac_file: HmacSource = None,
    period: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="Time from now to the expiry. Default: the brokers' setting."),
    ] = None,
) -> int:
    """Let delegation tokens expire later.

    The owner and the renewers of a token may do so, but not beyond LAST-EXPIRY.

    Examples:
      kafkactl tokens renew --hmac-file token.hmac --dry-run
      kafkactl tokens renew --hmac-file token.hmac --for 1d --yes
    """
    from kafkactl.admin.tokens import BROKERS_DEFAULT_MS, renew_token
    from kafkactl.cli.tokens.changes import TokenChange, change_tokens

    period_ms = _parse_period(period, "--for", BROKERS_DEFAULT_MS)
    when = "the brokers' period" if period is None else format_duration(period_ms)
    change = TokenChange(verb="renew", phrase=f"for {when}", period_ms=period_ms, send=renew_token)
    return change_tokens(cluster, output, confirm, token_ids, hmac_file, change)


@app.command()
@command
def expire(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    token_ids: TokenIds = None,
    hmac_file: HmacSource = None,
    period: Annotated[
        str | None, typer.Option("--after", metavar="DURATION", help="Time from now to the expiry. Default: at once.")
    ] = None,
) -> int:
    """Let delegation tokens expire, at once or after a time.

    New logins with an expired token are refused. The owner and the renewers of a token may let it expire.

    Examples:
      kafkactl tokens expire --hmac-file token.hmac --dry-run
      kafkactl tokens expire --hmac-file token.hmac --after 1h --yes
    """
    from kafkactl.admin.tokens import AT_ONCE_MS, expire_token
    from kafkactl.cli.tokens.changes import TokenChange, change_tokens

    period_ms = _parse_period(period, "--after", AT_ONCE_MS)
    when = "at once" if period_ms < 0 else f"after {format_duration(period_ms)}"
    return change_tokens(
        cluster,
        output,
        confirm,
        token_ids,
        hmac_file,
        TokenChange(verb="expire", phrase=when, period_ms=period_ms, send=expire_token),
    )


def _select(present: Sequence[Token], owners: Sequence[str]) -> Sequence[Token]:
    """Return the tokens of these owners, or all without any; in Kafka's style `present` as it is.

    Brokers also return tokens that the owners have created or may renew; Kafka's tool prints them. An owner is
    TYPE:NAME.
    """
    if not owners or people.is_kafka_style():
        return present
    return [token for token in present if token.owner in owners]


def _hide(tokens: Sequence[Token], show_hmac: bool) -> list[Token]:
    """Return the tokens, without their HMACs unless these are to be shown."""
    return list(tokens) if show_hmac else [replace(token, hmac=None) for token in tokens]


def _require_principals(flag: str, names: Sequence[str]) -> None:
    """Raise UsageError, which names `flag`, for a principal that is not TYPE:NAME.

    A principal with NUL, or that is not UTF-8, is refused, too. In Kafka's style nothing is checked.
    """
    from kafkactl.admin.acls.models import parse_principal

    for name in names:
        if not people.is_kafka_style():
            parse_principal(name, flag)


def _parse_period(text: str | None, flag: str, default_ms: int) -> int:
    """Return a duration in ms, or the default for None. Raise UsageError, which names `flag`, for another text.

    The text is such as 90s, 7d or PT1H; a bare number is seconds. It must be above 0. In Kafka's style it may be 0 and
    below, which the brokers refuse or understand.
    """
    if text is None:
        return default_ms
    is_kafka = people.is_kafka_style()
    return parse_duration(text, flag, signed=is_kafka, positive=not is_kafka)
