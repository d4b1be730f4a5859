from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roomkeeper.domain.objects import Key
from roomkeeper.engine.queue import (
    FIRST_BACKOFF_SECONDS,
    LANE_WIDTH,
    LONGEST_BACKOFF_SECONDS,
    MOST_STALE,
    Priority,
    WorkQueue,
)
from tests.unit.engine.clock import HandClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

A, B, C = (Key("Room", "team", name) for name in "abc")
BACKGROUND, URGENT = Priority.BACKGROUND, Priority.URGENT


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def queue(clock: HandClock) -> WorkQueue:
    return WorkQueue(clock)


@pytest.fixture
async def timed(queue: WorkQueue) -> AsyncIterator[WorkQueue]:
    """Give a queue whose timers run."""
    timers = asyncio.create_task(queue.run_timers())
    yield queue
    timers.cancel()
    await asyncio.gather(timers, return_exceptions=True)


async def drain(queue: WorkQueue) -> list[Key]:
    """Take and give back all that waits."""
    taken = []
    while len(queue):
        taken.append(await queue.get())
        queue.done(taken[-1])
    return taken


async def test_keys_come_in_the_order_in_which_they_were_added(queue: WorkQueue) -> None:
    for key in (A, B, C):
        queue.add(key)
    assert await drain(queue) == [A, B, C]


async def test_a_key_that_waits_is_queued_once(queue: WorkQueue) -> None:
    for key in (A, B, A, A):
        queue.add(key)
    assert len(queue) == 2
    assert await drain(queue) == [A, B]


async def test_urgent_keys_go_first(queue: WorkQueue) -> None:
    queue.add(A, BACKGROUND)
    queue.add(B, URGENT)
    assert await drain(queue) == [B, A]


async def test_a_background_key_is_promoted_and_comes_once(queue: WorkQueue) -> None:
    for key in (A, B, C):
        queue.add(key, BACKGROUND)
    queue.add(C, URGENT)
    assert await drain(queue) == [C, A, B]
    assert queue.is_idle
    queue.add(A)  # what the promotion left behind hands nothing out
    assert await queue.get() == A
    assert not len(queue)


async def test_an_urgent_key_is_not_demoted(queue: WorkQueue) -> None:
    queue.add(A, BACKGROUND)
    queue.add(B, URGENT)
    queue.add(B, BACKGROUND)
    assert await drain(queue) == [B, A]


async def test_a_key_is_with_one_worker_at_a_time(queue: WorkQueue) -> None:
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    queue.add(B)
    assert await queue.get() == B
    assert not len(queue)
    assert not queue.is_idle
    queue.done(A)
    assert await queue.get() == A


async def test_what_was_added_meanwhile_keeps_its_best_priority(queue: WorkQueue) -> None:
    queue.add(A)
    await queue.get()
    queue.add(A, BACKGROUND)
    queue.add(A, URGENT)
    queue.add(A, BACKGROUND)
    queue.add(B, BACKGROUND)
    queue.done(A)
    assert await drain(queue) == [A, B]


async def test_what_was_not_added_meanwhile_does_not_come_again(queue: WorkQueue) -> None:
    queue.add(A)
    queue.done(await queue.get())
    assert queue.is_idle


async def test_a_worker_waits_for_a_key(queue: WorkQueue) -> None:
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.add(A)
    assert await waiting == A


def in_lane(name: str, number: int) -> Key:
    return Key("Room", name, str(number))


@pytest.fixture
def laned(clock: HandClock) -> WorkQueue:
    """Return a queue with a lane for each namespace."""
    return WorkQueue(clock, lambda key: key.namespace)


async def test_lanes_take_turns(laned: WorkQueue) -> None:
    keys = [in_lane(name, number) for name in "ab" for number in range(3)]
    for key in keys:
        laned.add(key)
    assert [key.namespace for key in await drain(laned)] == ["a", "b", "a", "b", "a", "b"]
    assert laned.is_idle


async def test_what_is_urgent_in_one_lane_goes_before_what_is_not_in_another(laned: WorkQueue) -> None:
    laned.add(in_lane("a", 1), BACKGROUND)
    laned.add(in_lane("b", 1), BACKGROUND)
    laned.add(in_lane("b", 2), URGENT)
    assert [key.name for key in await drain(laned)] == ["2", "1", "1"]


