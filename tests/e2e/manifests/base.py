"""A good object of each kind, and changes to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Bad:
    """A change that spoils a good object, and the parts of the message: first the field, then what is wrong with it."""

    id: str
    patch: JSON
    message: tuple[str, ...]


@dataclass(frozen=True)
class Good:
    """A change to a good object that leaves it good."""

    id: str
    patch: JSON


@dataclass(frozen=True)
class Transition:
    """Two changes to a good object, before and after the edit; `refusal` is empty for an edit that is taken.

    `status` is what the operator has written before the edit.
    """

    id: str
    before: JSON
    after: JSON
    refusal: tuple[str, ...] = ()
    status: JSON | None = None


ROOM: JSON = {
    "apiVersion": "roomkeeper.dev/v1alpha1",
    "kind": "Room",
    "metadata": {"name": "manifest", "namespace": "default"},
    "spec": {
        "emptyTimeoutSeconds": 300,
        "maxParticipants": 50,
        "metadata": {"topic": "standup"},
        "roles": [
            {
                "name": "host",
                "identities": ["alice", "bob"],
                "grants": {"canPublish": True, "canPublishSources": ["camera", "microphone"]},
                "ttlSeconds": 3600,
                "renewBeforeSeconds": 1200,
            },
            {"name": "viewer"},
        ],
    },
}

SERVER: JSON = {
    "apiVersion": "roomkeeper.dev/v1alpha1",
    "kind": "LiveKitServer",
    "metadata": {"name": "manifest", "namespace": "default"},
    "spec": {
        "url": "wss://livekit.example.com",
        "apiURL": "http://livekit.livekit.svc:7880",
        "credentialsSecretRef": {"name": "livekit-api"},
    },
}


RECORDING: JSON = {
    "apiVersion": "roomkeeper.dev/v1alpha1",
    "kind": "Recording",
    "metadata": {"name": "manifest", "namespace": "default"},
    "spec": {
        "roomRef": {"name": "standup"},
        "source": {"roomComposite": {"layout": "grid"}},
        "outputs": {"file": {"filepath": "recordings/{room_name}-{time}"}},
        "storageRef": {"name": "archive"},
    },
}

STORAGE: JSON = {
    "apiVersion": "roomkeeper.dev/v1alpha1",
    "kind": "RecordingStorage",
    "metadata": {"name": "manifest", "namespace": "default"},
    "spec": {"s3": {"bucket": "recordings", "credentialsSecretRef": {"name": "archive-keys"}}},
}

SCHEDULE: JSON = {
    "apiVersion": "roomkeeper.dev/v1alpha1",
    "kind": "RecordingSchedule",
    "metadata": {"name": "manifest", "namespace": "default"},
    "spec": {
        "schedule": "0 9 * * 1-5",
        "timeZone": "Europe/Berlin",
        "recordingTemplate": {"spec": RECORDING["spec"]},
    },
}


def recording(patch: JSON) -> JSON:
    """Change the good Recording by a JSON merge patch."""
    return _merged(RECORDING, patch)


def storage(patch: JSON) -> JSON:
    """Change the good RecordingStorage by a JSON merge patch."""
    return _merged(STORAGE, patch)


def schedule(patch: JSON) -> JSON:
    """Change the good RecordingSchedule by a JSON merge patch."""
    return _merged(SCHEDULE, patch)


def source(kind: str, **fields: Any) -> JSON:
    """Source of that kind instead of the room composite."""
    return {"roomComposite": None, kind: fields}


def server(patch: JSON) -> JSON:
    """Change the good LiveKitServer by a JSON merge patch."""
    return _merged(SERVER, patch)


def spec(**fields: Any) -> JSON:
    """Patch that changes fields of the spec."""
    return {"spec": fields}


def room(patch: JSON) -> JSON:
    """Change the good Room by a JSON merge patch (RFC 7386): null removes a field, a list replaces a list."""
    return _merged(ROOM, patch)


def role(**fields: Any) -> JSON:
    """Patch that leaves one role, `host`, with these fields."""
    return {"spec": {"roles": [{"name": "host", **fields}]}}


def text(manifest: JSON) -> str:
    """What kubectl reads: JSON is YAML, and escapes control characters."""
    return json.dumps(manifest)


def _merged(target: Any, patch: JSON) -> JSON:
    before: JSON = target if isinstance(target, dict) else {}
    merged = {key: value for key, value in before.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, dict):
            merged[key] = _merged(before.get(key), value)
        elif value is not None:
            merged[key] = value
    return merged
