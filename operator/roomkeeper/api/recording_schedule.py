"""The RecordingSchedule: Recordings at certain times, or of every session of a room."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api import secret_template
from roomkeeper.api.common import (
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    MAX_CONDITIONS,
    MAX_NAME,
    MAX_UID,
    Condition,
    Model,
    Time,
)
from roomkeeper.api.kind import Column, Kind, Rule, name_rule
from roomkeeper.api.namespaces import LabelValue
from roomkeeper.api.recording import RecordingSpec
from roomkeeper.api.recording_rules import spec_rules
from roomkeeper.api.secret_template import MAX_ANNOTATIONS, MAX_LABELS, AnnotationValue
from roomkeeper.api.status import Status

MAX_SCHEDULE_NAME: Final = (
    52  # the names of its Recordings are longer: a dash, and minutes since 1970 or a hash
)
MAX_SCHEDULE: Final = 100
MAX_TIME_ZONE: Final = 64
MAX_ACTIVE: Final = 100
MAX_HISTORY: Final = 100
MAX_SESSION: Final = 64

Cron = Annotated[str, Field(min_length=1, max_length=MAX_SCHEDULE)]


class Trigger(StrEnum):
    """What makes a Recording, other than the time."""

    EVERY_SESSION = "EverySession"


class ConcurrencyPolicy(StrEnum):
    """What happens when a Recording is due while an earlier one goes on."""

    FORBID = "Forbid"
    ALLOW = "Allow"
    REPLACE = "Replace"


class RecordingMetadata(Model):
    """Labels and annotations of the Recordings; never those by which a controller trusts an object."""

    labels: dict[str, LabelValue] = Field(
        default={},
        max_length=MAX_LABELS,
        json_schema_extra={MAP_TYPE: "atomic"},
        description="Labels of the Recordings, at most 16; no keys of kubernetes.io, k8s.io, argocd.argoproj.io, roomkeeper.dev "
        "and their subdomains. Default: none. LiveKit has no such notion.",
    )
    annotations: dict[str, AnnotationValue] = Field(
        default={},
        max_length=MAX_ANNOTATIONS,
        json_schema_extra={MAP_TYPE: "atomic"},
        description="Annotations of the Recordings, at most 16 of at most 1024 characters; no keys of kubernetes.io, k8s.io, "
        "argocd.argoproj.io, roomkeeper.dev and their subdomains. Default: none. LiveKit has no such notion.",
    )


class RecordingTemplate(Model):
    """What each Recording is made from."""

    metadata: RecordingMetadata = Field(
        default=RecordingMetadata(),
        description="Labels and annotations of the Recordings. Default: none. LiveKit has no such notion.",
    )
    spec: RecordingSpec = Field(
        description="The spec of the Recordings. A change counts for those that are made from then on. LiveKit: the kinds of "
        "egress."
    )


class RecordingScheduleSpec(Model):
    """The part of a RecordingSchedule that people write."""

    schedule: Cron | None = Field(
        default=None,
        description="When a Recording is made, as cron says it: minute, hour, day of the month, month, day of the week, at "
        "most 100 characters. A time of day that daylight saving skips counts right after the gap, one that comes twice the first "
        "time. Exactly one of schedule and trigger. Default: none. LiveKit has no such notion.",
    )
    trigger: Trigger | None = Field(
        default=None,
        description="What makes a Recording instead of the time. EverySession: each session of the room in which somebody has "
        "joined, also while the Recording of an earlier one is being uploaded. Default: none. LiveKit: the `sid` of a room.",
    )
    time_zone: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_TIME_ZONE,
        pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        description="The time zone that schedule is in, such as Europe/Berlin, at most 64 characters. Default: UTC. LiveKit has "
        "no such notion.",
    )
    concurrency_policy: ConcurrencyPolicy = Field(
        default=ConcurrencyPolicy.FORBID,
        description="What happens when a Recording is due by schedule while an earlier one goes on. Forbid: it waits for its end, "
        "no longer than startingDeadlineSeconds, and is left out then. Allow: both record. Replace: the earlier one is stopped. "
        "Default: Forbid. LiveKit has no such notion.",
    )
    starting_deadline_seconds: int = Field(
        default=300,
        ge=10,
        le=86_400,
        description="How late a Recording may be made, after the operator was down for example, in seconds: 10 to 86400; later "
        "it is left out. Of several times that were missed, only the last counts. Default: 300. LiveKit has no such notion.",
    )
    suspend: bool = Field(
        default=False,
        description="Whether no Recordings are made for now; those that run go on. What fell into that time, a session that "
        "began in it too, is not made up for. Default: false. LiveKit has no such notion.",
    )
    successful_recordings_history_limit: int = Field(
        default=3,
        ge=0,
        le=MAX_HISTORY,
        description="How many Recordings that ended well are kept, the newest ones: 0 to 100. Their media stay. Default: 3. "
        "LiveKit has no such notion.",
    )
    failed_recordings_history_limit: int = Field(
        default=1,
        ge=0,
        le=MAX_HISTORY,
        description="How many Recordings that failed are kept, the newest ones: 0 to 100. Their media stay. Default: 1. LiveKit "
        "has no such notion.",
    )
    recording_template: RecordingTemplate = Field(
        description="What each Recording is made from. LiveKit has no such notion.",
    )


class ActiveRecording(Model):
    """A Recording that has not ended."""

    name: str = Field(max_length=MAX_NAME, description="Its name.")
    uid: str = Field(max_length=MAX_UID, description="Its `metadata.uid`.")


class RecordingScheduleStatus(Status):
    """The part of a RecordingSchedule that the operator writes."""

    active: tuple[ActiveRecording, ...] = Field(
        default=(),
        max_length=MAX_ACTIVE,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["name"]},
        description="Its Recordings that have not ended.",
    )
    last_schedule_time: Time | None = Field(
        default=None, description="When the last Recording that was made was due (RFC 3339)."
    )
    last_successful_time: Time | None = Field(
        default=None, description="When the last Recording that ended well has ended (RFC 3339)."
    )
    next_schedule_time: Time | None = Field(
        default=None, description="When the next Recording is due (RFC 3339)."
    )
    last_session: str | None = Field(
        default=None,
        max_length=MAX_SESSION,
        description="The session that was dealt with last: recorded, or left out while suspended. LiveKit: the `sid` of a room.",
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=MAX_CONDITIONS,
        json_schema_extra={LIST_TYPE: "map", LIST_MAP_KEYS: ["type"]},
        description="Ready: Recordings are made as declared. Reconciling and Stalled are there only while true: Stalled means "
        "that somebody must act.",
    )


class RecordingSchedule(Model):
    """Recordings at certain times, or of every session of a room."""

    spec: RecordingScheduleSpec = Field(description="What is declared.")
    status: RecordingScheduleStatus = Field(
        default=RecordingScheduleStatus(),
        description="What Roomkeeper has seen and done. Written by it alone.",
    )


RULES: Final = (
    name_rule(MAX_SCHEDULE_NAME),
    Rule(
        at="spec",
        rule="has(self.schedule) != has(self.trigger)",
        message="exactly one of schedule and trigger must be given",
        field_path=".schedule",
    ),
    Rule(
        at="spec.schedule",
        rule="self.matches('^[0-9A-Za-z*,/-]+( +[0-9A-Za-z*,/-]+){4}$')",
        message="schedule must have five fields, minute, hour, day of the month, month and day of the week, as in 0 9 * * 1-5",
    ),
    Rule(
        at="spec",
        rule="!has(self.timeZone) || has(self.schedule)",
        message="timeZone goes with schedule: a session begins when it begins",
        field_path=".timeZone",
    ),
    Rule(
        at="spec",
        rule="!has(self.trigger) || has(self.recordingTemplate.spec.roomRef) || has(self.recordingTemplate.spec.roomName)",
        message="trigger EverySession needs roomRef or roomName: sessions are of a room",
        field_path=".recordingTemplate.spec.roomRef",
    ),
    *(
        Rule(
            at="spec.recordingTemplate.spec",
            rule=f"!has(self.{field})",
            message=f"{field} {why}",
            field_path=f".{field}",
        )
        for field, why in (
            ("startAt", "is not for a template: schedule or trigger say when it starts"),
            (
                "desiredState",
                "is not for a template: suspend the RecordingSchedule, or stop a Recording that it made",
            ),
        )
    ),
    *secret_template.rules("spec.recordingTemplate.metadata"),
    *spec_rules("spec.recordingTemplate.spec"),
)

KIND: Final = Kind(
    kind="RecordingSchedule",
    plural="recordingschedules",
    short_name="lksched",
    model=RecordingSchedule,
    rules=RULES,
    columns=(
        Column("SCHEDULE", ".spec.schedule"),
        Column("TRIGGER", ".spec.trigger"),
        Column("SUSPEND", ".spec.suspend", type="boolean"),
        Column("READY", '.status.conditions[?(@.type=="Ready")].status'),
        Column("LAST", ".status.lastScheduleTime", type="date"),
        Column("NEXT", ".status.nextScheduleTime", wide=True),  # kubectl writes <invalid> for a date to come
        Column("STATUS", '.status.conditions[?(@.type=="Ready")].message', wide=True),
        Column("AGE", ".metadata.creationTimestamp", type="date"),
    ),
)
