"""How many Recordings of a namespace run on a server: those that are about to begin are among them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.abandoned import AbandonedRecordings
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.servers import KnownServer, ServerDirectory


@dataclass(slots=True)
class RecordingQuota:
    """Counts from the cache, and holds a place from the decision until status says that it is taken."""

    objects: ObjectCache
    servers: ServerDirectory
    abandoned: AbandonedRecordings
    _beginning: dict[str, CustomObject] = field(default_factory=dict)  # by uid

    def others(self, recording: CustomObject, server: KnownServer | None) -> int:
        """Count the Recordings of the namespace that run on this server, without this one; 0 where nobody asks."""
        namespace = recording.key.namespace
        if server is None or not server.limits_recordings_of(namespace):
            return 0
        beginning = {uid: one for uid, one in self._beginning.items() if one.key.namespace == namespace}
        known = (*self.objects.recordings.running(namespace), *self.abandoned.of(namespace))
        running = {one.uid: one for one in known}
        return sum(
            uid != recording.uid and self.servers.resolve_recording(one, self.objects).known is server
            for uid, one in (running | beginning).items()
        )

    @contextmanager
    def place(self, recording: CustomObject) -> Iterator[int]:
        """Hold a place for a Recording; give how many others there are at this very moment."""
        server = self.servers.resolve_recording(recording, self.objects).known
        self._beginning[recording.uid] = recording
        try:
            yield self.others(recording, server)
        finally:
            self._beginning.pop(recording.uid)
