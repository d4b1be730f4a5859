"""An egress of the LiveKit server in memory: its record, what it waits for, what it leaves behind."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from livekit.protocol.egress import (
    EgressInfo,
    EgressStatus,
    FileInfo,
    ImagesInfo,
    SegmentsInfo,
    StreamInfo,
)

from roomkeeper.adapters.livekit import egress_convert, egress_request
from roomkeeper.adapters.livekit.memory_room import sid
from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.domain.egress import AzureTarget
from roomkeeper.domain.livekit import ParticipantKind

if TYPE_CHECKING:
    from roomkeeper.adapters.livekit.memory_room import MemoryRoom
    from roomkeeper.domain.egress import Egress, EgressRequest

_FIELDS: Final = {
    RecordingSource.ROOM_COMPOSITE: "room_composite",
    RecordingSource.PARTICIPANT: "participant",
    RecordingSource.TRACK_COMPOSITE: "track_composite",
    RecordingSource.TRACK: "track",
    RecordingSource.WEB: "web",
}
_EXTENSIONS: Final = (".mp4", ".ogg", ".mp3", ".webm")
_BYTES_PER_SECOND: Final = 50_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EgressFault(StrEnum):
    """What goes wrong with an egress, in the words of the local stack's stand-in for Egress."""

    REFUSE = "refuse"  # the worker says no to the request
    BUSY = "busy"  # no worker takes it
    ANSWER_LOST = "answer_lost"  # it starts, and nobody hears of it
    STAY_STARTING = "stay_starting"
    ABORT = "abort"
    DIE = "die"  # once it is active: it leaves the room, and its record stays as it was
    FAIL_UPLOAD = "fail_upload"
    REACH_LIMIT = "reach_limit"


