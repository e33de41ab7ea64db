"""Streams against errors that real brokers seldom give: each request, each kind of error, both paths.

Nothing may crash, hang, say "None" or "bug", and every line that went in is delivered or reported.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator

import pytest

from tests.clusters import eventually
from tests.conftest import Cli
from tests.mock_cluster import MockCluster
from tests.readers import reading

LINES = 20
ENDS_WITHIN_S = 25
PRODUCING = {"Produce": 0, "InitProducerId": 22, "FindCoordinator": 10, "AddPartitionsToTxn": 24, "EndTxn": 26}
READING = {"Fetch": 1, "ListOffsets": 2}
IN_A_GROUP = {
    **READING, "OffsetCommit": 8, "OffsetFetch": 9, "FindCoordinator": 10, "JoinGroup": 11, "Heartbeat": 12,
    "SyncGroup": 14, "LeaveGroup": 13,
}  # fmt: skip
NO_SUCH_CODE = 999
DUPLICATE = 46
OLDER_GENERATION, UNKNOWN_MEMBER, REBALANCE = 22, 25, 27
RETRIABLE = {"producing": 7, "transactions": 51, "reading": 6, "group": 16}
"""After these, nothing is lost."""
# A retriable, a fatal, an authorization and an unknown code of each kind of request.
CODES = {
    "producing": (7, 47, 31, NO_SUCH_CODE),
    "transactions": (51, 90, 53, NO_SUCH_CODE),
    "reading": (6, 1, 29, NO_SUCH_CODE),
    "group": (16, 23, 30, NO_SUCH_CODE),
}
ALL_CODES = [*range(1, 134), NO_SUCH_CODE]


def codes(kind: str) -> list[int]:
    return ALL_CODES if os.environ.get("KAFKACTL_TEST_EVERY_CELL") else list(CODES[kind])


ODD_NAMES = "compiled, names of headers that are not UTF-8"


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    with MockCluster() as cluster:
        yield cluster


def ended(cli: Cli, path: str, mock: MockCluster, *arguments: object, input: str = "") -> tuple[int, str, str]:
    """Return status, output and messages of a command that has to end well, whatever happened."""
    started = time.monotonic()
    own = cli.with_environment(KAFKACTL_STREAMS=path.partition(",")[0])
    timeout = [] if "--timeout" in arguments else ["--timeout", 4]
    done = own("-b", mock.bootstrap_servers, *timeout, *arguments, input=input)
    assert time.monotonic() - started < ENDS_WITHIN_S
    assert done.returncode in (0, 1, 3), done.stderr
    assert "None" not in done.stderr
    assert "this is a bug" not in done.stderr
    if done.returncode:
        lasting = ("error: ", "the last offsets were not committed: ", "the last offsets may not have been committed")
        assert any(text in done.stderr for text in lasting)
    return done.returncode, done.stdout, done.stderr


CELLS = [
    *(("producing", "Produce", code, path) for code in codes("producing") for path in ("compiled", "pure")),
    *(("producing", "InitProducerId", code, path) for code in codes("producing") for path in ("compiled", "pure")),
    *(("producing", "Produce", code, ODD_NAMES) for code in codes("producing")),
    *(("producing", "InitProducerId", code, ODD_NAMES) for code in codes("producing")),
    *(("transactions", request, code, "pure") for request in PRODUCING for code in codes("transactions")),
]


@pytest.mark.parametrize(("kind", "request_name", "code", "path"), CELLS)
def test_producing(kind: str, request_name: str, code: int, path: str, mock: MockCluster, cli: Cli) -> None:
    mock.create("t")
    mock.answer_with(PRODUCING[request_name], [code] * 2)
    lines = "".join(f"line {number}\n" for number in range(LINES))
    more = ["--transactional-id", "t"] if kind == "transactions" else []
    if path == ODD_NAMES:
        more = ["--input", "json"]
        odd = {"headers": [{"name_base64": "/w==", "value": "x"}]}
        records = [{"value": f"line {number}", **(odd if number % 3 == 1 else {})} for number in range(LINES)]
        lines = "".join(json.dumps(record) + "\n" for record in records)
    status, _, told = ended(cli, path, mock, "produce", "t", "-X", "delivery.timeout.ms=5000", *more, input=lines)
    summary = re.search(r"(\d+) records? delivered to t", told)
    delivered = int(summary[1]) if summary else 0
    # No broker answers Produce with the code of the transactions.
    assert status == 0 or code != RETRIABLE[kind] or (kind, request_name) == ("transactions", "Produce"), told
    if status == 0:
        assert delivered == LINES
    elif summary:
        assert delivered + len(re.findall("error: not delivered to t: ", told)) == LINES
    if kind == "producing" and code != DUPLICATE:  # which says that the record is there, from an attempt before
        read = cli.ok("-b", mock.bootstrap_servers, "consume", "t", "--from-beginning", "--exit").splitlines()
        assert len(read) == delivered or "may have been" in told
        if status == 0:
            assert read == [f"line {number}" for number in range(LINES)]


@pytest.mark.parametrize("path", ["compiled", "pure"])
@pytest.mark.parametrize("code", codes("reading"))
@pytest.mark.parametrize("request_name", READING)
def test_reading(request_name: str, code: int, path: str, mock: MockCluster, cli: Cli) -> None:
    mock.create("t")
    filled(cli, mock)
    mock.answer_with(READING[request_name], [code] * 2)
    status, shown, told = ended(cli, path, mock, "consume", "t", "--from-beginning", "--exit")
    assert status == 0 or code != RETRIABLE["reading"], told
    assert status or shown.splitlines() == [f"line {number}" for number in range(LINES)]


@pytest.mark.parametrize("code", codes("group"))
@pytest.mark.parametrize("request_name", IN_A_GROUP)
def test_reading_in_a_group(request_name: str, code: int, mock: MockCluster, cli: Cli) -> None:
    mock.create("t")
    filled(cli, mock)
    mock.answer_with(IN_A_GROUP[request_name], [code] * 2)
    status, shown, told = ended(
        cli, "pure", mock, "--timeout", 15, "consume", "t", "-g", "g", "--from-beginning", "--exit",
        "-X", "heartbeat.interval.ms=300", "-X", "session.timeout.ms=3000",
    )  # fmt: skip
    assert status == 0 or code != RETRIABLE["group"] or request_name in READING, told
    assert status or shown.splitlines() == [f"line {number}" for number in range(LINES)]


@pytest.mark.parametrize("path", ["compiled", "pure"])
def test_a_client_that_can_send_no_more_reports_every_line(path: str, mock: MockCluster, cli: Cli) -> None:
    """More lines than its queue holds, from a pipe."""
    mock.create("t")
    mock.answer_with(PRODUCING["InitProducerId"], [31] * 5)
    number = 150_000
    letters = cli.home / "letters"
    own = cli.with_environment(KAFKACTL_STREAMS=path)
    lines = "".join(f"{each}\n" for each in range(number))
    done = own("-b", mock.bootstrap_servers, "produce", "t", "--dead-letter", letters, input=lines)
    assert done.returncode == 1
    assert "this is a bug" not in done.stderr
    told = [json.loads(line) for line in letters.read_text().splitlines()]
    summary = re.search(r"(\d+) records? delivered to t, (\d+) not delivered", done.stderr)
    assert summary is not None
    assert (int(summary[1]), int(summary[2])) == (0, len(told))
    assert [each["value"] for each in sorted(told, key=lambda each: int(each["value"]))] == [
        str(each) for each in range(len(told))
    ]
    assert all("we were stopped" not in each["error"] for each in told)


@pytest.mark.parametrize("code", [UNKNOWN_MEMBER, OLDER_GENERATION, REBALANCE])
def test_partitions_that_are_lost_and_come_back(code: int, mock: MockCluster, cli: Cli) -> None:
    """What was shown before is neither shown again nor left out of the next commit."""
    mock.create("t", 2)
    filled(cli, mock)
    often = ["-X", "heartbeat.interval.ms=200", "-X", "session.timeout.ms=3000", "-X", "auto.commit.interval.ms=600000"]
    arguments = ["t", "-b", mock.bootstrap_servers, "--group", "g", "--from-beginning"]
    with reading(cli, "pure", *arguments, *often, "-v") as reader:
        eventually(lambda: (reader.look(), reader.shown.count(b"\n") == LINES)[1])
        for number in range(2, 5):
            mock.answer_with(IN_A_GROUP["Heartbeat"], [code])
            eventually(lambda number=number: (reader.look(), reader.told.count(b"assigned: t") >= number)[1])
        cli.ok("-b", mock.bootstrap_servers, "produce", "t", input="last\n")
        eventually(lambda: reader.has_shown("last\n"))
        reader.process.send_signal(signal.SIGTERM)
        assert reader.ended() == 143
    assert sorted(reader.shown.decode().splitlines()) == sorted(
        [f"line {number}" for number in range(LINES)] + ["last"]
    )
    assert cli.ok("consume", *arguments, "--exit") == ""


def filled(cli: Cli, mock: MockCluster) -> None:
    lines = "".join(f"line {number}\n" for number in range(LINES))
    cli.ok("-b", mock.bootstrap_servers, "produce", "t", input=lines)


@pytest.mark.parametrize("path", ["compiled", "pure", ODD_NAMES])
def test_a_leader_that_was_never_reached(path: str, cli: Cli) -> None:
    """It ends after --timeout, and not only after two minutes."""
    more = ["--header", "\udcff=x"] if path == ODD_NAMES else []
    with MockCluster(2) as mock:
        mock.create("t")
        mock.lead("t", 0, 2)
        mock.take_down(2)
        own = cli.with_environment(KAFKACTL_STREAMS=path.partition(",")[0])
        started = time.monotonic()
        done = own("-b", mock.addresses[0], "produce", "t", "--timeout", 5, *more, input="a\nb\n", check=3)
        assert time.monotonic() - started < 12
        assert "error: cannot send to t: no answer from broker 2" in done.stderr
        assert "waiting for the acknowledgement of 2 records" in done.stderr
        assert done.stderr.count("error: not delivered to t: ") == 2
        assert "0 records delivered to t, 2 not delivered" in done.stderr
