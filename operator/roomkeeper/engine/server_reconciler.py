"""One reconcile of a LiveKitServer: read its credentials, look at the server, wake its objects, say what is.

It is the server's resync too: its key comes back every interval, and sooner when a call has failed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roomkeeper.adapters.ports import LiveKitError
from roomkeeper.api import common
from roomkeeper.api.common import UNSEEN_GENERATION
from roomkeeper.api.namespaces import From
from roomkeeper.api.server import ServerSpec
from roomkeeper.domain import events, policy, servers
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.livekit import Credentials, skew_told
from roomkeeper.domain.objects import RECORDING
from roomkeeper.domain.outcomes import Done, Outcome, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.rooms import AddFinalizer, ServerState
from roomkeeper.engine import backoff, metrics, recording_index
from roomkeeper.engine.connection import Connection
from roomkeeper.engine.failures import finding_of
from roomkeeper.engine.secrets import read_secret
from roomkeeper.engine.servers import OWN, KnownServer

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock, Kubernetes
    from roomkeeper.domain.objects import CustomObject, Key
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import ConnectTo
    from roomkeeper.engine.settings import Settings
    from roomkeeper.engine.status import StatusWriter
    from roomkeeper.engine.wakeups import Wakeups

logger = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 12.0
WAIT_FOR_STATUS_SECONDS = 60.0  # of a LiveKitServer of another shard, before nobody seems to write it
_LEVELS = {
    ServerState.UNKNOWN: logging.DEBUG,
    ServerState.ACCEPTED: logging.INFO,
    ServerState.UNREACHABLE: logging.WARNING,
    ServerState.REFUSED: logging.ERROR,
}


@dataclass(frozen=True, slots=True)
class ServerReconciler:
    """Keeps one connection per LiveKitServer, and the one of the operator's environment."""

    kubernetes: Kubernetes
    objects: ObjectCache
    wakeups: Wakeups
    status: StatusWriter
    connect: ConnectTo
    clock: Clock
    settings: Settings
    _warned_about: set[str] = field(default_factory=set)

    async def reconcile(self, key: Key) -> Outcome:
        """Look at the server and come back after its interval."""
        if key == OWN:
            return await self._reconcile_own()
        found = self.objects.get(key)
        if found is None:
            await self._forget(key)
            return Done()
        known, problem = await self._declare(found)
        changed = await self._probe(known)
        world = self._world(found, known, problem)
        for action in servers.plan(world):
            others = [name for name in world.server.finalizers if name != action.finalizer]
            finalizers = [*others, action.finalizer] if isinstance(action, AddFinalizer) else others
            world = replace(world, server=await self.status.write_finalizers(world.server, finalizers))
            if found.deleted_at and not finalizers:
                await self._forget(key)
                return Done()
        if self.settings.shard.takes(found):
            conclusion = servers.conclude(world)
            await self.status.write(world.server, conclusion.status)
            self.status.tell(events.turn(found.status, conclusion.status), found, conclusion.status)
        else:
            self._warn_if_nobody_writes(found)
        self._wake(known, changed)
        await self._probe_egress(known)
        return self._come_back(known, problem)

    async def learn(self, key: Key) -> Outcome:
        """Read what is declared and the credentials, and no more: enough to know whose webhook one is."""
        found = self.objects.get(key)
        if found is None:
            await self._forget(key)
            return Done()
        return self._come_back(*await self._declare(found))

    async def _reconcile_own(self) -> Outcome:
        known = self.wakeups.servers.get(OWN)
        if known is None:
            return Done()
        self._wake(known, await self._probe(known))
        await self._probe_egress(known)
        return self._come_back(known, None)

    def _warn_if_nobody_writes(self, found: CustomObject) -> None:
        """Say once that a server has had no status for longer than a shard that takes it would need."""
        age = (self.clock.now() - found.created_at).total_seconds()
        is_unseen = found.status.get("observedGeneration", UNSEEN_GENERATION) == UNSEEN_GENERATION
        if is_unseen and age > WAIT_FOR_STATUS_SECONDS and found.uid not in self._warned_about:
            self._warned_about.add(found.uid)
            logger.warning("no shard writes its status; see docs/sharding.md")

    async def _forget(self, key: Key) -> None:
        known = self.wakeups.servers.remove(key)
        if known and known.connection:
            await known.connection.aclose()
        metrics.forget_server(metrics.server_label(key))

    async def _declare(self, found: CustomObject) -> tuple[KnownServer, Finding | None]:
        """Bring what is known of the server up to what is declared; say what is wrong with that."""
        before = self.wakeups.servers.get(found.key)
        try:
            spec = ServerSpec.model_validate(found.spec)
        except ValidationError as error:
            known = before or KnownServer(found.key, str(found.spec.get("url", "")), uid=found.uid)
            return known, Finding(Reason.INVALID_SPEC, common.errors(error))
        known = KnownServer(
            key=found.key,
            url=spec.url,
            connection=before.connection if before and before.uid == found.uid else None,
            uid=found.uid,
            spec=spec,
            # Judging a schema takes time, and a resync changes nothing about it.
            policy=before.policy if before and before.spec == spec else policy.from_spec(spec.policy),
            is_default=found.annotations.get(common.ANNOTATION_IS_DEFAULT_SERVER) == "true",
            auto_create=before.auto_create if before else None,
        )
        if before and before.connection and before.connection is not known.connection:
            await before.connection.aclose()  # of an object that was deleted and made anew under its name
        signed_with = known.connection.keys.current if known.connection else None
        problem = await self._connect(known, spec)
        self.wakeups.servers.put(known)
        is_new_key = known.connection is not None and known.connection.keys.current != signed_with
        if before is None or _differs(before, known) or is_new_key:
            self.wakeups.server_changed(known)
        return known, problem

    async def _connect(self, known: KnownServer, spec: ServerSpec) -> Finding | None:
        """Connect with the declared credentials, or go on with the last good ones and say why."""
        namespace = known.key.namespace
        wanted = await self._credentials(namespace, spec.credentials_secret_ref.name)
        if isinstance(wanted, Finding):
            return wanted
        if known.connection is None:
            try:
                known.connection = self._open(known.key, spec.effective_api_url, wanted)
            except ValueError as error:
                return Finding(Reason.INVALID_URL, str(error))
        used = (known.connection.url, known.connection.keys.current)
        is_as_declared = used == (spec.effective_api_url, wanted)
        problem = (
            None if is_as_declared else await self._change(known.connection, spec.effective_api_url, wanted)
        )
        return problem or await self._further_keys(known.connection, namespace, spec)

    def _open(self, key: Key, url: str, credentials: Credentials) -> Connection:
        return Connection(
            url=url,
            credentials=credentials,
            connect=partial(self.connect, key),
            clock=self.clock,
            count_people=self.settings.participant_counts,
            on_suspicion=lambda: self.wakeups.suspect(key),
        )

    async def _change(self, connection: Connection, url: str, wanted: Credentials) -> Finding | None:
        """Try what is declared now; the old tokens and the old key stay until the server accepts it."""
        try:
            await connection.use(url, wanted)
        except LiveKitError as error:
            return finding_of(error)
        except ValueError as error:
            return Finding(Reason.INVALID_URL, str(error))
        return None

    async def _credentials(self, namespace: str, name: str) -> Credentials | Finding:
        data = await read_secret(self.kubernetes, namespace=namespace, name=name)
        if isinstance(data, Finding):
            return data
        missing = [key for key in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET") if not data.get(key)]
        if missing:
            return Finding(Reason.SECRET_NOT_FOUND, f"Secret {name!r} has no {' and no '.join(missing)}")
        return Credentials(data["LIVEKIT_API_KEY"], data["LIVEKIT_API_SECRET"])

    async def _further_keys(self, connection: Connection, namespace: str, spec: ServerSpec) -> Finding | None:
        """Read the keys that may sign webhooks beside the one that signs tokens."""
        reference = spec.webhook.keys_secret_ref
        if reference is None:
            connection.keys.further = ()
            return None
        data = await read_secret(self.kubernetes, namespace=namespace, name=reference.name)
        if isinstance(data, Finding):
            return data
        connection.keys.further = tuple(Credentials(key, secret) for key, secret in data.items() if secret)
        return None

    async def _probe(self, known: KnownServer) -> set[str]:
        """Look at the server, and say in the log when it answers again or no longer."""
        connection = known.connection
        if connection is None:
            return set()
        before = connection.state
        changed = await connection.probe(lambda name: self.wakeups.is_claimed(known, name))
        if connection.state is not before:
            # Of a LiveKitServer its Events tell, and the log what they do.
            level = _LEVELS[connection.state] if known.key == OWN else logging.DEBUG
            logger.log(level, "LiveKit at %s: %s", known.url, _told(connection))
            self.wakeups.server_changed(known)
        if connection.is_usable:
            await connection.learn_capabilities()
            self._learn(known, connection)
        return changed

    async def _probe_egress(self, known: KnownServer) -> None:
        """List what is being recorded, while anything is, and have every running Recording look at itself."""
        connection = known.connection
        if connection is None or not connection.is_usable or not self.wakeups.is_recording(known):
            return
        try:
            await connection.egresses.probe(connection.api)
        except LiveKitError as error:
            logger.warning("LiveKit at %s: %s", known.url, error)
            return
        self.wakeups.recordings_due(known)

    def _learn(self, known: KnownServer, connection: Connection) -> None:
        learned = servers.auto_create(known.spec, connection.can.creates_rooms_on_join)
        if learned != known.auto_create:
            known.auto_create = learned
            self.wakeups.server_changed(known)

    def _wake(self, known: KnownServer, changed: set[str]) -> None:
        if known.connection:
            self.wakeups.rooms_changed(known, changed)

    def _come_back(self, known: KnownServer, problem: Finding | None) -> Outcome:
        """Return after the interval, sooner with backoff while the server does not answer."""
        interval = float(known.spec.resync_seconds if known.spec else self.settings.resync_seconds)
        failures = known.connection.failures if known.connection else 0
        if failures:
            longest = min(LONGEST_BACKOFF_SECONDS, interval)
            return Waiting(backoff.after(failures, first=FIRST_BACKOFF_SECONDS, longest=longest))
        return Waiting(backoff.jittered(min(interval, LONGEST_BACKOFF_SECONDS) if problem else interval))

    def _world(self, found: CustomObject, known: KnownServer, problem: Finding | None) -> servers.ServerWorld:
        connection = known.connection
        rooms = [
            room
            for room in self.objects.rooms()
            if (room.status.get("serverRef") or {}).get("uid") == found.uid
        ]
        recordings = [
            recording
            for recording in self.objects.of_kind(RECORDING)
            if (recording.status.get("serverRef") or {}).get("uid") == found.uid
        ]
        allowed = known.spec.allowed_namespaces.from_ if known.spec else From.SAME
        return servers.ServerWorld(
            server=found,
            spec=known.spec,
            spec_error=problem.message if problem and known.spec is None else "",
            state=connection.state if connection else ServerState.UNKNOWN,
            now=self.clock.now(),
            credentials_problem=problem,
            auto_create=connection.can.creates_rooms_on_join if connection else None,
            has_redis=connection.can.has_redis if connection else None,
            has_recorded=connection.has_recorded if connection else False,
            webhook_seen=connection.last_webhook if connection else None,
            active_since=connection.active_since if connection else None,
            skew_seconds=connection.skew_seconds if connection else 0,
            rooms=len(rooms),
            recordings=sum(map(recording_index.is_running, recordings)),
            in_use=any(user.is_held for user in (*rooms, *recordings)),
            selector_unusable=allowed is From.SELECTOR and not self.wakeups.namespaces.is_readable,
            shard=self.settings.shard,
        )


def _told(connection: Connection) -> str:
    """Say how the server is, for the log; a clock explains a refusal."""
    is_skewed = connection.state is ServerState.REFUSED and connection.skew_seconds
    return connection.state.value + (f": {skew_told(connection.skew_seconds)}" if is_skewed else "")


def _differs(before: KnownServer, now: KnownServer) -> bool:
    """Tell whether the objects of a server may have to be judged anew."""
    return (before.spec, before.uid, before.is_default) != (now.spec, now.uid, now.is_default)
