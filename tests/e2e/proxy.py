"""A server before another one that hands requests on, or answers in its place what it is told, and notes each of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web
from yarl import URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Mapping

FORWARDED = ("Authorization", "Content-Type", "Accept")
START_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and when it came by the monotonic clock."""

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    agent: str  # whose program it is

    @property
    def is_watch(self) -> bool:
        """Tell whether it is a watch, whose answer does not end."""
        return "watch" in self.query

    @property
    def is_kopf(self) -> bool:
        """Tell whether Kopf asks, and not the engine."""
        return self.agent.startswith("roomkeeper-watch")

    @property
    def is_write(self) -> bool:
        """Tell whether it changes something on an API server."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a request."""

    name: str
    status: int = 0  # what is answered in place of the server; 0: the server's own answer
    body: Any = None  # JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0  # that it waits first
    hangs: bool = False  # no answer ever comes
    takes_effect: bool = False  # the server is asked all the same
    cut_after: float = 0.0  # seconds after which a watch is cut; 0: never
    cut_in_a_line: bool = False  # the cut is no lost connection, but an end within an event


NONE = Fault("none")


class Proxy:
    """Listens on 127.0.0.1. `judge` says what happens to a request; it may be another at any time."""

    def __init__(self, target: str, authority: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._authority = authority
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self._healed = asyncio.Event()
        self._cut = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self.judge: Callable[[Asked], Fault] = lambda _: NONE
        self.seen: list[tuple[Asked, Fault]] = []
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def heal(self) -> None:
        """Hand on everything from now on; what waits goes on, what hangs stays so until the client gives up."""
        self.judge = lambda _: NONE
        self._loop.call_soon_threadsafe(self._healed.set)

    def break_again(self, judge: Callable[[Asked], Fault]) -> None:
        """Let faults begin."""
        self._loop.call_soon_threadsafe(self._healed.clear)
        self.judge = judge

    def cut(self) -> None:
        """Cut every watch that there is."""

        def cut() -> None:
            self._cut.set()
            self._cut = asyncio.Event()

        self._loop.call_soon_threadsafe(cut)

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(START_SECONDS)

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._authority or True)
        self._session = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)
        )
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        if self._runner and self._session:
            await self._runner.cleanup()
            await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        agent = request.headers.get("User-Agent", "")
        asked = Asked(time.monotonic(), request.method, request.path, dict(request.query), agent)
        fault = self.judge(asked)
        self.seen.append((asked, fault))
        if fault.seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(fault.seconds):
                    await self._healed.wait()
        if fault.status or fault.hangs:
            return await self._refuse(request, body, fault)
        return await self._hand_on(request, body, asked, fault)

    async def _refuse(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if fault.takes_effect:
            async with self._ask(request, body) as lost:
                await lost.read()
        if fault.hangs:
            await asyncio.Event().wait()
        text = json.dumps(fault.body, separators=(",", ":"))  # as Go writes it
        return web.Response(
            status=fault.status, text=text, headers=fault.headers, content_type="application/json"
        )

    async def _hand_on(
        self, request: web.Request, body: bytes, asked: Asked, fault: Fault
    ) -> web.StreamResponse:
        try:
            async with self._ask(request, body) as answer:
                if asked.is_watch and answer.status == HTTPStatus.OK:
                    return await self._stream(request, answer, fault)
                text = await answer.read()
                kind = answer.headers.get("Content-Type", "")
                return web.Response(status=answer.status, body=text, headers={"Content-Type": kind})
        except aiohttp.ClientError:
            return web.Response(status=502)

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, fault: Fault
    ) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        copying = asyncio.create_task(_copy(answer.content, stream))
        cutting = asyncio.create_task(self._cut.wait())
        try:
            await asyncio.wait(
                {copying, cutting}, timeout=fault.cut_after or None, return_when=asyncio.FIRST_COMPLETED
            )
            if copying.done():
                return stream
            if fault.cut_in_a_line:
                await stream.write(b'{"type":"MODI')
            elif request.transport:
                request.transport.abort()
            return stream
        finally:
            copying.cancel()
            cutting.cancel()
            await asyncio.gather(copying, cutting, return_exceptions=True)

    def _ask(self, request: web.Request, body: bytes) -> Any:
        assert self._session is not None
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        url = URL(self._target + request.raw_path, encoded=True)
        return self._session.request(
            request.method, url, data=body or None, headers=headers, allow_redirects=False
        )


async def _copy(content: aiohttp.StreamReader, stream: web.StreamResponse) -> None:
    async for chunk in content.iter_any():
        await stream.write(chunk)
