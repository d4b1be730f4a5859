"""How many Recordings of a namespace run on a server: those that are about to begin are among them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.engine import recording_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.servers import KnownServer, ServerDirectory


@dataclass(slots=True)
class RecordingQuota:
    """Counts from the cache, and holds a place from the decision until status says that it is taken."""

    objects: ObjectCache
    servers: ServerDirectory
    _beginning: set[str] = field(default_factory=set)  # uids

    def others(self, recording: CustomObject, server: KnownServer | None) -> int:
        """Count the Recordings of the namespace that run on this server, without this one."""
        if server is None:
            return 0
        return sum(
            (recording_index.is_running(other) or other.uid in self._beginning)
            and self.servers.resolve_recording(other, self.objects).known is server
            for other in self.objects.recordings.in_namespace(recording.key.namespace)
            if other.uid != recording.uid
        )

    @contextmanager
    def place(self, recording: CustomObject) -> Iterator[int]:
        """Hold a place for a Recording; give how many others there are at this very moment."""
        server = self.servers.resolve_recording(recording, self.objects).known
        self._beginning.add(recording.uid)
        try:
            yield self.others(recording, server)
        finally:
            self._beginning.discard(recording.uid)
