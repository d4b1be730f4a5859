from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LAST_LINES = 15
_LAST_BYTES = 64 * 1024


class LocalStackError(Exception):
    """Something of the local stack could not be found, built or started; the message says what to do next."""


def last_lines(log: Path, count: int = _LAST_LINES) -> str:
    """The end of a log, indented, for an error message."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LAST_BYTES))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return f"  (unreadable: {error.strerror})"
    lines = text.splitlines()[-count:]
    return "\n".join(f"  {line}" for line in lines) if lines else "  (empty)"
