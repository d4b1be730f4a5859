"""`roomkeeper record`: record a room now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.api.common import API_VERSION
from roomkeeper.cli.cluster import in_cluster, namespace_option

if TYPE_CHECKING:
    from roomkeeper.cli.cluster import Cluster


@click.command()
@click.argument("room")
@click.option("--name", default="", help="The Recording's name. [default: the room's, and the time]")
@click.option("--audio-only", is_flag=True, help="Record what is heard only, as OGG.")
@click.option("--layout", default="", help="How people are laid out: grid, speaker, single-speaker.")
@click.option("--storage", default="", help="A RecordingStorage. [default: the default storage]")
@namespace_option
def record(room: str, name: str, layout: str, storage: str, namespace: str, *, audio_only: bool) -> None:
    """Record a room: now if somebody is in it, else as soon as somebody is.

    This makes a Recording and prints its name. For what else a Recording can do, write one: kubectl explain recording.spec

    \b
    Examples:
      roomkeeper record standup
      kubectl get recordings -w
      roomkeeper stop standup-20270131-090000
    """
    composite: dict[str, Any] = {"audioOnly": True} if audio_only else {}
    if layout:
        composite["layout"] = layout
    file = {"filepath": "{room_name}-{time}", "type": "OGG" if audio_only else "MP4"}
    spec: dict[str, Any] = {
        "roomRef": {"name": room},
        "source": {"roomComposite": composite},
        "outputs": {"file": file},
    }
    if storage:
        spec["storageRef"] = {"name": storage}
    named = name or f"{room}-{datetime.now(UTC):%Y%m%d-%H%M%S}"

    async def create(cluster: Cluster) -> None:
        metadata = {"name": named, "namespace": cluster.namespace}
        body = {"apiVersion": API_VERSION, "kind": "Recording", "metadata": metadata, "spec": spec}
        await cluster.kubernetes.create(RECORDINGS, body)

    in_cluster(namespace, create)
    click.echo(
        f"recording/{named} created: kubectl get recording {named} -w; to end it: roomkeeper stop {named}"
    )
