"""How the engine runs and how it ends: told to stop, it finishes what it works on, tells the last Events, and gives the Lease back."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.engine.election import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from roomkeeper.adapters.kubernetes.events import EventRecorder
    from roomkeeper.engine.leadership import Leadership
    from roomkeeper.engine.queue import WorkQueue
    from roomkeeper.engine.resync import CacheResync

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 20  # for what is worked on when it is told to stop


@dataclass(slots=True)
class Lifecycle:
    """Everything that runs beside the work, and the order in which it ends."""

    queue: WorkQueue
    leadership: Leadership
    resync: CacheResync
    recorder: EventRecorder
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_stopping(self) -> bool:
        """Tell whether the end has begun."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Begin the end."""
        self._stopping.set()

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work until told to stop; LeaseLostError at once when the Lease is lost, whatever is unfinished."""
        try:
            async with asyncio.TaskGroup() as group:
                leading = group.create_task(self.leadership.run(self.resync.synced), name="lease")
                timers = group.create_task(self.queue.run_timers(), name="timers")
                resync = group.create_task(self.resync.run(), name="cache-resync")
                events = group.create_task(self.recorder.run(), name="events")
                working = group.create_task(work(), name="work")
                await self._stopping.wait()
                await self._finish(working)
                self.recorder.stop()
                await events
                self.leadership.stop()
                if self.resync.synced.is_set():  # else it does not take part yet
                    await leading
                for task in (leading, timers, resync):
                    task.cancel()
        except BaseExceptionGroup as errors:
            lost, others = errors.split(LeaseLostError)
            if lost and not others:
                raise lost.exceptions[0] from None
            raise

    async def _finish(self, working: asyncio.Task[None]) -> None:
        """Have no more keys taken, and wait for those that are worked on."""
        self.queue.shut_down()
        if self.leadership.is_leading and self.queue.running:
            logger.info("stopping: what is worked on is finished, for up to %d s", DRAIN_SECONDS)
            await asyncio.wait({working}, timeout=DRAIN_SECONDS)
        working.cancel()
