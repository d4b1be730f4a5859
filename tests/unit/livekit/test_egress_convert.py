from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import egress as pb
from livekit.protocol import models

from roomkeeper.adapters.livekit import egress_convert
from roomkeeper.adapters.livekit.egress_request import to_start
from roomkeeper.domain.egress import Carried, Egress, EgressRequest, EgressResult, EgressState, S3Target
from tests.unit.livekit.egress_requests import EACH, FILE, HLS, IDS, MARKER, WEBHOOK, a_request

SECOND = 1_000_000_000
FIELDS = {
    "StartRoomCompositeEgress": "room_composite",
    "StartParticipantEgress": "participant",
    "StartTrackCompositeEgress": "track_composite",
    "StartTrackEgress": "track",
    "StartWebEgress": "web",
}
LARGEST, SMALLEST = 2**63 - 1, -(2**63)


def echoed(request: EgressRequest) -> pb.EgressInfo:
    """Return what LiveKit shows of the request."""
    method, message = to_start(request)
    return pb.EgressInfo(egress_id="EG_1", **{FIELDS[method]: message})


def test_an_egress_is_taken_over_without_the_text_of_its_error() -> None:
    info = pb.EgressInfo(
        egress_id="EG_1",
        room_id="RM_1",
        room_name="r",
        status=pb.EgressStatus.EGRESS_FAILED,
        started_at=1_700_000_000_125_000_999,
        ended_at=1_700_000_060 * SECOND,
        error="S3 upload failed: hunter2",
        error_code=400,
        details="End reason: hunter2",
        backup_storage_used=True,
    )
    egress = egress_convert.egress(info)
    assert egress == Egress(
        id="EG_1",
        room_name="r",
        state=EgressState.FAILED,
        room_sid="RM_1",
        started_at=datetime(2023, 11, 14, 22, 13, 20, 125_000, tzinfo=UTC),
        ended_at=datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC),
        error_code=400,
        has_error=True,
        backup_storage_used=True,
    )
    assert "hunter2" not in repr(egress)


NO_IDS = ["", "EG_1\n", "EG_1; reboot", "EG_1\x00", "-rf", "EG 1", "EG_é", "E" * 65]


@pytest.mark.parametrize("egress_id", NO_IDS)
def test_an_id_that_nobody_can_write_down_is_none_of_livekits(egress_id: str) -> None:
    """It stands in status, in the log, and in a command that people are told to type."""
    with pytest.raises(ValueError, match="egress id"):
        egress_convert.one(pb.EgressInfo(egress_id=egress_id))
    listed = pb.ListEgressResponse(items=[pb.EgressInfo(egress_id=each) for each in (egress_id, "EG_1")])
    assert [egress.id for egress in egress_convert.egresses(listed)] == ["EG_1"]


def test_what_livekit_does_not_tell_is_empty() -> None:
    assert egress_convert.egress(pb.EgressInfo(egress_id="EG_1")) == Egress(
        id="EG_1", room_name="", state=EgressState.STARTING
    )


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (0, EgressState.STARTING),
        (1, EgressState.ACTIVE),
        (2, EgressState.ENDING),
        (3, EgressState.COMPLETE),
        (4, EgressState.FAILED),
        (5, EgressState.ABORTED),
        (6, EgressState.LIMIT_REACHED),
        (7, EgressState.FAILED),
        (2**31 - 1, EgressState.FAILED),
    ],
)
def test_each_status_is_known_and_one_that_is_new_has_failed(number: int, state: EgressState) -> None:
    info = pb.EgressInfo()
    info.status = number
    assert egress_convert.egress(info).state is state


def test_every_status_of_the_sdk_is_in_the_table() -> None:
    for name, number in pb.EgressStatus.items():
        info = pb.EgressInfo()
        info.status = number
        expected = name.removeprefix("EGRESS_").replace("_", "").lower()
        assert egress_convert.egress(info).state.lower() == expected


@pytest.mark.parametrize(("method", "name", "request_"), EACH, ids=IDS)
def test_the_marker_of_each_output_of_each_source_is_carried(
    method: str, name: str, request_: EgressRequest
) -> None:
    carried = egress_convert.egress(echoed(request_)).carried
    count = {"all": 3, "stream": 0, "websocket": 0}.get(name, 1)
    assert len(carried.paths) == count
    assert all(MARKER in path for path in carried.paths)
    assert carried.metadata == ({"roomkeeper-marker": MARKER},) * count
    assert carried.webhooks == ()


