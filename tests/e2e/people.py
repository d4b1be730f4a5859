"""People who join a room with a real WebRTC client, on an event loop beside the test."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from livekit import rtc

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

T = TypeVar("T")

LIMIT_SECONDS = 30  # for whatever one of them does


class Person:
    """One client. Its loop runs in a thread, so that it stays connected while the test waits for something."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._room: rtc.Room | None = None

    def join(self, secret: Mapping[str, str], token: str = "") -> None:
        """Join with what a role's Secret says; rtc.ConnectError when the server does not let them in."""
        self._do(self._join(secret["LIVEKIT_URL"], token or secret["LIVEKIT_TOKEN"]))

    def publish(self) -> None:
        """Publish a microphone; PublishTrackError when the server does not take it."""
        self._do(self._publish())

    def leave(self) -> None:
        """Disconnect, if connected."""
        if self._room is not None:
            self._do(self._room.disconnect())
            self._room = None

    def end(self) -> None:
        """Leave and stop the loop."""
        self.leave()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_SECONDS)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT_SECONDS)

    async def _join(self, url: str, token: str) -> None:
        self._room = rtc.Room()
        await self._room.connect(url, token)

    async def _publish(self) -> None:
        assert self._room is not None
        source = rtc.AudioSource(48_000, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self._room.local_participant.publish_track(track, options)
