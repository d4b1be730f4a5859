from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from roomkeeper.adapters.livekit.egress_request import to_start
from roomkeeper.api.recording_encoding import (
    AdvancedEncoding,
    AudioCodec,
    EncodingPreset,
    EncodingSpec,
    VideoCodec,
)
from roomkeeper.api.recording_source import (
    AudioMixing,
    ParticipantSpec,
    RecordingSourceSpec,
    RoomCompositeSpec,
    WebSpec,
)
from roomkeeper.domain.egress import (
    AliOSSTarget,
    AzureTarget,
    EgressRequest,
    FileOutput,
    GCPTarget,
    S3Target,
    StreamOutput,
    Target,
)
from tests.unit.livekit.egress_requests import (
    EACH,
    FILE,
    HLS,
    IDS,
    IMAGES,
    MARKER,
    S3,
    SOURCES,
    STREAM,
    WEBHOOK,
    a_request,
)

UPLOAD = {
    "accessKey": "the-key",
    "secret": "hunter2",
    "sessionToken": "the-session",
    "assumeRoleArn": "arn:aws:iam::1:role/r",
    "region": "eu-central-1",
    "endpoint": "http://127.0.0.1:9",
    "bucket": "media",
    "forcePathStyle": True,
    "metadata": {"roomkeeper-marker": MARKER},
}


def sent(request: EgressRequest) -> dict[str, Any]:
    """Return the message as LiveKit's own JSON."""
    _, message = to_start(request)
    shown: dict[str, Any] = MessageToDict(message)
    return shown


@pytest.mark.parametrize(("method", "name", "request_"), EACH, ids=IDS)
def test_each_source_has_a_method_of_version_1(method: str, name: str, request_: EgressRequest) -> None:
    called, message = to_start(request_)
    assert called == method
    assert message.DESCRIPTOR.name == method.removeprefix("Start") + "Request"


@pytest.mark.parametrize("method", [method for method in SOURCES if method != "StartTrackEgress"])
def test_outputs_are_lists_of_one_each_with_its_storage(method: str) -> None:
    message = sent(a_request(method, file=FILE, hls=HLS, images=IMAGES, stream=STREAM))
    assert message["fileOutputs"] == [{"fileType": "MP4", "filepath": f"recordings/r-{MARKER}", "s3": UPLOAD}]
    assert message["segmentOutputs"] == [
        {
            "filenamePrefix": f"hls/r/{MARKER}/segment",
            "playlistName": "index.m3u8",
            "livePlaylistName": "live.m3u8",
            "segmentDuration": 6,
            "filenameSuffix": "TIMESTAMP",
            "s3": UPLOAD,
        }
    ]
    assert message["imageOutputs"] == [
        {
            "filenamePrefix": f"images/r/{MARKER}/image",
            "captureInterval": 5,
            "width": 640,
            "height": 360,
            "s3": UPLOAD,
        }
    ]
    assert message["streamOutputs"] == [{"protocol": "RTMP", "urls": list(STREAM.urls)}]


@pytest.mark.parametrize("method", SOURCES)
def test_outputs_that_are_not_asked_for_are_not_sent(method: str) -> None:
    message = sent(a_request(method, file=FILE))
    outputs = {key for key in message if key.endswith("Outputs")}
    assert outputs == (set() if method == "StartTrackEgress" else {"fileOutputs"})
    assert "disableManifest" not in str(message)


@pytest.mark.parametrize("method", SOURCES)
def test_without_a_manifest_means_without_any(method: str) -> None:
    every = {} if method == "StartTrackEgress" else {"hls": HLS, "images": IMAGES}
    message = sent(a_request(method, file=FILE, disable_manifest=True, **every))
    assert str(message).count("'disableManifest': True") == 1 + len(every)


