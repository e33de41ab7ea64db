"""Metrics over HTTP for Prometheus: one scrape at a time, and bounds on all that a client can do."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_READ_S = 5.0
"""A client has so long to send its request, and to take each piece of the answer."""
_CLIENTS = 32
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """What asking the cluster gave: metrics as text, or the reason why there are none."""

    text: str
    reason: str | None = None


class Scraper:
    """Asks the cluster in a process of its own; whoever asks while one runs gets what that one finds."""

    def __init__(self, command_line: Sequence[str], limit_s: float, tell: Callable[[str], None]) -> None:
        """`tell` hears why a scrape has failed."""
        self._command_line, self._limit_s, self._tell = list(command_line), limit_s, tell
        self._lock = threading.Lock()
        self._running: Future[Scrape] | None = None

    def take(self) -> Scrape:
        """Return the metrics of now."""
        with self._lock:
            running, is_ours = self._running, self._running is None
            if running is None:
                running = self._running = Future()
        if is_ours:
            try:
                running.set_result(self._scrape())
            except BaseException as error:
                running.set_exception(error)
                raise
            finally:
                with self._lock:
                    self._running = None
        return running.result()

    def _scrape(self) -> Scrape:
        started = time.monotonic()
        try:
            done = subprocess.run(
                self._command_line,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=self._limit_s,
            )
        except subprocess.TimeoutExpired:
            return self._failed(f"no answer within {self._limit_s:g} s")
        except OSError as error:
            return self._failed(str(error.strerror or error))
        reason = next(iter(done.stderr.splitlines()), "").removeprefix("error: ")
        if not done.stdout:
            return self._failed(reason or f"status {done.returncode}")
        if done.returncode:
            self._tell(reason)  # a part is missing
        own = [
            ("kafkactl_up", "Whether the cluster could be asked", 1.0),
            ("kafkactl_scrape_seconds", "How long it took to ask", round(time.monotonic() - started, 3)),
        ]
        lines = [f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {value}\n" for name, text, value in own]
        return Scrape(text=done.stdout + "".join(lines))

    def _failed(self, reason: str) -> Scrape:
        self._tell(reason)
        return Scrape(text="", reason=reason)


class MetricsServer(ThreadingHTTPServer):
    """Serves /metrics and /health; at most so many clients at a time, each for a bounded time."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], scraper: Scraper) -> None:
        """Listen; raises OSError for an address that cannot be listened on."""
        self.scraper = scraper
        self._free = threading.BoundedSemaphore(_CLIENTS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a client in a thread, or close its connection where there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a client, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = _READ_S

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/health":
            self._answer(200, "ok\n")
        elif path != "/metrics":
            self._answer(404, "there are /metrics and /health\n")
        else:
            scrape = self.server.scraper.take()
            if scrape.reason is None:
                self._answer(200, scrape.text, _METRICS_TYPE)
            else:
                self._answer(503, f"{scrape.reason}\n")

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        data = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a scrape comes every few seconds."""
