"""LiveKit's protobuf messages as our plain values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from livekit.protocol import models

from roomkeeper.domain.livekit import LiveRoom, Participant, ParticipantKind, RoomConfig

if TYPE_CHECKING:
    from livekit.protocol.models import ParticipantInfo, Room

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def live_room(room: Room) -> LiveRoom:
    """Take over all but the TURN password. creation_time_ms is absent before livekit-server 1.8."""
    milliseconds = room.creation_time_ms or room.creation_time * 1000
    return LiveRoom(
        name=room.name,
        sid=room.sid,
        created_at=_EPOCH + timedelta(milliseconds=milliseconds),
        config=RoomConfig(
            empty_timeout_seconds=room.empty_timeout,
            departure_timeout_seconds=room.departure_timeout,
            max_participants=room.max_participants,
        ),
        metadata=room.metadata,
        num_participants=room.num_participants,
        num_publishers=room.num_publishers,
        active_recording=room.active_recording,
    )


def participant(info: ParticipantInfo) -> Participant:
    """Take over who it is; a worker counts as one by its kind or by what its token permits."""
    return Participant(identity=info.identity, sid=info.sid, kind=_kind(info), is_publisher=info.is_publisher)


def _kind(info: ParticipantInfo) -> ParticipantKind:
    """Count as the server does (livekit: pkg/rtc/participant.go, IsDependent)."""
    if info.kind == models.ParticipantInfo.EGRESS or info.permission.recorder:
        return ParticipantKind.EGRESS
    if info.kind == models.ParticipantInfo.AGENT or info.permission.agent:
        return ParticipantKind.AGENT
    return ParticipantKind.PERSON
