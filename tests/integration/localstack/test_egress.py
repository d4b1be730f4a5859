"""The real Egress against the real LiveKit: what it records is looked at and listened to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.guest import TONE_HZ
from roomkeeper.localstack.processes import Guard
from tests import media
from tests.integration.localstack.recorded import (
    BUCKET,
    Guests,
    calling,
    new_room,
    skip_where_egress_cannot_run,
    stop,
    storage,
    until_status,
)
from tests.integration.localstack.sockets import LOOPBACK, addresses_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.stack

SECONDS = 6
# Debian's GStreamer has no AAC encoder that Egress uses.
ENCODING = api.EncodingOptions(
    width=640,
    height=360,
    framerate=15,
    video_codec=api.VideoCodec.H264_MAIN,
    video_bitrate=1000,
    audio_codec=api.AudioCodec.OPUS,
    key_frame_interval=2,
)


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    skip_where_egress_cannot_run()
    parts = ("redis", "livekit", "s3", "egress")
    with a_short_folder() as folder, LocalStack(directory=folder, parts=parts, webhook_url="") as stack:
        stack.s3.create_bucket(BUCKET)
        yield stack


@contextlib.contextmanager
def a_short_folder() -> Iterator[Path]:
    """Chromium's sockets lie deep below it, and a socket's path is short; pytest's own folders are long."""
    with tempfile.TemporaryDirectory(prefix="rk-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def guests(stack: LocalStack) -> Iterator[Guests]:
    guard = Guard()
    guests = Guests(stack, guard)
    yield guests
    guests.leave()
    guard.close()


@pytest.fixture(scope="module")
def room(stack: LocalStack, guests: Guests) -> str:
    """A room where alice is heard and seen."""
    name = asyncio.run(a_room(stack))
    guests.join(name, tone=True, picture=True)
    return name


async def a_room(stack: LocalStack) -> str:
    async with calling(stack) as livekit:
        return await new_room(livekit)


@pytest.fixture
async def livekit(stack: LocalStack) -> AsyncIterator[api.LiveKitAPI]:
    async with calling(stack) as livekit:
        yield livekit


def file(stack: LocalStack, filepath: str, **more: Any) -> list[api.EncodedFileOutput]:
    return [api.EncodedFileOutput(filepath=filepath, disable_manifest=True, s3=storage(stack), **more)]


async def recorded(livekit: api.LiveKitAPI, started: api.EgressInfo) -> api.EgressInfo:
    await until_status(livekit, started.egress_id, "ACTIVE", patience=40)
    await asyncio.sleep(SECONDS)  # that is what is recorded
    await stop(livekit, started.egress_id)
    return await until_status(livekit, started.egress_id, "COMPLETE", patience=40)


def fetched(stack: LocalStack, key: str, folder: Path) -> Path:
    path = folder / key.replace("/", "-")
    path.write_bytes(stack.s3.read(BUCKET, key))
    return path


def assert_as_long_as_told(told_nanoseconds: int, path: Path, stream: str = "") -> None:
    told = told_nanoseconds / 1e9
    assert told > SECONDS - 2
    assert media.duration(path, stream) == pytest.approx(told, abs=1.5)


async def test_a_room_composite_is_seen_and_heard(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, tmp_path: Path
) -> None:
    request = api.RoomCompositeEgressRequest(
        room_name=room, layout="speaker-light", advanced=ENCODING, file_outputs=file(stack, f"{room}/all.mp4")
    )
    ended = await recorded(livekit, await livekit.egress.start_room_composite_egress(request))
    (result,) = ended.file_results
    path = fetched(stack, result.filename, tmp_path)
    assert result.size == path.stat().st_size
    assert media.codecs(path) == {"h264", "opus"}
    assert media.size(path) == (640, 360)
    assert_as_long_as_told(result.duration, path)
    assert not media.is_black(path, at=3)
    assert media.has_tone(path, TONE_HZ)


async def test_a_participant_is_seen_and_heard(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, tmp_path: Path
) -> None:
    request = api.ParticipantEgressRequest(
        room_name=room,
        identity="alice",
        advanced=ENCODING,
        file_outputs=file(stack, "{room_name}/{publisher_identity}.mp4"),
    )
    ended = await recorded(livekit, await livekit.egress.start_participant_egress(request))
    (result,) = ended.file_results
    assert result.filename == f"{room}/alice.mp4"
    path = fetched(stack, result.filename, tmp_path)
    assert media.codecs(path) == {"h264", "opus"}
    assert_as_long_as_told(result.duration, path, "v:0")  # Egress mixes some seconds of silence on
    assert not media.is_black(path, at=3)
    assert media.has_tone(path, TONE_HZ)


async def test_an_audio_only_composite_is_heard(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, tmp_path: Path
) -> None:
    request = api.RoomCompositeEgressRequest(
        room_name=room,
        audio_only=True,
        file_outputs=file(stack, f"{room}/audio.ogg", file_type=api.EncodedFileType.OGG),
    )
    ended = await recorded(livekit, await livekit.egress.start_room_composite_egress(request))
    (result,) = ended.file_results
    path = fetched(stack, result.filename, tmp_path)
    assert media.codecs(path) == {"opus"}
    assert_as_long_as_told(result.duration, path)
    assert media.has_tone(path, TONE_HZ)


async def test_a_playlist_of_the_picture_alone_plays(
    stack: LocalStack, livekit: api.LiveKitAPI, room: str, tmp_path: Path
) -> None:
    output = api.SegmentedFileOutput(
        filename_prefix=f"{room}/hls/segment",
        playlist_name=f"{room}/hls/index.m3u8",
        segment_duration=2,
        disable_manifest=True,
        s3=storage(stack),
    )
    request = api.RoomCompositeEgressRequest(
        room_name=room, layout="grid", video_only=True, advanced=ENCODING, segment_outputs=[output]
    )
    ended = await recorded(livekit, await livekit.egress.start_room_composite_egress(request))
    (result,) = ended.segment_results
    keys = stack.s3.keys(BUCKET, f"{room}/hls/")
    assert result.playlist_name in keys
    assert result.segment_count == len(keys) - 1 >= 2
    for key in keys:
        (tmp_path / key.rpartition("/")[2]).write_bytes(stack.s3.read(BUCKET, key))
    path = tmp_path / "index.m3u8"
    assert media.codecs(path) == {"h264"}
    assert_as_long_as_told(result.duration, path)
    assert not media.is_black(path, at=3)


async def test_the_layout_changes_while_it_records_and_it_ends_with_its_room(
    stack: LocalStack, livekit: api.LiveKitAPI, guests: Guests, tmp_path: Path
) -> None:
    room = await new_room(livekit)
    guests.join(room, picture=True)
    request = api.RoomCompositeEgressRequest(
        room_name=room,
        layout="grid",
        custom_base_url=stack.egress.template_url,
        video_only=True,
        advanced=ENCODING,
        file_outputs=file(stack, f"{room}/layout.mp4"),
    )
    egress_id = (await livekit.egress.start_room_composite_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE", patience=40)
    await asyncio.sleep(3)  # of the first layout
    await livekit.egress.update_layout(api.UpdateLayoutRequest(egress_id=egress_id, layout="grid-light"))
    await asyncio.sleep(3)  # of the second
    await livekit.room.delete_room(api.DeleteRoomRequest(room=room))
    (result,) = (await until_status(livekit, egress_id, "COMPLETE", patience=40)).file_results
    path = fetched(stack, result.filename, tmp_path)
    corner = "4:4:0:0"  # of the page, where no tile is
    assert media.brightness(path, at=1, crop=corner) < 60
    # It is some 0.3 s until the page has gone: as far from the end as from the change.
    assert media.brightness(path, at=media.duration(path) - 1.5, crop=corner) > 200


def test_it_listens_on_loopback_alone(stack: LocalStack) -> None:
    assert addresses_of(stack.egress.pid) == {LOOPBACK}


HOLDER = """
import asyncio, sys, time
from pathlib import Path
from livekit import api
from roomkeeper.localstack import LocalStack
from tests.integration.localstack.recorded import BUCKET, calling, storage, until_status

async def record(stack):
    output = api.EncodedFileOutput(filepath="web.mp4", s3=storage(stack))
    request = api.WebEgressRequest(url=stack.egress.template_url + "livekit-client.umd.js", file_outputs=[output])
    request.advanced.audio_codec = api.AudioCodec.OPUS
    async with calling(stack) as livekit:
        info = await livekit.egress.start_web_egress(request)
        await until_status(livekit, info.egress_id, "ACTIVE", patience=40)

with LocalStack(directory=Path(sys.argv[1]), parts=("redis", "livekit", "s3", "egress"), webhook_url="") as stack:
    stack.s3.create_bucket(BUCKET)
    asyncio.run(record(stack))
    print("recording", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=lambda end: end.name)
def test_browser_screen_and_sound_end_with_the_process_that_holds_the_stack(end: signal.Signals) -> None:
    skip_where_egress_cannot_run()
    with a_short_folder() as folder:
        command = [sys.executable, "-c", HOLDER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "recording\n"
            names = processes_of(folder)
            assert {"egress", "Xvfb", "pulseaudio", "chromium"} <= names
            os.killpg(holder.pid, end)
        deadline = time.monotonic() + 30
        while names := processes_of(folder):
            assert time.monotonic() < deadline, names
            time.sleep(0.1)


def processes_of(folder: Path) -> set[str]:
    """The names of all processes that were told of this folder."""
    names = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended, or is not ours
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if os.fsencode(folder) in told and int(process.name) != os.getpid():
                names.add((process / "comm").read_text().strip())
    return names
