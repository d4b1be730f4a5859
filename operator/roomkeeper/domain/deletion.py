"""What happens when a Room is deleted: only what is its own goes, and it does not wait for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.api.room import DeletionPolicy
from roomkeeper.domain import checks, rooms, tokens
from roomkeeper.domain.objects import read_time
from roomkeeper.domain.rooms import Absence, Action, DeleteRoom, RemoveFinalizer, World

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.domain.objects import CustomObject

# The longest that a token of ours lives, and the leeway that LiveKit gives it.
LONGEST_TOKEN = timedelta(seconds=86_400 + 60)


def plan(world: World) -> tuple[Action, ...]:
    """Return what is left to do for a Room that is being deleted."""
    if not world.room.is_held:
        return ()
    if not _has_to_delete(world):
        return (RemoveFinalizer(buried_until=_buried_until(world)),)
    if rooms.is_usable(world) and world.failure is None:
        if world.live and world.is_doubted:
            return (rooms.revive(world, world.live),)
        return (DeleteRoom(world.room_name),)
    return (RemoveFinalizer(orphan=world.room_name),) if grace_is_over(world) else ()


def _is_ours_to_delete(world: World) -> bool:
    """Tell whether the room goes with the object: never one that is somebody else's or to be retained."""
    never_made = world.server is None or checks.room_name_is_unusable(world) is not None
    is_not_ours = never_made or checks.adoption_is_refused(world) is not None or world.older_claim is not None
    if world.room.status.get("roomName") != world.room_name and checks.room_name_is_not_ours(world):
        return False
    return not is_not_ours and deletion_policy(world) is DeletionPolicy.DELETE


def _buried_until(world: World) -> datetime | None:
    """Return until when a token of ours can bring the room back; None: it is none of ours, or there is no token."""
    if not _is_ours_to_delete(world):
        return None
    ends = [tokens.time_of(secret, common.ANNOTATION_EXPIRES_AT) for secret in world.secrets.values()]
    ends += [read_time(issued.get("expiresAt")) for issued in world.room.status.get("tokens", ())]
    longest = world.now + LONGEST_TOKEN  # whatever somebody has written there
    return min(max((end for end in ends if end), default=world.now), longest) if any(ends) else None


def _has_to_delete(world: World) -> bool:
    """Tell whether a room of ours may still be there."""
    if not _is_ours_to_delete(world):
        return False
    was_not_seen = world.failure is not None or not rooms.is_usable(world)  # nobody knows, so it may be there
    return world.live is not None or was_not_seen or world.absence is not Absence.CERTAIN


def deletion_policy(world: World) -> DeletionPolicy:
    """Return what was declared, else Delete, but Retain for a room that was there before the object."""
    declared = world.room.spec.get("deletionPolicy")  # also of a spec that this version cannot read
    if declared in set(DeletionPolicy):
        return DeletionPolicy(declared)
    return DeletionPolicy.RETAIN if rooms.was_there_before(world) else DeletionPolicy.DELETE


def grace_is_over(world: World) -> bool:
    """Tell whether a deletion has waited for LiveKit as long as the object says."""
    return grace_left(world) <= 0


def grace_left(world: World) -> float:
    """Return the seconds for which a deletion still waits for LiveKit."""
    return grace_left_of(world.room, world.now)


def grace_left_of(deleted: CustomObject, now: datetime) -> float:
    """Return the seconds that are left of an object's deletionGraceSeconds."""
    declared = deleted.spec.get("deletionGraceSeconds", 300)
    grace = declared if isinstance(declared, int) else 300
    if deleted.deleted_at is None:
        return grace
    return grace - (now - deleted.deleted_at).total_seconds()
