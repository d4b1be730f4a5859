"""Namespaces of a provider and of tenants who record on its LiveKitServer, each with a bucket key of its own."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.e2e.studio import ENDED, ROOM, S3_SECRET, RecordingOverError, Studio
from tests.e2e.support import assert_tells_no_secret, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.manifests.base import JSON

ALL = {"allowedNamespaces": {"from": "All"}}
OURS = ("livekitservers", "recordingstorages", "recordings", "rooms")


class Tenant(Studio):
    """A namespace that records in a Room on somebody's server, or offers server and storage to others."""

    def host(self, name: str = "main", *, policy: JSON | None = None, **server: Any) -> None:
        """Offer the stack's LiveKit to all namespaces."""
        self.offer_livekit(name, self.stack, **{**ALL, "policy": {"recordings": policy or {}}, **server})

    def share(self, name: str = "archive", **spec: Any) -> None:
        """Offer a storage, with credentials of this namespace."""
        self.stack.s3.create_bucket(self.bucket)
        self.s3_secret("archive-keys", self.access_key)
        self.apply(self.storage(name, **spec))

    def main(self) -> JSON:
        """Return how others name the server that is offered here."""
        return {"serverRef": {"namespace": self.namespace, "name": "main"}}

    def archive(self, name: str = "archive") -> JSON:
        """Return how others name the storage that is shared here."""
        return {"storageRef": {"namespace": self.namespace, "name": name}}

    def move_in(self, provider: Tenant | None = None, server: str = "main", room: str = ROOM) -> None:
        """Apply a Room on the server of a provider, or on the operator's own, and wait for it."""
        self.apply(self.uses(provider, server, room, roles=[]) if provider else self.room(room))
        eventually("the Room is Ready", lambda: self.is_ready(room), within=3)

    @property
    def bucket(self) -> str:
        """The bucket that all share."""
        return str(self.s3_target()["bucket"])

    def begin(self, *names: str, **spec: Any) -> None:
        """Apply Recordings that wait for nobody."""
        self.apply(*(self.recording(name, start="Immediately", **spec) for name in names))

    def statuses(self) -> dict[str, JSON]:
        """Return the status of every Recording."""
        return {one["metadata"]["name"]: one.get("status", {}) for one in self.list("recordings")}

    def run(self, *names: str) -> None:
        """Wait until Recordings are Active, all that there are if none is named; one that is over fails at once."""

        def look() -> bool:
            shown = self.statuses()
            states = {name: shown[name].get("state") for name in names or shown}
            if ENDED & set(states.values()):
                raise RecordingOverError(f"not all of these go on: {states}")
            return set(states.values()) == {"Active"}

        eventually(f"{', '.join(names) or 'all'}: being recorded", look, within=5)

    def end(self, *names: str, state: str = "Stopped") -> dict[str, JSON]:
        """Have Recordings stop, unless they end by themselves in another state, and return their statuses."""
        for name in names if state == "Stopped" else ():
            self.stop(name)

        def look() -> dict[str, JSON] | None:
            found = {name: one for name, one in self.statuses().items() if name in names}
            return found if {one["state"] for one in found.values()} == {state} else None

        ended: dict[str, JSON] = eventually(f"{', '.join(names)}: {state}", look, within=5)
        return ended

    def results(self, *names: str) -> list[JSON]:
        """Have Recordings stop, and return what is left of them."""
        return [result for status in self.end(*names).values() for result in status["results"]]

    def is_refused(self, name: str, reason: str, *told: str) -> str:
        """Wait until a Recording is refused for this reason, and check what is told; nothing was asked of LiveKit."""
        message = eventually(f"{name} is refused", lambda: self.refused(reason, name), within=3)
        for part in told:
            assert part in message, message
        assert "attempts" not in self.status(name)
        return message

    def age(self, room: str) -> float:
        """Return for how many seconds a Room is there."""
        found = self.get("room", room)
        assert found
        return time.time() - datetime.fromisoformat(found["metadata"]["creationTimestamp"]).timestamp()

    def patch(self, kind: str, name: str, patch: JSON, subresource: str = "") -> None:
        """Merge a patch as a person does."""
        more = (f"--subresource={subresource}",) if subresource else ()
        self.stack.kubectl(
            "patch", kind, name, "-n", self.namespace, "--type=merge", "-p", json.dumps(patch), *more
        )

    def everything(self) -> str:
        """Return all that people can read in the namespace, but Secrets."""
        return self.stack.kubectl("get", f"{','.join(OURS)},events", "-n", self.namespace, "-o", "json")


@contextmanager
def studios(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    """Yield what makes such namespaces. At the end nothing in them tells a secret, and they go, operator or not."""
    made: list[Tenant] = []

    def make(*labels: str) -> Tenant:
        name = f"t-{uuid.uuid4().hex[:8]}"
        stack.kubectl("create", "namespace", name)
        made.append(Tenant(stack, name))
        if labels:
            made[-1].label(*labels)
        return made[-1]

    yield make
    for one in made:
        assert_tells_no_secret(stack, "an Event or a status", one.everything(), S3_SECRET)
    for one in made:
        _clear(one)


def _clear(one: Tenant) -> None:
    where, kinds = ("-n", one.namespace), ",".join(OURS)
    held = one.stack.kubectl("get", kinds, *where, "-o", "name").split()
    if held:
        one.stack.kubectl("delete", *held, *where, "--wait=false")
        unhold = '{"metadata":{"finalizers":null}}'
        one.stack.kubectl("patch", *held, *where, "--type=merge", "-p", unhold, check=False)
    one.stack.kubectl("delete", "namespace", one.namespace, "--wait=false")
