"""Rounds in which the replica that works is killed, stopped for a while, cut off or told to end, while there is work."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from roomkeeper.engine.lease import Terms
from tests.bench.sessions import Kube, LiveKit
from tests.e2e.replicas import Replicas, requests
from tests.failover import history
from tests.failover.lives import Life, until
from tests.failover.meeting import OVER, Meeting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.studio import Studio

REPLICAS = 3
STARTS_WITHIN_SECONDS = 60.0
CALM_WITHIN_SECONDS = 60.0
EVENTS = ("kill", "pause", "pause", "partition", "partition", "stop")


@dataclass(frozen=True, slots=True)
class Round:
    """What was done to the holder for how long, and how many seconds went by until the next one wrote."""

    event: str
    seconds: float
    took_over: float | None  # None: nobody had to
    calm: float

    def __str__(self) -> str:
        """Return a line of the table."""
        lasted = f"{self.seconds:4.1f} s" if self.seconds else "      "
        after = f"{self.took_over:5.2f} s" if self.took_over is not None else "kept it"
        return f"{self.event:9} {lasted}   next writes after {after:7}   all as declared after {self.calm:5.2f} s"


class Story:
    """Replicas, their work, and what was seen of both."""

    def __init__(self, studio: Studio, made: Replicas, kube: Kube, livekit: LiveKit, seed: int) -> None:
        self.chance = random.Random(seed)
        self.made = made
        self.terms = Terms(made.lease_seconds)
        self.meeting = Meeting(studio, kube, livekit, random.Random(seed + 1))
        self.lives: list[Life] = []  # in the order in which they began
        self.ended: Counter[str] = Counter()
        self.since = studio.stack.audit.mark()
        self._stack = studio.stack
        self._starting: list[asyncio.Task[None]] = []
        self._number = 0

    async def play(self, rounds: int, tell: Callable[[str], None]) -> list[Round]:
        """Play so many rounds, and return them; AssertionError for what must not happen."""
        for _ in range(REPLICAS):
            self._start()
        await self._ready(REPLICAS)
        await self.meeting.begin()
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(self.meeting.edit()), group.create_task(self.meeting.record())]
            played = []
            for number in range(rounds):
                played.append(await self._round())
                tell(f"{number + 1:4} {played[-1]}")
            for task in work:
                task.cancel()
        return played

    async def finish(self, *, patiently: bool) -> Counter[str]:
        """Stop every Recording, wait until it has ended, and return the states; then stop the replicas."""
        for name in list(self.meeting.recordings):
            await self.meeting.stop(name)
        patience = AMBIGUOUS_SECONDS + CALM_WITHIN_SECONDS if patiently else 20.0
        deadline, states = time.monotonic() + patience, dict[str, str]()
        while time.monotonic() < deadline:
            states = await self.meeting.states()
            if set(states.values()) <= OVER:
                break
            await asyncio.sleep(0.2)
        running = [
            one.room for one in self._stack.egress_standin.egresses() if one.running and self._is_ours(one)
        ]
        assert not running, f"still recorded: {running}"
        await self._ready(REPLICAS)  # one that has just begun does not listen to signals yet
        for life in [life for life in self.lives if not life.is_over]:
            life.replica.send(signal.SIGTERM)
            life.expects = {0}
            await self._bury(life)
        return Counter(states.values())

    def check(self) -> dict[str, float]:
        """Check all that was noted, and return what there is to tell of it."""
        wrong = []
        for life in self.lives:
            sent = life.kubernetes.sent, life.livekit.sent
            wrong += [f"{life.replica.name}: {each}" for each in history.began_late(*sent, self.terms)]
        done = [one for one in requests(self._stack, since=self.since) if one.user]
        holders = sorted((life for life in self.lives if life.holds), key=self._since)
        order = [life.replica.user for life in holders]
        wrong += history.overwritten(done, order)
        egresses = [one for one in self._stack.egress_standin.egresses() if self._is_ours(one)]
        wrong += history.at_once(egresses)
        assert not wrong, "\n".join(wrong)
        writes = [one for one in done if one.user in order and one.is_write]
        return {
            "holders": len(order),
            "edits": self.meeting.edits,
            "writes": len(writes),
            "refused": sum(one.code == 409 for one in writes),
            "egresses": len(egresses),
            "last": max(history.last_moment(life.kubernetes.sent, life.livekit.sent) for life in self.lives),
        }

    async def _round(self) -> Round:
        await self._sweep()
        holder = await self._holder()
        await asyncio.sleep(self.chance.uniform(0, 1.2))
        event = self.chance.choice(EVENTS)
        began, wall = time.monotonic(), time.time()
        seconds = await getattr(self, f"_{event}")(holder)
        is_over = (
            event in ("kill", "stop") or not holder.replica.is_running or await self._is_followed(holder)
        )
        took_over = None
        if is_over:
            next_one = await self._holder(other_than=holder)
            took_over = await self._first_write(next_one, wall)
            await self._bury(holder)
            self._start()
        calm = await self.meeting.calm(CALM_WITHIN_SECONDS)
        await self._ready(REPLICAS - 1)
        self.check()
        assert time.monotonic() - began < 120
        return Round(event, seconds, took_over, calm)

    async def _kill(self, holder: Life) -> float:
        holder.expects = {-signal.SIGKILL}
        holder.replica.send(signal.SIGKILL)
        return 0.0

    async def _stop(self, holder: Life) -> float:
        holder.expects = {0}
        holder.replica.send(signal.SIGTERM)
        return 0.0

    async def _pause(self, holder: Life) -> float:
        """Stop the process for a while: it notices nothing."""
        holder.expects = {1}
        seconds = self._some_seconds()
        holder.replica.pause()
        await asyncio.sleep(seconds)
        holder.replica.go_on()
        return seconds

    async def _partition(self, holder: Life) -> float:
        """Let no request of it arrive for a while, nor any answer; what was on its way arrives then."""
        holder.expects = {1}
        seconds, also_livekit = self._some_seconds(), self.chance.random() < 0.5
        holder.kubernetes.hang()
        if also_livekit:
            holder.livekit.hang()
        await asyncio.sleep(seconds)
        holder.kubernetes.heal()
        holder.livekit.heal()
        return seconds

    def _some_seconds(self) -> float:
        """Shorter than the deadline, between it and the end of the Lease, or longer."""
        lease = self.terms.lease_seconds
        return self.chance.choice(
            [
                self.chance.uniform(0.2, 0.6) * lease,
                self.chance.uniform(0.6, 1.0) * lease,
                self.chance.uniform(1.0, 2.0) * lease,
            ]
        )

    async def _holder(self, other_than: Life | None = None) -> Life:
        """Wait until somebody holds the Lease, and return who."""
        found: list[Life] = []

        async def look() -> bool:
            if other_than is None:
                await self._sweep()
            lease = await self._lease()
            address = (lease["metadata"].get("annotations") or {}).get("roomkeeper.dev/address", "")
            found[:] = [
                life
                for life in self.lives
                if address == f"127.0.0.1:{life.replica.port}" and not life.is_over and life is not other_than
            ]
            return bool(found)

        await until(look, "somebody holds the Lease", 60)
        return found[0]

    async def _is_followed(self, holder: Life) -> bool:
        """Wait until it is clear whether a holder that was disturbed has kept the Lease, and tell."""
        seen = len(history.renewals(holder.kubernetes.sent))

        async def is_clear() -> bool:
            return not holder.replica.is_running or len(history.renewals(holder.kubernetes.sent)) > seen + 1

        await until(is_clear, f"{holder.replica.name} has kept or lost the Lease", 60)
        return not holder.replica.is_running

    async def _first_write(self, life: Life, wall: float) -> float:
        """Wait until a holder has written, and return how many seconds that was after a moment."""
        found: list[float] = []

        async def look() -> bool:
            done = await asyncio.to_thread(requests, self._stack, life.replica.user, self.since)
            found[:] = [one.received for one in done if one.is_write and one.code < 300]
            return bool(found)

        await until(look, f"{life.replica.name} has written", 60, every=0.2)
        return found[0] - wall

    async def _sweep(self) -> None:
        """Replace those that lost the Lease though nobody did anything to them: the machine had too much to do."""
        for life in [life for life in self.lives if not life.is_over and not life.replica.is_running]:
            life.expects.add(1)
            await self._bury(life)
            self._start()

    async def _bury(self, life: Life) -> None:
        code = await life.end()
        self.ended[f"exit code {code}"] += 1
        assert code in life.expects, f"{life.replica.name} ended with {code}, not {life.expects}"

    def _start(self) -> None:
        self._number += 1
        self._starting.append(asyncio.create_task(self._begin(f"replica-{self._number}")))

    async def _begin(self, name: str) -> None:
        self.lives.append(await Life.begin(self.made, name))

    async def _ready(self, count: int) -> None:
        """Wait until so many are there that hold the Lease or could."""

        async def are_ready() -> bool:
            for task in [task for task in self._starting if task.done()]:
                self._starting.remove(task)
                task.result()
            await self._sweep()
            alive = [life for life in self.lives if not life.is_over]
            return sum([await life.is_ready() for life in alive if life.replica.is_running]) >= count

        await until(are_ready, f"{count} replicas are ready", STARTS_WITHIN_SECONDS)

    async def _lease(self) -> dict[str, Any]:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.made.cluster.namespace}/leases/roomkeeper"
        return await self.meeting.kube.send("GET", path)

    def _since(self, life: Life) -> float:
        return history.renewals(life.kubernetes.sent)[0].at

    def _is_ours(self, egress: Any) -> bool:
        return str(egress.room).startswith(f"{self.made.cluster.namespace}_")


async def play(
    studio: Studio, made: Replicas, *, rounds: int, seed: int, patiently: bool, tell: Callable[[str], None]
) -> None:
    """Play rounds, check what happened, and tell it."""
    stack = studio.stack
    tell(f"{rounds} rounds with a Lease of {made.lease_seconds} s, seed {seed}")
    async with AsyncExitStack() as open_:
        kube = await open_.enter_async_context(Kube(stack.kubeconfig))
        livekit = await open_.enter_async_context(
            LiveKit(stack.livekit.http_url, stack.livekit.api_key, stack.livekit.api_secret)
        )
        story = Story(studio, made, kube, livekit, seed)
        played = await story.play(rounds, tell)
        states = await story.finish(patiently=patiently)
        told = story.check()
    for event in sorted({one.event for one in played}):
        took = sorted(one.took_over for one in played if one.event == event and one.took_over is not None)
        kept = sum(one.event == event and one.took_over is None for one in played)
        times = (
            f"next wrote after {took[len(took) // 2]:.2f} s mostly, {took[-1]:.2f} s at most" if took else ""
        )
        tell(f"{event}: {len(took) + kept} times, {kept} of them without a takeover; {times}")
    tell(
        f"{told['holders']:g} holders, {told['edits']:g} edits, {told['writes']:g} writes of which {told['refused']:g} were "
        f"refused as late; {told['egresses']:g} egresses, never two of a Recording at once; Recordings: {dict(states)}; "
        f"{dict(story.ended)}; the latest request began {told['last']:.2f} s after a renewal, of "
        f"{story.terms.deadline_seconds:g} s; seed {seed}"
    )
