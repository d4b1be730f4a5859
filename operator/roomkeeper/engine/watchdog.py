"""Says where the event loop stands still: nothing else of the process can, and /healthz is not answered then.

A thread of its own looks whether the loop has turned. Like health.py it counts its own looks, not the time: a process
that was stopped as a whole has not stood still.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomkeeper.engine.health import Health

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
STILL_LOOKS = 10  # without a beat


class Watchdog:
    """Watches the thread in which it was made."""

    def __init__(self, health: Health) -> None:
        """Look at nothing yet."""
        self._health = health
        self._watched = threading.get_ident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        beats, looks = self._health.beats, 0
        while not self._ended.wait(LOOK_SECONDS):
            looks = looks + 1 if beats == self._health.beats else 0
            beats = self._health.beats
            if looks == STILL_LOOKS:
                logger.error("the event loop stands still in:\n%s", self._where())

    def _where(self) -> str:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - documented, in spite of its name
        return "".join(traceback.format_stack(frame)).rstrip()
