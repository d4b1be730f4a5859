"""Many real WebRTC clients in one process of their own, told what to do line by line; for tests that need them fast.

The client library's native threads may call into Python while the interpreter ends, which aborts the process: that
must not be the one that runs the tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from livekit import rtc

PATIENCE_SECONDS = 30  # for whatever one of them does; the library gives up publishing after ten seconds


class Crowd:
    """The clients as the test sees them, each under a name that the test chooses."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: dict[int, Future[str]] = {}
        self._asked = 0
        self._lock = threading.Lock()
        self._gone: dict[str, str] = {}
        self._listener: threading.Thread | None = None

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        if self._listener is not None:
            self._listener.join()
        self._process.communicate()

    def join(self, who: str, secret: Mapping[str, str], token: str = "") -> bool:
        """Join with what a role's Secret says, or with another token; tell whether the server let them in."""
        return self.begin_join(who, secret, token).result(PATIENCE_SECONDS) == "joined"

    def begin_join(self, who: str, secret: Mapping[str, str], token: str = "") -> Future[str]:
        """Join without waiting: the answer will be `joined` or `refused`."""
        self._gone.pop(who, None)
        return self._ask("join", who, url=secret["LIVEKIT_URL"], token=token or secret["LIVEKIT_TOKEN"])

    def publish(self, who: str, source: str = "microphone") -> bool:
        """Publish a microphone or camera; tell whether the server took it."""
        return self._ask("publish", who, source=source).result(PATIENCE_SECONDS) == "published"

    def unmute(self, who: str) -> None:
        """Mute and unmute every track that the client believes to publish."""
        self._ask("unmute", who).result(PATIENCE_SECONDS)

    def leave(self, who: str) -> None:
        """Disconnect as people do."""
        self.begin_leave(who).result(PATIENCE_SECONDS)

    def begin_leave(self, who: str) -> Future[str]:
        """Disconnect without waiting."""
        return self._ask("leave", who)

    def put_out(self, who: str) -> str:
        """Return why the server has disconnected somebody, in LiveKit's word; "" while it has not."""
        return self._gone.get(who, "")

    def _ask(self, what: str, who: str, **more: str) -> Future[str]:
        from concurrent.futures import Future  # noqa: PLC0415

        assert self._process is not None
        assert self._process.stdin is not None
        with self._lock:
            self._asked += 1
            answer: Future[str] = Future()
            self._answers[self._asked] = answer
            line = {"number": self._asked, "what": what, "who": who, **more}
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
        return answer

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "gone" in told:
                self._gone[told["gone"]] = told["why"]
            else:
                self._answers.pop(told["number"]).set_result(told["answer"])


class Clients:
    """The clients as their own process has them."""

    def __init__(self) -> None:
        self._rooms: dict[str, rtc.Room] = {}
        self._tracks: dict[str, list[rtc.LocalTrack]] = {}

    async def obey(self, order: dict[str, Any]) -> None:
        """Do what one line says, and tell how it went."""
        try:
            answer = await getattr(self, f"_{order['what']}")(**order)
        except Exception as error:  # noqa: BLE001 - the other side decides what that means
            answer = f"failed: {error!r}"
        print(json.dumps({"number": order["number"], "answer": answer}), flush=True)

    async def _join(self, who: str, url: str, token: str, **_: Any) -> str:
        from livekit import rtc  # noqa: PLC0415 - only this process loads the library

        room = rtc.Room()

        def gone(reason: int) -> None:
            if self._rooms.get(who) is room:
                why = rtc.DisconnectReason.Name(reason)
                print(json.dumps({"gone": who, "why": why}), flush=True)

        room.on("disconnected", gone)
        self._rooms[who], self._tracks[who] = room, []
        try:
            await room.connect(url, token)
        except rtc.ConnectError:
            return "refused"
        return "joined"

    async def _publish(self, who: str, source: str, **_: Any) -> str:
        from livekit import rtc  # noqa: PLC0415
        from livekit.rtc.participant import PublishTrackError  # noqa: PLC0415

        options = rtc.TrackPublishOptions(source=rtc.TrackSource.Value(f"SOURCE_{source.upper()}"))
        track: rtc.LocalTrack
        if source == "camera":
            track = rtc.LocalVideoTrack.create_video_track(source, rtc.VideoSource(320, 180))
        else:
            track = rtc.LocalAudioTrack.create_audio_track(source, rtc.AudioSource(48_000, 1))
        try:
            await self._rooms[who].local_participant.publish_track(track, options)
        except PublishTrackError:
            return "not published"
        self._tracks[who].append(track)
        return "published"

    async def _unmute(self, who: str, **_: Any) -> str:
        for track in self._tracks[who]:
            track.mute()
            track.unmute()
        return "unmuted"

    async def _leave(self, who: str, **_: Any) -> str:
        room = self._rooms.pop(who, None)
        if room is not None:
            await room.disconnect()
        return "left"


async def main() -> None:
    clients, tasks = Clients(), set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = asyncio.create_task(clients.obey(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)
