"""The rooms of one server as last seen: in lists, singly, and as webhooks hinted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.livekit import LiveRoom

# Between LiveKit's clock and ours, and for its own sweep of every second.
EMPTINESS_MARGIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to the room, and perhaps a session of it ended."""

    finished_sid: str = ""


class Sightings:
    """What is known of each claimed room. A list never overrules what was read after it began."""

    def __init__(self, clock: Clock, *, created_recently: float) -> None:
        """Know nothing; `created_recently` seconds after our own create a room may not be listed yet."""
        self._clock = clock
        self._created_recently = created_recently
        self._rooms: dict[str, LiveRoom] = {}
        self._seen_at: dict[str, float] = {}  # of rooms read singly since the last list began
        self._created_at: dict[str, float] = {}
        self._hints: dict[str, Hint] = {}
        self._doubted: set[str] = set()  # listed, but the node that held them may be dead
        self._empty_since: dict[str, tuple[str, float]] = {}  # SID and time

    def __len__(self) -> int:
        """Count the rooms that are there."""
        return len(self._rooms)

    def get(self, name: str) -> LiveRoom | None:
        """Return the room as last seen."""
        return self._rooms.get(name)

    def saw(self, name: str, live: LiveRoom | None) -> None:
        """Remember a room that was read or changed singly."""
        self._seen_at[name] = self._clock.monotonic()
        if live is None:
            self._rooms.pop(name, None)
            self._doubted.discard(name)
            self._empty_since.pop(name, None)
        else:
            self._rooms[name] = live
            self._watch_emptiness(live)

    def created(self, name: str, live: LiveRoom) -> None:
        """Remember a room that we created, or that was there."""
        self._created_at[name] = self._clock.monotonic()
        self._doubted.discard(name)
        self.saw(name, live)

    def deleted(self, name: str) -> None:
        """Remember a room that we deleted."""
        self.saw(name, None)
        self._created_at.pop(name, None)

    def listed(self, rooms: Iterable[LiveRoom], *, began: float) -> set[str]:
        """Take a list as the new truth, and return the names whose room is not what it was."""
        now = {room.name: room for room in rooms}
        for name in [name for name, seen_at in self._seen_at.items() if seen_at >= began]:
            now.pop(name, None)
            if name in self._rooms:
                now[name] = self._rooms[name]
        changed = {name for name in now.keys() | self._rooms.keys() if now.get(name) != self._rooms.get(name)}
        for name in changed & now.keys():
            if _counts(now[name]) != _counts(self._rooms.get(name)):
                self.hint(name)
        self._rooms = now
        self._doubted &= now.keys()
        self._empty_since = {name: since for name, since in self._empty_since.items() if name in now}
        for room in now.values():
            self._watch_emptiness(room)
        self._seen_at = {name: at for name, at in self._seen_at.items() if at >= began}
        self._created_at = {
            name: at for name, at in self._created_at.items() if began - at < self._created_recently
        }
        return changed

    def with_people(self) -> list[str]:
        """Return the names of rooms in which people are."""
        return [room.name for room in self._rooms.values() if room.num_participants]

    def hint(self, name: str, *, finished_sid: str = "") -> None:
        """Have a room read again at the next look."""
        before = self._hints.get(name, Hint())
        self._hints[name] = Hint(finished_sid or before.finished_sid)

    def take_hint(self, name: str) -> Hint | None:
        """Return the hint about a room, and forget it."""
        return self._hints.pop(name, None)

    def doubt(self, *names: str) -> set[str]:
        """Have rooms created again before they are relied on; none named: all of them. Return those doubted."""
        self._doubted |= set(names) or self._rooms.keys()
        return set(self._doubted)

    def is_doubted(self, name: str) -> bool:
        """Tell whether a room is listed but may be dead."""
        return name in self._doubted

    def was_created_recently(self, name: str) -> bool:
        """Tell whether a list may not show our own create yet."""
        created = self._created_at.get(name)
        return created is not None and self._clock.monotonic() - created < self._created_recently

    def somebody_came(self, name: str) -> None:
        """Remember that this session had people."""
        self._empty_since.pop(name, None)

    def surely_nobody_ever_joined(self, name: str) -> bool:
        """Tell whether it is sure that nobody has ever been in the room.

        LiveKit closes a room its departure timeout after the last person. One that has been seen empty for longer,
        with the same SID, was never joined.
        """
        live, empty = self._rooms.get(name), self._empty_since.get(name)
        if live is None or empty is None or empty[0] != live.sid:
            return False
        needed = live.config.departure_timeout_seconds + EMPTINESS_MARGIN_SECONDS
        return self._clock.monotonic() - empty[1] >= needed

    def _watch_emptiness(self, live: LiveRoom) -> None:
        known = self._empty_since.get(live.name)
        if live.num_participants or live.num_publishers:
            self._empty_since.pop(live.name, None)
        elif known is None or known[0] != live.sid:
            self._empty_since[live.name] = (live.sid, self._clock.monotonic())


def _counts(room: LiveRoom | None) -> tuple[int, int]:
    """Return the counts of a list: they lag, but a change tells that somebody came or went."""
    return (room.num_participants, room.num_publishers) if room else (0, 0)
