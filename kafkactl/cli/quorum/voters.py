"""The commands `kafkactl quorum add-controller` and `kafkactl quorum remove-controller`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.frame.before_change import Arguments, Change, before_change
from kafkactl.cli.frame.command import command
from kafkactl.cli.frame.confirm import ConfirmOptions
from kafkactl.cli.frame.options import ControllerOptions, MirrorOutputOptions
from kafkactl.cli.frame.results import show_outcomes
from kafkactl.errors import OperationError, UnansweredError, UnsupportedRequestError, UsageError
from kafkactl.output import people
from kafkactl.output.kafka import quorum_text
from kafkactl.patterns import refuse_empty
from kafkactl.statuses import DONE
from kafkactl.stdout import out

if TYPE_CHECKING:
    from kafkactl.admin.models import Outcome
    from kafkactl.admin.quorum import Quorum, QuorumNode, VoterEndpoint
    from kafkactl.connection.cluster import Cluster

_LARGEST_ID = 2**31 - 1


@command
def add_controller(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    controller: Annotated[
        int | None,
        typer.Argument(metavar="CONTROLLER", help="Id of the controller.", min=0, max=_LARGEST_ID, show_default=False),
    ] = None,
    directory_id: Annotated[
        str | None,
        typer.Option(
            "--directory-id", metavar="ID", help="Id of its metadata folder. Default: the one that it reports."
        ),
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option("--endpoint", metavar="NAME://HOST:PORT", help="Listener of the controller; repeatable."),
    ] = None,
    controller_config: Annotated[
        Path | None,
        typer.Option(
            "--controller-config", metavar="FILE", help="Settings of the controller, for values that are not given."
        ),
    ] = None,
) -> int:
    """Add a controller to the voters of a dynamic quorum.

    It needs kraft.version 1. The controller runs already, as an observer. Where it runs, its own file of settings has
    all that is needed.

    Examples:
      kafkactl quorum add-controller 4 --endpoint CONTROLLER://host4:9093 --dry-run
      kafkactl quorum add-controller --controller-config controller.properties
    """
    from kafkactl.admin import quorum
    from kafkactl.admin.models import Outcome

    if not people.is_kafka_style():
        refuse_empty(directory_id, "--directory-id")
    if directory_id is not None:
        quorum.parse_directory_id(directory_id)
    endpoints = [quorum.parse_endpoint(text) for text in endpoint or ()]
    controller_id, directory_id, endpoints = _complete(controller, directory_id, endpoints, controller_config)
    connected = cluster.connect()
    if people.is_kafka_style():  # Kafka's tool neither checks nor asks
        assert directory_id is not None
        _before_addition(connected, controller_id, directory_id, confirm.dry_run)
        if not confirm.dry_run:
            quorum.add_voter(connected, None, controller_id, directory_id, endpoints)
        out.write_text(quorum_text.format_addition(controller_id, directory_id, endpoints, confirm.dry_run))
        return DONE
    described = quorum.read_quorum(connected)
    candidate = quorum.find_candidate(described, controller_id, directory_id)
    quorum.require_usable_endpoints(described, endpoints)
    _before_addition(connected, controller_id, candidate.directory_id, confirm.dry_run)
    _show_voters(described)
    if candidate.role is not quorum.Role.OBSERVER:
        if candidate.endpoints and (
            others := [text for text in map(str, endpoints) if text not in candidate.endpoints]
        ):
            raise OperationError(
                f"controller {controller_id} is a voter already, and has no endpoint {others[0]}; its endpoints: "
                f"{', '.join(candidate.endpoints)}",
                f"to change them, remove it first: {_format_removal(candidate)}",
            )
        outcome = Outcome(name=str(controller_id), ok=True, result="is a voter already")
        return show_outcomes([outcome], "controller", output)
    action = (
        f"add controller {controller_id} with directory id {candidate.directory_id} at "
        f"{', '.join(map(str, endpoints))}: it is an observer, lag {candidate.lag}; "
        f"{_describe_tolerance(len(described.voters) + 1)}"
    )
    if (refused := confirm.ask(action, "nothing added")) is not None:
        return refused
    outcome = _try(
        controller_id,
        lambda: quorum.add_voter(connected, described.cluster_id, controller_id, candidate.directory_id, endpoints),
        "added to the voters",
    )
    if output.is_kafka and outcome.ok:
        out.write_text(quorum_text.format_addition(controller_id, candidate.directory_id, endpoints, dry_run=False))
    return show_outcomes([outcome], "controller", output)


@command
def remove_controller(
    cluster: ControllerOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    controller: Annotated[
        int,
        typer.Argument(metavar="CONTROLLER", help="Id of the controller.", min=0, max=_LARGEST_ID, show_default=False),
    ],
    directory_id: Annotated[
        str, typer.Option("--directory-id", metavar="ID", help="Id of its metadata folder, from quorum replication.")
    ],
) -> int:
    """Remove a controller from the voters of a dynamic quorum.

    It needs kraft.version 1, and the directory id that `quorum replication` shows. It is refused where the other voters
    would have no majority. The process of the controller goes on as an observer: stop it afterwards.

    Examples:
      kafkactl quorum replication --columns NODE,ROLE,DIRECTORY-ID
    """
    from kafkactl.admin import quorum

    if not people.is_kafka_style():
        refuse_empty(directory_id, "--directory-id")
    quorum.parse_directory_id(directory_id)
    connected = cluster.connect()
    if people.is_kafka_style():  # Kafka's tool neither checks nor asks
        _before_removal(connected, controller, directory_id, (), confirm.dry_run)
        if not confirm.dry_run:
            quorum.remove_voter(connected, None, controller, directory_id)
        out.write_text(quorum_text.format_removal(controller, directory_id, confirm.dry_run))
        return DONE
    described = quorum.read_quorum(connected)
    voter = quorum.find_voter(described, controller, directory_id)
    _before_removal(connected, controller, directory_id, voter.endpoints, confirm.dry_run)
    quorum.require_majority_without(described, voter)
    _show_voters(described)
    tolerance = _describe_tolerance(len(described.voters) - 1)
    state = "the leader" if voter is described.leader else f"a {voter.role}, lag {voter.lag}"
    action = f"remove controller {controller}: it is {state}; {tolerance}"
    if (refused := confirm.ask(action, "nothing removed")) is not None:
        return refused
    outcome = _try(
        controller,
        lambda: quorum.remove_voter(connected, described.cluster_id, controller, directory_id),
        "removed from the voters",
    )
    if output.is_kafka and outcome.ok:
        out.write_text(quorum_text.format_removal(controller, directory_id, dry_run=False))
    return show_outcomes([outcome], "controller", output)


def _format_removal(node: QuorumNode) -> str:
    """Return the command that removes a voter."""
    return f"kafkactl quorum remove-controller {node.id} --directory-id={node.directory_id}"


def _complete(
    controller: int | None, directory_id: str | None, endpoints: list[VoterEndpoint], file: Path | None
) -> tuple[int, str | None, list[VoterEndpoint]]:
    """Return the id, the directory id and the listeners of a controller; the file gives those that are missing.

    Without a `file` a missing directory id is None. With one it is read from the folder of metadata on this machine. A
    given directory id is not checked, also an empty one. Listeners and folder of the file are read only where they are
    missing. Raise UsageError for a file that cannot be read, is not that of a controller or has a wrong listener, for a
    folder that is not named, cannot be read or has no directory id, for an id or listeners that are still missing, and
    for an id that is not the one in the file.
    """
    from kafkactl.admin import controller_files
    from kafkactl.connection import properties

    if file is not None:
        settings = properties.read(file)
        node_id = controller_files.find_node_id(settings)
        if controller not in (None, node_id):
            raise UsageError(
                f"CONTROLLER is {controller}, and node.id in {file} is {node_id}", "leave the argument out"
            )
        controller = node_id
        if directory_id is None:
            directory_id = controller_files.find_directory_id(settings)
        endpoints = endpoints or controller_files.find_endpoints(settings)
    hint = "or name its file of settings: --controller-config FILE"
    if controller is None:
        raise UsageError("missing argument CONTROLLER", f"give the id of the controller, {hint}")
    if not endpoints:
        raise UsageError("missing option --endpoint", f"--endpoint NAME://HOST:PORT, {hint}")
    return controller, directory_id, endpoints


def _before_addition(connected: Cluster, controller: int, directory_id: str, dry_run: bool) -> None:
    """Call before_change for the addition of a voter: after it the command counts as one that may have changed.

    With `dry_run` nothing is noted. `directory_id` is for the inverse, which removes the voter again. Raise UsageError
    in a read-only context, also with `dry_run`.
    """

    def find_inverse() -> Arguments:
        """Return the command that removes the voter again."""
        return ("quorum", "remove-controller", str(controller), f"--directory-id={directory_id}", "--yes")

    change = Change(action=f"add controller {controller} to the quorum", inverse=find_inverse)
    before_change(connected, [change], dry_run)


def _before_removal(
    connected: Cluster, controller: int, directory_id: str, endpoints: Sequence[str], dry_run: bool
) -> None:
    """Call before_change for the removal of a voter: after it the command counts as one that may have changed.

    With `dry_run` nothing is noted. `endpoints` are its listeners, for the inverse; without any the removal has no
    inverse. Raise UsageError in a read-only context, also with `dry_run`.
    """

    def find_inverse() -> Arguments | None:
        """Return the command that adds the voter again; None where its listeners are not known."""
        if not endpoints:
            return None
        words = [word for text in endpoints for word in ("--endpoint", text)]
        return ("quorum", "add-controller", str(controller), f"--directory-id={directory_id}", *words, "--yes")

    change = Change(action=f"remove controller {controller} from the quorum", inverse=find_inverse)
    before_change(connected, [change], dry_run)


def _show_voters(described: Quorum) -> None:
    """Print a note on stderr with the present voters: the id of each, and that it leads, is down, or its lag.

    The lag is in records. Observers are left out. In Kafka's style nothing is printed.
    """
    from kafkactl.admin import quorum

    texts = []
    for voter in described.voters:
        state = "leader" if voter.role is quorum.Role.LEADER else f"lag {voter.lag}"
        texts.append(f"{voter.id} ({state if quorum.is_up(described, voter) else 'down'})")
    people.note(f"present voters: {', '.join(texts)}")


def _describe_tolerance(voters: int) -> str:
    """Return how many voters there will be, at least 1, and how many of them may fail, as text."""
    most = (voters - 1) // 2
    return (
        f"then there {'is 1 voter' if voters == 1 else f'are {voters} voters'}, and {most or 'none'} of them may fail"
    )


def _try(controller: int, change: Callable[[], None], result: str) -> Outcome:
    """Make a change and return its outcome, with `result` as the text of a success.

    A refusal is a failed outcome with the code and the reason of the broker. A change without an answer is a failed
    outcome with the code REQUEST_TIMED_OUT: it may have been done. Raise UnsupportedRequestError, UnreachableError
    where nothing was sent, and UsageError for a wrong client setting.
    """
    from kafkactl.admin.models import Outcome, make_failure

    try:
        change()
    except UnsupportedRequestError:
        raise
    except UnansweredError as error:
        return make_failure(str(controller), error)
    except OperationError as error:
        return make_failure(str(controller), error, error.reason)
    return Outcome(name=str(controller), ok=True, result=result)
