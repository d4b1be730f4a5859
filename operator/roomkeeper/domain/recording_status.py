"""What a Recording's status shows at the end of a reconcile, and how that reconcile ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.common import MAX_INT32, rfc3339
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import (
    attempts,
    conditions,
    recording_checks,
    recording_end,
    recording_plan,
    recording_results,
    recording_start,
    recording_stop,
    recordings,
)
from roomkeeper.domain.conditions import Conclusion, Condition, Finding
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.rooms import ServerState
from roomkeeper.domain.storages import Storage

if TYPE_CHECKING:
    from roomkeeper.api.recording_status import StopReason
    from roomkeeper.domain.attempts import Attempt
    from roomkeeper.domain.recording_end import End
    from roomkeeper.domain.recordings import RecordingWorld

SEARCH_SECONDS = 2.0  # an egress of which no answer came may show at any moment
ENDING_SECONDS = 5.0  # it was told to end; if a webhook is lost, look
SECRETS_SECONDS = 60.0  # of others are not watched
ROOM_SECONDS = 60.0  # a Room that appears wakes its Recordings; this is for a wake-up that was lost
SERVER_SECONDS = 300.0
# Rendered anew each time; everything else stays as it was last seen.
_RENDERED = frozenset({"conditions", "attempts", "gaps", "egressID", "stopReason"})


def conclude(world: RecordingWorld) -> Conclusion:
    """Return the status of what is now, and the outcome."""
    if world.recording.deleted_at:
        return _conclude_deletion(world)
    if recordings.has_ended(world):
        return _conclude_ended(world)
    known = recording_end.settled(world)
    end = recording_end.end(world, known)
    ready = _ready(world, end, known)
    outcome = _outcome(world, end, ready, known)
    shown = [ready, *_job(end), *_responsive(world, known), *conditions.abnormal(outcome, ready)]
    status = {**_observed(world, end, known), "conditions": _render(world, shown)}
    return Conclusion(status, outcome)


def stopping(world: RecordingWorld, reason: StopReason) -> dict[str, Any]:
    """Return the status that goes before a stop: why, and whether the worker is there, as that may take its time."""
    status = world.recording.status
    told = _render(world, _responsive(world, recordings.all_attempts(world)))
    kept = [one for one in status.get("conditions", ()) if one["type"] not in {new["type"] for new in told}]
    return {**status, "stopReason": str(reason), "conditions": [*kept, *told]}


def _conclude_ended(world: RecordingWorld) -> Conclusion:
    """Leave what is over as it is, but for the acknowledgement of what was asked or edited."""
    status = {**world.recording.status, **_acknowledged(world)}
    kept = [
        {**condition, "observedGeneration": world.recording.generation}
        for condition in world.recording.status.get("conditions", ())
    ]
    expires = recording_plan.expires_at(world)
    due = max(0.0, (expires - world.now).total_seconds()) if expires else None
    is_healthy = recordings.state(world) in recording_end.SUCCESSES
    return Conclusion({**status, "conditions": kept}, Done(due) if is_healthy else Stalled(due))


def _conclude_deletion(world: RecordingWorld) -> Conclusion:
    """While a deletion waits, come back for it; the object goes with its status."""
    if not world.recording.is_held:
        return Conclusion(dict(world.recording.status), Done())
    if world.failure:
        return Conclusion(dict(world.recording.status), Retry())
    wait = SEARCH_SECONDS if recordings.is_usable(world) else min(30.0, recording_plan.grace_left(world))
    return Conclusion(dict(world.recording.status), Waiting(max(0.5, wait)))


def _ready(world: RecordingWorld, end: End, known: tuple[Attempt, ...]) -> Condition:
    if end.is_final:
        return Condition("Ready", is_true=end.state in recording_end.SUCCESSES, finding=end.finding)
    is_unanswered = end.state is not RecordingState.ARMED and bool(known) and known[-1].is_ambiguous
    if end.state is not RecordingState.ARMED and not is_unanswered:
        return Condition("Ready", is_true=True, finding=end.finding)
    trouble = (
        recording_checks.obstacle(world) or world.failure or world.room_trouble or _server_trouble(world)
    )
    if trouble or is_unanswered:
        return Condition("Ready", is_true=False, finding=trouble or end.finding)
    return Condition("Ready", is_true=True, finding=end.finding)


def _server_trouble(world: RecordingWorld) -> Finding | None:
    match world.server.state if world.server else ServerState.ACCEPTED:
        case ServerState.REFUSED:
            return Finding(Reason.INVALID_CREDENTIALS, "LiveKit refuses the API key or its secret")
        case ServerState.UNREACHABLE | ServerState.UNKNOWN:
            return Finding(Reason.SERVER_UNREACHABLE, "LiveKit does not answer")
        case _:
            return None


def _job(end: End) -> list[Condition]:
    """Return what a Job shows when it is over."""
    if not end.is_final:
        return []
    kind = "Complete" if end.state in recording_end.SUCCESSES else "Failed"
    return [Condition(kind, is_true=True, finding=end.finding)]


def _responsive(world: RecordingWorld, known: tuple[Attempt, ...]) -> list[Condition]:
    """Tell whether the worker is there, once there was one."""
    last = next((attempt for attempt in reversed(known) if attempt.egress_id), None)
    if last is None:
        return []
    if last.error == attempts.UNRESPONSIVE or recording_stop.is_unresponsive(world):
        finding = Finding(
            Reason.EGRESS_UNRESPONSIVE, f"egress {last.egress_id} is not in its room, and does not end"
        )
        return [Condition("EgressResponsive", is_true=False, finding=finding)]
    finding = Finding(Reason.EGRESS_RESPONSIVE, "the Egress worker tells what it does")
    return [Condition("EgressResponsive", is_true=True, finding=finding)]


def _observed(world: RecordingWorld, end: End, known: tuple[Attempt, ...]) -> dict[str, Any]:
    before = world.recording.status
    status: dict[str, Any] = {name: value for name, value in before.items() if name not in _RENDERED}
    status |= _acknowledged(world) | {"state": str(end.state)}
    if world.server and recording_checks.obstacle(world) is None:
        if world.room_name:
            status["roomName"] = world.room_name
        if world.server.ref:
            status["serverRef"] = dict(world.server.ref)
        status.pop("storageRef", None)  # until it begins, it may be declared otherwise
        if isinstance(world.storage, Storage):
            status["storageRef"] = world.storage.ref
    if known:
        status["attempts"] = [attempt.render() for attempt in known]
        if known[-1].egress_id:
            status["egressID"] = known[-1].egress_id
    if before.get("stopReason") and (end.is_final or (known and known[-1].is_live)):
        status["stopReason"] = before["stopReason"]
    if world.applied_layout:
        status["appliedLayout"] = world.applied_layout
    if world.stream:
        status["appliedStreams"] = list(world.stream.applied)
    return status | _course(world, end, known)


def _course(world: RecordingWorld, end: End, known: tuple[Attempt, ...]) -> dict[str, Any]:
    """Return when it recorded, for how long, with which gaps, and what came of it."""
    course: dict[str, Any] = {}
    started = next((attempt.started_at for attempt in known if attempt.started_at), None)
    if started:
        course["startedAt"] = rfc3339(started)
    if end.is_final:
        ended = known[-1].ended_at if known else None
        course["endedAt"] = rfc3339(ended or world.now)
    if any(not attempt.is_live for attempt in known):
        over = (attempt for attempt in known if not attempt.is_live)
        recorded = round(sum(attempt.seconds(world.now) for attempt in over))
        course["recordedSeconds"] = min(recorded, MAX_INT32)
    if gaps := recording_results.gaps(known):
        course["gaps"] = gaps
    if results := recording_results.merged(world.recording.status.get("results", ()), known, world.egress):
        course["results"] = results
    return course


def _acknowledged(world: RecordingWorld) -> dict[str, Any]:
    asked = world.recording.annotations.get(common.ANNOTATION_RECONCILE_AT)
    return {
        "observedGeneration": world.recording.generation,
        **({"lastHandledReconcileAt": asked} if asked else {}),
    }


def _outcome(world: RecordingWorld, end: End, ready: Condition, known: tuple[Attempt, ...]) -> Outcome:
    if end.is_final:
        return (
            Done(0.0) if end.state in recording_end.SUCCESSES else Stalled(0.0)
        )  # once more: what follows the end
    if end.state is RecordingState.ARMED:
        return _armed(world, ready, known)
    if world.failure:
        return Retry() if world.failure.reason is not Reason.START_UNANSWERED else Waiting(SEARCH_SECONDS)
    if known and known[-1].is_ambiguous:
        return Waiting(SEARCH_SECONDS)
    if recording_stop.why_stop(world):
        return Done(ENDING_SECONDS)
    return Done(_next_limit(world))


def _armed(world: RecordingWorld, ready: Condition, known: tuple[Attempt, ...]) -> Outcome:
    deadline = recording_start.ends_at(world)
    until_late = (deadline - world.now).total_seconds() if deadline else None
    if obstacle := recording_checks.obstacle(world):
        passes = obstacle in (world.refusal, world.storage) or obstacle == recording_checks.quota_is_used_up(
            world
        )
        return Stalled(_soonest(until_late, SECRETS_SECONDS if passes else None))
    if world.failure or world.is_unmade:
        return Retry()
    if not ready.is_true:
        return Waiting(
            _soonest(until_late, ROOM_SECONDS if world.room_trouble else SERVER_SECONDS) or ROOM_SECONDS
        )
    retry = recording_start.retry_in(world) if known else 0.0
    if known and known != attempts.read(world.recording.status):  # that it has ended has just become known
        retry = max(retry, recording_start.FIRST_BACKOFF_SECONDS)
    begins = world.spec.start_at if world.spec else None
    until_start = (begins - world.now).total_seconds() if begins else None
    later = [wait for wait in (until_late, retry, until_start) if wait is not None and wait > 0]
    if recordings.leftovers(world):
        return Done(SEARCH_SECONDS)
    return Done(min(later, default=None))


def _next_limit(world: RecordingWorld) -> float | None:
    """Return the seconds until it may have to be ended."""
    deadline = recording_stop.deadline_seconds(world)
    attempt = recordings.current(world)
    left = None
    if deadline is not None and attempt and attempt.started_at:
        left = max(0.0, deadline - recording_stop.recorded_seconds(world))
    patience = world.spec.stop_when_empty_seconds if world.spec else 0
    empty = max(0.0, patience - world.empty_seconds) if patience and world.empty_seconds else None
    return _soonest(left, empty)


def _soonest(*waits: float | None) -> float | None:
    return min((max(0.0, wait) for wait in waits if wait is not None), default=None)


def _render(world: RecordingWorld, shown: list[Condition]) -> list[dict[str, Any]]:
    return conditions.render(
        shown,
        previous=world.recording.status.get("conditions", ()),
        generation=world.recording.generation,
        now=world.now,
    )
