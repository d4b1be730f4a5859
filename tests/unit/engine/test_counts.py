from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.engine import counts as module
from roomkeeper.engine.counts import OBJECT_SECONDS, PROCESS_PER_SECOND, RETRY_SECONDS, CountsThrottle
from tests.unit.domain.builders import a_world
from tests.unit.engine.clock import HandClock

if TYPE_CHECKING:
    from roomkeeper.domain.objects import CustomObject

BEFORE: dict[str, Any] = {"sid": "RM_1", "numParticipants": 1, "numPublishers": 0, "activeRecording": False}
ROOM = a_world().with_status(**BEFORE).build().room


def after(**changes: Any) -> dict[str, Any]:
    return {**ROOM.status, **changes}


def another(number: int) -> CustomObject:
    return replace(ROOM, uid=f"uid-{number}")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def throttle(clock: HandClock) -> CountsThrottle:
    return CountsThrottle(clock)


@pytest.mark.parametrize("changes", [{"numParticipants": 2}, {"numPublishers": 1}, {"activeRecording": True}])
async def test_counts_are_written_at_once_when_idle_then_every_ten_seconds(
    throttle: CountsThrottle, clock: HandClock, changes: dict[str, Any]
) -> None:
    assert await throttle.limit(ROOM, after(**changes)) == (after(**changes), None)
    clock.advance(4)
    assert await throttle.limit(ROOM, after(**changes)) == (dict(ROOM.status), OBJECT_SECONDS - 4)
    clock.advance(6)
    assert await throttle.limit(ROOM, after(**changes)) == (after(**changes), None)


async def test_whatever_else_changes_is_never_held_back(throttle: CountsThrottle) -> None:
    await throttle.limit(ROOM, after(numParticipants=2))
    changed = after(numParticipants=3, sid="RM_2")
    assert await throttle.limit(ROOM, changed) == (changed, None)
    without = {name: value for name, value in ROOM.status.items() if name != "sid"}
    assert await throttle.limit(ROOM, without) == (without, None)


async def test_nothing_that_changes_costs_nothing(throttle: CountsThrottle) -> None:
    for _ in range(3):
        assert await throttle.limit(ROOM, after()) == (after(), None)
    assert await throttle.limit(ROOM, after(numParticipants=2)) == (after(numParticipants=2), None)


async def test_objects_do_not_hold_each_other_back_but_the_process_has_a_limit(
    throttle: CountsThrottle,
) -> None:
    waits = [
        (await throttle.limit(another(number), after(numParticipants=2)))[1]
        for number in range(int(PROCESS_PER_SECOND) + 1)
    ]
    assert waits == [None] * int(PROCESS_PER_SECOND) + [RETRY_SECONDS]


async def test_what_is_remembered_has_an_end(
    throttle: CountsThrottle, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    for number in range(10):
        clock.advance(OBJECT_SECONDS)
        await throttle.limit(another(number), after(numParticipants=2))
    assert len(throttle._written_at) <= 4
