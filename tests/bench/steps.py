"""The steps of a benchmark, each one thing that happens to all Rooms or to some of them while there are so many."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench import asking, fleet
from tests.bench.calls import FINALIZER, STATUS, Calls
from tests.bench.failover import successions
from tests.bench.fleet import Fleet
from tests.bench.latency import edit, edits, joins
from tests.bench.measure import Cpu, Process
from tests.bench.report import Bulk, Idle, Latency, Results
from tests.bench.sessions import Kube
from tests.e2e.support import OperatorProcess, metric
from tests.e2e.traveller import Traveller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from roomkeeper.localstack import LocalStack
    from tests.bench.sessions import LiveKit

SETTINGS = {
    "ROOMKEEPER_RESYNC_SECONDS": "60",  # the default; end-to-end tests have less
    "ROOMKEEPER_TOKEN_ENDPOINT": "on",
}
PATIENCE_SECONDS = 30.0
PATIENCE_PER_ROOM = 0.2
JOINS = 100
DRAIN_SECONDS = 0.5  # to count what waits, the operator looks at every object
EDITORS = 4  # of Rooms while tokens are asked for
EDITS_PER_SECOND = 50  # by all of them; more would only measure how two cores are shared out
STEADY = 50  # Rooms that are edited while others are created
EVERYTHING_IS_DUE = 2500.0  # seconds after tokens of an hour were issued


@dataclass(slots=True)
class Bench:
    """A stack, an operator beside it, and what has been measured so far."""

    stack: LocalStack
    operator: OperatorProcess
    fleet: Fleet
    livekit: LiveKit
    results: Results
    idle_seconds: float
    settle_seconds: float = 10.0
    edits: int = 200

    @property
    def rooms(self) -> int:
        """How many there are."""
        return self.results.rooms

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [fleet.name_of(number) for number in range(self.rooms)]

    @property
    def patience(self) -> float:
        """Seconds until a step counts as failed."""
        return PATIENCE_SECONDS + PATIENCE_PER_ROOM * self.rooms

    @property
    def process(self) -> Process:
        """The operator's."""
        return Process(self.operator.pid)

    async def drained(self) -> None:
        """Wait until the operator has nothing left to do."""
        ends = time.monotonic() + self.patience
        while metric(self.stack, "roomkeeper_queue_depth"):
            assert time.monotonic() < ends, "the operator's queue does not get empty"
            await asyncio.sleep(DRAIN_SECONDS)

    async def all_ready(self) -> None:
        """Wait until the API server shows every Room Ready."""
        ends = time.monotonic() + self.patience
        while left := await self.fleet.unready():
            assert time.monotonic() < ends, f"not Ready: {left[:3]}"
            await asyncio.sleep(0.5)

    async def emptied(self) -> None:
        """Wait until all Rooms and their Secrets are gone: the garbage collector would take its share of the next step."""
        ends = time.monotonic() + self.patience
        while not await self.fleet.is_empty():
            assert time.monotonic() < ends, "the garbage collector does not come to an end"
            await asyncio.sleep(0.5)


@dataclass(slots=True)
class Watch:
    """What the operator and everything else use and write from now on."""

    bench: Bench
    calls: Calls
    used: float
    parts: Cpu
    began: float

    @classmethod
    def start(cls, bench: Bench) -> Watch:
        """Begin to measure a running operator."""
        used, parts = bench.process.cpu_seconds(), Cpu.of(bench.stack)
        return cls(bench, Calls(bench.stack), used, parts, time.time())

    async def stop(
        self, what: str, *, ended: float | None = None, limit_seconds: float | None = None
    ) -> Bulk:
        """Let it settle, and put the figures into the results; it `ended` by the API server's clock, or now."""
        bench = self.bench
        seconds = (ended or time.time()) - self.began
        await bench.drained()
        await asyncio.sleep(bench.settle_seconds)
        self.calls.read()
        bulk = Bulk(
            what,
            bench.rooms,
            seconds,
            bench.process.cpu_seconds() - self.used,
            writes=self.calls.counted,
            peak_mib=bench.process.peak_mib(),
            settled_mib=bench.process.resident_mib(),
            parts=Cpu.of(bench.stack).since(self.parts).by_part,
            floor=bench.results.bulk(f"floor: {what}"),
            limit_seconds=limit_seconds,
        )
        bench.results.bulks.append(bulk)
        return bulk


async def floor(bench: Bench) -> None:
    """Make the same calls without an operator: create, renew and delete."""
    for what in ("create", "renew", "delete"):
        calls, parts = Calls(bench.stack), Cpu.of(bench.stack)
        took = await _run_floor(bench, what)
        calls.read()
        used = Cpu.of(bench.stack).since(parts).by_part
        bench.results.bulks.append(
            Bulk(
                f"floor: {what}", bench.rooms, took["seconds"], took["cpu_seconds"], calls.counted, parts=used
            )
        )
    await bench.emptied()


async def _run_floor(bench: Bench, what: str) -> dict[str, float]:
    stack = bench.stack
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.floor", what, str(bench.rooms)),
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "KUBECONFIG": str(stack.kubeconfig),
            "OPERATOR_KUBECONFIG": str(stack.operator_kubeconfig),
            "LIVEKIT_URL": stack.livekit.http_url,
            "LIVEKIT_API_KEY": stack.livekit.api_key,
            "LIVEKIT_API_SECRET": stack.livekit.api_secret,
        },
    )
    output, _ = await program.communicate()
    assert program.returncode == 0
    took: dict[str, float] = json.loads(output)
    return took


