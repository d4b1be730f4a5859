"""What concerns those who are in a room: calls, what they leave in the World, and errors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import LiveKitUnreachableError
from roomkeeper.domain.agents import CreateDispatch, DeleteDispatch
from roomkeeper.domain.livekit import ParticipantUpdate, Permission, RoomConfig
from roomkeeper.domain.moderation import RemoveParticipant, UpdateParticipant
from roomkeeper.domain.reasons import Reason
from roomkeeper.engine.room_reconciler import RoomReconciler
from roomkeeper.engine.servers import OWN
from tests.unit.domain.builders import NAME, a_world
from tests.unit.engine.harness import Engine

if TYPE_CHECKING:
    from roomkeeper.domain.rooms import Action, World
    from roomkeeper.engine.execute import Executor

PUBLISHING = ParticipantUpdate(permission=Permission(can_publish=True), attributes={"a": "1"})


@pytest.fixture
async def engine() -> Engine:
    engine = Engine()
    await engine.livekit.create_room(NAME, RoomConfig(300, 20))
    engine.livekit.join(NAME, "alice")
    engine.livekit.join(NAME, "bob")
    return engine


async def world_of(engine: Engine) -> World:
    people = tuple(await engine.livekit.list_participants(NAME))
    dispatches = tuple(await engine.livekit.list_dispatches(NAME))
    engine.livekit.calls.clear()
    return replace(a_world().held().live().build(), participants=people, dispatches=dispatches)


def executor_of(engine: Engine) -> Executor:
    """Return what carries out the actions of Rooms."""
    reconciler = engine.workers.reconcilers["Room"]
    assert isinstance(reconciler, RoomReconciler)
    return reconciler.executor


async def execute(engine: Engine, action: Action, world: World) -> World:
    return await executor_of(engine).execute(action, world, engine.server)


def sid_of(world: World, identity: str) -> str:
    return next(person.sid for person in world.participants or () if person.identity == identity)


async def test_somebody_is_removed(engine: Engine) -> None:
    world = await world_of(engine)
    after = await execute(engine, RemoveParticipant(NAME, "alice", sid_of(world, "alice")), world)
    assert [person.identity for person in after.participants or ()] == ["bob"]
    assert after.participants == tuple(await engine.livekit.list_participants(NAME))


async def test_somebody_is_put_right_and_that_is_remembered(engine: Engine) -> None:
    world = await world_of(engine)
    action = UpdateParticipant(NAME, "alice", sid_of(world, "alice"), PUBLISHING, mark="mark")
    after = await execute(engine, action, world)
    assert after.participants == tuple(await engine.livekit.list_participants(NAME))
    assert after.corrected == engine.server.corrected.snapshot() == {"mark"}


async def test_an_update_without_a_mark_is_not_remembered(engine: Engine) -> None:
    world = await world_of(engine)
    action = UpdateParticipant(NAME, "alice", sid_of(world, "alice"), PUBLISHING)
    after = await execute(engine, action, world)
    assert after.corrected == engine.server.corrected.snapshot() == set()


async def test_an_update_with_nothing_in_it_is_no_call(engine: Engine) -> None:
    world = await world_of(engine)
    action = UpdateParticipant(NAME, "alice", sid_of(world, "alice"), ParticipantUpdate(), mark="mark")
    after = await execute(engine, action, world)
    assert engine.livekit.calls == []
    assert after.participants == world.participants
    assert engine.server.corrected.snapshot() == {"mark"}


@pytest.mark.parametrize("kind", [RemoveParticipant, UpdateParticipant])
async def test_who_has_left_meanwhile_is_gone(engine: Engine, kind: type) -> None:
    world = await world_of(engine)
    sid = sid_of(world, "alice")
    engine.livekit.leave(NAME, "alice")
    more = () if kind is RemoveParticipant else (PUBLISHING, "mark")
    after = await execute(engine, kind(NAME, "alice", sid, *more), world)
    assert [person.identity for person in after.participants or ()] == ["bob"]
    assert after.failure is None
    assert engine.server.corrected.snapshot() == set()


async def test_an_agent_is_sent_and_called_back(engine: Engine) -> None:
    world = await execute(engine, CreateDispatch(NAME, "notetaker", "{}"), await world_of(engine))
    assert world.dispatches == tuple(await engine.livekit.list_dispatches(NAME))
    [sent] = [dispatch for dispatch in world.dispatches or () if dispatch.agent_name == "notetaker"]
    assert sent.metadata == "{}"
    for _ in range(2):  # the second time it is gone already
        world = await execute(engine, DeleteDispatch(NAME, sent.id), world)
        assert world.dispatches == tuple(await engine.livekit.list_dispatches(NAME))
        assert world.failure is None


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("remove_participant", RemoveParticipant(NAME, "alice", "PA_1")),
        ("update_participant", UpdateParticipant(NAME, "alice", "PA_1", PUBLISHING, "mark")),
        ("create_dispatch", CreateDispatch(NAME, "notetaker")),
        ("delete_dispatch", DeleteDispatch(NAME, "AD_1")),
    ],
)
async def test_a_server_that_does_not_answer_is_a_failure(
    engine: Engine, method: str, action: Action
) -> None:
    world = await world_of(engine)
    engine.livekit.fail_next(method, LiveKitUnreachableError("told by the test"))
    after = await execute(engine, action, world)
    assert after.failure is not None
    assert after.failure.reason is Reason.SERVER_UNREACHABLE
    assert replace(after, failure=None) == world
    assert OWN in engine.queue._due  # it is looked at soon
    assert engine.server.corrected.snapshot() == set()
