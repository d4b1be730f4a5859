"""`make demo`: a cluster, LiveKit and the operator on this machine, and what a Room and a Recording become."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.domain.livekit import Credentials

from .demo_pages import DemoPages
from .demo_recording import DemoRecording, choose_worker
from .demo_story import ROOT, Story, say
from .errors import LocalStackError
from .guest import Guest
from .operator import Operator
from .processes import Guard
from .stack import ALL_PARTS, LocalStack

if TYPE_CHECKING:
    from roomkeeper.domain.livekit import LiveRoom

NAMESPACE: Final = "team-a"  # of the examples
ROOM: Final = "standup"
ROLE: Final = "host"


class Demo:
    """What the demo shows, step by step; each step fails with what was missing."""

    def __init__(self, stack: LocalStack, guard: Guard, *, has_media: bool) -> None:
        """Take a stack that runs."""
        self._stack = stack
        self._guard = guard
        self._story = Story(stack)
        self._recording = DemoRecording(stack, self._story, has_media=has_media)
        self._pages = DemoPages(stack, guard, namespace=NAMESPACE, room=ROOM)

    def run(self) -> None:
        """Show a Room come true, somebody join it, and what that becomes as a recording."""
        stack, story = self._stack, self._story
        stack.apply_crds(ROOT / "crds")
        Operator(stack, self._guard).start()
        story.kubectl("apply", "-f", str(ROOT / "examples"))
        story.wait("rooms --all", "condition=Ready", NAMESPACE)
        name = self._room()["status"]["roomName"]
        story.until(f"LiveKit lists {name}", lambda: name in self._live_names())
        self._recording.declare()
        secret = self._secret()
        say(
            f"{secret['LIVEKIT_IDENTITY']} joins with LIVEKIT_TOKEN of Secret {ROOM}.{ROLE}, is heard and seen"
        )
        Guest(
            directory=stack.directory, guard=self._guard, credentials=secret, tone=True, picture=True
        ).start()
        story.until(
            "status counts the participant", lambda: self._room()["status"].get("numParticipants") == 1
        )
        self.show()
        self._recording.run()
        self._recording.tell()
        self._pages.open()

    def show(self) -> None:
        """Print what there is now."""
        self._story.kubectl("get", "livekit", "-A")
        self._story.kubectl(
            "get", "secrets", "-n", NAMESPACE, "-l", "app.kubernetes.io/managed-by=roomkeeper"
        )
        print("# the rooms as LiveKit lists them, and who is there")
        for room, people in asyncio.run(_rooms_and_people(self._stack)):
            config = room.config
            print(
                f"{room.name}  {room.sid}  people={','.join(people) or '-'}"
                f" maxParticipants={config.max_participants} emptyTimeout={config.empty_timeout_seconds}"
                f" departureTimeout={config.departure_timeout_seconds} metadata={room.metadata or '-'}"
            )
        print(flush=True)

    def follow(self) -> None:
        """Print it again whenever it changes, until Ctrl-C."""
        say(f"play with it:  export KUBECONFIG={self._stack.kubeconfig}")
        say("it stays up until Ctrl-C")
        before = self._digest()
        while True:
            time.sleep(1)
            now = self._digest()
            if now != before:
                before = now
                self._pages.refresh()  # status tells when tokens are new
                self.show()

    def _digest(self) -> object:
        """Return what is worth showing again when it differs."""
        shown = self._stack.kubectl("get", "livekit", "-A", "--no-headers", "-o", "json")
        return [(item["metadata"]["name"], item.get("status")) for item in json.loads(shown)["items"]]

    def _room(self) -> Any:
        return json.loads(self._stack.kubectl("get", "room", ROOM, "-n", NAMESPACE, "-o", "json"))

    def _live_names(self) -> list[str]:
        return [room.name for room, _ in asyncio.run(_rooms_and_people(self._stack))]

    def _secret(self) -> dict[str, str]:
        name = f"{ROOM}.{ROLE}"
        data = json.loads(self._stack.kubectl("get", "secret", name, "-n", NAMESPACE, "-o", "json"))["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items() if key.isupper()}


async def _rooms_and_people(stack: LocalStack) -> list[tuple[LiveRoom, list[str]]]:
    """Ask LiveKit itself; the counts in its list of rooms lag by seconds, so who is there is asked for each."""
    client = LiveKitClient(stack.livekit.url, Credentials(stack.livekit.api_key, stack.livekit.api_secret))
    try:
        rooms = sorted(await client.list_rooms(), key=lambda room: room.name)
        return [
            (room, [someone.identity for someone in await client.list_participants(room.name)])
            for room in rooms
        ]
    finally:
        await client.aclose()


def main() -> int:
    """Run the demo; 1 and the reason when something was not seen."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when all has been seen")
    parser.add_argument("--kubeconfig", type=Path, help="use this cluster instead of starting one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roomkeeper-demo-") as directory:
        try:
            worker = choose_worker()
            say("starting the local stack (the first time its programs are built: 20 to 25 minutes)")
            parts = (*ALL_PARTS, "s3", worker)
            with LocalStack(directory=Path(directory), parts=parts, kubeconfig=chosen.kubeconfig) as stack:
                guard = Guard()
                try:
                    demo = Demo(stack, guard, has_media=worker == "egress")
                    demo.run()
                    if not chosen.once:
                        demo.follow()
                finally:
                    guard.close()
        except LocalStackError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            say("stopped")
            return 0
    say("all of it was seen")
    return 0


if __name__ == "__main__":
    sys.exit(main())
