"""What a changed permission means to somebody who is connected: only real clients and the real server can show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from livekit import api
from livekit.protocol import room as pb

from roomkeeper.domain.livekit import ParticipantUpdate, Permission, RoomConfig

if TYPE_CHECKING:
    from tests.integration.livekit.servers import RealServer

pytestmark = pytest.mark.stack

CONFIG = RoomConfig(empty_timeout_seconds=600, departure_timeout_seconds=60)
CAMERA_ONLY = Permission(can_publish=True, can_publish_sources=frozenset({"camera"}))


async def published(real: RealServer, name: str) -> list[str]:
    """Return the sources of all tracks in the room."""
    async with api.LiveKitAPI(real.url, real.credentials.api_key, real.credentials.api_secret) as client:
        answer = await client.room.list_participants(pb.ListParticipantsRequest(room=name))
    tracks = [track for participant in answer.participants for track in participant.tracks]
    return sorted(api.TrackSource.Name(track.source) for track in tracks)


async def test_a_viewer_who_is_promoted_publishes_without_rejoining(real: RealServer) -> None:
    name = real.room_name()
    await real.api.create_room(name, CONFIG)
    client = await real.connect(name, "alice", real.token(name, "alice", canPublish=False))
    (before,) = await real.api.list_participants(name)
    assert not await client.publish()
    await real.api.update_participant(
        name, "alice", ParticipantUpdate(permission=Permission(can_publish=True))
    )
    assert await client.publish()

    async def is_heard() -> bool:
        return await published(real, name) == ["MICROPHONE"]

    await real.until(is_heard)
    (after,) = await real.api.list_participants(name)
    assert (after.sid, after.is_publisher) == (before.sid, True)


async def test_who_may_publish_a_camera_may_publish_no_microphone(real: RealServer) -> None:
    name = real.room_name()
    await real.api.create_room(name, CONFIG)
    token = real.token(name, "alice", canPublish=True, canPublishSources=["camera"])
    client = await real.connect(name, "alice", token)
    assert not await client.publish("microphone")
    assert await client.publish("camera")


async def test_a_source_that_is_taken_away_ends_its_track_and_no_other_and_stays_away(
    real: RealServer,
) -> None:
    name = real.room_name()
    await real.api.create_room(name, CONFIG)
    client = await real.connect(name, "alice", real.token(name, "alice", canPublish=True))
    assert await client.publish("microphone")
    assert await client.publish("camera")

    async def are_both_published() -> bool:
        return await published(real, name) == ["CAMERA", "MICROPHONE"]

    await real.until(are_both_published)
    await real.api.update_participant(name, "alice", ParticipantUpdate(permission=CAMERA_ONLY))

    async def is_silent() -> bool:
        return await published(real, name) == ["CAMERA"]

    await real.until(is_silent)
    assert not await client.publish("microphone")
    assert await published(real, name) == ["CAMERA"]


async def test_who_is_demoted_is_no_publisher_any_more(real: RealServer) -> None:
    name = real.room_name()
    await real.api.create_room(name, CONFIG)
    client = await real.connect(name, "alice", real.token(name, "alice", canPublish=True))
    assert await client.publish()

    async def is_heard() -> bool:
        return await published(real, name) == ["MICROPHONE"]

    await real.until(is_heard)
    await real.api.update_participant(name, "alice", ParticipantUpdate(permission=Permission()))

    async def is_silent() -> bool:
        return await published(real, name) == []

    await real.until(is_silent)
    assert [p.is_publisher for p in await real.api.list_participants(name)] == [False]
    assert not await client.publish()


async def test_who_is_removed_can_rejoin_with_the_same_token(real: RealServer) -> None:
    name = real.room_name()
    await real.api.create_room(name, CONFIG)
    token = real.token(name, "alice", canPublish=True)
    await real.connect(name, "alice", token)
    await real.api.remove_participant(name, "alice")
    assert await real.api.list_participants(name) == []
    again = await real.connect(name, "alice", token)
    assert await again.publish()
