"""A deletion stops what runs and lets the object go; media are never deleted, and it does not wait for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import attempts, markers
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Waiting
from roomkeeper.domain.recording_plan import grace_left, plan
from roomkeeper.domain.recording_status import SEARCH_SECONDS, conclude
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS, ReleaseRecording, StopEgress
from roomkeeper.domain.rooms import ServerState
from tests.unit.domain.kstatus import TERMINATING, kstatus
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, EGRESS, UID, an_egress

if TYPE_CHECKING:
    from roomkeeper.domain.recordings import Action
    from tests.unit.domain.recording_builders import RecordingBuilder

DYING = a_recording().held().deleted()
ACTIVE = DYING.active()
DOWN, REFUSED = ServerState.UNREACHABLE, ServerState.REFUSED
LOST = an_egress(1, egress_id="EG_LOST")
MARK = str(markers.marker(UID, 1))

LET_GO, WAIT = (ReleaseRecording(),), ()
STOP = (StopEgress(EGRESS),)
CASES: list[tuple[str, RecordingBuilder, tuple[Action, ...]]] = [
    ("not held", a_recording().deleted(), ()),
    ("not held, though it runs", a_recording().deleted().active(), ()),
    ("armed", DYING.armed(), LET_GO),
    ("new", DYING, LET_GO),
    ("starting", DYING.starting(), STOP),
    ("active", ACTIVE, STOP),
    ("told", ACTIVE.having(was_told_to_stop=True), WAIT),
    ("ending", DYING.ending(), LET_GO),
    ("ending, and the server is down", DYING.ending().on_server(DOWN), LET_GO),
    ("over", DYING.over(RecordingState.COMPLETE), LET_GO),
    ("failed, between two attempts", DYING.failed(), LET_GO),
    ("LiveKit does not know it", ACTIVE.having(egress=None, is_lost=True), LET_GO),
    ("its worker is dead", ACTIVE.having(gone=frozenset({EGRESS})), LET_GO),
    # Nobody knows what came of the start.
    ("unanswered", DYING.unanswered(), WAIT),
    ("unanswered, searched", DYING.unanswered().searched(), WAIT),
    ("unanswered, found", DYING.unanswered().searched(an_egress()).having(egress=an_egress()), STOP),
    ("unanswered, nothing came of it", DYING.unanswered(AMBIGUOUS_SECONDS).searched(), LET_GO),
    ("unanswered, not searched", DYING.unanswered(AMBIGUOUS_SECONDS), WAIT),
    ("found beside it", DYING.unanswered().searched(LOST), (StopEgress("EG_LOST"),)),
    (
        "two at once",
        ACTIVE.searched(an_egress(), LOST),
        (StopEgress(EGRESS), StopEgress("EG_LOST")),
    ),
    # LiveKit does not answer.
    ("failed", ACTIVE.failing(), WAIT),
    ("down", ACTIVE.on_server(DOWN), WAIT),
    ("refused", ACTIVE.on_server(REFUSED), WAIT),
    ("down, without grace", ACTIVE.on_server(DOWN).declaring(deletionGraceSeconds=0), (ReleaseRecording((EGRESS,)),)),
    ("down, a second left", ACTIVE.on_server(DOWN).deleted(299), WAIT),
    ("down, grace over", ACTIVE.on_server(DOWN).deleted(300), (ReleaseRecording((EGRESS,)),)),
    ("refused, grace over", ACTIVE.on_server(REFUSED).deleted(300), (ReleaseRecording((EGRESS,)),)),
    ("no server, grace over", ACTIVE.without_server().deleted(300), (ReleaseRecording((EGRESS,)),)),
    ("failed, grace over", ACTIVE.failing().deleted(300), (ReleaseRecording((EGRESS,)),)),
    ("told in vain, grace over", ACTIVE.having(was_told_to_stop=True).deleted(300), (ReleaseRecording((EGRESS,)),)),
    ("own grace over", ACTIVE.on_server(DOWN).declaring(deletionGraceSeconds=10).deleted(10), (ReleaseRecording((EGRESS,)),)),
    ("unanswered, down, grace over", DYING.unanswered().on_server(DOWN).deleted(300), (ReleaseRecording((MARK,)),)),
    ("answers after the grace", ACTIVE.deleted(100_000), STOP),  # it was never tried
    ("unanswered, down in the grace", DYING.unanswered(999).on_server(DOWN), WAIT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("recording", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_deletion(recording: RecordingBuilder, expected: tuple[Action, ...]) -> None:
    assert plan(recording.build()) == expected
    assert plan(recording.having(is_terminating=True).build()) == expected


@pytest.mark.parametrize(
    "recording", [DYING.armed(), ACTIVE, DYING.failed(), DYING.unanswered(99).searched()]
)
def test_nothing_is_started_for_an_object_that_goes(recording: RecordingBuilder) -> None:
    ready = recording.with_people(ALICE).ready_to_ask()
    assert all(isinstance(action, StopEgress | ReleaseRecording) for action in plan(ready.build()))


def test_whatever_stands_in_the_way_holds_up_no_deletion() -> None:
    for recording in (ACTIVE.unreadable(), ACTIVE.limited(), ACTIVE.annotated(last_attempt="{}")):
        assert plan(recording.build()) == STOP


@pytest.mark.parametrize(
    ("recording", "outcome"),
    [
        (ACTIVE, Waiting(SEARCH_SECONDS)),
        (DYING.unanswered(), Waiting(SEARCH_SECONDS)),
        (ACTIVE.failing(), Retry()),
        (ACTIVE.on_server(DOWN), Waiting(30)),
        (ACTIVE.on_server(DOWN).deleted(290), Waiting(10)),
        (ACTIVE.on_server(DOWN).deleted(299.9), Waiting(0.5)),
        (ACTIVE.on_server(DOWN).deleted(999), Waiting(0.5)),
        (a_recording().deleted(), Done()),
    ],
)
def test_a_deletion_comes_back_until_it_is_through(recording: RecordingBuilder, outcome: Outcome) -> None:
    world = recording.build()
    concluded = conclude(world)
    assert (concluded.outcome, concluded.status) == (outcome, world.recording.status)
    assert kstatus(world.recording, concluded.status) == TERMINATING


def test_grace_is_read_even_from_a_spec_that_is_not_understood() -> None:
    assert grace_left(DYING.declaring(deletionGraceSeconds=60).unreadable().build()) == 59
    assert grace_left(DYING.build()) == 299


def test_what_has_ended_before_is_not_stopped_again() -> None:
    left = DYING.failed(error=attempts.UNRESPONSIVE).active()
    assert plan(left.build()) == (StopEgress("EG_2"),)
