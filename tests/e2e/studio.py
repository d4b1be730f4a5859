"""A namespace in which rooms are recorded: storage, a Room, Recordings, and what the worker and the bucket really have."""

from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from tests.e2e.tenancy import Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.manifests.base import JSON

BUCKET = "recordings"
S3_SECRET = "the-secret-that-opens-the-bucket"
ROOM = "standup"
ENDED = {"Complete", "Failed", "Aborted", "LimitReached", "Stopped", "Unknown"}


class Studio(Namespace):
    """A Room, a default storage, and Recordings of the Room."""

    @property
    def room_name(self) -> str:
        """The room on LiveKit."""
        return f"{self.namespace}_{ROOM}"

    @property
    def access_key(self) -> str:
        """The key of this namespace's storage, by which its uploads are known."""
        return f"KEY{self.namespace.replace('-', '').upper()}"

    def open(self, **room: Any) -> None:
        """Apply the storage and the Room, and wait for it."""
        spec = {
            "departureTimeoutSeconds": 1,
            "roles": [{"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}}],
        }
        self.furnish()
        self.apply(self.room(ROOM, **{**spec, **room}))
        self.stack.kubectl(
            "wait", "-n", self.namespace, "--for=condition=Ready", f"room/{ROOM}", "--timeout=30s"
        )

    def furnish(self) -> None:
        """Apply the storage, with a bucket behind it."""
        self.stack.s3.create_bucket(BUCKET)
        self.s3_secret("archive-keys", self.access_key)
        self.apply(self.storage("archive", default=True))

    def s3_secret(self, name: str, access_key: str) -> None:
        """Apply the credentials of a storage."""
        self.apply(self.s3_keys(name, access_key))

    def s3_keys(self, name: str, access_key: str) -> JSON:
        """Return the manifest of the credentials of a storage."""
        data = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": S3_SECRET}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}

    def s3_target(self, secret: str = "archive-keys") -> JSON:
        """Return the bucket as a storage or a Recording declares it."""
        return {
            "bucket": BUCKET,
            "region": "eu-central-1",
            "endpoint": self.stack.s3.endpoint,
            "forcePathStyle": True,
            "credentialsSecretRef": {"name": secret},
        }

    def storage(self, name: str, *, default: bool = False, **spec: Any) -> JSON:
        """Return the manifest of a RecordingStorage."""
        annotations = {"roomkeeper.dev/is-default-storage": "true"} if default else {}
        return {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "RecordingStorage",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"s3": self.s3_target(), **spec},
        }

    def recording(self, name: str, **spec: Any) -> JSON:
        """Return the manifest of a Recording: a room composite to a file, unless told otherwise."""
        room = {} if "roomName" in spec or "roomRef" in spec else {"roomRef": {"name": ROOM}}
        composite = {
            "source": {"roomComposite": {"layout": "grid"}},
            "outputs": {"file": {"filepath": f"{name}.mp4"}},
        }
        return {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "Recording",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {**room, **composite, **spec},
        }

    def record(self, name: str = "talk", **spec: Any) -> None:
        """Apply a Recording."""
        self.apply(self.recording(name, **spec))

    def status(self, name: str = "talk") -> JSON:
        """Return the status of a Recording; empty while it has none."""
        found = self.get("recording", name)
        status: JSON = found["status"] if found else {}
        return status

    def state(self, name: str = "talk") -> str:
        """Return the state of a Recording."""
        return str(self.status(name).get("state", ""))

    def is_(self, state: str, name: str = "talk") -> bool:
        """Tell whether a Recording is in a state; one that is over in another fails at once."""
        status = self.status(name)
        now = status.get("state")
        if now in ENDED and now != state:
            raise RecordingOverError(f"{name} is {now}, not {state}: {json.dumps(status.get('conditions'))}")
        return bool(now == state)

    def recording_condition(self, name: str = "talk", kind: str = "Ready") -> JSON:
        """Return a condition of a Recording; LookupError while it has none."""
        found = [one for one in self.status(name).get("conditions", ()) if one["type"] == kind]
        if not found:
            raise LookupError(f"{name} has no condition {kind}")
        return dict(found[0])

    def refused(self, reason: str, name: str = "talk") -> str:
        """Return what Ready of a Recording says, if somebody has to act for this reason."""
        ready, stalled = self.recording_condition(name), self.recording_condition(name, "Stalled")
        assert (ready["status"], ready["reason"], stalled["status"]) == ("False", reason, "True"), ready
        return str(ready["message"])

    def stop(self, name: str = "talk") -> None:
        """Declare that a Recording is to end."""
        patch = json.dumps({"spec": {"desiredState": "Stopped"}})
        self.stack.kubectl("patch", "recording", name, "-n", self.namespace, "--type=merge", "-p", patch)

    def egresses(self, room: str = "") -> list[StandinEgress]:
        """Return all egresses of the room that the worker was ever asked for, but those it refused."""
        return [one for one in self.stack.egress_standin.egresses(room or self.room_name) if one.status]

    def never_two(self, room: str = "") -> None:
        """Fail if two egresses of the room ever ran at the same time."""
        ran = sorted((one.started, one.ended, one.id) for one in self.egresses(room) if one.started)
        for (_, ended, earlier), (started, _, later) in pairwise(ran):
            assert ended, f"{earlier} still runs beside {later}"
            assert ended <= started, f"{earlier} ended at {ended}, {later} began at {started}"

    def objects(self, prefix: str = "") -> list[str]:
        """Return the keys of this namespace in the bucket, but the manifests."""
        keys = self.stack.s3.keys(BUCKET, f"{self.namespace}/{prefix}")
        return [key for key in keys if not key.endswith(".json")]


AnyStudio = TypeVar("AnyStudio", bound=Studio)


@contextmanager
def opened(here: AnyStudio) -> Iterator[AnyStudio]:
    """Have a namespace with its storage and Room for a while; at the end nothing in it tells a secret."""
    here.stack.kubectl("create", "namespace", here.namespace)
    here.open()
    yield here
    here.clear(S3_SECRET)


class RecordingOverError(Exception):
    """A Recording ended otherwise than the test waits for; it never becomes what is awaited."""