def test_a_composite_of_a_room_is_laid_out_as_declared() -> None:
    spec = RoomCompositeSpec(
        layout="speaker-dark",
        audio_only=True,
        audio_mixing=AudioMixing.DUAL_CHANNEL_AGENT,
        custom_base_url="https://templates.example.com/",
    )
    source = RecordingSourceSpec(room_composite=spec)
    assert sent(EgressRequest(source=source, room_name="r")) == {
        "roomName": "r",
        "layout": "speaker-dark",
        "audioOnly": True,
        "audioMixing": "DUAL_CHANNEL_AGENT",
        "customBaseUrl": "https://templates.example.com/",
    }


@pytest.mark.parametrize(
    ("mixing", "expected"),
    [
        (AudioMixing.DEFAULT, None),
        (AudioMixing.DUAL_CHANNEL_AGENT, "DUAL_CHANNEL_AGENT"),
        (AudioMixing.DUAL_CHANNEL_ALTERNATE, "DUAL_CHANNEL_ALTERNATE"),
    ],
)
def test_each_way_of_mixing_has_livekits_name(mixing: AudioMixing, expected: str | None) -> None:
    source = RecordingSourceSpec(room_composite=RoomCompositeSpec(audio_mixing=mixing, video_only=True))
    message = sent(EgressRequest(source=source, room_name="r"))
    assert (message.get("audioMixing"), message["videoOnly"]) == (expected, True)


def test_a_participant_is_named_and_so_is_what_of_them() -> None:
    source = RecordingSourceSpec(participant=ParticipantSpec(identity="alice", screen_share=True))
    assert sent(EgressRequest(source=source, room_name="r")) == {
        "roomName": "r",
        "identity": "alice",
        "screenShare": True,
    }


def test_tracks_are_those_that_were_found() -> None:
    message = sent(a_request("StartTrackCompositeEgress"))
    assert (message["roomName"], message["audioTrackId"], message["videoTrackId"]) == ("r", "TR_a", "TR_v")


def test_one_track_goes_to_a_file_or_a_websocket() -> None:
    to_file = sent(a_request("StartTrackEgress", file=FILE))
    assert to_file == {
        "roomName": "r",
        "trackId": "TR_v",
        "file": {"filepath": f"recordings/r-{MARKER}", "s3": UPLOAD},
    }
    to_socket = sent(
        a_request("StartTrackEgress", video_track="", audio_track="TR_a", websocket_url="wss://a/")
    )
    assert to_socket == {"roomName": "r", "trackId": "TR_a", "websocketUrl": "wss://a/"}


def test_a_web_page_has_no_room() -> None:
    spec = WebSpec(url="https://example.com/", video_only=True, await_start_signal=True)
    assert sent(EgressRequest(source=RecordingSourceSpec(web=spec))) == {
        "url": "https://example.com/",
        "videoOnly": True,
        "awaitStartSignal": True,
    }


@pytest.mark.parametrize(
    ("target", "field", "expected"),
    [
        (S3, "s3", UPLOAD),
        (
            S3Target(bucket="media"),  # the worker's own identity
            "s3",
            {"bucket": "media", "metadata": {"roomkeeper-marker": MARKER}},
        ),
        (GCPTarget("media", "{}"), "gcp", {"bucket": "media", "credentials": "{}"}),
        (
            AzureTarget("media", "account", "hunter2"),
            "azure",
            {"containerName": "media", "accountName": "account", "accountKey": "hunter2"},
        ),
        (
            AliOSSTarget("media", "cn-1", "oss.example", "the-key", "hunter2"),
            "aliOSS",
            {
                "bucket": "media",
                "region": "cn-1",
                "endpoint": "oss.example",
                "accessKey": "the-key",
                "secret": "hunter2",
            },
        ),
    ],
)
@pytest.mark.parametrize("method", SOURCES)
def test_each_store_has_livekits_message(
    method: str, target: Target, field: str, expected: dict[str, Any]
) -> None:
    message = sent(a_request(method, file=FILE, target=target))
    file = message["file"] if method == "StartTrackEgress" else message["fileOutputs"][0]
    assert file[field] == expected
    assert file.keys() & {"s3", "gcp", "azure", "aliOSS"} == {field}


