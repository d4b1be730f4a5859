"""The stand-in for Egress against the real LiveKit: what it does as the real worker does, and each of its faults."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from livekit import api

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.egress_standin import WORKER_BUCKET, StandinEgress
from roomkeeper.localstack.processes import Guard
from tests.integration.localstack.recorded import (
    BUCKET,
    KEY,
    Guests,
    calling,
    info_of,
    is_there,
    new_room,
    stop,
    storage,
    until,
    until_status,
    until_there,
)
from tests.integration.localstack.sockets import LOOPBACK, addresses_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(
        directory=tmp_path_factory.mktemp("stack"),
        parts=("redis", "livekit", "s3", "egress_standin"),
        webhook_url="",
    ) as stack:
        stack.s3.create_bucket(BUCKET)
        yield stack


@pytest.fixture
async def livekit(stack: LocalStack) -> AsyncIterator[api.LiveKitAPI]:
    async with calling(stack) as livekit:
        yield livekit


@pytest.fixture
def guests(stack: LocalStack) -> Iterator[Guests]:
    guard = Guard()
    guests = Guests(stack, guard)
    yield guests
    guests.leave()
    guard.close()


@pytest.fixture
async def room(livekit: api.LiveKitAPI) -> str:
    return await new_room(livekit)


def composite(
    stack: LocalStack, room: str, path: str = "{room_name}/{time}"
) -> api.RoomCompositeEgressRequest:
    file = api.EncodedFileOutput(filepath=path, s3=storage(stack, metadata={"marker": "m1"}))
    return api.RoomCompositeEgressRequest(room_name=room, layout="grid", file_outputs=[file])


async def started(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> str:
    return (await livekit.egress.start_room_composite_egress(composite(stack, room))).egress_id


async def refused(livekit: api.LiveKitAPI, request: api.RoomCompositeEgressRequest) -> api.TwirpError:
    with pytest.raises(api.TwirpError) as caught:
        await livekit.egress.start_room_composite_egress(request)
    return caught.value


def only(stack: LocalStack, room: str) -> StandinEgress:
    (egress,) = stack.egress_standin.egresses(room)
    return egress


async def tracks_of_alice(livekit: api.LiveKitAPI, room: str, count: int) -> list[str]:
    """Audio comes first. LiveKit's store learns of tracks a little later than the client does."""
    who = api.RoomParticipantIdentity(room=room, identity="alice")
    while len(tracks := (await livekit.room.get_participant(who)).tracks) < count:
        await asyncio.sleep(0.1)
    return [track.sid for track in sorted(tracks, key=lambda track: track.type)]


