from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from tests.unit.engine.clock import HandClock
from tests.unit.engine.connections import probe, server_of

if TYPE_CHECKING:
    from roomkeeper.engine.connection import Connection


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def livekit(clock: HandClock) -> InMemoryLiveKit:
    return InMemoryLiveKit(clock)


@pytest.fixture
async def server(livekit: InMemoryLiveKit, clock: HandClock) -> Connection:
    """Give a server that was listed once, empty."""
    server = server_of(livekit, clock)
    await probe(server)
    livekit.calls.clear()
    return server
