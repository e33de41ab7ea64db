"""kafka-metadata-quorum: its options, and `kafkactl quorum` in its place.

Reference: org.apache.kafka.tools.MetadataQuorumCommand.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, State
from kafkactl.cli.kafka_style.subcommands import SERVERS, SETTINGS_FILE, Level
from kafkactl.cli.kafka_style.tools import (
    TERSE,
    JavaError,
    Run,
    Tool,
    list_options,
    report_terse,
    require_file,
    require_servers,
    translate_values,
    wrap_error,
)
from kafkactl.errors import KafkactlError, OperationError, UnreachableError, UsageError
from kafkactl.output.kafka import quorum_text

_DRY_RUN = Option(
    name="dry-run", target="--dry-run", summary="Print what would be done, and do nothing.",
)  # fmt: skip
LEVELS = (
    Level(
        options=(SETTINGS_FILE,),
        exclusive=SERVERS,
        needs_exclusive=True,
    ),
    Level(
        name="describe",
        summary="Show the quorum.",
        options=(
            Option(name="status", target="quorum status", summary="Show the leader, the voters and the observers."),
            Option(name="replication", target="quorum replication", summary="Show how far each node has read."),
            Option(
                name="human-readable", target="--human-readable",
                summary="Show how long ago times are, with --replication.",
            ),
        ),
    ),
    Level(name="add-controller", summary="Add a controller to the voters.", options=(_DRY_RUN,)),
    Level(
        name="remove-controller",
        summary="Remove a controller from the voters.",
        options=(
            Option(
                name="controller-id", arity=Arity.REQUIRED, type="Integer", target="CONTROLLER",
                summary="Id of the controller.",
            ),
            Option(
                name="controller-directory-id", arity=Arity.REQUIRED, target="--directory-id",
                summary="Id of the metadata folder of the controller.",
                state=State.DIFFERENT, note="The reason for an invalid id is in our own words.",
            ),
            _DRY_RUN,
        ),
        required=("controller-id", "controller-directory-id"),
        letters={"controller-id": "i", "controller-directory-id": "d"},
    ),
)  # fmt: skip


def check(arguments: Arguments) -> None:
    """Raise JavaError for a wrong file of settings, a wrong address, or wrong options of a subcommand, in this order.

    The file, of --command-config, must be there and readable, and no folder. Addresses are checked as require_servers
    does. describe needs exactly one of --status and --replication, and takes --human-readable only with the second.
    add-controller needs --command-config. remove-controller takes no --controller-id below 0.
    """
    file = arguments.value("command-config")
    if file is not None and not os.path.exists(file):
        raise JavaError(f"Properties file {file} does not exists!", TERSE)
    require_file(file)
    require_servers(arguments)
    if arguments.command == "describe":
        _check_description(arguments)
    elif arguments.command == "add-controller":
        if file is None:
            raise JavaError(
                "You must supply the configuration file of the controller you are adding when using add-controller.",
                TERSE,
            )
    elif int(arguments.value("controller-id") or 0) < 0:
        raise JavaError(f"Invalid negative --controller-id: {arguments.value('controller-id')}", TERSE)


def _check_description(arguments: Arguments) -> None:
    """Raise JavaError unless exactly one of --status and --replication is there.

    Raise it also for --human-readable beside --status.
    """
    if arguments.has("status") and arguments.has("replication"):
        raise JavaError("Only one of --status or --replication should be specified with describe sub-command", TERSE)
    if not arguments.has("status", "replication"):
        raise JavaError("One of --status or --replication must be specified with describe sub-command", TERSE)
    if arguments.has("status") and arguments.has("human-readable"):
        raise JavaError("The option --human-readable is only supported along with --replication", TERSE)


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl quorum`, which asks nobody; the command line must have passed `check`.

    Only add-controller reads files: --command-config, and meta.properties in the metadata folder that it names, so it
    must run on the machine of the controller. Raise JavaError where settings of a controller are missing or wrong, or
    the id in meta.properties is missing, also where meta.properties cannot be read, and UsageError where
    --command-config cannot be read.
    """
    connection = translate_values(arguments, "bootstrap-server", "bootstrap-controller", "command-config")
    if arguments.command == "describe":
        words = ["quorum", "status" if arguments.has("status") else "replication", "-o", "kafka", *connection]
        words += ["--human-readable"] if arguments.has("human-readable") else []
        return Run(words=words, call="describeCluster" if arguments.has("status") else "describeMetadataQuorum")
    if arguments.command == "add-controller":
        return _translate_addition(arguments, connection)
    words = ["quorum", "remove-controller", "-o", "kafka", *connection]
    words.append(f"--directory-id={arguments.value('controller-directory-id')}")
    words.append("--dry-run" if arguments.has("dry-run") else "--yes")
    return Run(words=[*words, str(int(arguments.value("controller-id") or 0))], call="removeRaftVoter")


def _translate_addition(arguments: Arguments, connection: Sequence[str]) -> Run:
    """Return the command that adds the controller whose settings --command-config has; it must be there.

    The id of its folder is read from meta.properties in the metadata folder of these settings, on this machine.
    `connection` are the options of the connection. Raise JavaError for missing or wrong settings of a controller, and
    for a meta.properties that cannot be read or has no id; UsageError for a --command-config that cannot be read.
    """
    from kafkactl.admin import controller_files
    from kafkactl.connection import properties

    settings = properties.read(Path(arguments.value("command-config") or ""))
    try:
        controller_id = controller_files.find_node_id(settings)
        directory_id = controller_files.find_directory_id(settings)
        endpoints = controller_files.find_endpoints(settings)
    except controller_files.ControllerFileError as error:
        raise JavaError(*quorum_text.format_fault(error.fault, error.detail)) from error
    words = ["quorum", "add-controller", "-o", "kafka", *connection, f"--directory-id={directory_id}"]
    words += [f"--endpoint={endpoint}" for endpoint in endpoints]
    words.append("--dry-run" if arguments.has("dry-run") else "--yes")
    return Run(words=[*words, str(controller_id)], call="addRaftVoter")


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error on stderr as kafka-metadata-quorum does, in the form of report_terse(), and return its status: 1.

    `call` is the name of the request, for the text of a time-out.
    """
    if isinstance(error, (OperationError, UnreachableError)):
        error = wrap_error(error, call)
    elif isinstance(error, UsageError) and "invalid directory id" in str(error):
        error = JavaError(f"Failed to parse --controller-directory-id: {error}", TERSE)
    return report_terse(arguments, error, call, TOOL.name)


TOOL = Tool(
    name="kafka-metadata-quorum",
    main_class="org.apache.kafka.tools.MetadataQuorumCommand",
    purpose="This tool describes kraft metadata quorum status.",
    options=list_options(LEVELS),
    levels=LEVELS,
    help_status=0,
    check=check,
    translate=translate,
    report=report,
    differences=(
        "Blanks around folders and names of listeners in a controller's file do not count; in Kafka's tool they do.",
        "A misspelt subcommand or option is refused without a proposal.",
        "A time after now is 0 ms ago; Kafka's tool fails where two clocks differ.",
    ),
)
