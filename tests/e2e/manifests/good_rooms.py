"""Rooms that the API server takes, up to the very bounds."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.base import JSON, Good, role, spec


def _largest_role(number: int) -> JSON:
    return {
        "name": f"{number:02}".ljust(63, "r"),
        "identities": [f"{number}-{person}-".ljust(256, "i") for person in range(200)],
        "grants": {"canPublish": True, "canPublishSources": ["camera"]},
        "ttlSeconds": 86_400,
        "renewBeforeSeconds": 86_340,
    }


GOOD_ROOMS: Final = (
    Good("as-it-is", {}),
    Good("longest-name", {"metadata": {"name": "r" * 63}}),
    Good("longest-room-name", {"spec": {"roomName": "r" * 256}}),
    Good("room-name-in-another-script", {"spec": {"roomName": "会議 (überall). 1"}}),
    Good(
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
    Good(
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
    Good(
        "metadata-of-any-shape",
        {"spec": {"metadata": {"a": [1, {"b": [None, 2.5, "x"]}], "kind": {"": False}}}},
    ),
    Good(
        "metadata-with-most-keys", {"spec": {"metadata": {f"key{number}": number for number in range(255)}}}
    ),
    Good("most-and-largest-roles", {"spec": {"roles": [_largest_role(number) for number in range(20)]}}),
    Good("identities-of-many-kinds", role(identities=["a b", "sip:+49 30 1@host", "Zoë", "a.b", "|", "7"])),
    Good(
        "a-dynamic-role",
        role(dynamic={"identityPrefix": "viewer-", "maxTTLSeconds": 60, "maxPerMinute": 60_000}),
    ),
    Good("latest-renewal", role(ttlSeconds=600, renewBeforeSeconds=60)),
    Good("earliest-renewal-of-the-default-ttl", role(renewBeforeSeconds=3540)),
    Good(
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
    Good(
        "on-a-server",
        spec(serverRef={"name": "main", "namespace": "livekit"}, lifecycle="OnDemand", suspend=True),
    ),
    Good("on-a-server-of-its-own", spec(serverRef={"name": "main.eu"}, lifecycle="Once")),
    Good("raw-metadata", spec(metadata=None, rawMetadata="会議" * 32_768, metadataPolicy="Initial")),
    Good("no-most-playout-delay", spec(minPlayoutDelayMilliseconds=200, maxPlayoutDelayMilliseconds=0)),
    Good(
        "most-of-what-is-only-set-at-creation",
        spec(
            minPlayoutDelayMilliseconds=40_950,
            maxPlayoutDelayMilliseconds=40_950,
            syncStreams=True,
            updatePolicy="Always",
            adoptionPolicy="Refuse",
        ),
    ),
    Good(
        "most-agents",
        spec(
            agents=[
                {"agentName": "notetaker", "metadata": {"languages": ["de", {"fallback": None}]}},
                *({"agentName": f"agent {number}", "dispatch": "WithRoom"} for number in range(9)),
            ]
        ),
    ),
    Good(
        "every-field-of-a-role",
        role(
            count=200,
            displayName="Zoë (Berlin)",
            metadata={"seat": {"row": 1}},
            attributes={"team": "a", "lk.seat/1": "s" * 1024},
            permissionsPolicy="Enforce",
            secretTemplate={
                "name": "standup-host.tokens",
                "labels": {"team": "a", "example.com/team": "", "my-k8s.io/team": "a"},
                "annotations": {"example.com/note": "any text: ✓", "x.notkubernetes.io/a": "n" * 1024},
            },
        ),
    ),
    Good(
        "moderation",
        spec(
            moderation={
                "blockedIdentities": ["mallory", "会議"],
                "deniedSources": [
                    {"identity": "bob", "sources": ["microphone"]},
                    {
                        "identity": "eve",
                        "sources": ["camera", "microphone", "screen_share", "screen_share_audio"],
                    },
                ],
            }
        ),
    ),
)
