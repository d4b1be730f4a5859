"""The workers: take a key, reconcile it, put it back as its outcome says."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from roomkeeper.adapters.ports import ConflictError, KubernetesError
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.engine import metrics, tracing
from roomkeeper.engine.current import Run, running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.objects import Key
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.queue import WorkQueue

logger = logging.getLogger(__name__)

COUNT = 256  # eight lanes at their width: each may wait for a LiveKit that does not answer


class Reconciler(Protocol):
    """What a kind needs to be worked on."""

    async def reconcile(self, key: Key) -> Outcome:
        """Make one object true."""


@dataclass(frozen=True, slots=True)
class Workers:
    """As many reconciles at a time as there are workers, each of another key."""

    queue: WorkQueue
    reconcilers: Mapping[str, Reconciler]  # by kind
    objects: ObjectCache
    running: set[Run] = field(default_factory=set)

    @property
    def has_free(self) -> bool:
        """Tell whether a worker has nothing to do."""
        return len(self.running) < COUNT

    async def run(self) -> None:
        """Work until the queue is shut, and what is worked on then is done."""
        async with asyncio.TaskGroup() as group:
            for number in range(COUNT):
                group.create_task(self._work(), name=f"worker-{number}")

    async def _work(self) -> None:
        while (key := await self.queue.get()) is not None:
            try:
                await self.work_on(key)
            finally:
                self.queue.done(key)

    async def work_on(self, key: Key) -> None:
        """Reconcile a key once, and put it back as its outcome says."""
        started = time.perf_counter()
        found = self.objects.get(key)
        run = Run(key, found.uid, found.generation) if found else Run(key)
        self.running.add(run)
        try:
            with running(run), tracing.reconcile(run):
                outcome = await self._reconcile(key)
                run.outcome = type(outcome).__name__
                self.settle(key, outcome)
        finally:
            self.running.discard(run)
        labels = (key.kind, run.outcome)
        metrics.RECONCILE_SECONDS.labels(*labels).observe(time.perf_counter() - started)
        metrics.RECONCILES.labels(*labels).inc()

    async def _reconcile(self, key: Key) -> Outcome:
        try:
            return await self.reconcilers[key.kind].reconcile(key)
        except ConflictError:
            logger.debug("changed meanwhile, once more")
        except KubernetesError as error:
            logger.warning("%s", error)
        except Exception:  # a bug in one reconcile must not end the others
            metrics.UNEXPECTED_ERRORS.labels(key.kind).inc()
            logger.exception("unexpected error")
        return Retry()

    def settle(self, key: Key, outcome: Outcome) -> None:
        """Put the key back as the table of outcomes says."""
        if isinstance(outcome, Retry):
            delay = self.queue.retry(key)
            logger.debug("again in %.1f s", delay)
            return
        self.queue.forget(key)
        match outcome:
            case Done(due_in=seconds) | Stalled(recheck_in=seconds):
                self.queue.add_after(key, seconds)
            case Waiting(seconds=wait):
                self.queue.add_after(key, wait)
