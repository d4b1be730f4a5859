"""What became of the attempts, and of the Recording as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roomkeeper.api.recording_status import RecordingState, StopReason
from roomkeeper.domain import (
    attempts,
    recording_checks,
    recording_plan,
    recording_start,
    recording_stop,
    recordings,
)
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.domain.attempts import Attempt
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.domain.recordings import RecordingWorld

SUCCESSES = frozenset({RecordingState.COMPLETE, RecordingState.STOPPED, RecordingState.LIMIT_REACHED})

_ENDS = {
    RecordingState.COMPLETE: (Reason.COMPLETED, "the recording is complete"),
    RecordingState.STOPPED: (Reason.STOPPED, "the recording was stopped, as spec.desiredState says"),
    RecordingState.LIMIT_REACHED: (Reason.LIMIT_REACHED, "the recording has reached its time limit"),
    RecordingState.FAILED: (Reason.RECORDING_FAILED, "the recording failed"),
    RecordingState.ABORTED: (Reason.RECORDING_ABORTED, "LiveKit gave up before anything was recorded"),
    RecordingState.UNKNOWN: (Reason.RESULT_UNKNOWN, "LiveKit does not know this egress any more"),
}
_BY_REASON = {
    StopReason.REQUESTED: RecordingState.STOPPED,
    StopReason.DEADLINE: RecordingState.LIMIT_REACHED,
    StopReason.DELETED: RecordingState.STOPPED,
}
_FAILURES = {
    attempts.UNRESPONSIVE: (Reason.EGRESS_UNRESPONSIVE, "the Egress worker is gone"),
    attempts.REJECTED: (Reason.EGRESS_REJECTED, "LiveKit refuses the request"),
}


@dataclass(frozen=True, slots=True)
class End:
    """Where the Recording is, and why."""

    state: RecordingState
    finding: Finding

    @property
    def is_final(self) -> bool:
        """Tell whether nothing follows."""
        return self.state in attempts.ENDED


def settled(world: RecordingWorld) -> tuple[Attempt, ...]:
    """Return the attempts as status is to keep them after this reconcile."""
    known = recordings.all_attempts(world)
    if not known:
        return ()
    if world.is_unmade or _came_to_nothing(world, known[-1]):
        return known[:-1]
    return (*known[:-1], _settle(world, known[-1]))


def end(world: RecordingWorld, known: tuple[Attempt, ...]) -> End:
    """Return where the Recording is now that its attempts are these."""
    if recording_plan.is_restored(world):
        return End(RecordingState.UNKNOWN, _said(Reason.RESTORED_WITHOUT_STATUS))
    if not known:
        return _unbegun(world)
    last = known[-1]
    if last.is_live:
        return _running(last)
    if recording_plan.may_follow(replace(world, egress=None, recording=_with(world, known))):
        armed = recording_start.waits_for(world) or _said(Reason.ARMED)
        return End(RecordingState.ARMED, armed)
    return _over(world, last)


def _finding_of(last: Attempt, state: RecordingState) -> Finding:
    """Return the reason of an end, with the error of the attempt that it is about."""
    reason, text = _ENDS[state]
    if not last.error or state in SUCCESSES:
        return Finding(reason, text)
    reason, text = _FAILURES.get(last.error, (reason, text))
    code = f", error code {last.error_code}" if last.error_code else ""
    which = f" (attempt {last.number}{f', egress {last.egress_id}' if last.egress_id else ''}{code})"
    return Finding(reason, text + which)


def _came_to_nothing(world: RecordingWorld, last: Attempt) -> bool:
    """Tell whether an unanswered start has had no effect and never will, and is not to be repeated now."""
    until = recording_plan.ambiguous_until(last)
    was_searched = world.found is not None and not world.was_asked and not world.is_declared
    is_certain = world.is_unasked or (until is not None and world.now >= until)
    return last.is_ambiguous and was_searched and is_certain


def _settle(world: RecordingWorld, last: Attempt) -> Attempt:
    if world.is_refused:
        return last.failed(attempts.REJECTED, at=world.now)
    if world.is_lost and last.is_live:
        return replace(last, state=RecordingState.UNKNOWN, ended_at=world.now, error=attempts.NOT_FOUND)
    is_gone = last.is_live and last.egress_id in world.gone
    had_to_be_stopped = world.recording.status.get("stopReason") == StopReason.UNRESPONSIVE
    if is_gone or (not last.is_live and had_to_be_stopped and not last.error):
        return last.failed(attempts.UNRESPONSIVE, at=_last_sign(world, last))
    return last


def _last_sign(world: RecordingWorld, last: Attempt) -> datetime:
    """Return until when it has recorded, as far as is known; one that died while it uploaded has recorded no more."""
    stopped_at = world.egress.changed_at if world.egress and last.state is RecordingState.ENDING else None
    return last.ended_at or stopped_at or world.seen_at or world.now


def _unbegun(world: RecordingWorld) -> End:
    if recording_stop.why_stop(world):
        return _over_by(RecordingState.STOPPED)
    if recording_start.is_too_late(world):
        waited = recording_checks.obstacle(world) or recording_start.waits_for(world)
        why = f": {waited.message.removeprefix('armed; ')}" if waited else ""
        text = f"nothing could be recorded in time{why}"
        return End(RecordingState.FAILED, Finding(Reason.NOTHING_TO_RECORD, text))
    return End(RecordingState.ARMED, recording_start.waits_for(world) or _said(Reason.ARMED))


def _running(last: Attempt) -> End:
    if not last.egress_id:
        return End(RecordingState.STARTING, _said(Reason.START_UNANSWERED))
    texts = {
        RecordingState.STARTING: (Reason.RECORDING_STARTING, "the egress is starting"),
        RecordingState.ACTIVE: (Reason.RECORDING, "it is being recorded"),
        RecordingState.ENDING: (Reason.RECORDING_ENDING, "the egress is ending"),
    }
    reason, text = texts[last.state]
    return End(last.state, Finding(reason, text))


def _over(world: RecordingWorld, last: Attempt) -> End:
    reason = recording_stop.why_stop(world)
    was_ended = last.state in (RecordingState.COMPLETE, RecordingState.ABORTED, RecordingState.LIMIT_REACHED)
    if was_ended and reason in _BY_REASON:
        return _over_by(_BY_REASON[reason])
    return End(last.state, _finding_of(last, last.state))


def _over_by(state: RecordingState) -> End:
    reason, text = _ENDS[state]
    return End(state, Finding(reason, text))


def _said(reason: Reason) -> Finding:
    return Finding(reason, reason.advice)


def _with(world: RecordingWorld, known: tuple[Attempt, ...]) -> CustomObject:
    """Return the object as it will be: the question is about the attempts after this reconcile."""
    rest = {name: value for name, value in world.recording.status.items() if name != "stopReason"}
    if world.recording.status.get("stopReason") not in (None, StopReason.UNRESPONSIVE):
        rest["stopReason"] = world.recording.status["stopReason"]
    return replace(world.recording, status={**rest, "attempts": [one.render() for one in known]})
