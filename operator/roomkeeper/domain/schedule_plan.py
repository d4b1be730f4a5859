"""What has to happen so that every time, or every session, gets its one Recording, and old ones go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api.recording_schedule import ConcurrencyPolicy
from roomkeeper.domain import schedule_times, schedules
from roomkeeper.domain.schedules import DeleteChild, StopChild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.domain.schedules import Action, ScheduleWorld


def plan(world: ScheduleWorld) -> tuple[Action, ...]:
    """Return what to do next; nothing: it is as declared, or something has to happen first."""
    if world.schedule.deleted_at or world.is_terminating or schedules.obstacle(world):
        return ()  # the garbage collector takes its Recordings
    due = _plan_session(world) if schedules.is_by_session(world) else _plan_time(world)
    return (*due, *_plan_history(world))


def needs_people(world: ScheduleWorld, sid: str) -> bool:
    """Tell whether it matters if somebody has joined a session: not of one that was dealt with."""
    if sid == world.schedule.status.get("lastSession"):
        return False
    return schedules.child(world, schedules.name_of(world.schedule, sid)) is None


def is_due(world: ScheduleWorld) -> bool:
    """Tell whether the live session has to get its Recording."""
    session = world.session
    return bool(session and session.sid and session.has_people and needs_people(world, session.sid))


def _plan_time(world: ScheduleWorld) -> Iterator[Action]:
    due = schedule_times.owed(world)
    if due is None or world.spec is None or schedule_times.is_made(world, due):
        return
    if world.refusal or schedule_times.waits(world):
        return
    if world.spec.concurrency_policy is ConcurrencyPolicy.REPLACE:
        yield from (StopChild(each) for each in schedules.unfinished(world) if not schedules.is_to_stop(each))
    yield from schedules.make(world, schedules.name_at(world.schedule, due))


def _plan_session(world: ScheduleWorld) -> Iterator[Action]:
    session = world.session
    if session is None or world.spec is None:
        return
    yield from (StopChild(each) for each in _left_over(world, session.sid))
    if is_due(world) and not world.spec.suspend and not world.refusal:
        name = schedules.name_of(world.schedule, session.sid)
        yield from schedules.make(world, name, session=session.sid)


def _left_over(world: ScheduleWorld, sid: str) -> list[CustomObject]:
    """Return Recordings that record nothing and whose session is over: they would record the next one, too."""
    return [
        each
        for each in schedules.unfinished(world)
        if schedules.session_of(each) not in ("", sid)
        and schedules.is_idle(each)
        and not schedules.is_to_stop(each)
    ]


def _plan_history(world: ScheduleWorld) -> Iterator[Action]:
    """Delete the oldest that are over beyond the limits; never the one that says that what is due was made."""
    if world.spec is None:
        return
    for over, limit in (
        (schedules.successful(world), world.spec.successful_recordings_history_limit),
        (schedules.failed(world), world.spec.failed_recordings_history_limit),
    ):
        yield from (
            DeleteChild(each)
            for each in over[: max(len(over) - limit, 0)]
            if each.deleted_at is None and each.key.name not in _current(world)
        )


def _current(world: ScheduleWorld) -> set[str]:
    names = set()
    if due := schedule_times.made(world):
        names.add(schedules.name_at(world.schedule, due))
    if world.session and world.session.sid != world.schedule.status.get("lastSession"):
        names.add(schedules.name_of(world.schedule, world.session.sid))
    return names
