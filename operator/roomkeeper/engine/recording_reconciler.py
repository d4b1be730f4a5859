"""One reconcile of a Recording: gather, plan, execute until nothing is left to do, conclude, write status."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.domain import recording_end, recording_events, recording_plan, recording_status
from roomkeeper.domain.outcomes import Done, Outcome
from roomkeeper.engine import recording_index, recording_metrics

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.recordings import RecordingWorld
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.recording_execute import RecordingExecutor
    from roomkeeper.engine.recording_gather import RecordingGatherer
    from roomkeeper.engine.status import StatusWriter

logger = logging.getLogger(__name__)

# What is left over stopped; finalizer, intent, start; stop; layout and streams. No more is ever needed in a row.
MAX_PASSES = 8


@dataclass(frozen=True, slots=True)
class RecordingReconciler:
    """Makes one Recording true. It raises KubernetesError; LiveKit's errors end up in conditions."""

    objects: ObjectCache
    gatherer: RecordingGatherer
    executor: RecordingExecutor
    status: StatusWriter

    async def reconcile(self, key: Key) -> Outcome:
        """Read the level, make it so, say what is."""
        found = self.objects.get(key)
        if found is None:
            return Done()
        assignment = self.gatherer.assign(found)
        connection = assignment.connection
        world = await self._make_so(await self.gatherer.gather(found, assignment), connection)
        conclusion = recording_status.conclude(world)
        left = world.recording
        if not world.is_gone:
            left = await self.status.write(world.recording, conclusion.status)
        notes = list(recording_events.notes(before=found.status, world=world, after=conclusion.status))
        self.status.tell(notes, found, conclusion.status)
        recording_metrics.turned(found.status, conclusion.status, world, notes)
        if left.status.get("state") in recording_end.SUCCESSES and not recording_index.has_ended(found):
            recorded = left.status.get("recordedSeconds", 0)
            logger.info("it is over: %s, %d s are recorded", left.status["state"], recorded)
        if world.is_gone or recording_index.has_ended(left):
            self.gatherer.forget(left, connection)
        return Done() if world.is_gone else conclusion.outcome

    async def _make_so(self, world: RecordingWorld, connection: Connection | None) -> RecordingWorld:
        for _ in range(MAX_PASSES):
            world = await self.gatherer.complete(world, connection)
            actions = recording_plan.plan(world)
            if not actions:
                break
            for action in actions:
                world = await self.executor.execute(action, world, connection)
                if world.failure or world.is_gone:
                    break
        return world
