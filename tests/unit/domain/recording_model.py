"""A tiny LiveKit with one room, and what can go wrong with it: answers that are lost or late, workers that die."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from roomkeeper.domain import markers
from roomkeeper.domain.egress import Egress, EgressResult, EgressState
from roomkeeper.domain.livekit import LiveRoom, RoomConfig
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from tests.unit.domain.builders import NAME, NOW
from tests.unit.domain.recording_parts import ALICE, CREATED, UID, egress_participant
from tests.unit.domain.requests import carried

if TYPE_CHECKING:
    from datetime import datetime

    from roomkeeper.domain.egress import EgressRequest
    from roomkeeper.domain.livekit import Participant

LATEST = 74.0  # after it was asked, LiveKit's last try reaches a worker
BEGINS = timedelta(seconds=10)
UPLOADS = timedelta(seconds=20)
PAUSE = 5.0  # at most, between the intent and the start


class UnansweredError(Exception):
    """No answer, or one that says nothing of what happened."""


class NotThereError(Exception):
    """LiveKit does not have it."""


class RefusedError(Exception):
    """LiveKit says no, for good."""


class NobodyError(Exception):
    """No worker answers for the egress."""


@dataclass
class Job:
    """An egress, and the worker that has it."""

    egress: Egress
    appears_at: datetime
    is_dead: bool = False

    def runs(self, now: datetime) -> bool:
        """Tell whether it records, or is about to."""
        return self.appears_at <= now and not self.is_dead and self.egress.state.is_live


@dataclass
class Faults:
    """What happens to the next start, and to everything."""

    start: str = "ok"  # ok, lost, late, busy, refused, forbidden, failing
    late: float = 10.0
    is_down: bool = False
    stop_says_active: bool = False  # an answer may be older than what it answers


@dataclass
class LiveKit:
    """The server, its room and its workers, at one moment."""

    now: datetime = NOW
    room: LiveRoom | None = None
    people: tuple[Participant, ...] = ()
    faults: Faults = field(default_factory=Faults)
    jobs: list[Job] = field(default_factory=list)
    asked: dict[str, datetime] = field(default_factory=dict)  # by mark: starts that may have had an effect
    starts: int = 0

    # What happens there.

    def opens(self) -> None:
        """Have the room, with nobody in it."""
        self.room = LiveRoom(NAME, f"RM_{self.starts}", CREATED, RoomConfig(86400, 20))

    def closes(self) -> None:
        """Have no room any more: what records it ends."""
        self.room, self.people = None, ()
        for job in self.running():
            began = job.egress.state is not EgressState.STARTING
            self._to(job, EgressState.ENDING if began else EgressState.ABORTED)

    def joins(self) -> None:
        """Have somebody in the room."""
        if self.room is None:
            self.opens()
        self.people = (ALICE,)

    def dies(self) -> None:
        """Have the worker killed; LiveKit never notices."""
        for job in self.running():
            job.is_dead = True

    def fails(self) -> None:
        """Have the worker give up, with an error."""
        for job in self.running():
            self._to(job, EgressState.FAILED)

    def moves(self, seconds: float) -> None:
        """Let time pass: what starts begins, what ends is uploaded."""
        self.now += timedelta(seconds=seconds)
        for job in self.jobs:
            if not job.runs(self.now):
                continue
            is_starting, changed_at = (
                job.egress.state is EgressState.STARTING,
                job.egress.changed_at or self.now,
            )
            if is_starting and self.room is None:
                self._to(job, EgressState.ABORTED)
            elif is_starting and job.appears_at + BEGINS <= self.now:
                self._to(job, EgressState.ACTIVE)
            elif job.egress.state is EgressState.ENDING and changed_at + UPLOADS <= self.now:
                self._to(job, EgressState.COMPLETE)

    def running(self) -> list[Job]:
        """Return what records, or is about to."""
        return [job for job in self.jobs if job.runs(self.now)]

    def seen(self) -> tuple[object, ...]:
        """Return what webhooks tell of."""
        shown = tuple((job.egress.id, job.egress.state) for job in self.jobs if job.appears_at <= self.now)
        return (self.room, self.people, shown)

    # What it is asked.

    def start(self, request: EgressRequest) -> Egress:
        """Start an egress: once more under one mark only when nothing can come of the last time."""
        self._is_up()
        [mark] = {
            str(mark) for mark in markers.of(Egress("", "", EgressState.STARTING, carried=carried(request)))
        }
        if mark in self.asked:
            waited = (self.now - self.asked[mark]).total_seconds()
            assert waited >= AMBIGUOUS_SECONDS - PAUSE - 1, f"{mark} was asked for {waited} s ago"
        if self.room is None:
            raise NotThereError
        match self.faults.start:
            case "refused":
                raise RefusedError
            case "forbidden":
                raise PermissionError
            case "busy":
                self.asked[mark] = self.now
                raise UnansweredError
        self.asked[mark] = self.now
        self.starts += 1
        job = self._job(request)
        self.jobs.append(job)
        match self.faults.start:
            case "lost":
                raise UnansweredError
            case "late":
                job.appears_at += timedelta(seconds=min(self.faults.late, LATEST))
                raise UnansweredError
            case "failing":
                self._to(job, EgressState.FAILED)
        return job.egress

    def stop(self, egress_id: str) -> Egress:
        """End an egress."""
        self._is_up()
        job = self._known(egress_id)
        if not job.egress.state.is_live:
            raise RefusedError
        if job.is_dead:
            raise NobodyError
        before = job.egress
        match job.egress.state:
            case EgressState.STARTING:
                self._to(job, EgressState.ABORTED)
            case EgressState.ACTIVE:
                self._to(job, EgressState.ENDING)
        return before if self.faults.stop_says_active else job.egress

    def read(self, egress_id: str) -> Egress | None:
        """Return an egress as LiveKit has it."""
        self._is_up()
        try:
            return self._known(egress_id).egress
        except NotThereError:
            return None

    def found(self) -> tuple[Egress, ...]:
        """Return every egress of the Recording."""
        self._is_up()
        there = [job.egress for job in self.jobs if job.appears_at <= self.now]
        return tuple(egress for egress in there if markers.belongs(egress, UID))

    def who(self) -> tuple[Participant, ...]:
        """Return who is in the room, workers too: those that upload have left."""
        self._is_up()
        inside = [job for job in self.running() if job.egress.state is EgressState.ACTIVE]
        workers = tuple(egress_participant(job.egress.id) for job in inside)
        return (*self.people, *workers) if self.room else ()

    def look(self) -> LiveRoom | None:
        """Return the room."""
        self._is_up()
        return self.room

    def _is_up(self) -> None:
        if self.faults.is_down:
            raise ConnectionError

    def _known(self, egress_id: str) -> Job:
        for job in self.jobs:
            if job.egress.id == egress_id and job.appears_at <= self.now:
                return job
        raise NotThereError

    def _job(self, request: EgressRequest) -> Job:
        egress = Egress(
            f"EG_{self.starts}",
            NAME,
            EgressState.STARTING,
            changed_at=self.now,
            carried=carried(request),
        )
        return Job(egress, appears_at=self.now)

    def _to(self, job: Job, state: EgressState) -> None:
        """Have an egress in that state now."""
        egress = replace(job.egress, state=state, changed_at=self.now)
        if state is EgressState.ACTIVE:
            egress = replace(egress, started_at=self.now, recording_since=self.now)
        if not state.is_live:
            egress = replace(egress, ended_at=self.now, has_error=state is EgressState.FAILED)
        if state is EgressState.COMPLETE:
            egress = replace(egress, results=(EgressResult("File", f"{egress.id}.mp4"),))
        job.egress = egress
