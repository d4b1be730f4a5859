"""The listening side against senders that are slow, or sign what LiveKit never sends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast

import aiohttp
import jwt
import pytest

from roomkeeper.adapters.livekit.webhooks import KNOWN_EVENTS
from roomkeeper.engine import metrics
from roomkeeper.engine.clock import SystemClock
from roomkeeper.engine.health import Health
from roomkeeper.http import HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roomkeeper.domain.livekit import WebhookEvent
    from roomkeeper.engine.operator import Operator

SECRET = "a-secret-of-at-least-thirty-two-characters"


@dataclass(slots=True)
class Replica:
    """One that listens: it knows one key, and remembers what it was told."""

    port: int
    takes_webhooks: bool = True
    holder_address: str = ""
    secret: str = SECRET
    heard: list[str] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        operator = cast("Operator", self)
        server = HttpServer(operator, Health(operator))
        await server.start()
        yield self
        await server.stop()

    @property
    def settings(self) -> Any:
        return SimpleNamespace(http_host="127.0.0.1", http_port=self.port, token_endpoint=False)

    @property
    def leadership(self) -> Any:
        return self

    @property
    def servers(self) -> Any:
        return SimpleNamespace(webhook_keys=lambda: {"APIkey": [self.secret]})

    @property
    def wakeups(self) -> Any:
        return self

    def webhook(self, event: WebhookEvent, _: object) -> str:
        self.heard.append(event.event)
        return "ignored"


@pytest.fixture
async def port(unused_port: int) -> AsyncIterator[int]:
    async with Replica(unused_port).listening():
        yield unused_port


@pytest.fixture
async def holder(unused_port: int) -> AsyncIterator[Replica]:
    async with Replica(unused_port).listening() as here:
        yield here


@pytest.fixture
async def standby(holder: Replica) -> AsyncIterator[Replica]:
    address = f"127.0.0.1:{holder.port}"
    async with Replica(await free_port(), takes_webhooks=False, holder_address=address).listening() as here:
        yield here


@pytest.fixture
async def unused_port() -> int:
    return await free_port()


async def free_port() -> int:
    probe = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    number: int = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    return number


async def send(port: int, event: str, *, seconds_ago: int = 0, **headers: str) -> int:
    made_at = int(time.time()) - seconds_ago
    body = json.dumps({"event": event, "id": f"EV_{event}", "createdAt": str(made_at)}).encode()
    claims: dict[str, Any] = {
        "iss": "APIkey",
        "exp": time.time() + 60,
        "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    headers["Authorization"] = jwt.encode(claims, SECRET, algorithm="HS256")
    url = f"http://127.0.0.1:{port}/livekit/webhook"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status


def counted(event: str, result: str = "ignored") -> float | None:
    labels = {"event": event, "result": result}
    return metrics.REGISTRY.get_sample_value("roomkeeper_webhook_events_total", labels)


@pytest.mark.parametrize("event", sorted(KNOWN_EVENTS))
async def test_an_event_that_livekit_sends_is_counted_by_its_name(port: int, event: str) -> None:
    before = counted(event) or 0
    assert await send(port, event) == 200
    assert counted(event) == before + 1


async def test_how_late_a_webhook_came_is_counted_from_its_own_time(port: int) -> None:
    def late(bound: str) -> float:
        return metrics.REGISTRY.get_sample_value("roomkeeper_webhook_lag_seconds_bucket", {"le": bound}) or 0

    before = [late(bound) for bound in ("2.0", "5.0", "10.0")]
    assert await send(port, "room_started", seconds_ago=7) == 200
    assert [late(bound) for bound in ("2.0", "5.0", "10.0")] == [before[0], before[1], before[2] + 1]


async def test_events_that_livekit_never_sends_are_counted_together(port: int) -> None:
    before = counted("other") or 0
    for event in ("invented_1", "invented_2"):
        assert await send(port, event) == 200
        assert counted(event) is None
    assert counted("other") == before + 2


async def test_a_body_that_does_not_come_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomkeeper.http.BODY_SECONDS", 0.05)
    before = counted("", "too slow") or 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /livekit/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    assert counted("", "too slow") == before + 1
    writer.close()
    await writer.wait_closed()


async def test_what_reaches_a_standby_is_heard_by_the_one_that_works(
    standby: Replica, holder: Replica
) -> None:
    before = counted("room_started", "forwarded") or 0
    assert await send(standby.port, "room_started") == 200
    assert (standby.heard, holder.heard) == ([], ["room_started"])
    assert counted("room_started", "forwarded") == before + 1


async def test_what_is_forged_is_not_handed_on(standby: Replica, holder: Replica) -> None:
    standby.secret = "another-secret-that-is-as-long-as-the-first"
    assert await send(standby.port, "room_started") == 401
    assert holder.heard == []


async def test_the_one_that_works_looks_for_itself(standby: Replica, holder: Replica) -> None:
    holder.secret = "another-secret-that-is-as-long-as-the-first"
    assert await send(standby.port, "room_started") == 401
    assert holder.heard == []


@pytest.mark.parametrize("address", ["", "127.0.0.1:1", "no address", "127.0.0.1:99999999"])
async def test_where_nobody_works_livekit_is_to_try_again(
    standby: Replica, holder: Replica, address: str
) -> None:
    standby.holder_address = address
    assert await send(standby.port, "room_started") == 503
    assert holder.heard == []


async def test_what_was_handed_on_once_goes_no_further(standby: Replica, holder: Replica) -> None:
    """Two that think that the other one works."""
    holder.takes_webhooks, holder.holder_address = False, f"127.0.0.1:{standby.port}"
    async with asyncio.timeout(1):
        assert await send(standby.port, "room_started") == 503


async def test_a_taken_port_is_told(holder: Replica) -> None:
    with pytest.raises(OSError, match="in use"):
        async with Replica(holder.port).listening():
            pass
