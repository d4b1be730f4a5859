"""A whole reconcile of a Recording: what is told once, and what is forgotten when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.adapters.ports import ConflictError
from roomkeeper.domain.objects import Key
from roomkeeper.engine.abandoned import ABANDONED
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder
from tests.unit.engine.warehouse import TENANT

if TYPE_CHECKING:
    from roomkeeper.engine.recording_watch import RecordingWatch

ROOM = f"{TENANT}_standup"
STREAM = {"outputs": {"file": {"filepath": "talk"}, "stream": {"urlsSecretRef": {"name": "addresses"}}}}


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder(streams="Allowed")


def watch(recorder: Recorder) -> RecordingWatch:
    found: RecordingWatch = recorder.workers.reconcilers["Recording"].gatherer.watch  # type: ignore[attr-defined]
    return found


async def test_an_event_is_told_when_status_tells_it_too(recorder: Recorder) -> None:
    key = recorder.record(**{**ON_MAIN, "storageRef": {"name": "none"}})
    recorder.kubernetes.fail_next("patch", "recordings/status", ConflictError("changed meanwhile"))
    with pytest.raises(ConflictError):
        await recorder.settle()
    assert recorder.notes.told == []
    await recorder.reconcile(key)
    assert recorder.notes.told == [("Warning", "StorageNotAllowed")]


@pytest.mark.parametrize("end", ["stopped", "lost", "abandoned"])
async def test_nothing_is_remembered_of_one_that_is_over(recorder: Recorder, end: str) -> None:
    livekit = recorder.livekits[URL]
    recorder.keep_data({"one": "rtmp://media.example.com/live/key"}, namespace=TENANT, name="addresses")
    livekit.egress.fault(ROOM, EgressFault.ABORT)
    key = recorder.record(**ON_MAIN, **STREAM, backoffLimit=1)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    recorder.clock.advance(10)
    await recorder.reconcile(key)
    await recorder.play(2, of=livekit)
    uid = recorder.seen(key)["metadata"]["uid"]
    assert [one["state"] for one in recorder.shown(key)["attempts"]] == ["Aborted", "Active"]
    assert watch(recorder)._watched
    assert watch(recorder)._streams
    if end == "stopped":
        recorder.patch(key, spec={"desiredState": "Stopped"})
    elif end == "lost":
        livekit.egress.forget()
        recorder.clock.advance(60)
        await recorder.reconcile(MAIN)
    else:
        recorder.forget_by_force(key)
    await recorder.settle()
    await recorder.play(4, of=livekit)
    await recorder.reconcile(Key(ABANDONED, TENANT, uid))
    assert not watch(recorder)._watched
    assert not watch(recorder)._streams
