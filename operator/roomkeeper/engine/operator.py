"""The operator as a whole: what is made of what, what runs, and when work may begin."""

from __future__ import annotations

import asyncio
import logging
import socket
from functools import partial
from typing import TYPE_CHECKING, Self

from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.kubernetes.events import EventRecorder
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.domain.objects import RECORDING, ROOM, SCHEDULE, SERVER, STORAGE
from roomkeeper.engine import calls, metrics
from roomkeeper.engine.abandoned import ABANDONED, AbandonedReconciler, AbandonedRecordings
from roomkeeper.engine.cache import ObjectCache, SecretCache
from roomkeeper.engine.clock import SystemClock
from roomkeeper.engine.concerned import Concerned
from roomkeeper.engine.connection import Connection
from roomkeeper.engine.counts import CountsThrottle
from roomkeeper.engine.execute import Executor
from roomkeeper.engine.lanes import Lanes
from roomkeeper.engine.leadership import Leadership
from roomkeeper.engine.levels import Levels
from roomkeeper.engine.lifecycle import Lifecycle
from roomkeeper.engine.namespaces import NamespaceCache
from roomkeeper.engine.overdue import OverdueRecordings
from roomkeeper.engine.queue import WorkQueue
from roomkeeper.engine.recording_execute import RecordingExecutor
from roomkeeper.engine.recording_gather import RecordingGatherer
from roomkeeper.engine.recording_quota import RecordingQuota
from roomkeeper.engine.recording_reconciler import RecordingReconciler
from roomkeeper.engine.recording_watch import RecordingWatch
from roomkeeper.engine.resync import CacheResync
from roomkeeper.engine.room_gather import Gatherer
from roomkeeper.engine.room_reconciler import RoomReconciler
from roomkeeper.engine.schedule_reconciler import ScheduleReconciler
from roomkeeper.engine.server_reconciler import ServerReconciler
from roomkeeper.engine.servers import BURIED, OWN, KnownServer, ServerDirectory
from roomkeeper.engine.sessions import SessionFinder
from roomkeeper.engine.standby import Standby
from roomkeeper.engine.status import StatusWriter
from roomkeeper.engine.storage_reconciler import StorageReconciler
from roomkeeper.engine.storages import StorageDirectory
from roomkeeper.engine.token_desk import TokenDesk
from roomkeeper.engine.tombstones import TombstoneReconciler
from roomkeeper.engine.wakeups import Wakeups
from roomkeeper.engine.workers import Workers

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock, Kubernetes, LiveKit
    from roomkeeper.domain.livekit import Credentials
    from roomkeeper.domain.objects import Key
    from roomkeeper.engine.connection import ConnectTo
    from roomkeeper.engine.fence import Fence
    from roomkeeper.engine.settings import Settings

logger = logging.getLogger(__name__)


