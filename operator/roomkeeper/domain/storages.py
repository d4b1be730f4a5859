"""A RecordingStorage: to whom it serves, where in it a namespace writes, and what its status shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomkeeper.api import common, storage_target
from roomkeeper.api.namespaces import From
from roomkeeper.domain import conditions, egress, object_keys
from roomkeeper.domain.conditions import Conclusion, Condition, Finding
from roomkeeper.domain.object_keys import KeyTemplateError
from roomkeeper.domain.outcomes import Done, Outcome, Stalled
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from roomkeeper.api.recording_storage import RecordingStorageSpec
    from roomkeeper.api.storage_target import StorageTarget
    from roomkeeper.domain.egress import Target
    from roomkeeper.domain.objects import CustomObject, Key

# No namespace has a slash in it, so what one of them is given never begins with what another is given.
_NAMESPACE_FOLDER = "{namespace}/"

NOT_ALLOWED = Finding(Reason.STORAGE_NOT_ALLOWED, Reason.STORAGE_NOT_ALLOWED.advice)
"""The one answer to whoever may not use a storage: also where there is none, so that nobody learns of one."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage that a Recording may be put on."""

    key: Key
    uid: str
    spec: RecordingStorageSpec
    is_default: bool = False  # whoever runs the operator has named it for all (--default-storage)

    @property
    def ref(self) -> dict[str, str]:
        """What status.storageRef of a Recording keeps."""
        return {"namespace": self.key.namespace, "name": self.key.name, "uid": self.uid}

    def key_prefix(self, namespace: str) -> str:
        """Return what stands before every key of a namespace's Recordings; KeyTemplateError: it cannot be a key."""
        return object_keys.render(self.spec.prefix_template, known={"namespace": namespace}, left=frozenset())

    def may_serve(self, namespace: str) -> bool:
        """Tell whether a namespace has a place of its own in it; whether it is let in is another question."""
        return namespace == self.key.namespace or _NAMESPACE_FOLDER in self.spec.prefix_template

    def may_tell(self, server: Key) -> bool:
        """Tell whether a LiveKitServer may have the credentials: they travel in the request.

        The server of the operator's own environment has no namespace, and cannot be named.
        """
        named = self.spec.allowed_servers
        if not named:
            return server.namespace in ("", self.key.namespace)
        return any(
            (ref.namespace or self.key.namespace, ref.name) == (server.namespace, server.name)
            for ref in named
        )


@dataclass(frozen=True, slots=True)
class StorageWorld:
    """Everything that is known about one RecordingStorage at one moment."""

    storage: CustomObject
    spec: RecordingStorageSpec | None  # None: what is stored cannot be read, and `spec_error` says why
    spec_error: str
    now: datetime
    target: Target | Finding | None = None  # None: nobody looked
    selector_unusable: bool = False  # allowedNamespaces selects, and the operator cannot read namespaces
    recheck_seconds: float = 60.0  # the Secret is not watched


def conclude(world: StorageWorld) -> Conclusion:
    """Return the status of what is now, and the outcome."""
    trouble = obstacle(world)
    finding = trouble or _ready(world)
    ready = Condition("Ready", is_true=trouble is None, finding=finding)
    outcome = _outcome(world, trouble)
    before = world.storage.status
    status: dict[str, Any] = {
        **before,
        "observedGeneration": world.storage.generation,
        "conditions": conditions.render(
            [ready, *conditions.abnormal(outcome, ready)],
            previous=before.get("conditions", ()),
            generation=world.storage.generation,
            now=world.now,
        ),
    }
    if asked := world.storage.annotations.get(common.ANNOTATION_RECONCILE_AT):
        status["lastHandledReconcileAt"] = asked
    return Conclusion(status, outcome)


def obstacle(world: StorageWorld) -> Finding | None:
    """Return the first thing that only a person can change."""
    return next((finding for check in CHECKS if (finding := check(world))), None)


def spec_is_unreadable(world: StorageWorld) -> Finding | None:
    """Check that what is stored is what this version understands."""
    return Finding(Reason.INVALID_SPEC, world.spec_error) if world.spec is None else None


def prefix_is_unusable(world: StorageWorld) -> Finding | None:
    """Check that what stands before every key can do so."""
    if world.spec is None:
        return None
    try:
        Storage(world.storage.key, world.storage.uid, world.spec).key_prefix(world.storage.key.namespace)
    except KeyTemplateError as error:
        return object_keys.refused("spec.prefixTemplate", error)
    return None


def tenants_would_meet(world: StorageWorld) -> Finding | None:
    """Check that every namespace that is let in has a place of its own."""
    spec = world.spec
    if spec is None or spec.allowed_namespaces.from_ is From.SAME:
        return None
    if _NAMESPACE_FOLDER in spec.prefix_template:
        return None
    return Finding(
        Reason.PREFIX_WITHOUT_NAMESPACE,
        "spec.prefixTemplate: must hold {namespace}/, since spec.allowedNamespaces lets others in; until then it"
        " serves its own namespace only",
    )


