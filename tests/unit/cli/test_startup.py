"""Modules that are loaded when they are used."""

from __future__ import annotations

import subprocess
import sys

_LOOK = """
import sys
from kafkactl.cli.frame.startup import put_off
put_off("asyncio")
import asyncio
import confluent_kafka
assert "asyncio.base_events" not in sys.modules
{use}
assert "asyncio.base_events" in sys.modules
import asyncio as again
assert again.run is asyncio.run
async def answer():
    return 42
print(asyncio.run(answer()))
"""


def test_what_is_put_off_is_there_when_it_is_used() -> None:
    for use in ("asyncio.run", "from asyncio import run", "import asyncio.events"):
        done = subprocess.run(
            [sys.executable, "-c", _LOOK.format(use=use)], capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.stderr) == ("42\n", "")
