"""An engine with storages, beside its servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.api import common
from roomkeeper.api.recording import RecordingSpec
from roomkeeper.domain.objects import RECORDING, STORAGE, CustomObject, Key
from roomkeeper.domain.storages import Storage
from roomkeeper.engine.kinds import KINDS
from roomkeeper.engine.servers import OWN, KnownServer
from tests.unit.engine.fleet import Fleet

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body
    from roomkeeper.domain.conditions import Finding

TENANT, PROVIDER = "team-a", "provider"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "very-secret"}
ENVIRONMENT = KnownServer(OWN, "wss://livekit.example.com")


class Warehouse(Fleet):
    """Storages come and go."""

    def add_storage(
        self,
        name: str = "archive",
        *,
        namespace: str = PROVIDER,
        annotations: dict[str, str] | None = None,
        **spec: Any,
    ) -> Key:
        """Create a RecordingStorage as `kubectl create` does; its Secret is another matter."""
        body = {
            "apiVersion": common.API_VERSION,
            "kind": STORAGE,
            "metadata": {"namespace": namespace, "name": name, "annotations": annotations or {}},
            "spec": {"s3": {"bucket": "media", "credentialsSecretRef": {"name": "keys"}}, **spec},
        }
        self.kubernetes.store.create(KINDS[STORAGE], body)
        self.deliver()
        return Key(STORAGE, namespace, name)

    def patch(self, key: Key, **patch: Any) -> None:
        """Merge-patch an object as `kubectl patch` does."""
        self.kubernetes.store.patch(KINDS[key.kind], namespace=key.namespace, name=key.name, patch=patch)

    def seen(self, key: Key) -> Body:
        """Return an object as the API server has it."""
        return self.kubernetes.store.get(KINDS[key.kind], namespace=key.namespace, name=key.name)

    def reason(self, key: Key) -> str:
        """Return the reason of its condition Ready."""
        conditions = self.seen(key).get("status", {}).get("conditions", ())
        return next((each["reason"] for each in conditions if each["type"] == "Ready"), "")

    def message(self, key: Key) -> str:
        """Return the message of its condition Ready."""
        conditions = self.seen(key).get("status", {}).get("conditions", ())
        return next((each["message"] for each in conditions if each["type"] == "Ready"), "")

    def resolve(
        self, server: KnownServer = ENVIRONMENT, *, status: dict[str, Any] | None = None, **spec: Any
    ) -> Key | Finding | None:
        """Return where a Recording of the tenant would be put."""
        declared = {"source": {"roomComposite": {}}, "outputs": {"file": {}}, **spec}
        metadata = {
            "namespace": TENANT,
            "name": "standup",
            "uid": "uid-of-the-recording",
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }
        body = {"metadata": metadata, "spec": declared, "status": status or {}}
        found = self.operator.storages.resolve(
            CustomObject.from_body(RECORDING, body), RecordingSpec.model_validate(declared), server
        )
        return found.key if isinstance(found, Storage) else found
