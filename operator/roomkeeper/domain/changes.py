"""What was declared after a room had been created and LiveKit takes only at creation; when the room is replaced for it.

CreateRoom on a live room changes nothing, and LiveKit shows neither playout delays nor syncStreams. So what a session
was created with is kept in status (`createdWith`), and compared with what is declared now. A session that differs though
it was created as declared is not replaced again: the next one would differ as well.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from roomkeeper.api.room import Lifecycle, UpdatePolicy
from roomkeeper.domain import rooms
from roomkeeper.domain.livekit import RoomConfig
from roomkeeper.domain.once import once
from roomkeeper.domain.rooms import DeleteRoom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.rooms import World

UNKNOWN = "Unknown"
HIDDEN = frozenset({"min_playout_delay_milliseconds", "max_playout_delay_milliseconds", "sync_streams"})
FIELDS = {
    field.name: to_camel(field.name) for field in fields(RoomConfig)
}  # as they are called here and in status


@once
def pending(world: World) -> list[dict[str, str]]:
    """Return what differs between the live session and what is declared, as status shows it."""
    if world.live is None or world.spec is None:
        return []
    wanted = rooms.declared_config(world, world.spec)
    changes = []
    for name, shown_as in FIELDS.items():
        now, then = _live_value(world, name), getattr(wanted, name)
        if now is not None and now != then:
            live = UNKNOWN if name in HIDDEN else _shown(now)
            changes.append({"field": shown_as, "live": live, "desired": _shown(then)})
    return changes


def is_not_honoured(world: World) -> bool:
    """Tell whether the session differs from what is declared although it was created with it."""
    return (
        bool(pending(world))
        and world.spec is not None
        and created_with(world) == _as_status(rooms.declared_config(world, world.spec))
    )


def plan(world: World) -> tuple[DeleteRoom, ...]:
    """Return the deletion of a room that is to be replaced; the next one is born as declared."""
    return (DeleteRoom(world.room_name),) if _may_be_replaced(world) and _is_sure(world) else ()


def needs_people(world: World) -> bool:
    """Tell whether only a fresh ListParticipants is missing to replace a room that nobody ever joined."""
    return _may_be_replaced(world) and world.people is None


def waits_for_departure(world: World) -> bool:
    """Tell whether the room is to be replaced as soon as it is sure that nobody ever joined it."""
    return _is_replaceable(world) and _policy(world) is UpdatePolicy.WHEN_EMPTY


@once
def created_with(world: World) -> Mapping[str, Any] | None:
    """Return what the live session was created with, as status keeps it; None: nobody knows.

    What a session born of a token was created with is in that token. OnDemand takes it for what is declared when the
    session is first seen, so that a token of before has it replaced once at most.
    """
    live, spec, status = world.live, world.spec, world.room.status
    if live is None or spec is None:
        return None
    if status.get("sid") == live.sid:
        known: Mapping[str, Any] | None = status.get("createdWith")
        return known
    if rooms.was_there_before(world):
        return None
    if world.sent:
        return _as_status(world.sent)
    return _as_status(rooms.declared_config(world, spec)) if spec.lifecycle is Lifecycle.ON_DEMAND else None


def _may_be_replaced(world: World) -> bool:
    if not _is_replaceable(world):
        return False
    match _policy(world):
        case UpdatePolicy.ALWAYS:
            return True
        case UpdatePolicy.WHEN_EMPTY:
            return world.nobody_ever_joined
        case _:
            return False


def _is_replaceable(world: World) -> bool:
    """Tell whether there is anything to replace: a room that is to exist Once would be finished by it."""
    spec = world.spec
    if spec is None or spec.suspend or spec.lifecycle is Lifecycle.ONCE or world.is_doubted:
        return False
    return bool(pending(world)) and not is_not_honoured(world)


def _is_sure(world: World) -> bool:
    """Tell whether it is certain that nobody is thrown out, where that matters."""
    if _policy(world) is UpdatePolicy.ALWAYS:
        return True
    is_recorded = world.live is not None and world.live.active_recording
    is_empty = world.people is not None and world.people.participants == 0 and not world.participants
    return is_empty and not is_recorded


def _policy(world: World) -> UpdatePolicy:
    return world.spec.update_policy if world.spec else UpdatePolicy.NEVER


def _live_value(world: World, name: str) -> Any:
    """Return what the session has; None: nobody knows."""
    if name in HIDDEN:
        return (created_with(world) or {}).get(FIELDS[name])
    return getattr(world.live.config, name) if world.live else None


def _as_status(config: RoomConfig) -> dict[str, Any]:
    return {shown_as: getattr(config, name) for name, shown_as in FIELDS.items()}


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
