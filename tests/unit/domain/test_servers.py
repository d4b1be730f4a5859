"""A LiveKitServer: what its status shows of which world, and what holds it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from roomkeeper.api import common, crd
from roomkeeper.api.server import KIND, ServerSpec
from roomkeeper.domain import servers
from roomkeeper.domain.conditions import Finding, find
from roomkeeper.domain.objects import CustomObject, Key
from roomkeeper.domain.outcomes import Done, Retry, Stalled, Waiting
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.rooms import AddFinalizer, RemoveFinalizer, ServerState
from roomkeeper.domain.servers import ServerWorld
from roomkeeper.domain.shards import Shard
from tests.unit.domain.builders import CREATED, NOW
from tests.unit.domain.kstatus import TERMINATING, expected, kstatus

if TYPE_CHECKING:
    from roomkeeper.domain.outcomes import Outcome

SPEC = {"url": "wss://livekit.example.com", "credentialsSecretRef": {"name": "keys"}, "resyncSeconds": 30}
STATUS = Draft202012Validator(crd.schema(KIND)["properties"]["status"])
NO_SECRET = Finding(Reason.SECRET_NOT_FOUND, "Secret 'keys' is not there")
DAYS_AGO = NOW - timedelta(days=2)


def a_server(spec: dict[str, Any] | None = None, **fields: Any) -> ServerWorld:
    """Return a server that answers, but for the fields."""
    declared = SPEC | (spec or {})
    server = CustomObject(
        key=Key("LiveKitServer", "livekit", "main"),
        uid="uid-of-the-server",
        resource_version="7",
        generation=2,
        created_at=CREATED,
        deleted_at=None,
        finalizers=(),
        spec=declared,
        status={"observedGeneration": -1},
    )
    world = ServerWorld(server, ServerSpec.model_validate(declared), "", ServerState.ACCEPTED, NOW)
    changed = {
        name: fields.pop(name) for name in ("finalizers", "deleted_at", "annotations") if name in fields
    }
    return replace(world, server=replace(server, **changed), **fields)


def said(world: ServerWorld, kind: str) -> tuple[str, str]:
    found = find(servers.conclude(world).status["conditions"], kind)
    assert found is not None
    return found["status"], found["reason"]


UNCHECKED = ServerSpec.model_construct(**{**dict(ServerSpec.model_validate(SPEC)), "url": "ftp://x"})


@pytest.mark.parametrize(
    ("world", "ready", "outcome"),
    [
        (a_server(), ("True", "Connected"), Done(30)),
        (a_server(spec=None, state=ServerState.UNREACHABLE), ("False", "ServerUnreachable"), Retry()),
        (a_server(state=ServerState.UNKNOWN), ("False", "ServerUnreachable"), Retry()),
        (a_server(state=ServerState.REFUSED), ("False", "InvalidCredentials"), Stalled(30)),
        (a_server(credentials_problem=NO_SECRET), ("False", "SecretNotFound"), Stalled(30)),
        (a_server(selector_unusable=True), ("False", "SelectorNeedsClusterScope"), Stalled()),
        (replace(a_server(), spec=None, spec_error="spec.url: x"), ("False", "InvalidSpec"), Stalled()),
        (replace(a_server(), spec=UNCHECKED), ("False", "InvalidURL"), Stalled()),
        (a_server({"url": "ws://h:99999"}), ("False", "InvalidURL"), Stalled()),
        (a_server({"apiURL": "http://h:x"}), ("False", "InvalidURL"), Stalled()),
        (a_server({"policy": {"metadataSchema": {"pattern": "a"}}}), ("False", "InvalidSpec"), Stalled()),
        (a_server({"policy": {"metadataSchema": {"type": "object"}}}), ("True", "Connected"), Done(30)),
        (a_server(deleted_at=NOW, in_use=True), ("False", "InUse"), Waiting(30)),
        (a_server(deleted_at=NOW), ("True", "Connected"), Done(30)),
    ],
)
def test_ready(world: ServerWorld, ready: tuple[str, str], outcome: Outcome) -> None:
    assert said(world, "Ready") == ready
    assert servers.conclude(world).outcome == outcome


@pytest.mark.parametrize(
    "url",
    ["wss://livekit.example.com", "http://livekit.livekit.svc:7880", "ws://[::1]:7880/path", "https://h"],
)
def test_urls_that_are_usable(url: str) -> None:
    assert servers.url_is_unusable(a_server({"url": url, "apiURL": url})) is None


@pytest.mark.parametrize(
    "url", ["wss://", "wss://key:hush@h", "https://h?token=hush", "https://h#hush", "h:7880", ""]
)
def test_urls_that_are_not_usable_are_not_repeated(url: str) -> None:
    spec = ServerSpec.model_construct(**{**dict(ServerSpec.model_validate(SPEC)), "api_url": url})
    finding = servers.url_is_unusable(replace(a_server(), spec=spec))
    assert finding is not None
    assert finding.message.startswith("spec.apiURL: ")
    assert "hush" not in finding.message


@pytest.mark.parametrize("url", ["https://[x", "https://h:0/livekit/webhook", "https://[::1"])
def test_a_webhook_url_that_is_none_is_said_before_an_egress_is_given_it(url: str) -> None:
    finding = servers.url_is_unusable(a_server({"webhook": {"url": url}}))
    assert finding is not None
    assert finding.message.startswith("spec.webhook.url: ")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("Unknown", "NotTriedYet")),
        ({"has_redis": True}, ("Unknown", "NotTriedYet")),
        ({"has_redis": False}, ("False", "NoRedis")),
        ({"has_redis": True, "has_recorded": True}, ("True", "EgressAvailable")),
        ({"has_redis": False, "has_recorded": True}, ("False", "NoRedis")),
    ],
)
def test_egress(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert said(a_server(**fields), "EgressAvailable") == expected


@pytest.mark.parametrize(
    ("seen", "active", "expected"),
    [
        (None, None, ("Unknown", "NoRoomsActive")),
        (None, 10, ("Unknown", "NoRoomsActive")),
        (None, 59, ("Unknown", "NoRoomsActive")),
        (None, 60, ("False", "NoneSeenWhileRoomsActive")),
        (90, 60, ("False", "NoneSeenWhileRoomsActive")),
        (90, 10, ("True", "Received")),
        (5, 60, ("True", "Received")),
        (90, None, ("True", "Received")),
    ],
)
def test_webhooks(seen: int | None, active: int | None, expected: tuple[str, str]) -> None:
    moments = [None if age is None else NOW - timedelta(seconds=age) for age in (seen, active)]
    assert said(a_server(webhook_seen=moments[0], active_since=moments[1]), "WebhooksReceived") == expected


@pytest.mark.parametrize("kind", ["EgressAvailable", "WebhooksReceived"])
def test_what_was_true_stays_so_when_the_operator_is_started_anew(kind: str) -> None:
    before = a_server(has_recorded=True, webhook_seen=NOW)
    shown = servers.conclude(before).status
    started = a_server()
    started = replace(started, server=replace(started.server, status=shown))
    assert servers.conclude(started).status == shown
    edited = replace(started, server=replace(started.server, generation=3))
    assert said(edited, kind)[0] == "Unknown", "it was said of what was declared then"
    silent = replace(started, active_since=DAYS_AGO, has_redis=False)
    assert said(silent, kind)[0] == "False"


@pytest.mark.parametrize(
    ("declared", "probed", "known", "shown"),
    [
        ("Auto", None, None, "Unknown"),
        ("Auto", True, True, "Enabled"),
        ("Auto", False, False, "Disabled"),
        ("Enabled", False, True, "Enabled"),
        ("Disabled", True, False, "Disabled"),
    ],
)
def test_auto_create(declared: str, shown: str, *, probed: bool | None, known: bool | None) -> None:
    world = a_server({"autoCreate": declared}, auto_create=probed)
    assert servers.auto_create(world.spec, world.auto_create) is known
    assert servers.conclude(world).status["autoCreate"] == shown


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ()),
        ({"in_use": True}, (AddFinalizer(common.IN_USE_FINALIZER),)),
        ({"in_use": True, "finalizers": ("theirs",)}, (AddFinalizer(common.IN_USE_FINALIZER),)),
        ({"in_use": True, "finalizers": (common.IN_USE_FINALIZER,)}, ()),
        ({"finalizers": (common.IN_USE_FINALIZER,)}, (RemoveFinalizer(finalizer=common.IN_USE_FINALIZER),)),
        ({"in_use": True, "finalizers": (common.IN_USE_FINALIZER,), "deleted_at": NOW}, ()),
        ({"in_use": True, "deleted_at": NOW}, ()),
        (
            {"finalizers": (common.IN_USE_FINALIZER,), "deleted_at": NOW},
            (RemoveFinalizer(finalizer=common.IN_USE_FINALIZER),),
        ),
    ],
)
def test_a_server_is_held_while_somebody_needs_it(
    fields: dict[str, Any], expected: tuple[object, ...]
) -> None:
    assert servers.plan(a_server(**fields)) == expected


HELD = common.IN_USE_FINALIZER
A, B = f"{HELD}-a", f"{HELD}-b"
ALONE, SHARD, REST = Shard(), Shard.of("a"), Shard.of("rest", f"!{common.LABEL_SHARD}")


@pytest.mark.parametrize(
    ("shard", "fields", "expected"),
    [
        (SHARD, {"in_use": True, "finalizers": (B,)}, (AddFinalizer(A),)),
        (SHARD, {"finalizers": (HELD, A, B)}, (RemoveFinalizer(finalizer=A),)),
        (REST, {"finalizers": (HELD, B)}, (RemoveFinalizer(finalizer=HELD),)),  # it writes the status
        (
            ALONE,
            {"finalizers": ("theirs", A, B)},
            (RemoveFinalizer(finalizer=A), RemoveFinalizer(finalizer=B)),
        ),
        (ALONE, {"in_use": True, "finalizers": (A,)}, (AddFinalizer(HELD), RemoveFinalizer(finalizer=A))),
    ],
)
def test_every_shard_holds_a_server_for_its_own_objects(
    shard: Shard, fields: dict[str, Any], expected: tuple[object, ...]
) -> None:
    assert servers.plan(a_server(shard=shard, **fields)) == expected


def test_a_deleted_server_says_whose_objects_hold_it() -> None:
    held = a_server(shard=REST, deleted_at=NOW, finalizers=("theirs", A, B))
    ready = find(servers.conclude(held).status["conditions"], "Ready")
    assert ready is not None
    assert (ready["reason"], ready["message"]) == ("InUse", "objects of shard a, b still use this server")


def test_counts_and_what_was_asked_for_are_shown() -> None:
    annotations = {common.ANNOTATION_RECONCILE_AT: "now"}
    status = servers.conclude(a_server(rooms=3, recordings=1, annotations=annotations)).status
    assert (status["rooms"], status["recordings"], status["lastHandledReconcileAt"]) == (3, 1, "now")
    assert status["observedGeneration"] == 2


WORLDS = st.builds(
    a_server,
    state=st.sampled_from(ServerState),
    credentials_problem=st.sampled_from([None, NO_SECRET]),
    auto_create=st.sampled_from([None, True, False]),
    has_redis=st.sampled_from([None, True, False]),
    has_recorded=st.booleans(),
    webhook_seen=st.sampled_from([None, NOW, DAYS_AGO]),
    active_since=st.sampled_from([None, NOW, DAYS_AGO + timedelta(hours=1)]),
    rooms=st.integers(0, 9),
    in_use=st.booleans(),
    selector_unusable=st.booleans(),
    deleted_at=st.sampled_from([None, NOW]),
)


@given(WORLDS)
def test_every_status_is_one_the_api_server_takes_and_is_written_once(world: ServerWorld) -> None:
    first = servers.conclude(world).status
    assert not [error.message for error in STATUS.iter_errors(first)]
    assert {condition["reason"] for condition in first["conditions"]} <= {str(reason) for reason in Reason}
    later = replace(world, server=replace(world.server, status=first), now=NOW + timedelta(microseconds=1))
    assert servers.conclude(later).status == first


@given(WORLDS)
def test_kstatus_follows_the_outcome(world: ServerWorld) -> None:
    concluded = servers.conclude(world)
    seen = TERMINATING if world.server.deleted_at else expected(concluded.outcome)
    assert kstatus(world.server, concluded.status) == seen


@pytest.mark.parametrize(
    ("skew", "told"),
    [
        (0, "LiveKit refuses the API key or its secret"),
        (90, "LiveKit refuses the API key or its secret: LiveKit's clock is 90 s ahead of the operator's"),
        (-61, "LiveKit refuses the API key or its secret: LiveKit's clock is 61 s behind the operator's"),
    ],
)
def test_a_clock_that_is_off_is_told_with_the_refusal(skew: int, told: str) -> None:
    world = a_server(state=ServerState.REFUSED, skew_seconds=skew)
    conditions = servers.conclude(world).status["conditions"]
    assert {one["type"]: one["message"] for one in conditions if one["reason"] == "InvalidCredentials"} == {
        "Ready": told,
        "Stalled": Reason.INVALID_CREDENTIALS.advice,
    }
