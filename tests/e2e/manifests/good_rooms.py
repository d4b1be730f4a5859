"""Rooms that the API server takes, up to the very bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.manifests.base import role


@dataclass(frozen=True)
class GoodRoom:
    """A change to the good Room that leaves it good."""

    id: str
    patch: dict[str, Any]


def _largest_role(number: int) -> dict[str, Any]:
    return {
        "name": f"{number:02}".ljust(63, "r"),
        "identities": [f"{number}-{person}-".ljust(256, "i") for person in range(200)],
        "grants": {"canPublish": True, "canPublishSources": ["camera"]},
        "ttlSeconds": 86_400,
        "renewBeforeSeconds": 86_340,
    }


GOOD_ROOMS: Final = (
    GoodRoom("as-it-is", {}),
    GoodRoom("longest-name", {"metadata": {"name": "r" * 63}}),
    GoodRoom("longest-room-name", {"spec": {"roomName": "r" * 256}}),
    GoodRoom("room-name-in-another-script", {"spec": {"roomName": "会議 (überall). 1"}}),
    GoodRoom(
        "least-of-everything",
        {
            "spec": {
                "emptyTimeoutSeconds": 10,
                "departureTimeoutSeconds": 1,
                "maxParticipants": 1,
                "deletionGraceSeconds": 0,
                "metadata": {},
                "roles": [],
            },
        },
    ),
    GoodRoom(
        "most-of-everything",
        {
            "spec": {
                "emptyTimeoutSeconds": 2_592_000,
                "departureTimeoutSeconds": 86_400,
                "maxParticipants": 10_000,
                "deletionGraceSeconds": 86_400,
                "lifecycle": "Persistent",
                "metadataPolicy": "Enforce",
                "deletionPolicy": "Retain",
            },
        },
    ),
    GoodRoom(
        "metadata-of-any-shape",
        {"spec": {"metadata": {"a": [1, {"b": [None, 2.5, "x"]}], "kind": {"": False}}}},
    ),
    GoodRoom(
        "metadata-with-most-keys", {"spec": {"metadata": {f"key{number}": number for number in range(255)}}}
    ),
    GoodRoom("most-and-largest-roles", {"spec": {"roles": [_largest_role(number) for number in range(20)]}}),
    GoodRoom(
        "identities-of-many-kinds", role(identities=["a b", "sip:+49 30 1@host", "Zoë", "a.b", "|", "7"])
    ),
    GoodRoom("latest-renewal", role(ttlSeconds=600, renewBeforeSeconds=60)),
    GoodRoom("earliest-renewal-of-the-default-ttl", role(renewBeforeSeconds=3540)),
    GoodRoom(
        "every-grant",
        role(
            grants={
                "canSubscribe": False,
                "canPublish": True,
                "canPublishSources": ["camera", "microphone", "screen_share", "screen_share_audio"],
                "canPublishData": True,
                "canUpdateOwnMetadata": True,
                "canSubscribeMetrics": True,
                "hidden": True,
                "roomAdmin": True,
                "agent": True,
                "roomRecord": True,
                "ingressAdmin": True,
            }
        ),
    ),
)
