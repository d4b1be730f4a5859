"""The egresses of one server as last seen: in the list of those that run, singly, and as webhooks hinted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.domain.egress import EgressState

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Clock, LiveKit
    from roomkeeper.domain.egress import Egress

_ORDER = {state: number for number, state in enumerate(EgressState)}
UNANSWERED_STOPS = 2  # after which nobody is there to answer


class EgressSightings:
    """What is known of each egress. An egress never goes back to an earlier state, whichever news comes last."""

    def __init__(self, clock: Clock) -> None:
        """Know nothing."""
        self._clock = clock
        self._egresses: dict[str, Egress] = {}
        self._seen_at: dict[str, float] = {}
        self._hints: set[str] = set()
        self._listed_at: float | None = None
        self._listed: frozenset[str] = frozenset()
        self._unanswered: dict[str, int] = {}
        self.looks = 0  # lists that were read: what is counted per resync is counted by it

    def get(self, egress_id: str) -> Egress | None:
        """Return the egress as last seen."""
        return self._egresses.get(egress_id)

    def saw(self, egress: Egress) -> Egress:
        """Remember an egress that was read, started or stopped, and return what is known of it now."""
        known = self._egresses.get(egress.id)
        if known is None or _ORDER[egress.state] >= _ORDER[known.state]:
            self._egresses[egress.id] = egress
        self._seen_at[egress.id] = self._clock.monotonic()
        return self._egresses[egress.id]

    def hint(self, egress_id: str) -> None:
        """Have an egress read again: something happened to it."""
        self._hints.add(egress_id)

    async def probe(self, api: LiveKit) -> set[str]:
        """List what runs, and return the ids of which something is new; those that run no more are among them."""
        began = self._clock.monotonic()
        running = await api.list_egress(active=True)
        changed = {egress.id for egress in running if self._egresses.get(egress.id) != egress}
        ids = frozenset(egress.id for egress in running)
        changed |= self._listed - ids
        for egress in running:
            self.saw(egress)
        self._listed, self._listed_at = ids, began
        self._forget_others(ids, began)
        self.looks += 1
        return changed

    def _forget_others(self, running: frozenset[str], began: float) -> None:
        """Drop what neither runs nor was seen since the list began: whoever asks for one of them reads it singly."""
        kept = running | {one for one, seen_at in self._seen_at.items() if seen_at >= began}
        for known in (self._egresses, self._seen_at, self._unanswered):
            for gone in known.keys() - kept:
                del known[gone]
        self._hints &= kept

    async def read(self, api: LiveKit, egress_id: str) -> Egress | None:
        """Return the egress as it is, asking for it singly where the last list is not enough; None: it is not known."""
        known = self.get(egress_id)
        if known and not known.state.is_live:
            return known
        if known and egress_id not in self._hints and self._is_current(egress_id):
            return known
        self._hints.discard(egress_id)
        try:
            found = await api.list_egress(egress_id=egress_id)
        except BaseException:
            self._hints.add(egress_id)
            raise
        return self.saw(found[0]) if found else None

    def forget(self, *egress_ids: str) -> None:
        """Drop the egresses of a Recording that is over."""
        for egress_id in egress_ids:
            for kept in (self._egresses, self._seen_at, self._unanswered):
                kept.pop(egress_id, None)
            self._hints.discard(egress_id)

    def was_not_answered(self, egress_id: str) -> None:
        """Remember that an egress was told to end, and no worker answered."""
        self._unanswered[egress_id] = self._unanswered.get(egress_id, 0) + 1

    def was_answered(self, egress_id: str) -> None:
        """Remember that its worker is there."""
        self._unanswered.pop(egress_id, None)

    def is_gone(self, egress_id: str, *, is_missing: bool) -> bool:
        """Tell whether no worker is there any more; of one that is not in its room either, sooner."""
        return self._unanswered.get(egress_id, 0) >= (1 if is_missing else UNANSWERED_STOPS)

    def _is_current(self, egress_id: str) -> bool:
        """Tell whether what is known is as new as the last list, or in it."""
        if self._listed_at is None or egress_id in self._listed:
            return True
        return self._seen_at.get(egress_id, 0.0) >= self._listed_at
