"""The kinds that are watched: a line each. Those that others refer to come first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import (
    LIVEKIT_SERVERS,
    RECORDING_SCHEDULES,
    RECORDING_STORAGES,
    RECORDINGS,
    ROOMS,
    SECRETS,
)
from roomkeeper.api.common import LABEL_MANAGED_BY, MANAGED_BY
from roomkeeper.domain.objects import RECORDING, ROOM, SCHEDULE, SERVER, STORAGE

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Resource
    from roomkeeper.domain.shards import Shard

KINDS = {
    SERVER: LIVEKIT_SERVERS,
    STORAGE: RECORDING_STORAGES,
    ROOM: ROOMS,
    RECORDING: RECORDINGS,
    SCHEDULE: RECORDING_SCHEDULES,
}
SHARED = (SERVER, STORAGE)  # every shard reads them all


def selectors(shard: Shard) -> dict[Resource, str]:
    """Return by which labels each kind is listed and watched; "": all of it."""
    kinds = {resource: "" if kind in SHARED else shard.selector for kind, resource in KINDS.items()}
    ours = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
    return {**kinds, SECRETS: f"{ours},{shard.selector}" if shard.selector else ours}
