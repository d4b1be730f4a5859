"""Carries out one action of a Recording after another, and puts what came back into the world."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.adapters.ports import (
    FencedError,
    LiveKitError,
    LiveKitNobodyAnsweredError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
    NotFoundError,
)
from roomkeeper.api import common
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import attempts, recording_policy, recording_status, recording_stop, recordings
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.objects import CustomObject
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_streams import url_hash
from roomkeeper.domain.rooms import AddFinalizer
from roomkeeper.domain.storages import Storage
from roomkeeper.engine import recording_metrics, recording_streams
from roomkeeper.engine.failures import finding_of

if TYPE_CHECKING:
    from typing import Any

    from roomkeeper.adapters.ports import Clock, Kubernetes
    from roomkeeper.domain.egress import Egress, EgressRequest
    from roomkeeper.domain.recordings import Action, RecordingWorld
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.fence import Fence
    from roomkeeper.engine.recording_quota import RecordingQuota
    from roomkeeper.engine.recording_watch import RecordingWatch
    from roomkeeper.engine.status import StatusWriter

logger = logging.getLogger(__name__)

# Between the written intent and the call: later, the time in status would no longer bound when an egress may appear.
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RecordingExecutor:
    """The effects of a reconcile. Kubernetes errors pass through; LiveKit's become part of the world."""

    kubernetes: Kubernetes
    objects: ObjectCache
    status: StatusWriter
    quota: RecordingQuota
    watch: RecordingWatch
    clock: Clock
    fence: Fence

    async def execute(
        self, action: Action, world: RecordingWorld, server: Connection | None
    ) -> RecordingWorld:
        """Carry out one action and return the world as it is then."""
        match action:
            case AddFinalizer():
                held = [*world.recording.finalizers, common.FINALIZER]
                world = replace(world, recording=await self.status.write_finalizers(world.recording, held))
            case recordings.ReleaseRecording():
                world = await self._release(action, world)
            case recordings.DeclareAttempt():
                world = await self._declare(action.attempt, world)
            case recordings.DeclareStop():
                status = recording_status.stopping(world, action.reason)
                world = replace(world, recording=await self.status.write(world.recording, status))
            case recordings.MirrorEnd():
                world = await self._mirror(action.text, world)
            case recordings.DeleteRecording():
                world = await self._delete(world)
            case _ if server:
                world = await self._ask_livekit(action, world, server)
        return world

    async def _ask_livekit(self, action: Action, world: RecordingWorld, server: Connection) -> RecordingWorld:
        try:
            match action:
                case recordings.StartEgress():
                    return await self._start(action.request, world, server)
                case recordings.StopEgress():
                    return await _stop(action.egress_id, world, server)
                case recordings.UpdateLayout():
                    await server.api.update_layout(action.egress_id, action.layout)
                    return replace(world, applied_layout=action.layout)
                case recordings.UpdateStream():
                    return await recording_streams.update(action, world, server)
        except LiveKitError as error:
            logger.warning("%s", error)
            server.suspect()
            return replace(world, failure=finding_of(error))
        raise TypeError(type(action))

    async def _declare(self, attempt: attempts.Attempt, world: RecordingWorld) -> RecordingWorld:
        """Write the intent, guarded by the version that the decision was made on: a second one cannot pass.

        Only right after a renewal of the Lease may it be followed by the start, so that is waited for first.
        """
        await self.fence.until_fresh()
        attempt = replace(attempt, requested_at=self.clock.now())
        began = self.clock.monotonic()
        with self.quota.place(world.recording) as others:
            now = replace(world, others_active=others)
            if recording_policy.quota_violation(now):
                return now
            self.watch.declares(world.recording.uid, attempt.marker)
            recording = await self.status.write(world.recording, _with_attempt(world, attempt))
        if self.clock.monotonic() - began > LONGEST_PAUSE_SECONDS:
            logger.warning("not started: the API server was slow to take the intent")
            return replace(world, recording=recording, is_unmade=True)
        return replace(world, recording=recording, egress=None, is_declared=True)

    async def _start(
        self, request: EgressRequest, world: RecordingWorld, server: Connection
    ) -> RecordingWorld:
        """Ask for the egress; whatever is not a plain no may have started it."""
        world = replace(world, is_declared=False, was_asked=True)
        self.watch.asks(world.recording.uid)
        try:
            egress = await server.api.start_egress(request)
        except FencedError as error:  # nothing was sent
            logger.info("%s", error)
            return replace(world, is_unmade=True)
        except LiveKitNotFoundError:
            recording_metrics.started(world, "no_room")
            server.sightings.saw(request.room_name, None)
            return replace(world, is_unmade=True, live=None, is_room_gone=True)
        except LiveKitRejectedError as error:
            recording_metrics.started(world, "refused")
            logger.warning("%s", error)
            return replace(world, is_refused=True)
        except LiveKitUnreachableError as error:
            recording_metrics.started(world, "unanswered")
            server.suspect()
            return replace(world, failure=_unanswered(str(error)))
        except LiveKitError as error:  # refused credentials: nothing was started
            recording_metrics.started(world, "unauthorized")
            server.suspect()
            return replace(world, is_unmade=True, failure=finding_of(error))
        recording_metrics.started(world, "started")
        server.has_recorded = True
        logger.info("egress %s is started", egress.id)
        uid, urls = world.recording.uid, request.stream.urls if request.stream else ()
        streamed = {url_hash(uid, url): url for url in urls}
        self.watch.streams_to(uid, streamed)
        composite = request.source.room_composite
        return replace(
            world,
            egress=server.egresses.saw(egress),
            applied_layout=(composite.layout or "") if composite else "",
            stream=recordings.StreamChange(applied=tuple(sorted(streamed))) if request.stream else None,
        )

    async def _mirror(self, text: str, world: RecordingWorld) -> RecordingWorld:
        seen = world.recording
        body = await self.kubernetes.patch(
            RECORDINGS,
            namespace=seen.key.namespace,
            name=seen.key.name,
            patch={
                "metadata": {
                    "uid": seen.uid,
                    "resourceVersion": seen.resource_version,
                    "annotations": {common.ANNOTATION_LAST_ATTEMPT: text},
                    "finalizers": [name for name in seen.finalizers if name != common.FINALIZER],
                }
            },
        )
        written = CustomObject.from_body(seen.key.kind, body)
        self.objects.observe(written)
        return replace(world, recording=written)

    async def _delete(self, world: RecordingWorld) -> RecordingWorld:
        seen = world.recording
        await self.kubernetes.delete(
            RECORDINGS,
            namespace=seen.key.namespace,
            name=seen.key.name,
            uid=seen.uid,
            resource_version=seen.resource_version,
        )
        logger.info("deleted, as ttlSecondsAfterFinished says")
        return replace(world, is_gone=True)

    async def _release(self, action: recordings.ReleaseRecording, world: RecordingWorld) -> RecordingWorld:
        remaining = [name for name in world.recording.finalizers if name != common.FINALIZER]
        try:
            recording = await self.status.write_finalizers(world.recording, remaining)
        except NotFoundError:
            recording = replace(world.recording, finalizers=())
        if not remaining:
            self.objects.forget(world.recording.key, world.recording.uid)
        return replace(world, recording=recording, orphans=action.orphans, is_gone=True)


