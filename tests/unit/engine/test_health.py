"""What counts as standing still, beat by beat."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, cast

import pytest

from roomkeeper.domain.objects import Key
from roomkeeper.domain.outcomes import Done, Outcome
from roomkeeper.engine import calls, current, watchdog
from roomkeeper.engine.health import SILENT_BEATS, UNTAKEN_BEATS, Health
from roomkeeper.engine.queue import LANE_WIDTH
from roomkeeper.engine.watchdog import Watchdog
from tests.unit.engine.harness import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from roomkeeper.engine.workers import Reconciler

KEY = Key("Room", "team-a", "standup")


class Hanging:
    """A reconciler whose reconciles end when the test says so."""

    def __init__(self) -> None:
        self.runs: dict[Key, current.Run | None] = {}
        self.end = asyncio.Event()

    async def reconcile(self, key: Key) -> Outcome:
        self.runs[key] = current.get()
        await self.end.wait()
        return Done()


class Patient:
    """An operator that works, and its health."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.hanging = Hanging()
        operator = self.engine.operator
        cast("dict[str, Reconciler]", operator.workers.reconcilers)["Room"] = self.hanging
        operator._working.set()
        self.queue, self.health = operator.queue, Health(operator)
        self.tasks: list[asyncio.Task[None]] = []

    def work(self) -> None:
        """Have the workers run."""
        self.tasks.append(asyncio.create_task(self.engine.workers.run()))

    def beat(self, times: int) -> str:
        """Beat so often, and return what is wrong then."""
        for _ in range(times):
            self.health.beat()
        return self.health.problem

    async def until(self, count: int) -> None:
        """Wait until so many reconciles run."""
        async with asyncio.timeout(5):
            while len(self.hanging.runs) < count:
                await asyncio.sleep(0)


@pytest.fixture
async def patient() -> AsyncIterator[Patient]:
    one = Patient()
    yield one
    for task in one.tasks:
        task.cancel()
    await asyncio.gather(*one.tasks, return_exceptions=True)


async def test_a_reconcile_that_hears_nothing_for_longer_than_any_call_takes_is_stuck(
    patient: Patient, caplog: pytest.LogCaptureFixture
) -> None:
    patient.work()
    patient.queue.add(KEY)
    await patient.until(1)
    assert patient.beat(SILENT_BEATS) == ""
    with caplog.at_level(logging.INFO):
        problem = patient.beat(1)
        assert problem == "a reconcile of Room team-a/standup waits for an answer beyond every time limit"
        assert patient.beat(10) == problem
        patient.hanging.end.set()
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(5)))
        assert patient.beat(1) == ""
    assert [record.message for record in caplog.records] == [f"not healthy: {problem}", "healthy again"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: calls.livekit("environment", "UpdateParticipant", "timeout", 15.0),
        lambda: calls.kubernetes("patch", "rooms/status", "error", 10.0),
    ],
)
async def test_a_reconcile_whose_calls_end_goes_on_however_long_it_takes(
    patient: Patient, call: Callable[[], None]
) -> None:
    patient.work()
    patient.queue.add(KEY)
    await patient.until(1)
    run = patient.hanging.runs[KEY]
    assert run
    for _ in range(5):
        assert patient.beat(SILENT_BEATS) == ""
        with current.running(run):
            await asyncio.gather(asyncio.to_thread(call))  # a task of its own hears for it


async def test_keys_that_no_free_worker_takes_are_stuck(patient: Patient) -> None:
    patient.beat(1)
    patient.queue.add(KEY)
    assert patient.beat(UNTAKEN_BEATS) == ""
    assert patient.beat(1) == "1 keys wait, workers are free, and none was taken for 31 s"


async def test_keys_wait_rightly_before_the_work_begins(patient: Patient) -> None:
    patient.engine.operator._working.clear()
    patient.queue.add(KEY)
    assert patient.beat(2 * UNTAKEN_BEATS) == ""


async def test_keys_that_wait_for_their_lane_are_not_stuck(patient: Patient) -> None:
    patient.work()
    for number in range(LANE_WIDTH + 5):
        patient.queue.add(Key("Room", "team-a", f"r{number}"))
    await patient.until(LANE_WIDTH)
    assert len(patient.queue) == 5
    assert patient.beat(2 * UNTAKEN_BEATS) == ""


async def test_the_watchdog_says_where_the_loop_stands_still(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.01)
    health = Health(Engine().operator)
    dog = Watchdog(health)
    dog.start()
    _stand_still(caplog)
    dog.stop()
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "_stand_still" in record.message


def _stand_still(caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    while not caplog.records and time.monotonic() - began < 10:
        time.sleep(0.01)
