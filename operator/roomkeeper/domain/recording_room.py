"""What a Recording makes of its Room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.domain import attempts
from roomkeeper.domain.conditions import Finding, find
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.objects import CustomObject

# The Room is in order, and its room comes or comes back by itself: the Recording just waits for it.
_PASSING = frozenset({
    Reason.WAITING_FOR_LIVEKIT, Reason.SERVER_UNREACHABLE, Reason.INVALID_CREDENTIALS, Reason.SUSPENDED,
})  # fmt: skip


def trouble(recording: CustomObject, room: CustomObject | None) -> Finding | None:
    """Return why the Room has no room to record; None: it has, or the Recording runs already, or needs none."""
    name = (recording.spec.get("roomRef") or {}).get("name")
    known = attempts.read(recording.status)
    if not name or (known and known[-1].is_live):
        return None
    if room is None:
        return Finding(Reason.ROOM_NOT_FOUND, f"Room {name!r} is not in this namespace")
    available = find(room.status.get("conditions", ()), "RoomAvailable")
    has_no_room = f"Room {name!r} has no room on LiveKit"
    if available and available["status"] != "True" and available["reason"] not in _PASSING:
        return Finding(Reason.ROOM_NOT_AVAILABLE, f"{has_no_room}: {available['reason']}")
    if available is None or not room.status.get("roomName"):
        return Finding(Reason.ROOM_NOT_AVAILABLE, f"{has_no_room} yet")
    return None


def concerns_recordings(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether a Room's status changed in what its Recordings look at."""
    return _concern(before) != _concern(after)


def _concern(status: Mapping[str, Any]) -> tuple[Any, ...]:
    available = find(status.get("conditions", ()), "RoomAvailable") or {}
    return (
        status.get("roomName"),
        status.get("sid"),
        status.get("serverRef"),
        available.get("status"),
        available.get("reason"),
    )
