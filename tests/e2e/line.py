"""The line between people and LiveKit: a TCP relay that can be cut. Media go by UDP and another way."""

from __future__ import annotations

import asyncio
import threading
from typing import Self
from urllib.parse import urlsplit

START_SECONDS = 10
CHUNK = 1 << 16


class Line:
    """Listens on 127.0.0.1, and passes on what comes to the server whose URL it was given."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._is_cut = False

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """What to connect to in place of the server."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"{self._target.scheme}://127.0.0.1:{port}"

    def cut(self) -> None:
        """End every connection, and each new one at once."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(START_SECONDS)

    def mend(self) -> None:
        """Let new connections through again."""
        self._is_cut = False

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        while self._open:
            await asyncio.sleep(0.01)

    async def _cut(self) -> None:
        self._is_cut = True
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:  # LiveKit is being restarted
            writer.transport.abort()
            return
        await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while chunk := await reader.read(CHUNK):
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()
