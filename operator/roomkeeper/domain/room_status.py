"""What a Room's status shows at the end of a reconcile, and how that reconcile ended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from roomkeeper.domain import (
    changes,
    checks,
    conditions,
    deletion,
    lifecycle,
    metadata,
    session_status,
    token_status,
)
from roomkeeper.domain.conditions import Conclusion, Condition, Finding
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason, named
from roomkeeper.domain.rooms import ServerState, World

if TYPE_CHECKING:
    from typing import Any

LOOK_AGAIN_SECONDS = 0.5  # LiveKit is closing the room, or has not yet listed a new one
COLLECTED_SECONDS = 2.0  # the garbage collector is about to take a Secret
CONTESTED_SECONDS = 60.0  # somebody overwrites the metadata: it is counted over ten minutes
SERVER_SECONDS = 300.0  # a server that answers again wakes its keys; this is for a wake-up that was lost
FOREIGN_RECHECK_SECONDS = 60.0  # Secrets of others are not watched: look whether it has gone
MARGIN_SECONDS = 5.0  # after a departure: LiveKit closes rooms once a second
COUNTS = frozenset({"numParticipants", "numPublishers", "activeRecording"})


def conclude(world: World) -> Conclusion:
    """Return the status of what is now, and the outcome."""
    if world.room.deleted_at:
        return _conclude_deletion(world)
    if lifecycle.is_finished(world):
        return _conclude_end(world)
    room, issued = _room_available(world), _tokens_issued(world)
    ready = _ready(world, room, issued)
    outcome = _outcome(world, ready)
    abnormal = conditions.abnormal(outcome, _contested() if _is_contested(world) else ready)
    shown = [ready, room, issued, *_up_to_date(world), *_suspended(world), *abnormal]
    return Conclusion({**session_status.observed(world), "conditions": _render(world, shown)}, outcome)


def _conclude_deletion(world: World) -> Conclusion:
    """While a deletion waits, say what for; the rest of the status stays as it was."""
    if not world.room.is_held:
        return Conclusion(dict(world.room.status), Done())
    trouble = world.failure or _server_trouble(world)
    if trouble is None:
        return Conclusion(dict(world.room.status), Retry())
    ready = Condition("Ready", is_true=False, finding=trouble)
    shown = [ready, *conditions.abnormal(Retry(), ready)]
    status = {
        **world.room.status,
        "observedGeneration": world.room.generation,
        "conditions": _render(world, shown),
    }
    if world.failure:  # of a server that seems to answer: nobody wakes this key when the next call would do
        return Conclusion(status, Retry())
    return Conclusion(status, Waiting(max(LOOK_AGAIN_SECONDS, min(30.0, deletion.grace_left(world)))))


def _conclude_end(world: World) -> Conclusion:
    """A room that existed Once stays finished: Ready, since nothing is left to do, but not available."""
    finding = Finding(Reason.FINISHED, f"room {world.room_name!r} has existed once and is closed")
    shown = [Condition("Ready", is_true=True, finding=finding)]
    shown += [Condition(kind, is_true=False, finding=finding) for kind in ("RoomAvailable", "TokensIssued")]
    shown += _suspended(world)
    end = token_status.next_end(world)  # to forget then whose last token has ended
    outcome: Outcome = Done((end - world.now).total_seconds() if end else None)
    if world.failure:
        outcome = Retry()
        shown += conditions.abnormal(outcome, Condition("Ready", is_true=True, finding=world.failure))
    return Conclusion({**session_status.observed(world), "conditions": _render(world, shown)}, outcome)


def _render(world: World, shown: list[Condition]) -> list[dict[str, Any]]:
    return conditions.render(
        shown,
        previous=world.room.status.get("conditions", ()),
        generation=world.room.generation,
        now=world.now,
    )


def _room_available(world: World) -> Condition:
    trouble = checks.obstacle(world) or world.failure or _server_trouble(world)
    if trouble:
        finding = trouble
    elif world.live is not None:
        return _true("RoomAvailable", Reason.AVAILABLE, f"room {world.room_name!r} is live")
    elif lifecycle.is_healthy_without_room(world):
        return _true(
            "RoomAvailable", Reason.ON_DEMAND, f"room {world.room_name!r} is born when somebody joins"
        )
    elif _is_suspended(world):
        finding = Finding(Reason.SUSPENDED, "the room is not there, and is not created while suspended")
    else:
        finding = Finding(Reason.WAITING_FOR_LIVEKIT, f"waiting for LiveKit to have room {world.room_name!r}")
    return Condition("RoomAvailable", is_true=False, finding=finding)


def _tokens_issued(world: World) -> Condition:
    waits_for = world.failure or _server_trouble(world)
    trouble = checks.obstacle(world) or token_status.trouble(world, waits_for=waits_for)
    if trouble:
        return Condition("TokensIssued", is_true=False, finding=trouble)
    count = len(world.spec.roles) if world.spec else 0
    return _true("TokensIssued", Reason.ISSUED, f"{count} of {count} roles have their tokens")


def _server_trouble(world: World) -> Finding | None:
    if world.server is None:
        return None
    match world.server.state:
        case ServerState.REFUSED:
            return Finding(Reason.INVALID_CREDENTIALS, "LiveKit refuses the API key or its secret")
        case ServerState.UNREACHABLE | ServerState.UNKNOWN:
            return Finding(Reason.SERVER_UNREACHABLE, f"LiveKit at {world.server.url} does not answer")
        case _:
            return None


def _up_to_date(world: World) -> list[Condition]:
    if world.live is None or world.spec is None:
        return []
    pending = ", ".join(change["field"] for change in changes.pending(world))
    if not pending:
        return [_true("UpToDate", Reason.AS_DECLARED, "the live room is configured as declared")]
    if changes.is_not_honoured(world):
        finding = Finding(
            Reason.NOT_HONOURED, f"{pending}: the room was created with it, and LiveKit shows it otherwise"
        )
    else:
        finding = Finding(
            Reason.REQUIRES_RECREATE,
            f"{pending}: LiveKit takes this only when it creates a room; it applies to the next one",
        )
    return [Condition("UpToDate", is_true=False, finding=finding)]


def _ready(world: World, room: Condition, issued: Condition) -> Condition:
    if _is_suspended(world):
        return _as_before(world)
    first_false = next((condition for condition in (room, issued) if not condition.is_true), None)
    if first_false:
        return Condition("Ready", is_true=False, finding=first_false.finding)
    return Condition("Ready", is_true=True, finding=room.finding)


def _as_before(world: World) -> Condition:
    """Return Ready as it was when the Room was suspended."""
    before = conditions.find(world.room.status.get("conditions", ()), "Ready")
    if before is None:
        return Condition("Ready", is_true=False, finding=Finding(Reason.SUSPENDED, Reason.SUSPENDED.advice))
    finding = Finding(named(before["reason"]), before["message"])
    return Condition("Ready", is_true=before["status"] == "True", finding=finding)


def _suspended(world: World) -> list[Condition]:
    if not _is_suspended(world):
        return []
    return [_true("Suspended", Reason.SUSPENDED, "spec.suspend is true: LiveKit is left as it is")]


def _is_suspended(world: World) -> bool:
    return world.spec is not None and world.spec.suspend


def _is_contested(world: World) -> bool:
    return world.overwritten >= metadata.CONTESTED and not _is_suspended(world)


def _contested() -> Condition:
    text = "the declared metadata was overwritten again and again; the operator pauses"
    return Condition("Ready", is_true=True, finding=Finding(Reason.METADATA_CONTESTED, text))


def _true(kind: str, reason: Reason, message: str) -> Condition:
    return Condition(kind, is_true=True, finding=Finding(reason, message))


_WAITS = {
    Reason.WAITING_FOR_LIVEKIT: LOOK_AGAIN_SECONDS,
    Reason.WAITING_FOR_GARBAGE_COLLECTION: COLLECTED_SECONDS,
}
_STALLS = {
    Reason.SECRET_CONFLICT: FOREIGN_RECHECK_SECONDS,
    Reason.SECRET_REFUSED: FOREIGN_RECHECK_SECONDS,
    Reason.TOKEN_TOO_LARGE: math.inf,
    Reason.SECRET_TOO_LARGE: math.inf,
    Reason.SUSPENDED: math.inf,
}


def _outcome(world: World, ready: Condition) -> Outcome:
    """Return how the reconcile ended. Whatever is in the way, tokens that are there are renewed in time."""
    due_in = _due_in(world)
    if not _is_suspended(world) and checks.obstacle(world):
        return Stalled(_finite(due_in) if checks.is_only_renewed(world) else None)
    if ready.is_true:
        if world.failure:
            return Retry()
        return Waiting(min(due_in, CONTESTED_SECONDS)) if _is_contested(world) else Done(_finite(due_in))
    return _unready(world, ready.finding.reason, due_in)


def _unready(world: World, reason: Reason, due_in: float) -> Outcome:
    if reason in _STALLS:
        return Stalled(_finite(min(due_in, _STALLS[reason])))
    if reason in _WAITS and not _is_suspended(world):
        return Waiting(_WAITS[reason])
    if world.failure:
        return Retry()
    return Waiting(min(due_in, SERVER_SECONDS))


def _due_in(world: World) -> float:
    """Return the seconds until something is due; infinity: nothing is."""
    due = token_status.due_in(world)
    if token_status.waits_for_status(world):
        due = min(due, LOOK_AGAIN_SECONDS)
    if world.live and world.live.num_participants == 0 and changes.waits_for_departure(world):
        due = min(due, world.live.config.departure_timeout_seconds + MARGIN_SECONDS)
    return due


def _finite(seconds: float) -> float | None:
    return None if seconds == math.inf else seconds
