"""Everything that wakes a key: the API server's events and lists, LiveKit's webhooks, a server that changed.

Nothing is decided here. A lost, late or doubled wake-up costs time, never correctness.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.domain import recording_room
from roomkeeper.domain.objects import (
    RECORDING,
    ROOM,
    SCHEDULE,
    SERVER,
    STORAGE,
    CustomObject,
    Key,
    TokenSecret,
)
from roomkeeper.domain.storages import concerns_recordings
from roomkeeper.engine import recording_index
from roomkeeper.engine.queue import Priority
from roomkeeper.engine.schedule_index import as_recording
from roomkeeper.engine.servers import buried_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roomkeeper.adapters.ports import Body
    from roomkeeper.domain.livekit import Credentials, WebhookEvent
    from roomkeeper.domain.shards import Shard
    from roomkeeper.engine.abandoned import AbandonedRecordings
    from roomkeeper.engine.cache import ObjectCache, SecretCache
    from roomkeeper.engine.concerned import Concerned
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.namespaces import NamespaceCache
    from roomkeeper.engine.queue import WorkQueue
    from roomkeeper.engine.servers import KnownServer, ServerDirectory

TOKENS = "Secret"  # the kind that they are in
REMEMBERED_EVENTS = 10_000
SUSPICION_SECONDS = 1.0  # between a failed call, or an object that went, and the look at its server


@dataclass(frozen=True, slots=True)
class Wakeups:
    """Keeps the caches current and adds the keys that are concerned to the queue."""

    objects: ObjectCache
    secrets: SecretCache
    servers: ServerDirectory
    namespaces: NamespaceCache
    queue: WorkQueue
    concerned: Concerned
    abandoned: AbandonedRecordings
    shard: Shard
    _heard: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def tells_news(self, kind: str, event: str | None, body: Body) -> bool:
        """Tell whether an event is worth taking: most tell of our own writes, whose answers have told it before."""
        meta = body["metadata"]
        if event == "DELETED":
            return True
        if kind == TOKENS:
            return self.secrets.is_news(meta["namespace"], meta["name"], meta["resourceVersion"])
        return self.objects.is_news(Key(kind, meta["namespace"], meta["name"]), meta["resourceVersion"])

    def object_event(self, kind: str, event: str | None, body: Body) -> None:
        """Take a watch event of one of our kinds; None is Kopf's name for its first list."""
        seen = CustomObject.from_body(kind, body)
        if event == "DELETED":
            self.object_gone(seen)
        else:
            self.object_seen(seen, is_news=event is not None)

    def object_seen(self, seen: CustomObject, *, is_news: bool) -> None:
        """Take an object as it is now; what is new goes behind what is edited, and what is merely listed behind both."""
        what_happens = Priority.URGENT if self.objects.get(seen.key) else Priority.NEW
        if self.objects.observe(seen):
            self.queue.add(seen.key, what_happens if is_news else Priority.BACKGROUND)

    def object_changed(self, before: CustomObject | None, seen: CustomObject) -> None:
        """Wake what depends on an object that is another now, whoever changed it."""
        self._have_held(seen)
        self._wake_recordings_of(seen, before)
        if seen.key.kind == RECORDING:
            self._wake_schedule(seen)
        elif seen.key.kind == STORAGE and (before is None or concerns_recordings(before, seen)):
            self._wake(self.concerned.users(seen.key), Priority.BACKGROUND)

    def object_gone(self, gone: CustomObject) -> None:
        """Drop an object, unless the removal of its finalizer did, and wake what depends on it."""
        version = gone.resource_version if self.shard.name else ""  # of a shard, it may just have left it
        was_known = self.objects.forget(gone.key, gone.uid, version=version)
        if self.objects.get(gone.key) is None:
            self._drop(gone.key)
        if was_known and gone.key.kind == RECORDING and recording_index.is_running(gone):
            self.queue.add(self.abandoned.keep(gone))
        if gone.key.kind == SERVER:
            self.queue.add(gone.key)
            return
        if gone.key.kind == STORAGE:
            self._wake(self.concerned.users(gone.key), Priority.BACKGROUND)
            return
        server = self.servers.resolve(gone).known
        if server and server.spec:
            self.suspect(server.key)  # it may be held only for this one
        if gone.key.kind == RECORDING:
            self.recording_ended(gone)
            self._wake_schedule(gone)
        if gone.key.kind != ROOM:
            return
        self._wake(self.objects.claimants(self.servers.room_name(gone)))
        self._wake(self.objects.recordings.of_room(gone.key))
        self._wake(self.objects.schedules.of_room(gone.key))
        if server and server.policy.max_rooms_per_namespace is not None:
            self._wake(self.objects.rooms(gone.key.namespace))  # one of them may have its place in the quota

    def namespace_event(self, event: str | None, body: Body) -> None:
        """Take a watch event of a namespace: its labels decide which servers it may use."""
        name = body["metadata"]["name"]
        if event == "DELETED":
            self.namespaces.forget(name)
        elif self.namespaces.observe(body):
            self._wake(self.objects.rooms(name), Priority.BACKGROUND)
            self._wake(self.objects.recordings.in_namespace(name), Priority.BACKGROUND)
            self._wake(self.objects.schedules.in_namespace(name), Priority.BACKGROUND)

    def secret_event(self, event: str | None, body: Body) -> None:
        """Take a watch event of a token Secret."""
        secret = TokenSecret.from_body(body)
        if event == "DELETED":
            self.secret_gone(secret)
        else:
            self.secret_seen(secret)

    def secret_seen(self, secret: TokenSecret) -> None:
        """Take a Secret as it is now."""
        before = self.secrets.get(secret.namespace, secret.name)
        if self.secrets.observe(secret):
            for version in (before, secret):
                self._wake_owner(version)

    def secret_gone(self, secret: TokenSecret) -> None:
        """Drop a Secret; its Room has to issue it again."""
        if self.secrets.forget(secret.namespace, secret.name, secret.uid):
            self._wake_owner(secret)

    def webhook(self, event: WebhookEvent, signer: Credentials) -> str:
        """Take a verified webhook; return what came of it: `replayed`, `ignored` or `woken`."""
        if event.id and event.id in self._heard:
            return "replayed"
        self._heard[event.id] = None
        if len(self._heard) > REMEMBERED_EVENTS:
            self._heard.popitem(last=False)
        concerned = []
        for connection in self.servers.signed_by(signer):
            claimants = self.concerned.claimants(connection, event.room_name)
            recordings = self.concerned.recordings(connection, event.room_name, event.egress_id)
            if event.egress_id and any(map(recording_index.is_running, recordings)):
                connection.egresses.hint(event.egress_id)
            concerned += recordings
            sessions = self.concerned.schedules(connection, event.room_name)
            concerned += sessions if event.event == "room_finished" else _undealt(sessions, event.room_sid)
            if connection.hear(event, is_claimed=bool(claimants or recordings or sessions)):
                concerned += claimants
            elif not claimants and event.event == "room_started":
                self._wake_buried(connection, {event.room_name})
        self._wake(concerned)
        return "woken" if concerned else "ignored"

    def rooms_changed(self, server: KnownServer, names: Iterable[str]) -> None:
        """Wake what belongs to the rooms that are not what they were at the last list, and what looks for somebody."""
        for name in names:
            self._wake(self.concerned.claimants(server.connection, name))
            self._wake(self.concerned.recordings(server.connection, name))
            live = server.connection.sightings.get(name) if server.connection else None
            schedules = self.concerned.schedules(server.connection, name)
            self._wake(_undealt(schedules, live.sid if live else ""))
        self._wake(self.concerned.looking(server), Priority.BACKGROUND)
        if server.connection:
            self._wake_buried(server.connection, server.connection.resurrected)

    def server_changed(self, server: KnownServer) -> None:
        """Wake what belongs to a server that is another now, and what has had none; live rooms first."""
        self.objects.reindex()
        for room in self.objects.rooms():
            theirs = self.servers.resolve(room).known
            if theirs is None or theirs.key == server.key:
                is_used = bool(room.status.get("numParticipants"))
                self.queue.add(room.key, Priority.URGENT if is_used else Priority.BACKGROUND)
        for recording in self.objects.recordings.all():
            theirs = self.concerned.server_of(recording)
            if theirs is None or theirs.key == server.key:
                self.queue.add(recording.key, Priority.BACKGROUND)
        for schedule in self.objects.schedules.all():
            theirs = self.concerned.server_of(as_recording(schedule))
            if theirs is None or theirs.key == server.key:
                self.queue.add(schedule.key, Priority.BACKGROUND)

    def recording_ended(self, over: CustomObject) -> None:
        """Wake the Recordings that may have waited until one runs less."""
        self._wake(self.concerned.waiting_beside(over))

    def suspect(self, server: Key) -> None:
        """Have a server looked at soon; many reasons are one look, as each of them lists all rooms."""
        self.queue.add_after(server, SUSPICION_SECONDS, keep_earlier=True)

    def _have_held(self, room: CustomObject) -> None:
        """Have a server get its finalizer as soon as it is used, not with its next resync."""
        used = room.status.get("serverRef") if room.is_held else None
        server = (
            self.objects.get(Key(SERVER, used.get("namespace", ""), used.get("name", ""))) if used else None
        )
        if server and self.shard.in_use_finalizer not in server.finalizers:
            self.queue.add(server.key)

    def is_claimed(self, server: KnownServer, name: str) -> bool:
        """Tell whether some Room claims a name on a server, or a Recording or a schedule waits for it or runs there."""
        return bool(
            self.concerned.claimants(server.connection, name)
            or self.concerned.recordings(server.connection, name)
            or self.concerned.schedules(server.connection, name)
        )

    def is_recording(self, server: KnownServer) -> bool:
        """Tell whether something runs on a server, so that its egresses are worth a list."""
        return any(self.concerned.running(server))

    def recordings_due(self, server: KnownServer) -> None:
        """Have every Recording that runs on a server looked at, with what its last list told."""
        self._wake(self.concerned.running(server))

    def _drop(self, key: Key) -> None:
        """Have a key that is gone not come by time: a finished Recording would be due hours later."""
        self.queue.add_after(key, None)
        self.queue.forget(key)

    def _wake_buried(self, connection: Connection, names: Iterable[str]) -> None:
        """Have rooms of deleted objects deleted again."""
        server = next(server for server in self.servers if server.connection is connection)
        for name in names:
            if connection.is_buried(name):
                self.queue.add(buried_key(server.key, name))

    def _wake_recordings_of(self, seen: CustomObject, before: CustomObject | None) -> None:
        """Wake the Recordings that wait for a Room, and those that wait for another one to end."""
        if seen.key.kind == ROOM and (
            before is None or recording_room.concerns_recordings(before.status, seen.status)
        ):
            self._wake(self.objects.recordings.of_room(seen.key))
            self._wake(self.objects.schedules.of_room(seen.key))
        is_over = seen.key.kind == RECORDING and recording_index.has_ended(seen)
        if is_over and (before is None or not recording_index.has_ended(before)):
            self.recording_ended(seen)

    def _wake(self, rooms: Iterable[CustomObject], priority: Priority = Priority.URGENT) -> None:
        for room in rooms:
            self.queue.add(room.key, priority)

    def _wake_schedule(self, recording: CustomObject) -> None:
        """Wake the schedule that made a Recording."""
        key = Key(SCHEDULE, recording.key.namespace, recording.owner_name)
        schedule = self.objects.get(key)
        if schedule and schedule.uid == recording.owner_uid:
            self.queue.add(key)

    def _wake_owner(self, secret: TokenSecret | None) -> None:
        if secret is None or not secret.owner_name:
            return
        key = Key(ROOM, secret.namespace, secret.owner_name)
        if self.objects.get(key):
            self.queue.add(key)


def _undealt(schedules: Iterable[CustomObject], sid: str) -> list[CustomObject]:
    """Return the schedules that have not dealt with this session."""
    return [each for each in schedules if each.status.get("lastSession") != sid]
