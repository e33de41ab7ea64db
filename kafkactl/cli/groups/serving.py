"""Metrics over HTTP for Prometheus: one scrape at a time, and bounds on all that a client can do."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_READ_S = 5.0
"""Time-out of a client for sending its request, and for receiving each piece of the answer, in s."""
_CLIENTS = 32
"""Largest number of clients at a time."""
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """The result of a scrape: metrics, or the reason for their absence."""

    text: str
    """Metrics in the text format of Prometheus, empty after a failure."""
    reason: str | None = None
    """Reason of the failure; None for metrics."""


class Scraper:
    """Reader of the metrics, in a process of its own. Callers at the same time share one scrape."""

    def __init__(self, command_line: Sequence[str], limit_s: float, tell: Callable[[str], None]) -> None:
        """Take the command that prints the metrics, its time-out in s, and a function that hears each failure."""
        self._command_line, self._limit_s, self._tell = list(command_line), limit_s, tell
        self._lock = threading.Lock()
        self._running: Future[Scrape] | None = None

    def take(self) -> Scrape:
        """Return the present metrics, or the reason of a failure.

        Where a scrape runs already, this waits for it and returns its result. It may be called in several threads. A
        command that fails is no exception; an unexpected error is raised in each thread that waits for this scrape.
        """
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
        """Run the command and return its output as metrics, with kafkactl_up and kafkactl_scrape_seconds added.

        A command that cannot be started, exceeds its time-out or prints nothing on stdout, also with status 0, gives a
        reason, which also goes to `tell`. For a command that ended it is the first error on stderr, or else the first
        line, without "error: ", or else the status. With some output and a failure the output is returned, with
        kafkactl_up 1, and `tell` gets the reason. Raise ValueError for a NUL character in the command.
        """
        started = time.monotonic()
        try:
            result = subprocess.run(
                self._command_line, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=self._limit_s
            )
        except subprocess.TimeoutExpired:
            return self._report_failure(f"no answer within {self._limit_s:g} s")
        except OSError as error:
            return self._report_failure(str(error.strerror or error))
        # Not as text of subprocess: that has the encoding of the locale, and makes a CR in a name a line feed.
        metrics_text = result.stdout.decode("utf-8", "replace")
        lines = result.stderr.decode("utf-8", "replace").splitlines()
        told = next((line for line in lines if line.startswith("error: ")), lines[0] if lines else "")
        told = told.removeprefix("error: ")
        reason = told or f"status {result.returncode}"
        if not metrics_text:
            return self._report_failure(reason)
        if result.returncode:
            self._tell(reason)  # a part is missing
        own = [
            ("kafkactl_up", "Whether the cluster answered", 1.0),
            ("kafkactl_scrape_seconds", "Duration of the scrape in seconds", round(time.monotonic() - started, 3)),
        ]
        metrics = [f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {value}\n" for name, text, value in own]
        separator = "" if metrics_text.endswith("\n") else "\n"  # an output that was cut off
        return Scrape(text=metrics_text + separator + "".join(metrics))

    def _report_failure(self, reason: str) -> Scrape:
        """Hand a reason to `tell`, and return it as the result of a scrape."""
        self._tell(reason)
        return Scrape(text="", reason=reason)


class MetricsServer(ThreadingHTTPServer):
    """A server of /metrics and /health for a limited number of clients, each for a limited time."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], scraper: Scraper) -> None:
        """Listen on an address, a host and a port; port 0 takes a free one. Clients wait for serve_forever().

        An empty host means all IPv4 addresses, and :: all addresses. Raise OSError where this is not possible,
        TypeError or ValueError for a host that is no host name, and OverflowError for a port that is not from 0 to
        65535.
        """
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.scraper = scraper
        self._free = threading.BoundedSemaphore(_CLIENTS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a client in a thread, or close its connection if there are 32 clients already.

        Raise RuntimeError where no thread can be started.
        """
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started, which would give the place back
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a client in the thread of its own, and make room for the next, also after an error.

        An Exception is neither raised nor printed; the connection is closed.
        """
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about an error while a client is served, such as a connection that the client closed."""


class _Handler(BaseHTTPRequestHandler):
    """Handler of one connection of a client."""

    server: MetricsServer
    timeout = _READ_S

    def do_GET(self) -> None:
        """Answer /health with ok, /metrics with the metrics or with 503 and the reason, and other paths with 404.

        A query behind ? is ignored. Raise OSError where the client left or is too slow, and an unexpected error of the
        scrape.
        """
        path = self.path.partition("?")[0]
        if path == "/health":
            self._answer(200, "ok\n")
        elif path != "/metrics":
            self._answer(404, "not found; use /metrics or /health\n")
        else:
            scrape = self.server.scraper.take()
            if scrape.reason is None:
                self._answer(200, scrape.text, _METRICS_TYPE)
            else:
                self._answer(503, f"{scrape.reason}\n")

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        """Send a whole answer: the status of HTTP, and a text of the type `kind`.

        Raise OSError where the client left or is too slow.
        """
        data = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing, because a scrape comes every few seconds."""
