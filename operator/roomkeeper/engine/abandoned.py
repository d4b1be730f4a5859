"""Recordings that are gone while they run: somebody took their finalizer away, and nobody would end the egress any more.

It would run until its room ends, beyond every limit of the server's policy. It is stopped as far as this process
remembers it, and for as long as a deletion would wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.adapters.ports import NotFoundError
from roomkeeper.api.common import FINALIZER
from roomkeeper.domain import recording_events, recording_plan, recording_status
from roomkeeper.domain.objects import RECORDING, CustomObject, Key
from roomkeeper.domain.outcomes import Done, Outcome
from roomkeeper.domain.recordings import ReleaseRecording

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock, Kubernetes
    from roomkeeper.engine.recording_execute import RecordingExecutor
    from roomkeeper.engine.recording_gather import RecordingGatherer
    from roomkeeper.engine.servers import Assignment
    from roomkeeper.engine.status import StatusWriter
    from roomkeeper.engine.wakeups import Wakeups

ABANDONED = "AbandonedRecording"


class AbandonedRecordings:
    """What is remembered of them, by a key of their own: another Recording may have the name by now."""

    def __init__(self, clock: Clock) -> None:
        """Know of none."""
        self._clock = clock
        self._gone: dict[Key, CustomObject] = {}

    def keep(self, gone: CustomObject) -> Key:
        """Remember a Recording as one whose deletion waits, and return the key under which it is looked after."""
        key = Key(ABANDONED, gone.key.namespace, gone.uid)
        deleted_at = gone.deleted_at or self._clock.now()
        self._gone[key] = replace(gone, deleted_at=deleted_at, finalizers=(FINALIZER,))
        return key

    def get(self, key: Key) -> CustomObject | None:
        """Return the Recording as it was."""
        return self._gone.get(key)

    def of(self, namespace: str) -> list[CustomObject]:
        """Return those of a namespace: until they have ended, they count."""
        return [gone for gone in self._gone.values() if gone.key.namespace == namespace]

    def forget(self, key: Key) -> None:
        """Drop one that has ended."""
        self._gone.pop(key, None)


@dataclass(frozen=True, slots=True)
class AbandonedReconciler:
    """Does what a deletion does, but for the object: there is none."""

    kubernetes: Kubernetes
    abandoned: AbandonedRecordings
    gatherer: RecordingGatherer
    executor: RecordingExecutor
    status: StatusWriter
    wakeups: Wakeups

    async def reconcile(self, key: Key) -> Outcome:
        """Look for the egress, and have it end."""
        gone = self.abandoned.get(key)
        if gone is None:
            return Done()
        assignment = self.gatherer.assign(gone)
        if await self._is_there(gone):
            self._let_go(gone, key, assignment)
            return Done()
        if (
            assignment.connection
        ):  # no webhook is about a Recording that is not there, and no list looks for it
            assignment.connection.egresses.hint(gone.status.get("egressID", ""))
        world = await self.gatherer.gather(gone, assignment)
        while True:
            world = await self.gatherer.complete(world, assignment.connection)
            actions = recording_plan.plan(world)
            if not actions:
                return recording_status.conclude(world).outcome
            for action in actions:
                if isinstance(action, ReleaseRecording):
                    world = replace(world, orphans=action.orphans)
                    notes = recording_events.notes(before=gone.status, world=world, after=gone.status)
                    self.status.tell(notes, gone, gone.status)
                    self._let_go(gone, key, assignment)
                    return Done()
                world = await self.executor.execute(action, world, assignment.connection)

    async def _is_there(self, gone: CustomObject) -> bool:
        """Tell whether only its labels have changed: another shard looks after it then."""
        try:
            body = await self.kubernetes.get(RECORDINGS, namespace=gone.key.namespace, name=gone.key.name)
        except NotFoundError:
            return False
        return CustomObject.from_body(RECORDING, body).uid == gone.uid

    def _let_go(self, gone: CustomObject, key: Key, assignment: Assignment) -> None:
        self.abandoned.forget(key)
        self.wakeups.recording_ended(gone)
        self.gatherer.forget(gone, assignment.connection)
