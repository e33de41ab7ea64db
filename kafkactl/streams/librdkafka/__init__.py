"""The compiled parts of this package, which speak to librdkafka in C; everything works without them, at less speed."""

from __future__ import annotations

import importlib
import os
from typing import Any

from confluent_kafka import cimpl, libversion

_OLDEST = 0x020000FF
"""librdkafka 2.0.0: the first whose functions are all there; later ones keep them."""


def compiled(name: str) -> Any:
    """A module bound to confluent_kafka's librdkafka; None where there is none, or with KAFKACTL_STREAMS=pure.

    There is none where no compiler was at install, or librdkafka shows nothing of itself.
    """
    if os.environ.get("KAFKACTL_STREAMS") == "pure" or libversion()[1] < _OLDEST:
        return None
    try:
        module = importlib.import_module(f"kafkactl.streams.librdkafka.{name}")
        module.bind(cimpl.__file__)
    except ImportError:
        return None
    return module
