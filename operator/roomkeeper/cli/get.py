"""`roomkeeper get`: what is declared, beside what LiveKit has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from roomkeeper.adapters.kubernetes.resources import RECORDINGS, ROOMS
from roomkeeper.adapters.ports import LiveKitError
from roomkeeper.cli.cluster import in_cluster, namespace_option
from roomkeeper.cli.live import LiveServers, NoViewError
from roomkeeper.cli.output import output_option, render
from roomkeeper.domain.livekit import ParticipantKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from roomkeeper.adapters.ports import Body, LiveKit, Resource
    from roomkeeper.cli.cluster import Cluster

    Row = dict[str, Any]
    Live = Callable[[LiveKit, Body], Awaitable[Row]]

all_option = click.option("-A", "--all-namespaces", is_flag=True, help="In every namespace.")


@click.group()
def get() -> None:
    """Show what is declared beside what LiveKit has.

    kubectl get shows what the operator saw last. This asks LiveKit now, with the credentials of the LiveKitServer (which
    you must be allowed to read) or, for the operator's own server, of LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.
    """


@get.command()
@namespace_option
@all_option
@output_option
def rooms(namespace: str, output: str, *, all_namespaces: bool) -> None:
    """Show Rooms: declared on the left, LiveKit's on the right."""
    _show(ROOMS, _declared_room, _live_room, namespace, output, everywhere=all_namespaces)


@get.command()
@namespace_option
@all_option
@output_option
def recordings(namespace: str, output: str, *, all_namespaces: bool) -> None:
    """Show Recordings: declared on the left, LiveKit's egress on the right."""
    _show(RECORDINGS, _declared_recording, _live_recording, namespace, output, everywhere=all_namespaces)


def _show(
    resource: Resource,
    declared: Callable[[Body], Row],
    live: Live,
    namespace: str,
    output: str,
    *,
    everywhere: bool,
) -> None:
    async def look(cluster: Cluster) -> tuple[list[Row], set[str]]:
        servers, rows, unseen = LiveServers(cluster.kubernetes), [], set()
        try:
            where = "" if everywhere else cluster.namespace
            async for body in cluster.kubernetes.list(resource, namespace=where):
                row = {"namespace": body["metadata"]["namespace"], "name": body["metadata"]["name"]}
                row |= declared(body)
                try:
                    row |= await live(await servers.of(body.get("status", {})), body)
                except (NoViewError, LiveKitError) as error:
                    row |= dict.fromkeys(_LIVE[resource], "?")
                    unseen.add(str(error))
                rows.append(row)
        finally:
            await servers.aclose()
        return rows, unseen

    rows, unseen = in_cluster(namespace, look)
    click.echo(render(rows, output))
    for why in sorted(unseen):
        click.echo(f"?: {why}", err=True)


_LIVE = {
    ROOMS: ("live_sid", "live_people", "live_max", "live_recording"),
    RECORDINGS: ("live_egress", "live_state"),
}


def _ready(body: Body) -> str:
    conditions = body.get("status", {}).get("conditions", ())
    return str(next((one["status"] for one in conditions if one["type"] == "Ready"), ""))


def _declared_room(body: Body) -> Row:
    spec, status = body["spec"], body.get("status", {})
    return {
        "ready": _ready(body),
        "room": status.get("roomName", ""),
        "lifecycle": spec["lifecycle"],
        "max": spec.get("maxParticipants", ""),
    }


async def _live_room(server: LiveKit, body: Body) -> Row:
    name = body.get("status", {}).get("roomName", "")
    found = await server.list_rooms([name]) if name else []
    if not found:
        return dict.fromkeys(_LIVE[ROOMS], "")
    people = [one for one in await server.list_participants(name) if one.kind is ParticipantKind.PERSON]
    return {
        "live_sid": found[0].sid,
        "live_people": len(people),
        "live_max": found[0].config.max_participants or "",
        "live_recording": str(found[0].active_recording).lower(),
    }


def _declared_recording(body: Body) -> Row:
    status = body.get("status", {})
    return {"ready": _ready(body), "room": status.get("roomName", ""), "state": status.get("state", "")}


async def _live_recording(server: LiveKit, body: Body) -> Row:
    egress_id = body.get("status", {}).get("egressID", "")
    found = await server.list_egress(egress_id=egress_id) if egress_id else []
    return {"live_egress": egress_id, "live_state": str(found[0].state.value) if found else ""}
