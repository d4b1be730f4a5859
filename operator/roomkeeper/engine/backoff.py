"""How long to wait: longer with every failure, and never all at once."""

from __future__ import annotations

import random


def jittered(seconds: float) -> float:
    """Return a little less, at random, so that what began together does not go on together."""
    return seconds * random.uniform(0.8, 1.0)  # noqa: S311 - jitter, not a secret


def after(failures: int, *, first: float, longest: float) -> float:
    """Return the seconds to wait after so many failures in a row: the first, doubled each time, up to the longest."""
    return jittered(min(first * 2.0 ** min(failures - 1, 16), longest))
