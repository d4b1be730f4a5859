"""What may be sent when: by the monotonic clock, from the moment at which the last renewal was sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import Effect, FencedError
from roomkeeper.engine.fence import LeaseFence, OpenFence
from roomkeeper.engine.lease import Terms

if TYPE_CHECKING:
    from tests.unit.engine.clock import HandClock


READ, WRITE, START = Effect.READ, Effect.WRITE, Effect.START


@pytest.fixture
def fence(clock: HandClock) -> LeaseFence:
    return LeaseFence(clock, Terms(15))


def admitted(fence: LeaseFence) -> set[Effect]:
    passed = set()
    for effect in Effect:
        try:
            fence.admit(effect)
        except FencedError:
            continue
        passed.add(effect)
    return passed


def test_who_never_had_the_lease_may_read(fence: LeaseFence) -> None:
    assert admitted(fence) == {READ}


@pytest.mark.parametrize(
    ("seconds", "passes"),
    [
        (0, {READ, WRITE, START}),
        (4.999, {READ, WRITE, START}),
        (5, {READ, WRITE}),
        (9.999, {READ, WRITE}),
        (10, set()),
        (60, set()),
    ],
)
def test_what_passes_so_long_after_a_renewal(
    fence: LeaseFence, clock: HandClock, seconds: float, passes: set[Effect]
) -> None:
    fence.renewed(clock.monotonic())
    clock.advance(seconds)
    assert admitted(fence) == passes


def test_the_wall_clock_changes_nothing(fence: LeaseFence, clock: HandClock) -> None:
    fence.renewed(clock.monotonic())
    clock.set_ahead(3600)
    assert admitted(fence) == {READ, WRITE, START}
    clock.set_ahead(-7200)
    clock.advance(10)
    assert admitted(fence) == set()


def test_the_time_counts_from_the_sending_of_a_renewal(fence: LeaseFence, clock: HandClock) -> None:
    fence.renewed(clock.monotonic() - 4)
    clock.advance(5.999)
    assert admitted(fence) == {READ, WRITE}
    clock.advance(0.001)
    assert admitted(fence) == set()


def test_what_is_through_is_through(fence: LeaseFence, clock: HandClock) -> None:
    fence.renewed(clock.monotonic())
    clock.advance(10)
    fence.renewed(clock.monotonic())
    assert admitted(fence) == set()


def test_a_renewal_that_was_sent_too_long_ago_opens_nothing(fence: LeaseFence, clock: HandClock) -> None:
    fence.renewed(clock.monotonic() - 10)
    assert admitted(fence) == set()


def test_a_shut_fence_lets_nothing_pass(fence: LeaseFence, clock: HandClock) -> None:
    fence.renewed(clock.monotonic())
    fence.shut()
    assert admitted(fence) == set()
    assert fence.seconds_left == 0


async def test_a_start_waits_for_the_next_renewal(fence: LeaseFence, clock: HandClock) -> None:
    fence.renewed(clock.monotonic())
    await fence.until_fresh()
    clock.advance(6)
    waiting = asyncio.create_task(fence.until_fresh())
    await asyncio.sleep(0)
    assert not waiting.done()
    fence.renewed(clock.monotonic())
    await waiting


async def test_a_start_that_waits_in_vain_is_told(fence: LeaseFence, clock: HandClock) -> None:
    fence.renewed(clock.monotonic())
    clock.advance(6)
    waiting = asyncio.create_task(fence.until_fresh())
    await asyncio.sleep(0)
    fence.shut()
    with pytest.raises(FencedError):
        await waiting


async def test_where_there_is_one_replica_all_passes() -> None:
    fence = OpenFence()
    for effect in Effect:
        fence.admit(effect)
    await fence.until_fresh()
