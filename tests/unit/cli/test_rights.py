"""Hints of refusals: every command that asks a cluster names the rights that it needs."""

from __future__ import annotations

from kafkactl.cli.frame import rights, running
from tests.json_contract import walk_commands

NEED_NONE = {"brokers api-versions", "tokens renew", "tokens expire", "context set"}
"""Commands whose requests a broker answers without a right on a resource, or that send none."""
REFUSALS = (29, 30, 31, 53, 65)
"""Kafka's codes for a missing right on a topic, a group, the cluster, a transactional id, and the owner of a token."""


def test_every_command_names_its_rights() -> None:
    silent = set()
    for path, command in walk_commands().items():
        if not any("--bootstrap-server" in parameter.opts for parameter in command.params):
            continue
        mark = running.words.set(path)
        hints = [rights.make_hint(code) or "" for code in REFUSALS]
        running.words.reset(mark)
        if all(" needs an operation on " in hint for hint in hints):
            silent.add(path)
    assert silent == NEED_NONE
