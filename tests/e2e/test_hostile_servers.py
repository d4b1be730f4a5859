"""A tenant's apiURL leads to a server that answers what it likes: nothing of that shows anywhere, nobody else waits."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from livekit.protocol import models
from livekit.protocol import room as pb

from tests.e2e.support import eventually, settle
from tests.e2e.tenancy import Namespace, namespaces, rooms

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
        self.send_header(
            "Content-Type", "application/json" if body.startswith(b"{") else "application/protobuf"
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


def listening(how: type[Hostile]) -> Iterator[str]:
    """Yield where such a server listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), how)
    server.daemon_threads, server.block_on_close = True, False
    how.hanging.clear()
    how.visits = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    how.hanging.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def hostile() -> Iterator[str]:
    """Return where a hostile server listens."""
    yield from listening(Hostile)


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Namespace]]:
    with namespaces(stack) as make:
        yield make


def test_what_a_hostile_server_answers_is_shown_nowhere(
    make: Callable[..., Namespace], hostile: str, operator: OperatorProcess, stack: LocalStack
) -> None:
    attacker, neighbour = make(), make()
    paths = [f"{status}/{body}" for status in (200, 302, 401, 404, 500) for body in BODIES]
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
    assert attacker.ready_rooms() == []


class Copycat(Hostile):
    """Takes any key, and lists whatever rooms it is told, as LiveKit does."""

    listed: tuple[models.Room, ...] = ()

    def do_POST(self) -> None:
        """Answer; where a room is asked for, it is the first one."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        rooms = pb.ListRoomsResponse(rooms=self.listed)
        answer = rooms if self.path.endswith("/ListRooms") else next(iter(self.listed), models.Room())
        self._answer(200, answer.SerializeToString())


@pytest.fixture
def copycat() -> Iterator[str]:
    """Return where a server listens that copies LiveKit."""
    yield from listening(Copycat)


def test_a_server_that_shows_the_session_of_another_does_not_block_it(
    make: Callable[..., Namespace], copycat: str, operator: OperatorProcess, stack: LocalStack
) -> None:
    """Whoever has been in a room knows its SID; an older claim on a server of their own must not count by it."""
    provider, attacker, victim = make(), make(), make()
    provider.offer_livekit("main", stack, allowedNamespaces={"from": "All"})
    name = f"{victim.namespace}_standup"
    Copycat.listed = (models.Room(name=name, sid="RM_none", creation_time=int(time.time())),)
    attacker.offer("own", copycat, "key", "a-secret-that-is-made-up", roomNameTemplate="x.{namespace}_{name}")
    attacker.apply(attacker.uses(attacker, "own", "first", roomName=name))
    eventually("the first has what it wants", lambda: attacker.is_ready("first"), within=3)
    eventually("a second has passed", lambda: age(attacker, "first") > 1, within=2)
    victim.apply(victim.uses(provider, "main", "standup"))
    eventually("the victim is Ready", lambda: victim.is_ready("standup"), within=2)
    Copycat.listed = tuple(room for room in rooms(stack) if room.name == name)
    sid = Copycat.listed[0].sid
    eventually("the SID is copied", lambda: sid_of(attacker, "first") == sid, within=7)
    victim.apply(victim.uses(provider, "main", "standup", metadata={"topic": "one"}))
    eventually("the victim is Ready all the same", lambda: victim.is_ready("standup"), within=2)
    assert [room.metadata for room in rooms(stack) if room.name == name] == ['{"topic":"one"}']


def sid_of(tenant: Namespace, room: str) -> str:
    """Return the SID that status shows."""
    found = tenant.get("room", room)
    assert found
    return str(found["status"].get("sid"))


def age(tenant: Namespace, room: str) -> float:
    """Return for how many seconds a Room is there."""
    found = tenant.get("room", room)
    assert found
    return time.time() - datetime.fromisoformat(found["metadata"]["creationTimestamp"]).timestamp()
