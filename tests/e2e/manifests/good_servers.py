"""LiveKitServers that the API server takes, up to the very bounds."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.base import Good, spec

_EXPRESSIONS: Final = [
    {"key": "team", "operator": "In", "values": ["a", ""]},
    {"key": "example.com/tier", "operator": "NotIn", "values": ["free"]},
    {"key": "kubernetes.io/metadata.name", "operator": "Exists"},
    {"key": "quarantine", "operator": "DoesNotExist", "values": []},
]
_EVERY_GRANT: Final = [
    "canSubscribe",
    "canPublish",
    "canPublishSources",
    "canPublishData",
    "canUpdateOwnMetadata",
    "canSubscribeMetrics",
    "hidden",
    "roomAdmin",
    "agent",
    "roomRecord",
    "ingressAdmin",
]

GOOD_SERVERS: Final = (
    Good("as-it-is", {}),
    Good("longest-name", {"metadata": {"name": "s" * 63}}),
    Good("only-what-is-required", spec(apiURL=None)),
    *(
        Good(f"url-{number}", spec(url=url, apiURL=url))
        for number, url in enumerate(
            (
                "ws://127.0.0.1:7880",
                "http://[::1]:7880/",
                "https://livekit.example.com/a/b-c/~d@e",
                "wss://" + "l" * 2042,
            )
        )
    ),
    Good("longest-template", spec(roomNameTemplate="e" * 82 + "{namespace}_{name}")),
    Good("everybody", spec(allowedNamespaces={"from": "All"})),
    Good(
        "by-labels",
        spec(
            allowedNamespaces={
                "from": "Selector",
                "selector": {"matchLabels": {"team": "a"}, "matchExpressions": _EXPRESSIONS},
            }
        ),
    ),
    Good("by-no-label", spec(allowedNamespaces={"from": "Selector", "selector": {}})),
    Good(
        "nothing-allowed",
        spec(
            policy={
                "allowedGrants": [],
                "roomNamePatterns": [],
                "allowedAgents": [],
                "maxRoomsPerNamespace": 0,
                "recordings": {
                    "sources": [],
                    "streams": "Forbidden",
                    "inlineStorage": "Forbidden",
                    "workerStorage": "Forbidden",
                    "maxActivePerNamespace": 0,
                },
            }
        ),
    ),
    Good(
        "everything-written",
        spec(
            webhook={
                "url": "https://hooks.example.com/livekit/webhook",
                "keysSecretRef": {"name": "webhook-keys"},
            },
            policy={
                "allowedGrants": _EVERY_GRANT,
                "roomNamePatterns": ["{namespace}_*", "shared-*"],
                "maxTokenTTLSeconds": 86_400,
                "maxRoomsPerNamespace": 10_000,
                "maxParticipants": 10_000,
                "allowedAgents": ["notetaker", "an agent"],
                "metadataSchema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {"topic": {"type": "string", "maxLength": 80}},
                    "additionalProperties": False,
                },
                "recordings": {
                    "maxActivePerNamespace": 10_000,
                    "maxSeconds": 2_592_000,
                    "sources": ["roomComposite", "participant", "trackComposite", "track", "web"],
                    "customBaseURLs": ["https://layouts.example.com/grid?theme=dark"],
                    "webURLs": ["https://www.example.com/#live"],
                    "streams": "Allowed",
                    "inlineStorage": "WithCredentials",
                    "workerStorage": "Prefixed",
                },
            },
            autoCreate="Enabled",
            resyncSeconds=3600,
        ),
    ),
)
