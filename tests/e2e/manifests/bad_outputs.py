"""Recordings that the API server refuses for their outputs or encoding, each with what its message must say."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.manifests.base import JSON, Bad, source, spec

_OUTPUTS: Final = "spec.outputs"
_TYPE: Final = f"{_OUTPUTS}.file.type"
_URLS: Final[JSON] = {"urlsSecretRef": {"name": "streams"}}
_SOCKET: Final[JSON] = {"urlSecretRef": {"name": "socket"}}
_COMPOSITE: Final = source("trackComposite", identity="alice", audioSource="microphone", videoSource="camera")
_AUDIO_COMPOSITE: Final = source("trackComposite", identity="alice", audioSource="microphone")
_VIDEO_COMPOSITE: Final = source("trackComposite", videoTrackID="TR_VC1")
_PARTICIPANT: Final = source("participant", identity="alice")
_TRACK: Final = source("track", identity="alice", source="microphone")
_WEB: Final = source("web", url="https://example.com")
_AUDIO_ROOM: Final[JSON] = {"roomComposite": {"audioOnly": True}}
_AUDIO_WEB: Final = source("web", url="https://example.com", audioOnly=True)
_VIDEO_ROOM: Final[JSON] = {"roomComposite": {"videoOnly": True}}
_VIDEO_WEB: Final = source("web", url="https://example.com", videoOnly=True)

_AUDIO_ONLY: Final = (("room", _AUDIO_ROOM), ("web", _AUDIO_WEB), ("tracks", _AUDIO_COMPOSITE))
_VIDEO_ONLY: Final = (("room", _VIDEO_ROOM), ("web", _VIDEO_WEB), ("tracks", _VIDEO_COMPOSITE))
_BOTH: Final = (("room", {}), ("participant", _PARTICIPANT), ("tracks", _COMPOSITE), ("web", _WEB))
_TRACK_TAKES: Final = "source track takes exactly one output, file or websocket"


def _outputs(recorded: JSON, encoding: JSON | None = None, **outputs: Any) -> JSON:
    """Patch of source, outputs and encoding; the file has no path, as web knows no room."""
    return spec(source=recorded, outputs={"file": {"filepath": None}, **outputs}, encoding=encoding)


def _advanced(**fields: Any) -> JSON:
    return {"advanced": fields}


_MATRIX: Final = (
    Bad("no-outputs", spec(outputs=None), (_OUTPUTS, "Required value")),
    Bad(
        "outputs-empty",
        spec(outputs={"file": None}),
        (_OUTPUTS, "at least one of file, hls, images, stream and websocket must be given"),
    ),
    Bad("output-unknown", spec(outputs={"mp4": {}}), (f'unknown field "{_OUTPUTS}.mp4"',)),
    *(
        Bad(f"track-to-{name}", _outputs(_TRACK, **outputs), (_OUTPUTS, _TRACK_TAKES))
        for name, outputs in (
            ("file-and-websocket", {"websocket": _SOCKET}),
            ("file-and-hls", {"hls": {}}),
            ("hls", {"file": None, "hls": {}}),
            ("images", {"file": None, "images": {}}),
            ("stream", {"file": None, "stream": _URLS}),
        )
    ),
    *(
        Bad(
            f"websocket-of-{name}",
            _outputs(recorded, websocket=_SOCKET),
            (f"{_OUTPUTS}.websocket", "websocket is an output of source track only"),
        )
        for name, recorded in _BOTH
    ),
    *(
        Bad(
            f"websocket-of-{video}",
            _outputs(source("track", identity="alice", source=video), file=None, websocket=_SOCKET),
            (f"{_OUTPUTS}.websocket", "websocket carries sound only"),
        )
        for video in ("camera", "screen_share")
    ),
    *(
        Bad(
            f"track-encoded-{name}",
            _outputs(_TRACK, encoding),
            ("spec.encoding", "encoding is not for source track"),
        )
        for name, encoding in (("preset", {"preset": "H264_720P_30"}), ("advanced", {"advanced": {}}))
    ),
    Bad(
        "track-of-a-type",
        _outputs(_TRACK, file={"filepath": None, "type": "OGG"}),
        (_TYPE, "type is not for source track"),
    ),
    *(
        Bad(
            f"images-of-audio-only-{name}",
            _outputs(recorded, images={}),
            (f"{_OUTPUTS}.images", "images need video"),
        )
        for name, recorded in _AUDIO_ONLY
    ),
    *(
        Bad(
            f"{file_type}-with-video-of-{name}",
            _outputs(recorded, file={"filepath": None, "type": file_type}),
            (_TYPE, "type OGG and MP3 are for sound alone"),
        )
        for file_type in ("OGG", "MP3")
        for name, recorded in (*_BOTH, *((f"video-{name}", recorded) for name, recorded in _VIDEO_ONLY))
    ),
    *(
        Bad(
            f"{file_type}-beside-{name}",
            _outputs(_AUDIO_ROOM, file={"filepath": None, "type": file_type}, **outputs),
            (_TYPE, "type OGG and MP3 do not go with hls and stream"),
        )
        for file_type in ("OGG", "MP3")
        for name, outputs in (("hls", {"hls": {}}), ("stream", {"stream": _URLS}))
    ),
)

_CODEC: Final = "spec.encoding.advanced.audioCodec"
_OGG: Final[JSON] = {"file": {"filepath": None, "type": "OGG"}}
_MP3: Final[JSON] = {"file": {"filepath": None, "type": "MP3"}}
_MP4: Final[JSON] = {"file": {"filepath": None, "type": "MP4"}}

_ENCODING: Final = (
    Bad(
        "encoding-empty",
        spec(encoding={}),
        ("spec.encoding", "exactly one of preset and advanced must be given"),
    ),
    Bad(
        "preset-and-advanced",
        spec(encoding={"preset": "H264_720P_30", "advanced": {}}),
        ("spec.encoding", "exactly one of preset and advanced must be given"),
    ),
    Bad("preset-unknown", spec(encoding={"preset": "4K"}), ("spec.encoding.preset", '"H264_720P_30"')),
    Bad(
        "preset-that-no-source-takes",
        spec(encoding={"preset": "PASSTHROUGH"}),
        ("spec.encoding.preset", '"PORTRAIT_H264_1080P_60"'),
    ),
    *(
        Bad(
            f"encoding-{field}-{value}",
            spec(encoding=_advanced(**{field: value})),
            (f"spec.encoding.advanced.{field}", why),
        )
        for field, value, why in (
            ("width", 14, "equal to 16"),
            ("width", 1281, "multiple of 2"),
            ("height", 7682, "less than or equal to 7680"),
            ("height", 721, "multiple of 2"),
            ("depth", 12, "multiple of 8"),
            ("depth", 32, "less than or equal to 24"),
            ("framerate", 0, "equal to 1"),
            ("framerate", 121, "less than or equal to 120"),
            ("videoCodec", "VP8", '"H264_BASELINE", "H264_MAIN", "H264_HIGH"'),
            ("videoBitrateKbps", 49, "equal to 50"),
            ("keyFrameIntervalSeconds", 0.5, "must be of type integer"),
            ("audioCodec", "MP3", '"OPUS", "AAC", "AC_MP3"'),
            ("audioBitrateKbps", 513, "less than or equal to 512"),
            ("audioFrequencyHertz", 7999, "equal to 8000"),
        )
    ),
    *(
        Bad(
            f"audio-only-{name}-with-{number}",
            _outputs(recorded, encoding),
            ("spec.encoding", "this source has sound alone"),
        )
        for name, recorded in _AUDIO_ONLY
        for number, encoding in enumerate(
            (
                {"preset": "H264_720P_30"},
                _advanced(width=1280),
                _advanced(height=720),
                _advanced(depth=24),
                _advanced(framerate=30),
                _advanced(videoCodec="H264_MAIN"),
                _advanced(videoBitrateKbps=3000),
                _advanced(keyFrameIntervalSeconds=4),
            )
        )
    ),
    *(
        Bad(
            f"video-only-{name}-with-{number}",
            _outputs(recorded, encoding),
            ("spec.encoding", "this source has no sound"),
        )
        for name, recorded in _VIDEO_ONLY
        for number, encoding in enumerate(
            (
                _advanced(audioCodec="AAC"),
                _advanced(audioBitrateKbps=64),
                _advanced(audioFrequencyHertz=48_000),
            )
        )
    ),
    *(
        Bad(
            f"{codec}-in-{name}", _outputs(_AUDIO_ROOM, _advanced(audioCodec=codec), **outputs), (_CODEC, why)
        )
        for codec, why, places in (
            (
                "OPUS",
                "audioCodec OPUS is for files of type MP4 and OGG",
                (("hls", {"hls": {}}), ("stream", {"stream": _URLS}), ("mp3", _MP3)),
            ),
            (
                "AAC",
                "audioCodec AAC is for hls, stream and files of type MP4",
                (("ogg", _OGG), ("mp3", _MP3)),
            ),
            (
                "AC_MP3",
                "audioCodec AC_MP3 is for files of type MP3 alone",
                (("a-file", {}), ("mp4", _MP4), ("ogg", _OGG), ("hls", {"file": None, "hls": {}})),
            ),
        )
        for name, outputs in places
    ),
)

_DETAILS: Final = (
    Bad("type-unknown", spec(outputs={"file": {"type": "WebM"}}), (_TYPE, '"MP4", "OGG", "MP3"')),
    *(
        Bad(
            f"{field}-{number}",
            spec(outputs={"hls": {field: name}}),
            (f"{_OUTPUTS}.hls.{field}", "should match"),
        )
        for field, names in (
            ("segmentPrefix", ("a/b", "..", "{time}", "a b", ".a", "a.")),
            (
                "playlistName",
                ("index", "a/index.m3u8", "../index.m3u8", ".m3u8", "{time}.m3u8", "index.M3U8"),
            ),
            ("livePlaylistName", ("live", "a/live.m3u8")),
        )
        for number, name in enumerate(names)
    ),
    *(
        Bad(
            f"one-playlist-twice-{number}",
            spec(outputs={"hls": names}),
            (f"{_OUTPUTS}.hls.livePlaylistName", "another name than playlistName"),
        )
        for number, names in enumerate(
            (
                {"livePlaylistName": "index.m3u8"},
                {"playlistName": "all.m3u8", "livePlaylistName": "all.m3u8"},
            )
        )
    ),
    Bad(
        "segments-of-no-time",
        spec(outputs={"hls": {"segmentSeconds": 0}}),
        (f"{_OUTPUTS}.hls.segmentSeconds", "equal to 1"),
    ),
    Bad(
        "suffix-unknown",
        spec(outputs={"hls": {"filenameSuffix": "INDEX"}}),
        (f"{_OUTPUTS}.hls.filenameSuffix", '"Index", "Timestamp"'),
    ),
    Bad(
        "images-without-end",
        spec(outputs={"images": {"intervalSeconds": 0}}),
        (f"{_OUTPUTS}.images.intervalSeconds", "equal to 1"),
    ),
    Bad(
        "images-too-wide",
        spec(outputs={"images": {"width": 7681}}),
        (f"{_OUTPUTS}.images.width", "less than or equal to 7680"),
    ),
    Bad(
        "images-too-low",
        spec(outputs={"images": {"height": 15}}),
        (f"{_OUTPUTS}.images.height", "equal to 16"),
    ),
    Bad(
        "stream-by-another-protocol",
        spec(outputs={"stream": {"protocol": "HLS", **_URLS}}),
        (f"{_OUTPUTS}.stream.protocol", '"RTMP", "SRT"'),
    ),
    Bad(
        "stream-to-nowhere",
        spec(outputs={"stream": {}}),
        (f"{_OUTPUTS}.stream.urlsSecretRef", "Required value"),
    ),
    Bad(
        "stream-key-in-the-clear",
        spec(outputs={"stream": {**_URLS, "urls": ["rtmp://a/b/key"]}}),
        (f'unknown field "{_OUTPUTS}.stream.urls"',),
    ),
    Bad(
        "websocket-to-nowhere",
        _outputs(_TRACK, file=None, websocket={}),
        (f"{_OUTPUTS}.websocket.urlSecretRef", "Required value"),
    ),
)

BAD_OUTPUTS: Final = (*_MATRIX, *_ENCODING, *_DETAILS)
