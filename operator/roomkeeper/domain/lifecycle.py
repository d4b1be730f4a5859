"""How long a room lives: as long as its object, as long as somebody is in it, or once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api.room import Lifecycle
from roomkeeper.domain import rooms
from roomkeeper.domain.conditions import find
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.rooms import Absence

if TYPE_CHECKING:
    from roomkeeper.domain.rooms import World


def of(world: World) -> Lifecycle:
    """Return what is declared; what cannot be read is taken for the default, under which nothing is forgotten."""
    return world.spec.lifecycle if world.spec else Lifecycle.PERSISTENT


def is_absent(world: World) -> bool:
    """Tell whether it is certain that LiveKit does not have the room."""
    was_seen = rooms.is_usable(world) and world.failure is None and world.older_claim is None
    return was_seen and world.live is None and world.absence is Absence.CERTAIN


def is_finished(world: World) -> bool:
    """Tell whether a room that is to exist Once has existed; that stays so, whatever else comes.

    A live room of another SID is not that room: somebody with a token has brought the name back to life.
    """
    if of(world) is not Lifecycle.ONCE or not world.room.status.get("sid"):
        return False
    return was_finished(world) or is_resurrected(world) or is_absent(world)


def was_finished(world: World) -> bool:
    """Tell whether status says so already."""
    condition = find(world.room.status.get("conditions", ()), "RoomAvailable")
    return condition is not None and condition["reason"] == Reason.FINISHED


def is_resurrected(world: World) -> bool:
    """Tell whether the live room is another one than that which existed Once."""
    known = world.room.status.get("sid")
    return world.live is not None and bool(known) and world.live.sid != known


def is_healthy_without_room(world: World) -> bool:
    """Tell whether nothing is missing although LiveKit does not have the room: the next join makes it."""
    return of(world) is Lifecycle.ON_DEMAND
