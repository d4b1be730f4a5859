"""The API server and LiveKit over plain HTTP sessions: what a client sends, and nothing between."""

from __future__ import annotations

import base64
import json
import ssl
import time
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import jwt

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 32
"""To the API server, as the operator has them (adapters/kubernetes/client.py)."""
MERGE_PATCH = "application/merge-patch+json"


class Refused(Exception):  # noqa: N818 - it is an answer
    """Something else than success was answered."""


class Kube:
    """An API server as one user of a kubeconfig sees it."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())  # JSON, as the local stack writes them
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._server = cluster["server"]
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, ssl=ssl.create_default_context(cadata=authority)
            ),
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """Send one request and return the object that comes back."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type}
        url = self._server + path
        async with self._session.request(method, url, data=data, headers=headers) as response:
            text = await response.read()
            if not response.ok:
                raise Refused(f"{method} {path}: {response.status} {text[:300]!r}")
            answer: dict[str, Any] = json.loads(text)
            return answer

    async def pages(self, path: str) -> list[dict[str, Any]]:
        """Return every object of a list, read 500 at a time."""
        found: list[dict[str, Any]] = []
        continued = ""
        while True:
            page = await self.send("GET", f"{path}?limit=500&continue={continued}")
            found += page["items"]
            continued = page["metadata"].get("continue", "")
            if not continued:
                return found


class LiveKit:
    """A LiveKit server's API, in JSON."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self._url, self._key, self._secret = url, api_key, api_secret
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, request: dict[str, Any], **grants: Any) -> dict[str, Any]:
        """Call the RoomService with a token of its own, as every client of LiveKit's does."""
        token = self.sign({"exp": int(time.time()) + 60, "video": grants})
        url = f"{self._url}/twirp/livekit.RoomService/{method}"
        async with self._session.post(
            url, json=request, headers={"Authorization": f"Bearer {token}"}
        ) as response:
            if not response.ok:
                raise Refused(f"{method}: {response.status} {await response.text()}")
            answer: dict[str, Any] = await response.json()
            return answer

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign a token."""
        return jwt.encode({"iss": self._key, "nbf": int(time.time()), **claims}, self._secret)

    async def metadata(self, room: str) -> str:
        """Return the metadata of a live room."""
        answer = await self.call("ListRooms", {"names": [room]}, roomList=True)
        return "".join(found.get("metadata", "") for found in answer.get("rooms", ()))
