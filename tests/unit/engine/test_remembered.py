"""Answers are asked for once, whoever wants them, and again when they are too old or have failed."""

from __future__ import annotations

import asyncio

import pytest

from roomkeeper.engine.remembered import Remembered
from tests.unit.engine.clock import HandClock


class Asked:
    def __init__(self) -> None:
        self.times = 0
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.times += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return self.times


async def test_many_who_want_an_answer_are_one_question() -> None:
    remembered, ask = Remembered[int](HandClock(), seconds=10, most=2), Asked()
    assert await asyncio.gather(*(remembered.get("a", ask) for _ in range(5))) == [1] * 5
    assert ask.times == 1


async def test_an_answer_is_kept_for_so_long_and_no_more_than_so_many() -> None:
    clock, ask = HandClock(), Asked()
    remembered = Remembered[int](clock, seconds=10, most=2)
    await remembered.get("a", ask)
    clock.advance(4.9)
    assert await remembered.get("a", ask) == 1
    clock.advance(10)
    assert await remembered.get("a", ask) == 2
    for key in "bcd":
        await remembered.get(key, ask)
    assert await remembered.get("a", ask) == 6
    assert len(remembered._entries) == 2


async def test_what_failed_is_asked_again_and_who_goes_away_leaves_it_to_the_others() -> None:
    remembered, ask = Remembered[int](HandClock(), seconds=10, most=2), Asked()
    ask.error = OSError()
    with pytest.raises(OSError):  # noqa: PT011 - the very one
        await remembered.get("a", ask)
    ask.error = None
    impatient = asyncio.create_task(remembered.get("a", ask))
    patient = asyncio.create_task(remembered.get("a", ask))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 2
    assert ask.times == 2


async def test_nobody_waits_for_an_answer_that_is_wanted_again_and_again() -> None:
    clock, ask = HandClock(), Asked()
    remembered = Remembered[int](clock, seconds=10, most=2)
    await remembered.get("a", ask)
    clock.advance(5)
    assert [await remembered.get("a", ask) for _ in range(3)] == [1] * 3
    while remembered._entries["a"].next:
        await asyncio.sleep(0)
    clock.advance(4.9)
    assert await remembered.get("a", ask) == 2
    assert ask.times == 2


async def test_an_answer_that_does_not_come_leaves_the_old_one_until_its_time() -> None:
    clock, ask = HandClock(), Asked()
    remembered = Remembered[int](clock, seconds=10, most=2)
    await remembered.get("a", ask)
    ask.error = OSError()
    clock.advance(9)
    assert await remembered.get("a", ask) == 1
    while remembered._entries["a"].next:
        await asyncio.sleep(0)
    assert await remembered.get("a", ask) == 1
    clock.advance(1)
    with pytest.raises(OSError):  # noqa: PT011 - the very one
        await remembered.get("a", ask)
