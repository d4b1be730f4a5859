"""What is counted of Recordings: seen in the status before and after a reconcile, so that a restart counts nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.domain import attempts, recordings
from roomkeeper.domain.conditions import find
from roomkeeper.domain.objects import SERVER, Key
from roomkeeper.domain.reasons import Reason
from roomkeeper.engine import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.domain.attempts import Attempt
    from roomkeeper.domain.events import Note
    from roomkeeper.domain.recordings import RecordingWorld

FAILURES = (
    Reason.RECORDING_FAILED, Reason.RECORDING_ABORTED, Reason.RESULT_UNKNOWN, Reason.EGRESS_UNRESPONSIVE,
    Reason.EGRESS_REJECTED, Reason.NOTHING_TO_RECORD, Reason.RESTORED_WITHOUT_STATUS, Reason.ATTEMPT_FAILED,
)  # fmt: skip
for _reason in FAILURES:  # at 0 from the beginning: else the first failure is no increase
    metrics.RECORDING_FAILURES.labels(_reason)


def started(world: RecordingWorld, result: str) -> None:
    """Count what came of asking for an egress."""
    ref = world.server.ref if world.server else None
    server = Key(SERVER, ref["namespace"], ref["name"]) if ref else Key(SERVER, "", "")
    metrics.RECORDING_STARTS.labels(metrics.server_label(server), result).inc()


def turned(
    before: Mapping[str, Any], after: Mapping[str, Any], world: RecordingWorld, notes: Iterable[Note]
) -> None:
    """Count what a reconcile has found out, once its status is written."""
    if after == before and not world.is_gone:
        return
    told = [note.reason for note in notes]
    if Reason.EGRESS_ADOPTED in told:
        started(world, "adopted")
    if Reason.ATTEMPT_FAILED in told:
        metrics.RECORDING_FAILURES.labels(Reason.ATTEMPT_FAILED).inc()
    if _is_now(before, after, "Failed", "True"):
        metrics.RECORDING_FAILURES.labels(_condition(after, "Failed")["reason"]).inc()
    if _is_now(before, after, "EgressResponsive", "False"):
        metrics.ZOMBIES.inc()
    # An object that goes keeps the status that it had, and its egress has only been told to end.
    known = recordings.all_attempts(world) if world.is_gone else _over(attempts.read(after))
    counted = _over(attempts.read(before))
    metrics.RECORDED_SECONDS.inc(max(0.0, _seconds(known, world) - _seconds(counted, world)))


def _over(known: Iterable[Attempt]) -> list[Attempt]:
    return [attempt for attempt in known if not attempt.is_live]


def _seconds(known: Iterable[Attempt], world: RecordingWorld) -> float:
    return sum(attempt.seconds(world.now) for attempt in known)


def _is_now(before: Mapping[str, Any], after: Mapping[str, Any], kind: str, status: str) -> bool:
    return _condition(after, kind).get("status") == status != _condition(before, kind).get("status")


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return find(status.get("conditions", ()), kind) or {}
