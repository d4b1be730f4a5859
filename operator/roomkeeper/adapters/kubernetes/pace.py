"""How fast the API server is asked: freely while it answers, ever more slowly while it does not, not at all when it says so."""

from __future__ import annotations

import asyncio
import contextlib
import time

from roomkeeper.adapters.ports import KubernetesUnreachableError

FIRST_GAP_SECONDS = 0.005
LONGEST_GAP_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 10.0

_TOO_MANY_REQUESTS = 429
_FIRST_SERVER_ERROR = 500


class Pace:
    """The gap between two requests doubles with each refusal and is halved with each answer.

    Each object has its own backoff, which says nothing of how many objects there are: while nothing works, thousands of
    them would still come by the second, to an API server that has to get on its feet. With this they are ten a second
    together, and none before the time that a 429 names.
    """

    def __init__(self) -> None:
        self._gap = 0.0
        self._next = 0.0  # by the monotonic clock
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn; KubernetesUnreachableError when it does not come soon."""
        if not self._turn.locked() and self._gap == 0 and time.monotonic() >= self._next:
            return
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS), self._turn:
                while (seconds := self._next - time.monotonic()) > 0:  # noqa: ASYNC110 - it may be put off meanwhile
                    await asyncio.sleep(seconds)
                self._next = time.monotonic() + self._gap
        except TimeoutError:
            raise KubernetesUnreachableError("not sent: the API server refuses requests") from None

    def answered(self, status: int, retry_after: str = "") -> None:
        """Take notice of an answer: its HTTP status, or 0 when there was none, and its Retry-After."""
        if status and status < _FIRST_SERVER_ERROR and status != _TOO_MANY_REQUESTS:
            self._gap = self._gap / 2 if self._gap > FIRST_GAP_SECONDS else 0.0
            return
        self._gap = min(max(2 * self._gap, FIRST_GAP_SECONDS), LONGEST_GAP_SECONDS)
        pause = 0.0
        with contextlib.suppress(ValueError):  # it may be a date, which the API server never writes
            pause = min(float(retry_after), LONGEST_PAUSE_SECONDS)
        self._next = max(self._next, time.monotonic() + pause)
