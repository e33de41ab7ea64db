"""Groups without a cluster: durations, conditions, diagnosis, pace, tables."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kafkactl.admin.groups.conditions import parse
from kafkactl.admin.groups.descriptions import make_group_lag
from kafkactl.admin.groups.diagnosis import diagnose
from kafkactl.admin.groups.models import CommitState, GroupDescription, GroupLag, Member, Node, PartitionLag
from kafkactl.admin.groups.offset_files import parse_csv, read_document
from kafkactl.admin.groups.pace import add_rates, find_oldest_unread
from kafkactl.cli.frame.options import TimeOptions
from kafkactl.cli.groups.resets import ResetOptions
from kafkactl.cli.groups.tables import format_duration, format_pace, make_title
from kafkactl.cli.groups.watch import make_sparkline, watch
from kafkactl.documents import read_text
from kafkactl.errors import UsageError
from kafkactl.output import prometheus
from kafkactl.output.kafka import group_text as kafka_group_text
from kafkactl.stdout import DescriptorWriter
from tests.conftest import Cli
from tests.fake_broker import FakeBroker, Group, Partition, Topic


def member(name: str, *partitions: int, **fields: Any) -> Member:
    return Member(
        group="g",
        consumer_id=name,
        instance_id=fields.pop("instance_id", None),
        client_id=name,
        host="/h",
        assignment=tuple(("t", n) for n in partitions),
        **fields,
    )


def row(number: int, current: int | None, end: int | None, **fields: Any) -> PartitionLag:
    lag = None if current is None or end is None else max(0, end - current)
    state = fields.pop("commit", CommitState.OK if lag is not None else CommitState.NO_COMMIT)
    owner = fields.pop("owner", "a")
    return PartitionLag("g", "t", number, current, 0, end, lag, state, owner, None, "/h", owner, **fields)


def group(rows: list[PartitionLag], *members: Member, state: str = "Stable", **fields: Any) -> GroupLag:
    description = GroupDescription(
        group="g",
        type="Classic",
        state=state,
        assignor="range",
        coordinator=Node(1, "h", 9092),
        members=members,
        **fields,
    )
    return make_group_lag(description, rows)


def test_lasting() -> None:
    assert [format_duration(each) for each in (0.42, 59, 61, 7384, 90_061, None)] == [
        "0.4s",
        "59s",
        "1m1s",
        "2h3m",
        "1d1h",
        None,
    ]


def test_conditions() -> None:
    late = group([row(0, 5, 20, time_lag_ms=400_000)], member("a", 0))
    for text, violated in (
        ("lag>10", True),
        ("lag>15", False),
        ("lag >= 15", True),
        ("time>5m", True),
        ("time>10m", False),
        ("state!=Stable", False),
        ("state=Stable", True),
        ("state==stable", True),
        ("state!=STABLE", False),
        ("state=unknown", False),
        ("members<2", True),
    ):
        assert (parse(text).find_violation(late) is not None) == violated, text
    unknown = group([row(0, None, 20), row(1, 3, 3)])
    assert "lag is not known" in str(parse("lag>10").find_violation(unknown)), "never taken as fine"
    assert "time is not known" in str(parse("time>5m").find_violation(unknown))
    empty = group([row(0, 5, 5, time_lag_ms=0), row(1, None, 0)])
    assert parse("lag>10").find_violation(empty) is None, "nothing was ever written to the other partition"
    assert parse("time>5m").find_violation(empty) is None
    new = group([row(0, None, 0), row(1, None, 0)])
    assert parse("lag>10").find_violation(new) is None, "nothing was ever written to the topic"
    assert parse("time>5m").find_violation(new) is None
    assert "time is not known" in str(parse("time>5m").find_violation(group([])))
    partly = group([row(0, 5, 20, time_lag_ms=1000), row(1, 5, 20)])
    assert "time is not known" in str(parse("time>5m").find_violation(partly)), "the other partition may be late"
    assert "time is 1 s" in str(parse("time<5m").find_violation(partly))


@pytest.mark.parametrize(
    "text",
    [
        "lag",
        "lag>many",
        "speed>3",
        "state>Stable",
        "time>soon",
        "state=>Stable",
        "state=!Stable",
        "state=Fine",
        "lag>=>5",
    ],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_pace_and_when_it_is_done() -> None:
    before = group([row(0, 0, 100), row(1, 50, 50)], member("a", 0, 1))
    after = group([row(0, 80, 120), row(1, 50, 50)], member("a", 0, 1))
    (found,) = add_rates([before], [after], 2.0)
    assert (found.produced_per_s, found.consumed_per_s) == (10.0, 40.0)
    assert found.partitions[0].catches_up_in_s == pytest.approx(40 / 30)
    assert found.catches_up_in_s == pytest.approx(40 / 30)
    (losing,) = add_rates([before], [group([row(0, 1, 300), row(1, 50, 50)])], 1.0)
    assert losing.catches_up_in_s is None
    assert "never catches up" in make_title(losing)


def test_the_oldest_unread_record() -> None:
    assert find_oldest_unread(row(0, 5, 20)) == (("t", 0), 5)
    assert find_oldest_unread(replace(row(0, 5, 20), log_start_offset=8)) == (("t", 0), 8), "what was before is deleted"
    assert find_oldest_unread(row(0, 20, 20)) is None
    assert find_oldest_unread(row(0, None, 20)) is None


def named(before: GroupLag, after: GroupLag) -> list[str]:
    return [finding.what for finding in diagnose(before, add_rates([before], [after], 3.0)[0], 3.0)]


@pytest.mark.parametrize(
    ("written", "read", "text"), [(5.0, 9.0, "+5/s -9/s"), (-1.5, -2.5, "-1.5/s +2.5/s"), (0.0, 0.0, "+0/s -0/s")]
)
def test_a_rate_has_one_sign(written: float, read: float, text: str) -> None:
    measured = group([row(0, 5, 9, produced_per_s=written, consumed_per_s=read)], member("a", 0))
    assert format_pace(measured).strip().startswith(text)


def test_the_rate_of_a_group_is_rounded_as_those_of_its_partitions() -> None:
    measured = group([row(number, 5, 9, produced_per_s=0.1, consumed_per_s=0.7) for number in range(3)], member("a", 0))
    assert format_pace(measured) == "  +0.3/s -2.1/s  done in 6.7s"


def test_a_time_that_is_not_known_is_not_never() -> None:
    read = {"produced_per_s": 1.0, "consumed_per_s": 2.0}
    for row_of_1, text in (
        (row(1, None, 9), "when it catches up is not known"),
        (row(1, 5, 9), "when it catches up is not known"),
        (row(1, 5, 9, produced_per_s=2.0, consumed_per_s=2.0), "never catches up at this pace"),
        (row(1, 9, 9, **read), ""),
    ):
        assert format_pace(group([row(0, 9, 9, **read), row_of_1], member("a", 0, 1))).endswith(f"/s  {text}".rstrip())


def test_ends_that_are_not_known_or_went_back_are_no_evidence() -> None:
    """A partition that nobody knew before is not stuck, and records that were deleted with a topic are no records."""
    stuck = {"stuck": True, "unknown before": False, "unknown after": False}
    for (what, is_stuck), ends in zip(stuck.items(), ((9, 19), (None, 19), (9, None)), strict=True):
        before, after = (group([row(0, 5, end)], member("a", 0)) for end in ends)
        assert ("t-0 is stuck" in named(before, after)) is is_stuck, what
    before = group([row(number, 0, end) for number, end in enumerate((2000, 0, 0))], member("a", 0, 1, 2))
    after = group([row(number, 0, end) for number, end in enumerate((0, 700, 500))], member("a", 0, 1, 2))
    (hot,) = [finding for finding in diagnose(before, after, 3.0) if finding.what.endswith("hot")]
    assert hot.evidence == "700 of 1200 records in 3 s, of 3 partitions"


def test_diagnosis() -> None:
    fine = group([row(0, 5, 5)], member("a", 0))
    assert named(fine, fine) == []
    empty = group([row(0, 5, 9, owner=None)], state="Empty")
    assert named(empty, empty) == ["nobody reads"]
    crowded = group([row(0, 5, 5)], member("a", 0), member("b"))
    assert named(crowded, crowded) == ["more members than partitions"]
    assert "t-0 is stuck" in named(group([row(0, 5, 9)], member("a", 0)), group([row(0, 5, 19)], member("a", 0)))
    assert named(group([row(0, 5, 5)], member("a", 0), epoch=3), group([row(0, 5, 5)], member("a", 0), epoch=9)) == [
        "it is rebalanced again and again"
    ]
    assert named(fine, group([row(0, 5, 5)], member("z", 0))) == ["members come and go"]
    static = group([row(0, 5, 5)], member("a", 0), member("b", instance_id="one"))
    assert "static members are missing" in named(static, fine)
    assert "commits beyond the end of the log" in named(
        fine, group([row(0, 9, 5, commit=CommitState.BEYOND_END)], member("a", 0))
    )
    assert "partitions without a member" in named(fine, group([row(0, 5, 5), row(1, 1, 9, owner=None)], member("a", 0)))


def test_one_hot_partition() -> None:
    members = (member("a", 0, 1, 2),)
    before = group([row(number, 0, 0) for number in range(3)], *members)
    after = group([row(0, 900, 900), row(1, 50, 50), row(2, 50, 50)], *members)
    assert named(before, after) == ["t-0 is hot"]


def test_unknown_is_never_a_sample_of_zero() -> None:
    text = prometheus.format_metrics([group([row(0, 5, 20, time_lag_ms=1500), row(1, None, 7)], member("a", 0))])
    assert 'kafka_consumergroup_lag{consumergroup="g",partition="0",topic="t"} 15.0' in text
    assert 'kafka_consumergroup_lag{consumergroup="g",partition="1"' not in text
    assert 'kafka_consumergroup_lag_seconds{consumergroup="g",partition="0",topic="t"} 1.5' in text
    assert 'kafka_consumergroup_lag_sum{consumergroup="g"} 15.0' in text
    assert 'kafka_consumergroup_unknown_partitions{consumergroup="g"} 1.0' in text
    assert 'kafka_consumergroup_state{consumergroup="g",state="Stable"} 1.0' in text


def test_a_group_without_any_known_lag_has_no_sum() -> None:
    text = prometheus.format_metrics([group([row(0, None, 7)], member("a", 0))])
    assert "kafka_consumergroup_lag_sum{" not in text
    assert 'kafka_consumergroup_lag_sum{consumergroup="g"} 0.0' in prometheus.format_metrics([group([])])


def test_sparkline() -> None:
    assert make_sparkline([0, 7, 14]) == "▁▄█"
    assert make_sparkline([5, 5]) == "▁▁"


def test_plans_of_offsets(tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    file.write_text('t,0,5\n"a topic with a long long name",1,6\n\n')
    assert parse_csv(file, read_text(file), ["g"], with_group=False) == {
        "g": {("t", 0): 5, ("a topic with a long long name", 1): 6}
    }
    file.write_text("g,t,0,5\nh,t,1,6\n")
    assert parse_csv(file, read_text(file), ["g", "h"], with_group=True) == {"g": {("t", 0): 5}, "h": {("t", 1): 6}}
    for wrong in ("t,0\n", "a,b,c,1,2\n"):
        file.write_text(wrong)
        with pytest.raises(UsageError, match="not a plan of offsets"):
            parse_csv(file, read_text(file), ["g"], with_group=False)
    for wrong in ("t,zero,5\n", "t,0,-1\n", "t,0,1.9\n", "t,0,\n"):
        file.write_text(wrong)
        with pytest.raises(UsageError, match=r"invalid (partition|offset): "):
            parse_csv(file, read_text(file), ["g"], with_group=False)
    with pytest.raises(UsageError, match="cannot read"):
        parse_csv(tmp_path / "none", read_text(tmp_path / "none"), ["g"], with_group=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("groups: [g]", "`groups` is missing"),
        ("g: {t: {0: 1}}", "`groups` is missing"),
        ("groups: {g: [t]}", "group g is not a mapping"),
        ("groups: {g: {t: 5}}", "topic t is not a mapping"),
        ("groups: {g: {t: {0: 1.9}}}", "offset of t-0 is not a whole number from 0: '1.9'"),
        ("groups: {g: {t: {0: true}}}", "offset of t-0 is not a whole number from 0: True"),
        ("groups: {g: {t: {0: -1}}}", "offset of t-0 is not a whole number from 0: -1"),
        ("groups: {g: {t: {0: null}}}", "offset of t-0 is not a whole number from 0: None"),
        ("groups: {g: {t: {0: 9223372036854775808}}}", "offset of t-0 is not a whole number"),
        ("groups: {g: {t: {-1: 1}}}", "partition is not a whole number from 0: -1"),
        ("groups: {g: {t: {x: 1}}}", "partition is not a whole number from 0: 'x'"),
        ("groups: {g: {t: {0: 1, 0: 2}}}", "0 occurs twice"),
        ("groups: {5: {t: {0: 1}}}", "the name of a group is not a text: 5"),
    ],
)
def test_files_of_offsets_that_are_refused(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "offsets.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=re.escape(why)):
        read_document(file)


def test_kafkas_csv_quotes_what_is_long_or_might_need_it() -> None:
    text = kafka_group_text.format_export({"g": {("t", 0): 1, ("x" * 25, 0): 2}}, with_group=False)
    assert set(text.splitlines()) == {"t,0,1", f'"{"x" * 25}",0,2', ""}


def test_a_watch_names_groups_that_are_missing_once(cli: Cli) -> None:
    with FakeBroker(topics={"orders": 1}, groups=[Group("billing", offsets={("orders", 0): 0})]) as broker:
        line = cli.command("-b", broker.address, "groups", "describe", "billing", "nosuch", "--watch", "100ms")
        watching = subprocess.Popen(
            line, env=cli.full_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert watching.stdout is not None
        assert watching.stderr is not None
        groups = [json.loads(watching.stdout.readline())["group"] for _ in range(3)]
        watching.stdout.close()  # this ends the command
        errors = watching.stderr.read()
        watching.stderr.close()
        watching.wait(60)
    assert groups == ["billing"] * 3
    assert errors.count("error: consumer group not found: 'nosuch'\n") == 1


def test_two_looks_print_the_note_about_many_records_once(cli: Cli) -> None:
    orders = Topic("orders", [Partition(end=10) for _ in range(1001)])
    groups = [Group("g", offsets={("orders", number): 0 for number in range(1001)})]
    with FakeBroker(topics=[orders], groups=groups) as broker:
        done = cli("-b", broker.address, "groups", "describe", "g", "--lag", "--interval", "100ms", check=0)
    assert done.stderr.count("lag in time is not measured") == 1


@pytest.mark.slow
def test_a_reset_that_stops_names_the_groups_before_and_behind(cli: Cli) -> None:
    groups = [Group(name, offsets={("orders", 0): 0}) for name in ("a", "b", "c", "d")]
    with FakeBroker(topics={"orders": 1}, groups=groups) as broker:
        broker.on("OffsetCommit", error=68, when=lambda request: request.fields["group_id"] == "a")
        broker.on("OffsetCommit", freeze=True, when=lambda request: request.fields["group_id"] == "c")
        line = ["groups", "reset-offsets", "a", "b", "c", "d", "--topic", "orders", "--to-latest", "--execute"]
        done = cli("-b", broker.address, *line, "--timeout", "3", check=3)
        committed = [request.fields["group_id"] for request in broker.requests_of("OffsetCommit")]
    assert committed == ["a", "b", "c"]
    assert done.stderr.splitlines() == [
        "error: orders-0 in group a: the group has members",
        "stopped at group c; groups before it: a, b; groups not changed: d",
        "error: the change may have been done: no answer within 3 s",
        "hint: check the result before you repeat the command: kafkactl groups describe GROUP",
    ]


@pytest.mark.slow
def test_an_alias_has_the_hints_of_its_command(cli: Cli) -> None:
    with FakeBroker(topics={"orders": 1}, groups=["g"]) as broker:
        line = ["delete-offsets", "g", "--topic", "orders", "--yes", "--timeout", "2", "-b", broker.address]
        broker.on("OffsetDelete", times=2, error=30)
        refused = [cli(noun, *line, check=1).stderr for noun in ("groups", "consumer-groups")]
        broker.on("OffsetDelete", freeze=True)
        lost = [cli(noun, *line, check=3).stderr for noun in ("groups", "consumer-groups")]
    assert refused[0] == refused[1]
    assert "an operation" not in refused[0]
    assert "hint: the principal needs " in refused[0]
    assert lost[0] == lost[1]
    assert "check the result before you repeat the command: kafkactl groups describe GROUP" in lost[0]


@pytest.mark.parametrize("order", ["lag", "time", "rate"])
@pytest.mark.parametrize("view", ["--members", "--state"])
def test_members_and_states_have_no_order_of_lags(view: str, order: str, cli: Cli) -> None:
    told = cli("groups", "describe", "g", view, "--sort", order, "-b", "localhost:1", check=2).stderr
    assert told.startswith(f"error: {view} and --sort {order} are mutually exclusive")


@pytest.mark.parametrize("form", ["-o csv", "-o kafka", "-o prometheus", "-o yaml", "--columns", "--sort topic"])
def test_a_watch_has_a_form_of_its_own(form: str, cli: Cli) -> None:
    words = [*form.split(), *(["lag"] if form == "--columns" else [])]
    told = cli("groups", "describe", "g", "--watch", "1", *words, "-b", "localhost:1", check=2).stderr
    assert told.startswith(f"error: --watch and {form} are mutually exclusive")


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_a_watch_shows_each_round_on_every_terminal(terminal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", terminal)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    ours, theirs = os.openpty()
    shown = b""

    def look() -> Iterator[list[GroupLag]]:
        nonlocal shown
        for number in range(3):
            yield [group([row(0, 5, 5 + 111 * (number + 1))])]
            lag = str(111 * (number + 1)).encode()
            while lag not in shown and select.select([ours], [], [], 5)[0]:
                shown += os.read(ours, 10_000)
            assert lag in shown

    writer = DescriptorWriter(theirs)
    monkeypatch.setattr("kafkactl.cli.groups.watch.out", writer)
    try:
        watch(look())
    finally:
        writer.restart()
        os.close(ours)
        os.close(theirs)
    assert (b"\x1b" in shown) == (terminal == "xterm")


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("groups describe", "group,topic,partition,current-offset,log-end-offset,lag,consumer-id,host,client-id"),
        ("groups describe --lag", "group,topic,partition,log-start,current,log-end,lag,commit,client-id,host"),
        ("groups describe --lag --columns late,in/s", "late,in/s"),
        ("topics describe --match a --columns topic,leader", "topic,leader"),
        ("topics describe --under-replicated --columns topic,leader", "topic,leader"),
    ],
)
def test_csv_without_rows_has_its_header(line: str, header: str, cli: Cli) -> None:
    with FakeBroker(topics={"a": 0}) as broker:
        assert cli(*line.split(), "-o", "csv", "-b", broker.address, check=0).stdout == f"{header}\n"
        assert "nosuch" in cli(*line.split(), "--columns", "nosuch", "-b", broker.address, check=2).stderr


def test_partitions_that_an_answer_leaves_out_are_in_the_table(cli: Cli) -> None:
    """The first one is refused, and there is nothing about the other two."""

    def cut(_: object, answer: dict[str, Any]) -> dict[str, Any]:
        partition = {"partition_index": 0, "error_code": 86}
        return {**answer, "topics": [{"name": "orders", "partitions": [partition]}]}

    line = ("--delete-offsets", "--group", "g", "--topic", "orders")
    with FakeBroker(topics={"orders": 3}, groups=["g"]) as broker:
        broker.on("OffsetDelete", answer=cut)
        shown = cli("kafka-consumer-groups", "--bootstrap-server", broker.address, *line, check=1).stdout
    assert [text.split()[1] for text in shown.splitlines() if text.startswith("orders ")] == ["0", "1", "2"]


@pytest.mark.parametrize("topic", [".", "..", "a" * 250, "a b"])
def test_a_name_that_no_topic_can_have_is_invalid_as_in_kafka(cli: Cli, tmp_path: Path, topic: str) -> None:
    """A broker checks the whole name: its characters, its length, and that it is neither . nor .. alone."""
    plan = tmp_path / "plan.csv"
    plan.write_text(f"{topic},0,1\n")
    with FakeBroker(topics={"orders": 1}, groups=["g"]) as broker:
        tool = ("kafka-consumer-groups", "--bootstrap-server", broker.address, "--group", "g")
        deletion = cli(*tool, "--delete-offsets", "--topic", topic, check=1).stdout
        reset = cli(*tool, "--reset-offsets", "--from-file", plan, "--dry-run", check=1)
    assert "InvalidTopicException" in deletion
    assert f"due to invalid topic `{topic}`" in reset.stdout + reset.stderr


@pytest.mark.parametrize("line", ["groups describe", "offsets", "records delete --all --yes"])
def test_each_of_several_missing_names_has_an_error(cli: Cli, line: str) -> None:
    with FakeBroker(topics={"orders": 1}, groups=["g"]) as broker:
        told = cli("-b", broker.address, *line.split(), "nosuch", "nothing", check=1).stderr
    errors = [text for text in told.splitlines() if text.startswith("error: ")]
    assert [name for text in errors for name in ("nosuch", "nothing") if name in text] == ["nosuch", "nothing"], told


def test_a_deletion_without_an_answer_may_have_been_done(cli: Cli) -> None:
    with FakeBroker(topics={"orders": 2}) as broker:
        broker.on("DeleteRecords", error=7, item=("orders", 1))
        done = cli("-b", broker.address, "--timeout", "2", "records", "delete", "orders", "--all", "--yes", check=1)
    assert done.stderr.splitlines() == [
        "error: partition orders-1: the brokers did not finish the request in time; it may have been done",
        "hint: check the result before you repeat the command: kafkactl offsets orders --time earliest",
    ]


def test_a_time_to_reset_to_fits_into_a_request() -> None:
    assert ResetOptions(by_duration="-9223372036854775s")._parse_time(TimeOptions()) == 2**63 - 1
    assert ResetOptions(by_duration="9223372036854775s")._parse_time(TimeOptions()) == 0
