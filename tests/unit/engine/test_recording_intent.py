"""The intent of a start was written, and nobody knows of it: whoever knows that nothing was sent need not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.adapters.ports import KubernetesUnreachableError, LiveKitUnreachableError
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from roomkeeper.engine import recording_execute
from tests.unit.engine.fleet import URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder, live_egresses

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key

LOST = KubernetesUnreachableError("no answer")


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder()


async def lose_the_intent(recorder: Recorder, *, took_effect: bool = True) -> Key:
    """Declare a Recording, and have the answer to the write of its first attempt be lost."""
    key = recorder.record(**ON_MAIN)
    recorder.kubernetes.fail_next("patch", "recordings/status", LOST, after=took_effect)
    with pytest.raises(KubernetesUnreachableError):
        await recorder.settle()
    recorder.deliver()
    assert bool(recorder.shown(key).get("attempts")) is took_effect
    return key


@pytest.mark.parametrize("write", [{"took_effect": True}, {"took_effect": False}])
async def test_it_is_recorded_at_once(recorder: Recorder, write: dict[str, bool]) -> None:
    key = await lose_the_intent(recorder, **write)
    await recorder.reconcile(key)
    assert len(await live_egresses(recorder.livekits[URL])) == 1
    assert [one["number"] for one in recorder.shown(key)["attempts"]] == [1]


async def test_it_is_recorded_soon_when_the_write_was_slow(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_execute, "LONGEST_PAUSE_SECONDS", -1.0)
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    assert recorder.state(key) == "Armed"
    assert not await live_egresses(recorder.livekits[URL])
    monkeypatch.undo()
    await recorder.reconcile(key)
    assert len(await live_egresses(recorder.livekits[URL])) == 1


async def test_one_that_was_stopped_meanwhile_is_over_at_once(recorder: Recorder) -> None:
    key = await lose_the_intent(recorder)
    recorder.patch(key, spec={"desiredState": "Stopped"})
    await recorder.settle()
    assert recorder.state(key) == "Stopped"
    assert not await live_egresses(recorder.livekits[URL])


async def test_one_that_was_deleted_meanwhile_is_gone_at_once(recorder: Recorder) -> None:
    key = await lose_the_intent(recorder)
    recorder.delete_recording(key)
    await recorder.settle()
    assert not recorder.kubernetes.store.list(RECORDINGS)


async def test_once_it_was_sent_it_is_waited_for(recorder: Recorder) -> None:
    livekit = recorder.livekits[URL]
    key = await lose_the_intent(recorder)
    livekit.fail_next("start_egress", LiveKitUnreachableError("no answer"))  # it may still come
    await recorder.reconcile(key)
    recorder.clock.advance(AMBIGUOUS_SECONDS - 1)
    await recorder.reconcile(key)
    assert [method for method, _ in livekit.calls].count("start_egress") == 1


async def test_nothing_is_remembered_of_one_that_is_over(recorder: Recorder) -> None:
    key = await lose_the_intent(recorder)
    recorder.patch(key, spec={"desiredState": "Stopped"})
    await recorder.settle()
    gatherer = recorder.workers.reconcilers["Recording"].gatherer  # type: ignore[attr-defined]
    assert not gatherer.watch._unasked