async def _stop(egress_id: str, world: RecordingWorld, server: Connection) -> RecordingWorld:
    """Ask an egress to end. One that has ended or is not known is read again; one that nobody answers for is counted."""
    world = replace(world, was_told_to_stop=True)
    try:
        egress = server.egresses.saw(await server.api.stop_egress(egress_id))
    except LiveKitNotFoundError:
        server.egresses.hint(egress_id)
        return world
    except LiveKitRejectedError as error:
        # Said of all that are neither Starting nor Active, also of one that is Ending and whose worker did not answer
        # (livekit: pkg/service/egress.go, StopEgress). As long as it uploads, it answers (egress: pkg/handler/handler.go).
        server.egresses.hint(egress_id)
        left = await server.egresses.read(server.api, egress_id)
        if left is None or not left.state.is_live:
            return _seen(left, world)
        return _unheard(egress_id, error, world, server)
    except LiveKitNobodyAnsweredError as error:
        return _unheard(egress_id, error, world, server)
    server.egresses.was_answered(egress_id)
    logger.info("egress %s is told to end", egress_id)
    return _seen(egress, world)


def _seen(egress: Egress | None, world: RecordingWorld) -> RecordingWorld:
    """Return the world with this egress as it is now, if it is the one of the current attempt."""
    is_current = egress is not None and world.egress is not None and world.egress.id == egress.id
    return replace(world, egress=egress) if is_current else world


def _unheard(
    egress_id: str, error: LiveKitError, world: RecordingWorld, server: Connection
) -> RecordingWorld:
    """Count that no worker answered; more than once, and the egress is gone."""
    logger.warning("egress %s: %s", egress_id, error)
    server.egresses.was_not_answered(egress_id)
    if server.egresses.is_gone(egress_id, is_missing=recording_stop.is_missing(world)):
        return replace(world, gone=world.gone | {egress_id})
    return world


def _with_attempt(world: RecordingWorld, attempt: attempts.Attempt) -> dict[str, Any]:
    """Return the status with the intent, and with what makes the Recording stay where it is."""
    known = [one for one in recordings.all_attempts(world) if one.number != attempt.number]
    status = {
        **world.recording.status,
        "observedGeneration": world.recording.generation,
        "state": str(RecordingState.STARTING),
        "attempts": [one.render() for one in (*known, attempt)],
    }
    status.pop("stopReason", None)
    if world.room_name:
        status["roomName"] = world.room_name
    if world.server and world.server.ref:
        status["serverRef"] = dict(world.server.ref)
    if isinstance(world.storage, Storage):
        status["storageRef"] = world.storage.ref
    if (
        world.request and world.request.stream
    ):  # also if the answer is lost: told again, they would be sent to twice
        streamed = {url_hash(world.recording.uid, url) for url in world.request.stream.urls}
        status["appliedStreams"] = sorted(streamed)
    return status


def _unanswered(what: str) -> Finding:
    return Finding(Reason.START_UNANSWERED, f"{what}; it is looked for before it is started again")
