"""An engine with declared LiveKitServers: each with a LiveKit in memory, a Secret and an object."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.kubernetes.resources import LIVEKIT_SERVERS, SECRETS
from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
from roomkeeper.api import common
from roomkeeper.domain.livekit import Credentials
from roomkeeper.domain.objects import SERVER, Key
from roomkeeper.engine.wakeups import SUSPICION_SECONDS
from tests.unit.engine.harness import Engine

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.servers import KnownServer

URL = "wss://main.example.com"
PROVIDER = "livekit"
MAIN = Key(SERVER, PROVIDER, "main")
KEY = Credentials("APImain", "the-secret-of-main-with-forty-characters")
NEW_KEY = Credentials("APInew", "the-secret-of-the-new-key-is-long-enough")
NEW_SECRET = Credentials(KEY.api_key, "another-secret-under-the-very-same-name")
SECRET = "livekit-api"


class Fleet(Engine):
    """Servers come and go beside the operator's own."""

    def add_livekit(self, url: str = URL, *accepted: Credentials) -> InMemoryLiveKit:
        """Have a LiveKit answer at an address; it accepts KEY unless other credentials are given."""
        livekit = self.livekits[url] = InMemoryLiveKit(self.clock)
        livekit.accepted.update(accepted or (KEY,))
        return livekit

    def add_server(
        self,
        name: str = "main",
        *,
        namespace: str = PROVIDER,
        url: str = URL,
        annotations: dict[str, str] | None = None,
        **spec: Any,
    ) -> Key:
        """Create a LiveKitServer as `kubectl create` does; its Secret is another matter."""
        body = {
            "apiVersion": common.API_VERSION,
            "kind": SERVER,
            "metadata": {"namespace": namespace, "name": name, "annotations": annotations or {}},
            "spec": {"url": url, "credentialsSecretRef": {"name": SECRET}, **spec},
        }
        self.kubernetes.store.create(LIVEKIT_SERVERS, body)
        return Key(SERVER, namespace, name)

    def keep(self, credentials: Credentials = KEY, *, namespace: str = PROVIDER, name: str = SECRET) -> None:
        """Have the Secret of a server hold these credentials, whatever it held before."""
        data = {"LIVEKIT_API_KEY": credentials.api_key, "LIVEKIT_API_SECRET": credentials.api_secret}
        self.keep_data(data, namespace=namespace, name=name)

    def keep_data(self, data: dict[str, str], *, namespace: str = PROVIDER, name: str = SECRET) -> None:
        """Have a Secret with exactly this data."""
        self.lose(namespace=namespace, name=name)
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        metadata = {"namespace": namespace, "name": name}
        self.kubernetes.store.create(
            SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
        )

    def lose(self, *, namespace: str = PROVIDER, name: str = SECRET) -> None:
        """Delete a Secret, if it is there."""
        there = [body["metadata"] for body in self.kubernetes.store.list(SECRETS, namespace=namespace)]
        if any(meta["name"] == name for meta in there):
            self.kubernetes.store.delete(SECRETS, namespace=namespace, name=name)

    def edit_server(self, key: Key = MAIN, **patch: Any) -> None:
        """Merge-patch a LiveKitServer as `kubectl patch` does."""
        self.kubernetes.store.patch(LIVEKIT_SERVERS, namespace=key.namespace, name=key.name, patch=patch)

    def delete_server(self, key: Key = MAIN) -> None:
        """Delete a LiveKitServer as `kubectl delete` does."""
        self.kubernetes.store.delete(LIVEKIT_SERVERS, namespace=key.namespace, name=key.name)

    def server_body(self, key: Key = MAIN) -> Body:
        """Return a LiveKitServer as the API server has it."""
        return self.kubernetes.store.get(LIVEKIT_SERVERS, namespace=key.namespace, name=key.name)

    def server_status(self, key: Key = MAIN) -> Body:
        """Return its status."""
        return self.server_body(key).get("status", {})

    def server_reason(self, key: Key = MAIN) -> str:
        """Return the reason of its condition Ready, "" when there is none."""
        conditions = self.server_status(key).get("conditions", ())
        return next((each["reason"] for each in conditions if each["type"] == "Ready"), "")

    def known(self, key: Key = MAIN) -> KnownServer:
        """Return what the directory has under this key."""
        known = self.operator.servers.get(key)
        assert known is not None
        return known

    def connection(self, key: Key = MAIN) -> Connection:
        """Return the connection to a server."""
        connection = self.known(key).connection
        assert connection is not None
        return connection

    async def soon(self) -> None:
        """Let the second pass after which the server is looked at again, if it is to be."""
        due = self.queue._due.get(MAIN)
        if due is not None and due <= self.clock.monotonic() + SUSPICION_SECONDS:
            self.clock.advance(SUSPICION_SECONDS)
            self.queue.add_after(MAIN, None)
            await self.reconcile(MAIN)

    def see_namespace(self, name: str, **labels: str) -> None:
        """Have a namespace with these labels, as a watch tells of it."""
        self.wakeups.namespace_event("MODIFIED", {"metadata": {"name": name, "labels": labels}})


async def a_fleet(**spec: Any) -> Fleet:
    """Return a fleet with one server that is Ready and lets everybody in, unless the spec says otherwise."""
    fleet = Fleet()
    fleet.add_livekit()
    fleet.keep()
    fleet.add_server(**{"allowedNamespaces": {"from": "All"}, **spec})
    await fleet.settle()
    assert fleet.server_reason() == "Connected"
    fleet.asked()
    return fleet
