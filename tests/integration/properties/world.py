"""A world in memory that outlives operators, moved by hand: nothing in it depends on real time or on luck."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import random
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from roomkeeper.adapters.kubernetes.events import EventNote, EventRecorder
from roomkeeper.adapters.kubernetes.resources import LIVEKIT_SERVERS, NAMESPACES, ROOMS, SECRETS
from roomkeeper.adapters.ports import NotFoundError
from roomkeeper.api import common
from roomkeeper.domain.livekit import Credentials
from roomkeeper.engine.operator import Operator
from roomkeeper.engine.settings import Settings
from tests.integration.properties.fakes import Fuse, MortalKubernetes, OperatorKilled, PeopledLiveKit
from tests.unit.engine.clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.adapters.ports import Body, Resource
    from roomkeeper.domain.livekit import WebhookEvent

NAMESPACE = "team-a"
URL = "wss://livekit.example.com"
RESYNC_SECONDS = 60
FIRST_KEY = Credentials("key-0", "secret-0-of-at-least-thirty-two-characters")
# Far above what any one moment of these worlds needs: beyond it, an operator wakes itself for ever.
MOST_RECONCILES_AT_ONCE = 300


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was in a Secret at some time, in the hands of somebody since."""

    token: str
    owner_uid: str
    identity: str


class Silent(EventRecorder):
    """Writes no Events: they are written beside the reconciles, and have tests of their own."""

    def emit(self, note: EventNote) -> None:
        """Drop it."""


