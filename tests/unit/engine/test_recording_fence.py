"""A start goes out right after the Lease was renewed, or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import Effect, FencedError
from roomkeeper.engine.fence import LeaseFence
from roomkeeper.engine.lease import Terms
from tests.unit.engine.fleet import URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.outcomes import Outcome


async def fenced() -> tuple[Recorder, LeaseFence]:
    """Return an engine whose Lease was renewed six seconds ago."""
    recorder = await a_recorder()
    fence = LeaseFence(recorder.clock, Terms(15))
    fence.renewed(recorder.clock.monotonic())
    recorder.clock.advance(6)
    executor = recorder.workers.reconcilers["Recording"].executor
    object.__setattr__(executor, "fence", fence)
    return recorder, fence


def starts(recorder: Recorder) -> int:
    return sum(method == "start_egress" for method, _ in recorder.livekits[URL].calls)


def begin(recorder: Recorder, key: Key) -> asyncio.Task[list[Outcome]]:
    return asyncio.create_task(recorder.reconcile(key))


async def test_an_intent_is_written_only_when_its_start_may_follow() -> None:
    recorder, fence = await fenced()
    key = recorder.record(**ON_MAIN)
    working = begin(recorder, key)
    for _ in range(100):
        await asyncio.sleep(0)
    assert "attempts" not in recorder.shown(key)
    fence.renewed(recorder.clock.monotonic())
    await working
    assert recorder.state(key) == "Starting"
    assert starts(recorder) == 1


async def test_nothing_is_written_by_one_that_lost_the_lease_meanwhile() -> None:
    recorder, fence = await fenced()
    key = recorder.record(**ON_MAIN)
    working = begin(recorder, key)
    await asyncio.sleep(0)
    fence.shut()
    with pytest.raises(FencedError):
        await working
    assert "attempts" not in recorder.shown(key)
    assert starts(recorder) == 0


async def test_a_start_that_may_not_be_sent_is_taken_back_and_made_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder, fence = await fenced()
    fence.renewed(recorder.clock.monotonic())
    livekit = recorder.livekits[URL]
    send = livekit.start_egress

    async def only_when_fresh(request: object) -> object:
        fence.admit(Effect.START)
        return await send(request)  # type: ignore[arg-type]

    def is_slow(_: object, __: str, body: Body) -> None:
        if body.get("status", {}).get("state") == "Starting":
            recorder.clock.advance(5)

    monkeypatch.setattr(livekit, "start_egress", only_when_fresh)
    recorder.kubernetes.watch(is_slow)
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    assert "attempts" not in recorder.shown(key)
    assert recorder.state(key) == "Armed"
    assert starts(recorder) == 0

    recorder.kubernetes.store._watchers.pop()
    fence.renewed(recorder.clock.monotonic())
    await recorder.reconcile(key)
    assert recorder.state(key) == "Starting"
    assert starts(recorder) == 1
