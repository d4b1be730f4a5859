"""Stands between one replica and a server: notes each request when it was sent, and can let nothing through for a while.

What comes meanwhile is kept and delivered afterwards, as late as that is and whether or not somebody waits for the
answer: that is what a network does that was cut. Times are the kernel's, of the arrival at the socket: this process may
be late to read.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

LINGER_SECONDS = 2.0  # for the answer to what was delivered after its sender had left
SO_TIMESTAMPNS = 35  # Linux: asm-generic/socket.h
_HEAD = re.compile(rb"(\S+) (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_AGENT = re.compile(rb"user-agent: *([^\r]*)", re.IGNORECASE)


@dataclass(slots=True)
class Sent:
    """A request; times are those of the machine's monotonic clock."""

    at: float
    method: str
    path: str
    agent: str
    status: int = 0  # 0: there was no answer
    answered: float = 0.0  # when that was handed on


@dataclass(slots=True)
class _Reader:
    """Finds where requests begin in what a client sends."""

    _kept: bytes = b""
    _body: int = 0  # bytes that belong to the last one

    def feed(self, data: bytes) -> Iterator[tuple[str, str, str]]:
        """Yield method, path and user agent of each request that begins."""
        self._kept += data
        while True:
            skipped = min(self._body, len(self._kept))
            self._kept, self._body = self._kept[skipped:], self._body - skipped
            head = None if self._body else _HEAD.match(self._kept)
            if head is None:
                return
            length, agent = _LENGTH.search(head[3]), _AGENT.search(head[3])
            self._kept, self._body = self._kept[head.end() :], int(length[1]) if length else 0
            yield head[1].decode(), head[2].decode(), agent[1].decode() if agent else ""


@dataclass(slots=True)
class Gate:
    """One server as one replica reaches it."""

    target: str  # its URL
    context: ssl.SSLContext | None = None
    sent: list[Sent] = field(default_factory=list)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> str:
        """Listen, and return where."""
        self._open.set()
        listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        listening.setblocking(False)  # noqa: FBT003 - so it is called
        listening.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # which connections inherit
        self._keep(asyncio.create_task(self._accept(listening)))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    def hang(self) -> None:
        """Let nothing through, in either direction."""
        self._open.clear()

    def heal(self) -> None:
        """Deliver what was kept, and go on."""
        self._open.set()

    async def through(self) -> None:
        """Wait until something gets through."""
        await self._open.wait()

    async def stop(self) -> None:
        """Close everything."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server, once something gets through."""
        await self.through()
        parts = urlsplit(self.target)
        name = parts.hostname if self.context else None
        return await asyncio.open_connection(
            parts.hostname, parts.port, ssl=self.context, server_hostname=name
        )

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listening:
            while True:
                client, _ = await loop.sock_accept(listening)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._keep(asyncio.create_task(_Connection(self, client).run()))


class _Connection:
    """One connection of the replica, and the one to the server that it stands for."""

    def __init__(self, gate: Gate, client: socket.socket) -> None:
        self._gate = gate
        self._client = client
        self._requests = _Reader()
        self._waiting: Sent | None = None  # for the beginning of its answer
        self._server: asyncio.StreamWriter | None = None
        self._answering: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Carry requests to the server and answers back until one of them has left."""
        try:
            while received := await _receive(self._client):
                data, at = received
                for method, path, agent in self._requests.feed(data):
                    self._waiting = Sent(at, method, path, agent)
                    self._gate.sent.append(self._waiting)
                await self._deliver(data)
            if self._answering and self._waiting:
                await asyncio.wait({self._answering}, timeout=LINGER_SECONDS)
        except OSError:
            pass
        finally:
            if self._answering:
                self._answering.cancel()
            if self._server:
                self._server.close()
            self._client.close()

    async def _deliver(self, data: bytes) -> None:
        await self._gate.through()
        if self._server is None:
            reader, self._server = await self._gate.connect()
            self._answering = asyncio.create_task(self._answer(reader))
        self._server.write(data)
        await self._server.drain()

    async def _answer(self, server: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await server.read(65_536):
                await self._gate.through()
                if self._waiting:
                    self._waiting.answered = time.monotonic()
                    self._waiting.status, self._waiting = int(data[9:12]), None
                await loop.sock_sendall(self._client, data)
            self._client.shutdown(socket.SHUT_RDWR)


async def _receive(client: socket.socket) -> tuple[bytes, float] | None:
    """Return what a client has sent, and when; None: it has left."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(client, lambda: readable.done() or readable.set_result(None))
    try:
        await readable
    finally:
        loop.remove_reader(client)
    data, more, _, _ = client.recvmsg(65_536, 128)
    if not data:
        return None
    [stamp] = [value for level, kind, value in more if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
    seconds, nanoseconds = struct.unpack("ll", stamp)
    return data, seconds + nanoseconds / 1e9 - (time.time() - time.monotonic())
