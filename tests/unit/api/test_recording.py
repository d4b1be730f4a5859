from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from livekit.protocol import egress, models
from pydantic import ValidationError

from roomkeeper.api.recording import RecordingSpec, RecordingStart
from roomkeeper.api.recording_encoding import AudioCodec, EncodingPreset, VideoCodec
from roomkeeper.api.recording_outputs import FileType, SegmentSuffix, StreamProtocol
from roomkeeper.api.recording_policy import RecordingSource
from roomkeeper.api.recording_source import AudioMixing, AudioSource, RecordingSourceSpec, VideoSource
from roomkeeper.api.recording_status import MAX_ATTEMPTS, RecordingStatus
from roomkeeper.api.role import TrackSource

SOURCES: dict[RecordingSource, dict[str, Any]] = {
    RecordingSource.ROOM_COMPOSITE: {},
    RecordingSource.PARTICIPANT: {"identity": "alice"},
    RecordingSource.TRACK_COMPOSITE: {
        "identity": "alice",
        "audioSource": "microphone",
        "videoSource": "camera",
    },
    RecordingSource.TRACK: {"identity": "alice", "source": "camera"},
    RecordingSource.WEB: {"url": "https://example.com"},
}
LEAST: dict[str, Any] = {
    "roomRef": {"name": "standup"},
    "source": {"roomComposite": {}},
    "outputs": {"file": {}},
}


def recording(**fields: object) -> RecordingSpec:
    return RecordingSpec.model_validate({**LEAST, **fields})


def of(kind: RecordingSource, **fields: Any) -> dict[str, Any]:
    return {kind.value: {**SOURCES[kind], **fields}}


def test_the_least_recording_means_the_documented_defaults() -> None:
    spec = recording()
    assert spec.effective_start is RecordingStart.WHEN_ROOM_ACTIVE
    assert (spec.stop_when_empty_seconds, spec.backoff_limit, spec.deletion_grace_seconds) == (0, 2, 300)
    assert spec.disable_manifest is False
    absent = (spec.start_at, spec.start_deadline_seconds, spec.active_deadline_seconds, spec.desired_state)
    assert absent == (None,) * 4
    assert (spec.storage, spec.storage_ref, spec.encoding, spec.ttl_seconds_after_finished) == (None,) * 4
    composite = spec.source.room_composite
    assert composite is not None
    assert (composite.layout, composite.custom_base_url) == (None, None)
    assert (composite.audio_only, composite.video_only) == (False, False)
    assert composite.audio_mixing is AudioMixing.DEFAULT


def test_outputs_by_default() -> None:
    outputs = recording(
        outputs={"hls": {}, "images": {}, "stream": {"urlsSecretRef": {"name": "streams"}}}
    ).outputs
    assert outputs.file is None
    assert outputs.hls is not None
    assert (outputs.hls.segment_prefix, outputs.hls.playlist_name) == ("segment", "index.m3u8")
    assert (outputs.hls.live_playlist_name, outputs.hls.segment_seconds) == (None, 4)
    assert outputs.hls.filename_suffix is SegmentSuffix.INDEX
    assert outputs.images is not None
    assert (outputs.images.interval_seconds, outputs.images.width, outputs.images.height) == (10, None, None)
    assert outputs.stream is not None
    assert outputs.stream.protocol is StreamProtocol.RTMP


@pytest.mark.parametrize("kind", RecordingSource)
def test_a_source_tells_its_kind(kind: RecordingSource) -> None:
    assert RecordingSourceSpec.model_validate(of(kind)).kind is kind


