"""Which session a schedule's room has now, and whether somebody has joined it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import LiveKitError
from roomkeeper.domain import recording_room, recording_source
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.objects import ROOM, Key
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_checks import name_is_refused
from roomkeeper.domain.schedules import Session
from roomkeeper.engine.failures import finding_of
from roomkeeper.engine.schedule_index import as_recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.servers import ServerDirectory

FIELD = "spec.recordingTemplate.spec.roomName"


@dataclass(frozen=True, slots=True)
class SessionFinder:
    """Asks LiveKit, whatever woke the schedule: a webhook that is late or forged makes no session."""

    objects: ObjectCache
    servers: ServerDirectory

    async def find(
        self, schedule: CustomObject, *, needs_people: Callable[[str], bool]
    ) -> Session | Finding | None:
        """Return the session, or why there is none to know of; None: one look did not find what was there before."""
        recording = as_recording(schedule)
        assignment = self.servers.resolve_recording(recording, self.objects)
        room = self._room(recording)
        if trouble := recording_room.trouble(recording, room):
            return trouble
        server, connection = assignment.known, assignment.connection
        if server is None or connection is None:
            reason = Reason.SERVER_NOT_ALLOWED if assignment.is_named else Reason.NO_SERVER
            return Finding(reason, reason.advice)
        name = str((room.status if room else recording.spec).get("roomName", ""))
        namespace = schedule.key.namespace
        if not room and (trouble := name_is_refused(FIELD, name, server=server.view, namespace=namespace)):
            return trouble  # who comes and goes in a room of somebody else is their secret
        if not connection.is_usable:
            return Finding(Reason.SERVER_UNREACHABLE, "LiveKit does not answer, or refuses the credentials")
        try:
            return await _look(connection, name, needs_people)
        except LiveKitError as error:
            connection.suspect()
            return finding_of(error)

    def _room(self, recording: CustomObject) -> CustomObject | None:
        name = (recording.spec.get("roomRef") or {}).get("name")
        return self.objects.get(Key(ROOM, recording.key.namespace, str(name))) if name else None


async def _look(connection: Connection, name: str, needs_people: Callable[[str], bool]) -> Session | None:
    """Read the room, who is in it where that matters, and the room again: between two reads it may be another one."""
    before = connection.sightings.get(name)
    live = await connection.read_room(name)
    if live is None:
        return None if before else Session()  # absence counts only after two looks
    if not needs_people(live.sid):
        return Session(live.sid)
    people = recording_source.people(await connection.who(name))
    again = await connection.read_room(name) if people else live
    return Session(live.sid, has_people=bool(people)) if again and again.sid == live.sid else None
