"""What a replica does that stands by, and in which order it begins when it no longer does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import KubernetesUnreachableError
from roomkeeper.domain.objects import Key
from roomkeeper.engine.standby import LATELY_SECONDS
from tests.unit.engine.fleet import KEY, MAIN, NEW_KEY, Fleet
from tests.unit.engine.recordings import ON_MAIN, a_recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Bystander(Fleet):
    """An engine that stands by, until `won` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.won = asyncio.Event()
        self.standing_by = asyncio.create_task(self.operator._standby.until(self.won.wait()))

    async def see(self) -> None:
        """Hear of all that happened."""
        self.deliver()
        while not self.queue.is_idle:
            await asyncio.sleep(0)

    async def order(self) -> list[str]:
        """Win, and return the names of all keys in the order in which they would be worked on."""
        self.won.set()
        await self.standing_by
        names = []
        while len(self.queue):
            key = await self.queue.get()
            assert key
            names.append(key.name)
            self.queue.done(key)
        return names


@pytest.fixture
async def fleet() -> AsyncIterator[Bystander]:
    made = Bystander()
    yield made
    made.standing_by.cancel()
    await asyncio.gather(made.standing_by, return_exceptions=True)


async def test_it_only_reads_credentials(fleet: Bystander) -> None:
    fleet.add_livekit()
    fleet.keep()
    fleet.add_server()
    fleet.declare("standup")
    await fleet.see()
    assert fleet.asked() == ["get secrets livekit-api"]


async def test_it_knows_whose_webhook_one_is(fleet: Bystander) -> None:
    fleet.add_livekit()
    fleet.keep()
    fleet.add_server()
    await fleet.see()
    assert fleet.operator.servers.webhook_keys()[KEY.api_key] == [KEY.api_secret]


async def test_it_learns_of_keys_that_change(fleet: Bystander) -> None:
    livekit = fleet.add_livekit()
    fleet.keep()
    fleet.add_server(resyncSeconds=60)
    await fleet.see()
    timers = asyncio.create_task(fleet.queue.run_timers())
    livekit.accepted.add(NEW_KEY)
    fleet.keep(NEW_KEY)
    fleet.clock.advance(70)
    async with asyncio.timeout(5):
        while NEW_KEY.api_key not in fleet.operator.servers.webhook_keys():
            await asyncio.sleep(0.01)
    timers.cancel()


async def test_a_secret_that_cannot_be_read_is_read_later(fleet: Bystander) -> None:
    fleet.add_livekit()
    fleet.keep()
    fleet.kubernetes.fail_next("get", "secrets", KubernetesUnreachableError("nobody answers"))
    fleet.add_server()
    await fleet.see()
    assert KEY.api_key not in fleet.operator.servers.webhook_keys()
    timers = asyncio.create_task(fleet.queue.run_timers())
    fleet.clock.advance(1)
    async with asyncio.timeout(5):
        while KEY.api_key not in fleet.operator.servers.webhook_keys():
            await asyncio.sleep(0.01)
    timers.cancel()


async def test_a_server_that_is_deleted_is_forgotten(fleet: Bystander) -> None:
    fleet.add_livekit()
    fleet.keep()
    fleet.add_server()
    await fleet.see()
    fleet.delete_server()
    await fleet.see()
    assert KEY.api_key not in fleet.operator.servers.webhook_keys()


async def test_everything_is_looked_at_and_what_happened_lately_first(fleet: Bystander) -> None:
    for name in ("a", "b", "c"):
        fleet.declare(name)
    await fleet.see()
    fleet.clock.advance(LATELY_SECONDS + 1)
    fleet.edit(Key("Room", "team-a", "c"), maxParticipants=5)
    await fleet.see()
    first, *others = await fleet.order()
    assert first == "c"
    assert sorted(others) == ["a", "b"]


async def test_whoever_has_won_already_looks_at_everything(fleet: Bystander) -> None:
    fleet.won.set()
    await fleet.standing_by
    fleet.declare("a")
    fleet.deliver()
    assert await fleet.order() == ["a"]


async def test_what_is_gone_meanwhile_is_not_remembered_for_ever() -> None:
    recorder = await a_recorder()
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    await recorder.play(2)
    standby = recorder.operator._standby
    standing_by = asyncio.create_task(standby.until(asyncio.Event().wait()))
    recorder.forget_by_force(key)
    recorder.deliver()
    while not recorder.queue.is_idle:
        await asyncio.sleep(0)
    assert recorder.operator.abandoned.of(key.namespace)
    recorder.clock.advance(LATELY_SECONDS + 1)
    recorder.queue.add(MAIN)
    while not recorder.queue.is_idle:
        await asyncio.sleep(0)
    assert not recorder.operator.abandoned.of(key.namespace)
    standing_by.cancel()
    await asyncio.gather(standing_by, return_exceptions=True)
