"""Persistent, OnDemand, Once; suspended; adopted or refused: what is planned, and what is said."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.domain import deletion
from roomkeeper.domain.conditions import find
from roomkeeper.domain.outcomes import Done, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_plan import plan
from roomkeeper.domain.room_status import conclude
from roomkeeper.domain.rooms import (
    CreateRoom,
    DeleteRoom,
    DeleteSecret,
    IssueTokens,
    RemoveFinalizer,
    ServerState,
    UpdateMetadata,
)
from tests.unit.domain.builders import CREATED, NAME, NOW, WorldBuilder, a_world, config
from tests.unit.domain.kstatus import CURRENT, FAILED, IN_PROGRESS, kstatus

if TYPE_CHECKING:
    from roomkeeper.domain.outcomes import Outcome

HELD = a_world().held().with_role("host")
ON_DEMAND = HELD.declaring(lifecycle="OnDemand")
ONCE = HELD.declaring(lifecycle="Once")
RAN_ONCE = ONCE.with_status(sid="RM_1").with_secret("host")
FINISHED = RAN_ONCE.concluded()
BEFORE = CREATED - timedelta(days=1)


def said(world: WorldBuilder, kind: str) -> tuple[str, str] | None:
    """Return status and reason of a condition."""
    found = find(conclude(world.build()).status["conditions"], kind)
    return found and (found["status"], found["reason"])


def actions(world: WorldBuilder) -> list[type]:
    return [type(action) for action in plan(world.build())]


# OnDemand


def test_a_room_on_demand_is_not_created_and_its_tokens_are_issued() -> None:
    assert actions(ON_DEMAND) == [IssueTokens]


def test_a_room_on_demand_is_ready_without_being_there() -> None:
    world = ON_DEMAND.with_secret("host")
    assert said(world, "RoomAvailable") == said(world, "Ready") == ("True", "OnDemand")
    assert said(world, "UpToDate") is None
    assert isinstance(conclude(world.build()).outcome, Done)
    assert kstatus(world.build().room, conclude(world.build()).status) == CURRENT


def test_a_room_on_demand_that_is_there_is_available() -> None:
    assert said(ON_DEMAND.with_secret("host").live(), "Ready") == ("True", "Available")


def test_nobody_is_left_in_a_room_on_demand_that_is_gone() -> None:
    world = ON_DEMAND.with_status(sid="RM_1", numParticipants=3, numPublishers=1, activeRecording=True)
    status = conclude(world.build()).status
    assert (status["numParticipants"], status["numPublishers"], status["activeRecording"]) == (0, 0, False)
    unseen = conclude(world.on_server(ServerState.UNREACHABLE).build()).status
    assert (unseen["numParticipants"], unseen["activeRecording"]) == (3, True)


@pytest.mark.parametrize(
    ("policy", "metadata", "sid", "is_set"),
    [
        ("Merge", "", "", True),
        ("Enforce", "", "", True),
        ("Initial", "", "", True),
        ("Initial", "", "RM_0", True),
        ("Initial", "theirs", "", False),
        ("Initial", "", "RM_1", False),
        ("Enforce", "theirs", "RM_1", True),
    ],
)
def test_a_room_that_a_join_has_made_gets_its_metadata_when_it_is_first_seen(
    policy: str, metadata: str, sid: str, *, is_set: bool
) -> None:
    world = ON_DEMAND.declaring(metadata={"a": 1}, metadataPolicy=policy).with_secret("host")
    planned = plan(world.with_status(sid=sid).live(metadata=metadata).build())
    assert planned == ((UpdateMetadata(NAME, '{"a":1}'),) if is_set else ())


def test_metadata_of_an_adopted_room_is_left_to_the_application_under_initial() -> None:
    world = ON_DEMAND.declaring(metadata={"a": 1}, metadataPolicy="Initial").with_secret("host")
    assert plan(world.live(metadata="", created_at=BEFORE).build()) == ()


@pytest.mark.parametrize(
    ("lifecycle", "auto_create", "reason"),
    [
        ("OnDemand", False, Reason.AUTO_CREATE_DISABLED),
        ("OnDemand", None, Reason.ON_DEMAND),
        ("OnDemand", True, Reason.ON_DEMAND),
        ("Persistent", False, Reason.WAITING_FOR_LIVEKIT),
        ("Once", False, Reason.WAITING_FOR_LIVEKIT),
    ],
)
def test_only_a_room_on_demand_needs_auto_create(
    lifecycle: str, reason: Reason, *, auto_create: bool | None
) -> None:
    world = HELD.declaring(lifecycle=lifecycle).with_secret("host").on(auto_create=auto_create)
    ready = said(world, "Ready")
    assert ready is not None
    assert ready[1] == reason
    if reason is Reason.AUTO_CREATE_DISABLED:
        assert actions(world) == []
        assert conclude(world.build()).outcome == Stalled()


def test_a_lifecycle_is_changed_by_editing_it() -> None:
    assert actions(ON_DEMAND.with_secret("host").declaring(lifecycle="Persistent"))[0] is CreateRoom
    left = HELD.live().with_secret("host").concluded().declaring(lifecycle="OnDemand").edited()
    assert said(left, "Ready") == ("True", "Available")
    assert [
        change["field"] for change in conclude(left.live().build()).status.get("pendingChanges", ())
    ] == []


# Once


def test_a_room_that_is_to_exist_once_is_created_once() -> None:
    assert actions(ONCE) == [CreateRoom, IssueTokens]
    assert actions(RAN_ONCE.live()) == []
    assert actions(RAN_ONCE) == [DeleteSecret]


@pytest.mark.parametrize(
    "world",
    [
        RAN_ONCE.too_early(),
        RAN_ONCE.on_server(ServerState.UNREACHABLE),
        RAN_ONCE.failing(),
        RAN_ONCE.on_server(ServerState.REFUSED),
    ],
    ids=["too early", "down", "failed", "refused"],
)
def test_a_room_that_was_not_seen_is_not_finished(world: WorldBuilder) -> None:
    assert DeleteSecret not in actions(world)
    available = said(world, "RoomAvailable")
    assert available is not None
    assert available[1] != Reason.FINISHED


def test_a_finished_room_is_ready_and_not_available() -> None:
    concluded = conclude(RAN_ONCE.build())
    assert concluded.outcome == Done()
    assert "tokens" not in concluded.status
    assert said(RAN_ONCE, "Ready") == ("True", "Finished")
    assert said(RAN_ONCE, "RoomAvailable") == said(RAN_ONCE, "TokensIssued") == ("False", "Finished")
    assert kstatus(RAN_ONCE.build().room, concluded.status) == CURRENT


@pytest.mark.parametrize(
    "world",
    [
        FINISHED.on_server(ServerState.UNREACHABLE),
        FINISHED.too_early(),
        FINISHED.called("other"),
        FINISHED.without_server(),
        FINISHED.live(sid="RM_1"),
    ],
    ids=["down", "too early", "policy", "no server", "the same SID"],
)
def test_finished_is_for_good(world: WorldBuilder) -> None:
    assert said(world, "Ready") == ("True", "Finished")
    assert CreateRoom not in actions(world)


@pytest.mark.parametrize("before", [RAN_ONCE, FINISHED], ids=["at once", "later"])
def test_a_room_that_a_token_has_brought_back_is_deleted_again(before: WorldBuilder) -> None:
    back = before.live(sid="RM_2")
    assert DeleteRoom(NAME) in plan(back.build())
    status = conclude(back.build()).status
    assert (status["sid"], status.get("recreations", 0)) == ("RM_1", 0)


@pytest.mark.parametrize(
    "world",
    [
        FINISHED.live(sid="RM_2").suspended(),
        FINISHED.live(sid="RM_2").losing_to("team-a", "older"),
        FINISHED.live(sid="RM_2").called("other"),
        FINISHED.live(sid="RM_2").failing(),
        FINISHED.live(sid="RM_2").on_server(ServerState.UNREACHABLE),
    ],
    ids=["suspended", "another's", "not allowed", "failed", "down"],
)
def test_a_room_that_is_back_is_left_alone(world: WorldBuilder) -> None:
    assert DeleteRoom(NAME) not in plan(world.build())


def test_a_room_that_is_back_and_cannot_be_deleted_is_tried_again() -> None:
    concluded = conclude(FINISHED.live(sid="RM_2").failing().build())
    assert concluded.outcome == Retry()
    assert find(concluded.status["conditions"], "Reconciling") is not None


def test_a_room_that_existed_once_is_never_replaced() -> None:
    world = RAN_ONCE.live(config=config(max_participants=3)).declaring(updatePolicy="Always")
    assert actions(world) == []
    assert said(world, "UpToDate") == ("False", "RequiresRecreate")


# suspend


def test_nothing_is_done_in_livekit_while_suspended_and_tokens_are_issued() -> None:
    assert actions(HELD.suspended()) == [IssueTokens]
    live = HELD.suspended().declaring(metadata={"a": 1}, updatePolicy="Always")
    assert actions(live.live(metadata="", config=config(max_participants=3))) == [IssueTokens]


def test_a_deletion_works_while_suspended() -> None:
    assert plan(HELD.suspended().deleted().live().build()) == (DeleteRoom(NAME),)


@pytest.mark.parametrize(
    ("before", "then", "ready", "outcome", "seen"),
    [
        (HELD.live().with_secret("host"), {}, ("True", "Available"), Done, CURRENT),
        (HELD.failing(), {}, ("False", "ServerUnreachable"), Waiting, IN_PROGRESS),
        (None, {}, ("False", "Suspended"), Stalled, FAILED),
    ],
    ids=["ready", "not ready", "new"],
)
def test_ready_keeps_its_value_while_suspended(
    before: WorldBuilder | None,
    then: dict[str, Any],
    ready: tuple[str, str],
    outcome: type[Outcome],
    seen: str,
) -> None:
    status = before.concluded().status if before else {}
    world = HELD.with_secret("host").with_status(**status).suspended().edited()
    concluded = conclude(world.build())
    assert said(world, "Ready") == ready
    assert said(world, "Suspended") == ("True", "Suspended")
    assert said(world, "RoomAvailable") == ("False", "Suspended")
    assert isinstance(concluded.outcome, outcome)
    assert kstatus(world.build().room, concluded.status) == seen


def test_suspended_is_said_only_while_it_is() -> None:
    assert said(HELD.live(), "Suspended") is None


# adoption


def test_a_room_that_is_older_than_the_object_is_refused_where_that_is_declared() -> None:
    world = HELD.declaring(adoptionPolicy="Refuse").live(created_at=BEFORE)
    assert plan(world.build()) == ()
    concluded = conclude(world.build())
    assert (said(world, "Ready"), concluded.outcome) == (("False", "AdoptionRefused"), Stalled())
    assert "sid" not in concluded.status  # else it would count as its own the next time


@pytest.mark.parametrize(
    ("policy", "sid", "created_at"),
    [("Adopt", "", BEFORE), ("Refuse", "RM_1", BEFORE), ("Refuse", "", CREATED)],
    ids=["adopted", "had before", "younger"],
)
def test_a_room_is_not_refused(policy: str, sid: str, created_at: object) -> None:
    world = HELD.with_secret("host").declaring(adoptionPolicy=policy).with_status(sid=sid)
    assert said(world.live(created_at=created_at), "Ready") == ("True", "Available")


def test_a_room_that_was_refused_is_not_deleted_with_the_object() -> None:
    world = HELD.declaring(adoptionPolicy="Refuse", deletionPolicy="Delete").live(created_at=BEFORE).deleted()
    assert deletion.plan(world.build()) == (RemoveFinalizer(),)


# reconcile-at


def test_a_reconcile_that_was_asked_for_is_acknowledged() -> None:
    world = HELD.live().annotated(reconcile_at="now")
    status = conclude(world.build()).status
    assert status["lastHandledReconcileAt"] == "now"
    assert "lastHandledReconcileAt" not in conclude(HELD.live().build()).status
    assert (
        conclude(HELD.live().with_status(**status).at(NOW).build()).status["lastHandledReconcileAt"] == "now"
    )


# contested metadata


def test_metadata_that_is_contested_makes_the_operator_pause_and_the_room_stays_ready() -> None:
    world = HELD.declaring(metadata={"a": 1}).live(metadata='{"a":2}').with_secret("host").overwritten(3)
    assert conclude(world.build()).outcome == Waiting(60)
    assert said(world, "Ready") == ("True", "Available")
    assert said(world, "TokensIssued") == ("True", "Issued")
    assert said(world, "UpToDate") == ("True", "AsDeclared")
    assert said(world, "Reconciling") == ("True", "MetadataContested")
    assert said(world.overwritten(2), "Reconciling") is None
