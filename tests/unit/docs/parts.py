"""YAML that is no object: what the comment before a block says it is."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roomkeeper.api.common import API_VERSION

if TYPE_CHECKING:
    from roomkeeper.validation.manifests import Manifest

VALUES = "values of the chart"
LIVEKIT = "configuration of LiveKit"
EGRESS = "configuration of Egress"

# Keys at the top: those of livekit-server 1.13 (pkg/config/config.go) and of Egress (pkg/config/base.go) that are used here.
LIVEKIT_KEYS = frozenset({"keys", "limit", "redis", "room", "webhook"})
EGRESS_KEYS = frozenset({"api_key", "api_secret", "redis", "session_limits", "ws_url"})

_PART = re.compile(r"part of a (\w+)")
_RECORDING: dict[str, Any] = {
    "roomRef": {"name": "example"},
    "source": {"roomComposite": {}},
    "outputs": {"file": {"filepath": "example"}},
}
# What an object of a kind has to have; a part that has its own takes its place.
_LEAST: dict[str, dict[str, Any]] = {
    "Room": {},
    "Recording": _RECORDING,
    "RecordingSchedule": {"schedule": "0 9 * * *", "recordingTemplate": {"spec": _RECORDING}},
    "RecordingStorage": {"s3": {"bucket": "example"}},
    "LiveKitServer": {"url": "wss://livekit.example.com", "credentialsSecretRef": {"name": "livekit-api"}},
}
# Of which an object has one.
_INSTEAD = {"roomName": "roomRef", "trigger": "schedule", "gcp": "s3", "azure": "s3", "aliOSS": "s3"}


def kind_of(mark: str) -> str:
    """Return the kind that a block is a part of; "" when it is none of ours."""
    found = _PART.fullmatch(mark)
    return found[1] if found and found[1] in _LEAST else ""


def completed(mark: str, part: Manifest) -> Manifest | None:
    """Return the object that a part is of, an object as it is; None for what is neither."""
    kind = kind_of(mark)
    if not kind:
        return part if "apiVersion" in part.value else None
    spec = part.value["spec"]
    least = {name: of for name, of in _LEAST[kind].items() if name not in {_INSTEAD.get(key) for key in spec}}
    value = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": "example", **part.metadata},
        "spec": {**least, **spec},
    }
    return replace(part, value=value)
