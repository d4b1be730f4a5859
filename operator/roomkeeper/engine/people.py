"""Carries out what concerns those who are in a room: people who are put right, agents that are sent."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import LiveKitNotFoundError
from roomkeeper.domain import agents, moderation
from roomkeeper.domain.livekit import ParticipantUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.livekit import Participant
    from roomkeeper.domain.rooms import World
    from roomkeeper.engine.connection import Connection

logger = logging.getLogger(__name__)


async def put_right(action: moderation.Action, world: World, server: Connection) -> World:
    """Remove or update somebody; who has left meanwhile is as good as removed."""
    try:
        match action:
            case moderation.RemoveParticipant():
                await server.api.remove_participant(action.name, action.identity)
                logger.debug("a participant is removed")
                return replace(_without(world, action.sid), removed=world.removed | {action.identity})
            case moderation.UpdateParticipant():
                if action.update != ParticipantUpdate():
                    await server.api.update_participant(action.name, action.identity, action.update)
                    logger.debug("a participant is put right")
    except LiveKitNotFoundError:
        return _without(world, action.sid)
    if action.mark:
        server.corrected.add(action.mark)
        world = replace(world, corrected=world.corrected | {action.mark})
    changed = (
        updated(someone, action.update) if someone.sid == action.sid else someone
        for someone in world.participants or ()
    )
    return replace(world, participants=tuple(changed))


async def dispatch(action: agents.Action, world: World, server: Connection) -> World:
    """Send an agent, or call one back; a dispatch that is not there is as good as deleted."""
    there = world.dispatches or ()
    match action:
        case agents.CreateDispatch():
            sent = await server.api.create_dispatch(action.name, action.agent_name, action.metadata)
            logger.info("agent %s is sent", action.agent_name)
            return replace(world, dispatches=(*there, sent))
        case agents.DeleteDispatch():
            try:
                await server.api.delete_dispatch(action.name, action.dispatch_id)
            except LiveKitNotFoundError:
                logger.debug("the dispatch was gone already")
            left = tuple(known for known in there if known.id != action.dispatch_id)
            return replace(world, dispatches=left)


def updated(someone: Participant, update: ParticipantUpdate) -> Participant:
    """Return the participant as LiveKit has it after the update."""
    return replace(
        someone,
        permission=update.permission or someone.permission,
        name=update.name or someone.name,
        metadata=update.metadata or someone.metadata,
        attributes=_merged(someone.attributes, update.attributes or {}),
    )


def _merged(before: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in {**before, **changes}.items() if value}


def _without(world: World, sid: str) -> World:
    return replace(
        world, participants=tuple(someone for someone in world.participants or () if someone.sid != sid)
    )
