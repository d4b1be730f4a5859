"""Agents that are sent to a room: once per session, by the dispatch API alone, and never one that is there already.

status.agents names those that were sent in the session that status.sid names. An agent that is at work is not thrown
out by an edit of its metadata: that is for the next session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.api.agent import AgentDispatch
from roomkeeper.domain import metadata
from roomkeeper.domain.livekit import ParticipantKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.api.agent import Agent
    from roomkeeper.domain.rooms import World


@dataclass(frozen=True, slots=True)
class CreateDispatch:
    """Send an agent to a room that is live: LiveKit would create one that is not."""

    name: str
    agent_name: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class DeleteDispatch:
    """Call an agent back."""

    name: str
    dispatch_id: str


Action = CreateDispatch | DeleteDispatch


def plan(world: World) -> tuple[Action, ...]:
    """Return whom to send and whom to call back; nothing when nobody listed who was sent."""
    if world.dispatches is None or not _is_managed(world):
        return ()
    there = {dispatch.agent_name for dispatch in world.dispatches}
    withdrawn = _sent_before(world) - _declared(world)
    sent = [
        CreateDispatch(
            world.room_name, agent.agent_name, metadata.text(agent.metadata) if agent.metadata else ""
        )
        for agent in _due(world)
        if agent.agent_name not in there
    ]
    back = [
        DeleteDispatch(world.room_name, dispatch.id)
        for dispatch in world.dispatches
        if dispatch.agent_name in withdrawn
    ]
    return (*sent, *back)


def needs_list(world: World) -> bool:
    """Tell whether to ask who was sent: only when somebody has to be sent or called back, as far as status knows."""
    if not _is_managed(world):
        return False
    before = _sent_before(world)
    # A room that was created again, though its SID is the same, has lost what a dead node had of dispatches.
    there = set() if world.sent else before
    return bool({agent.agent_name for agent in _due(world)} - there or before - _declared(world))


def managed(world: World) -> list[str]:
    """Return what status.agents has to say: who is in this session because the Room declares or declared it."""
    before = _sent_before(world)
    if world.dispatches is None:
        return sorted(before)
    there = {dispatch.agent_name for dispatch in world.dispatches}
    return sorted((before | _declared(world)) & there)


def _is_managed(world: World) -> bool:
    if world.spec is None or world.spec.suspend or world.room.deleted_at:
        return False
    return world.live is not None and not world.is_doubted


def _declared(world: World) -> set[str]:
    return {agent.agent_name for agent in _agents(world)}


def _due(world: World) -> list[Agent]:
    """Return who has to be in the room now; of several of one name the first counts."""
    somebody = _somebody_is_there(world)
    first = {agent.agent_name: agent for agent in reversed(_agents(world))}
    return [
        agent
        for agent in _agents(world)
        if first[agent.agent_name] is agent and (somebody or agent.dispatch is AgentDispatch.WITH_ROOM)
    ]


def _agents(world: World) -> Sequence[Agent]:
    return world.spec.agents if world.spec else ()


def _sent_before(world: World) -> set[str]:
    """Return who was sent in this session; never the default dispatch, which has no name."""
    status = world.room.status
    if world.live is not None and status.get("sid") != world.live.sid:
        return set()
    return {name for name in status.get("agents", ()) if name}


def _somebody_is_there(world: World) -> bool:
    if world.participants is not None:
        return any(person.kind is ParticipantKind.PERSON for person in world.participants)
    if world.people is not None:
        return world.people.participants > 0
    return world.live is not None and world.live.num_participants > 0