async def create(bench: Bench) -> None:
    """Declare all Rooms to an operator that has nothing yet; it ends when the last one is Ready."""
    bench.operator.start(**SETTINGS)
    watch = Watch.start(bench)
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.fleet.create(bench.names))
        group.create_task(watch.calls.until(STATUS, bench.rooms, within=bench.patience))
    await bench.all_ready()
    watch.calls.read()
    await watch.stop("create", ended=watch.calls.last(STATUS))


async def edit_idle(bench: Bench) -> None:
    """Edit Rooms one after another while nothing else happens."""
    took = [
        await edit(bench.fleet, bench.livekit, name, pause=0.02) for name in edits(bench.names, bench.edits)
    ]
    bench.results.latencies.append(Latency("an edit is on LiveKit, idle", took, limit_seconds=0.25))
    await bench.drained()


async def idle(bench: Bench) -> None:
    """Do nothing."""
    watch = Watch.start(bench)
    await asyncio.sleep(bench.idle_seconds)
    watch.calls.read()
    used = bench.process.cpu_seconds() - watch.used
    bench.results.idle = Idle(
        time.time() - watch.began, used, bench.process.resident_mib(), watch.calls.counted
    )


async def restart(bench: Bench) -> None:
    """Start the operator anew; it ends when every Room has been looked at and nothing is left to do."""
    bench.operator.stop()
    calls, parts, began = Calls(bench.stack), Cpu.of(bench.stack), time.time()
    bench.operator.start(**SETTINGS)
    await bench.drained()
    await Watch(bench, calls, 0.0, parts, began).stop("restart", limit_seconds=20)


async def failover(bench: Bench) -> None:
    """End the replica that works, twice, while another one stands by."""
    bench.operator.stop()
    for latency in await successions(
        bench.stack, bench.fleet, bench.names, settings=SETTINGS, settled=bench.drained
    ):
        bench.results.latencies.append(latency)


async def renew(bench: Bench) -> None:
    """Let 40 minutes pass by the operator's clocks: the tokens of all Rooms are due at once."""
    bench.operator.stop()
    traveller = Traveller(bench.stack, bench.stack.directory)
    bench.operator = traveller.process
    bench.operator.start(**SETTINGS)
    await bench.drained()
    watch = Watch.start(bench)
    traveller.move(wall=EVERYTHING_IS_DUE, monotonic=EVERYTHING_IS_DUE)
    await watch.calls.until(STATUS, bench.rooms, within=bench.patience)
    await watch.stop("renew", ended=watch.calls.last(STATUS))
    bench.operator.stop()


async def webhooks(bench: Bench) -> None:
    """Have people join Rooms one after another, and see when status counts them."""
    if not bench.operator.is_running:
        bench.operator.start(**SETTINGS)
        await bench.drained()
    took = await joins(bench.stack, bench.fleet, bench.livekit, bench.names[:JOINS])
    bench.results.latencies.append(Latency("a webhook is in status, idle", took))


async def tokens(bench: Bench) -> None:
    """Have tokens asked for at an even rate while Rooms are edited, one after another."""
    if not bench.operator.is_running:
        bench.operator.start(**SETTINGS)
        await bench.drained()
    who = await asyncio.to_thread(asking.backend, bench.stack, f"{bench.fleet.namespace}-tokens")

    async def edit_one(name: str) -> None:
        due = time.monotonic() + EDITORS / EDITS_PER_SECOND
        await bench.fleet.set_metadata(name, edited=str(time.monotonic_ns()))
        await asyncio.sleep(due - time.monotonic())

    async def edit_all() -> None:
        while True:
            await fleet.side_by_side(bench.names, edit_one, at_a_time=EDITORS)

    editing = asyncio.create_task(edit_all())
    try:
        took = await asking.ask(who)
    finally:
        editing.cancel()
        await asyncio.gather(editing, return_exceptions=True)
        await asyncio.to_thread(who.cluster.clear)
    what = f"a token is there, {asking.PER_SECOND}/s while {EDITS_PER_SECOND} Rooms/s are edited"
    bench.results.latencies.append(Latency(what, took, limit_seconds=0.05))
    await bench.drained()
    await bench.all_ready()


async def delete(bench: Bench) -> None:
    """Delete all Rooms; it ends when the last one is gone."""
    watch = Watch.start(bench)
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.fleet.delete(bench.names))
        group.create_task(watch.calls.until(FINALIZER, bench.rooms, within=bench.patience))
    await watch.stop("delete", ended=watch.calls.last(FINALIZER))
    await bench.emptied()


async def edit_busy(bench: Bench) -> None:
    """Create all Rooms once more, and edit others meanwhile."""
    steady = [f"steady-{number}" for number in range(STEADY)]
    await bench.fleet.create(steady)
    await bench.all_ready()
    await bench.drained()
    calls = Calls(bench.stack)
    created = asyncio.create_task(bench.fleet.create(bench.names))
    ready = asyncio.create_task(calls.until(STATUS, bench.rooms, within=bench.patience))
    took = []
    async with Kube(bench.stack.kubeconfig) as kube:  # of somebody else than who declares the others
        for name in edits(steady, 100 * bench.rooms):
            if ready.done():
                break
            took.append(await edit(Fleet(kube, bench.fleet.namespace), bench.livekit, name, pause=0.5))
    await asyncio.gather(created, ready)
    bench.results.latencies.append(
        Latency(f"an edit is on LiveKit, while {bench.rooms} are created", took, limit_seconds=2.0)
    )


STEPS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "floor": floor,
    "create": create,
    "edit-idle": edit_idle,
    "idle": idle,
    "restart": restart,
    "failover": failover,
    "renew": renew,
    "webhooks": webhooks,
    "tokens": tokens,
    "delete": delete,
    "edit-busy": edit_busy,
}
"""In the order in which they are taken: each leaves what the next one needs."""
