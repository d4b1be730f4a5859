"""How a Recording ends, for everybody who reads it; and that nothing follows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.domain import attempts
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.outcomes import Done, Stalled
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_status import (
    conclude,
)
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from roomkeeper.domain.rooms import ServerState
from tests.unit.domain.builders import NOW
from tests.unit.domain.kstatus import CURRENT, FAILED, kstatus
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, EGRESS
from tests.unit.domain.shown import condition, shown

if TYPE_CHECKING:
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_recording().held()
ARMED = a_recording().with_people()
DOWN, REFUSED = ServerState.UNREACHABLE, ServerState.REFUSED


ENDS: list[tuple[str, RecordingBuilder, str, Reason]] = [
    ("ended with its room", HELD.active().seeing(EgressState.COMPLETE), "Complete", Reason.COMPLETED),
    ("limit of the worker", HELD.active().seeing(EgressState.LIMIT_REACHED), "LimitReached", Reason.LIMIT_REACHED),
    (
        "as asked",
        HELD.active().stopping("Requested").seeing(EgressState.COMPLETE),
        "Stopped",
        Reason.STOPPED,
    ),
    (
        "as asked, before it began",
        HELD.starting().stopping("Requested").seeing(EgressState.ABORTED),
        "Stopped",
        Reason.STOPPED,
    ),
    (
        "as asked, before anything was asked of LiveKit",
        ARMED.declaring(desiredState="Stopped"),
        "Stopped",
        Reason.STOPPED,
    ),
    (
        "as asked, before an egress was found",
        HELD.unanswered(AMBIGUOUS_SECONDS).searched().declaring(desiredState="Stopped"),
        "Stopped",
        Reason.STOPPED,
    ),
    (
        "at its deadline",
        HELD.active().stopping("Deadline").seeing(EgressState.COMPLETE),
        "LimitReached",
        Reason.LIMIT_REACHED,
    ),
    ("when everybody had left", HELD.active().stopping("Empty").seeing(EgressState.COMPLETE), "Complete", Reason.COMPLETED),
    # What was told to end and failed has failed.
    (
        "as asked, and the upload failed",
        HELD.ending().stopping("Requested").seeing(EgressState.FAILED, has_error=True, error_code=400),
        "Failed",
        Reason.RECORDING_FAILED,
    ),
    (
        "as asked, and the worker is gone",
        HELD.active().stopping("Requested").having(gone=frozenset({EGRESS})),
        "Failed",
        Reason.EGRESS_UNRESPONSIVE,
    ),
    (
        "as everybody had left, before it began",
        HELD.starting().stopping("Empty").seeing(EgressState.ABORTED),
        "Aborted",
        Reason.RECORDING_ABORTED,
    ),
    (
        "no attempts left",
        HELD.active().declaring(backoffLimit=0).seeing(EgressState.FAILED).with_people(ALICE),
        "Failed",
        Reason.RECORDING_FAILED,
    ),
    (
        "failed, and the room is gone",
        HELD.active().seeing(EgressState.FAILED).without_room(),
        "Failed",
        Reason.RECORDING_FAILED,
    ),
    (
        "aborted, and the room is gone",
        HELD.starting().seeing(EgressState.ABORTED).without_room(),
        "Aborted",
        Reason.RECORDING_ABORTED,
    ),
    ("refused", HELD.unanswered(0).having(was_asked=True, is_refused=True).with_people(ALICE), "Failed", Reason.EGRESS_REJECTED),
    ("forgotten", HELD.active().having(egress=None, is_lost=True).with_people(ALICE), "Unknown", Reason.RESULT_UNKNOWN),
    ("restored", HELD.annotated(last_attempt="{}").with_people(ALICE), "Unknown", Reason.RESTORED_WITHOUT_STATUS),
    (
        "nobody came",
        ARMED.created(60).declaring(startDeadlineSeconds=60),
        "Failed",
        Reason.NOTHING_TO_RECORD,
    ),
    (
        "nobody came, whatever else is wrong",
        ARMED.created(60).declaring(startDeadlineSeconds=60).limited(),
        "Failed",
        Reason.NOTHING_TO_RECORD,
    ),
    (
        "gone after the last attempt",
        HELD.active().declaring(backoffLimit=0).having(gone=frozenset({EGRESS})),
        "Failed",
        Reason.EGRESS_UNRESPONSIVE,
    ),
]  # fmt: skip
GOOD = {"Complete", "Stopped", "LimitReached"}


@pytest.mark.parametrize(
    ("recording", "state", "reason"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS]
)
def test_an_end_is_one_for_everybody_who_reads_it(
    recording: RecordingBuilder, state: str, reason: Reason
) -> None:
    status = shown(recording)
    is_good = state in GOOD
    assert status["state"] == state
    assert condition(status, "Ready") == (str(is_good), reason)
    assert condition(status, "Complete") == (("True", reason) if is_good else None)
    assert condition(status, "Failed") == (None if is_good else ("True", reason))
    assert condition(status, "Stalled") == (None if is_good else ("True", reason))
    assert condition(status, "Reconciling") is None
    assert "endedAt" in status
    assert all(one.state in attempts.ENDED for one in attempts.read(status))
    assert conclude(recording.build()).outcome == (Done(0.0) if is_good else Stalled(0.0))
    assert kstatus(recording.build().recording, status) == (CURRENT if is_good else FAILED)


@pytest.mark.parametrize("recording", [case[1] for case in ENDS], ids=[case[0] for case in ENDS])
def test_what_is_over_stays_as_it_is(recording: RecordingBuilder) -> None:
    status = shown(recording)
    later = (
        a_recording()
        .held()
        .with_status(**status)
        .at(NOW + timedelta(hours=1))
        .with_people(ALICE)
        .ready_to_ask()
    )
    for changed in (later, later.declaring(desiredState="Stopped"), later.without_server(), later.failing()):
        concluded = conclude(changed.build())
        assert concluded.status == status
        assert concluded.outcome == (Done() if status["state"] in GOOD else Stalled())
        assert kstatus(changed.build().recording, concluded.status) in (CURRENT, FAILED)


def test_an_edit_of_what_is_over_is_acknowledged_and_nothing_else() -> None:
    over = HELD.active().seeing(EgressState.COMPLETE).concluded()
    edited = over.edited().annotated(reconcile_at="now")
    status = shown(edited)
    assert (status["observedGeneration"], status["lastHandledReconcileAt"]) == (2, "now")
    assert {one["observedGeneration"] for one in status["conditions"]} == {2}
    assert status["attempts"] == over.status["attempts"]
    assert kstatus(edited.build().recording, status) == CURRENT


@pytest.mark.parametrize(("ttl", "due_in"), [(None, None), (60, 60), (3600, 3600), (0, 0)])
def test_what_is_over_comes_back_when_it_is_to_be_deleted(ttl: int | None, due_in: float | None) -> None:
    for state, expected in ((EgressState.COMPLETE, Done(due_in)), (EgressState.FAILED, Stalled(due_in))):
        over = HELD.active().without_room().seeing(state, ended_at=NOW).concluded()
        assert conclude(over.declaring(ttlSecondsAfterFinished=ttl).build()).outcome == expected
