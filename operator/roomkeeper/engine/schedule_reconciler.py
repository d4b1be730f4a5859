"""One reconcile of a RecordingSchedule: gather, plan, execute, conclude, write status if it differs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.adapters.ports import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from roomkeeper.adapters.zones import zone
from roomkeeper.api import common
from roomkeeper.api.recording import DesiredState
from roomkeeper.api.recording_schedule import RecordingScheduleSpec
from roomkeeper.domain import schedule_plan, schedule_status, schedules
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.objects import RECORDING, CustomObject
from roomkeeper.domain.outcomes import Done, Outcome
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.schedules import DEFAULT_ZONE, ScheduleWorld
from roomkeeper.engine import moves

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, Clock, Kubernetes
    from roomkeeper.domain.objects import Key
    from roomkeeper.domain.schedules import Action
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.sessions import SessionFinder
    from roomkeeper.engine.status import StatusWriter
    from roomkeeper.engine.wakeups import Wakeups

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduleReconciler:
    """Makes and clears away the Recordings of one schedule. It raises KubernetesError."""

    kubernetes: Kubernetes
    objects: ObjectCache
    wakeups: Wakeups
    sessions: SessionFinder
    status: StatusWriter
    clock: Clock

    async def reconcile(self, key: Key) -> Outcome:
        """Read the level, make it so, say what is."""
        found = self.objects.get(key)
        if found is None or found.deleted_at:
            return Done()
        if self.wakeups.shard.name:
            await self._bring_along(found)
        world = await self._gather(found)
        for action in schedule_plan.plan(world):
            world = await self._execute(action, world)
        world = replace(world, children=self._children(found))
        conclusion = schedule_status.conclude(world)
        await self.status.write(world.schedule, conclusion.status)
        self.status.tell(schedule_status.notes(world, conclusion.status), found, conclusion.status)
        return conclusion.outcome

    async def _gather(self, found: CustomObject) -> ScheduleWorld:
        spec, error = _parse(found)
        world = ScheduleWorld(
            schedule=found,
            spec=spec,
            spec_error=error,
            now=self.clock.now(),
            zone=zone(spec.time_zone or DEFAULT_ZONE) if spec else None,
            children=self._children(found),
            is_terminating=self.wakeups.namespaces.is_terminating(found.key.namespace),
        )
        if not schedules.is_by_session(world):
            return world
        session = await self.sessions.find(
            found, needs_people=lambda sid: schedule_plan.needs_people(world, sid)
        )
        if isinstance(session, Finding):
            return replace(world, trouble=session)
        return replace(world, session=session)

    async def _execute(self, action: Action, world: ScheduleWorld) -> ScheduleWorld:
        match action:
            case schedules.CreateChild():
                return replace(world, refusal=await self._create(action, world))
            case schedules.StopChild():
                await self._stop(action.recording)
            case schedules.DeleteChild():
                await self._delete(action.recording)
        return world

    async def _create(self, action: schedules.CreateChild, world: ScheduleWorld) -> Finding | None:
        """Make the Recording, or find that it was made and the answer lost; else say what is in the way."""
        key = world.schedule.key
        try:
            made = await self.kubernetes.create(RECORDINGS, action.body)
        except (ForbiddenError, InvalidError) as error:
            return Finding(Reason.RECORDING_REFUSED, f"Recording {action.name!r}: {error}")
        except AlreadyExistsError:
            made = await self.kubernetes.get(RECORDINGS, namespace=key.namespace, name=action.name)
        recording = CustomObject.from_body(RECORDING, made)
        if await self._take(recording, world.schedule):
            logger.info("%s is made", recording.key)
            return None
        if recording.owner_uid and recording.owner_name == key.name:
            text = f"Recording {action.name!r} is of an earlier schedule of this name, and about to go"
            return Finding(Reason.WAITING_FOR_GARBAGE_COLLECTION, text)
        return Finding(Reason.RECORDING_CONFLICT, f"Recording {action.name!r} is not of this schedule")

    async def _bring_along(self, schedule: CustomObject) -> None:
        """Take what still goes on, and no watch shows, from the shard that the schedule has left."""
        known = {child.uid for child in self._children(schedule)}
        for active in schedule.status.get("active", ()):
            if active["uid"] in known:
                continue
            try:
                body = await self.kubernetes.get(
                    RECORDINGS, namespace=schedule.key.namespace, name=active["name"]
                )
            except NotFoundError:
                continue
            await self._take(CustomObject.from_body(RECORDING, body), schedule)

    async def _take(self, recording: CustomObject, schedule: CustomObject) -> bool:
        """Know a Recording, in the shard of its schedule, before a watch shows it; tell whether it is of this schedule."""
        if recording.owner_uid != schedule.uid:
            return False
        if recording.shard != schedule.shard:
            await moves.check_is_current(schedule, self.kubernetes)
            recording = await self._have_follow(recording, schedule)
        self.wakeups.object_seen(recording, is_news=True)
        return True

    async def _have_follow(self, recording: CustomObject, schedule: CustomObject) -> CustomObject:
        """Label a Recording as its schedule is; what runs goes on."""
        body = await self.kubernetes.patch(
            RECORDINGS,
            namespace=recording.key.namespace,
            name=recording.key.name,
            patch={
                "metadata": {
                    "uid": recording.uid,
                    "resourceVersion": recording.resource_version,
                    "labels": {common.LABEL_SHARD: schedule.shard},
                }
            },
        )
        return CustomObject.from_body(RECORDING, body)

    async def _stop(self, recording: CustomObject) -> None:
        try:
            body: Body = await self.kubernetes.patch(
                RECORDINGS,
                namespace=recording.key.namespace,
                name=recording.key.name,
                patch={
                    "metadata": {"uid": recording.uid, "resourceVersion": recording.resource_version},
                    "spec": {"desiredState": str(DesiredState.STOPPED)},
                },
            )
        except NotFoundError:
            self.objects.forget(recording.key, recording.uid)
        else:
            logger.info("%s is told to end", recording.key)
            self.wakeups.object_seen(CustomObject.from_body(RECORDING, body), is_news=True)

    async def _delete(self, recording: CustomObject) -> None:
        try:
            await self.kubernetes.delete(
                RECORDINGS,
                namespace=recording.key.namespace,
                name=recording.key.name,
                uid=recording.uid,
                resource_version=recording.resource_version,
            )
        except NotFoundError:
            self.objects.forget(recording.key, recording.uid)

    def _children(self, schedule: CustomObject) -> tuple[CustomObject, ...]:
        return tuple(
            child
            for child in self.objects.children(schedule.key.namespace, schedule.uid)
            if child.key.kind == RECORDING
        )


def _parse(schedule: CustomObject) -> tuple[RecordingScheduleSpec | None, str]:
    try:
        return RecordingScheduleSpec.model_validate(schedule.spec), ""
    except ValidationError as error:
        return None, common.errors(error)
