"""What tests of egress do with a server, and wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.livekit import RoomConfig
from tests.unit.livekit.egress_requests import (
    FILE,
    a_request,
)

if TYPE_CHECKING:
    from roomkeeper.domain.egress import Egress
    from roomkeeper.domain.livekit import Participant
    from tests.integration.livekit.servers import Server


CONFIG = RoomConfig(empty_timeout_seconds=600, departure_timeout_seconds=60)


async def open_room(server: Server, *sources: str) -> str:
    """Open a room in which alice publishes, and return its name."""
    name = server.room_name()
    await server.api.create_room(name, CONFIG)
    await server.join(name, "alice")
    for source in sources:
        await server.publish(name, "alice", source)

    async def are_listed() -> bool:
        return len((await alice(server, name)).tracks) == len(sources)

    await server.until(are_listed)
    return name


async def alice(server: Server, name: str) -> Participant:
    (participant,) = [p for p in await server.api.list_participants(name) if p.identity == "alice"]
    return participant


async def read(server: Server, egress: Egress) -> Egress:
    (found,) = await server.api.list_egress(egress_id=egress.id)
    return found


async def until(server: Server, egress: Egress, *states: EgressState) -> Egress:
    async def is_there() -> bool:
        return (await read(server, egress)).state in states

    await server.until(is_there)
    return await read(server, egress)


async def stopped(server: Server, egress: Egress) -> Egress:
    await server.api.stop_egress(egress.id)
    return await until(server, egress, EgressState.COMPLETE)


async def running(server: Server, **outputs: object) -> Egress:
    """Record a room of its own until the egress is active."""
    name = await open_room(server, "microphone")
    request = a_request(room_name=name, target=server.target(), **(outputs or {"file": FILE}))
    egress = await server.api.start_egress(request)
    return await until(server, egress, EgressState.ACTIVE)


async def running_elsewhere(server: Server) -> Egress:
    """Record a web page."""
    egress = await server.api.start_egress(a_request("StartWebEgress", file=FILE, target=server.target()))
    return await until(server, egress, EgressState.ACTIVE)


async def is_inside(server: Server, egress: Egress) -> bool:
    return egress.id in {p.identity for p in await server.api.list_participants(egress.room_name)}
