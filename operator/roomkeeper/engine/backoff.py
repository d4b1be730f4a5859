"""How long to wait: longer with every failure, and never all at once."""

from __future__ import annotations

import random


def jittered(seconds: float) -> float:
    """Return a little less, at random, so that what began together does not go on together."""
    return seconds * random.uniform(0.8, 1.0)  # noqa: S311 - jitter, not a secret


def grown(failures: int, *, first: float, longest: float) -> float:
    """Return the first wait in seconds, doubled with each failure in a row, up to the longest."""
    return min(first * 2.0 ** min(failures - 1, 16), longest)


def after(failures: int, *, first: float, longest: float) -> float:
    """Return the seconds to wait after so many failures in a row."""
    return jittered(grown(failures, first=first, longest=longest))
