"""Answers that are good for some seconds, asked for once however many want them at the same time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from typing import Any

    from roomkeeper.adapters.ports import Clock

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    answer: asyncio.Task[V]
    until: float


class Remembered(Generic[V]):
    """At most so many answers, each for so many seconds from when it was asked for; what failed is asked again."""

    def __init__(self, clock: Clock, *, seconds: float, most: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._entries: OrderedDict[Hashable, _Entry[V]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the answer to a key; what `ask` raises is raised to all who wait for it."""
        now = self._clock.monotonic()
        entry = self._entries.get(key)
        if entry is None or entry.until <= now:
            entry = _Entry(asyncio.ensure_future(ask()), now + self._seconds)
            self._entries[key] = entry
            self._entries.move_to_end(key)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
        try:
            return await asyncio.shield(entry.answer)  # who goes away leaves it to the others
        except Exception:
            if self._entries.get(key) is entry:
                del self._entries[key]
            raise
