"""Requests as they are made of a Recording, and what LiveKit shows of them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.api.recording import RecordingSpec
from roomkeeper.domain import egress, markers, recording_request
from roomkeeper.domain.egress import Carried, S3Target
from roomkeeper.domain.recording_source import Tracks
from tests.unit.domain.builders import NAME
from tests.unit.domain.recording_parts import SOURCES, UID, WEBHOOK

if TYPE_CHECKING:
    from roomkeeper.domain.egress import EgressRequest, Target

S3 = S3Target("media", access_key="AKIA", secret="very-secret")
OUTPUTS: dict[str, dict[str, Any]] = {
    "file": {},
    "hls": {},
    "images": {},
    "stream": {"urlsSecretRef": {"name": "urls"}},
    "websocket": {"urlSecretRef": {"name": "url"}},
}
STORED = ("file", "hls", "images")
# What the matrix of the CRD lets pass.
PAIRS = [
    (source, output)
    for source in SOURCES
    for output in OUTPUTS
    if (output in ("file", "websocket") if source == "track" else output != "websocket")
]
TARGETS: dict[str, Target | None] = {
    "the worker's own": None,
    "s3": S3,
    "gcp": egress.GCPTarget("media"),
    "azure": egress.AzureTarget("media", "account", "key"),
    "aliOSS": egress.AliOSSTarget("media"),
}


def a_spec(source: str = "roomComposite", /, *outputs: str, **fields: Any) -> RecordingSpec:
    """Return a spec of that source with these outputs, which are as they are by default."""
    raw: dict[str, Any] = {
        "source": {source: SOURCES[source]},
        "outputs": {output: OUTPUTS[output] for output in outputs or ("file",)},
        **fields,
    }
    if source != "web":
        raw["roomRef"] = {"name": "standup"}
    return RecordingSpec.model_validate(raw)


def request(
    spec: RecordingSpec,
    *,
    room_name: str = NAME,
    uid: str = UID,
    number: int = 1,
    prefix: str = "team-a/",
    target: Target | None = S3,
    webhook_url: str = WEBHOOK,
) -> EgressRequest:
    """Return what LiveKit is asked for."""
    return recording_request.build(
        spec,
        room_name=room_name,
        mark=markers.marker(uid, number),
        prefix=prefix,
        target=target,
        tracks=Tracks("TR_AUDIO", "TR_VIDEO"),
        stream_urls=("rtmp://example.com/live/stream-key",) if spec.outputs.stream else (),
        websocket_url="wss://example.com/key" if spec.outputs.websocket else "",
        webhook_url=webhook_url,
        signing_key="devkey",
    )


def carried(sent: EgressRequest) -> Carried:
    """Return what LiveKit shows of a request: paths as they were asked for, never a URL that is streamed to."""
    outputs = [
        (sent.file, sent.file.path if sent.file else ""),
        (sent.hls, sent.hls.prefix if sent.hls else ""),
        (sent.images, sent.images.prefix if sent.images else ""),
    ]
    paths = tuple(path for output, path in outputs if output)
    has_metadata = bool(paths) and isinstance(sent.target, S3Target)
    return Carried(
        paths=paths,
        metadata=(dict(sent.metadata),) * len(paths) if has_metadata else (),
        webhooks=(sent.webhook_url,) if sent.webhook_url else (),
    )
