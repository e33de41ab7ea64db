"""What the settings file of a controller says about it: its id, the id of its metadata folder, and its listeners.

The folder is read too, so this works on the machine of the controller. Reference: KIP-853;
org.apache.kafka.tools.MetadataQuorumCommand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from kafkactl.admin.quorum import VoterEndpoint
from kafkactl.errors import FormatError, NotFoundError, UsageError
from kafkactl.storage.checkpoint import read_properties

_LISTENER = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:([0-9]{1,5})")
_INTEGER = re.compile(r"[-+]?[0-9]{1,10}")
_LARGEST_ID = 2**31 - 1
_LARGEST_PORT = 65535
_HINT = "name the file of settings that the controller runs with"


class Fault(StrEnum):
    """What is wrong with the file of a controller; the value is our sentence about it, with {} for a detail."""

    MISSING_ID = "node.id is missing"
    INVALID_ID = "invalid value for node.id: {}"
    NEGATIVE_ID = "node.id is negative"
    NO_CONTROLLER = "process.roles does not have the role controller"
    MISSING_FOLDER = "metadata.log.dir and log.dirs are missing"
    UNREADABLE_FOLDER = "cannot read meta.properties in {}"
    MISSING_DIRECTORY_ID = "meta.properties in {} has no directory.id"
    MISSING_NAMES = "controller.listener.names is missing"
    UNKNOWN_NAME = "no listener has the name {} of controller.listener.names"
    INVALID_LISTENER = "invalid listener: {}"


class ControllerFileError(UsageError):
    """The file of a controller lacks what is needed, or the folder of its metadata does."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        """Make the message of `fault`, with `detail` in place of its {}, and a hint; both are kept as attributes.

        `detail` is the folder, name or value that the fault is about; "" for a fault without {}.
        """
        super().__init__(f"wrong settings of a controller: {fault.format(detail)}", _HINT)
        self.fault = fault
        self.detail = detail


def find_node_id(settings: Mapping[str, str]) -> int:
    """Return the id of a controller.

    It is the number in node.id, from 0 to 2^31 - 1, with or without a sign, of at most 10 digits. Raise
    ControllerFileError for a missing or wrong id, also one with blanks, and for a node whose process.roles does not
    contain the text "controller".
    """
    text = settings.get("node.id")
    if text is None:
        raise ControllerFileError(Fault.MISSING_ID)
    if _INTEGER.fullmatch(text) is None or abs(int(text)) > _LARGEST_ID:
        raise ControllerFileError(Fault.INVALID_ID, text)
    if int(text) < 0:
        raise ControllerFileError(Fault.NEGATIVE_ID)
    if "controller" not in settings.get("process.roles", ""):
        raise ControllerFileError(Fault.NO_CONTROLLER)
    return int(text)


def find_directory_id(settings: Mapping[str, str]) -> str:
    """Return the id of a controller's metadata folder, which is in the file meta.properties there.

    The id is returned without blanks around it, and otherwise unchecked; an empty one counts as missing. The folder is
    that of metadata.log.dir, or else, without that setting, the first of log.dirs. An empty name of a folder is one
    that cannot be read. Raise ControllerFileError where no setting names the folder, or the file cannot be read or has
    no id.
    """
    folder = settings.get("metadata.log.dir")
    if folder is None and "log.dirs" in settings:
        folder = settings["log.dirs"].split(",")[0].strip()
    if folder is None:
        raise ControllerFileError(Fault.MISSING_FOLDER)
    if not folder:
        raise ControllerFileError(Fault.UNREADABLE_FOLDER, folder)
    try:
        directory_id = read_properties(Path(folder, "meta.properties")).get("directory.id")
    except (NotFoundError, UsageError, FormatError) as error:
        raise ControllerFileError(Fault.UNREADABLE_FOLDER, folder) from error
    if not directory_id:
        raise ControllerFileError(Fault.MISSING_DIRECTORY_ID, folder)
    return directory_id


def find_endpoints(settings: Mapping[str, str]) -> list[VoterEndpoint]:
    """Return the advertised listeners of a controller, in the order of controller.listener.names.

    Where advertised.listeners does not have a name, listeners counts. Names are in upper case, and each is there once.
    Of two listeners with one name in a setting the last counts. An empty host is localhost, as in Kafka's tool. Raise
    ControllerFileError for a listener that has another form, also one that is not asked for, for missing names, and for
    a name without a listener, also an empty one.
    """
    listeners = {
        endpoint.name: endpoint
        for setting in ("listeners", "advertised.listeners")
        for endpoint in _read_listeners(settings.get(setting, ""))
    }
    if "controller.listener.names" not in settings:
        raise ControllerFileError(Fault.MISSING_NAMES)
    names = [name.strip().upper() for name in settings["controller.listener.names"].split(",")]
    for name in names:
        if name not in listeners:
            raise ControllerFileError(Fault.UNKNOWN_NAME, name)
    return [listeners[name] for name in dict.fromkeys(names)]


def _read_listeners(text: str) -> Iterator[VoterEndpoint]:
    """Yield the listeners of a list NAME://HOST:PORT,...; raise ControllerFileError for another form.

    Names become upper case, and are not checked: one may be empty. An address of IPv6 loses its brackets, and an empty
    host is localhost. Empty parts are left out. A port above 65535 is another form; the error comes after the listeners
    before it.
    """
    for part in filter(None, re.split(r"\s*,\s*", text.strip())):
        found = _LISTENER.fullmatch(part)
        if found is None or int(found[3]) > _LARGEST_PORT:
            raise ControllerFileError(Fault.INVALID_LISTENER, part)
        yield VoterEndpoint(name=found[1].upper(), host=found[2] or "localhost", port=int(found[3]))
