"""What the status of a Recording shows: its worker, its results, what stays and what moves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.common import MAX_INT32, rfc3339
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import attempts
from roomkeeper.domain.conditions import find
from roomkeeper.domain.egress import EgressResult, EgressState
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recordings import StreamChange
from roomkeeper.domain.rooms import ServerState
from roomkeeper.domain.storages import NOT_ALLOWED
from tests.unit.domain.builders import NOW
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, EGRESS, OWN, STORED
from tests.unit.domain.shown import condition, in_seconds, shown

if TYPE_CHECKING:
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_recording().held()
ARMED = a_recording().with_people()
DOWN, REFUSED = ServerState.UNREACHABLE, ServerState.REFUSED


# What an outage changes.


@pytest.mark.parametrize(
    "recording",
    [
        HELD.failed().on_server(DOWN),
        HELD.failed().on_server(REFUSED),
        HELD.failed().on_server(ServerState.UNKNOWN),
        HELD.failed().failing(),
        HELD.active().seeing(EgressState.FAILED).failing(),  # it was just seen, and the search failed
        HELD.active().having(gone=frozenset({EGRESS})).failing(),
        # Who is in the room was asked, but not whether it is there.
        HELD.active().stopping("Unresponsive").having(gone=frozenset({EGRESS})).among(ALICE),
        HELD.active().stopping("Unresponsive").having(gone=frozenset({EGRESS})).among(),
    ],
)
def test_an_attempt_is_followed_after_an_outage_as_nobody_knows_whether_the_room_lives(
    recording: RecordingBuilder,
) -> None:
    status = shown(recording)
    assert (status["state"], condition(status, "Failed")) == ("Armed", None)
    back = a_recording().held().with_status(**status).at(NOW + timedelta(minutes=5)).searched()
    assert shown(back.with_people(ALICE))["state"] == "Armed"
    assert shown(back.without_room())["state"] == "Failed"


# Whether the worker is there.


@pytest.mark.parametrize(
    ("recording", "expected"),
    [
        (ARMED, None),
        (HELD.unanswered(), None),
        (HELD.starting(), ("True", "EgressResponsive")),
        (HELD.active(), ("True", "EgressResponsive")),
        (HELD.active().having(missing_looks=1), ("True", "EgressResponsive")),
        (HELD.active().having(missing_looks=2), ("False", "EgressUnresponsive")),
        (HELD.active().of("web").having(missing_looks=9), ("True", "EgressResponsive")),
        (HELD.active().having(gone=frozenset({EGRESS})).with_people(ALICE), ("False", "EgressUnresponsive")),
        (HELD.failed(error=attempts.UNRESPONSIVE).with_people(ALICE), ("False", "EgressUnresponsive")),
        (HELD.failed(error=attempts.UNRESPONSIVE).unanswered(), ("False", "EgressUnresponsive")),
        (HELD.failed(error=attempts.UNRESPONSIVE).active(), ("True", "EgressResponsive")),
        (HELD.failed().with_people(ALICE), ("True", "EgressResponsive")),
    ],
)
def test_whether_the_worker_is_there_is_shown_once_there_was_one(
    recording: RecordingBuilder, expected: tuple[str, str] | None
) -> None:
    assert condition(shown(recording), "EgressResponsive") == expected


@pytest.mark.parametrize("ended", [EgressState.COMPLETE, EgressState.FAILED, EgressState.ABORTED])
def test_whatever_a_worker_that_had_gone_tells_at_last_another_attempt_follows(ended: EgressState) -> None:
    zombie = HELD.active().stopping("Unresponsive").seeing(ended).with_people(ALICE)
    status = shown(zombie)
    assert status["state"] == "Armed"
    assert "stopReason" not in status  # of the next attempt
    assert [one.state for one in attempts.read(status)] == [RecordingState.FAILED]


def test_a_worker_that_is_told_and_does_not_answer_has_failed() -> None:
    status = shown(HELD.active().stopping("Unresponsive").having(gone=frozenset({EGRESS})).with_people(ALICE))
    [one] = attempts.read(status)
    assert (one.state, one.error, one.ended_at) == (RecordingState.FAILED, attempts.UNRESPONSIVE, NOW)
    assert status["state"] == "Armed"


# What came of it.

FILE = EgressResult("File", "a.mp4", "https://s3/a.mp4", 10, 599.6)


def test_results_times_and_gaps_add_up_over_the_attempts() -> None:
    first = HELD.active(600).seeing(EgressState.FAILED, results=(FILE,), ended_at=NOW - timedelta(seconds=60))
    status = shown(first.with_people(ALICE))
    assert (status["recordedSeconds"], len(status["results"]), status["state"]) == (540, 1, "Armed")
    assert status["startedAt"] == in_seconds(-600)
    assert "endedAt" not in status
    second = a_recording().held().with_status(**status)
    known = attempts.read(status)
    running = second
    for one in known:
        running = running.attempted(one)
    running = running.active(30)
    again = shown(running)
    assert again["gaps"] == [{"from": in_seconds(-60), "to": in_seconds(-30)}]
    assert (
        again["recordedSeconds"] == 540
    )  # what runs is not counted before it is over: it would be written for ever
    over = shown(running.seeing(EgressState.COMPLETE, results=(FILE,), ended_at=NOW))
    assert over["recordedSeconds"] == 570
    assert [result["attempt"] for result in over["results"]] == [1, 2]
    assert over["endedAt"] == in_seconds(0)


def test_an_end_that_livekit_does_not_date_does_not_go_on_counting() -> None:
    undated = HELD.active(600).seeing(EgressState.FAILED, ended_at=None).with_people(ALICE)
    status = shown(undated)
    for later in (1, 100):
        again = (
            a_recording().held().with_status(**status).with_people(ALICE).at(NOW + timedelta(seconds=later))
        )
        assert shown(again).get("recordedSeconds") == status.get("recordedSeconds")


def test_what_a_server_tells_of_times_fits_into_status() -> None:
    end = NOW + timedelta(days=230 * 365)
    failed = HELD.active(600).seeing(
        EgressState.FAILED, ended_at=end, started_at=NOW - timedelta(days=50 * 365)
    )
    assert shown(failed.without_room())["recordedSeconds"] == MAX_INT32


def test_an_end_is_dated_by_its_last_change_at_least() -> None:
    changed = NOW - timedelta(seconds=5)
    status = shown(
        HELD.active(600).seeing(EgressState.FAILED, ended_at=None, changed_at=changed).without_room()
    )
    assert (status["endedAt"], status["recordedSeconds"]) == (rfc3339(changed), 595)


@pytest.mark.parametrize(
    ("recording", "text"),
    [
        (
            HELD.active()
            .declaring(backoffLimit=0)
            .seeing(EgressState.FAILED, has_error=True, error_code=400),
            "the recording failed (attempt 1, egress EG_1, error code 400)",
        ),
        (HELD.unanswered(0).having(is_refused=True), "LiveKit refuses the request (attempt 1)"),
        (HELD.active().declaring(backoffLimit=0).seeing(EgressState.FAILED), "the recording failed"),
        (
            HELD.active().having(egress=None, is_lost=True),
            "LiveKit does not know this egress any more (attempt 1, egress EG_1)",
        ),
        (
            HELD.active().seeing(EgressState.LIMIT_REACHED, has_error=True),
            "the recording has reached its time limit",
        ),
        (
            a_recording().without_room().created(60).declaring(startDeadlineSeconds=60),
            "nothing could be recorded in time: room 'team-a_standup' is not there",
        ),
    ],
)
def test_an_end_says_which_attempt_and_which_code(recording: RecordingBuilder, text: str) -> None:
    found = find(shown(recording)["conditions"], "Ready")
    assert found is not None
    assert found["message"] == text


# What stays.


def test_where_it_records_is_kept_from_the_first_look_on() -> None:
    status = shown(ARMED.put_on(STORED))
    assert OWN.ref is not None
    assert (status["roomName"], status["serverRef"]) == ("team-a_standup", dict(OWN.ref))
    assert status["storageRef"] == STORED.ref
    # And goes with nothing that comes later.
    later = HELD.with_status(**status).without_server().put_on(NOT_ALLOWED)
    assert {key: shown(later)[key] for key in ("roomName", "serverRef", "storageRef")} == {
        key: status[key] for key in ("roomName", "serverRef", "storageRef")
    }


def test_where_it_records_is_not_settled_while_something_stands_in_the_way() -> None:
    status = shown(ARMED.limited().put_on(STORED).declaring(activeDeadlineSeconds=1).of_a_page())
    assert not {"roomName", "serverRef", "storageRef"} & set(status)


def test_what_was_applied_is_kept() -> None:
    running = HELD.active().having(applied_layout="grid", stream=StreamChange(applied=("a", "b")))
    assert (shown(running)["appliedLayout"], shown(running)["appliedStreams"]) == ("grid", ["a", "b"])
    later = HELD.active().with_status(appliedLayout="grid", appliedStreams=["a"])
    assert (shown(later)["appliedLayout"], shown(later)["appliedStreams"]) == ("grid", ["a"])


def test_a_wish_to_look_again_is_acknowledged() -> None:
    for recording in (ARMED, HELD.active(), ARMED.limited()):
        assert shown(recording.annotated(reconcile_at="now"))["lastHandledReconcileAt"] == "now"


def test_a_start_that_stays_unanswered_changes_its_conditions_once() -> None:
    """Else the time of the transition would move with each look, and Ready would be both."""
    failed = shown(HELD.unanswered(0).having(was_asked=True).failing(Reason.START_UNANSWERED))
    looked = shown(HELD.unanswered(0).searched().with_status(**failed).at(NOW + timedelta(seconds=2)))
    assert condition(failed, "Ready") == condition(looked, "Ready") == ("False", "StartUnanswered")
    first, second = find(failed["conditions"], "Ready"), find(looked["conditions"], "Ready")
    assert first is not None
    assert second is not None
    assert first["lastTransitionTime"] == second["lastTransitionTime"]


@pytest.mark.parametrize(
    ("before", "then", "moves"),
    [
        (ARMED, HELD.active(), False),
        (ARMED, ARMED.limited(), True),
        (HELD.active(), HELD.active().seeing(EgressState.COMPLETE), False),
        (HELD.active(), HELD.active().seeing(EgressState.FAILED).without_room(), True),
    ],
)
def test_a_transition_time_moves_only_with_the_status(
    before: RecordingBuilder, then: RecordingBuilder, *, moves: bool
) -> None:
    status = shown(before)
    after = shown(then.with_status(conditions=status["conditions"]).at(NOW + timedelta(minutes=1)).edited())
    ready = find(after["conditions"], "Ready")
    assert ready is not None
    assert ready["lastTransitionTime"] == (in_seconds(60) if moves else in_seconds(0))
    assert ready["observedGeneration"] == 2
