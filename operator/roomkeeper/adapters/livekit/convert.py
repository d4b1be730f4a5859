"""LiveKit's protobuf messages as our plain values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from livekit.protocol import models

from roomkeeper.domain.livekit import (
    Dispatch,
    LiveRoom,
    Participant,
    ParticipantKind,
    Permission,
    RoomConfig,
    Track,
)

if TYPE_CHECKING:
    from livekit.protocol.agent_dispatch import AgentDispatch, ListAgentDispatchResponse
    from livekit.protocol.models import ParticipantInfo, ParticipantPermission, Room, TrackInfo
    from livekit.protocol.room import ListParticipantsResponse, ListRoomsResponse

_SOURCES = {
    "camera": models.TrackSource.CAMERA,
    "microphone": models.TrackSource.MICROPHONE,
    "screen_share": models.TrackSource.SCREEN_SHARE,
    "screen_share_audio": models.TrackSource.SCREEN_SHARE_AUDIO,
    "unknown": models.TrackSource.UNKNOWN,
}
_SOURCE_NAMES = {number: name for name, number in _SOURCES.items()}
_TRACK_KINDS = {models.TrackType.AUDIO: "audio", models.TrackType.VIDEO: "video"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nothing(_: object) -> None:
    """Take over nothing: that it was answered is all."""


def live_rooms(answer: ListRoomsResponse) -> list[LiveRoom]:
    """Take over the list, with the errors of `live_room`."""
    return [live_room(room) for room in answer.rooms]


def live_room(room: Room) -> LiveRoom:
    """Take over all but the TURN password; OverflowError for a time that is none, ValueError for what is no room.

    Bytes that are not LiveKit's at all may read as a message of unknown fields, and so as a room without a name.
    creation_time_ms is absent before livekit-server 1.8.
    """
    if not (room.name and room.sid):
        raise ValueError("this is no room")
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


def participants(answer: ListParticipantsResponse) -> list[Participant]:
    """Take over the list."""
    return [participant(info) for info in answer.participants]


def participant(info: ParticipantInfo) -> Participant:
    """Take over who it is; a worker counts as one by its kind or by what its token permits."""
    return Participant(
        identity=info.identity,
        sid=info.sid,
        kind=_kind(info),
        is_publisher=info.is_publisher,
        permission=permission(info.permission),
        name=info.name,
        metadata=info.metadata,
        attributes=dict(info.attributes),
        tracks=tuple(track(published) for published in info.tracks),
    )


def track(info: TrackInfo) -> Track:
    """Take over what is published; a kind that is new to us is no sound and no picture."""
    return Track(
        sid=info.sid,
        source=_SOURCE_NAMES.get(info.source, "unknown"),
        kind=_TRACK_KINDS.get(info.type, "data"),
    )


def permission(message: ParticipantPermission) -> Permission:
    """Take over what may be done now.

    A source that is new to us becomes "unknown": were it left out, none might be left, which means all.
    """
    return Permission(
        can_subscribe=message.can_subscribe,
        can_publish=message.can_publish,
        can_publish_data=message.can_publish_data,
        can_publish_sources=frozenset(
            _SOURCE_NAMES.get(source, "unknown") for source in message.can_publish_sources
        ),
        can_update_metadata=message.can_update_metadata,
        can_subscribe_metrics=message.can_subscribe_metrics,
        hidden=message.hidden,
        agent=message.agent,
        recorder=message.recorder,
        can_manage_agent_session=message.can_manage_agent_session,
    )


def to_permission(value: Permission) -> ParticipantPermission:
    """Return the message that sets the whole of it."""
    return models.ParticipantPermission(
        can_subscribe=value.can_subscribe,
        can_publish=value.can_publish,
        can_publish_data=value.can_publish_data,
        can_publish_sources=sorted(_SOURCES[source] for source in value.can_publish_sources),
        can_update_metadata=value.can_update_metadata,
        can_subscribe_metrics=value.can_subscribe_metrics,
        hidden=value.hidden,
        agent=value.agent,
        recorder=value.recorder,
        can_manage_agent_session=value.can_manage_agent_session,
    )


def dispatches(answer: ListAgentDispatchResponse) -> list[Dispatch]:
    """Take over the list."""
    return [dispatch(message) for message in answer.agent_dispatches]


def dispatch(message: AgentDispatch) -> Dispatch:
    """Take over which agent was asked, and with what."""
    return Dispatch(id=message.id, agent_name=message.agent_name, metadata=message.metadata)


def _kind(info: ParticipantInfo) -> ParticipantKind:
    """Count as the server does (livekit: pkg/rtc/participant.go, IsDependent)."""
    if info.kind == models.ParticipantInfo.EGRESS or info.permission.recorder:
        return ParticipantKind.EGRESS
    if info.kind == models.ParticipantInfo.AGENT or info.permission.agent:
        return ParticipantKind.AGENT
    return ParticipantKind.PERSON
