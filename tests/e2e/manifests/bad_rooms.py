"""Rooms that the API server refuses, each with what its message must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.manifests.base import role


@dataclass(frozen=True)
class BadRoom:
    """A change that spoils the good Room, and the parts of the message: first the field, then what is wrong with it."""

    id: str
    patch: dict[str, Any]
    message: tuple[str, ...]


def _spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


_HOST: Final = "spec.roles[0]"

_OBJECT: Final = (
    BadRoom(
        "name-too-long", {"metadata": {"name": "r" * 64}}, ("metadata.name", "no more than 63 characters")
    ),
    BadRoom("no-spec", {"spec": None}, ("spec: Required value",)),
    BadRoom("unknown-field-of-the-object", {"rooms": 3}, ('unknown field "rooms"',)),
    BadRoom("misspelt-field", _spec(maxParticipant=3), ('unknown field "spec.maxParticipant"',)),
    BadRoom("wrong-case", _spec(maxparticipants=3), ('unknown field "spec.maxparticipants"',)),
)

_ROOM_NAME: Final = (
    BadRoom("room-name-empty", _spec(roomName=""), ("spec.roomName", "at least 1 chars long")),
    BadRoom(
        "room-name-with-a-bar", _spec(roomName="a|b"), ("spec.roomName", 'must not contain "|", "/" or ".."')
    ),
    BadRoom(
        "room-name-with-a-slash",
        _spec(roomName="a/b"),
        ("spec.roomName", 'must not contain "|", "/" or ".."'),
    ),
    BadRoom(
        "room-name-with-two-dots",
        _spec(roomName="a..b"),
        ("spec.roomName", 'must not contain "|", "/" or ".."'),
    ),
    BadRoom(
        "room-name-with-a-bell",
        _spec(roomName="a\ab"),
        ("spec.roomName", "must not contain control characters"),
    ),
    BadRoom(
        "room-name-ends-in-newline",
        _spec(roomName="a\n"),
        ("spec.roomName", "must not contain control characters"),
    ),
    BadRoom(
        "room-name-with-c1",
        _spec(roomName="a\x85b"),
        ("spec.roomName", "must not contain control characters"),
    ),
    BadRoom("room-name-too-long", _spec(roomName="r" * 257), ("spec.roomName", "may not be more than 256")),
    BadRoom("room-name-a-number", _spec(roomName=7), ("spec.roomName", "must be of type string")),
)

_ROOM: Final = (
    BadRoom("lifecycle-unknown", _spec(lifecycle="Forever"), ("spec.lifecycle", '"Persistent"')),
    BadRoom(
        "empty-timeout-too-short", _spec(emptyTimeoutSeconds=9), ("spec.emptyTimeoutSeconds", "equal to 10")
    ),
    BadRoom(
        "empty-timeout-too-long",
        _spec(emptyTimeoutSeconds=2_592_001),
        ("spec.emptyTimeoutSeconds", "less than or equal to 2592000"),
    ),
    BadRoom(
        "empty-timeout-a-go-duration",
        _spec(emptyTimeoutSeconds="5m"),
        ("spec.emptyTimeoutSeconds", "must be of type integer"),
    ),
    BadRoom(
        "departure-timeout-zero",
        _spec(departureTimeoutSeconds=0),
        ("spec.departureTimeoutSeconds", "equal to 1"),
    ),
    BadRoom(
        "departure-timeout-too-long",
        _spec(departureTimeoutSeconds=86_401),
        ("spec.departureTimeoutSeconds", "less than or equal to 86400"),
    ),
    BadRoom("max-participants-zero", _spec(maxParticipants=0), ("spec.maxParticipants", "equal to 1")),
    BadRoom(
        "max-participants-too-many",
        _spec(maxParticipants=10_001),
        ("spec.maxParticipants", "less than or equal to 10000"),
    ),
    BadRoom(
        "max-participants-half",
        _spec(maxParticipants=1.5),
        ("spec.maxParticipants", "must be of type integer"),
    ),
    BadRoom("metadata-a-string", _spec(metadata="topic"), ("spec.metadata", "must be of type object")),
    BadRoom("metadata-a-list", _spec(metadata=["topic"]), ("spec.metadata", "must be of type object")),
    BadRoom(
        "metadata-too-many-keys",
        _spec(metadata={f"key{number}": number for number in range(256)}),
        ("spec.metadata", "256"),
    ),
    BadRoom(
        "metadata-policy-unknown",
        _spec(metadataPolicy="Replace"),
        ("spec.metadataPolicy", '"Merge", "Enforce"'),
    ),
    BadRoom(
        "deletion-policy-unknown",
        _spec(deletionPolicy="Orphan"),
        ("spec.deletionPolicy", '"Delete", "Retain"'),
    ),
    BadRoom(
        "deletion-grace-negative", _spec(deletionGraceSeconds=-1), ("spec.deletionGraceSeconds", "equal to 0")
    ),
    BadRoom(
        "deletion-grace-too-long",
        _spec(deletionGraceSeconds=86_401),
        ("spec.deletionGraceSeconds", "less than or equal to 86400"),
    ),
)

_ROLES: Final = (
    BadRoom("roles-a-map", _spec(roles={"host": {}}), ('unknown field "spec.roles.host"',)),
    BadRoom("roles-a-string", _spec(roles="host"), ("spec.roles", "must be of type array")),
    BadRoom(
        "too-many-roles",
        _spec(roles=[{"name": f"r{n}"} for n in range(21)]),
        ("spec.roles", "at most 20 items"),
    ),
    BadRoom(
        "role-twice", _spec(roles=[{"name": "host"}, {"name": "host"}]), ("spec.roles[1]", "Duplicate value")
    ),
    BadRoom("role-without-name", _spec(roles=[{"identities": ["a"]}]), (f"{_HOST}.name", "Required value")),
    BadRoom("role-name-empty", role(name=""), (f"{_HOST}.name", "at least 1 chars long")),
    BadRoom("role-name-upper-case", role(name="Host"), (f"{_HOST}.name", "should match")),
    BadRoom("role-name-with-a-dot", role(name="host.eu"), (f"{_HOST}.name", "should match")),
    BadRoom("role-name-ends-in-hyphen", role(name="host-"), (f"{_HOST}.name", "should match")),
    BadRoom("role-name-too-long", role(name="h" * 64), (f"{_HOST}.name", "may not be more than 63")),
    BadRoom("ttl-too-short", role(ttlSeconds=599), (f"{_HOST}.ttlSeconds", "equal to 600")),
    BadRoom("ttl-too-long", role(ttlSeconds=86_401), (f"{_HOST}.ttlSeconds", "less than or equal to 86400")),
    BadRoom("ttl-a-go-duration", role(ttlSeconds="1h"), (f"{_HOST}.ttlSeconds", "must be of type integer")),
    BadRoom("renewal-too-late", role(renewBeforeSeconds=59), (f"{_HOST}.renewBeforeSeconds", "equal to 60")),
    BadRoom(
        "renewal-longer-than-a-day",
        role(ttlSeconds=86_400, renewBeforeSeconds=86_341),
        (f"{_HOST}.renewBeforeSeconds", "less than or equal to 86340"),
    ),
    BadRoom(
        "renewal-before-the-token-begins",
        role(ttlSeconds=600, renewBeforeSeconds=600),
        (f"{_HOST}.renewBeforeSeconds", "at least 60 less than ttlSeconds"),
    ),
    BadRoom(
        "renewal-without-end",
        role(ttlSeconds=600, renewBeforeSeconds=541),
        (f"{_HOST}.renewBeforeSeconds", "at least 60 less than ttlSeconds"),
    ),
    BadRoom(
        "renewal-against-the-default-ttl",
        role(renewBeforeSeconds=3541),
        (f"{_HOST}.renewBeforeSeconds", "at least 60 less than ttlSeconds"),
    ),
)

_IDENTITIES: Final = (
    BadRoom(
        "identities-a-string", role(identities="alice"), (f"{_HOST}.identities", "must be of type array")
    ),
    BadRoom("identities-none", role(identities=[]), (f"{_HOST}.identities", "at least 1 items")),
    BadRoom(
        "identities-too-many",
        role(identities=[f"person-{number}" for number in range(201)]),
        (f"{_HOST}.identities", "at most 200 items"),
    ),
    BadRoom(
        "identity-empty", role(identities=["a", ""]), (f"{_HOST}.identities[1]", "at least 1 chars long")
    ),
    BadRoom(
        "identity-too-long",
        role(identities=["a" * 257]),
        (f"{_HOST}.identities[0]", "may not be more than 256"),
    ),
    BadRoom(
        "identity-with-a-slash",
        role(identities=["a", "b/c"]),
        (f"{_HOST}.identities[1]", 'must not contain "/" or ".."'),
    ),
    BadRoom(
        "identity-two-dots",
        role(identities=[".."]),
        (f"{_HOST}.identities[0]", 'must not contain "/" or ".."'),
    ),
    BadRoom(
        "identity-with-nul",
        role(identities=["a\x00b"]),
        (f"{_HOST}.identities[0]", "must not contain control characters"),
    ),
    BadRoom("identity-a-number", role(identities=[7]), (f"{_HOST}.identities[0]", "must be of type string")),
)

_SOURCES: Final = f"{_HOST}.grants.canPublishSources"

_GRANTS: Final = (
    BadRoom("grant-unknown", role(grants={"canFly": True}), (f'unknown field "{_HOST}.grants.canFly"',)),
    BadRoom(
        "grant-that-nobody-gets",
        role(grants={"roomCreate": True}),
        (f'unknown field "{_HOST}.grants.roomCreate"',),
    ),
    BadRoom(
        "grant-not-a-boolean",
        role(grants={"canPublish": "yes"}),
        (f"{_HOST}.grants.canPublish", "type boolean"),
    ),
    BadRoom("grants-a-list", role(grants=["canPublish"]), (f"{_HOST}.grants", "must be of type object")),
    BadRoom(
        "sources-none",
        role(grants={"canPublish": True, "canPublishSources": []}),
        (_SOURCES, "at least 1 items"),
    ),
    BadRoom(
        "source-unknown",
        role(grants={"canPublish": True, "canPublishSources": ["webcam"]}),
        (f"{_SOURCES}[0]", '"camera", "microphone", "screen_share", "screen_share_audio"'),
    ),
    BadRoom(
        "source-twice",
        role(grants={"canPublish": True, "canPublishSources": ["camera", "camera"]}),
        (f"{_SOURCES}[1]", "Duplicate value"),
    ),
    BadRoom(
        "sources-without-publishing",
        role(grants={"canPublishSources": ["camera"]}),
        (_SOURCES, "needs canPublish: true"),
    ),
    BadRoom(
        "sources-though-publishing-is-off",
        role(grants={"canPublish": False, "canPublishSources": ["camera"]}),
        (_SOURCES, "needs canPublish: true"),
    ),
)

BAD_ROOMS: Final = (*_OBJECT, *_ROOM_NAME, *_ROOM, *_ROLES, *_IDENTITIES, *_GRANTS)
