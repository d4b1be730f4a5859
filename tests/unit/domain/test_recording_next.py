"""After an attempt that failed: what is kept of it, and when another one follows."""

from __future__ import annotations

from datetime import timedelta

from roomkeeper.domain import attempts, recording_end, recording_events, recording_plan, recording_status
from roomkeeper.domain.egress import EgressResult, EgressState
from roomkeeper.domain.livekit import Participant
from roomkeeper.domain.outcomes import Done
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recordings import DeclareAttempt, StopEgress
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, egress_participant

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
    assert after.outcome == Done(2), "nobody else wakes it: the backoff is over, and the webhook was lost"

    [action] = recording_plan.plan(failed.concluded().having(egress=None).build())
    assert isinstance(action, DeclareAttempt)
    assert action.attempt.number == 2


def test_an_egress_that_was_given_up_is_ended_when_it_is_back_in_its_room() -> None:
    again = a_recording().held().failed(error=attempts.UNRESPONSIVE).active()
    both = again.with_people(ALICE, egress_participant("EG_1"), egress_participant("EG_2"))
    assert recording_plan.plan(both.build()) == (StopEgress("EG_1"),)
    assert recording_plan.plan(both.having(was_told_to_stop=True).build()) == ()
    one = again.with_people(Participant("EG_1", "PA_1"), egress_participant("EG_2"))
    assert recording_plan.plan(one.build()) == (), "a person may have any name"


def test_a_worker_that_is_gone_counts_until_it_was_seen_last() -> None:
    seen = NOW - timedelta(seconds=12)
    gone = a_recording().held().active(60).with_people(ALICE).having(gone=frozenset({"EG_1"}))
    [attempt] = recording_end.settled(gone.having(seen_at=seen).build())
    assert (attempt.error, attempt.ended_at) == (attempts.UNRESPONSIVE, seen)
    [attempt] = recording_end.settled(gone.build())
    assert attempt.ended_at == NOW, "nobody knows better"


def test_before_another_attempt_the_one_that_is_back_is_ended() -> None:
    next_one = a_recording().held().failed(error=attempts.UNRESPONSIVE).searched().ready_to_ask()
    back = next_one.with_people(ALICE, egress_participant("EG_1"))
    assert recording_plan.plan(back.build()) == (StopEgress("EG_1"),)
    [action] = recording_plan.plan(next_one.with_people(ALICE).build())
    assert isinstance(action, DeclareAttempt)
