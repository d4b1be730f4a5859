"""One reconcile of a Room: gather, plan, execute until nothing is left to do, conclude, write status if it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.domain import events, room_plan, room_status
from roomkeeper.domain.outcomes import Done, Outcome

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.rooms import World
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.counts import CountsThrottle
    from roomkeeper.engine.execute import Executor
    from roomkeeper.engine.room_gather import Gatherer
    from roomkeeper.engine.servers import ServerDirectory
    from roomkeeper.engine.status import StatusWriter

# Finalizer; room and Secrets; metadata, agents and permissions; a replacement. No more is ever needed in a row.
MAX_PASSES = 8


@dataclass(frozen=True, slots=True)
class RoomReconciler:
    """Makes one Room true. It raises KubernetesError; LiveKit's errors end up in conditions."""

    objects: ObjectCache
    servers: ServerDirectory
    gatherer: Gatherer
    executor: Executor
    counts: CountsThrottle
    status: StatusWriter

    async def reconcile(self, key: Key) -> Outcome:
        """Read the level, make it so, say what is."""
        found = self.objects.get(key)
        if found is None:
            return Done()
        assignment = self.servers.resolve(found)
        connection = assignment.connection
        world = await self._make_so(await self.gatherer.gather(found, assignment), connection)
        conclusion = room_status.conclude(world)
        status, postponed = await self.counts.limit(world.room, conclusion.status)
        await self.status.write(world.room, status)
        notes = events.notes(before=found.status, world=world, after=conclusion.status)
        self.status.tell(notes, found, conclusion.status)
        if postponed is None:
            return conclusion.outcome
        return self._recount(world, connection, conclusion.outcome, postponed)

    def _recount(
        self, world: World, connection: Connection | None, outcome: Outcome, seconds: float
    ) -> Outcome:
        """Come back for counts that were held back: the hint that had them read is used up by now."""
        if connection:
            connection.recount(world.room_name)
        if not isinstance(outcome, Done):
            return outcome
        return Done(seconds if outcome.due_in is None else min(seconds, outcome.due_in))

    async def _make_so(self, world: World, connection: Connection | None) -> World:
        for _ in range(MAX_PASSES):
            world = await self.gatherer.complete(world, connection)
            actions = room_plan.plan(world)
            if not actions:
                break
            for action in actions:
                world = await self.executor.execute(action, world, connection)
                if world.failure:
                    break
        return world
