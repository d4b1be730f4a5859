"""What people are told of a Recording: failure, recovery, adoption, another attempt, what was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.domain import attempts, recording_events
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_status import conclude
from roomkeeper.domain.recordings import RecordingState
from roomkeeper.domain.rooms import ServerState
from roomkeeper.domain.storages import NOT_ALLOWED
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, EGRESS, an_egress

if TYPE_CHECKING:
    from roomkeeper.domain.events import Note
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_recording().held()
ARMED = HELD.with_people(ALICE)
ACTIVE = HELD.active()
UNANSWERED = HELD.unanswered(0).having(was_asked=True).failing(Reason.START_UNANSWERED)


def told(before: RecordingBuilder | None, after: RecordingBuilder) -> list[Note]:
    """Return what is told of a reconcile that found the first status and left the second."""
    was = conclude(before.build()).status if before else {}
    world = after.with_status(conditions=was.get("conditions", ())).build()
    return list(recording_events.notes(before=was, world=world, after=conclude(world).status))


def reasons(before: RecordingBuilder | None, after: RecordingBuilder) -> list[tuple[str, Reason]]:
    return [(note.type, note.reason) for note in told(before, after)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ARMED),
        (ARMED, HELD.starting()),
        (HELD.starting(), ACTIVE),
        (ACTIVE, HELD.ending()),
        (ACTIVE, ACTIVE.seeing(EgressState.COMPLETE)),
        (ACTIVE, ACTIVE.stopping("Requested").seeing(EgressState.COMPLETE)),
        (ACTIVE, ACTIVE.seeing(EgressState.LIMIT_REACHED)),
        (ARMED, ARMED.declaring(desiredState="Stopped")),
        (ACTIVE, ACTIVE),
        (ACTIVE, ACTIVE.on_server(ServerState.UNREACHABLE)),
        (UNANSWERED, UNANSWERED),
        (UNANSWERED, HELD.unanswered(2).searched()),
    ],
)
def test_what_goes_as_it_should_is_told_to_nobody(
    before: RecordingBuilder | None, after: RecordingBuilder
) -> None:
    assert told(before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, ARMED.put_on(NOT_ALLOWED), [("Warning", Reason.STORAGE_NOT_ALLOWED)]),
        (ARMED, ARMED.limited(), [("Warning", Reason.POLICY_VIOLATION)]),
        (ARMED.limited(), ARMED, [("Normal", Reason.ARMED)]),
        (ARMED, UNANSWERED, [("Warning", Reason.START_UNANSWERED)]),
        (
            UNANSWERED,
            HELD.unanswered(2).searched(an_egress()).having(egress=an_egress()),
            [("Normal", Reason.EGRESS_ADOPTED), ("Normal", Reason.RECORDING)],
        ),
        (HELD.unanswered(2), HELD.unanswered(2).having(egress=an_egress(), was_asked=True), [("Normal", Reason.RECORDING)]),
        (ARMED, ARMED.on_server(ServerState.UNREACHABLE), [("Warning", Reason.SERVER_UNREACHABLE)]),
        (ARMED.on_server(ServerState.UNREACHABLE), ARMED, [("Normal", Reason.ARMED)]),
        (ACTIVE, ACTIVE.seeing(EgressState.FAILED).without_room(), [("Warning", Reason.RECORDING_FAILED)]),
        (ACTIVE, ACTIVE.having(egress=None, is_lost=True), [("Warning", Reason.RESULT_UNKNOWN)]),
        (ARMED, ARMED.created(9).declaring(startDeadlineSeconds=9), [("Warning", Reason.NOTHING_TO_RECORD)]),
        (None, HELD.annotated(last_attempt="{}"), [("Warning", Reason.RESTORED_WITHOUT_STATUS)]),
        (
            ACTIVE,
            ACTIVE.seeing(EgressState.FAILED).searched().with_people(ALICE),
            [("Warning", Reason.ATTEMPT_FAILED)],
        ),
        (ACTIVE, ACTIVE.having(gone=frozenset({EGRESS})).with_people(ALICE), [("Warning", Reason.ATTEMPT_FAILED)]),
        (
            HELD.failed().active(),
            HELD.failed().active().seeing(EgressState.ABORTED).with_people(ALICE),
            [("Warning", Reason.ATTEMPT_FAILED)],
        ),
        (  # asked for and failed within one reconcile
            HELD.failed().with_people(ALICE),
            HELD.failed().active().seeing(EgressState.FAILED).with_people(ALICE),
            [("Warning", Reason.ATTEMPT_FAILED)],
        ),
        (HELD.failed().with_people(ALICE), HELD.failed().with_people(ALICE), []),
    ],
)  # fmt: skip
def test_what_people_are_told(
    before: RecordingBuilder | None, after: RecordingBuilder, expected: list[tuple[str, Reason]]
) -> None:
    assert reasons(before, after) == expected


def test_a_failed_attempt_is_told_with_its_number_and_a_code() -> None:
    gone = ACTIVE.having(gone=frozenset({EGRESS})).with_people(ALICE)
    [note] = told(ACTIVE, gone)
    assert note.message == "attempt 1 failed (EgressUnresponsive); another one follows"
    aborted = HELD.starting().seeing(EgressState.ABORTED).with_people(ALICE)
    assert told(HELD.starting(), aborted)[0].message == "attempt 1 failed (Aborted); another one follows"


def test_an_egress_that_was_left_behind_is_told_with_the_command_that_ends_it() -> None:
    [note] = told(ACTIVE, ACTIVE.having(orphans=(EGRESS,)))
    assert (note.type, note.reason) == ("Warning", Reason.ORPHANED_EGRESS)
    assert note.message.endswith("lk egress stop --id EG_1")


def test_an_egress_that_nobody_has_seen_is_told_with_the_mark_it_can_be_found_by() -> None:
    unanswered = HELD.unanswered()
    mark = unanswered.attempts[0].marker
    [note] = told(unanswered, unanswered.having(orphans=(mark,)))
    assert note.reason is Reason.ORPHANED_EGRESS
    assert mark in note.message
    assert "lk egress list" in note.message
    assert f"--id {mark}" not in note.message


def test_no_text_of_livekits_is_told() -> None:
    """An error of a worker may quote an address with a key; only codes come this far."""
    failed = ACTIVE.seeing(EgressState.FAILED, has_error=True, error_code=400).without_room()
    [note] = told(ACTIVE, failed)
    assert note.message == "the recording failed (attempt 1, egress EG_1, error code 400)"
    [one] = attempts.read(conclude(failed.build()).status)
    assert (one.state, one.error) == (RecordingState.FAILED, "EgressFailed")
