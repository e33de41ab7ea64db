"""Metrics over HTTP: one scrape for all who ask, and clients that do not behave."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kafkactl.cli.groups.serving import MetricsServer, Scraper
from tests.conftest import Cli
from tests.fake_broker import FakeBroker

pytestmark = pytest.mark.slow


COUNTING = (
    "import pathlib, sys, time; p = pathlib.Path(sys.argv[1]); p.open('a').write('x'); time.sleep(0.5); print('m 1.0')"
)


@contextmanager
def serving(*command: str, limit_s: float = 20, host: str = "127.0.0.1") -> Iterator[tuple[str, list[str]]]:
    """A server on a free port, and what it has told."""
    told: list[str] = []
    server = MetricsServer((host, 0), Scraper([sys.executable, "-c", *command], limit_s, told.append))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}", told
    finally:
        server.shutdown()
        server.server_close()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_an_address_of_ipv6() -> None:
    with serving("print('m 1.0')", host="::1") as (url, _):
        status, text = get(f"{url}/metrics")
    assert (status, "m 1.0" in text) == (200, True)


def test_the_reason_is_the_error_and_not_a_warning_before_it() -> None:
    code = "import sys; sys.stderr.write('warning: a setting\\nerror: no cluster\\nhint: start it\\n'); sys.exit(3)"
    with serving(code) as (url, told):
        assert get(f"{url}/metrics") == (503, "no cluster\n")
    assert told == ["no cluster"]


def test_who_asks_at_a_time_shares_one_scrape(tmp_path: Path) -> None:
    file = tmp_path / "scrapes"
    with serving(COUNTING, str(file)) as (url, told):
        found: list[tuple[int, str]] = []
        threads = [threading.Thread(target=lambda: found.append(get(f"{url}/metrics"))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [status for status, _ in found] == [200] * 10
        assert all("m 1.0" in text and "kafkactl_up 1.0" in text for _, text in found)
        assert len(file.read_text()) < 4
        assert told == []


@pytest.mark.parametrize(
    ("code", "limit_s", "reason"),
    [
        ("import sys; print('error: the cluster is away', file=sys.stderr); sys.exit(3)", 20, "the cluster is away"),
        ("import time; time.sleep(60)", 0.5, "no answer within 0.5 s"),
    ],
)
def test_a_cluster_that_is_away_is_503_with_the_reason(code: str, limit_s: float, reason: str) -> None:
    with serving(code, limit_s=limit_s) as (url, told):
        assert get(f"{url}/metrics") == (503, f"{reason}\n")
        assert told == [reason]
        assert get(f"{url}/health") == (200, "ok\n")


def test_a_part_that_is_missing_is_told_and_the_rest_is_served() -> None:
    with serving("import sys; print('m 1.0', end=''); sys.exit(1)") as (url, told):
        status, text = get(f"{url}/metrics")
        assert (status, text.splitlines()[:2]) == (200, ["m 1.0", "# HELP kafkactl_up Whether the cluster answered"])
        assert told == ["status 1"]


def test_metrics_are_served_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may have a CR, and the encoding of the locale does not count."""
    monkeypatch.setattr("locale.getencoding", lambda: "ascii")
    line = 'm{group="a\rü"} 1.0\n'
    with serving(f"import sys; sys.stdout.buffer.write({line.encode()!r})") as (url, _):
        assert get(f"{url}/metrics")[1].startswith(line)


def test_only_two_paths_are_there() -> None:
    with serving("print('m 1.0')") as (url, _):
        for path in ("/", "/metrics/x", "/../etc/passwd"):
            assert get(f"{url}{path}")[0] == 404
        assert get(f"{url}/metrics?x=1")[0] == 200


def test_half_requests_start_nothing_and_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty clients that send half a request: no process is started, and others are served once these are gone."""
    monkeypatch.setattr("kafkactl.cli.groups.serving._Handler.timeout", 0.5)
    file = tmp_path / "scrapes"
    with serving(COUNTING, str(file)) as (url, _):
        port = int(url.rpartition(":")[2])
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
        for client in clients:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        deadline = time.monotonic() + 20
        while clients and time.monotonic() < deadline:
            clients = [client for client in clients if not is_closed(client)]
        assert clients == []
        assert not file.exists()
        assert get(f"{url}/metrics")[0] == 200


def is_closed(client: socket.socket) -> bool:
    client.settimeout(0.05)
    try:
        return client.recv(1000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_request_that_is_too_long_is_refused() -> None:
    with serving("print('m 1.0')") as (url, _):
        assert get(f"{url}/{'x' * 70_000}")[0] == 414


def test_files_of_the_current_folder_are_no_modules(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit('a file of the folder ran')\n")
    with FakeBroker(topics={"orders": 1}, groups=["g"]) as broker:
        line = [sys.executable, "-P", "-m", "kafkactl", "-b", broker.address, "groups", "exporter", "--port", "0"]
        process = subprocess.Popen(line, cwd=folder, env=cli.full_environment(), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            url = process.stderr.readline().split()[1]
            assert "kafkactl_up 1.0" in get(url)[1]
        finally:
            process.terminate()
            process.communicate(timeout=30)
