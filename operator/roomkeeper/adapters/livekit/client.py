"""One LiveKit server's API: rooms, participants, dispatches, and what can be asked of the server itself."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
from livekit.protocol import agent_dispatch, egress, models
from livekit.protocol import room as pb

from roomkeeper.adapters.livekit import convert, egress_calls
from roomkeeper.adapters.livekit.egress_calls import EgressCalls
from roomkeeper.adapters.livekit.errors import ServerFaultError
from roomkeeper.adapters.livekit.tokens import API_TOKEN_SECONDS, mint
from roomkeeper.domain.livekit import TokenClaims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.domain.livekit import (
        Dispatch,
        LiveRoom,
        Participant,
        ParticipantUpdate,
        RoomConfig,
    )

_ROOMS = "RoomService"
_DISPATCHES = "AgentDispatchService"


class LiveKitClient(EgressCalls):
    """The port `LiveKit` on a real server."""

    async def list_rooms(self, names: Sequence[str] = ()) -> list[LiveRoom]:
        """List the named rooms, or all; names that are not there are silently missing."""
        request = pb.ListRoomsRequest(names=names)
        grant = {"roomList": True}
        return await self._call(
            _ROOMS, "ListRooms", request, pb.ListRoomsResponse, grant, read=convert.live_rooms
        )

    async def create_room(self, name: str, config: RoomConfig, metadata: str = "") -> LiveRoom:
        """Create the room, or return the live one unchanged."""
        request = pb.CreateRoomRequest(
            name=name,
            empty_timeout=config.empty_timeout_seconds,
            departure_timeout=config.departure_timeout_seconds,
            max_participants=config.max_participants,
            min_playout_delay=config.min_playout_delay_milliseconds,
            max_playout_delay=config.max_playout_delay_milliseconds,
            sync_streams=config.sync_streams,
            metadata=metadata,
        )
        grant = {"roomCreate": True}
        return await self._call(_ROOMS, "CreateRoom", request, models.Room, grant, read=convert.live_room)

    async def update_room_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room; the empty string empties it."""
        request = pb.UpdateRoomMetadataRequest(room=name, metadata=metadata)
        grant = _admin_of(name)
        return await self._call(
            _ROOMS, "UpdateRoomMetadata", request, models.Room, grant, read=convert.live_room
        )

    async def delete_room(self, name: str) -> None:
        """Close the room and disconnect everybody in it."""
        request = pb.DeleteRoomRequest(room=name)
        grant = {"roomCreate": True}
        await self._call(_ROOMS, "DeleteRoom", request, pb.DeleteRoomResponse, grant, read=convert.nothing)

    async def list_participants(self, name: str) -> list[Participant]:
        """List who is in the room now; a room that is not there has nobody."""
        request = pb.ListParticipantsRequest(room=name)
        listed = pb.ListParticipantsResponse
        grant = _admin_of(name)
        return await self._call(_ROOMS, "ListParticipants", request, listed, grant, read=convert.participants)

    async def update_participant(self, name: str, identity: str, update: ParticipantUpdate) -> None:
        """Change a connected participant; the permission replaces the whole set."""
        request = pb.UpdateParticipantRequest(
            room=name,
            identity=identity,
            name=update.name,
            metadata=update.metadata,
            attributes=update.attributes,
            permission=convert.to_permission(update.permission) if update.permission else None,
        )
        grant = _admin_of(name)
        await self._call(
            _ROOMS, "UpdateParticipant", request, models.ParticipantInfo, grant, read=convert.nothing
        )

    async def remove_participant(self, name: str, identity: str) -> None:
        """Disconnect somebody; the token still lets them in again."""
        request = pb.RoomParticipantIdentity(room=name, identity=identity)
        removed = pb.RemoveParticipantResponse
        await self._call(_ROOMS, "RemoveParticipant", request, removed, _admin_of(name), read=convert.nothing)

    async def list_dispatches(self, name: str) -> list[Dispatch]:
        """List the agents that were asked into a live room."""
        request = agent_dispatch.ListAgentDispatchRequest(room=name)
        listed = agent_dispatch.ListAgentDispatchResponse
        grant = _admin_of(name)
        return await self._call(_DISPATCHES, "ListDispatch", request, listed, grant, read=convert.dispatches)

    async def create_dispatch(self, name: str, agent_name: str, metadata: str = "") -> Dispatch:
        """Ask an agent into a room. LiveKit prevents no duplicate, and creates a room that is not there."""
        request = agent_dispatch.CreateAgentDispatchRequest(
            room=name, agent_name=agent_name, metadata=metadata
        )
        created = agent_dispatch.AgentDispatch
        grant = _admin_of(name)
        return await self._call(_DISPATCHES, "CreateDispatch", request, created, grant, read=convert.dispatch)

    async def delete_dispatch(self, name: str, dispatch_id: str) -> None:
        """Take an agent's dispatch back."""
        request = agent_dispatch.DeleteAgentDispatchRequest(room=name, dispatch_id=dispatch_id)
        deleted = agent_dispatch.AgentDispatch
        grant = _admin_of(name)
        await self._call(_DISPATCHES, "DeleteDispatch", request, deleted, grant, read=convert.nothing)

    async def creates_rooms_on_join(self) -> bool:
        """Tell whether a join creates its room: ask if somebody might join one that is not there.

        Asking creates nothing. The token goes in a header, not in the query as clients have it: whoever reads an
        access log could join with it.
        """
        now = datetime.now(UTC)
        claims = TokenClaims(
            identity=_unguessable(),
            name="",
            video={"roomJoin": True, "room": _unguessable()},
            room_config={},
            not_before=now,
            expires_at=now + timedelta(seconds=API_TOKEN_SECONDS),
        )

        async def ask() -> bool:
            headers = {"authorization": f"Bearer {mint(self._credentials, claims)}"}
            async with self._session.get(f"{self._twirp.host}/rtc/validate", headers=headers) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return False
                if response.status != HTTPStatus.OK:
                    raise aiohttp.ClientResponseError(response.request_info, (), status=response.status)
                return True

        return await self._in_turn("validate", ask, self._ordinary)

    async def has_redis(self) -> bool:
        """Tell whether the server can have egress at all: without Redis, listing it is an internal error.

        It asks for the egress of a room that is not there, which costs one look-up.
        """
        request = egress.ListEgressRequest(room_name=_unguessable())
        try:
            listed, grant = egress.ListEgressResponse, egress_calls.GRANT
            await self._call(egress_calls.SERVICE, "ListEgress", request, listed, grant, read=convert.nothing)
        except ServerFaultError:
            return False
        return True


def _unguessable() -> str:
    return f"roomkeeper-probe-{secrets.token_hex(16)}"


def _admin_of(room: str) -> dict[str, Any]:
    return {"roomAdmin": True, "room": room}
