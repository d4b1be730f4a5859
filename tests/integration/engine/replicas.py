"""Several operators on one API server and one LiveKit in memory, in virtual time; each knows which calls were its own."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.kubernetes.memory import InMemoryKubernetes
from roomkeeper.adapters.kubernetes.resources import RECORDINGS, ROOMS, SECRETS
from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.adapters.ports import Effect
from roomkeeper.api import common
from roomkeeper.domain.livekit import Credentials
from roomkeeper.engine.election import Candidate, Election
from roomkeeper.engine.fence import LeaseFence
from roomkeeper.engine.kinds import KINDS
from roomkeeper.engine.leadership import Leadership
from roomkeeper.engine.lease import Terms
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.settings import Settings
from tests.unit.engine.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from roomkeeper.adapters.ports import Body, Resource

CREDENTIALS = Credentials("devkey", "a-secret-of-at-least-thirty-two-characters")
NAMESPACE = "team-a"
READS = ("get", "list", "creates", "has")
LATENCY_SECONDS = 0.001


@dataclass(slots=True)
class Line:
    """A port as one replica has it: past its fence, over a network that may be slow; every call is noted."""

    inner: Any
    fence: LeaseFence
    calls: list[tuple[float, str, str]]  # when, method, what
    slow: Callable[[str], Awaitable[None]] = field(default=lambda _: asyncio.sleep(LATENCY_SECONDS))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name == "aclose":
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._pass(name, args)
            await self.slow(name)
            return await method(*args, **kwargs)

        async def listing(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            self._pass(name, args)
            await self.slow(name)
            async for one in method(*args, **kwargs):
                yield one

        return listing if inspect.isasyncgenfunction(method) else call

    def _pass(self, name: str, args: tuple[Any, ...]) -> None:
        self.fence.admit(effect_of(name))
        what = getattr(args[0], "plural", str(args[0])) if args else ""
        self.calls.append((asyncio.get_running_loop().time(), name, what))


def effect_of(name: str) -> Effect:
    """Tell what a method of a port does."""
    if name == "start_egress":
        return Effect.START
    return Effect.READ if name.startswith(READS) else Effect.WRITE


class Cluster:
    """What is there whichever operator works."""

    def __init__(self) -> None:
        self.kubernetes = InMemoryKubernetes(VirtualClock())
        self.livekit = InMemoryLiveKit(VirtualClock())
        self.replicas: list[Replica] = []
        self.kubernetes.watch(self._hand_on)

    def start(self, name: str, **options: Any) -> Replica:
        """Start an operator that takes part in the election."""
        replica = Replica(self, name, **options)
        self.replicas.append(replica)
        return replica

    def declare(self, name: str = "standup", **spec: Any) -> None:
        """Create a Room as `kubectl create` does."""
        metadata = {"namespace": NAMESPACE, "name": name}
        body = {"apiVersion": common.API_VERSION, "kind": "Room", "metadata": metadata, "spec": spec}
        self.kubernetes.store.create(ROOMS, body)

    def record(self, name: str = "talk") -> Body:
        """Create a Recording of the Room that waits for nobody, with the keys of a bucket, and return it."""
        keys = {"AWS_ACCESS_KEY_ID": "a2V5", "AWS_SECRET_ACCESS_KEY": "c2VjcmV0"}
        where = {"namespace": NAMESPACE, "name": "keys"}
        self.kubernetes.store.create(
            SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": where, "data": keys}
        )
        spec = {
            "roomRef": {"name": "standup"},
            "start": "Immediately",
            "source": {"roomComposite": {}},
            "outputs": {"file": {"filepath": "talk.mp4"}},
            "storage": {"s3": {"bucket": "recordings", "credentialsSecretRef": {"name": "keys"}}},
        }
        metadata = {"namespace": NAMESPACE, "name": name}
        body = {"apiVersion": common.API_VERSION, "kind": "Recording", "metadata": metadata, "spec": spec}
        return self.kubernetes.store.create(RECORDINGS, body)

    def recording(self, name: str = "talk") -> Body:
        """Return a Recording."""
        return self.kubernetes.store.get(RECORDINGS, namespace=NAMESPACE, name=name)

    def starts(self) -> int:
        """Count the egresses that LiveKit was asked for."""
        return sum(method == "start_egress" for method, _ in self.livekit.calls)

    def edit(self, name: str = "standup", **spec: Any) -> None:
        """Change fields of a Room."""
        self.kubernetes.store.patch(ROOMS, namespace=NAMESPACE, name=name, patch={"spec": spec})

    def topic(self, name: str = "standup") -> str:
        """Return the metadata of the live room."""
        return self.livekit._rooms[f"{NAMESPACE}_{name}"].live.metadata

    def is_current(self, name: str = "standup") -> bool:
        """Tell whether status is about the present spec, and says Ready."""
        room = self.kubernetes.store.get(ROOMS, namespace=NAMESPACE, name=name)
        status = room.get("status", {})
        ready = [one["status"] for one in status.get("conditions", ()) if one["type"] == "Ready"]
        return ready == ["True"] and status["observedGeneration"] == room["metadata"]["generation"]

    def _hand_on(self, resource: Resource, event: str, body: Body) -> None:
        for replica in self.replicas:
            if not replica.is_deaf:
                asyncio.get_running_loop().call_later(0.002, replica.watched, resource, event, body)


class Replica:
    """One operator."""

    def __init__(self, cluster: Cluster, name: str, *, lease_seconds: int = 15) -> None:
        self.is_deaf = False  # its watches tell nothing
        self.kubernetes_calls: list[tuple[float, str, str]] = []
        self.livekit_calls: list[tuple[float, str, str]] = []
        self.clock = VirtualClock(zero=1000.0 * len(cluster.replicas))
        self.fence = LeaseFence(self.clock, Terms(lease_seconds))
        self.lease = Line(cluster.kubernetes, self.open_fence(), [])
        self.kubernetes = Line(cluster.kubernetes, self.fence, self.kubernetes_calls)
        self.livekit = Line(cluster.livekit, self.fence, self.livekit_calls)
        election = Election(
            Candidate("livekit", name, address=f"{name}:8080"),
            kubernetes=self.lease,  # type: ignore[arg-type]
            fence=self.fence,
            clock=self.clock,
        )
        self.operator = Operator(
            Settings(livekit_url="ws://livekit.example.com", livekit_credentials=CREDENTIALS),
            kubernetes=self.kubernetes,  # type: ignore[arg-type]
            connect=lambda *_: self.livekit,  # type: ignore[arg-type,return-value]
            clock=self.clock,
            leadership=Leadership(self.fence, election),
        )
        self.running = asyncio.create_task(self.operator.run(), name=name)

    def open_fence(self) -> Any:
        """The Lease's own client has none."""

        class Open:
            def admit(self, _: Effect) -> None:
                pass

        return Open()

    def watched(self, resource: Resource, event: str, body: Body) -> None:
        """Take a watch event, as Kopf's handlers do."""
        if self.running.done():
            return
        kind = next((kind for kind, ours in KINDS.items() if ours == resource), None)
        if kind:
            self.operator.wakeups.object_event(kind, event, body)
        elif resource == SECRETS:
            self.operator.wakeups.secret_event(event, body)

    def writes(self) -> Counter[str]:
        """Count and forget what it has written, Events aside."""
        calls = [*self.kubernetes_calls, *self.livekit_calls]
        self.kubernetes_calls.clear()
        self.livekit_calls.clear()
        return Counter(
            f"{name} {what}"
            for _, name, what in calls
            if effect_of(name) is not Effect.READ and what != "events"
        )

    async def stop(self) -> None:
        """End it as SIGTERM does."""
        self.operator.stop()
        await self.running

    async def kill(self) -> None:
        """End it as a crash does: nothing of it goes on."""
        self.lease.slow = self.kubernetes.slow = self.livekit.slow = _never
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


async def _never(_: str) -> None:
    await asyncio.Event().wait()


async def until(check: Callable[[], bool], within: float = 60.0) -> float:
    """Wait, and return for how many seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not check():
        assert loop.time() - began < within, f"not within {within} s"
        await asyncio.sleep(0.005)
    return loop.time() - began