@pytest.mark.parametrize("method", SOURCES)
def test_without_a_store_the_workers_own_is_used(method: str) -> None:
    message = sent(a_request(method, file=FILE, target=None))
    file = message["file"] if method == "StartTrackEgress" else message["fileOutputs"][0]
    assert not file.keys() & {"s3", "gcp", "azure", "aliOSS"}


def test_a_file_without_a_type_leaves_it_to_the_codecs() -> None:
    message = sent(a_request(file=FileOutput("a")))
    assert message["fileOutputs"] == [{"filepath": "a", "s3": UPLOAD}]


@pytest.mark.parametrize("type_", ["MP4", "OGG", "MP3"])
def test_each_type_of_file_has_livekits_name(type_: str) -> None:
    assert sent(a_request(file=FileOutput("a", type_)))["fileOutputs"][0]["fileType"] == type_


def test_a_stream_may_begin_without_an_address() -> None:
    assert sent(a_request(stream=StreamOutput("SRT", ())))["streamOutputs"] == [{"protocol": "SRT"}]


@pytest.mark.parametrize("preset", EncodingPreset)
@pytest.mark.parametrize("method", [method for method in SOURCES if method != "StartTrackEgress"])
def test_each_preset_has_livekits_name(method: str, preset: EncodingPreset) -> None:
    assert sent(a_request(method, encoding=EncodingSpec(preset=preset)))["preset"] == preset


def test_each_number_of_an_encoding_is_sent() -> None:
    advanced = AdvancedEncoding(
        width=640,
        height=360,
        depth=16,
        framerate=15,
        video_codec=VideoCodec.H264_BASELINE,
        video_bitrate_kbps=700,
        key_frame_interval_seconds=2,
        audio_codec=AudioCodec.OPUS,
        audio_bitrate_kbps=64,
        audio_frequency_hertz=48_000,
    )
    assert sent(a_request(encoding=EncodingSpec(advanced=advanced)))["advanced"] == {
        "width": 640,
        "height": 360,
        "depth": 16,
        "framerate": 15,
        "videoCodec": "H264_BASELINE",
        "videoBitrate": 700,
        "keyFrameInterval": 2.0,
        "audioCodec": "OPUS",
        "audioBitrate": 64,
        "audioFrequency": 48_000,
    }


def test_what_an_encoding_leaves_open_is_left_open() -> None:
    encoding = EncodingSpec(advanced=AdvancedEncoding(audio_codec=AudioCodec.OPUS))
    assert sent(a_request(encoding=encoding))["advanced"] == {"audioCodec": "OPUS"}
    assert not sent(a_request()).keys() & {"advanced", "preset"}


@pytest.mark.parametrize("method", SOURCES)
def test_a_webhook_is_signed_by_a_key_that_is_named(method: str) -> None:
    message = sent(a_request(method, webhook_url=WEBHOOK, signing_key="APIkey"))
    assert message["webhooks"] == [{"url": WEBHOOK, "signingKey": "APIkey"}]
    assert "webhooks" not in sent(a_request(method, signing_key="APIkey"))


@pytest.mark.parametrize("method", SOURCES)
def test_a_webhook_that_no_key_signs_is_never_sent(method: str) -> None:
    with pytest.raises(ValueError, match="the name of the API key") as raised:
        to_start(a_request(method, webhook_url=WEBHOOK))
    assert WEBHOOK not in str(raised.value)


def test_the_repr_of_a_request_shows_no_secret() -> None:
    request = replace(a_request(stream=STREAM), websocket_url="wss://a/?hunter2")
    for secret in ("hunter2", "the-session", "the-key", "secret-key"):
        assert secret not in repr(request)
