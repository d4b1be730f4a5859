"""The web client in the demo: a page on which somebody with a browser sees and hears who is in the room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .demo_story import say
from .mounted_secret import MountedSecret
from .ports import Ports
from .web_client import WebClient

if TYPE_CHECKING:
    from .processes import Guard
    from .stack import LocalStack

ROLE: Final = "viewer"  # of the example; the first of its hosts is in the room already


class DemoPages:
    """Serves the web client for the viewers of a Room, with their Secret as a pod would have it."""

    def __init__(self, stack: LocalStack, guard: Guard, *, namespace: str, room: str) -> None:
        """Take a stack that runs; the Room has to be Ready when it is opened."""
        self._stack = stack
        self._guard = guard
        self._ports = Ports()
        name = f"{room}.{ROLE}"
        self._secret = MountedSecret(
            stack.directory / name, kubectl=stack.kubectl, namespace=namespace, name=name
        )

    def open(self) -> None:
        """Start the server, and print the link."""
        self.refresh()
        server = WebClient(
            directory=self._stack.directory,
            guard=self._guard,
            ports=self._ports,
            secret=self._secret.folder,
        )
        server.start()
        name = self._secret.folder.name
        say(f"watch with a browser, which gets a token of Secret {name}: {server.url}audience")

    def refresh(self) -> None:
        """Bring the mounted Secret up to date, as the kubelet does."""
        self._secret.refresh()
