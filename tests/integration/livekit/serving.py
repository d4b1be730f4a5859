"""A server that answers as a test wants, and a client of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.domain.livekit import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CREDENTIALS = Credentials("APIkey", "a-secret-of-at-least-thirty-two-characters")


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """Serve every request by the handler, on a free loopback port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(url: str, **options: Any) -> AsyncIterator[LiveKitClient]:
    client = LiveKitClient(url, CREDENTIALS, **options)
    try:
        yield client
    finally:
        await client.aclose()


def answering(**response: Any) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(**response)

    return handler


def twirp_error(status: int, code: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"code": code, "msg": "in words"}, status=status)

    return handler
