"""What a LiveKit server can do, found out now and then: it changes only when somebody restarts it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.adapters.ports import LiveKitError

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import LiveKit

logger = logging.getLogger(__name__)

KNOWN_SECONDS = 600.0
UNKNOWN_SECONDS = 60.0  # a server that does not tell, or has a fault, is not asked with every list


@dataclass(slots=True)
class Capabilities:
    """None: it has not told."""

    creates_rooms_on_join: bool | None = None
    has_redis: bool | None = None
    _next: float = 0.0

    async def learn(self, api: LiveKit, *, now: float) -> None:
        """Ask, unless it was asked lately; `now` is monotonic. What it does not tell stays as it was."""
        if now < self._next:
            return
        self._next = now + UNKNOWN_SECONDS
        try:
            self.creates_rooms_on_join = await api.creates_rooms_on_join()
            self.has_redis = await api.has_redis()
        except LiveKitError as error:
            logger.warning("a LiveKit server does not tell what it can do: %s", error)
            return
        if self.has_redis:  # without, it answers as any server does that has a fault
            self._next = now + KNOWN_SECONDS
