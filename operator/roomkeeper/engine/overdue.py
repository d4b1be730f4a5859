"""Recordings that record nothing although what they wait for seems to be there.

Whether it is there is decided by each Recording itself. This is a second opinion, from the last list of rooms alone:
who differs from it for long has lost a wake-up, or cannot begin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.api import common
from roomkeeper.api.recording import DesiredState
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain.objects import ROOM, SERVER, Key, read_time
from roomkeeper.engine import recording_index

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.livekit import LiveRoom
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.servers import ServerDirectory

PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class OverdueRecordings:
    """Remembers since when each Recording is expected to record; `count` has to be called again and again."""

    objects: ObjectCache
    servers: ServerDirectory
    clock: Clock
    _since: dict[str, float] = field(default_factory=dict)  # by uid

    def count(self) -> int:
        """Return how many have been expected to record for more than PATIENCE_SECONDS."""
        now = self.clock.monotonic()
        expected = [one.uid for one in self.objects.recordings.all() if self._is_expected(one)]
        self._since = {uid: self._since.get(uid, now) for uid in expected}
        return sum(now - since > PATIENCE_SECONDS for since in self._since.values())

    def _is_expected(self, recording: CustomObject) -> bool:
        """Tell whether people are in its room, and neither it nor its policy says that it is not to begin.

        Of one that waits for somebody in particular, or for tracks, a list of rooms does not tell.
        """
        if not _waits(recording) or recording_index.looks_for_somebody(recording):
            return False
        live = self._room(recording)
        if live is None or not live.num_participants:
            return False
        session = recording.annotations.get(common.ANNOTATION_SESSION)
        if session and session != live.sid:
            return False
        begins = read_time(recording.spec.get("startAt"))
        return begins is None or begins <= self.clock.now()

    def _room(self, recording: CustomObject) -> LiveRoom | None:
        """Return the room as last listed; status names it only from when nothing is in the way any more."""
        name = recording.status.get("roomName")
        if name:
            used = recording.status.get("serverRef") or {}
            server = self.servers.get(Key(SERVER, used.get("namespace", ""), used.get("name", "")))
        else:
            server = self.servers.resolve_recording(recording, self.objects).known
            name = recording.spec.get("roomName") or self._name_by_room(recording)
        connection = server.connection if server else None
        return connection.sightings.get(str(name)) if connection and name else None

    def _name_by_room(self, recording: CustomObject) -> str | None:
        key = Key(ROOM, recording.key.namespace, str((recording.spec.get("roomRef") or {}).get("name", "")))
        room = self.objects.get(key)
        return room.status.get("roomName") if room else None


def _waits(recording: CustomObject) -> bool:
    """Tell whether it is armed, or was asked for and has got no answer; what is refused or told to end waits for nothing."""
    state = recording.status.get("state")
    has_no_egress = state == RecordingState.ARMED or (
        state == RecordingState.STARTING and not recording.status.get("egressID")
    )
    is_to_end = recording.deleted_at or recording.spec.get("desiredState") == DesiredState.STOPPED
    return has_no_egress and not is_to_end and not recording_index.is_refused(recording)
