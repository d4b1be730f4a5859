"""What has to happen so that a Recording runs once, and ends when it is to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import (
    attempts,
    deletion,
    recording_checks,
    recording_start,
    recording_stop,
    recordings,
)
from roomkeeper.domain.recordings import (
    AMBIGUOUS_SECONDS,
    DeclareAttempt,
    DeclareStop,
    DeleteRecording,
    MirrorEnd,
    ReleaseRecording,
    StartEgress,
    StopEgress,
    UpdateLayout,
    UpdateStream,
)
from roomkeeper.domain.rooms import AddFinalizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from roomkeeper.domain.attempts import Attempt
    from roomkeeper.domain.recordings import Action, RecordingWorld

_CAN_BE_STOPPED = frozenset({RecordingState.STARTING, RecordingState.ACTIVE})


def plan(world: RecordingWorld) -> tuple[Action, ...]:
    """Return what to do next; nothing: it is as declared, or something has to happen first."""
    if world.is_gone:
        return ()
    if world.recording.deleted_at:
        return tuple(_plan_deletion(world))
    if recordings.has_ended(world):
        return tuple(_plan_after_the_end(world))
    if world.failure or world.is_terminating or is_restored(world):
        return ()
    return _plan_attempt(world)


def _plan_attempt(world: RecordingWorld) -> tuple[Action, ...]:
    attempt = recordings.current(world)
    if attempt is None:
        return _plan_next(world)
    if not world.recording.is_held:  # somebody took it away, and without it nobody would end what runs
        return (AddFinalizer(),)
    if attempt.egress_id:
        return tuple(_plan_running(world, attempt))
    return _plan_start(world, attempt)


def is_restored(world: RecordingWorld) -> bool:
    """Tell whether the object has been restored without its status: it has recorded before, and never does again."""
    return common.ANNOTATION_LAST_ATTEMPT in world.recording.annotations and recordings.state(world) is None


def end_of(world: RecordingWorld) -> str:
    """Return what the annotation says of the end; without attempts of its own, what it says already."""
    status = world.recording.status
    known = attempts.read(status)
    written = world.recording.annotations.get(common.ANNOTATION_LAST_ATTEMPT)
    if written and not known:  # of a restored object nothing else tells it
        return written
    said = {
        "attempt": known[-1].number if known else 0,
        "egressID": known[-1].egress_id if known else "",
        "state": status.get("state", ""),
    }
    return json.dumps(said, separators=(",", ":"))


def needs_search(world: RecordingWorld) -> bool:
    """Tell whether LiveKit's egresses have to be searched for ours before anything else is done."""
    if recordings.has_ended(world) or world.found is not None or not recordings.is_usable(world):
        return False
    attempt = recordings.current(world)
    if attempt is None:  # before another attempt, there must be none
        return bool(recordings.all_attempts(world)) and world.recording.deleted_at is None
    return attempt.is_ambiguous and not world.is_declared


def needs_request(world: RecordingWorld) -> bool:
    """Tell whether everything is there but the request itself, for which Secrets are read."""
    if world.request or world.refusal or world.failure or world.recording.deleted_at or world.is_terminating:
        return False
    if recordings.has_ended(world) or is_restored(world) or not recordings.is_usable(world):
        return False
    attempt = recordings.current(world)
    if attempt and (attempt.egress_id or not _may_ask_again(world, attempt)):
        return False
    return _is_due(world)


def needs_room(world: RecordingWorld) -> bool:
    """Tell whether it matters now what room there is, and who is in it."""
    if world.live is not None or world.is_room_gone or world.spec is None or not world.room_name:
        return False
    if (
        world.recording.deleted_at
        or world.is_terminating
        or is_restored(world)
        or recordings.has_ended(world)
    ):
        return False
    attempt = recordings.current(world)
    if not recordings.is_usable(world) or (
        attempt and (attempt.egress_id or not _may_ask_again(world, attempt))
    ):
        return False
    if not recordings.all_attempts(world) and recording_checks.obstacle(world):
        return False  # it may be a room that it may not see
    return recordings.needs_room(world.spec)


def next_number(world: RecordingWorld) -> int:
    """Return the number of the attempt that is to be asked for."""
    attempt, known = recordings.current(world), recordings.all_attempts(world)
    if attempt:
        return attempt.number
    return known[-1].number + 1 if known else 1


def expires_at(world: RecordingWorld) -> datetime | None:
    """Return when an object that is over is to be deleted; None: never."""
    after = world.spec.ttl_seconds_after_finished if world.spec else None
    ended = recordings.ended_at(world)
    return ended + timedelta(seconds=after) if after is not None and ended else None


def ambiguous_until(attempt: Attempt) -> datetime | None:
    """Return until when an egress may appear that was asked for without an answer."""
    if attempt.requested_at is None:
        return None
    return attempt.requested_at + timedelta(seconds=AMBIGUOUS_SECONDS)


def _is_due(world: RecordingWorld) -> bool:
    """Tell whether an attempt is to be made now."""
    return (
        recording_stop.why_stop(world) is None
        and not recording_start.is_too_late(world)
        and recording_checks.obstacle(world) is None
        and recording_start.waits_for(world) is None
    )


def _plan_next(world: RecordingWorld) -> tuple[Action, ...]:
    known = recordings.all_attempts(world)
    if recordings.leftovers(world) and not world.was_told_to_stop:
        return tuple(StopEgress(egress_id) for egress_id in recordings.leftovers(world))
    if recordings.leftovers(world) or (known and not may_follow(world)) or not _is_due(world):
        return ()
    if _has_just_ended(world):
        return ()  # what came of it is written first: the next egress takes its place in the world
    if world.request is None or (known and world.found is None):
        return ()
    if not world.recording.is_held:
        return (AddFinalizer(),)
    return _ask(world)


