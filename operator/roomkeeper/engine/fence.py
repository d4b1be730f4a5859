"""Says whether a request may go out: only while this replica is certain that it holds the Lease.

The monotonic clock decides. A process that was stopped for a minute goes on where it was and knows nothing of it; the
first thing that it asks is this. The clients ask when a connection is there and the next step is to send.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from roomkeeper.adapters.ports import Effect, FencedError

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock
    from roomkeeper.engine.lease import Terms


class Fence(Protocol):
    """What stands before every request."""

    def admit(self, effect: Effect) -> None:
        """Raise FencedError if such a request must not be sent now."""

    async def until_fresh(self) -> None:
        """Return when an egress may be started; FencedError when it never may."""


class OpenFence:
    """The fence of a replica that is the only one."""

    def admit(self, effect: Effect) -> None:
        """Let everything pass."""

    async def until_fresh(self) -> None:
        """Return at once."""


@dataclass(slots=True)
class LeaseFence:
    """Open for everything from the first renewal on until the deadline after the last; before, for reads; later, shut."""

    clock: Clock
    terms: Terms
    _renewed_at: float | None = None
    _is_shut: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds_left(self) -> float:
        """How long it stays open if the Lease is not renewed; 0: it is not open."""
        if self._renewed_at is None or self._is_shut:
            return 0.0
        return max(0.0, self._renewed_at + self.terms.deadline_seconds - self.clock.monotonic())

    def renewed(self, at: float) -> None:
        """Open until the deadline after the moment at which the request was sent that took or renewed the Lease."""
        if self._renewed_at is not None and not self.seconds_left:
            return  # too late: what comes after a deadline opens nothing again
        self._renewed_at = at
        self._tell()

    def shut(self) -> None:
        """Let nothing pass any more."""
        self._is_shut = True
        self._tell()

    def admit(self, effect: Effect) -> None:
        """Raise FencedError if such a request must not be sent now."""
        if self._renewed_at is None and effect is Effect.READ and not self._is_shut:
            return
        if not self.seconds_left:
            raise FencedError("not sent: this replica does not hold the Lease")
        if effect is Effect.START and not self._is_fresh:
            raise FencedError("not sent: the Lease was not renewed just now")

    async def until_fresh(self) -> None:
        """Return when the Lease was renewed so recently that an egress may be started."""
        while not self._is_fresh:
            news = self._news
            self.admit(Effect.WRITE)
            await news.wait()

    @property
    def _is_fresh(self) -> bool:
        return self.seconds_left > self.terms.deadline_seconds - self.terms.renew_seconds

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
