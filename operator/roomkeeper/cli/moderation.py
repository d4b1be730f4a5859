"""What `mute` and `remove` share: they edit `spec.moderation` of a Room, so that it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from roomkeeper.adapters.kubernetes.resources import ROOMS
from roomkeeper.adapters.ports import ConflictError
from roomkeeper.cli.cluster import in_cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.cli.cluster import Cluster

    Change = Callable[[dict[str, Any]], dict[str, Any]]

ATTEMPTS = 5
IN_GIT = "Where the Room is kept in Git, change it there too: the next sync takes this back."


def moderate(namespace: str, room: str, change: Change) -> None:
    """Change a Room beside whoever else changes it: `change` returns the fields of its spec that are to be others."""

    async def edit(cluster: Cluster) -> None:
        for _ in range(ATTEMPTS):
            seen = await cluster.get(ROOMS, room)
            version = seen["metadata"]["resourceVersion"]
            try:
                await cluster.patch_spec(ROOMS, room, change(seen["spec"]), version=version)
            except ConflictError:
                continue
            return
        raise click.ClickException(f"room {room!r} is being changed by somebody else all the time: try again")

    in_cluster(namespace, edit)
