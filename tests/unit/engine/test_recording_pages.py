"""A page that is recorded while a room is there: the egress of it is in no room, and does not end with one by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder, live_egresses
from tests.unit.engine.warehouse import TENANT

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key

PAGE = "https://pages.example.com/wall"
ROOM = f"{TENANT}_standup"


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder(sources=["web"], webURLs=[PAGE])


async def begun(recorder: Recorder) -> Key:
    """Return a Recording of the page that runs while somebody is in the room."""
    key = recorder.record(**ON_MAIN, source={"web": {"url": PAGE}}, start="WhenRoomActive")
    await recorder.settle()
    await recorder.play(2, of=recorder.livekits[URL])
    assert recorder.state(key) == "Active"
    return key


async def test_it_is_found_again_though_its_start_was_not_answered(recorder: Recorder) -> None:
    livekit = recorder.livekits[URL]
    livekit.egress.fault(PAGE, EgressFault.ANSWER_LOST)
    key = recorder.record(**ON_MAIN, source={"web": {"url": PAGE}}, start="WhenRoomActive")
    await recorder.settle()
    await recorder.play(2, of=livekit)
    recorder.clock.advance(AMBIGUOUS_SECONDS + 1)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    [egress] = await live_egresses(livekit)
    assert egress.room_name == "", "as LiveKit has it (livekit: pkg/service/egress.go, StartEgress)"
    assert len(livekit.egress.starts) == 1
    assert recorder.shown(key)["egressID"] == egress.id
    assert [one["state"] for one in recorder.shown(key)["attempts"]] == ["Active"]


@pytest.mark.parametrize("is_there_again", [False, True], ids=["closed", "another session"])
@pytest.mark.parametrize("is_told", [True, False], ids=["webhook", "resync"])
async def test_it_ends_with_the_session_of_the_room(
    recorder: Recorder, *, is_there_again: bool, is_told: bool
) -> None:
    livekit = recorder.livekits[URL]
    key = await begun(recorder)
    for _ in range(3):  # as long as the room is there, it goes on
        recorder.clock.advance(60)
        await recorder.reconcile(MAIN)
    assert recorder.state(key) == "Active"
    if not is_told:
        livekit.on_event = None
    await livekit.delete_room(ROOM)
    if is_there_again:
        livekit.join(ROOM, "bob", is_publisher=True)
    if not is_told:
        recorder.clock.advance(60)
        await recorder.reconcile(MAIN)
    await recorder.settle()
    await recorder.play(3, of=livekit)
    await recorder.reconcile(MAIN)
    assert (recorder.state(key), recorder.reason(key)) == ("Complete", "Completed")
    assert recorder.shown(key)["stopReason"] == "RoomClosed"
    assert await live_egresses(livekit) == []
    assert len(livekit.egress.starts) == 1


async def test_without_a_room_it_goes_on_whatever_closes() -> None:
    recorder = await a_recorder(sources=["web"], webURLs=[PAGE])
    livekit = recorder.livekits[URL]
    key = recorder.record(**ON_MAIN, source={"web": {"url": PAGE}}, roomName=None)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    await livekit.delete_room(ROOM)
    recorder.clock.advance(60)
    await recorder.reconcile(MAIN)
    assert recorder.state(key) == "Active"
