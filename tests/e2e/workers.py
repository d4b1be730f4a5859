"""Workers that record nothing, beside the one that a stack has, and machines and stores that hang."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from roomkeeper.localstack.egress_standin import EgressStandin
from roomkeeper.localstack.ports import Ports
from roomkeeper.localstack.processes import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack


@contextmanager
def another_worker(media: LocalStack, directory: Path) -> Iterator[EgressStandin]:
    """Yield a second worker for the same LiveKit."""
    guard, ports = Guard(), Ports()
    worker = EgressStandin(
        directory=directory, guard=guard, ports=ports, redis=media.redis, livekit=media.livekit, s3=None
    )
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        guard.close()
        ports.close()


@contextmanager
def frozen(worker: EgressStandin) -> Iterator[None]:
    """Keep a worker from doing anything, and what it has in rooms: as on a machine that hangs."""
    lists = Path(f"/proc/{worker.pid}/task").glob("*/children")
    processes = [worker.pid, *(int(child) for found in lists for child in found.read_text().split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@contextmanager
def nothing_is_stored(stack: LocalStack) -> Iterator[None]:
    """Have S3 take its time, so that what ends is seen to end."""
    os.kill(stack.s3.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.s3.pid, signal.SIGCONT)
