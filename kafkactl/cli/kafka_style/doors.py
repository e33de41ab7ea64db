"""The doors to Kafka's style: which command lines are those of Kafka's tools.

This module is loaded at every start, so it imports nothing heavy and knows the tools by name only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SCRIPT_SUFFIX = ".sh"
TOOLS = {
    "kafka-topics": "topics",
    "kafka-get-offsets": "offsets",
    "kafka-delete-records": "records",
    "kafka-dump-log": "dump_log",
    "kafka-configs": "configs",
    "kafka-console-producer": "producer",
    "kafka-console-consumer": "consumer",
    "kafka-consumer-groups": "groups",
    "kafka-broker-api-versions": "brokers",
    "kafka-cluster": "cluster",
    "kafka-metadata-quorum": "quorum",
    "kafka-features": "features",
    "kafka-leader-election": "leaders",
    "kafka-acls": "acls",
    "kafka-log-dirs": "log_dirs",
    "kafka-reassign-partitions": "reassign",
    "kafka-transactions": "transactions",
    "kafka-client-metrics": "client_metrics",
    "kafka-delegation-tokens": "delegation_tokens",
}
"""Kafka's tools that kafkactl mirrors, without .sh, and the module of this folder that has the table of each."""

_BY_COMMAND = {
    "topics": "kafka-topics",
    "groups": "kafka-consumer-groups",
    "consumer-groups": "kafka-consumer-groups",
    "configs": "kafka-configs",
    "records": "kafka-delete-records",
    "delete-records": "kafka-delete-records",
    "acls": "kafka-acls",
    "client-metrics": "kafka-client-metrics",
    "tokens": "kafka-delegation-tokens",
}
"""Tools by the names of our commands that have verbs."""
_VERB_FLAGS = {
    "kafka-topics": ("list", "create", "delete", "alter", "describe"),
    "kafka-consumer-groups": ("list", "describe", "delete", "reset-offsets", "delete-offsets", "validate-regex"),
    "kafka-configs": ("describe", "alter"),
    "kafka-delete-records": ("offset-json-file",),
    "kafka-acls": ("list", "add", "remove"),
    "kafka-client-metrics": ("alter", "delete", "describe", "list"),
    "kafka-delegation-tokens": ("create", "renew", "expire", "describe"),
}
"""Options of Kafka's tools, without dashes, that choose what the tool does."""

_SHARED_WITH_VALUE = ("--bootstrap-server", "--command-config", "--timeout")
"""Options of kafkactl that Kafka's tools have, too."""
_OWN_WITH_VALUE = ("-b", "--context", "-X", "-o", "--output")
_OWN = ("--debug",)


@dataclass(frozen=True)
class Door:
    """A command line in Kafka's style."""

    tool: str
    """Name of Kafka's tool, without .sh."""
    words: list[str]
    """Arguments of the tool."""
    own_flags: list[str]
    """Options of kafkactl that stand before the command or between its options."""
    may_use_context: bool
    """Whether --bootstrap-server may be missing, because the command has the name of ours."""


def find_door(arguments: Sequence[str]) -> Door | None:
    """Return the command line of Kafka's tool in these arguments of kafkactl, or None for one in our own style.

    It is one that begins with the name of a script of Kafka, also with .sh, or with a noun of ours and one of Kafka's
    verbs as an option: `kafka-topics --list`, `topics --list`. A noun is ours where the first word behind it, after
    options of connection and output, has no dash in front. These options may stand before the name, too, but no other
    ones of kafkactl; after a noun those that Kafka's tools lack may stand anywhere, and are taken out of the words.
    Behind a script's name all words stay. See _measure_flag for these options. The words are not checked.
    """
    own_flags, rest = _split_flags(arguments)
    if not rest:
        return None
    command, words = rest[0], list(rest[1:])
    script = command.removesuffix(SCRIPT_SUFFIX)
    if script in TOOLS:
        return Door(script, words, own_flags, False)
    tool = _BY_COMMAND.get(command)
    if tool not in TOOLS:
        return None
    _, behind = _split_flags(words)
    if behind[:1] and not behind[0].startswith("-"):
        return None
    if not any(word.startswith("-") and word.lstrip("-").partition("=")[0] in _VERB_FLAGS[tool] for word in behind):
        return None
    more_flags, words = _take_own_flags(words)
    return Door(tool, words, [*own_flags, *more_flags], True)


def move_flags(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which the options of connection and output between a noun and its verb stand behind the verb.

    `topics -b HOST list` becomes `topics list -b HOST`. Other arguments are returned unchanged. The noun is the first
    word that is not such an option; neither it nor the verb, which must not begin with a dash, is looked up.
    """
    before, rest = _split_flags(arguments)
    between, behind = _split_flags(rest[1:])
    if not between or not behind or behind[0].startswith("-"):
        return list(arguments)
    return [*before, rest[0], behind[0], *between, *behind[1:]]


def _split_flags(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the options of connection and output at the beginning, with their values, and the other words.

    They are those of _measure_flag, also --bootstrap-server, --command-config and --timeout.
    """
    position = 0
    while position < len(words) and (size := _measure_flag(words[position], with_shared=True)):
        position += size
    return list(words[:position]), list(words[position:])


def _take_own_flags(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words of -b, --context, -X, -o, --output and --debug, with their values, and the other words.

    Both keep their order. Other options of kafkactl are among the other words. A value of one of Kafka's options, and a
    word after --, counts as an option, too, where it looks like one.
    """
    own: list[str] = []
    others: list[str] = []
    position = 0
    while position < len(words):
        size = _measure_flag(words[position], with_shared=False)
        (own if size else others).extend(words[position : position + (size or 1)])
        position += size or 1
    return own, others


_KAFKAS_WITH_B = (
    "-batch-size", "-bootstrap-server", "-bootstrap-controller", "-broker", "-broker-defaults", "-broker-id",
    "-broker-list", "-broker-logger", "-by-duration",
)  # fmt: skip
"""Options of Kafka's tools with one dash, which its parser takes; they are no -b with a value behind it."""


def _measure_flag(word: str, with_shared: bool) -> int:
    """Return of how many words an option of connection or output consists, 1 or 2, or 0 for any other word.

    These are -b, --context, -X, -o, --output and --debug; other options of kafkactl give 0, too. `with_shared` adds
    --bootstrap-server, --command-config and --timeout, which Kafka's tools have, too. Only `word` is looked at, so 2
    also stands for a value that is missing. A value may be joined to its option, so each word that begins with -b or -X
    counts, but not Kafka's options with one dash, such as -bootstrap-server; behind -o only what begins with json,
    yaml, table, csv or plain does, because -offsets is an option of Kafka.
    """
    names = (*_OWN_WITH_VALUE, *(_SHARED_WITH_VALUE if with_shared else ()))
    if word in names:
        return 2
    joined = any(
        word.startswith(f"{name}=") if name.startswith("--") else word.startswith(name) and not word.startswith("--")
        for name in names
    )
    # -bHOST and -Xname=value are ours; -offsets is Kafka's option with one dash
    if joined and word[:2] == "-o" and not word.startswith(("-ojson", "-oyaml", "-otable", "-ocsv", "-oplain")):
        joined = False
    if word.partition("=")[0] in _KAFKAS_WITH_B:
        joined = False
    return 1 if word in _OWN or joined else 0
