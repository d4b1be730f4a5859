"""The calls to LiveKit's Egress service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import egress as pb

from roomkeeper.adapters.livekit import convert, egress_convert, egress_request
from roomkeeper.adapters.livekit.calls import Calls
from roomkeeper.adapters.ports import LiveKitNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.domain.egress import Egress, EgressRequest

SERVICE = "Egress"
GRANT = {"roomRecord": True}
"""For all of them: to UpdateLayout the server itself adds that it may change the room's participants."""


class EgressCalls(Calls):
    """The part of the port `LiveKit` that is about egress."""

    async def start_egress(self, request: EgressRequest) -> Egress:
        """Start an egress. After LiveKitUnreachableError it may have started all the same, or start later.

        Raise ValueError for a webhook without the name of a key: on livekit-server 1.13.5 it would stop all webhooks of
        the node that sends it.
        """
        method, message = egress_request.to_start(request)
        read = egress_convert.one
        return await self._call(SERVICE, method, message, pb.EgressInfo, GRANT, read=read, lane=self._starts)

    async def stop_egress(self, egress_id: str) -> Egress:
        """Ask an egress to end, and return it as it was then; LiveKitNotFoundError and LiveKitRejectedError: it has ended.

        LiveKit takes three seconds to find that nobody answers for it.
        """
        request = pb.StopEgressRequest(egress_id=egress_id)
        read = egress_convert.one
        return await self._call(SERVICE, "StopEgress", request, pb.EgressInfo, GRANT, read=read)

    async def list_egress(
        self, *, room_name: str = "", egress_id: str = "", active: bool = False
    ) -> list[Egress]:
        """List those of a room, the one of that id, or all; `active`: only those that have not ended.

        An id that is not there is an empty list. With an id, LiveKit looks at nothing else.
        """
        request = pb.ListEgressRequest(room_name=room_name, egress_id=egress_id, active=active)
        listed = pb.ListEgressResponse
        read = egress_convert.egresses
        try:
            return await self._call(SERVICE, "ListEgress", request, listed, GRANT, read=read)
        except LiveKitNotFoundError:
            if not egress_id:
                raise  # LiveKit never says so of a room; taken for "nothing runs there", it might be recorded twice
            return []

    async def update_layout(self, egress_id: str, layout: str) -> None:
        """Have a room composite that runs laid out otherwise; LiveKitNotFoundError until it has joined."""
        request = pb.UpdateLayoutRequest(egress_id=egress_id, layout=layout)
        await self._call(SERVICE, "UpdateLayout", request, pb.EgressInfo, GRANT, read=convert.nothing)

    async def update_stream(
        self, egress_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Send a stream to further addresses, or to some no longer; LiveKitNotFoundError for one that is not sent to."""
        request = pb.UpdateStreamRequest(egress_id=egress_id, add_output_urls=add, remove_output_urls=remove)
        await self._call(SERVICE, "UpdateStream", request, pb.EgressInfo, GRANT, read=convert.nothing)
