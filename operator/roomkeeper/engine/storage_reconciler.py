"""One reconcile of a RecordingStorage: see whether its credentials are there, and say what is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roomkeeper.api import common
from roomkeeper.api.namespaces import From
from roomkeeper.api.recording_storage import RecordingStorageSpec
from roomkeeper.domain import events, storages
from roomkeeper.domain.outcomes import Done, Outcome
from roomkeeper.domain.storages import StorageWorld
from roomkeeper.engine.storages import read_target

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock, Kubernetes
    from roomkeeper.domain.objects import CustomObject, Key
    from roomkeeper.domain.shards import Shard
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.namespaces import NamespaceCache
    from roomkeeper.engine.status import StatusWriter


@dataclass(frozen=True, slots=True)
class StorageReconciler:
    """Writes Ready, and comes back: the Secret is not watched."""

    kubernetes: Kubernetes
    objects: ObjectCache
    namespaces: NamespaceCache
    status: StatusWriter
    clock: Clock
    recheck_seconds: float
    shard: Shard  # whose status of it is

    async def reconcile(self, key: Key) -> Outcome:
        """Look at the storage and come back after a while."""
        found = self.objects.get(key)
        if found is None or found.deleted_at or not self.shard.takes(found):
            return Done()
        conclusion = storages.conclude(await self._world(found))
        await self.status.write(found, conclusion.status)
        self.status.tell(events.turn(found.status, conclusion.status), found, conclusion.status)
        return conclusion.outcome

    async def _world(self, found: CustomObject) -> StorageWorld:
        try:
            spec = RecordingStorageSpec.model_validate(found.spec)
        except ValidationError as error:
            return StorageWorld(found, None, common.errors(error), self.clock.now())
        selects = spec.allowed_namespaces.from_ is From.SELECTOR
        return StorageWorld(
            storage=found,
            spec=spec,
            spec_error="",
            now=self.clock.now(),
            target=await read_target(self.kubernetes, spec, found.key.namespace),
            selector_unusable=selects and not self.namespaces.is_readable,
            recheck_seconds=self.recheck_seconds,
        )
