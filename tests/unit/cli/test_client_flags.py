"""Flags that stand for client settings, against every place that a client setting can come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from kafkactl.cli.consume.flags import MemberFlags, RangeFlags
from kafkactl.cli.frame.options import ClusterOptions, TimeOptions
from kafkactl.cli.groups.resets import ResetOptions
from kafkactl.cli.produce.flags import SendFlags
from kafkactl.connection.settings import Flag
from kafkactl.errors import UsageError
from tests.conftest import Cli

FLAGS: Mapping[str, Flag] = {
    **MemberFlags(
        group="A", group_instance_id="one", group_protocol="classic", assignor="range", client_rack="r1",
        isolation_level="read_committed",
    ).settings(),
    **RangeFlags(from_beginning=True).settings(),
    **SendFlags(
        compression_codec="gzip", request_required_acks="1", partitioner="random", batch_size=1000, linger_ms=3,
        message_send_max_retries=4, retry_backoff_ms=7, request_timeout_ms=9, max_memory_bytes=1 << 20,
        metadata_expiry_ms=11, socket_buffer_size=13,
    ).settings(),
    "transactional.id": Flag("--transactional-id", "T"),
}  # fmt: skip
OTHERS = {
    "group.id": "B", "group.instance.id": "two", "group.protocol": "consumer", "client.rack": "r2",
    "partition.assignment.strategy": "roundrobin", "isolation.level": "read_uncommitted",
    "auto.offset.reset": "latest", "compression.type": "zstd", "acks": "all", "partitioner": "murmur2",
    "transactional.id": "U",
}  # fmt: skip
SECOND_NAMES = {
    "compression.type": "compression.codec",
    "acks": "request.required.acks",
    "linger.ms": "queue.buffering.max.ms",
}


def test_settings_before_and_behind_a_command_count_together(cli: Cli) -> None:
    line = ["topics", "list", "-b", "127.0.0.1:1", "-X", "client.id=me"]
    assert "security.protocol" in cli("-X", "security.protocol=x", *line, check=2).stderr
    both = ["-X", "client.dns.lookup=x", *line, "-X", "client.dns.lookup=use_all_dns_ips", "--timeout", "100ms"]
    assert "cannot reach" in cli(*both, check=3).stderr, "the last one of a name wins"


def other(name: str) -> str:
    return OTHERS.get(name, "77")


def test_the_table_has_every_flag() -> None:
    """A flag that is added to these classes has to be added here."""
    named = {flag.option for flag in FLAGS.values()}
    assert len(named) == len(FLAGS) == 19


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAFKACTL_CONFIG", str(tmp_path / "config.yaml"))
    return tmp_path


def options(place: str, name: str, value: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterOptions:
    """Return the flags of a command whose setting is said in a place."""
    file = home / "client.properties"
    file.write_text(f"{name}={value}\n")
    if place == "-X":
        return ClusterOptions(properties=[f"{name}={value}"])
    if place == "--consumer-property":
        return ClusterOptions().with_java_flags(None, [f"{name}={value}"])
    if place == "--command-config":
        return ClusterOptions(command_config=file)
    if place == "--consumer-config":
        return ClusterOptions().with_java_flags(file, None)
    if place == "KAFKACTL_COMMAND_CONFIG":
        monkeypatch.setenv(place, str(file))
    elif place == "KAFKACTL_CLIENT_":
        monkeypatch.setenv(place + name.upper().replace(".", "_"), value)
    else:
        text = f"current: c\ncontexts:\n  c:\n    bootstrap-servers: a:1\n    properties:\n      {name}: '{value}'\n"
        (home / "config.yaml").write_text(text)
    return ClusterOptions()


ON_THE_COMMAND_LINE = ("-X", "--consumer-property", "--command-config", "--consumer-config")
DEFAULTS = ("KAFKACTL_COMMAND_CONFIG", "KAFKACTL_CLIENT_", "context")


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("place", ON_THE_COMMAND_LINE)
def test_what_stands_on_the_command_line_must_agree(
    name: str, place: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = FLAGS[name]
    for spelling in {name, SECOND_NAMES.get(name, name)}:
        with pytest.raises(UsageError, match=flag.option):
            options(place, spelling, other(name), home, monkeypatch).connect({name: flag})
        agreed = options(place, spelling, flag.text, home, monkeypatch).connect({name: flag})
        assert agreed.settings.properties[name] == flag.text


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("place", DEFAULTS)
def test_a_flag_wins_over_defaults(name: str, place: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = FLAGS[name]
    found = options(place, name, other(name), home, monkeypatch)
    assert found.connect().settings.properties[name] == other(name), "the default itself is heard"
    assert found.connect({name: flag}).settings.properties[name] == flag.text


@pytest.mark.parametrize(
    ("assignments", "why"),
    [
        (["t"], "not TOPIC:PARTITION"),
        (["t:²"], "not TOPIC:PARTITION"),
        ([f"t:{'9' * 5000}"], "not TOPIC:PARTITION"),
        ([f"t:0:{'9' * 5000}"], "use a number, earliest or latest"),
        (["t:-1"], "not TOPIC:PARTITION"),
        ([":0"], "not TOPIC:PARTITION"),
        (["t:0:x"], "use a number, earliest or latest"),
        (["t:0:5", "t:0:9"], "t:0 twice"),
        (["t:0", "t:0"], "t:0 twice"),
    ],
)
def test_assignments_that_are_refused(assignments: list[str], why: str) -> None:
    flags = RangeFlags(assign=assignments)
    with pytest.raises(UsageError) as caught:
        flags.make_selection(None, None, ClusterOptions(bootstrap_server="b:1").settings(), False, TimeOptions())
    assert why in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("other", [{"from_time": "2026-01-01"}, {"to_time": "2026-01-01"}])
def test_two_times_are_never_one(other: dict[str, str]) -> None:
    flags = RangeFlags(between="..2026-05-01", **other)
    with pytest.raises(UsageError, match="--between are mutually exclusive"):
        flags.make_selection("t", None, ClusterOptions(bootstrap_server="b:1").settings(), False, TimeOptions())


NEW_OFFSETS: dict[str, Any] = {
    "to_earliest": True, "to_latest": True, "to_current": True, "to_offset": 0, "to_datetime": "2026-01-01",
    "by_duration": "PT1H", "shift_by": 0,
}  # fmt: skip


def test_a_reset_has_exactly_one_target() -> None:
    """Each pair of options is refused; a value of 0 counts."""
    assert NEW_OFFSETS.keys() == {field.name for field in fields(ResetOptions)}
    with pytest.raises(UsageError, match="missing option for the new offsets"):
        ResetOptions().choose(TimeOptions(), has_file=False)
    ResetOptions().choose(TimeOptions(), has_file=True)
    for name, value in NEW_OFFSETS.items():
        ResetOptions(**{name: value}).choose(TimeOptions(), has_file=False)
        for other in [each for each in NEW_OFFSETS if each != name]:
            with pytest.raises(UsageError, match="mutually exclusive"):
                ResetOptions(**{name: value, other: NEW_OFFSETS[other]}).choose(TimeOptions(), has_file=False)
        with pytest.raises(UsageError, match="mutually exclusive"):
            ResetOptions(**{name: value}).choose(TimeOptions(), has_file=True)
