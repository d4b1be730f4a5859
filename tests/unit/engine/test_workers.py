"""What an outcome does to its key, and what no reconcile can do to the workers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import ConflictError, ForbiddenError
from roomkeeper.domain.objects import Key
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.engine.cache import ObjectCache
from roomkeeper.engine.queue import FIRST_BACKOFF_SECONDS, WorkQueue
from roomkeeper.engine.workers import Workers
from tests.unit.engine.clock import HandClock
from tests.unit.engine.harness import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

A, B = (Key("Room", "team", name) for name in "ab")


class Script:
    """A reconciler that does to each key what the test says."""

    def __init__(self) -> None:
        self.results: dict[Key, Outcome | Exception] = {}
        self.seen: asyncio.Queue[Key] = asyncio.Queue()

    async def reconcile(self, key: Key) -> Outcome:
        self.seen.put_nowait(key)
        result = self.results.get(key, Done())
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def queue(script: Script) -> AsyncIterator[WorkQueue]:
    queue = WorkQueue(HandClock())
    workers = asyncio.create_task(Workers(queue, {"Room": script}, ObjectCache(str)).run())
    yield queue
    workers.cancel()
    with pytest.raises(asyncio.CancelledError):  # so none of them has ended by itself
        await workers


async def idle(queue: WorkQueue) -> None:
    while not queue.is_idle:
        await asyncio.sleep(0)


@pytest.mark.parametrize("error", [ConflictError("x"), ForbiddenError("x"), RuntimeError("a bug")])
async def test_an_error_in_one_reconcile_stops_nothing(
    queue: WorkQueue, script: Script, error: Exception
) -> None:
    script.results[A] = error
    for _ in range(40):  # more than there are workers
        queue.add(A)
        queue.add(B)
        assert {await script.seen.get(), await script.seen.get()} == {A, B}
        await idle(queue)
    assert queue._failures.keys() == {A}


@pytest.mark.parametrize(
    ("outcome", "due"),
    [
        (Done(), None),
        (Done(30.0), 30.0),
        (Waiting(2.0), 2.0),
        (Stalled(), None),
        (Stalled(60.0), 60.0),
    ],
)
async def test_a_key_comes_back_as_its_outcome_says(
    queue: WorkQueue, script: Script, outcome: Outcome, due: float | None
) -> None:
    queue.retry(A)
    script.results[A] = outcome
    queue.add(A)
    await script.seen.get()
    await idle(queue)
    assert queue._due.get(A) == (None if due is None else 1000.0 + due)
    assert not queue._failures


async def test_a_retry_backs_off(queue: WorkQueue, script: Script) -> None:
    script.results[A] = Retry()
    for failures in (1, 2, 3):
        queue.add(A)
        await script.seen.get()
        await idle(queue)
        longest = FIRST_BACKOFF_SECONDS * 2 ** (failures - 1)
        assert longest / 2 <= queue._due[A] - 1000.0 <= longest


async def test_a_conflict_over_status_is_tried_again() -> None:
    engine = Engine()
    await engine.probe()
    key = engine.declare()
    engine.deliver()
    engine.kubernetes.fail_next("patch", "rooms/status", ConflictError("changed"))
    assert await engine.workers._reconcile(key) == Retry()
    engine.deliver()
    assert await engine.workers._reconcile(key) == Done()
