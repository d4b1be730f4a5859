"""The engine on an API server and a LiveKit in memory, driven one key at a time, with everything that was asked logged."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.kubernetes.events import EventNote, EventRecorder
from roomkeeper.adapters.kubernetes.memory import InMemoryKubernetes
from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.api import common
from roomkeeper.domain.livekit import Credentials
from roomkeeper.domain.objects import Key
from roomkeeper.engine.kinds import KINDS
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.servers import OWN
from roomkeeper.engine.settings import Settings
from roomkeeper.engine.wakeups import TOKENS
from tests.unit.engine.clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.adapters.ports import Body, LiveKit, Resource
    from roomkeeper.domain.outcomes import Outcome
    from roomkeeper.engine.connection import Connection

NAMESPACE = "team-a"
NAME = "team-a_standup"
OWN_URL = "wss://livekit.example.com"
CREDENTIALS = Credentials("devkey", "a-secret-of-at-least-thirty-two-characters")


class Notes(EventRecorder):
    """Keeps Events instead of writing them."""

    def __init__(self, kubernetes: InMemoryKubernetes, clock: HandClock) -> None:
        super().__init__(kubernetes, clock, instance="test")
        self.told: list[tuple[str, str]] = []

    def emit(self, note: EventNote) -> None:
        """Remember type and reason."""
        self.told.append((note.type, str(note.reason)))


class Engine:
    """The operator but for what runs by itself: `settle` reconciles what is queued until nothing is."""

    def __init__(self, *, count_people: bool = True, beside: Engine | None = None, **settings: Any) -> None:
        self.clock = beside.clock if beside else HandClock()
        self.kubernetes = beside.kubernetes if beside else InMemoryKubernetes(self.clock)
        self.livekit = beside.livekit if beside else InMemoryLiveKit(self.clock)
        self.livekit.accepted.add(CREDENTIALS)
        self.livekits = beside.livekits if beside else {OWN_URL: self.livekit}  # by where they answer
        self.operator = Operator(
            Settings(
                livekit_url=OWN_URL,
                livekit_credentials=CREDENTIALS,
                participant_counts=count_people,
                **settings,
            ),
            kubernetes=self.kubernetes,
            connect=self._open,
            clock=self.clock,
        )
        self.notes = Notes(self.kubernetes, self.clock)
        self.operator.status.recorder = self.notes
        self.queue, self.wakeups, self.workers = (
            self.operator.queue,
            self.operator.wakeups,
            self.operator.workers,
        )
        # As over a network, an answer comes before the event about the same thing.
        self._on_the_way: deque[Callable[[], object]] = deque()
        self.kubernetes.watch(lambda *event: self._on_the_way.append(lambda: self.watched(*event)))
        self.livekit.on_event = lambda event: self._on_the_way.append(
            lambda: self.wakeups.webhook(event, CREDENTIALS)
        )

    def _open(self, _: Key, url: str, credentials: Credentials) -> LiveKit:
        if url not in self.livekits:
            raise ValueError("the LiveKit URL is malformed")
        return self.livekits[url].client(credentials)

    @property
    def server(self) -> Connection:
        """The connection to the operator's own server."""
        known = self.operator.servers.get(OWN)
        assert known is not None
        assert known.connection is not None
        return known.connection

    def declare(self, name: str = "standup", *, namespace: str = NAMESPACE, **spec: Any) -> Key:
        """Create a Room as `kubectl create` does."""
        metadata = {"namespace": namespace, "name": name}
        body = {"apiVersion": common.API_VERSION, "kind": "Room", "metadata": metadata, "spec": spec}
        self.kubernetes.store.create(ROOMS, body)
        return Key("Room", namespace, name)

    def edit(self, key: Key, **spec: Any) -> None:
        """Change fields of the spec; None takes one away."""
        self.kubernetes.store.patch(ROOMS, namespace=key.namespace, name=key.name, patch={"spec": spec})

    def delete(self, key: Key) -> None:
        """Delete a Room as `kubectl delete` does."""
        self.kubernetes.store.delete(ROOMS, namespace=key.namespace, name=key.name)

    async def ready(self, **spec: Any) -> Key:
        """Have a Room that is as declared, and forget what was asked for it."""
        await self.probe()
        key = self.declare(**spec)
        await self.settle()
        assert self.ready_reason(key) == "Available"
        self.clock.advance(60)
        self.asked()
        return key

    async def probe(self) -> None:
        """List LiveKit's rooms as the resync does, and wake whom it concerns."""
        self.deliver()
        await self.workers.reconcilers[OWN.kind].reconcile(OWN)

    async def settle(self) -> list[Outcome]:
        """Reconcile every key that waits; an error passes through."""
        outcomes = []
        while True:
            self.deliver()
            if not len(self.queue):
                return outcomes
            key = await self.queue.get()
            try:
                outcomes.append(await self.workers.reconcilers[key.kind].reconcile(key))
            finally:
                self.queue.done(key)

    def deliver(self) -> None:
        """Let the events of watches and webhooks arrive."""
        while self._on_the_way:
            self._on_the_way.popleft()()

    async def reconcile(self, key: Key) -> list[Outcome]:
        """Reconcile a key and whatever that wakes."""
        self.queue.add(key)
        return await self.settle()

    def asked(self) -> list[str]:
        """Return and forget every call, LiveKit's behind the API server's."""
        kubernetes = [f"{call.verb} {call.plural} {call.name}" for call in self.kubernetes.calls]
        livekit = [f"livekit {method} {room}".strip() for method, room in self.livekit.calls]
        self.kubernetes.calls.clear()
        self.livekit.calls.clear()
        return kubernetes + livekit

    def body(self, key: Key) -> Body:
        """Return the Room as the API server has it."""
        return self.kubernetes.store.get(ROOMS, namespace=key.namespace, name=key.name)

    def status(self, key: Key) -> Body:
        """Return the Room's status."""
        return self.body(key).get("status", {})

    def ready_reason(self, key: Key) -> str:
        """Return the reason of the condition Ready, "" when there is none."""
        conditions = self.status(key).get("conditions", ())
        return next((each["reason"] for each in conditions if each["type"] == "Ready"), "")

    def secret(self, name: str) -> Body:
        """Return a Secret as the API server has it."""
        return self.kubernetes.store.get(SECRETS, namespace=NAMESPACE, name=name)

    def watched(self, resource: Resource, event: str, body: Body) -> None:
        """Take a watch event, as Kopf's handlers do."""
        labels = body["metadata"].get("labels") or {}
        kind = next((kind for kind, ours in KINDS.items() if ours == resource), None)
        if (kind or resource == SECRETS) and not self.wakeups.tells_news(kind or TOKENS, event, body):
            return
        if kind:
            self.wakeups.object_event(kind, event, body)
        elif resource == SECRETS and labels.get(common.LABEL_MANAGED_BY) == common.MANAGED_BY:
            self.wakeups.secret_event(event, body)
