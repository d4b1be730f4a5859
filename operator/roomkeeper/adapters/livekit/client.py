"""One LiveKit server's API, with the time limit, rate limit and errors that the SDK does not give."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiolimiter import AsyncLimiter
from google.protobuf.message import DecodeError
from livekit.api.twirp_client import TwirpClient
from livekit.protocol import agent_dispatch, egress, models
from livekit.protocol import room as pb

from roomkeeper.adapters.livekit import answers, convert
from roomkeeper.adapters.livekit.errors import SDK_ERRORS, ServerFaultError, translate
from roomkeeper.adapters.livekit.tokens import API_TOKEN_SECONDS, mint, mint_for_api
from roomkeeper.domain.livekit import TokenClaims

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from roomkeeper.domain.livekit import (
        Credentials,
        Dispatch,
        LiveRoom,
        Participant,
        ParticipantUpdate,
        RoomConfig,
    )

_Answer = TypeVar("_Answer")
_Message = TypeVar("_Message")

_ROOMS = "RoomService"
_DISPATCHES = "AgentDispatchService"
_EGRESS = "Egress"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server is asked at most: calls at a time, calls per second, seconds for one call."""

    concurrency: int = 16
    per_second: float = 200.0
    timeout_seconds: float = 15.0


class LiveKitClient:
    """The port `LiveKit` on a real server; to be made where an event loop runs, and closed there.

    It calls the SDK's Twirp client rather than its RoomService, whose tokens live six hours and carry grants that
    no call needs, and whose time limit is inert: the request passes timeout=None, which in aiohttp means "none".
    Failover is off: it repeats calls whose outcome is unknown. The time limit counts from the sending, not from
    the queueing; waiting for a turn is bounded by the number of callers.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        limits: Limits = Limits(),
        observe: Callable[[str, str, float], None] | None = None,
    ) -> None:
        """Take `observe(method, code, seconds)` for metrics; raise ValueError for an unusable URL."""
        _check(url)
        self._credentials = credentials
        self._limits = limits
        self._observe = observe
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._rate = AsyncLimiter(limits.per_second, time_period=1)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the semaphore limits
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=answers.REQUEST_HEADERS,
            auto_decompress=False,
            middlewares=(answers.admit,),
        )
        self._twirp = TwirpClient(self._session, url, "livekit", failover=False)

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        """List the named rooms, or all; names that are not there are silently missing."""
        request = pb.ListRoomsRequest(names=names)
        grant = {"roomList": True}
        return await self._call(
            _ROOMS, "ListRooms", request, pb.ListRoomsResponse, grant, read=convert.live_rooms
        )

    async def create_room(self, name: str, config: RoomConfig, metadata: str = "") -> LiveRoom:
        """Create the room, or return the live one unchanged."""
        request = pb.CreateRoomRequest(
            name=name,
            empty_timeout=config.empty_timeout_seconds,
            departure_timeout=config.departure_timeout_seconds,
            max_participants=config.max_participants,
            min_playout_delay=config.min_playout_delay_milliseconds,
            max_playout_delay=config.max_playout_delay_milliseconds,
            sync_streams=config.sync_streams,
            metadata=metadata,
        )
        grant = {"roomCreate": True}
        return await self._call(_ROOMS, "CreateRoom", request, models.Room, grant, read=convert.live_room)

    async def update_room_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room; the empty string empties it."""
        request = pb.UpdateRoomMetadataRequest(room=name, metadata=metadata)
        grant = _admin_of(name)
        return await self._call(
            _ROOMS, "UpdateRoomMetadata", request, models.Room, grant, read=convert.live_room
        )

    async def delete_room(self, name: str) -> None:
        """Close the room and disconnect everybody in it."""
        request = pb.DeleteRoomRequest(room=name)
        grant = {"roomCreate": True}
        await self._call(_ROOMS, "DeleteRoom", request, pb.DeleteRoomResponse, grant, read=convert.nothing)

    async def list_participants(self, name: str) -> list[Participant]:
        """List who is in the room now; a room that is not there has nobody."""
        request = pb.ListParticipantsRequest(room=name)
        listed = pb.ListParticipantsResponse
        grant = _admin_of(name)
        return await self._call(_ROOMS, "ListParticipants", request, listed, grant, read=convert.participants)

    async def update_participant(self, name: str, identity: str, update: ParticipantUpdate) -> None:
        """Change a connected participant; the permission replaces the whole set."""
        request = pb.UpdateParticipantRequest(
            room=name,
            identity=identity,
            name=update.name,
            metadata=update.metadata,
            attributes=update.attributes,
            permission=convert.to_permission(update.permission) if update.permission else None,
        )
        grant = _admin_of(name)
        await self._call(
            _ROOMS, "UpdateParticipant", request, models.ParticipantInfo, grant, read=convert.nothing
        )

    async def remove_participant(self, name: str, identity: str) -> None:
        """Disconnect somebody; the token still lets them in again."""
        request = pb.RoomParticipantIdentity(room=name, identity=identity)
        removed = pb.RemoveParticipantResponse
        await self._call(_ROOMS, "RemoveParticipant", request, removed, _admin_of(name), read=convert.nothing)

    async def list_dispatches(self, name: str) -> list[Dispatch]:
        """List the agents that were asked into a live room."""
        request = agent_dispatch.ListAgentDispatchRequest(room=name)
        listed = agent_dispatch.ListAgentDispatchResponse
        grant = _admin_of(name)
        return await self._call(_DISPATCHES, "ListDispatch", request, listed, grant, read=convert.dispatches)

    async def create_dispatch(self, name: str, agent_name: str, metadata: str = "") -> Dispatch:
        """Ask an agent into a room. LiveKit prevents no duplicate, and creates a room that is not there."""
        request = agent_dispatch.CreateAgentDispatchRequest(
            room=name, agent_name=agent_name, metadata=metadata
        )
        created = agent_dispatch.AgentDispatch
        grant = _admin_of(name)
        return await self._call(_DISPATCHES, "CreateDispatch", request, created, grant, read=convert.dispatch)

    async def delete_dispatch(self, name: str, dispatch_id: str) -> None:
        """Take an agent's dispatch back."""
        request = agent_dispatch.DeleteAgentDispatchRequest(room=name, dispatch_id=dispatch_id)
        deleted = agent_dispatch.AgentDispatch
        grant = _admin_of(name)
        await self._call(_DISPATCHES, "DeleteDispatch", request, deleted, grant, read=convert.nothing)

    async def creates_rooms_on_join(self) -> bool:
        """Tell whether a join creates its room: ask if somebody might join one that is not there.

        Asking creates nothing. The token goes in a header, not in the query as clients have it: whoever reads an
        access log could join with it.
        """
        now = datetime.now(UTC)
        claims = TokenClaims(
            identity=_unguessable(),
            name="",
            video={"roomJoin": True, "room": _unguessable()},
            room_config={},
            not_before=now,
            expires_at=now + timedelta(seconds=API_TOKEN_SECONDS),
        )

        async def ask() -> bool:
            headers = {"authorization": f"Bearer {mint(self._credentials, claims)}"}
            async with self._session.get(f"{self._twirp.host}/rtc/validate", headers=headers) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return False
                if response.status != HTTPStatus.OK:
                    raise aiohttp.ClientResponseError(response.request_info, (), status=response.status)
                return True

        return await self._in_turn("validate", ask)

    async def has_redis(self) -> bool:
        """Tell whether the server can have egress at all: without Redis, listing it is an internal error.

        It asks for the egress of a room that is not there, which costs one look-up.
        """
        request = egress.ListEgressRequest(room_name=_unguessable())
        try:
            grant = {"roomRecord": True}
            listed = egress.ListEgressResponse
            await self._call(_EGRESS, "ListEgress", request, listed, grant, read=convert.nothing)
        except ServerFaultError:
            return False
        return True

    async def aclose(self) -> None:
        """Release the connections."""
        await self._session.close()

    async def _call(
        self,
        service: str,
        method: str,
        request: Any,
        answer: type[_Message],
        video: Mapping[str, Any],
        *,
        read: Callable[[_Message], _Answer],
    ) -> _Answer:
        async def send() -> _Answer:
            token = mint_for_api(self._credentials, video, now=datetime.now(UTC))
            headers = {"authorization": f"Bearer {token}"}
            message: _Message = await self._twirp.request(service, method, request, headers, answer)
            return _readable(message, read)

        return await self._in_turn(method, send)

    async def _in_turn(self, method: str, send: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Send one request when it is its turn; raise the port's errors, without the SDK's as their cause."""
        async with self._slots, self._rate:
            started = time.monotonic()
            code = "canceled"
            try:
                async with asyncio.timeout(self._limits.timeout_seconds):
                    result = await send()
                code = "ok"
            except SDK_ERRORS as error:
                code, translated = translate(method, error)
                raise translated from None  # the cause may quote what the server sent
            finally:
                if self._observe:
                    self._observe(method, code, time.monotonic() - started)
        return result


def _readable(message: _Message, read: Callable[[_Message], _Answer]) -> _Answer:
    """Read the message; a value that none of ours can hold, like a year beyond 9999, is as bad as no protobuf."""
    try:
        return read(message)
    except (OverflowError, ValueError):
        raise DecodeError from None


def _unguessable() -> str:
    return f"roomkeeper-probe-{secrets.token_hex(16)}"


def _admin_of(room: str) -> dict[str, Any]:
    return {"roomAdmin": True, "room": room}


def _check(url: str) -> None:
    """Raise ValueError unless the SDK can use the URL. The URL is not repeated: it may hold a password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https", "ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise ValueError("the LiveKit URL is malformed: expected one like wss://livekit.example.com:443")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "the LiveKit URL holds a user name or password: use the API key and its secret instead"
        )
    if parts.query or parts.fragment:
        raise ValueError("the LiveKit URL holds a query or fragment: LiveKit has no use for it, leave it out")
