"""Real clients that join a real server."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

PATIENCE_SECONDS = 30


class JoinRefusedError(Exception):
    """The server did not let somebody in."""


class Client:
    """A real participant in a process of its own; see participant.py."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def connect(cls, url: str, token: str) -> Client:
        pipe = asyncio.subprocess.PIPE
        client = cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                str(Path(__file__).with_name("participant.py")),
                stdin=pipe,
                stdout=pipe,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )
        if await client._ask(f"{url}\n{token}") != "joined":
            await client.close()
            raise JoinRefusedError
        return client

    async def publish(self, source: str = "microphone") -> bool:
        """Publish a track from a microphone or camera, and tell whether the server allowed it."""
        return await self._ask(f"publish {source}") == "published"

    async def leave(self) -> None:
        await self._ask("leave")
        await self.close()

    async def close(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()

    async def _ask(self, what: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{what}\n".encode())
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self._process.stdout.readline()).decode().strip()
