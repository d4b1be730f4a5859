"""Egress of the LiveKit server in memory: healthy workers, and what goes wrong with them on request."""

from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from livekit.protocol.egress import EgressStatus

from roomkeeper.adapters.livekit.memory_job import EgressFault, MemoryJob
from roomkeeper.adapters.ports import (
    LiveKitNobodyAnsweredError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.livekit import ParticipantKind, ParticipantUpdate, Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roomkeeper.adapters.livekit.memory_room import MemoryRoom
    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.egress import Egress, EgressRequest
    from roomkeeper.domain.livekit import Participant


JOINS_AS: Final = Permission(hidden=True, recorder=True)
"""What the token of a worker permits (livekit: protocol/egress/token.go)."""

_RUNS: Final = frozenset({EgressFault.DIE, EgressFault.FAIL_UPLOAD, EgressFault.REACH_LIMIT})
_STARTS: Final = frozenset(EgressFault) - _RUNS


class Server(Protocol):
    """What a worker needs of the server."""

    def join(self, name: str, identity: str, kind: ParticipantKind, *, permission: Permission) -> Participant:
        """Let somebody join."""

    def leave(self, name: str, identity: str) -> None:
        """Let somebody leave."""

    def tell(self, event: str, *, room_name: str, room_sid: str, egress_id: str = "") -> None:
        """Send an event."""


class MemoryEgress:
    """The workers, moved on by one step at each `tick`: they join, record, leave, upload.

    `starts` is what was asked for, in order, with the credentials; `upload_seconds` how long an egress is Ending.
    """

    def __init__(self, clock: Clock, server: Server, rooms: Mapping[str, MemoryRoom], *, redis: bool) -> None:
        """Take the rooms of the server as they will be; without Redis there are no workers."""
        self.starts: list[EgressRequest] = []
        self.upload_seconds = 0.0
        self._clock = clock
        self._server = server
        self._rooms = rooms
        self._redis = redis
        self._jobs: dict[str, MemoryJob] = {}
        self._armed: list[tuple[str, EgressFault]] = []

    def fault(self, scope: str, kind: EgressFault) -> None:
        """Have it strike the next egress of the room, or of the web page; one that runs already, if it can."""
        running = (job for job in self._jobs.values() if job.is_live and job.scope == scope)
        struck = next((job for job in running if not job.is_dead and not job.faults & _RUNS), None)
        if struck and kind in _RUNS:
            struck.faults.add(kind)
        else:
            self._armed.append((scope, kind))

    def forget(self) -> None:
        """Lose all records."""
        self._jobs.clear()

    def start(self, request: EgressRequest) -> Egress:
        """Find the room, then a worker, and have it begin."""
        self.starts.append(request)
        if not self._redis:
            raise LiveKitNobodyAnsweredError("no worker answers")
        room = self._rooms.get(request.room_name)
        if request.source.web is None and room is None:
            raise LiveKitNotFoundError("the room does not exist")
        job = MemoryJob.new(request, room, now=self._clock.now())
        faults = {self._take(job.scope, _STARTS), self._take(job.scope, _RUNS)}
        if EgressFault.BUSY in faults:
            raise LiveKitNobodyAnsweredError("no worker answers")
        if EgressFault.REFUSE in faults or not _has_output(request):
            raise LiveKitRejectedError("request has missing or invalid field: output")
        job.faults = {kind for kind in faults if kind}
        self._jobs[job.info.egress_id] = job
        self._tell("egress_started", job)
        if EgressFault.ANSWER_LOST in faults:
            raise LiveKitUnreachableError("no answer within the time limit")
        return job.egress

    def stop(self, egress_id: str) -> Egress:
        """Tell its worker, if there is one (livekit: pkg/service/egress.go, StopEgress)."""
        job = self._answering(egress_id)
        job.is_stopping = True
        return job.egress

    def list(self, *, room_name: str, egress_id: str, active: bool) -> list[Egress]:
        """List as the server does: the id, if there is one, makes all else not count."""
        if not self._redis:
            raise LiveKitUnreachableError("there is no egress without Redis")
        if egress_id:
            return [self._jobs[egress_id].egress] if egress_id in self._jobs else []
        of_room = (job for job in self._jobs.values() if room_name in ("", job.info.room_name))
        return [job.egress for job in of_room if job.is_live or not active]

    def update_layout(self, egress_id: str, layout: str) -> None:
        """Change the metadata of its participant, which its page reads."""
        job = self._job(egress_id)
        room = self._rooms.get(job.info.room_name)
        if room is None:
            raise LiveKitNotFoundError("the participant does not exist")
        metadata = json.dumps({"layout": layout}, separators=(",", ":"))
        room.update(egress_id, ParticipantUpdate(metadata=metadata))

    def update_stream(self, egress_id: str, *, add: Sequence[str], remove: Sequence[str]) -> None:
        """Do what can be done of it, then complain of the rest, as a worker does."""
        job, now = self._answering(egress_id), self._clock.now()
        if not job.info.stream_results:
            raise LiveKitRejectedError("UpdateStream called on non-streaming egress")
        for url in add:
            job.stream_to(url, now)
        unknown = [url for url in remove if url not in job.streams]
        for url in set(remove) - set(unknown):
            job.stream_no_longer_to(url, now)
        self._tell("egress_updated", job)
        if unknown:
            raise LiveKitNotFoundError("stream not found")

    def tick(self) -> None:
        """Move each on by one step."""
        for job in list(self._jobs.values()):
            if job.is_live and not job.is_dead:
                self._step(job)

    def _step(self, job: MemoryJob) -> None:
        if job.info.status == EgressStatus.EGRESS_STARTING:
            self._begin(job)
        elif EgressFault.DIE in job.faults:
            self._leave(job)
            job.is_dead = True
        elif job.info.status == EgressStatus.EGRESS_ACTIVE:
            self._record(job)
        elif self._clock.now() >= job.since + timedelta(seconds=self.upload_seconds):
            self._upload(job)

    def _begin(self, job: MemoryJob) -> None:
        """Join, and wait until all is there."""
        now, room = self._clock.now(), self._room(job)
        if job.is_stopping or self._is_closed(job):
            job.abort(now)
            self._end(job)
        elif room and not job.has_joined:
            self._server.join(
                job.info.room_name, job.info.egress_id, ParticipantKind.EGRESS, permission=JOINS_AS
            )
            job.has_joined = True
        elif EgressFault.ABORT in job.faults:
            job.abort(now)
            self._end(job)
        elif EgressFault.STAY_STARTING in job.faults:
            pass
        elif room is None or job.is_ready(room):
            job.begin(now)
            self._tell("egress_updated", job)
        elif job.finds_until and job.finds_until <= now:
            job.fail(HTTPStatus.NOT_FOUND, now)
            self._end(job)

    def _record(self, job: MemoryJob) -> None:
        """Wait for a reason to end."""
        now, room = self._clock.now(), self._room(job)
        if EgressFault.REACH_LIMIT in job.faults:
            job.finish(now)
            job.upload()
            job.reach_limit(now)
            self._end(job)
        elif job.is_stopping or self._is_closed(job) or (room and job.is_over(room)):
            job.finish(now)
            job.become(EgressStatus.EGRESS_ENDING, now)
            self._leave(job)
            self._tell("egress_updated", job)

    def _upload(self, job: MemoryJob) -> None:
        now = self._clock.now()
        if EgressFault.FAIL_UPLOAD in job.faults:
            job.fail(HTTPStatus.BAD_REQUEST, now)
        else:
            job.upload()
            job.become(EgressStatus.EGRESS_COMPLETE, now)
        self._end(job)

    def _end(self, job: MemoryJob) -> None:
        self._leave(job)
        self._tell("egress_ended", job)

    def _room(self, job: MemoryJob) -> MemoryRoom | None:
        """Return the room as it was when the egress started; None: that one is closed, or it needs none."""
        room = self._rooms.get(job.info.room_name)
        return room if room and room.live.sid == job.info.room_id and not room.is_ghost else None

    def _is_closed(self, job: MemoryJob) -> bool:
        """Tell whether its room is gone, or it is not in there any more."""
        if job.request.source.web:
            return False
        room = self._room(job)
        return room is None or (job.has_joined and job.info.egress_id not in room.participants)

    def _leave(self, job: MemoryJob) -> None:
        room = self._room(job)
        if room and job.info.egress_id in room.participants:
            self._server.leave(job.info.room_name, job.info.egress_id)

    def _take(self, scope: str, kinds: frozenset[EgressFault]) -> EgressFault | None:
        """Use up the first fault of these kinds that is armed."""
        armed = next((each for each in self._armed if each[0] == scope and each[1] in kinds), None)
        if armed is None:
            return None
        self._armed.remove(armed)
        return armed[1]

    def _job(self, egress_id: str) -> MemoryJob:
        try:
            return self._jobs[egress_id]
        except KeyError:
            raise LiveKitNotFoundError("the egress does not exist") from None

    def _answering(self, egress_id: str) -> MemoryJob:
        """Return one whose worker answers.

        LiveKit asks the worker first. Where none answers, it says so only of those that are Starting or Active, and of all
        others that they have ended (livekit: pkg/service/egress.go, StopEgress and UpdateStream).
        """
        job = self._job(egress_id)
        if job.is_live and not job.is_dead:
            return job
        if job.info.status in (EgressStatus.EGRESS_STARTING, EgressStatus.EGRESS_ACTIVE):
            raise LiveKitNobodyAnsweredError("no worker answers")
        raise LiveKitRejectedError("the egress cannot be changed any more")

    def _tell(self, event: str, job: MemoryJob) -> None:
        info = job.info
        self._server.tell(event, room_name=info.room_name, room_sid=info.room_id, egress_id=info.egress_id)


def _has_output(request: EgressRequest) -> bool:
    return any((request.file, request.hls, request.images, request.stream, request.websocket_url))
