"""A LiveKit server in memory: the port's meaning without a network, held to the real one by the contract tests."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitRejectedError
from roomkeeper.domain.livekit import LiveRoom, Participant, ParticipantKind, RoomConfig, WebhookEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roomkeeper.adapters.ports import Clock, LiveKitError

MAX_NAME_BYTES = 256
MAX_METADATA_BYTES = 512 * 1024
"""The server's defaults (livekit: pkg/config/config.go, LimitConfig)."""

DEFAULT_CONFIG = RoomConfig(empty_timeout_seconds=300, departure_timeout_seconds=20)
"""What the server puts for zeros, and for a room born by a join without a configuration."""


@dataclass(slots=True)
class _Room:
    live: LiveRoom  # without the counts
    participants: dict[str, Participant] = field(default_factory=dict)
    joined: bool = False  # has a person ever been in?
    left_at: datetime | None = None

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
        if any(p.kind is ParticipantKind.PERSON for p in self.participants.values()):
            return None
        config = self.live.config
        if self.joined and self.left_at:
            return self.left_at + timedelta(seconds=config.departure_timeout_seconds)
        return self.live.created_at + timedelta(seconds=config.empty_timeout_seconds)


class InMemoryLiveKit:
    """The port `LiveKit`, with joins and leaves as calls and timers that run when `tick` is called.

    `calls` logs (method, room) of the port, `outage` fails every call while it is set, and `on_event` hears what
    a real server would send as webhooks, signed by `api_key`.
    """

    def __init__(self, clock: Clock, *, api_key: str = "devkey", auto_create: bool = True) -> None:
        """Start without rooms; with auto_create a join makes the room that it names."""
        self.calls: list[tuple[str, str]] = []
        self.outage: LiveKitError | None = None
        self.on_event: Callable[[WebhookEvent], None] | None = None
        self._clock = clock
        self._api_key = api_key
        self._auto_create = auto_create
        self._rooms: dict[str, _Room] = {}
        self._failures: defaultdict[str, deque[LiveKitError]] = defaultdict(deque)

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        """List the named rooms, or all; names that are not there are silently missing."""
        self._called("list_rooms", ",".join(names))
        return [room.listed() for name, room in self._rooms.items() if not names or name in names]

    async def create_room(self, name: str, config: RoomConfig, metadata: str = "") -> LiveRoom:
        """Create the room, or return the live one unchanged."""
        self._called("create_room", name)
        return self._get_or_create(name, config, metadata).listed()

    async def update_room_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room."""
        self._called("update_room_metadata", name)
        _check_size("metadata", metadata, MAX_METADATA_BYTES)
        room = self._room(name)
        room.live = replace(room.live, metadata=metadata)
        return room.listed()

    async def delete_room(self, name: str) -> None:
        """Close the room and disconnect everybody in it."""
        self._called("delete_room", name)
        self._close(self._room(name))

    async def list_participants(self, name: str) -> list[Participant]:
        """List who is in the room now; a room that is not there has nobody."""
        self._called("list_participants", name)
        room = self._rooms.get(name)
        return list(room.participants.values()) if room else []

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""

    def fail_next(self, method: str, error: LiveKitError) -> None:
        """Let the next call of this method of the port raise the error; several wait in line."""
        self._failures[method].append(error)

    def join(
        self,
        name: str,
        identity: str,
        kind: ParticipantKind = ParticipantKind.PERSON,
        *,
        room_config: RoomConfig | None = None,
        is_publisher: bool = False,
    ) -> Participant:
        """Let somebody join whose token carries `room_config`; who has the identity already is put out."""
        if name not in self._rooms and not self._auto_create:
            raise LiveKitNotFoundError("join: the room does not exist, and auto_create is off")
        room = self._get_or_create(name, room_config or DEFAULT_CONFIG, "")
        if identity in room.participants:
            self.leave(name, identity)
        limit = room.live.config.max_participants
        if kind is ParticipantKind.PERSON and limit and room.listed().num_participants >= limit:
            raise LiveKitRejectedError("join: the room is full")
        participant = Participant(identity=identity, sid=_sid("PA"), kind=kind, is_publisher=is_publisher)
        room.participants[identity] = participant
        room.joined |= kind is ParticipantKind.PERSON
        self._tell("participant_joined", room)
        return participant

    def leave(self, name: str, identity: str) -> None:
        """Let a participant leave; LiveKitNotFoundError where there is none of that identity."""
        room = self._room(name)
        if room.participants.pop(identity, None) is None:
            raise LiveKitNotFoundError("leave: no such participant")
        room.left_at = self._clock.now()
        self._tell("participant_left", room)

    def tick(self) -> None:
        """Close the rooms whose time has come, as the server does every second."""
        now = self._clock.now()
        for room in list(self._rooms.values()):
            closes_at = room.closes_at()
            if closes_at and closes_at <= now:
                self._close(room)

    def _called(self, method: str, name: str) -> None:
        self.calls.append((method, name))
        if self.outage:
            raise self.outage
        if self._failures[method]:
            raise self._failures[method].popleft()

    def _room(self, name: str) -> _Room:
        try:
            return self._rooms[name]
        except KeyError:
            raise LiveKitNotFoundError("the room does not exist") from None

    def _get_or_create(self, name: str, config: RoomConfig, metadata: str) -> _Room:
        _check_size("room name", name, MAX_NAME_BYTES)
        _check_size("metadata", metadata, MAX_METADATA_BYTES)
        if name in self._rooms:
            return self._rooms[name]
        live = LiveRoom(
            name=name,
            sid=_sid("RM"),
            created_at=self._clock.now(),
            config=_without_zeros(config),
            metadata=metadata,
        )
        room = self._rooms[name] = _Room(live)
        self._tell("room_started", room)
        return room

    def _close(self, room: _Room) -> None:
        for identity in list(room.participants):
            self.leave(room.live.name, identity)
        del self._rooms[room.live.name]
        self._tell("room_finished", room)

    def _tell(self, event: str, room: _Room) -> None:
        if self.on_event:
            self.on_event(
                WebhookEvent(
                    id=_sid("EV"),
                    event=event,
                    room_name=room.live.name,
                    room_sid=room.live.sid,
                    api_key=self._api_key,
                    created_at=self._clock.now(),
                )
            )


def _sid(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex[:12]}"


def _without_zeros(config: RoomConfig) -> RoomConfig:
    return RoomConfig(
        empty_timeout_seconds=config.empty_timeout_seconds or DEFAULT_CONFIG.empty_timeout_seconds,
        departure_timeout_seconds=config.departure_timeout_seconds
        or DEFAULT_CONFIG.departure_timeout_seconds,
        max_participants=config.max_participants,
    )


def _check_size(what: str, text: str, limit: int) -> None:
    if len(text.encode()) > limit:
        raise LiveKitRejectedError(f"the {what} has more than {limit} bytes")
