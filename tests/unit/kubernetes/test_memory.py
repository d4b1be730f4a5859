"""What the API server in memory has beyond the port: a log, faults, watches and a garbage collector."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roomkeeper.adapters.kubernetes.memory import Call, InMemoryKubernetes
from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.adapters.ports import (
    ConflictError,
    ForbiddenError,
    KubernetesUnreachableError,
    NotFoundError,
)


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def kubernetes() -> InMemoryKubernetes:
    return InMemoryKubernetes(FixedClock())


def body_of(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"namespace": "a", "name": name, **metadata}}


async def test_calls_are_logged_and_the_store_is_another_door(kubernetes: InMemoryKubernetes) -> None:
    kubernetes.store.create(ROOMS, body_of("Room", "standup"))
    patch = {"status": {"sid": "RM_1"}}
    await kubernetes.patch(ROOMS, namespace="a", name="standup", patch=patch, subresource="status")
    await kubernetes.get(ROOMS, namespace="a", name="standup")
    assert kubernetes.calls == [
        Call("patch", "rooms/status", "a", "standup", patch),
        Call("get", "rooms", "a", "standup"),
    ]


async def test_a_fault_before_the_write_changes_nothing(kubernetes: InMemoryKubernetes) -> None:
    kubernetes.fail_next("create", "secrets", ConflictError("told"))
    with pytest.raises(ConflictError, match="told"):
        await kubernetes.create(SECRETS, body_of("Secret", "token"))
    assert kubernetes.store.list(SECRETS) == []
    await kubernetes.create(SECRETS, body_of("Secret", "token"))
    assert len(kubernetes.store.list(SECRETS)) == 1


async def test_a_fault_after_the_write_loses_only_the_answer(kubernetes: InMemoryKubernetes) -> None:
    kubernetes.fail_next("create", "secrets", KubernetesUnreachableError("lost"), after=True)
    with pytest.raises(KubernetesUnreachableError):
        await kubernetes.create(SECRETS, body_of("Secret", "token"))
    assert len(kubernetes.store.list(SECRETS)) == 1


async def test_in_an_outage_nothing_works_and_nothing_changes(kubernetes: InMemoryKubernetes) -> None:
    kubernetes.outage = True
    with pytest.raises(KubernetesUnreachableError):
        await kubernetes.create(SECRETS, body_of("Secret", "token"))
    with pytest.raises(KubernetesUnreachableError):
        _ = [body async for body in kubernetes.list(SECRETS)]
    kubernetes.outage = False
    assert [body async for body in kubernetes.list(SECRETS)] == []


async def test_what_is_handed_out_is_not_what_is_kept(kubernetes: InMemoryKubernetes) -> None:
    given = body_of("Secret", "token", labels={"x": "1"})
    answer = await kubernetes.create(SECRETS, given)
    given["metadata"]["labels"]["x"] = "2"
    answer["metadata"]["labels"]["x"] = "3"
    [listed] = kubernetes.store.list(SECRETS)
    assert listed["metadata"]["labels"] == {"x": "1"}
    assert listed["metadata"]["creationTimestamp"] == "2026-01-02T03:04:05Z"


async def test_a_watch_tells_each_change_once(kubernetes: InMemoryKubernetes) -> None:
    seen: list[tuple[str, str]] = []
    kubernetes.watch(lambda resource, kind, body: seen.append((kind, body["metadata"]["resourceVersion"])))
    created = await kubernetes.create(ROOMS, body_of("Room", "standup", finalizers=["x.dev/y"]))
    for _ in range(2):
        await kubernetes.patch(ROOMS, namespace="a", name="standup", patch={"spec": {"n": 1}})
    metadata = kubernetes.store.get(ROOMS, namespace="a", name="standup")["metadata"]
    for _ in range(2):
        kubernetes.store.delete(ROOMS, namespace="a", name="standup", uid=metadata["uid"])
    await kubernetes.patch(ROOMS, namespace="a", name="standup", patch={"metadata": {"finalizers": None}})
    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    versions = [int(version) for _, version in seen]
    assert versions == sorted(set(versions))
    assert created["metadata"]["resourceVersion"] == seen[0][1]


async def test_garbage_is_what_only_the_dead_own(kubernetes: InMemoryKubernetes) -> None:
    owner = kubernetes.store.create(ROOMS, body_of("Room", "standup"))["metadata"]
    reference = {"apiVersion": "x", "kind": "Room", "name": "standup", "uid": owner["uid"]}
    owned = kubernetes.store.create(SECRETS, body_of("Secret", "owned", ownerReferences=[reference]))
    chained = reference | {"uid": owned["metadata"]["uid"]}
    kubernetes.store.create(SECRETS, body_of("Secret", "chained", ownerReferences=[chained]))
    kubernetes.store.create(SECRETS, body_of("Secret", "free"))
    kubernetes.collect_garbage()
    assert len(kubernetes.store.list(SECRETS)) == 3
    kubernetes.store.delete(ROOMS, namespace="a", name="standup")
    kubernetes.collect_garbage()
    assert [body["metadata"]["name"] for body in kubernetes.store.list(SECRETS)] == ["free"]


async def test_nothing_is_created_in_a_terminating_namespace(kubernetes: InMemoryKubernetes) -> None:
    kubernetes.store.terminating_namespaces.add("a")
    for write in (kubernetes.create, kubernetes.apply):
        with pytest.raises(ForbiddenError):
            await write(SECRETS, body_of("Secret", "token"))
    with pytest.raises(NotFoundError):
        await kubernetes.get(SECRETS, namespace="a", name="token")
