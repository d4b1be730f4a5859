"""Somebody who joins a room with a token, as a process: `python -m roomkeeper.localstack.guest [--tone] [--picture]`.

LIVEKIT_URL and LIVEKIT_TOKEN are what a role's Secret holds. It prints `joined` when it is in and publishes what it was
told to, and leaves when it is told to end. It needs the package `livekit` (a real WebRTC client).
"""

from __future__ import annotations

import argparse
import array
import asyncio
import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .processes import Guard, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

TONE_HZ: Final = 1000
"""What is heard of a guest who publishes a tone."""
_RATE: Final = 48_000
_SAMPLES: Final = _RATE // 100
"""Of 10 ms, which is a whole number of waves: one frame again and again is a tone without a click."""
_LOUDNESS: Final = 10_000  # of 32767
_WIDTH, _HEIGHT, _FRAMES_PER_SECOND = 640, 360, 15


class Guest(Part):
    """A real WebRTC client in a room; it publishes a tone, a moving picture, both or nothing."""

    def __init__(
        self,
        *,
        directory: Path,
        guard: Guard,
        credentials: Mapping[str, str],
        name: str = "guest",
        tone: bool = False,
        picture: bool = False,
    ) -> None:
        """Take LIVEKIT_URL and LIVEKIT_TOKEN, as a pod gets them by envFrom; the name is the log's, one for each."""
        super().__init__(name=name, program=Path(sys.executable), directory=directory, guard=guard)
        self._credentials = credentials
        self._options = ["--tone"] * tone + ["--picture"] * picture

    def arguments(self) -> list[str]:
        """The client, without a word about where to: that is in the environment."""
        return ["-m", "roomkeeper.localstack.guest", *self._options]

    def environment(self) -> Mapping[str, str]:
        """What it joins with."""
        return self._credentials

    def is_ready(self) -> bool:
        """Whether it is in the room and publishes."""
        return "joined" in self.log.read_text(errors="replace")


async def main() -> None:
    """Join, publish, say so, and stay until a signal comes."""
    from livekit import rtc  # noqa: PLC0415 - a test dependency, needed by nobody else in the package

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tone", action="store_true", help=f"publish a microphone: a tone of {TONE_HZ} Hz")
    parser.add_argument("--picture", action="store_true", help="publish a camera: a moving picture")
    chosen = parser.parse_args()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    room = rtc.Room()
    await room.connect(os.environ["LIVEKIT_URL"], os.environ["LIVEKIT_TOKEN"])
    tasks = []
    if chosen.tone:
        tasks.append(asyncio.create_task(_play(rtc, await _publish_microphone(rtc, room))))
    if chosen.picture:
        tasks.append(asyncio.create_task(_show(rtc, await _publish_camera(rtc, room))))
    print(f"joined {room.name} as {room.local_participant.identity}", flush=True)
    await ended.wait()
    for task in tasks:
        task.cancel()
    await room.disconnect()


async def _publish_microphone(rtc: Any, room: Any) -> Any:
    source = rtc.AudioSource(_RATE, 1, queue_size_ms=200)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    await room.local_participant.publish_track(track, options)
    return source


async def _play(rtc: Any, source: Any) -> None:
    wave = (_LOUDNESS * math.sin(2 * math.pi * TONE_HZ * at / _RATE) for at in range(_SAMPLES))
    frame = rtc.AudioFrame(array.array("h", map(int, wave)).tobytes(), _RATE, 1, _SAMPLES)
    while True:
        await source.capture_frame(frame)


async def _publish_camera(rtc: Any, room: Any) -> Any:
    source = rtc.VideoSource(_WIDTH, _HEIGHT)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA,
        simulcast=False,
        video_codec=rtc.VideoCodec.H264,
    )
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    await room.local_participant.publish_track(track, options)
    return source


async def _show(rtc: Any, source: Any) -> None:
    """Bars from black to white that move to the left, in one colour."""
    row = bytes(16 + 27 * (at * 8 // _WIDTH) for at in range(_WIDTH)) * 2
    quarter = _WIDTH * _HEIGHT // 4
    colour = b"\x60" * quarter + b"\xa0" * quarter
    at = 0
    while True:
        at = (at + 8) % _WIDTH
        picture = row[at : at + _WIDTH] * _HEIGHT + colour
        source.capture_frame(rtc.VideoFrame(_WIDTH, _HEIGHT, rtc.VideoBufferType.I420, picture))
        await asyncio.sleep(1 / _FRAMES_PER_SECOND)


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # the client's own threads may call into Python while it ends, which aborts it
