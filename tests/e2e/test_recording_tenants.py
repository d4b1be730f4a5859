"""Storage that tenants share: who may record to it, through which server, and what of it nobody ever sees."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.recorder import recording_requests
from tests.e2e.studio import ROOM, S3_SECRET
from tests.e2e.studios import ALL, Tenant, studios
from tests.e2e.support import eventually, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.recorder import Recorder
    from tests.e2e.support import OperatorProcess

DEFAULT_STORAGE = "roomkeeper.dev/is-default-storage"


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    with studios(stack) as make:
        yield make


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording_requests() as recorder:
        yield recorder


def seen(tenant: Tenant, name: str) -> tuple[Any, ...]:
    """Return all that a tenant sees of a Recording that is refused, without times and its own name."""
    found = tenant.get("recording", name)
    assert found
    status = found["status"]
    for condition in status["conditions"]:
        condition.pop("lastTransitionTime")
    return (
        status,
        found["metadata"].get("finalizers"),
        found["metadata"].get("annotations", {}).keys()
        - {"kubectl.kubernetes.io/last-applied-configuration"},
        tenant.told(name),
    )


def test_a_storage_that_is_not_for_a_tenant_looks_as_if_it_were_missing(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.host()
    provider.share()  # for its own namespace
    eventually("the storage is Ready", lambda: ready(provider), within=2)
    tenant.move_in(provider)
    took: dict[str, list[float]] = {"archive": [], "none": []}
    for number in range(4):
        for storage, times in took.items():
            name = f"{storage}-{number}"
            tenant.begin(name, **provider.archive(storage))
            started = time.monotonic()
            tenant.is_refused(name, "StorageNotAllowed")
            times.append(time.monotonic() - started)
    print({storage: [round(one, 2) for one in times] for storage, times in took.items()})
    assert abs(min(took["archive"]) - min(took["none"])) < 0.3
    eventually("Events have come", lambda: tenant.told("archive-3") and tenant.told("none-3"), within=3)
    first = seen(tenant, "archive-0")
    assert first[0]["conditions"]
    assert first == seen(tenant, "none-0")
    assert provider.namespace not in repr(first)

    # What happens to the storage afterwards shows no more than it does at one that is not there.
    before = [tenant.get("recording", name) for name in ("archive-0", "none-0")]
    provider.share(prefixTemplate="elsewhere/{namespace}/")
    provider.delete("secret", "archive-keys")
    settle(stack)
    assert [tenant.get("recording", name) for name in ("archive-0", "none-0")] == before
    assert tenant.egresses() == []


def ready(provider: Tenant, name: str = "archive") -> bool:
    """Tell whether a storage is Ready; LookupError while nothing is said of it."""
    found = provider.get("recordingstorage", name)
    conditions = found["status"].get("conditions", []) if found else []
    return {one["type"]: one["status"] for one in conditions}["Ready"] == "True"


def test_a_shared_storage_takes_what_others_record_below_their_own_prefix(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make("team=a")
    provider.host()
    team_a = {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}
    provider.share(allowedNamespaces=team_a, prefixTemplate="shared/{namespace}/")
    tenant.move_in(provider)
    tenant.begin("talk", **provider.archive())
    tenant.run("talk")
    [result] = tenant.results("talk")
    keys = stack.s3.keys(tenant.bucket, f"shared/{tenant.namespace}/")
    assert {result["filename"], f"shared/{tenant.namespace}/{result_egress(tenant)}.json"} == set(keys)
    used = {one.access_key for one in stack.s3.requests() if result["filename"] in one.path}
    assert used == {provider.access_key}
    assert provider.access_key not in tenant.everything()
    tenant.label("team=b")
    tenant.begin("later", **provider.archive())
    tenant.is_refused("later", "StorageNotAllowed")


def result_egress(tenant: Tenant, name: str = "talk") -> str:
    """Return the egress after which LiveKit names the manifest."""
    return str(tenant.status(name)["egressID"])


def test_a_default_storage_is_one_of_its_own_namespace_only(
    make: Callable[..., Tenant], operator: OperatorProcess
) -> None:
    attacker, victim = make(), make()
    attacker.share(default=True, **ALL)
    eventually("the storage is Ready", lambda: ready(attacker), within=2)
    for who in (attacker, victim):
        who.apply(who.room(ROOM))
        who.begin("talk")
    attacker.run("talk")
    told = victim.is_refused("talk", "PolicyViolation", "spec.storageRef", "(recordings.workerStorage)")
    assert attacker.namespace not in told
    assert "storageRef" not in victim.status()


def test_a_tenants_own_server_is_never_told_the_credentials_of_a_shared_storage(
    make: Callable[..., Tenant], recorder: Recorder, operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.host()
    provider.share(**ALL)
    tenant.offer("own", stack.livekit.url, "tenants-key", "a-secret-that-is-made-up", apiURL=recorder.url)
    tenant.offer("twin", stack.livekit.url, "twins-key", "a-secret-that-is-made-up", apiURL=recorder.url)
    recorder.has(tenant.room_name)
    for server in ("own", "twin"):
        eventually("it connects", lambda s=server: tenant.server_says(s, "True", "Connected"), within=3)
        where = {"serverRef": {"name": server}, "roomName": tenant.room_name, **provider.archive()}
        tenant.begin(f"by-{server}", **where)
        tenant.is_refused(f"by-{server}", "StorageNotAllowed")
    settle(stack)
    assert b"/ListRooms" in recorder.sent
    assert not recorder.was_asked_to_record
    assert recorder.told(S3_SECRET, provider.access_key, stack.livekit.api_secret) == []

    # Allowing a server lets in exactly that one: so what is looked for above would have been found.
    allowed = [{"namespace": tenant.namespace, "name": "own"}, {"name": "main"}]
    provider.share(**ALL, allowedServers=allowed)
    eventually("it is asked", lambda: recorder.was_asked_to_record, within=3)
    assert recorder.told(S3_SECRET, provider.access_key, stack.livekit.api_secret) == [
        S3_SECRET,
        provider.access_key,
    ]
    tenant.is_refused("by-twin", "StorageNotAllowed")
    tenant.move_in(provider)
    tenant.begin("by-main", **provider.archive())
    tenant.run("by-main")


def test_the_default_storage_of_the_operator_serves_whom_it_allows(
    make: Callable[..., Tenant], recorder: Recorder, operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant, stranger = make(), make("team=a"), make("team=b")
    provider.host()
    team_a = {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}
    provider.share(allowedNamespaces=team_a)
    with operator.started_with("--default-storage", f"{provider.namespace}/archive"):
        for who in (tenant, stranger):
            who.move_in(provider)
            who.begin("talk")
        tenant.run("talk")
        [result] = tenant.results("talk")
        assert result["filename"].startswith(f"{tenant.namespace}/talk")
        told = stranger.is_refused("talk", "StorageNotAllowed")
        assert provider.namespace not in told

        # On a server of their own, nobody sends these credentials anywhere.
        recorder.has(tenant.room_name)
        tenant.offer("own", stack.livekit.url, "tenants-key", "a-secret-that-is-made-up", apiURL=recorder.url)
        eventually("it connects", lambda: tenant.server_says("own", "True", "Connected"), within=3)
        tenant.begin("by-own", serverRef={"name": "own"}, roomName=tenant.room_name)
        assert tenant.is_refused("by-own", "StorageNotAllowed") == told
        assert not recorder.was_asked_to_record
        assert recorder.told(S3_SECRET, provider.access_key) == []

        # One that is not there is as good as one that does not let them in.
        provider.delete("recordingstorage", "archive")
        tenant.begin("later")
        assert tenant.is_refused("later", "StorageNotAllowed") == told
