"""Whether this process goes on with its work: what /healthz says.

LiveKit or the API server being down is no reason to start anew: it would be down then too. A new process helps where
this one stands still: a reconcile waits for what never comes, or a key waits and no worker takes it. Where the event
loop itself stands still, /healthz is not answered at all; watchdog.py says where.

Time is counted in beats, seconds in which the event loop has turned. So a machine that was suspended, or a process that
got no CPU, is not taken for one that hangs.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.engine.watchdog import Watchdog

if TYPE_CHECKING:
    from roomkeeper.engine.current import Run
    from roomkeeper.engine.operator import Operator

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
# Of a reconcile without a call to the outside that ends. One to LiveKit takes 45 s at most, and before that it waits
# for its turn while all others run into their time limits: 224 of them, 16 at a time, 15 s each.
SILENT_BEATS = 300
# Of a key that a worker could have: it is taken in milliseconds.
UNTAKEN_BEATS = 30


@dataclass(slots=True)
class Health:
    """Looks at queue and workers with every beat. `problem` is what it has found; "" when nothing is wrong."""

    operator: Operator
    problem: str = ""
    beats: int = 0
    _seen: dict[Run, tuple[int, int]] = field(default_factory=dict)  # calls so far, beats since the last
    _given: int = 0
    _untaken: int = 0

    async def run(self) -> None:
        """Beat for ever."""
        watchdog = Watchdog(self)
        watchdog.start()
        try:
            while True:
                await asyncio.sleep(BEAT_SECONDS)
                self.beat()
        finally:
            watchdog.stop()

    def beat(self) -> None:
        """Look once, and say in the log what is new."""
        self.beats += 1
        before = self.problem
        self.problem = " and ".join(filter(None, (self._of_reconciles(), self._of_queue())))
        if self.problem and not before:
            logger.error("not healthy: %s", self.problem)
        elif before and not self.problem:
            logger.info("healthy again")

    def _of_reconciles(self) -> str:
        seen = {}
        for run in self.operator.workers.running:
            calls, beats = self._seen.get(run, (run.calls, 0))
            seen[run] = (run.calls, beats + 1 if run.calls == calls else 0)
        self._seen = seen
        silent = [str(run.key) for run, (_, beats) in seen.items() if beats > SILENT_BEATS]
        if not silent:
            return ""
        others = f", and {len(silent) - 1} others" if len(silent) > 1 else ""
        return f"a reconcile of {min(silent)} waits for an answer beyond every time limit{others}"

    def _of_queue(self) -> str:
        """Look for keys that a worker could have, and which none takes."""
        queue = self.operator.queue
        given, self._given = self._given, queue.given
        is_due = self.operator.is_working and queue.has_work and self.operator.workers.has_free
        self._untaken = self._untaken + 1 if is_due and queue.given == given else 0
        if self._untaken <= UNTAKEN_BEATS:
            return ""
        return f"{len(queue)} keys wait, workers are free, and none was taken for {self._untaken} s"
