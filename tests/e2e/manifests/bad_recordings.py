"""Recordings that the API server refuses, each with what its message must say."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.manifests.bad_keys import BAD_KEYS
from tests.e2e.manifests.bad_outputs import BAD_OUTPUTS
from tests.e2e.manifests.bad_storage_targets import bad_targets
from tests.e2e.manifests.base import Bad, source, spec

_SOURCE: Final = "spec.source"
_WEB: Final = source("web", url="https://example.com")
_WEB_FILE: Final[dict[str, Any]] = {"file": {"filepath": None}}

_OBJECT: Final = (
    Bad("name-too-long", {"metadata": {"name": "r" * 64}}, ("metadata.name", "no more than 63 characters")),
    Bad("no-spec", {"spec": None}, ("spec: Required value",)),
    Bad("misspelt-field", spec(output={}), ('unknown field "spec.output"',)),
    Bad("suspended", spec(suspend=True), ('unknown field "spec.suspend"',)),
)

_ROOM: Final = (
    Bad(
        "room-ref-and-room-name",
        spec(roomName="standup"),
        ("spec.roomName", "roomName stands instead of roomRef"),
    ),
    Bad(
        "no-room",
        spec(roomRef=None),
        ("spec.roomRef", "roomRef or roomName must be given: only source web can do without a room"),
    ),
    Bad("room-ref-without-name", spec(roomRef={"name": None}), ("spec.roomRef.name", "Required value")),
    Bad(
        "room-ref-of-another-namespace",
        spec(roomRef={"namespace": "team-b"}),
        ('unknown field "spec.roomRef.namespace"',),
    ),
    Bad("room-name-empty", spec(roomRef=None, roomName=""), ("spec.roomName", "at least 1 chars long")),
    Bad(
        "room-name-too-long",
        spec(roomRef=None, roomName="r" * 257),
        ("spec.roomName", "may not be more than 256"),
    ),
    *(
        Bad(
            f"room-name-{number}",
            spec(roomRef=None, roomName=name),
            ("spec.roomName", 'must not contain "|", "/" or ".."'),
        )
        for number, name in enumerate(("a|b", "a/b", "a..b"))
    ),
    Bad(
        "room-name-with-a-bell",
        spec(roomRef=None, roomName="a\ab"),
        ("spec.roomName", "must not contain control characters"),
    ),
    Bad(
        "server-of-a-room",
        spec(serverRef={"name": "main"}),
        ("spec.serverRef", "serverRef does not go with roomRef"),
    ),
    Bad(
        "server-ref-with-a-path",
        spec(roomRef=None, roomName="a", serverRef={"name": "livekit/main"}),
        ("spec.serverRef.name", "should match"),
    ),
    *(
        Bad(
            f"no-room-to-wait-for-{start}",
            spec(roomRef=None, source=_WEB, outputs=_WEB_FILE, start=start),
            ("spec.start", "start can only be Immediately without roomRef and roomName"),
        )
        for start in ("WhenRoomActive", "WhenPublishing")
    ),
    Bad(
        "no-room-to-be-empty",
        spec(roomRef=None, source=_WEB, outputs=_WEB_FILE, stopWhenEmptySeconds=10),
        ("spec.stopWhenEmptySeconds", "stopWhenEmptySeconds needs roomRef or roomName"),
    ),
)

_ONE_SOURCE: Final = "exactly one of roomComposite, participant, trackComposite, track and web must be given"
_COMPOSITE: Final = "trackComposite needs identity with audioSource, videoSource or both"
_TRACK: Final = "track needs identity and source, or trackID instead of both"

_SOURCES: Final = (
    Bad("no-source", spec(source=None), (_SOURCE, "Required value")),
    Bad("source-empty", spec(source={"roomComposite": None}), (_SOURCE, _ONE_SOURCE)),
    Bad("two-sources", spec(source={"participant": {"identity": "alice"}}), (_SOURCE, _ONE_SOURCE)),
    Bad("source-unknown", spec(source=source("screen")), ('unknown field "spec.source.screen"',)),
    *(
        Bad(
            f"{page}-of-nothing",
            spec(source=source(page, **fields, audioOnly=True, videoOnly=True)),
            (f"{_SOURCE}.{page}.videoOnly", "videoOnly does not go with audioOnly"),
        )
        for page, fields in (("roomComposite", {}), ("web", {"url": "https://example.com"}))
    ),
    *(
        Bad(
            f"audio-mixing-{number}",
            spec(
                source={"roomComposite": {"layout": None, "audioMixing": "DualChannelAgent", **fields}},
            ),
            (f"{_SOURCE}.roomComposite.audioMixing", "audioMixing needs audioOnly: true"),
        )
        for number, fields in enumerate(
            (
                {},
                {"audioOnly": False},
                {"audioOnly": True, "layout": "grid"},
                {"audioOnly": True, "customBaseURL": "https://layouts.example.com"},
            )
        )
    ),
    Bad(
        "audio-mixing-unknown",
        spec(source={"roomComposite": {"audioMixing": "Stereo"}}),
        (f"{_SOURCE}.roomComposite.audioMixing", '"Default", "DualChannelAgent", "DualChannelAlternate"'),
    ),
    Bad(
        "layout-empty",
        spec(source={"roomComposite": {"layout": ""}}),
        (f"{_SOURCE}.roomComposite.layout", "at least 1 chars long"),
    ),
    *(
        Bad(
            f"custom-base-url-{number}",
            spec(source={"roomComposite": {"customBaseURL": url}}),
            (f"{_SOURCE}.roomComposite.customBaseURL", "should match"),
        )
        for number, url in enumerate(("layouts.example.com", "file:///etc/passwd", "https://a b"))
    ),
    Bad("web-without-url", spec(source=source("web")), (f"{_SOURCE}.web.url", "Required value")),
    Bad(
        "web-of-a-file",
        spec(source=source("web", url="file:///etc/passwd")),
        (f"{_SOURCE}.web.url", "should match"),
    ),
    Bad(
        "participant-without-identity",
        spec(source=source("participant", screenShare=True)),
        (f"{_SOURCE}.participant.identity", "Required value"),
    ),
    *(
        Bad(
            f"track-composite-{number}",
            spec(source=source("trackComposite", **fields)),
            (_SOURCE, _COMPOSITE),
        )
        for number, fields in enumerate(
            (
                {},
                {"identity": "alice"},
                {"audioSource": "microphone"},
                {"identity": "alice", "audioTrackID": "TR_AM1"},
                {"identity": "alice", "audioSource": "microphone", "videoTrackID": "TR_VC1"},
                {"audioTrackID": "TR_AM1", "videoSource": "camera"},
            )
        )
    ),
    Bad(
        "audio-of-a-camera",
        spec(source=source("trackComposite", identity="alice", audioSource="camera")),
        (f"{_SOURCE}.trackComposite.audioSource", '"microphone", "screen_share_audio"'),
    ),
    Bad(
        "video-of-a-microphone",
        spec(source=source("trackComposite", identity="alice", videoSource="microphone")),
        (f"{_SOURCE}.trackComposite.videoSource", '"camera", "screen_share"'),
    ),
    *(
        Bad(f"track-{number}", spec(source=source("track", **fields)), (_SOURCE, _TRACK))
        for number, fields in enumerate(
            (
                {},
                {"identity": "alice"},
                {"source": "camera"},
                {"identity": "alice", "source": "camera", "trackID": "TR_VC1"},
                {"source": "camera", "trackID": "TR_VC1"},
            )
        )
    ),
    Bad(
        "track-id",
        spec(source=source("track", trackID="TR_../x")),
        (f"{_SOURCE}.track.trackID", "should match"),
    ),
    *(
        Bad(
            f"identity-of-{kind}-{number}",
            spec(source=source(kind, identity=identity, **fields)),
            (f"{_SOURCE}.{kind}.identity", why),
        )
        for kind, fields in (
            ("participant", {}),
            ("trackComposite", {"audioSource": "microphone"}),
            ("track", {"source": "microphone"}),
        )
        for number, (identity, why) in enumerate(
            (
                ("", "at least 1 chars long"),
                ("i" * 257, "may not be more than 256"),
                ("../a", 'an identity must not contain "/" or ".."'),
                ("a\x00b", "an identity must not contain control characters"),
            )
        )
    ),
)

_TIMES: Final = (
    Bad(
        "start-unknown",
        spec(start="Later"),
        ("spec.start", '"Immediately", "WhenRoomActive", "WhenPublishing"'),
    ),
    Bad("start-at-noon", spec(startAt="noon"), ("spec.startAt", "must be of type date-time")),
    Bad("start-deadline-zero", spec(startDeadlineSeconds=0), ("spec.startDeadlineSeconds", "equal to 1")),
    Bad(
        "start-deadline-too-long",
        spec(startDeadlineSeconds=2_592_001),
        ("spec.startDeadlineSeconds", "less than or equal to 2592000"),
    ),
    Bad("active-deadline-zero", spec(activeDeadlineSeconds=0), ("spec.activeDeadlineSeconds", "equal to 1")),
    Bad(
        "active-deadline-a-go-duration",
        spec(activeDeadlineSeconds="1h"),
        ("spec.activeDeadlineSeconds", "must be of type integer"),
    ),
    Bad(
        "empty-for-a-negative-time",
        spec(stopWhenEmptySeconds=-1),
        ("spec.stopWhenEmptySeconds", "equal to 0"),
    ),
    Bad("backoff-too-often", spec(backoffLimit=11), ("spec.backoffLimit", "less than or equal to 10")),
    Bad(
        "ttl-negative",
        spec(ttlSecondsAfterFinished=-1),
        ("spec.ttlSecondsAfterFinished", "equal to 0"),
    ),
    Bad(
        "deletion-grace-too-long",
        spec(deletionGraceSeconds=86_401),
        ("spec.deletionGraceSeconds", "less than or equal to 86400"),
    ),
)

_STOPPED: Final = Bad(
    "desired-state-running", spec(desiredState="Running"), ("spec.desiredState", '"Stopped"')
)

_STORAGE: Final = (
    Bad(
        "two-storages",
        spec(storage={"s3": {"bucket": "recordings"}}),
        ("spec.storage", "storage stands instead of storageRef"),
    ),
    Bad(
        "storage-ref-without-name",
        spec(storageRef={"name": None}),
        ("spec.storageRef.name", "Required value"),
    ),
    *bad_targets("spec.storage", lambda target: spec(storageRef=None, storage=target)),
)

# What a template of a RecordingSchedule must not be, either; whether it is stopped, a template does not say at all.
BAD_TEMPLATES: Final = (*_ROOM, *_SOURCES, *BAD_OUTPUTS, *BAD_KEYS, *_TIMES, *_STORAGE)
BAD_RECORDINGS: Final = (*_OBJECT, *BAD_TEMPLATES, _STOPPED)
