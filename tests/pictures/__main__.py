"""`make pictures`: what people see, taken from real parts: terminals as SVG, the web client as PNG."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.stack import ALL_PARTS
from tests.e2e.browsers import Browsers
from tests.e2e.support import Cluster, OperatorProcess, eventually
from tests.e2e.venue import venue
from tests.pictures.terminal import Terminal

ROOT = Path(__file__).parents[2]
NAMESPACE = "team-a"  # of the examples
TALK = {"canPublish": True, "canPublishData": True}
MEETING = [{"name": "host", "identities": ["alice", "bob"], "grants": TALK}]


def main() -> int:
    """Take them all."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("folder", type=Path, help="where they are put")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="roomkeeper-pictures-") as temporary:
        directory = Path(temporary)
        parts = (*ALL_PARTS, "s3", "egress_standin")
        with LocalStack(directory=directory / "stack", parts=parts) as stack:
            stack.apply_crds(ROOT / "crds")
            operator = OperatorProcess(stack, directory / "operator.log").start()
            try:
                take_terminals(stack, folder)
                take_web_client(stack, directory, folder)
            finally:
                operator.stop()
    return 0


def take_terminals(stack: LocalStack, folder: Path) -> None:
    """Show a Room declared, looked at and edited."""
    path = f"{stack.kubectl_path.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    livekit = stack.livekit
    environment = {
        "KUBECONFIG": str(stack.kubeconfig),
        "PATH": path,
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.api_key,
        "LIVEKIT_API_SECRET": livekit.api_secret,
    }
    terminal = Terminal(ROOT, environment)
    here = Cluster(stack, NAMESPACE)
    with terminal.recorded(folder / "get.svg", "a Room is declared, and true"):
        terminal.type("kubectl apply -f examples")
        eventually("the Room is Ready", lambda: here.is_ready("standup"), within=10)
        terminal.type("kubectl wait --for=condition=Ready room/standup -n team-a")
        terminal.type("kubectl get rooms -n team-a")
        terminal.type("kubectl get secrets -n team-a")
        terminal.type("kubectl get room standup -n team-a -o jsonpath='{.status.tokens[0]}'")
    with terminal.recorded(folder / "plan.svg", "what an edit would do, before it is applied"):
        terminal.type(
            "sed 's/maxParticipants: 50/maxParticipants: 80/' examples/room.yaml > /tmp/room.yaml", show=""
        )
        terminal.type("roomkeeper plan /tmp/room.yaml", fails=True)
        terminal.type("sed 's/maxParticipants/maxParticipant/' examples/room.yaml > /tmp/wrong.yaml", show="")
        terminal.type("roomkeeper validate /tmp/wrong.yaml", fails=True)


def take_web_client(stack: LocalStack, directory: Path, folder: Path) -> None:
    """Show two people who meet by browser."""
    here = Cluster(stack, "meeting")
    stack.kubectl("create", "namespace", here.namespace)
    here.apply(here.room("standup", roles=MEETING))
    eventually("the meeting is Ready", lambda: here.is_ready("standup"), within=10)
    pages = directory / "pages"
    pages.mkdir()
    with Browsers() as browsers, venue(here, browsers, pages) as place:
        site = place.serve("standup", "host")
        first, second = site.enter(), site.enter()
        for tab in (first, second):
            tab.click("Camera")
            tab.click("Microphone")
        eventually("they see each other", lambda: first.received().frames > 20, within=20)
        first.photograph(folder / "web-client.png")


if __name__ == "__main__":
    sys.exit(main())