@pytest.mark.parametrize("method", FIELDS)
def test_the_webhook_of_each_source_is_carried(method: str) -> None:
    info = echoed(a_request(method, webhook_url=WEBHOOK, signing_key="APIkey"))
    assert egress_convert.egress(info).carried == Carried(webhooks=(WEBHOOK,))


def test_nothing_of_where_it_streams_to_is_carried() -> None:
    for method, name, request in EACH:
        assert "secret" not in repr(egress_convert.egress(echoed(request))), (method, name)


V1_BEFORE_THE_LISTS = [
    pb.EgressInfo(room_composite=pb.RoomCompositeEgressRequest(file=pb.EncodedFileOutput(filepath="p"))),
    pb.EgressInfo(web=pb.WebEgressRequest(segments=pb.SegmentedFileOutput(filename_prefix="p"))),
    pb.EgressInfo(track_composite=pb.TrackCompositeEgressRequest(file=pb.EncodedFileOutput(filepath="p"))),
]


@pytest.mark.parametrize("info", V1_BEFORE_THE_LISTS)
def test_an_output_from_before_there_were_lists_is_carried(info: pb.EgressInfo) -> None:
    assert egress_convert.egress(info).carried == Carried(paths=("p",))


V2: dict[str, Any] = {
    "outputs": [
        pb.Output(
            file=pb.FileOutput(filepath="f"),
            storage=pb.StorageConfig(s3=pb.S3Upload(metadata={"of": "one output"})),
        ),
        pb.Output(segments=pb.SegmentedFileOutput(filename_prefix="h")),
        pb.Output(images=pb.ImageOutput(filename_prefix="i")),
        pb.Output(stream=pb.StreamOutput(urls=["rtmp://a/b/secret"])),
    ],
    "storage": pb.StorageConfig(s3=pb.S3Upload(metadata={"of": "all"})),
    "webhooks": [models.WebhookConfig(url=WEBHOOK)],
}


@pytest.mark.parametrize(
    "info",
    [
        pb.EgressInfo(egress=pb.StartEgressRequest(**V2)),
        pb.EgressInfo(replay=pb.ExportReplayRequest(**V2)),
    ],
    ids=["egress", "replay"],
)
def test_a_request_of_version_2_is_carried_too(info: pb.EgressInfo) -> None:
    assert egress_convert.egress(info).carried == Carried(
        paths=("f", "h", "i"),
        metadata=({"of": "one output"}, {"of": "all"}),
        webhooks=(WEBHOOK,),
    )


def test_each_kind_of_result_is_taken_over() -> None:
    info = pb.EgressInfo(
        file_results=[
            pb.FileInfo(filename="a.mp4", location="https://s3/a.mp4", size=7, duration=5 * SECOND // 2)
        ],
        segment_results=[
            pb.SegmentsInfo(
                playlist_name="h/index.m3u8",
                live_playlist_name="h/live.m3u8",
                duration=8 * SECOND,
                size=9,
                playlist_location="https://s3/h/index.m3u8",
                live_playlist_location="https://s3/h/live.m3u8",
                segment_count=2,
            )
        ],
        image_results=[pb.ImagesInfo(filename_prefix="i/image", image_count=3)],
        stream_results=[pb.StreamInfo(url="rtmp://a.example:1935/live/{sec...key}", duration=SECOND)],
    )
    assert egress_convert.egress(info).results == (
        EgressResult(
            "File", filename="a.mp4", location="https://s3/a.mp4", size_bytes=7, duration_seconds=2.5
        ),
        EgressResult(
            "HLS",
            filename="h/index.m3u8",
            size_bytes=9,
            duration_seconds=8.0,
            playlist_location="https://s3/h/index.m3u8",
            live_playlist_location="https://s3/h/live.m3u8",
            segment_count=2,
        ),
        EgressResult("Images", filename="i/image", image_count=3),
        EgressResult("Stream", filename="a.example", duration_seconds=1.0),
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("rtmps://live.example/app/hunter2", "live.example"),
        ("rtmp://hunter2:hunter2@live.example/app/hunter2 live=1", "live.example"),
        ("srt://srt.example:9000?streamid=hunter2&passphrase=hunter2", "srt.example"),
        ("wss://ws.example/hunter2?token=hunter2", "ws.example"),
        ("mux://hunter2", ""),
        ("twitch://hunter2", ""),
        ("hunter2", ""),
        ("rtmp://[hunter2/app", ""),
        ("", ""),
    ],
)
def test_of_an_address_only_the_host_is_told_and_never_a_key(url: str, host: str) -> None:
    egress = egress_convert.egress(pb.EgressInfo(stream_results=[pb.StreamInfo(url=url)]))
    assert [result.filename for result in egress.results] == [host]
    assert "hunter2" not in repr(egress)


