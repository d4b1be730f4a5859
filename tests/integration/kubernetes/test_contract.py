"""What the engine relies on, shown of the real API server and of the one in memory alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.kubernetes.memory import InMemoryKubernetes
from roomkeeper.adapters.kubernetes.resources import LEASES, NAMESPACES, ROOMS, SECRETS
from roomkeeper.adapters.ports import AlreadyExistsError, ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roomkeeper.adapters.ports import Body, Kubernetes, Resource

FINALIZER = "roomkeeper.dev/finalizer"
OTHER_UID = "00000000-0000-0000-0000-000000000000"
OTHER_GUARDS = [
    pytest.param({"uid": OTHER_UID}, id="uid"),
    pytest.param({"resourceVersion": "1"}, id="resourceVersion"),
    pytest.param({"uid": OTHER_UID, "resourceVersion": "1"}, id="both"),
]


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.stack)])
async def kubernetes(request: pytest.FixtureRequest) -> AsyncIterator[Kubernetes]:
    client: Kubernetes
    if request.param == "memory":
        client = InMemoryKubernetes(FixedClock())
    else:
        stack = request.getfixturevalue("stack")
        client = await KubernetesClient.connect(str(stack.kubeconfig))
    yield client
    await client.aclose()


@pytest.fixture
async def namespace(kubernetes: Kubernetes) -> str:
    name = f"contract-{uuid4().hex[:8]}"
    await kubernetes.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def secret(namespace: str, name: str = "token", *, data: Any = None, **metadata: Any) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name, **metadata},
        "data": data or {"a": "YQ=="},
    }


def room(namespace: str, **metadata: Any) -> Body:
    return {
        "apiVersion": ROOMS.api_version,
        "kind": "Room",
        "metadata": {"namespace": namespace, "name": "standup", **metadata},
        "spec": {"maxParticipants": 5, "metadata": {"topic": "standup", "team": "a"}},
    }


async def names(kubernetes: Kubernetes, resource: Resource, **selection: str) -> list[str]:
    return [body["metadata"]["name"] async for body in kubernetes.list(resource, **selection)]


async def test_what_was_created_is_read_and_listed(kubernetes: Kubernetes, namespace: str) -> None:
    created = await kubernetes.create(SECRETS, secret(namespace, labels={"app": "x"}))
    assert created["metadata"]["uid"]
    assert created["metadata"]["resourceVersion"]
    assert created["metadata"]["creationTimestamp"]
    read = await kubernetes.get(SECRETS, namespace=namespace, name="token")
    assert read == created
    assert read["data"] == {"a": "YQ=="}
    assert await names(kubernetes, SECRETS, namespace=namespace) == ["token"]


async def test_a_list_keeps_to_its_namespace_and_labels(kubernetes: Kubernetes, namespace: str) -> None:
    await kubernetes.create(SECRETS, secret(namespace, "ours", labels={"app": "x", "test": namespace}))
    await kubernetes.create(SECRETS, secret(namespace, "theirs", labels={"app": "y", "test": namespace}))
    await kubernetes.create(SECRETS, secret("default", namespace, labels={"app": "x", "test": namespace}))
    assert await names(kubernetes, SECRETS, namespace=namespace) == ["ours", "theirs"]
    ours = f"app=x,test={namespace}"
    assert await names(kubernetes, SECRETS, namespace=namespace, label_selector=ours) == ["ours"]
    assert sorted(await names(kubernetes, SECRETS, label_selector=ours)) == sorted(["ours", namespace])


async def test_a_name_that_is_taken_is_not_created_again(kubernetes: Kubernetes, namespace: str) -> None:
    first = await kubernetes.create(SECRETS, secret(namespace))
    with pytest.raises(AlreadyExistsError) as caught:
        await kubernetes.create(SECRETS, secret(namespace, data={"b": "Yg=="}))
    assert caught.value.status == 409
    assert await kubernetes.get(SECRETS, namespace=namespace, name="token") == first


async def test_what_is_absent_is_not_found(kubernetes: Kubernetes, namespace: str) -> None:
    with pytest.raises(NotFoundError):
        await kubernetes.get(SECRETS, namespace=namespace, name="token")
    with pytest.raises(NotFoundError):
        await kubernetes.patch(SECRETS, namespace=namespace, name="token", patch={"data": {"a": "YQ=="}})
    with pytest.raises(NotFoundError):
        await kubernetes.delete(
            SECRETS, namespace=namespace, name="token", uid=OTHER_UID, resource_version="1"
        )


async def test_apply_creates_and_then_updates(kubernetes: Kubernetes, namespace: str) -> None:
    created = await kubernetes.apply(SECRETS, secret(namespace))
    updated = await kubernetes.apply(SECRETS, secret(namespace, data={"a": "Yg=="}))
    assert updated["metadata"]["uid"] == created["metadata"]["uid"]
    assert updated["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]
    assert updated["data"] == {"a": "Yg=="}


async def test_apply_removes_what_it_applied_before_and_nothing_else(
    kubernetes: Kubernetes, namespace: str
) -> None:
    await kubernetes.apply(SECRETS, secret(namespace, data={"a": "YQ==", "b": "Yg=="}, labels={"x": "1"}))
    theirs = {"metadata": {"labels": {"y": "2"}}, "data": {"c": "Yw=="}}
    await kubernetes.patch(SECRETS, namespace=namespace, name="token", patch=theirs)
    applied = await kubernetes.apply(SECRETS, secret(namespace, data={"a": "YQ=="}))
    assert applied["data"] == {"a": "YQ==", "c": "Yw=="}
    assert applied["metadata"]["labels"] == {"y": "2"}


async def test_apply_leaves_what_somebody_has_changed_since(kubernetes: Kubernetes, namespace: str) -> None:
    await kubernetes.apply(SECRETS, secret(namespace, data={"a": "YQ==", "b": "Yg=="}))
    await kubernetes.patch(SECRETS, namespace=namespace, name="token", patch={"data": {"b": "Yw=="}})
    applied = await kubernetes.apply(SECRETS, secret(namespace, data={"a": "YQ=="}))
    assert applied["data"] == {"a": "YQ==", "b": "Yw=="}


async def test_apply_does_not_remove_what_create_has_set(kubernetes: Kubernetes, namespace: str) -> None:
    await kubernetes.create(SECRETS, secret(namespace, labels={"x": "1", "y": "1"}))
    await kubernetes.apply(SECRETS, secret(namespace, labels={"x": "1"}))
    applied = await kubernetes.apply(SECRETS, secret(namespace))
    assert applied["metadata"]["labels"] == {"x": "1", "y": "1"}


async def test_apply_takes_over_what_it_changes(kubernetes: Kubernetes, namespace: str) -> None:
    await kubernetes.create(SECRETS, secret(namespace, labels={"x": "1"}))
    await kubernetes.apply(SECRETS, secret(namespace, labels={"x": "2"}))
    applied = await kubernetes.apply(SECRETS, secret(namespace))
    assert not applied["metadata"].get("labels")


async def test_a_write_that_changes_nothing_keeps_the_version(kubernetes: Kubernetes, namespace: str) -> None:
    applied = await kubernetes.apply(SECRETS, secret(namespace))
    again = await kubernetes.apply(SECRETS, secret(namespace))
    patched = await kubernetes.patch(
        SECRETS, namespace=namespace, name="token", patch={"data": {"a": "YQ=="}}
    )
    versions = {body["metadata"]["resourceVersion"] for body in (applied, again, patched)}
    assert len(versions) == 1


@pytest.mark.parametrize("guard", OTHER_GUARDS)
async def test_apply_to_another_object_is_refused(
    kubernetes: Kubernetes, namespace: str, guard: dict[str, str]
) -> None:
    created = await kubernetes.create(SECRETS, secret(namespace))
    with pytest.raises(ConflictError):
        await kubernetes.apply(SECRETS, secret(namespace, data={"a": "Yg=="}, **guard))
    assert await kubernetes.get(SECRETS, namespace=namespace, name="token") == created


async def test_apply_to_the_same_object_is_taken(kubernetes: Kubernetes, namespace: str) -> None:
    metadata = (await kubernetes.create(SECRETS, secret(namespace)))["metadata"]
    guard = {key: metadata[key] for key in ("uid", "resourceVersion")}
    applied = await kubernetes.apply(SECRETS, secret(namespace, data={"a": "Yg=="}, **guard))
    assert applied["data"] == {"a": "Yg=="}


async def test_apply_with_a_uid_never_creates(kubernetes: Kubernetes, namespace: str) -> None:
    with pytest.raises(ConflictError):
        await kubernetes.apply(SECRETS, secret(namespace, uid=OTHER_UID, resourceVersion="1"))
    assert await names(kubernetes, SECRETS, namespace=namespace) == []


async def test_apply_with_a_version_alone_creates(kubernetes: Kubernetes, namespace: str) -> None:
    await kubernetes.apply(SECRETS, secret(namespace, resourceVersion="1"))
    assert await names(kubernetes, SECRETS, namespace=namespace) == ["token"]


@pytest.mark.parametrize("guard", OTHER_GUARDS)
async def test_a_patch_of_another_object_is_refused(
    kubernetes: Kubernetes, namespace: str, guard: dict[str, str]
) -> None:
    for resource, body in ((SECRETS, secret(namespace)), (ROOMS, room(namespace))):
        created = await kubernetes.create(resource, body)
        name = body["metadata"]["name"]
        patch = {"metadata": {**guard, "labels": {"x": "1"}}}
        with pytest.raises(ConflictError):
            await kubernetes.patch(resource, namespace=namespace, name=name, patch=patch)
        assert await kubernetes.get(resource, namespace=namespace, name=name) == created


async def test_a_patch_merges_objects_replaces_lists_and_removes_nulls(
    kubernetes: Kubernetes, namespace: str
) -> None:
    await kubernetes.create(ROOMS, room(namespace, finalizers=[FINALIZER], labels={"x": "1", "y": "1"}))
    patch = {
        "metadata": {"finalizers": ["example.com/other"], "labels": {"x": None}},
        "spec": {"metadata": {"topic": "retro", "team": None}},
    }
    patched = await kubernetes.patch(ROOMS, namespace=namespace, name="standup", patch=patch)
    assert patched["metadata"]["finalizers"] == ["example.com/other"]
    assert patched["metadata"]["labels"] == {"y": "1"}
    assert patched["spec"]["metadata"] == {"topic": "retro"}
    assert patched["spec"]["maxParticipants"] == 5


async def test_a_secret_has_no_generation_and_a_room_counts_its_specs(
    kubernetes: Kubernetes, namespace: str
) -> None:
    assert "generation" not in (await kubernetes.create(SECRETS, secret(namespace)))["metadata"]
    created = await kubernetes.create(ROOMS, room(namespace))
    assert created["metadata"]["generation"] == 1
    expected = [
        ({"metadata": {"labels": {"x": "1"}}}, 1),
        ({"spec": {"maxParticipants": 6}}, 2),
        ({"spec": {"maxParticipants": 6}}, 2),
    ]
    for patch, generation in expected:
        patched = await kubernetes.patch(ROOMS, namespace=namespace, name="standup", patch=patch)
        assert patched["metadata"]["generation"] == generation


async def test_status_is_written_only_through_its_subresource(kubernetes: Kubernetes, namespace: str) -> None:
    created = await kubernetes.create(ROOMS, room(namespace) | {"status": {"sid": "RM_create"}})
    assert "sid" not in created.get("status", {})
    ignored = await kubernetes.patch(
        ROOMS, namespace=namespace, name="standup", patch={"status": {"sid": "RM_main"}}
    )
    assert "sid" not in ignored.get("status", {})
    everything = {
        "metadata": {"labels": {"x": "1"}},
        "spec": {"maxParticipants": 9},
        "status": {"sid": "RM_status"},
    }
    written = await kubernetes.patch(
        ROOMS, namespace=namespace, name="standup", patch=everything, subresource="status"
    )
    assert written["status"]["sid"] == "RM_status"
    assert written["spec"]["maxParticipants"] == 5
    assert not written["metadata"].get("labels")
    assert written["metadata"]["generation"] == 1
    assert written["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]


async def test_a_status_is_guarded_by_the_version_and_not_by_the_uid(
    kubernetes: Kubernetes, namespace: str
) -> None:
    await kubernetes.create(ROOMS, room(namespace))
    with pytest.raises(ConflictError):
        await kubernetes.patch(
            ROOMS,
            namespace=namespace,
            name="standup",
            patch={"metadata": {"resourceVersion": "1"}, "status": {"sid": "RM_late"}},
            subresource="status",
        )
    written = await kubernetes.patch(
        ROOMS,
        namespace=namespace,
        name="standup",
        patch={"metadata": {"uid": OTHER_UID}, "status": {"sid": "RM_other"}},
        subresource="status",
    )
    assert written["status"]["sid"] == "RM_other"
    assert written["metadata"]["uid"] != OTHER_UID


async def test_only_the_version_that_was_seen_is_deleted(kubernetes: Kubernetes, namespace: str) -> None:
    metadata = (await kubernetes.create(SECRETS, secret(namespace)))["metadata"]
    uid, version = metadata["uid"], metadata["resourceVersion"]
    for other_uid, other_version in ((OTHER_UID, version), (uid, "1")):
        with pytest.raises(ConflictError):
            await kubernetes.delete(
                SECRETS, namespace=namespace, name="token", uid=other_uid, resource_version=other_version
            )
    await kubernetes.delete(SECRETS, namespace=namespace, name="token", uid=uid, resource_version=version)
    assert await names(kubernetes, SECRETS, namespace=namespace) == []


async def test_a_finalizer_holds_an_object_until_it_is_removed(
    kubernetes: Kubernetes, namespace: str
) -> None:
    metadata = (await kubernetes.create(ROOMS, room(namespace, finalizers=[FINALIZER])))["metadata"]
    await kubernetes.delete(
        ROOMS,
        namespace=namespace,
        name="standup",
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
    )
    held = (await kubernetes.get(ROOMS, namespace=namespace, name="standup"))["metadata"]
    assert held["deletionTimestamp"]
    assert held["generation"] == 2
    assert held["resourceVersion"] != metadata["resourceVersion"]
    released = await kubernetes.patch(
        ROOMS, namespace=namespace, name="standup", patch={"metadata": {"finalizers": []}}
    )
    assert not released["metadata"].get("finalizers")
    with pytest.raises(NotFoundError):
        await kubernetes.get(ROOMS, namespace=namespace, name="standup")


async def test_a_merge_patch_takes_away_what_a_post_wrote_and_an_apply_does_not(
    kubernetes: Kubernetes, namespace: str
) -> None:
    keys = {"labels": {"kept": "1", "gone": "1"}, "annotations": {"gone": "1"}}
    created = await kubernetes.create(SECRETS, secret(namespace, **keys))
    applied = await kubernetes.apply(SECRETS, secret(namespace, labels={"kept": "1"}, data={"a": "Yg=="}))
    assert applied["metadata"]["labels"] == keys["labels"]
    guard = {name: applied["metadata"][name] for name in ("uid", "resourceVersion")}
    gone = {"labels": {"kept": "2", "gone": None}, "annotations": {"gone": None}}
    patch = secret(namespace, data={"a": "Yw=="}, **gone, **guard)
    patched = await kubernetes.patch(SECRETS, namespace=namespace, name="token", patch=patch)
    assert patched["metadata"]["uid"] == created["metadata"]["uid"]
    assert patched["metadata"]["labels"] == {"kept": "2"}
    assert not patched["metadata"].get("annotations")
    assert patched["data"] == {"a": "Yw=="}
    with pytest.raises(ConflictError):
        await kubernetes.patch(SECRETS, namespace=namespace, name="token", patch=patch)


def lease(namespace: str, holder: str, **metadata: Any) -> Body:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000001Z"}
    where = {"namespace": namespace, "name": "roomkeeper"}
    return {
        "apiVersion": LEASES.api_version,
        "kind": "Lease",
        "metadata": {**where, **metadata},
        "spec": spec,
    }


async def test_a_replaced_object_is_what_was_sent_and_keeps_who_it_is(
    kubernetes: Kubernetes, namespace: str
) -> None:
    first = await kubernetes.create(LEASES, lease(namespace, "a", labels={"x": "1"}, annotations={"y": "1"}))
    sent = {**first, **lease(namespace, ""), "metadata": {**first["metadata"], "annotations": {"z": "1"}}}
    del sent["metadata"]["labels"], sent["spec"]["renewTime"]
    second = await kubernetes.replace(LEASES, sent)
    assert second["spec"] == {"holderIdentity": "", "leaseDurationSeconds": 15}
    assert second["metadata"]["annotations"] == {"z": "1"}
    assert "labels" not in second["metadata"]
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert second["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert await kubernetes.get(LEASES, namespace=namespace, name="roomkeeper") == second


async def test_of_two_who_replace_one_version_one_is_refused(kubernetes: Kubernetes, namespace: str) -> None:
    read = await kubernetes.create(LEASES, lease(namespace, ""))
    taken = await kubernetes.replace(LEASES, {**read, "spec": lease(namespace, "a")["spec"]})
    with pytest.raises(ConflictError):
        await kubernetes.replace(LEASES, {**read, "spec": lease(namespace, "b")["spec"]})
    assert await kubernetes.get(LEASES, namespace=namespace, name="roomkeeper") == taken


async def test_what_is_gone_is_not_replaced(kubernetes: Kubernetes, namespace: str) -> None:
    metadata = (await kubernetes.create(LEASES, lease(namespace, "a")))["metadata"]
    await kubernetes.delete(
        LEASES,
        namespace=namespace,
        name="roomkeeper",
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
    )
    with pytest.raises((NotFoundError, ConflictError)):
        await kubernetes.replace(LEASES, {**lease(namespace, "a"), "metadata": metadata})
    assert await names(kubernetes, LEASES, namespace=namespace) == []


async def test_a_replaced_room_keeps_its_status(kubernetes: Kubernetes, namespace: str) -> None:
    created = await kubernetes.create(ROOMS, room(namespace))
    shown = await kubernetes.patch(
        ROOMS,
        namespace=namespace,
        name="standup",
        patch={"status": {"roomName": "r"}},
        subresource="status",
    )
    sent = {**room(namespace, resourceVersion=shown["metadata"]["resourceVersion"]), "status": {}}
    sent["spec"]["maxParticipants"] = 6
    replaced = await kubernetes.replace(ROOMS, sent)
    assert replaced["status"]["roomName"] == "r"
    assert replaced["spec"]["maxParticipants"] == 6
    assert replaced["metadata"]["generation"] == created["metadata"]["generation"] + 1
