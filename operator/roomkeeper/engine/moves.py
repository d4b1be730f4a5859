"""An object that changes its shard: what was made for it is taken over by whoever has it now, and by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import ConflictError
from roomkeeper.domain.objects import CustomObject
from roomkeeper.engine.kinds import KINDS

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Kubernetes
    from roomkeeper.domain.shards import Shard


async def check_is_here(seen: CustomObject, *, kubernetes: Kubernetes, shard: Shard) -> None:
    """Read an object before something of another shard is taken over for it; ConflictError: it is what has left.

    The watches are not of one time. The end of a Secret, or of a Recording, is told before that of its owner.
    """
    key = seen.key
    body = await kubernetes.get(KINDS[key.kind], namespace=key.namespace, name=key.name)
    if not shard.takes(CustomObject.from_body(key.kind, body)):
        raise ConflictError(f"{key} is of another shard now")
