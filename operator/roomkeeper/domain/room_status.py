"""What a Room's status shows at the end of a reconcile, and how that reconcile ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.domain import checks, conditions, deletion, metadata, rooms, tokens
from roomkeeper.domain.conditions import Condition, Finding
from roomkeeper.domain.objects import format_time
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.rooms import ServerState, World

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOK_AGAIN_SECONDS = 0.5  # LiveKit is closing the room, or has not yet listed a new one
COLLECTED_SECONDS = 2.0  # the garbage collector is about to take a Secret
SERVER_SECONDS = 300.0  # a server that answers again wakes its keys; this is for a wake-up that was lost
FOREIGN_RECHECK_SECONDS = 60.0  # Secrets of others are not watched: look whether it has gone
COUNTS = frozenset({"numParticipants", "numPublishers", "activeRecording"})


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What to write to status and when to come back."""

    status: dict[str, Any]
    outcome: Outcome


def conclude(world: World) -> Conclusion:
    """Return the status of what is now, and the outcome."""
    if world.room.deleted_at:
        return _conclude_deletion(world)
    room, issued = _room_available(world), _tokens_issued(world)
    ready = _ready(room, issued)
    outcome = _outcome(world, ready)
    shown = [ready, room, issued, *_up_to_date(world), *conditions.abnormal(outcome, ready)]
    return Conclusion({**_observed(world), "conditions": _render(world, shown)}, outcome)


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
    elif world.live is None:
        finding = Finding(Reason.WAITING_FOR_LIVEKIT, f"waiting for LiveKit to have room {world.room_name!r}")
    else:
        return _true("RoomAvailable", Reason.AVAILABLE, f"room {world.room_name!r} is live")
    return Condition("RoomAvailable", is_true=False, finding=finding)


def _tokens_issued(world: World) -> Condition:
    trouble = checks.obstacle(world) or _token_trouble(world)
    if trouble:
        return Condition("TokensIssued", is_true=False, finding=trouble)
    count = len(world.spec.roles) if world.spec else 0
    return _true("TokensIssued", Reason.ISSUED, f"{count} of {count} roles have their tokens")


def _token_trouble(world: World) -> Finding | None:
    """Return why the tokens of some role are not as declared."""
    if world.refusals:
        return next(iter(world.refusals.values()))
    for wanted in rooms.role_tokens(world):
        secret = world.secrets.get(wanted.secret_name)
        if wanted.secret_name in world.foreign_secrets:
            return _foreign(wanted)
        if secret and secret.owner_uid != world.room.uid:
            return _not_ours(world, wanted, secret.owner_name)
        if tokens.why_issue(wanted, secret, world.now):
            waits_for = world.failure or _server_trouble(world)
            return waits_for or Finding(
                Reason.WAITING_FOR_LIVEKIT, f"the tokens of role {wanted.role!r} are not issued yet"
            )
    return None


def _not_ours(world: World, wanted: tokens.RoleTokens, owner: str) -> Finding:
    if owner != world.room.key.name:
        return _foreign(wanted)
    return Finding(
        Reason.WAITING_FOR_GARBAGE_COLLECTION,
        f"Secret {wanted.secret_name!r} still belongs to a deleted Room of this name",
    )


def _foreign(wanted: tokens.RoleTokens) -> Finding:
    return Finding(
        Reason.SECRET_CONFLICT,
        f"Secret {wanted.secret_name!r} of role {wanted.role!r} belongs to somebody else and was left alone",
    )


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
    pending = [change["field"] for change in _pending_changes(world)]
    if not pending:
        return [_true("UpToDate", Reason.AS_DECLARED, "the live room is configured as declared")]
    message = (
        f"{', '.join(pending)}: LiveKit takes this only when it creates a room; it applies to the next one"
    )
    return [Condition("UpToDate", is_true=False, finding=Finding(Reason.REQUIRES_RECREATE, message))]


def _ready(room: Condition, issued: Condition) -> Condition:
    first_false = next((condition for condition in (room, issued) if not condition.is_true), None)
    if first_false:
        return Condition("Ready", is_true=False, finding=first_false.finding)
    return Condition("Ready", is_true=True, finding=room.finding)


def _true(kind: str, reason: Reason, message: str) -> Condition:
    return Condition(kind, is_true=True, finding=Finding(reason, message))


