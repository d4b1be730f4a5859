"""A LiveKitServer: what its status shows, and what holds it while objects with our finalizer refer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from roomkeeper.api import common
from roomkeeper.api.server import AutoCreate, WebhookSpec
from roomkeeper.api.server_status import AutoCreateState
from roomkeeper.domain import conditions, policy
from roomkeeper.domain.conditions import Conclusion, Condition, Finding
from roomkeeper.domain.livekit import skew_told
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.rooms import AddFinalizer, RemoveFinalizer, ServerState
from roomkeeper.domain.shards import UNDIVIDED, Shard

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from roomkeeper.api.server import ServerSpec
    from roomkeeper.domain.objects import CustomObject

RESYNC_SECONDS = 60  # where the spec cannot be read
SILENT_RESYNCS = 2  # after which a webhook that should have come counts as missing
COUNTS = frozenset({"rooms", "recordings"})
SCHEMES = frozenset({"ws", "wss", "http", "https"})


@dataclass(frozen=True, slots=True)
class ServerWorld:
    """Everything that is known about one LiveKitServer at one moment."""

    server: CustomObject
    spec: ServerSpec | None  # None: what is stored cannot be read, and `spec_error` says why
    spec_error: str
    state: ServerState
    now: datetime
    credentials_problem: Finding | None = None  # SecretNotFound, or what is wrong with what is in it
    auto_create: bool | None = None  # as probed; None: nobody knows yet
    has_redis: bool | None = None  # as ListEgress tells; None: nobody asked
    has_recorded: bool = False  # a start of an egress has worked since this process began
    webhook_seen: datetime | None = None  # when the last one that it signed came
    active_since: datetime | None = (
        None  # since when a resync has found changes of which a webhook should have told
    )
    skew_seconds: int = 0  # by how much its clock is ahead of ours, where it refuses the credentials for that
    rooms: int = 0  # Rooms on it
    recordings: int = 0  # that run on it
    in_use: bool = False  # an object of this shard with our finalizer refers to it
    shard: Shard = UNDIVIDED
    selector_unusable: bool = False  # allowedNamespaces selects, and the operator cannot read namespaces


def plan(world: ServerWorld) -> tuple[AddFinalizer | RemoveFinalizer, ...]:
    """Return what to do about the finalizer: it stays while somebody needs the credentials to clean up.

    Every shard holds the server for its own objects; what is left of a time with other shards is of whoever writes status.
    """
    ours, finalizers = world.shard.in_use_finalizer, world.server.finalizers
    left_over = world.shard.left_over(finalizers) if world.shard.takes(world.server) else []
    gone = [*left_over, *([ours] if ours in finalizers and not world.in_use else [])]
    is_wanted = world.in_use and ours not in finalizers and world.server.deleted_at is None
    added = (AddFinalizer(ours),) if is_wanted else ()
    return (*added, *(RemoveFinalizer(finalizer=name) for name in gone))


def conclude(world: ServerWorld) -> Conclusion:
    """Return the status of what is now, and the outcome."""
    ready = _ready(world)
    outcome = _outcome(world, ready)
    shown = [ready, _egress(world), _webhooks(world), *conditions.abnormal(outcome, ready)]
    before = world.server.status
    status: dict[str, Any] = {
        **before,
        "observedGeneration": world.server.generation,
        "autoCreate": _auto_create_state(world),
        "rooms": world.rooms,
        "recordings": world.recordings,
        "conditions": conditions.render(
            shown,
            previous=before.get("conditions", ()),
            generation=world.server.generation,
            now=world.now,
        ),
    }
    if asked := world.server.annotations.get(common.ANNOTATION_RECONCILE_AT):
        status["lastHandledReconcileAt"] = asked
    return Conclusion(status, outcome)


def auto_create(spec: ServerSpec | None, probed: bool | None) -> bool | None:  # noqa: FBT001 - three answers
    """Tell whether a join creates its room: what is declared, else what was probed; None: nobody knows yet."""
    match spec.auto_create if spec else AutoCreate.AUTO:
        case AutoCreate.ENABLED:
            return True
        case AutoCreate.DISABLED:
            return False
        case AutoCreate.AUTO:
            return probed


def webhooks_are_silent(
    *, seen: datetime | None, active_since: datetime | None, now: datetime, resync_seconds: float
) -> bool:
    """Tell whether rooms have been changing for some resyncs of which no webhook has told."""
    if active_since is None or (seen is not None and seen >= active_since):
        return False
    return (now - active_since).total_seconds() >= SILENT_RESYNCS * resync_seconds


def obstacle(world: ServerWorld) -> Finding | None:
    """Return the first thing that only a person can change, before anything is asked of the server."""
    return next((finding for check in CHECKS if (finding := check(world))), None)


def spec_is_unreadable(world: ServerWorld) -> Finding | None:
    """Check that what is stored is what this version understands."""
    return Finding(Reason.INVALID_SPEC, world.spec_error) if world.spec is None else None


def is_webhook_url(url: str) -> bool:
    """Tell whether LiveKit can be told to send webhooks there: what `spec.webhook.url` takes."""
    try:
        WebhookSpec.model_validate({"url": url})
    except ValidationError:
        return False
    return _is_url(url)


def url_is_unusable(world: ServerWorld) -> Finding | None:
    """Check every address; the message repeats none, as people put passwords into URLs."""
    spec = world.spec
    if spec is None:
        return None
    addresses = {
        "spec.url": spec.url,
        "spec.apiURL": spec.effective_api_url,
        "spec.webhook.url": spec.webhook.url or spec.url,
    }
    for field, url in addresses.items():
        if not _is_url(url):
            return Finding(
                Reason.INVALID_URL,
                f"{field}: must be ws, wss, http or https with a host and, if need be, a port and a path",
            )
    return None


def selector_is_unusable(world: ServerWorld) -> Finding | None:
    """Check that the labels of namespaces can be read where they decide."""
    if not world.selector_unusable:
        return None
    return Finding(
        Reason.SELECTOR_NEEDS_CLUSTER_SCOPE,
        "spec.allowedNamespaces.from: Selector needs an operator that reads namespaces, and this one runs with -n",
    )


def schema_is_refused(world: ServerWorld) -> Finding | None:
    """Check that the metadataSchema ends soon, whatever it is held against."""
    schema = world.spec.policy.metadata_schema if world.spec else None
    problem = policy.schema_problem(schema) if schema is not None else None
    return Finding(Reason.INVALID_SPEC, f"spec.policy.metadataSchema: {problem}") if problem else None


def credentials_are_missing(world: ServerWorld) -> Finding | None:
    """Check that there are an API key and its secret."""
    return world.credentials_problem


CHECKS: tuple[Callable[[ServerWorld], Finding | None], ...] = (
    spec_is_unreadable,
    url_is_unusable,
    selector_is_unusable,
    schema_is_refused,
    credentials_are_missing,
)


def _ready(world: ServerWorld) -> Condition:
    if world.server.deleted_at and (users := _users(world)):
        return Condition(
            "Ready", is_true=False, finding=Finding(Reason.IN_USE, f"{users} still use this server")
        )
    trouble = obstacle(world) or _trouble(world)
    if trouble:
        return Condition("Ready", is_true=False, finding=trouble)
    text = "the server answers and accepts the credentials"
    return Condition("Ready", is_true=True, finding=Finding(Reason.CONNECTED, text))


def _users(world: ServerWorld) -> str:
    """Return who holds the server, in words for people; "": nobody."""
    if world.in_use:
        return f"{world.rooms} Rooms and {world.recordings} Recordings"
    others = [
        name.removeprefix(f"{common.IN_USE_FINALIZER}-")
        for name in world.server.finalizers
        if name.startswith(f"{common.IN_USE_FINALIZER}-")
    ]
    return f"objects of shard {', '.join(others)}" if others else ""


def _trouble(world: ServerWorld) -> Finding | None:
    match world.state:
        case ServerState.ACCEPTED:
            return None
        case ServerState.REFUSED:
            why = f": {skew_told(world.skew_seconds)}" if world.skew_seconds else ""
            return Finding(Reason.INVALID_CREDENTIALS, f"LiveKit refuses the API key or its secret{why}")
        case ServerState.UNREACHABLE:
            return Finding(Reason.SERVER_UNREACHABLE, "LiveKit does not answer")
        case ServerState.UNKNOWN:
            return Finding(Reason.SERVER_UNREACHABLE, "LiveKit has not answered yet")


def _egress(world: ServerWorld) -> Condition:
    if world.has_redis is False:
        finding = Finding(Reason.NO_REDIS, "this LiveKit has no Redis, so it has no Egress")
        return Condition("EgressAvailable", is_true=False, finding=finding)
    if world.has_recorded or _is_still_true(world, "EgressAvailable"):
        finding = Finding(Reason.EGRESS_AVAILABLE, "a recording has been started")
        return Condition("EgressAvailable", is_true=True, finding=finding)
    finding = Finding(Reason.NOT_TRIED_YET, "it shows when a recording is started")
    return Condition("EgressAvailable", is_true=None, finding=finding)


def _webhooks(world: ServerWorld) -> Condition:
    seen = world.webhook_seen
    if webhooks_are_silent(
        seen=seen, active_since=world.active_since, now=world.now, resync_seconds=_resync_seconds(world)
    ):
        text = "rooms change and no webhook tells, so everything takes a resync"
        finding = Finding(Reason.NONE_SEEN_WHILE_ROOMS_ACTIVE, text)
        return Condition("WebhooksReceived", is_true=False, finding=finding)
    if seen or _is_still_true(world, "WebhooksReceived"):
        finding = Finding(Reason.RECEIVED, "webhooks arrive")
        return Condition("WebhooksReceived", is_true=True, finding=finding)
    finding = Finding(Reason.NO_ROOMS_ACTIVE, "nothing has happened of which a webhook could have told")
    return Condition("WebhooksReceived", is_true=None, finding=finding)


def _is_still_true(world: ServerWorld, kind: str) -> bool:
    """Tell whether status said so of what is declared: a process that has just begun knows less, not otherwise."""
    said = conditions.find(world.server.status.get("conditions", ()), kind)
    if said is None:
        return False
    return (said["status"], said.get("observedGeneration")) == ("True", world.server.generation)


def _outcome(world: ServerWorld, ready: Condition) -> Outcome:
    """Return how it ended. The Secret is not watched and LiveKit's keys are not ours: both are looked at again."""
    resync = _resync_seconds(world)
    if ready.finding.reason is Reason.IN_USE:
        return Waiting(resync)
    if found := obstacle(world):
        return Stalled(resync if found is world.credentials_problem else None)
    match world.state:
        case ServerState.ACCEPTED:
            return Done(resync)
        case ServerState.REFUSED:
            return Stalled(resync)
        case _:
            return Retry()


def _auto_create_state(world: ServerWorld) -> str:
    known = auto_create(world.spec, world.auto_create)
    if known is None:
        return str(AutoCreateState.UNKNOWN)
    return str(AutoCreateState.ENABLED if known else AutoCreateState.DISABLED)


def _resync_seconds(world: ServerWorld) -> int:
    return world.spec.resync_seconds if world.spec else RESYNC_SECONDS


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return (
        parts.scheme in SCHEMES and has_place and "@" not in parts.netloc and not parts.query + parts.fragment
    )
