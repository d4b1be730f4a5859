"""Keeps head counts from flooding the API server: in a busy hour they change every second."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter

from roomkeeper.domain.room_status import COUNTS

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, Clock
    from roomkeeper.domain.objects import CustomObject

OBJECT_SECONDS = 10.0  # between two writes of one object that change its counts alone
PROCESS_PER_SECOND = 20.0
REMEMBERED = 1_000
RETRY_SECONDS = 1.0  # when the process as a whole has written enough


@dataclass(slots=True)
class CountsThrottle:
    """Writes counts at once when idle, then at most so often; anything else in status is never held back."""

    clock: Clock
    _written_at: dict[str, float] = field(default_factory=dict)
    _limiter: AsyncLimiter = field(default_factory=lambda: AsyncLimiter(PROCESS_PER_SECOND, 1.0))

    async def limit(self, room: CustomObject, status: Body) -> tuple[Body, float | None]:
        """Return the status to write now, and in how many seconds to come back for what was held back."""
        differing = {
            name for name in status.keys() | room.status.keys() if status.get(name) != room.status.get(name)
        }
        if not differing or not differing <= COUNTS:
            return status, None
        wait = await self._wait(room.uid)
        if wait is not None:
            return dict(room.status), wait
        self._written_at[room.uid] = self.clock.monotonic()
        return status, None

    async def _wait(self, uid: str) -> float | None:
        now = self.clock.monotonic()
        left = self._written_at.get(uid, -OBJECT_SECONDS) + OBJECT_SECONDS - now
        if left > 0:
            return left
        if len(self._written_at) > REMEMBERED:
            self._written_at = {
                other: at for other, at in self._written_at.items() if now - at < OBJECT_SECONDS
            }
        if not self._limiter.has_capacity():
            return RETRY_SECONDS  # a worker has better things to do than to wait for its turn
        await self._limiter.acquire()
        return None
