"""Which storage a Recording is put on, and the credentials that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roomkeeper.api import common
from roomkeeper.api.recording_storage import RecordingStorageSpec
from roomkeeper.domain import storages
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.object_keys import KeyTemplateError
from roomkeeper.domain.objects import STORAGE, Key
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.storages import Storage
from roomkeeper.engine.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.adapters.ports import Kubernetes
    from roomkeeper.api.recording import RecordingSpec
    from roomkeeper.api.storage_target import StorageTarget
    from roomkeeper.domain.egress import Target
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.namespaces import NamespaceCache
    from roomkeeper.engine.servers import KnownServer


@dataclass(frozen=True, slots=True)
class StorageDirectory:
    """The rules by which a Recording finds its storage, as a Room finds its server."""

    objects: ObjectCache
    namespaces: NamespaceCache
    default: Key | None  # of Recordings that name none and whose namespace marks none

    def resolve(
        self, recording: CustomObject, spec: RecordingSpec, server: KnownServer
    ) -> Storage | Finding | None:
        """Return the storage: the one of its attempts, else named, else a default; None: the Egress worker's own.

        One that is missing, or that may not serve this namespace or be told to this server, is one and the same answer.
        """
        known_as = recording.status.get("storageRef") if recording.status.get("attempts") else None
        key = self._key_of(recording, spec, known_as)
        if key is None:
            return None
        found = self.objects.get(key)
        if found is None or (known_as and known_as.get("uid") != found.uid):
            return storages.NOT_ALLOWED
        return self._judge(found, recording.key.namespace, server) or storages.NOT_ALLOWED

    def may_be_put_on(self, recording: CustomObject, storage: Key) -> bool:
        """Tell whether what is declared, or was resolved, may be this storage; whether it is allowed is another question."""
        namespace = recording.key.namespace
        named = recording.spec.get("storageRef")
        known_as = recording.status.get("storageRef") or {}
        if (known_as.get("namespace"), known_as.get("name")) == (storage.namespace, storage.name):
            return True
        if named:
            return (named.get("namespace", namespace), named.get("name")) == (storage.namespace, storage.name)
        is_default = storage == self.default or storage.namespace == namespace
        return is_default and not recording.spec.get("storage")

    def _key_of(
        self, recording: CustomObject, spec: RecordingSpec, known_as: Mapping[str, str] | None
    ) -> Key | None:
        if known_as:
            return Key(STORAGE, known_as.get("namespace", ""), known_as.get("name", ""))
        namespace = recording.key.namespace
        if named := spec.storage_ref:
            return Key(STORAGE, named.namespace or namespace, named.name)
        return self._default_of(namespace) or self.default

    def _default_of(self, namespace: str) -> Key | None:
        """Return the storage that a namespace marks as its default; the annotation never counts beyond it."""
        marked = [
            storage.key
            for storage in self.objects.of_kind(STORAGE)
            if storage.key.namespace == namespace
            and storage.annotations.get(common.ANNOTATION_IS_DEFAULT_STORAGE) == "true"
        ]
        return min(marked, default=None)

    def _judge(self, found: CustomObject, namespace: str, server: KnownServer) -> Storage | None:
        try:
            spec = RecordingStorageSpec.model_validate(found.spec)
            storage = Storage(found.key, found.uid, spec, is_default=found.key == self.default)
            storage.key_prefix(namespace)
        except (ValidationError, KeyTemplateError):
            return None
        is_let_in = self.namespaces.lets_in(
            spec.allowed_namespaces, owner=found.key.namespace, namespace=namespace
        )
        is_usable = is_let_in and storage.may_serve(namespace) and storage.may_tell(server.key)
        return storage if is_usable else None


async def read_target(kubernetes: Kubernetes, declared: StorageTarget, namespace: str) -> Target | Finding:
    """Return the store with the credentials of the Secret that it names in that namespace, or what is wrong with it."""
    reference = declared.credentials_secret_ref
    if reference is None:
        return storages.target(declared, {})
    secret = await read_secret(kubernetes, namespace=namespace, name=reference.name)
    return secret if isinstance(secret, Finding) else storages.target(declared, secret)


async def read_storage(kubernetes: Kubernetes, storage: Storage, namespace: str) -> Target | Finding:
    """Return the store for a Recording of a namespace; another one learns nothing of the Secret."""
    found = await read_target(kubernetes, storage.spec, storage.key.namespace)
    if isinstance(found, Finding) and namespace != storage.key.namespace:
        text = (
            "the credentials of the RecordingStorage cannot be read; its status says more to whoever runs it"
        )
        return Finding(Reason.SECRET_NOT_FOUND, text)
    return found
