"""What follows an attempt that failed, and what follows the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api.common import rfc3339
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import attempts, recording_plan, recording_status
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.recording_plan import plan
from roomkeeper.domain.recordings import (
    DeclareAttempt,
    DeleteRecording,
    MirrorEnd,
    StopEgress,
)
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, UID, an_egress

if TYPE_CHECKING:
    from roomkeeper.domain.recordings import Action
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_recording().held()
SECOND = DeclareAttempt(attempts.intended(UID, 2, at=NOW))


def planned(recording: RecordingBuilder) -> tuple[Action, ...]:
    return plan(recording.build())


# Another attempt.


@pytest.mark.parametrize(
    ("recording", "actions"),
    [
        (HELD.failed(), (SECOND,)),
        (HELD.failed(1), ()),  # it waits a little
        (HELD.failed().declaring(backoffLimit=0), ()),
        (HELD.failed().failed().declaring(backoffLimit=1), ()),
        (HELD.failed().declaring(desiredState="Stopped"), ()),
        (HELD.failed().declaring(activeDeadlineSeconds=300), ()),  # which the first has used up
        (HELD.failed().declaring(activeDeadlineSeconds=301), (SECOND,)),
        (HELD.failed(error=attempts.REJECTED), ()),
        (HELD.failed(error=attempts.UNRESPONSIVE), (SECOND,)),
        (HELD.failed().limited(), ()),
        (HELD.failed().declaring(startDeadlineSeconds=1), (SECOND,)),
        (HELD.failed().annotated(last_attempt="{}"), (SECOND,)),
    ],
)
def test_a_failed_attempt_is_followed_by_another(
    recording: RecordingBuilder, actions: tuple[Action, ...]
) -> None:
    assert planned(recording.searched().with_people(ALICE).ready_to_ask()) == actions


def test_no_attempt_follows_while_nobody_has_searched_or_the_room_is_gone() -> None:
    followed = HELD.failed().ready_to_ask()
    assert planned(followed.with_people(ALICE).searched()) == (SECOND,)
    assert planned(followed.without_room().searched()) == ()
    assert planned(followed.with_people(ALICE)) == ()


def test_no_attempt_follows_in_another_session_of_the_room() -> None:
    """A Room that persists has a room again at once, and people meet in it another day."""
    recorded = an_egress(1, EgressState.FAILED, room_sid="RM_1")
    failed = HELD.failed().with_people(ALICE).ready_to_ask()
    assert planned(failed.searched(recorded)) == (SECOND,)
    later = failed.searched(replace(recorded, room_sid="RM_EARLIER"))
    assert planned(later) == ()
    assert recording_status.conclude(later.build()).status["state"] == "Failed"
    assert planned(failed.searched(replace(recorded, room_sid=""))) == (SECOND,), "a page is in no room"


def test_the_number_of_attempts_goes_on() -> None:
    assert recording_plan.next_number(HELD.build()) == 1
    assert recording_plan.next_number(HELD.unanswered().build()) == 1
    assert recording_plan.next_number(HELD.failed().failed().build()) == 3
    assert recording_plan.next_number(HELD.failed().unanswered().build()) == 2


def test_what_is_left_of_an_earlier_attempt_is_stopped_first() -> None:
    left = HELD.failed().with_people(ALICE).ready_to_ask().searched(an_egress(egress_id="EG_LOST"))
    assert planned(left) == (StopEgress("EG_LOST"),)
    assert planned(left.having(was_told_to_stop=True)) == ()
    assert planned(left.having(gone=frozenset({"EG_LOST"}))) == (SECOND,)


def test_what_is_left_and_known_to_be_dead_holds_nothing_up() -> None:
    """LiveKit shows it as active for ever."""
    zombie = HELD.failed(error=attempts.UNRESPONSIVE).with_people(ALICE).ready_to_ask()
    assert planned(zombie.searched(an_egress(1))) == (SECOND,)


# After the end.

ENDS = [state for state in RecordingState if state in attempts.ENDED]
OVER = HELD.over(RecordingState.COMPLETE)
SAID = '{"attempt":1,"egressID":"EG_1","state":"Complete"}'


@pytest.mark.parametrize("state", ENDS)
def test_how_it_ended_is_written_where_a_restored_object_still_has_it(state: RecordingState) -> None:
    said = SAID.replace("Complete", str(state))
    assert planned(HELD.over(state)) == (MirrorEnd(said),)
    assert planned(a_recording().over(state)) == (MirrorEnd(said),)  # the finalizer was taken away by hand
    assert planned(HELD.over(state).annotated(last_attempt=said)) == (MirrorEnd(said),)  # which lets it go
    assert planned(a_recording().over(state).annotated(last_attempt=said)) == ()


@pytest.mark.parametrize(
    "changed",
    [
        OVER.declaring(desiredState="Stopped"),
        OVER.declaring(backoffLimit=10),
        OVER.unreadable(),
        OVER.without_server(),
        OVER.failing(),
        OVER.with_people(ALICE).ready_to_ask().searched(),
    ],
)
def test_what_is_over_records_nothing_again(changed: RecordingBuilder) -> None:
    assert planned(changed) == (MirrorEnd(SAID),)


def test_a_recording_that_never_began_says_so_too() -> None:
    never = a_recording().with_status(state="Stopped", endedAt=rfc3339(NOW))
    said = '{"attempt":0,"egressID":"","state":"Stopped"}'
    assert planned(never) == (MirrorEnd(said),)
    assert planned(never.annotated(last_attempt=said)) == ()


@pytest.mark.parametrize("held", [a_recording(), HELD])
def test_what_a_restored_object_tells_of_its_end_is_kept(held: RecordingBuilder) -> None:
    """The advice of RestoredWithoutStatus says that it is there."""
    restored = held.annotated(last_attempt=SAID).concluded()
    assert restored.status["state"] == "Unknown"
    assert planned(restored) in ((), (MirrorEnd(SAID),))
    assert not restored.build().recording.is_held or planned(restored) == (MirrorEnd(SAID),)


@pytest.mark.parametrize(
    ("ttl", "is_deleted"), [(None, False), (61, False), (60, True), (0, True), (31_536_000, False)]
)
def test_it_is_deleted_when_its_time_after_the_end_is_over(ttl: Any, *, is_deleted: bool) -> None:
    ended = a_recording().over(RecordingState.COMPLETE).annotated(last_attempt=SAID)  # a minute ago
    assert planned(ended.declaring(ttlSecondsAfterFinished=ttl)) == (
        (DeleteRecording(),) if is_deleted else ()
    )


def test_it_is_not_deleted_before_its_end_is_written_down() -> None:
    assert planned(OVER.declaring(ttlSecondsAfterFinished=0)) == (MirrorEnd(SAID), DeleteRecording())
    assert planned(OVER.declaring(ttlSecondsAfterFinished=0).having(is_gone=True)) == ()
