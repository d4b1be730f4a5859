"""One LiveKit server's room API, with the time limit, rate limit and errors that the SDK does not give."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiolimiter import AsyncLimiter
from livekit.api.twirp_client import TwirpClient
from livekit.protocol import models
from livekit.protocol import room as pb

from roomkeeper.adapters.livekit import convert
from roomkeeper.adapters.livekit.errors import SDK_ERRORS, translate
from roomkeeper.adapters.livekit.tokens import mint_for_api

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from roomkeeper.domain.livekit import Credentials, LiveRoom, Participant, RoomConfig

_Answer = TypeVar("_Answer")


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
        )
        self._twirp = TwirpClient(self._session, url, "livekit", failover=False)

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        """List the named rooms, or all; names that are not there are silently missing."""
        request = pb.ListRoomsRequest(names=names)
        answer = await self._call("ListRooms", request, pb.ListRoomsResponse, {"roomList": True})
        return [convert.live_room(room) for room in answer.rooms]

    async def create_room(self, name: str, config: RoomConfig, metadata: str = "") -> LiveRoom:
        """Create the room, or return the live one unchanged."""
        request = pb.CreateRoomRequest(
            name=name,
            empty_timeout=config.empty_timeout_seconds,
            departure_timeout=config.departure_timeout_seconds,
            max_participants=config.max_participants,
            metadata=metadata,
        )
        answer = await self._call("CreateRoom", request, models.Room, {"roomCreate": True})
        return convert.live_room(answer)

    async def update_room_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room; the empty string empties it."""
        request = pb.UpdateRoomMetadataRequest(room=name, metadata=metadata)
        answer = await self._call("UpdateRoomMetadata", request, models.Room, _admin_of(name))
        return convert.live_room(answer)

    async def delete_room(self, name: str) -> None:
        """Close the room and disconnect everybody in it."""
        request = pb.DeleteRoomRequest(room=name)
        await self._call("DeleteRoom", request, pb.DeleteRoomResponse, {"roomCreate": True})

    async def list_participants(self, name: str) -> list[Participant]:
        """List who is in the room now; a room that is not there has nobody."""
        request = pb.ListParticipantsRequest(room=name)
        answer = await self._call("ListParticipants", request, pb.ListParticipantsResponse, _admin_of(name))
        return [convert.participant(info) for info in answer.participants]

    async def aclose(self) -> None:
        """Release the connections."""
        await self._session.close()

    async def _call(
        self, method: str, request: Any, answer: type[_Answer], video: Mapping[str, Any]
    ) -> _Answer:
        """Send one request when it is its turn; raise the port's errors, without the SDK's as their cause."""
        async with self._slots, self._rate:
            started = time.monotonic()
            code = "canceled"
            try:
                result = await self._send(method, request, answer, video)
                code = "ok"
            except SDK_ERRORS as error:
                code, translated = translate(method, error)
                raise translated from None  # the cause may quote what the server sent
            finally:
                if self._observe:
                    self._observe(method, code, time.monotonic() - started)
        return result

    async def _send(
        self, method: str, request: Any, answer: type[_Answer], video: Mapping[str, Any]
    ) -> _Answer:
        token = mint_for_api(self._credentials, video, now=datetime.now(UTC))
        headers = {"authorization": f"Bearer {token}"}
        async with asyncio.timeout(self._limits.timeout_seconds):
            result: _Answer = await self._twirp.request("RoomService", method, request, headers, answer)
        return result


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