def _has_just_ended(world: RecordingWorld) -> bool:
    """Tell whether status does not say yet that the last attempt is over."""
    known = attempts.read(world.recording.status)
    return bool(known) and known[-1].is_live


def may_follow(world: RecordingWorld) -> bool:
    """Tell whether the last attempt, which is over, is to be followed by another: not once its room is known to be gone."""
    last = recordings.all_attempts(world)[-1]
    has_failed = last.state in (RecordingState.FAILED, RecordingState.ABORTED)
    if not has_failed or last.error == attempts.REJECTED or recording_stop.why_stop(world):
        return False
    if world.spec is None or not recordings.attempts_left(world):
        return False
    if not recordings.needs_room(world.spec):
        return True
    return not world.is_room_gone and not _is_another_session(world, last)


def _is_another_session(world: RecordingWorld, last: Attempt) -> bool:
    """Tell whether the room that was recorded has closed: a Room that persists has another one at once."""
    found = (egress.room_sid for egress in world.found or () if egress.id == last.egress_id)
    recorded = last.room_sid or next(found, "")
    return bool(recorded) and world.live is not None and world.live.sid != recorded


def _plan_start(world: RecordingWorld, attempt: Attempt) -> tuple[Action, ...]:
    """Ask for what was declared, once; after a crash only when nothing can come of the first time any more."""
    if world.is_declared:
        return (StartEgress(world.request),) if world.request else ()
    if stop := _declare_stop(world):
        return stop
    if world.was_asked or not _may_ask_again(world, attempt) or world.request is None or not _is_due(world):
        return ()
    return _ask(world)


def _may_ask_again(world: RecordingWorld, attempt: Attempt) -> bool:
    """Tell whether it is certain that the attempt has no egress and will get none."""
    if world.was_asked or world.found is None:
        return False
    until = ambiguous_until(attempt)
    return world.is_unasked or until is None or world.now >= until


def _ask(world: RecordingWorld) -> tuple[Action, ...]:
    beside = world.live.sid if world.live and recordings.is_page(world) else ""
    uid, number = world.recording.uid, next_number(world)
    return (DeclareAttempt(attempts.intended(uid, number, at=world.now, room_sid=beside)),)


def _plan_running(world: RecordingWorld, attempt: Attempt) -> Iterator[Action]:
    if (
        recording_stop.is_overdue(world)
        and not world.was_told_to_stop
        and attempt.egress_id not in world.gone
    ):
        yield StopEgress(attempt.egress_id)  # a worker that is there answers
    if not world.was_told_to_stop:
        yield from (StopEgress(egress_id) for egress_id in recordings.leftovers(world))
    if attempt.state not in _CAN_BE_STOPPED:
        return
    if recording_stop.why_stop(world):
        yield from _declare_stop(world)
        if not world.was_told_to_stop and attempt.egress_id not in world.gone:
            yield StopEgress(attempt.egress_id)
        return
    if attempt.state is RecordingState.ACTIVE:
        yield from _plan_live_changes(world, attempt)


def _declare_stop(world: RecordingWorld) -> tuple[DeclareStop, ...]:
    """Write why it is to end, and keep to it: also while there may be an egress that is not found yet."""
    reason = recording_stop.why_stop(world)
    return (DeclareStop(reason),) if reason and world.recording.status.get("stopReason") != reason else ()


def _plan_live_changes(world: RecordingWorld, attempt: Attempt) -> Iterator[Action]:
    composite = world.spec.source.room_composite if world.spec else None
    wanted = (composite.layout or "") if composite else ""
    applied = world.applied_layout or world.recording.status.get("appliedLayout", "")
    if wanted and wanted != applied:
        yield UpdateLayout(attempt.egress_id, wanted)
    change = world.stream
    if change and (change.add or change.remove):
        yield UpdateStream(attempt.egress_id, change)


def _plan_after_the_end(world: RecordingWorld) -> Iterator[Action]:
    text = end_of(world)
    is_mirrored = world.recording.annotations.get(common.ANNOTATION_LAST_ATTEMPT) == text
    if world.recording.is_held or not is_mirrored:
        yield MirrorEnd(text)
    expires = expires_at(world)
    if expires and world.now >= expires:
        yield DeleteRecording()


def _plan_deletion(world: RecordingWorld) -> Iterator[Action]:
    """Stop what runs, and let the object go; media are never deleted."""
    if not world.recording.is_held:
        return
    attempt = recordings.current(world)
    running = set(recordings.leftovers(world))
    if attempt and attempt.egress_id and attempt.state in _CAN_BE_STOPPED:
        running.add(attempt.egress_id)
    running -= world.gone
    is_certain = attempt is None or bool(attempt.egress_id) or _may_ask_again(world, attempt)
    if world.is_lost or (not running and is_certain):
        yield ReleaseRecording()
    elif grace_left(world) <= 0 and (
        world.failure or world.was_told_to_stop or not recordings.is_usable(world)
    ):
        yield ReleaseRecording(tuple(sorted(running)) or ((attempt.marker,) if attempt else ()))
    elif recordings.is_usable(world) and world.failure is None and not world.was_told_to_stop:
        yield from (StopEgress(egress_id) for egress_id in sorted(running))


def grace_left(world: RecordingWorld) -> float:
    """Return the seconds for which a deletion still waits for LiveKit."""
    return deletion.grace_left_of(world.recording, world.now)
