"""The real Egress against the real LiveKit, where no Recording is needed; what those record is in tests/e2e."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from livekit import api

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.processes import Guard
from tests import media
from tests.integration.localstack.recorded import (
    BUCKET,
    Guests,
    a_short_folder,
    calling,
    info_of,
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


@pytest.fixture(scope="module")
def guests(stack: LocalStack) -> Iterator[Guests]:
    guard = Guard()
    guests = Guests(stack, guard)
    yield guests
    guests.leave()
    guard.close()


@pytest.fixture
async def livekit(stack: LocalStack) -> AsyncIterator[api.LiveKitAPI]:
    async with calling(stack) as livekit:
        yield livekit


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
        file_outputs=[api.EncodedFileOutput(filepath=f"{room}/layout.mp4", s3=storage(stack))],
    )
    egress_id = (await livekit.egress.start_room_composite_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE", patience=40)
    await asyncio.sleep(3)  # of the first layout
    await livekit.egress.update_layout(api.UpdateLayoutRequest(egress_id=egress_id, layout="grid-light"))
    await asyncio.sleep(3)  # of the second
    await livekit.room.delete_room(api.DeleteRoomRequest(room=room))
    (result,) = (await until_status(livekit, egress_id, "COMPLETE", patience=40)).file_results
    path = tmp_path / "layout.mp4"
    path.write_bytes(stack.s3.read(BUCKET, result.filename))
    corner = "4:4:0:0"  # of the page, where no tile is
    assert media.brightness(path, at=1, crop=corner) < 60
    # It is some 0.3 s until the page has gone: as far from the end as from the change.
    assert media.brightness(path, at=media.duration(path) - 1.5, crop=corner) > 200


async def test_while_it_uploads_a_worker_answers_and_a_dead_one_is_said_to_have_ended(
    stack: LocalStack, livekit: api.LiveKitAPI, guests: Guests
) -> None:
    room = await new_room(livekit)
    guests.join(room, picture=True)
    request = api.ParticipantEgressRequest(
        room_name=room,
        identity="alice",
        advanced=ENCODING,
        file_outputs=[api.EncodedFileOutput(filepath=f"{room}/upload.mp4", s3=storage(stack))],
    )
    egress_id = (await livekit.egress.start_participant_egress(request)).egress_id
    await until_status(livekit, egress_id, "ACTIVE", patience=40)
    os.kill(stack.s3.pid, signal.SIGSTOP)
    try:
        await stop(livekit, egress_id)
        await until_status(livekit, egress_id, "ENDING")
        await asyncio.sleep(2)  # until it uploads
        assert (await stop(livekit, egress_id)).status == api.EgressStatus.EGRESS_ENDING
        kill_with_handlers(stack.egress.pid)
        with pytest.raises(api.TwirpError, match="EGRESS_ENDING cannot be stopped") as refused:
            await stop(livekit, egress_id)
        assert refused.value.status == 412
        assert (await info_of(livekit, egress_id)).status == api.EgressStatus.EGRESS_ENDING
    finally:
        os.kill(stack.s3.pid, signal.SIGCONT)
        stack.egress.kill()
        stack.egress.start()


def kill_with_handlers(pid: int) -> None:
    """Kill Egress and what it started for each egress, as a pod is killed."""
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listed.read_text().split():
            kill_with_handlers(int(child))
    os.kill(pid, signal.SIGKILL)


def test_it_listens_on_loopback_alone(stack: LocalStack) -> None:
    assert addresses_of(stack.egress.pid) == {LOOPBACK}


HOLDER = """
import asyncio, signal, sys, time
from pathlib import Path
from livekit import api
from roomkeeper.localstack import LocalStack
from tests.integration.localstack.recorded import BUCKET, calling, storage, until_status

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it

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
