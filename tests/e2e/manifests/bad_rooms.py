"""Rooms that the API server refuses, each with what its message must say."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.bad_roles import BAD_ROLES
from tests.e2e.manifests.base import Bad, spec

_OBJECT: Final = (
    Bad("name-too-long", {"metadata": {"name": "r" * 64}}, ("metadata.name", "no more than 63 characters")),
    Bad("no-spec", {"spec": None}, ("spec: Required value",)),
    Bad("unknown-field-of-the-object", {"rooms": 3}, ('unknown field "rooms"',)),
    Bad("misspelt-field", spec(maxParticipant=3), ('unknown field "spec.maxParticipant"',)),
    Bad("wrong-case", spec(maxparticipants=3), ('unknown field "spec.maxparticipants"',)),
)

_ROOM_NAME: Final = (
    Bad("room-name-empty", spec(roomName=""), ("spec.roomName", "at least 1 chars long")),
    Bad("room-name-with-a-bar", spec(roomName="a|b"), ("spec.roomName", 'must not contain "|", "/" or ".."')),
    Bad(
        "room-name-with-a-slash",
        spec(roomName="a/b"),
        ("spec.roomName", 'must not contain "|", "/" or ".."'),
    ),
    Bad(
        "room-name-with-two-dots",
        spec(roomName="a..b"),
        ("spec.roomName", 'must not contain "|", "/" or ".."'),
    ),
    Bad(
        "room-name-with-a-bell",
        spec(roomName="a\ab"),
        ("spec.roomName", "must not contain control characters"),
    ),
    Bad(
        "room-name-ends-in-newline",
        spec(roomName="a\n"),
        ("spec.roomName", "must not contain control characters"),
    ),
    Bad(
        "room-name-with-c1",
        spec(roomName="a\x85b"),
        ("spec.roomName", "must not contain control characters"),
    ),
    Bad("room-name-too-long", spec(roomName="r" * 257), ("spec.roomName", "may not be more than 256")),
    Bad("room-name-a-number", spec(roomName=7), ("spec.roomName", "must be of type string")),
)

_ROOM: Final = (
    Bad(
        "lifecycle-unknown", spec(lifecycle="Forever"), ("spec.lifecycle", '"Persistent", "OnDemand", "Once"')
    ),
    Bad("empty-timeout-too-short", spec(emptyTimeoutSeconds=9), ("spec.emptyTimeoutSeconds", "equal to 10")),
    Bad(
        "empty-timeout-too-long",
        spec(emptyTimeoutSeconds=2_592_001),
        ("spec.emptyTimeoutSeconds", "less than or equal to 2592000"),
    ),
    Bad(
        "empty-timeout-a-go-duration",
        spec(emptyTimeoutSeconds="5m"),
        ("spec.emptyTimeoutSeconds", "must be of type integer"),
    ),
    Bad(
        "departure-timeout-zero",
        spec(departureTimeoutSeconds=0),
        ("spec.departureTimeoutSeconds", "equal to 1"),
    ),
    Bad(
        "departure-timeout-too-long",
        spec(departureTimeoutSeconds=86_401),
        ("spec.departureTimeoutSeconds", "less than or equal to 86400"),
    ),
    Bad("max-participants-zero", spec(maxParticipants=0), ("spec.maxParticipants", "equal to 1")),
    Bad(
        "max-participants-too-many",
        spec(maxParticipants=10_001),
        ("spec.maxParticipants", "less than or equal to 10000"),
    ),
    Bad(
        "max-participants-half",
        spec(maxParticipants=1.5),
        ("spec.maxParticipants", "must be of type integer"),
    ),
    Bad("metadata-a-string", spec(metadata="topic"), ("spec.metadata", "must be of type object")),
    Bad("metadata-a-list", spec(metadata=["topic"]), ("spec.metadata", "must be of type object")),
    Bad(
        "metadata-too-many-keys",
        spec(metadata={f"key{number}": number for number in range(256)}),
        ("spec.metadata", "256"),
    ),
    Bad(
        "metadata-policy-unknown",
        spec(metadataPolicy="Replace"),
        ("spec.metadataPolicy", '"Merge", "Enforce", "Initial"'),
    ),
    Bad(
        "deletion-policy-unknown",
        spec(deletionPolicy="Orphan"),
        ("spec.deletionPolicy", '"Delete", "Retain"'),
    ),
    Bad(
        "deletion-grace-negative", spec(deletionGraceSeconds=-1), ("spec.deletionGraceSeconds", "equal to 0")
    ),
    Bad(
        "deletion-grace-too-long",
        spec(deletionGraceSeconds=86_401),
        ("spec.deletionGraceSeconds", "less than or equal to 86400"),
    ),
)

_PLACE: Final = (
    Bad("server-ref-a-string", spec(serverRef="main"), ("spec.serverRef", "must be of type object")),
    Bad(
        "server-ref-without-name",
        spec(serverRef={"namespace": "livekit"}),
        ("spec.serverRef.name", "Required"),
    ),
    Bad(
        "server-ref-with-a-path",
        spec(serverRef={"name": "livekit/main"}),
        ("spec.serverRef.name", "should match"),
    ),
    Bad(
        "server-ref-namespace-upper-case",
        spec(serverRef={"name": "main", "namespace": "LiveKit"}),
        ("spec.serverRef.namespace", "should match"),
    ),
    Bad(
        "both-kinds-of-metadata",
        spec(rawMetadata="standup"),
        ("spec.rawMetadata", "rawMetadata stands instead of metadata"),
    ),
    Bad(
        "raw-metadata-empty",
        spec(metadata=None, rawMetadata=""),
        ("spec.rawMetadata", "at least 1 chars long"),
    ),
    Bad(
        "raw-metadata-too-long",
        spec(metadata=None, rawMetadata="m" * 65_537),
        ("spec.rawMetadata", "may not be more than 65536"),
    ),
    Bad(
        "raw-metadata-a-number",
        spec(metadata=None, rawMetadata=7),
        ("spec.rawMetadata", "must be of type string"),
    ),
    Bad(
        "playout-delay-negative",
        spec(minPlayoutDelayMilliseconds=-1),
        ("spec.minPlayoutDelayMilliseconds", "equal to 0"),
    ),
    Bad(
        "playout-delay-too-long",
        spec(maxPlayoutDelayMilliseconds=40_951),
        ("spec.maxPlayoutDelayMilliseconds", "less than or equal to 40950"),
    ),
    Bad(
        "playout-delays-crossed",
        spec(minPlayoutDelayMilliseconds=200, maxPlayoutDelayMilliseconds=100),
        ("spec.minPlayoutDelayMilliseconds", "must not be more than maxPlayoutDelayMilliseconds"),
    ),
    Bad("sync-streams-a-word", spec(syncStreams="yes"), ("spec.syncStreams", "must be of type boolean")),
    Bad(
        "update-policy-unknown",
        spec(updatePolicy="Sometimes"),
        ("spec.updatePolicy", '"Never", "WhenEmpty", "Always"'),
    ),
    Bad(
        "adoption-policy-unknown", spec(adoptionPolicy="Steal"), ("spec.adoptionPolicy", '"Adopt", "Refuse"')
    ),
    Bad("suspend-a-word", spec(suspend="true"), ("spec.suspend", "must be of type boolean")),
)

_AGENTS: Final = (
    Bad(
        "agent-without-name", spec(agents=[{"metadata": {}}]), ("spec.agents[0].agentName", "Required value")
    ),
    Bad(
        "agent-name-empty",
        spec(agents=[{"agentName": ""}]),
        ("spec.agents[0].agentName", "at least 1 chars long"),
    ),
    Bad(
        "agent-twice",
        spec(agents=[{"agentName": "notetaker"}, {"agentName": "notetaker", "dispatch": "WithRoom"}]),
        ("spec.agents[1]", "Duplicate value"),
    ),
    Bad(
        "too-many-agents",
        spec(agents=[{"agentName": f"agent-{number}"} for number in range(11)]),
        ("spec.agents", "at most 10 items"),
    ),
    Bad(
        "agent-metadata-a-string",
        spec(agents=[{"agentName": "notetaker", "metadata": "{}"}]),
        ("spec.agents[0].metadata", "must be of type object"),
    ),
    Bad(
        "dispatch-unknown",
        spec(agents=[{"agentName": "notetaker", "dispatch": "Always"}]),
        ("spec.agents[0].dispatch", '"WhenParticipantJoins", "WithRoom"'),
    ),
)

_BLOCKED: Final = "spec.moderation.blockedIdentities"
_DENIED: Final = "spec.moderation.deniedSources"

_MODERATION: Final = (
    Bad(
        "blocked-twice",
        spec(moderation={"blockedIdentities": ["mallory", "mallory"]}),
        (f"{_BLOCKED}[1]", "Duplicate value"),
    ),
    Bad(
        "blocked-too-many",
        spec(moderation={"blockedIdentities": [f"person-{number}" for number in range(201)]}),
        (_BLOCKED, "at most 200 items"),
    ),
    Bad(
        "blocked-with-a-slash",
        spec(moderation={"blockedIdentities": ["a/b"]}),
        (f"{_BLOCKED}[0]", 'must not contain "/" or ".."'),
    ),
    Bad(
        "blocked-with-a-newline",
        spec(moderation={"blockedIdentities": ["a\n"]}),
        (f"{_BLOCKED}[0]", "must not contain control characters"),
    ),
    Bad(
        "denied-twice",
        spec(moderation={"deniedSources": [{"identity": "bob", "sources": ["camera"]}] * 2}),
        (f"{_DENIED}[1]", "Duplicate value"),
    ),
    Bad(
        "denied-nothing",
        spec(moderation={"deniedSources": [{"identity": "bob", "sources": []}]}),
        (f"{_DENIED}[0].sources", "at least 1 items"),
    ),
    Bad(
        "denied-without-sources",
        spec(moderation={"deniedSources": [{"identity": "bob"}]}),
        (f"{_DENIED}[0].sources", "Required value"),
    ),
    Bad(
        "denied-source-unknown",
        spec(moderation={"deniedSources": [{"identity": "bob", "sources": ["hologram"]}]}),
        (f"{_DENIED}[0].sources[0]", '"camera", "microphone", "screen_share", "screen_share_audio"'),
    ),
    Bad(
        "denied-with-two-dots",
        spec(moderation={"deniedSources": [{"identity": "..", "sources": ["camera"]}]}),
        (f"{_DENIED}[0].identity", 'must not contain "/" or ".."'),
    ),
    Bad(
        "denied-with-a-bell",
        spec(moderation={"deniedSources": [{"identity": "a\ab", "sources": ["camera"]}]}),
        (f"{_DENIED}[0].identity", "must not contain control characters"),
    ),
)

BAD_ROOMS: Final = (*_OBJECT, *_ROOM_NAME, *_ROOM, *_PLACE, *_AGENTS, *BAD_ROLES, *_MODERATION)
