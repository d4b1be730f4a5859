"""Runs the operator with a clock that can be moved: python moved_clock.py FILE, where FILE holds seconds as JSON.

{"wall": 2400, "monotonic": 2400} is 2400 s later; with "wall" alone the machine was suspended, or its clock was set.
An entry point of the tests: the product has no switch for it. Settings come from the environment.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from roomkeeper.cli.run import start
from roomkeeper.engine.settings import Settings


@dataclass(frozen=True, slots=True)
class MovedClock:
    """The machine's clock and what the file adds to it."""

    offsets: Path

    def now(self) -> datetime:
        """Return the wall-clock time in UTC, moved."""
        return datetime.now(UTC) + timedelta(seconds=self._offset("wall"))

    def monotonic(self) -> float:
        """Return seconds that never go back, moved."""
        return time.monotonic() + self._offset("monotonic")

    def _offset(self, name: str) -> float:
        return float(json.loads(self.offsets.read_text()).get(name, 0))


if __name__ == "__main__":
    start(Settings.from_environment(), clock=MovedClock(Path(sys.argv[1])))
