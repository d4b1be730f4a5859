from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models
from livekit.protocol import room as pb

from roomkeeper.adapters.livekit import convert
from roomkeeper.domain.livekit import LiveRoom, Participant, ParticipantKind, Permission, RoomConfig, Track


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
    room = convert.live_room(models.Room(sid="RM_1", name="r", creation_time=1_700_000_000))
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


def test_a_participant_is_taken_over_with_what_it_may_do() -> None:
    info = models.ParticipantInfo(
        identity="alice",
        sid="PA_1",
        is_publisher=True,
        name="Alice",
        metadata="{}",
        attributes={"team": "a"},
        permission=models.ParticipantPermission(
            can_publish=True,
            can_publish_sources=[models.TrackSource.SCREEN_SHARE, models.TrackSource.CAMERA],
            can_update_metadata=True,
            hidden=True,
        ),
        tracks=[
            models.TrackInfo(
                sid="TR_1", type=models.TrackType.VIDEO, source=models.TrackSource.SCREEN_SHARE, muted=True
            )
        ],
    )
    assert convert.participant(info) == Participant(
        identity="alice",
        sid="PA_1",
        is_publisher=True,
        name="Alice",
        metadata="{}",
        attributes={"team": "a"},
        permission=Permission(
            can_subscribe=False,
            can_publish=True,
            can_publish_sources=frozenset({"camera", "screen_share"}),
            can_update_metadata=True,
            hidden=True,
        ),
        tracks=(Track("TR_1", "screen_share", "video"),),
    )


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        (models.TrackSource.CAMERA, models.TrackType.VIDEO, Track("TR_1", "camera", "video")),
        (models.TrackSource.MICROPHONE, models.TrackType.AUDIO, Track("TR_1", "microphone", "audio")),
        (
            models.TrackSource.SCREEN_SHARE_AUDIO,
            models.TrackType.AUDIO,
            Track("TR_1", "screen_share_audio", "audio"),
        ),
        (models.TrackSource.UNKNOWN, models.TrackType.DATA, Track("TR_1", "unknown", "data")),
        (99, 99, Track("TR_1", "unknown", "data")),
    ],
)
def test_a_track_is_known_by_its_source_and_kind(source: int, kind: int, expected: Track) -> None:
    info = models.TrackInfo(sid="TR_1")
    info.source, info.type = source, kind
    assert convert.track(info) == expected


permissions = st.builds(
    Permission,
    can_publish_sources=st.frozensets(
        st.sampled_from(["camera", "microphone", "screen_share", "screen_share_audio"])
    ),
    **{name: st.booleans() for name in Permission.__dataclass_fields__ if name != "can_publish_sources"},
)


@given(permissions)
def test_a_permission_survives_the_way_there_and_back(permission: Permission) -> None:
    assert convert.permission(convert.to_permission(permission)) == permission


def test_a_source_that_is_new_to_us_does_not_turn_some_into_all() -> None:
    message = models.ParticipantPermission()
    message.MergeFromString(b"\x48\x63")  # field 9, can_publish_sources: 99
    assert convert.permission(message).can_publish_sources == {"unknown"}


@pytest.mark.parametrize("room", [models.Room(), models.Room(name="r"), models.Room(sid="RM_1")])
def test_a_room_without_a_name_or_a_session_is_none(room: models.Room) -> None:
    """What is not LiveKit's at all may read as protobuf of fields that nobody knows."""
    with pytest.raises(ValueError, match="no room"):
        convert.live_room(room)
    with pytest.raises(ValueError, match="no room"):
        convert.live_rooms(pb.ListRoomsResponse(rooms=[room]))
