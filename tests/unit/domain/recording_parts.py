"""What a Recording is made of in tests: its server and storage, people and their tracks, egresses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from roomkeeper.api.recording_storage import RecordingStorageSpec
from roomkeeper.domain import markers
from roomkeeper.domain.egress import Carried, Egress, EgressState
from roomkeeper.domain.livekit import Participant, ParticipantKind, Track
from roomkeeper.domain.objects import STORAGE, Key
from roomkeeper.domain.storages import Storage
from tests.unit.domain.builders import ACCEPTED, NAME, NOW

CREATED = NOW - timedelta(hours=3)
KEY = Key("Recording", "team-a", "weekly")
UID = "uid-of-the-recording"
WEBHOOK = "https://hooks.example.com/livekit/webhook"
EGRESS = "EG_1"

# A server of its own namespace, so that no policy counts.
OWN = replace(
    ACCEPTED,
    namespace=KEY.namespace,
    ref={"namespace": KEY.namespace, "name": "main", "uid": "uid-of-the-server"},
)
STORED = Storage(
    Key(STORAGE, "livekit", "archive"),
    "uid-of-the-storage",
    RecordingStorageSpec.model_validate({"s3": {"bucket": "media"}}),
)
SOURCES: dict[str, dict[str, Any]] = {
    "roomComposite": {},
    "participant": {"identity": "alice"},
    "trackComposite": {"identity": "alice", "audioSource": "microphone", "videoSource": "camera"},
    "track": {"identity": "alice", "source": "camera"},
    "web": {"url": "https://example.com"},
}
MICROPHONE = Track("TR_AUDIO", "microphone")
CAMERA = Track("TR_VIDEO", "camera", "video")
ALICE = Participant("alice", "PA_1", is_publisher=True, tracks=(MICROPHONE, CAMERA))
MUTE = Participant("bob", "PA_2")
AGENT = Participant("notetaker", "PA_3", ParticipantKind.AGENT, is_publisher=True, tracks=(MICROPHONE,))


def egress_participant(egress_id: str = EGRESS) -> Participant:
    """Return a worker as it is in its room."""
    return Participant(egress_id, f"PA_{egress_id}", ParticipantKind.EGRESS)


def an_egress(
    number: int = 1,
    state: EgressState = EgressState.ACTIVE,
    *,
    egress_id: str = "",
    uid: str = UID,
    **fields: Any,
) -> Egress:
    """Return the egress of an attempt, with its mark in the path of its file."""
    mark = markers.marker(uid, number)
    usual: dict[str, Any] = {"started_at": NOW - timedelta(minutes=10)}
    if not state.is_live:
        usual["ended_at"] = NOW - timedelta(seconds=1)
    return Egress(
        id=egress_id or f"EG_{number}",
        room_name=NAME,
        state=state,
        carried=Carried(paths=(f"recordings/x-{mark}.mp4",)),
        **{**usual, **fields},
    )
