"""What a server lets the Recordings of other namespaces do; what gives reach is refused unless it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api.recording_policy import (
    InlineStoragePolicy,
    StreamPolicy,
    WorkerStoragePolicy,
)
from roomkeeper.domain import recordings
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.storages import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.api.recording import RecordingSpec
    from roomkeeper.api.recording_policy import RecordingPolicySpec
    from roomkeeper.api.storage_target import StorageTarget
    from roomkeeper.domain.recordings import RecordingWorld


def violation(world: RecordingWorld) -> Finding | None:
    """Return the first limit that the Recording passes, naming the field and the limit; its number apart."""
    policy, spec = recordings.limits(world), world.spec
    if policy is None or spec is None:
        return None
    found = (
        *_source(policy.recordings, spec),
        *_streams(policy.recordings, spec),
        *_storage(policy.recordings, world, spec),
        *_seconds(policy.recordings, spec),
    )
    return Finding(Reason.POLICY_VIOLATION, found[0]) if found else None


def quota_violation(world: RecordingWorld) -> Finding | None:
    """Return that the namespace has as many running Recordings as it may have without this one."""
    policy = recordings.limits(world)
    limit = policy.recordings.max_active_per_namespace if policy else None
    if limit is None or recordings.current(world) or world.others_active < limit:
        return None
    return Finding(
        Reason.POLICY_VIOLATION,
        f"{world.others_active} Recordings of this namespace run on this server, and its policy allows {limit}"
        " (maxActivePerNamespace)",
    )


def _source(policy: RecordingPolicySpec, spec: RecordingSpec) -> Iterator[str]:
    kind = spec.source.kind
    if kind not in policy.effective_sources:
        yield f"spec.source.{kind}: the policy of the server does not allow it (recordings.sources)"
    composite, web = spec.source.room_composite, spec.source.web
    page = composite.custom_base_url if composite else None
    if page and page not in policy.custom_base_urls:
        yield (
            "spec.source.roomComposite.customBaseURL: the policy of the server does not allow this page"
            " (recordings.customBaseURLs)"
        )
    if web and web.url not in policy.web_urls:
        yield "spec.source.web.url: the policy of the server does not allow this page (recordings.webURLs)"


def may_stream(world: RecordingWorld) -> bool:
    """Tell whether media may be sent to further addresses now."""
    policy = recordings.limits(world)
    return policy is None or policy.recordings.streams is StreamPolicy.ALLOWED


def _streams(policy: RecordingPolicySpec, spec: RecordingSpec) -> Iterator[str]:
    if policy.streams is StreamPolicy.ALLOWED:
        return
    for name, output in (("stream", spec.outputs.stream), ("websocket", spec.outputs.websocket)):
        if output:
            yield f"spec.outputs.{name}: the policy of the server does not allow it (recordings.streams)"


def _storage(policy: RecordingPolicySpec, world: RecordingWorld, spec: RecordingSpec) -> Iterator[str]:
    if not stores(spec):
        return
    if brought := _brought(world, spec):
        field, target = brought
        if policy.inline_storage is InlineStoragePolicy.FORBIDDEN:
            yield f"{field}: the policy of the server does not allow it (recordings.inlineStorage)"
        yield from _means(field, target)
    elif world.storage is None and policy.worker_storage is WorkerStoragePolicy.FORBIDDEN:
        yield (
            "spec.storageRef: there is no default storage, and the policy of the server does not allow that of the"
            " Egress worker (recordings.workerStorage)"
        )


def _brought(world: RecordingWorld, spec: RecordingSpec) -> tuple[str, StorageTarget] | None:
    """Return a storage that nobody who runs the server has declared, and the field that it stands in or is named by."""
    if spec.storage:
        return "spec.storage", spec.storage
    storage, server = world.storage, world.server
    if not isinstance(storage, Storage) or storage.is_default:
        return None
    is_of_server = server is not None and storage.key.namespace == server.namespace
    return None if is_of_server else ("spec.storageRef", storage.spec)


def _means(field: str, target: StorageTarget) -> Iterator[str]:
    """Hold a storage of a tenant's own to credentials of their own: all else would lend them the worker's identity."""
    if target.credentials_secret_ref is None:
        yield f"{field}: it needs a credentialsSecretRef, since the policy lends nobody the worker's identity"
    if target.s3 and target.s3.assume_role_arn:
        where = f"{field}.s3" if field == "spec.storage" else f"{field}: s3"
        yield f"{where}.assumeRoleARN: the worker would assume it; use credentials of your own"


def _seconds(policy: RecordingPolicySpec, spec: RecordingSpec) -> Iterator[str]:
    limit, asked = policy.max_seconds, spec.active_deadline_seconds
    if limit is not None and asked is not None and asked > limit:
        yield (
            f"spec.activeDeadlineSeconds: {asked} is more than the {limit} that the policy of the server allows"
            " (recordings.maxSeconds)"
        )


def stores(spec: RecordingSpec) -> bool:
    """Tell whether anything goes into a storage."""
    return bool(spec.outputs.file or spec.outputs.hls or spec.outputs.images)
