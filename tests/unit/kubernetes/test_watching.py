"""The session that Kopf lists and watches with, against a server that answers what a real one would only at bad times."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from roomkeeper.adapters.kubernetes import watching
from roomkeeper.adapters.kubernetes.authentication import Authentication
from roomkeeper.adapters.kubernetes.watching import WatchSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ROOMS = "/apis/roomkeeper.dev/v1alpha1/rooms"
LIST = f"{ROOMS}?limit=500"
WATCH = f"{ROOMS}?watch=true&resourceVersion=7"
EVENT = b'{"type":"ADDED","object":{"metadata":{"name":"standup"}}}\n'
GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}


class Script:
    """Answers one request after the other as told."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[tuple[float, str, str]] = []  # when, what, and with which token

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "")
        self.asked.append((time.monotonic(), request.path_qs, token))
        status, body = self.answers.pop(0)
        return web.Response(status=status, body=body, content_type="application/json")


class Kopf:
    """What Kopf does with its session."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self._address = address
        self._session = session

    async def list(self, path: str = LIST) -> int:
        async with self._session.get(self._address + path) as answer:
            await answer.read()
            return answer.status

    async def watch(self) -> list[Any]:
        async with self._session.get(self._address + WATCH) as answer:
            answer.raise_for_status()
            read = b"".join([data async for data in answer.content.iter_chunked(1024)])
            return [json.loads(line) for line in read.splitlines()]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


@pytest.fixture
def relisted() -> list[str]:
    return []


@pytest.fixture
async def kopf(script: Script, token: Path, tmp_path: Path, relisted: list[str]) -> AsyncIterator[Kopf]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", script.handle)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    path = tmp_path / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": str(server.make_url("/"))}}],
        "users": [{"name": "c", "user": {"tokenFile": str(token)}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path.write_text(json.dumps(config))
    authentication = await Authentication.load(str(path))
    session = WatchSession(authentication, on_relist=relisted.append).open()
    yield Kopf(authentication.address, session)
    await session.close()
    await server.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing wait for its turn."""
    monkeypatch.setattr(watching, "LIST_SECONDS", 0.0)
    monkeypatch.setattr(watching, "WATCH_SECONDS", 0.0)


async def test_what_is_well_passes(kopf: Kopf, script: Script, relisted: list[str]) -> None:
    script.answers += [(200, b'{"items":[]}'), (200, EVENT * 2)]
    assert await kopf.list() == 200
    assert await kopf.watch() == [json.loads(EVENT)] * 2
    assert [(what, token) for _, what, token in script.asked] == [
        (LIST, "Bearer first"),
        (WATCH, "Bearer first"),
    ]
    assert relisted == []


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
async def test_a_watch_that_is_refused_ends_with_the_event_that_has_kopf_list_again(
    kopf: Kopf, script: Script, status: int
) -> None:
    script.answers.append((status, b'{"kind":"Status"}'))
    assert await kopf.watch() == [GONE]


@pytest.mark.parametrize("code", [410, 429, 500, 504])
async def test_a_watch_ends_at_an_error_event(kopf: Kopf, script: Script, code: int) -> None:
    error = {"type": "ERROR", "object": {"kind": "Status", "code": code}}
    line = json.dumps(error, separators=(",", ":")).encode() + b"\n"
    script.answers.append((200, EVENT + line + EVENT))
    assert await kopf.watch() == [json.loads(EVENT), GONE]


async def test_half_an_event_is_none(kopf: Kopf, script: Script) -> None:
    script.answers.append((200, EVENT + EVENT[:20]))
    assert await kopf.watch() == [json.loads(EVENT)]


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_what_kopf_tries_again_by_itself_passes(kopf: Kopf, script: Script, status: int) -> None:
    script.answers += [(status, b""), (status, b"")]
    assert await kopf.list() == status
    with pytest.raises(aiohttp.ClientResponseError, match=str(status)):
        await kopf.watch()


async def test_a_list_whose_pages_are_gone_begins_again(kopf: Kopf, script: Script) -> None:
    script.answers += [(200, b'{"items":[]}'), (410, b'{"kind":"Status"}')]
    await kopf.list()
    with pytest.raises(aiohttp.ClientPayloadError, match="410"):
        await kopf.list(f"{LIST}&continue=abc")


@pytest.mark.usefixtures("at_once")
async def test_it_is_told_that_objects_are_listed_which_were_watched(
    kopf: Kopf, script: Script, relisted: list[str]
) -> None:
    script.answers += [(200, b"{}"), (200, b"{}"), (200, EVENT), (500, b""), (200, b"{}"), (200, b"{}")]
    await kopf.list()
    await kopf.list(f"{LIST}&continue=abc")
    await kopf.watch()
    await kopf.list()
    assert relisted == []
    await kopf.list()
    await kopf.list(f"{LIST}&continue=abc")
    assert relisted == ["rooms"]


@pytest.mark.usefixtures("at_once")
async def test_a_watch_that_never_began_is_a_gap_too(kopf: Kopf, script: Script, relisted: list[str]) -> None:
    """Its session may be new: Kopf logged in anew, and goes on with the version that it had."""
    script.answers += [(410, b"{}"), (200, b"{}")]
    await kopf.watch()
    await kopf.list()
    assert relisted == ["rooms"]


async def test_watches_and_lists_of_the_same_objects_do_not_follow_each_other_at_once(
    kopf: Kopf, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LIST_SECONDS", 1.0)
    monkeypatch.setattr(watching, "WATCH_SECONDS", 0.2)
    other = LIST.replace("rooms", "recordings")
    script.answers += [(200, b"{}")] * 3 + [(410, b"{}")] * 3
    await kopf.list()
    await kopf.list(other)
    await kopf.list()
    times = [at for at, _, _ in script.asked]
    assert times[1] - times[0] < 0.9, "others wait"
    assert times[2] - times[0] >= 1.0
    began = time.monotonic()
    for _ in range(3):
        await kopf.watch()
    assert time.monotonic() - began >= 2 * 0.2


async def test_a_list_that_failed_is_no_reason_to_wait(kopf: Kopf, script: Script) -> None:
    script.answers += [(503, b""), (200, b"{}")]
    began = time.monotonic()
    await kopf.list()
    await kopf.list()
    assert time.monotonic() - began < 2


async def test_a_token_that_was_refused_is_read_again(kopf: Kopf, script: Script, token: Path) -> None:
    script.answers += [(401, b""), (200, EVENT)]
    token.write_text("second\n")
    assert await kopf.watch() == [json.loads(EVENT)]
    assert [sent for _, _, sent in script.asked] == ["Bearer first", "Bearer second"]


async def test_refused_credentials_are_no_reason_to_log_in_at_once_and_for_ever(
    kopf: Kopf, script: Script
) -> None:
    script.answers += [(401, b"")] * 2
    with pytest.raises(aiohttp.ClientConnectionError, match="401"):
        await kopf.watch()


async def test_a_watch_that_does_not_begin_is_given_up(
    kopf: Kopf, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BEGIN_SECONDS", 0.1)
    silence = asyncio.Event()

    async def wait(_: Any) -> Any:
        await silence.wait()

    monkeypatch.setattr(Authentication, "header", wait)
    with pytest.raises(TimeoutError):
        await kopf.watch()
