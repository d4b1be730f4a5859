"""Requests of egress for the tests: every source with every output that it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roomkeeper.api.recording_source import (
    ParticipantSpec,
    RecordingSourceSpec,
    RoomCompositeSpec,
    TrackCompositeSpec,
    TrackSpec,
    WebSpec,
)
from roomkeeper.domain.egress import (
    EgressRequest,
    FileOutput,
    HLSOutput,
    ImagesOutput,
    S3Target,
    StreamOutput,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "rkabc-1"
S3 = S3Target(
    bucket="media",
    region="eu-central-1",
    endpoint="http://127.0.0.1:9",
    force_path_style=True,
    assume_role_arn="arn:aws:iam::1:role/r",
    access_key="the-key",
    secret="hunter2",
    session_token="the-session",
)

SOURCES = {
    "StartRoomCompositeEgress": RecordingSourceSpec(room_composite=RoomCompositeSpec(layout="grid")),
    "StartParticipantEgress": RecordingSourceSpec(participant=ParticipantSpec(identity="alice")),
    "StartTrackCompositeEgress": RecordingSourceSpec(track_composite=TrackCompositeSpec(identity="alice")),
    "StartTrackEgress": RecordingSourceSpec(track=TrackSpec(track_id="TR_1")),
    "StartWebEgress": RecordingSourceSpec(web=WebSpec(url="https://example.com/")),
}

FILE = FileOutput(f"recordings/r-{MARKER}", "MP4")
HLS = HLSOutput(f"hls/r/{MARKER}/segment", "index.m3u8", "live.m3u8", 6, "Timestamp")
IMAGES = ImagesOutput(f"images/r/{MARKER}/image", 5, 640, 360)
STREAM = StreamOutput("RTMP", ("rtmp://a.example/live/secret-key-a", "rtmps://b.example/live/secret-key-b"))
WEBHOOK = f"https://hooks.example.com/livekit/webhook/{MARKER}"


def a_request(method: str = "StartRoomCompositeEgress", **changes: object) -> EgressRequest:
    """Return a request of this source without any output yet."""
    source = SOURCES[method]
    tracks = {
        "StartTrackCompositeEgress": {"audio_track": "TR_a", "video_track": "TR_v"},
        "StartTrackEgress": {"video_track": "TR_v"},
    }.get(method, {})
    request = EgressRequest(
        source=source,
        room_name="" if source.web else "r",
        target=S3,
        metadata={"roomkeeper-marker": MARKER},
        **tracks,
    )
    return replace(request, **changes)


def each_output(method: str) -> Iterator[tuple[str, EgressRequest]]:
    """Yield the name of each output that this source takes, with a request of it."""
    if method == "StartTrackEgress":
        yield "file", a_request(method, file=FILE)
        yield "websocket", a_request(method, websocket_url="wss://ws.example/in?key=secret")
        return
    yield "file", a_request(method, file=FILE)
    yield "hls", a_request(method, hls=HLS)
    yield "images", a_request(method, images=IMAGES)
    yield "stream", a_request(method, stream=STREAM)
    yield "all", a_request(method, file=FILE, hls=HLS, images=IMAGES, stream=STREAM)


EACH = [(method, name, request) for method in SOURCES for name, request in each_output(method)]
IDS = [f"{method}-{name}" for method, name, _ in EACH]
