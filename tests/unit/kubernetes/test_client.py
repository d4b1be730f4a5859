"""The client against an HTTP server that answers what a real API server would only at bad times."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from roomkeeper import __version__
from roomkeeper.adapters.kubernetes import client as client_module
from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.kubernetes.resources import NAMESPACES, ROOMS, SECRETS
from roomkeeper.adapters.ports import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubernetesError,
    KubernetesUnreachableError,
    NotFoundError,
    Resource,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MESSAGE = 'Room "standup" is invalid: spec.maxParticipants: Invalid value: -1'


class Script:
    """Answers one request after the other as told, and remembers them."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.headers: list[dict[str, str]] = []
        self.silence = asyncio.Event()  # without an answer left, until the server closes

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        body = json.loads(text) if text else None
        self.requests.append((request.method, request.rel_url.raw_path, dict(request.query), body))
        self.headers.append(dict(request.headers))
        if not self.answers:
            await self.silence.wait()
        return self.answers.pop(0)

    def answer(self, status: int, body: Any) -> None:
        self.answers.append(web.json_response(body, status=status))

    def fail(self, status: int, reason: str, **more: Any) -> None:
        self.answer(status, {"kind": "Status", "reason": reason, "message": MESSAGE, **more})


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


@pytest.fixture
async def kubeconfig(script: Script, token: Path, tmp_path: Path) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", script.handle)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    path = tmp_path / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": str(server.make_url("/prefix"))}}],
        "users": [{"name": "c", "user": {"tokenFile": str(token)}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path.write_text(json.dumps(config))
    yield str(path)
    await server.close()


@pytest.fixture
def observed() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
async def client(kubeconfig: str, observed: list[tuple[str, str, str]]) -> AsyncIterator[KubernetesClient]:
    client = await KubernetesClient.connect(
        kubeconfig, observe=lambda verb, plural, code, seconds: observed.append((verb, plural, code))
    )
    yield client
    await client.aclose()


async def test_each_verb_sends_what_the_api_server_expects(client: KubernetesClient, script: Script) -> None:
    rooms = "/prefix/apis/roomkeeper.dev/v1alpha1/namespaces/team-a/rooms"
    body = {"metadata": {"namespace": "team-a", "name": "standup"}}
    manager = {"fieldManager": "roomkeeper"}
    for _ in range(6):
        script.answer(200, {"metadata": {}, "items": []})
    await client.get(ROOMS, namespace="team-a", name="standup")
    await client.create(ROOMS, body)
    await client.apply(ROOMS, body)
    await client.patch(
        ROOMS, namespace="team-a", name="standup", patch={"status": {"sid": "RM_1"}}, subresource="status"
    )
    await client.delete(ROOMS, namespace="team-a", name="standup", uid="u", resource_version="7")
    assert [room async for room in client.list(ROOMS, label_selector="a=b,c=d")] == []
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
    }
    everywhere = "/prefix/apis/roomkeeper.dev/v1alpha1/rooms"
    assert script.requests == [
        ("GET", f"{rooms}/standup", {}, None),
        ("POST", rooms, manager, body),
        ("PATCH", f"{rooms}/standup", {**manager, "force": "true"}, body),
        ("PATCH", f"{rooms}/standup/status", manager, {"status": {"sid": "RM_1"}}),
        ("DELETE", f"{rooms}/standup", {}, options),
        ("GET", everywhere, {"limit": "500", "labelSelector": "a=b,c=d"}, None),
    ]
    assert [headers["Content-Type"] for headers in script.headers[1:5]] == [
        "application/json",
        "application/apply-patch+yaml",
        "application/merge-patch+json",
        "application/json",
    ]
    assert {headers["User-Agent"] for headers in script.headers} == {f"roomkeeper/{__version__}"}
    assert {headers["Authorization"] for headers in script.headers} == {"Bearer first"}


async def test_the_core_group_and_odd_names_are_addressed(client: KubernetesClient, script: Script) -> None:
    script.answer(200, {})
    await client.get(NAMESPACES, namespace="", name="a/b")
    assert script.requests[0][1] == "/prefix/api/v1/namespaces/a%2Fb"


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "BadRequest", InvalidError),
        (403, "Forbidden", ForbiddenError),
        (404, "NotFound", NotFoundError),
        (409, "AlreadyExists", AlreadyExistsError),
        (409, "Conflict", ConflictError),
        (413, "RequestEntityTooLarge", InvalidError),
        (422, "Invalid", InvalidError),
        (429, "TooManyRequests", KubernetesUnreachableError),
        (500, "InternalError", KubernetesUnreachableError),
        (503, "ServiceUnavailable", KubernetesUnreachableError),
        (418, "Teapot", KubernetesError),
    ],
)
async def test_each_status_is_its_own_error_and_nothing_is_retried(
    client: KubernetesClient, script: Script, status: int, reason: str, expected: type[KubernetesError]
) -> None:
    script.fail(status, reason)
    with pytest.raises(KubernetesError) as caught:
        await client.get(SECRETS, namespace="team-a", name="token")
    assert type(caught.value) is expected
    assert caught.value.status == status
    assert str(caught.value) == f"get /api/v1/namespaces/team-a/secrets/token: {status} {reason}"
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("status", "told"), [(400, True), (403, True), (422, True), (404, False), (409, False), (500, False)]
)
async def test_only_a_refusal_tells_what_the_server_says(
    client: KubernetesClient,
    script: Script,
    status: int,
    told: bool,  # noqa: FBT001
) -> None:
    script.fail(status, "Reason")
    with pytest.raises(KubernetesError) as caught:
        await client.get(ROOMS, namespace="team-a", name="standup")
    assert (MESSAGE in str(caught.value)) is told


