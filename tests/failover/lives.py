"""One process of a replica, from its start to its end."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.failover import history
from tests.failover.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.replicas import Replica, Replicas


@dataclass(slots=True)
class Life:
    """One process: how it reaches the API server and LiveKit, and how it ended."""

    replica: Replica
    kubernetes: Gate
    livekit: Gate
    expects: set[int] = field(default_factory=set)  # exit codes
    is_over: bool = False

    @classmethod
    async def begin(cls, made: Replicas, name: str) -> Self:
        """Start a process behind gates; it is not ready yet."""
        stack = made.stack
        config = json.loads(stack.kubeconfig.read_text())
        authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        kubernetes = Gate(stack.apiserver.url, ssl.create_default_context(cadata=authority))
        livekit = Gate(stack.livekit.http_url)
        environment = {"LIVEKIT_URL": await livekit.start()}
        server = await kubernetes.start()
        replica = await asyncio.to_thread(made.start, name, server=server, ready=False, **environment)
        return cls(replica, kubernetes, livekit)

    @property
    def holds(self) -> bool:
        """Tell whether it has taken the Lease."""
        return bool(history.renewals(self.kubernetes.sent))

    async def is_ready(self) -> bool:
        """Ask it."""
        return self.replica.is_running and await asyncio.to_thread(self.replica.is_ready)

    async def end(self) -> int:
        """Wait until it has ended, close its gates, and return its exit code."""
        await until(lambda: not self.replica.is_running, f"{self.replica.name} ends", 30)
        self.is_over = True
        code = await asyncio.to_thread(self.replica.stop)
        await self.kubernetes.stop()
        await self.livekit.stop()
        return code


async def until(check: Callable[[], Any], what: str, seconds: float, *, every: float = 0.05) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if await answer if asyncio.iscoroutine(answer) else answer:
            return
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(every)
