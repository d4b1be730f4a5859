"""`roomkeeper run` that stands still at the first Room called "stuck", for the tests of the probes: python stuck.py WHERE.

WHERE: `loop` blocks the event loop; `reconcile` waits for what never comes; `queue` loses the wake-up of every key that
is added later; `nowhere` only has the shorter limits of the others.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from roomkeeper import handlers
from roomkeeper.cli import main as roomkeeper
from roomkeeper.domain.objects import ROOM
from roomkeeper.engine import health, watchdog
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.workers import Workers

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.outcomes import Outcome
    from roomkeeper.engine.queue import WorkQueue
    from roomkeeper.engine.settings import Settings
    from roomkeeper.engine.workers import Reconciler

SILENT_BEATS = 3
LONGER_BEATS = 17  # than one call to LiveKit may take; for where everything but LiveKit goes on
UNTAKEN_BEATS = 3
STILL_LOOKS = 3


@dataclass(frozen=True, slots=True)
class StandsStill:
    """A reconciler that goes on no more at one name."""

    reconciler: Reconciler
    queue: WorkQueue
    where: str

    async def reconcile(self, key: Key) -> Outcome:
        """Reconcile."""
        if key.name == "stuck":
            match self.where:
                case "loop":
                    threading.Event().wait()
                case "reconcile":
                    await asyncio.Event().wait()
                case "queue":
                    self.queue._available.release = lambda: None  # type: ignore[method-assign]
        return await self.reconciler.reconcile(key)


class StuckOperator(Operator):
    """The operator, but for its reconciler of Rooms."""

    where: str

    @classmethod
    async def connect(cls, settings: Settings, clock: Clock | None = None) -> Self:
        """Build the operator on the real API server and the real LiveKit."""
        here = await super().connect(settings, clock)
        rooms = StandsStill(here.workers.reconcilers[ROOM], here.queue, cls.where)
        here.workers = Workers(here.queue, {**here.workers.reconcilers, ROOM: rooms}, here.objects)
        return here


if __name__ == "__main__":
    StuckOperator.where = sys.argv[1]
    health.SILENT_BEATS = LONGER_BEATS if StuckOperator.where == "nowhere" else SILENT_BEATS
    health.UNTAKEN_BEATS = UNTAKEN_BEATS
    watchdog.STILL_LOOKS = STILL_LOOKS
    handlers.Operator = StuckOperator  # type: ignore[misc]
    roomkeeper(["run"])