_WAITS = {
    Reason.WAITING_FOR_LIVEKIT: LOOK_AGAIN_SECONDS,
    Reason.WAITING_FOR_GARBAGE_COLLECTION: COLLECTED_SECONDS,
}
_STALLS = {
    Reason.SECRET_CONFLICT: FOREIGN_RECHECK_SECONDS,
    Reason.TOKEN_TOO_LARGE: math.inf,
    Reason.SECRET_TOO_LARGE: math.inf,
}


def _outcome(world: World, ready: Condition) -> Outcome:
    """Return how the reconcile ended. Whatever is in the way, tokens that are there are renewed in time."""
    reason, due_in = ready.finding.reason, _due_in(world)
    if checks.obstacle(world):
        return Stalled()
    if ready.is_true:
        return Done(_finite(due_in))
    if reason in _WAITS:
        return Waiting(_WAITS[reason])
    if reason in _STALLS:
        return Stalled(_finite(min(due_in, _STALLS[reason])))
    return Retry() if world.failure else Waiting(min(due_in, SERVER_SECONDS))


def _due_in(world: World) -> float:
    """Return the seconds until the next tokens have to be renewed; infinity: none have to.

    What is overdue could not be issued now, so it is nothing to come back for.
    """
    names = {wanted.secret_name for wanted in rooms.role_tokens(world)}
    due = [
        (moment - world.now).total_seconds()
        for name, secret in world.secrets.items()
        if name in names and (moment := tokens.time_of(secret, common.ANNOTATION_RENEWS_AT))
    ]
    return min((left for left in due if left > 0), default=math.inf)


def _finite(seconds: float) -> float | None:
    return None if seconds == math.inf else seconds


def _observed(world: World) -> dict[str, Any]:
    """Return status without its conditions; what could not be seen stays as it was last seen."""
    before = world.room.status
    status: dict[str, Any] = {
        name: value
        for name, value in before.items()
        if name not in ("conditions", "pendingChanges", "tokens")
    }
    status["observedGeneration"] = world.room.generation
    if world.server and checks.obstacle(world) is None:
        status |= {"roomName": world.room_name, "url": world.server.url}
    if world.live is not None:
        status |= _session(world, before)
    if pending := _pending_changes(world):
        status["pendingChanges"] = pending
    if issued := _token_status(world):
        status["tokens"] = issued
    return status


def _session(world: World, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the live session shows. People are nobody in a new one until somebody is seen."""
    live = world.live
    if live is None:
        return {}
    known, is_new = before.get("sid", ""), before.get("sid") != live.sid
    session: dict[str, Any] = {
        "sid": live.sid,
        "createdAt": format_time(live.created_at),
        "recreations": before.get("recreations", 0) + int(bool(known) and is_new),
        "activeRecording": live.active_recording,
    }
    if world.people is not None:
        session |= {
            "numParticipants": world.people.participants,
            "numPublishers": world.people.publishers,
        }
    elif is_new:
        session |= {"numParticipants": 0, "numPublishers": 0}
    kept = before.get("metadataKeys", ())
    if world.spec is not None and metadata.desired(world.spec, live=live.metadata, kept=kept) is None:
        written = sorted(world.spec.metadata or ())
        if written or kept:
            session["metadataKeys"] = written
    return session


def _pending_changes(world: World) -> list[dict[str, str]]:
    if world.live is None or world.spec is None:
        return []
    live, desired = world.live.config, rooms.config(world.spec)
    compared = {
        "emptyTimeoutSeconds": (live.empty_timeout_seconds, desired.empty_timeout_seconds),
        "departureTimeoutSeconds": (live.departure_timeout_seconds, desired.departure_timeout_seconds),
        "maxParticipants": (live.max_participants, desired.max_participants),
    }
    return [
        {"field": field, "live": str(now), "desired": str(wanted)}
        for field, (now, wanted) in compared.items()
        if now != wanted
    ]


def _token_status(world: World) -> list[dict[str, Any]]:
    shown = []
    for wanted in rooms.role_tokens(world):
        secret = world.secrets.get(wanted.secret_name)
        if secret is None or secret.owner_uid != world.room.uid:
            continue
        expires_at = tokens.time_of(secret, common.ANNOTATION_EXPIRES_AT)
        renews_at = tokens.time_of(secret, common.ANNOTATION_RENEWS_AT)
        if expires_at and renews_at:
            shown.append(
                {
                    "role": wanted.role,
                    "secretName": wanted.secret_name,
                    "identities": len(wanted.identities),
                    "expiresAt": format_time(expires_at),
                    "renewsAt": format_time(renews_at),
                }
            )
    return shown
