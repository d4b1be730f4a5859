"""Which times of a schedule are owed: what is due is made once, in time or a little late, or not at all.

status.nextScheduleTime is the memory: everything before it has been dealt with. So a time that passes while the
operator is down is found when it is back. While the schedule is suspended the memory is empty, and what falls into that
time is not made up for (velero#6517).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from roomkeeper.api.recording_schedule import ConcurrencyPolicy
from roomkeeper.domain import schedules
from roomkeeper.domain.cron import Cron
from roomkeeper.domain.objects import read_time

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.domain.schedules import ScheduleWorld


def owed(world: ScheduleWorld) -> datetime | None:
    """Return the time whose Recording is to be there by now: only the newest that is not too long ago."""
    cron, since = _cron(world), _since(world)
    if cron is None or world.spec is None or since > world.now:
        return None
    due = cron.newest(since, world.now)
    if due is None:
        return None
    late = world.now - due
    return due if late <= timedelta(seconds=world.spec.starting_deadline_seconds) else None


def is_made(world: ScheduleWorld, due: datetime) -> bool:
    """Tell whether the Recording of a time is there."""
    return schedules.child(world, schedules.name_at(world.schedule, due)) is not None


def waits(world: ScheduleWorld) -> bool:
    """Tell whether what is owed has to wait until an earlier Recording is over."""
    forbids = world.spec is not None and world.spec.concurrency_policy is ConcurrencyPolicy.FORBID
    return forbids and bool(schedules.unfinished(world))


def made(world: ScheduleWorld) -> datetime | None:
    """Return the newest time that was not dealt with before and whose Recording is there."""
    candidates = [due for due in (_remembered(world), owed(world)) if due and due <= world.now]
    return max((due for due in candidates if is_made(world, due)), default=None)


def missed(world: ScheduleWorld) -> datetime | None:
    """Return a time that was to be dealt with, and by now is too long ago or behind a newer one."""
    cron, due = _cron(world), _remembered(world)
    if cron is None or due is None or due > world.now or due == owed(world) or is_made(world, due):
        return None
    return cron.newest(due, due)  # unless the schedule is another by now


def upcoming(world: ScheduleWorld) -> datetime | None:
    """Return what is to be dealt with next: also what is owed and not there yet. None: nothing is."""
    cron, due = _cron(world), owed(world)
    if cron is None:
        return None
    return due if due and not is_made(world, due) else cron.next_after(world.now)


def changes_in(world: ScheduleWorld) -> float | None:
    """Return the seconds until something else is owed than now; None: nothing ever is."""
    cron, due = _cron(world), owed(world)
    if cron is None or world.spec is None:
        return None
    following = (cron.next_after(world.now) - world.now).total_seconds()
    if due is None or is_made(world, due):
        return following
    return min(following, world.spec.starting_deadline_seconds - (world.now - due).total_seconds())


def _cron(world: ScheduleWorld) -> Cron | None:
    """Return when it is due; None: never, for now."""
    spec = world.spec
    if spec is None or spec.schedule is None or spec.suspend or schedules.is_by_session(world):
        return None
    if world.zone is None or schedules.obstacle(world):
        return None
    return Cron(spec.schedule, world.zone)


def _since(world: ScheduleWorld) -> datetime:
    """Return the moment before which nothing is owed."""
    if known := _remembered(world):
        return known
    is_new = not world.schedule.status.get("conditions")
    return (world.schedule.created_at if is_new else world.now) + timedelta(microseconds=1)


def _remembered(world: ScheduleWorld) -> datetime | None:
    return read_time(world.schedule.status.get("nextScheduleTime"))
