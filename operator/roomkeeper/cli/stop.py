"""`roomkeeper stop`: end a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.api.recording import DesiredState
from roomkeeper.cli.cluster import in_cluster, namespace_option

if TYPE_CHECKING:
    from roomkeeper.cli.cluster import Cluster


@click.command()
@click.argument("recording")
@namespace_option
def stop(recording: str, namespace: str) -> None:
    """End a recording and keep what there is of it.

    It stays ended: nothing starts it again, also not Git, which may apply the manifest again. The same by kubectl:

    \b
      kubectl patch recording RECORDING --type=merge -p '{"spec":{"desiredState":"Stopped"}}'
    """

    async def patch(cluster: Cluster) -> None:
        await cluster.patch_spec(RECORDINGS, recording, {"desiredState": str(DesiredState.STOPPED)})

    in_cluster(namespace, patch)
    click.echo(
        f"recording/{recording} is told to end: kubectl wait --for=condition=Complete recording/{recording}"
    )
