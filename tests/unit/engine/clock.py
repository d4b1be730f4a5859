"""A clock that a test moves by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class HandClock:
    """Both of its times stand still until `advance`."""

    time: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 12, 0, tzinfo=UTC))
    seconds: float = 1000.0

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return self.time

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)
        self.seconds += seconds

    def set_ahead(self, seconds: float) -> None:
        """Set the wall clock, as people and NTP do; no time passes."""
        self.time += timedelta(seconds=seconds)
