"""What status shows beside its conditions: the name, the session, what waits for the next one, the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.api.room import MetadataPolicy
from roomkeeper.domain import agents, changes, checks, dynamic, lifecycle, metadata, revocations, token_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.rooms import World

# Rendered anew each time; everything else stays as it was last seen.
_RENDERED = frozenset(
    {"conditions", "pendingChanges", "tokens", "revokedIdentities", "dynamicTokens", "revokedPrefixes"}
)
_NOBODY = {"numParticipants": 0, "numPublishers": 0}


def observed(world: World) -> dict[str, Any]:
    """Return status without its conditions; what could not be seen stays as it was last seen."""
    before = world.room.status
    status: dict[str, Any] = {name: value for name, value in before.items() if name not in _RENDERED}
    status["observedGeneration"] = world.room.generation
    if asked := world.room.annotations.get(common.ANNOTATION_RECONCILE_AT):
        status["lastHandledReconcileAt"] = asked
    if world.server and checks.obstacle(world) is None:
        status |= {"roomName": world.room_name, "url": world.server.url}
        if world.server.ref:
            status["serverRef"] = dict(world.server.ref)
    if _is_our_session(world):
        status |= _session(world, before)
        if pending := changes.pending(world):
            status["pendingChanges"] = pending
        if changes.created_with(world) is None:
            status.pop("createdWith", None)
    elif before.get("sid") and lifecycle.is_absent(world) and _stays_absent(world):
        status |= {**_NOBODY, "activeRecording": False}
    if not lifecycle.is_finished(world) and (issued := token_status.status(world)):
        status["tokens"] = issued
    if revoked := revocations.status(world):
        status["revokedIdentities"] = revoked
    return status | dynamic.status(world)


def _stays_absent(world: World) -> bool:
    """Tell whether nobody is about to create the room again."""
    return lifecycle.is_healthy_without_room(world) or lifecycle.is_finished(world)


def _is_our_session(world: World) -> bool:
    """Tell whether the live room is this Room's: not while it may not have it, nor after it existed Once."""
    if world.live is None:
        return False
    if world.room.status.get("sid"):
        return not lifecycle.is_finished(world)
    return checks.obstacle(world) is None


def _session(world: World, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the live session shows. People are nobody in a new one until somebody is seen."""
    live = world.live
    if live is None:
        return {}
    known, is_new = before.get("sid", ""), before.get("sid") != live.sid
    session: dict[str, Any] = {
        "sid": live.sid,
        "createdAt": rfc3339(live.created_at),
        "recreations": before.get("recreations", 0) + int(bool(known) and is_new),
        "activeRecording": live.active_recording,
    }
    if created_with := changes.created_with(world):
        session["createdWith"] = dict(created_with)
    if world.people is not None:
        session |= {
            "numParticipants": world.people.participants,
            "numPublishers": world.people.publishers,
        }
    elif is_new:
        session |= _NOBODY
    if agents.managed(world) or "agents" in before:
        session["agents"] = agents.managed(world)
    return session | _metadata_keys(world, before, live.metadata)


def _metadata_keys(world: World, before: Mapping[str, Any], live: str) -> dict[str, list[str]]:
    """Return the keys that were written, so that they can be taken back; under Initial nothing is."""
    kept, spec = before.get("metadataKeys", ()), world.spec
    if spec is None or spec.metadata_policy is MetadataPolicy.INITIAL:
        return {}
    if metadata.desired(spec, live=live, kept=kept) is not None:
        return {}
    written = sorted(spec.metadata or ())
    return {"metadataKeys": written} if written or kept else {}
