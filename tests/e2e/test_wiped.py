"""LiveKit loses everything it knew: all rooms are back soon, and it is not overrun."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import pytest

from tests.e2e.support import OperatorProcess, eventually, metric

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

ROOMS = 500
BACK_SECONDS = 15
PER_SECOND = 200  # the operator's limit for one server
SAMPLE_SECONDS = 0.1


@pytest.fixture
def keeper(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own, running."""
    process = OperatorProcess(stack, tmp_path / "operator.log")
    process.start()
    yield process
    process.stop()


class Meter:
    """Reads the operator's count of requests to LiveKit every tenth of a second."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._samples: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            asked = time.monotonic()
            count = metric(self._stack, "roomkeeper_livekit_requests_total")
            self._samples.append(((asked + time.monotonic()) / 2, count))

    def fastest(self, seconds: float) -> float:
        """Return the highest rate over at least so many seconds, in requests per second."""
        return max(
            (later - count) / (end - start)
            for start, count in self._samples
            for end, later in self._samples
            if end - start >= seconds
        )

    def total(self) -> float:
        """Return how many requests were counted."""
        return self._samples[-1][1] - self._samples[0][1]


def flush(stack: LocalStack) -> None:
    """Have Redis forget everything."""
    with socket.create_connection(("127.0.0.1", stack.redis.port), timeout=5) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(16).startswith(b"+OK")


def test_five_hundred_rooms_of_a_livekit_that_was_wiped_are_back_at_the_permitted_rate(
    cluster: Cluster, livekit: LiveKitView, keeper: OperatorProcess, stack: LocalStack
) -> None:
    cluster.apply(*(cluster.room(f"room-{number}") for number in range(ROOMS)))
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=60)
    prefix = f"{cluster.namespace}_"
    before = livekit.sids(prefix)
    assert len(before) == ROOMS

    with Meter(stack) as meter:
        stack.livekit.stop()
        flush(stack)
        stack.livekit.start()
        assert not livekit.sids(prefix)
        began = time.monotonic()
        eventually(f"{ROOMS} rooms are back", lambda: len(livekit.sids(prefix)) == ROOMS, within=BACK_SECONDS)
        took = time.monotonic() - began
        eventually("nothing waits", lambda: metric(stack, "roomkeeper_queue_depth") == 0, within=5)
    # A bucket that is full lets one second's worth pass at once, so the rate is held over more than that.
    rate = meter.fastest(3)
    print(f"{meter.total():.0f} requests, at most {rate:.0f} a second over 3 s; back after {took:.1f} s")
    assert rate <= PER_SECOND * 4 / 3
    assert meter.total() >= ROOMS
    after = livekit.sids(prefix)
    assert [name for name, _ in after] == [name for name, _ in before]
    assert not set(after) & set(before)

    def are_named() -> bool:
        named = [(room["status"]["roomName"], room["status"]["sid"]) for room in cluster.list("rooms")]
        return sorted(named) == after

    eventually("status names the new sessions", are_named, within=10)
    cluster.delete_all("rooms")
    eventually("all Rooms are gone", lambda: not cluster.list("rooms"), within=30)