class Errors(logging.Handler):
    """Keeps what the workers call an unexpected error: such a bug would else look like a retry."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


class World:
    """An API server, a LiveKit and a clock, and the operator that runs on them, if one does."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.fuse = Fuse()
        self.kubernetes = MortalKubernetes(self.clock, self.fuse)
        self.livekit = PeopledLiveKit(self.clock, self.fuse)
        self.livekit.accepted = {FIRST_KEY}
        self.url = URL
        self.declared_key = FIRST_KEY  # what the credentials Secret holds
        self.webhook_key = FIRST_KEY  # what LiveKit signs webhooks with
        self.webhooks_arrive = True
        self.issued: dict[str, IssuedToken] = {}  # by token, in the order of their issue
        self.sessions: dict[str, set[str]] = {}  # by uid of a Room: the SIDs that its status has named
        self.reconciles: Counter[str] = Counter()  # by kind
        self.operator: Operator | None = None
        self.was_killed = False
        self.errors = Errors()
        self._on_the_way: deque[Callable[[], object]] = deque()
        self._replaceable: set[str] = (
            set()
        )  # rooms of which some version of their object let people be thrown out
        self._timers: asyncio.Task[None] | None = None
        self.kubernetes.watch(self._witness)
        self.livekit.on_event = self._webhook
        self.livekit.may_disconnect = lambda name: name in self._replaceable
        self._declare_server()

    async def start(self) -> None:
        """Start an operator that knows nothing yet."""
        settings = Settings(resync_seconds=RESYNC_SECONDS)
        operator = Operator(
            settings,
            kubernetes=self.kubernetes,
            connect=lambda _, __, credentials: self.livekit.client(credentials),
            clock=self.clock,
        )
        operator.status.recorder = Silent(self.kubernetes, self.clock, instance="test")
        self._on_the_way.clear()
        self.livekit.still_down()
        self.operator = operator
        self._timers = asyncio.create_task(operator.queue.run_timers())
        with contextlib.suppress(OperatorKilled):
            await operator._cache_resync.list_all()
            operator._cache_resync.synced.set()
            await operator._gate()
            return
        await self.stop()

    async def stop(self) -> None:
        """End the operator; all that it knew is lost."""
        self.operator = None
        self.fuse.calls_left = None
        if self._timers:
            self._timers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._timers

    async def work(self, keys: int = MOST_RECONCILES_AT_ONCE, *, is_late: bool = False) -> None:
        """Reconcile so many keys, or all; `is_late`: while no event of a watch and no webhook arrives."""
        for _ in range(keys):
            if not is_late:
                self.deliver()
            operator = self.operator
            if operator is None or not len(operator.queue):
                return
            key = await operator.queue.get()
            self.reconciles[key.kind] += 1
            try:
                await operator.workers.work_on(key)
            except OperatorKilled:
                await self.stop()
                return
            operator.queue.done(key)
        assert keys < MOST_RECONCILES_AT_ONCE, "the operator wakes itself for ever"

    async def pass_time(self, seconds: float) -> None:
        """Let time pass from one thing that is due to the next, and all be done that they lead to."""
        end = self.clock.seconds + seconds
        while True:
            await self.work()
            left = end - self.clock.seconds
            if left <= 0:
                return
            await self._advance(min(left, self._next_due()))

    def deliver(self) -> None:
        """Let the events of watches and webhooks arrive."""
        while self._on_the_way:
            arriving = self._on_the_way.popleft()
            if self.operator:
                arriving()

    async def lose_events(self) -> None:
        """Lose what is on the way, as a watch that breaks does; the next list finds it."""
        self._on_the_way.clear()
        if self.operator:
            with contextlib.suppress(OperatorKilled):
                await self.operator._cache_resync.list_all()
                return
            await self.stop()

    async def set_clock_ahead(self, seconds: float) -> None:
        """Set the wall clock, which all share."""
        self.clock.set_ahead(seconds)
        await self._advance(1.0)

    def put_credentials(self) -> None:
        """Write the declared key into the credentials Secret, as people do."""
        key = self.declared_key
        data = {"LIVEKIT_API_KEY": key.api_key, "LIVEKIT_API_SECRET": key.api_secret}
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
        where = {"namespace": NAMESPACE, "name": "livekit-api"}
        try:
            self.kubernetes.store.patch(SECRETS, **where, patch={"data": encoded})
        except NotFoundError:
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": where, "data": encoded}
            self.kubernetes.store.create(SECRETS, body)

    def room(self, name: str) -> Body | None:
        """Return a Room as the API server has it; None when it is not there."""
        try:
            return self.kubernetes.store.get(ROOMS, namespace=NAMESPACE, name=name)
        except NotFoundError:
            return None

    def rooms(self) -> list[Body]:
        """Return all Rooms."""
        return self.kubernetes.store.list(ROOMS)

    def token_secrets(self) -> list[Body]:
        """Return every Secret that the operator made."""
        selector = f"{common.LABEL_MANAGED_BY}={common.MANAGED_BY}"
        return self.kubernetes.store.list(SECRETS, label_selector=selector)

    def _declare_server(self) -> None:
        self.put_credentials()
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self.kubernetes.store.create(NAMESPACES, namespace)
        annotations = {common.ANNOTATION_IS_DEFAULT_SERVER: "true"}
        body = {
            "apiVersion": common.API_VERSION,
            "kind": "LiveKitServer",
            "metadata": {"namespace": NAMESPACE, "name": "main", "annotations": annotations},
            "spec": {"url": URL, "credentialsSecretRef": {"name": "livekit-api"}},
        }
        self.kubernetes.store.create(LIVEKIT_SERVERS, body)

    async def _advance(self, seconds: float) -> None:
        self.clock.advance(seconds + 0.001)
        self.livekit.tick()
        self.kubernetes.collect_garbage()
        if self.operator:
            self.operator.queue._earlier.set()
            for _ in range(4):  # the timers' task comes out of its nap
                await asyncio.sleep(0)

    def _next_due(self) -> float:
        now = self.clock.now()
        dues = [
            (at - now).total_seconds() for room in self.livekit.rooms.values() if (at := room.closes_at())
        ]
        if self.operator:
            dues += [due - self.clock.seconds for due in self.operator.queue._due.values()]
        return max(0.0, min(dues, default=RESYNC_SECONDS))

    def _witness(self, resource: Resource, event: str, body: Body) -> None:
        if resource == SECRETS and body["metadata"].get("ownerReferences"):
            self._collect_tokens(body)
        if resource == ROOMS and (sid := body.get("status", {}).get("sid")):
            self.sessions.setdefault(body["metadata"]["uid"], set()).add(sid)
        if resource == ROOMS and _may_disconnect(body):
            self._replaceable.add(f"{NAMESPACE}_{body['metadata']['name']}")
        self._on_the_way.append(lambda: self._watched(resource, event, body))

    def _collect_tokens(self, body: Body) -> None:
        uid = body["metadata"]["ownerReferences"][0]["uid"]
        try:
            tokens = json.loads(base64.b64decode(body["data"]["tokens.json"]))
        except (KeyError, ValueError):
            return
        for identity, token in tokens.items():
            self.issued.setdefault(token, IssuedToken(token, uid, identity))

    def _watched(self, resource: Resource, event: str, body: Body) -> None:
        operator = self.operator
        labels = body["metadata"].get("labels") or {}
        if operator is None:
            return
        if resource in (ROOMS, LIVEKIT_SERVERS):
            operator.wakeups.object_event(body["kind"], event, body)
        elif resource == NAMESPACES:
            operator.wakeups.namespace_event(event, body)
        elif resource == SECRETS and labels.get(common.LABEL_MANAGED_BY) == common.MANAGED_BY:
            operator.wakeups.secret_event(event, body)

    def _webhook(self, event: WebhookEvent) -> None:
        signer = self.webhook_key
        if self.webhooks_arrive:
            self._on_the_way.append(lambda: self.operator and self.operator.wakeups.webhook(event, signer))


def _may_disconnect(body: Body) -> bool:
    """Tell whether people may be thrown out of the room: when it goes with its object, is over, or is replaced Always."""
    spec = body["spec"]
    is_going = "deletionTimestamp" in body["metadata"]
    return is_going or spec["lifecycle"] == "Once" or spec["updatePolicy"] == "Always"


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, whoever signed it."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@contextlib.asynccontextmanager
async def running_world() -> Any:
    """Give a world with an operator, in which jitter is the same each time; fail on unexpected errors."""
    world = World()
    logger = logging.getLogger("roomkeeper.engine.workers")
    logger.addHandler(world.errors)
    random.seed(0)
    try:
        await world.start()
        yield world
    finally:
        await world.stop()
        logger.removeHandler(world.errors)
    assert not world.errors.found, world.errors.found[0]
