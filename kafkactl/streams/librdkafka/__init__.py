"""Compiled parts that call librdkafka in C; everything works without them, at less speed."""

from __future__ import annotations

import importlib
import os
from typing import Any

from confluent_kafka import cimpl, libversion

_OLDEST = 0x020000FF
"""librdkafka 2.0.0, the first version with all the functions that are called; later versions keep them."""


def load_compiled(name: str) -> Any:
    """Return the compiled module with a name, bound to the librdkafka of confluent_kafka, or None. Nothing is raised.

    `name` is that of a .pyx file of this folder, such as _line_receiver. None where there is no such module, as where
    no compiler was there at installation, where librdkafka does not export its functions or is older than 2.0.0, and
    with KAFKACTL_STREAMS=pure.
    """
    if os.environ.get("KAFKACTL_STREAMS") == "pure" or libversion()[1] < _OLDEST:
        return None
    try:
        module = importlib.import_module(f"kafkactl.streams.librdkafka.{name}")
        module.bind(cimpl.__file__)
    except ImportError:
        return None
    return module
