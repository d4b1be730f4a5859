"""The token endpoint: LiveKit's standard, for callers in the cluster; see docs/tokens.md."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from roomkeeper.domain.objects import ROOM, Key
from roomkeeper.engine import metrics
from roomkeeper.engine.token_desk import Asked, RefusalError

if TYPE_CHECKING:
    from roomkeeper.engine.operator import Operator
    from roomkeeper.engine.token_desk import TokenDesk

PATH = "/token"
MOST_BODY_BYTES = 64 * 1024
BODY_SECONDS = 5.0
_NEVER_KEPT = {"Cache-Control": "no-store"}


class TokenEndpoint:
    """POST /token?namespace=…&room=…&role=…: TokenSourceRequest in, TokenSourceResponse out (livekit_token_source.proto)."""

    def __init__(self, operator: Operator, desk: TokenDesk) -> None:
        self._operator = operator
        self._desk = desk

    async def answer(self, request: web.Request) -> web.Response:
        """Answer 200 with a token; 400, 401, 403, 404, 413, 429 or 503 with a line that says why not."""
        if not self._operator.is_ready:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, "the caches are not filled yet")
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        try:
            asked = await _read(request)
            given = await self._desk.give(bearer.strip() if scheme.lower() == "bearer" else "", asked)
        except RefusalError as refusal:
            metrics.TOKENS.labels(refusal.result).inc()
            return _refused(refusal.status, str(refusal))
        metrics.TOKENS.labels("issued").inc()
        body = {"server_url": given.url, "participant_token": given.token}
        return web.json_response(body, headers=_NEVER_KEPT)


async def _read(request: web.Request) -> Asked:
    """Read all of a request; who asks decides later what of it they hear."""
    query = request.query
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.content.readexactly(MOST_BODY_BYTES + 1)
    except asyncio.IncompleteReadError as all_of_it:
        raw = all_of_it.partial
    except TimeoutError:
        raise _bad("the request comes too slowly") from None
    except (ConnectionError, web.RequestPayloadError):
        raise _bad("the request is broken off") from None
    if len(raw) > MOST_BODY_BYTES:
        raise _bad(f"the request has more than {MOST_BODY_BYTES} bytes")
    try:
        body = json.loads(raw or b"{}")
        ttl = int(query["ttl"]) if "ttl" in query else None
    except (ValueError, RecursionError):
        raise _bad("the body must be JSON, and ttl a number of seconds") from None
    room = Key(ROOM, query.get("namespace", ""), query.get("room", ""))
    if not (room.namespace and room.name and query.get("role")):
        raise _bad("namespace, room and role are needed: /token?namespace=…&room=…&role=…")
    return Asked(room, query["role"], ttl, body)


def _bad(text: str) -> RefusalError:
    return RefusalError("bad request", HTTPStatus.BAD_REQUEST, text)


def _refused(status: HTTPStatus, text: str) -> web.Response:
    headers = dict(_NEVER_KEPT)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = "1"
    return web.Response(status=status, text=f"{text}\n", headers=headers)