async def test_a_patch_of_another_uid_is_a_conflict(client: KubernetesClient, script: Script) -> None:
    script.fail(422, "Invalid", details={"causes": [{"field": "metadata.uid"}]})
    with pytest.raises(ConflictError):
        await client.patch(SECRETS, namespace="a", name="b", patch={"metadata": {"uid": "other"}})


async def test_a_page_that_is_a_proxys_is_no_answer(client: KubernetesClient, script: Script) -> None:
    script.answers.append(web.Response(text="<html>Log in</html>", content_type="text/html"))
    with pytest.raises(KubernetesUnreachableError, match="not JSON"):
        await client.get(SECRETS, namespace="a", name="b")
    script.answers.append(web.Response(status=502, text="<html>Bad gateway</html>"))
    with pytest.raises(KubernetesUnreachableError):
        await client.get(SECRETS, namespace="a", name="b")


async def test_a_redirect_is_not_followed(client: KubernetesClient, script: Script) -> None:
    script.answers.append(web.Response(status=302, headers={"Location": "/elsewhere"}))
    with pytest.raises(KubernetesError):
        await client.get(SECRETS, namespace="a", name="b")
    assert len(script.requests) == 1


async def test_a_refused_token_is_read_again_once(
    client: KubernetesClient, script: Script, token: Path, observed: list[tuple[str, str, str]]
) -> None:
    token.write_text("second")
    script.fail(401, "Unauthorized")
    script.answer(200, {"kind": "Secret"})
    assert await client.get(SECRETS, namespace="a", name="b") == {"kind": "Secret"}
    assert [headers["Authorization"] for headers in script.headers] == ["Bearer first", "Bearer second"]
    assert observed == [("get", "secrets", "401"), ("get", "secrets", "200")]


async def test_a_token_that_stays_refused_is_forbidden(client: KubernetesClient, script: Script) -> None:
    script.fail(401, "Unauthorized")
    script.fail(401, "Unauthorized")
    with pytest.raises(ForbiddenError) as caught:
        await client.get(SECRETS, namespace="a", name="b")
    assert caught.value.status == 401
    assert len(script.requests) == 2