async def test_a_lane_that_is_full_waits_and_no_other_does(laned: WorkQueue) -> None:
    for number in range(LANE_WIDTH + 2):
        laned.add(in_lane("a", number))
    taken = [await laned.get() for _ in range(LANE_WIDTH)]
    waiting = [asyncio.create_task(laned.get()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    laned.add(in_lane("b", 1))
    assert await waiting[0] == in_lane("b", 1)
    laned.done(taken[0])
    assert await waiting[1] == in_lane("a", LANE_WIDTH)
    await asyncio.sleep(0)
    assert not waiting[2].done()
    laned.done(taken[1])
    assert await waiting[2] == in_lane("a", LANE_WIDTH + 1)
    for key in (*taken[2:], *(task.result() for task in waiting)):
        laned.done(key)
    assert laned.is_idle
    assert not laned._taken
    assert not any(laned._ready)


async def test_all_of_a_lane_is_worked_on_though_many_end_at_once_and_more_workers_wait_than_it_is_wide(
    laned: WorkQueue,
) -> None:
    worked: list[Key] = []
    busy: set[Key] = set()
    ends = asyncio.Event()

    async def work() -> None:
        while True:
            key = await laned.get()
            busy.add(key)
            await ends.wait()
            busy.discard(key)
            worked.append(key)
            laned.done(key)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        workers = [group.create_task(work()) for _ in range(4 * LANE_WIDTH)]
        keys = [in_lane("a", number) for number in range(10 * LANE_WIDTH)]
        for key in keys:
            laned.add(key, BACKGROUND)
        while len(worked) < len(keys):
            await asyncio.sleep(0)
            if len(busy) == min(LANE_WIDTH, len(keys) - len(worked)):  # all that may be worked on is
                ends.set()
                await asyncio.sleep(0)
                ends.clear()
        for worker in workers:
            worker.cancel()
    assert sorted(worked) == sorted(keys)
    assert laned.is_idle


async def test_a_key_is_given_back_to_the_lane_that_it_was_taken_from(clock: HandClock) -> None:
    lanes = {A: 1}
    queue = WorkQueue(clock, lanes.get)
    queue.add(A)
    await queue.get()
    lanes[A] = 2
    queue.add(A)
    queue.done(A)
    assert await queue.get() == A
    assert dict(queue._taken) == {2: 1}


async def test_a_thousand_keys_and_many_workers(queue: WorkQueue) -> None:
    busy: set[Key] = set()
    worked: list[Key] = []

    async def work() -> None:
        while True:
            key = await queue.get()
            assert key not in busy
            busy.add(key)
            await asyncio.sleep(0)
            busy.remove(key)
            worked.append(key)
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(8)]
    keys = [Key("Room", "team", str(number)) for number in range(200)]
    for number in range(1000):
        queue.add(keys[number * 7 % 200], Priority(number % 2))
        if number % 10 == 0:
            await asyncio.sleep(0)
    while not queue.is_idle:
        await asyncio.sleep(0)
    for worker in workers:
        worker.cancel()
    ends = await asyncio.gather(*workers, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    assert set(worked) == set(keys)


async def test_a_key_comes_when_it_is_due_and_not_before(timed: WorkQueue, clock: HandClock) -> None:
    timed.add_after(A, 0.02)
    timed.add_after(B, 0.01)
    clock.advance(0.01)
    assert await timed.get() == B
    assert not len(timed)
    clock.advance(0.01)
    assert await timed.get() == A


async def test_a_later_time_replaces_an_earlier_one(timed: WorkQueue, clock: HandClock) -> None:
    timed.add_after(A, 0.01)
    timed.add_after(A, 0.03)
    timed.add_after(B, 0.02)
    clock.advance(0.02)
    assert await timed.get() == B
    assert not len(timed)
    clock.advance(0.01)
    assert await timed.get() == A
    timed.done(A)
    assert not len(timed)


async def test_an_earlier_time_replaces_a_later_one_and_wakes_the_timer(
    timed: WorkQueue, clock: HandClock
) -> None:
    timed.add_after(A, 3600)
    await asyncio.sleep(0)
    timed.add_after(A, 0)
    assert await timed.get() == A
    timed.done(A)
    clock.advance(3600)
    timed.add_after(B, 0)
    assert await timed.get() == B
    assert not len(timed)  # the first time of A is no longer heard of


async def test_without_a_time_a_key_does_not_come_by_time(timed: WorkQueue, clock: HandClock) -> None:
    timed.add_after(A, 0.01)
    timed.add_after(A, None)
    timed.add_after(B, 0.02)
    clock.advance(0.02)
    assert await timed.get() == B
    assert not len(timed)


async def test_what_is_due_goes_behind_what_happens(timed: WorkQueue, clock: HandClock) -> None:
    timed.add_after(A, 0.01)
    timed.add_after(B, 0.01)
    clock.advance(0.01)
    assert await timed.get() == A
    timed.add(C)
    assert await drain(timed) == [C, B]


async def test_a_wall_clock_that_is_set_ahead_makes_all_due(timed: WorkQueue, clock: HandClock) -> None:
    timed.add_after(A, 3600)
    await asyncio.sleep(0)
    clock.set_ahead(3600)
    timed.add_after(B, 0)
    assert {await timed.get(), await timed.get()} == {A, B}


async def test_what_is_worked_on_while_the_wall_clock_is_set_ahead_comes_again(
    timed: WorkQueue, clock: HandClock
) -> None:
    """It reckons with the time before: what it then puts off would come a day late."""
    timed.add(A)
    assert await timed.get() == A
    await asyncio.sleep(0)
    clock.set_ahead(86_400)
    timed.add_after(B, 0)  # the timers look at the clock again
    assert await timed.get() == B
    timed.add_after(A, 86_400)
    timed.done(A)
    async with asyncio.timeout(1):
        assert await timed.get() == A


def test_the_backoff_of_a_key_grows_with_jitter_and_has_an_end(queue: WorkQueue) -> None:
    delays = [queue.retry(A) for _ in range(40)]
    longest = [min(FIRST_BACKOFF_SECONDS * 2**number, LONGEST_BACKOFF_SECONDS) for number in range(40)]
    for delay, limit in zip(delays, longest, strict=True):
        assert limit / 2 <= delay <= limit
    assert len(set(delays)) > 35
    assert queue.retry(B) <= FIRST_BACKOFF_SECONDS


def test_success_starts_the_backoff_anew(queue: WorkQueue) -> None:
    for _ in range(10):
        queue.retry(A)
    queue.forget(A)
    queue.forget(B)
    assert queue.retry(A) <= FIRST_BACKOFF_SECONDS


async def test_a_retry_comes_by_time(timed: WorkQueue, clock: HandClock) -> None:
    clock.advance(timed.retry(A))
    timed.add_after(B, 0)
    assert {await timed.get(), await timed.get()} == {A, B}


async def test_times_that_were_replaced_do_not_pile_up(timed: WorkQueue, clock: HandClock) -> None:
    for number in range(1000):
        timed.add_after(A, 3600 - number)
        timed.add_after(B, 7200 + number)
        assert len(timed._delayed) <= 2 * len(timed._due) + MOST_STALE
    clock.advance(3600 - 999)
    timed.add_after(C, 0)
    assert {await timed.get(), await timed.get()} == {A, C}
    assert timed._due.keys() == {B}


async def test_keys_that_are_put_off_no_longer_do_not_pile_up(queue: WorkQueue) -> None:
    for _ in range(1000):
        queue.add_after(A, 3600)
        queue.add_after(A, None)
    assert len(queue._delayed) <= MOST_STALE + 1


async def test_a_queue_that_is_shut_hands_out_nothing_more(queue: WorkQueue) -> None:
    queue.add(A)
    assert await queue.get() == A
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.shut_down()
    assert await asyncio.gather(*waiting) == [None, None, None]
    queue.add(B)
    assert await queue.get() is None
    assert queue.running == 1
    queue.done(A)
    assert not queue.running


async def test_what_is_asked_for_soon_while_a_key_is_worked_on_comes_soon(
    timed: WorkQueue, clock: HandClock
) -> None:
    timed.add(A)
    assert await timed.get() == A
    timed.add_after(A, 0.01, keep_earlier=True)  # it saw nothing of what this is about
    timed.add_after(A, 3600)  # when it wants to come back by itself
    timed.done(A)
    clock.advance(0.01)
    timed.add_after(B, 0)
    assert await timed.get() == A
    timed.add_after(A, 0.01, keep_earlier=True)
    timed.add_after(A, None)
    timed.done(A)
    clock.advance(0.01)
    assert await timed.get() == B
    timed.add_after(C, 0)
    assert await timed.get() == A


async def test_what_was_asked_for_soon_is_not_asked_for_again(timed: WorkQueue, clock: HandClock) -> None:
    timed.add_after(A, 0.01, keep_earlier=True)
    clock.advance(0.01)
    assert await timed.get() == A
    timed.add_after(A, 3600)
    timed.done(A)
    clock.advance(1)
    timed.add_after(B, 0)
    assert await timed.get() == B
    assert not len(timed)
