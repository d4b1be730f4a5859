"""What is asked before a request is sent, and when: by both clients, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from roomkeeper.adapters.fenced import fenced
from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.kubernetes.resources import LEASES, SECRETS
from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.adapters.ports import Effect, FencedError, LiveKitError
from roomkeeper.domain.livekit import Credentials, ParticipantUpdate, RoomConfig
from tests.unit.livekit.egress_requests import a_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from yarl import URL

READ, WRITE, START = Effect.READ, Effect.WRITE, Effect.START
CREDENTIALS = Credentials("devkey", "a-secret-of-at-least-thirty-two-characters")
SECRET = {"metadata": {"namespace": "a", "name": "b"}}
WHERE = {"namespace": "a", "name": "b"}

KUBERNETES: list[tuple[Effect, Callable[[KubernetesClient], Awaitable[object]]]] = [
    (READ, lambda client: client.get(SECRETS, **WHERE)),
    (READ, lambda client: anext(client.list(SECRETS), None)),
    (WRITE, lambda client: client.create(SECRETS, SECRET)),
    (WRITE, lambda client: client.apply(SECRETS, SECRET)),
    (WRITE, lambda client: client.patch(SECRETS, patch={}, **WHERE)),
    (WRITE, lambda client: client.replace(LEASES, SECRET)),
    (WRITE, lambda client: client.delete(SECRETS, uid="u", resource_version="1", **WHERE)),
]
LIVEKIT: list[tuple[Effect, Callable[[LiveKitClient], Awaitable[object]]]] = [
    (READ, lambda client: client.list_rooms()),
    (READ, lambda client: client.list_participants("r")),
    (READ, lambda client: client.list_dispatches("r")),
    (READ, lambda client: client.list_egress()),
    (READ, lambda client: client.creates_rooms_on_join()),
    (READ, lambda client: client.has_redis()),
    (WRITE, lambda client: client.create_room("r", RoomConfig(300, 20))),
    (WRITE, lambda client: client.update_room_metadata("r", "{}")),
    (WRITE, lambda client: client.delete_room("r")),
    (WRITE, lambda client: client.update_participant("r", "i", ParticipantUpdate())),
    (WRITE, lambda client: client.remove_participant("r", "i")),
    (WRITE, lambda client: client.create_dispatch("r", "a")),
    (WRITE, lambda client: client.delete_dispatch("r", "d")),
    (WRITE, lambda client: client.stop_egress("e")),
    (WRITE, lambda client: client.update_layout("e", "grid")),
    (WRITE, lambda client: client.update_stream("e", add=["rtmp://x/y"])),
    (START, lambda client: client.start_egress(a_request())),
]


class Server:
    """Counts what reaches it."""

    def __init__(self) -> None:
        self.url = ""
        self.reached: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def handle(self, request: web.Request) -> web.Response:
        self.reached.append(request.path)
        await self.answers.wait()
        return web.json_response({"items": [], "metadata": {}})


class Guard:
    """Remembers what it was asked; it refuses while it is shut."""

    def __init__(self) -> None:
        self.asked: list[Effect] = []
        self.is_shut = False
        self.shuts_after = 1000  # questions

    def admit(self, effect: Effect) -> None:
        self.asked.append(effect)
        if self.is_shut or len(self.asked) > self.shuts_after:
            raise FencedError("not sent")


@pytest.fixture
def guard() -> Guard:
    return Guard()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    here = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", here.handle)
    async with TestServer(application, host="127.0.0.1") as running:
        here.url = str(running.make_url("")).rstrip("/")
        yield here
        here.answers.set()


@pytest.fixture
async def kubernetes(server: Server, guard: Guard, tmp_path: Path) -> AsyncIterator[KubernetesClient]:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    client = await KubernetesClient.connect(str(tmp_path / "kubeconfig"), admit=guard.admit)
    yield client
    await client.aclose()


@pytest.fixture
async def livekit(server: Server, guard: Guard) -> AsyncIterator[LiveKitClient]:
    client = LiveKitClient(server.url, CREDENTIALS, admit=guard.admit)
    yield client
    await client.aclose()


@pytest.mark.parametrize("number", range(len(KUBERNETES)))
async def test_nothing_reaches_the_api_server_past_a_shut_fence(
    kubernetes: KubernetesClient, server: Server, guard: Guard, number: int
) -> None:
    effect, call = KUBERNETES[number]
    await call(kubernetes)
    assert len(server.reached) == 1
    guard.is_shut = True
    with pytest.raises(FencedError):
        await call(kubernetes)
    assert len(server.reached) == 1
    assert set(guard.asked) == {effect}


@pytest.mark.parametrize("number", range(len(LIVEKIT)))
async def test_nothing_reaches_livekit_past_a_shut_fence(
    livekit: LiveKitClient, server: Server, guard: Guard, number: int
) -> None:
    effect, call = LIVEKIT[number]
    with contextlib.suppress(LiveKitError):  # it is no LiveKit that answers
        await call(livekit)
    assert len(server.reached) == 1
    guard.is_shut = True
    with pytest.raises(FencedError):
        await call(livekit)
    assert len(server.reached) == 1
    assert set(guard.asked) == {effect}


def test_no_method_of_a_port_is_missing_here() -> None:
    def called(calls: list[tuple[Effect, Callable[..., Awaitable[object]]]]) -> set[str]:
        return {name for _, call in calls for name in call.__code__.co_names}

    def methods(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")} - {"connect", "aclose"}

    assert methods(KubernetesClient) <= called(KUBERNETES)
    assert methods(LiveKitClient) <= called(LIVEKIT)


async def test_what_waits_for_its_turn_is_asked_for_when_it_comes(
    kubernetes: KubernetesClient, server: Server, guard: Guard
) -> None:
    """More requests than connections: the last ones wait while the fence is shut."""
    server.answers.clear()
    sent = [asyncio.create_task(kubernetes.get(SECRETS, **WHERE)) for _ in range(40)]
    while len(server.reached) < 32:
        await asyncio.sleep(0.001)
    guard.is_shut = True
    server.answers.set()
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert sum(isinstance(one, FencedError) for one in results) == 8
    assert len(server.reached) == 32


async def test_a_connection_that_takes_time_is_asked_for_when_it_is_there(
    server: Server, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, connected = asyncio.Event(), asyncio.Event()
    create = aiohttp.TCPConnector._create_connection

    async def slowly(self: aiohttp.TCPConnector, *arguments: object) -> object:
        connecting.set()
        await connected.wait()
        return await create(self, *arguments)  # type: ignore[arg-type]

    def effect_of(_: str, __: URL) -> Effect:
        return WRITE

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", slowly)
    async with aiohttp.ClientSession(request_class=fenced(guard.admit, effect_of)) as session:
        sending = asyncio.create_task(session.post(f"{server.url}/x"))
        await connecting.wait()
        assert guard.asked == []
        guard.is_shut = True
        connected.set()
        with pytest.raises(FencedError):
            await sending
    assert server.reached == []


async def test_what_is_written_by_a_task_of_its_own_is_asked_for_when_that_runs(
    kubernetes: KubernetesClient, livekit: LiveKitClient, server: Server, guard: Guard
) -> None:
    """Between the two a loop that is busy does all else that waits, or the process is stopped."""
    guard.shuts_after = 1
    with pytest.raises(FencedError):
        await kubernetes.create(SECRETS, SECRET)
    guard.asked.clear()
    with pytest.raises(FencedError):
        await livekit.delete_room("r")
    assert server.reached == []
