"""One reconcile of a Recording: gather, plan, execute until nothing is left to do, conclude, write status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.domain import recording_events, recording_plan, recording_status
from roomkeeper.domain.outcomes import Done, Outcome
from roomkeeper.engine import recording_index

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.recordings import RecordingWorld
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.recording_execute import RecordingExecutor
    from roomkeeper.engine.recording_gather import RecordingGatherer
    from roomkeeper.engine.recording_watch import RecordingWatch
    from roomkeeper.engine.status import StatusWriter

# What is left over stopped; finalizer, intent, start; stop; layout and streams. No more is ever needed in a row.
MAX_PASSES = 8


@dataclass(frozen=True, slots=True)
class RecordingReconciler:
    """Makes one Recording true. It raises KubernetesError; LiveKit's errors end up in conditions."""

    objects: ObjectCache
    gatherer: RecordingGatherer
    executor: RecordingExecutor
    watch: RecordingWatch
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
        self.status.tell(
            recording_events.notes(before=found.status, world=world, after=conclusion.status), found
        )
        if world.is_gone:
            self._forget(world, connection)
            return Done()
        written = await self.status.write(world.recording, conclusion.status)
        if recording_index.has_ended(written):
            self._forget(world, connection)
        return conclusion.outcome

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

    def _forget(self, world: RecordingWorld, connection: Connection | None) -> None:
        """Drop what was remembered of the egress: nobody asks any more."""
        if connection and world.egress:
            connection.egresses.forget(world.egress.id)
            self.watch.forget(world.recording.uid, world.egress.id)
