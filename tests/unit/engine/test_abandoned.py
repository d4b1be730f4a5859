"""A Recording whose finalizer somebody takes away while it runs: its egress ends all the same."""

from __future__ import annotations

import pytest

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.adapters.ports import LiveKitUnreachableError
from roomkeeper.domain.objects import Key
from roomkeeper.domain.outcomes import Done, Retry
from roomkeeper.engine.abandoned import ABANDONED
from tests.unit.engine.fleet import URL
from tests.unit.engine.recordings import FINALIZER, ON_MAIN, Recorder, a_recorder, live_egresses
from tests.unit.engine.warehouse import TENANT

ROOM = f"{TENANT}_standup"


def abandoned(key: Key, uid: str) -> Key:
    return Key(ABANDONED, key.namespace, uid)


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder()


async def test_the_finalizer_comes_back_while_it_runs(recorder: Recorder) -> None:
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    recorder.patch(key, metadata={"finalizers": ["example.com/theirs"]})
    await recorder.settle()
    assert recorder.seen(key)["metadata"]["finalizers"] == ["example.com/theirs", FINALIZER]
    await recorder.play(3, of=recorder.livekits[URL])
    recorder.patch(key, spec={"desiredState": "Stopped"})
    await recorder.settle()
    await recorder.play(3, of=recorder.livekits[URL])
    assert recorder.state(key) == "Stopped"
    await recorder.reconcile(key)
    assert recorder.seen(key)["metadata"]["finalizers"] == ["example.com/theirs"]


async def test_what_is_deleted_without_it_is_stopped(recorder: Recorder) -> None:
    livekit = recorder.livekits[URL]
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    recorder.forget_by_force(key)
    await recorder.settle()
    await recorder.play(3, of=livekit)
    assert await live_egresses(livekit) == []
    assert len(livekit.egress.starts) == 1


async def test_what_is_deleted_before_its_start_was_answered_is_looked_for_and_stopped(
    recorder: Recorder,
) -> None:
    livekit = recorder.livekits[URL]
    livekit.egress.fault(ROOM, EgressFault.ANSWER_LOST)
    livekit.fail_next("list_egress", LiveKitUnreachableError("no answer"))
    livekit.on_event = None
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    uid = recorder.seen(key)["metadata"]["uid"]
    assert "egressID" not in recorder.shown(key)
    recorder.forget_by_force(key)
    await recorder.settle()
    await recorder.reconcile(abandoned(key, uid))
    await recorder.play(3, of=livekit)
    assert await live_egresses(livekit) == []


async def test_one_of_its_name_that_comes_after_it_is_another(recorder: Recorder) -> None:
    livekit = recorder.livekits[URL]
    first = recorder.record(**ON_MAIN)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    recorder.forget_by_force(first)
    recorder.record(**ON_MAIN)
    await recorder.settle()
    await recorder.play(3, of=livekit)
    assert recorder.state(first) == "Active"
    [running] = await live_egresses(livekit)
    assert running.id == recorder.shown(first)["egressID"]
    assert len(livekit.egress.starts) == 2


async def test_it_is_tried_for_no_longer_than_a_deletion_waits(recorder: Recorder) -> None:
    livekit = recorder.livekits[URL]
    key = recorder.record(**ON_MAIN, deletionGraceSeconds=60)
    await recorder.settle()
    uid = recorder.seen(key)["metadata"]["uid"]
    livekit.outage = LiveKitUnreachableError("no connection")
    recorder.forget_by_force(key)
    await recorder.settle()
    recorder.clock.advance(59)
    assert await recorder.reconcile(abandoned(key, uid)) == [Retry()]
    recorder.clock.advance(1)
    assert await recorder.reconcile(abandoned(key, uid)) == [Done()]
    assert recorder.notes.told.count(("Warning", "OrphanedEgress")) == 1
    assert await recorder.reconcile(abandoned(key, uid)) == [Done()]
    assert recorder.notes.told.count(("Warning", "OrphanedEgress")) == 1


async def test_it_counts_until_it_has_ended_where_their_number_is_limited() -> None:
    recorder = await a_recorder(maxActivePerNamespace=1)
    livekit = recorder.livekits[URL]
    first, second = recorder.record("first", **ON_MAIN), recorder.record("second", **ON_MAIN)
    await recorder.settle()
    running = next(key for key in (first, second) if recorder.state(key) == "Starting")
    waiting = second if running == first else first
    await recorder.play(2, of=livekit)
    uid = recorder.seen(running)["metadata"]["uid"]
    livekit.fail_next("stop_egress", LiveKitUnreachableError("no answer"))
    recorder.forget_by_force(running)
    await recorder.settle()
    assert len(await live_egresses(livekit)) == 1
    assert recorder.reason(waiting) == "PolicyViolation"
    await recorder.reconcile(abandoned(running, uid))
    await recorder.play(2, of=livekit)
    await recorder.reconcile(abandoned(running, uid))
    assert recorder.state(waiting) == "Starting"
    assert len(livekit.egress.starts) == 2
