"""Reads the API server's audit log: who called what, how often. The measure of every call budget."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .kubernetes import OPERATOR_USER

if TYPE_CHECKING:
    from pathlib import Path

_WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Call(NamedTuple):
    """One finished call. What does not apply is ""; code is the HTTP status, 0 if the call had none."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    group: str


class AuditLog:
    """The audit log of one API server. A call is in it before the caller has read the whole answer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def mark(self) -> int:
        """The present end, to count from later; a line that is just being written is behind it."""
        return self._path.read_bytes().rfind(b"\n") + 1

    def calls(self, user: str = OPERATOR_USER, since: int = 0) -> list[Call]:
        """Calls that a user made and that are answered, in order; a watch counts when it ends."""
        with self._path.open("rb") as file:
            file.seek(since)
            # What follows the last line feed is still being written.
            complete, _, _ = file.read().rpartition(b"\n")
        events = (json.loads(line) for line in complete.splitlines())
        return [
            _call(event)
            for event in events
            if event["stage"] == "ResponseComplete" and event["user"].get("username") == user
        ]

    def writes(self, user: str = OPERATOR_USER, since: int = 0) -> Counter[tuple[str, str]]:
        """How often each (verb, "resource" or "resource/subresource") was written, refused attempts included."""
        return Counter(
            (call.verb, f"{call.resource}/{call.subresource}" if call.subresource else call.resource)
            for call in self.calls(user, since)
            if call.verb in _WRITES
        )


def _call(event: dict[str, Any]) -> Call:
    target = event.get("objectRef", {})
    return Call(
        verb=event["verb"],
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        group=target.get("apiGroup", ""),
    )
