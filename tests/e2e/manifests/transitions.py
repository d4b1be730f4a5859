"""Edits of a Room and of a LiveKitServer: which ones the API server refuses, and why."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.base import Transition, spec

_NAME: Final = ("spec.roomName", "roomName is immutable")


_SERVER: Final = ("spec.serverRef", "serverRef is immutable")
_LIFECYCLE: Final = ("spec.lifecycle", "lifecycle is immutable, except from Persistent to OnDemand and back")
_TEMPLATE: Final = ("spec.roomNameTemplate", "roomNameTemplate is immutable")

TRANSITIONS: Final = (
    Transition("room-name-changed", {"spec": {"roomName": "a"}}, {"spec": {"roomName": "b"}}, _NAME),
    Transition("room-name-added", {}, {"spec": {"roomName": "b"}}, _NAME),
    Transition("room-name-removed", {"spec": {"roomName": "a"}}, {}, _NAME),
    Transition(
        "room-name-kept", {"spec": {"roomName": "a"}}, {"spec": {"roomName": "a", "maxParticipants": 3}}
    ),
    Transition("server-changed", spec(serverRef={"name": "a"}), spec(serverRef={"name": "b"}), _SERVER),
    Transition(
        "server-of-another-namespace",
        spec(serverRef={"name": "a"}),
        spec(serverRef={"name": "a", "namespace": "livekit"}),
        _SERVER,
    ),
    Transition("server-added", {}, spec(serverRef={"name": "a"}), _SERVER),
    Transition("server-removed", spec(serverRef={"name": "a"}), {}, _SERVER),
    Transition(
        "server-kept",
        spec(serverRef={"name": "a", "namespace": "livekit"}),
        spec(serverRef={"name": "a", "namespace": "livekit"}, suspend=True),
    ),
    Transition("persistent-to-on-demand", {}, spec(lifecycle="OnDemand")),
    Transition("on-demand-to-persistent", spec(lifecycle="OnDemand"), spec(lifecycle="Persistent")),
    Transition("on-demand-to-default", spec(lifecycle="OnDemand"), {}),
    Transition("persistent-to-once", {}, spec(lifecycle="Once"), _LIFECYCLE),
    Transition("once-to-persistent", spec(lifecycle="Once"), {}, _LIFECYCLE),
    Transition("once-to-on-demand", spec(lifecycle="Once"), spec(lifecycle="OnDemand"), _LIFECYCLE),
    Transition("once-kept", spec(lifecycle="Once"), spec(lifecycle="Once", suspend=True)),
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
                "minPlayoutDelayMilliseconds": 100,
                "maxPlayoutDelayMilliseconds": 200,
                "syncStreams": True,
                "agents": [{"agentName": "notetaker"}],
                "updatePolicy": "Never",
                "adoptionPolicy": "Refuse",
                "suspend": True,
                "moderation": {"blockedIdentities": ["mallory"]},
                "roles": [{"name": "viewer", "ttlSeconds": 900}],
            },
        },
    ),
)

SERVER_TRANSITIONS: Final = (
    Transition("template-changed", {}, spec(roomNameTemplate="eu.{namespace}_{name}"), _TEMPLATE),
    Transition("template-removed", spec(roomNameTemplate="eu.{namespace}_{name}"), {}, _TEMPLATE),
    Transition("template-written-out", {}, spec(roomNameTemplate="{namespace}_{name}")),
    Transition(
        "everything-else-of-a-server-changed",
        {},
        spec(
            url="wss://other.example.com",
            apiURL=None,
            credentialsSecretRef={"name": "other"},
            webhook={"url": "https://hooks.example.com/livekit/webhook"},
            allowedNamespaces={"from": "All"},
            policy={"maxParticipants": 10},
            autoCreate="Disabled",
            resyncSeconds=5,
        ),
    ),
)
