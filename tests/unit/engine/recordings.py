"""An engine with Recordings: of Rooms and rooms on the operator's own LiveKit, and on those that others offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.api import common
from roomkeeper.domain.objects import RECORDING, SCHEDULE, Key
from roomkeeper.engine.kinds import KINDS
from tests.unit.engine.fleet import KEY, MAIN
from tests.unit.engine.warehouse import KEYS, PROVIDER, TENANT, Warehouse

if TYPE_CHECKING:
    from roomkeeper.adapters.livekit.memory import InMemoryLiveKit
    from roomkeeper.adapters.ports import Body
    from roomkeeper.domain.egress import Egress
    from roomkeeper.domain.livekit import WebhookEvent

COMPOSITE = {"source": {"roomComposite": {}}, "outputs": {"file": {"filepath": "talk.mp4"}}}
IS_DEFAULT = {common.ANNOTATION_IS_DEFAULT_STORAGE: "true"}
FINALIZER = common.FINALIZER


class Recorder(Warehouse):
    """Recordings come and go."""

    def record(self, name: str = "talk", *, namespace: str = TENANT, **spec: Any) -> Key:
        """Create a Recording as `kubectl create` does; it waits for nobody. None takes a field away."""
        declared = {"roomName": f"{namespace}_standup", **COMPOSITE, "start": "Immediately", **spec}
        body = {
            "apiVersion": common.API_VERSION,
            "kind": RECORDING,
            "metadata": {"namespace": namespace, "name": name},
            "spec": {name: value for name, value in declared.items() if value is not None},
        }
        self.kubernetes.store.create(RECORDINGS, body)
        return Key(RECORDING, namespace, name)

    def schedule(self, name: str, *, namespace: str = TENANT, **spec: Any) -> Key:
        """Create a RecordingSchedule that records every session of a room."""
        template = {"spec": {**COMPOSITE, **spec}}
        body = {
            "apiVersion": common.API_VERSION,
            "kind": SCHEDULE,
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"trigger": "EverySession", "recordingTemplate": template},
        }
        self.kubernetes.store.create(KINDS[SCHEDULE], body)
        return Key(SCHEDULE, namespace, name)

    def shown(self, key: Key) -> Body:
        """Return the status of a Recording."""
        status: Body = self.seen(key).get("status", {})
        return status

    def state(self, key: Key) -> str:
        """Return its state."""
        return str(self.shown(key).get("state", ""))

    def hear(self, event: WebhookEvent) -> None:
        """Have a webhook of the provider's LiveKit on its way."""
        self._on_the_way.append(lambda: self.wakeups.webhook(event, KEY))

    async def play(self, steps: int = 1, *, of: InMemoryLiveKit | None = None) -> None:
        """Have the workers go on by some steps, and the operator hear of each."""
        for _ in range(steps):
            (of or self.livekit).tick()
            await self.settle()

    def delete_recording(self, key: Key) -> None:
        """Delete a Recording as `kubectl delete` does."""
        self.kubernetes.store.delete(RECORDINGS, namespace=key.namespace, name=key.name)

    def forget_by_force(self, key: Key) -> None:
        """Take the finalizers away and delete, as people do who do not want to wait."""
        self.patch(key, metadata={"finalizers": None})
        where = {"namespace": key.namespace, "name": key.name}
        if any(body["metadata"]["name"] == key.name for body in self.kubernetes.store.list(RECORDINGS)):
            self.kubernetes.store.delete(RECORDINGS, **where)


async def live_egresses(livekit: InMemoryLiveKit) -> list[Egress]:
    """Return what runs on a LiveKit."""
    return await livekit.list_egress(active=True)


async def a_recorder(default_storage: Key | None = None, **policy: Any) -> Recorder:
    """Return an engine whose provider offers a server and a storage to all, and whose tenant has a live room there."""
    recorder = Recorder(default_storage=default_storage)
    recorder.keep_data(KEYS, namespace=PROVIDER, name="keys")
    recorder.keep(namespace=MAIN.namespace)
    livekit = recorder.add_livekit()
    livekit.on_event = recorder.hear
    everybody = {"allowedNamespaces": {"from": "All"}}
    recorder.add_server(**everybody, policy={"recordings": policy})
    recorder.add_storage(**everybody, allowedServers=[{"namespace": MAIN.namespace, "name": MAIN.name}])
    livekit.join(f"{TENANT}_standup", "alice", is_publisher=True)
    await recorder.settle()
    assert recorder.server_reason() == "Connected"
    return recorder


ON_MAIN = {
    "serverRef": {"namespace": MAIN.namespace, "name": MAIN.name},
    "storageRef": {"namespace": PROVIDER, "name": "archive"},
}
