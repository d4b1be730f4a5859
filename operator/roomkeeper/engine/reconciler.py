"""One reconcile: gather, plan, execute until nothing is left to do, conclude, write status if it differs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.kubernetes.events import EventNote
from roomkeeper.api.common import API_VERSION
from roomkeeper.domain import events
from roomkeeper.domain.objects import CustomObject
from roomkeeper.domain.outcomes import Done, Outcome
from roomkeeper.engine.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.adapters.kubernetes.events import EventRecorder
    from roomkeeper.adapters.ports import Body, Kubernetes
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.rooms import World
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.counts import CountsThrottle
    from roomkeeper.engine.execute import Executor
    from roomkeeper.engine.gather import Gatherer
    from roomkeeper.engine.servers import ServerDirectory

logger = logging.getLogger(__name__)

# Finalizer, room and Secrets, metadata of an adopted room: no more is ever needed in a row.
MAX_PASSES = 4


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Makes one object true. It raises KubernetesError; LiveKit's errors end up in conditions."""

    kubernetes: Kubernetes
    objects: ObjectCache
    servers: ServerDirectory
    gatherer: Gatherer
    executor: Executor
    counts: CountsThrottle
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> Outcome:
        """Read the level, make it so, say what is."""
        found = self.objects.get(key)
        if found is None:
            return Done()
        kind = KINDS[key.kind]
        world = await self._make_so(await self.gatherer.gather(found))
        conclusion = kind.conclude(world)
        status, postponed = await self.counts.limit(world.room, conclusion.status)
        await self._write_status(world.room, status)
        self._tell(events.notes(before=found.status, world=world, after=conclusion.status), found)
        return (
            conclusion.outcome if postponed is None else self._recount(world, conclusion.outcome, postponed)
        )

    def _recount(self, world: World, outcome: Outcome, seconds: float) -> Outcome:
        """Come back for counts that were held back: the hint that had them read is used up by now."""
        server = self.servers.resolve(world.room)
        if server:
            server.recount(world.room_name)
        if not isinstance(outcome, Done):
            return outcome
        return Done(seconds if outcome.due_in is None else min(seconds, outcome.due_in))

    def _tell(self, notes: Iterable[events.Note], room: CustomObject) -> None:
        for note in notes:
            self.recorder.emit(
                EventNote(
                    kind=room.key.kind,
                    api_version=API_VERSION,
                    namespace=room.key.namespace,
                    name=room.key.name,
                    uid=room.uid,
                    type=note.type,
                    reason=note.reason,
                    message=note.message,
                    action="Reconcile",
                )
            )

    async def _make_so(self, world: World) -> World:
        server = self.servers.resolve(world.room)
        for _ in range(MAX_PASSES):
            actions = KINDS[world.room.key.kind].plan(world)
            if not actions:
                break
            for action in actions:
                world = await self.executor.execute(action, world, server)
        return world

    async def _write_status(self, room: CustomObject, status: Body) -> None:
        """Send what differs in one merge patch, guarded by uid and resourceVersion; nothing when nothing does."""
        changed = _merge_patch(room.status, status)
        if not changed:
            return
        body = await self.kubernetes.patch(
            KINDS[room.key.kind].resource,
            namespace=room.key.namespace,
            name=room.key.name,
            patch={
                "metadata": {"uid": room.uid, "resourceVersion": room.resource_version},
                "status": changed,
            },
            subresource="status",
        )
        self.objects.observe(CustomObject.from_body(room.key.kind, body))


def _merge_patch(before: Mapping[str, Any], after: Body) -> Body:
    """Return the JSON merge patch (RFC 7396) between two flat statuses; lists are replaced whole."""
    gone: Body = {name: None for name in before if name not in after}
    return gone | {name: value for name, value in after.items() if before.get(name) != value}
