"""Answers that are good for some seconds, asked for once however many want them at the same time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from typing import Any

    from roomkeeper.adapters.ports import Clock

V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    answer: asyncio.Task[V]
    asked_at: float
    next: asyncio.Task[V] | None = None  # the answer that will stand in its place


class Remembered(Generic[V]):
    """At most so many answers, each good for `seconds` from when it was asked for.

    Who wants one of half that age gets it, and has it asked for again meanwhile, so that nobody waits as long as it is
    wanted. What failed is asked for again by the next who wants it.
    """

    def __init__(self, clock: Clock, *, seconds: float, most: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._entries: OrderedDict[Hashable, _Entry[V]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the answer to a key; what `ask` raises is raised to all who wait for it."""
        entry = self._entries.get(key)
        now = self._clock.monotonic()
        if entry is None or now >= entry.asked_at + self._seconds:
            entry = self._keep(key, asyncio.ensure_future(ask()), now)
        elif now >= entry.asked_at + self._seconds / 2 and entry.next is None:
            entry.next = asyncio.ensure_future(ask())
            entry.next.add_done_callback(partial(self._replace, key, entry, now))
        try:
            return await asyncio.shield(entry.answer)  # who goes away leaves it to the others
        except Exception:
            if self._entries.get(key) is entry:
                del self._entries[key]
            raise

    def _keep(self, key: Hashable, answer: asyncio.Task[V], asked_at: float) -> _Entry[V]:
        entry = self._entries[key] = _Entry(answer, asked_at)
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return entry

    def _replace(self, key: Hashable, old: _Entry[V], asked_at: float, answer: asyncio.Task[V]) -> None:
        """Put the newer answer in place; where there is none, the old one is good until its time."""
        if answer.cancelled() or answer.exception() is not None:
            old.next = None
        elif self._entries.get(key) is old:
            self._keep(key, answer, asked_at)
