"""`roomkeeper import`: the rooms that are live, as manifests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click
import yaml

from roomkeeper.api.common import API_VERSION, MAX_NAME
from roomkeeper.cli.cluster import in_cluster, namespace_option
from roomkeeper.cli.live import LiveServers, NoViewError
from roomkeeper.domain import names
from roomkeeper.domain.objects import ROOM, Key

if TYPE_CHECKING:
    from roomkeeper.cli.cluster import Cluster
    from roomkeeper.domain.livekit import LiveRoom


@click.command("import")
@click.option(
    "--server",
    default="",
    metavar="NS/NAME",
    help="The LiveKitServer to look at. [default: the one of LIVEKIT_URL]",
)
@namespace_option
def import_rooms(server: str, namespace: str) -> None:
    """Write the rooms that are live on a LiveKit server as Rooms, ready to commit.

    Applied, each adopts its room as it is: nobody is disconnected, and metadata stays as the application wrote it. Who
    may join is not LiveKit's to tell: add roles where the operator is to issue tokens. Deleting an adopted Room leaves
    the room alone.

    \b
    Examples:
      roomkeeper import --server livekit/main -n team-a > rooms.yaml
      roomkeeper plan rooms.yaml
    """
    of, _, name = server.partition("/")
    if server and not name:
        raise click.UsageError(f"--server must be NAMESPACE/NAME, not {server!r}")

    async def look(cluster: Cluster) -> tuple[str, list[LiveRoom]]:
        servers = LiveServers(cluster.kubernetes)
        try:
            return cluster.namespace, await (await servers.named(of, name)).list_rooms()
        except NoViewError as error:
            raise click.ClickException(str(error)) from None
        finally:
            await servers.aclose()

    where, live = in_cluster(namespace, look)
    reference = {"namespace": of, "name": name} if server else {}
    taken: set[str] = set()
    found = [_room(room, where, reference, taken) for room in sorted(live, key=lambda room: room.name)]
    click.echo(yaml.safe_dump_all(found, sort_keys=False, allow_unicode=True).rstrip() if found else "")
    click.echo(f"{len(found)} rooms", err=True)


def _room(live: LiveRoom, namespace: str, server: dict[str, str], taken: set[str]) -> dict[str, Any]:
    name = _object_name(live.name, namespace, taken)
    taken.add(name)
    config = live.config
    spec: dict[str, Any] = {"serverRef": server} if server else {}
    if live.name != names.default_room_name(Key(ROOM, namespace, name)):
        spec["roomName"] = live.name
    spec["emptyTimeoutSeconds"] = min(max(config.empty_timeout_seconds, 10), 2_592_000)
    spec["departureTimeoutSeconds"] = min(max(config.departure_timeout_seconds, 1), 86_400)
    if config.max_participants:
        spec["maxParticipants"] = config.max_participants
    spec |= _metadata(live.metadata)
    return {
        "apiVersion": API_VERSION,
        "kind": ROOM,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _metadata(text: str) -> dict[str, Any]:
    """Return what keeps the metadata as they are; the application goes on writing them."""
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    of = {"metadata": value} if isinstance(value, dict) and value else {"rawMetadata": text}
    return {**of, "metadataPolicy": "Initial"}


def _object_name(room_name: str, namespace: str, taken: set[str]) -> str:
    """Return a name that Kubernetes takes, and no other room of this import has."""
    text = room_name.removeprefix(f"{namespace}_").lower()
    base = re.sub(r"[^a-z0-9]+", "-", text).strip("-")[: MAX_NAME - 4].strip("-") or "room"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name
