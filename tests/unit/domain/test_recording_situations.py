"""Each situation of a Recording: its state, when its key comes back, and what tools make of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.policy import PolicySpec
from roomkeeper.domain import policy
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_status import (
    ENDING_SECONDS,
    ROOM_SECONDS,
    SEARCH_SECONDS,
    SECRETS_SECONDS,
    SERVER_SECONDS,
    conclude,
)
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from roomkeeper.domain.rooms import ServerState
from roomkeeper.domain.storages import NOT_ALLOWED
from tests.unit.domain.kstatus import CURRENT, FAILED, IN_PROGRESS, kstatus
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, an_egress
from tests.unit.domain.shown import condition, in_seconds, shown

if TYPE_CHECKING:
    from tests.unit.domain.recording_builders import RecordingBuilder

HELD = a_recording().held()
ARMED = a_recording().with_people()
DOWN, REFUSED = ServerState.UNREACHABLE, ServerState.REFUSED
NO_SECRET = Finding(Reason.SECRET_NOT_FOUND, "Secret 'urls' is not in namespace 'team-a'")
NO_ROOM = Finding(Reason.ROOM_NOT_FOUND, "Room 'standup' is not in this namespace")
AGAIN = HELD.failed().searched()
ONE_PLACE = policy.from_spec(
    PolicySpec.model_validate({"recordings": {"maxActivePerNamespace": 1, "workerStorage": "Prefixed"}})
)


SITUATIONS: list[tuple[str, RecordingBuilder, str, Outcome, Reason, str]] = [
    # It waits: a meeting blocks no wave of a deployment.
    ("new", a_recording(), "Armed", Done(), Reason.ARMED, CURRENT),
    ("nobody there", ARMED, "Armed", Done(), Reason.ARMED, CURRENT),
    ("no room", a_recording().without_room(), "Armed", Done(), Reason.ARMED, CURRENT),
    (
        "not before",
        ARMED.declaring(startAt=in_seconds(90)),
        "Armed",
        Done(90),
        Reason.ARMED,
        CURRENT,
    ),
    (
        "no longer than",
        ARMED.created(10).declaring(startDeadlineSeconds=60),
        "Armed",
        Done(50),
        Reason.ARMED,
        CURRENT,
    ),
    (
        "both",
        ARMED.declaring(startAt=in_seconds(90), startDeadlineSeconds=60),
        "Armed",
        Done(90),
        Reason.ARMED,
        CURRENT,
    ),
    # Something has to happen first.
    ("no Room", ARMED.having(room_trouble=NO_ROOM), "Armed", Waiting(ROOM_SECONDS), Reason.ROOM_NOT_FOUND, IN_PROGRESS),
    (
        "no Room, and soon too late",
        ARMED.created(10).declaring(startDeadlineSeconds=15).having(room_trouble=NO_ROOM),
        "Armed",
        Waiting(5),
        Reason.ROOM_NOT_FOUND,
        IN_PROGRESS,
    ),
    ("down", ARMED.on_server(DOWN), "Armed", Waiting(SERVER_SECONDS), Reason.SERVER_UNREACHABLE, IN_PROGRESS),
    ("refused", ARMED.on_server(REFUSED), "Armed", Waiting(SERVER_SECONDS), Reason.INVALID_CREDENTIALS, IN_PROGRESS),
    ("a call failed", ARMED.failing(), "Armed", Retry(), Reason.SERVER_UNREACHABLE, IN_PROGRESS),
    ("the room went", ARMED.having(is_unmade=True), "Armed", Retry(), Reason.ARMED, IN_PROGRESS),
    # Somebody has to act.
    ("unreadable", ARMED.unreadable(), "Armed", Stalled(), Reason.INVALID_SPEC, FAILED),
    ("no server", ARMED.without_server(), "Armed", Stalled(), Reason.NO_SERVER, FAILED),
    ("policy", ARMED.limited(), "Armed", Stalled(), Reason.POLICY_VIOLATION, FAILED),
    (
        "quota",
        ARMED.limited(ONE_PLACE).having(others_active=1),
        "Armed",
        Stalled(SECRETS_SECONDS),
        Reason.POLICY_VIOLATION,
        FAILED,
    ),
    (
        "quota, and soon too late",
        ARMED.limited(ONE_PLACE).having(others_active=1).created(10).declaring(startDeadlineSeconds=15),
        "Armed",
        Stalled(5),
        Reason.POLICY_VIOLATION,
        FAILED,
    ),
    (
        "storage",
        ARMED.put_on(NOT_ALLOWED),
        "Armed",
        Stalled(SECRETS_SECONDS),
        Reason.STORAGE_NOT_ALLOWED,
        FAILED,
    ),
    ("key", ARMED.storing(file={"filepath": "/x"}), "Armed", Stalled(), Reason.INVALID_SPEC, FAILED),
    ("no mark", ARMED.streaming(), "Armed", Stalled(), Reason.WEBHOOK_URL_REQUIRED, FAILED),
    (
        "no Secret",
        ARMED.having(refusal=NO_SECRET),
        "Armed",
        Stalled(SECRETS_SECONDS),
        Reason.SECRET_NOT_FOUND,
        FAILED,
    ),
    # It was asked for, and nobody knows what came of it.
    ("unanswered", HELD.unanswered(), "Starting", Waiting(SEARCH_SECONDS), Reason.START_UNANSWERED, IN_PROGRESS),
    (
        "unanswered, searched",
        HELD.unanswered().searched(),
        "Starting",
        Waiting(SEARCH_SECONDS),
        Reason.START_UNANSWERED,
        IN_PROGRESS,
    ),
    (
        "no answer just now",
        HELD.unanswered(0).having(was_asked=True).failing(Reason.START_UNANSWERED),
        "Starting",
        Waiting(SEARCH_SECONDS),
        Reason.START_UNANSWERED,
        IN_PROGRESS,
    ),
    (
        "unanswered, and down",
        HELD.unanswered(999).on_server(DOWN),
        "Starting",
        Waiting(SEARCH_SECONDS),
        Reason.SERVER_UNREACHABLE,
        IN_PROGRESS,
    ),
    (
        "nothing came of it, and nobody is there",
        HELD.unanswered(AMBIGUOUS_SECONDS).searched().with_people(),
        "Armed",
        Done(),
        Reason.ARMED,
        CURRENT,
    ),
    (
        "nothing came of it, and it is too late",
        HELD.unanswered(AMBIGUOUS_SECONDS).searched().with_people().created(99).declaring(startDeadlineSeconds=99),
        "Failed",
        Stalled(0),
        Reason.NOTHING_TO_RECORD,
        FAILED,
    ),
    # It runs.
    ("starting", HELD.starting(), "Starting", Done(), Reason.RECORDING_STARTING, CURRENT),
    ("active", HELD.active(), "Active", Done(), Reason.RECORDING, CURRENT),
    ("ending", HELD.ending(), "Ending", Done(), Reason.RECORDING_ENDING, CURRENT),
    (
        "active, with a deadline",
        HELD.active(600).declaring(activeDeadlineSeconds=700),
        "Active",
        Done(100),
        Reason.RECORDING,
        CURRENT,
    ),
    (
        "active, with a policy",
        HELD.active(600).limited(policy.from_spec(PolicySpec.model_validate({"recordings": {"maxSeconds": 630}}))),
        "Active",
        Done(30),
        Reason.RECORDING,
        CURRENT,
    ),
    (
        "active, and everybody has left",
        HELD.active(600).declaring(activeDeadlineSeconds=700, stopWhenEmptySeconds=60).having(empty_seconds=12),
        "Active",
        Done(48),
        Reason.RECORDING,
        CURRENT,
    ),
    (
        "active, with somebody there",
        HELD.active(600).declaring(stopWhenEmptySeconds=60),
        "Active",
        Done(),
        Reason.RECORDING,
        CURRENT,
    ),
    (
        "active, and told to end",
        HELD.active(600).declaring(desiredState="Stopped").stopping("Requested"),
        "Active",
        Done(ENDING_SECONDS),
        Reason.RECORDING,
        CURRENT,
    ),
    (
        "ending, as it was told",
        HELD.ending().stopping("Requested"),
        "Ending",
        Done(ENDING_SECONDS),
        Reason.RECORDING_ENDING,
        CURRENT,
    ),
    ("active, and down", HELD.active().on_server(DOWN), "Active", Done(), Reason.RECORDING, CURRENT),
    ("active, and a call failed", HELD.active().failing(), "Active", Retry(), Reason.RECORDING, IN_PROGRESS),
    ("active, though not allowed any more", HELD.active().limited(), "Active", Done(), Reason.RECORDING, CURRENT),
    ("active, unreadable", HELD.active().unreadable(), "Active", Done(), Reason.RECORDING, CURRENT),
    # Another attempt follows.
    ("failed, a moment ago", AGAIN.failed(1).with_people(ALICE), "Armed", Done(3), Reason.ARMED, CURRENT),
    ("failed, and nobody is there", AGAIN.with_people(), "Armed", Done(), Reason.ARMED, CURRENT),
    (
        "failed, and something is left",
        HELD.failed().searched(an_egress(egress_id="EG_LOST")).with_people(ALICE),
        "Armed",
        Done(SEARCH_SECONDS),
        Reason.ARMED,
        CURRENT,
    ),
    ("failed, and LiveKit is down", HELD.failed().on_server(DOWN), "Armed", Waiting(SERVER_SECONDS), Reason.SERVER_UNREACHABLE, IN_PROGRESS),
    ("failed, and a call failed", HELD.failed().failing(), "Armed", Retry(), Reason.SERVER_UNREACHABLE, IN_PROGRESS),
    ("failed, and its namespace goes", HELD.failed().having(is_terminating=True), "Armed", Done(), Reason.ARMED, CURRENT),
    ("failed, and the policy is tighter", AGAIN.with_people(ALICE).limited(), "Armed", Stalled(), Reason.POLICY_VIOLATION, FAILED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("recording", "state", "outcome", "reason", "seen"),
    [situation[1:] for situation in SITUATIONS],
    ids=[situation[0] for situation in SITUATIONS],
)
def test_a_situation_has_its_state_its_outcome_its_reason_and_its_kstatus(
    recording: RecordingBuilder, state: str, outcome: Outcome, reason: Reason, seen: str
) -> None:
    status = shown(recording)
    ready = condition(status, "Ready")
    assert ready is not None
    assert (status["state"], conclude(recording.build()).outcome, ready[1]) == (state, outcome, reason)
    assert kstatus(recording.build().recording, status) == seen
    if seen != IN_PROGRESS:
        assert (ready[0] == "True") is (seen == CURRENT)
    assert condition(status, "Failed") == (("True", reason) if state == "Failed" else None)


LASTING = [
    case for case in SITUATIONS if not {"is_unmade", "was_asked"} & set(case[1].more)
]  # the others are news


@pytest.mark.parametrize("recording", [case[1] for case in LASTING], ids=[case[0] for case in LASTING])
def test_nothing_is_written_when_nothing_has_changed(recording: RecordingBuilder) -> None:
    status = shown(recording)
    again = replace(recording, status=status, attempts=())
    assert conclude(again.build()).status == status