async def test_it_joins_the_room_under_its_egress_id_and_leaves_when_it_is_stopped(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    info = await livekit.egress.start_room_composite_egress(composite(stack, room))
    assert info.status == api.EgressStatus.EGRESS_STARTING
    await until_status(livekit, info.egress_id, "ACTIVE")
    who = api.RoomParticipantIdentity(room=room, identity=info.egress_id)
    participant = await livekit.room.get_participant(who)
    assert participant.kind == api.ParticipantInfo.Kind.EGRESS
    assert participant.permission.hidden
    await stop(livekit, info.egress_id)
    ended = await until_status(livekit, info.egress_id, "COMPLETE")
    assert ended.details == "End reason: StopEgress API"
    assert ended.started_at < ended.ended_at
    assert not ended.error
    assert not await is_there(livekit, room, info.egress_id)


async def test_what_it_uploads_has_the_key_the_credentials_and_the_metadata_it_was_given(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    request = composite(stack, room, "a b/{room_name}-{utc}-ümlaut")
    info = await livekit.egress.start_room_composite_egress(request)
    await until_status(livekit, info.egress_id, "ACTIVE")
    await stop(livekit, info.egress_id)
    (file,) = (await until_status(livekit, info.egress_id, "COMPLETE")).file_results
    assert file.filename.startswith(f"a b/{room}-2")
    assert file.filename.endswith("-ümlaut.mp4")
    assert file.location.startswith(f"{stack.s3.endpoint}/{BUCKET}/a%20b/{room}-")
    assert len(stack.s3.read(BUCKET, file.filename)) == file.size
    assert stack.s3.metadata(BUCKET, file.filename) == {"marker": "m1"}
    assert file.duration == file.ended_at - file.started_at > 0
    used = {request.access_key for request in stack.s3.requests() if room in request.path}
    assert used == {KEY}
    assert stack.s3.keys(BUCKET, "a b/") == sorted([file.filename, f"a b/{info.egress_id}.json"])


async def test_what_may_be_shown_of_a_request_is_kept_and_its_secrets_are_not(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    request = composite(stack, room)
    request.webhooks.add(url="http://127.0.0.1:9/hook", signing_key=stack.livekit.api_key)
    info = await livekit.egress.start_room_composite_egress(request)
    shown = (await info_of(livekit, info.egress_id)).room_composite
    assert shown.file_outputs[0].s3.access_key == "{access_key}"
    assert shown.file_outputs[0].filepath == "{room_name}/{time}"
    egress = only(stack, room)
    assert egress.id == info.egress_id
    assert egress.kind == "room_composite"
    asked = egress.request["roomComposite"]
    assert asked["fileOutputs"][0]["s3"]["metadata"] == {"marker": "m1"}
    assert asked["webhooks"][0]["url"] == "http://127.0.0.1:9/hook"
    assert "secret-of-the-request" not in str(egress.request)
    await stop(livekit, info.egress_id)


async def test_it_ends_with_its_room(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    await livekit.room.delete_room(api.DeleteRoomRequest(room=room))
    ended = await until_status(livekit, egress_id, "COMPLETE")
    assert ended.details == "End reason: Source closed"
    assert stack.s3.keys(BUCKET, f"{room}/")


async def test_it_ends_when_it_is_removed_from_its_room(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    await livekit.room.remove_participant(api.RoomParticipantIdentity(room=room, identity=egress_id))
    assert (await until_status(livekit, egress_id, "COMPLETE")).details == "End reason: Source closed"


async def test_the_layout_is_the_metadata_of_its_participant(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    await livekit.egress.update_layout(api.UpdateLayoutRequest(egress_id=egress_id, layout="speaker"))
    who = api.RoomParticipantIdentity(room=room, identity=egress_id)
    assert (await livekit.room.get_participant(who)).metadata == '{"layout":"speaker"}'
    await stop(livekit, egress_id)


async def test_how_stop_answers_while_it_runs_and_afterwards(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    assert (await stop(livekit, egress_id)).egress_id == egress_id
    await until_status(livekit, egress_id, "COMPLETE")
    with pytest.raises(api.TwirpError) as ended:
        await stop(livekit, egress_id)
    assert ended.value.status == 412
    with pytest.raises(api.TwirpError) as unknown:
        await stop(livekit, "EG_unknown")
    assert unknown.value.status == 404


async def test_a_playlist_and_images_are_uploaded_under_their_names(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    request = api.RoomCompositeEgressRequest(
        room_name=room,
        segment_outputs=[
            api.SegmentedFileOutput(
                filename_prefix=f"{room}/hls/segment",
                playlist_name=f"{room}/hls/index.m3u8",
                live_playlist_name="live.m3u8",
                disable_manifest=True,
                s3=storage(stack),
            )
        ],
        image_outputs=[api.ImageOutput(filename_prefix="{room_name}/still", s3=storage(stack))],
    )
    request.segment_outputs[0].live_playlist_name = f"{room}/hls/live.m3u8"
    info = await livekit.egress.start_room_composite_egress(request)
    await until_status(livekit, info.egress_id, "ACTIVE")
    await stop(livekit, info.egress_id)
    ended = await until_status(livekit, info.egress_id, "COMPLETE")
    names = ["hls/index.m3u8", "hls/live.m3u8", "hls/segment_00000.ts", "still_00000.jpeg"]
    assert stack.s3.keys(BUCKET, f"{room}/") == sorted(
        f"{room}/{name}" for name in (*names, f"{info.egress_id}.json")
    )
    (segments,), (images,) = ended.segment_results, ended.image_results
    assert segments.playlist_name == f"{room}/hls/index.m3u8"
    assert segments.playlist_location == f"{stack.s3.endpoint}/{BUCKET}/{segments.playlist_name}"
    assert segments.segment_count == images.image_count == 1
    assert images.filename_prefix == f"{room}/still"


async def test_streams_come_and_go_without_their_keys_and_the_last_ends_it(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    first, second = "rtmp://127.0.0.1/live/first-stream-key", "rtmp://127.0.0.1/live/second-stream-key"
    request = api.RoomCompositeEgressRequest(room_name=room, stream_outputs=[api.StreamOutput(urls=[first])])
    egress_id = (await livekit.egress.start_room_composite_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE")
    change = api.UpdateStreamRequest(
        egress_id=egress_id, add_output_urls=[second], remove_output_urls=[first]
    )
    await livekit.egress.update_stream(change)
    both = await until(livekit, egress_id, lambda info: len(info.stream_results) == 2)
    assert [stream.url for stream in both.stream_results] == [
        "rtmp://127.0.0.1/live/{fir...key}",
        "rtmp://127.0.0.1/live/{sec...key}",
    ]
    assert [stream.status for stream in both.stream_results] == [1, 0]  # FINISHED, ACTIVE
    await livekit.egress.update_stream(
        api.UpdateStreamRequest(egress_id=egress_id, remove_output_urls=[second])
    )
    ended = await until_status(livekit, egress_id, "COMPLETE")
    assert ended.details == "End reason: All streams stopped"


async def test_a_stream_is_not_added_to_a_file(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    with pytest.raises(api.TwirpError) as caught:
        await livekit.egress.update_stream(
            api.UpdateStreamRequest(egress_id=egress_id, add_output_urls=["rtmp://127.0.0.1/live/key"])
        )
    assert caught.value.status == 400
    await stop(livekit, egress_id)


async def test_a_web_page_is_recorded_without_a_room(stack: LocalStack, livekit: api.LiveKitAPI) -> None:
    url = "http://127.0.0.1:9/a-page"
    request = api.WebEgressRequest(
        url=url, file_outputs=[api.EncodedFileOutput(filepath="web/{time}.mp4", s3=storage(stack))]
    )
    egress_id = (await livekit.egress.start_web_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE")
    await stop(livekit, egress_id)
    await until_status(livekit, egress_id, "COMPLETE")
    assert only(stack, url).kind == "web"


async def test_without_a_storage_it_uses_the_workers_own(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    output = api.EncodedFileOutput(filepath="{room_name}.mp4")
    request = api.RoomCompositeEgressRequest(room_name=room, file_outputs=[output])
    egress_id = (await livekit.egress.start_room_composite_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE")
    await stop(livekit, egress_id)
    await until_status(livekit, egress_id, "COMPLETE")
    assert stack.s3.keys(WORKER_BUCKET, room) == [f"{room}.mp4"]
    used = {request.access_key for request in stack.s3.requests() if room in request.path}
    assert used == {stack.egress_standin.worker_access_key}


async def test_a_bucket_that_is_not_there_fails_it(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    output = api.EncodedFileOutput(filepath="x.mp4", s3=storage(stack, bucket="missing"))
    request = api.RoomCompositeEgressRequest(room_name=room, file_outputs=[output])
    egress_id = (await livekit.egress.start_room_composite_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE")
    await stop(livekit, egress_id)
    failed = await until_status(livekit, egress_id, "FAILED")
    assert failed.error_code == 400
    assert "S3 upload failed" in failed.error
    assert "NoSuchBucket" in failed.error


async def test_a_participant_is_waited_for_and_it_ends_when_they_leave(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, guests: Guests
) -> None:
    output = api.EncodedFileOutput(filepath="{room_name}/{publisher_identity}.mp4", s3=storage(stack))
    request = api.ParticipantEgressRequest(room_name=room, identity="alice", file_outputs=[output])
    egress_id = (await livekit.egress.start_participant_egress(request)).egress_id
    await until_there(livekit, room, egress_id)
    assert (await info_of(livekit, egress_id)).status == api.EgressStatus.EGRESS_STARTING
    guests.join(room)
    await until_status(livekit, egress_id, "ACTIVE")
    guests.leave()
    ended = await until_status(livekit, egress_id, "COMPLETE")
    assert ended.details == "End reason: Source closed"
    assert ended.file_results[0].filename == f"{room}/alice.mp4"


async def test_tracks_name_their_files_and_end_when_they_are_gone(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, guests: Guests
) -> None:
    guests.join(room, tone=True, picture=True)
    audio, video = await tracks_of_alice(livekit, room, 2)
    direct = api.DirectFileOutput(filepath="{room_name}/{track_type}-{track_source}", s3=storage(stack))
    one = await livekit.egress.start_track_egress(
        api.TrackEgressRequest(room_name=room, track_id=audio, file=direct)
    )
    output = api.EncodedFileOutput(filepath="{room_name}/{publisher_identity}", s3=storage(stack))
    both = await livekit.egress.start_track_composite_egress(
        api.TrackCompositeEgressRequest(
            room_name=room, audio_track_id=audio, video_track_id=video, file_outputs=[output]
        )
    )
    for info in (one, both):
        await until_status(livekit, info.egress_id, "ACTIVE")
    guests.leave()
    names = [
        (await until_status(livekit, info.egress_id, "COMPLETE")).file_results[0].filename
        for info in (one, both)
    ]
    assert names == [f"{room}/audio-microphone.ogg", f"{room}/alice.mp4"]
    assert set(names) < set(stack.s3.keys(BUCKET, f"{room}/"))


async def test_a_track_that_is_not_there_fails_it(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    direct = api.DirectFileOutput(filepath="x", s3=storage(stack))
    request = api.TrackEgressRequest(room_name=room, track_id="TR_unknown", file=direct)
    egress_id = (await livekit.egress.start_track_egress(request)).egress_id
    failed = await until_status(livekit, egress_id, "FAILED", patience=40)
    assert (failed.error, failed.error_code) == ("track TR_unknown not found", 404)


async def test_a_websocket_takes_one_track(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, guests: Guests
) -> None:
    guests.join(room, tone=True)
    (track,) = await tracks_of_alice(livekit, room, 1)
    url = "ws://127.0.0.1:9/socket"
    request = api.TrackEgressRequest(room_name=room, track_id=track, websocket_url=url)
    egress_id = (await livekit.egress.start_track_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE")
    await stop(livekit, egress_id)
    (stream,) = (await until_status(livekit, egress_id, "COMPLETE")).stream_results
    assert (stream.url, stream.status) == (url, 1)  # FINISHED


async def test_the_second_api_is_refused_as_by_old_workers(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    with pytest.raises(api.TwirpError) as caught:
        await livekit.egress.start_egress(api.StartEgressRequest(room_name=room))
    assert caught.value.status == 400
    assert only(stack, room).status == ""


def test_it_and_the_s3_listen_on_loopback_alone(stack: LocalStack) -> None:
    for part in (stack.egress_standin, stack.s3):
        assert addresses_of(part.pid) == {LOOPBACK}


async def test_refuse(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "refuse")
    assert (await refused(livekit, composite(stack, room))).status == 400
    egress_id = await started(stack, livekit, room)
    first, second = stack.egress_standin.egresses(room)
    assert (first.fault, first.started, first.running) == ("refuse", None, False)
    assert (second.fault, second.id) == ("", egress_id)
    await stop(livekit, egress_id)


async def test_busy(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "busy")
    error = await refused(livekit, composite(stack, room))
    assert error.status == 503
    assert only(stack, room).started is None


async def test_a_late_answer(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "answer_late", seconds=12)
    began = time.monotonic()
    waiting = asyncio.ensure_future(livekit.egress.start_room_composite_egress(composite(stack, room)))
    while not stack.egress_standin.egresses(room):
        await asyncio.sleep(0.1)
    egress_id = only(stack, room).id
    await until_status(livekit, egress_id, "ACTIVE")
    assert not waiting.done()
    assert (await waiting).egress_id == egress_id
    assert time.monotonic() - began > 12
    await stop(livekit, egress_id)


@pytest.mark.parametrize(("fault", "status"), [("answer_failed", 500), ("answer_unavailable", 503)])
async def test_an_answer_that_fails_though_it_started(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, fault: str, status: int
) -> None:
    stack.egress_standin.fault(room, fault)  # type: ignore[arg-type]
    assert (await refused(livekit, composite(stack, room))).status == status
    egress_id = only(stack, room).id
    await until_status(livekit, egress_id, "ACTIVE")
    assert only(stack, room).running
    await stop(livekit, egress_id)


async def test_an_answer_that_is_lost(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "answer_lost")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(15):
            await livekit.egress.start_room_composite_egress(composite(stack, room))
    egress_id = only(stack, room).id
    await until_status(livekit, egress_id, "ACTIVE")
    await stop(livekit, egress_id)


async def test_die(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    stack.egress_standin.fault(room, "die")
    # As after a crash: LiveKit gives it the time to come back.
    await until_there(livekit, room, egress_id, there=False, patience=40)
    egress = only(stack, room)
    assert not egress.running
    assert egress.ended is not None
    assert (await info_of(livekit, egress_id)).status == api.EgressStatus.EGRESS_ACTIVE
    with pytest.raises(api.TwirpError) as caught:
        await stop(livekit, egress_id)
    assert caught.value.status == 408
    assert not stack.s3.keys(BUCKET, f"{room}/")


async def test_a_failed_upload(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "fail_upload")
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    await stop(livekit, egress_id)
    failed = await until_status(livekit, egress_id, "FAILED")
    assert failed.error_code == 400
    assert failed.ended_at
    assert not failed.file_results[0].location
    assert not stack.s3.keys(BUCKET, f"{room}/")


async def test_staying_in_starting(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "stay_starting")
    egress_id = await started(stack, livekit, room)
    await until_there(livekit, room, egress_id)
    assert (await info_of(livekit, egress_id)).status == api.EgressStatus.EGRESS_STARTING
    await stop(livekit, egress_id)
    aborted = await until_status(livekit, egress_id, "ABORTED")
    assert (aborted.error, aborted.error_code) == ("Start signal not received", 412)


async def test_abort(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "abort")
    aborted = await until_status(livekit, await started(stack, livekit, room), "ABORTED")
    assert (aborted.error, aborted.error_code) == ("Start signal not received", 412)


async def test_reaching_the_limit(stack: LocalStack, livekit: api.LiveKitAPI, room: str) -> None:
    stack.egress_standin.fault(room, "reach_limit", seconds=0.5)
    ended = await until_status(livekit, await started(stack, livekit, room), "LIMIT_REACHED")
    assert (ended.error, ended.error_code) == ("Session limit reached", 413)
    assert ended.details == "End reason: Session limit reached"
    assert ended.file_results[0].duration >= 0.5e9
    assert ended.file_results[0].location


async def test_faults_are_of_one_room_and_as_many_as_were_armed(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    other = await new_room(livekit)
    stack.egress_standin.fault(room, "refuse", times=2)
    untouched = await started(stack, livekit, other)
    for _ in range(2):
        assert (await refused(livekit, composite(stack, room))).status == 400
    stack.egress_standin.fault(room, "refuse")
    stack.egress_standin.clear_faults(room)
    egress_id = await started(stack, livekit, room)
    assert not only(stack, other).fault
    for started_id in (untouched, egress_id):
        await stop(livekit, started_id)


async def test_it_ends_cleanly_and_comes_back_with_the_servers_new_secret(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str
) -> None:
    egress_id = await started(stack, livekit, room)
    await until_status(livekit, egress_id, "ACTIVE")
    stack.egress_standin.stop()
    assert (await info_of(livekit, egress_id)).details == "End reason: Process killed"
    assert (await info_of(livekit, egress_id)).status == api.EgressStatus.EGRESS_COMPLETE
    stack.livekit.restart(api_secret="another-secret-of-at-least-32-characters")
    stack.egress_standin.start()
    async with calling(stack) as anew:
        again = await started(stack, anew, await new_room(anew))
        await until_status(anew, again, "ACTIVE")
        await stop(anew, again)
