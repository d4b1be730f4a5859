"""What a source needs to be there before it can be recorded, and by which tracks LiveKit knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.domain.livekit import ParticipantKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.api.recording_source import RecordingSourceSpec
    from roomkeeper.domain.livekit import Participant


@dataclass(frozen=True, slots=True)
class Tracks:
    """The SIDs of the tracks to record; "" where there is none to."""

    audio: str = ""
    video: str = ""


def identity(source: RecordingSourceSpec) -> str:
    """Return whom the source is about; "" where it is about nobody in particular."""
    about = source.participant or source.track_composite or source.track
    return (about.identity or "") if about else ""


def people(participants: Sequence[Participant]) -> list[Participant]:
    """Return who counts: neither agents nor egress workers."""
    return [someone for someone in participants if someone.kind is ParticipantKind.PERSON]


def publishes(participants: Sequence[Participant], source: RecordingSourceSpec) -> bool:
    """Tell whether somebody publishes whom the source records: whoever it names, an agent too, else any person."""
    wanted = identity(source)
    if wanted:
        return any(someone.tracks for someone in participants if someone.identity == wanted)
    return any(someone.tracks for someone in people(participants))


def missing(participants: Sequence[Participant], source: RecordingSourceSpec) -> str:
    """Return what the source still needs, for people to read; "": nothing."""
    wanted = identity(source)
    if wanted and not any(someone.identity == wanted for someone in participants):
        return f"participant {wanted!r}"
    if source.track_composite is None and source.track is None:
        return ""
    return "" if tracks(participants, source) else "the tracks to record"


def tracks(participants: Sequence[Participant], source: RecordingSourceSpec) -> Tracks | None:
    """Return the tracks to record; None: some are not published."""
    published = {track.sid: track for someone in participants for track in someone.tracks}
    wanted = identity(source)
    of_person = {
        track.source: track.sid
        for someone in participants
        if someone.identity == wanted
        for track in someone.tracks
    }

    def find(name: str | None, sid: str | None) -> str | None:
        if sid:
            return sid if sid in published else None
        return of_person.get(name) if name else ""

    if source.track_composite:
        both = source.track_composite
        audio = find(both.audio_source, both.audio_track_id)
        video = find(both.video_source, both.video_track_id)
        return Tracks(audio, video) if audio is not None and video is not None else None
    if source.track:
        sid = find(source.track.source, source.track.track_id)
        if not sid:
            return None
        return Tracks(video=sid) if published[sid].kind == "video" else Tracks(audio=sid)
    return Tracks()
