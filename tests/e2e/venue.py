"""Where people meet by browser: the web client of the examples, served for the roles of a Room."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from roomkeeper.localstack.mounted_secret import MountedSecret
from roomkeeper.localstack.ports import Ports
from roomkeeper.localstack.processes import Guard
from roomkeeper.localstack.web_client import WebClient
from tests.e2e.support import SIGNED_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.asking import Backend
    from tests.e2e.browsers import Browsers, Tab
    from tests.e2e.support import Cluster

GRACE_SECONDS = 3


class Site:
    """One Deployment of the web client, with one role's Secret."""

    def __init__(self, server: WebClient, secret: MountedSecret, browsers: Browsers) -> None:
        self.server = server
        self._secret = secret
        self._browsers = browsers

    def visit(self, path: str = "") -> Tab:
        """Open a page in a browser that was not here before."""
        return self._browsers.open(f"{self.server.url}{path}")

    def enter(self) -> Tab:
        """Open the conference, and join it."""
        tab = self.visit()
        tab.click("Join")
        return tab

    def refresh(self) -> None:
        """Bring the mounted Secret up to date, as the kubelet does within a minute or so."""
        self._secret.refresh()


class Venue:
    """Serves pages for the Rooms of a namespace."""

    def __init__(self, cluster: Cluster, browsers: Browsers, directory: Path) -> None:
        self._cluster = cluster
        self._browsers = browsers
        self._directory = directory
        self._guard = Guard()
        self._ports = Ports()
        self._servers: list[WebClient] = []

    def serve(self, room: str, role: str) -> Site:
        """Serve the pages of a role, whose Secret has to be there."""
        name = f"{room}.{role}"
        secret = MountedSecret(
            self._directory / name,
            kubectl=self._cluster.stack.kubectl,
            namespace=self._cluster.namespace,
            name=name,
        )
        secret.refresh()
        return Site(self._start(name, secret.folder), secret, self._browsers)

    def serve_on_demand(self, backend: Backend, room: str, role: str) -> WebClient:
        """Serve the pages of a dynamic role, with the account of a backend that may ask for its tokens."""
        account = self._directory / "account-token"
        account.write_text(backend.token)
        variables = {
            "TOKEN_ENDPOINT": backend.url(room, role),
            "TOKEN_FILE": str(account),
            "LIVEKIT_URL": self._cluster.stack.livekit.url,
        }
        return self._start(f"{room}-{role}", self._directory, **variables)

    def _start(self, name: str, secret: Path, **variables: str) -> WebClient:
        server = WebClient(
            directory=self._directory,
            guard=self._guard,
            ports=self._ports,
            secret=secret,
            name=f"web-client-{name}",
            grace_seconds=GRACE_SECONDS,
            variables=variables,
        )
        server.start()
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Close all browsers and stop all servers; none of these has told a token, and no page has had an error."""
        self._browsers.close_all()
        for server in self._servers:
            server.stop()
        self._guard.close()
        self._ports.close()
        for server in self._servers:
            assert not SIGNED_TOKEN.search(server.log.read_text()), f"{server.name} tells a token"
        assert not [said for said in self._browsers.said if re.match("error:", said)], self._browsers.said


@contextmanager
def venue(cluster: Cluster, browsers: Browsers, directory: Path) -> Iterator[Venue]:
    """Yield one, and close it."""
    here = Venue(cluster, browsers, directory)
    try:
        yield here
    finally:
        here.close()