@dataclass(slots=True)
class MemoryJob:
    """One egress, and what its worker does with it."""

    request: EgressRequest
    info: EgressInfo  # LiveKit's own record, so that it is read as the real one is
    since: datetime  # of its status
    faults: set[EgressFault] = field(default_factory=set)
    streams: dict[str, StreamInfo] = field(default_factory=dict)  # that are sent to now
    has_joined: bool = False
    is_stopping: bool = False
    is_dead: bool = False

    @classmethod
    def new(cls, request: EgressRequest, room: MemoryRoom | None, *, now: datetime) -> MemoryJob:
        """Take the request; without a room, it is of a web page."""
        _, message = egress_request.to_start(request)
        asked: dict[str, Any] = {_FIELDS[request.source.kind]: message}
        info = EgressInfo(
            egress_id=sid("EG"),
            room_id=room.live.sid if room else "",
            room_name=request.room_name,
            started_at=_nanoseconds(now - _EPOCH),
            **asked,
        )
        job = cls(request, info, since=now)
        job._expect_results()
        return job

    @property
    def egress(self) -> Egress:
        """Return it as LiveKit lists it."""
        return egress_convert.egress(self.info)

    @property
    def is_live(self) -> bool:
        """Tell whether its record says that it has not ended."""
        return self.egress.state.is_live

    @property
    def scope(self) -> str:
        """Return what faults are armed for: its room, or its page."""
        web = self.request.source.web
        return web.url if web else self.request.room_name

    def is_ready(self, room: MemoryRoom) -> bool:
        """Tell whether all is there that it records; a composite of a room waits for somebody to publish."""
        participant = self.request.source.participant
        if participant:
            return participant.identity in room.participants
        published = _published(room)
        return self._tracks <= published if self._tracks else bool(published)

    def is_over(self, room: MemoryRoom) -> bool:
        """Tell whether what it records has gone from the room; a composite ends with the room alone."""
        participant = self.request.source.participant
        if participant:
            return participant.identity not in room.participants
        return bool(self._tracks) and not self._tracks & _published(room)

    @property
    def finds_until(self) -> datetime | None:
        """Tell until when it looks for its participant or tracks (livekit/egress: pkg/pipeline/source/sdk.go)."""
        has_to_find = self.request.source.participant or self._tracks
        return self.since + timedelta(seconds=30) if has_to_find else None

    @property
    def _tracks(self) -> set[str]:
        return {self.request.audio_track, self.request.video_track} - {""}

    def become(self, status: EgressStatus, now: datetime) -> None:
        """Go on to a status."""
        self.info.status, self.since = status, now
        self.info.updated_at = _nanoseconds(now - _EPOCH)
        if not self.is_live:
            self.info.ended_at = self.info.updated_at

    def begin(self, now: datetime) -> None:
        """Become active: every output begins (livekit/egress: pkg/pipeline/controller.go, updateStartTime)."""
        info = self.info
        for results in (info.file_results, info.segment_results, info.image_results, info.stream_results):
            for result in results:
                result.started_at = _nanoseconds(now - _EPOCH)
        self.become(EgressStatus.EGRESS_ACTIVE, now)

    def abort(self, now: datetime) -> None:
        """End before it has begun."""
        self.info.error, self.info.error_code = "Start signal not received", HTTPStatus.PRECONDITION_FAILED
        self.become(EgressStatus.EGRESS_ABORTED, now)

    def fail(self, code: HTTPStatus, now: datetime) -> None:
        """End badly."""
        self.info.error, self.info.error_code = "the key is hunter2", code
        self.become(EgressStatus.EGRESS_FAILED, now)

    def reach_limit(self, now: datetime) -> None:
        """End because the worker lets nothing be longer."""
        self.info.error, self.info.error_code = "Session limit reached", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        self.become(EgressStatus.EGRESS_LIMIT_REACHED, now)

    def stream_to(self, url: str, now: datetime) -> None:
        """Send to one more address, as soon as it is active."""
        is_active = self.info.status == EgressStatus.EGRESS_ACTIVE
        stream = self.info.stream_results.add(url=url, status=StreamInfo.ACTIVE)
        stream.started_at = _nanoseconds(now - _EPOCH) if is_active else 0
        self.streams[url] = stream

    def stream_no_longer_to(self, url: str, now: datetime) -> None:
        """Send to an address no longer; KeyError for one that is not sent to. The last one was all there was."""
        stream = self.streams.pop(url)
        stream.status, stream.ended_at = StreamInfo.FINISHED, _nanoseconds(now - _EPOCH)
        stream.duration = stream.ended_at - stream.started_at
        request = self.request
        self.is_stopping |= not (self.streams or request.file or request.hls or request.images)

    def finish(self, now: datetime) -> None:
        """Fill in what was recorded since it was active."""
        duration = _nanoseconds(now - self.since)
        size = int((now - self.since).total_seconds() * _BYTES_PER_SECOND)
        for file in self.info.file_results:
            file.duration, file.size = duration, size
        for hls in self.info.segment_results:
            hls.duration, hls.size, hls.segment_count = duration, size, 1
        for images in self.info.image_results:
            images.image_count = 1
        for url in list(self.streams):
            self.stream_no_longer_to(url, now)

    def upload(self) -> None:
        """Fill in where the objects are."""
        for file in self.info.file_results:
            file.location = self._location(file.filename)
        for hls in self.info.segment_results:
            hls.playlist_location = self._location(hls.playlist_name)
            if hls.live_playlist_name:
                hls.live_playlist_location = self._location(hls.live_playlist_name)

    def _expect_results(self) -> None:
        request = self.request
        if request.file:
            self.info.file_results.append(FileInfo(filename=self._file_name(request.file.path)))
        if request.hls:
            folder = posixpath.dirname(self._rendered(request.hls.prefix))
            live = request.hls.live_playlist_name
            self.info.segment_results.append(
                SegmentsInfo(
                    playlist_name=posixpath.join(folder, request.hls.playlist_name),
                    live_playlist_name=posixpath.join(folder, live) if live else "",
                )
            )
        if request.images:
            self.info.image_results.append(ImagesInfo(filename_prefix=self._rendered(request.images.prefix)))
        urls = request.stream.urls if request.stream else ()
        for url in (*urls, request.websocket_url):
            if url:
                self.stream_to(url, self.since)

    def _file_name(self, path: str) -> str:
        """Return the name of the file, which gets an extension where it has none."""
        name = self._rendered(path)
        if name.endswith(_EXTENSIONS):
            return name
        is_audio = self.request.source.is_audio_only
        return name + (".ogg" if is_audio else ".mp4")

    def _rendered(self, path: str) -> str:
        values = {
            "room_name": self.info.room_name,
            "room_id": self.info.room_id,
            "time": self.since.strftime("%Y-%m-%dT%H%M%S"),
            "utc": self.since.strftime("%Y%m%d%H%M%S000"),
            "track_id": self.request.audio_track or self.request.video_track,
        }
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", value)
        return path

    def _location(self, key: str) -> str:
        """Return the address of an object; of the worker's own storage, the key is all that is told."""
        target = self.request.target
        if target is None:
            return key
        bucket = target.container if isinstance(target, AzureTarget) else target.bucket
        return f"https://{bucket}.example/{key}"


def _published(room: MemoryRoom) -> set[str]:
    people = (p for p in room.participants.values() if p.kind is not ParticipantKind.EGRESS)
    return {track.sid for person in people for track in person.tracks}


def _nanoseconds(time: timedelta) -> int:
    return time // timedelta(microseconds=1) * 1000
