"""RecordingSchedules for tests, and a small cluster in which one lives: its status and its Recordings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from roomkeeper.api import common
from roomkeeper.api.common import rfc3339
from roomkeeper.api.recording_schedule import RecordingScheduleSpec
from roomkeeper.domain import schedule_plan, schedule_status, schedules
from roomkeeper.domain.objects import RECORDING, SCHEDULE, CustomObject
from roomkeeper.domain.schedules import CreateChild, DeleteChild, Session, StopChild

if TYPE_CHECKING:
    from roomkeeper.domain.conditions import Conclusion
    from roomkeeper.domain.schedules import Action, ScheduleWorld

BERLIN = ZoneInfo("Europe/Berlin")
CREATED = datetime(2026, 6, 1, 8, 0, 30, tzinfo=UTC)
TEMPLATE = {
    "metadata": {"labels": {"team": "a"}, "annotations": {"example.com/note": "x"}},
    "spec": {"roomRef": {"name": "standup"}, "source": {"roomComposite": {}}, "outputs": {"file": {}}, "later": 1},
}  # fmt: skip
EVERY_SESSION = {"schedule": None, "trigger": "EverySession"}


def spec(**fields: Any) -> dict[str, Any]:
    """Return what is declared: due every ten minutes, unless the fields say otherwise."""
    declared = {"schedule": "*/10 * * * *", "recordingTemplate": TEMPLATE, **fields}
    return {name: value for name, value in declared.items() if value is not None}


def at(clock: str) -> datetime:
    """Return a time of the day on which the schedule was created."""
    hour, minute, *second = map(int, clock.split(":"))
    return CREATED.replace(hour=hour, minute=minute, second=second[0] if second else 0)


@dataclass
class Cluster:
    """One schedule, reconciled when the test says so."""

    now: datetime = CREATED
    spec: dict[str, Any] = field(default_factory=spec)
    status: dict[str, Any] = field(default_factory=dict)
    children: dict[str, CustomObject] = field(default_factory=dict)
    session: Session | None = None
    made: Counter[str] = field(default_factory=Counter)
    parts: dict[str, Any] = field(default_factory=dict)  # of the World, instead of what would be there

    def schedule(self) -> CustomObject:
        """Return the schedule as the API server has it."""
        metadata = {
            "namespace": "team-a",
            "name": "daily",
            "uid": "uid-of-the-schedule",
            "resourceVersion": "1",
            "generation": 2,
            "creationTimestamp": rfc3339(CREATED),
        }
        return CustomObject.from_body(
            SCHEDULE, {"metadata": metadata, "spec": self.spec, "status": self.status}
        )

    def world(self) -> ScheduleWorld:
        """Return what is known of it now."""
        declared = RecordingScheduleSpec.model_validate(self.spec)
        world = schedules.ScheduleWorld(
            schedule=self.schedule(),
            spec=declared,
            spec_error="",
            now=self.now,
            zone=ZoneInfo(declared.time_zone or "UTC"),
            children=tuple(self.children.values()),
        )
        world = replace(world, **self.parts)
        if not schedules.is_by_session(world) or self.session is None:
            return world
        asked = schedule_plan.needs_people(world, self.session.sid)  # nobody is asked otherwise
        return replace(world, session=replace(self.session, has_people=asked and self.session.has_people))

    def plan(self) -> list[str]:
        """Return what would be done, in few words."""
        return [describe(action) for action in schedule_plan.plan(self.world())]

    def reconcile(self, *, crash_after: int | None = None) -> Conclusion | None:
        """Do what is planned and write status; or crash after so many actions, when there are as many."""
        for number, action in enumerate(schedule_plan.plan(self.world())):
            if number == crash_after:
                return None
            self.execute(action)
        if crash_after is not None:
            return None
        world = self.world()
        conclusion = schedule_status.conclude(world)
        self.notes = [str(note.reason) for note in schedule_status.notes(world, conclusion.status)]
        self.status = conclusion.status
        return conclusion

    def execute(self, action: Action) -> None:
        """Carry out one action as the API server does."""
        match action:
            case CreateChild():
                if action.name not in self.children:  # else the API server says so, and it is ours
                    self.made[action.name] += 1
                    self.children[action.name] = self._created(action)
            case StopChild(child):
                stopped = {**child.spec, "desiredState": "Stopped"}
                self.children[child.key.name] = replace(child, spec=stopped)
            case DeleteChild(child):
                self.children.pop(child.key.name)

    def become(self, name: str, state: str, **status: Any) -> None:
        """Have a Recording get further."""
        child = self.children[name]
        self.children[name] = replace(child, status={**child.status, "state": state, **status})

    def pass_minutes(self, minutes: float) -> None:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)

    def name(self, clock: str) -> str:
        """Return the name of the Recording of a time of the day."""
        return schedules.name_at(self.schedule(), at(clock))

    def _created(self, action: CreateChild) -> CustomObject:
        system = {"uid": f"uid-{action.name}", "resourceVersion": "1", "creationTimestamp": rfc3339(self.now)}
        body = {**action.body, "metadata": {**action.body["metadata"], **system}}
        return CustomObject.from_body(RECORDING, body)


def describe(action: Action) -> str:
    """Return an action in few words."""
    match action:
        case CreateChild():
            return f"create {action.name}"
        case StopChild(child):
            return f"stop {child.key.name}"
        case DeleteChild(child):
            return f"delete {child.key.name}"


def session_name(cluster: Cluster, sid: str) -> str:
    """Return the name of the Recording of a session."""
    return schedules.name_of(cluster.schedule(), sid)


def owner() -> dict[str, Any]:
    """Return the reference that every Recording of the schedule carries."""
    return {
        "apiVersion": common.API_VERSION,
        "kind": SCHEDULE,
        "name": "daily",
        "uid": "uid-of-the-schedule",
        "controller": True,
        "blockOwnerDeletion": False,
    }