@pytest.mark.parametrize("value", [LARGEST, SMALLEST, -1])
def test_numbers_that_cannot_be_do_no_harm(value: int) -> None:
    info = pb.EgressInfo(
        started_at=value,
        ended_at=value,
        error_code=max(min(value, 2**31 - 1), -(2**31)),
        file_results=[pb.FileInfo(size=value, duration=value)],
        segment_results=[pb.SegmentsInfo(size=value, duration=value, segment_count=value)],
        image_results=[pb.ImagesInfo(image_count=value)],
        stream_results=[pb.StreamInfo(duration=value)],
    )
    egress = egress_convert.egress(info)
    assert (egress.started_at is None) is (egress.ended_at is None) is (value < 0)
    assert egress.error_code >= 0
    for result in egress.results:
        assert min(result.size_bytes, result.duration_seconds, result.segment_count) >= 0
        assert result.image_count >= 0


int64s = st.integers(SMALLEST, LARGEST)
urls = st.text() | st.builds("{}://{}".format, st.sampled_from(["rtmp", "srt", "wss", "mux"]), st.text())


@given(int64s, int64s, st.integers(-(2**31), 2**31 - 1), urls)
def test_no_value_raises_anything(time: int, size: int, status: int, url: str) -> None:
    info = pb.EgressInfo(started_at=time, ended_at=size, error_code=status)
    info.status = status
    info.file_results.add(size=size, duration=time)
    info.stream_results.add(url=url, duration=time)
    egress = egress_convert.egress(info)
    assert "://" not in egress.results[1].filename


def test_a_list_is_taken_over_in_its_order() -> None:
    answer = pb.ListEgressResponse(items=[pb.EgressInfo(egress_id="EG_2"), pb.EgressInfo(egress_id="EG_1")])
    assert [egress.id for egress in egress_convert.egresses(answer)] == ["EG_2", "EG_1"]


def test_an_address_that_egress_has_signed_is_told_without_the_signature() -> None:
    signed = "https://s3/a.mp4?X-Amz-Signature=0123"
    info = pb.EgressInfo(
        file_results=[pb.FileInfo(location=signed)],
        segment_results=[pb.SegmentsInfo(playlist_location=signed, live_playlist_location=signed)],
    )
    file, hls = egress_convert.egress(info).results
    places = (file.location, hls.playlist_location, hls.live_playlist_location)
    assert places == ("https://s3/a.mp4",) * 3


@pytest.mark.parametrize(
    ("endpoint", "path_style", "told", "true"),
    [
        ("http://minio:9000", True, "https://media.http://minio:9000", "http://minio:9000/media"),
        ("https://s3.example/", True, "https://media.https://s3.example/", "https://s3.example/media"),
        ("http://s3.example", False, "https://media.http://s3.example", "http://media.s3.example"),
        ("https://s3.example/x", True, "https://s3.example/x/media", "https://s3.example/x/media"),
        ("s3.example", False, "https://media.s3.example", "https://media.s3.example"),
    ],
)
def test_an_address_that_egress_has_put_together_wrongly_is_put_right(
    endpoint: str, *, path_style: bool, told: str, true: str
) -> None:
    target = S3Target("media", endpoint=endpoint, force_path_style=path_style)
    info = echoed(a_request(file=FILE, hls=HLS, target=target))
    info.file_results.add(location=f"{told}/a.mp4")
    info.segment_results.add(playlist_location=f"{told}/a/i", live_playlist_location=f"{told}/a/l")
    file, hls = egress_convert.egress(info).results
    places = (file.location, hls.playlist_location, hls.live_playlist_location)
    assert places == (f"{true}/a.mp4", f"{true}/a/i", f"{true}/a/l")


def test_it_records_since_its_first_output_began() -> None:
    info = pb.EgressInfo(
        started_at=1 * SECOND,
        file_results=[pb.FileInfo(started_at=9 * SECOND)],
        image_results=[pb.ImagesInfo(started_at=8 * SECOND), pb.ImagesInfo()],
    )
    since = egress_convert.egress(info).recording_since
    assert since
    assert since.timestamp() == 8
    assert egress_convert.egress(pb.EgressInfo(started_at=SECOND)).recording_since is None
