"""Recordings by what wakes them: their Room, the name of a room, their egress; and those that are not over."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.api.recording import RecordingStart
from roomkeeper.api.recording_status import RecordingState
from roomkeeper.domain.attempts import ENDED
from roomkeeper.domain.conditions import find
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from roomkeeper.domain.objects import CustomObject, Key

_ENDED = frozenset(str(state) for state in ENDED)
_REFUSALS = frozenset({Reason.POLICY_VIOLATION, Reason.INVALID_ROOM_NAME})
_RUNNING = frozenset(
    str(state) for state in (RecordingState.STARTING, RecordingState.ACTIVE, RecordingState.ENDING)
)


@dataclass(slots=True)
class RecordingIndex:
    """Holds those that are not over; whoever is over is found by its key only."""

    _known: dict[Key, CustomObject] = field(default_factory=dict)
    _places: dict[Key, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    _by_place: defaultdict[tuple[str, ...], set[Key]] = field(default_factory=lambda: defaultdict(set))

    def put(self, seen: CustomObject) -> None:
        """Take a Recording as it is now."""
        self.drop(seen.key)
        if has_ended(seen) and not seen.deleted_at:
            return
        self._known[seen.key] = seen
        self._places[seen.key] = places = _places(seen)
        for place in places:
            self._by_place[place].add(seen.key)

    def drop(self, key: Key) -> None:
        """Forget a Recording."""
        self._known.pop(key, None)
        for place in self._places.pop(key, ()):
            self._by_place[place].discard(key)
            if not self._by_place[place]:
                del self._by_place[place]

    def all(self) -> list[CustomObject]:
        """Return every Recording that is not over."""
        return list(self._known.values())

    def of_room(self, room: Key) -> list[CustomObject]:
        """Return those that refer to a Room."""
        return self._at("room", room.namespace, room.name)

    def of_name(self, room_name: str) -> list[CustomObject]:
        """Return those that give a room's name themselves, or have had it."""
        return self._at("name", room_name)

    def of_egress(self, egress_id: str) -> list[CustomObject]:
        """Return the Recording whose egress it is."""
        return self._at("egress", egress_id)

    def running(self, namespace: str) -> list[CustomObject]:
        """Return those of a namespace that have an egress, or are about to get one."""
        return self._at("running", namespace)

    def running_on(self, server: Key) -> list[CustomObject]:
        """Return those that run on the server of that key, or on an earlier one of its name."""
        return self._at("running on", server.namespace, server.name)

    def in_namespace(self, namespace: str) -> list[CustomObject]:
        """Return those of a namespace."""
        return self._at("namespace", namespace)

    def _at(self, *place: str) -> list[CustomObject]:
        return [self._known[key] for key in self._by_place.get(place, ())]


def has_ended(recording: CustomObject) -> bool:
    """Tell whether it is over, as its status says."""
    return recording.status.get("state") in _ENDED


def is_refused(seen: CustomObject) -> bool:
    """Tell whether it may not have what it declares: then what happens in the room that it names is not its business.

    An edit of the policy, or of itself, has it judged anew.
    """
    ready = find(seen.status.get("conditions", ()), "Ready")
    return ready is not None and ready["reason"] in _REFUSALS


def looks_for_somebody(recording: CustomObject) -> bool:
    """Tell whether it waits for people or tracks in particular: how many there are in its room does not tell of them."""
    source = recording.spec.get("source") or {}
    is_of_somebody = any(source.get(name) for name in ("participant", "trackComposite", "track"))
    looks = is_of_somebody or recording.spec.get("start") == RecordingStart.WHEN_PUBLISHING
    return looks and not is_running(recording) and not has_ended(recording)


def is_running(recording: CustomObject) -> bool:
    """Tell whether it has an egress, or is about to get one."""
    return recording.status.get("state") in _RUNNING


def _places(seen: CustomObject) -> tuple[tuple[str, ...], ...]:
    places: list[tuple[str, ...]] = [("namespace", seen.key.namespace)]
    if is_running(seen):
        server = seen.status.get("serverRef") or {}
        places += [
            ("running", seen.key.namespace),
            ("running on", server.get("namespace", ""), server.get("name", "")),
        ]
    room = (seen.spec.get("roomRef") or {}).get("name")
    if room:
        places.append(("room", seen.key.namespace, str(room)))
    name = seen.status.get("roomName") or seen.spec.get("roomName")
    if name and not is_refused(seen):
        places.append(("name", str(name)))
    if egress := seen.status.get("egressID"):
        places.append(("egress", str(egress)))
    return tuple(places)
