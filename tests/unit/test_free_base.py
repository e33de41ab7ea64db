"""Ports for the brokers of tests: two processes that ask at the same time, before either listens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.clusters import free_base

_START = 13092
"""Where no cluster of a test is."""


@pytest.mark.slow
def test_two_processes_get_ports_of_their_own() -> None:
    lines = f"from tests.clusters import free_base; print(free_base({_START}), flush=True); input()"
    others = [subprocess.Popen([sys.executable, "-c", lines], stdin=-1, stdout=-1, text=True) for _ in range(2)]
    bases = [int(other.stdout.readline()) for other in others if other.stdout] + [free_base(_START)]
    for other in others:
        other.communicate("\n")
    ports = [base + number for base in bases for number in range(3)]
    assert len(set(ports)) == len(ports) == 9
