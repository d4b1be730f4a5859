"""Schedules that make a Recording of every session, by the room that they mean."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from roomkeeper.api.recording_schedule import Trigger
from roomkeeper.engine.recording_index import is_refused

if TYPE_CHECKING:
    from roomkeeper.domain.objects import CustomObject, Key

    Place = tuple[str, ...]


@dataclass(slots=True)
class ScheduleIndex:
    """Holds those with trigger EverySession; what the time triggers is woken by its own due time."""

    _known: dict[Key, CustomObject] = field(default_factory=dict)
    _by_place: defaultdict[Place, set[Key]] = field(default_factory=lambda: defaultdict(set))

    def put(self, seen: CustomObject) -> None:
        """Take a schedule as it is now."""
        self.drop(seen.key)
        if seen.spec.get("trigger") == Trigger.EVERY_SESSION:
            self._known[seen.key] = seen
        if place := _place(seen):
            self._by_place[place].add(seen.key)

    def drop(self, key: Key) -> None:
        """Forget a schedule."""
        known = self._known.pop(key, None)
        place = _place(known) if known else None
        if place:
            self._by_place[place].discard(key)
            if not self._by_place[place]:
                del self._by_place[place]

    def __len__(self) -> int:
        """Count them."""
        return len(self._known)

    def all(self) -> list[CustomObject]:
        """Return every one of them."""
        return list(self._known.values())

    def of_room(self, room: Key) -> list[CustomObject]:
        """Return those that refer to a Room."""
        return self._at("room", room.namespace, room.name)

    def of_name(self, room_name: str) -> list[CustomObject]:
        """Return those that give a room's name themselves."""
        return self._at("name", room_name)

    def in_namespace(self, namespace: str) -> list[CustomObject]:
        """Return those of a namespace."""
        return [known for known in self._known.values() if known.key.namespace == namespace]

    def _at(self, *place: str) -> list[CustomObject]:
        return [self._known[key] for key in self._by_place.get(place, ())]


def as_recording(schedule: CustomObject) -> CustomObject:
    """Return the schedule as the Recordings that it makes: for whoever asks for a server or a room."""
    template = schedule.spec.get("recordingTemplate") or {}
    return replace(schedule, spec=template.get("spec") or {}, status={})


def _place(schedule: CustomObject) -> Place | None:
    if schedule.spec.get("trigger") != Trigger.EVERY_SESSION:
        return None
    spec = as_recording(schedule).spec
    if room := (spec.get("roomRef") or {}).get("name"):
        return "room", schedule.key.namespace, str(room)
    name = spec.get("roomName")
    return ("name", str(name)) if name and not is_refused(schedule) else None
