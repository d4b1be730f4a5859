"""Rooms of deleted objects: a token that has not expired brings one back, and nobody would close it any more.

They are deleted again until the last token has expired, as far as this process remembers them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import ROOMS
from roomkeeper.adapters.ports import LiveKitError
from roomkeeper.domain.objects import ROOM, SERVER, CustomObject, Key
from roomkeeper.domain.outcomes import Done, Outcome, Retry

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Kubernetes
    from roomkeeper.engine.servers import KnownServer, ServerDirectory
    from roomkeeper.engine.wakeups import Wakeups

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TombstoneReconciler:
    """Deletes a buried room that is back, unless a Room claims its name by now."""

    kubernetes: Kubernetes
    servers: ServerDirectory
    wakeups: Wakeups

    async def reconcile(self, key: Key) -> Outcome:
        """Look whether the room is to be deleted, and delete it."""
        namespace, _, name = key.namespace.partition("/")
        server = self.servers.get(Key(SERVER, namespace, name))
        connection = server.connection if server else None
        if server is None or connection is None or not connection.is_usable:
            return Done()
        of = connection.buried_with(key.name)
        if of is None or self.wakeups.is_claimed(server, key.name):
            return Done()
        if self.wakeups.shard.name and await self._is_claimed_elsewhere(key.name, of, server):
            return Done()
        try:
            await connection.delete(key.name)
        except LiveKitError as error:
            logger.warning("%s", error)
            connection.suspect()
            return Retry()
        logger.info("room %s of a deleted Room was back, and is deleted again", key.name)
        return Done()

    async def _is_claimed_elsewhere(self, name: str, namespace: str, server: KnownServer) -> bool:
        """Tell whether the namespace has a Room of that name by now, in whichever shard."""
        async for body in self.kubernetes.list(ROOMS, namespace=namespace):
            room = CustomObject.from_body(ROOM, body)
            if self.servers.room_name(room) == name and self.servers.resolve(room).known is server:
                return True
        return False
