"""What a replica does that waits for the Lease: it keeps its caches filled and its keys of LiveKit known, and writes nothing.

Nothing is asked of LiveKit. When the Lease is there, every key is looked at; those that something happened to lately go
first, since the one before may not have come to them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import KubernetesError
from roomkeeper.domain.objects import SERVER, Key
from roomkeeper.domain.outcomes import Waiting
from roomkeeper.engine.abandoned import ABANDONED
from roomkeeper.engine.kinds import KINDS
from roomkeeper.engine.queue import Priority

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from roomkeeper.adapters.ports import Clock
    from roomkeeper.engine.abandoned import AbandonedRecordings
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.queue import WorkQueue
    from roomkeeper.engine.server_reconciler import ServerReconciler

logger = logging.getLogger(__name__)

LATELY_SECONDS = 60.0  # several times what a Lease is good for: what is older, its holder has dealt with


@dataclass(slots=True)
class Standby:
    """Takes the keys instead of the workers."""

    queue: WorkQueue
    objects: ObjectCache
    servers: ServerReconciler
    abandoned: AbandonedRecordings
    clock: Clock
    _lately: OrderedDict[Key, float] = field(default_factory=OrderedDict)

    async def until(self, won: Awaitable[None]) -> None:
        """Stand by until the Lease is there, then have everything looked at."""
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(self._wait(), name="standby")
            await won
            waiting.cancel()
        self._take_over()

    async def _wait(self) -> None:
        while (key := await self.queue.get()) is not None:
            try:
                if key.kind == SERVER:
                    await self._learn(key)
                self._note(key)
            finally:
                self.queue.done(key)

    async def _learn(self, key: Key) -> None:
        try:
            outcome = await self.servers.learn(key)
        except KubernetesError as error:
            logger.warning("%s: %s", key, error)
            self.queue.retry(key)
            return
        self.queue.forget(key)
        self.queue.add_after(key, outcome.seconds if isinstance(outcome, Waiting) else None)

    def _note(self, key: Key) -> None:
        now = self.clock.monotonic()
        self._lately[key] = now
        self._lately.move_to_end(key)
        while self._lately and now - next(iter(self._lately.values())) > LATELY_SECONDS:
            old, _ = self._lately.popitem(last=False)
            if old.kind == ABANDONED:
                self.abandoned.forget(old)

    def _take_over(self) -> None:
        for kind in KINDS:
            for found in self.objects.of_kind(kind):
                self.queue.add(found.key, Priority.BACKGROUND)
        for key in self._lately:
            self.queue.add(key)
        self._lately.clear()
