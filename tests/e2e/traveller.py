"""An operator whose clock a test moves: nobody waits for what is due tomorrow."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.support import OperatorProcess

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack

MOVED_CLOCK = (str(Path(__file__).parent / "moved_clock.py"),)


class Traveller:
    """An operator whose clock the test moves; `program` is what Python is told to run, moved_clock.py or one like it."""

    def __init__(self, stack: LocalStack, directory: Path, *, program: tuple[str, ...] = MOVED_CLOCK) -> None:
        self._offsets = directory / "offsets.json"
        self.move(wall=0, monotonic=0)
        command = [sys.executable, *program, str(self._offsets)]
        self.process = OperatorProcess(stack, directory / "operator.log", command=command)

    def move(self, **seconds: float) -> None:
        """Set by how much its clocks are ahead of ours; in one step, as it may read at any moment."""
        new = self._offsets.with_suffix(".new")
        new.write_text(json.dumps(seconds))
        new.replace(self._offsets)

    def move_to(self, moment: datetime) -> None:
        """Let it be that moment: time passed for both of its clocks."""
        seconds = (moment - datetime.now(UTC)).total_seconds()
        self.move(wall=seconds, monotonic=seconds)
