"""Conditions as KEP-1623 and kstatus read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.api.common import rfc3339
from roomkeeper.domain.outcomes import Outcome, Retry, Stalled, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from roomkeeper.domain.reasons import Reason

MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: the reason is what programs read, the message what people read."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition before it meets its predecessor."""

    type: str
    is_true: bool | None  # None: Unknown
    finding: Finding


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What to write to status and when to come back."""

    status: dict[str, Any]
    outcome: Outcome


def abnormal(outcome: Outcome, ready: Condition) -> list[Condition]:
    """Return kstatus's two conditions that exist only when true: Reconciling and Stalled.

    Ready says what is wrong; these say what to do about it, so that `kubectl describe` shows both.
    """
    reason = ready.finding.reason
    what_to_do = Finding(reason, reason.advice)
    match outcome:
        case Stalled():
            return [Condition("Stalled", is_true=True, finding=what_to_do)]
        case Waiting() | Retry():
            return [Condition("Reconciling", is_true=True, finding=what_to_do)]
        case _:
            return []


def render(
    conditions: Iterable[Condition],
    *,
    previous: Sequence[Mapping[str, Any]],
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the conditions as status holds them; lastTransitionTime moves only with the status."""
    before = {condition["type"]: condition for condition in previous}
    return [_render(condition, before.get(condition.type), generation, now) for condition in conditions]


def find(conditions: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    """Return the condition of that type, if there is one."""
    return next((condition for condition in conditions if condition["type"] == kind), None)


def _render(
    condition: Condition, before: Mapping[str, Any] | None, generation: int, now: datetime
) -> dict[str, Any]:
    status = "Unknown" if condition.is_true is None else str(condition.is_true)
    moved = before is None or before["status"] != status
    return {
        "type": condition.type,
        "status": status,
        "reason": str(condition.finding.reason),
        "message": condition.finding.message[:MAX_MESSAGE],
        "observedGeneration": generation,
        "lastTransitionTime": rfc3339(now) if before is None or moved else before["lastTransitionTime"],
    }
