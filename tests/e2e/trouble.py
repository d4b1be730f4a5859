"""What API servers and LiveKits answer at bad times, chosen by a seed: what a proxy of the tests answers for them."""

from __future__ import annotations

import random
from itertools import cycle
from typing import TYPE_CHECKING, Any

from tests.e2e.proxy import NONE, Asked, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETRY_AFTER_SECONDS = 1
CUT_SECONDS = 1.0
TOO_SLOW_SECONDS = 12.0  # the operator's own limit for a request to the API server is 10 s


def status(code: int, reason: str, **more: Any) -> dict[str, Any]:
    """Return a Status as the API server answers it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f"a test's proxy answers {code}",
        "reason": reason,
        "code": code,
        **more,
    }


TOO_MANY = Fault(
    "429",
    429,
    status(429, "TooManyRequests", details={"retryAfterSeconds": RETRY_AFTER_SECONDS}),
    {"Retry-After": str(RETRY_AFTER_SECONDS)},
)
CONFLICT = Fault("409", 409, status(409, "Conflict"))
INTERNAL = Fault("500", 500, status(500, "InternalError"))
INTERNAL_LATE = Fault("500 after it took effect", 500, status(500, "InternalError"), takes_effect=True)
GONE = Fault("410", 410, status(410, "Expired"))
GONE_EVENT = Fault("410 as an event", 200, {"type": "ERROR", "object": status(410, "Expired")})
ERROR_EVENT = Fault("500 as an event", 200, {"type": "ERROR", "object": status(500, "InternalError")})
CUT = Fault("cut", cut_after=CUT_SECONDS)
CUT_IN_A_LINE = Fault("cut in a line", cut_after=CUT_SECONDS, cut_in_a_line=True)


class ApiTrouble:
    """Half of all requests fail, writes also by conflicts; no watch lives longer than a second, some begin with a 410."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, asked: Asked) -> Fault:
        """Return what happens to a request."""
        if asked.path.endswith("/leases") or "/leases/" in asked.path:
            return NONE
        if asked.is_watch:
            return self._random.choice((CUT, CUT, CUT, CUT_IN_A_LINE, GONE, GONE_EVENT, ERROR_EVENT))
        if self._random.random() < 0.5:
            return NONE
        slow = Fault("slow", seconds=self._random.choice((0.5, 2.0, TOO_SLOW_SECONDS)))
        writes = (CONFLICT, INTERNAL_LATE) if asked.is_write else ()
        return self._random.choice((TOO_MANY, INTERNAL, slow, *writes))


def _twirp(name: str, **more: Any) -> Fault:
    return Fault(name, 500, {"code": "internal", "msg": "a test's proxy answers 500"}, **more)


LIVEKIT_FAULTS = (
    _twirp("500"),
    Fault("hangs", hangs=True),
    _twirp("500 after it took effect", takes_effect=True),
    Fault("hangs after it took effect", hangs=True, takes_effect=True),
)


class EveryThird:
    """Every third call fails: it is answered with 500 or never, and takes effect or does not, in turns."""

    def __init__(self) -> None:
        self._faults: Iterator[Fault] = cycle(LIVEKIT_FAULTS)
        self._calls = 0

    def __call__(self, _: Asked) -> Fault:
        """Return what happens to a call."""
        self._calls += 1
        return NONE if self._calls % 3 else next(self._faults)


def of_watches(fault: Fault) -> Callable[[Asked], Fault]:
    """Have all watches fail in one way, and nothing else."""
    return lambda asked: fault if asked.is_watch else NONE
