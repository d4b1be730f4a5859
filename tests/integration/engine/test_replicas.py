"""Two operators, of which one works: what the other does meanwhile, and how it takes over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.kubernetes.resources import LEASES, RECORDINGS
from roomkeeper.engine.election import LeaseLostError
from tests.integration.engine.replicas import Cluster, Replica, until
from tests.unit.engine import virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

ROLES = [{"name": "host"}]


def play(story: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
    """Play a story, and end whoever is left in it."""

    async def main() -> None:
        cluster = Cluster()
        await story(cluster)
        for replica in cluster.replicas:
            if not replica.running.done():
                await replica.stop()

    virtual_time.run(main())


async def a_pair(cluster: Cluster) -> tuple[Replica, Replica]:
    """Start two, the first of which works; a Room is Ready."""
    first = cluster.start("first")
    await until(lambda: first.operator.is_working)
    second = cluster.start("second")
    await until(lambda: second.operator.is_ready)
    cluster.declare(metadata={"topic": "one"}, roles=ROLES)
    await until(cluster.is_current, within=1)
    await asyncio.sleep(0.1)
    return first, second


def holder(cluster: Cluster) -> str:
    lease = cluster.kubernetes.store.get(LEASES, namespace="livekit", name="roomkeeper")
    return str(lease["spec"]["holderIdentity"])


def test_one_works_and_the_other_only_reads() -> None:
    async def story(cluster: Cluster) -> None:
        first, second = await a_pair(cluster)
        for topic in ("two", "three"):
            cluster.edit(metadata={"topic": topic})
            await until(lambda topic=topic: topic in cluster.topic(), within=1)
            await asyncio.sleep(100)
        assert second.operator.is_ready
        assert not second.operator.is_working
        assert not second.operator.takes_webhooks
        assert second.livekit_calls == []
        assert {name for _, name, _ in second.kubernetes_calls} <= {"list", "get"}
        assert first.operator.takes_webhooks
        assert sum(first.writes().values()) == 3 + 1 + 2 * 2  # finalizer, Secret, status; room; edits

    play(story)


def test_a_standby_knows_all_that_the_one_before_knew_and_writes_nothing_again() -> None:
    async def story(cluster: Cluster) -> None:
        first, second = await a_pair(cluster)
        for number in range(20):
            cluster.declare(f"room-{number}", roles=ROLES)
        await until(lambda: all(cluster.is_current(f"room-{number}") for number in range(20)))
        await asyncio.sleep(1)
        await first.stop()
        took = await until(lambda: second.operator.is_working and second.operator.queue.is_idle, within=3)
        assert took < 1.5
        await asyncio.sleep(200)
        assert second.writes() == {}
        assert holder(cluster) == "second"

    play(story)


def test_what_is_edited_while_nobody_works_is_made_so_by_the_next() -> None:
    async def story(cluster: Cluster) -> None:
        first, second = await a_pair(cluster)
        await asyncio.sleep(100)
        await first.kill()
        cluster.edit(metadata={"topic": "two"})
        took = await until(lambda: "two" in cluster.topic(), within=20)
        assert took > 10
        await until(cluster.is_current, within=1)
        assert second.writes() == {"update_room_metadata team-a_standup": 1, "patch rooms": 1}

    play(story)


async def _five_seconds(name: str) -> None:
    await asyncio.sleep(5 if name == "create_room" else 0.001)


async def _a_minute(name: str) -> None:
    await asyncio.sleep(60 if name == "create_room" else 0.001)


def test_what_is_worked_on_is_finished_before_the_lease_is_given_back() -> None:
    async def story(cluster: Cluster) -> None:
        first, second = await a_pair(cluster)
        first.livekit.slow = _five_seconds
        cluster.declare("slow", roles=ROLES)
        cluster.declare("slower", roles=ROLES)
        await asyncio.sleep(1)
        stopping = asyncio.create_task(first.stop())
        await asyncio.sleep(1)
        cluster.edit(metadata={"topic": "two"})
        await asyncio.sleep(2)
        assert not first.operator.takes_webhooks
        assert holder(cluster) == "first"
        assert "one" in cluster.topic()  # it takes no new key
        assert not cluster.is_current("slow")
        await stopping
        assert cluster.is_current("slow")
        assert cluster.is_current("slower")
        assert holder(cluster) == ""
        await until(lambda: "two" in cluster.topic(), within=3)
        second.writes()
        await asyncio.sleep(10)
        assert second.writes() == {}

    play(story)


def test_what_takes_too_long_is_left_to_the_next() -> None:
    async def story(cluster: Cluster) -> None:
        first, second = await a_pair(cluster)
        first.livekit.slow = _a_minute
        cluster.declare("slow", roles=ROLES)
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        await first.stop()
        assert 20 <= asyncio.get_running_loop().time() - began < 21
        await until(lambda: cluster.is_current("slow"), within=3)
        assert second.operator.is_working

    play(story)


def test_a_single_replica_has_no_lease_and_ends_at_once_when_idle() -> None:
    async def story(cluster: Cluster) -> None:
        first, _ = await a_pair(cluster)
        began = asyncio.get_running_loop().time()
        await first.stop()
        assert asyncio.get_running_loop().time() - began < 0.1

    play(story)


def test_whoever_loses_the_lease_sends_nothing_more_and_ends_with_an_error() -> None:
    async def story(cluster: Cluster) -> None:
        first, second = await a_pair(cluster)
        renewed = asyncio.get_running_loop().time()
        await until(lambda: len(first.lease.calls) > 5)
        renewed = first.lease.calls[-1][0]
        first.lease.slow = _hang
        working = asyncio.create_task(_edit_for_ever(cluster))
        with pytest.raises(LeaseLostError):
            await first.running
        assert max(when for when, _, _ in first.kubernetes_calls) < renewed + 10
        assert max(when for when, _, _ in first.livekit_calls) < renewed + 10
        assert asyncio.get_running_loop().time() <= renewed + 10
        await until(lambda: second.operator.is_working, within=7)
        working.cancel()
        await until(cluster.is_current, within=1)

    play(story)


async def _hang(_: str) -> None:
    await asyncio.Event().wait()


async def _edit_for_ever(cluster: Cluster) -> None:
    number = 0
    while True:
        cluster.edit(metadata={"topic": f"number {number}"})
        number += 1
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("when", ["before it is in sync", "while it stands by"])
def test_one_that_never_worked_ends_at_once(when: str) -> None:
    async def story(cluster: Cluster) -> None:
        first = cluster.start("first")
        await until(lambda: first.operator.is_working)
        second = cluster.start("second")
        second.kubernetes.slow = _hang if when == "before it is in sync" else second.kubernetes.slow
        await asyncio.sleep(2)
        began = asyncio.get_running_loop().time()
        await second.stop()
        assert asyncio.get_running_loop().time() - began < 0.1
        assert holder(cluster) == "first"

    play(story)


def test_whoever_has_not_heard_of_a_start_starts_nothing_twice() -> None:
    """The successor's watch is late: it knows the Recording as it was made, and nothing of what came of it."""

    async def story(cluster: Cluster) -> None:
        first, second = await a_pair(cluster)
        cluster.livekit.join("team-a_standup", "alice", is_publisher=True)
        second.is_deaf = True
        second.operator.wakeups.object_event("Recording", "ADDED", cluster.record())
        await until(lambda: cluster.starts() == 1, within=1)
        await asyncio.sleep(1)
        await first.stop()
        known = cluster.recording()
        await until(lambda: second.operator.is_working, within=3)
        await asyncio.sleep(30)
        assert cluster.starts() == 1
        assert ("patch", "recordings") in {call[1:] for call in second.kubernetes_calls}  # it tried
        assert cluster.recording() == known
        assert known["status"]["state"] == "Starting"
        second.watched(RECORDINGS, "MODIFIED", known)  # now it comes
        second.is_deaf = False
        for _ in range(3):
            cluster.livekit.tick()
        await until(lambda: cluster.recording()["status"]["state"] == "Active", within=120)
        assert cluster.starts() == 1

    play(story)
