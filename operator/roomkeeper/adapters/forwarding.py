"""Hands webhooks that reached a replica which stands by on to the one that works."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp

FORWARDED = "Roomkeeper-Forwarded"
"""The header of what was handed on once, and is not handed on again."""

TIMEOUT_SECONDS = 3.0  # the other replica is near, and LiveKit waits for the answer


class Forwarder:
    """One session; to be made where an event loop runs, and closed there."""

    def __init__(self) -> None:
        """Nothing is connected yet."""
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        )

    async def forward(self, address: str, path: str, *, body: bytes, authorization: str) -> int:
        """Send a webhook unchanged to HOST:PORT; return how it was answered, 503 for everything that passes."""
        headers = {"Authorization": authorization, FORWARDED: "1", "Content-Type": "application/webhook+json"}
        url = f"http://{address}{path}"
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                is_final = answer.status == HTTPStatus.OK or 400 <= answer.status < 500  # noqa: PLR2004
                return answer.status if is_final else HTTPStatus.SERVICE_UNAVAILABLE
        except (aiohttp.ClientError, OSError, ValueError):  # TimeoutError among them; an address that is none
            return HTTPStatus.SERVICE_UNAVAILABLE

    async def aclose(self) -> None:
        """Release the connections."""
        await self._session.close()
