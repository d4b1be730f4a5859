"""What people are told of in Events: failure, recovery, re-creation, adoption; never the first success."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from roomkeeper.domain import rooms
from roomkeeper.domain.conditions import find
from roomkeeper.domain.reasons import Reason, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.domain.rooms import World

# They pass by themselves in seconds; the condition says so while they last.
_PASSING = {Reason.WAITING_FOR_LIVEKIT, Reason.WAITING_FOR_GARBAGE_COLLECTION}


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
    if before.get("sid") and after.get("recreations", 0) > before.get("recreations", 0):
        yield Note("Normal", Reason.ROOM_RECREATED, f"room {world.room_name!r} is back as {after['sid']}")
    if after.get("sid") and not before.get("sid") and rooms.was_there_before(world):
        yield Note(
            "Normal",
            Reason.ROOM_ADOPTED,
            f"room {world.room_name!r} was there before and is now kept as declared",
        )
    yield from _turn(before, after)


def _turn(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Note]:
    """Yield a failure that is new, and a recovery from one."""
    was = find(before.get("conditions", ()), "Ready")
    now = find(after.get("conditions", ()), "Ready")
    if now is None or (was and was["reason"] == now["reason"]):
        return
    if now["status"] == "False" and now["reason"] not in _PASSING:
        yield Note("Warning", named(now["reason"]), now["message"])
    if now["status"] == "True" and was and was["reason"] not in _PASSING:
        yield Note("Normal", named(now["reason"]), f"recovered from {was['reason']}: {now['message']}")


def _orphaned(room: str) -> str:
    return f"LiveKit could not be told in time to delete room {room!r}; if it is still there: lk room delete {room!r}"
