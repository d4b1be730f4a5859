from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.kubernetes.events import EventNote, EventRecorder
from roomkeeper.adapters.kubernetes.memory import InMemoryKubernetes
from roomkeeper.adapters.kubernetes.resources import EVENTS
from roomkeeper.adapters.ports import ForbiddenError, KubernetesUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

NOTE = EventNote(
    kind="Room",
    api_version="roomkeeper.dev/v1alpha1",
    namespace="team-a",
    name="standup",
    uid="uid-1",
    type="Warning",
    reason="ServerUnreachable",
    message="LiveKit does not answer",
    action="Reconcile",
)


class MovedClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


class World:
    def __init__(self) -> None:
        self.clock = MovedClock()
        self.kubernetes = InMemoryKubernetes(self.clock)
        self.recorder = EventRecorder(self.kubernetes, self.clock, instance="roomkeeper-0")

    def verbs(self) -> list[str]:
        return [call.verb for call in self.kubernetes.calls]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0)

    async def taken(self) -> None:
        """Wait until all that was emitted has been looked at."""
        await self.until(self.recorder._queue.empty)
        for _ in range(10):
            await asyncio.sleep(0)

    async def stop(self, running: asyncio.Task[None]) -> None:
        self.recorder.stop()
        await running


@pytest.fixture
def world() -> World:
    return World()


async def test_an_event_has_the_shape_of_events_k8s_io(world: World) -> None:
    running = asyncio.create_task(world.recorder.run())
    world.recorder.emit(NOTE)
    await world.until(lambda: bool(world.kubernetes.store.list(EVENTS)))
    await world.stop(running)
    [event] = world.kubernetes.store.list(EVENTS, namespace="team-a")
    assert event["metadata"]["name"].startswith("standup.")
    assert event["eventTime"] == "2026-01-02T03:04:05.000678Z"
    expected = {
        "type": "Warning",
        "reason": "ServerUnreachable",
        "note": "LiveKit does not answer",
        "action": "Reconcile",
        "reportingController": "roomkeeper.dev/operator",
        "reportingInstance": "roomkeeper-0",
        "regarding": {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "Room",
            "namespace": "team-a",
            "name": "standup",
            "uid": "uid-1",
        },
    }
    assert expected.items() <= event.items()


async def test_a_namespace_that_is_being_deleted_takes_none(world: World) -> None:
    recorder = EventRecorder(
        world.kubernetes, world.clock, instance="roomkeeper-0", is_terminating=lambda name: name == "team-a"
    )
    running = asyncio.create_task(recorder.run())
    recorder.emit(NOTE)
    recorder.emit(replace(NOTE, namespace="team-b"))
    await world.until(lambda: bool(world.kubernetes.store.list(EVENTS)))
    recorder.stop()
    await running
    assert [event["metadata"]["namespace"] for event in world.kubernetes.store.list(EVENTS)] == ["team-b"]
    assert world.verbs() == ["create"]


async def test_the_same_again_is_counted_once_a_minute(world: World) -> None:
    running = asyncio.create_task(world.recorder.run())
    for _ in range(3):
        world.recorder.emit(NOTE)
    await world.taken()
    assert world.verbs() == ["create"]
    world.clock.time += timedelta(seconds=60)
    world.recorder.emit(NOTE)
    await world.until(lambda: world.verbs() == ["create", "patch"])
    world.recorder.emit(NOTE)
    await world.taken()
    assert world.verbs() == ["create", "patch"]
    [event] = world.kubernetes.store.list(EVENTS)
    assert event["series"] == {"count": 4, "lastObservedTime": "2026-01-02T03:05:05.000678Z"}
    await world.stop(running)
    [event] = world.kubernetes.store.list(EVENTS)
    assert event["series"]["count"] == 5


async def test_after_ten_silent_minutes_it_is_a_new_event(world: World) -> None:
    running = asyncio.create_task(world.recorder.run())
    world.recorder.emit(NOTE)
    await world.taken()
    world.clock.time += timedelta(minutes=10)
    world.recorder.emit(NOTE)
    await world.stop(running)
    assert world.verbs() == ["create", "create"]
    assert len(world.recorder._series) == 1


@pytest.mark.parametrize("change", [{"uid": "uid-2"}, {"type": "Normal"}, {"reason": "R"}, {"message": "M"}])
async def test_what_differs_is_an_event_of_its_own(world: World, change: dict[str, str]) -> None:
    world.recorder.emit(NOTE)
    world.recorder.emit(replace(NOTE, **change))
    world.recorder.stop()
    await world.recorder.run()
    assert world.verbs() == ["create", "create"]


async def test_a_count_whose_event_has_expired_starts_anew(world: World) -> None:
    running = asyncio.create_task(world.recorder.run())
    world.recorder.emit(NOTE)
    await world.until(lambda: bool(world.kubernetes.store.list(EVENTS)))
    [event] = world.kubernetes.store.list(EVENTS)
    world.kubernetes.store.delete(EVENTS, namespace="team-a", name=event["metadata"]["name"])
    world.clock.time += timedelta(seconds=60)
    world.recorder.emit(NOTE)
    await world.until(lambda: world.verbs() == ["create", "patch"])
    world.recorder.emit(NOTE)
    await world.stop(running)
    assert world.verbs() == ["create", "patch", "create"]


async def test_a_burst_is_cut_and_what_is_dropped_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(40):
        world.recorder.emit(replace(NOTE, message=str(number)))
    world.recorder.stop()
    await world.recorder.run()
    written = len(world.kubernetes.store.list(EVENTS))
    assert 25 <= written < 40
    assert world.recorder.dropped == 40 - written
    assert f"{40 - written} Events dropped" in caplog.text


async def test_a_full_queue_drops_and_never_raises(world: World) -> None:
    for number in range(1010):
        world.recorder.emit(replace(NOTE, message=str(number)))
    assert world.recorder.dropped == 10


async def test_a_terminating_namespace_is_no_trouble(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.kubernetes.fail_next("create", "events", ForbiddenError("terminating", status=403))
    world.recorder.emit(NOTE)
    world.recorder.stop()
    with caplog.at_level("INFO"):
        await world.recorder.run()
    assert not caplog.records


async def test_an_outage_loses_the_event_and_not_the_recorder(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    running = asyncio.create_task(world.recorder.run())
    world.kubernetes.fail_next("create", "events", KubernetesUnreachableError("no answer"))
    world.recorder.emit(NOTE)
    world.recorder.emit(NOTE)
    await world.until(lambda: bool(world.kubernetes.store.list(EVENTS)))
    await world.stop(running)
    assert "is lost: no answer" in caplog.text


async def test_a_long_message_is_cut_at_a_character(world: World) -> None:
    world.recorder.emit(replace(NOTE, message="a" + "é" * 1000))
    world.recorder.stop()
    await world.recorder.run()
    [event] = world.kubernetes.store.list(EVENTS)
    assert event["note"] == "a" + "é" * 511
