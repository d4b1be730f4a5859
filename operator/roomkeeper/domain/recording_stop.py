"""Whether it is time to end a recording that runs, and whether its worker is there at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api.recording import DesiredState
from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.api.recording_status import RecordingState, StopReason
from roomkeeper.domain import recordings

if TYPE_CHECKING:
    from roomkeeper.domain.recordings import RecordingWorld

UNRESPONSIVE_LOOKS = 2  # at which the egress was not in its room
UPLOAD_SECONDS = 600.0  # after which an egress that ends is asked whether it still does
# Until it has joined, from when it was asked for: a worker may take it as late as that, and a browser has to start first.
JOIN_SECONDS = recordings.AMBIGUOUS_SECONDS + 60.0


def why_stop(world: RecordingWorld) -> StopReason | None:
    """Return why it is to end now; what was written once stays the reason."""
    written = world.recording.status.get("stopReason")
    if written:
        return StopReason(written)
    if world.recording.deleted_at:
        return StopReason.DELETED
    return next((reason for reason, is_so in _STOPS if is_so(world)), None)


def recorded_seconds(world: RecordingWorld) -> float:
    """Return for how long all attempts together have recorded."""
    return sum(attempt.seconds(world.now) for attempt in recordings.all_attempts(world))


def deadline_seconds(world: RecordingWorld) -> int | None:
    """Return for how long it may record: what is declared, and no more than the policy of the server lets it."""
    declared = world.spec.active_deadline_seconds if world.spec else None
    policy = recordings.limits(world)
    longest = policy.recordings.max_seconds if policy else None
    known = [limit for limit in (declared, longest) if limit is not None]
    return min(known, default=None)


def is_unresponsive(world: RecordingWorld) -> bool:
    """Tell whether the worker of the current attempt is gone without a word."""
    attempt = recordings.current(world)
    if attempt is None or not attempt.egress_id:
        return False
    return attempt.egress_id in world.gone or is_missing(world)


def is_missing(world: RecordingWorld) -> bool:
    """Tell whether the egress was not in its room, look after look, although it should be."""
    attempt = recordings.current(world)
    if attempt is None or world.missing_looks < UNRESPONSIVE_LOOKS or _is_of_a_page(world):
        return False
    asked = attempt.requested_at  # kept until it records: LiveKit tells no time before
    is_late = asked is not None and (world.now - asked).total_seconds() > JOIN_SECONDS
    return attempt.state is RecordingState.ACTIVE or (attempt.state is RecordingState.STARTING and is_late)


def is_overdue(world: RecordingWorld) -> bool:
    """Tell whether an egress has been ending for so long that its worker may have died; an upload may take its time."""
    attempt, since = recordings.current(world), world.egress.changed_at if world.egress else None
    if attempt is None or attempt.state is not RecordingState.ENDING or since is None:
        return False
    return (world.now - since).total_seconds() > UPLOAD_SECONDS


def _is_of_a_page(world: RecordingWorld) -> bool:
    """Tell whether the egress joins no room, though it may live as long as one."""
    return world.spec is None or world.spec.source.kind is RecordingSource.WEB


def _is_to_be_stopped(world: RecordingWorld) -> bool:
    return world.spec is not None and world.spec.desired_state is DesiredState.STOPPED


def _is_left_alone(world: RecordingWorld) -> bool:
    patience = world.spec.stop_when_empty_seconds if world.spec else 0
    return bool(patience) and world.empty_seconds >= patience


def _is_room_over(world: RecordingWorld) -> bool:
    """Tell whether the room is closed beside which a page is recorded; whatever records a room ends with it by itself."""
    attempt = recordings.current(world)
    if attempt is None or not attempt.room_sid:
        return False
    return world.is_room_gone or (world.live is not None and world.live.sid != attempt.room_sid)


def _is_over_time(world: RecordingWorld) -> bool:
    deadline = deadline_seconds(world)
    return deadline is not None and recorded_seconds(world) >= deadline


_STOPS = (
    (StopReason.REQUESTED, _is_to_be_stopped),
    (StopReason.DEADLINE, _is_over_time),
    (StopReason.EMPTY, _is_left_alone),
    (StopReason.ROOM_CLOSED, _is_room_over),
    (StopReason.UNRESPONSIVE, is_unresponsive),
)
