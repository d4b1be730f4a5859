"""One kind of server under test, twice: in memory, and the real one with real clients and real webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

import pytest
from aiohttp import web

from roomkeeper.adapters.livekit import tokens, webhooks
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.livekit.memory import JOINS_AS, InMemoryLiveKit
from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitRejectedError
from roomkeeper.domain.livekit import Credentials, ParticipantKind, TokenClaims
from roomkeeper.localstack import LocalStack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import Any

    from roomkeeper.adapters.ports import LiveKit
    from roomkeeper.domain.livekit import Permission, RoomConfig, WebhookEvent

PATIENCE_SECONDS = 30


class JoinRefusedError(Exception):
    """The server did not let somebody in."""


class Server(Protocol):
    """A LiveKit server, people who join and leave it, and the events it sent."""

    api: LiveKit
    events: list[WebhookEvent]

    def room_name(self) -> str:
        """Return a name that no other test uses."""

    async def join(
        self,
        room: str,
        identity: str,
        kind: ParticipantKind = ParticipantKind.PERSON,
        *,
        room_config: RoomConfig | None = None,
        permission: Permission | None = None,
    ) -> None:
        """Join with a token that says so."""

    async def leave(self, room: str, identity: str) -> None:
        """Leave as a client does that is closed."""

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Let time pass until the condition holds."""


class MovableClock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


class MemoryServer:
    def __init__(self) -> None:
        self._clock = MovableClock()
        self._server = InMemoryLiveKit(self._clock)
        self.api: LiveKit = self._server
        self.events: list[WebhookEvent] = []
        self._server.on_event = self.events.append

    def room_name(self) -> str:
        return "r"

    async def join(
        self,
        room: str,
        identity: str,
        kind: ParticipantKind = ParticipantKind.PERSON,
        *,
        room_config: RoomConfig | None = None,
        permission: Permission | None = None,
    ) -> None:
        try:
            self._server.join(
                room, identity, kind, room_config=room_config, permission=permission or JOINS_AS
            )
        except LiveKitRejectedError as error:
            raise JoinRefusedError from error

    async def leave(self, room: str, identity: str) -> None:
        self._server.leave(room, identity)

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(PATIENCE_SECONDS):
            if await condition():
                return
            self._clock.time += timedelta(seconds=1)
            self._server.tick()
        raise AssertionError("it never came to hold")


class Client:
    """A real participant in a process of its own; see participant.py."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def connect(cls, url: str, token: str) -> Client:
        pipe = asyncio.subprocess.PIPE
        client = cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                str(Path(__file__).with_name("participant.py")),
                stdin=pipe,
                stdout=pipe,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )
        if await client._ask(f"{url}\n{token}") != "joined":
            await client.close()
            raise JoinRefusedError
        return client

    async def publish(self, source: str = "microphone") -> bool:
        """Publish a track from a microphone or camera, and tell whether the server allowed it."""
        return await self._ask(f"publish {source}") == "published"

    async def leave(self) -> None:
        await self._ask("leave")
        await self.close()

    async def close(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()

    async def _ask(self, what: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{what}\n".encode())
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self._process.stdout.readline()).decode().strip()


class RealServer:
    def __init__(self, stack: LocalStack) -> None:
        self.url = stack.livekit.url
        self.credentials = Credentials(stack.livekit.api_key, stack.livekit.api_secret)
        self.webhook_port = stack.operator_port
        self.api: LiveKit = LiveKitClient(self.url, self.credentials)
        self.events: list[WebhookEvent] = []
        self.webhooks: list[tuple[bytes, str]] = []  # body and Authorization, as they came
        self._clients: dict[tuple[str, str], Client] = {}
        self._names: list[str] = []

    def room_name(self) -> str:
        self._names.append(f"test-{uuid4().hex[:12]}")
        return self._names[-1]

    def token(self, room: str, identity: str, *, room_config: RoomConfig | None = None, **grants: Any) -> str:
        now = datetime.now(UTC)
        claims = TokenClaims(
            identity=identity,
            name="",
            video={"roomJoin": True, "room": room, **grants},
            room_config=_configuration(room_config) if room_config else {},
            not_before=now,
            expires_at=now + timedelta(minutes=10),
        )
        return tokens.mint(self.credentials, claims)

    async def connect(self, room: str, identity: str, token: str) -> Client:
        client = await Client.connect(self.url, token)
        evicted = self._clients.pop((room, identity), None)
        if evicted:
            await evicted.close()
        self._clients[room, identity] = client
        return client

    async def join(
        self,
        room: str,
        identity: str,
        kind: ParticipantKind = ParticipantKind.PERSON,
        *,
        room_config: RoomConfig | None = None,
        permission: Permission | None = None,
    ) -> None:
        grants = _grants(permission) if permission else {}
        if kind is ParticipantKind.AGENT:
            grants["agent"] = True
        await self.connect(room, identity, self.token(room, identity, room_config=room_config, **grants))

    async def leave(self, room: str, identity: str) -> None:
        await self._clients.pop((room, identity)).leave()

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await condition():
                await asyncio.sleep(0.05)

    async def receive(self, request: web.Request) -> web.Response:
        """Keep what this test's rooms tell; another test's late events are none of its business."""
        body, authorization = await request.read(), request.headers["Authorization"]
        keys = {self.credentials.api_key: [self.credentials.api_secret]}
        event = webhooks.verify(body, authorization, keys).event
        if event.room_name in self._names:
            self.webhooks.append((body, authorization))
            self.events.append(event)
        return web.Response()

    async def drop_clients(self) -> None:
        """End all of them without a farewell."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()

    async def close(self) -> None:
        await self.drop_clients()
        for name in self._names:
            with contextlib.suppress(LiveKitNotFoundError):
                await self.api.delete_room(name)
        await self.api.aclose()


def _configuration(config: RoomConfig) -> dict[str, Any]:
    """Say in the words of a token how a room is to be."""
    return {
        "emptyTimeout": config.empty_timeout_seconds,
        "departureTimeout": config.departure_timeout_seconds,
        "maxParticipants": config.max_participants,
    }


def _grants(permission: Permission) -> dict[str, Any]:
    """Say in the words of a token what a participant may do."""
    return {
        "canSubscribe": permission.can_subscribe,
        "canPublish": permission.can_publish,
        "canPublishData": permission.can_publish_data,
        "canPublishSources": sorted(permission.can_publish_sources),
        "canUpdateOwnMetadata": permission.can_update_metadata,
        "canSubscribeMetrics": permission.can_subscribe_metrics,
        "hidden": permission.hidden,
        "agent": permission.agent,
        "recorder": permission.recorder,
    }


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(directory=tmp_path_factory.mktemp("stack"), parts=("redis", "livekit")) as stack:
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
