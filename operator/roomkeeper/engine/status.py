"""Writes status and Events: what every kind tells at the end of a reconcile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.kubernetes.events import EventNote
from roomkeeper.api.common import API_VERSION
from roomkeeper.domain.objects import CustomObject
from roomkeeper.engine.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.adapters.kubernetes.events import EventRecorder
    from roomkeeper.adapters.ports import Body, Kubernetes
    from roomkeeper.domain import events
    from roomkeeper.engine.cache import ObjectCache


@dataclass(slots=True)
class StatusWriter:
    """One patch per reconcile, and only if it differs."""

    kubernetes: Kubernetes
    objects: ObjectCache
    recorder: EventRecorder

    async def write(self, seen: CustomObject, status: Body) -> CustomObject:
        """Send what differs in one merge patch, guarded by uid and resourceVersion; nothing when nothing does.

        Return the object as it is then.
        """
        changed = _merge_patch(seen.status, status)
        if not changed:
            return seen
        body = await self.kubernetes.patch(
            KINDS[seen.key.kind],
            namespace=seen.key.namespace,
            name=seen.key.name,
            patch={
                "metadata": {"uid": seen.uid, "resourceVersion": seen.resource_version},
                "status": changed,
            },
            subresource="status",
        )
        written = CustomObject.from_body(seen.key.kind, body)
        self.objects.observe(written)
        return written

    async def write_finalizers(self, seen: CustomObject, finalizers: list[str]) -> CustomObject:
        """Replace the finalizers of exactly this version, and return the new one."""
        body = await self.kubernetes.patch(
            KINDS[seen.key.kind],
            namespace=seen.key.namespace,
            name=seen.key.name,
            patch={
                "metadata": {
                    "uid": seen.uid,
                    "resourceVersion": seen.resource_version,
                    "finalizers": finalizers,
                }
            },
        )
        written = CustomObject.from_body(seen.key.kind, body)
        self.objects.observe(written)
        return written

    def tell(self, notes: Iterable[events.Note], seen: CustomObject) -> None:
        """Send Events about an object."""
        for note in notes:
            self.recorder.emit(
                EventNote(
                    kind=seen.key.kind,
                    api_version=API_VERSION,
                    namespace=seen.key.namespace,
                    name=seen.key.name,
                    uid=seen.uid,
                    type=note.type,
                    reason=note.reason,
                    message=note.message,
                    action="Reconcile",
                )
            )


def _merge_patch(before: Mapping[str, Any], after: Body) -> Body:
    """Return the JSON merge patch (RFC 7396) between two flat statuses; lists are replaced whole."""
    gone: Body = {name: None for name in before if name not in after}
    return gone | {name: value for name, value in after.items() if before.get(name) != value}
