"""Egress of the server in memory: what only it can be asked for. What it shares with the real one is in the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.adapters.ports import (
    LiveKitCredentialsError,
    LiveKitNobodyAnsweredError,
    LiveKitNotFoundError,
    LiveKitRejectedError,
    LiveKitUnreachableError,
)
from roomkeeper.domain.egress import Egress, EgressState, FileOutput
from roomkeeper.domain.livekit import (
    Credentials,
    ParticipantKind,
    ParticipantUpdate,
    Permission,
    RoomConfig,
    Track,
    WebhookEvent,
)
from tests.unit.livekit.egress_requests import FILE, HLS, IMAGES, S3, STREAM, WEBHOOK, a_request

CONFIG = RoomConfig(empty_timeout_seconds=300, departure_timeout_seconds=20)


class MovableClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def server(clock: MovableClock) -> InMemoryLiveKit:
    server = InMemoryLiveKit(clock)
    await server.create_room("r", CONFIG)
    server.join("r", "alice", is_publisher=True)
    return server


async def read(server: InMemoryLiveKit, egress: Egress) -> Egress:
    (found,) = await server.list_egress(egress_id=egress.id)
    return found


async def active(server: InMemoryLiveKit, *faults: EgressFault) -> Egress:
    for fault in faults:
        server.egress.fault("r", fault)
    egress = await server.start_egress(a_request(file=FILE))
    server.tick()
    server.tick()
    egress = await read(server, egress)
    assert egress.state is EgressState.ACTIVE
    return egress


async def identities(server: InMemoryLiveKit) -> list[str]:
    return [p.identity for p in await server.list_participants("r")]


async def test_each_tick_is_a_step(server: InMemoryLiveKit) -> None:
    egress = await server.start_egress(a_request(file=FILE))
    assert egress.state is EgressState.STARTING
    seen = []
    for step in range(5):
        server.tick()
        inside = egress.id in await identities(server)
        seen.append(((await read(server, egress)).state, inside))
        if step == 1:
            assert (await server.stop_egress(egress.id)).state is EgressState.ACTIVE
    assert seen == [
        (EgressState.STARTING, True),
        (EgressState.ACTIVE, True),
        (EgressState.ENDING, False),
        (EgressState.COMPLETE, False),
        (EgressState.COMPLETE, False),
    ]


async def test_a_composite_waits_until_somebody_publishes(server: InMemoryLiveKit) -> None:
    await server.create_room("quiet", CONFIG)
    server.join("quiet", "bob")
    egress = await server.start_egress(a_request(file=FILE, room_name="quiet"))
    for _ in range(100):
        server.tick()
    assert (await read(server, egress)).state is EgressState.STARTING
    server.publish("quiet", "bob", "camera")
    server.tick()
    assert (await read(server, egress)).state is EgressState.ACTIVE


async def test_an_upload_takes_as_long_as_it_is_told_to(server: InMemoryLiveKit, clock: MovableClock) -> None:
    server.egress.upload_seconds = 60
    egress = await active(server)
    await server.stop_egress(egress.id)
    server.tick()
    clock.advance(59)
    server.tick()
    assert (await read(server, egress)).state is EgressState.ENDING
    clock.advance(1)
    server.tick()
    assert (await read(server, egress)).state is EgressState.COMPLETE


async def test_who_got_which_credentials_can_be_asked(server: InMemoryLiveKit) -> None:
    request = a_request(file=FILE)
    await server.start_egress(request)
    assert server.egress.starts == [request]
    assert server.egress.starts[0].target == S3


async def test_what_was_recorded_is_told_at_the_end(server: InMemoryLiveKit, clock: MovableClock) -> None:
    request = a_request(file=FileOutput("{room_name}/{time}"), hls=HLS, images=IMAGES, stream=STREAM)
    egress = await server.start_egress(request)
    server.tick()
    server.tick()
    clock.advance(10)
    await server.stop_egress(egress.id)
    server.tick()
    server.tick()
    file, hls, images, first, second = (await read(server, egress)).results
    assert (file.type, file.filename) == ("File", "r/2026-01-01T000000.mp4")
    assert (file.location, file.duration_seconds) == (f"https://media.example/{file.filename}", 10)
    assert file.size_bytes > 0
    assert hls.playlist_location.endswith("/hls/r/rkabc-1/index.m3u8")
    assert hls.live_playlist_location.endswith("/hls/r/rkabc-1/live.m3u8")
    assert (images.filename, images.image_count) == ("images/r/rkabc-1/image", 1)
    assert [first.filename, second.filename] == ["a.example", "b.example"]
    assert first.duration_seconds == 10


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        (EgressFault.ABORT, EgressState.ABORTED, 412),
        (EgressFault.FAIL_UPLOAD, EgressState.FAILED, 400),
        (EgressFault.REACH_LIMIT, EgressState.LIMIT_REACHED, 413),
    ],
)
async def test_a_fault_ends_it_as_livekit_would(
    server: InMemoryLiveKit, fault: EgressFault, state: EgressState, code: int
) -> None:
    server.egress.fault("r", fault)
    egress = await server.start_egress(a_request(file=FILE))
    server.tick()
    server.tick()
    if fault is EgressFault.FAIL_UPLOAD:
        await server.stop_egress(egress.id)
    for _ in range(3):
        server.tick()
    ended = await read(server, egress)
    assert (ended.state, ended.error_code, ended.has_error) == (state, code, True)
    assert ended.ended_at
    assert "hunter2" not in repr(ended)
    assert await identities(server) == ["alice"]


async def test_an_egress_that_never_begins_stays_starting_until_it_is_stopped(
    server: InMemoryLiveKit, clock: MovableClock
) -> None:
    server.egress.fault("r", EgressFault.STAY_STARTING)
    egress = await server.start_egress(a_request(file=FILE))
    for _ in range(10):
        clock.advance(3600)
        server.tick()
    assert (await read(server, egress)).state is EgressState.STARTING
    await server.stop_egress(egress.id)
    server.tick()
    assert (await read(server, egress)).state is EgressState.ABORTED


async def test_a_worker_that_dies_leaves_the_room_and_a_record_for_ever(server: InMemoryLiveKit) -> None:
    egress = await active(server, EgressFault.DIE)
    server.tick()
    assert await identities(server) == ["alice"]
    await server.delete_room("r")
    for _ in range(5):
        server.tick()
    assert (await read(server, egress)).state is EgressState.ACTIVE
    assert [e.id for e in await server.list_egress(active=True)] == [egress.id]
    with pytest.raises(LiveKitNobodyAnsweredError):
        await server.stop_egress(egress.id)
    with pytest.raises(LiveKitNobodyAnsweredError):
        await server.update_stream(egress.id, add=["rtmp://c.example/live/key"])


async def test_of_one_that_died_while_it_was_ending_livekit_says_that_it_has_ended(
    server: InMemoryLiveKit,
) -> None:
    server.egress.upload_seconds = 60
    egress = await active(server)
    await server.stop_egress(egress.id)
    server.tick()
    server.egress.fault("r", EgressFault.DIE)
    server.tick()
    assert (await read(server, egress)).state is EgressState.ENDING
    with pytest.raises(LiveKitRejectedError):
        await server.stop_egress(egress.id)


async def test_a_refused_start_is_none(server: InMemoryLiveKit) -> None:
    server.egress.fault("r", EgressFault.REFUSE)
    with pytest.raises(LiveKitRejectedError):
        await server.start_egress(a_request(file=FILE))
    assert await server.list_egress() == []


async def test_a_busy_worker_starts_nothing(server: InMemoryLiveKit) -> None:
    server.egress.fault("r", EgressFault.BUSY)
    with pytest.raises(LiveKitNobodyAnsweredError):
        await server.start_egress(a_request(file=FILE))
    assert await server.list_egress() == []
    assert (await server.start_egress(a_request(file=FILE))).state is EgressState.STARTING


async def test_of_a_lost_answer_the_egress_runs_all_the_same(server: InMemoryLiveKit) -> None:
    server.egress.fault("r", EgressFault.ANSWER_LOST)
    with pytest.raises(LiveKitUnreachableError):
        await server.start_egress(a_request(file=FILE))
    server.tick()
    server.tick()
    (egress,) = await server.list_egress(room_name="r")
    assert egress.state is EgressState.ACTIVE


async def test_faults_strike_their_room_only_and_once_each(server: InMemoryLiveKit) -> None:
    await server.create_room("other", CONFIG)
    server.egress.fault("other", EgressFault.REFUSE)
    server.egress.fault("other", EgressFault.REFUSE)
    await server.start_egress(a_request(file=FILE))
    for _ in range(2):
        with pytest.raises(LiveKitRejectedError):
            await server.start_egress(a_request(file=FILE, room_name="other"))
    await server.start_egress(a_request(file=FILE, room_name="other"))


async def test_a_fault_strikes_what_runs_already(server: InMemoryLiveKit) -> None:
    egress = await active(server)
    server.egress.fault("r", EgressFault.REACH_LIMIT)
    server.tick()
    assert (await read(server, egress)).state is EgressState.LIMIT_REACHED
    assert (await active(server)).id != egress.id


async def test_who_is_waited_for_in_vain_is_not_found_after_half_a_minute(
    server: InMemoryLiveKit, clock: MovableClock
) -> None:
    track = server.publish("r", "alice", "camera")
    server.unpublish("r", "alice", track.sid)
    method = "StartTrackCompositeEgress"
    egress = await server.start_egress(a_request(method, file=FILE, audio_track="", video_track=track.sid))
    server.tick()
    clock.advance(29)
    server.tick()
    assert (await read(server, egress)).state is EgressState.STARTING
    clock.advance(1)
    server.tick()
    ended = await read(server, egress)
    assert (ended.state, ended.error_code) == (EgressState.FAILED, 404)


async def test_what_is_recorded_of_somebody_ends_when_they_take_it_away(server: InMemoryLiveKit) -> None:
    track = server.publish("r", "alice", "screen_share")
    of_track = await server.start_egress(a_request("StartTrackEgress", file=FILE, video_track=track.sid))
    of_alice = await server.start_egress(a_request("StartParticipantEgress", file=FILE))
    server.tick()
    server.tick()
    server.unpublish("r", "alice", track.sid)
    server.tick()
    assert (await read(server, of_track)).state is EgressState.ENDING
    assert (await read(server, of_alice)).state is EgressState.ACTIVE
    server.leave("r", "alice")
    server.tick()
    assert (await read(server, of_alice)).state is EgressState.ENDING


async def test_an_egress_that_is_put_out_of_the_room_ends(server: InMemoryLiveKit) -> None:
    egress = await active(server)
    await server.remove_participant("r", egress.id)
    server.tick()
    server.tick()
    assert (await read(server, egress)).state is EgressState.COMPLETE


async def test_a_room_that_was_created_anew_is_another_one(server: InMemoryLiveKit) -> None:
    egress = await active(server)
    await server.delete_room("r")
    await server.create_room("r", CONFIG)
    server.join("r", "alice", is_publisher=True)
    server.tick()
    server.tick()
    assert (await read(server, egress)).state is EgressState.COMPLETE
    assert await identities(server) == ["alice"]


async def test_a_crash_of_the_node_ends_what_was_recorded_there(server: InMemoryLiveKit) -> None:
    egress = await active(server)
    server.crash_keeping_records()
    server.tick()
    server.tick()
    assert (await read(server, egress)).state is EgressState.COMPLETE


async def test_a_wiped_server_knows_no_egress(server: InMemoryLiveKit) -> None:
    egress = await active(server)
    server.wipe()
    server.tick()
    assert await server.list_egress(egress_id=egress.id) == []
    with pytest.raises(LiveKitNotFoundError):
        await server.stop_egress(egress.id)


async def test_an_egress_worker_is_hidden_and_no_person(server: InMemoryLiveKit) -> None:
    egress = await active(server)
    (worker,) = [p for p in await server.list_participants("r") if p.identity == egress.id]
    assert worker.kind is ParticipantKind.EGRESS
    assert worker.permission == Permission(hidden=True, recorder=True)
    (room,) = await server.list_rooms(["r"])
    assert (room.num_participants, room.active_recording) == (1, True)


async def test_events_tell_the_egress_and_its_room(server: InMemoryLiveKit) -> None:
    events: list[WebhookEvent] = []
    server.on_event = events.append
    egress = await active(server)
    await server.stop_egress(egress.id)
    server.tick()
    server.tick()
    (room,) = await server.list_rooms(["r"])
    told = [event for event in events if event.egress_id]
    assert [event.event for event in told] == [
        "egress_started",
        "egress_updated",
        "egress_updated",
        "egress_ended",
    ]
    assert {(e.egress_id, e.room_name, e.room_sid) for e in told} == {(egress.id, "r", room.sid)}


async def test_without_redis_there_is_no_egress(clock: MovableClock) -> None:
    server = InMemoryLiveKit(clock, redis=False)
    await server.create_room("r", CONFIG)
    with pytest.raises(LiveKitUnreachableError):
        await server.list_egress()
    with pytest.raises(LiveKitNobodyAnsweredError):
        await server.start_egress(a_request(file=FILE))


async def test_a_webhook_without_a_key_is_refused_as_the_client_does(server: InMemoryLiveKit) -> None:
    with pytest.raises(ValueError, match="API key"):
        await server.start_egress(a_request(file=FILE, webhook_url=WEBHOOK))


async def test_calls_about_egress_are_logged_fail_and_need_credentials(server: InMemoryLiveKit) -> None:
    credentials = Credentials("key", "x" * 32)
    client = server.client(credentials)
    with pytest.raises(LiveKitCredentialsError):
        await client.start_egress(a_request(file=FILE))
    assert server.egress.starts == []
    server.accepted.add(credentials)
    server.calls.clear()
    server.fail_next("stop_egress", LiveKitUnreachableError("no"))
    egress = await client.start_egress(a_request(stream=STREAM))
    with pytest.raises(LiveKitUnreachableError):
        await client.stop_egress(egress.id)
    assert await client.list_egress(egress_id=egress.id) == [egress]
    assert await client.list_egress(room_name="r", active=True) == [egress]
    with pytest.raises(LiveKitNotFoundError):
        await client.update_layout(egress.id, "grid")
    await client.update_stream(egress.id, add=["rtmp://c.example/live/key"])
    assert server.calls == [
        ("start_egress", "r"),
        ("stop_egress", egress.id),
        ("list_egress", egress.id),
        ("list_egress", "r"),
        ("update_layout", egress.id),
        ("update_stream", egress.id),
    ]


async def test_what_somebody_may_not_publish_any_more_is_gone(server: InMemoryLiveKit) -> None:
    server.publish("r", "alice", "camera")
    only_sound = Permission(can_publish=True, can_publish_sources=frozenset({"microphone"}))
    await server.update_participant("r", "alice", ParticipantUpdate(permission=only_sound))
    (alice,) = await server.list_participants("r")
    assert [track.source for track in alice.tracks] == ["microphone"]
    with pytest.raises(LiveKitRejectedError):
        server.publish("r", "alice", "camera")


async def test_who_publishes_is_a_publisher_with_tracks(server: InMemoryLiveKit) -> None:
    events: list[WebhookEvent] = []
    server.on_event = events.append
    server.join("r", "bob")
    track = server.publish("r", "bob", "screen_share")
    assert track == Track(track.sid, "screen_share", "video")
    (bob,) = [p for p in await server.list_participants("r") if p.identity == "bob"]
    assert (bob.is_publisher, bob.tracks) == (True, (track,))
    server.unpublish("r", "bob", track.sid)
    assert [event.event for event in events] == [
        "participant_joined",
        "track_published",
        "track_unpublished",
    ]
