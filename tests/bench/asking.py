"""Tokens on demand, asked for evenly whether or not the last ones have come, as people do who join a webinar."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp

from tests.e2e.asking import Backend
from tests.e2e.support import Cluster, eventually

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack

PER_SECOND = 200
SECONDS = 20.0
ROLE = {"name": "viewer", "dynamic": {"identityPrefix": "viewer-", "maxPerMinute": 60_000}}


def backend(stack: LocalStack, namespace: str) -> Backend:
    """Declare a Room with a dynamic role in a namespace of its own, and return who may have its tokens."""
    stack.kubectl("create", "namespace", namespace)
    here = Cluster(stack, namespace)
    here.apply(here.room("webinar", roles=[ROLE]))
    eventually("the webinar is Ready", lambda: here.is_ready("webinar"), within=10)
    return Backend(here).may_ask_for("webinar")


async def ask(who: Backend, *, per_second: int = PER_SECOND, seconds: float = SECONDS) -> list[float]:
    """Ask so often; return how long each answer took, from the moment at which it was due to be asked for."""
    url, headers = who.url("webinar", "viewer"), {"Authorization": f"Bearer {who.token}"}
    began, number = time.monotonic() + 0.1, int(per_second * seconds)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def one(due: float, identity: str) -> float:
            await asyncio.sleep(due - time.monotonic())
            async with session.post(url, json={"participant_identity": identity}) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()
            return time.monotonic() - due

        return await asyncio.gather(
            *(one(began + each / per_second, f"person-{each}") for each in range(number))
        )
