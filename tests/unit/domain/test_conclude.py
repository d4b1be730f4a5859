"""What status shows, and when the key comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from roomkeeper.domain.objects import parse_time
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_status import LOOK_AGAIN_SECONDS, conclude
from roomkeeper.domain.rooms import ServerState
from tests.unit.domain.builders import NAME, NOW, WorldBuilder, a_world, config
from tests.unit.domain.kstatus import CURRENT, FAILED, IN_PROGRESS, TERMINATING, kstatus

HELD = a_world().held()
FINE = HELD.with_role("host").live().with_secret("host")
DYING = a_world().held().deleted()
SOON = Waiting(LOOK_AGAIN_SECONDS)
LATER = NOW + timedelta(hours=2)


def renews_in(world: WorldBuilder) -> float:
    """Return the seconds until the first tokens are renewed."""
    [first, *_] = sorted(token["renewsAt"] for token in conclude(world.build()).status["tokens"])
    return (parse_time(first) - NOW).total_seconds()


def condition(status: dict[str, Any], kind: str) -> dict[str, Any] | None:
    return next((found for found in status.get("conditions", ()) if found["type"] == kind), None)


SITUATIONS: list[tuple[str, WorldBuilder, Outcome, Reason, str]] = [
    ("live, without roles", HELD.live(), Done(), Reason.AVAILABLE, CURRENT),
    ("live, with tokens", FINE, Done(renews_in(FINE)), Reason.AVAILABLE, CURRENT),
    (
        "other configuration, and nobody there",
        HELD.live(config=config(max_participants=3)),
        Done(25),
        Reason.AVAILABLE,
        CURRENT,
    ),
    (
        "other configuration, and somebody there",
        HELD.live(config=config(max_participants=3), num_participants=1),
        Done(),
        Reason.AVAILABLE,
        CURRENT,
    ),
    ("absent", HELD, SOON, Reason.WAITING_FOR_LIVEKIT, IN_PROGRESS),
    ("not held", a_world(), SOON, Reason.WAITING_FOR_LIVEKIT, IN_PROGRESS),
    (
        "gone meanwhile",
        HELD.failing(Reason.WAITING_FOR_LIVEKIT),
        SOON,
        Reason.WAITING_FOR_LIVEKIT,
        IN_PROGRESS,
    ),
    ("call failed", FINE.failing(), Retry(), Reason.SERVER_UNREACHABLE, IN_PROGRESS),
    ("room refused", FINE.failing(Reason.ROOM_REJECTED), Retry(), Reason.ROOM_REJECTED, IN_PROGRESS),
    (
        "server down",
        HELD.on_server(ServerState.UNREACHABLE),
        Waiting(300),
        Reason.SERVER_UNREACHABLE,
        IN_PROGRESS,
    ),
    (
        "server not looked at",
        HELD.on_server(ServerState.UNKNOWN),
        Waiting(300),
        Reason.SERVER_UNREACHABLE,
        IN_PROGRESS,
    ),
    (
        "key refused",
        HELD.on_server(ServerState.REFUSED),
        Waiting(300),
        Reason.INVALID_CREDENTIALS,
        IN_PROGRESS,
    ),
    ("unreadable", FINE.unreadable(), Stalled(), Reason.INVALID_SPEC, FAILED),
    ("bad name", FINE.called("a|b"), Stalled(), Reason.INVALID_ROOM_NAME, FAILED),
    ("no server", FINE.without_server(), Stalled(), Reason.NO_SERVER, FAILED),
    ("policy", FINE.called("other"), Stalled(), Reason.POLICY_VIOLATION, FAILED),
    ("identity", FINE.with_role("x", identities=["host"]), Stalled(), Reason.DUPLICATE_IDENTITY, FAILED),
    ("metadata", FINE.declaring(metadata={"a": "x" * 70_000}), Stalled(), Reason.METADATA_TOO_LARGE, FAILED),
    ("conflict", HELD.losing_to("team-a", "older"), Stalled(), Reason.ROOM_CONFLICT, FAILED),
    (
        "foreign Secret",
        HELD.with_role("host").live().with_foreign_secret("standup.host"),
        Stalled(60),
        Reason.SECRET_CONFLICT,
        FAILED,
    ),
    (
        "labelled Secret of another owner",
        HELD.with_role("host").live().with_secret("host", owner_uid="x", owner_name="other"),
        Stalled(60),
        Reason.SECRET_CONFLICT,
        FAILED,
    ),
    (
        "Secret of a Room of that name before",
        HELD.with_role("host").live().with_secret("host", owner_uid="x"),
        Waiting(2),
        Reason.WAITING_FOR_GARBAGE_COLLECTION,
        IN_PROGRESS,
    ),
    (
        "token too large",
        HELD.with_role("host").live().refusing("host"),
        Stalled(),
        Reason.TOKEN_TOO_LARGE,
        FAILED,
    ),
    (
        "Secret too large",
        HELD.with_role("host").live().refusing("host", Reason.SECRET_TOO_LARGE),
        Stalled(),
        Reason.SECRET_TOO_LARGE,
        FAILED,
    ),
    (
        "token too large, and a call failed",
        HELD.with_role("host").live().refusing("host").failing(),
        Retry(),
        Reason.SERVER_UNREACHABLE,
        IN_PROGRESS,
    ),
    ("tokens missing", HELD.with_role("host").live(), SOON, Reason.WAITING_FOR_LIVEKIT, IN_PROGRESS),
    (
        "tokens due, server down",
        FINE.on_server(ServerState.UNREACHABLE).at(LATER),
        Waiting(300),
        Reason.SERVER_UNREACHABLE,
        IN_PROGRESS,
    ),
]


@pytest.mark.parametrize(
    ("world", "outcome", "reason", "seen"),
    [situation[1:] for situation in SITUATIONS],
    ids=[situation[0] for situation in SITUATIONS],
)
def test_a_situation_has_its_outcome_its_reason_and_its_kstatus(
    world: WorldBuilder, outcome: Outcome, reason: Reason, seen: str
) -> None:
    built = world.build()
    concluded = conclude(built)
    ready = condition(concluded.status, "Ready")
    assert ready is not None
    assert (ready["reason"], concluded.outcome) == (reason, outcome)
    assert (ready["status"] == "True") is (seen == CURRENT)
    assert kstatus(built.room, concluded.status) == seen


@pytest.mark.parametrize(
    ("world", "wait"),
    [
        (FINE.on_server(ServerState.UNREACHABLE).live(), 300),
        (FINE.with_role("big").refusing("big"), None),
        (FINE.with_role("taken").with_foreign_secret("standup.taken"), 60),
    ],
    ids=["server down", "one role refused", "one Secret taken"],
)
@pytest.mark.parametrize("left", [10, 5000])
def test_whatever_stands_in_the_way_the_tokens_that_are_there_are_renewed_in_time(
    world: WorldBuilder, wait: float | None, left: float
) -> None:
    passed = renews_in(FINE) - left
    outcome = conclude(world.at(NOW + timedelta(seconds=passed)).build()).outcome
    expected = left if wait is None else min(wait, left)
    assert outcome in (Waiting(expected), Stalled(expected))


def test_tokens_that_are_overdue_and_cannot_be_issued_make_no_hot_loop() -> None:
    world = FINE.with_role("big").refusing("big").on_server(ServerState.REFUSED)
    assert conclude(world.at(LATER).build()).outcome == Waiting(300)


@pytest.mark.parametrize(
    ("world", "outcome", "reason"),
    [
        (DYING.live().failing(), Retry(), Reason.SERVER_UNREACHABLE),
        (DYING.on_server(ServerState.UNREACHABLE), Waiting(30), Reason.SERVER_UNREACHABLE),
        (DYING.on_server(ServerState.REFUSED), Waiting(30), Reason.INVALID_CREDENTIALS),
        (DYING.on_server(ServerState.UNREACHABLE).deleted(290), Waiting(10), Reason.SERVER_UNREACHABLE),
        (DYING.on_server(ServerState.UNREACHABLE).deleted(299.5), SOON, Reason.SERVER_UNREACHABLE),
    ],
    ids=["failed", "down", "refused", "near the end of the grace", "at the end of the grace"],
)
def test_a_deletion_that_waits_says_what_for(world: WorldBuilder, outcome: Outcome, reason: Reason) -> None:
    built = world.with_status(sid="RM_1", roomName=NAME).build()
    concluded = conclude(built)
    ready = condition(concluded.status, "Ready")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert condition(concluded.status, "Reconciling") is not None
    assert (concluded.outcome, concluded.status["sid"]) == (outcome, "RM_1")
    assert concluded.status["observedGeneration"] == built.room.generation
    assert kstatus(built.room, concluded.status) == TERMINATING


def test_a_deletion_that_is_through_writes_nothing() -> None:
    status = FINE.concluded().status
    concluded = conclude(a_world().deleted().with_status(**status).build())
    assert (concluded.status, concluded.outcome) == (status, Done())


def test_a_deletion_that_was_interrupted_is_tried_again() -> None:
    assert conclude(DYING.live().build()).outcome == Retry()


@pytest.mark.parametrize(
    ("then", "moves"),
    [
        (FINE.live(sid="RM_2"), False),
        (FINE.failing(), True),
        (FINE.called("other"), True),
    ],
)
def test_a_transition_time_moves_only_with_the_status(then: WorldBuilder, *, moves: bool) -> None:
    before = conclude(FINE.build()).status
    after = conclude(then.at(NOW + timedelta(minutes=1)).with_status(**before).edited().build()).status
    ready = condition(after, "Ready")
    assert ready is not None
    assert ready["lastTransitionTime"] == ("2026-01-02T12:01:00Z" if moves else "2026-01-02T12:00:00Z")
    assert ready["observedGeneration"] == 2


def test_another_reason_alone_moves_no_transition_time() -> None:
    failing = FINE.failing().concluded()
    after = conclude(failing.failing(Reason.ROOM_REJECTED).at(LATER).build()).status
    ready = condition(after, "Ready")
    assert ready is not None
    assert (ready["reason"], ready["lastTransitionTime"]) == ("RoomRejected", "2026-01-02T12:00:00Z")


def test_abnormal_conditions_are_there_only_while_true() -> None:
    stalled = FINE.called("other").concluded()
    assert condition(dict(stalled.status), "Stalled") is not None
    after = conclude(FINE.with_status(**stalled.status).build()).status
    assert condition(after, "Stalled") is None
    assert condition(after, "Reconciling") is None


def test_a_long_message_is_cut() -> None:
    policy = Policy(room_name_patterns=tuple(f"{number}-{{namespace}}_*" for number in range(200)))
    ready = condition(conclude(FINE.called("other").on_server_with(policy).build()).status, "Ready")
    assert ready is not None
    assert len(ready["message"]) == 1024
