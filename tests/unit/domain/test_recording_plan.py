"""What a Recording needs: from worlds to actions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.common import rfc3339
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import attempts, recording_plan, recordings
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_plan import plan
from roomkeeper.domain.recording_stop import UPLOAD_SECONDS
from roomkeeper.domain.recordings import (
    AMBIGUOUS_SECONDS,
    DeclareAttempt,
    DeclareStop,
    StartEgress,
    StopEgress,
    StreamChange,
    UpdateLayout,
    UpdateStream,
)
from roomkeeper.domain.rooms import AddFinalizer, ServerState
from roomkeeper.domain.storages import NOT_ALLOWED
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_builders import a_recording, a_request
from tests.unit.domain.recording_parts import ALICE, EGRESS, UID, an_egress

if TYPE_CHECKING:
    from roomkeeper.domain.recordings import Action
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_recording().held()
DUE = HELD.armed().with_people(ALICE)  # everything is there but the request
READY = DUE.ready_to_ask()
FIRST = DeclareAttempt(attempts.intended(UID, 1, at=NOW))
STOP = StopEgress(EGRESS)


def planned(recording: RecordingBuilder) -> tuple[Action, ...]:
    return plan(recording.build())


# Before the first attempt.


def test_an_object_is_held_before_anything_is_asked_of_livekit() -> None:
    assert planned(a_recording().armed().with_people(ALICE).ready_to_ask()) == (AddFinalizer(),)


def test_an_object_that_only_waits_is_not_held() -> None:
    assert planned(a_recording().armed().with_people()) == ()


def test_the_intent_is_written_before_it_is_asked() -> None:
    assert planned(READY) == (FIRST,)


def test_what_was_declared_is_asked_for_once() -> None:
    declared = HELD.unanswered(seconds_ago=0).with_people(ALICE).ready_to_ask().having(is_declared=True)
    assert planned(declared) == (StartEgress(a_request(declared)),)
    assert planned(declared.having(is_declared=False, was_asked=True)) == ()


WAITS: list[tuple[str, RecordingBuilder]] = [
    ("no request yet", DUE),
    ("nobody there", READY.with_people()),
    ("no room", READY.without_room()),
    ("nobody looked", HELD.armed().ready_to_ask()),
    ("start at", READY.declaring(startAt=rfc3339(NOW + timedelta(seconds=1)))),
    ("too late", READY.created(61).declaring(startDeadlineSeconds=60)),
    ("stopped", READY.declaring(desiredState="Stopped")),
    ("unreadable", READY.unreadable()),
    ("no server", READY.without_server()),
    ("policy", READY.limited()),
    ("storage", READY.put_on(NOT_ALLOWED)),
    ("refused", DUE.having(refusal=Finding(Reason.SECRET_NOT_FOUND, "told by the test"))),
    ("failure", READY.failing()),
    ("namespace goes", READY.having(is_terminating=True)),
]
# An object without status, restored with the annotation.
RESTORED = HELD.with_people(ALICE).ready_to_ask().annotated(last_attempt='{"attempt":2}')


@pytest.mark.parametrize("recording", [case[1] for case in WAITS], ids=[case[0] for case in WAITS])
def test_nothing_is_started_while_something_is_missing(recording: RecordingBuilder) -> None:
    assert planned(recording) == ()
    assert not recording_plan.needs_request(recording.having(request=None).build()) or recording is DUE


def test_what_was_recorded_before_it_was_restored_is_not_recorded_again() -> None:
    assert planned(RESTORED) == ()
    world = RESTORED.having(request=None, live=None, participants=None).build()
    assert recording_plan.is_restored(world)
    assert not recording_plan.needs_request(world)
    assert not recording_plan.needs_room(world)
    # With its status it is what it was.
    assert planned(RESTORED.armed()) == (FIRST,)


@pytest.mark.parametrize("state", [ServerState.UNKNOWN, ServerState.UNREACHABLE, ServerState.REFUSED])
def test_nothing_is_looked_for_on_a_server_that_does_not_answer(state: ServerState) -> None:
    for recording in (HELD.armed(), HELD.unanswered(99), HELD.failed()):
        world = recording.on_server(state).build()
        assert not recording_plan.needs_room(world)
        assert not recording_plan.needs_search(world)
        assert not recording_plan.needs_request(world)


# What has to be known first.


@pytest.mark.parametrize(
    ("recording", "search", "room", "asks"),
    [
        (HELD.armed(), False, True, False),
        (DUE, False, False, True),
        (READY, False, False, False),
        (HELD.armed().without_room(), False, False, False),
        (HELD.armed().of_a_page(), False, False, True),
        (HELD.active(), False, False, False),
        (HELD.starting(), False, False, False),
        (HELD.ending(), False, False, False),
        # An intent of which nobody knows what came of it.
        (HELD.unanswered(), True, False, False),
        (HELD.unanswered().searched(), False, False, False),
        (HELD.unanswered(AMBIGUOUS_SECONDS - 1).searched(), False, False, False),
        (HELD.unanswered(AMBIGUOUS_SECONDS).searched(), False, True, False),
        (HELD.unanswered(AMBIGUOUS_SECONDS).searched().with_people(ALICE), False, False, True),
        (HELD.unanswered(0).having(is_declared=True), False, False, False),
        # Before another attempt there must be no egress of an earlier one.
        (HELD.failed(), True, True, False),
        (HELD.failed().searched(), False, True, False),
        (HELD.failed().searched().with_people(ALICE), False, False, True),
        (HELD.over(RecordingState.COMPLETE), False, False, False),
        (HELD.over(RecordingState.FAILED), False, False, False),
        (HELD.unanswered().deleted(), True, False, False),
        (HELD.failed().deleted(), False, False, False),
        (HELD.armed().deleted(), False, False, False),
    ],
)  # fmt: skip
def test_what_has_to_be_known_first(
    recording: RecordingBuilder, *, search: bool, room: bool, asks: bool
) -> None:
    world = recording.build()
    assert recording_plan.needs_search(world) is search
    assert recording_plan.needs_room(world) is room
    assert recording_plan.needs_request(world) is asks


# An intent without an answer.


@pytest.mark.parametrize("seconds", [0, 1, AMBIGUOUS_SECONDS - 1])
def test_a_start_without_an_answer_is_not_repeated_while_it_may_still_have_an_effect(seconds: float) -> None:
    for recording in (HELD.unanswered(seconds), HELD.unanswered(seconds).searched()):
        assert planned(recording.with_people(ALICE).ready_to_ask()) == ()


def test_it_is_repeated_under_its_number_once_nothing_can_come_of_it_any_more() -> None:
    waited = HELD.unanswered(AMBIGUOUS_SECONDS).with_people(ALICE).ready_to_ask()
    assert planned(waited) == ()  # nobody has searched
    assert planned(waited.searched()) == (FIRST,)
    assert planned(waited.searched().with_people()) == ()  # everybody has left
    assert planned(waited.searched().failing()) == ()


def test_an_egress_that_is_found_is_adopted() -> None:
    found = HELD.unanswered(99).searched(an_egress()).having(egress=an_egress())
    assert planned(found.with_people(ALICE).ready_to_ask()) == ()
    assert recordings.current(found.build()) == recordings.all_attempts(found.build())[-1]
    assert planned(found.declaring(desiredState="Stopped")) == (
        DeclareStop(recordings.StopReason.REQUESTED),
        STOP,
    )


def test_the_wish_to_stop_is_kept_although_there_is_nothing_to_stop_yet() -> None:
    """Git may take it back before the egress is found."""
    asked = HELD.unanswered().searched().declaring(desiredState="Stopped")
    assert planned(asked) == (DeclareStop(recordings.StopReason.REQUESTED),)
    kept = HELD.unanswered().searched().stopping("Requested")
    assert planned(kept) == ()
    assert (
        planned(HELD.unanswered(99).searched().stopping("Requested").with_people(ALICE).ready_to_ask()) == ()
    )
    assert planned(kept.searched(an_egress()).having(egress=an_egress())) == (STOP,)


# What runs.


@pytest.mark.parametrize(
    ("recording", "actions"),
    [
        (HELD.starting(), ()),
        (HELD.active(), ()),
        (HELD.ending(), ()),
        (HELD.active().without_server(), ()),
        (HELD.active().limited(), ()),
        (HELD.active().put_on(NOT_ALLOWED), ()),
        (HELD.active().unreadable(), ()),
        (HELD.active().declaring(desiredState="Stopped").having(is_terminating=True), ()),
    ],
)
def test_what_runs_is_left_alone(recording: RecordingBuilder, actions: tuple[Action, ...]) -> None:
    assert planned(recording) == actions
    assert planned(recording.with_people(ALICE).ready_to_ask()) == actions


STOPS: list[tuple[RecordingBuilder, str]] = [
    (HELD.active().declaring(desiredState="Stopped"), "Requested"),
    (HELD.starting().declaring(desiredState="Stopped"), "Requested"),
    (HELD.active(60).declaring(activeDeadlineSeconds=60), "Deadline"),
    (HELD.active().declaring(stopWhenEmptySeconds=60).having(empty_seconds=60), "Empty"),
    (HELD.active().having(missing_looks=2), "Unresponsive"),
]


@pytest.mark.parametrize(("recording", "reason"), STOPS)
def test_why_it_ends_is_written_before_livekit_is_told(recording: RecordingBuilder, reason: str) -> None:
    stop = DeclareStop(recordings.StopReason(reason))
    assert planned(recording) == (stop, STOP)
    assert planned(recording.stopping(reason)) == (STOP,)  # a crash between the two
    assert planned(recording.stopping(reason).having(was_told_to_stop=True)) == ()
    assert planned(recording.stopping(reason).having(gone=frozenset({EGRESS}))) == ()


def test_what_ends_is_not_told_again() -> None:
    assert planned(HELD.ending().declaring(desiredState="Stopped")) == ()


def test_a_worker_that_ends_for_ever_is_asked_whether_it_is_there() -> None:
    long_ago = NOW - timedelta(seconds=UPLOAD_SECONDS + 1)
    ending = HELD.ending()
    assert (
        planned(ending.seeing(EgressState.ENDING, changed_at=NOW - timedelta(seconds=UPLOAD_SECONDS))) == ()
    )
    overdue = ending.seeing(EgressState.ENDING, changed_at=long_ago)
    assert planned(overdue) == (STOP,)
    assert planned(overdue.having(was_told_to_stop=True)) == ()
    assert planned(overdue.having(gone=frozenset({EGRESS}))) == ()


@pytest.mark.parametrize(
    ("recording", "wanted"),
    [
        (HELD.active().of("roomComposite", layout="grid"), "grid"),
        (HELD.active().of("roomComposite", layout="grid").with_status(appliedLayout="speaker"), "grid"),
        (HELD.active().of("roomComposite", layout="grid").with_status(appliedLayout="grid"), ""),
        (HELD.active().of("roomComposite", layout="grid").having(applied_layout="grid"), ""),
        (HELD.active().of("roomComposite").with_status(appliedLayout="grid"), ""),
        (HELD.active().of("participant"), ""),
        (HELD.starting().of("roomComposite", layout="grid"), ""),  # it has not joined
        (HELD.ending().of("roomComposite", layout="grid"), ""),
    ],
)
def test_the_layout_changes_while_it_records(recording: RecordingBuilder, wanted: str) -> None:
    assert planned(recording) == ((UpdateLayout(EGRESS, wanted),) if wanted else ())


@pytest.mark.parametrize(
    ("change", "is_sent"),
    [
        (StreamChange(), False),
        (StreamChange(applied=("a",)), False),
        (StreamChange(add=("rtmp://a/1",), applied=("a",)), True),
        (StreamChange(remove=("rtmp://a/1",)), True),
    ],
)
def test_addresses_come_and_go_while_it_streams(change: StreamChange, *, is_sent: bool) -> None:
    streaming = HELD.active().streaming().having(stream=change)
    assert planned(streaming) == ((UpdateStream(EGRESS, change),) if is_sent else ())
    assert planned(HELD.starting().streaming().having(stream=change)) == ()