@pytest.mark.parametrize(
    ("source", "audio_only"),
    [
        *((of(kind), False) for kind in RecordingSource),
        (of(RecordingSource.ROOM_COMPOSITE, audioOnly=True), True),
        (of(RecordingSource.ROOM_COMPOSITE, videoOnly=True), False),
        (of(RecordingSource.WEB, audioOnly=True), True),
        (of(RecordingSource.TRACK_COMPOSITE, videoSource=None), True),
        (of(RecordingSource.TRACK_COMPOSITE, audioSource=None), False),
        ({"trackComposite": {"audioTrackID": "TR_AM1"}}, True),
        ({"trackComposite": {"videoTrackID": "TR_VC1"}}, False),
        (of(RecordingSource.TRACK, source="microphone"), True),
        (of(RecordingSource.TRACK, source="screen_share_audio"), True),
        (of(RecordingSource.TRACK, source="screen_share"), False),
        ({"track": {"trackID": "TR_AM1"}}, False),
    ],
)
def test_a_source_tells_whether_it_is_sound_alone(source: dict[str, Any], audio_only: bool) -> None:  # noqa: FBT001
    assert RecordingSourceSpec.model_validate(source).is_audio_only is audio_only


def test_a_track_composite_tells_what_it_has() -> None:
    def has(**fields: str) -> tuple[bool, bool]:
        composite = RecordingSourceSpec.model_validate({"trackComposite": fields}).track_composite
        assert composite is not None
        return composite.has_audio, composite.has_video

    assert has(identity="a", audioSource="microphone") == (True, False)
    assert has(identity="a", videoSource="camera") == (False, True)
    assert has(audioTrackID="TR_AM1", videoTrackID="TR_VC1") == (True, True)


def test_a_page_without_a_room_waits_for_nobody() -> None:
    web = of(RecordingSource.WEB)
    assert recording(source=web).effective_start is RecordingStart.WHEN_ROOM_ACTIVE
    assert recording(source=web, roomRef=None).effective_start is RecordingStart.IMMEDIATELY
    assert (
        recording(source=web, roomRef=None, roomName="a").effective_start is RecordingStart.WHEN_ROOM_ACTIVE
    )
    assert recording(start="WhenPublishing").effective_start is RecordingStart.WHEN_PUBLISHING


def test_a_key_that_is_not_given_is_named_after_the_room_if_there_is_one() -> None:
    def keys(spec: RecordingSpec) -> tuple[str, str, str]:
        return spec.effective_filepath, spec.effective_hls_directory, spec.effective_images_directory

    assert keys(recording(outputs={"file": {}, "hls": {}, "images": {}})) == (
        "recordings/{room_name}-{time}",
        "hls/{room_name}-{time}",
        "images/{room_name}-{time}",
    )
    assert keys(recording(source=of(RecordingSource.WEB))) == (
        "recordings/web-{time}",
        "hls/web-{time}",
        "images/web-{time}",
    )
    given = {"file": {"filepath": "a"}, "hls": {"directory": "b"}, "images": {"directory": "c"}}
    assert keys(recording(outputs=given)) == ("a", "b", "c")


AUDIO = of(RecordingSource.ROOM_COMPOSITE, audioOnly=True)
STREAM = {"urlsSecretRef": {"name": "streams"}}


@pytest.mark.parametrize(
    ("fields", "file_type"),
    [
        ({}, FileType.MP4),
        ({"source": AUDIO}, FileType.OGG),
        ({"source": AUDIO, "encoding": {"advanced": {}}}, FileType.OGG),
        ({"source": AUDIO, "encoding": {"advanced": {"audioCodec": "OPUS"}}}, FileType.OGG),
        ({"source": AUDIO, "encoding": {"advanced": {"audioCodec": "AAC"}}}, FileType.MP4),
        ({"source": AUDIO, "outputs": {"file": {}, "hls": {}}}, FileType.MP4),
        ({"source": AUDIO, "outputs": {"file": {}, "stream": STREAM}}, FileType.MP4),
        ({"source": AUDIO, "outputs": {"file": {"type": "MP3"}}}, FileType.MP3),
        ({"source": AUDIO, "outputs": {"file": {"type": "MP4"}}}, FileType.MP4),
        ({"source": of(RecordingSource.TRACK)}, None),
        ({"source": of(RecordingSource.TRACK, source="microphone")}, None),
    ],
)
def test_a_file_is_what_egress_would_make_of_it(fields: dict[str, Any], file_type: FileType | None) -> None:
    assert recording(**fields).effective_file_type is file_type


