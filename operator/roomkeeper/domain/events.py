"""What people are told of in Events: failure, recovery, adoption, re-creation, removal; never the first success."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from roomkeeper.api.room import Lifecycle
from roomkeeper.domain import lifecycle, rooms
from roomkeeper.domain.conditions import find
from roomkeeper.domain.reasons import Reason, named

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from roomkeeper.domain.rooms import World

MOST_NAMED = 5
LONGEST_NAMED = 64

# They pass by themselves in seconds; the condition says so while they last.
_PASSING = {
    Reason.WAITING_FOR_LIVEKIT,
    Reason.WAITING_FOR_GARBAGE_COLLECTION,
    Reason.SUSPENDED,
    Reason.ROOM_NOT_FOUND,  # what is applied together comes in any order
    Reason.ROOM_NOT_AVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Note:
    """One Event to be."""

    type: Literal["Normal", "Warning"]
    reason: Reason
    message: str


def notes(*, before: Mapping[str, Any], world: World, after: Mapping[str, Any]) -> Iterator[Note]:
    """Yield what is worth an Event between two statuses of a Room."""
    if world.orphan:
        yield Note("Warning", Reason.ORPHANED_ROOM, _orphaned(world.orphan))
    is_ours = lifecycle.of(world) is Lifecycle.PERSISTENT  # a join makes the others
    if is_ours and before.get("sid") and after.get("recreations", 0) > before.get("recreations", 0):
        yield Note("Normal", Reason.ROOM_RECREATED, f"room {world.room_name!r} is back as {after['sid']}")
    if after.get("sid") and not before.get("sid") and rooms.was_there_before(world):
        yield Note(
            "Normal",
            Reason.ROOM_ADOPTED,
            f"room {world.room_name!r} was there before and is now kept as declared",
        )
    if world.removed:
        yield Note("Normal", Reason.PARTICIPANTS_REMOVED, _removed(world.removed))
    yield from _news(before, after, "UpToDate", Reason.NOT_HONOURED)
    yield from _news(before, after, "Reconciling", Reason.METADATA_CONTESTED)
    yield from turn(before, after)


def _news(before: Mapping[str, Any], after: Mapping[str, Any], kind: str, reason: Reason) -> Iterator[Note]:
    """Yield that a condition has got this reason."""
    was = find(before.get("conditions", ()), kind)
    now = find(after.get("conditions", ()), kind)
    if now and now["reason"] == reason and (was is None or was["reason"] != reason):
        yield Note("Warning", reason, now["message"])


def turn(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Note]:
    """Yield a failure that is new, and a recovery from one."""
    was = find(before.get("conditions", ()), "Ready")
    now = find(after.get("conditions", ()), "Ready")
    if now is None or (was and was["reason"] == now["reason"]):
        return
    if now["status"] == "False" and now["reason"] not in _PASSING:
        yield Note("Warning", named(now["reason"]), now["message"])
    if now["reason"] == Reason.FINISHED:
        yield Note("Normal", Reason.FINISHED, now["message"])
    elif now["status"] == "True" and was and was["status"] == "False" and was["reason"] not in _PASSING:
        yield Note("Normal", named(now["reason"]), f"recovered from {was['reason']}: {now['message']}")


def _removed(identities: Collection[str]) -> str:
    """Name a few: an Event has 1024 characters, and an identity may have a quarter of them."""
    named_first = ", ".join(repr(identity[:LONGEST_NAMED]) for identity in sorted(identities)[:MOST_NAMED])
    others = len(identities) - MOST_NAMED
    return f"put out of the room: {named_first}" + (f" and {others} more" if others > 0 else "")


def _orphaned(room: str) -> str:
    return f"LiveKit could not be told in time to delete room {room!r}; if it is still there: lk room delete {room!r}"
