"""What is told of egress: the same test body in memory, and on the real server with a stand-in worker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.adapters.ports import (
    LiveKitNotFoundError,
)
from roomkeeper.domain.egress import EgressState
from roomkeeper.domain.livekit import ParticipantKind
from tests.integration.livekit.egresses import (
    CONFIG,
    alice,
    is_inside,
    open_room,
    read,
    running,
    running_elsewhere,
    stopped,
    until,
)
from tests.integration.livekit.servers import ACCESS_KEY, SECRET
from tests.unit.livekit.egress_requests import (
    FILE,
    HLS,
    IMAGES,
    MARKER,
    SOURCES,
    STREAM,
    WEBHOOK,
    a_request,
    each_output,
)

if TYPE_CHECKING:
    from roomkeeper.domain.egress import EgressRequest
    from tests.integration.livekit.servers import Server


async def test_a_recording_from_its_start_to_its_end(server: Server) -> None:
    name = await open_room(server, "microphone")
    started = await server.api.start_egress(a_request(room_name=name, file=FILE, target=server.target()))
    assert started.id.startswith("EG_")
    assert (started.room_name, started.state) == (name, EgressState.STARTING)
    assert started.recording_since is None
    active = await until(server, started, EgressState.ACTIVE)
    assert active.started_at
    assert active.recording_since
    assert active.changed_at
    assert active.started_at <= active.recording_since <= active.changed_at
    assert active.ended_at is None
    assert abs(active.started_at - datetime.now(UTC)) < timedelta(minutes=2)
    told = await server.api.stop_egress(started.id)
    assert told.id == started.id
    assert told.state in (EgressState.ACTIVE, EgressState.ENDING)
    ended = await until(server, started, EgressState.COMPLETE)
    assert ended.ended_at
    assert ended.ended_at >= active.started_at
    assert ended.changed_at == ended.ended_at
    assert ended.recording_since == active.recording_since
    assert (ended.has_error, ended.error_code, ended.backup_storage_used) == (False, 0, False)
    (result,) = ended.results
    assert (result.type, result.filename) == ("File", f"{FILE.path}.mp4")
    assert result.location.endswith(f"/{FILE.path}.mp4")
    assert result.size_bytes > 0
    assert result.duration_seconds > 0
    for shown in (started, active, told, ended):
        assert SECRET not in repr(shown)
        assert ACCESS_KEY not in repr(shown)


async def test_a_worker_is_in_the_room_as_long_as_it_records_and_counts_for_nobody(server: Server) -> None:
    egress = await running(server)
    (worker,) = [p for p in await server.api.list_participants(egress.room_name) if p.identity == egress.id]
    assert worker.kind is ParticipantKind.EGRESS
    assert worker.permission.hidden
    assert worker.tracks == ()

    async def is_recorded() -> bool:
        (room,) = await server.api.list_rooms([egress.room_name])
        return room.active_recording and room.num_participants == 1

    await server.until(is_recorded)
    await stopped(server, egress)

    async def has_left() -> bool:
        return not await is_inside(server, egress)

    await server.until(has_left)


@pytest.mark.parametrize("method", SOURCES)
async def test_the_marker_of_each_output_of_each_source_is_shown_again(server: Server, method: str) -> None:
    name = await open_room(server, "microphone", "camera")
    tracks = {track.kind: track.sid for track in (await alice(server, name)).tracks}

    def fitted(request: EgressRequest) -> EgressRequest:
        if request.source.web:
            return replace(request, target=server.target())
        return replace(
            request,
            room_name=name,
            target=server.target(),
            audio_track=request.audio_track and tracks["audio"],
            video_track=request.video_track and tracks["video"],
        )

    for output, request in each_output(method):
        asked = fitted(request)
        egress = await server.api.start_egress(asked)
        count = {"all": 3, "stream": 0, "websocket": 0}.get(output, 1)
        for shown in (egress, await read(server, egress)):
            assert shown.room_name == asked.room_name
            assert len(shown.carried.paths) == count
            assert all(MARKER in path for path in shown.carried.paths)
            assert shown.carried.metadata == ({"roomkeeper-marker": MARKER},) * count
            assert "secret" not in repr(shown)
        await until(server, egress, EgressState.ACTIVE)
        ended = await stopped(server, egress)
        kinds = [result.type for result in ended.results]
        expected = {"file": ["File"], "hls": ["HLS"], "images": ["Images"], "websocket": ["Stream"]}
        expected |= {"stream": ["Stream"] * 2, "all": ["File", "HLS", "Images", "Stream", "Stream"]}
        assert kinds == expected[output]


async def test_results_of_playlists_images_and_streams(server: Server) -> None:
    egress = await running(server, hls=HLS, images=IMAGES, stream=STREAM)
    assert egress.recording_since
    hls, images, first, second = (await stopped(server, egress)).results
    assert hls.filename == f"hls/r/{MARKER}/index.m3u8"
    assert hls.playlist_location.endswith(f"/hls/r/{MARKER}/index.m3u8")
    assert hls.live_playlist_location.endswith(f"/hls/r/{MARKER}/live.m3u8")
    assert hls.segment_count > 0
    assert hls.duration_seconds > 0
    assert images.filename == IMAGES.prefix
    assert images.image_count > 0
    assert {first.filename, second.filename} == {"a.example", "b.example"}


async def test_the_webhook_of_one_egress_is_shown_again(server: Server) -> None:
    name = await open_room(server)

    async def is_told() -> bool:
        return bool(server.events)

    await server.until(is_told)
    key = server.events[0].api_key
    egress = await server.api.start_egress(
        a_request(room_name=name, stream=STREAM, webhook_url=WEBHOOK, signing_key=key)
    )
    assert egress.carried.webhooks == (WEBHOOK,)
    assert (await read(server, egress)).carried == egress.carried


async def test_egress_is_listed_by_id_by_room_and_by_whether_it_runs(server: Server) -> None:
    first, other = await running(server), await running_elsewhere(server)
    again = await server.api.start_egress(a_request(room_name=first.room_name, file=FILE))
    api, name = server.api, first.room_name
    assert {e.id for e in await api.list_egress(room_name=name)} == {first.id, again.id}
    assert {first.id, again.id, other.id} <= {e.id for e in await api.list_egress(active=True)}
    await stopped(server, first)
    assert {e.id for e in await api.list_egress(room_name=name)} == {first.id, again.id}
    assert [e.id for e in await api.list_egress(room_name=name, active=True)] == [again.id]
    assert first.id not in {e.id for e in await api.list_egress(active=True)}
    assert {first.id, again.id, other.id} <= {e.id for e in await api.list_egress()}
    # With an id, nothing else counts.
    assert [e.id for e in await api.list_egress(egress_id=first.id, active=True)] == [first.id]


async def test_a_web_page_has_no_room(server: Server) -> None:
    egress = await running_elsewhere(server)
    assert egress.room_name == ""
    ended = await stopped(server, egress)
    assert [result.type for result in ended.results] == ["File"]


async def test_an_id_that_is_not_there(server: Server) -> None:
    assert await server.api.list_egress(egress_id="EG_nobody") == []
    for call in (
        server.api.stop_egress("EG_nobody"),
        server.api.update_layout("EG_nobody", "grid"),
        server.api.update_stream("EG_nobody", add=["rtmp://a.example/live/key"]),
    ):
        with pytest.raises(LiveKitNotFoundError):
            await call


async def test_a_room_that_nothing_was_recorded_of_has_no_egress(server: Server) -> None:
    name = server.room_name()
    assert await server.api.list_egress(room_name=name) == []
    await server.api.create_room(name, CONFIG)
    assert await server.api.list_egress(room_name=name) == []


async def test_the_life_of_an_egress_is_told_in_events(server: Server) -> None:
    egress = await running(server)
    await stopped(server, egress)

    async def is_told() -> bool:
        return any(event.event == "egress_ended" for event in server.events)

    await server.until(is_told)
    told = [event for event in server.events if event.egress_id]
    assert [event.event for event in told] == [
        "egress_started",
        "egress_updated",
        "egress_updated",
        "egress_ended",
    ]
    (room,) = await server.api.list_rooms([egress.room_name])
    assert {(e.egress_id, e.room_name, e.room_sid) for e in told} == {(egress.id, egress.room_name, room.sid)}


@pytest.mark.parametrize(
    ("source", "kind"), [("microphone", "audio"), ("camera", "video"), ("screen_share", "video")]
)
async def test_what_somebody_publishes_is_listed(server: Server, source: str, kind: str) -> None:
    name = await open_room(server, source)
    (track,) = (await alice(server, name)).tracks
    assert track.sid.startswith("TR_")
    assert (track.source, track.kind) == (source, kind)
