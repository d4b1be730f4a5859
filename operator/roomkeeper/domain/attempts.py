"""The attempts of a Recording, as its status keeps them: each is one egress, or the intent to have one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from roomkeeper.api.common import rfc3339
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import markers
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.objects import read_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from roomkeeper.domain.egress import Egress

ENDED = frozenset({
    RecordingState.COMPLETE, RecordingState.FAILED, RecordingState.ABORTED, RecordingState.LIMIT_REACHED,
    RecordingState.STOPPED, RecordingState.UNKNOWN,
})  # fmt: skip
"""States that nothing follows, of an attempt and of a Recording."""

UNRESPONSIVE = "EgressUnresponsive"
REJECTED = "Rejected"
NOT_FOUND = "NotFound"
WORKER_ERROR = "EgressFailed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. It is written before LiveKit is asked, so that whoever comes after a crash knows what to look for."""

    number: int
    marker: str
    requested_at: datetime | None = None  # when LiveKit was asked; None: it records, or has ended
    egress_id: str = ""
    room_sid: str = ""  # of a page beside a room: the session with which it ends
    state: RecordingState = RecordingState.STARTING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    error_code: int = 0

    @property
    def is_live(self) -> bool:
        """Tell whether it may still record, or begin to."""
        return self.state not in ENDED

    @property
    def is_ambiguous(self) -> bool:
        """Tell whether LiveKit may have started it without our knowing its egress."""
        return self.is_live and not self.egress_id and self.requested_at is not None

    def seconds(self, now: datetime) -> float:
        """Return how long it has recorded."""
        if self.started_at is None:
            return 0.0
        until = self.ended_at or (now if self.is_live else self.started_at)
        return max(0.0, (until - self.started_at).total_seconds())

    def seen(self, egress: Egress) -> Attempt:
        """Return the attempt as its egress is now; what has ended stays as it was."""
        if not self.is_live:
            return self
        has_begun = egress.state is not EgressState.STARTING and egress.state is not EgressState.ABORTED
        return replace(
            self,
            requested_at=self.requested_at if egress.state is EgressState.STARTING else None,
            egress_id=egress.id,
            state=RecordingState(str(egress.state)),
            started_at=((egress.recording_since or egress.started_at) if has_begun else None)
            or self.started_at,
            ended_at=(egress.ended_at or egress.changed_at) if not egress.state.is_live else None,
            error=WORKER_ERROR if egress.has_error else "",
            error_code=egress.error_code,
        )

    def failed(self, error: str, *, at: datetime, code: int = 0) -> Attempt:
        """Return the attempt as one that came to nothing more."""
        return replace(
            self, requested_at=None, state=RecordingState.FAILED, ended_at=at, error=error, error_code=code
        )

    def render(self) -> dict[str, Any]:
        """Return it as status keeps it."""
        shown: dict[str, Any] = {"number": self.number, "marker": self.marker, "state": str(self.state)}
        times = {"requestedAt": self.requested_at, "startedAt": self.started_at, "endedAt": self.ended_at}
        shown |= {name: rfc3339(moment) for name, moment in times.items() if moment}
        rest = {
            "egressID": self.egress_id,
            "roomSID": self.room_sid,
            "error": self.error,
            "errorCode": self.error_code,
        }
        return shown | {name: value for name, value in rest.items() if value}


def intended(uid: str, number: int, *, at: datetime, room_sid: str = "") -> Attempt:
    """Return the attempt that is about to be asked for."""
    return Attempt(number, str(markers.marker(uid, number)), requested_at=at, room_sid=room_sid)


def read(status: Mapping[str, Any]) -> tuple[Attempt, ...]:
    """Return the attempts that status keeps, in their order."""
    listed: Sequence[Mapping[str, Any]] = status.get("attempts") or ()
    return tuple(_read(one) for one in sorted(listed, key=lambda one: one["number"]))


def _read(one: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number=one["number"],
        marker=one["marker"],
        requested_at=read_time(one.get("requestedAt")),
        egress_id=one.get("egressID", ""),
        room_sid=one.get("roomSID", ""),
        state=RecordingState(one["state"]),
        started_at=read_time(one.get("startedAt")),
        ended_at=read_time(one.get("endedAt")),
        error=one.get("error", ""),
        error_code=one.get("errorCode", 0),
    )
