"""Small memories of what happened lately, which never grow without end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock

MOST_MARKS = 10_000


class Marks:
    """Things that were done once; the oldest are forgotten first, and are then done once more."""

    def __init__(self) -> None:
        """Start empty."""
        self._marks: dict[str, None] = {}
        self._snapshot: frozenset[str] = frozenset()

    def add(self, mark: str) -> None:
        """Remember one more."""
        self._marks[mark] = None
        if len(self._marks) > MOST_MARKS:
            del self._marks[next(iter(self._marks))]
        self._snapshot = frozenset()

    def snapshot(self) -> frozenset[str]:
        """Return them all."""
        if len(self._snapshot) != len(self._marks):
            self._snapshot = frozenset(self._marks)
        return self._snapshot


class Tally:
    """How often something happened to each name within a time."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        """Count what happened in the last so many seconds."""
        self._clock = clock
        self._seconds = seconds
        self._times: dict[str, deque[float]] = {}

    def add(self, name: str) -> None:
        """Remember that it happened now."""
        self._times.setdefault(name, deque()).append(self._clock.monotonic())

    def count(self, name: str) -> int:
        """Return how often it happened."""
        times = self._times.get(name)
        if times is None:
            return 0
        oldest = self._clock.monotonic() - self._seconds
        while times and times[0] < oldest:
            times.popleft()
        if not times:
            del self._times[name]
        return len(times)
