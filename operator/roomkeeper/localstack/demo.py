"""`make demo`: a cluster, LiveKit and the operator on this machine, and what a declared Room becomes."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.domain.livekit import Credentials

from .errors import LocalStackError, last_lines
from .guest import Guest
from .processes import Guard, Part
from .stack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roomkeeper.domain.livekit import LiveRoom

ROOT: Final = Path(__file__).parents[3]
NAMESPACE: Final = "team-a"  # of the examples
ROOM: Final = "standup"
ROLE: Final = "host"
PATIENCE_SECONDS: Final = 60.0


class Operator(Part):
    """`roomkeeper run` on the stack."""

    def __init__(self, stack: LocalStack, guard: Guard) -> None:
        super().__init__(
            name="operator", program=Path(sys.executable), directory=stack.directory, guard=guard
        )
        self._stack = stack

    def arguments(self) -> list[str]:
        """All namespaces, loopback only."""
        port = str(self._stack.operator_port)
        return ["-m", "roomkeeper", "run", "-A", "--http-host=127.0.0.1", f"--http-port={port}"]

    def environment(self) -> Mapping[str, str]:
        """The cluster, and the LiveKit server."""
        livekit = self._stack.livekit
        return {
            "KUBECONFIG": str(self._stack.operator_kubeconfig),
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
        }

    def is_ready(self) -> bool:
        """Whether its caches are filled."""
        url = f"http://127.0.0.1:{self._stack.operator_port}/readyz"
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004


class Demo:
    """What the demo shows, step by step; each step fails with what was missing."""

    def __init__(self, stack: LocalStack, guard: Guard) -> None:
        """Take a stack that runs."""
        self._stack = stack
        self._guard = guard

    def run(self) -> None:
        """Show a Room come true and somebody join it."""
        stack = self._stack
        stack.apply_crds(ROOT / "crds")
        Operator(stack, self._guard).start()
        self._kubectl("apply", "-f", str(ROOT / "examples"))
        self._kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "rooms", "--all", "--timeout=30s")
        name = self._room()["status"]["roomName"]
        self._await(f"LiveKit lists {name}", lambda: name in self._live_names())
        secret = self._secret()
        say(f"{secret['LIVEKIT_IDENTITY']} joins with LIVEKIT_TOKEN of Secret {ROOM}.{ROLE}")
        Guest(directory=stack.directory, guard=self._guard, credentials=secret).start()
        self._await(
            "status counts the participant", lambda: self._room()["status"].get("numParticipants") == 1
        )
        self.show()

    def show(self) -> None:
        """Print what there is now."""
        self._kubectl("get", "livekit", "-A")
        self._kubectl("get", "secrets", "-n", NAMESPACE, "-l", "app.kubernetes.io/managed-by=roomkeeper")
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
                self.show()

    def _digest(self) -> object:
        """Return what is worth showing again when it differs."""
        shown = self._stack.kubectl("get", "livekit", "-A", "--no-headers", "-o", "json")
        return [(item["metadata"]["name"], item.get("status")) for item in json.loads(shown)["items"]]

    def _kubectl(self, *arguments: str) -> None:
        print(f"$ kubectl {' '.join(arguments).replace(str(ROOT) + '/', '')}")
        print(self._stack.kubectl(*arguments), flush=True)

    def _room(self) -> Any:
        return json.loads(self._stack.kubectl("get", "room", ROOM, "-n", NAMESPACE, "-o", "json"))

    def _live_names(self) -> list[str]:
        return [room.name for room, _ in asyncio.run(_rooms_and_people(self._stack))]

    def _secret(self) -> dict[str, str]:
        name = f"{ROOM}.{ROLE}"
        data = json.loads(self._stack.kubectl("get", "secret", name, "-n", NAMESPACE, "-o", "json"))["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items() if key.isupper()}

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not is_so():
            if time.monotonic() - started > PATIENCE_SECONDS:
                log = last_lines(self._stack.directory / "operator.log")
                raise LocalStackError(
                    f"not seen within {PATIENCE_SECONDS:.0f} s: {what}. The operator said:\n{log}"
                )
            time.sleep(0.1)
        say(f"{what} ({time.monotonic() - started:.1f} s)")


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


def say(text: str) -> None:
    """Print one line of the story."""
    print(f"==> {text}", flush=True)


def main() -> int:
    """Run the demo; 1 and the reason when something was not seen."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when all has been seen")
    parser.add_argument("--kubeconfig", type=Path, help="use this cluster instead of starting one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roomkeeper-demo-") as directory:
        try:
            say("starting the local stack (the first time its programs are built: 15 to 20 minutes)")
            with LocalStack(directory=Path(directory), kubeconfig=chosen.kubeconfig) as stack:
                guard = Guard()
                try:
                    demo = Demo(stack, guard)
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
