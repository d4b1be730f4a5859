"""What an armed Recording waits for is found without any webhook, though no count of the list of rooms tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import ON_MAIN, a_recorder
from tests.unit.engine.warehouse import TENANT

if TYPE_CHECKING:
    from roomkeeper.adapters.livekit.memory import InMemoryLiveKit

ROOM = f"{TENANT}_standup"
CAMERA = {"trackComposite": {"identity": "alice", "audioSource": "microphone", "videoSource": "camera"}}


def bob_for_alice(livekit: InMemoryLiveKit) -> None:
    livekit.leave(ROOM, "alice")
    livekit.join(ROOM, "bob", is_publisher=True)


def a_camera(livekit: InMemoryLiveKit) -> None:
    livekit.publish(ROOM, "alice", "camera")


CASES: list[tuple[dict[str, Any], Any]] = [
    ({"participant": {"identity": "bob"}}, bob_for_alice),
    (CAMERA, a_camera),
    ({"track": {"identity": "alice", "source": "camera"}}, a_camera),
]


@pytest.mark.parametrize(("source", "happens"), CASES, ids=["participant", "composite", "track"])
async def test_who_and_what_comes_is_found_with_a_list_of_rooms(source: dict[str, Any], happens: Any) -> None:
    recorder = await a_recorder()
    livekit = recorder.livekits[URL]
    livekit.on_event = None
    key = recorder.record(**ON_MAIN, source=source, start="WhenRoomActive")
    await recorder.settle()
    assert recorder.state(key) == "Armed"
    happens(livekit)
    for _ in range(2):
        recorder.clock.advance(60)
        await recorder.reconcile(MAIN)
    assert recorder.state(key) == "Starting"


async def test_nobody_is_asked_for_where_nobody_is() -> None:
    recorder = await a_recorder()
    livekit = recorder.livekits[URL]
    livekit.leave(ROOM, "alice")
    await recorder.settle()
    recorder.record(**ON_MAIN, source={"participant": {"identity": "bob"}}, start="WhenRoomActive")
    recorder.record("anybody", **ON_MAIN, start="WhenRoomActive")
    await recorder.settle()
    recorder.clock.advance(60)
    await recorder.reconcile(MAIN)
    livekit.calls.clear()
    recorder.clock.advance(60)
    await recorder.reconcile(MAIN)
    assert [call for call in livekit.calls if call[0] != "list_rooms"] == []
