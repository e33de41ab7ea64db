"""Producers that are stopped in every way: delivered, dead letters and never read are together all lines, each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
import pytest
from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.clusters import RunningCluster, eventually
from tests.conftest import Cli

LINES = 400_000
BUSY_S = 9
"""What a process may take to end on a busy machine beside what it waits for."""
ENDS_WITHIN_S = 8 + BUSY_S
"""Eight seconds after the signal everything is told."""
ENDS_AFTER_SECOND_WITHIN_S = 2.5 + BUSY_S
"""The second signal comes half a second after the first; two seconds later everything is told."""


@dataclass(frozen=True)
class Form:
    """An input: what a value looks like in it, the flags that read it, and how a value is found again."""

    arguments: tuple[str, ...] = ()
    line: Callable[[str], bytes] = lambda value: f"{value}\n".encode()
    head: bytes = b""
    environment: dict[str, str] = field(default_factory=dict)
    is_slow: bool = False
    """Only a part of the input is read in a few seconds."""


def length_prefixed(value: str) -> bytes:
    return len(value).to_bytes(4, "big") + value.encode()


def json_line(value: str) -> bytes:
    """Return a record as JSON; one in seven has a header whose name is not UTF-8."""
    odd = {"headers": [{"name_base64": "/w==", "value": "x"}]} if int(value[1:9]) % 7 == 0 else {}
    return json.dumps({"value": value, **odd}).encode() + b"\n"


PURE = {"KAFKACTL_STREAMS": "pure"}
FORMS = {
    "lines": Form(),
    "lines, pure": Form(environment=PURE),
    "keys": Form(("-K", ":"), lambda value: f"key:{value}\n".encode()),
    "json": Form(("--input", "json"), lambda value: json.dumps({"key": "k", "value": value}).encode() + b"\n"),
    "csv": Form(("--input", "csv"), lambda value: f'k,"{value}"\r\n'.encode(), b"key,value\n"),
    "csv, rows of two lines": Form(("--input", "csv"), lambda value: f'"a\nb","{value}"\n'.encode(), b"key,value\n"),
    "length-prefixed": Form(("--input", "length-prefixed"), length_prefixed),
    "delimiter": Form(("--delimiter", "<>"), lambda value: f"{value}<>".encode()),
    "one transaction": Form(("--transactional-id", "{name}", "--timeout", "60")),
    "transactions": Form(("--transactional-id", "{name}", "--timeout", "60", "--transaction-size", "100")),
    "avro": Form(
        ("--value-format", "avro", "--value-schema", "{folder}/v.avsc"), lambda value: f'"{value}"\n'.encode()
    ),
    "json, odd names of headers now and then": Form(("--input", "json"), json_line),
    "names of headers that are not UTF-8": Form(("--header", "\udcff=x")),
    "--rate": Form(("--rate", "200"), is_slow=True),
    "--sync": Form(("--sync",), is_slow=True),
    "--repeat": Form(("--repeat", "1000")),
}
ENDINGS = ("INT", "TERM", "HUP", "TERM, frozen", "TERM twice, frozen")


class Feeder:
    """Writes lines into a pipe for as long as somebody reads, and afterwards says what nobody has read."""

    def __init__(self, form: Form, values: Iterator[str]) -> None:
        self.begin, self._end = os.pipe()
        self.written: list[str] = []
        self._form, self._values = form, values
        self._stopped = threading.Event()
        os.set_blocking(self._end, False)
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        self._put(self._form.head)
        for value in self._values:
            if not self._put(self._form.line(value)):
                return
            self.written.append(value)

    def _put(self, data: bytes) -> bool:
        while data:
            if self._stopped.is_set():
                return False
            try:
                data = data[os.write(self._end, data) :]
            except BlockingIOError:
                time.sleep(0.001)
        return True

    def close(self) -> bytes:
        """Stop writing; return what lies unread in the pipe."""
        self._stopped.set()
        self._thread.join()
        os.close(self._end)
        unread = b""
        while piece := os.read(self.begin, 1 << 16):
            unread += piece
        os.close(self.begin)
        return unread


def values_in(data: bytes) -> list[str]:
    """Return the values in a piece of any input; every one is v, eight digits and w."""
    return [part[:8].decode() for part in data.split(b"v")[1:] if part[8:9] == b"w"]


def delivered(cli: Cli, topic: str) -> Counter[str]:
    shown = cli.ok(
        *("consume", topic, "--from-beginning", "--exit", "--isolation-level", "read_committed", "--timeout", 60)
    )
    return Counter(values_in(shown.encode()))


def has_open_transaction(cluster: RunningCluster, topic: str) -> bool:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    ends = []
    for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED):
        asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(3)}
        found = admin.list_offsets(asked, isolation_level=level, request_timeout=10)
        try:
            ends.append([future.result().offset for future in found.values()])
        except KafkaException:  # a broker that was frozen a moment ago: ask again
            return True
    return ends[0] != ends[1]


MORE = {("TERM, frozen", "lines"), ("TERM, frozen", "--sync"), ("TERM twice, frozen", "lines, pure")}
CELLS = [
    (ending, form)
    for column, ending in enumerate(ENDINGS)
    for row, form in enumerate(FORMS)
    if os.environ.get("KAFKACTL_TEST_EVERY_CELL") or row % len(ENDINGS) == column or (ending, form) in MORE
]
"""Every ending and every form at least once, and some more; all with KAFKACTL_TEST_EVERY_CELL."""


@pytest.mark.parametrize(("ending", "form"), CELLS)
def test_produce(ending: str, form: str, kraft: RunningCluster, name: str, tmp_path: Path) -> None:
    how = FORMS[form]
    kraft.cli.ok("topics", "create", name, "-p", 3)
    (tmp_path / "v.avsc").write_text('"string"')
    letters = tmp_path / "letters.json"
    arguments = [each.format(name=name, folder=tmp_path) for each in how.arguments]
    cli = kraft.cli.with_environment(**how.environment)
    feeder = Feeder(how, (f"v{number:08d}w" for number in range(LINES)))
    process = subprocess.Popen(
        cli.command("produce", name, "--dead-letter", letters, *arguments),
        stdin=feeder.begin,
        stderr=subprocess.PIPE,
        env=cli.full_environment(),
        text=True,
    )
    enough = 6000 if how.is_slow else 30_000  # a pipe alone holds 5957
    is_frozen = "frozen" in ending
    unread = b""
    try:
        eventually(lambda: len(feeder.written) > enough, 60)
        if is_frozen:
            kraft.cli.ok("local", "pause", "1")
            eventually(lambda: is_still(lambda: len(feeder.written)), 60)
        number = signal.Signals[f"SIG{ending[:4].rstrip(',')}"]
        started = time.monotonic()
        process.send_signal(number)
        if "twice" in ending:
            time.sleep(0.5)
            process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        took_s = time.monotonic() - started
    finally:
        process.kill()
        unread = feeder.close()
        if is_frozen:
            kraft.cli.ok("local", "resume", "1")
    assert process.returncode == 128 + number, errors
    assert "error: unexpected" not in errors
    assert took_s < (ENDS_AFTER_SECOND_WITHIN_S if "twice" in ending else ENDS_WITHIN_S)
    told = [json.loads(line) for line in letters.read_text().splitlines()] if letters.exists() else []
    cut = [each for each in told if "before its end was read" in each["error"]]
    dead = Counter(value for each in told if each not in cut for value in values_in(text_of(each)))
    if cut:
        unread = text_of(cut[0]) + unread
    never_read = Counter(values_in(unread))
    eventually(lambda: not has_open_transaction(kraft, name), 90)
    there = delivered(kraft.cli, name)
    every = Counter(value[1:9] for value in feeder.written)
    # The feeder's last line may lie in the pipe and not yet in its list.
    extra = (there + dead + never_read) - every
    if is_frozen:
        maybe = Counter(
            value for each in told if "may have been" in each["error"] for value in values_in(text_of(each))
        )
        assert every - (there + dead + never_read) == Counter()
        assert extra - maybe == Counter()
    elif form != "--repeat":
        assert there + dead + never_read == every
    else:
        assert not every - (there + dead + never_read)


def text_of(letter: dict[str, str]) -> bytes:
    return letter.get("value", letter.get("value_base64", "")).encode()


def is_still(measure: Callable[[], int]) -> bool:
    """Return whether a number stays the same for half a second."""
    before = measure()
    time.sleep(0.5)
    return measure() == before


def test_the_prompt_ends_by_a_signal_with_all_lines_delivered(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("topics", "create", name)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        program, *arguments = kraft.cli.command("produce", name)
        terminal = pexpect.spawn(program, arguments, env=kraft.cli.full_environment(), encoding="utf-8", timeout=20)
        terminal.expect_exact(">")
        terminal.sendline(f"typed before {number.name}")
        terminal.expect_exact("\n>")
        terminal.send("half a li")
        terminal.kill(number)
        terminal.expect_exact("1 record delivered")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 128 + number
    shown = kraft.cli.ok("consume", name, "--from-beginning", "--exit")
    assert sorted(shown.splitlines()) == [f"typed before SIG{which}" for which in ("HUP", "INT", "TERM")]


def test_the_offset_of_a_file_stands_after_the_last_line_that_was_read(
    kraft: RunningCluster, name: str, tmp_path: Path
) -> None:
    """What reads the same standard input afterwards finds whole lines, and all that were not sent."""
    kraft.cli.ok("topics", "create", name, "-p", 3)
    file = tmp_path / "lines"
    file.write_text("".join(f"v{number:08d}w\n" for number in range(LINES)))
    with file.open("rb") as source:
        process = kraft.cli.start("produce", name, "--sync", stdin=source, stderr=subprocess.PIPE)
        eventually(lambda: source.tell() != 0 or os.lseek(source.fileno(), 0, os.SEEK_CUR) > 0, 60)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        rest = source.read()
    assert process.returncode == 143
    assert rest.startswith(b"v")
    assert delivered(kraft.cli, name) + Counter(values_in(rest)) == Counter(values_in(file.read_bytes()))
