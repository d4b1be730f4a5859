"""A Recording, its LiveKit and its operator on one stage, and the time that passes for all of them."""

from __future__ import annotations

from typing import Any

from roomkeeper.domain import attempts
from roomkeeper.domain.attempts import ENDED
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from tests.unit.domain.kstatus import CURRENT, FAILED, IN_PROGRESS, TERMINATING, kstatus
from tests.unit.domain.recording_model import LiveKit
from tests.unit.domain.recording_operator import Operator, Stored, comes_back_in

RESYNC = 60.0  # at which whatever runs is looked at
RUNNING = {"Starting", "Active", "Ending"}
SPEC: dict[str, Any] = {
    "roomRef": {"name": "standup"},
    "source": {"roomComposite": {}},
    "outputs": {"file": {}, "hls": {}},
}
# A browser that never joins is missed a minute after it was asked for, and a worker that ends for ever after ten.
LONG_ENOUGH = 900.0


class Theatre:
    """An object, its LiveKit and its operator, and the time that passes for all of them."""

    def __init__(self, **spec: Any) -> None:
        self.livekit = LiveKit()
        self.stored = Stored({**SPEC, **spec})
        self.operator = Operator(self.livekit, self.stored)
        self.due: float | None = 0.0
        self.looked_at = 0.0
        self.heard = self.livekit.seen()
        self.history: list[str] = []

    def reconcile(self) -> None:
        before = attempts.read(self.stored.status)
        outcome = self.operator.reconcile()
        self.due = comes_back_in(outcome)
        if not self.operator.was_killed and self.stored.is_there:
            self.is_read_as(outcome)
        self.looked_at, self.heard = 0.0, self.livekit.seen()
        after = {one.number: one for one in attempts.read(self.stored.status)}
        for one in before:
            assert one.is_live or after[one.number] == one, "what has ended has changed"
        if self.stored.state:
            self.history.append(self.stored.state)

    def is_read_as(self, outcome: Outcome) -> None:
        """Hold what tools make of the status against how the reconcile ended."""
        expected = {Done: CURRENT, Stalled: FAILED, Waiting: IN_PROGRESS, Retry: IN_PROGRESS}[type(outcome)]
        seen = self.stored.seen()
        assert kstatus(seen, seen.status) == (TERMINATING if seen.deleted_at else expected)
        is_news = self.due == 0 and self.is_over  # it comes back once for what follows the end
        assert self.due is None or self.due > 0 or is_news, "it comes back at once, for ever"

    def passes(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time pass for an operator that is woken by what happens, by a resync, and when something is due."""
        while seconds > 0:
            self.livekit.moves(step)
            seconds -= step
            self.looked_at += step
            self.due = None if self.due is None else self.due - step
            is_due = self.due is not None and self.due <= 0
            is_resynced = self.stored.state in RUNNING and self.looked_at >= RESYNC
            if is_due or is_resynced or self.livekit.seen() != self.heard:
                self.reconcile()
            self.check()

    def check(self) -> None:
        """Hold what must never be against what is."""
        running = self.livekit.running()
        assert len(running) <= 1, [job.egress.id for job in running]
        if not self.stored.is_there and not self.stored.orphans:
            assert all(job.egress.state is EgressState.ENDING for job in running), "it was left behind"

    def kubectl(self, **spec: Any) -> None:
        """Edit the object, which wakes it."""
        self.stored.spec = {**self.stored.spec, **spec}
        self.reconcile()

    def delete(self) -> None:
        """Delete the object: it stays while somebody holds it."""
        self.stored.deleted_at = self.stored.deleted_at or self.livekit.now
        self.stored.is_there = bool(self.stored.finalizers)
        self.reconcile()

    @property
    def is_over(self) -> bool:
        return self.stored.state in ENDED
