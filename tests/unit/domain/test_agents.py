"""Which agents are sent and called back: once per session, and never twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.domain import agents
from roomkeeper.domain.agents import CreateDispatch, DeleteDispatch
from roomkeeper.domain.livekit import Dispatch, Participant, ParticipantKind
from roomkeeper.domain.rooms import People
from tests.unit.domain.builders import NAME, NOW, WorldBuilder, a_world

if TYPE_CHECKING:
    from roomkeeper.domain.rooms import World

DEFAULT = Dispatch("AD_0", "")  # LiveKit has one in every room
ALICE = Participant("alice", "PA_1")


def a_room(*names: str, dispatch: str = "WithRoom", **more: Any) -> WorldBuilder:
    declared = [{"agentName": name, "dispatch": dispatch, **more} for name in names]
    return a_world().held().live().declaring(agents=declared).with_status(sid="RM_1")


def listed(builder: WorldBuilder, *dispatches: Dispatch) -> World:
    return replace(builder.build(), dispatches=(DEFAULT, *dispatches))


def test_nothing_is_done_when_nobody_listed_who_was_sent() -> None:
    world = a_room("notetaker").build()
    assert agents.plan(world) == ()
    assert agents.needs_list(world)


def test_a_declared_agent_is_sent_with_its_metadata() -> None:
    world = listed(a_room("notetaker", metadata={"a": 1}))
    assert agents.plan(world) == (CreateDispatch(NAME, "notetaker", '{"a":1}'),)
    assert agents.plan(listed(a_room("notetaker"))) == (CreateDispatch(NAME, "notetaker", ""),)


@pytest.mark.parametrize("count", [1, 2])
def test_one_that_is_there_is_not_sent_again_and_duplicates_stay(count: int) -> None:
    there = [Dispatch(f"AD_{number}", "notetaker", "other") for number in range(1, count + 1)]
    assert agents.plan(listed(a_room("notetaker", metadata={"a": 1}), *there)) == ()


def test_an_agent_that_is_declared_twice_is_sent_once() -> None:
    assert agents.plan(listed(a_room("notetaker", "notetaker"))) == (CreateDispatch(NAME, "notetaker"),)


@pytest.mark.parametrize(
    ("seen", "is_there"),
    [
        ({"participants": (ALICE,)}, True),
        ({"participants": (replace(ALICE, kind=ParticipantKind.AGENT),)}, False),
        ({"participants": (), "people": People(3)}, False),
        ({"people": People(1)}, True),
        ({"people": People(0)}, False),
        ({}, False),
    ],
    ids=["a person", "an agent", "nobody", "counted", "counted none", "not asked"],
)
def test_an_agent_that_waits_for_people_is_sent_when_somebody_is_there(
    seen: dict[str, Any], *, is_there: bool
) -> None:
    builder = a_room("notetaker", dispatch="WhenParticipantJoins")
    world = replace(listed(builder), **seen)
    assert bool(agents.plan(world)) is is_there
    assert agents.needs_list(replace(world, dispatches=None)) is is_there


def test_the_counts_of_a_list_tell_that_somebody_is_there() -> None:
    builder = a_room("notetaker", dispatch="WhenParticipantJoins").live(num_participants=1)
    assert agents.plan(listed(builder)) == (CreateDispatch(NAME, "notetaker"),)


def test_one_that_is_no_longer_declared_is_called_back_and_others_stay() -> None:
    builder = a_room("kept").with_status(agents=["gone", "kept"])
    theirs, kept, gone = (Dispatch(f"AD_{name}", name) for name in ("theirs", "kept", "gone"))
    assert agents.needs_list(builder.build())
    assert agents.plan(listed(builder, theirs, kept, gone)) == (DeleteDispatch(NAME, "AD_gone"),)


@pytest.mark.parametrize("managed", [["notetaker"], ["", "notetaker"]])
def test_the_default_dispatch_is_never_touched(managed: list[str]) -> None:
    builder = a_room("notetaker").with_status(agents=managed)
    assert not agents.needs_list(builder.build())
    assert agents.plan(listed(builder, Dispatch("AD_1", "notetaker"))) == ()


def test_a_new_session_has_its_agents_sent_anew() -> None:
    builder = a_room("notetaker").with_status(agents=["notetaker", "gone"])
    assert not agents.needs_list(a_room("notetaker").with_status(agents=["notetaker"]).build())
    new = builder.live(sid="RM_2")
    assert agents.managed(new.build()) == []
    assert agents.needs_list(new.build())
    assert agents.plan(listed(new)) == (CreateDispatch(NAME, "notetaker"),)


def test_what_is_managed_is_what_was_sent() -> None:
    builder = a_room("a", "b").with_status(agents=["former", "left"])
    world = listed(builder, Dispatch("AD_1", "a"), Dispatch("AD_2", "former"), Dispatch("AD_3", "theirs"))
    assert agents.managed(world) == ["a", "former"]
    assert agents.managed(builder.build()) == ["former", "left"]


@pytest.mark.parametrize("stop", ["suspended", "deleted", "unreadable", "absent", "doubted"])
def test_nobody_is_sent(stop: str) -> None:
    world = listed(a_room("notetaker"))
    match stop:
        case "suspended":
            world = listed(a_room("notetaker").declaring(suspend=True))
        case "deleted":
            world = replace(world, room=replace(world.room, deleted_at=NOW))
        case "unreadable":
            world = replace(world, spec=None)
        case "absent":
            world = replace(world, live=None)
        case _:
            world = replace(world, is_doubted=True)
    assert agents.plan(world) == ()
    assert not agents.needs_list(world)


NAMES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3)


@given(
    declared=NAMES,
    managed=NAMES,
    there=NAMES,
    dispatch=st.sampled_from(["WithRoom", "WhenParticipantJoins"]),
    people=st.integers(0, 1),
)
def test_what_was_sent_and_called_back_needs_nothing_more(
    declared: list[str], managed: list[str], there: list[str], dispatch: str, people: int
) -> None:
    builder = a_room(*declared, dispatch=dispatch).live(num_participants=people).with_status(agents=managed)
    before = [Dispatch(f"AD_{number}", name) for number, name in enumerate(there, start=1)]
    world = listed(builder, *before)
    for number, action in enumerate(agents.plan(world)):
        known = world.dispatches or ()
        match action:
            case CreateDispatch():
                assert action.agent_name not in {dispatch.agent_name for dispatch in known}
                known = (*known, Dispatch(f"AD_new{number}", action.agent_name, action.metadata))
            case DeleteDispatch():
                known = tuple(dispatch for dispatch in known if dispatch.id != action.dispatch_id)
        world = replace(world, dispatches=known)
    assert agents.plan(world) == ()
    assert DEFAULT in (world.dispatches or ())
    status = {**world.room.status, "agents": agents.managed(world)}
    concluded = replace(world, room=replace(world.room, status=status), dispatches=None)
    assert not agents.needs_list(concluded)
    assert agents.managed(concluded) == agents.managed(world)
