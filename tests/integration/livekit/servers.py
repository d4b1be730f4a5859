"""One kind of server under test, twice: in memory, and the real one with real clients, webhooks and egress."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from aiohttp import web

from roomkeeper.adapters.livekit import tokens, webhooks
from roomkeeper.adapters.livekit.calls import Limits
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.livekit.memory import JOINS_AS, InMemoryLiveKit
from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitRejectedError
from roomkeeper.domain.egress import S3Target
from roomkeeper.domain.livekit import Credentials, ParticipantKind, TokenClaims
from tests.integration.livekit.people import PATIENCE_SECONDS, Client, JoinRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from roomkeeper.adapters.livekit.memory_job import EgressFault
    from roomkeeper.adapters.ports import LiveKit
    from roomkeeper.domain.livekit import Permission, RoomConfig, WebhookEvent
    from roomkeeper.localstack import LocalStack

BUCKET = "recordings"
ACCESS_KEY, SECRET = "AKIATEST", "hunter2"


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

    async def publish(self, room: str, identity: str, source: str) -> None:
        """Publish a track from a camera or microphone, as somebody who is in the room."""

    def fault(self, scope: str, kind: EgressFault) -> None:
        """Have the next egress of the room, or of the web page, go wrong."""

    def target(self) -> S3Target:
        """Return a bucket with credentials of its own."""

    def impatient(self) -> LiveKit:
        """Return a port that soon gives up on a start."""

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

    async def publish(self, room: str, identity: str, source: str) -> None:
        self._server.publish(room, identity, source)

    def fault(self, scope: str, kind: EgressFault) -> None:
        self._server.egress.fault(scope, kind)

    def target(self) -> S3Target:
        return S3Target(BUCKET, access_key=ACCESS_KEY, secret=SECRET)

    def impatient(self) -> LiveKit:
        return self.api

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(PATIENCE_SECONDS):
            if await condition():
                return
            self._clock.time += timedelta(seconds=1)
            self._server.tick()
        raise AssertionError("it never came to hold")


class RealServer:
    def __init__(self, stack: LocalStack) -> None:
        self.url = stack.livekit.url
        self.credentials = Credentials(stack.livekit.api_key, stack.livekit.api_secret)
        self.webhook_port = stack.operator_port
        self.api: LiveKit = LiveKitClient(self.url, self.credentials)
        self._impatient = LiveKitClient(self.url, self.credentials, limits=Limits(start_timeout_seconds=3))
        self.events: list[WebhookEvent] = []
        self.webhooks: list[tuple[bytes, str]] = []  # body and Authorization, as they came
        self._stack = stack
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

    async def publish(self, room: str, identity: str, source: str) -> None:
        assert await self._clients[room, identity].publish(source)

    def fault(self, scope: str, kind: EgressFault) -> None:
        self._stack.egress_standin.fault(scope, kind.value)

    def target(self) -> S3Target:
        return S3Target(
            BUCKET,
            endpoint=self._stack.s3.endpoint,
            force_path_style=True,
            access_key=ACCESS_KEY,
            secret=SECRET,
        )

    def impatient(self) -> LiveKit:
        return self._impatient

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
        await self._impatient.aclose()


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
