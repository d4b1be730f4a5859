"""Edits of a Recording, a RecordingStorage and a RecordingSchedule: which ones the API server refuses, and why."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.base import JSON, Transition, source, spec

_BEGUN: Final[JSON] = {"attempts": [{"number": 1, "marker": "x7", "state": "Starting"}]}
_WAITING: Final[JSON] = {"state": "Armed", "attempts": []}

_FROZEN: Final[tuple[tuple[str, JSON, JSON], ...]] = (
    ("source", {}, spec(source=source("participant", identity="alice"))),
    ("source", {}, spec(source={"roomComposite": {"audioOnly": True}})),
    ("source", {}, spec(source={"roomComposite": {"videoOnly": True}})),
    ("source", {}, spec(source={"roomComposite": {"customBaseURL": "https://layouts.example.com"}})),
    (
        "source",
        spec(source={"roomComposite": {"layout": None, "audioOnly": True}}),
        spec(
            source={"roomComposite": {"layout": None, "audioOnly": True, "audioMixing": "DualChannelAgent"}}
        ),
    ),
    (
        "source",
        spec(source=source("participant", identity="alice")),
        spec(source=source("participant", identity="bob")),
    ),
    (
        "source",
        spec(source=source("trackComposite", audioTrackID="TR_AM1")),
        spec(source=source("trackComposite", audioTrackID="TR_AM2")),
    ),
    (
        "source",
        spec(source=source("track", identity="alice", source="camera")),
        spec(source=source("track", identity="alice", source="microphone")),
    ),
    (
        "source",
        spec(source=source("web", url="https://a.example"), outputs={"file": {"filepath": None}}),
        spec(source=source("web", url="https://b.example"), outputs={"file": {"filepath": None}}),
    ),
    ("outputs", {}, spec(outputs={"file": {"filepath": "other"}})),
    ("outputs", {}, spec(outputs={"images": {}})),
    ("encoding", {}, spec(encoding={"preset": "H264_720P_30"})),
    ("encoding", spec(encoding={"preset": "H264_720P_30"}), {}),
    ("encoding", spec(encoding={"preset": "H264_720P_30"}), spec(encoding={"preset": "H264_720P_60"})),
    ("storageRef", {}, spec(storageRef={"name": "other"})),
    ("storageRef", {}, spec(storageRef=None)),
    ("storage", spec(storageRef=None), spec(storageRef=None, storage={"s3": {"bucket": "a"}})),
    ("start", {}, spec(start="Immediately")),
    ("start", spec(start="WhenPublishing"), {}),
    ("startAt", {}, spec(startAt="2026-01-02T03:04:05Z")),
    ("disableManifest", {}, spec(disableManifest=True)),
)

_ROOM: Final[tuple[tuple[str, JSON, JSON], ...]] = (
    ("roomRef", {}, spec(roomRef={"name": "other"})),
    ("roomRef", {}, spec(roomRef=None, roomName="standup")),
    ("roomName", spec(roomRef=None, roomName="a"), spec(roomRef=None, roomName="b")),
    ("roomName", spec(roomRef=None, roomName="a"), {}),
    (
        "serverRef",
        spec(roomRef=None, roomName="a"),
        spec(roomRef=None, roomName="a", serverRef={"name": "b"}),
    ),
    (
        "serverRef",
        spec(roomRef=None, roomName="a", serverRef={"name": "b"}),
        spec(roomRef=None, roomName="a", serverRef={"name": "b", "namespace": "livekit"}),
    ),
    (
        "serverRef",
        spec(roomRef=None, roomName="a", serverRef={"name": "b"}),
        spec(roomRef=None, roomName="a"),
    ),
)

_MAY_CHANGE: Final = spec(
    source={"roomComposite": {"layout": "speaker"}},
    desiredState="Stopped",
    startDeadlineSeconds=60,
    activeDeadlineSeconds=3600,
    stopWhenEmptySeconds=30,
    backoffLimit=0,
    ttlSecondsAfterFinished=60,
    deletionGraceSeconds=5,
)

RECORDING_TRANSITIONS: Final = (
    *(
        Transition(
            f"{name}-{number}-{field.lower()}",
            before,
            after,
            (f"spec.{field}", f"{field} is immutable"),
            status,
        )
        for name, status in (("new", None), ("begun", _BEGUN))
        for number, (field, before, after) in enumerate(_ROOM)
    ),
    *(
        Transition(
            f"frozen-{number}-{field.lower()}",
            before,
            after,
            (f"spec.{field}", f"{field} is frozen once an attempt has begun"),
            _BEGUN,
        )
        for number, (field, before, after) in enumerate(_FROZEN)
    ),
    *(
        Transition(f"{name}-{number}-{field.lower()}", before, after, (), status)
        for name, status in (("not-seen", None), ("waiting", _WAITING))
        for number, (field, before, after) in enumerate(_FROZEN)
    ),
    *(
        Transition(f"{name}-what-may-change", {}, _MAY_CHANGE, (), status)
        for name, status in (("new", None), ("begun", _BEGUN))
    ),
    Transition("begun-layout-removed", {}, spec(source={"roomComposite": {"layout": None}}), (), _BEGUN),
    Transition("begun-what-may-change-taken-away", _MAY_CHANGE, {}, (), _BEGUN),
    Transition(
        "begun-defaults-written-out",
        {},
        spec(
            source={"roomComposite": {"audioOnly": False, "videoOnly": False, "audioMixing": "Default"}},
            disableManifest=False,
        ),
        (),
        _BEGUN,
    ),
)

STORAGE_TRANSITIONS: Final = (
    Transition(
        "everything-of-a-storage-changed",
        {},
        spec(
            s3=None,
            gcp={"bucket": "other"},
            prefixTemplate="eu/{namespace}/",
            allowedNamespaces={"from": "All"},
            allowedServers=[{"name": "main"}],
        ),
    ),
)

SCHEDULE_TRANSITIONS: Final = (
    Transition(
        "everything-of-a-schedule-changed",
        {},
        spec(
            schedule=None,
            timeZone=None,
            trigger="EverySession",
            concurrencyPolicy="Allow",
            startingDeadlineSeconds=10,
            suspend=True,
            recordingTemplate={
                "spec": {
                    "roomRef": None,
                    "roomName": "other",
                    "serverRef": {"name": "main"},
                    "source": source("participant", identity="alice"),
                    "outputs": {"file": None, "hls": {}},
                    "storageRef": None,
                }
            },
        ),
        status={"lastScheduleTime": "2026-01-02T03:04:05Z", "active": [{"name": "a-1", "uid": "7f1c"}]},
    ),
)
