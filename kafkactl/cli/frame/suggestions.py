"""Suggestions for a command or an option that does not exist."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

_COMMANDS = {
    "acl": "kafkactl acls list",
    "broker": "kafkactl brokers list, or kafkactl configs describe brokers",
    "cat": "kafkactl consume TOPIC",
    "controller": "kafkactl brokers list",
    "clusters": "kafkactl context list, or kafkactl local status",
    "ctx": "kafkactl context list",
    "dump": "kafkactl dump-log FILE",
    "exporter": "kafkactl groups exporter",
    "info": "kafkactl brokers list",
    "lag": "kafkactl groups describe --lag",
    "list": "kafkactl topics list",
    "ls": "kafkactl topics list",
    "metrics": "kafkactl groups exporter",
    "producer": "kafkactl produce TOPIC",
    "publish": "kafkactl produce TOPIC",
    "read": "kafkactl consume TOPIC",
    "replay": "kafkactl groups reset-offsets GROUP",
    "reset-offsets": "kafkactl groups reset-offsets GROUP",
    "segments": "kafkactl dump-log FILE",
    "send": "kafkactl produce TOPIC",
    "start": "kafkactl local up",
    "stop": "kafkactl local down",
    "tail": "kafkactl consume TOPIC --tail 10 --follow",
    "up": "kafkactl local up",
    "use": "kafkactl context use NAME",
    "write": "kafkactl produce TOPIC",
}
"""Commands of other tools, and words for what a person wants, with the command that does it."""

_VERBS = {
    "add": ("create", "set"),
    "change": ("alter", "set"),
    "cp": ("clone",),
    "edit": ("alter", "set"),
    "get": ("describe", "show", "list"),
    "info": ("describe", "show"),
    "inspect": ("describe", "show"),
    "lag": ("describe --lag",),
    "ls": ("list",),
    "make": ("create", "set"),
    "new": ("create", "set"),
    "remove": ("delete", "unset"),
    "reset": ("reset-offsets",),
    "rm": ("delete", "unset"),
    "show": ("describe", "list"),
    "status": ("describe",),
    "update": ("alter", "set"),
    "verify": ("check",),
}
"""Verbs of other tools, with the verbs that kafkactl may have for them."""

_BROKERS = "--bootstrap-server"
_OPTIONS = {
    "--zookeeper": "kafkactl asks brokers, not ZooKeeper: give their addresses with --bootstrap-server HOST:9092",
    "--broker-list": "give the addresses of brokers with --bootstrap-server HOST:9092",
    "--new-consumer": "leave it out: kafkactl has only the new consumer",
}
"""Options of older Kafka tools, with the way that replaced them."""

_SCRIPT = re.compile(r"kafka-([a-z-]+?)(?:\.sh|\.bat)?")
_CLOSEST = 3


def suggest_command(name: str, path: str, names: Collection[str]) -> str | None:
    """Return a hint for a command that does not exist below `path`, None where there is nothing to propose.

    Similar names, names of Kafka's scripts, and words of other tools give a hint: such as ls for the program, and rm
    below a noun that has delete. `path` is the command line so far, such as "kafkactl topics"; `names` are the commands
    that exist below it. A hint begins with "try: " and has up to three command lines.
    """
    script = _SCRIPT.fullmatch(name)
    if script and script[1] in names:
        return f"try: {path} {script[1]}"
    is_root = " " not in path
    if is_root and name in _COMMANDS:
        hint = _COMMANDS[name]
        return f"try: {hint}" if hint.startswith("kafkactl") else hint
    verbs = [verb for verb in _VERBS.get(name, ()) if verb.partition(" ")[0] in names] if not is_root else []
    near = verbs[:1] or get_close_matches(name, names, _CLOSEST)
    return f"try: {', or '.join(f'{path} {command}' for command in near)}" if near else None


def suggest_option(name: str, known_options: Collection[str]) -> str | None:
    """Return a hint for --zookeeper, --broker-list and --new-consumer of older Kafka tools, None for any other name.

    `name` includes the dashes. `known_options` are those of the command. Where --bootstrap-server is not among them,
    the command asks no brokers, and the hint for --zookeeper and --broker-list is to leave the option out.
    """
    hint = _OPTIONS.get(name)
    if hint is not None and _BROKERS in hint and _BROKERS not in known_options:
        return f"leave {name} out: this command asks no brokers"
    return hint
