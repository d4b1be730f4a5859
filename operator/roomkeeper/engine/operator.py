"""The operator as a whole: what is made of what, what runs, and when work may begin."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.kubernetes.events import EventRecorder
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.engine import metrics
from roomkeeper.engine.cache import ObjectCache, SecretCache
from roomkeeper.engine.counts import CountsThrottle
from roomkeeper.engine.execute import Executor
from roomkeeper.engine.gather import Gatherer
from roomkeeper.engine.queue import WorkQueue
from roomkeeper.engine.reconciler import Reconciler
from roomkeeper.engine.resync import CacheResync, ServerResync
from roomkeeper.engine.servers import LiveKitServer, ServerDirectory
from roomkeeper.engine.wakeups import Wakeups
from roomkeeper.engine.workers import Workers

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock, Kubernetes, LiveKit
    from roomkeeper.engine.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()


class Operator:
    """Caches, queue, workers and resyncs around two ports. Make it inside a running event loop."""

    def __init__(
        self, settings: Settings, *, kubernetes: Kubernetes, livekit: LiveKit | None, clock: Clock
    ) -> None:
        """Wire the parts; nothing runs yet."""
        self.settings = settings
        self._kubernetes = kubernetes
        self._own = _own_server(settings, livekit, clock)
        self.servers = ServerDirectory(self._own)
        self.objects = ObjectCache()
        self.secrets = SecretCache()
        self.queue = WorkQueue(clock)
        self.wakeups = Wakeups(self.objects, self.secrets, self.servers, self.queue)
        self.recorder = EventRecorder(kubernetes, clock, instance=socket.gethostname())
        self._cache_resync = CacheResync(kubernetes, self.wakeups, settings.namespaces)
        self._workers = Workers(self.queue, self._reconciler(clock))
        self._working = asyncio.Event()
        metrics.QUEUE_DEPTH.set_function(lambda: len(self.queue))
        metrics.OBJECTS.set_function(lambda: len(self.objects))

    @classmethod
    async def connect(cls, settings: Settings, clock: Clock | None = None) -> Self:
        """Build the operator on the real API server and the real LiveKit; nothing is sent yet."""
        kubernetes = await KubernetesClient.connect(observe=metrics.kubernetes_request)
        livekit = None
        if settings.livekit_credentials:
            livekit = LiveKitClient(
                settings.livekit_url, settings.livekit_credentials, observe=metrics.livekit_request
            )
        return cls(settings, kubernetes=kubernetes, livekit=livekit, clock=clock or SystemClock())

    @property
    def is_working(self) -> bool:
        """Tell whether the caches are filled and the workers run."""
        return self._working.is_set()

    async def run(self) -> None:
        """Run until cancelled, then send the last Events and release what was opened."""
        events = asyncio.create_task(self.recorder.run(), name="events")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.queue.run_timers(), name="timers")
                group.create_task(self._cache_resync.run(), name="cache-resync")
                await self._gate(group)
                group.create_task(self._workers.run(), name="workers")
        finally:
            self._working.clear()
            self.recorder.stop()
            await events
            await self._kubernetes.aclose()
            for server in self.servers.all():
                await server.aclose()

    async def _gate(self, group: asyncio.TaskGroup) -> None:
        """Hold all work until objects, their Secrets and LiveKit's rooms are known: else it would be done twice.

        Servers are looked at last: only rooms that some object claims are kept, the others would be asked for singly.
        """
        await self._cache_resync.synced.wait()
        for server in self.servers.all():
            resync = ServerResync(server, self.wakeups, self.settings.resync_seconds)
            group.create_task(resync.run(), name="server-resync")
        for server in self.servers.all():
            await server.probed.wait()
        self._working.set()
        logger.info("in sync: %d objects, %d Secrets", len(self.objects), len(self.secrets))

    def _reconciler(self, clock: Clock) -> Reconciler:
        return Reconciler(
            kubernetes=self._kubernetes,
            objects=self.objects,
            servers=self.servers,
            gatherer=Gatherer(self.objects, self.secrets, self.servers, clock),
            executor=Executor(self._kubernetes, self.objects, self.secrets),
            counts=CountsThrottle(clock),
            recorder=self.recorder,
        )


def _own_server(settings: Settings, livekit: LiveKit | None, clock: Clock) -> LiveKitServer | None:
    """Return the server of the operator's environment, to which every namespace is another one."""
    if livekit is None or settings.livekit_credentials is None:
        return None
    return LiveKitServer(
        url=settings.livekit_url,
        credentials=settings.livekit_credentials,
        api=livekit,
        clock=clock,
        count_people=settings.participant_counts,
    )
