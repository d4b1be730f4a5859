"""A server that a tenant runs in place of a LiveKit: it takes every key, knows one room, and keeps all that it is sent."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from livekit.protocol import egress, models
from livekit.protocol import room as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message


class Recorder:
    """What was sent, and how it answers: `answers` is by method, and what is not in it is refused.

    What is in `hangs` is answered when its event is set.
    """

    def __init__(self) -> None:
        self.url = ""
        self._sent: list[bytes] = []
        self.hangs: dict[str, threading.Event] = {}
        self.answers: dict[str, Message] = {
            "ListRooms": pb.ListRoomsResponse(),
            "ListParticipants": pb.ListParticipantsResponse(),
            "ListEgress": egress.ListEgressResponse(),
        }

    def has(self, room: str) -> None:
        """Have a room of this name."""
        live = models.Room(name=room, sid="RM_none", creation_time=int(time.time()))
        self.answers["ListRooms"] = pb.ListRoomsResponse(rooms=[live])
        self.answers["CreateRoom"] = live

    @property
    def sent(self) -> bytes:
        """Everything, one request after the other."""
        return b"".join(self._sent)

    def keep(self, request: bytes) -> None:
        """Note a request; every connection has a thread of its own."""
        self._sent.append(request)

    @property
    def was_asked_to_record(self) -> bool:
        """Whether anybody wanted an egress."""
        return b"/twirp/livekit.Egress/Start" in self.sent

    def told(self, *secrets: str) -> list[str]:
        """Return which of these secrets it was sent."""
        return [secret for secret in secrets if secret.encode() in self.sent]

    def answer(self, method: str) -> tuple[int, bytes]:
        """Return status and body."""
        if method in self.answers:
            return 200, self.answers[method].SerializeToString()
        return 400, b'{"code": "invalid_argument", "msg": "no"}'


@contextmanager
def recording_requests() -> Iterator[Recorder]:
    """Yield such a server, listening."""
    kept = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept.keep(f"{self.path} {self.headers}\n".encode() + body)
            method = self.path.rpartition("/")[2]
            if method in kept.hangs:
                kept.hangs[method].wait(60)
            status, answer = kept.answer(method)
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if status != 200 else "application/protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815 - so http.server calls it

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    yield kept
    server.shutdown()
    server.server_close()
