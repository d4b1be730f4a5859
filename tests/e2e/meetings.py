"""A namespace with a LiveKitServer of its own and many Rooms, each with a meeting and a Recording of the same name."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.e2e.crowd import Crowd
from tests.e2e.looks import own_server
from tests.e2e.studio import BUCKET, ENDED, S3_SECRET, RecordingOverError, Studio
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.manifests.base import JSON

ROLES = [{"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}]
CHANGES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Meetings(Studio):
    """Rooms, who is in them, and what of them is recorded; `media` is the stack whose LiveKit it is."""

    def __init__(self, stack: LocalStack, namespace: str, crowd: Crowd, media: LocalStack) -> None:
        super().__init__(stack, namespace)
        self.crowd = crowd
        self.media = media

    def move_in(self, **server: Any) -> None:
        """Declare the server and the storage: no policy limits what is in the same namespace."""
        self.stack.s3.create_bucket(BUCKET)
        own_server(self, livekit=self.media.livekit, **server)
        self.s3_secret("archive-keys", self.access_key)
        self.apply(self.storage("archive", default=True))

    def hold(self, *names: str, **room: Any) -> None:
        """Apply Rooms, and wait until people can join them."""
        spec = {"serverRef": {"name": "main"}, "departureTimeoutSeconds": 1, "roles": ROLES, **room}
        self.apply(*(self.room(name, **spec) for name in names))
        ready = f"{len(names)} Rooms are Ready"
        eventually(ready, lambda: set(names) <= set(self.ready_rooms()), within=2 + len(names) / 10)

    def record_all(self, *names: str, **spec: Any) -> None:
        """Apply a Recording of each Room."""
        self.apply(*(self.recording(name, roomRef={"name": name}, **spec) for name in names))

    def join(self, *names: str, sources: Iterable[str] = ("microphone",)) -> None:
        """Have somebody join each of them, and publish."""
        for name in names:
            secret = self.secret(f"{name}.host")
            assert secret
            assert self.crowd.join(self._client(name), secret)
            for source in sources:
                assert self.crowd.publish(self._client(name), source)

    def leave(self, *names: str) -> None:
        """Have them leave."""
        for left in [self.crowd.begin_leave(self._client(name)) for name in names]:
            assert left.result(30) == "left"

    def live_name(self, name: str) -> str:
        """Return what a Room is called on LiveKit."""
        return f"{self.namespace}_{name}"

    def ran(self, name: str) -> list[StandinEgress]:
        """Return the egresses of a room that the worker was ever asked for, but those it refused, in order."""
        found = self.media.egress_standin.egresses(self.live_name(name))
        return [one for one in found if one.status]

    def running(self, *names: str) -> dict[str, list[str]]:
        """Return the egresses that run now, by Room, as the worker knows them."""
        return {name: [one.id for one in self.ran(name) if one.running] for name in names}

    def statuses(self) -> dict[str, JSON]:
        """Return the status of every Recording, by one call."""
        return {one["metadata"]["name"]: one["status"] for one in self.list("recordings")}

    def states(self) -> Counter[str]:
        """Return how many Recordings are in which state."""
        return Counter(status.get("state", "") for status in self.statuses().values())

    def are(self, state: str, names: Iterable[str]) -> bool:
        """Tell whether all of these are in a state; fail at once if one has ended in another."""
        shown = self.statuses()
        for name in names:
            if shown[name].get("state") in ENDED - {state}:
                raise RecordingOverError(f"{name} is {json.dumps(shown[name])}, not {state}")
        return all(shown[name].get("state") == state for name in names)

    def counted(self) -> int:
        """Return how many people publish in all rooms, as the Rooms say."""
        return sum(room["status"].get("numPublishers", 0) for room in self.list("rooms"))

    def written(self, since: int) -> list[tuple[str, str, str]]:
        """Return verb, resource and name of what the operator has written in this namespace."""
        return [
            (call.verb, f"{call.resource}/{call.subresource}".rstrip("/"), call.name)
            for call in self.stack.audit.calls(since=since)
            if call.verb in CHANGES and call.namespace == self.namespace and call.resource != "events"
        ]

    def _client(self, name: str) -> str:
        return f"{self.namespace}/{name}"


@contextmanager
def meetings(stack: LocalStack, *, media: LocalStack | None = None, **server: Any) -> Iterator[Meetings]:
    """Yield such a namespace; at the end nothing in it tells a secret, and it goes, operator or not."""
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    stack.kubectl("create", "namespace", namespace)
    with Crowd() as crowd:
        here = Meetings(stack, namespace, crowd, media or stack)
        here.move_in(**server)
        yield here
    here.clear(S3_SECRET)
