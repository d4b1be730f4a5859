"""What is counted of Recordings: each thing once, whichever reconcile finds it out."""

from __future__ import annotations

import pytest

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.api import common
from roomkeeper.engine import metrics
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder
from tests.unit.engine.warehouse import TENANT

ROOM = f"{TENANT}_standup"


def value(name: str, **labels: str) -> float | None:
    """Return one sample as a scrape would show it."""
    return metrics.REGISTRY.get_sample_value(name, labels)


class Counts:
    """How much each counter has grown since the test began."""

    def __init__(self) -> None:
        self._before = self._all()

    def grown(self, prefix: str) -> dict[str, float]:
        """Return those of that name which have grown, by their labels' values."""
        return {
            " ".join(labels): now - self._before.get((name, labels), 0)
            for (name, labels), now in self._all().items()
            if name == prefix and now != self._before.get((name, labels), 0)
        }

    @staticmethod
    def _all() -> dict[tuple[str, tuple[str, ...]], float]:
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for metric in metrics.REGISTRY.collect()
            for sample in metric.samples
        }


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder()


async def test_a_recording_counts_its_start_and_its_seconds_once(recorder: Recorder) -> None:
    counts, livekit = Counts(), recorder.livekits[URL]
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    assert value("roomkeeper_recordings", state="Active") == 1
    recorder.clock.advance(30)
    recorder.patch(key, spec={"desiredState": "Stopped"})
    await recorder.settle()
    await recorder.play(3, of=livekit)
    await recorder.reconcile(key)
    assert value("roomkeeper_recordings", state="Stopped") == 1
    assert counts.grown("roomkeeper_recording_starts_total") == {"livekit/main started": 1}
    assert counts.grown("roomkeeper_recorded_seconds_total") == {"": recorder.shown(key)["recordedSeconds"]}
    assert recorder.shown(key)["recordedSeconds"] >= 30
    assert not counts.grown("roomkeeper_recording_failures_total")


async def test_what_a_deleted_recording_has_recorded_counts_too(recorder: Recorder) -> None:
    counts, livekit = Counts(), recorder.livekits[URL]
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    recorder.clock.advance(30)
    recorder.delete_recording(key)
    await recorder.settle()
    await recorder.play(3, of=livekit)
    await recorder.reconcile(key)
    assert value("roomkeeper_recordings", state="Ending") == 0
    assert 30 <= counts.grown("roomkeeper_recorded_seconds_total")[""] < 40


async def test_people_without_a_recording_that_is_armed_make_it_overdue(recorder: Recorder) -> None:
    recorder.lose(namespace="provider", name="keys")
    key = recorder.record(**ON_MAIN)
    refused = recorder.record("refused", **{**ON_MAIN, "roomName": "team-b_standup"})
    later = recorder.record("later", **ON_MAIN, startAt="2027-01-01T00:00:00Z")
    recorder.livekits[URL].join("team-b_standup", "bob")
    await recorder.reconcile(MAIN)
    assert {recorder.state(one) for one in (key, refused, later)} == {"Armed"}
    assert recorder.reason(key) == "SecretNotFound"
    assert value("roomkeeper_recordings_overdue") == 0
    recorder.clock.advance(61)
    assert value("roomkeeper_recordings_overdue") == 1
    recorder.patch(key, spec={"desiredState": "Stopped"})
    recorder.deliver()
    assert value("roomkeeper_recordings_overdue") == 0


async def test_a_start_whose_answer_is_lost_is_counted_and_so_is_that_it_was_found(
    recorder: Recorder,
) -> None:
    counts, livekit = Counts(), recorder.livekits[URL]
    livekit.egress.fault(ROOM, EgressFault.ANSWER_LOST)
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    await recorder.reconcile(key)
    await recorder.play(2, of=livekit)
    assert recorder.state(key) == "Active"
    assert counts.grown("roomkeeper_recording_starts_total") == {
        "livekit/main unanswered": 1,
        "livekit/main adopted": 1,
    }


async def test_a_start_that_is_refused_is_a_failure(recorder: Recorder) -> None:
    counts = Counts()
    recorder.livekits[URL].egress.fault(ROOM, EgressFault.REFUSE)
    key = recorder.record(**ON_MAIN)
    for _ in range(2):
        await recorder.settle()
        await recorder.reconcile(key)
    assert recorder.reason(key) == "EgressRejected"
    assert counts.grown("roomkeeper_recording_starts_total") == {"livekit/main refused": 1}
    assert counts.grown("roomkeeper_recording_failures_total") == {"EgressRejected": 1}


async def test_attempts_that_fail_are_counted_apart_from_recordings_that_do(recorder: Recorder) -> None:
    counts, livekit = Counts(), recorder.livekits[URL]
    for _ in range(2):
        livekit.egress.fault(ROOM, EgressFault.ABORT)
    key = recorder.record(**ON_MAIN, backoffLimit=1)
    for _ in range(2):
        await recorder.settle()
        await recorder.play(2, of=livekit)
        recorder.clock.advance(10)
        await recorder.reconcile(key)
    assert recorder.state(key) == "Aborted"
    assert counts.grown("roomkeeper_recording_starts_total") == {"livekit/main started": 2}
    assert counts.grown("roomkeeper_recording_failures_total") == {"AttemptFailed": 1, "RecordingAborted": 1}


async def test_a_worker_that_died_is_one_zombie_however_often_it_is_looked_for(recorder: Recorder) -> None:
    counts, livekit = Counts(), recorder.livekits[URL]
    key = recorder.record(**ON_MAIN, backoffLimit=0)
    await recorder.settle()
    await recorder.play(2, of=livekit)
    assert recorder.state(key) == "Active"
    livekit.egress.fault(ROOM, EgressFault.DIE)
    livekit.tick()
    for _ in range(6):
        recorder.clock.advance(60)
        await recorder.reconcile(MAIN)
        await recorder.reconcile(key)
    assert recorder.reason(key) == "EgressUnresponsive"
    recorder.patch(key, metadata={"annotations": {common.ANNOTATION_RECONCILE_AT: "now"}})
    await recorder.settle()
    assert recorder.shown(key)["lastHandledReconcileAt"] == "now"
    assert counts.grown("roomkeeper_recording_zombies_total") == {"": 1}
    assert counts.grown("roomkeeper_recording_failures_total") == {"EgressUnresponsive": 1}
