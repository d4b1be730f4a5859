"""A room of the LiveKit server in memory: who is in it, which agents were asked, when it closes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitRejectedError, LiveKitUnreachableError
from roomkeeper.domain.livekit import Dispatch, LiveRoom, Participant, ParticipantKind, RoomConfig, Track

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roomkeeper.domain.livekit import ParticipantUpdate, Permission

MAX_NAME_BYTES = 256
MAX_METADATA_BYTES = 512 * 1024
MAX_ATTRIBUTES_BYTES = 64 * 1024
"""The server's defaults (livekit: pkg/config/config.go, LimitConfig)."""

_AUDIO = frozenset({"microphone", "screen_share_audio"})

DEFAULT_CONFIG = RoomConfig(empty_timeout_seconds=300, departure_timeout_seconds=20)
"""What the server puts for zeros, and for a room born by a join without a configuration."""


@dataclass(slots=True)
class MemoryRoom:
    """What the server knows of a room. As a ghost, it is only a record that a dead node left behind."""

    live: LiveRoom  # without the counts
    participants: dict[str, Participant] = field(default_factory=dict)
    lost: dict[str, Participant] = field(
        default_factory=dict
    )  # recorded by a node that died, listed for ever
    publishers: set[str] = field(
        default_factory=set
    )  # SIDs of those who have published, whether they still may or not
    dispatches: dict[str, Dispatch] = field(default_factory=dict)
    joined: bool = False  # has a person ever been in?
    left_at: datetime | None = None
    is_ghost: bool = False

    @classmethod
    def new(cls, name: str, config: RoomConfig, metadata: str, *, now: datetime) -> MemoryRoom:
        """Create it as the server does: defaults for zeros, and a dispatch of the agents without a name."""
        live = LiveRoom(name=name, sid=sid("RM"), created_at=now, config=_shown(config), metadata=metadata)
        room = cls(live)
        room.dispatch("", "")
        return room

    def listed(self) -> LiveRoom:
        """Count as the server does: people only. Its counts lag by up to 5 s, these do not."""
        people = [p for p in self.participants.values() if p.kind is ParticipantKind.PERSON]
        return replace(
            self.live,
            num_participants=len(people),
            num_publishers=sum(p.is_publisher for p in people),
            active_recording=any(p.kind is ParticipantKind.EGRESS for p in self.participants.values()),
        )

    def closes_at(self) -> datetime | None:
        """Tell when the server closes it, as things are (livekit: pkg/rtc/room.go, CloseIfEmpty)."""
        if self.is_ghost or any(p.kind is ParticipantKind.PERSON for p in self.participants.values()):
            return None
        config = self.live.config
        if self.joined and self.left_at:
            return self.left_at + timedelta(seconds=config.departure_timeout_seconds)
        return self.live.created_at + timedelta(seconds=config.empty_timeout_seconds)

    def recorded(self) -> list[Participant]:
        """Return who ListParticipants shows: a dead node's people too, until the room closes or they join again."""
        return [*self.participants.values(), *self.lost.values()]

    def reachable(self, identity: str) -> Participant:
        """Return who is connected; LiveKit looks into the record first, and then asks the node that should know."""
        if identity in self.participants and not self.is_ghost:
            return self.participants[identity]
        if identity in self.participants or identity in self.lost:
            raise LiveKitUnreachableError("no node has the participant")
        raise LiveKitNotFoundError("the participant does not exist")

    def update(self, identity: str, update: ParticipantUpdate) -> None:
        """Change a participant (livekit: pkg/rtc/participant.go, UpdateMetadata and SetPermission)."""
        before = self.reachable(identity)
        attributes = {**before.attributes, **(update.attributes or {})}
        permission = update.permission or before.permission
        self.participants[identity] = replace(
            before,
            name=update.name or before.name,
            metadata=update.metadata or before.metadata,
            attributes={key: value for key, value in attributes.items() if value},
            permission=permission,
            is_publisher=permission.can_publish and before.sid in self.publishers,
            tracks=tuple(track for track in before.tracks if _may_publish(permission, track.source)),
            kind=_kind(before, agent=permission.agent, recorder=permission.recorder),
        )

    def publish(self, identity: str, source: str) -> Track:
        """Have somebody publish a track; LiveKitRejectedError where they may not."""
        before = self.reachable(identity)
        if not _may_publish(before.permission, source):
            raise LiveKitRejectedError("publish: no permission")
        track = Track(sid("TR"), source, "audio" if source in _AUDIO else "video")
        self.publishers.add(before.sid)
        self.participants[identity] = replace(before, is_publisher=True, tracks=(*before.tracks, track))
        return track

    def unpublish(self, identity: str, track_sid: str) -> None:
        """Take a track back."""
        before = self.reachable(identity)
        kept = tuple(track for track in before.tracks if track.sid != track_sid)
        self.participants[identity] = replace(before, tracks=kept)

    def dispatch(self, agent_name: str, metadata: str) -> Dispatch:
        """Ask an agent in, whether it was asked before or not."""
        made = Dispatch(id=sid("AD"), agent_name=agent_name, metadata=metadata)
        self.dispatches[made.id] = made
        return made

    def rehome(self, config: RoomConfig, metadata: str) -> None:
        """Bring a ghost back to life: the same SID and age, and what is given written over the record.

        Zeros and an empty metadata leave what was recorded (livekit: pkg/service/roomallocator.go, CreateRoom). Who
        was in it is still listed but cannot be reached, and the dispatches died with the node, as measured on
        livekit-server 1.13.5.
        """
        self.is_ghost = False
        self.joined, self.left_at = False, None
        self.lost.update(self.participants)
        self.participants.clear()
        self.dispatches.clear()
        self.dispatch("", "")
        old = self.live.config
        self.live = replace(
            self.live,
            metadata=metadata or self.live.metadata,
            config=RoomConfig(
                empty_timeout_seconds=config.empty_timeout_seconds or old.empty_timeout_seconds,
                departure_timeout_seconds=config.departure_timeout_seconds or old.departure_timeout_seconds,
                max_participants=config.max_participants or old.max_participants,
            ),
        )


