"""What holds for every world: plans come to an end, and statuses are what the CRD and KEP-1623 say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from roomkeeper.api import common, crd
from roomkeeper.api.room import KIND, UpdatePolicy
from roomkeeper.domain import agents, checks, events, lifecycle, moderation, rooms
from roomkeeper.domain.livekit import Dispatch, LiveRoom, ParticipantKind
from roomkeeper.domain.outcomes import Done, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_plan import plan
from roomkeeper.domain.room_status import conclude
from roomkeeper.engine.people import updated
from roomkeeper.engine.room_reconciler import MAX_PASSES
from tests.unit.domain.builders import config, received
from tests.unit.domain.kstatus import expected, kstatus
from tests.unit.domain.schemas import strict
from tests.unit.domain.strategies import seen_before, worlds

if TYPE_CHECKING:
    from roomkeeper.domain.rooms import Action, World
    from tests.unit.domain.builders import WorldBuilder


STATUS = Draft202012Validator(strict(crd.schema(KIND)["properties"]["status"]))


def carry_out(action: Action, world: World) -> World:  # noqa: PLR0911 - a line per action
    """Do what an action says, in a world where everything works."""
    room = world.room
    match action:
        case rooms.AddFinalizer():
            return replace(world, room=replace(room, finalizers=(*room.finalizers, common.FINALIZER)))
        case rooms.RemoveFinalizer():
            return replace(world, room=replace(room, finalizers=()), orphan=action.orphan)
        case rooms.CreateRoom():
            live = LiveRoom(action.name, "RM_9", world.now, action.config, action.metadata)
            # CreateRoom returns a live room unchanged.
            return replace(world, live=world.live or live, is_doubted=False, sent=action.config)
        case rooms.UpdateMetadata():
            assert world.live is not None
            return replace(world, live=replace(world.live, metadata=action.metadata))
        case rooms.DeleteRoom():
            empty = replace(world, live=None, absence=rooms.Absence.CERTAIN)
            return replace(empty, people=None, participants=None, dispatches=None)
        case rooms.IssueTokens():
            secret = received(action.issue, room=room, version="8")
            return replace(world, secrets={**world.secrets, secret.name: secret})
        case rooms.DeleteSecret():
            left = {name: kept for name, kept in world.secrets.items() if name != action.secret.name}
            return replace(world, secrets=left)
        case _:
            return carry_out_inside(action, world)


def carry_out_inside(action: Action, world: World) -> World:
    """Do what an action says to those who are in the room; who is meant is there, and nobody else is touched."""
    match action:
        case moderation.RemoveParticipant():
            left = tuple(someone for someone in world.participants or () if someone.sid != action.sid)
            assert len(left) + 1 == len(world.participants or ())
            return replace(world, participants=left, removed=world.removed | {action.identity})
        case moderation.UpdateParticipant():
            assert action.sid in {someone.sid for someone in world.participants or ()}
            there = tuple(
                updated(someone, action.update) if someone.sid == action.sid else someone
                for someone in world.participants or ()
            )
            marks = {action.mark} if action.mark else set()
            return replace(world, participants=there, corrected=world.corrected | marks)
        case agents.CreateDispatch():
            sent = Dispatch(f"AD_of_{action.agent_name}", action.agent_name, action.metadata)
            assert sent.id not in {dispatch.id for dispatch in world.dispatches or ()}
            return replace(world, dispatches=(*(world.dispatches or ()), sent))
        case agents.DeleteDispatch():
            kept = tuple(known for known in world.dispatches or () if known.id != action.dispatch_id)
            assert len(kept) + 1 == len(world.dispatches or ())
            return replace(world, dispatches=kept)
        case _:
            raise TypeError(action)


def carry_out_all(world: World) -> tuple[World, int]:
    """Plan and do until nothing is left; return the number of passes that did something."""
    for passes in range(MAX_PASSES + 1):
        actions = plan(world)
        if not actions:
            return world, passes
        for action in actions:
            world = carry_out(action, world)
    return world, MAX_PASSES + 1


def check_status(world: World, status: dict[str, Any]) -> None:
    problems = [error.message for error in STATUS.iter_errors(status)]
    assert not problems
    types = [condition["type"] for condition in status.get("conditions", ())]
    assert len(types) == len(set(types))
    assert {condition["reason"] for condition in status.get("conditions", ())} <= {str(r) for r in Reason}
    generations = [condition["observedGeneration"] for condition in status.get("conditions", ())]
    assert all(generation <= world.room.generation for generation in generations)
    assert not {"Stalled", "Reconciling"} <= set(types)


@given(worlds())
def test_a_plan_that_was_carried_out_leaves_nothing_to_plan(builder: WorldBuilder) -> None:
    world, passes = carry_out_all(builder.build())
    assert plan(world) == ()
    assert passes < MAX_PASSES  # the last one has to find nothing


@given(worlds())
def test_a_plan_never_touches_what_is_not_ours(builder: WorldBuilder) -> None:
    world = builder.build()
    for action in plan(world):
        match action:
            case rooms.IssueTokens():
                assert action.issue.tokens.secret_name not in world.foreign_secrets
                assert action.existing is None or action.existing.owner_uid == world.room.uid
            case rooms.DeleteSecret():
                assert action.secret.owner_uid == world.room.uid
            case rooms.DeleteRoom() | rooms.CreateRoom() | rooms.UpdateMetadata():
                assert world.older_claim is None
                assert action.name == world.room_name
                assert world.room.deleted_at or checks.adoption_is_refused(world) is None
            case _:
                pass


@given(worlds())
def test_agents_and_egress_workers_are_left_alone(builder: WorldBuilder) -> None:
    world = builder.build()
    kinds = {someone.sid: someone.kind for someone in world.participants or ()}
    for action in plan(world):
        if isinstance(action, moderation.RemoveParticipant | moderation.UpdateParticipant):
            assert kinds[action.sid] is ParticipantKind.PERSON


@given(worlds())
def test_no_agent_is_sent_twice(builder: WorldBuilder) -> None:
    before = builder.build()
    world, _ = carry_out_all(before)
    if world.dispatches is None or world.live != before.live:
        return
    for name in {dispatch.agent_name for dispatch in world.dispatches}:
        had = sum(dispatch.agent_name == name for dispatch in before.dispatches or ())
        assert sum(dispatch.agent_name == name for dispatch in world.dispatches) <= max(had, 1)


@given(worlds())
def test_nothing_is_written_to_livekit_while_suspended(builder: WorldBuilder) -> None:
    world, _ = carry_out_all(builder.suspended().build())
    planned = rooms_actions(builder.suspended().build())
    assert world.room.deleted_at or planned == []


@given(worlds())
def test_nobody_is_disconnected_but_for_always_or_for_good(builder: WorldBuilder) -> None:
    world = builder.build()
    deletions = [action for action in rooms_actions(world) if isinstance(action, rooms.DeleteRoom)]
    if not deletions or world.room.deleted_at:
        return
    assert world.spec is not None
    is_resurrected = lifecycle.is_finished(world)
    is_empty = world.people == rooms.People() and world.participants == () and world.nobody_ever_joined
    assert is_resurrected or is_empty or world.spec.update_policy is UpdatePolicy.ALWAYS


@given(worlds())
def test_a_room_is_replaced_once_at_most(builder: WorldBuilder) -> None:
    world = builder.build()
    deletions = 0
    for _ in range(3 * MAX_PASSES):
        actions = plan(world)
        if world.room.deleted_at or not actions:
            break
        for action in actions:
            deletions += isinstance(action, rooms.DeleteRoom)
            world = carry_out(action, world)
            if isinstance(action, rooms.CreateRoom) and world.live:  # a LiveKit that does what it likes
                world = replace(world, live=replace(world.live, config=config(max_participants=7_777)))
    assert deletions <= 1


IN_LIVEKIT = (
    rooms.CreateRoom,
    rooms.DeleteRoom,
    rooms.UpdateMetadata,
    moderation.RemoveParticipant,
    moderation.UpdateParticipant,
    agents.CreateDispatch,
    agents.DeleteDispatch,
)


def rooms_actions(world: World) -> list[Action]:
    """Return what is planned in LiveKit."""
    return [action for action in plan(world) if isinstance(action, IN_LIVEKIT)]


@given(worlds())
def test_nothing_is_made_for_an_object_that_is_not_held(builder: WorldBuilder) -> None:
    world = builder.build()
    if not world.room.is_held:
        # The Secrets of a room that existed Once go whether or not somebody took our finalizer away.
        assert all(isinstance(action, rooms.AddFinalizer | rooms.DeleteSecret) for action in plan(world))


@given(builder=worlds(), again=st.booleans())
def test_every_status_is_one_the_api_server_takes(builder: WorldBuilder, *, again: bool) -> None:
    world = (seen_before(builder).edited() if again else builder).build()
    check_status(world, conclude(world).status)
    after, _ = carry_out_all(world)
    check_status(after, conclude(after).status)


@given(worlds())
def test_a_conclusion_is_what_kstatus_makes_of_it(builder: WorldBuilder) -> None:
    world = replace(builder.build(), now=builder.now)
    if world.room.deleted_at:
        return
    conclusion = conclude(world)
    assert kstatus(world.room, conclusion.status) == expected(conclusion.outcome)


@given(worlds())
def test_no_outcome_spins(builder: WorldBuilder) -> None:
    world, _ = carry_out_all(builder.build())
    match conclude(world).outcome:
        case Done(due_in=seconds) | Stalled(recheck_in=seconds) | Waiting(seconds=seconds):
            assert seconds is None or seconds > 0
        case _:
            pass


@given(worlds())
def test_a_second_conclusion_writes_nothing(builder: WorldBuilder) -> None:
    world, _ = carry_out_all(builder.build())
    first = conclude(world).status
    later = replace(world, room=replace(world.room, status=first), now=world.now + timedelta(microseconds=1))
    assert conclude(later).status == first
    assert list(events.notes(before=first, world=replace(later, orphan=""), after=first)) == []


@given(worlds())
def test_events_are_made_of_any_step(builder: WorldBuilder) -> None:
    world, _ = carry_out_all(builder.build())
    before, after = conclude(builder.build()).status, conclude(world).status
    told = list(events.notes(before=before, world=world, after=after))
    assert len(told) == len({note.reason for note in told})


@given(worlds())
def test_a_world_that_works_becomes_ready(builder: WorldBuilder) -> None:
    world = builder.build()
    troubled = (
        checks.obstacle(world)
        or world.failure
        or world.refusals
        or world.foreign_secrets
        or not rooms.is_usable(world)
        or world.room.deleted_at
        or (world.live is None and world.absence is not rooms.Absence.CERTAIN)
        or world.overwritten
        or (world.spec and world.spec.suspend)
        or any(secret.owner_uid != world.room.uid for secret in world.secrets.values())
    )
    if troubled:
        return
    after, _ = carry_out_all(world)
    assert isinstance(conclude(after).outcome, Done)
