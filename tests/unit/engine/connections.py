"""A connection to a LiveKit in memory, without the engine around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.engine.connection import Connection
from tests.unit.engine.harness import CREDENTIALS

if TYPE_CHECKING:
    from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
    from tests.unit.engine.clock import HandClock


def server_of(livekit: InMemoryLiveKit, clock: HandClock, *, count_people: bool = True) -> Connection:
    return Connection(
        url="wss://livekit.example.com",
        credentials=CREDENTIALS,
        connect=lambda _, __: livekit,
        clock=clock,
        count_people=count_people,
        on_suspicion=lambda: None,
    )


async def probe(server: Connection) -> set[str]:
    return await server.probe(lambda name: not name.startswith("unclaimed"))
