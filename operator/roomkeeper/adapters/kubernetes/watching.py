"""The HTTP session that Kopf lists and watches with: what would end Kopf, or have it ask without pause, is kept from it.

Kopf 1.45 goes on after a lost connection, 401, 403, 429 and 5xx. Whatever else the API server answers escapes from its
watcher and ends the process: a 410 while it lists page by page, a 410 that is the answer to a watch and no event in it, a
watch whose error event is none about 410, a watch that is cut within a line. And after a watch that ended at once it
begins the next one at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import aiohttp

from roomkeeper import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from roomkeeper.adapters.kubernetes.authentication import Authentication

_logger = logging.getLogger(__name__)

LIST_SECONDS = 5.0
"""From the answer to a list until the next one of the same objects, at least."""
WATCH_SECONDS = 1.0
"""From the beginning of a watch until the next one of the same objects, at least."""
BEGIN_SECONDS = 30.0
"""Until a watch begins; Kopf itself would wait for 70 s."""

USER_AGENT = f"roomkeeper-watch/{__version__}"
"""Audit logs tell these requests by it from those of the engine."""

_KOPF_RETRIES = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_ERROR_EVENT = b'{"type":"ERROR"'  # as the API server writes it
_GONE_EVENT = b'{"type":"ERROR","object":{"kind":"Status","code":410}}\n'


@dataclass(slots=True)
class _Objects:
    """What was asked about the objects of one kind, in one namespace or all."""

    listed_at: float = float("-inf")  # when a list was answered, by the monotonic clock
    watched_at: float = float("-inf")  # when a watch began
    was_watched: bool = False


@dataclass(slots=True)
class WatchSession:
    """Makes the session. `on_relist(plural)` is called when objects are listed that were watched before.

    What was deleted between that watch and this list, nobody is told of.
    """

    authentication: Authentication
    on_relist: Callable[[str], None]
    _objects: dict[str, _Objects] = field(default_factory=dict)  # by path

    def open(self) -> aiohttp.ClientSession:
        """Return a session; whoever takes it closes it."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.authentication.ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            proxy=self.authentication.proxy,
            middlewares=(self._admit,),
        )

    async def _admit(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request when it is its turn, and return what Kopf can go on from (aiohttp middleware)."""
        query = request.url.query
        if "watch" in query:
            return await self._watch(request, handler)
        if "limit" in query:
            return await self._list(request, handler, is_first="continue" not in query)
        return await self._send(request, handler)

    async def _watch(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        asked = self._asked(request)
        await _until(asked.watched_at + WATCH_SECONDS)
        asked.watched_at, asked.was_watched = time.monotonic(), True
        async with asyncio.timeout(BEGIN_SECONDS):
            response = await self._send(request, handler)
        if response.status == HTTPStatus.OK:
            response.content = cast("aiohttp.StreamReader", _Events(response.content))
        elif _is_fatal(response.status):
            _logger.warning("watch of %s: %d, they are listed again", request.url.name, response.status)
            response.content = cast("aiohttp.StreamReader", _Gone(response.content))
            response.status = HTTPStatus.OK
        return response

    async def _list(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType, *, is_first: bool
    ) -> aiohttp.ClientResponse:
        asked = self._asked(request)
        if is_first:
            await _until(asked.listed_at + LIST_SECONDS)
        response = await self._send(request, handler)
        if _is_fatal(response.status):
            asked.listed_at = time.monotonic()
            _logger.warning("list of %s: %d, it begins again", request.url.name, response.status)
            response.close()
            # At this error Kopf begins again with the first page; at others it asks for the same page for ever.
            raise aiohttp.ClientPayloadError(f"list: {response.status}")
        if is_first and response.status == HTTPStatus.OK:
            asked.listed_at = time.monotonic()
            if asked.was_watched:
                self.on_relist(request.url.name)
        return response

    async def _send(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request with the credentials of now; once more if they are refused and there are others."""
        used = await self._authorize(request)
        response = await handler(request)
        if response.status != HTTPStatus.UNAUTHORIZED:
            return response
        response.close()
        await self.authentication.reload(used)
        await self._authorize(request)
        response = await handler(request)
        if response.status == HTTPStatus.UNAUTHORIZED:
            response.close()
            # To Kopf a 401 is a reason to log in anew, at once and as often as it takes; this one it retries with backoff.
            raise aiohttp.ClientConnectionError("the API server refuses the credentials (401)")
        return response

    async def _authorize(self, request: aiohttp.ClientRequest) -> str | None:
        authorization = await self.authentication.header()
        if authorization:
            request.headers["Authorization"] = authorization
        return authorization

    def _asked(self, request: aiohttp.ClientRequest) -> _Objects:
        return self._objects.setdefault(request.url.path, _Objects())


class _Content:
    """The content of an answer, read otherwise than it came; aiohttp itself needs these two of it."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def exception(self) -> BaseException | None:
        return self._content.exception()

    def set_exception(self, *error: BaseException) -> None:
        self._content.set_exception(*error)


class _Events(_Content):
    """The events of a watch, in whole lines; one of an error ends it as the 410 does that Kopf knows."""

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(_ERROR_EVENT):
                    _logger.info("a watch ends with an error: %s", json.loads(line)["object"].get("code"))
                    yield _GONE_EVENT
                    return
                yield line + b"\n"


class _Gone(_Content):
    """The one event of a watch that was refused."""

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        yield _GONE_EVENT


def _is_fatal(status: int) -> bool:
    """Tell whether Kopf knows nothing better than to end."""
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _KOPF_RETRIES


async def _until(moment: float) -> None:
    seconds = moment - time.monotonic()
    if seconds > 0:
        await asyncio.sleep(seconds)
