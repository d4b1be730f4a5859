"""The LiveKit server in memory as one sees it who has certain credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import LiveKitCredentialsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
    from roomkeeper.domain.egress import Egress, EgressRequest
    from roomkeeper.domain.livekit import (
        Credentials,
        Dispatch,
        LiveRoom,
        Participant,
        ParticipantUpdate,
        RoomConfig,
    )


class InMemoryClient:
    """The port `LiveKit`, refused while its credentials are not among those that the server accepts."""

    def __init__(self, server: InMemoryLiveKit, credentials: Credentials) -> None:
        """Take the server, which may stop to accept the credentials while somebody uses them."""
        self._server = server
        self._credentials = credentials

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        """List the named rooms, or all; names that are not there are silently missing."""
        return await self._admitted("list_rooms", ",".join(names)).list_rooms(names)

    async def create_room(self, name: str, config: RoomConfig, metadata: str = "") -> LiveRoom:
        """Create the room, or return the live one unchanged."""
        return await self._admitted("create_room", name).create_room(name, config, metadata)

    async def update_room_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room."""
        return await self._admitted("update_room_metadata", name).update_room_metadata(name, metadata)

    async def delete_room(self, name: str) -> None:
        """Close the room and disconnect everybody in it."""
        await self._admitted("delete_room", name).delete_room(name)

    async def list_participants(self, name: str) -> list[Participant]:
        """List who is in the room now; a room that is not there has nobody."""
        return await self._admitted("list_participants", name).list_participants(name)

    async def update_participant(self, name: str, identity: str, update: ParticipantUpdate) -> None:
        """Change a connected participant; the permission replaces the whole set."""
        await self._admitted("update_participant", name).update_participant(name, identity, update)

    async def remove_participant(self, name: str, identity: str) -> None:
        """Disconnect somebody; the token still lets them in again."""
        await self._admitted("remove_participant", name).remove_participant(name, identity)

    async def list_dispatches(self, name: str) -> list[Dispatch]:
        """List the agents that were asked into a live room."""
        return await self._admitted("list_dispatches", name).list_dispatches(name)

    async def create_dispatch(self, name: str, agent_name: str, metadata: str = "") -> Dispatch:
        """Ask an agent into a room. LiveKit prevents no duplicate, and creates a room that is not there."""
        return await self._admitted("create_dispatch", name).create_dispatch(name, agent_name, metadata)

    async def delete_dispatch(self, name: str, dispatch_id: str) -> None:
        """Take an agent's dispatch back."""
        await self._admitted("delete_dispatch", name).delete_dispatch(name, dispatch_id)

    async def start_egress(self, request: EgressRequest) -> Egress:
        """Start an egress. After LiveKitUnreachableError it may have started all the same, or start later."""
        return await self._admitted("start_egress", request.room_name).start_egress(request)

    async def stop_egress(self, egress_id: str) -> Egress:
        """Ask an egress to end, and return it as it was then."""
        return await self._admitted("stop_egress", egress_id).stop_egress(egress_id)

    async def list_egress(
        self, *, room_name: str = "", egress_id: str = "", active: bool = False
    ) -> list[Egress]:
        """List those of a room, the one of that id, or all; `active`: only those that have not ended."""
        server = self._admitted("list_egress", egress_id or room_name)
        return await server.list_egress(room_name=room_name, egress_id=egress_id, active=active)

    async def update_layout(self, egress_id: str, layout: str) -> None:
        """Have a room composite that runs laid out otherwise; LiveKitNotFoundError until it has joined."""
        await self._admitted("update_layout", egress_id).update_layout(egress_id, layout)

    async def update_stream(
        self, egress_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Send a stream to further addresses, or to some no longer."""
        server = self._admitted("update_stream", egress_id)
        await server.update_stream(egress_id, add=add, remove=remove)

    async def creates_rooms_on_join(self) -> bool:
        """Tell whether a join creates its room."""
        return await self._admitted("creates_rooms_on_join").creates_rooms_on_join()

    async def has_redis(self) -> bool:
        """Tell whether the server can have egress at all."""
        return await self._admitted("has_redis").has_redis()

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""

    def _admitted(self, method: str, name: str = "") -> InMemoryLiveKit:
        if self._credentials not in self._server.accepted:
            self._server.calls.append((method, name))
            raise LiveKitCredentialsError("the server does not accept this API key and secret")
        return self._server
