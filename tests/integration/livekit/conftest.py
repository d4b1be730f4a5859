"""The two servers under test: in memory, and the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from roomkeeper.localstack import LocalStack
from tests.integration.livekit.people import JoinRefusedError
from tests.integration.livekit.servers import BUCKET, MemoryServer, RealServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.integration.livekit.servers import Server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    parts = ("redis", "livekit", "s3", "egress_standin")
    with LocalStack(directory=tmp_path_factory.mktemp("stack"), parts=parts) as stack:
        stack.s3.create_bucket(BUCKET)
        yield stack


@pytest.fixture
async def real(stack: LocalStack) -> AsyncIterator[RealServer]:
    server = RealServer(stack)
    app = web.Application()
    app.router.add_post("/livekit/webhook", server.receive)
    # A webhook that is half received when the test ends would be waited for.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.webhook_port).start()
    try:
        yield server
    finally:
        await server.close()
        await runner.cleanup()


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.stack)])
def server(request: pytest.FixtureRequest) -> Server:
    if request.param == "memory":
        return MemoryServer()
    real: Server = request.getfixturevalue("real")
    return real


@pytest.fixture
def join_refused() -> type[Exception]:
    return JoinRefusedError
