"""LiveKit's nouns as plain values: what the adapters return and the decisions are made on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RoomConfig:
    """The fields that LiveKit takes only when a room is created.

    CreateRoom on a live room changes none of them (livekit: pkg/service/roommanager.go, getOrCreateRoom).
    Durations are seconds; 0 participants means no limit, as in LiveKit.
    """

    empty_timeout_seconds: int
    departure_timeout_seconds: int
    max_participants: int = 0
    min_playout_delay_milliseconds: int = 0  # LiveKit shows neither delay nor sync_streams of a live room
    max_playout_delay_milliseconds: int = 0
    sync_streams: bool = False


@dataclass(frozen=True, slots=True)
class LiveRoom:
    """A room as the server lists it. Its turn_password never leaves the adapter.

    The two counts lag behind by up to five seconds (livekit: pkg/rtc/room.go, roomUpdateInterval): they tell
    that somebody may have come or gone, never who is there.
    """

    name: str
    sid: str
    created_at: datetime
    config: RoomConfig
    metadata: str = ""
    num_participants: int = 0
    num_publishers: int = 0
    active_recording: bool = False


class ParticipantKind(Enum):
    """What joined. Agents and egress workers do not count as people."""

    PERSON = "person"
    AGENT = "agent"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a connected participant may do now; an empty set of sources means all, as in LiveKit."""

    can_subscribe: bool = True
    can_publish: bool = False
    can_publish_data: bool = False
    can_publish_sources: frozenset[str] = frozenset()  # camera, microphone, screen_share, screen_share_audio
    can_update_metadata: bool = False
    can_subscribe_metrics: bool = False
    hidden: bool = False
    # Set by the token and kept by an update: LiveKit takes the whole set, and leaving them out would clear them.
    agent: bool = False
    recorder: bool = False
    can_manage_agent_session: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """What somebody publishes; `source` as in Permission, "unknown" where it is none of those."""

    sid: str
    source: str
    kind: str = "audio"  # or video, data


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who is in a room now, as ListParticipants tells it."""

    identity: str
    sid: str
    kind: ParticipantKind = ParticipantKind.PERSON
    is_publisher: bool = False
    permission: Permission = Permission()
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class ParticipantUpdate:
    """What to change of a connected participant; None leaves it, "" of an attribute deletes that attribute.

    LiveKit cannot set name or metadata back to empty (livekit: UpdateParticipant skips empty values).
    """

    permission: Permission | None = None
    name: str | None = None
    metadata: str | None = None
    attributes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An agent that was asked into a room."""

    id: str
    agent_name: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and its secret. The secret is kept out of every repr."""

    api_key: str
    api_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a participant token says, in LiveKit's own words; times are aware UTC datetimes."""

    identity: str
    name: str
    video: Mapping[str, Any]  # VideoGrants, camelCase as in the JWT
    room_config: Mapping[str, Any]  # RoomConfiguration as JSON; empty: none
    not_before: datetime
    expires_at: datetime
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A verified webhook, reduced to what tells which keys to wake."""

    id: str
    event: str
    room_name: str
    room_sid: str
    api_key: str  # the key that signed it
    created_at: datetime
    egress_id: str = ""  # of the egress that it is about


def skew_told(seconds: int) -> str:
    """Say by how much LiveKit's clock is ahead of the operator's, in words for people; negative: behind."""
    return f"LiveKit's clock is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} the operator's"
