"""A tenant's apiURL leads to a server that answers what it likes: nothing of that shows anywhere, nobody else waits."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import eventually, settle
from tests.e2e.tenancy import Namespace, namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

MARKER = "marker-of-a-hostile-body"
TWIRP = {"code": "internal", "msg": MARKER, "meta": {"cause": MARKER}}
BODIES = {
    "plain": MARKER * 100,
    "twirp": json.dumps(TWIRP),
    "room": json.dumps({"rooms": [{"name": MARKER}]}),
}


class Hostile(BaseHTTPRequestHandler):
    """Answers what the first part of the path says: /500/twirp/…; redirects lead to /secret, which counts visits."""

    hanging = threading.Event()
    visits = 0

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, how, body, *_ = [*self.path.split("/"), "", ""]
        if how == "hang":
            self.hanging.wait(60)
            return
        if how == "secret":
            type(self).visits += 1
        self._answer(int(how) if how.isdigit() else 200, BODIES.get(body, MARKER).encode())

    do_GET = do_POST  # noqa: N815 - so http.server calls it

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status, MARKER)
        self.send_header("Location", "/secret/plain")
        self.send_header("X-Marker", MARKER)
        self.send_header("Content-Type", "application/json" if body.startswith(b"{") else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def hostile() -> Iterator[str]:
    """Return where a hostile server listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads, server.block_on_close = True, False
    Hostile.hanging.clear()
    Hostile.visits = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    Hostile.hanging.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Namespace]]:
    with namespaces(stack) as make:
        yield make


def test_what_a_hostile_server_answers_is_shown_nowhere(
    make: Callable[..., Namespace], hostile: str, operator: OperatorProcess, stack: LocalStack
) -> None:
    attacker, neighbour = make(), make()
    paths = [f"{status}/{body}" for status in (200, 302, 307, 401, 403, 404, 500, 503) for body in BODIES]
    names = {f"s-{path.replace('/', '-')}": path for path in [*paths, "hang/plain"]}
    for name, path in names.items():
        attacker.offer(name, stack.livekit.url, "key", "a-secret-that-is-made-up", apiURL=f"{hostile}/{path}")
        attacker.apply(attacker.uses(attacker, name, name))
    neighbour.apply(neighbour.room("standup"))
    eventually("a neighbour is Ready", lambda: neighbour.is_ready("standup"), within=2)
    told = {
        "500-plain": "ServerUnreachable",
        "401-twirp": "InvalidCredentials",
        "302-plain": "ServerUnreachable",
    }
    for name, reason in told.items():
        eventually(
            f"{name} is told in our words",
            lambda name=name, reason=reason: attacker.server_says(f"s-{name}", "False", reason),
            within=3,
        )
    settle(stack)
    eventually("Events have come", lambda: attacker.list("events"), within=3)
    shown = attacker.stack.kubectl(
        "get", "livekitservers,rooms,secrets,events", "-n", attacker.namespace, "-o", "json"
    )
    assert MARKER not in shown
    assert MARKER not in operator.output()
    assert Hostile.visits == 0, "a redirect was followed"
    ready = [
        one["metadata"]["name"]
        for one in attacker.list("rooms")
        if attacker.is_ready(one["metadata"]["name"])
    ]
    assert ready == []
