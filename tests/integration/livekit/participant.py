"""A real participant, in a process of its own, that is told what to do on stdin and tells on stdout how it went.

The client library's native threads may call into Python while the interpreter ends, which aborts the process: that
must not be the one that runs the tests, nor matter in this one.
"""

from __future__ import annotations

import asyncio
import os
import sys

from livekit import rtc
from livekit.rtc.participant import PublishTrackError


async def next_line() -> str:
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


def tell(how_it_went: str) -> None:
    print(how_it_went, flush=True)


def track_of(source: str) -> tuple[rtc.Track, rtc.TrackPublishOptions]:
    name = source.replace("screen_share", "screenshare").upper()
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.Value(f"SOURCE_{name}"))
    if source in ("camera", "screen_share"):
        return rtc.LocalVideoTrack.create_video_track(source, rtc.VideoSource(320, 180)), options
    return rtc.LocalAudioTrack.create_audio_track(source, rtc.AudioSource(48_000, 1)), options


async def publish(room: rtc.Room, source: str) -> None:
    try:
        await room.local_participant.publish_track(*track_of(source))
    except PublishTrackError:
        tell("not published")
    else:
        tell("published")


async def main() -> None:
    room = rtc.Room()
    try:
        await room.connect(await next_line(), await next_line())
    except rtc.ConnectError:
        tell("refused")
        return
    tell("joined")
    while (line := await next_line()).startswith("publish "):
        await publish(room, line.removeprefix("publish "))
    await room.disconnect()
    tell("left")


asyncio.run(main())
os._exit(0)
