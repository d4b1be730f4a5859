"""A good Room, and changes to it."""

from __future__ import annotations

import json
from typing import Any

JSON = dict[str, Any]

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