def selector_is_unusable(world: StorageWorld) -> Finding | None:
    """Check that the labels of namespaces can be read where they decide."""
    if not world.selector_unusable:
        return None
    return Finding(
        Reason.SELECTOR_NEEDS_CLUSTER_SCOPE,
        "spec.allowedNamespaces.from: Selector needs an operator that reads namespaces, and this one runs with -n",
    )


def credentials_are_missing(world: StorageWorld) -> Finding | None:
    """Check that the credentials are there, as far as that shows without using them."""
    return world.target if isinstance(world.target, Finding) else None


CHECKS: tuple[Callable[[StorageWorld], Finding | None], ...] = (
    spec_is_unreadable,
    prefix_is_unusable,
    tenants_would_meet,
    selector_is_unusable,
    credentials_are_missing,
)


def concerns_recordings(before: CustomObject, after: CustomObject) -> bool:
    """Tell whether a storage changed in what its Recordings look at: as it is declared, or whether it can be used."""
    return _concern(before) != _concern(after)


def target(declared: StorageTarget, secret: Mapping[str, str]) -> Target | Finding:
    """Return the store with the credentials of its Secret, or which of them are missing."""
    reference = declared.credentials_secret_ref
    missing = [entry for entry in _needed(declared) if not secret.get(entry)] if reference else []
    if reference and missing:
        text = f"Secret {reference.name!r} has no {' and no '.join(missing)}"
        return Finding(Reason.SECRET_NOT_FOUND, text)
    if reference and declared.gcp and not _is_service_account(secret[storage_target.GCP_CREDENTIALS]):
        text = f"Secret {reference.name!r}: {storage_target.GCP_CREDENTIALS} is not the JSON of a service account"
        return Finding(Reason.SECRET_NOT_FOUND, text)
    return _target(declared, secret if reference else {})


def _target(declared: StorageTarget, secret: Mapping[str, str]) -> Target | Finding:
    if s3 := declared.s3:
        return egress.S3Target(
            bucket=s3.bucket,
            region=s3.region or "",
            endpoint=s3.endpoint or "",
            force_path_style=s3.force_path_style,
            assume_role_arn=s3.assume_role_arn or "",
            access_key=secret.get(storage_target.S3_ACCESS_KEY_ID, ""),
            secret=secret.get(storage_target.S3_SECRET_ACCESS_KEY, ""),
            session_token=secret.get(storage_target.S3_SESSION_TOKEN, ""),
        )
    if gcp := declared.gcp:
        return egress.GCPTarget(bucket=gcp.bucket, credentials=secret.get(storage_target.GCP_CREDENTIALS, ""))
    if azure := declared.azure:
        return egress.AzureTarget(
            container=azure.container_name,
            account_name=azure.account_name,
            account_key=secret.get(storage_target.AZURE_ACCOUNT_KEY, ""),
        )
    if ali := declared.ali_oss:
        return egress.AliOSSTarget(
            bucket=ali.bucket,
            region=ali.region or "",
            endpoint=ali.endpoint,
            access_key=secret.get(storage_target.ALI_OSS_ACCESS_KEY_ID, ""),
            secret=secret.get(storage_target.ALI_OSS_ACCESS_KEY_SECRET, ""),
        )
    return Finding(Reason.INVALID_SPEC, "exactly one of s3, gcp, azure and aliOSS must be given")


def _needed(declared: StorageTarget) -> tuple[str, ...]:
    """Return the entries without which the credentials are none."""
    if declared.s3:
        return storage_target.S3_ACCESS_KEY_ID, storage_target.S3_SECRET_ACCESS_KEY
    if declared.gcp:
        return (storage_target.GCP_CREDENTIALS,)
    if declared.azure:
        return (storage_target.AZURE_ACCOUNT_KEY,)
    return storage_target.ALI_OSS_ACCESS_KEY_ID, storage_target.ALI_OSS_ACCESS_KEY_SECRET


def _concern(storage: CustomObject) -> tuple[Any, ...]:
    ready = conditions.find(storage.status.get("conditions", ()), "Ready") or {}
    return storage.uid, storage.spec, storage.annotations, ready.get("status")


def _is_service_account(text: str) -> bool:
    """Tell whether it is the kind of credentials that Egress takes (livekit/storage: gcp.go, JWTConfigFromJSON)."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("type") == "service_account"


def _ready(world: StorageWorld) -> Finding:
    has_own = world.spec is not None and world.spec.credentials_secret_ref is not None
    text = "its credentials are there" if has_own else "the Egress worker uses its own identity"
    return Finding(Reason.STORAGE_READY, text)


def _outcome(world: StorageWorld, trouble: Finding | None) -> Outcome:
    if trouble is None:
        return Done(world.recheck_seconds)
    return Stalled(world.recheck_seconds if trouble is world.target else None)
