"""What a Lease tells and what may be done with it: decisions only, the time is an argument.

As in client-go (tools/leaderelection), no clock of another machine is believed: a Lease has expired when this process
has not seen it change for as long as it says that it is good. Seconds are those of the monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import LEASES
from roomkeeper.api.common import ANNOTATION_ADDRESS, rfc3339_micro

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from roomkeeper.adapters.ports import Body


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a Lease is good, in seconds, and what follows from that; 15 is what Kubernetes' own components take."""

    lease_seconds: int = 15

    @property
    def renew_seconds(self) -> float:
        """Between two renewals; also the time after one in which an egress may be started."""
        return self.lease_seconds / 3

    @property
    def deadline_seconds(self) -> float:
        """From the last renewal until its holder stops: the rest of the time is for what is on its way."""
        return self.lease_seconds * 2 / 3

    @property
    def poll_seconds(self) -> float:
        """Between two looks of one that waits, and before a renewal that failed is tried again."""
        return self.lease_seconds / 15

    @property
    def call_seconds(self) -> float:
        """For one request: one that hangs leaves time for another before the deadline."""
        return self.lease_seconds / 5


@dataclass(frozen=True, slots=True)
class Record:
    """The content of a Lease. Times are kept as they are written: they are for people."""

    holder: str = ""  # "": nobody
    address: str = ""  # where the holder takes webhooks, host:port; "": it does not say
    seconds: int = 0  # for how long it is good without a change; 0: it does not say
    transitions: int = 0
    acquired: str = ""
    renewed: str = ""

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Record:
        """Read a Lease as the API server has it."""
        spec = body.get("spec") or {}
        annotations = body["metadata"].get("annotations") or {}
        return cls(
            holder=spec.get("holderIdentity") or "",
            address=annotations.get(ANNOTATION_ADDRESS, ""),
            seconds=spec.get("leaseDurationSeconds") or 0,
            transitions=spec.get("leaseTransitions") or 0,
            acquired=spec.get("acquireTime") or "",
            renewed=spec.get("renewTime") or "",
        )

    def body(self, namespace: str, name: str, before: Body | None) -> Body:
        """Return the Lease to write; what others have put into the metadata of the one before stays."""
        metadata: Body = dict(before["metadata"]) if before else {"namespace": namespace, "name": name}
        annotations = dict(metadata.get("annotations") or {})
        annotations.pop(ANNOTATION_ADDRESS, None)
        if self.address:
            annotations[ANNOTATION_ADDRESS] = self.address
        spec = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.seconds,
            "leaseTransitions": self.transitions,
            "acquireTime": self.acquired,
            "renewTime": self.renewed,
        }
        return {
            "apiVersion": LEASES.api_version,
            "kind": "Lease",
            "metadata": {**metadata, "annotations": annotations},
            "spec": spec,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """A Record, and since when this process knows it as it is."""

    record: Record
    since: float


def see(before: Seen | None, record: Record, now: float) -> Seen:
    """Take what was read: only a change starts the time anew."""
    return before if before and before.record == record else Seen(record, now)


def may_take(seen: Seen | None, me: str, terms: Terms, now: float) -> bool:
    """Tell whether the Lease may be written: there is none, it is free, it is ours, or its holder let it expire."""
    if seen is None or seen.record.holder in ("", me):
        return True
    return now - seen.since > (seen.record.seconds or terms.lease_seconds)


def taken(before: Record | None, *, me: str, address: str, terms: Terms, now: datetime) -> Record:
    """Return the Record that takes or renews the Lease."""
    time = rfc3339_micro(now)
    mine = Record(holder=me, address=address, seconds=terms.lease_seconds, acquired=time, renewed=time)
    if before is None:
        return mine
    if before.holder == me:
        return replace(mine, transitions=before.transitions, acquired=before.acquired)
    return replace(mine, transitions=before.transitions + 1)


def released(before: Record, now: datetime) -> Record:
    """Return the Record that lets anybody take the Lease at once."""
    return replace(before, holder="", address="", seconds=1, renewed=rfc3339_micro(now))
