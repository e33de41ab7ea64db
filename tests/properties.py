"""One profile of Hypothesis for all tests: without deadlines, for a busy machine is no fault of the code.

KAFKACTL_TEST_EXAMPLES=N tries N times as many examples (make test-long).
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_FACTOR = int(os.environ.get("KAFKACTL_TEST_EXAMPLES", "1"))
_USUAL = 100


def load_profile() -> None:
    """Make the profile the default of every property."""
    settings.register_profile(
        "kafkactl",
        deadline=None,
        max_examples=_USUAL * _FACTOR,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    settings.load_profile("kafkactl")


def examples(count: int) -> settings:
    """Return a decorator for a property that needs another number of examples than 100."""
    return settings(max_examples=count * _FACTOR)
