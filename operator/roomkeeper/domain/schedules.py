"""A RecordingSchedule's nouns: the World that is known of it, its Recordings, and the actions that change them.

As with Rooms, `schedule_plan.plan` turns a World into actions, and `schedule_status.conclude` says what status shows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.recording import DesiredState
from roomkeeper.api.recording_schedule import Trigger
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain import attempts, cron, recording_end, shards
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.cron import Cron
from roomkeeper.domain.objects import RECORDING
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from roomkeeper.api.recording_schedule import RecordingScheduleSpec
    from roomkeeper.domain.objects import CustomObject

SESSION_HASH_LENGTH = 10
DEFAULT_ZONE = "UTC"
_RECORDS = frozenset({RecordingState.STARTING, RecordingState.ACTIVE, RecordingState.ENDING})


@dataclass(frozen=True, slots=True)
class Session:
    """The session that a room has now; `sid` is "" where it certainly has none."""

    sid: str = ""
    has_people: bool = False  # whether somebody has joined; asked only of one that was not dealt with


@dataclass(frozen=True, slots=True)
class ScheduleWorld:
    """Everything that is known about one RecordingSchedule at one moment."""

    schedule: CustomObject
    spec: RecordingScheduleSpec | None  # None: what is stored cannot be read, and `spec_error` says why
    spec_error: str
    now: datetime
    zone: tzinfo | None = None  # None: there is no such time zone
    children: tuple[CustomObject, ...] = ()  # the Recordings that it controls
    session: Session | None = None  # of EverySession; None: not known
    trouble: Finding | None = None  # why the session is not known
    is_terminating: bool = False  # its namespace is being deleted
    refusal: Finding | None = None  # why the Recording that is due could not be made


@dataclass(frozen=True, slots=True)
class CreateChild:
    """Make a Recording. The name tells what for: one that is there already is it, if it is ours."""

    name: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StopChild:
    """Have a Recording end."""

    recording: CustomObject


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Delete a Recording that is over; its media stay."""

    recording: CustomObject


Action = CreateChild | StopChild | DeleteChild


def obstacle(world: ScheduleWorld) -> Finding | None:
    """Return what only a person can change about the schedule itself."""
    if world.spec is None:
        return Finding(Reason.INVALID_SPEC, world.spec_error)
    if is_by_session(world):
        return None
    if world.zone is None:
        return Finding(Reason.INVALID_SPEC, "spec.timeZone: there is no such time zone")
    problem = cron.problem(Cron(world.spec.schedule or "", world.zone))
    return Finding(Reason.INVALID_SPEC, f"spec.schedule: {problem}") if problem else None


def is_by_session(world: ScheduleWorld) -> bool:
    """Tell whether sessions make Recordings, and not the time."""
    return world.spec is not None and world.spec.trigger is Trigger.EVERY_SESSION


def name_at(schedule: CustomObject, due: datetime) -> str:
    """Return the name of the Recording of a time: the same however often it is made."""
    return f"{schedule.key.name}-{int(due.timestamp()) // 60}"


def name_of(schedule: CustomObject, sid: str) -> str:
    """Return the name of the Recording of a session."""
    digest = hashlib.sha256(sid.encode()).hexdigest()
    return f"{schedule.key.name}-{digest[:SESSION_HASH_LENGTH]}"


def child(world: ScheduleWorld, name: str) -> CustomObject | None:
    """Return the Recording of that name, if it was made."""
    return next((each for each in world.children if each.key.name == name), None)


def session_of(recording: CustomObject) -> str:
    """Return the session that a Recording was made for; "" where it was not made for one."""
    return recording.annotations.get(common.ANNOTATION_SESSION, "")


def unfinished(world: ScheduleWorld) -> list[CustomObject]:
    """Return the Recordings that are not over, oldest first."""
    return [each for each in _by_age(world) if each.status.get("state") not in attempts.ENDED]


def successful(world: ScheduleWorld) -> list[CustomObject]:
    """Return the Recordings that ended well, oldest first."""
    return [each for each in _by_age(world) if each.status.get("state") in recording_end.SUCCESSES]


def failed(world: ScheduleWorld) -> list[CustomObject]:
    """Return the Recordings that did not end well, oldest first."""
    ends = attempts.ENDED - recording_end.SUCCESSES
    return [each for each in _by_age(world) if each.status.get("state") in ends]


def is_idle(recording: CustomObject) -> bool:
    """Tell whether a Recording is not over and has no egress."""
    state = recording.status.get("state")
    return state not in attempts.ENDED and state not in _RECORDS


def is_to_stop(recording: CustomObject) -> bool:
    """Tell whether a Recording was told to end."""
    return recording.deleted_at is not None or recording.spec.get("desiredState") == DesiredState.STOPPED


def make(world: ScheduleWorld, name: str, *, session: str = "") -> tuple[CreateChild, ...]:
    """Return the action that makes a Recording from the template, as it is stored: with fields yet unknown here."""
    if world.spec is None:
        return ()
    schedule, metadata = world.schedule, world.spec.recording_template.metadata
    owner = {
        "apiVersion": common.API_VERSION,
        "kind": schedule.key.kind,
        "name": schedule.key.name,
        "uid": schedule.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    body = {
        "apiVersion": common.API_VERSION,
        "kind": RECORDING,
        "metadata": {
            "namespace": schedule.key.namespace,
            "name": name,
            "labels": {
                **metadata.labels,
                common.LABEL_SCHEDULE: schedule.key.name,
                **shards.inherited_labels(schedule),
            },
            "annotations": {
                **metadata.annotations,
                **({common.ANNOTATION_SESSION: session} if session else {}),
            },
            "ownerReferences": [owner],
        },
        "spec": dict(schedule.spec["recordingTemplate"]["spec"]),
    }
    return (CreateChild(name, body),)


def _by_age(world: ScheduleWorld) -> list[CustomObject]:
    return sorted(world.children, key=lambda each: (each.created_at, each.key.name))