class Operator:
    """Caches, queue, workers and resyncs around two ports. Make it inside a running event loop.

    `connect` opens a client of the LiveKit server of a key; there are as many as there are servers.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        kubernetes: Kubernetes,
        connect: ConnectTo,
        clock: Clock,
        leadership: Leadership | None = None,
    ) -> None:
        """Wire the parts; nothing runs yet. Without a leadership, it is the only replica."""
        self.settings = settings
        self.leadership = leadership or Leadership()
        self._kubernetes = kubernetes
        self._connect = connect
        self.clock = clock
        self.namespaces = NamespaceCache(is_readable=not settings.namespaces)
        self.servers = ServerDirectory(
            own=self._own_server(), default=settings.default_server, namespaces=self.namespaces
        )
        self.objects = ObjectCache(self.servers.room_name)
        self.queue = WorkQueue(clock, Lanes(self.objects, self.servers).of)
        self.storages = StorageDirectory(self.objects, self.namespaces, settings.default_storage)
        self.secrets = SecretCache()
        self.abandoned = AbandonedRecordings(clock)
        self.wakeups = Wakeups(
            self.objects,
            self.secrets,
            self.servers,
            self.namespaces,
            self.queue,
            Concerned(self.objects, self.servers, self.storages),
            self.abandoned,
            settings.shard,
        )
        self.objects.on_change = self.wakeups.object_changed
        self.recorder = EventRecorder(
            kubernetes,
            clock,
            instance=socket.gethostname(),
            is_terminating=self.namespaces.is_terminating,
        )
        self._cache_resync = CacheResync(kubernetes, self.wakeups, settings.namespaces, settings.shard)
        self.status = StatusWriter(kubernetes, self.objects, self.recorder)
        self.rooms = self._room_reconciler()
        self.recordings = recordings = self._recording_reconciler()
        servers = self._server_reconciler()
        self.workers = Workers(
            self.queue,
            {
                ROOM: self.rooms,
                RECORDING: recordings,
                ABANDONED: AbandonedReconciler(
                    kubernetes,
                    self.abandoned,
                    recordings.gatherer,
                    recordings.executor,
                    self.status,
                    self.wakeups,
                ),
                SCHEDULE: self._schedule_reconciler(),
                SERVER: servers,
                STORAGE: self._storage_reconciler(),
                BURIED: TombstoneReconciler(kubernetes, self.servers, self.wakeups),
            },
            self.objects,
        )
        self.desk = TokenDesk(kubernetes, self.objects, self.servers, clock)
        self._standby = Standby(self.queue, self.objects, servers, self.abandoned, clock)
        self._working = asyncio.Event()
        metrics.begin(self.workers.reconcilers)
        metrics.LEVELS.source = Levels(
            objects=self.objects,
            servers=self.servers,
            queue=self.queue,
            overdue=OverdueRecordings(self.objects, self.servers, clock),
            clock=clock,
            resync_seconds=settings.resync_seconds,
        ).collect
        self._lifecycle = Lifecycle(self.queue, self.leadership, self._cache_resync, self.recorder)

    @classmethod
    async def connect(cls, settings: Settings, clock: Clock | None = None) -> Self:
        """Build the operator on the real API server and the real LiveKit; nothing is sent yet."""
        clock = clock or SystemClock()
        leadership = await Leadership.connect(settings, clock)
        fence = leadership.fence
        return cls(
            settings,
            kubernetes=await KubernetesClient.connect(observe=calls.kubernetes, admit=fence.admit),
            connect=partial(_open_livekit, fence),
            clock=clock,
            leadership=leadership,
        )

    @property
    def is_working(self) -> bool:
        """Tell whether the caches are filled and the workers run."""
        return self._working.is_set()

    @property
    def is_ready(self) -> bool:
        """Tell whether it works, or could as soon as it has the Lease."""
        return self.is_working or (self.leadership.is_shared and self._cache_resync.synced.is_set())

    @property
    def takes_webhooks(self) -> bool:
        """Tell whether what a webhook wakes will be worked on here."""
        return self.leadership.is_leading and not self._lifecycle.is_stopping

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._lifecycle.stop()

    def relist(self, plural: str) -> None:
        """Take notice that a watch had a gap: what was deleted meanwhile, only a list tells."""
        self._cache_resync.relist(plural)

    async def run(self) -> None:
        """Run until `stop`, and finish what is worked on then; LeaseLostError if another replica works now."""
        try:
            await self._lifecycle.run(self._work)
        finally:
            self._working.clear()
            metrics.LEADER.set(0)
            await self._kubernetes.aclose()
            await self.leadership.aclose()
            for server in self.servers:
                if server.connection:
                    await server.connection.aclose()

    async def _work(self) -> None:
        await self._cache_resync.synced.wait()
        if not self.leadership.is_leading:
            await self._standby.until(self.leadership.won())
        await self._gate()
        await self.workers.run()

    async def _gate(self) -> None:
        """Hold all work until objects, their Secrets and LiveKit's rooms are known: else it would be done twice.

        Servers are looked at last: only rooms that some object claims are kept, the others would be asked for singly.
        """
        await self._cache_resync.synced.wait()
        keys = [server.key for server in self.objects.of_kind(SERVER)]
        if self.servers.get(OWN):
            keys.append(OWN)
        for key in keys:
            self.queue.withdraw(key)
        await asyncio.gather(*(self.workers.work_on(key) for key in keys))
        self._working.set()
        metrics.LEADER.set(1)
        logger.info("in sync: %d objects, %d Secrets", len(self.objects), len(self.secrets))

    def _room_reconciler(self) -> RoomReconciler:
        return RoomReconciler(
            objects=self.objects,
            servers=self.servers,
            gatherer=Gatherer(
                self._kubernetes, self.objects, self.secrets, self.servers, self.settings.shard, self.clock
            ),
            executor=Executor(self._kubernetes, self.objects, self.secrets, self.status),
            counts=CountsThrottle(self.clock),
            status=self.status,
        )

    def _recording_reconciler(self) -> RecordingReconciler:
        watch = RecordingWatch(self.clock)
        quota = RecordingQuota(self.objects, self.servers, self.abandoned)
        return RecordingReconciler(
            objects=self.objects,
            gatherer=RecordingGatherer(
                kubernetes=self._kubernetes,
                objects=self.objects,
                servers=self.servers,
                storages=self.storages,
                quota=quota,
                watch=watch,
                clock=self.clock,
                webhook_url=self.settings.webhook_url,
            ),
            executor=RecordingExecutor(
                self._kubernetes, self.objects, self.status, quota, watch, self.clock, self.leadership.fence
            ),
            status=self.status,
        )

    def _server_reconciler(self) -> ServerReconciler:
        return ServerReconciler(
            kubernetes=self._kubernetes,
            objects=self.objects,
            wakeups=self.wakeups,
            status=self.status,
            connect=self._connect,
            clock=self.clock,
            settings=self.settings,
        )

    def _schedule_reconciler(self) -> ScheduleReconciler:
        return ScheduleReconciler(
            kubernetes=self._kubernetes,
            objects=self.objects,
            wakeups=self.wakeups,
            sessions=SessionFinder(self.objects, self.servers),
            status=self.status,
            clock=self.clock,
        )

    def _storage_reconciler(self) -> StorageReconciler:
        return StorageReconciler(
            kubernetes=self._kubernetes,
            objects=self.objects,
            namespaces=self.namespaces,
            status=self.status,
            clock=self.clock,
            recheck_seconds=self.settings.resync_seconds,
            shard=self.settings.shard,
        )

    def _own_server(self) -> KnownServer | None:
        """Return the server of the operator's environment, to which every namespace is another one."""
        settings = self.settings
        if settings.livekit_credentials is None:
            return None
        connection = Connection(
            url=settings.livekit_url,
            credentials=settings.livekit_credentials,
            connect=partial(self._connect, OWN),
            clock=self.clock,
            count_people=settings.participant_counts,
            on_suspicion=lambda: self.wakeups.suspect(OWN),
        )
        return KnownServer(OWN, settings.livekit_url, connection)


def _open_livekit(fence: Fence, server: Key, url: str, credentials: Credentials) -> LiveKit:
    observe = partial(calls.livekit, metrics.server_label(server))
    return LiveKitClient(url, credentials, observe=observe, admit=fence.admit)
