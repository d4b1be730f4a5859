"""What a person sees while something takes minutes: one line that is rewritten on a terminal, a few lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Final, TextIO

_QUIET_SECONDS: Final = 30.0
"""How often a line is printed where lines cannot be rewritten (a CI log)."""
_CLEAR_LINE: Final = "\r\x1b[2K"


class Progress:
    """Elapsed time of one task. Everything goes to standard error: standard output belongs to the caller."""

    def __init__(self, task: str, stream: TextIO | None = None) -> None:
        self._task = task
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._start = time.monotonic()
        self._printed = self._start

    def begin(self, expectation: str) -> None:
        """Say what starts, and how long it is expected to take."""
        self._line(f"{self._task}: {expectation}")

    def update(self, detail: str) -> None:
        """Say how far it is; called as often as the caller likes."""
        now = time.monotonic()
        if self._terminal:
            self._stream.write(f"{_CLEAR_LINE}{self._task}: {self._elapsed(now)}, {detail}")
            self._stream.flush()
        elif now - self._printed >= _QUIET_SECONDS:
            self._printed = now
            self._line(f"{self._task}: {self._elapsed(now)}, {detail}")

    def end(self, result: str) -> None:
        """Say that it is over and how long it took."""
        self._line(f"{self._task}: {result} after {self._elapsed(time.monotonic())}")

    def _elapsed(self, now: float) -> str:
        minutes, seconds = divmod(int(now - self._start), 60)
        return f"{minutes}m{seconds:02d}s"

    def _line(self, text: str) -> None:
        prefix = _CLEAR_LINE if self._terminal else ""
        self._stream.write(f"{prefix}{text}\n")
        self._stream.flush()
