from __future__ import annotations

from datetime import UTC, datetime

import pytest
from livekit.protocol import models

from roomkeeper.adapters.livekit import convert
from roomkeeper.domain.livekit import LiveRoom, ParticipantKind, RoomConfig


def test_a_room_is_taken_over_without_its_turn_password() -> None:
    room = convert.live_room(
        models.Room(
            sid="RM_1",
            name="r",
            empty_timeout=300,
            departure_timeout=20,
            max_participants=50,
            creation_time=1_700_000_000,
            creation_time_ms=1_700_000_000_125,
            turn_password="hush",
            metadata='{"topic": "standup"}',
            num_participants=3,
            num_publishers=2,
            active_recording=True,
        )
    )
    assert room == LiveRoom(
        name="r",
        sid="RM_1",
        created_at=datetime(2023, 11, 14, 22, 13, 20, 125_000, tzinfo=UTC),
        config=RoomConfig(300, 20, 50),
        metadata='{"topic": "standup"}',
        num_participants=3,
        num_publishers=2,
        active_recording=True,
    )
    assert "hush" not in repr(room)


def test_an_older_server_tells_the_creation_in_seconds() -> None:
    room = convert.live_room(models.Room(creation_time=1_700_000_000))
    assert room.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        (models.ParticipantInfo(), ParticipantKind.PERSON),
        (models.ParticipantInfo(kind=models.ParticipantInfo.SIP), ParticipantKind.PERSON),
        (models.ParticipantInfo(kind=models.ParticipantInfo.INGRESS), ParticipantKind.PERSON),
        (models.ParticipantInfo(kind=models.ParticipantInfo.CONNECTOR), ParticipantKind.PERSON),
        (models.ParticipantInfo(kind=models.ParticipantInfo.AGENT), ParticipantKind.AGENT),
        (models.ParticipantInfo(kind=models.ParticipantInfo.EGRESS), ParticipantKind.EGRESS),
        (
            models.ParticipantInfo(permission=models.ParticipantPermission(recorder=True)),
            ParticipantKind.EGRESS,
        ),
        (models.ParticipantInfo(permission=models.ParticipantPermission(agent=True)), ParticipantKind.AGENT),
    ],
)
def test_agents_and_recorders_are_not_people(info: models.ParticipantInfo, kind: ParticipantKind) -> None:
    assert convert.participant(info).kind is kind
