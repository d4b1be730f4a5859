"""What only a real API server can show: paging, changing tokens, outages, Events."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import yaml
from kubernetes.aio.config import incluster_config

from roomkeeper.adapters.kubernetes import authentication
from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.kubernetes.events import EventNote, EventRecorder
from roomkeeper.adapters.kubernetes.resources import EVENTS, NAMESPACES, ROOMS, SECRETS
from roomkeeper.adapters.ports import (
    ForbiddenError,
    InvalidError,
    KubernetesUnreachableError,
    NotFoundError,
    Resource,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

pytestmark = pytest.mark.stack

SELF_REVIEWS = Resource("authentication.k8s.io", "v1", "selfsubjectreviews")


@pytest.fixture
async def client(stack: LocalStack) -> AsyncIterator[KubernetesClient]:
    client = await KubernetesClient.connect(str(stack.kubeconfig))
    yield client
    await client.aclose()


@pytest.fixture
async def namespace(client: KubernetesClient) -> str:
    name = f"real-{uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture
def kubeconfig_of(stack: LocalStack, tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """Write a kubeconfig for the stack with another way to authenticate."""

    def write(user: dict[str, Any]) -> str:
        config = yaml.safe_load(stack.kubeconfig.read_text())
        config["users"][0]["user"] = user
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)

    return write


def token_of(kubeconfig: Path) -> str:
    return str(yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"])


def secret(namespace: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name}}


async def who_am_i(client: KubernetesClient) -> str:
    review = {"apiVersion": SELF_REVIEWS.api_version, "kind": "SelfSubjectReview", "metadata": {}}
    answer = await client.create(SELF_REVIEWS, review)
    return str(answer["status"]["userInfo"]["username"])


def batched(names: list[str], size: int) -> Iterator[list[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


async def test_1200_secrets_are_read_in_three_pages(stack: LocalStack, namespace: str) -> None:
    requests: list[tuple[str, str, str]] = []
    client = await KubernetesClient.connect(
        str(stack.kubeconfig), observe=lambda verb, plural, code, _: requests.append((verb, plural, code))
    )
    expected = {f"s-{number}" for number in range(1200)}
    for hundred in batched(
        sorted(expected), 100
    ):  # all at once would wait for each other beyond the time limit
        await asyncio.gather(*(client.create(SECRETS, secret(namespace, name)) for name in hundred))
    found = [body["metadata"]["name"] async for body in client.list(SECRETS, namespace=namespace)]
    await client.aclose()
    assert len(found) == 1200
    assert set(found) == expected
    assert requests.count(("list", "secrets", "200")) == 3
    assert requests.count(("create", "secrets", "201")) == 1200


async def namespaces(client: KubernetesClient) -> list[str]:
    return [body["metadata"]["name"] async for body in client.list(NAMESPACES)]


async def test_a_token_that_is_refused_is_read_again(
    stack: LocalStack, tmp_path: Path, kubeconfig_of: Callable[[dict[str, Any]], str]
) -> None:
    token = tmp_path / "token"
    token.write_text("not-known-to-the-server")
    codes: list[str] = []
    client = await KubernetesClient.connect(
        kubeconfig_of({"tokenFile": str(token)}), observe=lambda verb, plural, code, _: codes.append(code)
    )
    with pytest.raises(ForbiddenError) as caught:
        await namespaces(client)
    assert caught.value.status == 401
    token.write_text(token_of(stack.operator_kubeconfig) + "\n")
    assert "default" in await namespaces(client)
    assert "default" in await namespaces(client)
    await client.aclose()
    assert codes == ["401", "401", "401", "200", "200"]


async def test_a_token_file_is_read_again_in_time(
    stack: LocalStack,
    tmp_path: Path,
    kubeconfig_of: Callable[[dict[str, Any]], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = tmp_path / "token"
    token.write_text(token_of(stack.operator_kubeconfig))
    client = await KubernetesClient.connect(kubeconfig_of({"tokenFile": str(token)}))
    before = await who_am_i(client)
    token.write_text(token_of(stack.kubeconfig))
    assert await who_am_i(client) == before
    monkeypatch.setattr(authentication, "_RELOAD_SECONDS", 0.0)
    assert await who_am_i(client) != before
    await client.aclose()


async def test_an_exec_plugin_is_run_again_when_its_token_is_refused(
    stack: LocalStack, tmp_path: Path, kubeconfig_of: Callable[[dict[str, Any]], str]
) -> None:
    token = tmp_path / "token"
    token.write_text("not-known-to-the-server")
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        'printf \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        '"status":{"expirationTimestamp":"2099-01-01T00:00:00Z","token":"%s"}}\' '
        f'"$(cat {token})"\n'
    )
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    client = await KubernetesClient.connect(kubeconfig_of(user))
    token.write_text(token_of(stack.operator_kubeconfig))
    assert await who_am_i(client)
    await client.aclose()


async def test_in_a_pod_the_service_account_is_used_and_its_rotated_token_read(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = yaml.safe_load(stack.kubeconfig.read_text())["clusters"][0]["cluster"]
    certificate, token = tmp_path / "ca.crt", tmp_path / "token"
    certificate.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    token.write_text("not-known-to-the-server")
    address = urlsplit(cluster["server"])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(certificate))
    client = await KubernetesClient.connect()
    token.write_text(token_of(stack.operator_kubeconfig) + "\n")
    assert await who_am_i(client) == "roomkeeper"
    await client.aclose()


async def test_an_outage_is_told_and_survived(
    stack: LocalStack, client: KubernetesClient, namespace: str
) -> None:
    await client.create(SECRETS, secret(namespace, "before"))
    stack.apiserver.stop()
    try:
        with pytest.raises(KubernetesUnreachableError) as caught:
            await client.get(SECRETS, namespace=namespace, name="before")
        assert caught.value.status == 0
        with pytest.raises(KubernetesUnreachableError):
            await client.patch(SECRETS, namespace=namespace, name="before", patch={"data": {}})
        with pytest.raises(KubernetesUnreachableError):
            _ = [body async for body in client.list(SECRETS)]
    finally:
        stack.apiserver.start()
    assert (await client.get(SECRETS, namespace=namespace, name="before"))["metadata"]["name"] == "before"


async def test_a_refused_room_is_told_with_the_field(client: KubernetesClient, namespace: str) -> None:
    body = {
        "apiVersion": ROOMS.api_version,
        "kind": "Room",
        "metadata": {"namespace": namespace, "name": "standup"},
        "spec": {"maxParticipants": "many"},
    }
    with pytest.raises(InvalidError, match=r"spec\.maxParticipants") as caught:
        await client.create(ROOMS, body)
    assert caught.value.status == 422


async def test_a_refused_secret_is_told_without_its_data(client: KubernetesClient, namespace: str) -> None:
    body = secret(namespace, "token") | {"data": {"token": "this is not base64"}}
    with pytest.raises(InvalidError) as caught:
        await client.create(SECRETS, body)
    assert caught.value.status == 400
    assert str(caught.value) == f"create /api/v1/namespaces/{namespace}/secrets: 400 BadRequest"


async def test_a_terminating_namespace_refuses_new_objects(client: KubernetesClient, namespace: str) -> None:
    metadata = (await client.get(NAMESPACES, namespace="", name=namespace))["metadata"]
    await client.create(
        SECRETS,
        secret(namespace, "holds")
        | {"metadata": {"namespace": namespace, "name": "holds", "finalizers": ["example.com/hold"]}},
    )
    await client.delete(
        NAMESPACES,
        namespace="",
        name=namespace,
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
    )
    with pytest.raises(ForbiddenError) as caught:
        await client.create(SECRETS, secret(namespace, "late"))
    assert caught.value.status == 403
    await client.patch(SECRETS, namespace=namespace, name="holds", patch={"metadata": {"finalizers": []}})


class MovedClock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


async def test_events_are_seen_by_kubectl_and_counted_as_a_series(
    stack: LocalStack, client: KubernetesClient, namespace: str
) -> None:
    clock = MovedClock()
    recorder = EventRecorder(client, clock, instance="roomkeeper-0")
    note = EventNote(
        kind="Room",
        api_version=ROOMS.api_version,
        namespace=namespace,
        name="standup",
        uid=str(uuid4()),
        type="Warning",
        reason="ServerUnreachable",
        message="é" * 1000,
        action="Reconcile",
    )
    for _ in range(3):
        recorder.emit(note)
    running = asyncio.create_task(recorder.run())
    recorder.stop()
    await running
    [event] = [event async for event in client.list(EVENTS, namespace=namespace)]
    assert event["series"]["count"] == 3
    assert event["note"] == "é" * 512
    assert event["regarding"]["uid"] == note.uid
    assert event["reportingController"] == "roomkeeper.dev/operator"
    assert "ServerUnreachable" in stack.kubectl("get", "events", "-n", namespace)


async def test_an_event_in_a_namespace_that_is_gone_is_no_trouble(
    client: KubernetesClient, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = EventRecorder(client, MovedClock(), instance="roomkeeper-0")
    recorder.emit(
        EventNote(
            "Room", ROOMS.api_version, "gone", "standup", str(uuid4()), "Normal", "Reason", "Text", "Act"
        )
    )
    running = asyncio.create_task(recorder.run())
    recorder.stop()
    with caplog.at_level("INFO"):
        await running
    assert not caplog.records
    with pytest.raises(NotFoundError):
        await client.get(NAMESPACES, namespace="", name="gone")
