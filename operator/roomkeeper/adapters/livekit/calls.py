"""Requests to one LiveKit server, with the time limit, rate limit and errors that the SDK does not give."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiolimiter import AsyncLimiter
from google.protobuf.message import DecodeError
from livekit.api.twirp_client import TwirpClient

from roomkeeper.adapters.fenced import fenced
from roomkeeper.adapters.livekit import answers
from roomkeeper.adapters.livekit.errors import SDK_ERRORS, WrongTimeError, translate
from roomkeeper.adapters.livekit.tokens import LEEWAY_SECONDS, mint_for_api
from roomkeeper.adapters.ports import Effect, admit_all

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from yarl import URL

    from roomkeeper.adapters.ports import Admit
    from roomkeeper.domain.livekit import Credentials

_Answer = TypeVar("_Answer")
_Message = TypeVar("_Message")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server is asked at most: calls at a time, calls per second, seconds for one call.

    Starts of egress have their own: LiveKit tries for up to 27 s before it says that no worker is there, and ordinary
    calls must not wait for that. There are as many as workers of the engine, so that a start never waits for others: it
    may only go out right after it was decided.
    """

    concurrency: int = 16
    per_second: float = 200.0
    timeout_seconds: float = 15.0
    start_concurrency: int = 32
    start_timeout_seconds: float = 45.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Calls that wait for each other, and for no others."""

    slots: asyncio.Semaphore
    timeout_seconds: float


class Calls:
    """A connection to one server; to be made where an event loop runs, and closed there.

    It calls the SDK's Twirp client rather than its services, whose tokens live six hours and carry grants that no call
    needs, and whose time limit is inert: the request passes timeout=None, which in aiohttp means "none". Failover is
    off: it repeats calls whose outcome is unknown. The time limit counts from the sending, not from the queueing;
    waiting for a turn is bounded by the number of callers.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        limits: Limits = Limits(),
        observe: Callable[[str, str, float], None] | None = None,
        admit: Admit = admit_all,
    ) -> None:
        """Take `observe(method, code, seconds)` for metrics; raise ValueError for an unusable URL.

        `admit` is asked right before each request is sent.
        """
        _check(url)
        self._credentials = credentials
        self._observe = observe
        self._ordinary = Lane(asyncio.Semaphore(limits.concurrency), limits.timeout_seconds)
        self._starts = Lane(asyncio.Semaphore(limits.start_concurrency), limits.start_timeout_seconds)
        self._rate = AsyncLimiter(limits.per_second, time_period=1)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the semaphores limit
            request_class=fenced(admit, _effect_of),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=answers.REQUEST_HEADERS,
            auto_decompress=False,
            middlewares=(_compare_clocks, answers.admit),
        )
        self._twirp = TwirpClient(self._session, url, "livekit", failover=False)

    async def aclose(self) -> None:
        """Release the connections. What is under way fails, and is not told to `observe` any more."""
        self._observe = None
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
        lane: Lane | None = None,
    ) -> _Answer:
        async def send() -> _Answer:
            token = mint_for_api(self._credentials, video, now=datetime.now(UTC))
            headers = {"authorization": f"Bearer {token}"}
            message: _Message = await self._twirp.request(service, method, request, headers, answer)
            return _readable(message, read)

        return await self._in_turn(method, send, lane or self._ordinary)

    async def _in_turn(self, method: str, send: Callable[[], Awaitable[_Answer]], lane: Lane) -> _Answer:
        """Send one request when it is its turn; raise the port's errors, without the SDK's as their cause."""
        async with lane.slots, self._rate:
            started = time.monotonic()
            code = "canceled"
            try:
                async with asyncio.timeout(lane.timeout_seconds):
                    result = await send()
                code = "ok"
            except SDK_ERRORS as error:
                code, translated = translate(method, error)
                raise translated from None  # the cause may quote what the server sent
            finally:
                if self._observe:
                    self._observe(method, code, time.monotonic() - started)
        return result


async def _compare_clocks(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise WrongTimeError for a refusal that the clocks explain (aiohttp middleware)."""
    response = await handler(request)
    if response.status == HTTPStatus.UNAUTHORIZED:
        skew = answers.skew_seconds(response, now=datetime.now(UTC))
        if abs(skew) > LEEWAY_SECONDS:
            response.close()
            raise WrongTimeError(skew)
    return response


def _effect_of(_: str, url: URL) -> Effect:
    """Tell by the method of LiveKit's API, the end of the path; what is not known is a write."""
    if url.name.startswith("Start"):
        return Effect.START
    return Effect.READ if url.name.startswith("List") or url.name == "validate" else Effect.WRITE


def _readable(message: _Message, read: Callable[[_Message], _Answer]) -> _Answer:
    """Read the message; a value that none of ours can hold, like a year beyond 9999, is as bad as no protobuf."""
    try:
        return read(message)
    except (OverflowError, ValueError):
        raise DecodeError from None


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
