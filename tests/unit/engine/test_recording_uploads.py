"""An egress that is ending: an upload may take its time, a worker that died over it may not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.domain.objects import read_time
from roomkeeper.domain.recording_stop import UPLOAD_SECONDS
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder
from tests.unit.engine.warehouse import TENANT

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key

ROOM = f"{TENANT}_standup"
HOURS = 7200.0
RECORDED_SECONDS = 60


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder()


async def uploading(recorder: Recorder, **spec: object) -> Key:
    """Return a Recording that was stopped after a minute, and whose upload takes hours."""
    livekit = recorder.livekits[URL]
    livekit.egress.upload_seconds = HOURS
    key = recorder.record(**ON_MAIN, **spec)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    assert recorder.state(key) == "Active"
    recorder.clock.advance(RECORDED_SECONDS)
    recorder.patch(key, spec={"desiredState": "Stopped"})
    await recorder.settle()
    await recorder.play(of=livekit)
    assert recorder.state(key) == "Ending"
    return key


async def look(recorder: Recorder, *, after: float) -> None:
    """Let time pass, and have the list of what runs read."""
    recorder.clock.advance(after)
    await recorder.play(of=recorder.livekits[URL])
    await recorder.reconcile(MAIN)


async def test_an_upload_is_waited_for_as_long_as_its_worker_answers(recorder: Recorder) -> None:
    key = await uploading(recorder)
    for _ in range(6):
        await look(recorder, after=UPLOAD_SECONDS + 1)
        assert recorder.state(key) == "Ending"
    await look(recorder, after=HOURS)
    assert recorder.state(key) == "Stopped"
    assert recorder.reason(key) == "Stopped"


async def test_a_worker_that_died_over_it_is_given_up_in_the_end(recorder: Recorder) -> None:
    key = await uploading(recorder)
    ended = recorder.clock.now()
    recorder.livekits[URL].egress.fault(ROOM, EgressFault.DIE)
    await look(recorder, after=UPLOAD_SECONDS - 10)
    for _ in range(2):
        assert recorder.state(key) == "Ending", "as far as anybody knows, it uploads"
        await look(recorder, after=11)
    status = recorder.shown(key)
    assert (recorder.state(key), recorder.reason(key)) == ("Failed", "EgressUnresponsive")
    [attempt] = status["attempts"]
    assert (attempt["state"], attempt["error"]) == ("Failed", "EgressUnresponsive")
    assert read_time(attempt["endedAt"]) == ended, "it has recorded no more since it was stopped"
    assert status["recordedSeconds"] == RECORDED_SECONDS
    [result] = status["results"]
    assert result["filename"].endswith(f"{attempt['marker']}.mp4")
    assert "location" not in result
    responsive = next(one for one in status["conditions"] if one["type"] == "EgressResponsive")
    assert responsive["status"] == "False"


async def test_one_that_does_not_answer_once_is_not_given_up(recorder: Recorder) -> None:
    key = await uploading(recorder)
    livekit = recorder.livekits[URL]
    [job] = livekit.egress._jobs.values()
    await look(recorder, after=UPLOAD_SECONDS)
    for _ in range(3):
        job.is_dead = True
        await look(recorder, after=60)
        job.is_dead = False
        await look(recorder, after=60)
        assert recorder.state(key) == "Ending"


async def test_another_attempt_follows_where_the_room_lives(recorder: Recorder) -> None:
    livekit = recorder.livekits[URL]
    livekit.egress.upload_seconds = HOURS
    key = recorder.record(**ON_MAIN, source={"participant": {"identity": "alice"}})
    await recorder.settle()
    await recorder.play(2, of=livekit)
    livekit.leave(ROOM, "alice")
    await recorder.play(of=livekit)
    assert recorder.state(key) == "Ending"
    livekit.egress.fault(ROOM, EgressFault.DIE)
    livekit.join(ROOM, "alice", is_publisher=True)
    for after in (UPLOAD_SECONDS + 1, 60, 60, 60):
        await look(recorder, after=after)
    states = [one["state"] for one in recorder.shown(key)["attempts"]]
    assert states == ["Failed", "Active"]
    began = read_time(recorder.shown(key)["gaps"][0]["from"])
    assert began
    assert recorder.clock.now() - began > timedelta(seconds=UPLOAD_SECONDS)
