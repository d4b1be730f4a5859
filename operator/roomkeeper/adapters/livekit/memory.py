"""A LiveKit server in memory: the port's meaning without a network, held to the real one by the contract tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roomkeeper.adapters.livekit.memory_calls import MemoryCalls
from roomkeeper.adapters.livekit.memory_client import InMemoryClient
from roomkeeper.adapters.livekit.memory_egress import MemoryEgress
from roomkeeper.adapters.livekit.memory_room import (
    MAX_METADATA_BYTES,
    MAX_NAME_BYTES,
    MemoryRoom,
    check_size,
    check_update,
    sid,
)
from roomkeeper.adapters.ports import LiveKitNotFoundError, LiveKitRejectedError, LiveKitUnreachableError
from roomkeeper.domain.livekit import (
    Participant,
    ParticipantKind,
    Permission,
    RoomConfig,
    Track,
    WebhookEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roomkeeper.adapters.ports import Clock, LiveKit
    from roomkeeper.domain.livekit import Credentials, Dispatch, LiveRoom, ParticipantUpdate

NO_CONFIG = RoomConfig(empty_timeout_seconds=0, departure_timeout_seconds=0)

JOINS_AS = Permission(can_publish=True, can_publish_data=True)
"""What a token permits that says nothing of it (livekit: protocol/auth/grants.go)."""


class InMemoryLiveKit(MemoryCalls):
    """The port `LiveKit`, with joins and leaves as calls and timers that run when `tick` is called.

    `on_event` hears what a real server would send as webhooks, signed by `api_key`. Called directly it asks for no
    credentials; `client` gives a port that has some, which the server takes as long as they are in `accepted`.
    """

    def __init__(
        self, clock: Clock, *, api_key: str = "devkey", auto_create: bool = True, redis: bool = True
    ) -> None:
        """Start without rooms; with auto_create a join makes the room that it names."""
        self.accepted: set[Credentials] = set()
        self.on_event: Callable[[WebhookEvent], None] | None = None
        self._clock = clock
        self._api_key = api_key
        self._auto_create = auto_create
        self._redis = redis
        self._rooms: dict[str, MemoryRoom] = {}
        super().__init__(MemoryEgress(clock, self, self._rooms, redis=redis))

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
        check_size("metadata", metadata, MAX_METADATA_BYTES)
        room = self._alive(self._room(name))
        room.live = replace(room.live, metadata=metadata)
        return room.listed()

    async def delete_room(self, name: str) -> None:
        """Close the room and disconnect everybody in it."""
        self._called("delete_room", name)
        self._close(self._alive(self._room(name)))

    async def list_participants(self, name: str) -> list[Participant]:
        """List who is in the room now; a room that is not there has nobody."""
        self._called("list_participants", name)
        room = self._rooms.get(name)
        return room.recorded() if room else []

    async def update_participant(self, name: str, identity: str, update: ParticipantUpdate) -> None:
        """Change a connected participant; the permission replaces the whole set."""
        self._called("update_participant", name)
        check_update(update)
        self._room(name).update(identity, update)

    async def remove_participant(self, name: str, identity: str) -> None:
        """Disconnect somebody; the token still lets them in again."""
        self._called("remove_participant", name)
        self._room(name).reachable(identity)
        self.leave(name, identity)

    async def list_dispatches(self, name: str) -> list[Dispatch]:
        """List the agents that were asked into a live room."""
        self._called("list_dispatches", name)
        return list(self._answering(name).dispatches.values())

    async def create_dispatch(self, name: str, agent_name: str, metadata: str = "") -> Dispatch:
        """Ask an agent into a room. LiveKit prevents no duplicate, and creates a room that is not there."""
        self._called("create_dispatch", name)
        check_size("metadata", metadata, MAX_METADATA_BYTES)
        if self._auto_create:
            self._get_or_create(name, NO_CONFIG, "")
        return self._answering(name).dispatch(agent_name, metadata)

    async def delete_dispatch(self, name: str, dispatch_id: str) -> None:
        """Take an agent's dispatch back."""
        self._called("delete_dispatch", name)
        if self._answering(name).dispatches.pop(dispatch_id, None) is None:
            raise LiveKitNotFoundError("the dispatch does not exist")

    async def creates_rooms_on_join(self) -> bool:
        """Tell whether a join creates its room."""
        self._called("creates_rooms_on_join", "")
        return self._auto_create

    async def has_redis(self) -> bool:
        """Tell whether the server can have egress at all."""
        self._called("has_redis", "")
        return self._redis

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""

    def client(self, credentials: Credentials) -> LiveKit:
        """Return a port of this server for one who has these credentials."""
        return InMemoryClient(self, credentials)

    def wipe(self) -> None:
        """Lose all rooms and tell nobody, as when it is killed and Redis flushed."""
        self._rooms.clear()
        self.egress.forget()

    def crash_keeping_records(self) -> None:
        """Be killed and start again while Redis keeps the rooms: each is a ghost until it is created or joined."""
        for room in self._rooms.values():
            room.is_ghost = True

    def join(
        self,
        name: str,
        identity: str,
        kind: ParticipantKind = ParticipantKind.PERSON,
        *,
        room_config: RoomConfig | None = None,
        is_publisher: bool = False,
        permission: Permission = JOINS_AS,
    ) -> Participant:
        """Let somebody join whose token carries this; who has the identity already is put out."""
        if name not in self._rooms and not self._auto_create:
            raise LiveKitNotFoundError("join: the room does not exist, and auto_create is off")
        room = self._get_or_create(name, room_config or NO_CONFIG, "")
        if identity in room.participants:
            self.leave(name, identity)
        limit = room.live.config.max_participants
        if kind is ParticipantKind.PERSON and limit and room.listed().num_participants >= limit:
            raise LiveKitRejectedError("join: the room is full")
        participant = Participant(
            identity=identity,
            sid=sid("PA"),
            kind=kind,
            permission=replace(permission, agent=permission.agent or kind is ParticipantKind.AGENT),
        )
        room.lost.pop(identity, None)
        room.participants[identity] = participant
        if is_publisher:
            room.publish(identity, "microphone")
        room.joined |= kind is ParticipantKind.PERSON
        self._tell("participant_joined", room)
        return room.participants[identity]

    def publish(self, name: str, identity: str, source: str) -> Track:
        """Have somebody who is in the room publish a track."""
        room = self._room(name)
        track = room.publish(identity, source)
        self._tell("track_published", room)
        return track

    def unpublish(self, name: str, identity: str, track_sid: str) -> None:
        """Have somebody take a track back."""
        room = self._room(name)
        room.unpublish(identity, track_sid)
        self._tell("track_unpublished", room)

    def leave(self, name: str, identity: str) -> None:
        """Let a participant leave; LiveKitNotFoundError where there is none of that identity."""
        room = self._room(name)
        if room.participants.pop(identity, None) is None:
            raise LiveKitNotFoundError("leave: no such participant")
        room.left_at = self._clock.now()
        self._tell("participant_left", room)

    def tick(self) -> None:
        """Close the rooms whose time has come, as the server does every second; let egress go on by a step."""
        now = self._clock.now()
        for room in list(self._rooms.values()):
            closes_at = room.closes_at()
            if closes_at and closes_at <= now:
                self._close(room)
        self.egress.tick()

    def _room(self, name: str) -> MemoryRoom:
        try:
            return self._rooms[name]
        except KeyError:
            raise LiveKitNotFoundError("the room does not exist") from None

    def _alive(self, room: MemoryRoom) -> MemoryRoom:
        """Return the room, unless the node that had it is dead: then the call goes to nobody."""
        if room.is_ghost:
            raise LiveKitUnreachableError("no node has the room")
        return room

    def _answering(self, name: str) -> MemoryRoom:
        """Return a room as dispatches find it: LiveKit asks the room's node at once, and nobody answers for none."""
        if name not in self._rooms:
            raise LiveKitUnreachableError("no node has the room")
        return self._alive(self._rooms[name])

    def _get_or_create(self, name: str, config: RoomConfig, metadata: str) -> MemoryRoom:
        check_size("room name", name, MAX_NAME_BYTES)
        check_size("metadata", metadata, MAX_METADATA_BYTES)
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = MemoryRoom.new(name, config, metadata, now=self._clock.now())
        elif room.is_ghost:
            room.rehome(config, metadata)
        else:
            return room
        self._tell("room_started", room)
        return room

    def _close(self, room: MemoryRoom) -> None:
        for identity in list(room.participants):
            self.leave(room.live.name, identity)
        del self._rooms[room.live.name]
        self._tell("room_finished", room)

    def _tell(self, event: str, room: MemoryRoom) -> None:
        self.tell(event, room_name=room.live.name, room_sid=room.live.sid)

    def tell(self, event: str, *, room_name: str, room_sid: str, egress_id: str = "") -> None:
        """Send an event to whom it may concern."""
        if self.on_event:
            self.on_event(
                WebhookEvent(
                    id=sid("EV"),
                    event=event,
                    room_name=room_name,
                    room_sid=room_sid,
                    api_key=self._api_key,
                    created_at=self._clock.now(),
                    egress_id=egress_id,
                )
            )
