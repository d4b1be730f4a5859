"""An event loop whose time passes at once: whoever sleeps is woken as soon as nobody has anything else to do."""

from __future__ import annotations

import asyncio
import selectors
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

BEGINNING = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class _Selector(selectors.SelectSelector):
    """Waits for nothing, and lets the time pass instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits, and nothing is due"
        self.now += timeout
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


@dataclass(frozen=True, slots=True)
class VirtualClock:
    """The loop's time, for one machine: each has another zero and rate, and a wall clock that is set as it likes."""

    zero: float = 0.0
    wall_ahead: float = 0.0
    rate: float = 1.0

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return BEGINNING + timedelta(seconds=asyncio.get_running_loop().time() + self.wall_ahead)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return asyncio.get_running_loop().time() * self.rate + self.zero


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in no time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
