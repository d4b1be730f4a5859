"""The Lease among replicas that share an API server in memory; whole minutes pass at once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomkeeper.adapters.kubernetes.memory import InMemoryKubernetes
from roomkeeper.adapters.kubernetes.resources import LEASES
from roomkeeper.adapters.ports import Effect, FencedError, KubernetesUnreachableError
from roomkeeper.engine.election import Candidate, Election, LeaseLostError, identity_of
from roomkeeper.engine.fence import LeaseFence
from roomkeeper.engine.lease import Terms
from tests.unit.engine import virtual_time
from tests.unit.engine.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from roomkeeper.adapters.ports import Body, Resource

TERMS = Terms(15)
WHERE = {"namespace": "livekit", "name": "roomkeeper"}


@dataclass(slots=True)
class Network:
    """Between one replica and the API server."""

    inner: InMemoryKubernetes
    before: Callable[[], Awaitable[None]] = field(default=lambda: asyncio.sleep(0.01))
    after: Callable[[], Awaitable[None]] = field(default=lambda: asyncio.sleep(0.01))

    async def _through(self, call: Coroutine[Any, Any, Body]) -> Body:
        try:
            await self.before()
        except BaseException:
            call.close()
            raise
        # As over a network, what was sent takes effect whether or not somebody still waits for the answer.
        answer = await asyncio.shield(asyncio.ensure_future(call))
        await self.after()
        return answer

    async def get(self, resource: Resource, *, namespace: str, name: str) -> Body:
        return await self._through(self.inner.get(resource, namespace=namespace, name=name))

    async def create(self, resource: Resource, body: Body) -> Body:
        return await self._through(self.inner.create(resource, body))

    async def replace(self, resource: Resource, body: Body) -> Body:
        return await self._through(self.inner.replace(resource, body))

    async def aclose(self) -> None:
        """Nothing is open."""


class Replica:
    """One process: its clocks, its way to the API server, its part in the election."""

    def __init__(self, name: str, kubernetes: InMemoryKubernetes, clock: VirtualClock | None = None) -> None:
        self.network = Network(kubernetes)
        self.clock = clock or VirtualClock(zero=len(name) * 1e5)
        self.fence = LeaseFence(self.clock, TERMS)
        self.election = Election(
            Candidate("livekit", name, address=f"{name}:8080"),
            kubernetes=self.network,  # type: ignore[arg-type]
            fence=self.fence,
            clock=self.clock,
        )
        self.running = asyncio.create_task(self.election.run(), name=name)

    @property
    def may_write(self) -> bool:
        try:
            self.fence.admit(Effect.WRITE)
        except FencedError:
            return False
        return True

    async def stop(self) -> None:
        self.election.stop()
        await self.running

    async def kill(self) -> None:
        self.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.running


def spec(kubernetes: InMemoryKubernetes) -> Any:
    return kubernetes.store.get(LEASES, **WHERE)["spec"]


def api_server() -> InMemoryKubernetes:
    return InMemoryKubernetes(VirtualClock())


async def hang() -> None:
    await asyncio.Event().wait()


async def seconds_until(replica: Replica) -> float:
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(60):
        await replica.election.won.wait()
    return asyncio.get_running_loop().time() - began


def test_the_first_makes_the_lease_and_the_second_stands_by() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        assert await seconds_until(first) < 1
        second = Replica("second", kubernetes)
        await asyncio.sleep(600)
        assert not second.election.won.is_set()
        assert first.may_write
        assert not second.may_write
        assert second.election.holder_address == "first:8080"
        assert first.election.holder_address == ""
        made = spec(kubernetes)
        assert (made["holderIdentity"], made["leaseDurationSeconds"], made["leaseTransitions"]) == (
            "first",
            15,
            0,
        )
        assert made["acquireTime"] < made["renewTime"]
        renewals = [call for call in kubernetes.calls if call.verb == "replace"]
        assert 600 / 5 <= len(renewals) <= 600 / 4 + 1
        looks = [call for call in kubernetes.calls if call.verb == "get"]
        assert 600 <= len(looks) <= 600 / 0.8 + 1
        await second.stop()
        await first.stop()

    virtual_time.run(main())


def test_a_lease_that_is_given_back_is_taken_within_a_second() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        second = Replica("second", kubernetes)
        await asyncio.sleep(7)
        await first.stop()
        assert not first.may_write
        assert spec(kubernetes)["holderIdentity"] == ""
        assert await seconds_until(second) < 1.1
        assert spec(kubernetes)["leaseTransitions"] == 1
        assert second.election.holder_address == ""
        await second.stop()

    virtual_time.run(main())


def test_a_holder_that_dies_is_followed_when_its_lease_has_expired() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        second = Replica("second", kubernetes)
        await asyncio.sleep(7)
        await first.kill()
        assert 15 - 5 < await seconds_until(second) < 15 + 1.2
        assert not first.may_write
        await second.stop()

    virtual_time.run(main())


def test_who_cannot_renew_is_through_at_the_deadline_and_the_next_begins_later() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        second = Replica("second", kubernetes)
        await asyncio.sleep(60)
        first.network.before = hang
        began = asyncio.get_running_loop().time()
        with pytest.raises(LeaseLostError, match="could not be renewed in time"):
            await first.running
        assert 5 - 0.1 < asyncio.get_running_loop().time() - began <= 10
        assert not first.may_write
        assert not second.election.won.is_set()
        assert 15 - 10 - 0.1 < await seconds_until(second) < 10 + 1.2
        await second.stop()

    virtual_time.run(main())


async def unreachable() -> None:
    raise KubernetesUnreachableError("nobody answers")


def test_the_deadline_counts_from_the_sending_of_a_renewal_that_is_answered_late() -> None:
    async def main() -> None:
        kubernetes = api_server()
        replica = Replica("first", kubernetes)
        replica.network.after = lambda: asyncio.sleep(1.4)
        await seconds_until(replica)
        assert 10 - 1.5 < replica.fence.seconds_left <= 10 - 1.4
        await replica.stop()

    virtual_time.run(main())


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize(("fault", "seconds"), [(unreachable, 4), (hang, 2)])
def test_an_outage_that_leaves_time_for_another_attempt_changes_nothing(
    fault: Callable[[], Awaitable[None]], seconds: float, where: str
) -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        second = Replica("second", kubernetes)
        for _ in range(20):
            await asyncio.sleep(20)
            setattr(first.network, where, fault)
            await asyncio.sleep(seconds)
            setattr(first.network, where, lambda: asyncio.sleep(0.01))
        await asyncio.sleep(20)
        assert first.may_write
        assert not second.election.won.is_set()
        assert spec(kubernetes)["leaseTransitions"] == 0
        await second.stop()
        await first.stop()

    virtual_time.run(main())


def test_who_finds_another_in_the_lease_is_through_at_once() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        await asyncio.sleep(60)
        patch = {"spec": {"holderIdentity": "somebody"}}
        kubernetes.store.patch(LEASES, **WHERE, patch=patch)
        with pytest.raises(LeaseLostError, match="held by somebody now"):
            await first.running
        assert not first.may_write
        assert spec(kubernetes)["holderIdentity"] == "somebody"

    virtual_time.run(main())


def test_a_lease_that_somebody_annotates_stays_with_its_holder() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        kubernetes.store.patch(LEASES, **WHERE, patch={"metadata": {"annotations": {"example.com/a": "b"}}})
        await asyncio.sleep(60)
        assert first.may_write
        annotations = kubernetes.store.get(LEASES, **WHERE)["metadata"]["annotations"]
        assert annotations == {"example.com/a": "b", "roomkeeper.dev/address": "first:8080"}
        await first.stop()

    virtual_time.run(main())


def test_a_lease_that_is_deleted_is_not_taken_from_its_holder() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        second = Replica("second", kubernetes)
        await asyncio.sleep(60)
        kubernetes.store.delete(LEASES, **WHERE)
        await asyncio.sleep(60)
        assert first.may_write
        assert not second.election.won.is_set()
        assert spec(kubernetes)["holderIdentity"] == "first"
        await second.stop()
        await first.stop()

    virtual_time.run(main())


def test_who_never_had_the_lease_ends_without_a_write() -> None:
    async def main() -> None:
        kubernetes = api_server()
        first = Replica("first", kubernetes)
        await seconds_until(first)
        second = Replica("second", kubernetes)
        await asyncio.sleep(10)
        await second.stop()
        assert spec(kubernetes)["holderIdentity"] == "first"
        await first.stop()

    virtual_time.run(main())


def test_a_lease_that_cannot_be_given_back_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        first = Replica("first", api_server())
        await seconds_until(first)
        first.network.before = hang
        await first.stop()

    virtual_time.run(main())
    assert "the Lease livekit/roomkeeper could not be released" in caplog.text


def test_what_stands_in_the_way_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        kubernetes = api_server()
        kubernetes.outage = True
        replica = Replica("first", kubernetes)
        await asyncio.sleep(60)
        kubernetes.outage = False
        assert await seconds_until(replica) < 1.1
        await replica.stop()

    virtual_time.run(main())
    told = [one for one in caplog.messages if "cannot take or renew the Lease livekit/roomkeeper" in one]
    assert len(told) == 1


def test_no_two_processes_of_a_machine_are_one() -> None:
    assert identity_of("node").startswith("node_")
    assert identity_of("node") != identity_of("node")


@dataclass(slots=True)
class Weather:
    """A network that is bad for a while: late, deaf or dumb."""

    chance: random.Random
    is_bad: bool = True

    async def step(self) -> None:
        if not self.is_bad:
            await asyncio.sleep(0.01)
            return
        await asyncio.sleep(self.chance.choice([0.01, 0.1, 1, 3, 12, 40]))
        if self.chance.random() < 0.2:
            raise KubernetesUnreachableError("nobody answers")


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_the_network_does_no_two_may_write(seed: int) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        kubernetes = api_server()
        weather = Weather(chance)
        replicas: list[Replica] = []

        def begin(number: int) -> None:
            clock = VirtualClock(
                zero=chance.uniform(0, 1e6),
                wall_ahead=chance.uniform(-1e5, 1e5),
                rate=chance.uniform(0.9, 1.1),
            )
            replica = Replica(f"replica-{number}", kubernetes, clock)
            replica.network.before = replica.network.after = weather.step
            replicas.append(replica)

        for number in range(3):
            begin(number)
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began < 200:
            await asyncio.sleep(chance.uniform(0, 0.3))
            writers = [one.election for one in replicas if one.may_write]
            assert len(writers) <= 1
            weather.is_bad = chance.random() < 0.9 if chance.random() < 0.02 else weather.is_bad
            for one in [one for one in replicas if one.running.done()]:
                replicas.remove(one)
                assert isinstance(one.running.exception(), LeaseLostError)
                begin(len(kubernetes.calls) + 3)
        weather.is_bad = False
        await asyncio.sleep(60)
        assert sum(one.may_write for one in replicas) == 1
        for one in replicas:
            if not one.running.done():
                await one.stop()

    virtual_time.run(main())