def sid(prefix: str) -> str:
    """Return an identifier like the server's."""
    return f"{prefix}_{uuid4().hex[:12]}"


def check_size(what: str, text: str, limit: int) -> None:
    """Raise LiveKitRejectedError for a text of too many bytes."""
    if len(text.encode()) > limit:
        raise LiveKitRejectedError(f"the {what} has more than {limit} bytes")


def check_update(update: ParticipantUpdate) -> None:
    """Raise LiveKitRejectedError for what is too large, before it is known whether there is such a participant."""
    check_size("name", update.name or "", MAX_NAME_BYTES)
    check_size("metadata", update.metadata or "", MAX_METADATA_BYTES)
    attributes: Mapping[str, str] = update.attributes or {}
    together = "".join(key + value for key, value in attributes.items())
    check_size("text of all attributes", together, MAX_ATTRIBUTES_BYTES)


def _shown(config: RoomConfig) -> RoomConfig:
    """Return what ListRooms shows: defaults for zeros, and neither playout delays nor sync_streams."""
    return RoomConfig(
        empty_timeout_seconds=config.empty_timeout_seconds or DEFAULT_CONFIG.empty_timeout_seconds,
        departure_timeout_seconds=config.departure_timeout_seconds
        or DEFAULT_CONFIG.departure_timeout_seconds,
        max_participants=config.max_participants,
    )


def _may_publish(permission: Permission, source: str) -> bool:
    """Tell whether somebody may; no sources means all of them."""
    sources = permission.can_publish_sources
    return permission.can_publish and (not sources or source in sources)


def _kind(before: Participant, *, agent: bool, recorder: bool) -> ParticipantKind:
    """Tell what it counts as: the permission may make a person a worker, or a worker by permission a person."""
    if recorder:
        return ParticipantKind.EGRESS
    if agent:
        return ParticipantKind.AGENT
    was_by_permission = before.permission.agent or before.permission.recorder
    return ParticipantKind.PERSON if was_by_permission else before.kind
