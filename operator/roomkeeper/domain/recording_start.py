"""Whether it is time to record: what an armed Recording still waits for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.api.recording import RecordingStart
from roomkeeper.domain import attempts, recording_source, recordings
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.api.recording import RecordingSpec
    from roomkeeper.domain.recordings import RecordingWorld

FIRST_BACKOFF_SECONDS = 2
LONGEST_BACKOFF_SECONDS = 60


def waits_for(world: RecordingWorld) -> Finding | None:
    """Return what has to happen first; None: everything is there."""
    spec = world.spec
    if spec is None or world.room_trouble:
        return world.room_trouble
    if spec.start_at and world.now < spec.start_at:
        return Finding(Reason.ARMED, f"armed; it starts no sooner than {spec.start_at:%Y-%m-%d %H:%M:%S %Z}")
    if retry_in(world) > 0:
        return Finding(Reason.ARMED, "the last attempt failed; the next one follows")
    if not recordings.needs_room(spec):
        return None
    return _of_room(world, spec)


def ends_at(world: RecordingWorld) -> datetime | None:
    """Return when it is given up if nothing could be recorded until then."""
    spec = world.spec
    if spec is None or spec.start_deadline_seconds is None:
        return None
    if any(attempt.egress_id for attempt in attempts.read(world.recording.status)):
        return None
    begins = max(world.recording.created_at, spec.start_at or world.recording.created_at)
    return begins + timedelta(seconds=spec.start_deadline_seconds)


def is_too_late(world: RecordingWorld) -> bool:
    """Tell whether it has waited for as long as it may."""
    end = ends_at(world)
    return end is not None and world.now >= end


def retry_in(world: RecordingWorld) -> float:
    """Return the seconds until a failed attempt is followed by another: more after each."""
    known = recordings.all_attempts(world)
    if not known or known[-1].ended_at is None:
        return 0.0
    wait: float = min(FIRST_BACKOFF_SECONDS * 2 ** (len(known) - 1), LONGEST_BACKOFF_SECONDS)
    return wait - (world.now - known[-1].ended_at).total_seconds()


def _of_room(world: RecordingWorld, spec: RecordingSpec) -> Finding | None:
    there = world.participants or ()
    if world.live is None:
        return Finding(Reason.ARMED, f"armed; room {world.room_name!r} is not there")
    session = world.recording.annotations.get(common.ANNOTATION_SESSION)
    if session and session != world.live.sid:
        return Finding(Reason.ARMED, f"armed; the session {session!r} that it was made for is over")
    if spec.effective_start is not RecordingStart.IMMEDIATELY and not recording_source.people(there):
        return Finding(Reason.ARMED, f"armed; nobody is in room {world.room_name!r}")
    if missing := recording_source.missing(there, spec.source):
        return Finding(Reason.ARMED, f"armed; it waits for {missing}")
    if spec.effective_start is RecordingStart.WHEN_PUBLISHING and not recording_source.publishes(
        there, spec.source
    ):
        return Finding(Reason.ARMED, "armed; nobody publishes anything")
    return None
