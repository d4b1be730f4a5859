"""What the API server writes into an object where it says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.api import recording, recording_schedule, recording_storage, room, server
from roomkeeper.api.crd import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.api.kind import Kind


def defaults(kind: Kind) -> dict[str, Any]:
    return dict(walk("", schema(kind)))


def walk(path: str, node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, child in node.get("properties", {}).items():
        below = f"{path}.{name}".removeprefix(".")
        if "default" in child:
            yield below, child["default"]
        yield from walk(below, child)


def test_defaults_of_a_room_are_plain_values() -> None:
    assert defaults(room.KIND) == {
        "spec.lifecycle": "Persistent",
        "spec.departureTimeoutSeconds": 20,
        "spec.metadataPolicy": "Merge",
        "spec.minPlayoutDelayMilliseconds": 0,
        "spec.maxPlayoutDelayMilliseconds": 0,
        "spec.syncStreams": False,
        "spec.updatePolicy": "WhenEmpty",
        "spec.adoptionPolicy": "Adopt",
        "spec.deletionGraceSeconds": 300,
        "spec.suspend": False,
        "status": {"observedGeneration": -1},
    }


def test_defaults_of_a_server_are_plain_values() -> None:
    assert defaults(server.KIND) == {
        "spec.allowedNamespaces.from": "Same",
        "spec.roomNameTemplate": "{namespace}_{name}",
        "spec.policy.recordings.streams": "Forbidden",
        "spec.policy.recordings.inlineStorage": "WithCredentials",
        "spec.policy.recordings.workerStorage": "Forbidden",
        "spec.autoCreate": "Auto",
        "spec.resyncSeconds": 60,
        "status": {"observedGeneration": -1},
    }


RECORDING_DEFAULTS = {
    "source.roomComposite.audioOnly": False,
    "source.roomComposite.videoOnly": False,
    "source.roomComposite.audioMixing": "Default",
    "source.participant.screenShare": False,
    "source.web.audioOnly": False,
    "source.web.videoOnly": False,
    "source.web.awaitStartSignal": False,
    "outputs.hls.segmentPrefix": "segment",
    "outputs.hls.playlistName": "index.m3u8",
    "outputs.hls.segmentSeconds": 4,
    "outputs.hls.filenameSuffix": "Index",
    "outputs.images.intervalSeconds": 10,
    "outputs.stream.protocol": "RTMP",
    "storage.s3.forcePathStyle": False,
    "stopWhenEmptySeconds": 0,
    "backoffLimit": 2,
    "disableManifest": False,
    "deletionGraceSeconds": 300,
}


def test_defaults_of_a_recording_are_plain_values() -> None:
    assert defaults(recording.KIND) == {
        **{f"spec.{path}": value for path, value in RECORDING_DEFAULTS.items()},
        "status": {"observedGeneration": -1},
    }


def test_defaults_of_a_storage_are_plain_values() -> None:
    assert defaults(recording_storage.KIND) == {
        "spec.s3.forcePathStyle": False,
        "spec.prefixTemplate": "{namespace}/",
        "spec.allowedNamespaces.from": "Same",
        "status": {"observedGeneration": -1},
    }


def test_defaults_of_a_schedule_are_plain_values() -> None:
    assert defaults(recording_schedule.KIND) == {
        "spec.concurrencyPolicy": "Forbid",
        "spec.startingDeadlineSeconds": 300,
        "spec.suspend": False,
        "spec.successfulRecordingsHistoryLimit": 3,
        "spec.failedRecordingsHistoryLimit": 1,
        **{f"spec.recordingTemplate.spec.{path}": value for path, value in RECORDING_DEFAULTS.items()},
        "status": {"observedGeneration": -1},
    }
