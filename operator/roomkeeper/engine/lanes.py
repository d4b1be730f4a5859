"""Which keys wait for each other: those that turn to LiveKits of the same people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.domain.objects import RECORDING, ROOM, SCHEDULE
from roomkeeper.engine import recording_index
from roomkeeper.engine.schedule_index import as_recording

if TYPE_CHECKING:
    from roomkeeper.domain.objects import CustomObject, Key
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.servers import KnownServer, ServerDirectory


@dataclass(frozen=True, slots=True)
class Lanes:
    """A lane for each kind and each namespace whose LiveKit it turns to: a tenant has as many as they have namespaces."""

    objects: ObjectCache
    servers: ServerDirectory

    def of(self, key: Key) -> tuple[str, str, bool]:
        """Return the lane of a key.

        To start an egress takes LiveKit up to 27 s if no worker is free; what runs is not to wait for that.
        """
        found = self.objects.get(key)
        server = self._server(found) if found else None
        runs = found is not None and key.kind == RECORDING and recording_index.is_running(found)
        return key.kind, server.key.namespace if server else key.namespace, runs

    def _server(self, found: CustomObject) -> KnownServer | None:
        kind = found.key.kind
        if kind == ROOM:
            return self.servers.resolve(found).known
        if kind not in (RECORDING, SCHEDULE):
            return None
        recording = as_recording(found) if kind == SCHEDULE else found
        return self.servers.resolve_recording(recording, self.objects).known
