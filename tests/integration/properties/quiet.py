"""Nothing more is asked of anybody: what may still be called while nothing happens, and when something is due."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from roomkeeper.api import common
from tests.integration.properties.declared import room_name
from tests.integration.properties.world import RESYNC_SECONDS

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body
    from tests.integration.properties.world import World

WINDOW_SECONDS = 3 * RESYNC_SECONDS + 5.0
LONGEST_SEARCH = 12
READS = {"get", "list"}


async def calls_while_quiet(world: World) -> list[str]:
    """Let some resyncs pass in which nothing is due, and return what was asked but for what each resync asks."""
    for _ in range(LONGEST_SEARCH):
        await world.pass_time(1.5 * RESYNC_SECONDS)  # a server tells what happened at its next resync
        free = _until_due(world)
        if free > WINDOW_SECONDS:
            break
        await world.pass_time(free + 2.0)
    else:
        raise AssertionError("something is due every few minutes")
    world.kubernetes.calls.clear()
    world.livekit.calls.clear()
    await world.pass_time(WINDOW_SECONDS)
    asked = [
        f"{call.verb} {call.plural} {call.name}" for call in world.kubernetes.calls if call.verb not in READS
    ]
    return asked + _unexpected(world, Counter(world.livekit.calls))


def _unexpected(world: World, calls: Counter[tuple[str, str]]) -> list[str]:
    """Take away one list per interval, a look into rooms whose people are moderated, and what is asked every 10 min."""
    most = round(WINDOW_SECONDS / (0.8 * RESYNC_SECONDS))  # by the jitter of the interval
    allowed = {("list_rooms", ""): most, ("creates_rooms_on_join", ""): 1, ("has_redis", ""): 1}
    for body in world.rooms():
        if _has_people(world, room_name(body)) and _is_watched(body):
            allowed["list_participants", room_name(body)] = most
    return [f"{call} x{times}" for call, times in calls.items() if times > allowed.get(call, 0)]


def _has_people(world: World, name: str) -> bool:
    """Tell whether LiveKit lists somebody: also who was lost with a node, for as long as the room lives."""
    room = world.livekit.rooms.get(name)
    return room is not None and bool(room.recorded())


def _is_watched(body: Body) -> bool:
    spec = body["spec"]
    enforced = any(role.get("permissionsPolicy") == "Enforce" for role in spec.get("roles", ()))
    return bool(enforced or spec.get("moderation") or body["status"].get("revokedIdentities"))


def _until_due(world: World) -> float:
    """Return the seconds until something is due by the clock: a renewal, an end of a room or of a revocation."""
    now = world.clock.now()
    moments = [at for room in world.livekit.rooms.values() if (at := room.closes_at())]
    annotations = (secret["metadata"]["annotations"] for secret in world.token_secrets())
    moments += [_time(each[common.ANNOTATION_RENEWS_AT]) for each in annotations]
    for body in world.rooms():
        moments += [_time(entry["until"]) for entry in body["status"].get("revokedIdentities", ())]
    return min(((moment - now).total_seconds() for moment in moments), default=1e9) - 1.0


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
