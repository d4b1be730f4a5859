"""Somebody who joins a room with a token, as a process: `python -m roomkeeper.localstack.guest`.

LIVEKIT_URL and LIVEKIT_TOKEN are what a role's Secret holds. It prints `joined` when it is in, and leaves when it is
told to end. It needs the package `livekit` (a real WebRTC client).
"""

from __future__ import annotations

import asyncio
import os
import signal


async def main() -> None:
    """Join, say so, and stay until a signal comes."""
    from livekit import rtc  # noqa: PLC0415 - a test dependency, needed by nobody else in the package

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    room = rtc.Room()
    await room.connect(os.environ["LIVEKIT_URL"], os.environ["LIVEKIT_TOKEN"])
    print(f"joined {room.name} as {room.local_participant.identity}", flush=True)
    await ended.wait()
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
