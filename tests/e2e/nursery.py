"""Many operators side by side, each killed or ended by itself: processes that mortal.py forks, as a start is all CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.e2e.support import RESYNC_SECONDS, assert_tells_no_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomkeeper.localstack import LocalStack

PROGRAM = Path(__file__).parent / "mortal.py"
EXIT_SECONDS = 30
WEBHOOK = "/livekit/webhook"


@dataclass(frozen=True, slots=True)
class Life:
    """One operator, from its start to its end."""

    pid: int

    @property
    def is_running(self) -> bool:
        """Tell whether it lives."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal; nothing happens if it has ended."""
        deadline = time.monotonic() + EXIT_SECONDS
        try:
            os.kill(self.pid, how)
        except ProcessLookupError:
            return
        while self.is_running:
            assert time.monotonic() < deadline, f"operator {self.pid} does not end"
            time.sleep(0.1)


class Nursery:
    """What starts operators of one namespace each."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._lock = threading.Lock()
        environment = {
            **os.environ,
            "KUBECONFIG": str(stack.operator_kubeconfig),
            "LIVEKIT_URL": stack.livekit.url,
            "LIVEKIT_API_KEY": stack.livekit.api_key,
            "LIVEKIT_API_SECRET": stack.livekit.api_secret,
            "ROOMKEEPER_HTTP_HOST": "127.0.0.1",
            "ROOMKEEPER_LEADER_ELECT": "false",
            "ROOMKEEPER_RESYNC_SECONDS": str(RESYNC_SECONDS),
            "PYTHONUNBUFFERED": "1",
        }
        pipe = subprocess.PIPE
        program = [sys.executable, str(PROGRAM)]
        self._process = subprocess.Popen(program, env=environment, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def start(
        self,
        namespace: str,
        port: int,
        *,
        log: Path,
        calls: Path | None = None,
        end: Sequence[str | int] = (),
    ) -> Life:
        """Start `roomkeeper run`; with `calls`, note what it does for Recordings, and end it at one of those calls."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        own = {"NAMESPACE": namespace, "HTTP_PORT": port, "WEBHOOK_URL": f"http://127.0.0.1:{port}{WEBHOOK}"}
        order = {
            "arguments": ["run", "-n", namespace],
            "environment": {f"ROOMKEEPER_{name}": str(value) for name, value in own.items()},
            "log": str(log),
            "calls": str(calls or ""),
            "end": list(end),
        }
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return Life(int(self._process.stdout.readline()))

    def check(self, log: Path) -> None:
        """Fail when a log tells a secret."""
        assert_tells_no_secret(self._stack, "the operator's log", log.read_text(errors="replace"))
