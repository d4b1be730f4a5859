"""An object that changes its shard: what was made for it is taken over by whoever has it now, and by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.engine.kinds import KINDS

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Kubernetes
    from roomkeeper.domain.objects import CustomObject


async def check_is_current(seen: CustomObject, kubernetes: Kubernetes) -> None:
    """Before something of another shard is taken over for an object: ConflictError if this is not the object as it is.

    It may be the one that has left. The watches are not of one time: the end of a Secret, or of a Recording, can be told
    before that of its owner. Nothing is written; to patch with a version is to ask whether it is the newest.
    """
    await kubernetes.patch(
        KINDS[seen.key.kind],
        namespace=seen.key.namespace,
        name=seen.key.name,
        patch={"metadata": {"uid": seen.uid, "resourceVersion": seen.resource_version}},
        subresource="status",
    )
