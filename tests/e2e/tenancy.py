"""Namespaces of providers and tenants, and the LiveKitServers between them."""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from roomkeeper.localstack import LocalStack
from tests.e2e.support import RESYNC_SECONDS, Cluster, assert_tells_no_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.e2e.manifests.base import JSON

# What the default policy lets a role have, all of it.
SAFE_GRANTS = {
    "canSubscribe": True,
    "canPublish": True,
    "canPublishSources": ["camera", "microphone"],
    "canPublishData": True,
    "canUpdateOwnMetadata": True,
    "canSubscribeMetrics": True,
}
ROLES = [{"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}]


class Namespace(Cluster):
    """A namespace that offers servers, or uses those of others."""

    def offer(
        self, name: str, url: str, key: str, secret: str, *, annotations: Mapping[str, str] = {}, **spec: Any
    ) -> None:
        """Apply a LiveKitServer and its credentials, or change both."""
        self.credentials(f"{name}-api", key, secret)
        self.server(name, url, annotations=annotations, **spec)

    def offer_livekit(self, name: str, of: LocalStack, **more: Any) -> None:
        """Offer the LiveKit of a stack."""
        self.offer(name, of.livekit.url, of.livekit.api_key, of.livekit.api_secret, **more)

    def credentials(self, name: str, key: str, secret: str) -> None:
        """Apply a Secret as credentialsSecretRef wants it."""
        data = {"LIVEKIT_API_KEY": key, "LIVEKIT_API_SECRET": secret}
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})

    def server(self, name: str, url: str, *, annotations: Mapping[str, str] = {}, **spec: Any) -> None:
        """Apply a LiveKitServer alone."""
        declared = {
            "url": url,
            "credentialsSecretRef": {"name": f"{name}-api"},
            "resyncSeconds": RESYNC_SECONDS,
            **spec,
        }
        self.apply(
            {
                "apiVersion": "roomkeeper.dev/v1alpha1",
                "kind": "LiveKitServer",
                "metadata": {"name": name, "annotations": dict(annotations)},
                "spec": declared,
            }
        )

    def uses(self, server: Namespace, name: str, room: str, **spec: Any) -> JSON:
        """Return the manifest of a Room on somebody's server."""
        reference = {"namespace": server.namespace, "name": name}
        return self.room(room, serverRef=reference, **{"roles": ROLES, **spec})

    def server_condition(self, name: str, kind: str = "Ready") -> JSON:
        """Return a condition of a LiveKitServer; LookupError while it has none."""
        found = self.get("livekitserver", name)
        conditions = found["status"].get("conditions", []) if found else []
        return next(one for one in [*conditions, {"type": kind}] if one["type"] == kind and len(one) > 1)

    def server_says(self, name: str, status: str, reason: str, kind: str = "Ready") -> JSON:
        """Return that condition, if it says this."""
        found = self.server_condition(name, kind)
        assert (found["status"], found["reason"]) == (status, reason), found
        return found

    def says(self, room: str, reason: str, status: str = "False") -> str:
        """Return what Ready of a Room tells, if it is for this reason and of the present generation."""
        found, told = self.get("room", room), self.condition(room)
        assert found
        assert (told["status"], told["reason"]) == (status, reason), told
        assert told["observedGeneration"] == found["metadata"]["generation"]
        return str(told["message"])

    def told(self, name: str) -> list[tuple[str, str, str]]:
        """Return type, reason and message of all Events about an object, sorted."""
        return sorted(
            (one["type"], one["reason"], one["message"])
            for one in self.list("events")
            if one["involvedObject"]["name"] == name
        )

    def token(self, secret: str) -> str:
        """Return the token that a Secret of a role holds."""
        found = self.secret(secret)
        assert found, secret
        return found["LIVEKIT_TOKEN"]

    def claims(self, secret: str) -> JSON:
        """Return what that token says."""
        payload = self.token(secret).split(".")[1]
        claims: JSON = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def grants(self, secret: str) -> JSON:
        """Return the video grants of that token."""
        video: JSON = self.claims(secret)["video"]
        return video

    def label(self, *labels: str) -> None:
        """Change labels of the namespace: KEY=VALUE, or KEY- to remove one."""
        self.stack.kubectl("label", "namespace", self.namespace, *labels, "--overwrite")


@contextmanager
def namespaces(stack: LocalStack) -> Iterator[Callable[..., Namespace]]:
    """Yield what makes namespaces; nothing in them tells a secret, and they go at the end, operator or not."""
    made: list[Namespace] = []

    def make(*labels: str) -> Namespace:
        name = f"t-{uuid.uuid4().hex[:8]}"
        stack.kubectl("create", "namespace", name)
        made.append(Namespace(stack, name))
        if labels:
            made[-1].label(*labels)
        return made[-1]

    yield make
    for one in made:
        if one.stack.kubectl("get", "namespace", one.namespace, "--ignore-not-found").strip():
            _clear(one)


def _clear(one: Namespace) -> None:
    where, kinds = ("-n", one.namespace), "rooms,livekitservers"
    told = one.stack.kubectl("get", f"{kinds},events", *where, "-o", "json")
    assert_tells_no_secret(one.stack, "an Event or a status", told)
    held = one.stack.kubectl("get", kinds, *where, "-o", "name").split()
    if held:
        one.stack.kubectl("delete", *held, *where, "--wait=false")
        unhold = '{"metadata":{"finalizers":null}}'
        one.stack.kubectl("patch", *held, *where, "--type=merge", "-p", unhold, check=False)
    one.stack.kubectl("delete", "namespace", one.namespace, "--wait=false")


def another_livekit(stack: LocalStack, directory: Path, **more: Any) -> LocalStack:
    """Return a second LiveKit, not started, whose webhooks go to the same operator unless told otherwise."""
    webhook = f"http://127.0.0.1:{stack.operator_port}/livekit/webhook"
    parts = more.pop("parts", ("redis", "livekit"))
    return LocalStack(directory=directory, parts=parts, **{"webhook_url": webhook, **more})


def room_names(of: LocalStack) -> list[str]:
    """Return the names of all rooms of a stack's LiveKit, by its own SDK."""
    return [room.name for room in rooms(of)]


def rooms(of: LocalStack) -> list[Any]:
    """Return all rooms of a stack's LiveKit."""
    import asyncio  # noqa: PLC0415

    from livekit.protocol import room as pb  # noqa: PLC0415

    from tests.e2e.support import with_livekit  # noqa: PLC0415

    async def ask(client: Any) -> list[Any]:
        return list((await client.room.list_rooms(pb.ListRoomsRequest())).rooms)

    return asyncio.run(with_livekit(of, ask))
