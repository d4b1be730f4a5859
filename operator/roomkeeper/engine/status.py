"""Writes status and Events: what every kind tells at the end of a reconcile."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.kubernetes.events import EventNote
from roomkeeper.api.common import API_VERSION
from roomkeeper.domain.conditions import find
from roomkeeper.domain.objects import SERVER, CustomObject
from roomkeeper.domain.reasons import Reason
from roomkeeper.engine.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.adapters.kubernetes.events import EventRecorder
    from roomkeeper.adapters.ports import Body, Kubernetes
    from roomkeeper.domain import events
    from roomkeeper.engine.cache import ObjectCache


logger = logging.getLogger(__name__)

_OF_SERVERS = frozenset({Reason.SERVER_UNREACHABLE, Reason.INVALID_CREDENTIALS})
_SAID_BEFORE = frozenset({Reason.ROOM_RECREATED})  # when the room was created
_LEFT_BEHIND = frozenset({Reason.ORPHANED_ROOM, Reason.ORPHANED_EGRESS})


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

    def tell(self, notes: Iterable[events.Note], seen: CustomObject, status: Mapping[str, Any]) -> None:
        """Send Events about an object, which had this status before and has that one now; the log says the same."""
        for note in notes:
            logger.log(_level(note, seen, status), "%s: %s", note.reason, note.message)
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


def _level(note: events.Note, before: CustomObject, after: Mapping[str, Any]) -> int:
    """Return how much a note matters to whoever runs the operator.

    That a LiveKit is away is said once, of the server: not of each object that is there.
    """
    was = find(before.status.get("conditions", ()), "Ready")
    is_of_server = note.reason in _OF_SERVERS or (was and was["reason"] in _OF_SERVERS)
    if (is_of_server and before.key.kind != SERVER) or note.reason in _SAID_BEFORE:
        return logging.DEBUG
    if note.type == "Normal":
        return logging.INFO
    stalled = find(after.get("conditions", ()), "Stalled")
    has_to_act = note.reason in _LEFT_BEHIND or (stalled and stalled["reason"] == note.reason)
    return logging.ERROR if has_to_act else logging.WARNING


def _merge_patch(before: Mapping[str, Any], after: Body) -> Body:
    """Return the JSON merge patch (RFC 7396) between two flat statuses; lists are replaced whole."""
    gone: Body = {name: None for name in before if name not in after}
    return gone | {name: value for name, value in after.items() if before.get(name) != value}
