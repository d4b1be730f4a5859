"""People who join a room with a real WebRTC client, each in a process of its own (see participant.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(__file__).parents[1] / "integration" / "livekit" / "participant.py"


class JoinRefusedError(Exception):
    """The server did not let them in."""


class PublishRefusedError(Exception):
    """The server did not take the track; the library gives up after ten seconds."""


class Person:
    """One client: join, publish, leave, and end at last."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def join(self, secret: Mapping[str, str], token: str = "") -> None:
        """Join with what a role's Secret says, or with another token."""
        self.end()
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._ask(f"{secret['LIVEKIT_URL']}\n{token or secret['LIVEKIT_TOKEN']}") != "joined":
            self.end()
            raise JoinRefusedError

    def publish(self, source: str = "microphone") -> None:
        """Publish a microphone or camera."""
        if self._ask(f"publish {source}") != "published":
            raise PublishRefusedError

    def leave(self) -> None:
        """Disconnect as people do."""
        if self._process is not None:
            self._ask("leave")
            self.end()

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, what: str) -> str:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{what}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()
