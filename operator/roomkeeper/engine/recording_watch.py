"""What is counted of a running Recording from one look to the next; a new process begins anew, and is later for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from roomkeeper.adapters.ports import Clock


@dataclass(slots=True)
class _Watched:
    missing: int = 0
    seen_at: datetime | None = None
    counted_at: int = -1  # the list at which it was counted
    empty_since: float | None = None


@dataclass(slots=True)
class RecordingWatch:
    """By Recording: how often in a row its egress was missing, since when nobody is in the room, what was never asked for."""

    clock: Clock
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _streams: dict[str, dict[str, str]] = field(default_factory=dict)  # by Recording: addresses by their hash
    _unasked: dict[str, str] = field(default_factory=dict)  # by Recording: the marker of its last attempt

    def stream_urls(self, uid: str) -> dict[str, str]:
        """Return the addresses that this process has seen declared; status keeps only their hashes."""
        return dict(self._streams.get(uid, {}))

    def streams_to(self, uid: str, urls: Mapping[str, str]) -> None:
        """Remember addresses by their hash, to be able to take them back."""
        self._streams.setdefault(uid, {}).update(urls)

    def declares(self, uid: str, marker: str) -> None:
        """Take notice that an attempt is about to be written, whatever answer comes; it is asked for afterwards."""
        self._unasked[uid] = marker

    def asks(self, uid: str) -> None:
        """Take notice that it is asked for now."""
        self._unasked.pop(uid, None)

    def is_unasked(self, uid: str, marker: str) -> bool:
        """Tell whether an attempt was written by this process, which is certain that it did not ask for it."""
        return self._unasked.get(uid) == marker

    def missing_looks(self, egress_id: str, *, is_there: bool, look: int) -> int:
        """Count a look at the room, once for each list of the server, and return how many in a row missed the egress."""
        watched = self._watched.setdefault(egress_id, _Watched())
        if is_there:
            watched.missing, watched.seen_at = 0, self.clock.now()
        elif watched.counted_at != look:
            watched.missing += 1
        watched.counted_at = look
        return watched.missing

    def seen_at(self, egress_id: str) -> datetime | None:
        """Return when the egress was seen in its room last; None: never by this process."""
        watched = self._watched.get(egress_id)
        return watched.seen_at if watched else None

    def empty_seconds(self, egress_id: str, *, is_empty: bool) -> float:
        """Return for how long nobody has been seen in the room."""
        watched = self._watched.setdefault(egress_id, _Watched())
        if not is_empty:
            watched.empty_since = None
            return 0.0
        if watched.empty_since is None:
            watched.empty_since = self.clock.monotonic()
        return max(self.clock.monotonic() - watched.empty_since, 0.001)

    def forget(self, uid: str, egress_ids: Iterable[str]) -> None:
        """Drop what was counted of a Recording that is over, and of all its egresses."""
        for egress_id in egress_ids:
            self._watched.pop(egress_id, None)
        self._streams.pop(uid, None)
        self._unasked.pop(uid, None)
