"""A small run of the fuzzer, and arbitrary bytes: no reader fails but with an error of ours."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import REPOSITORY, Cli
from tests.fuzz.run import SHARES
from tests.fuzz.run import run as fuzz
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS
from tests.unit.storage.encoding import KINDS_OF_BATCHES

INPUTS = 30_000


def test_damaged_files_give_no_error_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kafkactl.storage import compression, seek

    monkeypatch.setattr(
        compression, "MAX_DECOMPRESSED_BYTES", compression.MAX_DECOMPRESSED_BYTES
    )  # put back at the end
    monkeypatch.setitem(vars(seek), "READ_WHOLE_BYTES", 0)
    (tmp_path / f"{0:020}.log").write_bytes(seeds("segment")[-1])
    counts, findings, _ = fuzz(20261121, INPUTS, tmp_path)
    assert findings == []
    assert set(counts) == set(SHARES)


@pytest.mark.parametrize("target", TARGETS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_give_no_error_but_ours(tmp_path: Path, target: str, data: bytes) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        TARGETS[target](tmp_path, data)


def test_both_readers_say_the_same_of_damaged_files(tmp_path: Path) -> None:
    """The same damage, through the compiled reader and through the one in plain Python."""
    from random import Random

    from tests.fuzz.mutate import mutate

    random = Random(5)
    starts = [*seeds("segment"), b"".join(KINDS_OF_BATCHES)]
    paths = []
    for number in range(300):
        paths.append(tmp_path / f"{number:020}.log")
        paths[-1].write_bytes(mutate(random.choice(starts), random, starts))
    told = {}
    for reader in ("pure", ""):
        cli = Cli(REPOSITORY, {"KAFKACTL_READER": reader})
        for flags in (["--print-data-log"], ["--deep-iteration", "-o", "json"]):
            done = cli("dump-log", *flags, *paths)
            told[reader, flags[-1]] = done.stdout, done.stderr, done.returncode
    for flags in ("--print-data-log", "json"):
        assert told["pure", flags] == told["", flags]
