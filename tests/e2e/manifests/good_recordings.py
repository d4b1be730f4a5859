"""Recordings and RecordingSchedules that the API server takes, up to the very bounds."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.manifests.base import JSON, Good, source, spec

_URLS: Final[JSON] = {"urlsSecretRef": {"name": "streams"}}
_WEB: Final[dict[str, Any]] = {
    "source": source("web", url="https://example.com/live?x=1#now", awaitStartSignal=True),
    "outputs": {"file": {"filepath": "web/{time}-{utc}"}},
}
_EVERY_VARIABLE: Final = (
    "{room_name}/{room_id}/{time}/{utc}/{publisher_identity}/{track_id}/{track_type}/{track_source}"
)
_KEYS: Final = {"credentialsSecretRef": {"name": "keys"}}


def _sound(**fields: Any) -> JSON:
    return spec(source={"roomComposite": {"audioOnly": True, "layout": None}}, **fields)


def _encoded(**fields: Any) -> JSON:
    return {"advanced": fields}


_SOURCES: Final = (
    Good("as-it-is", {}),
    Good("longest-name", {"metadata": {"name": "r" * 63}}),
    Good(
        "least-of-everything",
        spec(
            source={"roomComposite": {"layout": None}}, outputs={"file": {"filepath": None}}, storageRef=None
        ),
    ),
    Good(
        "most-of-everything",
        spec(
            start="WhenPublishing",
            startAt="2026-01-02T03:04:05Z",
            startDeadlineSeconds=2_592_000,
            stopWhenEmptySeconds=86_400,
            activeDeadlineSeconds=2_592_000,
            backoffLimit=10,
            disableManifest=True,
            ttlSecondsAfterFinished=31_536_000,
            deletionGraceSeconds=86_400,
        ),
    ),
    Good(
        "a-room-by-name",
        spec(roomRef=None, roomName="会議 (überall). 1", serverRef={"name": "main", "namespace": "livekit"}),
    ),
    Good(
        "a-page-of-ones-own",
        spec(
            source={
                "roomComposite": {
                    "layout": "two-up",
                    "videoOnly": True,
                    "customBaseURL": "https://layouts.example.com/grid?theme=dark",
                }
            }
        ),
    ),
    Good(
        "voices-apart",
        spec(
            source={"roomComposite": {"layout": None, "audioOnly": True, "audioMixing": "DualChannelAgent"}}
        ),
    ),
    Good("a-participant", spec(source=source("participant", identity="sip:+49 30 1@host", screenShare=True))),
    Good(
        "two-tracks-of-somebody",
        spec(
            source=source(
                "trackComposite", identity="Zoë", audioSource="screen_share_audio", videoSource="screen_share"
            )
        ),
    ),
    Good("two-tracks", spec(source=source("trackComposite", audioTrackID="TR_AMx1", videoTrackID="TR_VCx1"))),
    *(
        Good(f"a-track-of-{kind}", spec(source=source("track", identity="alice", source=kind)))
        for kind in ("camera", "microphone", "screen_share", "screen_share_audio")
    ),
    Good("a-track", spec(source=source("track", trackID="TR_" + "x" * 61))),
    Good("a-page", spec(roomRef=None, start="Immediately", **_WEB)),
    Good("a-page-by-default", spec(roomRef=None, serverRef={"name": "main"}, stopWhenEmptySeconds=0, **_WEB)),
    Good("a-page-beside-a-room", spec(start="WhenRoomActive", stopWhenEmptySeconds=30, **_WEB)),
)

_OUTPUTS: Final = (
    Good(
        "every-output",
        spec(
            outputs={
                "file": {"type": "MP4"},
                "hls": {
                    "directory": "live/{room_name}/{time}",
                    "segmentPrefix": "part.1",
                    "playlistName": "all.v1.m3u8",
                    "livePlaylistName": "live.m3u8",
                    "segmentSeconds": 60,
                    "filenameSuffix": "Timestamp",
                },
                "images": {"directory": "i/{room_id}", "intervalSeconds": 3600, "width": 7680, "height": 16},
                "stream": {"protocol": "SRT", **_URLS},
            }
        ),
    ),
    Good(
        "outputs-by-default",
        spec(outputs={"file": {"filepath": None}, "hls": {}, "images": {}, "stream": _URLS}),
    ),
    Good("stream-alone", spec(outputs={"file": None, "stream": {"protocol": "RTMP", **_URLS}})),
    Good(
        "websocket",
        spec(
            source=source("track", identity="alice", source="microphone"),
            outputs={"file": None, "websocket": {"urlSecretRef": {"name": "socket"}}},
        ),
    ),
    Good(
        "every-variable",
        spec(
            source=source("track", identity="alice", source="microphone"),
            outputs={"file": {"filepath": _EVERY_VARIABLE}},
        ),
    ),
    Good(
        "variables-of-a-participant",
        spec(
            source=source("participant", identity="alice"),
            outputs={
                "file": {"filepath": "{publisher_identity}-{time}"},
                "hls": {"directory": "{publisher_identity}"},
                "images": {"directory": "{publisher_identity}"},
            },
        ),
    ),
    Good("longest-key", spec(outputs={"file": {"filepath": "会" * 512}})),
    Good(
        "key-of-any-letters", spec(outputs={"file": {"filepath": "Aufnahmen (überall)/.a/b.c/1+1=2 %20&?"}})
    ),
    *(
        Good(f"sound-as-{kind}", _sound(outputs={"file": {"type": kind}}, encoding=encoding))
        for kind, encoding in (
            ("OGG", _encoded(audioCodec="OPUS", audioBitrateKbps=8)),
            ("MP3", _encoded(audioCodec="AC_MP3", audioFrequencyHertz=96_000)),
            ("MP4", _encoded(audioCodec="AAC")),
        )
    ),
    Good(
        "sound-as-mp4-of-opus",
        _sound(outputs={"file": {"type": "MP4"}}, encoding=_encoded(audioCodec="OPUS")),
    ),
    Good(
        "sound-as-hls-and-stream",
        _sound(outputs={"hls": {}, "stream": _URLS}, encoding=_encoded(audioCodec="AAC")),
    ),
    Good(
        "sound-of-tracks",
        spec(source=source("trackComposite", audioTrackID="TR_AM1"), outputs={"file": {"type": "OGG"}}),
    ),
    Good(
        "sound-of-a-page",
        spec(
            source=source("web", url="http://a", audioOnly=True),
            outputs={"file": {"filepath": None, "type": "MP3"}},
        ),
    ),
    *(
        Good(f"preset-{preset}", spec(encoding={"preset": preset}))
        for preset in ("H264_720P_30", "H264_1080P_60", "PORTRAIT_H264_1080P_60")
    ),
    Good("encoding-by-default", spec(encoding={"advanced": {}})),
    Good(
        "every-number",
        spec(
            encoding=_encoded(
                width=7680,
                height=16,
                depth=8,
                framerate=120,
                videoCodec="H264_HIGH",
                videoBitrateKbps=100_000,
                keyFrameIntervalSeconds=60,
                audioCodec="OPUS",
                audioBitrateKbps=512,
                audioFrequencyHertz=8000,
            )
        ),
    ),
    Good(
        "pictures-alone",
        spec(source={"roomComposite": {"videoOnly": True}}, encoding=_encoded(width=640, height=480)),
    ),
)

_STORAGE: Final = tuple(
    Good(f"stored-{name}", spec(storageRef=None, storage=target))
    for name, target in (
        ("by-the-worker-itself", {"s3": {"bucket": "recordings"}}),
        (
            "on-s3",
            {
                "s3": {
                    "bucket": "b" * 255,
                    "region": "eu-central-1",
                    "endpoint": "http://minio.storage.svc:9000",
                    "forcePathStyle": True,
                    "assumeRoleARN": "arn:aws:iam::123456789012:role/recordings/writer",
                    **_KEYS,
                }
            },
        ),
        ("on-gcp", {"gcp": {"bucket": "recordings.example.com", **_KEYS}}),
        ("on-azure", {"azure": {"accountName": "roomkeeper1", "containerName": "$web", **_KEYS}}),
        (
            "on-ali",
            {
                "aliOSS": {
                    "bucket": "recordings",
                    "endpoint": "oss-eu-central-1.aliyuncs.com",
                    "region": "eu-central-1",
                    **_KEYS,
                }
            },
        ),
    )
)

_TEMPLATES: Final = (
    *(good for good in _SOURCES if good.id not in {"as-it-is", "longest-name", "most-of-everything"}),
    *_OUTPUTS,
    *_STORAGE,
)

GOOD_RECORDINGS: Final = (
    *_SOURCES,
    *_OUTPUTS,
    *_STORAGE,
    Good("stopped-from-the-start", spec(desiredState="Stopped")),
    Good("stored-by-another-namespace", spec(storageRef={"name": "archive", "namespace": "livekit"})),
)

GOOD_SCHEDULES: Final = (
    Good("as-it-is", {}),
    Good("longest-name", {"metadata": {"name": "s" * 52}}),
    *(
        Good(f"good-cron-{number}", spec(schedule=cron))
        for number, cron in enumerate(
            ("* * * * *", "*/5 0-23 1,15 JAN-DEC MON", "0  9  *  *  1-5/2", "0 0 1 1 " + "0," * 45 + "0")
        )
    ),
    *(
        Good(f"time-zone-{zone}", spec(timeZone=zone))
        for zone in ("UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires")
    ),
    Good("no-time-zone", spec(timeZone=None)),
    Good("every-session", spec(schedule=None, timeZone=None, trigger="EverySession")),
    Good(
        "every-session-of-a-room-by-name",
        spec(
            schedule=None,
            timeZone=None,
            trigger="EverySession",
            recordingTemplate={"spec": {"roomRef": None, "roomName": "standup"}},
        ),
    ),
    Good(
        "everything-written",
        spec(
            concurrencyPolicy="Replace",
            startingDeadlineSeconds=86_400,
            suspend=True,
            successfulRecordingsHistoryLimit=100,
            failedRecordingsHistoryLimit=0,
            recordingTemplate={
                "metadata": {
                    "labels": {"team": "a", "example.com/tier": ""},
                    "annotations": {"example.com/note": "any text: ✓"},
                }
            },
        ),
    ),
    *(Good(f"template-{good.id}", spec(recordingTemplate=good.patch)) for good in _TEMPLATES),
)
