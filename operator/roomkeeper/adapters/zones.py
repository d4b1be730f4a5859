"""Time zones, from the system's files or those of `tzdata`."""

from __future__ import annotations

from zoneinfo import ZoneInfo


def zone(name: str) -> ZoneInfo | None:
    """Return a time zone; None for whatever is not one: names of folders, paths and odd characters raise odd errors."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
