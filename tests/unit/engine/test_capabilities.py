"""When a LiveKit server is asked again what it can do."""

from __future__ import annotations

from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.engine.capabilities import KNOWN_SECONDS, UNKNOWN_SECONDS, Capabilities
from tests.unit.engine.clock import HandClock
from tests.unit.engine.harness import CREDENTIALS


async def test_a_server_that_seemed_to_have_no_redis_is_asked_again_soon() -> None:
    """It answers as one does that has a fault; ten minutes of EgressAvailable=False would follow from a single 500."""
    livekit = InMemoryLiveKit(HandClock())
    livekit.accepted.add(CREDENTIALS)
    client, can = livekit.client(CREDENTIALS), Capabilities()
    livekit._redis = False
    await can.learn(client, now=0)
    assert can.has_redis is False
    livekit._redis = True
    await can.learn(client, now=UNKNOWN_SECONDS)
    assert can.has_redis
    livekit._redis = False
    await can.learn(client, now=UNKNOWN_SECONDS + KNOWN_SECONDS - 1)
    assert can.has_redis, "what is known is not asked with every list"
