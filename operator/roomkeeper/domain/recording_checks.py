"""What can stand in the way of a Recording: small checks in the order in which people want to hear of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api.recording_status import MAX_ATTEMPTS, RecordingState
from roomkeeper.domain import (
    checks,
    conditions,
    markers,
    names,
    recording_policy,
    recording_request,
    recording_start,
    recordings,
)
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.domain.recordings import RecordingWorld
    from roomkeeper.domain.rooms import Server


def obstacle(world: RecordingWorld) -> Finding | None:
    """Return the first thing that only a person can change; None: it may be recorded."""
    return next((finding for check in CHECKS if (finding := check(world))), None)


def spec_is_unreadable(world: RecordingWorld) -> Finding | None:
    """Check that what is stored is what this version understands."""
    return Finding(Reason.INVALID_SPEC, world.spec_error) if world.spec is None else None


def server_is_missing(world: RecordingWorld) -> Finding | None:
    """Check that there is a LiveKit server to turn to; one of a Room that is not there yet is not missed."""
    if (world.server is not None and world.is_let_in) or world.room_trouble:
        return None
    reason = Reason.SERVER_NOT_ALLOWED if world.names_server else Reason.NO_SERVER
    return Finding(reason, reason.advice)


def room_name_is_unusable(world: RecordingWorld) -> Finding | None:
    """Check the name of the room, its Room's too, which may not know yet that it may not have it any more."""
    spec, namespace = world.spec, world.recording.key.namespace
    name = (spec and spec.room_name) or world.room_name
    if spec is None or world.server is None or not name:
        return None
    field = "spec.roomName" if spec.room_name else "spec.roomRef"
    return name_is_refused(field, name, server=world.server, namespace=namespace)


def name_is_refused(field: str, name: str, *, server: Server, namespace: str) -> Finding | None:
    """Check that LiveKit can live with the name of a room, and that a namespace may record it."""
    if not names.is_usable(name):
        text = f"{field}: must be 1 to 256 bytes without control characters, '|', '/' and '..'"
        return Finding(Reason.INVALID_ROOM_NAME, text)
    if checks.may_have_name(server, namespace=namespace, room_name=name):
        return None
    return Finding(Reason.POLICY_VIOLATION, f"{field}: {name!r} is no room that this namespace may record")


def policy_is_violated(world: RecordingWorld) -> Finding | None:
    """Check the server's policy, but for the number of Recordings."""
    return recording_policy.violation(world)


def storage_is_refused(world: RecordingWorld) -> Finding | None:
    """Check that the storage is there for this namespace and this server; one that is not allowed is as good as none."""
    if world.spec is None or not recording_policy.stores(world.spec) or world.spec.storage:
        return None
    return world.storage if isinstance(world.storage, Finding) else None


def key_is_unusable(world: RecordingWorld) -> Finding | None:
    """Check where media would go, as far as it is known before there is a room."""
    if world.spec is None:
        return None
    keys = recording_request.Keys(
        world.spec,
        room_name=world.room_name or "room",
        prefix=recording_request.key_prefix(world),
        mark=markers.marker(world.recording.uid, MAX_ATTEMPTS),
    )
    return recording_request.unusable(world.spec, keys)


def nothing_carries_a_marker(world: RecordingWorld) -> Finding | None:
    """Check that an egress could be found again after a crash: a stream alone has no object, so it needs a webhook."""
    if world.spec is None or recording_policy.stores(world.spec) or world.webhook_url or world.server is None:
        return None
    return Finding(Reason.WEBHOOK_URL_REQUIRED, Reason.WEBHOOK_URL_REQUIRED.advice)


def quota_is_used_up(world: RecordingWorld) -> Finding | None:
    """Check that one more of this namespace may run; the next one to end makes room."""
    return recording_policy.quota_violation(world)


def cannot_be_asked_for(world: RecordingWorld) -> Finding | None:
    """Check what showed when the request was made: a Secret that is missing, or lacks a key."""
    return world.refusal


def needs_secrets(world: RecordingWorld) -> bool:
    """Tell whether the Secrets are to be read though there is nothing to record yet: until it is said to be armed.

    Whoever declares it is to learn of one that is missing then, and not when people meet.
    """
    if recordings.state(world) not in (None, RecordingState.ARMED) or recordings.all_attempts(world):
        return False
    if world.recording.deleted_at or world.is_terminating or not recordings.is_usable(world):
        return False
    said = conditions.find(world.recording.status.get("conditions", ()), "Ready") or {}
    if (said.get("status"), said.get("observedGeneration")) == ("True", world.recording.generation):
        return False
    return recording_start.waits_for(world) is not None and obstacle(world) is None


CHECKS: tuple[Callable[[RecordingWorld], Finding | None], ...] = (
    spec_is_unreadable,
    server_is_missing,
    room_name_is_unusable,
    policy_is_violated,
    storage_is_refused,
    key_is_unusable,
    nothing_carries_a_marker,
    quota_is_used_up,
    cannot_be_asked_for,
)