async def test_a_token_file_that_is_gone_for_a_moment_keeps_the_last_token(
    client: KubernetesClient, script: Script, token: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token.unlink()
    script.fail(401, "Unauthorized")
    script.answer(200, {})
    await client.get(SECRETS, namespace="a", name="b")
    assert script.headers[1]["Authorization"] == "Bearer first"
    assert "cannot reload the credentials" in caplog.text


def page(names: list[str], continued: str = "") -> dict[str, Any]:
    items = [{"metadata": {"name": name}} for name in names]
    return {"metadata": {"continue": continued, "resourceVersion": "1"}, "items": items}


async def test_a_list_that_expires_between_pages_begins_again(
    client: KubernetesClient, script: Script, observed: list[tuple[str, str, str]]
) -> None:
    script.answer(200, page(["a", "b"], "next"))
    script.fail(410, "Expired")
    script.answer(200, page(["a", "b"], "other"))
    script.answer(200, page(["c"]))
    found = [body["metadata"]["name"] async for body in client.list(SECRETS)]
    assert found == ["a", "b", "a", "b", "c"]
    assert [query.get("continue") for _, _, query, _ in script.requests] == [None, "next", None, "other"]
    assert observed[1] == ("list", "secrets", "410")


async def test_a_list_that_keeps_expiring_ends(client: KubernetesClient, script: Script) -> None:
    for _ in range(4):
        script.answer(200, page(["a"], "next"))
        script.fail(410, "Expired")
    with pytest.raises(KubernetesError) as caught:
        _ = [body async for body in client.list(SECRETS)]
    assert caught.value.status == 410
    assert script.answers == []


async def test_a_server_that_does_not_answer_is_left_in_time(
    client: KubernetesClient, monkeypatch: pytest.MonkeyPatch, observed: list[tuple[str, str, str]]
) -> None:
    monkeypatch.setattr(client_module, "_LIST_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(KubernetesUnreachableError, match="no answer") as caught:
        _ = [body async for body in client.list(SECRETS)]
    assert caught.value.status == 0
    assert observed == [("list", "secrets", "error")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no file"),
        pytest.param("clusters: []\n", id="nothing in it"),
        pytest.param("clusters: [\n", id="no YAML"),
        pytest.param("just words\n", id="no object"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_read_says_what_to_do(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(KubernetesError, match="set KUBECONFIG"):
        await KubernetesClient.connect(str(path))


async def test_outside_a_cluster_and_without_a_kubeconfig_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(KubernetesError, match="set KUBECONFIG"):
        await KubernetesClient.connect()


async def test_kubeconfig_comes_from_the_environment_as_it_is_now(
    kubeconfig: str, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    client = await KubernetesClient.connect()
    script.answer(200, {})
    await client.get(SECRETS, namespace="a", name="b")
    await client.aclose()
    assert len(script.requests) == 1


async def test_requests_wait_for_the_time_that_a_refusal_names_but_those_for_a_lease(
    client: KubernetesClient, script: Script
) -> None:
    script.answers.append(web.json_response({}, status=429, headers={"Retry-After": "1"}))
    script.answer(200, {})
    script.answer(200, {})
    with pytest.raises(KubernetesUnreachableError):
        await client.get(ROOMS, namespace="a", name="b")
    began = time.monotonic()
    await client.get(Resource("coordination.k8s.io", "v1", "leases"), namespace="a", name="b")
    assert time.monotonic() - began < 0.9
    await client.get(ROOMS, namespace="a", name="b")
    assert time.monotonic() - began > 0.9


async def test_an_api_server_that_only_refuses_is_asked_ten_times_a_second(
    client: KubernetesClient, script: Script
) -> None:
    for _ in range(100):
        script.fail(500, "InternalError")

    async def ask_for_ever() -> None:
        while True:
            with pytest.raises(KubernetesUnreachableError):
                await client.get(ROOMS, namespace="a", name="b")

    began = [asyncio.create_task(ask_for_ever()) for _ in range(20)]
    await asyncio.sleep(1.5)
    for task in began:
        task.cancel()
    await asyncio.gather(*began, return_exceptions=True)
    # Those that were on their way when the first was refused, and then ten in each second.
    assert 20 < len(script.requests) <= 20 + 15 + 5
