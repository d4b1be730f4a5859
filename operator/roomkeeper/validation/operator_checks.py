"""What the API server takes and the operator refuses, as far as manifests alone can tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from roomkeeper.adapters.zones import zone
from roomkeeper.api.recording_schedule import RecordingScheduleSpec
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import checks, names, schedules
from roomkeeper.domain.objects import ROOM, SERVER, STORAGE, CustomObject, Key
from roomkeeper.domain.rooms import World
from roomkeeper.domain.schedules import DEFAULT_ZONE, ScheduleWorld

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roomkeeper.domain.conditions import Finding
    from roomkeeper.validation.manifests import Manifest

_OF_A_ROOM: Final = (
    checks.room_name_is_unusable,
    checks.identity_is_repeated,
    checks.identity_is_of_two_roles,
    checks.secret_is_shared,
    checks.metadata_is_too_large,
)
_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_REFERENCES: Final = {"roomRef": ROOM, "serverRef": SERVER, "storageRef": STORAGE}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A field, and why the operator may refuse it."""

    field: str
    message: str


def doubts(manifest: Manifest, among: Iterable[Manifest]) -> Iterator[Doubt]:
    """Yield what the operator would refuse an object for that the API server takes.

    Its references are looked for among the objects that it was given with: a cluster may have others.
    """
    spec = manifest.value["spec"]
    match manifest.value["kind"]:
        case "Room":
            yield from _told(_of_room(_object(manifest), spec))
        case "RecordingSchedule":
            yield from _told(_of_schedule(_object(manifest), spec))
            template = spec["recordingTemplate"]["spec"]
            yield from _references(manifest, template, "spec.recordingTemplate.spec", among)
    yield from _references(manifest, spec, "spec", among)


def _told(findings: Iterable[Finding | None]) -> Iterator[Doubt]:
    """Take the field from the front of what the operator says."""
    for finding in findings:
        if finding:
            field, _, wrong = finding.message.partition(": ")
            yield Doubt(field, f"{field}: the operator will refuse this ({finding.reason}): {wrong}")


def _object(manifest: Manifest) -> CustomObject:
    metadata = manifest.metadata
    key = Key(manifest.value["kind"], metadata.get("namespace", ""), metadata.get("name", ""))
    return CustomObject(
        key=key,
        uid="",
        resource_version="",
        generation=1,
        created_at=_ANY_TIME,
        deleted_at=None,
        finalizers=(),
        spec=manifest.value["spec"],
        status={},
    )


def _of_room(room: CustomObject, spec: dict[str, Any]) -> Iterator[Finding | None]:
    read = RoomSpec.model_validate(spec)
    name = read.room_name or names.default_room_name(room.key)
    world = World(room, read, "", name, server=None, now=_ANY_TIME)
    return (check(world) for check in _OF_A_ROOM)


def _of_schedule(schedule: CustomObject, spec: dict[str, Any]) -> Iterator[Finding | None]:
    read = RecordingScheduleSpec.model_validate(spec)
    world = ScheduleWorld(schedule, read, "", _ANY_TIME, zone=zone(read.time_zone or DEFAULT_ZONE))
    yield schedules.obstacle(world)


def _references(
    manifest: Manifest, spec: dict[str, Any], path: str, among: Iterable[Manifest]
) -> Iterator[Doubt]:
    known = {
        (other.value.get("kind"), other.metadata.get("namespace"), other.metadata.get("name"))
        for other in among
    }
    here = manifest.metadata.get("namespace")
    for field, kind in _REFERENCES.items():
        reference = spec.get(field)
        if not reference:
            continue
        namespace = reference.get("namespace") or here
        if (kind, namespace, reference["name"]) not in known:
            where = f"namespace {namespace}" if namespace else "its namespace"
            yield Doubt(
                f"{path}.{field}.name",
                f"{path}.{field}.name: {kind} {reference['name']} is not among these manifests: it must be in {where}",
            )
