"""What LiveKit takes only at creation: what is pending, and when a room is replaced for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from roomkeeper.domain import changes, rooms
from roomkeeper.domain.conditions import find
from roomkeeper.domain.livekit import Participant, ParticipantKind
from roomkeeper.domain.outcomes import Done
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.room_plan import plan
from roomkeeper.domain.room_status import conclude
from roomkeeper.domain.rooms import CreateRoom, DeleteRoom, People
from tests.unit.domain.builders import CREATED, NAME, SENT, WorldBuilder, a_world, config

HELD = a_world().held()
OURS = HELD.live().with_status(sid="RM_1", createdWith=SENT)
EDITED = OURS.declaring(maxParticipants=5).live(config=config())
EMPTY = EDITED.never_joined()
DELETE = (DeleteRoom(NAME),)
SOMEBODY = Participant("alice", "PA_1")


def fields(world: WorldBuilder) -> dict[str, tuple[str, str]]:
    return {change["field"]: (change["live"], change["desired"]) for change in changes.pending(world.build())}


def up_to_date(world: WorldBuilder) -> str | None:
    found = find(conclude(world.build()).status["conditions"], "UpToDate")
    return found and found["reason"]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (OURS, {}),
        (EDITED, {"maxParticipants": ("0", "5")}),
        (OURS.declaring(syncStreams=True), {"syncStreams": ("Unknown", "true")}),
        (
            OURS.declaring(minPlayoutDelayMilliseconds=10, maxPlayoutDelayMilliseconds=20),
            {
                "minPlayoutDelayMilliseconds": ("Unknown", "10"),
                "maxPlayoutDelayMilliseconds": ("Unknown", "20"),
            },
        ),
        (HELD.live().declaring(syncStreams=True), {}),
        (HELD.declaring(syncStreams=True), {}),
        (OURS.live(sid="RM_2").declaring(syncStreams=True), {}),
    ],
    ids=["as declared", "visible", "hidden", "two hidden", "nobody knows", "not live", "another session"],
)
def test_what_is_pending(world: WorldBuilder, expected: dict[str, tuple[str, str]]) -> None:
    assert fields(world) == expected


def test_a_room_without_a_limit_has_that_of_the_policy() -> None:
    limited = Policy(max_participants=7)
    assert fields(OURS.on(policy=limited).live(config=config())) == {"maxParticipants": ("0", "7")}
    assert fields(OURS.on(policy=limited, namespace="team-a").live(config=config())) == {}
    [create, *_] = plan(HELD.on(policy=limited).build())
    assert create == CreateRoom(NAME, config(max_participants=7), "")


def test_what_a_room_was_created_with_is_remembered_for_its_session() -> None:
    created = HELD.declaring(syncStreams=True).live().having(sent=config(sync_streams=True))
    status = conclude(created.build()).status
    assert status["createdWith"] == {**SENT, "syncStreams": True}
    later = HELD.with_status(**status).live()
    assert fields(later) == {"syncStreams": ("Unknown", "false")}
    assert conclude(later.build()).status["createdWith"] == status["createdWith"]
    assert "createdWith" not in conclude(later.live(sid="RM_2").build()).status
    adopted = HELD.live(created_at=CREATED - timedelta(days=1)).having(sent=config())
    assert "createdWith" not in conclude(adopted.build()).status


def test_a_room_that_is_revived_stays_what_it_was_created_with() -> None:
    world = EDITED.having(sent=config(max_participants=5))
    assert conclude(world.build()).status["createdWith"] == SENT
    assert up_to_date(world) == "RequiresRecreate"


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (EMPTY, DELETE),
        (EDITED, ()),
        (EDITED.having(nobody_ever_joined=True), ()),
        (EMPTY.having(nobody_ever_joined=False), ()),
        (EMPTY.having(people=People(1)), ()),
        (EMPTY.having(participants=(SOMEBODY,)), ()),
        (EMPTY.having(participants=(replace(SOMEBODY, kind=ParticipantKind.AGENT),)), ()),
        (EMPTY.having(participants=(replace(SOMEBODY, kind=ParticipantKind.EGRESS),)), ()),
        (EMPTY.live(active_recording=True), ()),
        (EMPTY.declaring(updatePolicy="Never"), ()),
        (EMPTY.suspended(), ()),
        (EMPTY.failing(), ()),
        (EMPTY.declaring(maxParticipants=None), ()),
        (EDITED.declaring(updatePolicy="Always"), DELETE),
        (EDITED.declaring(updatePolicy="Always").live(active_recording=True, num_participants=9), DELETE),
        (EDITED.declaring(updatePolicy="Always", lifecycle="OnDemand"), DELETE),
        (EDITED.declaring(updatePolicy="Always", lifecycle="Once"), ()),
        (EDITED.declaring(updatePolicy="Always").suspended(), ()),
    ],
    ids=[
        "nobody ever joined",
        "nobody knows who was there",
        "not looked at freshly",
        "somebody was there",
        "a person",
        "a participant",
        "an agent",
        "an egress",
        "recorded",
        "never",
        "suspended",
        "a call failed",
        "nothing pending",
        "always",
        "always, with people",
        "always, on demand",
        "always, once",
        "always, suspended",
    ],
)
def test_a_room_is_replaced_only_where_the_policy_says_so(
    world: WorldBuilder, expected: tuple[DeleteRoom, ...]
) -> None:
    assert plan(world.build()) == expected


def test_a_room_that_may_be_dead_is_revived_before_it_is_replaced() -> None:
    [action] = plan(EDITED.declaring(updatePolicy="Always").doubted().build())
    assert isinstance(action, CreateRoom)


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (EDITED.having(nobody_ever_joined=True), True),
        (EDITED, False),
        (EMPTY, False),
        (OURS.having(nobody_ever_joined=True), False),
        (EDITED.declaring(updatePolicy="Never").having(nobody_ever_joined=True), False),
    ],
)
def test_people_are_listed_only_where_that_decides(world: WorldBuilder, *, expected: bool) -> None:
    assert changes.needs_people(world.build()) is expected


def test_a_room_that_is_replaced_is_created_as_declared() -> None:
    gone = EMPTY.build()
    after = replace(gone, live=None, people=None, participants=None)
    assert plan(after) == (CreateRoom(NAME, config(max_participants=5), ""),)


def test_a_room_that_livekit_made_otherwise_is_not_replaced_again() -> None:
    sent = {**SENT, "maxParticipants": 5}
    world = EMPTY.with_status(createdWith=sent)
    assert plan(world.build()) == plan(world.declaring(updatePolicy="Always").build()) == ()
    assert up_to_date(world) == "NotHonoured"
    assert fields(world) == {"maxParticipants": ("0", "5")}
    edited = world.declaring(maxParticipants=6)
    assert plan(edited.build()) == DELETE
    assert up_to_date(edited) == "RequiresRecreate"


def test_a_token_of_before_has_a_room_on_demand_replaced_once_at_most() -> None:
    world = HELD.declaring(lifecycle="OnDemand", updatePolicy="Always", maxParticipants=5)
    old = world.with_status(sid="RM_1", createdWith={**SENT, "emptyTimeoutSeconds": 300})
    born_before = config(empty_timeout_seconds=300)
    assert plan(old.live(config=born_before).build()) == DELETE
    again = old.live(config=born_before, sid="RM_2")
    assert plan(again.build()) == ()
    assert up_to_date(again) == "NotHonoured"


def test_an_empty_room_is_looked_at_again_after_its_departure_timeout() -> None:
    assert conclude(EDITED.build()).outcome == Done(25)
    assert conclude(EDITED.live(num_participants=1).build()).outcome == Done()
    assert conclude(EDITED.declaring(updatePolicy="Never").build()).outcome == Done()
    assert conclude(OURS.build()).outcome == Done()


def test_every_field_of_the_configuration_is_compared() -> None:
    live = rooms.RoomConfig(1, 2, 3)
    world = HELD.live(config=live).with_status(
        sid="RM_1",
        createdWith={
            **SENT,
            "syncStreams": True,
            "minPlayoutDelayMilliseconds": 1,
            "maxPlayoutDelayMilliseconds": 2,
        },
    )
    assert set(fields(world)) == set(SENT)
