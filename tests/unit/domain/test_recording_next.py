"""After an attempt that failed: what is kept of it, and when another one follows."""

from __future__ import annotations

from datetime import timedelta

from roomkeeper.domain import recording_events, recording_plan, recording_status
from roomkeeper.domain.egress import EgressResult, EgressState
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recordings import DeclareAttempt
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_builders import ALICE, a_recording

FILE = EgressResult("File", "a.mp4", "https://s3/a.mp4", 1234, 61.6)


def test_an_attempt_that_has_just_ended_is_kept_and_told_before_another_follows() -> None:
    failed = (
        a_recording()
        .held()
        .active()
        .seeing(EgressState.FAILED, ended_at=NOW - timedelta(minutes=1), has_error=True, results=(FILE,))
        .with_people(ALICE)
        .searched()
        .ready_to_ask()
    )
    world = failed.build()
    assert recording_plan.plan(world) == ()

    after = recording_status.conclude(world)
    assert after.status["state"] == "Armed"
    assert [result["location"] for result in after.status["results"]] == ["https://s3/a.mp4"]
    notes = recording_events.notes(before=world.recording.status, world=world, after=after.status)
    assert [note.reason for note in notes] == [Reason.ATTEMPT_FAILED]

    [action] = recording_plan.plan(failed.concluded().having(egress=None).build())
    assert isinstance(action, DeclareAttempt)
    assert action.attempt.number == 2
