"""A page that is recorded while a room is there: the egress of it is in no room."""

from __future__ import annotations

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from tests.unit.engine.fleet import URL
from tests.unit.engine.recordings import ON_MAIN, a_recorder, live_egresses

PAGE = "https://pages.example.com/wall"


async def test_it_is_found_again_though_its_start_was_not_answered() -> None:
    recorder = await a_recorder(sources=["web"], webURLs=[PAGE])
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
