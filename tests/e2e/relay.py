"""Stands between a LiveKit and the operator, and hands every webhook on twice, late and in another order."""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.e2e.support import http_status

LONGEST_SECONDS = 2.0
SEED = 5


class Relay:
    """Delivers the same bytes under the same signature; what it noted is in the order in which it came."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._random = random.Random(SEED)
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self.taken: list[str] = []  # ids of events
        self.delivered: list[tuple[str, int]] = []  # the same, and how the operator answered
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where LiveKit is to report."""
        return f"http://127.0.0.1:{self._server.server_port}/livekit/webhook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.wait()

    def wait(self) -> None:
        """Return when everything that was taken so far is delivered."""
        for timer in self._timers:
            timer.join()

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        """Have it delivered twice, each time later by another random time."""
        event = str(json.loads(body)["id"])
        with self._lock:
            self.taken.append(event)
            for _ in range(2):
                delay = self._random.uniform(0, LONGEST_SECONDS)
                timer = threading.Timer(delay, self._deliver, (event, body, headers))
                timer.daemon = True
                self._timers.append(timer)
                timer.start()

    def _deliver(self, event: str, body: bytes, headers: dict[str, str]) -> None:
        status = http_status(self._target, data=body, headers=headers)
        with self._lock:
            self.delivered.append((event, status))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept = ("Authorization", "Content-Type")
                relay.take(body, {name: self.headers[name] for name in kept})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
