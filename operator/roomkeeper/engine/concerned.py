"""Whom something concerns: the objects that have to be looked at when a room, an egress, a storage or a Recording changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.engine import recording_index
from roomkeeper.engine.schedule_index import as_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.domain.objects import CustomObject, Key
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.servers import KnownServer, ServerDirectory
    from roomkeeper.engine.storages import StorageDirectory


@dataclass(frozen=True, slots=True)
class Concerned:
    """Finds them in the caches, and nobody else: what a tenant does costs the others nothing."""

    objects: ObjectCache
    servers: ServerDirectory
    storages: StorageDirectory

    def server_of(self, recording: CustomObject) -> KnownServer | None:
        """Return the server of a Recording: that of its Room, until it has one of its own."""
        return self.servers.resolve_recording(recording, self.objects).known

    def claimants(self, connection: Connection | None, name: str) -> list[CustomObject]:
        """Return the Rooms that claim a name on a server."""
        return [
            room
            for room in self.objects.claimants(name)
            if self.servers.resolve(room).connection is connection
        ]

    def recordings(
        self, connection: Connection | None, room_name: str, egress_id: str = ""
    ) -> list[CustomObject]:
        """Return the Recordings of a room on a server, by their Room, the name they give, or their egress."""
        index = self.objects.recordings
        rooms = self.claimants(connection, room_name) if room_name else ()
        found = [recording for room in rooms for recording in index.of_room(room.key)]
        found += index.of_name(room_name) if room_name else ()
        found += index.of_egress(egress_id) if egress_id else ()
        return [
            recording
            for recording in {one.key: one for one in found}.values()
            if (server := self.server_of(recording)) and server.connection is connection
        ]

    def schedules(self, connection: Connection | None, room_name: str) -> list[CustomObject]:
        """Return the schedules that make a Recording of every session of a room on a server."""
        index = self.objects.schedules
        if not room_name or not len(index):
            return []
        rooms = self.claimants(connection, room_name)
        found = [schedule for room in rooms for schedule in index.of_room(room.key)] + index.of_name(
            room_name
        )
        return [
            schedule
            for schedule in found
            if (server := self.server_of(as_recording(schedule))) and server.connection is connection
        ]

    def running(self, server: KnownServer) -> Iterator[CustomObject]:
        """Yield the Recordings that run on a server."""
        return (
            recording
            for recording in self.objects.recordings.running_on(server.key)
            if self.server_of(recording) is server
        )

    def looking(self, server: KnownServer) -> Iterator[CustomObject]:
        """Yield the Recordings that wait for somebody in particular in rooms of a server where people are."""
        connection = server.connection
        for name in connection.sightings.with_people() if connection else ():
            found = self.recordings(connection, name)
            yield from (recording for recording in found if recording_index.looks_for_somebody(recording))

    def waiting_beside(self, over: CustomObject) -> list[CustomObject]:
        """Return the Recordings that may have waited until this one is over."""
        server, namespace = self.server_of(over), over.key.namespace
        is_limited = server is not None and server.limits_recordings_of(namespace)
        return self.objects.recordings.in_namespace(namespace) if is_limited else []

    def users(self, storage: Key) -> list[CustomObject]:
        """Return the Recordings that may be put on a storage."""
        return [
            recording
            for recording in self.objects.recordings.all()
            if self.storages.may_be_put_on(recording, storage)
        ]