def test_abbreviations_are_written_in_capitals() -> None:
    written = {
        "roomComposite": {"customBaseURL": "https://a.example"},
        "track": {"trackID": "TR_VC1"},
        "trackComposite": {"audioTrackID": "TR_AM1", "videoTrackID": "TR_VC1"},
    }
    for kind, fields in written.items():
        dumped = RecordingSourceSpec.model_validate({kind: fields}).model_dump(
            mode="json", exclude_defaults=True
        )
        assert dumped == {kind: fields}


def test_what_is_offered_is_in_livekits_own_words() -> None:
    """The adapter looks them up by name; what LiveKit has and Egress does not encode is left out."""
    assert {"DEFAULT_FILETYPE", *FileType} == set(egress.EncodedFileType.keys())
    assert {"DEFAULT_PROTOCOL", "WEBSOCKET", *StreamProtocol} == set(egress.StreamProtocol.keys())
    assert {"PASSTHROUGH", *EncodingPreset} == set(egress.EncodingOptionsPreset.keys())
    assert {"DEFAULT_AC", *AudioCodec} == set(models.AudioCodec.keys())
    assert {"DEFAULT_VC", "VP8", *VideoCodec} == set(models.VideoCodec.keys())
    assert len(AudioMixing) == len(egress.AudioMixing.keys())
    assert len(SegmentSuffix) == len(egress.SegmentedFileSuffix.keys())


def test_a_source_of_a_track_is_of_sound_or_of_pictures() -> None:
    assert {*AudioSource, *VideoSource} == {source.value for source in TrackSource}


def test_there_is_room_for_every_attempt() -> None:
    assert recording(backoffLimit=MAX_ATTEMPTS - 1).backoff_limit == MAX_ATTEMPTS - 1
    with pytest.raises(ValidationError, match="backoffLimit"):
        recording(backoffLimit=MAX_ATTEMPTS)


def test_status_survives_a_round_trip() -> None:
    stored = {
        "observedGeneration": 2,
        "lastHandledReconcileAt": "now",
        "state": "Active",
        "roomName": "team-a_standup",
        "serverRef": {"namespace": "livekit", "name": "main", "uid": "7f1c"},
        "storageRef": {"namespace": "livekit", "name": "archive", "uid": "8f1c"},
        "egressID": "EG_2",
        "appliedLayout": "grid",
        "appliedStreams": ["0123456789abcdef"],
        "stopReason": "Unresponsive",
        "attempts": [
            {
                "number": 1,
                "marker": "x7k1",
                "egressID": "EG_1",
                "state": "Failed",
                "startedAt": "2026-01-02T03:04:05Z",
                "endedAt": "2026-01-02T03:05:05Z",
                "error": "UploadFailed",
                "errorCode": 400,
            },
            {"number": 2, "marker": "x7k2", "requestedAt": "2026-01-02T03:06:05Z", "state": "Starting"},
        ],
        "startedAt": "2026-01-02T03:04:05Z",
        "recordedSeconds": 60,
        "gaps": [{"from": "2026-01-02T03:05:05Z", "to": "2026-01-02T03:06:06Z"}],
        "results": [
            {
                "attempt": 1,
                "type": "File",
                "filename": "a.mp4",
                "location": "https://s3.example.com/a.mp4",
                "sizeBytes": 2**53 - 1,
                "durationSeconds": 60,
                "backupStorageUsed": True,
            }
        ],
        "conditions": [],
    }
    status = RecordingStatus.model_validate(stored)
    assert status.model_dump(mode="json", exclude_none=True) == stored
    assert status.attempts[1].requested_at == datetime(2026, 1, 2, 3, 6, 5, tzinfo=UTC)
    assert status.gaps[0].from_ < status.gaps[0].to
    assert RecordingStatus.model_validate({}).observed_generation == -1
    assert RecordingStatus.model_validate({}).attempts == ()
