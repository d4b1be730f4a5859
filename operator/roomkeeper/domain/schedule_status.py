"""What status and Events say of a RecordingSchedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.api.recording_schedule import MAX_ACTIVE
from roomkeeper.domain import conditions, events, schedule_plan, schedule_times, schedules
from roomkeeper.domain.conditions import Conclusion, Condition, Finding
from roomkeeper.domain.events import Note
from roomkeeper.domain.objects import read_time
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from roomkeeper.domain.schedules import ScheduleWorld

RECHECK_SECONDS = 60.0  # where what is in the way is mended out of our sight
SECOND_LOOK_SECONDS = 5.0  # at a room that one look did not find
_MENDED_IN_SIGHT = frozenset({
    Reason.NO_SERVER, Reason.SERVER_NOT_ALLOWED, Reason.POLICY_VIOLATION, Reason.INVALID_ROOM_NAME,
})  # fmt: skip
_PASSING = frozenset({Reason.ROOM_NOT_FOUND, Reason.ROOM_NOT_AVAILABLE})
_RENDERED = frozenset({"active", "nextScheduleTime", "lastSession"})


def conclude(world: ScheduleWorld) -> Conclusion:
    """Return the status of what is now, and the outcome."""
    trouble = schedules.obstacle(world) or world.refusal or world.trouble
    outcome = _outcome(world, trouble)
    ready = Condition("Ready", is_true=trouble is None, finding=trouble or _ready(world))
    before = world.schedule.status
    status: dict[str, Any] = {name: value for name, value in before.items() if name not in _RENDERED}
    status |= _progress(world) | {
        "observedGeneration": world.schedule.generation,
        "conditions": conditions.render(
            [ready, *conditions.abnormal(outcome, ready)],
            previous=before.get("conditions", ()),
            generation=world.schedule.generation,
            now=world.now,
        ),
    }
    if asked := world.schedule.annotations.get(common.ANNOTATION_RECONCILE_AT):
        status["lastHandledReconcileAt"] = asked
    return Conclusion(status, outcome)


def notes(world: ScheduleWorld, after: dict[str, Any]) -> Iterator[Note]:
    """Yield what is worth an Event: a time without a Recording, a failure, a recovery."""
    if due := schedule_times.missed(world):
        yield Note(
            "Warning", Reason.RECORDING_MISSED, f"the Recording that was due at {rfc3339(due)} was not made"
        )
    yield from events.turn(world.schedule.status, after)


def _progress(world: ScheduleWorld) -> dict[str, Any]:
    """Return which Recordings there are, and what is to come."""
    active = [{"name": each.key.name, "uid": each.uid} for each in schedules.unfinished(world)]
    progress: dict[str, Any] = {"active": active[:MAX_ACTIVE]} if active else {}
    if due := _last_due(world):
        progress["lastScheduleTime"] = rfc3339(due)
    if ended := _last_success(world):
        progress["lastSuccessfulTime"] = rfc3339(ended)
    if upcoming := schedule_times.upcoming(world):
        progress["nextScheduleTime"] = rfc3339(upcoming)
    if session := _last_session(world):
        progress["lastSession"] = session
    return progress


def _last_due(world: ScheduleWorld) -> datetime | None:
    known = [read_time(world.schedule.status.get("lastScheduleTime")), schedule_times.made(world)]
    session = _last_session(world)
    if session and session != world.schedule.status.get("lastSession"):
        recording = schedules.child(world, schedules.name_of(world.schedule, session))
        known.append(recording.created_at if recording else None)
    return max((due for due in known if due), default=None)


def _last_success(world: ScheduleWorld) -> datetime | None:
    ends = [read_time(each.status.get("endedAt")) for each in schedules.successful(world)]
    known = [read_time(world.schedule.status.get("lastSuccessfulTime")), *ends]
    return max((end for end in known if end), default=None)


def _last_session(world: ScheduleWorld) -> str:
    """Return the session that was dealt with last: it has its Recording, or was left out while suspended."""
    before = str(world.schedule.status.get("lastSession", ""))
    if not schedules.is_by_session(world):
        return ""
    session = world.session
    if session is None or not session.sid:
        return before
    is_made = schedules.child(world, schedules.name_of(world.schedule, session.sid)) is not None
    is_left_out = world.spec is not None and world.spec.suspend and schedule_plan.is_due(world)
    return session.sid if is_made or is_left_out else before


def _ready(world: ScheduleWorld) -> Finding:
    if world.spec and world.spec.suspend:
        return Finding(Reason.SUSPENDED, "no Recordings are made while spec.suspend is true")
    if schedules.is_by_session(world):
        return Finding(Reason.SCHEDULED, "every session in which somebody joins gets a Recording")
    upcoming, others = schedule_times.upcoming(world), schedules.unfinished(world)
    if upcoming and upcoming <= world.now and others:
        text = f"the Recording that was due at {rfc3339(upcoming)} waits for the end of {others[0].key.name}"
        return Finding(Reason.SCHEDULED, text)
    return Finding(Reason.SCHEDULED, "a Recording is made when it is due")


def _outcome(world: ScheduleWorld, trouble: Finding | None) -> Outcome:
    if trouble:
        return _troubled(world, trouble)
    if schedules.is_by_session(world):
        return Done(SECOND_LOOK_SECONDS if world.session is None else None)
    return Done(schedule_times.changes_in(world))


def _troubled(world: ScheduleWorld, trouble: Finding) -> Outcome:
    recheck = min(RECHECK_SECONDS, schedule_times.changes_in(world) or RECHECK_SECONDS)
    if trouble == schedules.obstacle(world) or trouble.reason in _MENDED_IN_SIGHT:
        return Stalled()
    if trouble.reason is Reason.WAITING_FOR_GARBAGE_COLLECTION:
        return Waiting(SECOND_LOOK_SECONDS)
    if trouble.reason in _PASSING:
        return Waiting(recheck)
    return Stalled(recheck) if trouble is world.refusal else Retry()
