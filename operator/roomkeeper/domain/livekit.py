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
class Participant:
    """Somebody who is in a room now, as ListParticipants tells it."""

    identity: str
    sid: str
    kind: ParticipantKind = ParticipantKind.PERSON
    is_publisher: bool = False


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


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A verified webhook, reduced to what tells which keys to wake."""

    id: str
    event: str
    room_name: str
    room_sid: str
    api_key: str  # the key that signed it
    created_at: datetime
