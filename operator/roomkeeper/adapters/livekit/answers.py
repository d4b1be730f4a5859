"""What of an HTTP answer is let in: no redirect, no encoding, no more bytes than LiveKit ever needs.

The server is a tenant's, and one that answers without end, or with gzip that unpacks to a thousand times its size,
must not take the operator's memory. The SDK reads whatever comes, so it is handed what was read here.
"""

from __future__ import annotations

import asyncio
import io
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.base_protocol import BaseProtocol

from roomkeeper.adapters.livekit.errors import RefusedAnswerError

if TYPE_CHECKING:
    from datetime import datetime

MAX_LIST_BYTES = 64 * 1024 * 1024
"""For a list without pages: over a hundred rooms with the greatest metadata (512 KiB), or many with less.

All egress of a day, which LiveKit keeps, are about two KiB each.
"""
MAX_BYTES = 1024 * 1024
"""For all else: the largest is one room or participant, whose metadata LiveKit limits to 512 KiB."""

_LISTS = frozenset({"ListRooms", "ListParticipants", "ListEgress"})

REQUEST_HEADERS = {"Accept-Encoding": "identity"}
"""Sent with every request: aiohttp would ask for gzip, and a proxy before LiveKit would give it."""


async def admit(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send the request, and return the answer when all of it is here (aiohttp middleware).

    Raise ClientResponseError for a redirect, RefusedAnswerError for a compressed or too large answer.
    """
    response = await handler(request)
    try:
        _refuse_redirect(response)
        _refuse_encoding(response)
        limit = MAX_LIST_BYTES if request.url.name in _LISTS else MAX_BYTES
        body = await _read(response.content, limit)
    except BaseException:
        response.close()
        raise
    response.content = _holding(body, limit)
    return response


def _refuse_redirect(response: aiohttp.ClientResponse) -> None:
    """Follow nobody elsewhere: LiveKit never redirects, and a tenant's server must not send us around."""
    if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
        raise aiohttp.ClientResponseError(response.request_info, (), status=response.status)


def _refuse_encoding(response: aiohttp.ClientResponse) -> None:
    encodings = response.headers.getall("Content-Encoding", ())
    if any(encoding.strip().lower() not in {"", "identity"} for encoding in encodings):
        raise RefusedAnswerError(
            "encoded", "a compressed answer: check the URL, or turn off compression in the proxy there"
        )


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """Read to the end. Content-Length is not asked: it may be missing, and the bytes count either way."""
    body = io.BytesIO()
    async for chunk in content.iter_any():
        if body.tell() + len(chunk) > limit:
            raise RefusedAnswerError("too_large", f"an answer of more than {limit} bytes: check the URL")
        body.write(chunk)
    return body.getvalue()


def _holding(body: bytes, limit: int) -> aiohttp.StreamReader:
    """Return a stream that is at its end but for the body; it has no connection to pause."""
    loop = asyncio.get_running_loop()
    stream = aiohttp.StreamReader(BaseProtocol(loop), limit, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    return stream


def skew_seconds(response: aiohttp.ClientResponse, *, now: datetime) -> int:
    """Return by how much the server's clock is ahead of ours, negative when it is behind; 0 when it does not tell."""
    try:
        told = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return 0
    return round((told - now).total_seconds()) if told.tzinfo else 0
