"""Edits of a Room: which ones the API server refuses, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

IMMUTABLE: Final = ("spec.roomName", "roomName is immutable")


@dataclass(frozen=True)
class Transition:
    """Two changes to the good Room, before and after the edit; `refusal` is empty for an edit that is taken."""

    id: str
    before: dict[str, Any]
    after: dict[str, Any]
    refusal: tuple[str, ...] = ()


TRANSITIONS: Final = (
    Transition("room-name-changed", {"spec": {"roomName": "a"}}, {"spec": {"roomName": "b"}}, IMMUTABLE),
    Transition("room-name-added", {}, {"spec": {"roomName": "b"}}, IMMUTABLE),
    Transition("room-name-removed", {"spec": {"roomName": "a"}}, {}, IMMUTABLE),
    Transition(
        "room-name-kept", {"spec": {"roomName": "a"}}, {"spec": {"roomName": "a", "maxParticipants": 3}}
    ),
    Transition("default-written-out", {}, {"spec": {"lifecycle": "Persistent"}}),
    Transition(
        "everything-else-changed",
        {},
        {
            "spec": {
                "emptyTimeoutSeconds": 600,
                "departureTimeoutSeconds": 5,
                "maxParticipants": None,
                "metadata": None,
                "metadataPolicy": "Enforce",
                "deletionPolicy": "Retain",
                "deletionGraceSeconds": 5,
                "roles": [{"name": "viewer", "ttlSeconds": 900}],
            },
        },
    ),
)
