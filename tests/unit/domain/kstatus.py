"""The rules by which Flux, Argo CD and kubectl wait for an object, ported.

Source: sigs.k8s.io/cli-utils, pkg/kstatus/status/generic.go (checkGenericProperties) and core.go (checkReadyCondition).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.domain.outcomes import Done, Outcome, Stalled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.domain.objects import CustomObject

IN_PROGRESS, FAILED, CURRENT, TERMINATING = "InProgress", "Failed", "Current", "Terminating"


def kstatus(seen: CustomObject, status: Mapping[str, Any]) -> str:
    """Return what a tool that knows nothing of our kinds takes the object for."""
    if seen.deleted_at:
        return TERMINATING
    if status.get("observedGeneration", seen.generation) != seen.generation:
        return IN_PROGRESS
    for condition in status.get("conditions", ()):
        if condition["type"] == "Reconciling" and condition["status"] == "True":
            return IN_PROGRESS
        if condition["type"] == "Stalled" and condition["status"] == "True":
            return FAILED
    ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready"), None)
    return CURRENT if ready is None or ready["status"] == "True" else IN_PROGRESS


def expected(outcome: Outcome) -> str:
    """Return what it has to be after a reconcile that ended so: whatever is not through is in progress."""
    match outcome:
        case Done():
            return CURRENT
        case Stalled():
            return FAILED
    return IN_PROGRESS
