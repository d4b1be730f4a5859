"""Calls of the LiveKit server in memory: logged, failing on request; and those about egress."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.adapters.livekit.memory_egress import MemoryEgress
    from roomkeeper.adapters.ports import LiveKitError
    from roomkeeper.domain.egress import Egress, EgressRequest


class MemoryCalls:
    """What all calls have in common.

    `calls` logs (method, room or egress) of the port, `outage` fails every call while it is set; `egress` is where faults of
    workers are asked for.
    """

    def __init__(self, egress: MemoryEgress) -> None:
        """Take the workers."""
        self.calls: list[tuple[str, str]] = []
        self.outage: LiveKitError | None = None
        self.egress = egress
        self._failures: defaultdict[str, deque[LiveKitError]] = defaultdict(deque)

    def fail_next(self, method: str, error: LiveKitError) -> None:
        """Let the next call of this method of the port raise the error; several wait in line."""
        self._failures[method].append(error)

    async def start_egress(self, request: EgressRequest) -> Egress:
        """Start an egress. After LiveKitUnreachableError it may have started all the same, or start later."""
        self._called("start_egress", request.room_name)
        return self.egress.start(request)

    async def stop_egress(self, egress_id: str) -> Egress:
        """Ask an egress to end, and return it as it was then."""
        self._called("stop_egress", egress_id)
        return self.egress.stop(egress_id)

    async def list_egress(
        self, *, room_name: str = "", egress_id: str = "", active: bool = False
    ) -> list[Egress]:
        """List those of a room, the one of that id, or all; `active`: only those that have not ended."""
        self._called("list_egress", egress_id or room_name)
        return self.egress.list(room_name=room_name, egress_id=egress_id, active=active)

    async def update_layout(self, egress_id: str, layout: str) -> None:
        """Have a room composite that runs laid out otherwise; LiveKitNotFoundError until it has joined."""
        self._called("update_layout", egress_id)
        self.egress.update_layout(egress_id, layout)

    async def update_stream(
        self, egress_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Send a stream to further addresses, or to some no longer."""
        self._called("update_stream", egress_id)
        self.egress.update_stream(egress_id, add=add, remove=remove)

    def _called(self, method: str, name: str) -> None:
        self.calls.append((method, name))
        if self.outage:
            raise self.outage
        if self._failures[method]:
            raise self._failures[method].popleft()
