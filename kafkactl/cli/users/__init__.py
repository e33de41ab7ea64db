"""The commands `kafkactl users`: list, set, delete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.command import command, new_app
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ClusterOptions, ReportOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.connection import secrets
from kafkactl.documents import read_stdin
from kafkactl.errors import NotFoundError, UsageError
from kafkactl.output import client_tables
from kafkactl.output.report import listing
from kafkactl.patterns import select_names

app = new_app(
    """Show, set and delete the SCRAM credentials of users.

    Examples:
      kafkactl users list
      kafkactl users set ann --password-file password.txt
    """
)

_FROM_STDIN = Path("-")
_USERS_HINT = "list the users with credentials: kafkactl users list"
User = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.", show_default=False)]


@app.command("list")
@command
def list_users(
    cluster: ClusterOptions,
    output: ReportOptions,
    user: Annotated[
        list[str] | None, typer.Argument(metavar="USER", help="Name of a user; several may follow.", show_default=False)
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="REGEX", help="Regular expression for whole names of users; repeatable."),
    ] = None,
) -> None:
    """Show which users have credentials, with mechanism and iterations.

    The credentials themselves are never shown.

    Examples:
      kafkactl users list
      kafkactl users list ann -o json
    """
    from kafkactl.admin import scram

    selection = select_names(user, match=match, argument_name="USER")
    credentials = scram.describe_credentials(cluster.connect(), () if match else selection.names)
    choice = selection.choose_or_all(credential.user for credential in credentials)
    if missing := (*choice.absent_names, *choice.unmatched_patterns):
        raise NotFoundError(f"credentials not found: {', '.join(missing)}", _USERS_HINT)
    names = set(choice.names)
    rows = [row for row in credentials if row.user in names]
    output.show(listing(client_tables.CREDENTIALS, sorted(rows, key=lambda row: (row.user, row.mechanism))))


@app.command("set")
@command
def set_credential(
    cluster: ClusterOptions,
    output: ReportOptions,
    user: User,
    mechanism: Annotated[
        str,
        typer.Option(
            "--mechanism", "-m", metavar="NAME", help="Mechanism of the credential: SCRAM-SHA-256 or SCRAM-SHA-512."
        ),
    ] = "SCRAM-SHA-512",
    iterations: Annotated[
        int, typer.Option("--iterations", metavar="N", max=16384, help="Number of rounds of hashing, 4096 to 16384.")
    ] = 4096,
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            metavar="FILE",
            help="File whose first line is the password; - is standard input. Default: ask.",
        ),
    ] = None,
) -> int:
    """Set the password of a user.

    The password is asked for on a terminal, or read from a file.

    Examples:
      kafkactl users set ann --password-file password.txt
      kafkactl users set ann -m SCRAM-SHA-256 --password-file - < password.txt
    """
    from kafkactl.admin import scram
    from kafkactl.admin.models import Outcome

    new = scram.NewCredential(mechanism.upper(), _read_password(user, password_file), iterations)
    connected = cluster.connect()
    before_change(connected, [Change(action=f"set the credential of user {user}", inverse=cannot_be_undone)])
    scram.alter_credentials(connected, user, [new])
    return show_outcomes(
        [Outcome(name=user, ok=True, result=f"{new.mechanism} with {new.iterations} iterations")], "user", output
    )


@app.command()
@command
def delete(
    cluster: ClusterOptions,
    output: ReportOptions,
    confirm: ConfirmOptions,
    user: User,
    mechanism: Annotated[
        str | None,
        typer.Option(
            "--mechanism",
            "-m",
            metavar="NAME",
            help="Delete only the credential of this mechanism. Default: all of the user's.",
        ),
    ] = None,
) -> int:
    """Delete the credentials of a user.

    New connections with them are refused from then on.

    Examples:
      kafkactl users delete ann --dry-run
      kafkactl users delete ann --mechanism SCRAM-SHA-256 --yes
    """
    from kafkactl.admin import scram
    from kafkactl.admin.models import Outcome

    connected = cluster.connect()
    present = [name.mechanism for name in scram.describe_credentials(connected, [user])]
    mechanisms = [name for name in present if mechanism is None or name == mechanism.upper()]
    if not mechanisms:
        raise NotFoundError(f"user {user} has no {mechanism or 'SCRAM'} credential", _USERS_HINT)
    change = Change(action=f"delete the credentials of user {user}", inverse=cannot_be_undone)
    before_change(connected, [change], confirm.dry_run)
    action = f"delete the credential{'s' if len(mechanisms) > 1 else ''} of {user}: {', '.join(mechanisms)}"
    if (status := confirm.ask(action, "nothing deleted")) is not None:
        return status
    scram.alter_credentials(connected, user, (), mechanisms)
    return show_outcomes([Outcome(name=user, ok=True, result=f"no {', '.join(mechanisms)}")], "user", output)


def _read_password(user: str, file: Path | None) -> str:
    """Return the password from a file, from standard input (the file -), or from a prompt (None), typed twice.

    It is the first line without its end, and may be empty except from a file. It never comes from the command line,
    which every process on the machine can read. Raise UsageError where there is no terminal to ask at, where the prompt
    meets the end of the input, where the repeated password differs, for a password that is not UTF-8, and for a file
    that cannot be read, that other users can read or write, or whose first line is empty; and OSError for a standard
    input that cannot be read.
    """
    if file is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "cannot ask for the password: standard input is not a terminal",
                "give it with --password-file FILE; - is standard input",
            )
        import getpass

        try:
            password = getpass.getpass(f"password for {user}: ", sys.stderr)
            repeated = getpass.getpass("repeat the password: ", sys.stderr)
        except EOFError:
            raise UsageError("no password was given", "nothing was changed; try again") from None
        except UnicodeDecodeError:
            raise UsageError("the password is not UTF-8", "nothing was changed; try again") from None
        if password != repeated:
            raise UsageError("the two passwords differ", "nothing was changed; try again")
        return password
    if file == _FROM_STDIN:
        return secrets.decode_secret("--password-file", read_stdin(is_line=True))
    return secrets.read_secret_file("--password-file", file)
